//! The invented provider: its rows agree with each other, and with what its knowledge base says of bills.
use crate::{graph::ask::World, harness};
use chrono::{DateTime, NaiveDate, Utc};
use entities::{
    Store,
    billing::{bill, bill_line, billing_account},
    care::{ticket, ticket_note},
    catalogue::{offering_price, product, product_category, product_offering},
    conversation::{bot_answer, bot_citation, conversation, message},
    exchange::{source_system, task},
    generate::{Plan, Progress, Summary, generate},
    model::{Record, TextEnum},
    party::{contact_medium, customer, customer_closure, partner, partner_customer, party, region},
    privacy::{consent, state_change},
};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Iterable, PrimaryKeyToColumn, QueryOrder, Statement, TransactionTrait};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Mutex,
};
use tokio::sync::OnceCell;
use uuid::Uuid;

const CUSTOMERS: u64 = 120;
const SEED: u64 = 7;

fn until() -> NaiveDate {
    harness::now().date_naive()
}
async fn filled(store: &Store, customers: u64, seed: u64, until: NaiveDate) -> Summary {
    generate(store, &Plan::new(customers, seed, until), |_| {}).await.expect("the data is made")
}

/// All rows of a kind, by key.
async fn all<E: Record>(store: &Store) -> Vec<E::Model> {
    let mut find = harness::agent().find::<E>();
    for key in E::PrimaryKey::iter() {
        find = find.order_by_asc(key.into_column());
    }
    find.all(store.reader()).await.expect("the rows are read")
}
#[expect(clippy::disallowed_methods, reason = "tables without a public id have no row rule")]
async fn links<E: EntityTrait>(store: &Store) -> Vec<E::Model> {
    let mut find = E::find();
    for key in E::PrimaryKey::iter() {
        find = find.order_by_asc(key.into_column());
    }
    find.all(store.reader()).await.expect("the rows are read")
}

/// What was generated, read back once for all tests.
struct Data {
    summary: Summary,
    customers: Vec<customer::Model>,
    closure: Vec<customer_closure::Model>,
    partners: Vec<partner::Model>,
    sold: Vec<partner_customer::Model>,
    accounts: Vec<billing_account::Model>,
    products: Vec<product::Model>,
    bills: Vec<bill::Model>,
    lines: Vec<bill_line::Model>,
    tickets: Vec<ticket::Model>,
    notes: Vec<ticket_note::Model>,
    conversations: Vec<conversation::Model>,
    messages: Vec<message::Model>,
    states: Vec<state_change::Model>,
    media: Vec<contact_medium::Model>,
}
async fn data() -> &'static Data {
    static DATA: OnceCell<Data> = OnceCell::const_new();
    DATA.get_or_init(|| async {
        let store = &harness::store().await;
        Data {
            summary: filled(store, CUSTOMERS, SEED, until()).await,
            customers: all::<customer::Entity>(store).await,
            closure: links::<customer_closure::Entity>(store).await,
            partners: all::<partner::Entity>(store).await,
            sold: links::<partner_customer::Entity>(store).await,
            accounts: all::<billing_account::Entity>(store).await,
            products: all::<product::Entity>(store).await,
            bills: all::<bill::Entity>(store).await,
            lines: all::<bill_line::Entity>(store).await,
            tickets: all::<ticket::Entity>(store).await,
            notes: all::<ticket_note::Entity>(store).await,
            conversations: all::<conversation::Entity>(store).await,
            messages: all::<message::Entity>(store).await,
            states: all::<state_change::Entity>(store).await,
            media: all::<contact_medium::Entity>(store).await,
        }
    })
    .await
}
impl Data {
    fn lines_of(&self, bill: Uuid) -> Vec<&bill_line::Model> {
        let mut lines: Vec<_> = self.lines.iter().filter(|l| l.bill_id == bill).collect();
        lines.sort_by_key(|l| l.line_no);
        lines
    }
    fn by_bill(&self) -> HashMap<Uuid, Vec<&bill_line::Model>> {
        let mut by: HashMap<Uuid, Vec<&bill_line::Model>> = HashMap::new();
        self.lines.iter().for_each(|l| by.entry(l.bill_id).or_default().push(l));
        by
    }
}

