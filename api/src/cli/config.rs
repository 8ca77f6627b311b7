use super::{Context, print};
use crate::{config, error::Result};
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Config {
    /// Show all settings; secrets are masked
    Print {
        /// Say where each value came from
        #[arg(long)]
        origin: bool,
    },
    /// Print the JSON Schema of the settings file, so that an editor completes and checks it
    Schema,
}
impl Config {
    pub fn run(self, context: &Context) -> Result<()> {
        match self {
            Config::Print { origin } => show(context, origin),
            Config::Schema => {
                schema(context);
                Ok(())
            }
        }
    }
}
fn show(context: &Context, origin: bool) -> Result<()> {
    let settings = context.settings(&[])?;
    let rows = settings.origins.iter();
    match origin {
        true => context.print.rows(["setting", "value", "origin"], &rows.map(|(k, v, o)| [k.clone(), v.clone(), o.clone()]).collect::<Vec<_>>()),
        false if context.print.json => context.print.rows(["setting", "value"], &rows.map(|(k, v, _)| [k.clone(), v.clone()]).collect::<Vec<_>>()),
        false => rows.for_each(|(k, v, _)| print::out(&format!("{k} = {v}"))),
    }
    Ok(())
}
/// Needs no settings: a file that is wrong is mended with it.
fn schema(context: &Context) {
    let schema = config::schema();
    match context.print.json {
        true => context.print.object(&schema),
        false => print::out(&format!("{:#}", schema.as_value())),
    }
}
