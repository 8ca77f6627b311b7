//! Who gets in, and until when: every kind of token through the front door.

/// Tokens that are no good, and vectors of signatures that are none.
mod bad;
/// Partner tokens, from their making to their end.
mod partner;
/// An OpenID provider, and what the hub takes from it.
mod provider;
/// Streams that are open when what allowed them ends.
mod streams;

use crate::harness;
use api::{
    app::{self, App},
    auth::{
        key::Keys,
        token::{Class, Order},
    },
    config::Config,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use entities::Store;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

/// A hub that tests can call.
#[derive(Clone)]
struct Hub {
    app: Arc<App>,
    service: api::routes::Front,
}
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    json: Value,
}
impl Answer {
    fn challenge(&self) -> Option<&str> {
        self.headers.get("www-authenticate")?.to_str().ok()
    }
}
impl Hub {
    async fn new(store: Store, keys: Keys, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let index = search_index::Index::open(harness::folder().await, &store).await.unwrap();
        let app = App::new(config, store, index, keys);
        Hub { service: app::service(app.clone()), app }
    }
    /// A query with an `Authorization: Bearer`.
    async fn ask(&self, bearer: &str, query: &str) -> Answer {
        let request = Request::post("/graphql").header("content-type", "application/json").header("authorization", format!("Bearer {bearer}"));
        let response = self.service.clone().oneshot(request.body(Body::from(json!({"query": query}).to_string())).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer { status, headers, json: serde_json::from_slice(&body).unwrap_or_default() }
    }
    /// The answer's data, where no error is expected.
    async fn data(&self, bearer: &str, query: &str) -> Value {
        let answer = self.ask(bearer, query).await;
        assert!(answer.status == StatusCode::OK && answer.json.get("errors").is_none(), "{} {query}\n{:#}", answer.status, answer.json);
        answer.json["data"].clone()
    }
    async fn status(&self, bearer: &str) -> StatusCode {
        self.ask(bearer, "{ viewer { audience } }").await.status
    }
    fn mint(&self, class: Class, partner: Option<String>, scope: Option<&str>) -> String {
        let order = Order { class, subject: "ada".into(), partner, scope: scope.map(Into::into), ttl_s: 3600, ..Default::default() };
        self.app.tokens.mint(order, self.app.store.clock().now()).unwrap().0
    }
    fn agent(&self) -> String {
        self.mint(Class::Agent, None, None)
    }
}

/// Signs what it is told.
#[derive(Clone)]
struct Signer {
    alg: jsonwebtoken::Algorithm,
    kid: String,
    key: jsonwebtoken::EncodingKey,
    jwk: Value,
}
impl Signer {
    fn ed25519(kid: &str) -> Self {
        use ed25519_dalek::pkcs8::EncodePrivateKey;
        let key = ed25519_dalek::SigningKey::from_bytes(&rand::random());
        let der = key.to_pkcs8_der().unwrap();
        let jwk =
            json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(key.verifying_key().as_bytes()), "alg": "EdDSA", "use": "sig", "kid": kid});
        Signer { alg: jsonwebtoken::Algorithm::EdDSA, kid: kid.into(), key: jsonwebtoken::EncodingKey::from_ed_der(der.as_bytes()), jwk }
    }
    fn es256(kid: &str) -> Self {
        use p256::{elliptic_curve::sec1::ToEncodedPoint, pkcs8::EncodePrivateKey};
        let key = p256::SecretKey::from_slice(&[&[1], &rand::random::<[u8; 31]>()[..]].concat()).unwrap();
        let point = key.public_key().to_encoded_point(false);
        let der = key.to_pkcs8_der().unwrap();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": BASE64.encode(point.x().unwrap()), "y": BASE64.encode(point.y().unwrap()), "alg": "ES256", "use": "sig", "kid": kid});
        Signer { alg: jsonwebtoken::Algorithm::ES256, kid: kid.into(), key: jsonwebtoken::EncodingKey::from_ec_der(der.as_bytes()), jwk }
    }
    fn header(&self) -> Value {
        json!({"alg": format!("{:?}", self.alg), "typ": "at+jwt", "kid": self.kid})
    }
    /// A token of these texts, well signed whatever they say.
    fn signed(&self, header: &str, claims: &str) -> String {
        let text = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &self.key, self.alg).unwrap();
        format!("{text}.{signature}")
    }
    fn token(&self, claims: &Value) -> String {
        self.signed(&self.header().to_string(), &claims.to_string())
    }
}
/// Claims with some changed; null takes one out.
fn with(base: &Value, changes: Value) -> Value {
    let mut all = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => all.as_object_mut().unwrap().remove(name),
            value => all.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    all
}
fn claims(issuer: &str) -> Value {
    let now = harness::now().timestamp();
    json!({"iss": issuer, "aud": "switchboard", "sub": "ada", "exp": now + 600, "iat": now, "nbf": now, "jti": "j1", "client_id": "portal",
        "scope": "customer:read ticket:read", "aud_class": "agent"})
}
