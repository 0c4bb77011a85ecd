//! What survives a crash. One trait in the words of the domain; SQLite and PostgreSQL keep it.
//!
//! The control plane is the one writer: it decides on its state in memory and hands over what
//! changed as a [`Batch`], which becomes durable as a whole or not at all. Many requests share one
//! batch, and so one synced commit.
//!
//! What is done about damage, so that it neither closes the way back nor goes unseen: a file that
//! is no database, cut short, malformed inside, or written by something else is refused at the
//! start; an audit entry that was changed or deleted by hand is not, because pause and rollback
//! must go on. [`offline`] names it.

mod append;
pub mod key;
mod load;
pub mod memory;
pub mod offline;
pub mod postgres;
mod query;
pub mod seen;
pub mod sqlite;
mod table;
mod view;

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        CompactRange, EntryFilter,
        verify::{Columns, Verification, fault_of},
    },
    domain::{Digest, RolloutId, Snapshot, UnitId, Window},
};

/// A stored document: the JSON that control keeps for one thing.
pub type Document = serde_json::Value;

/// One change to what is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A rollout's state, whole.
    Rollout(RolloutId, Document),
    /// A unit's state, whole.
    Unit(UnitId, Document),
    /// A window, whole.
    Window(Box<Window>),
    /// Forget a window that is over, by its id.
    ForgetWindow(crate::domain::SafeText),
    /// An override, an approval or a flag, whole.
    Record(RecordKind, String, Document),
    /// Forget one that is over.
    ForgetRecord(RecordKind, String),
    /// A snapshot, whole.
    Snapshot(Snapshot),
    /// The bytes of a snapshot's artifact.
    Artifact(Digest, std::sync::Arc<[u8]>),
    /// A token; only a hash of its secret is in it.
    Token(TokenRecord),
    /// The answer to an idempotency key.
    Idempotency(IdempotencyRecord),
    /// Forget the answer to an idempotency key.
    ForgetIdempotency {
        /// Whose key.
        principal: String,
        /// For which rollout.
        rollout: String,
        /// The key.
        key: String,
    },
    /// An entry of the audit trail.
    Audit(StoredEntry),
    /// Takes away the content of the entries up to one, all of which must be older than 30 days, and leaves
    /// tombstones.
    Expire {
        /// The last of them.
        through: u64,
        /// Why, as the tombstones say it.
        reason: String,
    },
    /// A signed checkpoint of the audit trail.
    Checkpoint {
        /// How many entries it covers.
        size: u64,
        /// When it was signed.
        at: DateTime<Utc>,
        /// The C2SP signed note.
        note: String,
    },
    /// Something kept about the store itself, by a key such as [`VERIFIER_KEY`].
    Meta(String, String),
}

/// What kinds of records are kept beside what has a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Overrides, by id.
    Override,
    /// What waits for a second person, by id.
    Approval,
    /// Flags, by key.
    Flag,
    /// When flags were evaluated, by key.
    FlagUse,
    /// When windows with a schedule were worked out to hold, by id.
    WindowTimes,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Override, Self::Approval, Self::Flag, Self::FlagUse, Self::WindowTimes];

    /// Its name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Approval => "approval",
            Self::Flag => "flag",
            Self::FlagUse => "flag_use",
            Self::WindowTimes => "window_times",
        }
    }
}

/// The key under which the C2SP verifier key of the checkpoints is kept, so that the trail can be
/// verified where the signing key is not.
pub const VERIFIER_KEY: &str = "verifier_key";

/// The key under which the signature over the trail as of the last commit is kept, a checkpoint like any other:
/// what is behind it was not written by the server.
pub const AUDIT_SEAL: &str = "audit_seal";
/// The key under which is kept what the server last found wrong with its trail and journalled.
pub const AUDIT_FAULT: &str = "audit_fault";

/// What becomes durable together.
pub type Batch = Vec<Write>;

/// An audit entry as it is stored: exact bytes, their leaf hash, and columns to find it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its number, dense from 1.
    pub seq: u64,
    /// RFC 8785 canonical bytes.
    pub bytes: Vec<u8>,
    /// `SHA-256(0x00 || bytes)`.
    pub leaf: [u8; 32],
    /// When.
    pub at: DateTime<Utc>,
    /// The actor's id.
    pub actor: String,
    /// The action.
    pub action: String,
    /// `TARGET/NAME` of the rollout it is about.
    pub rollout: Option<String>,
}

