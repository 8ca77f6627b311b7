use super::*;
use crate::auth::key::{self, Kind};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const NOW: i64 = 1_750_000_000;

fn tokens() -> Tokens {
    Tokens::new(Keys::ephemeral(), &config::Auth::default())
}
fn order(class: Class) -> Order {
    Order { class, subject: "ada".into(), ttl_s: 3600, ..Default::default() }
}
fn at(s: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(s, 0).unwrap()
}
/// A token of the hub's own key with these claims and header fields changed; null takes a claim out.
fn forged(t: &Tokens, claims: Value, header: Value) -> String {
    let keys = t.keyring.keys();
    let (kid, (_, key)) = (&keys.signing().unwrap().id, keys.signing().unwrap().signing().unwrap());
    let (_, good) = t.mint(order(Class::Agent), at(NOW)).unwrap();
    let mut body = serde_json::to_value(good).unwrap();
    for (k, v) in claims.as_object().unwrap() {
        match v {
            Value::Null => body.as_object_mut().unwrap().remove(k),
            v => body.as_object_mut().unwrap().insert(k.clone(), v.clone()),
        };
    }
    let mut head = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid});
    for (k, v) in header.as_object().unwrap() {
        head[k] = v.clone();
    }
    signed(&head.to_string(), &body.to_string(), key)
}
/// Whatever header and body say, signed with Ed25519.
fn signed(head: &str, body: &str, key: &EncodingKey) -> String {
    let text = format!("{}.{}", b64(head), b64(body));
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), key, Algorithm::EdDSA).unwrap();
    format!("{text}.{signature}")
}
/// base64url without padding.
fn b64(text: &str) -> String {
    const ABC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).for_each(|i| out.push(ABC[(n >> (18 - 6 * i)) as usize & 63] as char));
    }
    out
}

