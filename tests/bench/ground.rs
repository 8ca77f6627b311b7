//! What a run stands on: a folder, a private PostgreSQL cluster, the hub's release binary, and databases that it made.
use crate::{
    Result,
    cpu::machine_mb,
    enterprise,
    process::{Group, Process},
};
use sea_orm::{ConnectionTrait, Database as Connections};
use serde_json::{Value, json};
use std::{
    net::{SocketAddr, TcpListener},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::{Duration, Instant},
};

/// A database that the hub runs on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum)]
pub enum Database {
    Postgres,
    Sqlite,
}
impl Database {
    pub fn name(self) -> &'static str {
        match self {
            Database::Postgres => "PostgreSQL",
            Database::Sqlite => "SQLite",
        }
    }
    fn short(self) -> &'static str {
        match self {
            Database::Postgres => "postgres",
            Database::Sqlite => "sqlite",
        }
    }
}

pub struct Ground {
    /// The cluster and every database; kept where the caller named it.
    pub folder: PathBuf,
    /// The program `switchboard`.
    pub binary: PathBuf,
    cluster: Option<Cluster>,
    // Dropped after the processes, before their group.
    _temporary: Option<tempfile::TempDir>,
    pub group: Group,
}
impl Ground {
    /// In a folder that is kept, or in a temporary one.
    pub fn new(kept: Option<&Path>, binary: PathBuf) -> Result<Self> {
        if !binary.exists() {
            return Err(format!("there is no {}: cargo build --release --package api", binary.display()).into());
        }
        let temporary = match kept {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("switchboard-bench-").tempdir()?),
        };
        let folder = kept.map_or_else(|| temporary.as_ref().map_or(PathBuf::new(), |t| t.path().into()), Path::to_path_buf);
        std::fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        let group = Group::new(&folder.join("logs"), temporary.as_ref().map(|t| t.path()))?;
        Ok(Ground { folder, binary, cluster: None, _temporary: temporary, group })
    }
    /// The cluster, started where it does not run yet.
    pub async fn cluster(&mut self) -> Result<&Cluster> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::start(&self.group, &self.folder).await?);
        }
        self.cluster.as_ref().ok_or_else(|| "no cluster".into())
    }
    /// The first process of the cluster, where there is one.
    pub fn postmaster(&self, database: Database) -> Option<u32> {
        self.cluster.as_ref().filter(|_| database == Database::Postgres).map(|c| c.process.id())
    }
    /// A database with so many invented customers and one large enterprise: as it was kept, or made now.
    pub async fn data(&mut self, database: Database, customers: u64) -> Result<Rc<Data>> {
        self.kept_or_made(database, customers, enterprise::NODES).await
    }
    /// The same without the enterprise, for what is to be as large as a demo.
    pub async fn plain_data(&mut self, database: Database, customers: u64) -> Result<Rc<Data>> {
        self.kept_or_made(database, customers, 0).await
    }
    /// A new database of this name without rows, whatever was there.
    pub async fn empty(&mut self, database: Database, name: &str) -> Result<Data> {
        let name = format!("{}_{name}", database.short());
        let folder = self.folder.join(&name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let url = match database {
            Database::Sqlite => format!("sqlite://{}", folder.join("switchboard.db").display()),
            Database::Postgres => {
                let cluster = self.cluster().await?;
                cluster.admin(&format!("drop database if exists {name}")).await?;
                cluster.admin(&format!("create database {name}")).await?;
                cluster.url(&name)
            }
        };
        let data = Data { database, customers: 0, nodes: 0, url, folder, documents: 0 };
        data.command(self, "init", &["init", &data.folder.display().to_string(), "--yes", "--database", &data.url])?;
        Ok(data)
    }
    async fn kept_or_made(&mut self, database: Database, customers: u64, nodes: u64) -> Result<Rc<Data>> {
        let name = format!("{}_{customers}{}", database.short(), if nodes == 0 { "_plain" } else { "" });
        let folder = self.folder.join(&name);
        let url = match database {
            Database::Sqlite => format!("sqlite://{}", folder.join("switchboard.db").display()),
            Database::Postgres => self.cluster().await?.url(&name),
        };
        let mut data = Data { database, customers, nodes, url, folder, documents: 0 };
        let file = data.folder.join("made.json");
        let recipe = json!({"customers": customers, "seed": SEED, "until": UNTIL, "enterprise": nodes});
        let made = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok()).filter(|made| made["recipe"] == recipe);
        data.documents = match made.and_then(|made| made["documents"].as_u64()) {
            Some(documents) => documents,
            None => {
                let documents = data.make(self, &name).await?;
                std::fs::write(&file, json!({"recipe": recipe, "documents": documents}).to_string())?;
                documents
            }
        };
        data.warm().await?;
        Ok(Rc::new(data))
    }
}
/// The same data on every machine and every day.
const SEED: u64 = 1;
const UNTIL: &str = "2026-06-30";

