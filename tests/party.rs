//! Customers: what they change themselves, what agents change, and the trees of enterprises.
use crate::harness::{self, Customer, act, agent, customer, customer_of, now, partner, partner_of, refused};
use entities::{
    Scope, Store,
    catalogue::product,
    error::Code,
    party::{
        contact_medium,
        customer::{self, PreferredChannel, Status, Update},
        customer_closure, lookup, party,
    },
    privacy::erasure,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use std::collections::BTreeSet;
use uuid::Uuid;

async fn row(store: &Store, id: Uuid) -> customer::Model {
    agent().find::<customer::Entity>().filter(customer::Column::Id.eq(id)).one(store.reader()).await.unwrap().expect("the customer")
}
fn change(id: Uuid, expected_version: i32) -> Update {
    Update { customer_id: id, expected_version, ..Default::default() }
}
async fn update(store: &Store, scope: &Scope, input: Update) -> i32 {
    act(store, scope, async |w| customer::update(w, input).await).await.expect("update a customer")
}
/// (ancestor, descendant, depth), as names.
#[expect(clippy::disallowed_methods, reason = "looks at the whole tree")]
async fn tree(store: &Store, names: &[(&'static str, Uuid)]) -> BTreeSet<(&'static str, &'static str, i32)> {
    let name = |id: Uuid| names.iter().find(|n| n.1 == id).expect("a customer of the story").0;
    let rows = customer_closure::Entity::find().all(store.reader()).await.unwrap();
    rows.iter().filter(|r| r.depth > 0).map(|r| (name(r.ancestor_id), name(r.descendant_id), r.depth)).collect()
}

#[tokio::test]
async fn a_customer_changes_their_names_and_how_to_reach_them() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let input = Update {
            display_name: Some(" Ada King ".into()),
            locale: Some("de-AT".into()),
            preferred_channel: Some(PreferredChannel::Email),
            ..change(ada.id, 1)
        };
        assert_eq!(update(&store, &customer_of(ada.id), input).await, 2);
        assert_eq!(row(&store, ada.id).await.preferred_channel, Some(PreferredChannel::Email));
        let party = agent().find::<party::Entity>().one(store.reader()).await.unwrap().unwrap();
        assert_eq!((party.display_name.as_str(), party.locale.as_str(), party.row_version), ("Ada King", "de-AT", 2));
        let before = harness::snapshot(&store).await;
        assert_eq!(update(&store, &customer_of(ada.id), Update { locale: Some("de-AT".into()), ..change(ada.id, 2) }).await, 2);
        assert_eq!(harness::snapshot(&store).await, before, "no change is no change");
    }
}

#[tokio::test]
async fn what_is_not_theirs_to_change_stays() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let (ada, bo) = (customer(&store, "Ada").await.sold_by(&acme).await, customer(&store, "Bo").await);
        let her = customer_of(ada.id);
        let cases: [(&str, &Scope, Update, (Code, &str)); 8] = [
            ("her status", &her, Update { status: Some(Status::Closed), ..change(ada.id, 1) }, (Code::InvalidValue, "status")),
            ("her place", &her, Update { parent: Some(Some(bo.id)), ..change(ada.id, 1) }, (Code::InvalidValue, "parentId")),
            ("another's name", &her, Update { display_name: Some("Eve".into()), ..change(bo.id, 1) }, (Code::NotFound, "customerId")),
            ("by a partner", &partner_of(acme.id), Update { display_name: Some("Eve".into()), ..change(ada.id, 1) }, (Code::NotFound, "")),
            ("no name", &her, Update { display_name: Some(" ".into()), ..change(ada.id, 1) }, (Code::Blank, "displayName")),
            ("a long name", &her, Update { display_name: Some("x".repeat(201)), ..change(ada.id, 1) }, (Code::TooLong, "displayName")),
            ("no locale", &her, Update { locale: Some("english".into()), ..change(ada.id, 1) }, (Code::InvalidValue, "locale")),
            ("an old version", &her, Update { locale: Some("sv".into()), ..change(ada.id, 7) }, (Code::StaleVersion, "expectedVersion")),
        ];
        for (case, scope, input, (code, field)) in cases {
            assert_eq!(refused(&store, scope, async |w| customer::update(w, input).await).await, [(code, field.into())], "{case}");
        }
    }
}

