//! Erasing a customer, all below it, and the people behind them (GDPR Art. 17). What becomes of each table is said by
//! [`holding`](super::holding); here it is done: the rows in one transaction, so that there is no half erasure, then the
//! bytes that the database still holds of them. Each step can be done again.
//!
//! What stays: bills with their sums and numbers, as the law wants the books; rows without their words, so that counts
//! and durations stand; a digest of each source row, so that an import does not bring it back.

/// Taking the rows' bytes out of the database's files.
pub mod scrub;
/// Rows that are a customer's by their words alone.
mod sought;

use crate::{
    Audience, Error, Result, Scope, Store,
    billing::bill,
    error::Code,
    exchange::{
        table::{self, Table},
        task::{Kind, queue},
    },
    input::needs,
    model::*,
    outbox::change::Operation,
    party::customer,
    privacy::{
        access::underway,
        audit_event::Action,
        erased_source,
        holding::{Fate, HOLDINGS, Holding},
        privacy_request::{self, of_customer},
    },
    rule::{self, Binder},
    store::Write,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbBackend, PaginatorTrait, QueryResult};
use std::collections::BTreeMap;

text_enum! {
    /// Why it must go, in the words of Art. 17(1). No free text: it would be about a person and stay.
    Ground "ErasureGround" { NoLongerNeeded = "noLongerNeeded", ConsentWithdrawn = "consentWithdrawn", Objected = "objected", Unlawful = "unlawful", LegalDuty = "legalDuty" }
}

/// What an agent decides.
#[derive(Clone, Debug)]
pub struct Ask {
    pub customer_id: Uuid,
    pub ground: Ground,
    /// Although bills are unpaid: nobody can be reached about them afterwards.
    pub even_though_owing: bool,
}

/// Has the hub erase a customer. One that is on its way is not asked for twice.
pub async fn ask(w: &mut Write, ask: Ask) -> Result<Uuid> {
    needs(w.scope(), "privacy:write")?;
    if w.scope().audience != Audience::Agent {
        return Err(Error::refused(Code::NotFound, "", "There is nothing here that you may erase. Ask for it by a privacy request."));
    }
    let customer = of_customer(w, ask.customer_id).await?;
    customer::whole(w.scope(), w.tx(), customer.id).await?;
    if let Some(underway) = underway(w, customer.id, Kind::Erase).await? {
        return Ok(underway);
    }
    if !ask.even_though_owing && unpaid(w, customer.id).await? > 0 {
        let message = "Bills of this customer, or of one below it, are unpaid. Once it is erased nobody can be reached about them: say `evenThoughOwing: true` to erase it all the same.";
        return Err(Error::refused(Code::InvalidTransition, "evenThoughOwing", message));
    }
    privacy_request::create(w, customer.id, privacy_request::Kind::Erasure).await?;
    let id = queue::ask(w, Kind::Erase, "Erasing a customer", customer.id).await?;
    privacy_request::begun(w, customer.id, privacy_request::Kind::Erasure, id).await?;
    w.audit(Action::Delete, &customer::ENTITY, customer.id, Some(customer.id), &["everything", ask.ground.text()]);
    Ok(id)
}
async fn unpaid(w: &Write, root: Uuid) -> Result<u64> {
    let theirs = Scope::new(Audience::Customer, "", w.at()).for_customers([root]);
    Ok(theirs.find::<bill::Entity>().filter(bill::Column::RemainingMinor.gt(0)).count(w.tx()).await?)
}

/// What the transaction of an erasure left to be done.
#[derive(Debug)]
pub struct Erased {
    /// The position of the change log at which the customer is gone: an index that has come to it has no document of it.
    pub position: i64,
    /// Exports whose files are to go with it.
    pub exports: Vec<Uuid>,
}

/// Takes a customer and all below it out of all rows. Done before, it does nothing.
pub async fn rows(store: &Store, root: Uuid) -> Result<Erased> {
    let mut w = store.write(&Scope::hub(store.clock().now())).await?;
    let exports = exports(w.tx(), root).await?;
    let found = customer::Entity::find_by_id(root).one(w.tx()).await?;
    if found.is_none_or(|c| c.erased_at.is_some()) {
        drop(w);
        return Ok(Erased { position: store.position().await?, exports });
    }
    let theirs = gather(w.tx(), root).await?;
    remember(&w, &theirs).await?;
    sought::erase(&w, root, &theirs).await?;
    for holding in HOLDINGS {
        erase(&w, holding, root).await?;
    }
    stop_exports(&w, root).await?;
    tell(&mut w, theirs).await?;
    w.audit(Action::Delete, &customer::ENTITY, root, Some(root), &["everything"]);
    let position = w.commit().await?;
    Ok(Erased { position, exports })
}

