//! Resolving. A declared root field, and everything below it, is one statement; a hand-written field says which row
//! it means (`Node`), and the selection below says what of it.
/// Beside the selection.
mod walk;

use crate::{
    audience,
    compile::Compiler,
    declare::*,
    deny::{self, Denied},
    error::{FORBIDDEN, Refused, TIMEOUT},
    graph::{UNIONS, find_ty, roots, ty},
    look::{self, Looked, Selected},
    select::{Doc, Pick, collect},
};
use async_graphql::{parser::types::SelectionSet, registry::Registry, resolver_utils, *};
use entities::{
    Scope, Store,
    id::Id,
    model::EntityKind,
    mutant::without,
    rule::{self, Binder, Statement as _},
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    marker::PhantomData,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

/// How far an answer of the database is opened.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mode {
    /// Passed through as text: only where [`crate::write`] makes the response.
    Bytes,
    Values,
    /// Field by field everywhere, for tests.
    Fields,
}

/// Who asks and how, for one request: what every resolver starts from. Goes into the request's data.
pub struct Caller {
    pub scope: Arc<Scope>,
    pub(crate) mode: Mode,
    until: Instant,
    /// Of a stream: how long one of its answers may take.
    each: Option<Duration>,
    /// Whose data was shown, for those whose looks are written down.
    pub looked: Looked,
    /// One statement at a time: a request that asks for many things holds one connection, not all of them.
    statement: Semaphore,
    /// What is there and was not for the caller.
    pub denied: Denied,
    /// Rows that sibling fields wait for, by the field that selects from them and the type.
    waiting: Mutex<HashMap<(usize, &'static str), Vec<Waiting>>>,
}
type Waiting = (Uuid, oneshot::Sender<std::result::Result<Option<Value>, Refused>>);
/// How long one request may take.
pub const DEADLINE: Duration = Duration::from_secs(15);
impl Caller {
    pub fn new(scope: impl Into<Arc<Scope>>) -> Self {
        Caller {
            scope: scope.into(),
            mode: Mode::Values,
            until: Instant::now() + DEADLINE,
            each: None,
            looked: Looked::default(),
            denied: Denied::default(),
            statement: Semaphore::new(1),
            waiting: Mutex::default(),
        }
    }
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
    pub fn within(mut self, time: Duration) -> Self {
        self.until = Instant::now() + time;
        self
    }
    /// A stream lives until it is closed; each of its answers may take so long.
    pub fn streaming(mut self, each: Duration) -> Self {
        self.each = Some(each);
        self
    }
    fn until(&self) -> Instant {
        self.each.map_or(self.until, |each| Instant::now() + each)
    }
    /// A statement within what is left of the request's time.
    pub(crate) async fn in_time<T>(&self, query: impl Future<Output = std::result::Result<T, sea_orm::DbErr>>) -> std::result::Result<T, Refused> {
        let in_turn = async {
            let _turn = self.statement.acquire().await;
            query.await
        };
        match tokio::time::timeout_at(self.until().into(), in_turn).await {
            Ok(result) => result.map_err(Refused::internal),
            Err(_) => Err(Refused::new(TIMEOUT, "This took too long. Ask for less at once.")),
        }
    }
    /// The JSON text that a statement for one root field makes, without the marks of whose data it shows.
    pub(crate) async fn text(&self, store: &Store, statement: Statement, marked: &[Selected]) -> std::result::Result<String, Refused> {
        let row = self.in_time(store.reader().query_one_raw(statement)).await?.ok_or_else(|| Refused::internal("no row"))?;
        Ok(look::take(row.try_get_by_index(0).map_err(Refused::internal)?, marked, &self.looked))
    }
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<(usize, &'static str), Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// What a computed field sees of its row: the columns it named in `needs`, already masked.
pub struct Row<'a>(pub &'a indexmap::IndexMap<Name, Value>);
impl Row<'_> {
    pub fn text(&self, need: &str) -> &str {
        match self.0.get(format!("${need}").as_str()) {
            Some(Value::String(s)) => s,
            _ => "",
        }
    }
    /// The key behind a public id among the needs.
    pub fn uuid(&self, need: &str) -> Option<Uuid> {
        Id::parse(self.text(need)).map(|i| i.uuid)
    }
}

pub(crate) fn is_abstract(name: &str) -> bool {
    name == "Node" || UNIONS.iter().any(|u| u.0 == name)
}

/// The query root: the declared root fields, and the hand-written ones of `Q`.
pub struct Root<Q>(pub Q);
impl<Q: ObjectType> ObjectType for Root<Q> {}
impl<Q: ObjectType> OutputType for Root<Q> {
    fn type_name() -> Cow<'static, str> {
        Q::type_name()
    }
    fn create_type_info(r: &mut Registry) -> String {
        let name = Q::create_type_info(r);
        audience::register(r);
        let declared: Vec<_> = roots().iter().map(|f| audience::field_meta(r, f)).collect();
        if let Some(registry::MetaType::Object { fields, .. }) = r.types.get_mut(&*Self::type_name()) {
            fields.extend(declared);
        }
        name
    }
    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<parser::types::Field>) -> ServerResult<Value> {
        resolver_utils::resolve_container(ctx, self).await
    }
}
impl<Q: ObjectType> ContainerType for Root<Q> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let Some(f) = roots().iter().find(|f| f.name == ctx.item.node.name.node.as_str()) else {
            return guarded(ctx, "Query", self.0.resolve_field(ctx)).await;
        };
        let doc = Doc::of(ctx);
        let picks = collect(doc, &[&doc.operation.selection_set.node], "Query");
        let Some(pick) = picks.into_iter().find(|p| p.key == ctx.item.node.response_key().node.as_str()) else { return Ok(None) };
        if !std::ptr::eq(pick.field, ctx.item) {
            return Ok(Some(Value::Null)); // merged into the first of the same key
        }
        let result = match missing_scope(ctx, f.scope) {
            Some(refused) => Err(at(ctx, &refused)),
            None => read(ctx, f, pick).await,
        };
        nullable(ctx, f.nullable(), result).map(Some)
    }
}