/// Every row of every table as text, by table.
async fn dump(store: &Store) -> BTreeMap<&'static str, Vec<String>> {
    async fn texts<E: Record>(store: &Store) -> Vec<String> {
        all::<E>(store).await.iter().map(|m| format!("{m:?}")).collect()
    }
    BTreeMap::from([
        ("source_systems", texts::<source_system::Entity>(store).await),
        ("regions", texts::<region::Entity>(store).await),
        ("product_categories", texts::<product_category::Entity>(store).await),
        ("product_offerings", texts::<product_offering::Entity>(store).await),
        ("parties", texts::<party::Entity>(store).await),
        ("contact_media", texts::<contact_medium::Entity>(store).await),
        ("partners", texts::<partner::Entity>(store).await),
        ("offering_prices", texts::<offering_price::Entity>(store).await),
        ("customers", texts::<customer::Entity>(store).await),
        ("customer_closure", links::<customer_closure::Entity>(store).await.iter().map(|m| format!("{m:?}")).collect()),
        ("partner_customers", links::<partner_customer::Entity>(store).await.iter().map(|m| format!("{m:?}")).collect()),
        ("billing_accounts", texts::<billing_account::Entity>(store).await),
        ("products", texts::<product::Entity>(store).await),
        ("bills", texts::<bill::Entity>(store).await),
        ("bill_lines", texts::<bill_line::Entity>(store).await),
        ("conversations", texts::<conversation::Entity>(store).await),
        ("messages", texts::<message::Entity>(store).await),
        ("bot_answers", texts::<bot_answer::Entity>(store).await),
        ("bot_citations", texts::<bot_citation::Entity>(store).await),
        ("tickets", texts::<ticket::Entity>(store).await),
        ("ticket_notes", texts::<ticket_note::Entity>(store).await),
        ("consents", texts::<consent::Entity>(store).await),
        ("state_changes", texts::<state_change::Entity>(store).await),
    ])
}

#[tokio::test]
async fn the_same_seed_gives_the_same_rows_on_both_databases() {
    let mut dumps = vec![];
    for store in harness::stores().await {
        // more than are written together
        let summary = filled(&store, 300, SEED, until()).await;
        let dump = dump(&store).await;
        let counts: BTreeMap<_, _> = summary.counts.iter().copied().collect();
        let read: BTreeMap<_, _> = dump.iter().map(|(table, rows)| (*table, rows.len() as u64)).collect();
        assert_eq!(counts, read, "the summary counts what is there");
        assert_eq!(store.position().await.expect("the head of the log"), 0, "no change is logged, so there is no gap");
        dumps.push((summary, dump));
    }
    let other = harness::store().await;
    filled(&other, 300, SEED + 1, until()).await;
    let (lite, pg) = (&dumps[0], &dumps[1]);
    assert_eq!(lite.0, pg.0);
    for (table, rows) in &lite.1 {
        assert_eq!(rows, &pg.1[table], "{table}");
    }
    assert_ne!(lite.1["bills"], dump(&other).await["bills"], "another seed makes other bills");
}

#[tokio::test]
async fn a_customer_is_the_same_in_any_crowd() {
    let (few, many) = (harness::store().await, harness::store().await);
    filled(&few, 55, SEED, until()).await;
    filled(&many, 90, SEED, until()).await;
    let many = dump(&many).await;
    for (table, rows) in dump(&few).await {
        let there: HashSet<_> = many[table].iter().collect();
        let missing = rows.iter().find(|r| !there.contains(r));
        assert_eq!(missing, None, "{table}");
    }
}

#[tokio::test]
async fn a_database_with_customers_is_refused_and_left_alone() {
    for store in harness::stores().await {
        filled(&store, 50, SEED, until()).await;
        let again = generate(&store, &Plan::new(50, SEED + 1, until()), |_| {}).await;
        assert!(again.is_err_and(|e| e.to_string().contains("already has customers")));
        assert_eq!(all::<customer::Entity>(&store).await.len(), 50);
    }
    let few = generate(&harness::store().await, &Plan::new(49, SEED, until()), |_| {}).await;
    assert!(few.is_err_and(|e| e.to_string().contains("too few")));
}

#[tokio::test]
async fn progress_ends_at_the_total() {
    let seen = Mutex::new(vec![]);
    generate(&harness::store().await, &Plan::new(260, SEED, until()), |p| seen.lock().expect("one thread").push(p)).await.expect("the data is made");
    assert_eq!(seen.into_inner().expect("one thread"), [Progress { done: 250, total: 260 }, Progress { done: 260, total: 260 }]);
}

