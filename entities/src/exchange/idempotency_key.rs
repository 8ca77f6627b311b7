//! Answers already given, by client and key.
use crate::{
    error::{Code, Error, Result},
    model::*,
    scope::Scope,
    store::Write,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbBackend, Statement};
use sha2::{Digest, Sha256};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub request_hash: String,
    pub response: Json,
    pub created_at: DateTimeUtc,
}
impl ActiveModelBehavior for ActiveModel {}

/// The answer that this client was given for this key. The same key with another request is refused. Until the transaction
/// ends, nobody else gets an answer for it: of two at once, the second is given what the first did.
pub async fn recall(w: &Write, key: &str, request: &str) -> Result<Option<Json>> {
    if key.is_empty() || key.len() > 200 {
        return Err(Error::refused(Code::InvalidValue, "idempotencyKey", "An idempotency key has 1 to 200 characters."));
    }
    if w.tx().get_database_backend() == DbBackend::Postgres {
        // SQLite has one writer anyway
        let sql = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
        let place = format!("{}|{key}", client(w.scope()));
        w.tx().query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [place.into()])).await?;
    }
    let found = Entity::find_by_id((client(w.scope()), key.to_string())).one(w.tx()).await?;
    match found {
        Some(row) if row.request_hash != hash(request) => {
            Err(Error::refused(Code::IdempotencyConflict, "idempotencyKey", "This key was used with another request. Please take a new one."))
        }
        found => Ok(found.map(|row| row.response)),
    }
}

/// Keeps the answer for a second try, in the transaction that did the work.
pub async fn remember(w: &Write, key: &str, request: &str, response: Json) -> Result<()> {
    let row = ActiveModel {
        client_id: Set(client(w.scope())),
        key: Set(key.into()),
        request_hash: Set(hash(request)),
        response: Set(response),
        created_at: Set(w.at()),
    };
    Entity::insert(row).exec_without_returning(w.tx()).await?;
    Ok(())
}

/// Callers without a login share a subject: their session tells them apart.
fn client(scope: &Scope) -> String {
    [scope.audience.name(), &scope.subject, scope.session.as_deref().unwrap_or_default()].join("|")
}

fn hash(request: &str) -> String {
    format!("{:x}", Sha256::digest(request.as_bytes()))
}
