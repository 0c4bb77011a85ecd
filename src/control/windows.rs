//! Change windows: listed, asked about at any instant, and added.

mod ahead;
mod changing;
mod importing;
mod loosening;
mod times;
mod written;

use chrono::{DateTime, TimeDelta, Utc};

use self::written::{diff, window_of, words};
use super::{
    Control, actions,
    authorize::{self, Wish},
    core::Core,
    idempotency,
    journal::Draft,
};
use crate::{
    domain::{
        Initiator, Operation, Outcome, Place, Principal, Revision, Role, SafeText, Scope, Subject, SubjectKind,
        TargetName, UnitId, Window, WindowState, audit::RevisionChange,
    },
    store::Write,
    window,
    wire::{
        Code, Conditions, Openness, Problem, ReasonRequest, WindowReply, WindowRequest, WindowView, WindowsPage,
        WindowsQuery, WindowsState,
    },
};

pub(super) use self::times::{TZDB_KEY, Times};

/// Most windows that are kept; ended ones are forgotten first.
const WINDOWS_MAX: usize = 20_000;
/// What idempotency keys of window requests belong to.
const WINDOWS: &str = "windows";
/// What is asked may lie so far from now: schedules are read forward from their beginning.
const ASKED_WITHIN: TimeDelta = TimeDelta::days(366 * 100);

/// The subject of an entry about a window: of its target, where it is about one alone, so that the trail shows it
/// to those who may see that.
fn window_subject(id: &SafeText, scope: &Scope) -> Subject {
    let target = match scope.targets.as_slice() {
        [one] if !one.contains(['*', '?']) => Some(SafeText::new(one)),
        _ => None,
    };
    Subject { kind: SubjectKind::Window, target, name: id.clone() }
}

fn window_revision(window: &Window) -> Revision {
    Revision(SafeText::new(window.revision.to_string()))
}

fn tzdb() -> SafeText {
    SafeText::new(window::tzdb())
}

/// Work on many windows is done beside the writer and beside the tasks that answer.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Problem::new(Code::Unavailable, "the control plane is stopping: ask again"))
}

impl Control {
    /// Windows that can cover anything in the targets that the caller may see.
    pub async fn windows(&self, who: &Principal) -> Result<WindowsPage, Problem> {
        authorize::may_read(who)?;
        let who = who.clone();
        self.decide(move |core| Ok(core.windows_page(&who))).await
    }

    /// What is open and what is held at an instant (now, when none is named), for a place where one is named.
    pub async fn windows_state(&self, who: &Principal, query: WindowsQuery) -> Result<WindowsState, Problem> {
        authorize::may_read(who)?;
        match (&query.target, places_of(&query)) {
            (Some(target), _) => authorize::may_see(who, target)?,
            (None, Some(field)) => {
                return Err(
                    Problem::new(Code::Invalid, format!("{field} lies in a target: name that too")).in_field("target")
                );
            }
            (None, None) => {}
        }
        let now = self.shared.clock.now();
        let at = query.at.unwrap_or(now);
        if (at - now).abs() > ASKED_WITHIN {
            return Err(Problem::new(Code::Invalid, "windows are known for a hundred years from now").in_field("at"));
        }
        let who = who.clone();
        let (windows, labels, unknown, query) = self
            .decide(move |core| {
                let labels = core.labels_of(&query);
                let unknown = query.target.as_ref().filter(|target| !core.has_target(target)).map(nothing_there);
                let seen = core.windows_seen(&who);
                let about = |window: &&Window| {
                    query.target.as_ref().is_none_or(|target| window.scope.meets_targets(target.as_str()))
                };
                Ok((seen.filter(about).cloned().collect::<Vec<_>>(), labels, unknown, query))
            })
            .await?;
        beside(move || {
            let (windows, later): (Vec<Window>, Vec<Window>) =
                windows.into_iter().partition(|window| window.created_at <= at);
            let past = (at < now).then(|| of_the_past(&windows, later.len()));
            let notes: Vec<String> = unknown.into_iter().chain(past.map(|note| note.to_string())).collect();
            let note = (!notes.is_empty()).then(|| SafeText::new(notes.join("; ")));
            WindowsState { note, ..state_at(&windows, &labels, &query, at) }
        })
        .await
    }

    /// Adds a window.
    pub async fn add_window(
        &self,
        who: &Principal,
        request: WindowRequest,
        conditions: Conditions,
    ) -> Result<WindowReply, Problem> {
        let who = who.clone();
        self.decide(move |core| core.seeing(request.saw.as_ref(), |core| core.add_window(&who, &request, &conditions)))
            .await
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
        self.decide(move |core| {
            core.seeing(request.saw.as_ref(), |core| core.change_window(&who, &id, &request, &conditions))
        })
        .await
    }

