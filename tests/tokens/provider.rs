use super::*;
use crate::harness::{customer, partner};
use axum::{Json, extract::State, routing::get};
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

/// A provider of this process: discovery and keys over real HTTP.
pub struct Idp {
    issuer: String,
    state: Arc<Published>,
}
struct Published {
    issuer: String,
    signers: Mutex<Vec<Signer>>,
    fetched: AtomicUsize,
    down: AtomicBool,
}
impl Idp {
    pub async fn start(signers: &[Signer]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realm", listener.local_addr().unwrap());
        let state = Arc::new(Published {
            issuer: issuer.clone(),
            signers: Mutex::new(signers.to_vec()),
            fetched: AtomicUsize::new(0),
            down: AtomicBool::new(false),
        });
        let discovery = async |State(s): State<Arc<Published>>| {
            if s.down.load(SeqCst) {
                Err(StatusCode::BAD_GATEWAY)
            } else {
                Ok(Json(json!({"issuer": s.issuer, "jwks_uri": format!("{}/keys", s.issuer)})))
            }
        };
        let keys = async |State(s): State<Arc<Published>>| {
            s.fetched.fetch_add(1, SeqCst);
            let keys: Vec<Value> = s.signers.lock().unwrap().iter().map(|k| k.jwk.clone()).collect();
            Json(json!({"keys": keys}))
        };
        let router =
            Router::new().route("/realm/.well-known/openid-configuration", get(discovery)).route("/realm/keys", get(keys)).with_state(state.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Idp { issuer, state }
    }
    pub fn issuer(&self) -> String {
        self.issuer.clone()
    }
    pub fn signers(&self) -> Vec<Signer> {
        self.state.signers.lock().unwrap().clone()
    }
    fn publish(&self, signers: &[Signer]) {
        *self.state.signers.lock().unwrap() = signers.to_vec();
    }
    fn fetched(&self) -> usize {
        self.state.fetched.load(SeqCst)
    }
    /// How the hub's settings name it.
    pub fn settings(&self, more: Value) -> api::config::provider::Provider {
        serde_json::from_value(with(&json!({"issuer": self.issuer}), more)).unwrap()
    }
}
async fn hub_of(idp: &Idp, store: Store, more: Value) -> Hub {
    Hub::new(store, Keys::ephemeral(), |c| c.auth.providers = vec![idp.settings(more)]).await
}
fn later(hub: &Hub, seconds: i64) {
    let clock = hub.app.store.clock();
    clock.set(clock.now() + TimeDelta::seconds(seconds));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_causes_one_fetch_in_ten_seconds() {
    let idp = Idp::start(&[Signer::es256("one")]).await;
    let hub = hub_of(&idp, harness::store().await, json!({})).await;
    let good = claims(&idp.issuer());
    let flood = async || {
        let strangers = (0..1000).map(|i| Signer { kid: format!("unknown-{i}"), ..Signer::ed25519("") }.token(&good));
        let statuses: Vec<_> = stream::iter(strangers.map(|t| {
            let hub = hub.clone();
            async move { hub.status(&t).await }
        }))
        .buffer_unordered(100)
        .collect()
        .await;
        assert!(statuses.iter().all(|s| *s == StatusCode::UNAUTHORIZED));
    };
    flood().await;
    assert_eq!(idp.fetched(), 1);
    later(&hub, 9);
    flood().await;
    assert_eq!(idp.fetched(), 1, "still within ten seconds");
    later(&hub, 1);
    flood().await;
    assert_eq!(idp.fetched(), 2);
    assert_eq!(hub.status(&idp.signers()[0].token(&good)).await, StatusCode::OK, "and whoever is known gets in");
    assert_eq!(idp.fetched(), 2);
    println!("3,000 unknown keys in 10 s: {} fetches", idp.fetched());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_under_load_and_no_good_request_fails() {
    let old = Signer::es256("old");
    let idp = Idp::start(std::slice::from_ref(&old)).await;
    let hub = hub_of(&idp, harness::store().await, json!({})).await;
    let good = claims(&idp.issuer());
    assert_eq!(hub.status(&old.token(&good)).await, StatusCode::OK);
    later(&hub, 60);
    let asked = AtomicUsize::new(0);
    // requests of each key that the provider signs with, eight at a time; halfway its keys change
    let load = async |change: &(dyn Fn() + Sync)| {
        stream::iter(0..24)
            .map(async |i| {
                if i == 12 {
                    change();
                }
                for signer in idp.signers() {
                    assert_eq!(hub.status(&signer.token(&good)).await, StatusCode::OK, "{}", signer.kid);
                    asked.fetch_add(1, SeqCst);
                }
            })
            .buffer_unordered(8)
            .collect::<Vec<()>>()
            .await
    };
    load(&|| idp.publish(&[old.clone(), Signer::ed25519("new")])).await;
    later(&hub, 11);
    load(&|| idp.publish(&[Signer::es256("newest")])).await;
    assert_eq!(hub.status(&old.token(&good)).await, StatusCode::OK, "what was signed before the change is good until its key's cache ends");
    later(&hub, 300);
    assert_eq!(hub.status(&old.token(&good)).await, StatusCode::UNAUTHORIZED);
    println!("{} requests while keys changed twice, {} fetches", asked.load(SeqCst), idp.fetched());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_begins_anew_under_the_same_key_id_is_understood() {
    let idp = Idp::start(&[Signer::es256("es1")]).await;
    let hub = hub_of(&idp, harness::store().await, json!({})).await;
    let (good, before) = (claims(&idp.issuer()), idp.signers()[0].clone());
    assert_eq!(hub.status(&before.token(&good)).await, StatusCode::OK);
    let again = Signer::es256("es1");
    idp.publish(std::slice::from_ref(&again));
    assert_eq!(hub.status(&again.token(&good)).await, StatusCode::UNAUTHORIZED, "asked a moment ago");
    later(&hub, 10);
    assert_eq!(hub.status(&again.token(&good)).await, StatusCode::OK);
    assert_eq!(hub.status(&before.token(&good)).await, StatusCode::OK, "for as long as a cache would hold it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_provider_is_down_runs_and_asks_again() {
    let idp = Idp::start(&[Signer::es256("one")]).await;
    idp.state.down.store(true, SeqCst);
    let hub = hub_of(&idp, harness::store().await, json!({})).await;
    let token = idp.signers()[0].token(&claims(&idp.issuer()));
    assert_eq!(hub.status(&token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(hub.status(&hub.agent()).await, StatusCode::OK, "own tokens need no provider");
    idp.state.down.store(false, SeqCst);
    assert_eq!(hub.status(&token).await, StatusCode::UNAUTHORIZED, "tried a moment ago");
    later(&hub, 10);
    assert_eq!(hub.status(&token).await, StatusCode::OK);
    idp.state.down.store(true, SeqCst);
    later(&hub, 400);
    let token = idp.signers()[0].token(&with(&claims(&idp.issuer()), json!({"exp": hub.app.store.clock().now().timestamp() + 7200})));
    assert_eq!(hub.status(&token).await, StatusCode::OK, "an hour without the provider is survived");
    later(&hub, 3600);
    assert_eq!(hub.status(&token).await, StatusCode::UNAUTHORIZED, "more is not");
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_mean_what_the_settings_say() {
    for store in harness::stores().await {
        let idp = Idp::start(&[Signer::es256("one")]).await;
        customer(&store, "Ada").await;
        customer(&store, "Bob").await;
        partner(&store, "Acme").await;
        let hub = hub_of(
            &idp,
            store.clone(),
            json!({
                "claims": {"class": "realm.roles", "customers": "https://hub.example/numbers", "customers_by": "number", "partner": "dealer", "partner_by": "code"},
                "classes": {"staff": "agent", "boss": "agent", "subscriber": "customer", "dealer": "partner"},
                "clients": [{"client_id": "robot", "class": "agent", "scope": "ticket:read kb:read"}, {"client_id": "acme-robot", "class": "partner", "partner": "ACME", "scope": "partner.profile:read"}]
            }),
        )
        .await;
        let ask = async |changes: Value, query: &str| {
            let token = idp.signers()[0].token(&with(&claims(&idp.issuer()), changes));
            hub.ask(&token, query).await
        };
        let viewer = "{ viewer { audience scopes } }";
        let staff = ask(json!({"realm": {"roles": ["staff", "boss", "offline_access"]}, "scope": "openid customer:read https://x/y"}), viewer).await;
        assert_eq!(staff.json["data"]["viewer"], json!({"audience": "AGENT", "scopes": ["customer:read"]}), "{}", staff.json);
        for unclear in
            [json!({}), json!({"realm": {"roles": []}}), json!({"realm": {"roles": ["staff", "subscriber"]}}), json!({"realm": {"roles": "agent"}})]
        {
            assert_eq!(ask(unclear.clone(), viewer).await.status, StatusCode::UNAUTHORIZED, "{unclear}");
        }
        let me = "{ me { displayName } }";
        let role = json!({"roles": ["subscriber"]});
        assert_eq!(ask(json!({"realm": role, "https://hub.example/numbers": ["C-ADA"]}), me).await.json["data"]["me"]["displayName"], "Ada");
        for nobody in [json!([]), json!(["no such"]), json!(null), json!(["' or 1=1 --"])] {
            let answer = ask(json!({"realm": role, "https://hub.example/numbers": nobody}), me).await;
            assert_eq!((answer.status, &answer.json["data"]["me"]), (StatusCode::OK, &Value::Null), "{nobody}");
        }
        let dealer =
            ask(json!({"realm": {"roles": ["dealer"]}, "dealer": "ACME", "scope": "partner.profile:read"}), "{ partner { brandName } }").await;
        assert_eq!(dealer.json["data"]["partner"]["brandName"], "Acme", "{}", dealer.json);
        let robot = ask(json!({"client_id": "robot", "scope": "ticket:read customer:read"}), viewer).await;
        assert_eq!(
            robot.json["data"]["viewer"],
            json!({"audience": "AGENT", "scopes": ["ticket:read"]}),
            "no more than its entry says: {}",
            robot.json
        );
        let robot = ask(json!({"client_id": "acme-robot", "scope": null}), "{ partner { brandName } }").await;
        assert_eq!(robot.json["data"]["partner"]["brandName"], "Acme", "{}", robot.json);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_speaks_for_itself_only() {
    let (one, two) = (Idp::start(&[Signer::es256("k")]).await, Idp::start(&[Signer::es256("k")]).await);
    let store = harness::store().await;
    let hub =
        Hub::new(store, Keys::ephemeral(), |c| c.auth.providers = vec![one.settings(json!({})), two.settings(json!({"audience": "urn:two"}))]).await;
    assert_eq!(hub.status(&one.signers()[0].token(&claims(&one.issuer()))).await, StatusCode::OK);
    assert_eq!(hub.status(&one.signers()[0].token(&claims(&two.issuer()))).await, StatusCode::UNAUTHORIZED, "signed by one in the name of the other");
    assert_eq!(hub.status(&one.signers()[0].token(&claims("switchboard"))).await, StatusCode::UNAUTHORIZED, "in the name of the hub");
    assert_eq!(hub.status(&two.signers()[0].token(&claims(&two.issuer()))).await, StatusCode::UNAUTHORIZED, "for another audience than its own");
    assert_eq!(hub.status(&two.signers()[0].token(&with(&claims(&two.issuer()), json!({"aud": "urn:two"})))).await, StatusCode::OK);
}