#[tokio::test]
async fn a_customer_who_left_can_come_back() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let close = Update { status: Some(Status::Closed), status_reason: Some("moved abroad".into()), ..change(ada.id, 1) };
        update(&store, &agent(), close).await;
        assert_eq!(row(&store, ada.id).await.closed_at, Some(now()));
        let suspend = Update { status: Some(Status::Suspended), ..change(ada.id, 2) };
        assert_eq!(refused(&store, &agent(), async |w| customer::update(w, suspend).await).await, [(Code::InvalidTransition, "status".into())]);
        update(&store, &agent(), Update { status: Some(Status::Active), ..change(ada.id, 2) }).await;
        let back = row(&store, ada.id).await;
        assert_eq!((back.status, back.closed_at, back.status_reason), (Status::Active, None, None));
    }
}

#[tokio::test]
async fn a_move_takes_everything_below_along() {
    for store in harness::stores().await {
        let (corp, group) = (customer(&store, "Corp").await, customer(&store, "Group").await);
        let lab = customer(&store, "Lab").await.child_of(&corp).await;
        let unit = customer(&store, "Unit").await.child_of(&lab).await;
        let names = [("corp", corp.id), ("group", group.id), ("lab", lab.id), ("unit", unit.id)];
        assert_eq!(tree(&store, &names).await, BTreeSet::from([("corp", "lab", 1), ("corp", "unit", 2), ("lab", "unit", 1)]));

        update(&store, &agent(), Update { parent: Some(Some(group.id)), ..change(lab.id, 1) }).await;
        assert_eq!(tree(&store, &names).await, BTreeSet::from([("group", "lab", 1), ("group", "unit", 2), ("lab", "unit", 1)]));
        let seen = customer_of(corp.id).find::<customer::Entity>().all(store.reader()).await.unwrap();
        assert_eq!(seen.iter().map(|c| c.id).collect::<Vec<_>>(), [corp.id], "the old enterprise no longer sees them");

        update(&store, &agent(), Update { parent: Some(None), ..change(lab.id, 2) }).await;
        assert_eq!(tree(&store, &names).await, BTreeSet::from([("lab", "unit", 1)]));
    }
}

#[tokio::test]
async fn nobody_stands_below_themselves() {
    for store in harness::stores().await {
        let corp = customer(&store, "Corp").await;
        let lab = customer(&store, "Lab").await.child_of(&corp).await;
        let unit = customer(&store, "Unit").await.child_of(&lab).await;
        for parent in [corp.id, lab.id, unit.id] {
            let circle = Update { parent: Some(Some(parent)), ..change(corp.id, 1) };
            assert_eq!(refused(&store, &agent(), async |w| customer::update(w, circle).await).await, [(Code::InvalidValue, "parentId".into())]);
        }
        let nowhere = Update { parent: Some(Some(Uuid::nil())), ..change(lab.id, 1) };
        assert_eq!(refused(&store, &agent(), async |w| customer::update(w, nowhere).await).await, [(Code::NotFound, "parentId".into())]);
    }
}

/// An agent for one region.
async fn of_region(store: &Store, of: &Customer) -> Scope {
    Scope { regions: row(store, of.id).await.region_id.map(|region| vec![region]), ..agent() }
}
/// Lets the party of one customer be that of another, too.
async fn same_party(store: &Store, id: Uuid, other: Uuid) {
    let theirs = customer::ActiveModel { party_id: Set(row(store, other).await.party_id), ..Default::default() };
    customer::Entity::update_many().set(theirs).filter(customer::Column::Id.eq(id)).exec(store.writer()).await.unwrap();
}

