//! Ed25519 keys in a folder of PEM files. The private key whose name comes last signs; all verify. A key is taken out
//! of use by removing its file; to rotate, add a second one and remove the first an hour later.
use crate::error::{Error, Exit, Result};
use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, spki::der::pem::LineEnding},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, ThumbprintHash},
};
use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Default)]
pub struct Keys {
    /// (key id, key)
    pub signing: Option<(String, EncodingKey)>,
    pub verifying: HashMap<String, DecodingKey>,
}

impl Keys {
    /// All keys of a folder; none where there is no such folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut keys = Keys::default();
        for file in files(folder)? {
            let pem = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
            keys.add(&pem).ok_or_else(|| bad_key(&file))?;
        }
        Ok(keys)
    }
    fn add(&mut self, pem: &str) -> Option<()> {
        let private = SigningKey::from_pkcs8_pem(pem).ok();
        let public = match &private {
            Some(key) => key.verifying_key(),
            None => VerifyingKey::from_public_key_pem(pem).ok()?,
        };
        let verifying = DecodingKey::from_ed_der(public.as_bytes());
        let id = Jwk::from_decoding_key(&verifying, Some(Algorithm::EdDSA)).ok()?.thumbprint(ThumbprintHash::SHA256).ok()?;
        if private.is_some() {
            self.signing = Some((id.clone(), EncodingKey::from_ed_pem(pem.as_bytes()).ok()?));
        }
        self.verifying.insert(id, verifying);
        Some(())
    }
    /// A key that lives as long as the process.
    pub fn ephemeral() -> Self {
        let mut keys = Keys::default();
        let pem = SigningKey::generate(&mut rand::rngs::OsRng).to_pkcs8_pem(LineEnding::LF).ok();
        pem.and_then(|pem| keys.add(&pem)).map(|()| keys).unwrap_or_default()
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

/// Makes a signing key that only its owner can read.
pub fn generate(folder: &Path) -> Result<PathBuf> {
    let pem = SigningKey::generate(&mut rand::rngs::OsRng)
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|e| Error::said(Exit::Failed, format!("cannot make a key: {e}")))?;
    std::fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    // UUIDv7 in the name: the youngest comes last and signs
    let file = folder.join(format!("{}.pem", uuid::Uuid::now_v7().simple()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&file).map_err(Error::file("write", &file))?;
    out.write_all(pem.as_bytes()).and_then(|()| out.sync_all()).map_err(Error::file("write", &file))?;
    Ok(file)
}

fn bad_key(file: &Path) -> Error {
    Error::said(Exit::Failed, format!("{} is no Ed25519 key in PEM form", file.display()))
        .hint("`openssl genpkey -algorithm ed25519` or `switchboard init` makes one")
}
