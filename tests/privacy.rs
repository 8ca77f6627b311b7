//! Consent with its evidence, and an audit log whose rows seal each other.
use crate::{
    graph::ask::World,
    harness::{self, Partner, act, agent, customer, customer_of, now, partner, partner_of, refused},
};
use chrono::TimeDelta;
use entities::{
    Scope, Store,
    error::Code,
    party::{contact_medium, party},
    privacy::{
        audit_event,
        consent::{self, Evidence, Purpose, Set, State},
    },
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

fn say(customer_id: Uuid, purpose: Purpose, state: State) -> Set {
    Set { customer_id, purpose, state, evidence: Evidence { channel: "portal".into(), text_version: "2026-01".into() } }
}
async fn set(store: &Store, scope: &Scope, set: Set) -> Uuid {
    act(store, scope, async |w| consent::set(w, set).await).await.expect("set a consent")
}
async fn current(store: &Store, scope: &Scope, id: Uuid) -> Vec<(Purpose, State)> {
    let scope = Scope { at: store.clock().now(), ..scope.clone() };
    consent::current(&scope, store.reader(), id).await.unwrap().into_iter().map(|c| (c.purpose, c.state)).collect()
}

#[tokio::test]
async fn the_last_word_counts_and_every_word_is_kept() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let her = customer_of(ada.id);
        set(&store, &her, say(ada.id, Purpose::Profiling, State::Granted)).await;
        set(&store, &agent(), say(ada.id, Purpose::MarketingCall, State::Denied)).await;
        store.clock().set(now() + TimeDelta::days(1));
        set(&store, &her, say(ada.id, Purpose::Profiling, State::Withdrawn)).await;
        assert_eq!(current(&store, &her, ada.id).await, [(Purpose::Profiling, State::Withdrawn), (Purpose::MarketingCall, State::Denied)]);
        let all = her.find::<consent::Entity>().order_by_asc(consent::Column::Id).all(store.reader()).await.unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].evidence, json!({"channel": "portal", "textVersion": "2026-01", "actor": "customer"}));
        assert_eq!((all[0].party_id, all[0].effective_at), (ada.party_id, now()));
    }
}

#[tokio::test]
async fn consent_is_given_by_the_customer_with_evidence() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let (ada, bo) = (customer(&store, "Ada").await.sold_by(&acme).await, customer(&store, "Bo").await);
        let her = customer_of(ada.id);
        let bare =
            Set { evidence: Evidence { channel: " ".into(), text_version: "x".repeat(201) }, ..say(ada.id, Purpose::Research, State::Granted) };
        let said = refused(&store, &her, async |w| consent::set(w, bare).await).await;
        assert_eq!(said, [(Code::Blank, "evidence.channel".into()), (Code::TooLong, "evidence.textVersion".into())]);
        let his = say(bo.id, Purpose::Research, State::Granted);
        assert_eq!(refused(&store, &her, async |w| consent::set(w, his).await).await, [(Code::NotFound, "customerId".into())]);
        let by_partner = say(ada.id, Purpose::PartnerShare, State::Granted);
        assert_eq!(refused(&store, &partner_of(acme.id), async |w| consent::set(w, by_partner).await).await[0].0, Code::NotFound);
        let nothing = say(ada.id, Purpose::Research, State::Withdrawn);
        assert_eq!(refused(&store, &her, async |w| consent::set(w, nothing).await).await, [(Code::InvalidTransition, "state".into())]);
    }
}

#[tokio::test]
async fn a_consent_that_ran_out_no_longer_counts() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        set(&store, &agent(), say(ada.id, Purpose::Research, State::Granted)).await;
        let sql = format!("update consents set expires_at = '{}'", (now() + TimeDelta::days(30)).to_rfc3339());
        sea_orm::ConnectionTrait::execute_unprepared(store.writer(), &sql).await.unwrap();
        assert_eq!(current(&store, &agent(), ada.id).await.len(), 1);
        store.clock().set(now() + TimeDelta::days(30));
        assert_eq!(current(&store, &agent(), ada.id).await, []);
    }
}

