//! Made once per test process: a temporary folder with a private PostgreSQL cluster and a migrated template of each
//! database. A small shell waits for the end of the process, however it comes, and takes everything down.
use entities::migrations::Migrator;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use std::{
    io::Write,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::sync::OnceCell;

pub struct Ground {
    root: PathBuf,
    /// Everything of a server's address around the name of the database.
    server: (String, String),
    /// Whose databases these are on a server that is not ours.
    prefix: String,
    made: AtomicUsize,
}

pub async fn get() -> &'static Ground {
    static GROUND: OnceCell<Ground> = OnceCell::const_new();
    GROUND.get_or_init(|| async { Ground::make().await.unwrap_or_else(|e| stop(&e)) }).await
}

/// SQLite alone: where the same tests run some hundred times.
pub fn alone() -> bool {
    std::env::var_os("SWITCHBOARD_ONE_DATABASE").is_some()
}

impl Ground {
    async fn make() -> Result<Self, String> {
        let root = tempfile::Builder::new().prefix("switchboard-test-").tempdir().map_err(|e| format!("cannot make a temporary folder: {e}"))?.keep();
        let prefix = format!("switchboard_test_{}", std::process::id());
        let given = std::env::var("SWITCHBOARD_TEST_POSTGRES").ok().filter(|s| !s.is_empty());
        watch(&root, given.as_deref().unwrap_or_default(), &prefix)?;
        let server = match given {
            Some(url) => split(&url)?,
            None if alone() => (String::new(), String::new()),
            None => start(&root)?,
        };
        let ground = Ground { root, server, prefix, made: AtomicUsize::new(0) };
        ground.templates().await.map_err(|e| format!("cannot make the first databases: {e}"))?;
        Ok(ground)
    }
    /// Migrates once; every test gets a copy.
    async fn templates(&self) -> Result<(), sea_orm::DbErr> {
        let file = format!("sqlite://{}?mode=rwc", self.root.join("template.sqlite").display());
        let template = self.name("template");
        let mut urls = vec![file];
        if !alone() {
            self.admin(&format!("create database {template}")).await?;
            urls.push(self.url(&template));
        }
        for url in urls {
            let db = Database::connect(&url).await?;
            Migrator::up(&db, None).await?;
            db.close().await?;
        }
        Ok(())
    }
    pub fn sqlite(&self) -> String {
        let file = self.root.join(format!("{}.sqlite", self.next()));
        std::fs::copy(self.root.join("template.sqlite"), &file).expect("copy the migrated file");
        format!("sqlite://{}", file.display())
    }
    pub async fn postgres(&self) -> String {
        let name = self.name(&self.next().to_string());
        let sql = format!("create database {name} template {}", self.name("template"));
        self.admin(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        self.url(&name)
    }
    pub fn folder(&self) -> PathBuf {
        let folder = self.root.join(format!("folder-{}", self.next()));
        std::fs::create_dir(&folder).expect("make a folder for a test");
        folder
    }
    fn next(&self) -> usize {
        self.made.fetch_add(1, Ordering::Relaxed)
    }
    fn name(&self, end: &str) -> String {
        format!("{}_{end}", self.prefix)
    }
    fn url(&self, database: &str) -> String {
        format!("{}{database}{}", self.server.0, self.server.1)
    }
    async fn admin(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        let db: DatabaseConnection = Database::connect(self.url("postgres")).await?;
        db.execute_unprepared(sql).await?;
        db.close().await
    }
}

/// Starts a cluster of our own, reached by a socket in the folder: no port to collide on.
fn start(root: &Path) -> Result<(String, String), String> {
    let bin = binaries().ok_or(
        "PostgreSQL is missing: install its server (Debian: apt-get install postgresql), or name a server by SWITCHBOARD_TEST_POSTGRES=postgres://…",
    )?;
    let owner = owner(root)?;
    let run = |program: &str, args: &[&str]| {
        let mut c = Command::new(bin.join(program));
        c.args(args).current_dir(root).env("LC_ALL", "C").stdin(Stdio::null());
        if let Some((uid, gid)) = owner {
            c.uid(uid).gid(gid);
        }
        // Files and not pipes: the server keeps them open.
        let log = root.join(format!("{program}.log"));
        let file = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let again = file.try_clone().map_err(|e| e.to_string())?;
        let status = c.stdout(file).stderr(again).status().map_err(|e| format!("cannot run {program}: {e}"))?;
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(format!("{program} failed: {}", said().trim())) }
    };
    run("initdb", &["-D", "pg", "-U", "switchboard", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])?;
    // Nothing here outlives the run, so nothing needs to reach the disk.
    let options = format!(
        "-k '{}' -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c max_connections=300",
        root.display()
    );
    run("pg_ctl", &["-D", "pg", "-w", "-t", "60", "-l", "server.log", "-o", &options, "start"])?;
    Ok(("postgres://switchboard@localhost/".into(), format!("?host={}", root.display())))
}