/// Tasks as an agent sees them, the newest first.
async fn tasks(store: &Store) -> serde_json::Value {
    let world = World::new(store.clone()).await;
    let query = "{ tasks { nodes { kind title state done total message startedAt finishedAt } } }";
    let refused = world.ask(&harness::public(), query).await;
    assert!(refused["errors"][0]["message"].as_str().is_some_and(|m| m.contains("Unknown field")), "{refused}");
    world.data(&harness::agent(), query).await["tasks"]["nodes"].take()
}
#[tokio::test]
async fn a_generation_is_a_task_that_agents_follow() {
    for store in harness::stores().await {
        filled(&store, 60, SEED, until()).await;
        assert_eq!(
            tasks(&store).await,
            json!([{
                "kind": "GENERATE", "title": "Generate 60 customers until 2026-01-15, seed 7", "state": "SUCCEEDED", "done": "60", "total": "60",
                "message": null, "startedAt": "2026-01-15T12:00:00Z", "finishedAt": "2026-01-15T12:00:00Z"
            }])
        );
    }
}
#[tokio::test]
async fn a_generation_that_fails_says_why_and_one_that_was_killed_is_closed_by_the_next() {
    for store in harness::stores().await {
        let (db, at) = (store.writer(), harness::now());
        let killed = task::begin(db, task::Kind::Generate, "killed".into(), None, "hub", at).await.expect("a task");
        let other = task::begin(db, task::Kind::Import, "an import".into(), None, "hub", at).await.expect("a task");
        // in the way of the first row that is made
        let sql = "insert into source_systems (id, created_at, updated_at, code, kind, priority) select id, created_at, updated_at, 'crm', 'crm', 1 from tasks limit 1";
        db.execute_unprepared(sql).await.expect("a row");
        let failed = generate(&store, &Plan::new(50, SEED, until()), |_| {}).await.expect_err("two systems of one code");
        db.execute_unprepared("delete from source_systems").await.expect("the row goes");
        filled(&store, 50, SEED, until()).await;

        let told = |t: &task::Model| (t.kind, t.state, t.done, t.error_code.clone(), t.message.clone(), t.finished_at);
        let mut rows = all::<task::Entity>(&store).await;
        rows.sort_by_key(|t| (t.id != killed, t.id != other, t.state == task::State::Succeeded));
        let own = |s: &str| Some(s.to_string());
        use task::{Kind, State};
        assert_eq!(
            rows.iter().map(told).collect::<Vec<_>>(),
            [
                (Kind::Generate, State::Failed, 0, own("INTERRUPTED"), own("it was interrupted, and run again"), Some(at)),
                (Kind::Import, State::Running, 0, None, None, None),
                (Kind::Generate, State::Failed, 0, own("FAILED"), Some(failed.to_string()), Some(at)),
                (Kind::Generate, State::Succeeded, 50, None, None, Some(at)),
            ]
        );
    }
}

/// Keys, references, checks and indexes.
async fn keys(store: &Store) -> Vec<String> {
    let sql = match store.backend() {
        DbBackend::Postgres => {
            "select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) as s from pg_constraint where conrelid > 0 \
             union all select indexdef from pg_indexes where schemaname = 'public' order by s"
        }
        _ => "select tbl_name || ' ' || name || ' ' || coalesce(sql, '') as s from sqlite_master where type = 'index' order by s",
    };
    let rows = store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.expect("the catalogue is read");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}
