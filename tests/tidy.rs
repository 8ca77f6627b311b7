//! Rules about the code and the tables, as tests: what a reviewer would otherwise have to see.
use crate::harness;
use entities::{KINDS, migrations};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, Iterable, Statement};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// From left to right; a crate uses only what stands to its right.
const CHAIN: &[&str] = &["tests", "api", "schema", "bot", "search-index", "entities"];

/// Programs of their own under `tests`.
const BESIDE: [&str; 2] = ["tests/bench", "tests/pieces"];

/// Columns that end in `_id` and point to no one table.
const NO_FOREIGN_KEY: &[(&str, &str)] = &[
    ("external_id", "the source's own id"),
    ("entity_id", "the row of any table, named by entity_type"),
    ("client_id", "a caller's subject, not a row"),
    ("request_id", "a request, not a row"),
    ("rfc_message_id", "the Message-ID of a mail"),
    ("import_batch_id", "the row outlives the batch"),
    ("changes.customer_id", "the log outlives the row"),
    ("changes.partner_id", "the log outlives the row"),
    ("state_changes.customer_id", "the log outlives the row"),
    ("state_changes.partner_id", "the log outlives the row"),
    ("audit_events.customer_id", "the log outlives the row"),
];

/// All source files below a folder, as paths from the project's root.
fn files(below: &str, wanted: impl Fn(&Path) -> bool + Copy) -> Vec<PathBuf> {
    const SKIPPED: &[&str] = &["target", "node_modules", "dist", ".git"];
    let mut found = vec![];
    for entry in std::fs::read_dir(harness::root().join(below)).expect("read a folder").flatten() {
        let (path, name) = (PathBuf::from(below).join(entry.file_name()), entry.file_name());
        if SKIPPED.iter().any(|s| name.to_str() == Some(s)) {
            continue; // `.git` of a worktree is a file
        }
        if entry.path().is_dir() {
            found.extend(files(&path.to_string_lossy(), wanted));
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}
fn rust(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs")
}
fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(harness::root().join(path.as_ref())).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

#[test]
fn every_file_is_part_of_its_crate() {
    let mut forgotten = vec![];
    let homes = CHAIN.iter().map(|krate| if *krate == "tests" { "tests".into() } else { format!("{krate}/src") });
    for home in homes.chain(BESIDE.map(String::from)) {
        let roots: &[&str] = if home.starts_with("tests") { &["main"] } else { &["lib", "main"] };
        for file in files(&home, rust).into_iter().filter(|f| BESIDE.contains(&&*home) || !BESIDE.iter().any(|b| f.starts_with(b))) {
            let stem = file.file_stem().unwrap().to_string_lossy().to_string();
            let folder = file.parent().unwrap();
            if folder == Path::new(&home) && roots.contains(&stem.as_str()) {
                continue;
            }
            // `a/b.rs` is declared in `a.rs`; what stands at the top, in a root.
            let parents = if folder == Path::new(&home) { roots.iter().map(|r| folder.join(r)).collect() } else { vec![folder.to_path_buf()] };
            let declared = parents.iter().map(|p| p.with_extension("rs")).filter(|p| harness::root().join(p).exists()).any(|p| {
                let text = read(p);
                text.lines().any(|l| l.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ") == format!("mod {stem};"))
            });
            if !declared {
                forgotten.push(file);
            }
        }
    }
    assert!(forgotten.is_empty(), "no `mod` line leads to {forgotten:?}");
}

#[test]
fn arrows_between_crates_point_to_the_right() {
    for (place, krate) in CHAIN.iter().enumerate() {
        let manifest = read(format!("{krate}/Cargo.toml"));
        let used = manifest.lines().filter_map(|l| l.split(['.', ' ', '=']).next()).filter_map(|name| CHAIN.iter().position(|c| *c == name));
        for other in used {
            assert!(other > place, "{krate} must not use {}", CHAIN[other]);
        }
    }
}

#[test]
fn no_machine_and_nothing_unfinished_is_in_the_code() {
    // Written apart, so that this file does not find itself.
    let machine = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    let unfinished = [["TO", "DO"], ["FIX", "ME"], ["db", "g!("], ["unimpl", "emented!("], ["to", "do!("]].map(|parts| parts.concat());
    let code = |p: &Path| {
        p.extension().and_then(|e| e.to_str()).is_some_and(|e| ["rs", "toml", "sql", "sh", "js", "jsx", "yml"].contains(&e))
            || p.extension().is_none()
    };
    let mut found = vec![];
    for file in files("", code).into_iter().filter(|f| !f.starts_with("web") && !f.starts_with("LICENSE-APACHE") && f != Path::new("Cargo.lock")) {
        let Ok(text) = std::fs::read_to_string(harness::root().join(&file)) else { continue };
        for (no, line) in text.lines().enumerate() {
            if machine.iter().any(|w| line.contains(w)) || unfinished.iter().any(|w| line.contains(w.as_str())) {
                found.push(format!("{}:{}: {}", file.display(), no + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn public_ids_start_with_three_letters_of_their_own() {
    let prefixes: BTreeSet<_> = KINDS.iter().map(|k| k.prefix).collect();
    let names: BTreeSet<_> = KINDS.iter().map(|k| k.name).collect();
    assert_eq!((prefixes.len(), names.len()), (KINDS.len(), KINDS.len()), "each kind has its own prefix and name");
    assert!(prefixes.iter().all(|p| p.len() == 3 && p.bytes().all(|b| b.is_ascii_lowercase())), "{prefixes:?}");
}

/// What a column is, in words that entities and databases share.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Col {
    name: String,
    nullable: bool,
}
type Tables = BTreeMap<String, BTreeSet<Col>>;

/// The tables as the entities declare them.
fn declared() -> Tables {
    fn of<E: EntityTrait>() -> (String, BTreeSet<Col>) {
        let columns = E::Column::iter().map(|c| Col { name: sea_orm::Iden::to_string(&c), nullable: c.def().is_null() });
        (E::default().table_name().to_string(), columns.collect())
    }
    macro_rules! all {
        ($($domain:ident { $($entity:ident)* })*) => { BTreeMap::from([$($(of::<entities::$domain::$entity::Entity>(),)*)*]) };
    }
    all! {
        billing { bill bill_line billing_account }
        care { ticket ticket_note }
        catalogue { offering_price product product_category product_offering }
        conversation { bot_answer bot_citation conversation message }
        exchange { external_ref idempotency_key import_batch import_mapping import_row_error source_system task }
        knowledge { answer_template article article_version category feedback search_query }
        outbox { change }
        party { contact_medium customer customer_closure customer_contact identity partner partner_customer partner_token party region team }
        privacy { audit_event consent erased_source privacy_request state_change }
    }
}

/// The tables as the database has them. One row that is no entity: the head of the change log.
async fn existing(store: &entities::Store) -> Tables {
    let sql = match store.backend() {
        DbBackend::Sqlite => {
            "select m.name, c.name, c.\"notnull\" = 0 and c.pk = 0 from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'"
        }
        _ => "select table_name::text, column_name::text, is_nullable = 'YES' from information_schema.columns where table_schema = 'public'",
    };
    let mut tables = Tables::new();
    for row in store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.expect("ask for the columns") {
        let table: String = row.try_get_by_index(0).unwrap();
        if !["change_head", "seaql_migrations", "sqlite_sequence"].contains(&table.as_str()) {
            let nullable = row.try_get_by_index::<bool>(2).unwrap();
            tables.entry(table).or_default().insert(Col { name: row.try_get_by_index(1).unwrap(), nullable });
        }
    }
    tables
}

#[tokio::test]
async fn entities_and_tables_have_the_same_columns() {
    for store in harness::stores().await {
        let (declared, existing) = (declared(), existing(&store).await);
        assert_eq!(declared.keys().collect::<Vec<_>>(), existing.keys().collect::<Vec<_>>(), "tables on {:?}", store.backend());
        for (table, columns) in &existing {
            assert_eq!(&declared[table], columns, "columns of {table} on {:?}", store.backend());
        }
    }
}

#[tokio::test]
async fn what_ends_in_id_points_to_a_row() {
    let store = harness::store().await;
    let sql = "select m.name, f.\"from\" from sqlite_master m join pragma_foreign_key_list(m.name) f where m.type = 'table'";
    let rows = store.reader().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let keys: BTreeSet<(String, String)> = rows.iter().map(|r| (r.try_get_by_index(0).unwrap(), r.try_get_by_index(1).unwrap())).collect();
    let mut excused = BTreeSet::new();
    for (table, columns) in existing(&store).await {
        for column in columns.into_iter().map(|c| c.name).filter(|c| c.ends_with("_id")) {
            let full = format!("{table}.{column}");
            let excuse = NO_FOREIGN_KEY.iter().find(|e| e.0 == column || e.0 == full);
            match (keys.contains(&(table.clone(), column)), excuse) {
                (false, None) => panic!("{full} has no foreign key: add one, or a reason to NO_FOREIGN_KEY"),
                (true, Some(_)) => panic!("{full} has a foreign key and an excuse"),
                (_, Some(excuse)) => drop(excused.insert(excuse.0)),
                (true, None) => {}
            }
        }
    }
    let unused: Vec<_> = NO_FOREIGN_KEY.iter().filter(|e| !excused.contains(e.0)).collect();
    assert!(unused.is_empty(), "excuses that nothing needs: {unused:?}");
}

/// `'a','b'` of a check, or `"a"` of an enum, in their order.
fn quoted(text: &str, quote: char) -> Vec<String> {
    text.split(quote).skip(1).step_by(2).map(Into::into).collect()
}
/// Enum name → texts, of every `text_enum!` in a file.
fn enums(source: &str) -> BTreeMap<String, Vec<String>> {
    let blocks = source.split("text_enum! {").skip(1).map(|b| b.split("\n}").next().unwrap_or_default());
    let code = |b: &str| b.lines().filter(|l| !l.trim_start().starts_with("///")).collect::<Vec<_>>().join("\n");
    blocks
        .map(code)
        .map(|b| (b.split_whitespace().next().unwrap_or_default().to_string(), quoted(b.split_once('{').expect("an enum has a body").1, '"')))
        .collect()
}

/// What became of a check by `tasks add column …`, `tasks drop column …` or `tasks rename column … to …`.
fn alter(checks: &mut BTreeMap<(String, String), Vec<String>>, altered: &str) {
    let words: Vec<&str> = altered.split_whitespace().collect();
    let [table, verb, "column", column, rest @ ..] = &words[..] else { return };
    let place = (table.to_string(), column.to_string());
    match (*verb, rest) {
        ("add", _) if altered.contains(" in (") => {
            let texts = altered.split_once(" in (").expect("a list").1;
            drop(checks.insert(place, quoted(texts, '\'')));
        }
        ("drop", _) => drop(checks.remove(&place)),
        ("rename", ["to", to]) => {
            if let Some(texts) = checks.remove(&place) {
                checks.insert((table.to_string(), to.to_string()), texts);
            }
        }
        _ => {}
    }
}

#[test]
fn the_texts_of_every_enum_are_those_of_its_check() {
    let mut checks: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for file in files("entities/src/migrations", |p| p.extension().is_some_and(|e| e == "sql")) {
        for statement in migrations::statements(&read(file), DbBackend::Postgres) {
            if let Some(altered) = statement.strip_prefix("alter table ") {
                alter(&mut checks, altered);
                continue;
            }
            let Some(table) = statement.strip_prefix("create table ").and_then(|s| s.split_whitespace().next()) else { continue };
            for line in statement.lines().filter(|l| l.contains(" in (")) {
                let column = line.split_whitespace().next().expect("a column");
                checks.insert((table.into(), column.into()), quoted(line, '\''));
            }
        }
    }
    assert!(checks.len() > 20, "the migrations were not understood");
    for file in files("entities/src", rust) {
        let source = read(&file);
        let Some(table) = source.split("table_name = \"").nth(1).and_then(|s| s.split('"').next()) else { continue };
        if table == "timeline" {
            continue; // a selection over other tables
        }
        let mut known = enums(&source);
        // `pub use crate::care::ticket::Channel;`
        for import in source.lines().filter_map(|l| l.strip_prefix("pub use crate::")?.strip_suffix(';')) {
            let (module, name) = import.rsplit_once("::").expect("a path");
            if let Some(texts) = enums(&read(format!("entities/src/{}.rs", module.replace("::", "/")))).remove(name) {
                known.insert(name.into(), texts);
            }
        }
        let fields = model(&source).lines().filter_map(|l| l.trim().strip_prefix("pub ")?.strip_suffix(',')?.split_once(": "));
        for (field, kind) in fields {
            let kind = kind.strip_prefix("Option<").and_then(|k| k.strip_suffix('>')).unwrap_or(kind);
            let Some(texts) = known.get(kind) else { continue };
            let check = checks.remove(&(table.into(), field.into()));
            assert_eq!(check.as_ref(), Some(texts), "{table}.{field}");
        }
    }
    assert!(checks.is_empty(), "checks without an enum: {:?}", checks.keys());
}
/// The entity's own struct: the inputs of its verbs have enums too.
fn model(source: &str) -> &str {
    source.split("pub struct Model {").nth(1).and_then(|s| s.split("\n}").next()).unwrap_or_default()
}

#[tokio::test]
async fn golden_schema_sql() {
    let store = harness::store().await;
    let sql = "select sql from sqlite_master where sql is not null and name <> 'seaql_migrations' order by tbl_name, type desc, name";
    let rows = store.reader().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let mut text = String::from(
        "-- All tables after all migrations, as SQLite keeps them (uuid is blob; instants, dates and json are text).\n-- Written by `make golden`.\n",
    );
    for row in rows {
        text += &format!("\n{};\n", row.try_get_by_index::<String>(0).unwrap());
    }
    harness::golden("entities/schema.sql", &text);
}
