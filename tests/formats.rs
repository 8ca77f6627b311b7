//! Files of other systems, and exports that come back as they went.
use crate::{graph::ask::World, harness, restore::restored};
use entities::{
    Scope, Store,
    billing::bill_line,
    exchange::{
        export::{self, export},
        import::{Batch, Job, import},
        knowledge,
        upsert::Counts,
    },
    generate::{Plan, Summary, generate},
    knowledge::{article, article_version},
    outbox::change,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Statement};
use std::collections::BTreeMap;

async fn exported(store: &Store, scope: &Scope, options: export::Options) -> String {
    let mut out = vec![];
    export(store, scope, &options, &mut out, |_| {}).await.expect("the rows are written");
    String::from_utf8(out).expect("lines are text")
}
async fn all(store: &Store) -> String {
    exported(store, &harness::agent(), Default::default()).await
}
fn types(lines: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines.lines().skip(1) {
        let json: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        *counts.entry(json["type"].as_str().expect("a type").to_string()).or_default() += 1;
    }
    counts
}
async fn count(store: &Store, sql: &str) -> i64 {
    let row = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await.expect("it is counted");
    row.expect("one row").try_get_by_index(0).expect("a number")
}
fn options() -> knowledge::Options {
    knowledge::Options { locale: "en".into(), audience: "public".into(), published_at: harness::now() }
}
fn pages(files: &[(&str, &str)]) -> knowledge::Collection {
    knowledge::read(&files.iter().map(|(p, t)| (p.to_string(), t.as_bytes().to_vec())).collect(), &options())
}
async fn apply(store: &Store, collection: &knowledge::Collection) -> knowledge::Report {
    let mut w = store.write(&harness::agent()).await.expect("a transaction");
    let report = knowledge::apply(&mut w, "docs", collection, None).await.expect("the folder is written");
    w.commit().await.expect("it is kept");
    report
}
/// A provider and a knowledge base.
async fn filled(store: &Store) -> Summary {
    let summary = generate(store, &Plan::new(120, 7, harness::now().date_naive()), |_| {}).await.expect("the data is made");
    let faq =
        "# FAQ\n## Why is my bill higher?\nBecause of a call abroad.\n## When is it due?\nAfter two weeks, as the bill says.\n## Who pays?\nYou do.";
    apply(store, &pages(&[("help/faq.md", faq), ("help/moving.md", TEXT), ("help/moving.de.md", GERMAN)])).await;
    summary
}
const TEXT: &str = "# Moving house\n\nTell us four weeks before you move, and we take your line with you to the new place.";
const GERMAN: &str = "# Umzug\n\nSagen Sie uns vier Wochen vorher Bescheid, dann nehmen wir den Anschluss mit in die neue Wohnung.";

