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
fn a_budget_and_a_limit_to_trusted_documents_make_sense_or_are_refused() {
    assert!(says(load("[budget]\npublic_points = 19999", &[], &[])).contains("at least 20000"), "below the price of one document");
    assert!(says(load("[documents]\ntrusted_only = ['public']", &[], &[])).contains("needs `documents.manifest`"));
    let (dir, s) = load("[documents]\nmanifest = 'app/m.json'", &[("SWITCHBOARD_DOCUMENTS__TRUSTED_ONLY", "customer, public")], &[]).unwrap();
    assert_eq!((s.config.documents.manifest, s.config.documents.trusted_only.len()), (dir.path().join("app/m.json"), 2));
}
#[test]
fn paths_are_relative_to_the_settings_file() {
    let (dir, s) = load("[database]\nurl = 'sqlite://x%20y.db'", &[], &[]).unwrap();
    assert_eq!(s.config.database.file().unwrap(), dir.path().join("x y.db"));
    assert_eq!(s.config.auth.keys, dir.path().join("keys"));
}
#[test]
fn a_database_on_this_machine_has_connections_for_the_cores_that_it_shares() {
    let of = |url: &str, pool: u32, cores: usize| Database { url: url.into(), pool }.connections(cores);
    for here in ["postgres://u@127.0.0.1/x", "postgres://u@localhost:5433/x", "postgres://u@[::1]/x", "postgres:///x?host=/run/postgresql"] {
        assert_eq!([1, 2, 3, 64].map(|cores| of(here, 0, cores)), [2, 4, 6, 10], "{here}");
    }
    for elsewhere in ["postgres://u:p@10.0.0.7/x", "postgres://db.example/x", "postgres://u@localhost.example/x"] {
        assert_eq!([1, 64].map(|cores| of(elsewhere, 0, cores)), [10, 10], "{elsewhere}");
    }
    assert_eq!([1, 2, 64].map(|cores| of("sqlite://x.db", 0, cores)), [2, 4, 4]);
    assert_eq!(["postgres://u@127.0.0.1/x", "sqlite://x.db"].map(|url| of(url, 25, 1)), [25, 2], "as it is set, for PostgreSQL");
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

/// The first thing about `value` that the schema refuses. Knows the keywords that the schema uses and no others.
fn refused(schema: &serde_json::Value, value: &serde_json::Value, at: &str) -> Option<String> {
    let no = |why: String| Some(format!("{at}: {why}"));
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let fits = match keyword.as_str() {
            "title" | "description" | "default" | "format" | "x-unit" | "$schema" => true,
            "type" => {
                let is = |ty: &serde_json::Value| match ty.as_str().expect("a type") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "null" => value.is_null(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("{at}: type {other}"),
                };
                wanted.as_array().map_or_else(|| is(wanted), |types| types.iter().any(is))
            }
            "enum" => wanted.as_array().expect("values").contains(value),
            "minimum" => value.as_f64().is_none_or(|v| v >= wanted.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|v| v <= wanted.as_f64().expect("a number")),
            "minLength" => value.as_str().is_none_or(|v| v.chars().count() as u64 >= wanted.as_u64().expect("a number")),
            "pattern" => value.as_str().is_none_or(|v| regex::Regex::new(wanted.as_str().expect("a pattern")).unwrap().is_match(v)),
            "required" => wanted.as_array().expect("names").iter().all(|n| value.get(n.as_str().expect("a name")).is_some()),
            "anyOf" => wanted.as_array().expect("schemas").iter().any(|w| refused(w, value, at).is_none()),
            "additionalProperties" if wanted.is_object() => value.as_object().is_none_or(|v| v.values().all(|v| refused(wanted, v, at).is_none())),
            "additionalProperties" => {
                assert_eq!(*wanted, serde_json::Value::Bool(false), "{at} is open");
                value.as_object().is_none_or(|v| v.keys().all(|k| schema["properties"].get(k).is_some()))
            }
            "properties" => {
                let of = |(name, inner)| refused(inner, value.get(name)?, &format!("{at}.{name}"));
                if let Some(why) = wanted.as_object().expect("properties").iter().find_map(of) {
                    return Some(why);
                }
                true
            }
            "items" => {
                if let Some(why) = value.as_array().into_iter().flatten().find_map(|v| refused(wanted, v, at)) {
                    return Some(why);
                }
                true
            }
            other => panic!("{at}: this test does not know the keyword {other}"),
        };
        if !fits {
            return no(format!("{value} is not {keyword} {wanted}"));
        }
    }
    None
}
fn refused_file(text: &str) -> Option<String> {
    let file: toml::Table = text.parse().unwrap();
    refused(schema().as_value(), &serde_json::to_value(file).unwrap(), "")
}
#[test]
fn the_schema_takes_the_file_that_init_writes() {
    assert_eq!(refused_file(&template(&Config::default())), None);
    // with the lines that are there as examples
    let all = template(&Config::default()).replace("# public_url", "public_url").replace("# cors_origins", "cors_origins");
    let all = ["[[auth", "issuer =", "claims =", "classes =", "clients ="].iter().fold(all, |all, line| all.replace(&format!("# {line}"), line));
    assert!(all.contains("\ncors_origins"), "{all}");
    assert_eq!(refused_file(&all), None);
    assert_eq!(load(&all, &[], &[]).unwrap().1.config.auth.providers.len(), 1);
}
#[test]
fn providers_come_from_the_environment_as_json() {
    let provider = |text: &str| load("", &[("SWITCHBOARD_AUTH__PROVIDERS", text)], &[]);
    let (_dir, s) =
        provider(r#"[{"issuer": "https://a", "clients": [{"client_id": "x", "class": "agent", "scope": "kb:read ticket:read"}]}]"#).unwrap();
    assert_eq!(s.config.auth.providers[0].clients[0].scope, "kb:read ticket:read");
    assert!(says(provider("https://a")).contains("no list of providers"));
    assert!(says(provider(r#"[{"issuer": "http://login.example"}]"#)).contains("no https:// address"));
    assert!(says(provider(r#"[{"issuer": "https://a"}, {"issuer": "https://a"}]"#)).contains("twice"));
    assert!(says(provider(r#"[{"issuer": "switchboard"}]"#)).contains("no https://"));
    assert!(says(load("[server]\ntrusted_proxies = ['proxy']", &[], &[])).contains("no address or network"));
}
#[test]
fn schema_and_loader_refuse_the_same() {
    let wrong = [
        "[mail]",
        "server = 1",
        "[server]\nadress = 'x'",
        "[server]\naddress = 1",
        "[server]\ncors_origins = ['*']",
        "[server]\ncors_origins = ['https://a/b']",
        "[server]\ncors_origins = 'https://a'",
        "[database]\npool = 'ten'",
        "[limits]\nwait_ms = 0",
        "[limits]\nwait_ms = 10001",
        "[server]\nleave_ms = 300001",
        "[database]\npool = -1",
        "[database]\nurl = 'mysql://x'",
        "[auth]\nissuer = ''",
        "[limits]\ndeadline_ms = 1.5",
        "[limits]\nstreams = 0",
        "[limits]\noperations = -1",
        "[limits]\nwait_ms = 0",
        "[limits]\nwait_ms = 10001",
        "[server]\nleave_ms = 300001",
        "[log]\nformat = 'xml'",
        "[budget]\nagent_points = -1",
        "[budget]\npublic_restored = 0",
        "[documents]\nmanifest = 'm.json'\ntrusted_only = ['everybody']",
        "[[auth.providers]]\naudience = 'x'",
        "[[auth.providers]]\nissuer = 'login.example'",
        "[[auth.providers]]\nissuer = 'https://a'\nclass = 'agent'",
        "[[auth.providers]]\nissuer = 'https://a'\nclients = [{ class = 'agent' }]",
        "[[auth.providers]]\nissuer = 'https://a'\nclients = [{ client_id = 'x', class = 'boss' }]",
        "[[auth.providers]]\nissuer = 'https://a'\nclasses = { staff = 'boss' }",
        "[[auth.providers]]\nissuer = 'https://a'\nclaims = { customers_by = 'name' }",
    ];
    for file in wrong {
        assert!(refused_file(file).is_some(), "the schema takes {file}");
        assert!(load(file, &[], &[]).is_err(), "the loader takes {file}");
    }
    let right = [
        "[server]\ncors_origins = ['https://a.example:8443', 'http://[::1]']",
        "[database]\nurl = 'postgresql://x/y'",
        "[limits]\nsocket_operations = 0",
        "[limits]\noperations = 1",
        "[server]\nleave_ms = 0",
        "[log]\nformat = 'json'",
        "[budget]\npublic_points = 0",
        "[documents]\nmanifest = 'm.json'\ntrusted_only = ['customer', 'public']",
        "[[auth.providers]]\nissuer = 'https://a'",
        "[[auth.providers]]\nissuer = 'http://127.0.0.1:4010'\naudience = 'urn:hub'\nclaims = { class = 'realm_access.roles', customers_by = 'source:crm' }\nclasses = { staff = 'agent' }\nclients = [{ client_id = 'x', class = 'partner', partner = 'acme', scope = 'kb:read' }]",
    ];
    for file in right {
        assert_eq!(refused_file(file), None, "{file}");
        assert!(load(file, &[], &[]).is_ok(), "the loader refuses {file}");
    }
}
#[test]
fn every_setting_is_in_the_schema_with_title_description_type_and_default_and_the_reverse() {
    let schema = schema();
    let (_dir, settings) = load("", &[], &[]).unwrap();
    let mut described = vec![];
    for (section, keys) in schema.as_value()["properties"].as_object().unwrap() {
        assert!(keys["title"].is_string() && keys["description"].is_string(), "{section}");
        for (name, key) in keys["properties"].as_object().unwrap() {
            let key_name = format!("{section}.{name}");
            assert!(key["title"].is_string() && key["description"].is_string() && key["type"].is_string(), "{key_name}: {key}");
            assert_eq!(key["x-unit"].is_string(), key["type"] == "integer", "{key_name}: a number has a unit");
            let default = &known().into_iter().find(|k| k.0 == key_name).expect("the schema has settings that are none").1;
            assert_eq!(&key["default"], default, "{key_name}");
            described.push(key_name);
        }
    }
    assert_eq!(described, settings.origins.iter().map(|o| o.0.clone()).collect::<Vec<_>>());
}