/// A hand-written root: its scopes are enforced here, once for all of its fields. The last one that is registered
/// cuts the view.
pub struct Guarded<M>(pub M);
impl<M: ObjectType> ObjectType for Guarded<M> {}
impl<M: ObjectType> OutputType for Guarded<M> {
    fn type_name() -> Cow<'static, str> {
        M::type_name()
    }
    fn create_type_info(r: &mut Registry) -> String {
        M::create_type_info(r)
    }
    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, f: &Positioned<parser::types::Field>) -> ServerResult<Value> {
        self.0.resolve(ctx, f).await
    }
}
impl<M: ObjectType> ContainerType for Guarded<M> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        guarded(ctx, &Self::type_name(), self.0.resolve_field(ctx)).await
    }
}
impl<S: SubscriptionType> SubscriptionType for Guarded<S> {
    fn type_name() -> Cow<'static, str> {
        S::type_name()
    }
    fn create_type_info(r: &mut Registry) -> String {
        let name = S::create_type_info(r);
        audience::finish(r);
        name
    }
    fn create_field_stream<'a>(&'a self, ctx: &'a Context<'_>) -> Option<futures::stream::BoxStream<'a, Response>> {
        if let Some(refused) = declared_scope(ctx, &Self::type_name()) {
            let response = Response::from_errors(vec![at(ctx, &refused)]);
            return Some(Box::pin(futures::stream::once(async move { response })));
        }
        self.0.create_field_stream(ctx)
    }
}
async fn guarded(ctx: &Context<'_>, ty: &str, resolve: impl Future<Output = ServerResult<Option<Value>>>) -> ServerResult<Option<Value>> {
    let null = ctx.schema_env.registry.types.get(ty).and_then(|t| t.field_by_name(&ctx.item.node.name.node)).is_some_and(|f| !f.ty.ends_with('!'));
    let result = match declared_scope(ctx, ty) {
        Some(refused) => Err(at(ctx, &refused)),
        None => resolve.await.map(|v| v.unwrap_or_default()),
    };
    // async-graphql nulls the parent of a failed `Result<Option<T>>`; the specification nulls the field.
    nullable(ctx, null, result).map(Some)
}
fn declared_scope(ctx: &Context<'_>, ty: &str) -> Option<Refused> {
    let field = ctx.schema_env.registry.types.get(ty).and_then(|t| t.field_by_name(&ctx.item.node.name.node))?;
    let scope = audience::scope_of(field).filter(|_| !without(|| format!("scope:{ty}.{}", ctx.item.node.name.node)))?;
    (!caller(ctx).scope.has(scope))
        .then(|| Refused { scope: Some(known_scope(scope)), ..Refused::new(FORBIDDEN, format!("This needs the scope {scope}.")) })
}
fn known_scope(scope: &str) -> &'static str {
    entities::Audience::ALL.iter().flat_map(|a| a.ceiling()).find(|s| **s == scope).copied().unwrap_or("")
}
fn missing_scope(ctx: &Context<'_>, scope: Option<&'static str>) -> Option<Refused> {
    scope.filter(|s| !caller(ctx).scope.has(s)).map(Refused::scope)
}
pub(crate) fn caller<'a>(ctx: &Context<'a>) -> &'a Caller {
    ctx.data_unchecked::<Caller>()
}
fn at(ctx: &Context<'_>, refused: &Refused) -> ServerError {
    ctx.set_error_path(refused.server(Some(ctx.item.pos)))
}
fn nullable(ctx: &Context<'_>, null: bool, result: ServerResult<Value>) -> ServerResult<Value> {
    match result {
        Err(e) if null => {
            let e = if e.path.is_empty() { ctx.set_error_path(e) } else { e };
            ctx.add_error(e);
            Ok(Value::Null)
        }
        r => r,
    }
}