impl StoredEntry {
    fn columns(&self) -> Columns<'_> {
        Columns { at: self.at, actor: &self.actor, action: &self.action, rollout: self.rollout.as_deref() }
    }

    /// Shows it to a verification.
    pub fn show(&self, verification: &mut Verification) {
        verification.stored(self.seq, &self.bytes, self.leaf, self.columns());
    }

    /// What is wrong with it by itself, in words that go on from `entry N`; none when nothing is.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        fault_of(self.seq, &self.bytes, self.leaf, self.columns())
    }
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TokenRecord {
    /// Its public id, `t-...`.
    pub id: String,
    /// The name its holder goes by.
    pub name: String,
    /// SHA-256 of the secret, in hex.
    pub secret_hash: String,
    /// What it is good for.
    pub role: crate::domain::Role,
    /// Who holds it; what its client claims to be, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<crate::domain::Holder>,
    /// Patterns of targets.
    pub targets: Vec<String>,
    /// For an agent: its site.
    pub binding: Option<crate::domain::Binding>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The first answer to an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdempotencyRecord {
    /// Whose key: the principal's id.
    pub principal: String,
    /// For which rollout, `TARGET/NAME`.
    pub rollout: String,
    /// The key.
    pub key: String,
    /// SHA-256 of what was asked, in hex.
    pub fingerprint: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The body of the answer, exactly.
    pub body: String,
    /// When it was given.
    pub at: DateTime<Utc>,
}

/// Most audit entries that one question is answered with.
pub const AUDIT_PAGE_MAX: u32 = 10_000;

/// Which audit entries are wanted. All that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those with a greater `seq`.
    pub after: u64,
    /// Only those with a smaller `seq`; 0 is no bound.
    pub before: u64,
    /// `TARGET/NAME`.
    pub rollout: Option<String>,
    /// An actor's id.
    pub actor: Option<String>,
    /// An action.
    pub action: Option<String>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// At most that many, and never more than [`AUDIT_PAGE_MAX`]; 0 is as many as that.
    pub limit: u32,
    /// The newest that match rather than the oldest (the answer is ascending all the same).
    pub newest: bool,
    /// What else they are to be like. A store looks for what it has columns for; whoever asks it holds the
    /// entries against the rest.
    pub expression: Option<EntryFilter>,
}

/// What it lets through, in words for whoever reads an export.
impl fmt::Display for AuditFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = |at: DateTime<Utc>| at.to_rfc3339();
        let parts = [
            ("after", Some(self.after).filter(|after| *after > 0).map(|after| after.to_string())),
            ("before", Some(self.before).filter(|before| *before > 0).map(|before| before.to_string())),
            ("rollout", self.rollout.clone()),
            ("actor", self.actor.clone()),
            ("action", self.action.clone()),
            ("since", self.since.map(instant)),
            ("until", self.until.map(instant)),
            ("filter", self.expression.as_ref().map(ToString::to_string)),
        ];
        let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value?)));
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

/// All that control needs to go on after a start.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rollouts.
    pub rollouts: Vec<(RolloutId, Document)>,
    /// Units.
    pub units: Vec<(UnitId, Document)>,
    /// Windows.
    pub windows: Vec<Window>,
    /// Overrides, approvals and flags, by kind and id.
    pub records: Vec<(RecordKind, String, Document)>,
    /// Snapshots.
    pub snapshots: Vec<Snapshot>,
    /// Tokens.
    pub tokens: Vec<TokenRecord>,
    /// Answers to idempotency keys.
    pub idempotency: Vec<IdempotencyRecord>,
    /// Leaf hashes of the audit trail, all of them, in order. Where an entry was deleted by hand
    /// its place is held by zeros, so that the numbers of those after it stay what they are.
    pub leaves: Vec<[u8; 32]>,
    /// The tree as it is kept beside the entries; none where nothing is kept beside them.
    pub range: Option<CompactRange>,
    /// The newest checkpoint's note.
    pub checkpoint: Option<String>,
    /// Notes by which one key passed the trail on to the next, ascending by size.
    pub successions: Vec<String>,
    /// What [`Write::Meta`] kept.
    pub meta: BTreeMap<String, String>,
}

