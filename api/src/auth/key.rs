//! The hub's own keys: a folder of PEM files, Ed25519 (EdDSA) or P-256 (ES256). The private key whose name comes last
//! signs; all verify. A file `….until-SECONDS.pem` verifies until that instant (seconds since 1970). A hub that runs
//! sees within seconds what is added and removed.
use super::jws::PublicKey;
use crate::error::{Error, Exit, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock},
    time::{Duration, Instant, SystemTime},
};

/// What a new key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Ed25519
    EdDsa,
    /// ECDSA over P-256
    Es256,
}

/// One key of the hub.
pub struct Key {
    /// The RFC 7638 thumbprint of its public part.
    pub id: String,
    pub public: PublicKey,
    pub file: PathBuf,
    pub made: DateTime<Utc>,
    /// Verifies until then (seconds since 1970); none: for as long as it is there.
    pub until: Option<i64>,
    jwk: Value,
    signing: Option<(Algorithm, EncodingKey)>,
    /// The public part as PEM.
    pem: String,
}
impl Key {
    /// None where the text is no key that we take.
    fn read(pem: &str, file: &Path) -> Option<Self> {
        let (jwk, signing, public_pem) = ed25519(pem).or_else(|| p256(pem))?;
        let metadata = std::fs::metadata(file).ok();
        let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let (name, until) = match stem.split_once(".until-") {
            Some((name, until)) => (name, Some(until.parse().ok()?)),
            None => (stem, None),
        };
        let named = uuid::Uuid::try_parse(name).ok().and_then(|u| u.get_timestamp()).map(|t| t.to_unix().0 as i64);
        let made = named.and_then(|s| DateTime::from_timestamp(s, 0)).unwrap_or_else(|| {
            let modified = metadata.and_then(|m| m.modified().ok()).unwrap_or(SystemTime::UNIX_EPOCH);
            DateTime::from(modified)
        });
        Some(Key { id: thumbprint(&jwk)?, public: PublicKey::from_jwk(&jwk)?, file: file.into(), made, until, jwk, signing, pem: public_pem })
    }
    pub fn can_sign(&self) -> bool {
        self.signing.is_some() && self.until.is_none()
    }
    pub fn holds(&self, now: i64) -> bool {
        self.until.is_none_or(|u| now < u)
    }
    pub fn signing(&self) -> Option<&(Algorithm, EncodingKey)> {
        self.signing.as_ref()
    }
}
type Parts = (Value, Option<(Algorithm, EncodingKey)>, String);
fn ed25519(pem: &str) -> Option<Parts> {
    let private = SigningKey::from_pkcs8_pem(pem).ok();
    let public = private.as_ref().map_or_else(|| VerifyingKey::from_public_key_pem(pem).ok(), |k| Some(k.verifying_key()))?;
    let signing = match &private {
        Some(_) => Some((Algorithm::EdDSA, EncodingKey::from_ed_pem(pem.as_bytes()).ok()?)),
        None => None,
    };
    let jwk = json!({"crv": "Ed25519", "kty": "OKP", "x": BASE64.encode(public.as_bytes())});
    Some((jwk, signing, public.to_public_key_pem(LineEnding::LF).ok()?))
}
fn p256(pem: &str) -> Option<Parts> {
    let private = p256::SecretKey::from_pkcs8_pem(pem).or_else(|_| p256::SecretKey::from_sec1_pem(pem)).ok();
    let public = private.as_ref().map_or_else(|| p256::PublicKey::from_public_key_pem(pem).ok(), |k| Some(k.public_key()))?;
    let signing = match &private {
        Some(key) => Some((Algorithm::ES256, EncodingKey::from_ec_der(key.to_pkcs8_der().ok()?.as_bytes()))),
        None => None,
    };
    let point = public.to_encoded_point(false);
    let jwk = json!({"crv": "P-256", "kty": "EC", "x": BASE64.encode(point.x()?), "y": BASE64.encode(point.y()?)});
    Some((jwk, signing, public.to_public_key_pem(LineEnding::LF).ok()?))
}
/// Its members stand in the order of the alphabet, as RFC 7638 wants them.
fn thumbprint(jwk: &Value) -> Option<String> {
    serde_json::to_vec(jwk).ok().map(|text| BASE64.encode(Sha256::digest(text)))
}

/// The keys of a hub, in the order of their files' names.
#[derive(Default)]
pub struct Keys {
    pub all: Vec<Key>,
    folder: Option<PathBuf>,
    /// What the folder held when it was read: names, sizes, times.
    seen: Vec<Seen>,
}
type Seen = (PathBuf, u64, Option<SystemTime>);
impl Keys {
    /// All keys of a folder; none where there is no such folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut keys = Keys { folder: Some(folder.into()), seen: seen(folder)?, all: vec![] };
        for file in files(folder)? {
            let pem = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
            keys.all.push(Key::read(&pem, &file).ok_or_else(|| bad_key(&file))?);
        }
        Ok(keys)
    }
    /// The folder again, where it changed. A file that is no key, perhaps half written, leaves the others as they are.
    fn again(&self) -> Option<Self> {
        let folder = self.folder.as_ref()?;
        let seen = match seen(folder) {
            Ok(seen) if seen == self.seen => return None,
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(%error, "the folder of the keys cannot be read; those that are known stay");
                return None;
            }
        };
        let mut all = vec![];
        for (file, ..) in &seen {
            match std::fs::read_to_string(file).ok().and_then(|pem| Key::read(&pem, file)) {
                Some(key) => all.push(key),
                None => tracing::warn!(file = %file.display(), "this is no key, and is left out"),
            }
        }
        tracing::info!(keys = all.len(), "the keys were read again");
        Some(Keys { all, folder: self.folder.clone(), seen })
    }
    /// A key that lives as long as the process.
    pub fn ephemeral() -> Self {
        let key = pem(Kind::EdDsa).and_then(|pem| Key::read(&pem, Path::new("")));
        Keys { all: key.into_iter().collect(), ..Default::default() }
    }
    pub fn signing(&self) -> Option<&Key> {
        self.all.iter().rfind(|k| k.can_sign())
    }
    pub fn find(&self, id: &str, now: i64) -> Option<&Key> {
        self.all.iter().find(|k| k.id == id && k.holds(now))
    }
    /// The public parts as a JWK set (RFC 7517), for whoever verifies our tokens.
    pub fn jwks(&self, now: i64) -> Value {
        let mut keys: Vec<Value> = vec![];
        for key in self.all.iter().filter(|k| k.holds(now)) {
            let mut jwk = key.jwk.clone();
            jwk["kid"] = key.id.as_str().into();
            jwk["alg"] = key.public.name().into();
            jwk["use"] = "sig".into();
            if !keys.contains(&jwk) {
                keys.push(jwk);
            }
        }
        json!({"keys": keys})
    }
}