#[tokio::test]
async fn keys_are_set_aside_on_postgres_and_as_before_whether_all_was_written_or_nothing() {
    for store in harness::stores().await {
        let before = keys(&store).await;
        assert!(before.len() > 100, "{}", before.len());
        let taken = &data().await.states[0];
        let sql = "insert into state_changes (id, entity_type, entity_id, to_state, actor, changed_at) values ($1, 'bill', $1, 'new', 'test', $2)";
        let insert = Statement::from_sql_and_values(store.backend(), sql, [taken.id.into(), taken.changed_at.into()]);
        store.writer().execute_raw(insert).await.expect("a row");
        let written = Mutex::new(0);
        generate(&store, &Plan::new(CUSTOMERS, SEED, until()), |p| *written.lock().expect("a count") = p.done).await.expect_err("two rows of one id");
        // SQLite has its keys, and finds it where the row is
        let found_at = if store.backend() == DbBackend::Postgres { CUSTOMERS } else { 0 };
        assert_eq!(written.into_inner().expect("a count"), found_at);
        let left = dump(&store).await;
        let left: Vec<_> = left.iter().filter(|(_, rows)| !rows.is_empty()).map(|(table, rows)| (*table, rows.len())).collect();
        assert_eq!(left, [("state_changes", 1)]);
        assert_eq!(keys(&store).await, before);

        store.writer().execute_unprepared("delete from state_changes").await.expect("the row goes");
        filled(&store, CUSTOMERS, SEED, until()).await;
        assert_eq!(keys(&store).await, before);
    }
}
#[tokio::test]
async fn tables_that_somebody_else_uses_are_not_waited_for_for_long() {
    for store in harness::stores().await.into_iter().filter(|s| s.backend() == DbBackend::Postgres) {
        let reading = store.writer().begin().await.expect("a transaction");
        reading.query_all_raw(Statement::from_string(store.backend(), "select 1 from bills")).await.expect("no bills");
        let failed = generate(&store, &Plan::new(50, SEED, until()), |_| {}).await.expect_err("the bills are being read");
        assert!(failed.to_string().starts_with("somebody else uses this database"), "{failed}");
    }
}

#[tokio::test]
async fn every_day_of_a_year_can_be_the_last() {
    for day in ["2024-02-29", "2024-03-01", "2025-12-31", "2026-01-01", "2026-03-04", "2026-03-31"] {
        let store = harness::store().await;
        let until = day.parse().expect("a date");
        filled(&store, 50, SEED, until).await;
        let bills = all::<bill::Entity>(&store).await;
        assert!(bills.iter().all(|b| b.bill_on <= until), "{day}");
        assert!(
            bills
                .iter()
                .any(|b| b.bill_on == NaiveDate::from_ymd_opt(chrono::Datelike::year(&until), chrono::Datelike::month(&until), 1).expect("a date")),
            "{day}"
        );
    }
}

#[tokio::test]
async fn references_hold_on_sqlite_too() {
    let store = harness::store().await;
    filled(&store, CUSTOMERS, SEED, until()).await;
    let broken = store.reader().query_all_raw(Statement::from_string(store.backend(), "pragma foreign_key_check")).await.expect("the check runs");
    assert!(broken.is_empty(), "{broken:?}");
    let settings = store
        .writer()
        .query_one_raw(Statement::from_string(store.backend(), "select foreign_keys * 10 + synchronous from pragma_foreign_keys, pragma_synchronous"))
        .await;
    let on: i32 = settings.expect("the settings").expect("one row").try_get_by_index(0).expect("a number");
    assert_eq!(on, 12, "references are checked and writes are durable again");
}

#[tokio::test]
async fn bills_add_up_and_balances_are_what_is_open() {
    let d = data().await;
    let lines = d.by_bill();
    for b in &d.bills {
        let sum = |f: fn(&bill_line::Model) -> i64| lines[&b.id].iter().map(|l| f(l)).sum::<i64>();
        let no = &b.bill_no;
        assert_eq!((sum(|l| l.tax_excluded_minor), sum(|l| l.tax_minor)), (b.tax_excluded_minor, b.tax_minor), "{no}");
        assert_eq!(b.tax_included_minor, b.tax_excluded_minor + b.tax_minor, "{no}");
        assert_eq!(b.amount_due_minor, b.tax_included_minor + b.rounding_minor + b.previous_minor, "{no}");
        assert!(b.remaining_minor.abs() <= (b.tax_included_minor + b.rounding_minor).abs(), "{no}");
        match b.state {
            bill::State::Settled | bill::State::OnHold => assert_eq!(b.remaining_minor, 0, "{no}"),
            bill::State::Sent => assert_eq!(b.remaining_minor, b.tax_included_minor + b.rounding_minor, "{no}"),
            _ => assert!(b.remaining_minor > 0 && b.remaining_minor < b.tax_included_minor, "{no}"),
        }
        assert_eq!(b.kind == bill::Kind::CreditNote, b.corrects_bill_id.is_some(), "{no}");
        let numbers: Vec<_> = d.lines_of(b.id).iter().map(|l| l.line_no).collect();
        assert_eq!(numbers, (1..=numbers.len() as i32).collect::<Vec<_>>(), "{no}");
    }
    for l in &d.lines {
        let exact = l.tax_excluded_minor * i64::from(l.tax_rate_bp);
        assert!((l.tax_minor * 10_000 - exact).abs() <= 10_000, "the tax is within a cent of its rate: {l:?}");
        let product = i128::from(l.quantity_micro) * i128::from(l.unit_price_micro) / 10_000_000_000;
        assert!((product - i128::from(l.tax_excluded_minor)).abs() <= 1, "quantity times price is the line: {l:?}");
    }
    for a in &d.accounts {
        let open: i64 = d.bills.iter().filter(|b| b.billing_account_id == a.id).map(|b| b.remaining_minor).sum();
        assert_eq!(a.balance_minor, open, "{}", a.account_no);
        let overdue = d.bills.iter().any(|b| b.billing_account_id == a.id && b.remaining_minor > 0 && b.due_on.is_some_and(|due| due < until()));
        assert_eq!(a.payment_status != billing_account::PaymentStatus::Current, overdue, "{}", a.account_no);
    }
}