#[tokio::test]
async fn a_partner_knows_itself_whatever_its_share() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let (own, other) = (customer(&store, "Own").await.sold_by(&acme).await, customer(&store, "Other").await.sold_by(&acme).await);
        for (c, name) in [(&own, "own"), (&other, "other")] {
            c.contact(contact_medium::Kind::Email, &format!("{name}@example.org")).await;
        }
        let world = World::new(store.clone()).await;
        assert!(reached(&world, &partner_of(acme.id)).await.is_empty());
        let acme = acme.same_as(&own).await;
        assert_eq!(reached(&world, &partner_of(acme.id)).await, ["own"]);

        // a company's own names go with them
        let named = "update parties set legal_name = display_name || ' Ltd', trading_name = display_name || '!'";
        sea_orm::ConnectionTrait::execute_unprepared(store.writer(), named).await.unwrap();
        let told = world.data(&partner_of(acme.id), "{ customers(first: 9) { nodes { party { displayName legalName tradingName } } } }").await;
        let mut told = told["customers"]["nodes"].as_array().unwrap().clone();
        told.sort_by_key(|n| n["party"]["displayName"].to_string());
        let party = |name: &str, legal: Option<&str>, trading: Option<&str>| json!({"party": {"displayName": name, "legalName": legal, "tradingName": trading}});
        assert_eq!(told, [party("Other", None, None), party("Own", Some("Own Ltd"), Some("Own!"))]);
    }
}

/// The names of those whom the caller can reach, by the rows and by the graph, which must agree.
async fn reached(world: &World, scope: &Scope) -> Vec<String> {
    let scope = Scope { at: world.store.clock().now(), ..scope.clone() };
    let rows = scope.find::<contact_medium::Entity>().all(world.store.reader()).await.unwrap();
    let mut rows: Vec<_> = rows.into_iter().map(|m| m.value_norm.split('@').next().unwrap_or_default().to_string()).collect();
    rows.sort();
    let query = "{ customers(first: 50) { nodes { displayName contactMedia { value } party { givenName contactMedia { value } } } } }";
    let mut shown = vec![];
    for c in world.data(&scope, query).await["customers"]["nodes"].as_array().unwrap() {
        let name = c["displayName"].as_str().expect("a partner knows the name of whom it sold to").to_lowercase();
        let known = !c["contactMedia"].as_array().unwrap().is_empty();
        assert_eq!(c["contactMedia"], c["party"]["contactMedia"], "{name}");
        assert_eq!(c["party"]["givenName"].is_string(), known, "{name}: given name and contact data go together");
        shown.extend(known.then_some(name));
    }
    shown.sort();
    assert_eq!(rows, shown);
    rows
}
#[tokio::test]
async fn a_partner_with_full_share_reaches_those_who_agreed_as_long_as_they_agree() {
    for store in harness::stores().await {
        let (acme, bolt) = (partner(&store, "Acme").await.full_share().await, partner(&store, "Bolt").await.full_share().await);
        let little = partner(&store, "Little").await;
        let sold = async |name: &str, by: &Partner| customer(&store, name).await.sold_by(by).await;
        let (yes, no) = (sold("Yes", &acme).await, sold("No", &acme).await);
        let (never, late, gone) = (sold("Never", &acme).await, sold("Late", &acme).await, sold("Gone", &acme).await.left_partner().await);
        let (bolts, littles, direct) = (sold("Bolts", &bolt).await, sold("Littles", &little).await, customer(&store, "Direct").await);
        for c in [&yes, &no, &never, &late, &gone, &bolts, &littles, &direct] {
            let name = agent().find::<party::Entity>().filter(party::Column::Id.eq(c.party_id)).one(store.reader()).await.unwrap().unwrap();
            c.contact(contact_medium::Kind::Email, &format!("{}@example.org", name.display_name.to_lowercase())).await;
        }
        for c in [&yes, &gone, &bolts, &littles, &direct] {
            set(&store, &agent(), say(c.id, Purpose::PartnerShare, State::Granted)).await;
        }
        set(&store, &agent(), say(no.id, Purpose::PartnerShare, State::Denied)).await;
        set(&store, &agent(), say(never.id, Purpose::ThirdParty, State::Granted)).await;
        let world = World::new(store.clone()).await;
        let all = [partner_of(acme.id), partner_of(bolt.id), partner_of(little.id), customer_of(no.id), agent()];
        let seen = async || {
            let mut seen = vec![];
            for scope in &all[..4] {
                // a customer has no list of customers
                seen.push(if scope.customers.is_empty() { reached(&world, scope).await } else { media(&store, scope).await });
            }
            seen
        };
        assert_eq!(seen().await, [vec!["yes"], vec!["bolts"], vec![], vec!["no"]]);
        assert_eq!(media(&store, &all[4]).await.len(), 8, "agents reach everybody");

        // the last word counts, from its day to its end
        store.clock().set(now() + TimeDelta::days(1));
        set(&store, &customer_of(late.id), say(late.id, Purpose::PartnerShare, State::Granted)).await;
        assert_eq!(reached(&world, &all[0]).await, ["late", "yes"]);
        store.clock().set(now() + TimeDelta::days(2));
        set(&store, &customer_of(yes.id), say(yes.id, Purpose::PartnerShare, State::Withdrawn)).await;
        assert_eq!(reached(&world, &all[0]).await, ["late"]);
        let sql = format!("update consents set expires_at = '{}' where state = 'granted'", (now() + TimeDelta::days(3)).to_rfc3339());
        sea_orm::ConnectionTrait::execute_unprepared(store.writer(), &sql).await.unwrap();
        assert_eq!(reached(&world, &all[0]).await, ["late"]);
        store.clock().set(now() + TimeDelta::days(3));
        assert!(reached(&world, &all[0]).await.is_empty());
    }
}
async fn media(store: &Store, scope: &Scope) -> Vec<String> {
    let rows = scope.find::<contact_medium::Entity>().all(store.reader()).await.unwrap();
    rows.into_iter().map(|m| m.value_norm.split('@').next().unwrap_or_default().to_string()).collect()
}