#[tokio::test]
async fn an_export_comes_back_as_the_same_export_on_either_database() {
    let [sqlite, postgres] = harness::stores().await.try_into().unwrap_or_else(|_| panic!("two databases"));
    for (from, into) in [(&sqlite, &postgres), (&postgres, &harness::store().await)] {
        if types(&all(from).await).is_empty() {
            filled(from).await;
        }
        let first = all(from).await;
        let lines = first.lines().count() as u64 - 1;
        let batch = restored(into, &first, false).await;
        assert_eq!(batch.counts, Counts { inserted: lines, ..Counts::default() }, "{:?}", batch.examples);
        let second = all(into).await;
        for (a, b) in first.lines().zip(second.lines()) {
            assert_eq!(a, b);
        }
        assert_eq!(first.len(), second.len());
        println!("{:?}", types(&first));
        assert_eq!(restored(into, &first, false).await.counts, Counts { unchanged: lines, ..Counts::default() });
        let closure = "select count(*) from customer_closure";
        assert_eq!(count(from, closure).await, count(into, closure).await);
        assert!(
            store_position(into).await
                >= lines as i64
                    - count(into, "select count(*) from state_changes").await
                    - count(into, "select count(*) from partner_customers").await
        );
    }
}
async fn store_position(store: &Store) -> i64 {
    store.position().await.expect("a position")
}
#[tokio::test]
async fn a_changed_line_changes_its_row_and_a_dry_run_nothing() {
    for store in harness::stores().await {
        filled(&store).await;
        let first = all(&store).await;
        let changed = first.replacen("\"customer_no\":\"", "\"customer_no\":\"x", 1);
        assert_ne!(changed, first);
        for dry in [true, false] {
            let counts = restored(&store, &changed, dry).await.counts;
            assert_eq!((counts.inserted, counts.updated, counts.rejected), (0, 1, 0));
            assert_eq!(all(&store).await == first, dry);
        }
        assert_eq!(all(&store).await, changed);
        let bad = "{\"type\":\"bill\",\"source_system\":\"x\",\"external_id\":\"1\"}\nno json\n{\"type\":\"secret\"}\n";
        let batch = restored(&store, bad, false).await;
        let told: Vec<_> = batch.examples.iter().map(|e| (e.row_no, e.code)).collect();
        assert_eq!((batch.counts.rejected, told), (3, vec![(2, "malformed_json"), (3, "unknown_type"), (1, "missing_value")]));
    }
}
#[tokio::test]
async fn a_customer_is_handed_its_own_rows_and_nothing_internal() {
    for store in harness::stores().await {
        let summary = filled(&store).await;
        let whole = types(&all(&store).await);
        let own = exported(&store, &harness::agent(), export::Options { customer: Some(summary.consumer.id), types: vec![] }).await;
        let counts = types(&own);
        assert_eq!(counts["customer"], 1);
        for name in ["bill", "bill_line", "ticket", "product", "party"] {
            assert!(counts.get(name).is_none_or(|n| *n < whole[name]), "{name}");
        }
        for internal in ["\"visibility\":\"internal\"", "\"churn_reason\"", "\"credit_limit_minor\"", "\"row_hash\"", "\"identities\""] {
            assert!(!own.contains(internal), "{internal}");
        }
        let other = &summary.small_business.no;
        assert!(!own.contains(&format!("\"customer_no\":\"{other}\"")));
        let few = exported(&store, &harness::agent(), export::Options { types: vec!["kb_article".into(), "customers".into()], customer: None }).await;
        assert_eq!(types(&few).keys().collect::<Vec<_>>(), ["customer", "kb_article"]);
    }
}
#[tokio::test]
async fn folders_become_categories_once() {
    for store in harness::stores().await {
        let two = pages(&[("a/one.md", TEXT), ("b/two.md", GERMAN)]);
        assert_eq!(apply(&store, &two).await.categories, 2);
        assert_eq!(apply(&store, &two).await.categories, 0);
    }
}
#[tokio::test]
async fn a_changed_page_is_a_new_version_and_the_old_one_stays() {
    for store in harness::stores().await {
        let first = pages(&[("a/one.md", TEXT), ("a/one.de.md", GERMAN), ("a/two.md", &TEXT.replace("Moving house", "Two"))]);
        let report = apply(&store, &first).await;
        assert_eq!((report.inserted, report.versions, report.categories), (2, 3, 0), "the folder of all is no category");
        let before = store.position().await.expect("a position");
        let same = apply(&store, &first).await;
        assert_eq!((same.inserted, same.updated, same.unchanged, same.versions), (0, 0, 2, 0));
        assert_eq!(store.position().await.expect("a position"), before, "nothing changed");

        let second = pages(&[("a/one.md", &TEXT.replace("four", "six")), ("a/one.de.md", GERMAN)]);
        let report = apply(&store, &second).await;
        assert_eq!((report.inserted, report.updated, report.unchanged, report.versions, report.superseded, report.gone), (0, 1, 0, 1, 1, 1));
        let agent = harness::agent();
        let one =
            agent.find::<article::Entity>().filter(article::Column::Slug.eq("one")).one(store.reader()).await.expect("a read").expect("an article");
        let versions = agent
            .find::<article_version::Entity>()
            .filter(article_version::Column::ArticleId.eq(one.id))
            .order_by_asc(article_version::Column::Locale)
            .order_by_asc(article_version::Column::Version);
        let told: Vec<_> = versions
            .all(store.reader())
            .await
            .expect("a read")
            .into_iter()
            .map(|v| (v.locale, v.version, v.state, v.body_md.contains("six")))
            .collect();
        use article_version::State::*;
        assert_eq!(told, [("de".into(), 1, Published, false), ("en".into(), 1, Superseded, false), ("en".into(), 2, Published, true)]);
        // an article of the hub's own keeps its address
        let elsewhere = knowledge::Collection { articles: first.articles.clone(), ..Default::default() };
        let mut w = store.write(&agent).await.expect("a transaction");
        knowledge::apply(&mut w, "other", &elsewhere, None).await.expect("the same slugs from elsewhere");
        w.commit().await.expect("it is kept");
        assert_eq!(agent.find::<article::Entity>().filter(article::Column::Slug.eq("other-one")).count(store.reader()).await.expect("a count"), 1);
        #[expect(clippy::disallowed_methods, reason = "the change log has no row rule")]
        let logged = change::Entity::find().filter(change::Column::EntityType.eq("KbArticleVersion")).count(store.reader()).await.expect("a count");
        assert!(logged >= 5);
    }
}
#[tokio::test]
async fn real_folders_are_published() {
    for store in harness::stores().await {
        for (folder, at_least) in [("kb-turris", 150), ("kb-nycmesh", 70), ("kb-mlab", 20), ("tau2-telecom", 3)] {
            let Some(path) = harness::data(folder) else { return };
            let collection = knowledge::read(&knowledge::files(&path).expect("the folder is read"), &options());
            let mut w = store.write(&harness::agent()).await.expect("a transaction");
            let report = knowledge::apply(&mut w, folder, &collection, None).await.expect("the folder is written");
            w.commit().await.expect("it is kept");
            println!("{folder}: {report:?}");
            assert!(report.inserted >= at_least);
        }
        assert_eq!(count(&store, "select count(*) from kb_articles").await, count(&store, "select count(*) from kb_article_versions").await);
    }
}

