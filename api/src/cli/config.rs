use super::{Context, print};
use crate::error::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Config {
    /// Show all settings; secrets are masked
    Print {
        /// Say where each value came from
        #[arg(long)]
        origin: bool,
    },
}
impl Config {
    pub fn run(self, context: &Context) -> Result<()> {
        let Config::Print { origin } = self;
        let settings = context.settings(&[])?;
        let rows = settings.origins.iter();
        match origin {
            true => context.print.rows(["setting", "value", "origin"], &rows.map(|(k, v, o)| [k.clone(), v.clone(), o.clone()]).collect::<Vec<_>>()),
            false if context.print.json => {
                context.print.rows(["setting", "value"], &rows.map(|(k, v, _)| [k.clone(), v.clone()]).collect::<Vec<_>>())
            }
            false => rows.for_each(|(k, v, _)| print::out(&format!("{k} = {v}"))),
        }
        Ok(())
    }
}
