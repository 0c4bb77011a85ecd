//! What waits for a second person: what the backend said last, when it is asked again, what is selected.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::App;
use crate::{
    backend::{ApprovalView, ApprovalsPage, BackendError},
    domain::ApprovalState,
};

/// While something waits it is asked about at least this often.
pub const WAITING: Duration = Duration::from_secs(15);
/// While nothing does.
pub const QUIET: Duration = Duration::from_secs(30);

/// The approvals.
#[derive(Debug, Default)]
pub struct Approvals {
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    page: Option<ApprovalsPage>,
    asked: Option<Duration>,
    cursor: usize,
    selected: Option<String>,
}

impl Approvals {
    /// Whether a first answer has come.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.page.is_some()
    }

    /// All of them: those that wait first.
    #[must_use]
    pub fn all(&self) -> &[ApprovalView] {
        self.page.as_ref().map_or(&[], |page| &page.approvals)
    }

    /// The cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The selected one.
    #[must_use]
    pub fn selected(&self) -> Option<&ApprovalView> {
        self.all().get(self.cursor)
    }

    /// One by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&ApprovalView> {
        self.all().iter().find(|view| view.approval.id.as_str() == id)
    }

    /// Those that wait at an instant.
    pub fn waiting(&self, at: DateTime<Utc>) -> impl Iterator<Item = &ApprovalView> {
        self.all().iter().filter(move |view| view.approval.state(at) == ApprovalState::Waiting)
    }

    /// How many wait for the caller at an instant.
    #[must_use]
    pub fn yours(&self, at: DateTime<Utc>) -> usize {
        self.waiting(at).filter(|view| view.yours == Some(true)).count()
    }

    /// Takes an answer; says whether it is another one than before. The selection stays where it was.
    pub fn take(&mut self, page: ApprovalsPage) -> bool {
        let changed = self.error.take().is_some() || self.page.as_ref() != Some(&page);
        if changed {
            self.page = Some(page);
            let at = self.selected.as_ref().and_then(|id| self.all().iter().position(|v| v.approval.id.as_str() == id));
            self.move_to(at.unwrap_or(self.cursor));
        }
        changed
    }

    /// Puts one in the place of its former self, or first.
    pub fn replace(&mut self, view: ApprovalView) {
        let page = self.page.get_or_insert_with(|| ApprovalsPage { approvals: Vec::new() });
        match page.approvals.iter_mut().find(|old| old.approval.id == view.approval.id) {
            Some(old) => *old = view,
            None => page.approvals.insert(0, view),
        }
    }

    /// Moves the cursor.
    pub fn move_to(&mut self, position: usize) {
        self.cursor = position.min(self.all().len().saturating_sub(1));
        self.selected = self.selected().map(|view| view.approval.id.as_str().to_owned());
    }

    /// Whether it is time to ask again; what was asked counts as asked.
    pub fn due(&mut self, elapsed: Duration, at: DateTime<Utc>, moved: bool) -> bool {
        let every = if self.waiting(at).next().is_some() { WAITING } else { QUIET };
        let due = moved || self.asked.is_none_or(|asked| elapsed.saturating_sub(asked) >= every);
        if due {
            self.asked = Some(elapsed);
        }
        due
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