async fn imported(store: &Store, path: std::path::PathBuf) -> Batch {
    let job = Job { path, as_of: Some(harness::now().date_naive()), ..Job::default() };
    let mut report = import(store, &harness::agent(), job, |_| {}).await.unwrap_or_else(|e| panic!("{:?}: {e}", store.backend()));
    assert_eq!(report.batches.len(), 1);
    report.batches.remove(0)
}
fn told(batch: &Batch) -> String {
    let tables: Vec<_> = batch.tables.iter().map(|(t, c)| format!("{t} {}+{}", c.inserted, c.updated)).collect();
    format!("{} rows {} {:?} {:?} {:?}", batch.file, batch.rows, batch.counts, tables, batch.problems)
}
/// Each bill is its lines, and its own sums.
const ODD_BILLS: &str = "select count(*) from bills b where
  b.tax_excluded_minor <> (select coalesce(sum(l.tax_excluded_minor), 0) from bill_lines l where l.bill_id = b.id)
  or b.tax_minor <> (select coalesce(sum(l.tax_minor), 0) from bill_lines l where l.bill_id = b.id)
  or b.tax_included_minor <> b.tax_excluded_minor + b.tax_minor
  or b.amount_due_minor <> b.tax_included_minor + b.rounding_minor + b.previous_minor";

