//! What stands where an entry was whose content has expired: its place, its leaf and why, so that the tree
//! over all entries still verifies.
//!
//! The tree proves that a leaf was there, and not that its content was taken away rightly. That is what the
//! entry of the expiry is for: it says through which entry contents expired, and is in the tree itself. A
//! tombstone that no expiry in the trail covers is a change like any other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hash, canonical::canonical_json};

/// The action of the entry that tells of an expiry.
pub const EXPIRED: &str = "audit_expired";
/// The field of its changes that names the last entry whose content has expired.
pub const THROUGH: &str = "expired_through";
/// What a tombstone's column of actions says.
pub const ACTION: &str = "expired";

/// How the bytes of each begin: its keys are in order.
const BEGIN: &[u8] = br#"{"leaf":""#;

/// What is left of an expired entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the stored form")]
pub struct Tombstone {
    /// Its place.
    pub seq: u64,
    /// Its leaf, base64.
    leaf: String,
    /// Why its content was to go, in the words of whoever let it.
    pub reason: String,
    /// The version of this form.
    tombstone: u32,
}

impl Tombstone {
    /// The tombstone of an entry.
    #[must_use]
    pub fn new(seq: u64, leaf: &Hash, reason: &str) -> Self {
        Self { seq, leaf: STANDARD.encode(leaf), reason: reason.to_owned(), tombstone: 1 }
    }

    /// Its canonical bytes.
    ///
    /// # Errors
    /// As [`canonical_json`], which cannot happen for numbers of entries.
    pub fn bytes(&self) -> Result<Vec<u8>, super::CanonicalError> {
        canonical_json(self)
    }

    /// Reads stored bytes; none when they are no tombstone in its canonical form.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(BEGIN) {
            return None;
        }
        let read: Self = serde_json::from_slice(bytes).ok().filter(|read: &Self| read.tombstone == 1)?;
        (read.bytes().ok()? == bytes).then_some(read)
    }

    /// The leaf of what was there; none when it is no hash.
    #[must_use]
    pub fn leaf(&self) -> Option<Hash> {
        STANDARD.decode(&self.leaf).ok()?.try_into().ok()
    }
}

/// The last entry whose content an entry says to have expired; none when it is about something else.
#[must_use]
pub fn expired_through(entry: &Value) -> Option<u64> {
    if entry.get("action")?.as_str()? != EXPIRED || entry.get("outcome")?.as_str()? != "applied" {
        return None;
    }
    let changes = entry.get("changes")?.as_array()?;
    let through = changes.iter().find(|change| change.get("field").and_then(Value::as_str) == Some(THROUGH))?;
    through.get("after")?.as_str()?.parse().ok()
}