/// A declared type by its Rust name, for the signatures of hand-written fields: `Node<Ticket>`.
pub trait Declared: Send + Sync {
    const NAME: &'static str;
}
/// A row as the value of a hand-written field: payloads, search hits, events. Null when the caller may not see it.
pub struct Node<T>(Uuid, PhantomData<T>);
impl<T: Declared> Node<T> {
    pub fn by_id(id: Uuid) -> Self {
        Node(id, PhantomData)
    }
}
impl<T: Declared> OutputType for Node<T> {
    fn type_name() -> Cow<'static, str> {
        T::NAME.into()
    }
    fn qualified_type_name() -> String {
        T::NAME.into()
    }
    fn create_type_info(r: &mut Registry) -> String {
        audience::register(r);
        Self::qualified_type_name()
    }
    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<parser::types::Field>) -> ServerResult<Value> {
        let t = ty(T::NAME);
        match reads(ctx.data_unchecked(), t) {
            true => row_of(ctx, field, t, self.0, false).await,
            false => Ok(Value::Null),
        }
    }
}
/// Whether rows of this type are for the caller at all. Who writes does not read by it; visitors have no scopes, their
/// session alone says what is theirs.
fn reads(caller: &Caller, t: &Type) -> bool {
    t.reads().is_none_or(|s| caller.scope.audience == entities::Audience::Public || caller.scope.has(s)) || without(|| "node:reads".into())
}
/// A row of any kind, as the interface `Node` or a union.
pub struct AnyNode<U> {
    id: Id,
    /// The caller named it.
    asked: bool,
    of: PhantomData<U>,
}
impl<U: Declared> AnyNode<U> {
    pub fn new(kind: &'static EntityKind, id: Uuid) -> Self {
        AnyNode { id: Id::new(kind, id), asked: false, of: PhantomData }
    }
    /// The same for an id that the caller sent.
    pub fn asked(id: Id) -> Self {
        AnyNode { id, asked: true, of: PhantomData }
    }
}
impl<U: Declared> OutputType for AnyNode<U> {
    fn type_name() -> Cow<'static, str> {
        U::NAME.into()
    }
    fn qualified_type_name() -> String {
        U::NAME.into()
    }
    fn create_type_info(r: &mut Registry) -> String {
        audience::register(r);
        Self::qualified_type_name()
    }
    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<parser::types::Field>) -> ServerResult<Value> {
        // A kind that the audience does not know, or may not read, is like a missing row.
        let allowed = |t: &Type| t.reads().is_none_or(|s| caller(&ctx.with_field(field)).scope.has(s));
        let known = |t: &&Type| ctx.schema_env.registry.types.contains_key(t.name) && allowed(t);
        match find_ty(self.id.kind.name).filter(known) {
            Some(t) => row_of(ctx, field, t, self.id.uuid, self.asked).await,
            None => Ok(Value::Null),
        }
    }
}

