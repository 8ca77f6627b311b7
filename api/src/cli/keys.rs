use super::{Context, seconds};
use crate::{
    auth::{
        key::{self, Key, Kind},
        token::LONGEST_S,
    },
    error::{Error, Exit, Result},
};
use chrono::{DateTime, SecondsFormat};
use clap::{Args, Subcommand};
use entities::clock::Clock;
use serde_json::json;

#[derive(Subcommand)]
pub enum Keys {
    /// All keys: which one signs, and until when the others verify
    List,
    /// Make a new signing key; tokens of the old one stay good for a while
    Rotate(Rotate),
    /// Take a key out of use now: its tokens are refused within seconds
    Retire(Retire),
}
#[derive(Args)]
pub struct Rotate {
    /// What the new key signs with
    #[arg(long, value_enum, default_value_t = Kind::EdDsa)]
    algorithm: Kind,
    /// How long the old key still verifies; tokens live a day at most
    #[arg(long, default_value = "1d", value_parser = seconds)]
    overlap: i64,
}
#[derive(Args)]
pub struct Retire {
    /// The id of the key, or how it begins
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// Also where nothing would be left to sign with
    #[arg(long)]
    force: bool,
}

impl Keys {
    pub fn run(self, context: &Context) -> Result<()> {
        let folder = context.settings(&[])?.config.auth.keys;
        let keys = key::Keys::load(&folder)?;
        match self {
            Keys::List => {
                let now = Clock::system().now().timestamp();
                let rows: Vec<_> = keys.all.iter().map(|k| row(k, &keys, now)).collect();
                context.print.rows(["id", "algorithm", "made", "use", "file"], &rows);
                if rows.is_empty() {
                    context.print.remark(format!("{} holds no key; `switchboard keys rotate` makes one", folder.display()));
                }
            }
            Keys::Rotate(rotate) => {
                let until = Clock::system().now().timestamp().saturating_add(rotate.overlap);
                let file = key::rotate(&folder, rotate.algorithm, until)?;
                let keys = key::Keys::load(&folder)?;
                let id = keys.all.iter().find(|k| k.file == file).map(|k| k.id.as_str()).unwrap_or_default();
                context.print.say(format!("{id} signs from now on. The old ones verify until {}.", shown(until)));
                context.print.object(&json!({"id": id, "file": file, "oldUntil": until}));
                if rotate.overlap < LONGEST_S {
                    context.print.remark("Tokens of the old key that live longer than that will be refused.");
                }
            }
            Keys::Retire(retire) => {
                let found: Vec<_> = keys.all.iter().filter(|k| k.id.starts_with(&retire.id)).collect();
                let id = match found.as_slice() {
                    [first, rest @ ..] if rest.iter().all(|k| k.id == first.id) => first.id.clone(),
                    [] => return Err(Error::said(Exit::Failed, format!("there is no key {}", retire.id)).hint("`switchboard keys list` shows all")),
                    _ => return Err(Error::said(Exit::Usage, format!("several keys begin with {}", retire.id)).hint("write more of the id")),
                };
                if !retire.force && keys.signing().is_some() && !keys.all.iter().any(|k| k.can_sign() && k.id != id) {
                    return Err(Error::said(Exit::Conflict, "this is the only key that signs").hint("`switchboard keys rotate` first, or --force"));
                }
                found.iter().try_for_each(|k| key::remove(&k.file))?;
                context.print.result(format!("{id} is retired: its tokens are refused within seconds."), &json!({"id": id}));
            }
        }
        Ok(())
    }
}
fn row(key: &Key, keys: &key::Keys, now: i64) -> [String; 5] {
    let signs = keys.signing().is_some_and(|k| k.file == key.file);
    let purpose = match key.until {
        None if signs => "signs and verifies".into(),
        None => "verifies".into(),
        Some(until) if now < until => format!("verifies until {}", shown(until)),
        Some(_) => "expired".into(),
    };
    let file = key.file.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    [key.id.clone(), key.public.name().into(), key.made.to_rfc3339_opts(SecondsFormat::Secs, true), purpose, file]
}
fn shown(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}
