//! Windows from other calendars, and for them: a file is taken whole or not at all, what it brought before is
//! known again, and all windows can be subscribed to.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::{
    WINDOWS, WINDOWS_MAX, beside,
    changing::WindowChange,
    loosening::loosened,
    window_subject,
    written::{window_of, words},
};
use crate::{
    control::{
        Control, actions,
        authorize::{self, Wish},
        core::Core,
        idempotency,
    },
    domain::{Digest, ImportedFrom, Outcome, Principal, Reason, Role, SafeText, Window, WindowState},
    window::{
        self,
        import::{ImportError, Imported, WindowDraft},
    },
    wire::{
        Code, Conditions, ImportFormat, ImportReply, ImportedAs, Problem, WindowRequest, WindowView, WindowsImport,
    },
};

/// Most windows of one file.
const FILE_MAX: usize = 1_000;
/// What a subscribed calendar is called.
const CALENDAR: &str = "Rolldeck change windows";

impl Control {
    /// Adds windows that are written in another form: all of a file, or none.
    pub async fn import_windows(
        &self,
        who: &Principal,
        request: WindowsImport,
        conditions: Conditions,
    ) -> Result<ImportReply, Problem> {
        authorize::may_read(who)?;
        let (text, scope, format) = (request.text.clone(), request.scope.clone(), request.format);
        let read = beside(move || match format {
            ImportFormat::Ical => window::import::ical(&text, scope.as_ref()),
            ImportFormat::Argocd => window::import::argocd(&text, scope.as_ref()),
            ImportFormat::Gitlab => window::import::gitlab(&text, scope.as_ref()),
        });
        let imported = read.await?.map_err(|error: ImportError| invalid(error.to_string()))?;
        let who = who.clone();
        self.decide(move |core| {
            core.seeing(request.saw.as_ref(), |core| core.import(&who, &request, &imported, &conditions))
        })
        .await
    }

    /// The windows that the caller may see as an iCalendar feed, and its entity tag (without quotes).
    pub async fn windows_feed(&self, who: &Principal) -> Result<(String, String), Problem> {
        authorize::may_read(who)?;
        let who = who.clone();
        let windows: Vec<Window> = self.decide(move |core| Ok(core.windows_seen(&who).cloned().collect())).await?;
        let now = self.shared.clock.now();
        beside(move || {
            // The tag is of what the windows are, and not of when they were asked for.
            let at = windows
                .iter()
                .filter_map(|w| w.lifted.as_ref().map(|l| l.at))
                .chain(windows.iter().map(|w| w.created_at));
            let at = at.max().unwrap_or(chrono::DateTime::UNIX_EPOCH).min(now);
            let text = window::export::ical(&windows, CALENDAR, at);
            let tag = Digest::of(Sha256::digest(&text).into()).short().to_owned();
            (text, tag)
        })
        .await
    }
}

fn invalid(text: impl AsRef<str>) -> Problem {
    Problem::new(Code::Invalid, text).in_field("text")
}

/// A draft as a request to add it would be written.
fn request_of(draft: &WindowDraft, import: &WindowsImport) -> WindowRequest {
    let reason =
        draft.reason.as_ref().map(crate::domain::text::SafeText::as_str).filter(|text| Reason::new(text).is_ok());
    let once = draft.schedule.is_none();
    WindowRequest {
        scope: draft.scope.clone(),
        reason: reason.unwrap_or(&import.reason).to_owned(),
        shown_reason: reason.map(ToOwned::to_owned),
        from: Some(draft.from).filter(|_| once),
        until: draft.until.filter(|_| once),
        name: draft.name.as_ref().map(ToString::to_string),
        effect: draft.effect,
        schedule: draft.schedule.clone(),
        actions: draft.actions.clone(),
        initiators: draft.initiators.clone(),
        on_enter: draft.on_enter,
        overridable: draft.overridable,
        contact: draft.contact.as_ref().map(ToString::to_string),
        ticket: import.ticket.clone(),
        ..WindowRequest::default()
    }
}

/// What a draft says, whoever imports it and why: the same digest as before is the same event as before.
fn content_of(draft: &WindowDraft, wanted: &WindowRequest) -> SafeText {
    let reason = draft.reason.as_ref().map(ToString::to_string).unwrap_or_default();
    let said = WindowRequest { reason, shown_reason: None, ticket: None, ..wanted.clone() };
    let bytes = serde_json::to_vec(&said).unwrap_or_default();
    SafeText::new(Digest::of(Sha256::digest(&bytes).into()).short())
}

