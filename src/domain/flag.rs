//! Flags: capabilities switched on by site, lane, stage or share, whatever version is deployed.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SafeText, Scope, SiteName, TargetName, UnitId};

/// Longest key of a flag.
pub const FLAG_KEY_MAX: usize = 128;

/// The key of a flag: `[a-z0-9][a-z0-9._-]*`, which every client can put into a URL as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct FlagKey(String);

/// Why a text is not the key of a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a flag's key is 1 to {FLAG_KEY_MAX} characters of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit, got {got:?}"
)]
pub struct FlagKeyError {
    /// The beginning of what was given.
    pub got: String,
}

impl FlagKey {
    /// Checks the text.
    ///
    /// # Errors
    /// [`FlagKeyError`] when it is empty, too long, or has a character that a key may not have.
    pub fn new(text: impl Into<String>) -> Result<Self, FlagKeyError> {
        let text = text.into();
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let starts = text.bytes().next().is_some_and(fits);
        let rest = text.bytes().all(|b| fits(b) || matches!(b, b'.' | b'_' | b'-'));
        if starts && rest && text.len() <= FLAG_KEY_MAX {
            Ok(Self(text))
        } else {
            Err(FlagKeyError { got: text.chars().take(40).collect() })
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FlagKey {
    type Error = FlagKeyError;
    fn try_from(text: String) -> Result<Self, FlagKeyError> {
        Self::new(text)
    }
}
impl FromStr for FlagKey {
    type Err = FlagKeyError;
    fn from_str(text: &str) -> Result<Self, FlagKeyError> {
        Self::new(text)
    }
}
impl From<FlagKey> for String {
    fn from(key: FlagKey) -> String {
        key.0
    }
}
impl fmt::Display for FlagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a flag is for. Those that are to go away need a day on which they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// It switches on what a release brought, and goes away after.
    Release,
    /// It tunes how something runs.
    Ops,
    /// It compares variants, and goes away after.
    Experiment,
    /// It says who may.
    Permission,
    /// It switches something off in need.
    Kill,
}

impl FlagKind {
    /// Whether a flag of it needs a day on which it goes away.
    #[must_use]
    pub const fn expires(self) -> bool {
        matches!(self, Self::Release | Self::Experiment)
    }
}

/// What is defined of a flag: what its author writes. The values of all variants have one type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlagDefinition {
    /// What people read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<SafeText>,
    /// What it is for.
    pub kind: FlagKind,
    /// Whose it is.
    pub owner: SafeText,
    /// Values by name, all of one type: boolean, text, number or object.
    pub variants: BTreeMap<String, serde_json::Value>,
    /// What is served where no rule matches, and outside the scope.
    pub default_variant: String,
    /// What is served while it is off or killed.
    pub off_variant: String,
    /// Whether its rules count.
    pub enabled: bool,
    /// Where its rules count: patterns over targets, sites, labels, lanes and stages; everywhere, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The first that matches decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<FlagRule>,
    /// What buckets are made from, with the targeting key; the flag's key, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// When it should be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When somebody should look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_at: Option<DateTime<Utc>>,
}

/// A rule of a flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlagRule {
    /// What people call it: shown as the rule that matched.
    pub id: SafeText,
    /// When it matches; always, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// What is served then.
    pub serve: Serve,
}

/// When a rule matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Condition {
    /// An expression in CEL over the evaluation context, such as `site == "osl2" && plan == "gold"`.
    Expression(String),
    /// The operators of flagd's `targeting`: JSON Logic with `fractional`, `sem_ver`, `starts_with`, `ends_with`.
    Operators(serde_json::Map<String, serde_json::Value>),
}

/// What a rule serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Serve {
    /// One variant.
    Variant(String),
    /// Shares of targeting keys, bucketed exactly as flagd does; the order counts.
    Split(Vec<Share>),
    /// A share of sites.
    Sites(SiteShare),
    /// These units: what a plan that widens the flag has come to.
    Units(UnitShare),
}

/// A variant's part of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The variant.
    pub variant: String,
    /// Its weight; all of them add up to at most 2^31 - 1.
    pub weight: u32,
}

/// A share of sites, by rank: widening never takes a site out, and a share is never nobody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteShare {
    /// What members get. The others go on to the next rule.
    pub variant: String,
    /// How many of a hundred sites, rounded up.
    pub percent: f64,
    /// The sites that are in, frozen when the share was set; worked out by the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<SiteRef>,
}

/// A site of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SiteRef {
    /// Its group.
    pub group: TargetName,
    /// Its name.
    pub site: SiteName,
}

/// Units that get a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitShare {
    /// What they get. The others go on to the next rule.
    pub variant: String,
    /// The units.
    pub units: Vec<UnitId>,
}

/// A flag as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flag {
    /// Its key.
    pub key: FlagKey,
    /// Goes up by one with each change.
    pub revision: u64,
    /// What is defined of it.
    #[serde(flatten)]
    pub definition: FlagDefinition,
    /// Who switched it off in need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub killed: Option<Killed>,
    /// Who made it.
    pub created_by: SafeText,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who changed it last.
    pub changed_by: SafeText,
    /// When.
    pub changed_at: DateTime<Utc>,
    /// The reason of the last change.
    pub reason: SafeText,
    /// Its ticket.
    pub ticket: Option<SafeText>,
}

/// A flag that a site's agent keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldFlag {
    /// The revision that it holds.
    pub revision: u64,
    /// The variant that a caller without attributes gets by it; none where that depends on the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<SafeText>,
}

/// Who killed a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Killed {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: SafeText,
    /// Why.
    pub reason: SafeText,
}

/// Why a flag has the value that it has: the words of OpenFeature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FlagReason {
    /// It has no rules.
    Static,
    /// No rule matched, or the place is out of its scope.
    Default,
    /// A rule matched.
    TargetingMatch,
    /// A rule matched and a share decided.
    Split,
    /// It is off or killed.
    Disabled,
}

/// How a flag stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagStage {
    /// It is in use.
    Live,
    /// It was not evaluated, or not changed while all or nobody has it, for a long while.
    Stale,
    /// Its day of review has come.
    Due,
    /// It should be gone: it serves what it served, and is not widened any more.
    Expired,
}
