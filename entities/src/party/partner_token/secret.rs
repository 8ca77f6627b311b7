//! The token itself: `sbp_`, 43 letters and digits by chance (256 bits), and 6 that follow from them. By the last 6 a
//! scanner of source code, and the hub before it asks its database, tell a token from what only looks like one.
use rand::{Rng, distributions::Alphanumeric, rngs::OsRng};
use sha2::{Digest, Sha256};

/// How every token begins.
pub const START: &str = "sbp_";
/// How many characters of it are kept and shown, so that people can tell tokens apart.
pub const PREFIX_CHARS: usize = 10;
const CHANCE_CHARS: usize = 43;
const TAIL_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new token. Whoever makes it shows it once, and keeps its hash.
pub fn partner_token() -> String {
    let chance: String = OsRng.sample_iter(Alphanumeric).take(CHANCE_CHARS).map(char::from).collect();
    format!("{START}{chance}{}", tail(&chance))
}
/// Whether a text can be a token at all.
pub fn is_partner_token(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(START) else { return false };
    rest.len() == CHANCE_CHARS + TAIL_CHARS
        && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        && rest.split_at(CHANCE_CHARS).1 == tail(rest.split_at(CHANCE_CHARS).0)
}
/// What is kept of a token: with 256 bits of chance there is nothing to guess, so one round will do.
pub fn hash(token: &str) -> String {
    format!("{:x}", Sha256::digest(token))
}
/// The CRC-32 of the rest, in base 62.
fn tail(chance: &str) -> String {
    let mut left = crc32fast::hash(chance.as_bytes()) as usize;
    let mut digits = [b'0'; TAIL_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[left % 62];
        left /= 62;
    }
    digits.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_token_is_told_from_what_looks_like_one() {
        let token = partner_token();
        assert!(is_partner_token(&token) && token.len() == 53);
        assert_ne!(token, partner_token());
        for at in 4..token.len() {
            let mut bent = token.clone().into_bytes();
            bent[at] = if bent[at] == b'a' { b'b' } else { b'a' };
            assert!(!is_partner_token(&String::from_utf8(bent).unwrap()), "character {at}");
        }
        for not in ["", "sbp_", "sbp", &token[..52], &format!("{token}a"), &token.replace("sbp_", "sbx_"), &"ü".repeat(30)] {
            assert!(!is_partner_token(not), "{not}");
        }
    }
}
