use entities::{Error, Result, Scope, Store, Write, error::Code};
use sea_orm::EntityTrait;
use std::fmt::{Debug, Write as _};

/// One write of a caller: committed where it succeeds.
pub async fn act<T>(store: &Store, scope: &Scope, verb: impl AsyncFnOnce(&mut Write) -> Result<T>) -> Result<T> {
    let mut w = store.write(scope).await?;
    let done = verb(&mut w).await?;
    w.commit().await?;
    Ok(done)
}

/// What was refused, as (code, field). Proves that nothing changed.
#[track_caller]
pub fn refused<'a, T: Debug>(
    store: &'a Store,
    scope: &'a Scope,
    verb: impl AsyncFnOnce(&mut Write) -> Result<T> + 'a,
) -> impl Future<Output = Vec<(Code, String)>> + 'a {
    let at = std::panic::Location::caller();
    async move {
        let before = snapshot(store).await;
        let result = act(store, scope, verb).await;
        assert_eq!(snapshot(store).await, before, "{at}: something changed though it was refused, on {:?}", store.backend());
        match result {
            Err(Error::Refused(list)) => list.into_iter().map(|r| (r.code, r.field)).collect(),
            other => panic!("{at}: wanted a refusal on {:?}, got {other:?}", store.backend()),
        }
    }
}

/// Every row that a verb could touch, as text.
#[expect(clippy::disallowed_methods, reason = "looks at everything, whoever may see it")]
pub async fn snapshot(store: &Store) -> String {
    use entities::{
        billing::{bill, billing_account},
        care::{ticket, ticket_note},
        catalogue::product,
        conversation::{bot_answer, conversation, message},
        exchange::idempotency_key,
        knowledge::{article, article_version, feedback},
        outbox::change,
        party::{contact_medium, customer, customer_closure, partner_customer, partner_token, party},
        privacy::{audit_event, consent, state_change},
    };
    let mut all = format!("position {}\n", store.position().await.expect("read the position"));
    macro_rules! every {
        ($($entity:ident)*) => {$(
            let mut rows: Vec<_> = $entity::Entity::find().all(store.reader()).await.expect("read a table").iter().map(|r| format!("{r:?}")).collect();
            rows.sort();
            for row in rows {
                let _ = writeln!(all, "{row}");
            }
        )*};
    }
    every!(bill billing_account ticket ticket_note product bot_answer conversation message idempotency_key article article_version feedback change
        contact_medium customer customer_closure partner_customer partner_token party audit_event consent state_change);
    all
}
