use super::*;
use crate::harness::{Partner, partner};
use api::peer::Peer;
use chrono::TimeDelta;
use entities::{
    party::{partner as partner_row, partner_token},
    store::public_id,
};
use sea_orm::{ConnectionTrait, Statement};
use std::time::Instant;

const ADMIN: &str = "partner.profile:read partner.ticket:read partner.token:write";

fn id(partner: &Partner) -> String {
    public_id(&partner_row::ENTITY, partner.id)
}
fn create(input: &str) -> String {
    format!(
        "mutation {{ partnerTokenCreate(input: {{{input}}}) {{ token partnerToken {{ id name prefix scope expiresAt creatorAudience lastUsedAt revokedAt }} userErrors {{ code field }} }} }}"
    )
}
const PLAIN: &str = r#"name: "ERP", scopes: ["partner.profile:read"]"#;
impl Hub {
    fn admin(&self, partner: &Partner) -> String {
        self.mint(Class::Partner, Some(id(partner)), Some(ADMIN))
    }
    /// (id, token)
    pub(super) async fn make(&self, bearer: &str, input: &str) -> (String, String) {
        let made = self.data(bearer, &create(input)).await["partnerTokenCreate"].clone();
        assert_eq!(made["userErrors"], json!([]), "{input}");
        (made["partnerToken"]["id"].as_str().unwrap().into(), made["token"].as_str().unwrap().into())
    }
    async fn refused(&self, bearer: &str, input: &str) -> (String, String) {
        let before = harness::snapshot(&self.app.store).await;
        let made = self.data(bearer, &create(input)).await["partnerTokenCreate"].clone();
        assert_eq!((&made["token"], &made["partnerToken"]), (&Value::Null, &Value::Null), "{input}");
        assert_eq!(harness::snapshot(&self.app.store).await, before, "nothing changed");
        let error = &made["userErrors"][0];
        (error["code"].as_str().unwrap().into(), error["field"][0].as_str().unwrap_or_default().into())
    }
    pub(super) async fn revoke(&self, bearer: &str, id: &str) -> Value {
        self.data(
            bearer,
            &format!(r#"mutation {{ partnerTokenRevoke(input: {{id: "{id}"}}) {{ partnerToken {{ revokedAt }} userErrors {{ code }} }} }}"#),
        )
        .await
    }
    /// How long until a token is refused.
    async fn refused_after(&self, token: &str) -> u128 {
        let begin = Instant::now();
        while self.status(token).await == StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(self.status(token).await, StatusCode::UNAUTHORIZED);
        begin.elapsed().as_millis()
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_a_hash() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let hub = Hub::new(store.clone(), Keys::ephemeral(), |_| {}).await;
        let admin = hub.admin(&acme);
        let keyed = format!(r#"{PLAIN}, idempotencyKey: "k1""#);
        let (made, token) = hub.make(&admin, &keyed).await;
        assert!(token.starts_with("sbp_") && token.len() == 53, "{token}");
        let again = hub.data(&admin, &create(&keyed)).await["partnerTokenCreate"].clone();
        assert_eq!((again["partnerToken"]["id"].as_str(), &again["token"]), (Some(made.as_str()), &Value::Null), "a second try shows no secret");
        let everything = harness::snapshot(&store).await;
        assert!(!everything.contains(&token) && everything.contains(&token[..10]), "the token itself is nowhere");

        let used = hub.data(&token, "{ partner { brandName } viewer { audience scopes } }").await;
        assert_eq!(used["partner"]["brandName"], "Acme");
        assert_eq!(used["viewer"]["scopes"], json!(["partner.profile:read"]));
        let list = hub
            .data(
                &admin,
                "{ partner { tokens(first: 5) { totalCount nodes { id name prefix scope creatorAudience creatorSubject partner { id } } } } }",
            )
            .await;
        assert_eq!(
            list["partner"]["tokens"]["nodes"][0],
            json!({"id": made, "name": "ERP", "prefix": token[..10], "scope": "partner.profile:read", "creatorAudience": "PARTNER", "creatorSubject": "ada", "partner": {"id": id(&acme)}})
        );
        assert_eq!(list["partner"]["tokens"]["totalCount"], 1);
        let (ours, _) = hub.make(&hub.agent(), &format!(r#"partnerId: "{}", {PLAIN}"#, id(&acme))).await;
        let who = format!(r#"{{ node(id: "{ours}") {{ ... on PartnerToken {{ creatorAudience creatorSubject }} }} }}"#);
        let told = |subject: Value| json!({"creatorAudience": "AGENT", "creatorSubject": subject});
        assert_eq!(hub.data(&admin, &who).await["node"], told(Value::Null), "which of our people made it is not theirs to know");
        assert!(hub.data(&hub.agent(), &who).await["node"]["creatorSubject"].is_string());
        for wrong in [token.to_uppercase(), token[..52].into(), format!("{token}x"), token.replace("sbp_", "")] {
            assert_eq!(hub.status(&wrong).await, StatusCode::UNAUTHORIZED, "{wrong}");
        }
    }
}

#[tokio::test]
async fn nobody_hands_on_more_than_they_have() {
    for store in harness::stores().await {
        let (acme, other) = (partner(&store, "Acme").await, partner(&store, "Other").await);
        let hub = Hub::new(store.clone(), Keys::ephemeral(), |_| {}).await;
        let (admin, agent) = (hub.admin(&acme), hub.agent());
        let own = |code: &str, field: &str| (code.to_string(), field.to_string());
        for scope in [
            "partner.settlement:read",
            "partner.token:write",
            "partner:write",
            "ticket:read",
            "customer:read",
            "",
            "*",
            "partner.ticket:read partner.token:write",
        ] {
            let input = format!(r#"name: "x", scopes: ["partner.profile:read", "{scope}"]"#);
            assert_eq!(hub.refused(&admin, &input).await, own("INVALID_VALUE", "scopes"), "{scope}");
        }
        assert_eq!(hub.refused(&admin, r#"name: "x", scopes: []"#).await, own("BLANK", "scopes"));
        assert_eq!(hub.refused(&admin, r#"name: " ", scopes: ["partner.profile:read"]"#).await, own("BLANK", "name"));
        for days in [0, -1, 367, i32::MAX] {
            assert_eq!(hub.refused(&admin, &format!("{PLAIN}, ttlDays: {days}")).await, own("INVALID_VALUE", "ttlDays"));
        }
        for foreign in [id(&other), "ptn_00000000000000000000000000000000".into(), "nonsense".into()] {
            assert_eq!(hub.refused(&admin, &format!(r#"{PLAIN}, partnerId: "{foreign}""#)).await, own("NOT_FOUND", "partnerId"));
        }
        assert_eq!(hub.refused(&agent, PLAIN).await, own("NOT_FOUND", "partnerId"), "an agent says for whom");
        assert_eq!(
            hub.refused(&agent, &format!(r#"partnerId: "{}", name: "x", scopes: ["partner.token:write"]"#, id(&acme))).await,
            own("INVALID_VALUE", "scopes")
        );
        let (_, wide) =
            hub.make(&agent, &format!(r#"partnerId: "{}", name: "x", scopes: ["partner.settlement:read", "partner.profile:read"]"#, id(&acme))).await;
        assert_eq!(hub.data(&wide, "{ partner { brandName } }").await["partner"]["brandName"], "Acme");
        let refused = hub.ask(&wide, &create(PLAIN)).await.json;
        assert_eq!(refused["errors"][0]["extensions"]["requiredScopes"], json!(["partner:write"]), "no token makes tokens: {refused}");
        // even if somebody wrote it into the row
        store.writer().execute_unprepared("update partner_tokens set scope = 'partner.profile:read partner.token:write'").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        assert_eq!(hub.ask(&wide, &create(PLAIN)).await.json["errors"][0]["extensions"]["code"], "FORBIDDEN");
        // another partner neither sees nor revokes it
        let stranger = hub.admin(&other);
        let seen = hub.data(&agent, "{ partners(first: 9) { nodes { brandName tokens(first: 5) { nodes { id } } } } }").await;
        let made = seen["partners"]["nodes"].as_array().unwrap().iter().find(|p| p["brandName"] == "Acme").unwrap()["tokens"]["nodes"][0]["id"]
            .as_str()
            .unwrap()
            .to_string();
        assert_eq!(hub.data(&stranger, &format!(r#"{{ node(id: "{made}") {{ id }} }}"#)).await["node"], Value::Null);
        assert_eq!(hub.revoke(&stranger, &made).await["partnerTokenRevoke"], json!({"partnerToken": null, "userErrors": [{"code": "NOT_FOUND"}]}));
        assert_eq!(hub.status(&wide).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_end_of_a_token_holds_on_every_node_within_a_second() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let (hub, second) = (Hub::new(store.clone(), Keys::ephemeral(), |_| {}).await, Hub::new(store.clone(), Keys::ephemeral(), |_| {}).await);
        let admin = hub.admin(&acme);
        let mut took = vec![];
        let (made, token) = hub.make(&admin, PLAIN).await;
        assert_eq!((hub.status(&token).await, second.status(&token).await), (StatusCode::OK, StatusCode::OK));
        assert!(hub.revoke(&admin, &made).await["partnerTokenRevoke"]["partnerToken"]["revokedAt"].is_string());
        took.extend([second.refused_after(&token).await, hub.refused_after(&token).await]);
        hub.revoke(&admin, &made).await; // once more is no error

        let (_, token) = hub.make(&admin, PLAIN).await;
        for status in ["suspended", "closed"] {
            let set = |status: &str| format!("update partners set status = '{status}'");
            store.writer().execute_unprepared(&set("active")).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(600)).await;
            assert_eq!(hub.status(&token).await, StatusCode::OK);
            store.writer().execute_unprepared(&set(status)).await.unwrap();
            took.push(hub.refused_after(&token).await);
            assert_eq!(hub.refused(&hub.agent(), &format!(r#"{PLAIN}, partnerId: "{}""#, id(&acme))).await.0, "INVALID_TRANSITION");
        }
        store.writer().execute_unprepared("update partners set status = 'active'").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        let (_, brief) = hub.make(&hub.admin(&acme), &format!("{PLAIN}, ttlDays: 1")).await;
        assert_eq!(hub.status(&brief).await, StatusCode::OK);
        store.clock().set(harness::now() + TimeDelta::days(1));
        assert_eq!(hub.status(&brief).await, StatusCode::UNAUTHORIZED, "expired");
        println!("{:?}: revoked, suspended, closed: refused after {took:?} ms", store.backend());
        assert!(took.iter().all(|ms| *ms < 1000), "{took:?}");
    }
}

#[tokio::test]
async fn the_last_use_is_noted_with_the_callers_address() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let hub = Hub::new(store.clone(), Keys::ephemeral(), |c| c.server.trusted_proxies = vec!["10.0.0.0/8".into()]).await;
        let (_, token) = hub.make(&hub.admin(&acme), PLAIN).await;
        let call = async |peer: &str, told: &str| {
            let request = Request::post("/graphql")
                .header("content-type", "application/json")
                .header("authorization", format!("Bearer {token}"))
                .header("x-forwarded-for", told);
            let mut request = request.body(Body::from(r#"{"query":"{ __typename }"}"#)).unwrap();
            request.extensions_mut().insert(axum::extract::ConnectInfo(Peer::at(format!("{peer}:40000").parse().unwrap())));
            assert_eq!(hub.service.clone().oneshot(request).await.unwrap().status(), StatusCode::OK);
        };
        let noted = async || {
            let row = Statement::from_string(store.backend(), "select last_used_address from partner_tokens where last_used_at is not null");
            store.reader().query_one_raw(row).await.unwrap().map(|r| r.try_get_by_index::<String>(0).unwrap())
        };
        assert_eq!(noted().await, None);
        call("10.1.2.3", "6.6.6.6, 198.51.100.7").await;
        for _ in 0..200 {
            if noted().await.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(noted().await.as_deref(), Some("198.51.100.7"));
        call("203.0.113.5", "1.2.3.4").await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert_eq!(noted().await.as_deref(), Some("198.51.100.7"), "once a minute");
        partner_token::used(&store, uuid::Uuid::nil(), None).await.unwrap();
    }
}
