//! RFC 9457 problems: the one error that everything from control upwards answers with.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OverrideOffer;
use crate::domain::{Blocker, Freeze, Revision, SafeText};

/// What went wrong, in a word that clients can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request is not what the contract says.
    Invalid,
    /// The reason is missing or not one.
    ReasonRequired,
    /// No credential, or one that is not known.
    Unauthenticated,
    /// The role does not cover it.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The guard refused; `blockers` says why.
    Blocked,
    /// The same idempotency key is being worked on.
    InProgress,
    /// The rollout is not at the revision that was named.
    RevisionMismatch,
    /// The body or a header is too large.
    TooLarge,
    /// The idempotency key was used for something else.
    IdempotencyMismatch,
    /// `If-Match` is missing.
    RevisionRequired,
    /// The driver could not do it.
    DriverFailed,
    /// Try again later.
    Unavailable,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::Invalid,
        Self::ReasonRequired,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Blocked,
        Self::InProgress,
        Self::RevisionMismatch,
        Self::TooLarge,
        Self::IdempotencyMismatch,
        Self::RevisionRequired,
        Self::DriverFailed,
        Self::Unavailable,
    ];

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid | Self::ReasonRequired => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Blocked | Self::InProgress => 409,
            Self::RevisionMismatch => 412,
            Self::TooLarge => 413,
            Self::IdempotencyMismatch => 422,
            Self::RevisionRequired => 428,
            Self::DriverFailed => 502,
            Self::Unavailable => 503,
        }
    }

    /// A few words for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Invalid => "The request is not valid",
            Self::ReasonRequired => "A reason is required",
            Self::Unauthenticated => "Not authenticated",
            Self::Forbidden => "Not authorized",
            Self::NotFound => "Not found",
            Self::Blocked => "Blocked",
            Self::InProgress => "Already in progress",
            Self::RevisionMismatch => "The rollout has changed",
            Self::TooLarge => "Too large",
            Self::IdempotencyMismatch => "The idempotency key was used for something else",
            Self::RevisionRequired => "If-Match is required",
            Self::DriverFailed => "The driver failed",
            Self::Unavailable => "Unavailable",
        }
    }
}

/// A problem: what was wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// `urn:rolldeck:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: SafeText,
    /// A few words.
    pub title: SafeText,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong, where, and what to do.
    pub detail: SafeText,
    /// A word to rely on.
    pub code: Code,
    /// Which field of the request, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<SafeText>,
    /// What refused it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Blocker>,
    /// The windows that refused it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocking_windows: Vec<Freeze>,
    /// What to ask for to pass them; none where nobody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_offer: Option<Box<OverrideOffer>>,
    /// The approval that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<SafeText>,
    /// When a window that refused it begins or ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_transition: Option<DateTime<Utc>>,
    /// The present revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// What changed since the revision that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<SafeText>,
    /// The `seq` of the audit entry of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<u64>,
}

impl Problem {
    /// A problem with its code and what to say.
    #[must_use]
    pub fn new(code: Code, detail: impl AsRef<str>) -> Self {
        let slug = serde_json::to_value(code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        Self {
            kind: SafeText::new(format!("urn:rolldeck:problem:{slug}")),
            title: SafeText::new(code.title()),
            status: code.status(),
            detail: SafeText::new(detail),
            code,
            field: None,
            blockers: Vec::new(),
            blocking_windows: Vec::new(),
            override_offer: None,
            approval: None,
            next_transition: None,
            revision: None,
            changed: None,
            audit: None,
        }
    }

    /// The same, about one field of the request.
    #[must_use]
    pub fn in_field(mut self, field: &str) -> Self {
        self.field = Some(SafeText::new(field));
        self
    }
}