/// What an event is known by: its `UID`, the start that it stands for, the scope that was named for it.
type EventKey = (SafeText, Option<SafeText>, Option<SafeText>);

/// When a window begins, and ends if it does.
type Bounds = (DateTime<Utc>, Option<DateTime<Utc>>);

fn key_of(event: &ImportedFrom) -> EventKey {
    (event.uid.clone(), event.recurrence.clone(), event.scope.clone())
}

/// The `UID` by which the export names a window.
fn exported(window: &Window) -> SafeText {
    SafeText::new(format!("{}@rolldeck", window.id))
}

/// The windows that a file may have brought before.
struct Before<'a> {
    by_event: BTreeMap<EventKey, &'a Window>,
    by_span: BTreeMap<Bounds, Vec<&'a Window>>,
}

impl<'a> Before<'a> {
    fn of(windows: impl Iterator<Item = &'a Window>) -> Self {
        let mut before = Self { by_event: BTreeMap::new(), by_span: BTreeMap::new() };
        for window in windows {
            let brought = window.imported_from.as_ref().map(key_of);
            // As the export writes it: what comes back is this window.
            let written = (exported(window), None, None);
            for event in brought.into_iter().chain([written]) {
                // One that was lifted is asked only where there is no other: a later import may have brought that.
                let known = before.by_event.entry(event).or_insert(window);
                if known.lifted.is_some() && (window.lifted.is_none() || window.created_at > known.created_at) {
                    *known = window;
                }
            }
            if window.lifted.is_none() {
                before.by_span.entry((window.from, window.until)).or_default().push(window);
            }
        }
        before
    }

    fn event(&self, event: &ImportedFrom) -> Option<&'a Window> {
        self.by_event.get(&key_of(event)).copied()
    }

    /// One that holds the same at the same times, whatever it is called.
    fn same(&self, made: &Window) -> Option<&'a Window> {
        let holds = |window: &Window| {
            (window.effect, window.scope.clone(), window.schedule.clone(), window.on_enter, window.overridable)
                == (made.effect, made.scope.clone(), made.schedule.clone(), made.on_enter, made.overridable)
                && (&window.actions, &window.initiators) == (&made.actions, &made.initiators)
        };
        let spans = self.by_span.get(&(made.from, made.until))?;
        // What an event brought is known by that, and another event is another window.
        spans.iter().find(|window| window.imported_from.is_none() && holds(window)).copied()
    }
}

/// What is to be done with a window of the file.
enum Taken {
    New(Box<Window>),
    Replaced { before: Box<Window>, after: Box<Window> },
    Unchanged(Box<Window>),
}

impl Core {
    fn import(
        &mut self,
        who: &Principal,
        request: &WindowsImport,
        imported: &Imported,
        conditions: &Conditions,
    ) -> Result<ImportReply, Problem> {
        let why = if request.dry_run { None } else { Some(authorize::reason(&request.reason)?) };
        idempotency::check_key(conditions)?;
        let fingerprint = idempotency::fingerprint(request);
        if why.is_some()
            && let Some(reply) = self.replay(who, WINDOWS, conditions, &fingerprint)?
        {
            return Ok(reply);
        }
        if imported.windows.is_empty() && imported.cancelled.is_empty() {
            return Err(invalid("there is no window in it"));
        }
        if imported.windows.len() > FILE_MAX {
            return Err(invalid(format!("it has {} windows; one file may have {FILE_MAX}", imported.windows.len())));
        }
        let mut remarks: Vec<SafeText> = imported.remarks.iter().map(SafeText::new).collect();
        let taken = self.taken(who, request, imported, why.as_ref(), &mut remarks)?;
        if taken.is_empty() {
            let lost = if imported.windows.is_empty() { "cancelled" } else { "over already" };
            let remarks: Vec<&str> = remarks.iter().map(SafeText::as_str).collect();
            return Err(invalid(format!("every window in it is {lost}: {}", remarks.join("; "))));
        }
        let new = taken.iter().filter(|taken| matches!(taken, Taken::New(_))).count();
        if self.windows.len() + new > WINDOWS_MAX {
            return Err(invalid(format!("it would add {new} windows, and {WINDOWS_MAX} are kept")));
        }
        let as_what = |taken: &Taken| match taken {
            Taken::New(_) => ImportedAs::New,
            Taken::Replaced { .. } => ImportedAs::Replaced,
            Taken::Unchanged(_) => ImportedAs::Unchanged,
        };
        let imported = taken.iter().map(as_what).collect();
        let Some(why) = &why else {
            let now = self.now();
            let view = |taken: Taken| match taken {
                Taken::New(window) | Taken::Replaced { after: window, .. } => as_it_would_be(*window, now),
                Taken::Unchanged(window) => self.view_of(&window),
            };
            let windows = taken.into_iter().map(view).collect();
            return Ok(ImportReply { outcome: Outcome::Intended, windows, imported, remarks });
        };
        let outcome = self.put_all(who, request, &taken, why, conditions);
        let present = |taken: &Taken| match taken {
            Taken::New(window) | Taken::Replaced { after: window, .. } | Taken::Unchanged(window) => {
                self.view_of(window)
            }
        };
        let windows = taken.iter().map(present).collect();
        let reply = ImportReply { outcome, windows, imported, remarks };
        self.remember(who, WINDOWS, conditions, fingerprint, actions::CREATED, &reply);
        Ok(reply)
    }

