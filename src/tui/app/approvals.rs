//! What waits for a second person: what the backend said last, when it is asked again, what is selected.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    App,
    filter::{Column, Words},
    listing::{Entry, Listing},
    sort::{Sort, SortBy},
};
use crate::{
    backend::{ApprovalView, ApprovalsPage, BackendError},
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

/// The approvals.
#[derive(Debug, Default)]
pub struct Approvals {
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    page: Option<ApprovalsPage>,
    asked: Option<Duration>,
    /// Which of them are listed.
    pub list: Listing,
    order: Sort,
}

/// On what it is to be done.
#[must_use]
pub fn place(view: &ApprovalView) -> String {
    let subject = &view.approval.subject;
    match &subject.target {
        Some(target) => format!("{target}/{}", subject.name),
        None => subject.name.as_str().to_owned(),
    }
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

    /// A listed one.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<&ApprovalView> {
        self.all().get(self.list.at(row)?)
    }

    /// The selected one.
    #[must_use]
    pub fn selected(&self) -> Option<&ApprovalView> {
        self.all().get(self.list.selected()?)
    }

    /// The order of the list.
    #[must_use]
    pub fn order(&self) -> Sort {
        self.order
    }

    /// Sorts by something else.
    pub fn set_order(&mut self, order: Sort) {
        self.order = order;
        self.arrange();
    }

    fn arrange(&mut self) {
        let order = self.order;
        let mut rows: Vec<(usize, &ApprovalView)> = self.all().iter().enumerate().collect();
        rows.sort_by(|(i, a), (j, b)| {
            let (x, y) = (&a.approval, &b.approval);
            let ordering = match order.by {
                SortBy::Name => x.id.cmp(&y.id),
                SortBy::Age => y.requested_at.cmp(&x.requested_at),
                SortBy::Ends => x.expires_at.cmp(&y.expires_at),
                _ => i.cmp(j),
            };
            order.turned(ordering).then_with(|| x.id.cmp(&y.id))
        });
        let entries = rows.into_iter().map(|(at, view)| {
            let approval = &view.approval;
            let words = Words::of(&[
                approval.id.as_str(),
                approval.action.as_str(),
                &place(view),
                approval.requested_by.id.as_str(),
                approval.reason.as_str(),
                approval.ticket.as_ref().map_or("", SafeText::as_str),
            ]);
            Entry { id: approval.id.as_str().to_owned(), words, at }
        });
        let entries = entries.collect();
        self.list.put(entries);
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
            self.arrange();
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
        self.arrange();
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
