use super::{Context, print};
use crate::{
    app,
    auth::key::{self, Kind},
    config::{Config, FILE, Settings, template},
    error::{Error, Exit, Result},
    telemetry,
};
use clap::Args;
use serde_json::json;
use std::{io::IsTerminal, path::PathBuf};

#[derive(Args)]
pub struct Init {
    /// The folder; made where it is missing
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the data goes: sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Where the hub shall listen
    #[arg(long)]
    address: Option<String>,
    /// Ask nothing: what is not given here has its default. Without a terminal nothing is asked either
    #[arg(long, short)]
    yes: bool,
}
impl Init {
    pub async fn run(self, context: &Context) -> Result<()> {
        let file = self.folder.join(FILE);
        if file.exists() {
            return Err(Error::said(Exit::Conflict, format!("{} is there already", file.display())).hint("choose another folder, or edit that file"));
        }
        let mut config = Config::default();
        config.log.level = "warn".into();
        telemetry::start(&config.log);
        config.log.level = "info".into();
        let asks = !self.yes && !context.print.json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        config.database.url = answer(self.database, "Where the data goes", config.database.url, asks)?;
        config.server.address = answer(self.address, "Where to listen", config.server.address, asks)?;
        std::fs::create_dir_all(&self.folder).map_err(Error::file("make", &self.folder))?;
        let text = template(&config);
        config.place_in(&self.folder);
        let settings = Settings { config, ..Default::default() };

        // what can fail comes first: a folder without settings can be tried again
        app::open(&settings, true).await?;
        if key::files(&settings.config.auth.keys)?.is_empty() {
            key::generate(&settings.config.auth.keys, Kind::EdDsa)?;
        }
        write_private(&file, &text)?;

        let (print, database, keys) = (&context.print, settings.config.database.shown(), settings.config.auth.keys);
        print.say(format!("Settings   {}\nDatabase   {database}\nKeys       {} (keep them secret)\n", file.display(), keys.display()));
        let at = if self.folder.as_os_str() == "." { String::new() } else { format!(" --config {}", self.folder.display()) };
        print.say(format!("Next:\n  switchboard import FILE{at}\n  switchboard kb import FOLDER{at}\n  switchboard serve{at}"));
        print.object(&json!({"settings": file, "database": database, "keys": keys}));
        Ok(())
    }
}
/// What was given, or what the person says, or the default.
fn answer(given: Option<String>, question: &str, default: String, asks: bool) -> Result<String> {
    if given.is_some() || !asks {
        return Ok(given.unwrap_or(default));
    }
    print::prompt(&format!("{question} [{default}]: "));
    let mut said = String::new();
    std::io::stdin().read_line(&mut said).map_err(|source| Error::Io { what: "cannot read the answer".into(), source })?;
    Ok(Some(said.trim().to_string()).filter(|s| !s.is_empty()).unwrap_or(default))
}
/// The file may come to hold a password of the database.
fn write_private(file: &std::path::Path, text: &str) -> Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).and_then(|mut f| f.write_all(text.as_bytes())).map_err(Error::file("write", file))
}
