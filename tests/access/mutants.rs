//! Every guard by name, for `scripts/mutants`: those of declarations, of row rules, and those that stand in the source.
use crate::harness;
use entities::{Audience, rule::Rule};

/// Guards that stand alone in the source, by the text that names them.
const BY_HAND: &str = "without(|| \"";

/// Guards behind which another stands, so that without them nobody sees or changes more: (guard, the reason). A guard with
/// a line number in its name is told by its file and the text of its line.
const NOTHING: &[(&str, &str)] = &[
    ("find:entities/src/exchange/import/ledger.rs:", "an import is the hub's own work, and sees all rows anyway"),
    ("find:entities/src/exchange/knowledge/apply.rs:", "an import is the hub's own work, and sees all rows anyway"),
    ("verb:entities/src/care/ticket/reply.rs:needs(", "`needs_at` asks for the same scope"),
    ("verb:entities/src/care/ticket/reply.rs:needs_at(", "each role that reads tickets writes them, and a ticket is read first"),
    ("verb:entities/src/care/ticket/update.rs:needs(", "`needs_at` asks for the same scope"),
    ("verb:entities/src/care/ticket/update.rs:needs_at(", "each role that reads tickets writes them, and a ticket is read first"),
    ("verb:entities/src/party/customer/update.rs:needs(", "`needs_at` asks for the same scope"),
    ("verb:entities/src/party/customer_contact/save.rs:needs(", "`needs_at` asks for the same scope"),
    ("verb:entities/src/privacy/consent.rs:needs(", "`needs_at` asks for the same scope"),
    ("verb:entities/src/privacy/access.rs:needs(", "`needs_at` asks for the same scope"),
    ("find:entities/src/billing/compare.rs:let lines", "a line is seen with its bill, and both bills were found before"),
    ("find:entities/src/care/ticket/open.rs:|| w.scope()", "whoever knows the customer knows its tickets: the two row rules go the same way"),
    ("find:entities/src/knowledge/article.rs:", "agents see all articles, and nobody else writes them"),
    ("find:entities/src/knowledge/feedback.rs:let message", "an answer is seen by its message, and was found before"),
    (
        "find:entities/src/party/customer_contact/save.rs:let found = w.scope().find::<Entity>().filter(Column::Id.eq(id)).filter",
        "its customer was found before: the two row rules go the same way",
    ),
    ("find:entities/src/party/lookup.rs:.find::<product::Entity>()", "its customer is looked for by the same rule"),
    (
        "find:entities/src/party/lookup.rs:customers(store, scope.find::<customer::Entity>().filter(customer::Column::Id.in",
        "its product is looked for by the same rule",
    ),
    ("find:entities/src/party/partner_token.rs:if w.scope()", "a number of tokens, of a partner that was found before"),
    ("find:entities/src/privacy/consent.rs:let all", "its customer was found before: the two row rules go the same way"),
    ("reads:CustomerOverview", "nothing but a customer leads there, who is read by the same scope"),
    ("reads:TimelineEntry", "nothing but a customer leads there, who is read by the same scope"),
    ("readable:ticket", "whoever knows the customer knows its tickets: the two row rules go the same way"),
];

fn rules() -> Vec<String> {
    let mut names = vec![];
    for kind in entities::KINDS {
        for audience in Audience::ALL {
            let parts = match kind.rules.of(audience) {
                Rule::All => 0,
                Rule::Both(rules) => rules.len(),
                _ => 1,
            };
            names.extend((0..parts).map(|i| format!("rule:{}:{}:{i}", kind.name, audience.name())));
        }
    }
    names
}
fn in_source() -> Vec<String> {
    let mut names = vec![];
    let mut files = vec![];
    for folder in ["entities/src", "schema/src", "search-index/src", "bot/src"] {
        gather(&harness::root().join(folder), &mut files);
    }
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        let relative = file.strip_prefix(harness::root()).expect("a file of the project").display().to_string();
        if relative.ends_with("mutant.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (i, line) in code.lines().enumerate() {
            let place = |what: &str| format!("{what}:{relative}:{}", i + 1);
            let hub = line.contains("hub.find") || line.contains("hub(w.at())") || line.contains("Scope::hub") || line.trim_start().starts_with("//");
            if relative.starts_with("entities/src") && (line.contains(" needs(w.") || line.contains("needs_at(w,")) && !line.contains("fn ") {
                names.push(place("verb"));
            }
            if line.contains(".find::<") && !hub && !relative.starts_with("search-index/") {
                names.push(place("find"));
            }
            let kind = |rest: &str| rest.split(' ').next().filter(|name| entities::KINDS.iter().any(|k| k.name == *name)).map(|k| format!("may:{k}"));
            names.extend(line.split("{may ").skip(1).filter_map(kind));
            names.extend(line.split(BY_HAND).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_string));
        }
    }
    names.extend(["name", "statusReason", "resolution", "priority"].map(|f| format!("agents:ticket.{f}")));
    names.extend(["status", "parentId"].map(|f| format!("agents:customer.{f}")));
    names
}

fn gather(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => gather(&path, files),
            false => files.extend(path.extension().is_some_and(|e| e == "rs").then_some(path)),
        }
    }
}

#[test]
#[ignore = "prints the names of all guards"]
fn list() {
    let mut all: Vec<_> = rules().into_iter().chain(in_source()).chain(schema::mutant::all()).collect();
    all.sort();
    all.dedup();
    for name in all {
        println!("guard {name}");
        if let Some(why) = nothing(&name) {
            println!("nothing {name}: {why}");
        }
    }
}
/// Why nobody sees or changes more without this guard, where that is known.
fn nothing(name: &str) -> Option<&'static str> {
    let line = || {
        let [_, file, line] = name.split(':').collect::<Vec<_>>().try_into().ok()?;
        let text = std::fs::read_to_string(harness::root().join(file)).ok()?;
        Some(format!("{}:{file}:{}", name.split(':').next()?, text.lines().nth(line.parse::<usize>().ok()? - 1)?.trim()))
    };
    let full = line().unwrap_or_else(|| name.to_string());
    NOTHING.iter().find(|(guard, _)| full.starts_with(guard)).map(|(_, why)| *why)
}
#[test]
fn no_guard_can_be_taken_away_unless_asked() {
    const { assert!(!entities::mutant::POSSIBLE || cfg!(feature = "mutants"), "what is shipped must not know how") };
    for part in ["", "entities/", "schema/", "search-index/", "bot/", "api/"] {
        let text = std::fs::read_to_string(harness::root().join(part).join("Cargo.toml")).expect("a manifest");
        let on = |l: &&str| l.contains("mutants") && !l.starts_with("mutants = ") && !l.starts_with('#');
        assert_eq!(text.lines().find(on), None, "{part}Cargo.toml switches the feature on");
    }
}
