//! Import: files as they come, into both databases.
use crate::harness;
use chrono::NaiveDate;
use entities::{
    Error, Scope, Store,
    exchange::{
        import::{Batch, Job, Report, Row, import},
        record::{Mapped, Record, Value as RecordValue},
        upsert::{self, Counts, Upsert},
    },
    outbox::change,
    party::customer,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement};
use search_index::{Index, SearchRequest};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use uuid::Uuid;

fn day() -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2024, 1, 31)
}
fn job(path: impl Into<PathBuf>) -> Job {
    Job { path: path.into(), as_of: day(), ..Job::default() }
}
async fn run(store: &Store, job: Job) -> Report {
    import(store, &hub(store), job, |_| {}).await.unwrap_or_else(|e| panic!("{:?}: {e}", store.backend()))
}
async fn one(store: &Store, job: Job) -> Batch {
    run(store, job).await.batches.remove(0)
}
fn hub(store: &Store) -> Scope {
    Scope::hub(store.clock().now())
}
/// One number out of the database.
async fn number(store: &Store, sql: &str) -> i64 {
    let row = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    row.unwrap().try_get_by_index(0).unwrap()
}
async fn text(store: &Store, sql: &str) -> String {
    let row = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    row.unwrap().try_get_by_index::<Option<String>>(0).unwrap().unwrap_or_default()
}
async fn execute(store: &Store, sql: &str) {
    store.writer().execute_unprepared(sql).await.unwrap();
}
/// A file of this text in a folder of its own.
async fn file(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = harness::folder().await.join(name);
    std::fs::write(&path, text).unwrap();
    path
}
fn counts(inserted: u64, updated: u64, unchanged: u64, rejected: u64, warned: u64) -> Counts {
    Counts { inserted, updated, unchanged, rejected, warned }
}
fn codes(batch: &Batch) -> Vec<(&str, u64)> {
    batch.problems.iter().map(|(k, v)| (*k, *v)).collect()
}
/// What an import can have changed, so that two ways of importing can be held against each other.
async fn fingerprint(store: &Store) -> Vec<String> {
    let mut all = vec![];
    for (table, columns) in [
        ("customers", "external_id, customer_no, status, since_on, row_hash"),
        ("parties", "external_id, display_name, gender, row_hash"),
        ("billing_accounts", "external_id, account_no, row_hash"),
        ("products", "external_id, name, status, row_hash"),
        ("product_offerings", "external_id, code, row_hash"),
        ("customer_closure", "'', depth"),
        ("state_changes", "entity_type, to_state"),
        ("changes", "entity_type, operation"),
    ] {
        let filter = if table == "changes" { "where entity_type not in ('Task', 'ImportBatch')" } else { "" };
        let sql = format!("select {columns} from {table} {filter}");
        let mut rows: Vec<String> = vec![];
        for row in store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap() {
            let cells = (0..row.column_names().len())
                .map(|i| row.try_get_by_index::<Option<String>>(i).map_or_else(|_| "-".into(), |t| t.unwrap_or_default()));
            rows.push(cells.collect::<Vec<_>>().join("|"));
        }
        rows.sort();
        all.push(format!("{table} {rows:?}"));
    }
    all
}

const IBM: &str = "telco-ibm/Telco-Customer-Churn.csv";
/// The first rows of the IBM file.
fn ibm_part(rows: usize) -> Option<String> {
    let text = std::fs::read_to_string(harness::data(IBM)?).unwrap();
    Some(text.split_inclusive('\n').take(rows + 1).collect())
}

