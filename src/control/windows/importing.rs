//! Windows from other calendars, and for them: a file is taken whole or not at all, and all windows can be
//! subscribed to.

use sha2::{Digest as _, Sha256};

use super::{WINDOWS, WINDOWS_MAX, beside, written::window_of};
use crate::{
    control::{Control, actions, authorize, core::Core, idempotency},
    domain::{Digest, Outcome, Principal, Reason, SafeText, Window, WindowState},
    window::{
        self,
        import::{ImportError, Imported, WindowDraft},
    },
    wire::{Code, Conditions, ImportFormat, ImportReply, Problem, WindowRequest, WindowView, WindowsImport},
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
        if imported.windows.is_empty() {
            return Err(invalid("there is no window in it"));
        }
        if imported.windows.len() > FILE_MAX || self.windows.len() + imported.windows.len() > WINDOWS_MAX {
            return Err(invalid(format!(
                "it has {} windows; one file may have {FILE_MAX}, and {WINDOWS_MAX} are kept",
                imported.windows.len()
            )));
        }
        let now = self.now();
        let mut windows = Vec::with_capacity(imported.windows.len());
        let mut remarks: Vec<SafeText> = imported.remarks.iter().map(SafeText::new).collect();
        for (number, draft) in imported.windows.iter().enumerate() {
            let wanted = request_of(draft, request);
            let id = self.new_window_id();
            self.may_add(who, &wanted.scope, &id, why.as_ref())?;
            if draft.until.is_some_and(|until| until <= now) {
                remarks.push(SafeText::new(format!("window {} is over already, and is left out", number + 1)));
                continue;
            }
            let told = draft.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
            // A dry run needs no reason yet.
            let reason = Reason::new(&wanted.reason).or_else(|_| Reason::new("imported from another calendar"));
            let reason = reason.map_err(|error| invalid(error.to_string()))?;
            let window = window_of(&wanted, None, &id, who, &reason, now).map_err(|problem| {
                let detail = SafeText::new(format!("window {}{told}: {}", number + 1, problem.detail));
                Problem { detail, field: Some(SafeText::new("text")), ..problem }
            })?;
            if let Some(why) = &why {
                self.check_right(who, None, &window, "window_add", why, None)?;
            }
            windows.push(window);
        }
        if windows.is_empty() {
            return Err(invalid("every window in it is over already"));
        }
        if why.is_none() {
            let views = windows.into_iter().map(|window| as_it_would_be(window, now)).collect();
            return Ok(ImportReply { outcome: Outcome::Intended, windows: views, remarks });
        }
        let together = SafeText::new(self.clock.id());
        let format = match request.format {
            ImportFormat::Ical => "iCalendar",
            ImportFormat::Argocd => "Argo CD",
            ImportFormat::Gitlab => "GitLab",
        };
        for window in &windows {
            self.added(who, window, Some((format, &together)), conditions);
        }
        self.windows_changed();
        let views = windows.iter().map(|window| self.view_of(window)).collect();
        let reply = ImportReply { outcome: Outcome::Applied, windows: views, remarks };
        self.remember(who, WINDOWS, conditions, fingerprint, actions::CREATED, &reply);
        Ok(reply)
    }
}

/// A window that is not there yet as it would be shown.
fn as_it_would_be(window: Window, now: chrono::DateTime<chrono::Utc>) -> WindowView {
    let state = window::state(&window, now);
    let spans = window::spans(&window, now, chrono::DateTime::<chrono::Utc>::MAX_UTC, 1);
    let next_transition =
        spans.first().and_then(|span| if state == WindowState::Active { span.until } else { Some(span.from) });
    WindowView { window, state, next_transition }
}
