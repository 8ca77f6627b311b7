//! `switchboard`: the commands, their common flags, and how they end. Each command is a file of its own.

mod ask;
mod completions;
mod config;
mod demo;
mod doctor;
mod export;
mod generate;
mod import;
mod init;
mod kb;
mod keys;
/// Customers and partners by whatever people call them.
mod lookup;
mod migrate;
/// How results and errors are shown.
pub mod print;
mod reindex;
mod schema;
mod serve;
mod token;

use crate::{
    config::{ENV, Settings, Sources},
    error::{Exit, Result},
    telemetry,
};
use clap::{Args, Parser, Subcommand};
use print::Print;
use std::{path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(
    name = "switchboard",
    version,
    about = "One graph over a provider's CRM, billing and tickets, with a bot that answers from it",
    arg_required_else_help = true,
    propagate_version = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
pub struct Global {
    /// Settings file, or the folder that holds switchboard.toml
    #[arg(long, global = true, env = "SWITCHBOARD_CONFIG", value_name = "PATH")]
    config: Option<PathBuf>,
    /// Any setting: --set server.address=0.0.0.0:80
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Results as JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
}
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.trim().into(), value.into()))
}

#[derive(Subcommand)]
enum Command {
    /// Run the hub
    Serve(serve::Serve),
    /// Make a folder with settings, a signing key and a database
    Init(init::Init),
    /// Try it: an invented provider in a temporary folder
    Demo(demo::Demo),
    /// Check settings, database, keys, index and port
    Doctor(doctor::Doctor),
    /// Bring the database up to date
    Migrate(migrate::Migrate),
    /// Load what CRM, billing and ticket systems export, or an export of a hub
    Import(import::Import),
    /// Write all rows as lines of JSON
    Export(export::Export),
    /// Build the search index anew
    Reindex(reindex::Reindex),
    /// Fill an empty database with an invented provider
    #[command(after_help = "On PostgreSQL it is all or nothing: until it is over, a hub on the same database answers hardly anything.")]
    Generate(generate::Generate),
    /// The knowledge base that the bot answers from
    #[command(subcommand)]
    Kb(kb::Kb),
    /// Ask the bot
    Ask(ask::Ask),
    /// Access tokens
    #[command(subcommand)]
    Token(token::Token),
    /// The keys that sign and verify access tokens
    #[command(subcommand)]
    Keys(keys::Keys),
    /// The schema of the graph
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Settings and where they came from
    #[command(subcommand)]
    Config(config::Config),
    /// Completions for a shell
    Completions(completions::Completions),
}

/// What every command gets.
pub struct Context {
    global: Global,
    pub print: Print,
}
impl Context {
    /// The settings, with the command's own flags as (flag, setting, value).
    pub fn settings(&self, flags: &[(&str, &str, Option<String>)]) -> Result<Settings> {
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        let set = self.global.set.iter().map(|(key, value)| ("--set".to_string(), key.clone(), value.clone()));
        let flags = flags.iter().filter_map(|(flag, key, value)| Some((flag.to_string(), key.to_string(), value.clone()?)));
        let own = format!("{ENV}CONFIG");
        Settings::load(Sources { file: self.global.config.clone(), env: env.filter(|(k, _)| *k != own).collect(), flags: set.chain(flags).collect() })
    }
    /// The settings, with the log started.
    pub fn start(&self, flags: &[(&str, &str, Option<String>)]) -> Result<Settings> {
        let settings = self.settings(flags)?;
        telemetry::start(&settings.config.log);
        Ok(settings)
    }
    /// For commands that say what they do themselves: only warnings are logged.
    pub fn start_quiet(&self) -> Result<Settings> {
        let mut settings = self.settings(&[])?;
        if settings.config.log.level == "info" {
            settings.config.log.level = "warn".into();
        }
        telemetry::start(&settings.config.log);
        Ok(settings)
    }
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context { print: Print::new(cli.global.json), global: cli.global };
    // What SQLite's threads have found comes from outside of the runtime's own threads, and is looked for before each task
    // instead of now and then: otherwise an operation that holds its place waits behind thousands of requests to refuse.
    let runtime = match tokio::runtime::Builder::new_multi_thread().global_queue_interval(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("error: cannot start: {e}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&context, cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            context.print.error(&e);
            ExitCode::from(e.exit() as u8)
        }
    }
}

async fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Serve(c) => c.run(context).await,
        Command::Init(c) => c.run(context).await,
        Command::Demo(c) => c.run(context).await,
        Command::Kb(c) => c.run(context).await,
        Command::Ask(c) => c.run(context).await,
        Command::Doctor(c) => c.run(context).await,
        Command::Migrate(c) => c.run(context).await,
        Command::Import(c) => c.run(context).await,
        Command::Export(c) => c.run(context).await,
        Command::Reindex(c) => c.run(context).await,
        Command::Generate(c) => c.run(context).await,
        Command::Token(c) => c.run(context).await,
        Command::Keys(c) => c.run(context),
        Command::Schema(c) => c.run(context),
        Command::Config(c) => c.run(context),
        Command::Completions(c) => c.run(),
    }
}

/// `15m`, `1h`, `90s`, `1d` in seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return Err("write it as 90s, 15m, 1h or 1d".into()),
    };
    number.parse::<i64>().ok().and_then(|n| n.checked_mul(unit)).filter(|s| *s > 0).ok_or_else(|| "write it as 90s, 15m, 1h or 1d".into())
}

/// A usage error with its hint.
fn usage(message: impl Into<String>, hint: impl Into<String>) -> crate::Error {
    crate::Error::said(Exit::Usage, message).hint(hint)
}
