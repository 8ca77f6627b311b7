//! What was denied: a row that is there, asked for or written to by somebody for whom it is not. The answer is that of a
//! missing row; the audit log has the difference.
use crate::{
    Hub,
    compile::Compiler,
    declare::{Field, Source},
    graph::ty,
    look,
    node::{Caller, caller},
    select::{Doc, Pick},
};
use async_graphql::Context;
use entities::{
    Audience, Scope, Store,
    id::Id,
    model::EntityKind,
    rule::{self, Binder, Statement as _},
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// One row that was denied.
#[derive(Clone, Debug)]
pub struct Denial {
    pub kind: &'static EntityKind,
    pub id: Uuid,
    /// Whose row it is.
    pub customer: Uuid,
    /// The root field that asked for it or wanted to change it: `customer`, `ticketReply`.
    pub field: String,
}
/// What one request was denied so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Denied(Arc<Mutex<Vec<Denial>>>);
impl Denied {
    /// All of them, leaving none.
    pub fn take(&self) -> Vec<Denial> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(|e| e.into_inner()))
    }
    fn add(&self, denial: Denial) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).push(denial);
    }
}

/// Whether it is written down what this caller was denied: of the public there is nobody to name.
fn is_told(scope: &Scope) -> bool {
    !scope.hub && scope.audience != Audience::Public
}
/// The most rows of one input that are looked for: it has few ids.
const MOST: usize = 8;

/// A root field that finds one row found none.
pub(crate) async fn sought<'a>(store: &Store, caller: &Caller, doc: Doc<'a>, f: &'static Field, pick: &Pick<'a>) {
    let (Source::Find { to, by }, scope) = (&f.source, &caller.scope) else { return };
    let (d, backend) = (ty(to), store.backend());
    let mut c = Compiler::new(backend == DbBackend::Postgres, scope, doc);
    let (Some(kind), Ok(Some(condition))) = (d.entity.filter(|_| is_told(scope)), c.found(d, "t", by, pick)) else { return };
    if let Some(sql) = whose(kind, &condition, scope, &mut c) {
        note(store, caller, f.name, kind, Statement::from_sql_and_values(backend, sql, c.values()), false).await;
    }
}
/// Rows that were asked for by their ids were not shown.
pub(crate) async fn asked(ctx: &Context<'_>, kind: &'static EntityKind, ids: &[Uuid]) {
    by_ids(ctx, kind, ids, false).await;
}
/// A write found nothing that this caller may change: the rows that its input names.
pub(crate) async fn written(ctx: &Context<'_>, input: &serde_json::Value) {
    let mut ids = vec![];
    gather(input, &mut ids);
    ids.truncate(MOST);
    let mut hidden = false;
    for id in &ids {
        hidden |= by_ids(ctx, id.kind, &[id.uuid], false).await;
    }
    // each may be read: it was the change that was denied
    if let Some(id) = ids.first().filter(|_| !hidden) {
        by_ids(ctx, id.kind, &[id.uuid], true).await;
    }
}
fn gather(input: &serde_json::Value, ids: &mut Vec<Id>) {
    match input {
        serde_json::Value::String(text) => ids.extend(Id::parse(text)),
        serde_json::Value::Array(items) => items.iter().for_each(|v| gather(v, ids)),
        serde_json::Value::Object(fields) => fields.values().for_each(|v| gather(v, ids)),
        _ => {}
    }
}

/// Whether one of them was denied. `shown` takes rows that the caller may read, too.
async fn by_ids(ctx: &Context<'_>, kind: &'static EntityKind, ids: &[Uuid], shown: bool) -> bool {
    let (caller, store) = (caller(ctx), &ctx.data_unchecked::<Hub>().store);
    let (scope, backend) = (&caller.scope, store.backend());
    if ids.is_empty() || !is_told(scope) {
        return false;
    }
    let mut c = Binder::default();
    let places: Vec<_> = ids.iter().map(|id| c.bind((*id).into())).collect();
    match whose(kind, &format!("t.id in ({})", places.join(", ")), scope, &mut c) {
        Some(sql) => note(store, caller, &ctx.item.node.name.node, kind, c.statement(backend, sql), shown).await,
        None => false,
    }
}
/// SQL for (id, whose it is, whether the caller may read it); none for what is nobody's by nature.
fn whose(kind: &EntityKind, condition: &str, scope: &Scope, s: &mut impl rule::Statement) -> Option<String> {
    let owner = look::owner(kind, "t", s).filter(|_| !kind.table.starts_with('('))?;
    let rule = rule::predicate(kind, "t", scope, None, s).unwrap_or_else(|| "1=1".into());
    Some(format!("select t.id, {owner}, {rule} from {} t where {condition}", kind.table))
}
async fn note(store: &Store, caller: &Caller, field: &str, kind: &'static EntityKind, statement: Statement, shown: bool) -> bool {
    let reads = kind.reads.is_none_or(|scope| caller.scope.has(scope));
    let mut any = false;
    for row in caller.in_time(store.reader().query_all_raw(statement)).await.unwrap_or_default() {
        let of = (row.try_get_by_index(0), row.try_get_by_index(1), row.try_get_by_index::<bool>(2));
        let (Ok(id), Ok(Some(customer)), Ok(may)) = of else { continue };
        if shown || !(may && reads) {
            caller.denied.add(Denial { kind, id, customer, field: field.to_string() });
            any = true;
        }
    }
    any
}