#[tokio::test]
async fn the_ibm_file_comes_out_as_it_was_counted() {
    let Some(path) = harness::data(IBM) else { return };
    for store in harness::stores().await {
        let batch = one(&store, job(&path)).await;
        assert_eq!(
            (batch.mapping.as_deref(), batch.rows, batch.counts),
            (Some("ibm-telco"), 7043, counts(7043, 0, 0, 0, 11)),
            "{:?}",
            batch.examples
        );
        for (sql, expected) in [
            ("select count(*) from customers", 7043),
            ("select count(*) from customers where status = 'active'", 5174),
            ("select count(*) from customers where status = 'closed' and closed_at is not null", 1869),
            ("select count(*) from products where parent_product_id is null", 7043),
            ("select count(*) from products where parent_product_id is not null", 29_202),
            ("select cast(sum(recurring_minor) as bigint) from products", 45_611_660),
            ("select cast(sum(recurring_minor) as bigint) from products where status = 'active'", 31_698_575),
            ("select count(*) from customer_closure", 7043),
            ("select count(*) from bills", 0),
            ("select count(*) from import_row_errors where severity = 'warning' and code = 'blank_value'", 11),
            ("select count(*) from import_batches where state = 'succeeded' and rows = 7043 and inserted = 7043 and warned = 11", 1),
            ("select count(*) from tasks where state = 'succeeded' and done = 7043 and total = 7043", 1),
            ("select count(*) from products p join customers c on c.id = p.customer_id where p.status = 'terminated' and c.status = 'active'", 0),
        ] {
            assert_eq!(number(&store, sql).await, expected, "{sql} on {:?}", store.backend());
        }
        let waiting = &batch.deferred["customer_facts.lifetime_billed"];
        assert_eq!((waiting.rows, waiting.sum["USD"].as_str()), (7043, "16056168.70"));
        assert_eq!(batch.deferred["agreements.contract"].rows, 7043);
        if proof() {
            unchanged(&store, job(&path), counts(0, 0, 7043, 0, 11)).await;
        }
    }
}
/// The same file once more.
async fn unchanged(store: &Store, job: Job, expected: Counts) {
    let position = store.position().await.unwrap();
    let again = one(store, job).await;
    assert_eq!(again.counts, expected);
    assert!(again.tables.values().all(|t| (t.inserted, t.updated) == (0, 0)), "{:?}", again.tables);
    let changes =
        number(store, &format!("select count(*) from changes where position > {position} and entity_type not in ('Task', 'ImportBatch')")).await;
    assert_eq!(changes, 0, "the same file leaves no change behind");
}
fn proof() -> bool {
    std::env::var_os("PROOF").is_some()
}

#[tokio::test]
async fn a_changed_cell_changes_one_column_and_an_edit_made_here_stands() {
    let Some(text_was) = ibm_part(40) else { return };
    for store in harness::stores().await {
        one(&store, job(file("Telco.csv", &text_was).await)).await;
        execute(&store, "update parties set display_name = 'Ada Byron' where external_id = '7590-VHVEG'").await;
        execute(&store, "update customers set customer_no = 'VIP-1' where external_id = '7590-VHVEG'").await;
        let position = store.position().await.unwrap();
        let changed = text_was.replacen("7590-VHVEG,Female", "7590-VHVEG,Male", 1);
        let batch = one(&store, job(file("Telco.csv", changed).await)).await;
        assert_eq!(batch.counts, counts(0, 1, 39, 0, 0), "{:?}", batch.examples);
        assert_eq!(batch.tables["parties"].updated, 1);
        assert_eq!(batch.tables.values().map(|t| t.updated).sum::<u64>(), 1);
        assert_eq!(text(&store, "select gender from parties where external_id = '7590-VHVEG'").await, "male");
        assert_eq!(text(&store, "select display_name from parties where external_id = '7590-VHVEG'").await, "Ada Byron");
        assert_eq!(text(&store, "select customer_no from customers where external_id = '7590-VHVEG'").await, "VIP-1");
        assert_eq!(number(&store, &format!("select count(*) from changes where position > {position} and entity_type = 'Party'")).await, 1);
        // a new status leaves its trace
        let churned = text_was.replacen("29.85,29.85,No", "29.85,29.85,Yes", 1).replacen("7590-VHVEG,Female", "7590-VHVEG,Male", 1);
        let batch = one(&store, job(file("Telco.csv", churned).await)).await;
        assert_eq!(batch.counts.updated, 1);
        let sql = "select count(*) from state_changes where entity_type = 'Customer' and from_state = 'active' and to_state = 'closed'";
        assert_eq!(number(&store, sql).await, 1, "{:?}", batch.tables);
    }
}

