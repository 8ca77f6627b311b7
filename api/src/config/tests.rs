use super::*;

fn load(file: &str, env: &[(&str, &str)], flags: &[(&str, &str, &str)]) -> Result<(tempfile::TempDir, Settings)> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), file).unwrap();
    let own = |s: &&str| s.to_string();
    let settings = Settings::load(Sources {
        file: Some(dir.path().into()),
        env: env.iter().map(|(k, v)| (own(k), own(v))).collect(),
        flags: flags.iter().map(|(f, k, v)| (own(f), own(k), own(v))).collect(),
    })?;
    Ok((dir, settings))
}
fn says(r: Result<(tempfile::TempDir, Settings)>) -> String {
    let e = r.map(|s| s.1).expect_err("must be refused");
    assert_eq!(e.exit(), Exit::Usage);
    format!("{e} | {}", e.advice().unwrap_or(""))
}
fn origin_of(s: &Settings, key: &str) -> (String, String) {
    let o = s.origins.iter().find(|o| o.0 == key).unwrap();
    (o.1.clone(), o.2.clone())
}

#[test]
fn flags_win_over_environment_over_file_over_defaults_and_each_says_so() {
    let file = "[server]\naddress = 'a:1'\npublic_url = 'http://file'\n[log]\nlevel = 'warn'";
    let env = [("SWITCHBOARD_SERVER__ADDRESS", "b:2"), ("SWITCHBOARD_LOG__LEVEL", "debug"), ("SWITCHBOARD_DATA", "not ours"), ("HOME", "/")];
    let (dir, s) = load(file, &env, &[("--address", "server.address", "c:3")]).unwrap();
    let own = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(s.config.server.address, "c:3");
    assert_eq!(origin_of(&s, "server.address"), own("c:3", "--address"));
    assert_eq!(origin_of(&s, "log.level"), own("debug", "SWITCHBOARD_LOG__LEVEL"));
    assert_eq!(origin_of(&s, "server.public_url"), own("http://file", &dir.path().join(FILE).display().to_string()));
    assert_eq!(origin_of(&s, "auth.issuer"), own("switchboard", "default"));
}
#[test]
fn paths_are_relative_to_the_settings_file() {
    let (dir, s) = load("[database]\nurl = 'sqlite://x%20y.db'", &[], &[]).unwrap();
    assert_eq!(s.config.database.file().unwrap(), dir.path().join("x y.db"));
    assert_eq!(s.config.auth.keys, dir.path().join("keys"));
}
#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    assert!(says(load("[server]\nadress = 'x'", &[], &[])).contains("unknown setting `server.adress`"));
    assert!(says(load("[server]\nadress = 'x'", &[], &[])).ends_with("did you mean `server.address`?"));
    assert!(says(load("[sever]\naddress = 'x'", &[], &[])).ends_with("did you mean `server.address`?"));
    assert!(says(load("[mail]", &[], &[])).contains("unknown setting `mail`"));
    assert!(says(load("", &[("SWITCHBOARD_SERVER__ADRESS", "x")], &[])).ends_with("did you mean SWITCHBOARD_SERVER__ADDRESS?"));
    assert!(says(load("", &[("SWITCHBOARD_DATABASE_URL", "x")], &[])).ends_with("did you mean SWITCHBOARD_DATABASE__URL?"));
    assert!(says(load("", &[], &[("--set", "log.levle", "x")])).ends_with("did you mean `log.level`?"));
}
#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_place() {
    assert!(says(load("[database]\npool = 'ten'", &[], &[])).contains("database.pool"));
    assert!(says(load("", &[("SWITCHBOARD_DATABASE__POOL", "ten")], &[])).contains("`ten` is not a whole number"));
    assert!(says(load("[database]\nurl = 'mysql://x'", &[], &[])).contains("sqlite:// or postgres://"));
    assert!(says(load("[server]\ncors_origins = ['*']", &[], &[])).contains("no origin"));
    assert!(says(load("[server", &[], &[])).contains("is not TOML"));
}
#[test]
fn a_secret_comes_from_a_file_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("url");
    std::fs::write(&secret, "postgres://hub:geheim@db/hub?sslmode=require&password=geheim\n").unwrap();
    let (_dir, s) = load("", &[("SWITCHBOARD_DATABASE__URL_FILE", secret.to_str().unwrap())], &[]).unwrap();
    assert_eq!(s.config.database.url, "postgres://hub:geheim@db/hub?sslmode=require&password=geheim");
    assert_eq!(
        origin_of(&s, "database.url"),
        ("postgres://hub:***@db/hub?sslmode=require&password=***".into(), "SWITCHBOARD_DATABASE__URL_FILE".into())
    );
}
#[test]
fn the_file_that_init_writes_is_the_defaults() {
    let (_dir, s) = load(&template(&Config::default()), &[], &[]).unwrap();
    let (_dir, d) = load("", &[], &[]).unwrap();
    let text =
        |c: &Config| serde_json::to_value(&c.server).unwrap().to_string() + &serde_json::to_value(&c.log).unwrap().to_string() + &c.auth.issuer;
    assert_eq!(text(&s.config), text(&d.config));
}