#[test]
fn a_minted_token_is_accepted_until_it_expires() {
    let t = tokens();
    let (token, claims) = t.mint(Order { customers: vec!["cus_1".into()], ..order(Class::Customer) }, at(NOW)).unwrap();
    let read = t.verify(&token, at(NOW + 3600)).unwrap();
    assert_eq!((read.sub, read.customer_ids, read.aud_class), ("ada".into(), vec!["cus_1".to_string()], Class::Customer));
    assert_eq!(claims.scope.split(' ').count(), Audience::Customer.ceiling().len());
    assert!(t.verify(&token, at(NOW + 3600 + LEEWAY_S)).is_err(), "expired");
    assert!(t.verify(&token, at(NOW - LEEWAY_S - 1)).is_err(), "from the future");
    assert!(t.verify(&forged(&t, json!({"aud": ["x", "switchboard"]}), json!({})), at(NOW)).is_ok(), "one of several audiences");
    assert!(t.verify(&forged(&t, json!({"nbf": null}), json!({"typ": "application/AT+JWT"})), at(NOW)).is_ok());
}
#[test]
fn every_bent_claim_is_refused() {
    let t = tokens();
    assert!(t.verify(&forged(&t, json!({}), json!({})), at(NOW)).is_ok(), "the pattern itself is good");
    for claims in [
        json!({"exp": NOW - 31}),
        json!({"exp": null}),
        json!({"exp": "1850000000"}),
        json!({"exp": NOW as f64 + 0.5}),
        json!({"exp": i64::MAX}),
        json!({"exp": -1}),
        json!({"exp": NOW + LONGEST_S + 1}),
        json!({"nbf": NOW + 31}),
        json!({"nbf": "0"}),
        json!({"nbf": -5}),
        json!({"iat": NOW + 31}),
        json!({"iat": null}),
        json!({"iat": -1}),
        json!({"iss": "other"}),
        json!({"iss": null}),
        json!({"iss": ["switchboard"]}),
        json!({"aud": "other"}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"aud": ""}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"client_id": null}),
        json!({"scope": ["customer:read"]}),
        json!({"scope": "customer:*"}),
        json!({"scope": "customer:read\u{0}"}),
        json!({"aud_class": null}),
        json!({"aud_class": "service"}),
        json!({"aud_class": "public"}),
        json!({"customer_ids": "cus_1"}),
        json!({"customer_ids": vec!["x"; 21]}),
        json!({"partner_id": ["p"]}),
        json!({"act": "me"}),
    ] {
        assert!(t.verify(&forged(&t, claims.clone(), json!({})), at(NOW)).is_err(), "{claims}");
    }
}
#[test]
fn every_bent_header_is_refused() {
    let t = tokens();
    for header in [
        json!({"typ": "JWT"}),
        json!({"typ": null}),
        json!({"alg": "none"}),
        json!({"alg": "nOnE"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS256"}),
        json!({"kid": "../../x"}),
        json!({"kid": "' or 1=1 --"}),
        json!({"kid": null}),
        json!({"jku": "https://evil.example/keys"}),
        json!({"x5u": "https://evil.example"}),
        json!({"x5c": ["MII"]}),
        json!({"crit": ["exp"]}),
        json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}),
    ] {
        assert!(t.verify(&forged(&t, json!({}), header.clone()), at(NOW)).is_err(), "{header}");
    }
}
#[test]
fn what_is_no_token_of_this_hub_is_refused() {
    let t = tokens();
    let (good, _) = t.mint(order(Class::Agent), at(NOW)).unwrap();
    let (foreign, _) = tokens().mint(order(Class::Agent), at(NOW)).unwrap();
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let keys = t.keyring.keys();
    let (kid, (_, key)) = (&keys.signing().unwrap().id, keys.signing().unwrap().signing().unwrap());
    let twice = signed(
        &format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#),
        r#"{"iss":"switchboard","iss":"switchboard","aud":"switchboard","sub":"a","exp":1750000100,"iat":1750000000,"jti":"j","client_id":"c","aud_class":"agent"}"#,
        key,
    );
    let other = serde_json::to_string(&json!({"iss": "switchboard"})).unwrap();
    for token in [
        String::new(),
        "x".into(),
        "..".into(),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{good}.x"),
        format!("{good}="),
        foreign,
        twice,
        format!("{head}.{}.{signature}", b64(&other)),
        "a".repeat(1 << 20),
        format!("{head}.{body} .{signature}"),
        "ümläut.ü.ü".into(),
    ] {
        assert!(t.verify(&token, at(NOW)).is_err(), "{}", &token.chars().take(80).collect::<String>());
    }
    assert!(Tokens::new(Keys::default(), &config::Auth::default()).verify(&good, at(NOW)).is_err(), "a hub without keys accepts nothing");
}
fn hub(folder: &std::path::Path) -> Tokens {
    Tokens::new(Keys::load(folder).unwrap(), &config::Auth::default())
}
#[test]
fn a_key_made_in_a_folder_signs_and_only_its_owner_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("keys");
    assert!(Keys::load(&folder).unwrap().signing().is_none());
    for kind in [Kind::EdDsa, Kind::Es256] {
        let file = key::generate(&folder, kind).unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
        let t = hub(&folder);
        let (token, _) = t.mint(order(Class::Agent), at(NOW)).unwrap();
        assert_eq!(t.keyring.keys().signing().unwrap().file, file, "the youngest signs");
        assert_eq!(Signed::parse(&token).unwrap().header.alg, if kind == Kind::EdDsa { "EdDSA" } else { "ES256" });
        assert!(t.verify(&token, at(NOW)).is_ok());
    }
    std::fs::write(folder.join("z.pem"), "nonsense").unwrap();
    assert!(Keys::load(&folder).is_err());
}
#[test]
fn tokens_outlive_the_rotation_of_their_key_by_the_overlap() {
    let dir = tempfile::tempdir().unwrap();
    key::generate(dir.path(), Kind::EdDsa).unwrap();
    let running = hub(dir.path());
    let (token, _) = running.mint(order(Class::Agent), at(NOW)).unwrap();
    let old = running.keyring.keys().signing().unwrap().id.clone();
    key::rotate(dir.path(), Kind::Es256, NOW + 600).unwrap();
    running.keyring.look();
    assert!(running.verify(&token, at(NOW + 599)).is_ok());
    assert!(running.verify(&token, at(NOW + 600)).is_err(), "the overlap is over");
    let (new, _) = running.mint(order(Class::Agent), at(NOW)).unwrap();
    assert!(running.verify(&new, at(NOW)).is_ok());
    assert_ne!(running.keyring.keys().signing().unwrap().id, old);
    let private = |k: &key::Key| std::fs::read_to_string(&k.file).unwrap().contains("PRIVATE");
    assert_eq!(hub(dir.path()).keyring.keys().all.iter().filter(|k| private(k)).count(), 1, "the old private key is gone");
    assert_eq!(running.keyring.keys().jwks(NOW)["keys"].as_array().unwrap().len(), 2);
    assert_eq!(running.keyring.keys().jwks(NOW + 600)["keys"].as_array().unwrap().len(), 1);
}
#[test]
fn a_hub_that_runs_sees_keys_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let running = hub(dir.path());
    let file = key::generate(dir.path(), Kind::Es256).unwrap();
    let (token, _) = hub(dir.path()).mint(order(Class::Agent), at(NOW)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1050)); // it looks at most once a second
    assert!(running.verify(&token, at(NOW)).is_ok(), "an unknown key makes it look");
    std::fs::write(dir.path().join("z.pem"), "half of a k").unwrap();
    running.keyring.look();
    assert!(running.verify(&token, at(NOW)).is_ok(), "a file that is no key takes no other with it");
    key::remove(&file).unwrap();
    running.keyring.look();
    assert!(running.verify(&token, at(NOW)).is_err());
}
#[test]
fn a_key_verifies_with_its_own_algorithm_only() {
    let dir = tempfile::tempdir().unwrap();
    key::generate(dir.path(), Kind::Es256).unwrap();
    let t = hub(dir.path());
    let (token, _) = t.mint(order(Class::Agent), at(NOW)).unwrap();
    let (head, rest) = token.split_once('.').unwrap();
    let id = t.keyring.keys().signing().unwrap().id.clone();
    assert_eq!(head, b64(&format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{id}"}}"#)));
    for alg in ["EdDSA", "ES384", "RS256", "HS256", "none", "es256"] {
        let bent = format!("{}.{rest}", b64(&format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{id}"}}"#)));
        assert!(t.verify(&bent, at(NOW)).is_err(), "{alg}");
    }
}