#[tokio::test]
async fn wider_copies_of_the_ibm_file_give_the_same_entities() {
    let wide = "\u{feff}Customer ID;Gender;Senior Citizen;Married;Dependents;City;Zip Code;Latitude;Tenure in Months;Phone Service;Multiple Lines;Internet Service;Internet Type;\
                Online Security;Online Backup;Device Protection Plan;Premium Tech Support;Streaming TV;Streaming Movies;Contract;Paperless Billing;Payment Method;Monthly Charge;\
                Total Charges;Churn Label;Churn Score;CLTV;Churn Reason\r\n\
                7590-VHVEG;Female;No;Yes;No;Fresno;93725;36,7;1;No;;Yes;DSL;No;Yes;No;No;No;No;Month-to-Month;Yes;Bank Withdrawal;29,85;29,85;No;5;3000;\r\n\
                3668-QPYBK;Male;No;No;No;Fresno;93725;36,7;2;Yes;No;No;;No;No;No;No;No;No;Month-to-Month;Yes;Mailed Check;53,85;108,15;Yes;80;2000;Price too high\r\n";
    for store in harness::stores().await {
        let batch = one(&store, job(file("wide.csv", wide).await)).await;
        assert_eq!((batch.mapping.as_deref(), batch.counts), (Some("ibm-telco"), counts(2, 0, 0, 0, 0)), "{:?}", batch.examples);
        assert_eq!(number(&store, "select count(*) from products where parent_product_id is not null").await, 3);
        assert_eq!(text(&store, "select churn_reason from customers where status = 'closed'").await, "Price too high");
        assert_eq!(batch.deferred["sites.location"].rows, 2);
        let original = "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,\
                        StreamingTV,StreamingMovies,Contract,PaperlessBilling,PaymentMethod,MonthlyCharges,TotalCharges,Churn\n\
                        7590-VHVEG,Female,0,Yes,No,1,No,No phone service,DSL,No,Yes,No,No,No,No,Month-to-month,Yes,Electronic check,29.85,29.85,No\n";
        let again = one(&store, job(file("original.csv", original).await)).await;
        assert_eq!(again.counts, counts(0, 0, 1, 0, 0), "{:?}", again.tables);
    }
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_changes_nothing() {
    let Some(part) = ibm_part(1_500) else { return };
    for store in harness::stores().await {
        let path = file("Telco.csv", &part).await;
        let dry = run(&store, Job { dry_run: true, ..job(&path) }).await.batches.remove(0);
        assert_eq!(
            (
                store.position().await.unwrap(),
                number(&store, "select count(*) from import_batches").await,
                number(&store, "select count(*) from customers").await
            ),
            (0, 0, 0)
        );
        let wet = one(&store, job(&path)).await;
        assert_eq!((dry.rows, dry.counts, &dry.tables), (wet.rows, wet.counts, &wet.tables));
        unchanged(&store, job(&path), counts(0, 0, 1_500, 0, 5)).await;
    }
}

#[tokio::test]
async fn an_import_is_tried_in_a_copy_while_somebody_writes() {
    let Some(part) = ibm_part(100) else { return };
    for store in harness::stores().await {
        let path = file("Telco.csv", &part).await;
        let folder = tempfile::tempdir().unwrap();
        let writing = store.write(&hub(&store)).await.unwrap();
        let copy = store.copy_to(&folder.path().join("it's 100% a copy?.db")).await.unwrap();
        assert_eq!(copy.is_some(), store.backend() == DbBackend::Sqlite, "PostgreSQL tries in a transaction");
        if let Some(copy) = copy {
            assert_eq!(one(&copy, job(&path)).await.counts.inserted, 100);
            assert_eq!(number(&copy, "select count(*) from customers").await, 100);
        }
        drop(writing);
        assert_eq!(number(&store, "select count(*) from customers").await, 0);
    }
}

#[tokio::test]
async fn an_import_that_is_killed_and_run_again_ends_like_a_clean_one() {
    let Some(part) = ibm_part(2_500) else { return };
    let (clean, killed) = (harness::stores().await, harness::stores().await);
    for (clean, killed) in clean.iter().zip(&killed) {
        let path = file("Telco.csv", &part).await;
        one(clean, job(&path)).await;
        for chunks in [1, 2] {
            let seen = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
            let (at, store, job) = (seen.clone(), killed.clone(), job(&path));
            let work = tokio::spawn(async move { import(&store, &hub(&store), job, move |_| at.add_permits(1)).await });
            _ = seen.acquire_many(chunks).await.unwrap();
            work.abort();
            assert!(work.await.unwrap_err().is_cancelled());
        }
        one(killed, job(&path)).await;
        for (a, b) in fingerprint(clean).await.into_iter().zip(fingerprint(killed).await) {
            assert!(a == b, "{:?}: {} differs", killed.backend(), a.split(' ').next().unwrap_or_default());
        }
        assert_eq!(number(killed, "select count(*) from import_batches where state = 'failed'").await, 2);
        assert_eq!(number(killed, "select count(*) from tasks where state = 'failed' and error_code = 'INTERRUPTED'").await, 2);
    }
}

#[tokio::test]
async fn the_german_warehouse_comes_as_a_folder() {
    let Some(folder) = harness::data("telco-dwh-de") else { return };
    for store in harness::stores().await {
        let report = run(&store, Job { mapping: Some("dwh-de".into()), ..job(&folder) }).await;
        let told: Vec<_> = report.batches.iter().map(|b| (b.file.as_str(), b.rows, b.counts.inserted, b.counts.rejected)).collect();
        assert_eq!(
            told,
            [("tarif.csv", 5, 5, 0), ("kunde.csv", 500, 500, 0), ("vertrag.csv", 1011, 1011, 0)],
            "{:?}",
            report.batches.iter().map(codes).collect::<Vec<_>>()
        );
        for (sql, expected) in [
            ("select count(*) from customers", 500),
            ("select count(*) from products", 1011),
            ("select count(*) from products where status = 'terminated' and terminated_at is not null", 348),
            ("select count(*) from products where billing_account_id is null or offering_id is null", 0),
            ("select count(*) from contact_media where kind = 'phone' and value_norm like '+49%'", 466),
            ("select cast(sum(amount_micro) as bigint) from offering_prices", 119_950_000),
        ] {
            assert_eq!(number(&store, sql).await, expected, "{sql} on {:?}", store.backend());
        }
        let again = run(&store, Job { mapping: Some("dwh-de".into()), ..job(&folder) }).await;
        assert!(again.batches.iter().all(|b| b.counts.unchanged == b.rows), "{again:?}");
    }
}

#[tokio::test]
async fn tickets_without_a_customer_wait_among_the_unmatched() {
    let Some(path) = harness::data("tickets-it/tickets_train.csv.zst") else { return };
    let text = String::from_utf8(zstd_of(&path)).unwrap();
    let mut rows: Vec<&str> = text.lines().collect();
    if !proof() {
        rows.truncate(1_001);
        rows.push(rows[1]); // the same row twice is two tickets
    }
    let n = rows.len() as u64 - 1;
    for store in harness::stores().await {
        let path = file("tickets.csv", rows.join("\n")).await;
        let batch = one(&store, job(&path)).await;
        assert_eq!((batch.mapping.as_deref(), batch.counts), (Some("tickets-generic"), counts(n, 0, 0, 0, 0)), "{:?}", batch.examples);
        assert_eq!(number(&store, "select count(*) from tickets where customer_id is null").await, n as i64);
        assert_eq!(one(&store, job(&path)).await.counts, counts(0, 0, n, 0, 0));
    }
}
fn zstd_of(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut out = vec![];
    zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap().read_to_end(&mut out).unwrap();
    out
}

#[tokio::test]
async fn records_of_the_linkage_sets_are_customers() {
    for store in harness::stores().await {
        for (name, mapping, rows) in [("fake_1000.csv", "linkage-fake", 1000), ("dataset4a.csv", "linkage-febrl", 5000)] {
            let Some(path) = harness::data(&format!("identity-linkage/{name}")) else { return };
            let batch = one(&store, job(&path)).await;
            assert_eq!((batch.mapping.as_deref(), batch.counts.inserted, batch.counts.rejected), (Some(mapping), rows, 0), "{:?}", batch.examples);
        }
        assert_eq!(number(&store, "select count(*) from customers").await, 6000);
        assert_eq!(text(&store, "select display_name from parties where external_id = 'rec-1070-org'").await, "Michaela Neumann");
    }
}

/// A mapping and a file for it, both as a provider would write them.
const OWN: &str = r#"
source_system = "own_crm"
[file]
null = ["NULL", "n/a"]
[vars]
id = "Nr"
[parties]
external_id = "id"
set = { kind = "const(organization)", display_name = "Name", status = "const(validated)" }
[customers]
external_id = "id"
set = { party_id = "id", customer_no = "concat('O-', id)", kind = "map(Art, Firma=enterprise, Privat=consumer)", status = "Status", parent_id = "Oben?", since_on = "date_any(Seit)" }
[[billing_accounts]]
when = "not(blank(Betrag))"
external_id = "id"
set = { customer_id = "id", account_no = "id", name = "Name", currency = "const(EUR)", state = "const(active)", payment_status = "const(current)", format = "const(summary)", balance_minor = "money(Betrag, EUR)" }
"#;
async fn own(store: &Store, text: impl AsRef<[u8]>) -> Batch {
    let mapping = file("own.toml", OWN).await;
    one(store, Job { mapping: Some(mapping.display().to_string()), ..job(file("own.csv", text).await) }).await
}

#[tokio::test]
async fn a_bad_row_is_told_and_stops_nothing() {
    let dirty = b"Nr;Name;Art;Status;Seit;Betrag\r\n\
        1;M\xfcller & Co;Firma;ACTIVE;01.02.2020;1.234,5\r\
        2;\"Zwei; GmbH\";Firma;active;2020-02-31;7\n\
        3;Drei;Verein;active;2020-02-01;7\n\
        4;Vier;Firma;aktiv;2020-02-01;7\n\
        ;F\xfcnf;Firma;active;2020-02-01;7\n\
        6;Sechs;Firma;active;2020-02-01;viel\n\
        7;Sieben;Firma;active\n\
        8;Acht;Firma;active;n/a;NULL;\n\
        9;\"Neun;Firma;active;2020-02-01;7\n\
        1;Eins;Firma;closed;2020-02-01;7\n\
        10;Zehn;privat;Active;1 Mar 2020;0,5\n";
    for store in harness::stores().await {
        let batch = own(&store, dirty).await;
        assert_eq!((batch.rows, batch.counts), (11, counts(3, 0, 0, 8, 0)), "{:?}", batch.examples);
        assert_eq!(
            codes(&batch),
            [
                ("duplicate_id", 1),
                ("invalid_amount", 1),
                ("invalid_date", 1),
                ("missing_id", 3),
                ("unclosed_quote", 1),
                ("unknown_value", 2),
                ("wrong_number_of_cells", 1)
            ]
        );
        assert_eq!(text(&store, "select display_name from parties where external_id = '1'").await, "Müller & Co");
        assert_eq!(number(&store, "select balance_minor from billing_accounts where external_id = '1'").await, 123_450);
        assert_eq!(
            text(&store, "select raw from import_row_errors where row_no = 4 and code = 'unknown_value'").await,
            "4;Vier;Firma;aktiv;2020-02-01;7"
        );
        assert_eq!(text(&store, "select source_status from customers where external_id = '1'").await, "ACTIVE");
        assert_eq!(own(&store, dirty).await.counts, counts(0, 0, 3, 8, 0));
    }
}

#[tokio::test]
async fn children_may_stand_before_their_parents_and_circles_are_refused() {
    let row = |nr: &str, above: &str| format!("{nr},Name {nr},Firma,active,2020-01-01,,{above}\n");
    let head = "Nr,Name,Art,Status,Seit,Betrag,Oben\n";
    let depths = "select count(*) from customer_closure c join customers d on d.id = c.descendant_id where d.external_id = 'leaf'";
    for store in harness::stores().await {
        let many: String = (0..1_200).map(|i| row(&format!("x{i}"), "")).collect();
        let batch = own(&store, format!("{head}{}{}{many}{}{}", row("leaf", "mid"), row("lost", "nobody"), row("mid", "top"), row("top", ""))).await;
        assert_eq!((batch.counts, codes(&batch)), (counts(1_203, 0, 0, 1, 0), vec![("missing_parent", 1)]));
        assert_eq!(number(&store, depths).await, 3);
        // the subtree moves, and its descendants with it
        let batch = own(&store, format!("{head}{}", row("mid", ""))).await;
        assert_eq!((batch.counts, number(&store, depths).await), (counts(0, 1, 0, 0, 0), 2), "{:?}", batch.examples);
        let batch = own(&store, format!("{head}{}{}", row("mid", "top"), row("top", "leaf"))).await;
        assert_eq!((batch.counts, codes(&batch)), (counts(0, 1, 0, 1, 0), vec![("cycle", 1)]));
        assert_eq!(number(&store, depths).await, 3);
        let batch = own(&store, format!("{head}{}{}", row("a", "b"), row("b", "a"))).await;
        assert_eq!((batch.counts, codes(&batch)), (counts(0, 0, 0, 2, 0), vec![("missing_parent", 2)]));
    }
}

#[tokio::test]
async fn a_number_that_another_row_has_is_told() {
    let mapping = "source_system = 'b'\n[regions]\nexternal_id = 'id'\nset = { code = 'code', name = 'code', kind = 'const(city)' }";
    for store in harness::stores().await {
        let mapping = file("regions.toml", mapping).await;
        let job = Job { mapping: Some(mapping.display().to_string()), ..job(file("r.csv", "id,code\n1,A\n2,A\n3,B\n").await) };
        let batch = one(&store, job.clone()).await;
        assert_eq!((batch.counts, codes(&batch)), (counts(2, 0, 0, 1, 0), vec![("taken", 1)]));
        let batch = one(&store, Job { source_system: Some("c".into()), ..job }).await;
        assert_eq!((batch.counts, codes(&batch)), (counts(0, 0, 0, 3, 0), vec![("taken", 3)]));
    }
}

#[tokio::test]
async fn what_cannot_be_read_at_all_is_one_clear_error() {
    let store = harness::store().await;
    for (name, text, hint) in [
        ("empty.csv", &b""[..], "is empty"),
        ("book.csv", b"PK\x03\x04rest", "save the sheet as CSV"),
        ("zero.csv", b"a,b\n\0\0\0", "zero bytes"),
        ("other.csv", b"foo,bar\n1,2\n", "no built-in mapping fits"),
        ("orders.csv", b"customerID,order,article,price\n1,2,3,4\n", "no built-in mapping fits"),
    ] {
        let path = file(name, text).await;
        let error = import(&store, &hub(&store), job(&path), |_| {}).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid(m) if m.contains(hint)), "{name}: {error}");
    }
    let path = file("ibm.csv", "customerID,gender\n1,f\n").await;
    let told = |job: Job| async { import(&store, &hub(&store), job, |_| {}).await.unwrap_err().to_string() };
    assert!(told(Job { mapping: Some("ibm-telko".into()), ..job(&path) }).await.contains("did you mean `ibm-telco`?"));
    assert!(told(Job { mapping: Some("ibm-telco".into()), ..job(&path) }).await.contains("it has no column `Churn|Churn Label`"));
    if let Some(path) = harness::data(IBM) {
        assert!(told(Job { as_of: None, ..job(path) }).await.contains("--as-of"));
    }
    assert_eq!(number(&store, "select count(*) from import_batches").await, 0);
}