#[tokio::test]
async fn a_request_is_answered_once_and_by_an_agent() {
    use entities::privacy::privacy_request::{self, Kind, State};
    // these kinds nothing but an agent can end
    let kinds = [(Kind::Rectification, "Ada", "Bo"), (Kind::Restriction, "Eve", "Flo")];
    for (store, (kind, ada, bo)) in harness::stores().await.into_iter().flat_map(|s| kinds.map(|k| (s.clone(), k))) {
        let (ada, bo) = (customer(&store, ada).await, customer(&store, bo).await);
        let her = customer_of(ada.id);
        let asked = act(&store, &her, async |w| privacy_request::create(w, ada.id, kind).await).await.unwrap();
        for (who, to, said) in [
            (&her, State::Completed, Code::NotFound),
            (&customer_of(bo.id), State::Rejected, Code::NotFound),
            (&agent(), State::InProgress, Code::InvalidValue),
        ] {
            assert_eq!(refused(&store, who, async |w| privacy_request::close(w, asked, to).await).await[0].0, said, "{:?}", who.audience);
        }
        act(&store, &agent(), async |w| privacy_request::close(w, asked, State::Completed).await).await.unwrap();
        let row = her.find::<privacy_request::Entity>().one(store.reader()).await.unwrap().unwrap();
        assert_eq!((row.state, row.completed_at, row.row_version), (State::Completed, Some(now()), 2));
        assert_eq!(refused(&store, &agent(), async |w| privacy_request::close(w, asked, State::Rejected).await).await[0].0, Code::InvalidTransition);
    }
}

#[tokio::test]
async fn every_audit_row_seals_the_one_before() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        for state in [State::Granted, State::Withdrawn, State::Granted] {
            set(&store, &customer_of(ada.id), say(ada.id, Purpose::Research, state)).await;
        }
        #[expect(clippy::disallowed_methods, reason = "reads the whole log")]
        let log = audit_event::Entity::find().order_by_asc(audit_event::Column::Position).all(store.reader()).await.unwrap();
        assert_eq!(log.iter().map(|a| a.position).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(log[0].prev_hash, "");
        assert!(log.windows(2).all(|two| two[1].prev_hash == two[0].hash));
        let theirs = customer_of(ada.id).find::<audit_event::Entity>().all(store.reader()).await.unwrap();
        assert_eq!(theirs.len(), 3, "they see who touched what is theirs");
    }
}
