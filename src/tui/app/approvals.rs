//! What waits for a second person: how it is listed, when it is asked again, and for whom it waits.

use std::{cmp::Ordering, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    App,
    filter::{Column, Words},
    records::{Record, Records},
    sort::SortBy,
};
use crate::{
    backend::ApprovalView,
    domain::{ApprovalState, SafeText},
};

/// What a filter looks into.
pub const COLUMNS: &[Column] = &[
    Column::name("id"),
    Column::name("what"),
    Column::name("where"),
    Column::name("by"),
    Column::sentence("reason"),
    Column::name("ticket"),
];

/// While something waits it is asked about at least this often.
pub const WAITING: Duration = Duration::from_secs(15);
/// While nothing does.
pub const QUIET: Duration = Duration::from_secs(30);

/// The approvals: those that wait first.
pub type Approvals = Records<ApprovalView>;

impl Record for ApprovalView {
    fn id(&self) -> &str {
        self.approval.id.as_str()
    }

    fn words(&self) -> Words {
        let approval = &self.approval;
        Words::of(&[
            approval.id.as_str(),
            approval.action.as_str(),
            &approval.subject.to_string(),
            approval.requested_by.id.as_str(),
            approval.reason.as_str(),
            approval.ticket.as_ref().map_or("", SafeText::as_str),
        ])
    }

    fn compare(&self, other: &Self, by: SortBy) -> Option<Ordering> {
        let (a, b) = (&self.approval, &other.approval);
        match by {
            SortBy::Age => Some(b.requested_at.cmp(&a.requested_at)),
            SortBy::Ends => Some(a.expires_at.cmp(&b.expires_at)),
            _ => None,
        }
    }
}

impl Approvals {
    /// Those that wait at an instant.
    pub fn waiting(&self, at: DateTime<Utc>) -> impl Iterator<Item = &ApprovalView> {
        self.all().iter().filter(move |view| view.approval.state(at) == ApprovalState::Waiting)
    }

    /// How many wait for the caller at an instant.
    #[must_use]
    pub fn yours(&self, at: DateTime<Utc>) -> usize {
        self.waiting(at).filter(|view| view.yours == Some(true)).count()
    }

    /// How often they are asked for.
    #[must_use]
    pub fn every(&self, at: DateTime<Utc>) -> Duration {
        if self.waiting(at).next().is_some() { WAITING } else { QUIET }
    }

    /// When the next of them expires.
    #[must_use]
    pub fn flips_at(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.waiting(at).map(|view| view.approval.expires_at).min()
    }
}

impl App {
    /// What somebody else waits for, and what is open until somebody stands by it: in words, or nothing.
    #[must_use]
    pub fn strips(&self) -> Option<String> {
        let now = self.server_now();
        let yours = match self.approvals.yours(now) {
            0 => None,
            1 => Some("1 approval waits for you (:approvals)".to_owned()),
            n => Some(format!("{n} approvals wait for you (:approvals)")),
        };
        let glass = match self.overrides.open_break_glass() {
            0 => None,
            1 => Some("1 BREAK-GLASS override is not countersigned (:overrides)".to_owned()),
            n => Some(format!("{n} BREAK-GLASS overrides are not countersigned (:overrides)")),
        };
        let said: Vec<String> = yours.into_iter().chain(glass).collect();
        (!said.is_empty()).then(|| said.join("   "))
    }
}