/// One row for one field. Siblings that select by the same field wait for each other: a list of rows is one statement.
/// `asked`: the caller named it.
async fn row_of(
    ctx: &ContextSelectionSet<'_>,
    field: &Positioned<parser::types::Field>,
    d: &'static Type,
    id: Uuid,
    asked: bool,
) -> ServerResult<Value> {
    let ctx = ctx.with_field(field);
    let caller = caller(&ctx);
    let key = (std::ptr::from_ref(field) as usize, d.name);
    let (sender, receiver) = oneshot::channel();
    let first = {
        let mut waiting = caller.waiting();
        let list = waiting.entry(key).or_default();
        list.push((id, sender));
        list.len() == 1
    };
    let sets = [&field.node.selection_set.node];
    if first {
        tokio::task::yield_now().await; // the siblings come
        let list = caller.waiting().remove(&key).unwrap_or_default();
        let mut ids: Vec<_> = list.iter().map(|w| w.0).collect();
        ids.sort();
        ids.dedup();
        let rows = rows(&ctx, d, &ids, &sets).await;
        if let (true, Ok(rows), Some(kind)) = (asked, &rows, d.entity) {
            ids.retain(|id| !rows.contains_key(id));
            deny::asked(&ctx, kind, &ids).await;
        }
        for (id, sender) in list {
            let found = rows.as_ref().map(|rows| rows.get(&id).cloned()).map_err(Clone::clone);
            _ = sender.send(found);
        }
    }
    let found = receiver.await.unwrap_or_else(|_| Err(Refused::internal("a batch of rows was given up")));
    match found.map_err(|e| at(&ctx, &e))? {
        None => Ok(Value::Null),
        Some(value) => nullable(&ctx, true, walk::row(&ctx, Doc::of(&ctx), d, sets.to_vec(), value).await),
    }
}
async fn rows(ctx: &Context<'_>, d: &'static Type, ids: &[Uuid], sets: &[&SelectionSet]) -> std::result::Result<HashMap<Uuid, Value>, Refused> {
    let store = store(ctx);
    let mut c = Compiler::new(store.backend() == DbBackend::Postgres, &caller(ctx).scope, Doc::of(ctx));
    let sql = c.by_ids(d, ids, sets)?;
    let statement = Statement::from_sql_and_values(store.backend(), sql, c.values());
    let found = caller(ctx).in_time(store.reader().query_all_raw(statement)).await?;
    let mut rows = HashMap::new();
    for r in found {
        let (id, json): (Uuid, String) = (r.try_get_by_index(0).map_err(Refused::internal)?, r.try_get_by_index(1).map_err(Refused::internal)?);
        let json = look::take(json, &c.marked, &caller(ctx).looked);
        rows.insert(id, serde_json::from_str(&json).map_err(Refused::internal)?);
    }
    Ok(rows)
}
/// Those of the rows that the caller may know now. That something of them is shown, a title or some words, is noted.
pub(crate) async fn shown(ctx: &Context<'_>, kind: &'static EntityKind, ids: &[Uuid], field: &str) -> std::result::Result<HashSet<Uuid>, Refused> {
    let (store, caller) = (store(ctx), caller(ctx));
    let mut c = Binder::default();
    let places: Vec<_> = ids.iter().map(|id| c.bind((*id).into())).collect();
    let rule = rule::predicate(kind, "t", &caller.scope, None, &mut c).map_or(String::new(), |r| format!(" and {r}"));
    let owner = look::owner(kind, "t", &mut c).filter(|_| look::is_told(&caller.scope));
    let whose = owner.map_or(String::new(), |o| format!(", {o}, exists (select 1 from customers p where p.id = {o} and p.protected)"));
    let sql = format!("select t.id{whose} from {} t where t.id in ({}){rule}", kind.table, places.join(", "));
    let selected: Selected = [field.to_string()].into();
    let mut known = HashSet::new();
    for r in caller.in_time(store.reader().query_all_raw(c.statement(store.backend(), sql))).await? {
        known.insert(r.try_get_by_index(0).map_err(Refused::internal)?);
        if whose.is_empty() {
            continue;
        }
        let (owner, protected): (Option<Uuid>, Option<bool>) =
            (r.try_get_by_index(1).map_err(Refused::internal)?, r.try_get_by_index(2).map_err(Refused::internal)?);
        if let Some(owner) = owner {
            caller.looked.add(owner, protected.unwrap_or_default(), &selected);
        }
    }
    Ok(known)
}
fn store<'a>(ctx: &Context<'a>) -> &'a Store {
    &ctx.data_unchecked::<crate::Hub>().store
}
/// One statement for a declared root field and everything below it.
async fn read<'a>(ctx: &Context<'a>, f: &'static Field, pick: Pick<'a>) -> ServerResult<Value> {
    let (store, caller, doc) = (store(ctx), caller(ctx), Doc::of(ctx));
    let mut c = Compiler::new(store.backend() == DbBackend::Postgres, &caller.scope, doc);
    let sql = c.root(f, &pick).map_err(|e| at(ctx, &e))?;
    let statement = Statement::from_sql_and_values(store.backend(), sql, c.values());
    let json = caller.text(store, statement, &c.marked).await.map_err(|e| at(ctx, &e))?;
    if json == "null" {
        deny::sought(store, caller, doc, f, &pick).await;
    }
    if !c.walk && caller.mode == Mode::Bytes {
        return Ok(Value::Binary(json.into())); // written to the wire as it is
    }
    let value: Value = serde_json::from_str(&json).map_err(|e| at(ctx, &Refused::internal(e)))?;
    if !c.walk && caller.mode != Mode::Fields {
        return Ok(value);
    }
    walk::below(ctx, doc, f, pick.sets, value).await
}
