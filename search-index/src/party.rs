//! Customers: name, number, and how they are reached. And the tree they stand in.
use crate::{
    Result,
    document::Document,
    fields::{Codes, Part},
    language,
    visibility::{self, Care, Owners},
};
use entities::{
    Store,
    catalogue::product,
    model::EntityKind,
    party::{contact_medium, customer, customer_closure, partner_customer, party},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use uuid::Uuid;

/// The kind of a customer's document.
pub const KIND: &EntityKind = &customer::ENTITY;

pub async fn documents(store: &Store, ids: &[Uuid]) -> Result<Vec<Document>> {
    let (hub, db) = (Scope::hub(store.clock().now()), store.reader());
    let customers = hub.find::<customer::Entity>().filter(customer::Column::Id.is_in(ids.to_vec())).filter(customer::Column::ErasedAt.is_null());
    let customers = customers.all(db).await?;
    let parties: Vec<_> = customers.iter().map(|c| c.party_id).collect();
    let names = hub.find::<party::Entity>().filter(party::Column::Id.is_in(parties.clone())).all(db).await?;
    let media = hub
        .find::<contact_medium::Entity>()
        .filter(contact_medium::Column::PartyId.is_in(parties))
        .order_by_asc(contact_medium::Column::Id)
        .all(db)
        .await?;
    let lines = hub
        .find::<product::Entity>()
        .filter(product::Column::CustomerId.is_in(ids.to_vec()))
        .filter(product::Column::ServiceIdentifier.is_not_null());
    let lines: Vec<(Uuid, String)> =
        lines.select_only().columns([product::Column::CustomerId, product::Column::ServiceIdentifier]).into_tuple().all(db).await?;
    let owners = owners(store, ids.iter().copied()).await?;
    let known = partners(store, ids).await?;

    let names: HashMap<_, _> = names.iter().map(|p| (p.id, p)).collect();
    let mut documents = vec![];
    for c in &customers {
        let Some(party) = names.get(&c.party_id) else { continue };
        let mut visible = visibility::of_row(&owners, Some(c.id), true, None);
        visible.extend(
            known.iter().filter(|k| k.customer_id == c.id).flat_map(|k| visibility::of_partner(k.partner_id, k.valid_from_on, k.valid_to_on)),
        );
        visible.sort();
        visible.dedup();
        let mut d = document(c, party, media.iter().filter(|m| m.party_id == c.party_id), visible);
        lines.iter().filter(|l| l.0 == c.id).for_each(|l| d.code(Codes::Service, &l.1));
        documents.push(d);
    }
    Ok(documents)
}

fn document<'a>(c: &customer::Model, party: &party::Model, media: impl Iterator<Item = &'a contact_medium::Model>, visible: Vec<String>) -> Document {
    let names = language::of(""); // names have no stems
    let mut d = Document::new(KIND, c.id, visible);
    d.shown.visible.clone_from(&d.visible);
    d.shown.title.clone_from(&party.display_name);
    d.shown.body.clone_from(&c.customer_no);
    d.part(Part::Title, names, &party.display_name);
    d.code(Codes::Own, &c.customer_no);
    for m in media {
        d.part(Part::Private, names, &m.value_display);
        let address = [&m.street, &m.postcode, &m.city].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        d.part(Part::Private, names, address);
        if m.kind != contact_medium::Kind::Post {
            d.code(Codes::Private, &m.value_norm);
        }
    }
    d
}

/// Who stands above each of these customers, itself among them, and who cares for it.
pub async fn owners(store: &Store, customers: impl Iterator<Item = Uuid>) -> Result<Owners> {
    let mut ids: Vec<_> = customers.collect();
    ids.sort();
    ids.dedup();
    #[expect(clippy::disallowed_methods, reason = "the closure has no owner of its own: it is what row rules are made of")]
    let pairs = customer_closure::Entity::find().filter(customer_closure::Column::DescendantId.is_in(ids.clone())).all(store.reader()).await?;
    let mut owners = Owners::default();
    for p in pairs {
        owners.above.entry(p.descendant_id).or_default().push(p.ancestor_id);
    }
    use customer::Column::{Id, Protected, RegionId, TeamId};
    let cared =
        Scope::hub(store.clock().now()).find::<customer::Entity>().filter(Id.is_in(ids)).select_only().columns([Id, Protected, RegionId, TeamId]);
    for (id, protected, region, team) in cared.into_tuple::<(Uuid, bool, Option<Uuid>, Option<Uuid>)>().all(store.reader()).await? {
        owners.care.insert(id, Care { protected, region, team });
    }
    Ok(owners)
}

/// Every customer below these, themselves among them.
pub async fn below(store: &Store, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    #[expect(clippy::disallowed_methods, reason = "the closure has no owner of its own: it is what row rules are made of")]
    let pairs = customer_closure::Entity::find().filter(customer_closure::Column::AncestorId.is_in(ids)).all(store.reader()).await?;
    Ok(pairs.into_iter().map(|p| p.descendant_id).collect())
}

/// The customers of these parties.
pub async fn of_parties(store: &Store, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let customers = Scope::hub(store.clock().now()).find::<customer::Entity>().filter(customer::Column::PartyId.is_in(ids));
    Ok(customers.select_only().column(customer::Column::Id).into_tuple().all(store.reader()).await?)
}

/// The parties that these contact media reach.
pub async fn of_media(store: &Store, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let media = Scope::hub(store.clock().now()).find::<contact_medium::Entity>().filter(contact_medium::Column::Id.is_in(ids));
    Ok(media.select_only().column(contact_medium::Column::PartyId).into_tuple().all(store.reader()).await?)
}

async fn partners(store: &Store, customers: &[Uuid]) -> Result<Vec<partner_customer::Model>> {
    #[expect(clippy::disallowed_methods, reason = "who knows a customer: it is what row rules are made of")]
    let known = partner_customer::Entity::find().filter(partner_customer::Column::CustomerId.is_in(customers.to_vec()));
    Ok(known.all(store.reader()).await?)
}
