//! Customers and partners by whatever people call them: public id, number, id in the source system.
use super::usage;
use crate::error::{Error, Exit, Result};
use entities::{
    Scope, Store,
    id::Id,
    party::{customer, partner},
    store::public_id,
};
use sea_orm::{ColumnTrait, ExprTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

pub async fn customer(store: &Store, text: &str) -> Result<Uuid> {
    use customer::{Column, ENTITY, Entity};
    let by = match Id::parse(text) {
        Some(id) if id.kind == &ENTITY => Column::Id.eq(id.uuid),
        _ => Column::CustomerNo.eq(text).or(Column::ExternalId.eq(text)),
    };
    let rows = Scope::hub(store.clock().now()).find::<Entity>().filter(by).limit(5).all(store.reader()).await?;
    let found = rows.iter().map(|r| (r.id, format!("{} ({} of {})", public_id(&ENTITY, r.id), r.customer_no, r.source_system)));
    one("customer", text, found.collect(), "give its id (cus_…), its customer number or its id in the source system")
}

pub async fn partner(store: &Store, text: &str) -> Result<Uuid> {
    use partner::{Column, ENTITY, Entity};
    let by = match Id::parse(text) {
        Some(id) if id.kind == &ENTITY => Column::Id.eq(id.uuid),
        _ => Column::Code.eq(text).or(Column::ExternalId.eq(text)).or(Column::BrandName.eq(text)),
    };
    let rows = Scope::hub(store.clock().now()).find::<Entity>().filter(by).limit(5).all(store.reader()).await?;
    let found = rows.iter().map(|r| (r.id, format!("{} ({} of {})", public_id(&ENTITY, r.id), r.code, r.source_system)));
    one("partner", text, found.collect(), "give its id (ptn_…), its code, its brand or its id in the source system")
}

fn one(what: &str, text: &str, found: Vec<(Uuid, String)>, hint: &str) -> Result<Uuid> {
    match found.as_slice() {
        [(id, _)] => Ok(*id),
        [] => Err(Error::said(Exit::Failed, format!("there is no {what} {text:?}")).hint(hint)),
        many => Err(usage(
            format!("{text:?} is more than one {what}"),
            format!("give one of {}", many.iter().map(|m| m.1.as_str()).collect::<Vec<_>>().join(", ")),
        )),
    }
}