/// The customers whose change was logged after a position.
async fn changed_customers(store: &Store, position: i64) -> BTreeSet<Uuid> {
    #[expect(clippy::disallowed_methods, reason = "the change log has no row rule")]
    let changes = change::Entity::find().filter(change::Column::Position.gt(position)).filter(change::Column::EntityType.eq("Customer"));
    changes.all(store.reader()).await.unwrap().into_iter().map(|c| c.entity_id).collect()
}
#[tokio::test]
async fn a_customer_changes_when_a_partner_comes_to_it_or_leaves() {
    let mapping = "source_system = 'crm'\n[partner_customers]\nexternal_id = 'Nr'\nset = { partner_id = 'Partner', customer_id = 'Kunde', role = 'const(sells)', valid_from_on = 'date_any(Von)', valid_to_on = 'date_any(Bis)' }";
    for store in harness::stores().await {
        harness::partner(&store, "Acme").await;
        let (ada, bob) = (harness::customer(&store, "Ada").await.id, harness::customer(&store, "Bob").await.id);
        let mapping = file("sells.toml", mapping).await;
        for (row, expected) in [
            ("1,ACME,C-ADA,2024-01-01,", vec![ada]),
            ("1,ACME,C-ADA,2024-01-01,", vec![]),
            ("1,ACME,C-ADA,2024-01-01,2025-01-01", vec![ada]),
            ("1,ACME,C-BOB,2024-01-01,2025-01-01", vec![ada, bob]),
        ] {
            let position = store.position().await.unwrap();
            let path = file("sells.csv", format!("Nr,Partner,Kunde,Von,Bis\n{row}\n")).await;
            let batch = one(&store, Job { mapping: Some(mapping.display().to_string()), ..job(path) }).await;
            assert_eq!(batch.counts.rejected, 0, "{:?}", batch.examples);
            assert_eq!(changed_customers(&store, position).await, expected.into_iter().collect(), "{row} on {:?}", store.backend());
        }
    }
}