    /// Lifts a window.
    pub async fn lift_window(&self, who: &Principal, id: &str, request: ReasonRequest) -> Result<WindowReply, Problem> {
        let (who, id) = (who.clone(), id.to_owned());
        self.decide(move |core| core.seeing(request.saw.as_ref(), |core| core.lift_window(&who, &id, &request))).await
    }
}

/// The field of a question that needs a target beside it.
fn places_of(query: &WindowsQuery) -> Option<&'static str> {
    let named = [
        (query.rollout.is_some(), "rollout"),
        (query.site.is_some(), "site"),
        (query.lane.is_some(), "lane"),
        (query.stage.is_some(), "stage"),
        (query.action.is_some(), "action"),
        (query.initiator.is_some(), "initiator"),
    ];
    named.into_iter().find(|(is_named, _)| *is_named).map(|(_, field)| field)
}

/// What an answer about the past stands on: windows are kept as they are, and not as they were. Of those that were made
/// later it says that they are left out of it.
fn of_the_past(windows: &[Window], later: usize) -> SafeText {
    let without = if later == 0 { String::new() } else { format!(", without {later} made later") };
    // Lifting is a change whose instant is known, and was taken into account.
    let as_made = |window: &&Window| window.revision <= 1 + u64::from(window.lifted.is_some());
    let changed = windows.len() - windows.iter().filter(as_made).count();
    let changed = if changed == 0 { String::new() } else { format!(", {changed} as changed since") };
    SafeText::new(format!(
        "windows are not kept as they were: today's were asked{without}{changed}; any forgotten since are missing"
    ))
}

/// Of a target that nobody knows, open says little: its name may be another one.
fn nothing_there(target: &TargetName) -> String {
    format!("no site and no rollout of {target} is known here")
}

type Labels = std::collections::BTreeMap<String, SafeText>;

fn state_at(windows: &[Window], labels: &Labels, query: &WindowsQuery, at: DateTime<Utc>) -> WindowsState {
    let active = windows.iter().filter(|w| window::state(w, at) == WindowState::Active).cloned().collect();
    let Some(target) = &query.target else {
        let edges = windows.iter().filter_map(|w| {
            // The present one and the next one have all its next instants.
            let spans = window::spans(w, at, DateTime::<Utc>::MAX_UTC, 2);
            spans.into_iter().flat_map(|span| std::iter::once(span.from).chain(span.until)).find(|edge| *edge > at)
        });
        let next_transition = edges.min();
        return WindowsState {
            at,
            active,
            state: None,
            decided_by: Vec::new(),
            next_transition,
            tzdb: tzdb(),
            note: None,
        };
    };
    let place = Place {
        target,
        rollout: query.rollout.as_ref(),
        site: query.site.as_ref(),
        lane: query.lane.as_ref(),
        stage: query.stage.as_ref(),
        labels: Some(labels),
    };
    let operation = query.action.unwrap_or(Operation::Promote);
    let initiator = query.initiator.unwrap_or(Initiator::Human);
    let decided_by = window::freezes_at(windows, &place, operation, initiator, at);
    let state = Some(if decided_by.is_empty() { Openness::Open } else { Openness::Closed });
    let next_transition = window::next_change(windows, &place, operation, initiator, at);
    WindowsState { at, active, state, decided_by, next_transition, tzdb: tzdb(), note: None }
}

impl Core {
    /// The windows that can cover anything in the targets that the caller may see. Of the others nothing is
    /// told: their reasons and authors are of targets that are none of the caller's business.
    fn windows_seen<'a>(&'a self, who: &'a Principal) -> impl Iterator<Item = &'a Window> {
        self.windows.iter().filter(move |window| authorize::sees_scope(who, &window.scope))
    }

    /// Whether any site or rollout of a target is known.
    fn has_target(&self, target: &TargetName) -> bool {
        self.fleet.group(target).next().is_some()
            || self.of_target(target).next().is_some()
            || self.carried.keys().any(|id| id.target == *target)
    }

