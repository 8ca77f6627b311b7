//! Signed tokens in compact form (RFC 7515), and the keys that verify them. What a token then claims is not judged here.
use super::Rejected;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// A longer token is nobody's.
const LONGEST_BYTES: usize = 8 << 10;

/// What a token says of itself. Nothing of it is believed: it only chooses among keys that are known.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Header {
    pub alg: String,
    #[serde(default)]
    pub typ: Option<String>,
    #[serde(default)]
    pub kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    b64: Option<Value>,
    #[serde(default)]
    zip: Option<Value>,
    #[serde(default)]
    jwk: Option<Value>,
    #[serde(default)]
    jku: Option<Value>,
    #[serde(default)]
    x5u: Option<Value>,
    #[serde(default)]
    x5c: Option<Value>,
}
impl Header {
    /// The id of the key of an access token (RFC 9068). Keys never come from the token itself.
    pub fn access_token(&self) -> Result<&str, Rejected> {
        if !self.typ.as_deref().is_some_and(|t| t.trim_start_matches("application/").eq_ignore_ascii_case("at+jwt")) {
            return Err(Rejected::Token("not an access token"));
        }
        if self.jwk.is_some() || self.jku.is_some() || self.x5u.is_some() || self.x5c.is_some() {
            return Err(Rejected::Token("brings a key"));
        }
        self.kid.as_deref().filter(|k| !k.is_empty() && k.len() <= 200).ok_or(Rejected::Token("names no key"))
    }
}

/// A token taken apart. Its signature is not yet checked.
pub struct Signed<'a> {
    pub header: Header,
    message: &'a str,
    signature: &'a str,
    payload: Vec<u8>,
}
impl<'a> Signed<'a> {
    pub fn parse(token: &'a str) -> Result<Self, Rejected> {
        let bad = |why| Rejected::Token(why);
        if token.len() > LONGEST_BYTES || token.bytes().filter(|b| *b == b'.').count() != 2 {
            return Err(bad("no compact JWS"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(bad("no compact JWS"))?;
        let (head, payload) = message.split_once('.').ok_or(bad("no compact JWS"))?;
        let decode = |part: &str| BASE64.decode(part).map_err(|_| bad("no base64url"));
        let header: Header = serde_json::from_slice(&decode(head)?).map_err(|_| bad("unreadable header"))?;
        if header.crit.is_some() || header.b64.is_some() || header.zip.is_some() {
            return Err(bad("asks for what is not done here"));
        }
        decode(signature)?;
        Ok(Signed { header, message, signature, payload: decode(payload)? })
    }
    /// What was signed, where this key did it. The algorithm is the key's: a token cannot choose one.
    pub fn payload(&self, key: &PublicKey) -> Result<&[u8], Rejected> {
        if self.header.alg != key.name() {
            return Err(Rejected::Token("another algorithm than its key's"));
        }
        match jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), &key.key, key.algorithm) {
            Ok(true) => Ok(&self.payload),
            _ => Err(Rejected::Token("signature")),
        }
    }
    /// The claimed issuer, to find out whose keys could have signed; not verified.
    pub fn issuer(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Issuer {
            iss: String,
        }
        serde_json::from_slice::<Issuer>(&self.payload).ok().map(|i| i.iss)
    }
}

/// A key that verifies with one algorithm.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    key: DecodingKey,
}
impl PublicKey {
    pub fn ed25519(bytes: &[u8; 32]) -> Self {
        PublicKey { algorithm: Algorithm::EdDSA, key: DecodingKey::from_ed_der(bytes) }
    }
    /// From a JWK (RFC 7517) that signs with EdDSA, ES256 or RS256, and says nothing else of itself.
    pub fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name)?.as_str();
        let bytes = |name: &str| BASE64.decode(text(name)?).ok();
        let (algorithm, key) = match (text("kty")?, text("crv")) {
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, DecodingKey::from_ed_der(&<[u8; 32]>::try_from(bytes("x")?).ok()?)),
            ("EC", Some("P-256")) => {
                let [x, y] = [bytes("x")?, bytes("y")?];
                p256::PublicKey::from_sec1_bytes(&[&[4], &x[..], &y[..]].concat()).ok()?;
                (Algorithm::ES256, DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?)
            }
            ("RSA", None) => {
                let n = bytes("n")?;
                let bits = n.iter().skip_while(|b| **b == 0).count() * 8;
                if !RSA_BITS.contains(&bits) {
                    return None;
                }
                (Algorithm::RS256, DecodingKey::from_rsa_components(text("n")?, text("e")?).ok()?)
            }
            _ => return None,
        };
        let key = PublicKey { algorithm, key };
        let said = |name: &str, wanted: &[&str]| jwk.get(name).is_none_or(|v| v.as_str().is_some_and(|v| wanted.contains(&v)));
        let verifies = jwk.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|o| o == "verify")));
        // Ed25519 is the newer name of what EdDSA means here (RFC 9864)
        let names = if algorithm == Algorithm::EdDSA { &["EdDSA", "Ed25519"][..] } else { &[key.name()][..] };
        (said("alg", names) && said("use", &["sig"]) && verifies).then_some(key)
    }
    /// As `alg` spells it.
    pub fn name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::EdDSA => "EdDSA",
            Algorithm::ES256 => "ES256",
            _ => "RS256",
        }
    }
}
/// Shorter ones can be broken, longer ones cost too much at each request.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// JSON whose objects name nothing twice: readers differ in which of the two they believe.
pub fn object(json: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice::<Once>(json).ok().map(|o| o.0)
}
/// Claims as a type of ours.
pub fn claims<T: DeserializeOwned>(json: &[u8]) -> Result<T, Rejected> {
    let object = object(json).ok_or(Rejected::Token("claims are no object"))?;
    serde_json::from_value(Value::Object(object)).map_err(|_| Rejected::Token("a claim is missing or of another kind"))
}
struct Once(Map<String, Value>);
impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Map<String, Value>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
                let mut all = Map::new();
                while let Some((name, value)) = fields.next_entry::<String, Value>()? {
                    if all.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(all)
            }
        }
        d.deserialize_map(Fields).map(Once)
    }
}
