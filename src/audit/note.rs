//! C2SP checkpoints: signed notes with Ed25519 keys, made, read and checked.
//!
//! ```text
//! rolldeck.example/audit              the origin: which log this is
//! 42                                  how many entries it covers
//! 3oH...=                             the root of the tree, base64
//!
//! — rolldeck.example/audit Az3g...=   key hash (4 bytes) and signature (64 bytes), base64
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::Hash;

/// The signature algorithm byte of Ed25519 in C2SP signed notes.
const ED25519: u8 = 0x01;
/// Longest note that is read, in bytes.
pub const NOTE_MAX: usize = 16 * 1024;

/// Why a text is not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has not the form of a signed note, or of a checkpoint.
    #[error("it is not a checkpoint: {0}")]
    Form(&'static str),
    /// It is of another log.
    #[error("it is a checkpoint of another log ({0:?})")]
    Origin(String),
    /// Nobody we know signed it.
    #[error("the expected key {0} did not sign it")]
    Unsigned(String),
    /// It was changed after it was signed.
    #[error("its signature does not verify: it was changed after it was signed")]
    Signature,
    /// The text is not a verifier key.
    #[error("it is not a verifier key, which is NAME+8 hex digits+base64")]
    Key,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries it covers.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads what a note says, whoever signed it: nothing is proven by that.
    ///
    /// # Errors
    /// [`NoteError::Form`] when it is no checkpoint.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let (text, _) = split(note)?;
        let mut lines = text.lines();
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(NoteError::Form("no origin"))?;
        let size = lines.next().ok_or(NoteError::Form("no size"))?;
        let plain = size.bytes().all(|b| b.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| plain).ok_or(NoteError::Form("its size is not a decimal number"))?;
        let root = lines.next().and_then(|line| STANDARD.decode(line).ok()).and_then(|bytes| bytes.try_into().ok());
        let root = root.ok_or(NoteError::Form("its root is not the base64 of 32 bytes"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }
}

/// The lines of a checkpoint after its root, which others than Rolldeck pass over.
pub(super) fn extensions(note: &str) -> Result<impl Iterator<Item = &str>, NoteError> {
    Ok(split(note)?.0.lines().skip(3))
}

/// A checkpoint of the tree with further lines of text, signed by all of these; the first names the log.
pub(super) fn sign_all(signers: &[&Signer], size: u64, root: &Hash, lines: &[String]) -> String {
    let origin = signers.first().map(|signer| signer.origin.clone()).unwrap_or_default();
    let mut text = Checkpoint { origin, size, root: *root }.text();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let signatures: String = signers.iter().map(|signer| signer.signature(&text)).collect();
    format!("{text}\n{signatures}")
}

/// The signed text of a note, its last line break included, and the lines of signatures.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_MAX {
        return Err(NoteError::Form("longer than 16 KiB"));
    }
    if note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(NoteError::Form("a control character in it"));
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Form("no blank line before the signatures"))?;
    let signatures = &note[at + 2..];
    if !signatures.ends_with('\n') {
        return Err(NoteError::Form("it does not end with a signature line"));
    }
    Ok((&note[..=at], signatures))
}

/// `SHA-256(name || 0x0A || 0x01 || public key)[..4]`.
fn key_hash(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash: Hash =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key.as_bytes()).finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// A key name may have no white space and no plus sign; the log's origin is its key's name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// The key that signs checkpoints. Its secret is in no output of it.
pub struct Signer {
    origin: String,
    key: SigningKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.verifier_key()).finish_non_exhaustive()
    }
}

impl Signer {
    /// The key of a seed; `origin` names the log in every checkpoint. What a key's name may not
    /// have (white space, control characters, `+`) is replaced by `-`, and an empty one by `log`.
    #[must_use]
    pub fn new(origin: &str, seed: &[u8; 32]) -> Self {
        let fits = |c: char| if is_name(c.encode_utf8(&mut [0; 4])) { c } else { '-' };
        let origin: String = origin.chars().map(fits).collect();
        let origin = if origin.is_empty() { "log".to_owned() } else { origin };
        Self { origin, key: SigningKey::from_bytes(seed) }
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A signed C2SP checkpoint (a signed note) of the tree.
    #[must_use]
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        sign_all(&[self], size, root, &[])
    }

    /// The line that signs a text.
    fn signature(&self, text: &str) -> String {
        let mut line = key_hash(&self.origin, &self.key.verifying_key()).to_vec();
        line.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("— {} {}\n", self.origin, STANDARD.encode(line))
    }

    /// Who checks what it signs.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.origin.clone(), key: self.key.verifying_key() }
    }

    /// The verifier key: `name+hash+base64`, as C2SP signed notes write it.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        self.verifier().to_string()
    }
}

/// The public key that checks checkpoints of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(key_hash(&self.name, &self.key)), STANDARD.encode(key))
    }
}

impl std::str::FromStr for Verifier {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim_end_matches('\n').splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let Some((&ED25519, public)) = bytes.split_first() else { return Err(NoteError::Key) };
        let public = public.try_into().map_err(|_| NoteError::Key)?;
        let key = VerifyingKey::from_bytes(public).map_err(|_| NoteError::Key)?;
        let verifier = Self { name: name.to_owned(), key };
        let written = hash.len() == 8 && u32::from_str_radix(hash, 16) == Ok(u32::from_be_bytes(verifier.hash()));
        if is_name(name) && written { Ok(verifier) } else { Err(NoteError::Key) }
    }
}

impl Verifier {
    fn hash(&self) -> [u8; 4] {
        key_hash(&self.name, &self.key)
    }

    /// The log whose checkpoints it checks.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.name
    }

    /// The key's hash in 8 hex digits: enough for people to tell keys apart.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.hash()))
    }

    /// Reads a checkpoint that this key signed. Signatures of keys we do not know (witnesses) are
    /// passed over, as the format asks.
    ///
    /// # Errors
    /// [`NoteError`] when it is no checkpoint, is of another log, or this key did not sign it.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let checkpoint = Checkpoint::parse(note)?;
        if checkpoint.origin != self.name {
            return Err(NoteError::Origin(checkpoint.origin));
        }
        self.signed_text(note)?;
        Ok(checkpoint)
    }

    /// The text of a note that this key signed.
    fn signed_text<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = split(note)?;
        for line in signatures.lines() {
            let line = line.strip_prefix("— ").ok_or(NoteError::Form("a line that is no signature after the text"))?;
            let (name, bytes) = line.split_once(' ').ok_or(NoteError::Form("a signature without a key name"))?;
            let bytes = STANDARD.decode(bytes).map_err(|_| NoteError::Form("a signature that is not base64"))?;
            let Some((hash, signature)) = bytes.split_first_chunk::<4>() else {
                return Err(NoteError::Form("a signature without a key hash"));
            };
            if name == self.name && *hash == self.hash() {
                let signature = Signature::from_slice(signature).map_err(|_| NoteError::Signature)?;
                self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::Signature)?;
                return Ok(text);
            }
        }
        Err(NoteError::Unsigned(self.to_string()))
    }
}

#[cfg(test)]
mod tests;