#[tokio::test]
async fn invoices_are_bills_whose_lines_add_up() {
    for store in harness::stores().await {
        let Some(sfti) = harness::data("invoices-ubl/sfti") else { return };
        let Some(ubl) = harness::data("invoices-ubl/ubl") else { return };
        for folder in [sfti, ubl] {
            let batch = imported(&store, folder.clone()).await;
            println!("{}", told(&batch));
            for e in &batch.examples {
                println!("  {} {}: {}", e.row_no, e.code, e.message);
            }
            let again = imported(&store, folder).await;
            assert_eq!((again.counts.inserted, again.counts.updated), (0, 0), "{}", told(&again));
        }
        let bills = count(&store, "select count(*) from bills").await;
        println!(
            "{bills} bills, {} lines, {} customers",
            count(&store, "select count(*) from bill_lines").await,
            count(&store, "select count(*) from customers").await
        );
        // samples that share their number with another one are not taken, and none is taken in part
        assert_eq!((bills, count(&store, ODD_BILLS).await), (37, 0));
        assert_eq!(count(&store, "select count(*) from bills where kind = 'credit_note' and amount_due_minor < 0").await, 5);
        // the credit note and the negative invoice of the Swedish triple name the bill that they take back
        assert_eq!(count(&store, "select count(*) from bills b join bills c on c.id = b.corrects_bill_id where c.bill_no = '2018133'").await, 2);
    }
}
#[tokio::test]
async fn the_payloads_of_seven_apis_are_taken_or_told() {
    for store in harness::stores().await {
        for api in ["TMF629", "TMF632", "TMF666", "TMF637", "TMF678", "TMF621", "TMF683"] {
            let Some(folder) = harness::data(&format!("tmforum/examples/{api}")) else { return };
            let files = std::fs::read_dir(&folder).expect("a folder").count() as u64;
            let batch = imported(&store, folder.clone()).await;
            println!("{}", told(&batch));
            assert!(batch.rows >= files, "a file is at least one row");
            let c = batch.counts;
            assert_eq!(c.inserted + c.updated + c.unchanged + c.rejected, batch.rows);
            assert!(!batch.tables.is_empty());
            let again = imported(&store, folder).await;
            assert_eq!((again.counts.inserted, again.counts.updated), (0, 0), "{}", told(&again));
        }
        // all comes out again as it is
        let lines = all(&store).await;
        let empty = harness::store().await;
        let batch = restored(&empty, &lines, false).await;
        assert_eq!(batch.counts.rejected, 0, "{:?}", batch.examples);
        assert_eq!(all(&empty).await, lines);
    }
}
#[tokio::test]
async fn what_a_row_points_to_may_come_later() {
    for store in harness::stores().await {
        let folder = harness::folder().await;
        let ticket = folder.join("tickets.json");
        let text = r#"[{"@type":"TroubleTicket","id":"t1","name":"slow","severity":"minor","creationDate":"2024-01-02T03:04:05Z",
            "relatedParty":[{"role":"customer","id":"c1","@referredType":"Customer"}],"relatedEntity":[{"id":"b1","@referredType":"CustomerBill"}]}]"#;
        std::fs::write(&ticket, text).expect("a file");
        let batch = imported(&store, ticket.clone()).await;
        assert_eq!((batch.counts.inserted, batch.counts.warned, batch.problems["unmatched"]), (1, 1, 2), "{}", told(&batch));
        assert_eq!(imported(&store, ticket.clone()).await.counts.unchanged, 1);
        let customer = folder.join("customers.json");
        std::fs::write(&customer, r#"{"@type":"Customer","id":"c1","name":"Ann","status":"active"}"#).expect("a file");
        assert_eq!(imported(&store, customer).await.counts.inserted, 1);
        let batch = imported(&store, ticket).await;
        assert_eq!((batch.counts.updated, batch.problems["unmatched"]), (1, 1), "{}", told(&batch));
        assert_eq!(count(&store, "select count(*) from tickets t join customers c on c.id = t.customer_id").await, 1);
    }
}