    pub(super) fn windows_page(&self, who: &Principal) -> WindowsPage {
        let mut windows: Vec<WindowView> = self.windows_seen(who).map(|w| self.view_of(w)).collect();
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

    /// The labels of the place that is asked about: of its lane, or else those that all lanes of its site share;
    /// of a rollout that a driver carries out, its own.
    fn labels_of(&self, query: &WindowsQuery) -> Labels {
        let Some(target) = &query.target else { return Labels::new() };
        if let Some(name) = &query.rollout {
            let id = crate::domain::RolloutId { target: target.clone(), name: name.clone() };
            if let Some(carried) = self.carried.get(&id) {
                return carried.sighting.labels.clone();
            }
        }
        let Some(site) = &query.site else { return Labels::new() };
        if let Some(lane) = &query.lane {
            let unit = UnitId { group: target.clone(), site: site.clone(), lane: lane.clone() };
            return self.fleet.get(&unit).map(|unit| unit.labels.clone()).unwrap_or_default();
        }
        let mut lanes = self.fleet.group(target).filter(|(unit, _)| unit.site == *site).map(|(_, unit)| &unit.labels);
        let mut shared = lanes.next().cloned().unwrap_or_default();
        for labels in lanes {
            shared.retain(|label, value| labels.get(label) == Some(value));
        }
        shared
    }

    pub(super) fn add_window(
        &mut self,
        who: &Principal,
        request: &WindowRequest,
        conditions: &Conditions,
    ) -> Result<WindowReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        idempotency::check_key(conditions)?;
        let id = self.new_window_id();
        self.may_add(who, &request.scope, &id, Some(&why))?;
        let fingerprint = idempotency::fingerprint(request);
        if let Some(reply) = self.replay(who, WINDOWS, conditions, &fingerprint)? {
            return Ok(reply);
        }
        let now = self.now();
        let window = window_of(request, None, &id, who, &why, now)?;
        self.check_right(who, None, &window, "window_add", &why, None)?;
        self.make_room(now)?;
        let audit = self.added(who, &window, None, conditions);
        self.windows_changed();
        let reply = WindowReply { outcome: Outcome::Applied, window: self.view_of(&window), audit };
        self.remember(who, WINDOWS, conditions, fingerprint, actions::CREATED, &reply);
        Ok(reply)
    }

    fn new_window_id(&self) -> SafeText {
        SafeText::new(format!("w-{}", short_id(&self.clock.id())))
    }

    /// Whether the caller may add windows with a scope.
    fn may_add(
        &mut self,
        who: &Principal,
        scope: &Scope,
        id: &SafeText,
        why: Option<&crate::domain::Reason>,
    ) -> Result<(), Problem> {
        self.allow(Wish {
            who,
            needed: Role::Operator,
            here: authorize::holds_for_scope(who, scope),
            target: None,
            subject: window_subject(id, scope),
            verb: "window_add",
            why,
            dry_run: why.is_none(),
        })
    }

    /// Keeps a new window and journals it. [`Core::windows_changed`] is the caller's to call.
    fn added(
        &mut self,
        who: &Principal,
        window: &Window,
        from_file: Option<(&str, &SafeText)>,
        conditions: &Conditions,
    ) -> crate::domain::AuditEntry {
        self.windows.put(window.clone());
        self.batch.push(Write::Window(Box::new(window.clone())));
        self.note_times(window);
        let effect = match from_file {
            Some((format, _)) => format!("{} (imported from {format})", words(window)),
            None => words(window),
        };
        self.journal(Draft {
            reason: Some(window.reason.clone()),
            ticket: window.ticket.clone(),
            revision: RevisionChange { before: None, after: Some(window_revision(window)) },
            effect: Some(SafeText::new(effect)),
            changes: diff(None, window),
            idempotency_key: conditions.idempotency_key.as_ref().map(SafeText::new),
            correlation_id: from_file.map(|(_, together)| together.clone()),
            ..Draft::new(who.actor(), "window_add", window_subject(&window.id, &window.scope), Outcome::Applied)
        })
    }

    fn view_of(&self, window: &Window) -> WindowView {
        WindowView {
            window: window.clone(),
            state: self.windows.state_of(window),
            next_transition: self.windows.next_of(window.id.as_str()),
        }
    }

    /// Makes room for one more: those that ended longest ago are forgotten, the audit trail keeps them.
    fn make_room(&mut self, now: DateTime<Utc>) -> Result<(), Problem> {
        while self.windows.len() >= WINDOWS_MAX {
            let over = |w: &Window| matches!(window::state(w, now), WindowState::Ended | WindowState::Lifted);
            let ended = |w: &Window| w.lifted.as_ref().map(|lifted| lifted.at).into_iter().chain(w.until).min();
            let oldest = self.windows.iter().filter(|w| over(w)).min_by_key(|w| ended(w)).map(|w| w.id.clone());
            let Some(oldest) = oldest else {
                return Err(Problem::new(
                    Code::Unavailable,
                    format!("there are {WINDOWS_MAX} open windows: lift some first"),
                ));
            };
            self.windows.remove(oldest.as_str());
            self.forget_times(&oldest);
            self.batch.push(Write::ForgetWindow(oldest));
        }
        Ok(())
    }
}

/// The last 12 digits of a UUIDv7: random, and short enough to type.
pub(super) fn short_id(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}
