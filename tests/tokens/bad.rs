use super::*;
use api::auth::{
    jws::{PublicKey, Signed},
    key,
};
use std::collections::BTreeMap;

/// Every way to bend a token that is good otherwise: (what was bent, token).
fn bent(good: &Value, by: &Signer, other: &Signer) -> Vec<(String, String)> {
    let now = harness::now().timestamp();
    let mut all: Vec<(String, String)> = vec![];
    for change in [
        json!({"exp": now - 31}),
        json!({"exp": null}),
        json!({"exp": (now + 60).to_string()}),
        json!({"exp": now as f64 + 60.5}),
        json!({"exp": i64::MAX}),
        json!({"exp": u64::MAX}),
        json!({"exp": -1}),
        json!({"exp": [now + 60]}),
        json!({"exp": true}),
        json!({"exp": now + 24 * 3600 + 1}),
        json!({"nbf": now + 31}),
        json!({"nbf": (now - 5).to_string()}),
        json!({"nbf": -5}),
        json!({"nbf": i64::MAX}),
        json!({"iat": now + 31}),
        json!({"iat": null}),
        json!({"iat": -1}),
        json!({"iat": "now"}),
        json!({"iss": "https://evil.example"}),
        json!({"iss": null}),
        json!({"iss": [good["iss"]]}),
        json!({"iss": format!("{}/", good["iss"].as_str().unwrap())}),
        json!({"iss": good["iss"].as_str().unwrap().to_uppercase()}),
        json!({"iss": ""}),
        json!({"aud": "another-hub"}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"aud": ""}),
        json!({"aud": ["another-hub", "switchboard "]}),
        json!({"aud": {"switchboard": true}}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": "x".repeat(201)}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"client_id": null}),
        json!({"client_id": ["portal"]}),
        json!({"scope": ["customer:read"]}),
        json!({"scope": 7}),
        json!({"aud_class": null}),
        json!({"aud_class": "service"}),
        json!({"aud_class": "public"}),
        json!({"aud_class": 1}),
        json!({"act": "me"}),
        json!({"regions": 3}),
    ] {
        all.push((change.to_string(), by.token(&with(good, change))));
    }
    for change in [
        json!({"typ": "JWT"}),
        json!({"typ": null}),
        json!({"typ": "id+jwt"}),
        json!({"typ": 1}),
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "nOnE"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS256"}),
        json!({"alg": "ES384"}),
        json!({"alg": null}),
        json!({"alg": ["EdDSA"]}),
        json!({"kid": "../../x"}),
        json!({"kid": "' or 1=1 --"}),
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": 0}),
        json!({"kid": "k".repeat(5000)}),
        json!({"jku": "https://evil.example/keys"}),
        json!({"x5u": "https://evil.example"}),
        json!({"x5c": ["MII"]}),
        json!({"jwk": other.jwk}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"b64": false}),
        json!({"zip": "DEF"}),
    ] {
        all.push((change.to_string(), by.signed(&with(&by.header(), change).to_string(), &good.to_string())));
    }
    let token = by.token(good);
    let [head, body, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let unsigned = |alg: &str, end: &str| format!("{}.{body}{end}", BASE64.encode(with(&by.header(), json!({"alg": alg})).to_string()));
    let hmac = |secret: &str| {
        let head = BASE64.encode(with(&by.header(), json!({"alg": "HS256"})).to_string());
        let text = format!("{head}.{body}");
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        format!("{text}.{}", jsonwebtoken::crypto::sign(text.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap())
    };
    let twice = good.to_string().replacen('{', &format!(r#"{{"iss":{},"#, good["iss"]), 1);
    let others = Signer { kid: by.kid.clone(), ..other.clone() };
    let mut flipped = signature.as_bytes().to_vec();
    flipped[10] = if flipped[10] == b'A' { b'B' } else { b'A' };
    let raw: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("a letter", "x".into()),
        ("two dots", "..".into()),
        ("two parts", format!("{head}.{body}")),
        ("no signature", format!("{head}.{body}.")),
        ("four parts", format!("{token}.x")),
        ("five parts", format!("{token}.x.y")),
        ("padding", format!("{token}=")),
        ("a blank inside", format!("{head}.{body} .{signature}")),
        ("signature of another token", format!("{head}.{}.{signature}", BASE64.encode(with(good, json!({"sub": "eve"})).to_string()))),
        ("a bit of the signature", format!("{head}.{body}.{}", String::from_utf8(flipped).unwrap())),
        ("half a signature", format!("{head}.{body}.{}", &signature[..signature.len() / 2])),
        ("a zero signature", format!("{head}.{body}.{}", BASE64.encode([0u8; 64]))),
        ("key of somebody else under our id", others.token(good)),
        ("key of somebody else", other.token(good)),
        ("none with no signature", unsigned("none", ".")),
        ("none with a signature", unsigned("none", &format!(".{signature}"))),
        ("HMAC with the public key", hmac(by.jwk["x"].as_str().unwrap())),
        ("HMAC with the JWK", hmac(&by.jwk.to_string())),
        ("HMAC with nothing", hmac("")),
        ("a claim twice", by.signed(&by.header().to_string(), &twice)),
        ("claims that are a list", by.signed(&by.header().to_string(), "[]")),
        ("claims that are no JSON", by.signed(&by.header().to_string(), "{\"iss\":")),
        ("claims with a NUL", by.signed(&by.header().to_string(), &format!("{good}\0"))),
        ("a header that is a list", by.signed("[]", &good.to_string())),
        ("100 kB", format!("{head}.{}.{signature}", "a".repeat(100_000))),
        ("a megabyte", "a".repeat(1 << 20)),
        ("JSON instead of dots", json!({"protected": head, "payload": body, "signature": signature}).to_string()),
        ("a partner token by its looks", format!("sbp_{}", "a".repeat(49))),
        ("another scheme's token", "YWRhOnNlY3JldA==".into()),
    ];
    all.extend(raw.into_iter().map(|(name, token)| (name.to_string(), token)));
    all
}

/// The hub's own key as a signer of whatever a test wants.
async fn own() -> (Keys, Signer) {
    let folder = harness::folder().await;
    let file = key::generate(&folder, key::Kind::EdDsa).unwrap();
    let keys = Keys::load(&folder).unwrap();
    let jwk = keys.jwks(harness::now().timestamp())["keys"][0].clone();
    let pem = std::fs::read_to_string(file).unwrap();
    let key = jsonwebtoken::EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
    let signer = Signer { alg: jsonwebtoken::Algorithm::EdDSA, kid: jwk["kid"].as_str().unwrap().into(), key, jwk };
    (keys, signer)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_token_is_answered_with_401_and_a_challenge() {
    let (keys, own) = own().await;
    let idp = provider::Idp::start(&[Signer::es256("es-1"), Signer::ed25519("ed-1")]).await;
    let hub = Hub::new(harness::store().await, keys, |c| c.auth.providers = vec![idp.settings(json!({}))]).await;
    let stranger = Signer::ed25519("stranger");
    let mut refused = BTreeMap::new();
    for (whose, signer, issuer) in
        [("own", &own, "switchboard".to_string()), ("ES256", &idp.signers()[0], idp.issuer()), ("EdDSA", &idp.signers()[1], idp.issuer())]
    {
        let good = claims(&issuer);
        for changes in [json!({}), json!({"aud": ["x", "switchboard"]}), json!({"nbf": null})] {
            assert_eq!(
                hub.status(&signer.token(&with(&good, changes.clone()))).await,
                StatusCode::OK,
                "{whose}: the pattern itself is good: {changes}"
            );
        }
        let mut cases = bent(&good, signer, &stranger);
        if whose == "own" {
            let more = [
                json!({"scope": "customer:*"}),
                json!({"scope": "customer:read\u{0}"}),
                json!({"customer_ids": "cus_1"}),
                json!({"customer_ids": vec!["x"; 21]}),
                json!({"teams": "a"}),
                json!({"partner_id": {"id": 1}}),
            ];
            cases.extend(more.map(|change| (change.to_string(), signer.token(&with(&good, change)))));
        }
        for (bent, token) in cases {
            let answer = hub.ask(&token, "{ viewer { audience } }").await;
            let code = &answer.json["errors"][0]["extensions"]["code"];
            let at = format!("{whose}: {}", bent.chars().take(100).collect::<String>());
            assert_eq!((answer.status, answer.challenge()), (StatusCode::UNAUTHORIZED, Some(r#"Bearer error="invalid_token""#)), "{at}");
            assert!(code == "UNAUTHENTICATED" && answer.json.get("data").is_none(), "{at}: {}", answer.json);
            *refused.entry(whose).or_insert(0) += 1;
        }
    }
    println!("bad tokens refused with 401 and WWW-Authenticate: {refused:?}");
    assert!(refused.values().all(|n| *n >= 60), "{refused:?}");
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let hub = Hub::new(harness::store().await, Keys::ephemeral(), |_| {}).await;
    let answer = hub.ask(&hub.mint(Class::Agent, None, Some("ticket:read")), "{ customers(first: 1) { nodes { id } } }").await;
    assert_eq!(answer.status, StatusCode::OK);
    let extensions = &answer.json["errors"][0]["extensions"];
    assert_eq!(extensions, &json!({"code": "FORBIDDEN", "requiredScopes": ["customer:read"]}), "{}", answer.json);
}

/// Project Wycheproof's vectors for JWS, through the code that opens every token.
#[test]
fn no_forged_signature_of_wycheproof_is_accepted() {
    let Some(file) = harness::data("wycheproof/json_web_signature_test.json") else { return };
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (mut accepted, mut refused) = (BTreeMap::<String, u32>::new(), BTreeMap::<String, u32>::new());
    for group in vectors["testGroups"].as_array().unwrap() {
        let jwk = group.get("public").unwrap_or(&group["private"]);
        let key = PublicKey::from_jwk(jwk);
        for test in group["tests"].as_array().unwrap() {
            let jws = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), Into::into);
            let ours = key.as_ref().is_some_and(|key| Signed::parse(&jws).is_ok_and(|s| s.payload(key).is_ok()));
            let result = test["result"].as_str().unwrap().to_string();
            assert!(!ours || result == "valid", "accepted {}: {} {jws}", test["tcId"], test["comment"]);
            let supported = ["EdDSA", "ES256", "RS256"].iter().any(|alg| jwk["alg"] == *alg);
            if !ours && result == "valid" && supported {
                println!("refused though valid: {} {} {:?}", test["tcId"], test["comment"], jws.split('.').next());
            }
            *if ours { &mut accepted } else { &mut refused }.entry(result).or_default() += 1;
        }
    }
    println!("Wycheproof JWS: accepted {accepted:?}, refused {refused:?}");
    assert!(accepted["valid"] >= 8 && refused["invalid"] == 355, "accepted {accepted:?}, refused {refused:?}");
}
