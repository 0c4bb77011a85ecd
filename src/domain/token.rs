//! The text of a token: made by whoever adds it, sent as a bearer, and never stored; servers keep
//! [`TokenText::hash`] only.
//!
//! `rolldeck_` (so that secret scanners find it), ten hex digits of its public id, `_`, 64 hex digits of
//! secret, and 8 of a checksum, so that a truncated paste is told apart from a revoked token.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use super::hex;

/// What every token begins with.
pub const TOKEN_PREFIX: &str = "rolldeck_";

const ID_HEX: usize = 10;
const SECRET_HEX: usize = 64;
const CHECK_HEX: usize = 8;

/// A whole token. Its `Debug` form shows nothing of it.
#[derive(Debug, Clone)]
pub struct TokenText(SecretString);

/// Why a text is not a token. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It has another form.
    #[error("this is not a rolldeck token: one begins with {TOKEN_PREFIX} and is made by `rolldeck token add`")]
    Form,
    /// Its checksum does not fit: a character was lost or changed.
    #[error("the token is damaged (its checksum does not fit): copy it again, whole")]
    Checksum,
}

impl TokenText {
    /// The token of a public id and a secret, both random.
    #[must_use]
    pub fn new(id: [u8; 5], secret: &[u8; 32]) -> Self {
        let mut text = format!("{TOKEN_PREFIX}{}_{}", hex(&id), hex(secret));
        let check = checksum(&text);
        text.push_str(&check);
        Self(SecretString::from(text))
    }

    /// Checks a text, blanks around it aside.
    ///
    /// # Errors
    /// [`TokenError`] when it has another form or is damaged.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let rest = text.strip_prefix(TOKEN_PREFIX).ok_or(TokenError::Form)?;
        let (id, secret) = rest.split_once('_').ok_or(TokenError::Form)?;
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if id.len() != ID_HEX || !is_hex(id) || !is_hex(secret) {
            return Err(TokenError::Form);
        }
        if secret.len() != SECRET_HEX + CHECK_HEX {
            return Err(TokenError::Checksum);
        }
        let (body, check) = text.split_at(text.len() - CHECK_HEX);
        if checksum(body) == check { Ok(Self(SecretString::from(text))) } else { Err(TokenError::Checksum) }
    }

    /// Its public id, `t-` and ten hex digits.
    #[must_use]
    pub fn id(&self) -> String {
        let text = self.0.expose_secret();
        format!("t-{}", &text[TOKEN_PREFIX.len()..TOKEN_PREFIX.len() + ID_HEX])
    }

    /// The SHA-256 of the whole text, in hex: all that a server keeps.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.expose_secret().as_bytes()))
    }

    /// The text, to be sent, or shown once when it is made.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn checksum(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..CHECK_HEX / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_damaged_one_says_so() {
        let token = TokenText::new([0xab, 1, 2, 3, 4], &[7; 32]);
        assert_eq!(token.id(), "t-ab01020304");
        let again = TokenText::parse(&format!(" {}\n", token.expose())).unwrap();
        assert_eq!(again.hash(), token.hash());
        assert_eq!(token.hash().len(), 64);

        let text = token.expose();
        assert_eq!(TokenText::parse(&text[..text.len() - 3]).unwrap_err(), TokenError::Checksum);
        assert_eq!(TokenText::parse(&text.replacen("07", "17", 1)).unwrap_err(), TokenError::Checksum);
        for other in ["", "rolldeck_", "hunter2", "rolldeck_zz_11", &text.replace("rolldeck_", "sk_")] {
            assert_eq!(TokenText::parse(other).unwrap_err(), TokenError::Form, "{other:?}");
        }
    }

    #[test]
    fn nothing_of_a_token_shows_in_a_log() {
        let token = TokenText::new([1; 5], &[0xcd; 32]);
        assert!(!format!("{token:?}").contains("cdcd"));
    }
}