/// Why the store did not do it. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{place} is in use by another process: stop that one, or use another --data directory or --database")]
    Locked {
        /// The file or URL, without secrets.
        place: String,
    },
    /// It is not what it should be.
    #[error(
        "{place} is damaged ({detail}): keep a copy, check it with `rolldeck audit verify --data` or `--database`, and restore a backup"
    )]
    Damaged {
        /// The file or URL, without secrets.
        place: String,
        /// What was found.
        detail: String,
    },
    /// It was written by a newer Rolldeck.
    #[error("{place} was written by a newer rolldeck (schema {found}, this one knows {known}): use that one")]
    TooNew {
        /// The file or URL, without secrets.
        place: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// There is no room.
    #[error("no room on the disk of {place}: {left}")]
    Full {
        /// The file or URL, without secrets.
        place: String,
        /// What to do, and what still works.
        left: &'static str,
    },
    /// The database's server does not answer, or not in time.
    #[error("{place} does not answer: {detail}")]
    Unreachable {
        /// The URL, without secrets.
        place: String,
        /// Why, and what to look at.
        detail: String,
    },
    /// The database's server answers, and lets nobody in, or not do this.
    #[error("{place} refuses: {detail}")]
    Forbidden {
        /// The URL, without secrets.
        place: String,
        /// What is refused, and what to do.
        detail: String,
    },
    /// Nothing is damaged, and yet nothing can be kept there.
    #[error("{place} {detail}")]
    Unfit {
        /// The URL, without secrets.
        place: String,
        /// Why, and what to do.
        detail: String,
    },
    /// Somebody else wrote there meanwhile: what is in memory is not what is stored.
    #[error("{place} was written to by another process since this one lost it: nothing is written over that")]
    Replaced {
        /// The URL, without secrets.
        place: String,
    },
    /// The answer to a commit was lost, and what became of it is not known.
    #[error("{place} did not say whether it kept what was to be committed: {detail}")]
    Unconfirmed {
        /// The URL, without secrets.
        place: String,
        /// Why.
        detail: String,
    },
    /// There is nothing.
    #[error("{place} is not there: name the directory that `rolldeck serve --data` uses")]
    Missing {
        /// The file, without secrets.
        place: String,
    },
    /// The signing key cannot be used as it is.
    #[error("{place} {detail}")]
    Key {
        /// The file.
        place: String,
        /// What is wrong with it, and what to do.
        detail: &'static str,
    },
    /// Anything else.
    #[error("{place}: {doing}")]
    Failed {
        /// The file or URL, without secrets.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    fn failed(
        place: &std::path::Path,
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { place: place.display().to_string(), doing, source: source.into() }
    }

    /// Whether it is about the way to the store, and passes once that is there again.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Locked { .. } | Self::Replaced { .. } | Self::Unconfirmed { .. }
        )
    }
}

/// A place that keeps what control hands over.
#[async_trait::async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Everything, at start.
    async fn load(&self) -> Result<Loaded, StoreError>;
    /// Makes the batch durable, as a whole or not at all. When it answers `Ok`, a crash or a power
    /// cut loses none of it.
    async fn commit(&self, batch: &[Write]) -> Result<(), StoreError>;
    /// What [`Write::Meta`] kept under a key.
    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError>;
    /// Audit entries, ascending by `seq`.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<StoredEntry>, StoreError>;
    /// How many entries there are, from the first on, before one that is as young as `at` or younger; and how
    /// many of them still have their content.
    async fn audit_before(&self, at: DateTime<Utc>) -> Result<(u64, u64), StoreError>;
    /// All checkpoints that cover more than `after` entries, ascending by size.
    async fn checkpoints(&self, after: u64) -> Result<Vec<String>, StoreError>;
    /// The bytes of an artifact.
    async fn artifact(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError>;
    /// Gives up the reserve file so that what stops a change can still be journalled on a full disk;
    /// `true` when there was one to give up.
    async fn release_reserve(&self) -> Result<bool, StoreError>;
    /// Closes it cleanly.
    async fn close(&self);
}