/// A database of the hub, with the folder of its settings, keys and index.
pub struct Data {
    pub database: Database,
    pub customers: u64,
    /// Of the enterprise; 0 without one.
    nodes: u64,
    pub url: String,
    pub folder: PathBuf,
    /// In the search index, when it was made.
    pub documents: u64,
}
impl Data {
    /// Returns how many documents the index has.
    async fn make(&self, ground: &mut Ground, name: &str) -> Result<u64> {
        let started = Instant::now();
        eprintln!("{}: making {} customers and an enterprise of {}", self.database.name(), self.customers, self.nodes);
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        if self.database == Database::Postgres {
            let cluster = ground.cluster().await?;
            cluster.admin(&format!("drop database if exists {name}")).await?;
            cluster.admin(&format!("create database {name}")).await?;
        }
        let folder = self.folder.display().to_string();
        self.command(ground, "init", &["init", &folder, "--yes", "--database", &self.url])?;
        self.command(ground, "kb import", &["kb", "import", &crate::root().join("api/demo/knowledge").display().to_string()])?;
        self.command(ground, "generate", &["generate", "--customers", &self.customers.to_string(), "--seed", &SEED.to_string(), "--until", UNTIL])?;
        if self.nodes > 0 {
            enterprise::found(&self.url).await?;
        }
        if self.database == Database::Postgres {
            run_alone(&self.url, "vacuum analyze").await?;
        }
        eprintln!("{}: building the search index", self.database.name());
        let indexed: Value = serde_json::from_str(&self.command(ground, "reindex", &["reindex"])?)?;
        eprintln!("{}: made in {:.0} s", self.database.name(), started.elapsed().as_secs_f64());
        indexed["documents"].as_u64().ok_or_else(|| "`reindex` tells no documents".into())
    }
    /// Reads its tables and indexes, so that nobody is measured who reads from the disk what the next one finds in memory.
    async fn warm(&self) -> Result<()> {
        const HAVE: &str = "create schema warm; create extension pg_prewarm schema warm";
        const READ: &str =
            "select sum(warm.pg_prewarm(oid::regclass)) from pg_class where relkind in ('r', 'i') and relnamespace = 'public'::regnamespace";
        const LEAVE: &str = "drop schema if exists warm cascade";
        if self.database == Database::Sqlite {
            // what was read only once is the first that the system lets go
            for _ in 0..2 {
                std::io::copy(&mut std::fs::File::open(self.folder.join("switchboard.db"))?, &mut std::io::sink())?;
            }
            return Ok(());
        }
        run_alone(&self.url, LEAVE).await?; // of a run that was stopped
        let read = match run_alone(&self.url, HAVE).await {
            Ok(()) => run_alone(&self.url, READ).await,
            Err(e) => Err(e),
        };
        if let Err(e) = read {
            eprintln!("PostgreSQL: what is asked for first comes from the disk: {e}");
        }
        run_alone(&self.url, LEAVE).await
    }
    /// A token by `token mint`, as the header that carries it: `["--audience", "agent"]`.
    pub fn token(&self, ground: &Ground, args: &[&str]) -> Result<Rc<str>> {
        const TTL: &str = "1d"; // the longest that a hub allows
        let args: Vec<&str> = ["token", "mint", "--ttl", TTL].into_iter().chain(args.iter().copied()).collect();
        let said: Value = serde_json::from_str(&self.command(ground, "token mint", &args)?)?;
        let token = said["token"].as_str().ok_or("`token mint` gave no token")?;
        Ok(format!("Bearer {token}").into())
    }
    /// Runs a command of the hub over this database. Returns what it says as JSON.
    pub fn command(&self, ground: &Ground, name: &str, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&ground.binary);
        command.args(args).arg("--json").current_dir(&ground.folder);
        if args[0] != "init" {
            // a kept cluster listens elsewhere in each run
            command.arg("--config").arg(&self.folder).args(["--set", &format!("database.url={}", self.url)]);
        }
        ground.group.run(name, &mut command)
    }
}
/// One statement on a connection of its own.
pub async fn run_alone(url: &str, sql: &str) -> Result<()> {
    let db = Connections::connect(url).await?;
    db.execute_unprepared(sql).await.map_err(|e| format!("{sql}: {e}"))?;
    Ok(db.close().await?)
}