#[tokio::test]
async fn a_year_of_bills_has_all_that_bills_can_have() {
    let d = data().await;
    let kinds: HashSet<_> = d.bills.iter().map(|b| b.kind).collect();
    assert!(kinds.contains(&bill::Kind::Invoice) && kinds.contains(&bill::Kind::CreditNote) && kinds.contains(&bill::Kind::Settlement));
    let lines: HashSet<_> = d.lines.iter().map(|l| l.kind).collect();
    for kind in [
        bill_line::Kind::Recurring,
        bill_line::Kind::OneTime,
        bill_line::Kind::Usage,
        bill_line::Kind::Discount,
        bill_line::Kind::Adjustment,
        bill_line::Kind::Penalty,
    ] {
        assert!(lines.contains(&kind), "{kind:?}");
    }
    for word in ["New price from", "Roaming: ", "used up in", "so you pay", "in advance", "still open on", "discount of EUR", "You changed from"] {
        assert!(d.lines.iter().any(|l| l.plain_reason.as_ref().is_some_and(|r| r.contains(word))), "a reason with \"{word}\"");
    }
    let months: BTreeSet<_> = d.bills.iter().filter(|b| b.kind == bill::Kind::Invoice).map(|b| b.bill_on).collect();
    assert_eq!(months.len(), 12);
    assert!(d.bills.iter().any(|b| b.rounding_minor != 0));
    assert!(d.bills.iter().all(|b| b.due_on.is_none_or(|due| due > b.bill_on)));
}

/// The same line on another bill: its product, kind and words without a count.
fn same(l: &bill_line::Model) -> (Option<Uuid>, bill_line::Kind, String) {
    (l.product_id, l.kind, l.description.split(',').next().unwrap_or_default().to_string())
}

#[tokio::test]
async fn a_line_that_differs_from_last_month_says_why() {
    let d = data().await;
    let by_bill = d.by_bill();
    let mut bills: Vec<_> = d.bills.iter().filter(|b| b.kind == bill::Kind::Invoice).collect();
    bills.sort_by_key(|b| (b.billing_account_id, b.bill_on));
    let (mut compared, mut changed) = (0, 0);
    for pair in bills.windows(2).filter(|p| p[0].billing_account_id == p[1].billing_account_id) {
        let before: HashMap<_, _> =
            by_bill[&pair[0].id].iter().filter(|l| l.unit.as_deref() == Some("month")).map(|l| (same(l), l.tax_excluded_minor)).collect();
        let now = &by_bill[&pair[1].id];
        for l in now.iter().filter(|l| l.unit.as_deref() == Some("month")) {
            compared += 1;
            if before.get(&same(l)) != Some(&l.tax_excluded_minor) {
                changed += 1;
                assert!(l.plain_reason.is_some(), "{} {}", pair[1].bill_no, l.description);
            }
        }
        let gone = by_bill[&pair[0].id].iter().filter(|l| l.kind == bill_line::Kind::Discount);
        for l in gone.filter(|l| !now.iter().any(|n| same(n) == same(l))) {
            let carrier =
                now.iter().find(|n| n.product_id == l.product_id && n.kind == bill_line::Kind::Recurring && n.unit.as_deref() == Some("month"));
            assert!(
                carrier.is_none_or(|c| c.plain_reason.as_ref().is_some_and(|r| r.contains("ended on"))),
                "{} has lost {}",
                pair[1].bill_no,
                l.description
            );
        }
    }
    assert!(compared > 1000 && changed > 50, "{compared} lines compared, {changed} changed");
    let always = [bill_line::Kind::Usage, bill_line::Kind::Penalty, bill_line::Kind::Adjustment, bill_line::Kind::SlaCredit];
    let silent = d.lines.iter().find(|l| {
        (always.contains(&l.kind) || l.unit.as_deref() == Some("day"))
            && l.plain_reason.is_none()
            && l.description != "Wholesale minutes"
            && l.description != "Wholesale mobile data"
    });
    assert_eq!(silent, None);
}

