//! Change windows: spans of time, once or again and again, in which changes are frozen for a scope,
//! or in which alone they are allowed.

use chrono::{DateTime, NaiveDateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Initiator, Operation, SafeText, Scope};

/// A change window. What it holds lies in `[from, until)`; where it has a schedule, in the spans of that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// `w-` and a short id.
    pub id: SafeText,
    /// Goes up by one with each change.
    pub revision: u64,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SafeText>,
    /// Whether changes are frozen while it holds, or allowed only then.
    #[serde(default, skip_serializing_if = "Effect::is_deny")]
    pub effect: Effect,
    /// What it is about.
    pub scope: Scope,
    /// Shown to whoever is blocked.
    pub reason: SafeText,
    /// A ticket's id.
    pub ticket: Option<SafeText>,
    /// When it begins; with a schedule, when its first span does.
    pub from: DateTime<Utc>,
    /// When it ends by itself; open-ended, when absent. With a schedule, when its last span ends.
    pub until: Option<DateTime<Utc>>,
    /// When it holds, where that is more than one span or is said in civil time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What it is about; all that widens a change, when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Operation>,
    /// Whose doing it is about; everybody's, when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initiators: Vec<Initiator>,
    /// What is done, when it begins, with what is under way.
    #[serde(default, skip_serializing_if = "OnEnter::is_hold")]
    pub on_enter: OnEnter,
    /// Who may let something pass it.
    #[serde(default, skip_serializing_if = "Overridable::is_single")]
    pub overridable: Overridable,
    /// Whether it counts.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
    /// Whom to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<SafeText>,
    /// The event of a calendar that it was imported from: the same event, imported again, is this window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<ImportedFrom>,
    /// Who made it.
    pub created_by: SafeText,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who lifted it, when, and why.
    pub lifted: Option<Lifted>,
}

/// An event of a calendar, by what RFC 5545 knows it by (sections 3.8.4.7, 3.8.4.4 and 3.8.7.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedFrom {
    /// Its `UID`; of one longer than 255 octets, the digest.
    pub uid: SafeText,
    /// The start that it stands for (`RECURRENCE-ID`), where it is one of an event that comes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<SafeText>,
    /// The scope that the import named, where the event names none: the same calendar may be brought for several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<SafeText>,
    /// Its `SEQUENCE`: of two, the higher one is newer.
    #[serde(default)]
    pub sequence: u64,
    /// A digest of what it said when it was imported.
    #[serde(default)]
    pub content: SafeText,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

/// What a window does while it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes are frozen.
    #[default]
    Deny,
    /// Changes are allowed, and at other times they are not.
    Allow,
}

impl Effect {
    /// Whether it is what goes without saying.
    #[must_use]
    pub fn is_deny(&self) -> bool {
        *self == Self::Deny
    }
}

/// When a window holds, in civil time, by the rules of RFC 5545 in a restricted grammar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// An IANA time zone, such as `Europe/Oslo`.
    pub zone: SafeText,
    /// The civil start of its first span.
    pub start: NaiveDateTime,
    /// The civil end of its first span: later ones end as many days later, at the same time of day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<NaiveDateTime>,
    /// In place of an end: elapsed time, such as `PT2H`. With neither, it is open-ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<SafeText>,
    /// When it comes again: an `RRULE` of DAILY, WEEKLY, MONTHLY or YEARLY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rrule: Option<SafeText>,
    /// Further civil starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rdate: Vec<NaiveDateTime>,
    /// Civil starts that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exdate: Vec<NaiveDateTime>,
}

/// What a window does, when it begins, with what is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEnter {
    /// Units that were told finish, and no other is told.
    #[default]
    #[serde(alias = "finish", alias = "finish_units", alias = "finish_site")]
    Hold,
    /// The rollout is paused. What a driver carries out and goes on by itself is paused too.
    #[serde(alias = "pause_now")]
    Pause,
    /// The rollout is brought back to what it came from.
    #[serde(alias = "restore")]
    AbortAndRestore,
}

impl OnEnter {
    /// Whether it is what goes without saying.
    #[must_use]
    pub fn is_hold(&self) -> bool {
        *self == Self::Hold
    }
}

/// Who may let something pass a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overridable {
    /// One authorized person, with a reason.
    #[default]
    Single,
    /// Two people: one asks, another approves.
    TwoPerson,
    /// Nobody, whatever the role.
    Never,
}

impl Overridable {
    /// Whether it is what goes without saying.
    #[must_use]
    pub fn is_single(&self) -> bool {
        *self == Self::Single
    }
}

/// How a window came to an early end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lifted {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: SafeText,
    /// Why.
    pub reason: SafeText,
}

/// Where a window is at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// It has not begun, or is between two of its spans.
    Upcoming,
    /// It holds.
    Active,
    /// It is over.
    Ended,
    /// It was lifted.
    Lifted,
    /// It is switched off.
    Disabled,
}