/// An invoice with these lines: id, text and amount.
fn invoice(lines: &[(&str, &str, &str)]) -> String {
    let party = |role: &str, name: &str| {
        format!(
            "<{role}><Party><PartyLegalEntity><RegistrationName>{name}</RegistrationName><CompanyID>{name}-1</CompanyID></PartyLegalEntity></Party></{role}>"
        )
    };
    let line = |(id, text, net): &(&str, &str, &str)| {
        format!(
            "<InvoiceLine><ID>{id}</ID><LineExtensionAmount currencyID=\"EUR\">{net}</LineExtensionAmount><Item><Name>{text}</Name></Item></InvoiceLine>"
        )
    };
    let sum: i64 = lines.iter().map(|l| l.2.parse::<i64>().expect("whole amounts")).sum();
    format!(
        "<Invoice><ID>7</ID><IssueDate>2024-02-29</IssueDate><DocumentCurrencyCode>EUR</DocumentCurrencyCode>{}{}<TaxTotal><TaxAmount currencyID=\"EUR\">0</TaxAmount></TaxTotal><LegalMonetaryTotal><PayableAmount>{sum}</PayableAmount></LegalMonetaryTotal>{}</Invoice>",
        party("AccountingSupplierParty", "Telco"),
        party("AccountingCustomerParty", "Buyer"),
        lines.iter().map(line).collect::<String>()
    )
}
#[tokio::test]
async fn an_invoice_may_come_again_with_its_lines_renumbered() {
    let (calls, data, rent) = (("1", "Calls", "10"), ("2", "Data", "20"), ("9", "Rent", "5"));
    for store in harness::stores().await {
        let mut first = BTreeMap::new();
        for lines in [
            &[calls, data][..],
            &[data, calls],
            &[data, rent, calls],
            &[calls, rent, data],
            &[rent, data],
            &[("2", "Calls", "10"), ("9", "Data", "20")],
        ] {
            let path = harness::folder().await.join("invoice.xml");
            std::fs::write(&path, invoice(lines)).expect("a file");
            let batch = imported(&store, path).await;
            assert_eq!((batch.counts.rejected, batch.counts.warned), (0, 0), "{}", told(&batch));
            let rows = agent_lines(&store).await;
            let there: Vec<_> = rows
                .iter()
                .map(|l| (l.external_id.rsplit('#').next().unwrap_or_default(), l.line_no, l.description.as_str(), l.tax_excluded_minor))
                .collect();
            let expected: Vec<_> = (1..).zip(lines).map(|(no, l)| (l.0, no, l.1, l.2.parse::<i64>().expect("an amount") * 100)).collect();
            assert_eq!(there, expected, "{:?}", store.backend());
            for line in &rows {
                assert_eq!(*first.entry(line.external_id.clone()).or_insert(line.id), line.id, "{}", line.external_id);
            }
            first.retain(|name, _| rows.iter().any(|l| l.external_id == *name));
            assert_eq!(count(&store, ODD_BILLS).await, 0);
        }
    }
}
async fn agent_lines(store: &Store) -> Vec<bill_line::Model> {
    harness::agent().find::<bill_line::Entity>().order_by_asc(bill_line::Column::LineNo).all(store.reader()).await.expect("a read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_public_while_its_file_says_so() {
    let page = |head: &str, text: &str| {
        pages(&[
            ("a/moving.md", &format!("---\n{head}\n---\n{TEXT} {text}\n")),
            ("a/other.md", "# Other\n\nSomething else stands here, long enough."),
        ])
    };
    for store in harness::stores().await {
        let world = World::new(store.clone()).await;
        let index = search_index::Index::open(harness::folder().await, &store).await.expect("an index");
        let seen = async |scope: &Scope| {
            index.catch_up().await.expect("the index follows");
            let request = search_index::SearchRequest { query: "new place".into(), first: 9, ..Default::default() };
            let hits = index.search(scope, &request).expect("a search never fails");
            let suggested = index.suggest(scope, "moving", "en", 9).expect("a suggestion").len();
            let shown = world.data(scope, "{ article(slug: \"moving\") { slug } }").await["article"]["slug"] == "moving";
            let listed = world.data(scope, "{ articles(first: 9) { nodes { slug } } }").await["articles"]["nodes"].to_string().contains("moving");
            assert_eq!((hits.total > 0, suggested > 0, listed), (shown, shown, shown), "{:?} on {:?}", scope.audience, store.backend());
            shown
        };
        let (public, customer) = (harness::public(), harness::customer_of(uuid::Uuid::nil()));
        for (head, text, expected) in [
            ("draft: true", "", [false, false]),
            ("draft: false", "", [true, true]),
            ("status: draft", "", [false, false]),
            ("draft: false", "", [true, true]),
            ("audience: agent", "", [false, false]),
            ("audience: customer", "More.", [false, true]),
            ("draft: true", "More.", [false, false]),
            ("draft: true", "And more.", [false, false]),
            ("draft: false", "Even more.", [true, true]),
        ] {
            apply(&store, &page(head, text)).await;
            assert_eq!([seen(&public).await, seen(&customer).await], expected, "{head} on {:?}", store.backend());
            let published = count(&store, "select count(*) from kb_article_versions v join kb_articles a on a.id = v.article_id where a.slug = 'moving' and v.state = 'published'").await;
            assert!(published <= 1, "one text of a language is the current one");
        }
        let drafts =
            "select count(*) from kb_article_versions v join kb_articles a on a.id = v.article_id where a.slug = 'moving' and v.state = 'draft'";
        assert_eq!(count(&store, drafts).await, 0, "no draft is left that an editor would publish over the text");
    }
}