/// An address of this machine that nobody listens at.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A private PostgreSQL cluster, reached by TCP on this machine as any client would.
pub struct Cluster {
    process: Process,
    address: SocketAddr,
    /// Whether statements can be counted.
    pub counts: bool,
}
/// A quarter of the machine's memory for its buffers, as PostgreSQL's manual advises; the rest suits a machine with a
/// solid-state disk. Commits reach the disk, as the default is. Tables are vacuumed when they are made and left alone while
/// we measure.
pub fn settings() -> Vec<(&'static str, String)> {
    let buffers_mb = machine_mb().map_or(2048, |mb| mb as u64 / 4);
    let all = [
        ("shared_buffers", &*format!("{buffers_mb}MB")),
        ("max_connections", "200"),
        ("max_wal_size", "16GB"), // a checkpoint in the middle would be somebody's bad luck
        ("checkpoint_timeout", "30min"),
        ("jit", "off"),
        ("random_page_cost", "1.1"),
        ("autovacuum", "off"),
    ];
    all.map(|(name, value)| (name, value.into())).into()
}

impl Cluster {
    async fn start(group: &Group, folder: &Path) -> Result<Self> {
        let bin = binaries()?;
        let (root, address) = (folder.join("postgres"), free_address()?);
        std::fs::create_dir_all(&root)?;
        let owner = owner(&root, folder)?;
        let command = |program: &str| {
            let mut c = Command::new(bin.join(program));
            c.current_dir(&root).env("LC_ALL", "C");
            if let Some((uid, gid)) = owner {
                c.uid(uid).gid(gid);
            }
            c
        };
        if !root.join("data/PG_VERSION").exists() {
            let args = ["-D", "data", "-U", "switchboard", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
            group.run("initdb", command("initdb").args(args))?;
        }
        let counts = counts_statements(&bin);
        let mut server = command("postgres");
        server.args(["-D", "data", "-p", &address.port().to_string(), "-k", &root.display().to_string(), "-c", "listen_addresses=127.0.0.1"]);
        for (name, value) in settings() {
            server.args(["-c", &format!("{name}={value}")]);
        }
        if counts {
            server.args(["-c", "shared_preload_libraries=pg_stat_statements"]);
        }
        let process = group.start("postgres", &mut server)?.ended_by("INT");
        let mut cluster = Cluster { process, address, counts };
        cluster.wait().await?;
        if counts {
            cluster.count(false).await?;
        }
        Ok(cluster)
    }
    async fn wait(&mut self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(120); // a cluster that was killed repairs itself first
        let started = Instant::now();
        loop {
            match Connections::connect(self.url("postgres")).await {
                Ok(db) => return Ok(db.close().await?),
                Err(e) if started.elapsed() > PATIENCE => return Err(self.process.failed(&format!("does not answer ({e})"))),
                Err(_) => self.process.check()?,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    /// The first of its processes.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
    pub fn url(&self, database: &str) -> String {
        format!("postgres://switchboard@{}/{database}", self.address)
    }
    /// Whether statements are counted from now on: as it costs a little, only while that is asked.
    pub async fn count(&self, on: bool) -> Result<()> {
        self.admin(&format!("alter system set pg_stat_statements.track = '{}'", if on { "top" } else { "none" })).await?;
        self.admin("select pg_reload_conf()").await?;
        tokio::time::sleep(Duration::from_millis(300)).await; // its processes learn of it in a moment
        Ok(())
    }
    pub async fn admin(&self, sql: &str) -> Result<()> {
        run_alone(&self.url("postgres"), sql).await
    }
}
/// The folder of PostgreSQL's server programs: where pg_config says, Debian's place (the newest), or on the path.
fn binaries() -> Result<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok().and_then(|o| String::from_utf8(o.stdout).ok());
    let mut debian: Vec<_> = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin")).collect();
    debian.sort_by_key(|p| p.iter().nth_back(1).and_then(|v| v.to_str()?.parse::<u32>().ok()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = told.map(|s| PathBuf::from(s.trim())).into_iter().chain(debian.into_iter().rev()).chain(std::env::split_paths(&path));
    all.into_iter().find(|p| p.join("initdb").exists()).ok_or_else(|| "PostgreSQL's server is missing: scripts/postgres installs it".into())
}
/// Whether the module that counts statements is there (Debian: with the server).
fn counts_statements(bin: &Path) -> bool {
    let told = Command::new(bin.join("pg_config")).arg("--pkglibdir").output().ok().and_then(|o| String::from_utf8(o.stdout).ok());
    let folder = told.map_or_else(|| bin.join("../lib"), |s| PathBuf::from(s.trim()));
    folder.join("pg_stat_statements.so").exists()
}
/// PostgreSQL refuses to run as root: who runs it then, given its folder. None where we are an ordinary user.
fn owner(root: &Path, parent: &Path) -> Result<Option<(u32, u32)>> {
    if std::fs::metadata(parent)?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let line = users.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let (uid, gid) =
        ids("postgres").or_else(|| ids("nobody")).ok_or("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody")?;
    chown(root, Some(uid), Some(gid))?;
    // others may pass through to what is theirs
    let mut mode = std::fs::metadata(parent)?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    std::fs::set_permissions(parent, mode)?;
    Ok(Some((uid, gid)))
}