#[tokio::test]
async fn a_customer_who_moved_meanwhile_is_not_put_below_itself() {
    for store in harness::stores().await {
        let (a, b) = (harness::customer(&store, "A").await, harness::customer(&store, "B").await);
        let record = Record::row("customers", a.id.to_string()).with("parent_id", RecordValue::to("customers", b.id.to_string()));
        let row = Row::from(Mapped { row_no: 1, records: vec![record], ..Mapped::default() });
        let mut upsert = Upsert::new("hub", vec![], Uuid::nil());
        let (plan, taken) = upsert.decide(store.reader(), harness::now(), vec![row.into()], false).await.unwrap();
        assert_eq!(taken.rows.updated, 1, "{:?}", taken.notes);
        // while the chunk is on its way, an agent puts B below A
        let parent = customer::Update { customer_id: b.id, expected_version: 1, parent: Some(Some(a.id)), ..Default::default() };
        harness::act(&store, &harness::agent(), async |w| customer::update(w, parent).await).await.unwrap();
        let before = harness::snapshot(&store).await;
        let plan = upsert::Prepared::new(store.backend(), &upsert.origin, plan, store.clock().now()).unwrap();
        let error = harness::act(&store, &hub(&store), async |w| upsert::write(w, &upsert.origin, plan).await).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid(m) if m.contains("became its own ancestor") && m.contains("run the import again")), "{error}");
        assert_eq!(harness::snapshot(&store).await, before, "nothing of the chunk is written");
    }
}

