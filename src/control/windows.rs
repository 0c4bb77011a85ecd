//! Change windows: added, changed, lifted, imported, and what they hold when.

use chrono::{DateTime, Utc};

use super::{
    Control, actions,
    authorize::{self, Wish},
    core::Core,
    journal::Draft,
};
use crate::{
    domain::{
        Outcome, Principal, Revision, Role, SafeText, Subject, SubjectKind, Window, WindowState, audit::RevisionChange,
        window::Lifted,
    },
    store::Write,
    window,
    wire::{
        CalendarPage, Code, Conditions, ImportReply, Problem, ReasonRequest, WindowReply, WindowRequest, WindowView,
        WindowsImport, WindowsPage, WindowsQuery, WindowsState,
    },
};

/// Most windows that are kept; ended ones are forgotten first.
const WINDOWS_MAX: usize = 2000;
/// What idempotency keys of window requests belong to.
const WINDOWS: &str = "windows";
/// A change to a window that is there.
struct WindowChange<'a> {
    /// Its place among the windows.
    at: usize,
    before: &'a Window,
    after: Window,
    verb: &'a str,
    why: &'a str,
    effect: &'a str,
}

fn window_subject(id: &SafeText) -> Subject {
    Subject { kind: SubjectKind::Window, target: None, name: id.clone() }
}

fn window_revision(window: &Window) -> Revision {
    Revision(SafeText::new(window.revision.to_string()))
}

impl Control {
    /// All windows.
    pub async fn windows(&self, who: &Principal) -> Result<WindowsPage, Problem> {
        authorize::may_read(who)?;
        self.decide(|core| Ok(core.windows_page())).await
    }

    /// What is open and what is held at an instant (now, when none is named).
    pub async fn windows_state(&self, who: &Principal, query: WindowsQuery) -> Result<WindowsState, Problem> {
        authorize::may_read(who)?;
        self.decide(move |core| Ok(core.windows_state(query.at.unwrap_or_else(|| core.now())))).await
    }

    /// Spans of windows between two instants, and what is planned and meets them.
    pub async fn calendar(
        &self,
        who: &Principal,
        _from: DateTime<Utc>,
        _until: DateTime<Utc>,
    ) -> Result<CalendarPage, Problem> {
        authorize::may_read(who)?;
        Err(Problem::new(Code::Unavailable, "the calendar is not there yet"))
    }

    /// Adds windows that are written in another form.
    pub async fn import_windows(
        &self,
        who: &Principal,
        _request: WindowsImport,
        _conditions: Conditions,
    ) -> Result<ImportReply, Problem> {
        authorize::may_read(who)?;
        Err(Problem::new(Code::Unavailable, "imports are not there yet"))
    }

    /// Adds a window.
    pub async fn add_window(
        &self,
        who: &Principal,
        request: WindowRequest,
        conditions: Conditions,
    ) -> Result<WindowReply, Problem> {
        let who = who.clone();
        self.decide(move |core| core.add_window(&who, &request, &conditions)).await
    }

    /// Changes a window.
    pub async fn change_window(
        &self,
        who: &Principal,
        id: &str,
        request: WindowRequest,
        conditions: Conditions,
    ) -> Result<WindowReply, Problem> {
        let (who, id) = (who.clone(), id.to_owned());
        self.decide(move |core| core.change_window(&who, &id, &request, &conditions)).await
    }

    /// Lifts a window.
    pub async fn lift_window(&self, who: &Principal, id: &str, request: ReasonRequest) -> Result<WindowReply, Problem> {
        let (who, id) = (who.clone(), id.to_owned());
        self.decide(move |core| core.lift_window(&who, &id, &request)).await
    }
}

impl Core {
    pub(super) fn windows_page(&self) -> WindowsPage {
        let now = self.now();
        let mut windows: Vec<WindowView> = self.windows.iter().map(|w| view_of(w, now)).collect();
        windows.sort_by_key(|w| {
            let rank = match w.state {
                WindowState::Active => 0,
                WindowState::Upcoming => 1,
                WindowState::Ended | WindowState::Lifted | WindowState::Disabled => 2,
            };
            (rank, std::cmp::Reverse(w.window.from))
        });
        WindowsPage { windows }
    }

    pub(super) fn windows_state(&self, at: DateTime<Utc>) -> WindowsState {
        let active = self.windows.iter().filter(|w| window::state(w, at) == WindowState::Active).cloned().collect();
        WindowsState {
            at,
            active,
            state: None,
            decided_by: Vec::new(),
            next_transition: window::next_transition(&self.windows, at),
            tzdb: SafeText::default(),
        }
    }