#[tokio::test]
async fn a_part_of_a_month_costs_its_days() {
    let d = data().await;
    let parts: Vec<_> = d.lines.iter().filter(|l| l.unit.as_deref() == Some("day") && l.kind == bill_line::Kind::Recurring).collect();
    assert!(parts.len() > 5);
    for l in parts {
        let (from, to) = (l.period_from_on.expect("a first day"), l.period_to_on.expect("a last day"));
        assert_eq!((to - from).num_days() + 1, l.quantity_micro / 1_000_000, "{l:?}");
        let owner = d.products.iter().find(|p| Some(p.id) == l.product_id).expect("its product");
        assert!(owner.start_at.is_some_and(|s| s.date_naive() <= from), "{l:?}");
    }
}

#[tokio::test]
async fn the_hierarchy_has_three_levels_and_a_complete_closure() {
    let d = data().await;
    let parent: HashMap<_, _> = d.customers.iter().map(|c| (c.id, c.parent_id)).collect();
    let mut expected = BTreeSet::new();
    for c in &d.customers {
        let (mut at, mut depth) = (Some(c.id), 0);
        while let Some(ancestor) = at {
            expected.insert((ancestor, c.id, depth));
            (at, depth) = (parent[&ancestor], depth + 1);
        }
    }
    let closure: BTreeSet<_> = d.closure.iter().map(|c| (c.ancestor_id, c.descendant_id, c.depth)).collect();
    assert_eq!(closure, expected);
    let below: Vec<_> = d.closure.iter().filter(|c| c.ancestor_id == d.summary.enterprise.id).collect();
    assert_eq!((below.len(), below.iter().map(|c| c.depth).max()), (40, Some(2)));
}

#[tokio::test]
async fn partners_are_on_what_they_sold_and_on_nothing_else() {
    let d = data().await;
    let share = |id: Uuid| d.partners.iter().find(|p| p.id == id).map(|p| p.share_level);
    assert_eq!(share(d.summary.full.partner.id), Some(partner::ShareLevel::Full));
    assert_eq!(share(d.summary.minimal.partner.id), Some(partner::ShareLevel::Minimal));
    let seller: HashMap<_, _> = d.sold.iter().filter(|s| s.valid_to_on.is_none()).map(|s| (s.customer_id, s.partner_id)).collect();
    let of = |customer: Uuid| seller.get(&customer).copied();
    assert!(d.accounts.iter().all(|r| r.partner_id == of(r.customer_id)));
    assert!(d.products.iter().all(|r| r.partner_id == of(r.customer_id)));
    assert!(d.bills.iter().all(|r| r.partner_id == of(r.customer_id)));
    assert!(d.lines.iter().all(|r| r.partner_id == of(r.customer_id)));
    assert!(d.tickets.iter().all(|r| r.partner_id == r.customer_id.and_then(of)));
    assert!(d.conversations.iter().all(|r| r.partner_id == r.customer_id.and_then(of)));
    for r in [&d.summary.full, &d.summary.minimal] {
        let sold = d.sold.iter().filter(|s| s.partner_id == r.partner.id && s.valid_to_on.is_none() && s.role == partner_customer::Role::Sells);
        assert_eq!(sold.count() as u64, r.customers);
        assert_eq!(of(r.customer.id), Some(r.partner.id));
        assert!(d.bills.iter().any(|b| b.customer_id == r.wholesale.id && b.kind == bill::Kind::Settlement));
    }
    assert!(d.notes.iter().any(|n| n.visibility == ticket_note::Visibility::Partner));
}

