//! What the database says of a login: its roles, its partner's children, its regions and teams. Every request asks, so
//! that each is remembered for a moment; what is taken away is gone a second later on every node.
use super::REMEMBERED;
use chrono::NaiveDate;
use entities::{
    Error, Scope, Store,
    id::Id,
    model::EntityKind,
    party::{
        customer_contact::{self, Login},
        partner, region, team,
    },
};
use moka::sync::Cache;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

type Ids = Arc<[Uuid]>;
/// (issuer, subject, roots)
type Who = (String, String, Vec<Uuid>);

/// How long a login is remembered while nothing changed that says who it is. It may be written by others than a hub.
const LOGIN_REMEMBERED: Duration = Duration::from_secs(10);

/// A login, when it was read, and up to where of the change log that was.
#[derive(Clone)]
struct Read {
    login: Arc<Login>,
    at: Instant,
    position: i64,
    day: NaiveDate,
}

pub struct Known {
    logins: Cache<Who, Read>,
    partners: Cache<Uuid, Ids>,
    regions: Cache<Vec<String>, Ids>,
    teams: Cache<Vec<String>, Ids>,
}
impl Default for Known {
    fn default() -> Self {
        fn cache<K: std::hash::Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>() -> Cache<K, V> {
            Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build()
        }
        let logins = Cache::builder().max_capacity(10_000).time_to_live(LOGIN_REMEMBERED).build();
        Known { logins, partners: cache(), regions: cache(), teams: cache() }
    }
}
impl Known {
    /// The roles of a customer's login. A thousand open streams of a thousand customers ask twice a second: the rows are
    /// read again only where the change log says that it matters.
    pub async fn login(&self, store: &Store, issuer: &str, subject: &str, roots: &[Uuid]) -> Result<Arc<Login>, Error> {
        let key = (issuer.to_string(), subject.to_string(), roots.to_vec());
        let day = store.clock().now().date_naive();
        let known = self.logins.get(&key).filter(|known| known.day == day);
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < REMEMBERED) {
            return Ok(known.login.clone());
        }
        // before the rows: what changes while they are read is read again
        let position = Box::pin(store.logins_position()).await?;
        if let Some(known) = known.filter(|known| known.position == position) {
            return Ok(known.login);
        }
        let login = Arc::new(Box::pin(customer_contact::login(store, issuer, subject, roots)).await?);
        self.logins.insert(key, Read { login: login.clone(), at: Instant::now(), position, day });
        Ok(login)
    }
    /// A partner and all below it; nobody where there is no such partner, or it is suspended.
    pub async fn partners(&self, store: &Store, id: Uuid) -> Result<Ids, Error> {
        use partner::{Column, Entity};
        let active = || Condition::all().add(Column::Id.eq(id)).add(Column::Status.eq(partner::Status::Active));
        remembered(&self.partners, id, || tree::<Entity>(store, active(), Column::Id, Column::ParentId)).await
    }
    /// Regions by code or id, and all below them.
    pub async fn regions(&self, store: &Store, names: &[String]) -> Result<Ids, Error> {
        use region::{Column, Entity};
        let these = || named(names, &region::ENTITY, Column::Id, Column::Code);
        remembered(&self.regions, names.to_vec(), || tree::<Entity>(store, these(), Column::Id, Column::ParentId)).await
    }
    /// Teams by code or id.
    pub async fn teams(&self, store: &Store, names: &[String]) -> Result<Ids, Error> {
        use team::{Column, Entity};
        let read = async || Ok(ids::<Entity>(store, named(names, &team::ENTITY, Column::Id, Column::Code), Column::Id).await?.into());
        remembered(&self.teams, names.to_vec(), read).await
    }
}
/// Reading is put aside: every request would carry about what it takes, and few read.
async fn remembered<K, V>(cache: &Cache<K, V>, key: K, read: impl AsyncFnOnce() -> Result<V, Error>) -> Result<V, Error>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    if let Some(known) = cache.get(&key) {
        return Ok(known);
    }
    let value = Box::pin(read()).await?;
    cache.insert(key, value.clone());
    Ok(value)
}
fn named(names: &[String], kind: &EntityKind, id: impl ColumnTrait, code: impl ColumnTrait) -> Condition {
    let ids = names.iter().filter_map(|n| Id::parse(n).filter(|i| i.kind == kind)).map(|i| i.uuid);
    Condition::any().add(id.is_in(ids)).add(code.is_in(names.iter().map(String::as_str)))
}
async fn ids<E: entities::model::Record>(store: &Store, which: Condition, id: E::Column) -> Result<Vec<Uuid>, Error> {
    let hub = Scope::hub(store.clock().now());
    Ok(hub.find::<E>().filter(which).select_only().column(id).into_tuple().all(store.reader()).await?)
}
/// Rows and all below them, one statement a level.
async fn tree<E: entities::model::Record>(store: &Store, which: Condition, id: E::Column, parent: E::Column) -> Result<Ids, Error> {
    let mut all = ids::<E>(store, which, id).await?;
    let mut level = all.clone();
    while !level.is_empty() {
        level = ids::<E>(store, Condition::all().add(parent.is_in(level)).add(id.is_not_in(all.clone())), id).await?;
        all.extend(&level);
    }
    Ok(all.into())
}