/// The folder of initdb and pg_ctl: beside pg_config's word, Debian's place (the newest), or on the path.
fn binaries() -> Option<PathBuf> {
    let told =
        Command::new("pg_config").arg("--bindir").output().ok().and_then(|o| String::from_utf8(o.stdout).ok()).map(|s| PathBuf::from(s.trim()));
    let mut debian: Vec<_> = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin")).collect();
    debian.sort_by_key(|p| p.iter().nth_back(1).and_then(|v| v.to_str()?.parse::<u32>().ok()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    told.into_iter()
        .chain(debian.into_iter().rev())
        .chain(std::env::split_paths(&path))
        .find(|p| p.join("initdb").exists() && p.join("pg_ctl").exists())
}

/// PostgreSQL refuses to run as root: who owns the folder and runs it then. None where we are an ordinary user.
fn owner(root: &Path) -> Result<Option<(u32, u32)>, String> {
    let ours = std::fs::metadata(root).map_err(|e| e.to_string())?.uid();
    if ours != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(|e| format!("/etc/passwd: {e}"))?;
    let ids = |name: &str| {
        let line = users.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let (uid, gid) =
        ids("postgres").or_else(|| ids("nobody")).ok_or("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody")?;
    chown(root, Some(uid), Some(gid)).map_err(|e| format!("cannot give {} away: {e}", root.display()))?;
    Ok(Some((uid, gid)))
}

/// Leaves a shell behind that reads from a pipe which closes when this process ends, killed or not; then it stops the
/// server, drops what we made on a server that is not ours, and removes the folder.
fn watch(root: &Path, server: &str, prefix: &str) -> Result<(), String> {
    const SCRIPT: &str = r#"trap '' INT TERM HUP
cat >/dev/null
if [ -s "$1/pg/postmaster.pid" ]; then kill -QUIT "$(head -n 1 "$1/pg/postmaster.pid")"; sleep 0.2; fi
if [ -n "$2" ]; then
  psql "$2" -Atqc "select 'drop database ' || datname || ' with (force);' from pg_database where datname like '$3\_%'" | psql "$2" -q
fi
case "$1" in */switchboard-test-*) rm -rf "$1" || { sleep 1; rm -rf "$1"; } ;; esac"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "sh"]).arg(root).args([server, prefix]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // Its own group: a Ctrl-C is for the tests.
    let child = shell.process_group(0).spawn().map_err(|e| format!("cannot start sh: {e}"))?;
    std::mem::forget(child); // with it the pipe, which the system closes
    Ok(())
}

/// `postgres://…/db?options` around its database.
fn split(url: &str) -> Result<(String, String), String> {
    let (head, options) = url.split_once('?').map_or((url, String::new()), |(h, o)| (h, format!("?{o}")));
    let start = head.find("://").ok_or("SWITCHBOARD_TEST_POSTGRES is not an address such as postgres://user@host/postgres")? + 3;
    let end = head[start..].find('/').map_or(head.len(), |i| start + i);
    Ok((format!("{}/", &head[..end]), options))
}

/// Past the capture of the test runner: said even when the test passes.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
fn stop(why: &str) -> ! {
    say(&format!("error: {why}"));
    std::process::exit(101)
}
