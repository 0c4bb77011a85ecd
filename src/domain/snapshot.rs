//! Immutable, content-addressed versions.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SafeText, TargetName, hex, shared};

/// The SHA-256 of a snapshot's content, written `sha256:` and 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Digest(Arc<str>);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a snapshot is sha256: and 64 lower-case hex digits, got {0:?}")]
pub struct DigestError(String);

impl Digest {
    /// The digest of 32 hash bytes.
    #[must_use]
    pub fn of(hash: [u8; 32]) -> Self {
        Self(format!("sha256:{}", hex(&hash)).into())
    }

    /// The whole digest as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 hex digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[7..19]
    }
}

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(shared::share(text)))
        } else {
            Err(DigestError(text.chars().take(80).collect()))
        }
    }
}
impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared::read(deserializer, |text| text.parse().map_err(|error: DigestError| error.to_string()))
    }
}
impl TryFrom<String> for Digest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}
impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.as_str().to_owned()
    }
}
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a rollback goes back to, where somebody says it: a snapshot, or a revision of a workload on
/// Kubernetes. Written as the digest, or as the revision's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum RollbackTo {
    /// Of a fleet.
    Snapshot(Digest),
    /// Of a workload: from 1.
    Revision(u64),
}

/// Why a text is not something to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rollback goes to a snapshot (sha256: and 64 lower-case hex digits) or to a revision's number, got {0:?}")]
pub struct RollbackToError(String);

impl FromStr for RollbackTo {
    type Err = RollbackToError;
    fn from_str(text: &str) -> Result<Self, RollbackToError> {
        let revision = text.parse::<u64>().ok().filter(|number| *number > 0).map(Self::Revision);
        let read = revision.or_else(|| text.parse().ok().map(Self::Snapshot));
        read.ok_or_else(|| RollbackToError(text.chars().take(80).collect()))
    }
}
impl TryFrom<String> for RollbackTo {
    type Error = RollbackToError;
    fn try_from(text: String) -> Result<Self, RollbackToError> {
        text.parse()
    }
}
impl From<RollbackTo> for String {
    fn from(to: RollbackTo) -> String {
        to.to_string()
    }
}
impl fmt::Display for RollbackTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(digest) => digest.fmt(f),
            Self::Revision(number) => number.fmt(f),
        }
    }
}

/// An immutable version that sites can be brought to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// What it is, by content.
    pub digest: Digest,
    /// What people call it.
    pub version: SafeText,
    /// The site group it belongs to; any, when absent.
    pub group: Option<TargetName>,
    /// Whether it completed a rollout healthy, or somebody said so with a reason.
    pub known_good: bool,
    /// When it became known good.
    pub known_good_at: Option<DateTime<Utc>>,
    /// Size of the artifact in bytes, where there is one.
    pub size: Option<u64>,
    /// Whatever was said about it when it was added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, SafeText>,
    /// Who added it.
    pub added_by: SafeText,
    /// When it was added.
    pub added_at: DateTime<Utc>,
}