    /// What is to be done with each window of the file, checked as a whole; nothing is done yet.
    fn taken(
        &mut self,
        who: &Principal,
        request: &WindowsImport,
        imported: &Imported,
        why: Option<&Reason>,
        remarks: &mut Vec<SafeText>,
    ) -> Result<Vec<Taken>, Problem> {
        let now = self.now();
        // Rights are checked, and refusals journalled, while these are looked at.
        let seen: Vec<Window> = self.windows_seen(who).cloned().collect();
        let before = Before::of(seen.iter());
        let mut taken = Vec::with_capacity(imported.windows.len());
        for event in &imported.cancelled {
            if let Some(window) = before.event(event).filter(|window| !is_over(window, now)) {
                remarks.push(SafeText::new(format!(
                    "its event is cancelled, and window {} is still there: rolldeck window lift {0} --reason TEXT",
                    window.id
                )));
            }
        }
        for (number, draft) in imported.windows.iter().enumerate() {
            let wanted = request_of(draft, request);
            let id = self.new_window_id();
            self.may_add(who, &wanted.scope, &id, why)?;
            let event =
                draft.event.as_ref().map(|event| ImportedFrom { content: content_of(draft, &wanted), ..event.clone() });
            let known = event.as_ref().and_then(|event| before.event(event));
            if draft.until.is_some_and(|until| until <= now) {
                let still = known.filter(|window| !is_over(window, now)).map_or_else(String::new, |window| {
                    format!(
                        "; window {0} that it brought still is not: rolldeck window lift {0} --reason TEXT",
                        window.id
                    )
                });
                remarks.push(SafeText::new(format!("window {} is over already, and is left out{still}", number + 1)));
                continue;
            }
            let told = draft.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
            // A dry run needs no reason yet.
            let reason = Reason::new(&wanted.reason).or_else(|_| Reason::new("imported from another calendar"));
            let reason = reason.map_err(|error| invalid(error.to_string()))?;
            let made = |wanted: &WindowRequest, before: Option<&Window>, id: &SafeText| -> Result<Window, Problem> {
                let made = window_of(wanted, before, id, who, &reason, now).map_err(|problem| {
                    let detail = SafeText::new(format!("window {}{told}: {}", number + 1, problem.detail));
                    Problem { detail, field: Some(SafeText::new("text")), ..problem }
                })?;
                Ok(Window { imported_from: event.clone(), ..made })
            };
            match (known, &event) {
                (Some(known), Some(event)) if is_as_brought(known, event) => {
                    if let Some(lifted) = &known.lifted {
                        let (id, by) = (&known.id, &lifted.by);
                        remarks.push(SafeText::new(format!("window {id} was lifted by {by}, and stays so")));
                    }
                    taken.push(Taken::Unchanged(Box::new(known.clone())));
                }
                (Some(known), _) if known.lifted.is_none() => {
                    let wanted = WindowRequest { disabled: !known.enabled, ..wanted };
                    let mut after = made(&wanted, Some(known), &known.id)?;
                    if is_the_same(known, &after) {
                        taken.push(Taken::Unchanged(Box::new(known.clone())));
                        continue;
                    }
                    if event.as_ref().is_some_and(|event| event.uid == exported(known)) {
                        after.imported_from.clone_from(&known.imported_from);
                    }
                    self.may_replace(who, known, &after, why)?;
                    taken.push(Taken::Replaced { before: Box::new(known.clone()), after: Box::new(after) });
                }
                _ => {
                    let window = made(&wanted, None, &id)?;
                    if let Some(there) = before.same(&window) {
                        taken.push(Taken::Unchanged(Box::new(there.clone())));
                        continue;
                    }
                    if let Some(why) = why {
                        self.check_right(who, None, &window, "window_add", why, None)?;
                    }
                    taken.push(Taken::New(Box::new(window)));
                }
            }
        }
        Ok(taken)
    }

