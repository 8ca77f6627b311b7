use super::{Context, print};
use crate::{error::Result, graphql};
use clap::{Subcommand, ValueEnum};
use entities::Audience;
use serde_json::json;

#[derive(Subcommand)]
pub enum Schema {
    /// Print the schema as an audience sees it
    Print {
        #[arg(long, value_enum, default_value = "agent")]
        audience: View,
    },
}
#[derive(Clone, Copy, ValueEnum)]
pub enum View {
    Agent,
    Partner,
    Customer,
    Public,
}
impl Schema {
    pub fn run(self, context: &Context) -> Result<()> {
        let Schema::Print { audience } = self;
        let audience = match audience {
            View::Agent => Audience::Agent,
            View::Partner => Audience::Partner,
            View::Customer => Audience::Customer,
            View::Public => Audience::Public,
        };
        let sdl = graphql::sdl(audience);
        match context.print.json {
            true => context.print.object(&json!({"audience": audience.name(), "sdl": sdl})),
            false => print::out(sdl.trim_end()),
        }
        Ok(())
    }
}