#[tokio::test]
async fn a_bill_of_the_consumer_tells_a_story() {
    let d = data().await;
    let newest = d.bills.iter().filter(|b| b.customer_id == d.summary.consumer.id).max_by_key(|b| b.bill_on).expect("a bill");
    let reasons: Vec<_> = d.lines_of(newest.id).iter().filter_map(|l| l.plain_reason.clone()).collect();
    assert_eq!(
        reasons,
        [
            "New price from 1 January 2026: Mobile M costs EUR 18.00 a month instead of EUR 17.00. We told you by email on 29 November 2025.",
            "The 25 GB of Mobile M were used up in December. 3 more blocks of 500 MB used after that, at EUR 2.00 each.",
            "Roaming: 245 MB of data used in Switzerland (Zone 2) between 8 and 12 December without a roaming pass, 245 × EUR 0.10.",
            "Roaming: 14 minutes of calls made in Switzerland (Zone 2) between 8 and 12 December without a roaming pass, 14 × EUR 0.60.",
        ]
    );
    assert_eq!(newest.tax_included_minor, 9590);
    let open = d.tickets.iter().find(|t| t.bill_id == Some(newest.id) && t.kind == ticket::Kind::BillDispute).expect("a ticket about it");
    assert_eq!(open.customer_id, Some(d.summary.consumer.id));
}

#[tokio::test]
async fn time_runs_forward() {
    let d = data().await;
    let end: DateTime<Utc> = until().and_time(chrono::NaiveTime::MIN).and_utc();
    for t in &d.tickets {
        let steps = [Some(t.opened_at), t.first_response_at, t.resolved_at, t.closed_at];
        let steps: Vec<_> = steps.into_iter().flatten().collect();
        assert!(steps.is_sorted() && steps.iter().all(|s| *s <= end), "{t:?}");
        let finished = matches!(t.status, ticket::Status::Resolved | ticket::Status::Closed);
        assert_eq!(t.resolved_at.is_some(), finished, "{t:?}");
        assert_eq!(t.resolution.is_some(), finished, "{t:?}");
        let mut states: Vec<_> = d.states.iter().filter(|s| s.entity_id == t.id).collect();
        states.sort_by_key(|s| (s.changed_at, s.id));
        assert_eq!(states.first().map(|s| (&s.from_state, s.changed_at)), Some((&None, t.opened_at)), "{}", t.ticket_no);
        assert!(states.windows(2).all(|w| Some(&w[0].to_state) == w[1].from_state.as_ref()), "{states:?}");
        assert_eq!(states.last().map(|s| s.to_state.as_str()), Some(t.status.text()), "{}", t.ticket_no);
    }
    let opened: HashMap<_, _> = d.tickets.iter().map(|t| (t.id, t.opened_at)).collect();
    assert!(d.notes.iter().all(|n| n.noted_at >= opened[&n.ticket_id] && n.noted_at <= end));
    let started: HashMap<_, _> = d.conversations.iter().map(|c| (c.id, c.started_at)).collect();
    assert!(d.messages.iter().all(|m| m.created_at >= started[&m.conversation_id] && m.created_at <= end));
    assert!(d.conversations.iter().all(|c| c.resolved_at.is_none_or(|at| at >= c.started_at)));
    assert!(d.products.iter().all(|p| p.ordered_at <= p.start_at.or(p.ordered_at) && p.terminated_at.is_none_or(|t| Some(t) > p.start_at)));
    assert!(d.states.iter().all(|s| s.changed_at <= end));
}

#[tokio::test]
async fn ids_follow_the_dates_of_their_rows() {
    let d = data().await;
    let millis = |id: Uuid| (id.as_u128() >> 80) as i64;
    assert!(d.bills.iter().all(|b| millis(b.id) == b.created_at.timestamp_millis()));
    assert!(d.tickets.iter().all(|t| millis(t.id) == t.opened_at.timestamp_millis()));
    assert!(d.bills.iter().all(|b| b.id.get_version_num() == 7));
}

#[tokio::test]
async fn nobody_real_can_be_reached() {
    let d = data().await;
    for m in &d.media {
        match m.kind {
            contact_medium::Kind::Email => {
                assert!(m.value_norm.ends_with(".example") && m.value_norm == m.value_norm.to_lowercase(), "{}", m.value_norm)
            }
            contact_medium::Kind::Phone => assert!(m.value_norm.starts_with("+999") && m.value_norm.len() <= 16, "{}", m.value_norm),
            _ => assert_eq!(m.country.as_deref(), Some("XF")),
        }
    }
    let numbers: Vec<_> = d.products.iter().filter_map(|p| p.service_identifier.as_ref()).collect();
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len(), "no number twice");
    assert!(d.tickets.iter().any(|t| t.customer_id.is_none()), "some senders are unknown");
}