    /// Whether the caller may put what a file says in the place of what it said before: as of any change.
    fn may_replace(
        &mut self,
        who: &Principal,
        before: &Window,
        after: &Window,
        why: Option<&Reason>,
    ) -> Result<(), Problem> {
        let verb = "window_change";
        let here = authorize::holds_for_scope(who, &before.scope) && authorize::holds_for_scope(who, &after.scope);
        let needed = if loosened(before, after, self.now()).is_empty() { Role::Operator } else { Role::Commander };
        let subject = window_subject(&before.id, &before.scope);
        self.allow(Wish { who, needed, here, target: None, subject, verb, why, dry_run: why.is_none() })?;
        match why {
            Some(why) => self.check_right(who, Some(before), after, verb, why, None),
            None => Ok(()),
        }
    }

    /// Does all that is to be done; where all is there already, that is journalled once.
    fn put_all(
        &mut self,
        who: &Principal,
        request: &WindowsImport,
        taken: &[Taken],
        why: &Reason,
        conditions: &Conditions,
    ) -> Outcome {
        let together = SafeText::new(self.clock.id());
        let format = match request.format {
            ImportFormat::Ical => "iCalendar",
            ImportFormat::Argocd => "Argo CD",
            ImportFormat::Gitlab => "GitLab",
        };
        let mut outcome = Outcome::NoOp;
        for taken in taken {
            match taken {
                Taken::New(window) => {
                    self.added(who, window, Some((format, &together)), conditions);
                }
                Taken::Replaced { before, after } => {
                    let effect = format!("{} -> {} (imported from {format})", words(before), words(after));
                    self.put_window(
                        who,
                        WindowChange {
                            before,
                            after: (**after).clone(),
                            verb: "window_change",
                            why,
                            effect: &effect,
                            key: conditions.idempotency_key.as_ref(),
                            together: Some(&together),
                        },
                    );
                }
                Taken::Unchanged(_) => continue,
            }
            outcome = Outcome::Applied;
        }
        match taken {
            [Taken::Unchanged(first), ..] if outcome == Outcome::NoOp => {
                let effect = format!("all {} windows of the {format} file are there already", taken.len());
                self.unchanged(who, first, "window_add", why, request.ticket.as_ref(), &effect);
            }
            _ => self.windows_changed(),
        }
        outcome
    }
}

/// Whether a window holds nothing any more.
fn is_over(window: &Window, now: DateTime<Utc>) -> bool {
    matches!(window::state(window, now), WindowState::Ended | WindowState::Lifted)
}

/// Whether an event says what it said when it brought the window, or is an older one than that.
fn is_as_brought(window: &Window, event: &ImportedFrom) -> bool {
    match &window.imported_from {
        // What was exported has the window's revision for its sequence.
        _ if event.uid == exported(window) => event.sequence <= window.revision,
        Some(from) => event.sequence < from.sequence || event.content == from.content,
        None => false,
    }
}

/// Whether a window says nothing else than before, wherever it is from.
fn is_the_same(before: &Window, after: &Window) -> bool {
    let (revision, ticket) = (before.revision, before.ticket.clone());
    *before == Window { revision, ticket, imported_from: before.imported_from.clone(), ..after.clone() }
}

/// A window that is not there yet as it would be shown.
fn as_it_would_be(window: Window, now: DateTime<Utc>) -> WindowView {
    let state = window::state(&window, now);
    let spans = window::spans(&window, now, DateTime::<Utc>::MAX_UTC, 1);
    let next_transition =
        spans.first().and_then(|span| if state == WindowState::Active { span.until } else { Some(span.from) });
    WindowView { window, state, next_transition }
}
