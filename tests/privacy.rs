//! Consent with its evidence, and an audit log whose rows seal each other.
use crate::harness::{self, act, agent, customer, customer_of, now, partner, partner_of, refused};
use chrono::TimeDelta;
use entities::{
    Scope, Store,
    error::Code,
    privacy::{
        audit_event,
        consent::{self, Evidence, Purpose, Set, State},
    },
};
use sea_orm::{EntityTrait, QueryOrder};
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
