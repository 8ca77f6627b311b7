//! What a document is known to read. One that was run before and found valid, with declared fields alone, is answered by the
//! statements that it was given then: it is not validated, walked and put together anew. A statement is kept with all that
//! had a say in its text: the rights of who asked, and the variables that were looked at. The values in its places are
//! always those of the request. Nothing of an answer is kept.
use crate::{
    compile::{Compiler, Origin},
    declare::Field,
    deny,
    error::Refused,
    graph::roots,
    look::Selected,
    node::{Caller, Mode},
    select::{Doc, Pick, Read, collect},
};
use async_graphql::{
    Name, PathSegment, Pos, Response, ServerError, Value, Variables,
    parser::types::{ExecutableDocument, OperationDefinition},
};
use entities::{Audience, Scope, Store, scope::Scopes};
use moka::sync::Cache;
use sea_orm::{DbBackend, Statement};
use std::{collections::BTreeSet, sync::Arc};

/// A document that was read, with the one operation that it has.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// No other document has it.
    pub number: u64,
    pub document: &'a ExecutableDocument,
    pub operation: &'a OperationDefinition,
    pub variables: &'a Variables,
}

/// Statements of documents, of one audience.
pub(crate) struct Plans(Cache<u64, Arc<Vec<Arc<Plan>>>>);
impl Default for Plans {
    fn default() -> Self {
        const BYTES: u64 = 8 << 20;
        Plans(Cache::builder().max_capacity(BYTES).weigher(|_, plans: &Arc<Vec<Arc<Plan>>>| plans.iter().map(|p| p.bytes() as u32).sum()).build())
    }
}
/// Of one document; the oldest goes first.
const MOST_PLANS: usize = 16;
/// What is larger than this is made anew each time.
const MOST_BYTES: usize = 100 << 10;

/// How a document is answered for callers with the same rights.
struct Plan {
    rights: Rights,
    /// Variables that had a say.
    read: Vec<(Name, Option<Value>)>,
    /// None: not by statements alone.
    roots: Option<Vec<Root>>,
}
/// One root field.
struct Root {
    key: Name,
    pos: Pos,
    field: &'static Field,
    sql: String,
    /// Where each value comes from, and what it is where it is the statement's: of another caller nothing is kept.
    values: Vec<(Origin, Option<sea_orm::Value>)>,
    marked: Vec<Selected>,
}
/// What of a caller has a say in the text of a statement.
#[derive(PartialEq)]
struct Rights {
    audience: Audience,
    scopes: Scopes,
    /// How many roots of customer trees, partners, regions, teams.
    numbers: (usize, usize, Option<usize>, Option<usize>),
    has_roles: bool,
    /// What the caller's roles give at each root.
    roles: Vec<Option<BTreeSet<&'static str>>>,
    has_party: bool,
    has_reason: bool,
    has_actor: bool,
    is_hub: bool,
}
impl Rights {
    fn of(scope: &Scope) -> Self {
        let given = |root| scope.roles.get(root).cloned();
        Rights {
            audience: scope.audience,
            scopes: scope.scopes.clone(),
            numbers: (scope.customers.len(), scope.partners.len(), scope.regions.as_ref().map(Vec::len), scope.teams.as_ref().map(Vec::len)),
            has_roles: !scope.roles.is_empty(),
            roles: if scope.roles.is_empty() { vec![] } else { scope.customers.iter().map(given).collect() },
            has_party: scope.party.is_some(),
            has_reason: scope.reason.is_some(),
            has_actor: scope.actor.is_some(),
            is_hub: scope.hub,
        }
    }
}

