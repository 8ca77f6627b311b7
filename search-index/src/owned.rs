//! Products and bills: found by their numbers, products by their names too.
use crate::{
    Result,
    document::Document,
    fields::{Codes, Part},
    language, party, visibility,
};
use entities::{Store, billing::bill, catalogue::product, party::customer, scope::Scope};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

/// Rows of customers that were erased have no documents. One look per row: a list of all who were erased would be
/// gathered anew for each statement.
pub fn alive(customer_id: impl ColumnTrait) -> Condition {
    use customer::Column::{ErasedAt, Id};
    let own = Expr::col((customer::Entity, Id)).equals(customer_id.as_column_ref());
    let erased = Query::select().expr(Expr::val(1)).from(customer::Entity).and_where(own).and_where(ErasedAt.is_not_null()).to_owned();
    Condition::all().not().add(Expr::exists(erased))
}

pub async fn products(store: &Store, ids: &[Uuid]) -> Result<Vec<Document>> {
    let hub = Scope::hub(store.clock().now());
    let rows = hub
        .find::<product::Entity>()
        .filter(product::Column::Id.is_in(ids.to_vec()))
        .filter(alive(product::Column::CustomerId))
        .all(store.reader())
        .await?;
    let owners = party::owners(store, rows.iter().map(|p| p.customer_id)).await?;
    let document = |p: &product::Model| {
        // What is not for the customer's eyes keeps its partner and the agents.
        let mut d = Document::new(&product::ENTITY, p.id, visibility::of_row(&owners, Some(p.customer_id), p.is_customer_visible, p.partner_id));
        d.shown.title.clone_from(&p.name);
        d.shown.body = [&p.service_identifier, &p.label].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" · ");
        d.part(Part::Title, language::of(""), &p.name);
        d.part(Part::Body, language::of(""), p.label.clone().unwrap_or_default());
        [&p.service_identifier, &p.serial].into_iter().flatten().for_each(|c| d.code(Codes::Own, c));
        d
    };
    Ok(rows.iter().map(document).collect())
}

pub async fn bills(store: &Store, ids: &[Uuid]) -> Result<Vec<Document>> {
    let hub = Scope::hub(store.clock().now());
    let rows =
        hub.find::<bill::Entity>().filter(bill::Column::Id.is_in(ids.to_vec())).filter(alive(bill::Column::CustomerId)).all(store.reader()).await?;
    let owners = party::owners(store, rows.iter().map(|b| b.customer_id)).await?;
    let document = |b: &bill::Model| {
        let out = !matches!(b.state, bill::State::New | bill::State::OnHold);
        let visible = visibility::of_row(&owners, Some(b.customer_id), out, b.partner_id.filter(|_| out));
        let mut d = Document::new(&bill::ENTITY, b.id, visible);
        d.shown.title.clone_from(&b.bill_no);
        d.shown.body = format!("{} {} {}", b.bill_on, entities::money::text(b.tax_included_minor, &b.currency), b.currency);
        d.code(Codes::Own, &b.bill_no);
        d
    };
    Ok(rows.iter().map(document).collect())
}

/// The products and the bills of these customers.
pub async fn of_customers(store: &Store, ids: Vec<Uuid>) -> Result<(Vec<Uuid>, Vec<Uuid>)> {
    let (hub, db) = (Scope::hub(store.clock().now()), store.reader());
    let products = hub.find::<product::Entity>().filter(product::Column::CustomerId.is_in(ids.clone()));
    let products = products.select_only().column(product::Column::Id).into_tuple().all(db).await?;
    let bills = hub.find::<bill::Entity>().filter(bill::Column::CustomerId.is_in(ids));
    Ok((products, bills.select_only().column(bill::Column::Id).into_tuple().all(db).await?))
}