#[tokio::test]
async fn who_calls_is_found_among_those_whom_the_agent_may_know() {
    for store in harness::stores().await {
        let (ada, bo) =
            (customer(&store, "Ada").await.cared_for("north", "blue").await, customer(&store, "Bo").await.cared_for("south", "red").await);
        ada.contact(contact_medium::Kind::Email, "ada@example.org").await;
        bo.contact(contact_medium::Kind::Email, "bo@example.org").await;
        let (line, fibre) = ("AT-4711", bo.product("Fibre").await);
        let with_line = product::ActiveModel { service_identifier: Set(Some(line.into())), ..Default::default() };
        product::Entity::update_many().set(with_line).filter(product::Column::Id.eq(fibre)).exec(store.writer()).await.unwrap();
        let north = of_region(&store, &ada).await;
        for (scope, hers, his) in [(agent(), vec![ada.id], vec![bo.id]), (north, vec![ada.id], vec![])] {
            let mail = async |address: &str| lookup::by_contact(&store, &scope, contact_medium::Kind::Email, address).await.unwrap();
            assert_eq!((mail("ADA@example.org ").await, mail("bo@example.org").await), (hers, his.clone()));
            assert_eq!(lookup::by_service(&store, &scope, line).await.unwrap(), his);
        }
        // one person, two customers, one of them elsewhere
        let twin = customer(&store, "Ada's shop").await.cared_for("west", "grey").await;
        same_party(&store, twin.id, ada.id).await;
        for (scope, both) in [(agent(), vec![ada.id, twin.id]), (of_region(&store, &ada).await, vec![ada.id])] {
            assert_eq!(lookup::by_contact(&store, &scope, contact_medium::Kind::Email, "ada@example.org").await.unwrap(), both);
        }
        // an address that is a protected customer's as well leads nowhere
        let hidden = customer(&store, "Cy").await.protected().await;
        same_party(&store, hidden.id, ada.id).await;
        assert!(lookup::by_contact(&store, &agent(), contact_medium::Kind::Email, "ada@example.org").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_names_of_a_protected_customers_party_stay() {
    for store in harness::stores().await {
        let (ada, hidden) = (customer(&store, "Ada").await, customer(&store, "Cy").await.protected().await);
        same_party(&store, hidden.id, ada.id).await;
        let rename = Update { display_name: Some("Anna".into()), ..change(ada.id, row(&store, ada.id).await.row_version) };
        assert_eq!(refused(&store, &agent(), async |w| customer::update(w, rename.clone()).await).await, [(Code::NotFound, "customerId".into())]);
    }
}

#[tokio::test]
async fn what_is_done_to_a_whole_needs_all_of_it() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await.cared_for("north", "blue").await;
        let kid = customer(&store, "Kid").await.child_of(&ada).await.cared_for("south", "red").await;
        let north = of_region(&store, &ada).await;
        let part = [(Code::InvalidValue, "customerId".to_string())];
        assert_eq!(refused(&store, &north, async |w| customer::view(w, ada.id, "a call").await).await, part);
        act(&store, &agent(), async |w| customer::view(w, ada.id, "a call").await).await.unwrap();

        // what others owe is no reason to keep it
        customer(&store, "Bo").await.bill("2025-12", &[("Fibre", 3_000)]).await;
        let ask = |customer_id| erasure::Ask { customer_id, ground: erasure::Ground::NoLongerNeeded, even_though_owing: false };
        assert_eq!(refused(&store, &north, async |w| erasure::ask(w, ask(ada.id)).await).await, part);
        act(&store, &agent(), async |w| erasure::ask(w, ask(kid.id)).await).await.unwrap();
        ada.bill("2025-12", &[("Fibre", 3_000)]).await;
        let said = refused(&store, &agent(), async |w| erasure::ask(w, ask(ada.id)).await).await;
        assert_eq!(said, [(Code::InvalidTransition, "evenThoughOwing".into())]);
    }
}
