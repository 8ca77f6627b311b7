//! An enterprise that is larger than `generate` invents one: a group, its divisions and their units, each with an
//! account and a year of bills.
use crate::Result;
use chrono::{DateTime, Days, Months, NaiveDate, TimeZone, Utc};
use entities::{
    Store,
    billing::{bill, billing_account},
    bulk::insert_all,
    clock::Clock,
    party::{customer, customer_closure, party},
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, TransactionTrait};
use serde_json::json;
use uuid::Uuid;

/// Customers of the enterprise, its root included.
pub const NODES: u64 = 10_000;
const DIVISIONS: u64 = 99;
const MONTHS: u32 = 12;
/// The unit with a long history, for a page of one account.
const OLD: u64 = NODES - 1;
const OLD_MONTHS: u32 = 120;
/// Written at a time.
const CHUNK: usize = 500;

/// The number of the root.
pub fn root_no() -> String {
    no(0)
}
/// The number of a unit whose one account has more than fifty bills.
pub fn unit_no() -> String {
    no(OLD)
}
fn no(node: u64) -> String {
    format!("E-{node:06}")
}
fn parent(node: u64) -> Option<u64> {
    match node {
        0 => None,
        1..=DIVISIONS => Some(0),
        _ => Some(1 + node % DIVISIONS),
    }
}

/// Writes it. No change is logged, as by `generate`: the index is made after it.
pub async fn found(url: &str) -> Result<()> {
    let store = Store::open(url, 2, Clock::system()).await?;
    let tx = store.writer().begin().await?;
    let nodes: Vec<u64> = (0..NODES).collect();
    for chunk in nodes.chunks(CHUNK) {
        insert_all(&tx, chunk.iter().map(|n| party_of(*n)).collect()).await?;
        insert_all(&tx, chunk.iter().map(|n| customer_of(*n)).collect()).await?;
    }
    for chunk in nodes.chunks(CHUNK) {
        below(&tx, chunk).await?;
    }
    tx.commit().await?;
    Ok(())
}
async fn below(tx: &DatabaseTransaction, nodes: &[u64]) -> Result<()> {
    insert_all(tx, nodes.iter().flat_map(|n| closure_of(*n)).collect()).await?;
    insert_all(tx, nodes.iter().map(|n| account_of(*n)).collect()).await?;
    insert_all(tx, nodes.iter().flat_map(|n| bills_of(*n)).collect()).await?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Table {
    Party = 1,
    Customer,
    Account,
    Bill,
}
/// The key of a row: the same on both databases, younger than those of `generate`.
fn id(table: Table, number: u64) -> Uuid {
    let mut tail = [0; 10];
    tail[1] = table as u8;
    tail[2..].copy_from_slice(&number.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(came().timestamp_millis() as u64, &tail).into_uuid()
}
fn came() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 7, 1, 8, 0, 0).single().unwrap_or_default()
}
fn last_bill() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default()
}
/// Id, instants and origin of a row.
macro_rules! row {
    ($entity:ident, $id:expr, $external:expr; $($field:ident: $value:expr),+ $(,)?) => {
        $entity::ActiveModel {
            id: Set($id), created_at: Set(came()), updated_at: Set(came()), row_version: Set(1),
            source_system: Set("bench".into()), external_id: Set($external),
            $($field: Set($value),)+
            ..Default::default()
        }
    };
}

fn party_of(node: u64) -> party::ActiveModel {
    let name = if node == 0 { "Bench Group".into() } else { format!("Bench Unit {node}") };
    row!(party, id(Table::Party, node), no(node);
        kind: party::Kind::Organization, display_name: name, locale: "en".into(), status: party::Status::Validated, attrs: json!({}))
}
fn customer_of(node: u64) -> customer::ActiveModel {
    row!(customer, id(Table::Customer, node), no(node);
        party_id: id(Table::Party, node), customer_no: no(node), kind: customer::Kind::Enterprise, status: customer::Status::Active,
        parent_id: parent(node).map(|p| id(Table::Customer, p)), household: json!({}), protected: false)
}
fn closure_of(node: u64) -> Vec<customer_closure::ActiveModel> {
    let above = std::iter::successors(Some(node), |n| parent(*n));
    let row = |(depth, ancestor): (usize, u64)| customer_closure::ActiveModel {
        ancestor_id: Set(id(Table::Customer, ancestor)),
        descendant_id: Set(id(Table::Customer, node)),
        depth: Set(depth as i32),
    };
    above.enumerate().map(row).collect()
}
fn account_of(node: u64) -> billing_account::ActiveModel {
    row!(billing_account, id(Table::Account, node), no(node);
        customer_id: id(Table::Customer, node), account_no: no(node), name: "Main".into(), currency: "EUR".into(), parent_pays: false, cycle_day: 1,
        state: billing_account::State::Active, payment_status: billing_account::PaymentStatus::Current, balance_minor: (node % 90_000) as i64,
        format: billing_account::Format::Summary, media: json!(["email"]), dunning_stage: 0)
}
fn bills_of(node: u64) -> Vec<bill::ActiveModel> {
    let months = if node == OLD { OLD_MONTHS } else { MONTHS };
    (0..months).map(|back| bill_of(node, back)).collect()
}
fn bill_of(node: u64, back: u32) -> bill::ActiveModel {
    // bills of a group are spread over its month
    let on = last_bill() - Months::new(back) + Days::new(node % 28);
    let (net, name) = (1_000 + (node * 31 % 90_000) as i64, format!("{}-{back}", no(node)));
    let tax = net / 5;
    row!(bill, id(Table::Bill, node * 1_000 + u64::from(OLD_MONTHS - back)), name.clone();
        customer_id: id(Table::Customer, node), bill_no: name, kind: bill::Kind::Invoice, billing_account_id: id(Table::Account, node),
        run_type: bill::RunType::OnCycle, state: bill::State::Sent, bill_on: on, due_on: Some(on + Days::new(14)), currency: "EUR".into(),
        tax_excluded_minor: net, tax_minor: tax, tax_included_minor: net + tax, rounding_minor: 0, previous_minor: 0, amount_due_minor: net + tax,
        remaining_minor: net + tax)
}