/// Text that does not pack well.
fn noise(n: u64) -> String {
    let mut state = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    };
    (0..8).map(|_| format!("{:016x}", next())).collect()
}
/// A packed file that lost its end on the way.
async fn cut(name: &str, text: String) -> PathBuf {
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    file(name, &packed[..packed.len() * 8 / 10]).await
}
#[tokio::test]
async fn what_was_read_of_a_file_that_breaks_off_is_kept_and_told() {
    let head = "Nr,Name,Art,Status,Seit,Betrag,Oben\n";
    // the first stands above its parent, the second has none: what waited is settled, too
    let above = |i| ["x900", "nobody"].get(i).copied().unwrap_or_default();
    let rows: String = (0..4_000).map(|i| format!("x{i},{},Firma,active,2020-01-01,,{}\n", noise(i), above(i as usize))).collect();
    let people: String = (0..4_000).map(|i| format!("{{\"@type\":\"Individual\",\"id\":\"{i}\",\"familyName\":\"{}\"}}\n", noise(i))).collect();
    for store in harness::stores().await {
        let mapping = file("own.toml", OWN).await.display().to_string();
        let csv = Job { mapping: Some(mapping), ..job(cut("own.csv.zst", format!("{head}{rows}")).await) };
        for (job, source, rejected) in [(csv, "own_crm", 1), (job(cut("people.ndjson.zst", people.clone()).await), "tmf", 0)] {
            let error = import(&store, &hub(&store), job, |_| {}).await.expect_err("the file breaks off").to_string();
            assert!(error.starts_with("cannot read "), "{error}");
            let kept = number(&store, &format!("select count(*) from parties where source_system = '{source}'")).await;
            assert!((1_000..4_000).contains(&kept), "{kept} of {source}");
            let batch = format!(
                "select count(*) from import_batches where source_system = '{source}' and state = 'failed' and rejected = {rejected} and rows = {kept} + {rejected} and inserted = {kept}"
            );
            assert_eq!(number(&store, &batch).await, 1, "{source}");
            let task = format!(
                "select t.message from tasks t join import_batches b on b.task_id = t.id where b.source_system = '{source}' and t.state = 'failed' and t.error_code = 'FAILED' and t.finished_at is not null"
            );
            assert_eq!(text(&store, &task).await, error);
        }
    }
}