impl Plan {
    /// What it takes in memory, roughly.
    fn bytes(&self) -> usize {
        let of_root = |r: &Root| {
            let marked = r.marked.iter().flat_map(|s| s.iter()).map(|field| field.len() + 30).sum::<usize>();
            r.sql.len() + marked + r.values.iter().map(|(_, fixed)| 100 + fixed.as_ref().map_or(0, |v| v.to_string().len())).sum::<usize>()
        };
        let read: usize = self.read.iter().map(|(name, value)| 50 + name.len() + value.as_ref().map_or(0, |v| v.to_string().len())).sum();
        let roles: usize = self.rights.roles.iter().flatten().map(|given| 50 + 20 * given.len()).sum();
        500 + roles + read + self.roots.iter().flatten().map(of_root).sum::<usize>()
    }
    fn fits(&self, rights: &Rights, variables: &Variables) -> bool {
        self.read.iter().all(|(name, value)| variables.get(name) == value.as_ref()) && self.rights == *rights
    }
    /// The values of this request, root by root; none where the statements do not fit it.
    fn values(&self, scope: &Scope, variables: &Variables) -> Option<Vec<Vec<sea_orm::Value>>> {
        let of_root = |r: &Root| r.values.iter().map(|(origin, fixed)| origin.value(fixed.as_ref(), scope, variables)).collect::<Option<Vec<_>>>();
        self.roots.iter().flatten().map(of_root).collect()
    }
    /// None where the request is refused: that is said where it is run.
    fn new(known: Known, scope: &Scope, rights: Rights, pg: bool) -> Option<Self> {
        let read = Read::default();
        let doc = known.doc(Some(&read));
        let mut planned = Some(vec![]);
        for pick in known.picks(doc) {
            let Some(field) = declared(&pick).filter(|f| f.scope.is_none_or(|s| scope.has(s))) else {
                planned = None;
                break;
            };
            let mut c = Compiler::new(pg, scope, doc);
            let sql = c.root(field, &pick).ok()?;
            if c.walk {
                planned = None;
                break;
            }
            let values =
                c.binds.into_iter().map(|(origin, value)| (Some(value).filter(|_| origin.is_fixed()), origin)).map(|(v, o)| (o, v)).collect();
            let root = Root { key: Name::new(pick.key), pos: pick.field.pos, field, sql, values, marked: c.marked };
            planned.get_or_insert_default().push(root);
        }
        let read = read.into_inner().unwrap_or_else(|e| e.into_inner()).into_iter().collect();
        Some(Plan { rights, read, roots: planned })
    }
}
impl<'a> Known<'a> {
    fn doc(self, read: Option<&'a Read>) -> Doc<'a> {
        Doc { fragments: &self.document.fragments, variables: self.variables, operation: self.operation, read }
    }
    fn picks(self, doc: Doc<'a>) -> Vec<Pick<'a>> {
        collect(doc, &[&self.operation.selection_set.node], "Query")
    }
}
fn declared(pick: &Pick<'_>) -> Option<&'static Field> {
    roots().iter().find(|f| f.name == pick.name())
}

impl Plans {
    /// The statements and their values, made where there are none yet; none where the document has to be executed.
    fn find(&self, known: Known, scope: &Scope, pg: bool) -> Option<(Arc<Plan>, Vec<Vec<sea_orm::Value>>)> {
        let (rights, variables) = (Rights::of(scope), known.variables);
        let plans = self.0.get(&known.number).unwrap_or_default();
        let fits =
            |plan: &Arc<Plan>| plan.fits(&rights, variables).then(|| plan.values(scope, variables)).flatten().map(|values| (plan.clone(), values));
        if let Some((plan, values)) = plans.iter().find_map(fits) {
            return plan.roots.is_some().then_some((plan, values));
        }
        let plan = Arc::new(Plan::new(known, scope, rights, pg)?);
        let values = plan.values(scope, variables)?;
        if plan.bytes() > MOST_BYTES {
            return plan.roots.is_some().then_some((plan, values));
        }
        let kept = plans.iter().skip((plans.len() + 1).saturating_sub(MOST_PLANS)).cloned().chain([plan.clone()]).collect();
        self.0.insert(known.number, Arc::new(kept));
        plan.roots.is_some().then_some((plan, values))
    }
    /// Answers a query that was found valid before; none: it has to be executed.
    pub async fn answer(&self, store: &Store, caller: &Caller, known: Known<'_>) -> Option<Response> {
        let (plan, values) = self.find(known, &caller.scope, store.backend() == DbBackend::Postgres).filter(|_| caller.mode == Mode::Bytes)?;
        let (mut data, mut errors) = (async_graphql::indexmap::IndexMap::new(), vec![]);
        for (root, values) in plan.roots.iter().flatten().zip(values) {
            let statement = Statement::from_sql_and_values(store.backend(), root.sql.as_str(), values);
            let value = match caller.text(store, statement, &root.marked).await {
                Ok(json) => {
                    if json == "null" {
                        Box::pin(sought(store, caller, known, root)).await;
                    }
                    Value::Binary(json.into())
                }
                Err(refused) => {
                    errors.push(root.error(&refused));
                    if !root.field.nullable() {
                        return Some(response(Value::Null, errors));
                    }
                    Value::Null
                }
            };
            data.insert(root.key.clone(), value);
        }
        Some(response(Value::Object(data), errors))
    }
}
impl Root {
    fn error(&self, refused: &Refused) -> ServerError {
        ServerError { path: vec![PathSegment::Field(self.key.to_string())], ..refused.server(Some(self.pos)) }
    }
}
fn response(data: Value, errors: Vec<ServerError>) -> Response {
    let mut response = Response::new(data);
    response.errors = errors;
    response
}
async fn sought(store: &Store, caller: &Caller, known: Known<'_>, root: &Root) {
    let doc = known.doc(None);
    if let Some(pick) = known.picks(doc).into_iter().find(|p| p.key == root.key.as_str()) {
        deny::sought(store, caller, doc, root.field, &pick).await;
    }
}