    pub(super) fn add_window(
        &mut self,
        who: &Principal,
        request: &WindowRequest,
        conditions: &Conditions,
    ) -> Result<WindowReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        actions::check_key(conditions)?;
        let id = SafeText::new(format!("w-{}", short_id(&self.clock.id())));
        let here = authorize::holds_for_scope(who, &request.scope);
        self.allow(Wish {
            who,
            needed: Role::Operator,
            here,
            target: None,
            subject: window_subject(&id),
            verb: "window_add",
            why: Some(&why),
            dry_run: false,
        })?;
        let fingerprint = actions::fingerprint(request);
        if let Some(reply) = self.replay(who, WINDOWS, conditions, &fingerprint)? {
            return Ok(reply);
        }
        let now = self.now();
        let from = request.from.unwrap_or(now);
        check_span(from, request.until, now)?;
        let window = Window {
            id: id.clone(),
            revision: 1,
            scope: request.scope.clone(),
            reason: SafeText::new(why.as_str()),
            ticket: authorize::ticket(request.ticket.as_ref()),
            from,
            until: request.until,
            on_enter: request.on_enter,
            enabled: true,
            created_by: who.id.clone(),
            created_at: now,
            lifted: None,
            ..Window::default()
        };
        self.make_room(now)?;
        self.windows.push(window.clone());
        self.batch.push(Write::Window(Box::new(window.clone())));
        let audit = self.journal(Draft {
            reason: Some(window.reason.clone()),
            ticket: window.ticket.clone(),
            revision: RevisionChange { before: None, after: Some(window_revision(&window)) },
            effect: Some(SafeText::new(format!("freeze {} {}", window.scope, span(&window)))),
            idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
            ..Draft::new(who.actor(), "window_add", window_subject(&id), Outcome::Applied)
        });
        self.windows_changed();
        let reply = WindowReply { outcome: Outcome::Applied, window: view_of(&window, now), audit };
        self.remember(who, WINDOWS, conditions, fingerprint, actions::CREATED, &reply);
        Ok(reply)
    }

    pub(super) fn change_window(
        &mut self,
        who: &Principal,
        id: &str,
        request: &WindowRequest,
        conditions: &Conditions,
    ) -> Result<WindowReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        actions::check_key(conditions)?;
        let now = self.now();
        let (at, before) = self.find_window(id)?;
        let here = authorize::holds_for_scope(who, &before.scope) && authorize::holds_for_scope(who, &request.scope);
        self.allow(Wish {
            who,
            needed: Role::Commander,
            here,
            target: None,
            subject: window_subject(&before.id),
            verb: "window_change",
            why: Some(&why),
            dry_run: false,
        })?;
        let fingerprint = actions::fingerprint(request);
        let subject = format!("{WINDOWS}/{}", before.id);
        if let Some(reply) = self.replay(who, &subject, conditions, &fingerprint)? {
            return Ok(reply);
        }
        if let Some(seen) = &conditions.revision
            && *seen != window_revision(&before)
        {
            let detail = format!("window {} is at revision {} and not {seen}", before.id, before.revision);
            return Err(self.refuse_window(who, &before, Code::RevisionMismatch, detail, &why));
        }
        if before.lifted.is_some() {
            let detail = format!("window {} was lifted: add a new one", before.id);
            return Err(self.refuse_window(who, &before, Code::Blocked, detail, &why));
        }
        let from = request.from.unwrap_or(before.from);
        check_span(from, request.until, now)?;
        let after = Window {
            revision: before.revision + 1,
            scope: request.scope.clone(),
            reason: SafeText::new(why.as_str()),
            ticket: authorize::ticket(request.ticket.as_ref()).or_else(|| before.ticket.clone()),
            from,
            until: request.until,
            ..before.clone()
        };
        let effect = format!("freeze {} {} -> {} {}", before.scope, span(&before), after.scope, span(&after));
        let reply = self.put_window(
            who,
            WindowChange { at, before: &before, after, verb: "window_change", why: why.as_str(), effect: &effect },
        );
        self.remember(who, &subject, conditions, fingerprint, actions::DONE, &reply);
        Ok(reply)
    }

    /// Journals that a change of a window is refused, and says it.
    fn refuse_window(
        &mut self,
        who: &Principal,
        window: &Window,
        code: Code,
        detail: String,
        why: &crate::domain::Reason,
    ) -> Problem {
        let present = window_revision(window);
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            revision: RevisionChange { before: Some(present.clone()), after: None },
            effect: Some(SafeText::new(&detail)),
            ..Draft::new(who.actor(), "window_change", window_subject(&window.id), Outcome::Refused)
        });
        Problem { revision: Some(present), audit: Some(entry.seq), ..Problem::new(code, detail) }
    }

    pub(super) fn lift_window(
        &mut self,
        who: &Principal,
        id: &str,
        request: &ReasonRequest,
    ) -> Result<WindowReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        let now = self.now();
        let (at, before) = self.find_window(id)?;
        let here = authorize::holds_for_scope(who, &before.scope);
        let wish = Wish {
            who,
            needed: Role::Commander,
            here,
            target: None,
            subject: window_subject(&before.id),
            verb: "window_lift",
            why: Some(&why),
            dry_run: false,
        };
        self.allow(wish)?;
        if matches!(window::state(&before, now), WindowState::Ended | WindowState::Lifted) {
            let audit = self.journal(Draft {
                reason: Some(SafeText::new(why.as_str())),
                ticket: authorize::ticket(request.ticket.as_ref()),
                effect: Some(SafeText::new("it was over already")),
                ..Draft::new(who.actor(), "window_lift", window_subject(&before.id), Outcome::NoOp)
            });
            return Ok(WindowReply { outcome: Outcome::NoOp, window: view_of(&before, now), audit });
        }
        let lifted = Lifted { at: now, by: who.id.clone(), reason: SafeText::new(why.as_str()) };
        let after = Window { revision: before.revision + 1, lifted: Some(lifted), ..before.clone() };
        let effect = format!("freeze {} {} is lifted", before.scope, span(&before));
        Ok(self.put_window(
            who,
            WindowChange { at, before: &before, after, verb: "window_lift", why: why.as_str(), effect: &effect },
        ))
    }

    fn put_window(&mut self, who: &Principal, change: WindowChange<'_>) -> WindowReply {
        let WindowChange { at, before, after, verb, why, effect } = change;
        let now = self.now();
        if let Some(place) = self.windows.get_mut(at) {
            *place = after.clone();
        }
        self.batch.push(Write::Window(Box::new(after.clone())));
        let audit = self.journal(Draft {
            reason: Some(SafeText::new(why)),
            ticket: after.ticket.clone(),
            revision: RevisionChange { before: Some(window_revision(before)), after: Some(window_revision(&after)) },
            effect: Some(SafeText::new(effect)),
            ..Draft::new(who.actor(), verb, window_subject(&after.id), Outcome::Applied)
        });
        self.windows_changed();
        WindowReply { outcome: Outcome::Applied, window: view_of(&after, now), audit }
    }

    fn find_window(&self, id: &str) -> Result<(usize, Window), Problem> {
        self.windows.iter().enumerate().find(|(_, w)| w.id.as_str() == id).map(|(at, w)| (at, w.clone())).ok_or_else(
            || {
                let id = SafeText::new(id);
                Problem::new(
                    Code::NotFound,
                    format!("there is no window {id}: `rolldeck window list` shows those there are"),
                )
            },
        )
    }

    /// Makes room for one more: those that ended longest ago are forgotten, the audit trail keeps them.
    fn make_room(&mut self, now: DateTime<Utc>) -> Result<(), Problem> {
        while self.windows.len() >= WINDOWS_MAX {
            let over = |w: &Window| matches!(window::state(w, now), WindowState::Ended | WindowState::Lifted);
            let ended = |w: &Window| w.lifted.as_ref().map(|lifted| lifted.at).into_iter().chain(w.until).min();
            let oldest = self.windows.iter().enumerate().filter(|(_, w)| over(w)).min_by_key(|(_, w)| ended(w));
            let Some((at, _)) = oldest else {
                return Err(Problem::new(
                    Code::Unavailable,
                    format!("there are {WINDOWS_MAX} open windows: lift some first"),
                ));
            };
            let forgotten = self.windows.remove(at);
            self.batch.push(Write::ForgetWindow(forgotten.id));
        }
        Ok(())
    }
}

fn check_span(from: DateTime<Utc>, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Problem> {
    match until {
        Some(until) if until <= from => {
            Err(Problem::new(Code::Invalid, "a window ends after it begins").in_field("until"))
        }
        Some(until) if until <= now => {
            Err(Problem::new(Code::Invalid, "this window would be over already").in_field("until"))
        }
        _ => Ok(()),
    }
}

fn view_of(window: &Window, now: DateTime<Utc>) -> WindowView {
    WindowView { window: window.clone(), state: window::state(window, now), next_transition: None }
}

fn span(window: &Window) -> String {
    let form = "%Y-%m-%d %H:%MZ";
    match window.until {
        Some(until) => format!("from {} until {}", window.from.format(form), until.format(form)),
        None => format!("from {} until lifted", window.from.format(form)),
    }
}

/// The last 12 digits of a UUIDv7: random, and short enough to type.
pub(super) fn short_id(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}
