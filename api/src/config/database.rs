//! Where the data is, and by how many connections.
use super::mask_url;
use schemars::JsonSchema;
use sea_orm::sqlx::postgres::PgConnectOptions;
use serde::{Deserialize, Serialize};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

/// Where the data is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Database")]
pub struct Database {
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/NAME`.
    #[schemars(title = "URL of the database", regex(pattern = r"^(sqlite|postgres|postgresql):"))]
    pub url: String,
    /// Connections to PostgreSQL for reading, and as many for writing; 0 is ten, or fewer where it is on this machine: two for
    /// each core that both share. (What reaches another machine through a tunnel looks like this one: set it there.)
    #[schemars(title = "Size of the pool", extend("x-unit" = "connections"))]
    pub pool: u32,
}
impl Default for Database {
    fn default() -> Self {
        Database { url: "sqlite://switchboard.db".into(), pool: 0 }
    }
}
impl Database {
    /// Connections for reading, on a machine with so many cores. More than keep the cores of the database busy make nothing
    /// faster there, and take the turns of the hub where they are the same cores.
    pub fn connections(&self, cores: usize) -> u32 {
        const MOST: u32 = 10;
        const MOST_OF_SQLITE: u32 = 4; // more gain nothing on one file
        const FOR_A_CORE: u32 = 2; // what is slow leaves one of them to the rest
        let shared = |most: u32| (FOR_A_CORE * cores as u32).clamp(FOR_A_CORE, most);
        match self.pool {
            _ if self.file().is_some() => shared(MOST_OF_SQLITE),
            0 if self.is_here() => shared(MOST),
            0 => MOST,
            pool => pool,
        }
    }
    /// Whether PostgreSQL is on this machine.
    fn is_here(&self) -> bool {
        let Some(Ok(options)) = self.url.starts_with("postgres").then(|| self.url.parse::<PgConnectOptions>()) else { return false };
        let host = options.get_host();
        options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
    /// The file of an SQLite database.
    pub fn file(&self) -> Option<PathBuf> {
        let path = self.url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path).split('?').next()?;
        Some(PathBuf::from(path.replace("%3F", "?").replace("%20", " ").replace("%25", "%")))
    }
    /// For people: without the password.
    pub fn shown(&self) -> String {
        mask_url(&self.url)
    }
}
/// The URL of an SQLite file.
pub fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}", path.display().to_string().replace('%', "%25").replace('?', "%3F"))
}