/// The keys of a hub that runs.
pub struct Keyring {
    keys: RwLock<Arc<Keys>>,
    looked: Mutex<Instant>,
}
/// How often the folder is looked at unasked.
pub const LOOK: Duration = Duration::from_secs(2);
/// The least time between two looks that tokens with unknown keys cause.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
impl Keyring {
    pub fn new(keys: Keys) -> Self {
        Keyring { keys: RwLock::new(Arc::new(keys)), looked: Mutex::new(Instant::now()) }
    }
    pub fn keys(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(|e| e.into_inner()).clone()
    }
    /// Reads the folder again where it changed.
    pub fn look(&self) {
        *self.looked.lock().unwrap_or_else(|e| e.into_inner()) = Instant::now();
        if let Some(keys) = self.keys().again() {
            *self.keys.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(keys);
        }
    }
    /// The keys that hold a key of this id. One that is not known may be new: the folder is looked at, once a second at
    /// most whatever is asked for. It holds a handful of files; this is not worth a thread of its own.
    pub fn with(&self, id: &str, now: i64) -> Option<Arc<Keys>> {
        let known = |keys: Arc<Keys>| keys.find(id, now).is_some().then_some(keys);
        known(self.keys()).or_else(|| {
            let due = self.looked.lock().unwrap_or_else(|e| e.into_inner()).elapsed() >= LOOK_AGAIN;
            due.then(|| self.look()).and_then(|()| known(self.keys()))
        })
    }
}

/// The PEM files of a folder by name.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(vec![]);
    }
    let entries = std::fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "pem")).collect();
    files.sort();
    Ok(files)
}
fn seen(folder: &Path) -> Result<Vec<Seen>> {
    let look = |file: PathBuf| {
        let metadata = std::fs::metadata(&file).ok();
        (file, metadata.as_ref().map_or(0, |m| m.len()), metadata.and_then(|m| m.modified().ok()))
    };
    Ok(files(folder)?.into_iter().map(look).collect())
}

fn pem(kind: Kind) -> Option<String> {
    let text = match kind {
        Kind::EdDsa => SigningKey::generate(&mut rand::rngs::OsRng).to_pkcs8_pem(LineEnding::LF),
        Kind::Es256 => p256::SecretKey::random(&mut rand::rngs::OsRng).to_pkcs8_pem(LineEnding::LF),
    };
    text.ok().map(|t| t.to_string())
}
/// Makes a signing key that only its owner can read.
pub fn generate(folder: &Path, kind: Kind) -> Result<PathBuf> {
    let pem = pem(kind).ok_or_else(|| Error::said(Exit::Failed, "cannot make a key"))?;
    std::fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    // UUIDv7 in the name: the youngest comes last and signs
    let file = folder.join(format!("{}.pem", uuid::Uuid::now_v7().simple()));
    write(&file, &pem)?;
    Ok(file)
}
/// First under another name: a hub that runs must not read half of it.
fn write(file: &Path, pem: &str) -> Result<()> {
    let part = file.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&part).map_err(Error::file("write", &part))?;
    out.write_all(pem.as_bytes()).and_then(|()| out.sync_all()).map_err(Error::file("write", &part))?;
    std::fs::rename(&part, file).map_err(Error::file("write", file))
}

/// Makes a new signing key. The private parts of those that signed until now are removed; their public parts verify
/// until then (seconds since 1970), so that tokens which are out stay good.
pub fn rotate(folder: &Path, kind: Kind, until: i64) -> Result<PathBuf> {
    let old = Keys::load(folder)?;
    let file = generate(folder, kind)?;
    for key in old.all.iter().filter(|k| k.can_sign()) {
        let stem = key.file.file_stem().and_then(|s| s.to_str()).unwrap_or("key");
        let public = folder.join(format!("{stem}.until-{until}.pem"));
        write(&public, &key.pem)?;
        remove(&key.file)?;
    }
    Ok(file)
}
/// Takes a key out of use at once.
pub fn remove(file: &Path) -> Result<()> {
    std::fs::remove_file(file).map_err(Error::file("remove", file))
}

fn bad_key(file: &Path) -> Error {
    Error::said(Exit::Failed, format!("{} is no Ed25519 or P-256 key in PEM form", file.display()))
        .hint("`switchboard keys rotate` or `openssl genpkey -algorithm ed25519` makes one")
}