#[tokio::test]
async fn a_name_that_no_index_has_room_for_is_one_bad_row() {
    let long: String = (0..2_000).map(noise).collect();
    let person = |id: u32, name: &str| format!("{{\"@type\":\"Individual\",\"id\":\"{id}\",\"familyName\":\"{name}\"}}\n");
    for store in harness::stores().await {
        let path = file("people.ndjson", [person(1, "Ada"), person(2, &long), person(3, "Bob")].concat()).await;
        let batch = one(&store, job(&path)).await;
        assert_eq!((batch.counts.inserted, batch.counts.rejected, batch.problems["too_long"]), (2, 1, 1), "{:?}", batch.problems);
    }
}

#[tokio::test]
async fn who_is_moved_by_an_import_is_found_by_the_new_head_alone() {
    let file = |above: &str| {
        let row = |nr: &str, above: &str| format!("{nr},Name {nr},Firma,active,2020-01-01,,{above}\n");
        format!("Nr,Name,Art,Status,Seit,Betrag,Oben\n{}{}{}{}", row("old", ""), row("new", ""), row("unit", above), row("leaf", "unit"))
    };
    for store in harness::stores().await {
        own(&store, file("old")).await;
        let mut ids = BTreeMap::new();
        for row in harness::agent().find::<customer::Entity>().all(store.reader()).await.unwrap() {
            ids.insert(row.external_id.clone(), row.id);
            harness::Customer { store: store.clone(), id: row.id, party_id: row.party_id, account_id: row.id, partner_id: None }
                .ticket(&format!("Outage of {}", row.external_id))
                .await;
        }
        let index = Index::open(harness::folder().await.join("index"), &store).await.unwrap();
        let found = |head: &str| {
            let request = SearchRequest { query: "outage".into(), first: 100, ..Default::default() };
            index.search(&harness::customer_of(ids[head]), &request).unwrap().total
        };
        for (above, expected) in [("old", [3, 1, 2, 1]), ("new", [1, 3, 2, 1]), ("", [1, 1, 2, 1]), ("old", [3, 1, 2, 1])] {
            own(&store, file(above)).await;
            index.catch_up().await.unwrap();
            assert_eq!(["old", "new", "unit", "leaf"].map(found), expected, "below {above:?} on {:?}", store.backend());
        }
    }
}
