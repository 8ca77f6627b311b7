use super::*;

fn options() -> Options {
    Options { locale: "en".into(), audience: "public".into(), published_at: "2024-03-01T00:00:00Z".parse().unwrap() }
}
fn of(files: &[(&str, &str)]) -> Collection {
    read(&files.iter().map(|(p, t)| (p.to_string(), t.as_bytes().to_vec())).collect(), &options())
}
fn folder(name: &str) -> Option<Collection> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("SWITCHBOARD_DATA").map_or_else(beside, Into::into).join(name);
    if !root.exists() {
        println!("SKIPPED: there is no {name} at {}", root.display());
        return None;
    }
    Some(read(&files(&root).unwrap(), &options()))
}
const TEXT: &str = "This is a text of some length, so that nobody takes the page for a stub of one.";

#[test]
fn real_folders_come_out_well() {
    // articles at least, and files that are all there is
    for (name, files, at_least) in [("kb-turris", 137, 150), ("kb-nycmesh", 91, 70), ("kb-mlab", 3, 22), ("tau2-telecom", 4, 3)] {
        let Some(c) = folder(name) else { continue };
        let questions = c.articles.iter().filter(|a| a.external_id.contains('#')).count();
        let pages: std::collections::BTreeSet<_> = c.articles.iter().map(|a| a.external_id.split('#').next().unwrap()).collect();
        println!(
            "{name}: {} articles of {} pages, {questions} of them questions, {} categories, {} skipped, {} warnings",
            c.articles.len(),
            pages.len(),
            c.categories.len(),
            c.skipped.len(),
            c.warnings.len()
        );
        for s in &c.skipped {
            println!("  skipped {:14} {}: {}", s.code, s.path, s.reason);
        }
        for w in &c.warnings {
            println!("  warning {}: {}", w.0, w.1);
        }
        for a in &c.articles {
            println!("  {:15} {:60} {:?} {}", a.kind, a.slug, a.category, a.texts[0].title);
            let body = &a.texts[0].body_md;
            assert!(!a.slug.is_empty() && !a.texts[0].title.is_empty() && !body.is_empty(), "{}", a.external_id);
            for left in ["{{<", "{%", "{:", "{!", "\n!!!", "site.baseurl"] {
                assert!(!without_code(body).contains(left), "{left} in {}:\n{body}", a.external_id);
            }
        }
        assert_eq!(pages.len() + c.skipped.len(), files, "{name}: every file is an article or has a reason");
        assert!(c.articles.len() >= at_least, "{name}");
        let slugs: std::collections::BTreeSet<_> = c.articles.iter().map(|a| &a.slug).collect();
        assert_eq!(slugs.len(), c.articles.len());
        let codes: std::collections::BTreeSet<_> = c.categories.iter().map(|k| k.code.as_str()).collect();
        assert!(c.articles.iter().filter_map(|a| a.category.as_deref()).all(|k| codes.contains(k)));
    }
}
fn without_code(body: &str) -> String {
    body.split("```").step_by(2).collect::<String>().split('`').step_by(2).collect()
}
#[test]
fn front_matter_wins_over_headings() {
    let c = of(&[(
        "a/pay.md",
        &format!(
            "---\ntitle: Pay a bill\nslug: paying\nkind: policy\naudience: customer\ncategory: Bills\nkeywords: [pay, bill]\nquestions:\n  - How do I pay?\nsummary: Short.\ndate: 2024-01-02\nauthor: Ann\n---\n# Other\n{TEXT}"
        ),
    )]);
    let a = &c.articles[0];
    assert_eq!(
        (a.external_id.as_str(), a.slug.as_str(), a.kind, a.audience.as_str(), a.category.as_deref()),
        ("a/pay.md", "paying", "policy", "customer", Some("bills"))
    );
    let t = &a.texts[0];
    assert_eq!(
        (t.title.as_str(), t.summary.as_deref(), t.author.as_str(), t.published_at.to_rfc3339().as_str()),
        ("Pay a bill", Some("Short."), "Ann", "2024-01-02T00:00:00+00:00")
    );
    assert_eq!((&t.keywords[..], &t.questions[..]), (&["pay".to_string(), "bill".into()][..], &["How do I pay?".to_string()][..]));
    assert_eq!(c.categories, [Category { code: "bills".into(), name: "Bills".into(), parent: None }]);
}
#[test]
fn headings_folders_and_file_names_say_the_rest() {
    let c = of(&[
        ("docs/net/wifi.md", &format!("# Wi-Fi\n\n{TEXT}\n\nSee [x](../net/lan.md) ")),
        ("docs/net/lan.md", TEXT),
        ("docs/tv/lan.md", TEXT),
        ("docs/tv/index.md", &format!("---\ntitle: Television\n---\n{TEXT}")),
    ]);
    let slugs: Vec<_> = c.articles.iter().map(|a| (a.slug.as_str(), a.texts[0].title.as_str())).collect();
    assert_eq!(slugs, [("net-lan", "Lan"), ("wifi", "Wi-Fi"), ("tv", "Television"), ("tv-lan", "Lan")]);
    assert!(c.articles[1].texts[0].body_md.ends_with("See [x](net-lan)"), "{}", c.articles[1].texts[0].body_md);
    assert_eq!(c.categories.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["Net", "Television"]);
}
#[test]
fn languages_of_one_page_are_one_article() {
    let c = of(&[("pay.md", TEXT), ("pay.de.md", "Das ist ein Text von einiger Länge, damit niemand die Seite für leer hält, sagt man.")]);
    assert_eq!(c.articles.len(), 1);
    assert_eq!(c.articles[0].texts.iter().map(|t| t.locale.as_str()).collect::<Vec<_>>(), ["de", "en"]);
}
#[test]
fn what_says_nothing_is_left_out_with_a_reason() {
    let list = "# All\n* [One page](a.md)\n* [Another page](b.md)\n* [A third page](c.md) here";
    let c = of(&[
        ("index.md", list),
        ("e.md", "# Title\n"),
        ("s.md", "Soon."),
        ("m.md", "The page you look for has moved to the new wiki some time ago, look there."),
        ("LICENSE.md", TEXT),
        ("ok.md", TEXT),
    ]);
    assert_eq!(
        c.skipped.iter().map(|s| (s.path.as_str(), s.code)).collect::<Vec<_>>(),
        [("LICENSE.md", "not_knowledge"), ("e.md", "empty"), ("index.md", "index"), ("m.md", "stub"), ("s.md", "stub")]
    );
    assert_eq!(c.articles.len(), 1);
}
#[test]
fn slugs_are_addresses() {
    assert_eq!(["Why's my bill so high?", "  Störung & Lösung ", "???"].map(slug), ["whys-my-bill-so-high", "stoerung-loesung", ""]);
    assert!(slug(&"long words ".repeat(20)).len() <= 80);
}