/// A row that goes or loses its words.
struct Row {
    id: Uuid,
    customer: Option<Uuid>,
    /// (system, id there)
    source: Option<(String, String)>,
}
type Rows = BTreeMap<&'static str, Vec<Row>>;

async fn gather(tx: &DatabaseTransaction, root: Uuid) -> Result<Rows> {
    let mut all = Rows::new();
    for holding in HOLDINGS.iter().filter(|h| !matches!(h.fate, Fate::Stays | Fate::Sought(_))) {
        let Some(table) = holding.table().filter(|t| t.column("id").is_some()) else { continue };
        let sourced = table.column("external_id").is_some();
        let customer = match table.name {
            "customers" => "t.id",
            _ if table.column("customer_id").is_some() => "t.customer_id",
            _ => "null",
        };
        let source = if sourced { "t.source_system, t.external_id" } else { "null, null" };
        let kind = if table.name == "external_refs" { "t.entity_type" } else { "''" };
        let mut binder = Binder::default();
        let sql = format!(
            "select t.id, {customer}, {source}, {kind} from {} t where {}",
            table.name,
            whose(holding.of, &[root], Parties::Alone, &mut binder)
        );
        for row in tx.query_all_raw(binder.statement(ConnectionTrait::get_database_backend(tx), sql)).await? {
            let (name, row) = read(table, &row, sourced)?;
            all.entry(name).or_default().push(row);
        }
    }
    Ok(all)
}
/// A further id of a row counts for the table that the row is in.
fn read(table: &'static Table, row: &QueryResult, sourced: bool) -> Result<(&'static str, Row)> {
    let source = if sourced { Some((row.try_get_by_index(2)?, row.try_get_by_index(3)?)) } else { None };
    let entity: String = row.try_get_by_index(4)?;
    let name = table::tables().iter().find(|t| t.entity_type() == entity).map_or(table.name, |t| t.name);
    let customer = if table.column("customer_id").is_some() || table.name == "customers" { row.try_get_by_index(1)? } else { None };
    let id = if name == table.name { row.try_get_by_index(0)? } else { Uuid::nil() };
    Ok((name, Row { id, customer, source }))
}

/// Keeps of each row of a source that it was erased.
async fn remember(w: &Write, theirs: &Rows) -> Result<()> {
    const TOGETHER: usize = 500;
    let named = theirs.iter().flat_map(|(table, rows)| rows.iter().filter_map(move |r| Some((*table, r.source.as_ref()?))));
    let digests: Vec<_> = named
        .map(|(table, (system, id))| erased_source::ActiveModel { digest: Set(erased_source::digest(system, table, id)), erased_at: Set(w.at()) })
        .collect();
    for some in digests.chunks(TOGETHER) {
        let insert = erased_source::Entity::insert_many(some.to_vec()).on_conflict_do_nothing();
        insert.exec_without_returning(w.tx()).await?;
    }
    Ok(())
}

async fn erase(w: &Write, holding: &'static Holding, root: Uuid) -> Result<()> {
    let mut binder = Binder::default();
    let rule = whose(holding.of, &[root], Parties::Alone, &mut binder);
    let Some(sql) = change(holding, w, &rule, &mut binder) else { return Ok(()) };
    w.tx().execute_raw(binder.statement(ConnectionTrait::get_database_backend(w.tx()), sql)).await?;
    Ok(())
}
/// The statement that does to rows what their table's holding says; none where they stay as they are.
fn change(holding: &'static Holding, w: &Write, rule: &str, binder: &mut Binder) -> Option<String> {
    let set = match holding.fate {
        Fate::Delete => return Some(format!("delete from {} as t where {rule}", holding.table)),
        Fate::Blank(set) | Fate::Sought(set) if !set.is_empty() => set,
        _ => return None,
    };
    let now = rule::Statement::bind(binder, w.at().into());
    let id = match w.tx().get_database_backend() {
        DbBackend::Postgres => "replace(cast(t.id as text), '-', '')",
        _ => "lower(hex(t.id))",
    };
    let mut sets: Vec<String> = set.iter().map(|(column, sql)| format!("{column} = {}", sql.replace("{id}", id).replace("{now}", &now))).collect();
    if holding.table()?.column("row_version").is_some() {
        sets.extend([format!("updated_at = {now}"), "row_version = row_version + 1".into()]);
    }
    Some(format!("update {} as t set {} where {rule}", holding.table, sets.join(", ")))
}

/// Whoever follows the change log learns what went. A customer that is deleted makes an index give up its bytes.
async fn tell(w: &mut Write, theirs: Rows) -> Result<()> {
    for (table, rows) in theirs {
        let Some(kind) = crate::KINDS.iter().copied().find(|k| k.table == table) else { continue };
        let gone = table == "customers" || HOLDINGS.iter().any(|h| h.table == table && matches!(h.fate, Fate::Delete));
        let operation = if gone { Operation::Delete } else { Operation::Update };
        for row in rows.iter().filter(|r| !r.id.is_nil()) {
            w.changed(operation, kind, row.id, row.customer, None);
        }
        if table == "customers" {
            for row in &rows {
                w.state(kind, row.id, (Some(row.id), None), None, customer::Status::Closed.text(), None).await?;
            }
        }
    }
    Ok(())
}

/// The exports of the customer and of all below it.
async fn exports(tx: &DatabaseTransaction, root: Uuid) -> Result<Vec<Uuid>> {
    let mut binder = Binder::default();
    let rule = whose("t.customer_id in {tree}", &[root], Parties::Alone, &mut binder);
    let rows = tx
        .query_all_raw(
            binder.statement(ConnectionTrait::get_database_backend(tx), format!("select t.id from tasks t where t.kind = 'export' and {rule}")),
        )
        .await?;
    rows.iter().map(|r| Ok(r.try_get_by_index(0)?)).collect()
}
/// A node that is at one of them finds that it no longer holds it, and throws the file away.
async fn stop_exports(w: &Write, root: Uuid) -> Result<()> {
    let mut binder = Binder::default();
    let rule = whose("t.customer_id in {tree}", &[root], Parties::Alone, &mut binder);
    let over = "update tasks as t set state = 'cancelled', lease_by = null where t.kind = 'export' and t.state in ('queued', 'running') and";
    w.tx().execute_raw(binder.statement(ConnectionTrait::get_database_backend(w.tx()), format!("{over} {rule}"))).await?;
    let mut binder = Binder::default();
    let rule = whose("t.customer_id in {tree}", &[root], Parties::Alone, &mut binder);
    w.tx()
        .execute_raw(binder.statement(
            ConnectionTrait::get_database_backend(w.tx()),
            format!("update tasks as t set file_bytes = null where t.kind = 'export' and {rule}"),
        ))
        .await?;
    Ok(())
}

/// Whose people are meant where a person is a customer more than once.
#[derive(Clone, Copy, PartialEq)]
pub enum Parties {
    /// All that are behind these customers.
    All,
    /// Those that are nobody else: no other customer or contact of one, no partner.
    Alone,
}
/// A declared condition over the row `t`, for these customers and all below them.
pub fn whose(of: &str, roots: &[Uuid], parties: Parties, s: &mut impl rule::Statement) -> String {
    let roots: Vec<String> = roots.iter().map(|r| s.bind((*r).into())).collect();
    let tree = format!(
        "(select descendant_id from customer_closure where ancestor_id in ({}))",
        if roots.is_empty() { "null".into() } else { roots.join(", ") }
    );
    let alone = match parties {
        Parties::All => String::new(),
        Parties::Alone => format!(
            " where not exists (select 1 from customers o where o.party_id = h.party_id and o.id not in {tree}) and not exists (select 1 from partners o where o.party_id = h.party_id) \
             and not exists (select 1 from customer_contacts o where o.party_id = h.party_id and o.customer_id not in {tree})"
        ),
    };
    let people = format!(
        "(select h.party_id from (select party_id from customers where id in {tree} union select party_id from customer_contacts where customer_id in {tree}) h{alone})"
    );
    of.replace("{parties}", &people).replace("{tree}", &tree)
}
