//! Asking for an override: what is to be said, what is refused, and whether it waits for a second person.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    super::{
        actions,
        approvals::{Asked, Pending},
        authorize::{self, Wish},
        core::Core,
        idempotency,
        journal::{Draft, where_it_counts},
        windows::short_id,
    },
    override_subject, revision_of,
};
use crate::{
    domain::{
        Approvable, Blocker, BlockerKind, Operation, Outcome, Overridable, Override, Preview, Principal, Reason,
        Revision, Role, SafeText, WindowRef, WindowState, audit::RevisionChange, overrides::REASON_MIN,
    },
    driver,
    wire::{Code, Conditions, OverrideReply, OverrideRequest, Problem},
};

/// Most windows that one override names.
const WINDOWS_MAX: usize = 64;
/// Most uses of one override.
const USES_MAX: u32 = 100;
/// How long it counts where nothing is said.
const LASTS: TimeDelta = TimeDelta::hours(4);
/// How far ahead it can be asked for.
const AHEAD: TimeDelta = TimeDelta::days(90);
/// What idempotency keys of such requests belong to.
const OVERRIDES: &str = "overrides";

fn invalid<T>(field: &str, detail: impl AsRef<str>) -> Result<T, Problem> {
    Err(Problem::new(Code::Invalid, detail).in_field(field))
}

/// Refuses what says too little, too much, or two things at once.
fn check_shape(request: &OverrideRequest) -> Result<(), Problem> {
    if !(1..=WINDOWS_MAX).contains(&request.windows.len()) {
        return invalid(
            "windows",
            format!("an override names the windows that it is to lift, 1 to {WINDOWS_MAX}, each by its id"),
        );
    }
    if request.windows.iter().any(|id| id.contains(['*', '?']) || id.eq_ignore_ascii_case("all")) {
        return invalid("windows", "an override names windows one by one: there is no pattern for them");
    }
    if let Some(wrong) = request.windows.iter().find(|named| WindowRef::parse(named).is_none()) {
        let wrong = SafeText::new(wrong);
        return invalid("windows", format!("{wrong:?} is no window: write its id, or with its revision w-12ab@3"));
    }
    if request.actions.is_empty() {
        return invalid("actions", "an override says what it is for: promote, start, resume, ...");
    }
    if request.actions.contains(&Operation::Advance) {
        return invalid(
            "actions",
            "advance happens by itself and names no override: ask for promote, and go on by hand",
        );
    }
    if request.rollout.is_some() == request.flag.is_some() {
        return invalid("rollout", "an override is for one rollout or for one flag: name one of the two");
    }
    let of_flags = [Operation::FlagEnable, Operation::FlagWiden, Operation::FlagChange];
    if let Some(other) = request.actions.iter().find(|action| of_flags.contains(action) != request.flag.is_some()) {
        let what = if request.flag.is_some() { "a flag" } else { "a rollout" };
        return invalid("actions", format!("{other} is nothing that is done to {what}"));
    }
    if request.flag.is_some() && request.candidate.is_some() {
        return invalid("candidate", "a flag has no candidate");
    }
    if request.uses.is_some_and(|uses| !(1..=USES_MAX).contains(&uses)) {
        return invalid("uses", format!("an override can be used 1 to {USES_MAX} times"));
    }
    Ok(())
}

/// From when until when it counts.
fn span(
    request: &OverrideRequest,
    now: DateTime<Utc>,
    longest: TimeDelta,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Problem> {
    let from = request.not_before.unwrap_or(now).max(now);
    let until = request.expires_at.unwrap_or_else(|| from + LASTS.min(longest));
    if from > now + AHEAD {
        return invalid("not_before", format!("an override begins within {} days", AHEAD.num_days()));
    }
    if until <= from {
        return invalid("expires_at", "an override expires after it begins, and later than now");
    }
    if until - from > longest {
        let hours = longest.num_minutes() as f64 / 60.0;
        return invalid("expires_at", format!("an override counts for at most {hours} hours here: ask for less"));
    }
    Ok((from, until))
}

impl Core {
    pub(super) fn add_override(
        &mut self,
        who: &Principal,
        request: &OverrideRequest,
        conditions: &Conditions,
    ) -> Result<OverrideReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        let length = why.as_str().chars().count();
        if length < REASON_MIN {
            let text =
                format!("the reason of an override has at least {REASON_MIN} characters, and this one has {length}");
            return Err(Problem::new(Code::ReasonRequired, text).in_field("reason"));
        }
        idempotency::check_key(conditions)?;
        check_shape(request)?;
        let now = self.now();
        let (not_before, expires_at) = span(request, now, self.options.policy.override_longest)?;
        let mut record = Override {
            id: SafeText::new(format!("o-{}", short_id(&self.clock.id()))),
            revision: 1,
            actions: request.actions.clone(),
            rollout: request.rollout.clone(),
            flag: request.flag.as_ref().map(|key| SafeText::new(key.as_str())),
            scope: request.scope.clone(),
            kind: request.kind,
            reason: SafeText::new(why.as_str()),
            ticket: authorize::ticket(request.ticket.as_ref()),
            requested_by: who.id.clone(),
            requested_with: who.credential.clone(),
            requested_at: now,
            break_glass: request.break_glass,
            not_before,
            expires_at,
            uses_max: request.uses.unwrap_or(1),
            ..Override::default()
        };
        record.actions.sort_unstable();
        record.actions.dedup();
        let verb = if request.break_glass { "override_break_glass" } else { "override_add" };
        self.proposes(record.id.clone(), where_it_counts(&record));
        self.allow(Wish {
            who,
            needed: if request.break_glass { Role::Commander } else { Role::Operator },
            here: match &record.rollout {
                Some(id) => authorize::holds_for(who, &id.target),
                None => match &record.scope {
                    Some(scope) => authorize::holds_for_scope(who, scope),
                    None => authorize::holds_everywhere(who),
                },
            },
            target: record.rollout.as_ref().map(|id| &id.target),
            subject: override_subject(&record),
            verb,
            why: Some(&why),
            dry_run: false,
        })?;
        let fingerprint = idempotency::fingerprint(request);
        if let Some(reply) = self.replay(who, OVERRIDES, conditions, &fingerprint)? {
            return Ok(reply);
        }
        let asking = Asking { who, verb, why: &why, request, conditions };
        let alone = self.name_windows(&asking, &mut record)?;
        record.candidate = self.candidate_of(&asking, &record)?;
        self.check_reserve("an override")?;
        let commands = who.role.covers(Role::Commander) && self.holds_over(who, &record);
        if request.break_glass {
            self.check_break_glass(&asking, &record, commands)?;
            record.countersign_until = Some(now + self.options.policy.countersign_within);
        }
        let demanded = self.options.policy.approvals.contains(&Approvable::Override);
        record.approvals_needed = u32::from(!(alone && commands && !demanded));
        self.make_room_for_override()?;
        let reply = self.keep_asked(&asking, &record)?;
        self.remember(who, OVERRIDES, conditions, fingerprint, actions::CREATED, &reply);
        Ok(reply)
    }

    /// Names the windows at the revisions that were looked at, which have to be the present ones; whether one person may
    /// pass them all.
    fn name_windows(&mut self, asking: &Asking<'_>, record: &mut Override) -> Result<bool, Problem> {
        let mut alone = true;
        for (id, seen) in asking.request.windows.iter().filter_map(|named| WindowRef::parse(named)) {
            let Some((window, state)) = self.named_window(id.as_str()) else {
                return Err(Problem::new(
                    Code::NotFound,
                    format!("there is no window {id}: `rolldeck window list` shows those there are"),
                )
                .in_field("windows"));
            };
            let why_not = match (window.overridable, state) {
                (Overridable::Never, _) => {
                    Some(format!("window {id} lets nobody pass, whatever the role: {}", window.reason))
                }
                (_, WindowState::Ended | WindowState::Lifted) => {
                    Some(format!("window {id} is over: it holds nothing any more"))
                }
                (_, WindowState::Disabled) => Some(format!("window {id} is switched off: it holds nothing")),
                (_, WindowState::Active | WindowState::Upcoming) => None,
            };
            alone &= window.overridable == Overridable::Single;
            let named = WindowRef { id: id.clone(), revision: window.revision };
            if let Some(text) = why_not {
                return Err(self.refuse_asked(asking, record, Code::Blocked, &text));
            }
            if let Some(seen) = seen.filter(|seen| *seen != named.revision) {
                let text = format!(
                    "window {id} was at revision {seen} when you looked and is at {} now: look at it again, and ask for \
                     {named}",
                    named.revision
                );
                let refused = self.refuse_asked(asking, record, Code::RevisionMismatch, &text);
                let present = Some(Revision(SafeText::new(named.revision.to_string())));
                return Err(Problem { revision: present, ..refused.in_field("windows") });
            }
            if !record.windows.contains(&named) {
                record.windows.push(named);
            }
        }
        Ok(alone)
    }

    /// The candidate that it is pinned to.
    fn candidate_of(&self, asking: &Asking<'_>, record: &Override) -> Result<Option<SafeText>, Problem> {
        let Some(id) = &record.rollout else { return Ok(None) };
        let named = asking.request.candidate.as_ref().map(|text| text.trim());
        if record.actions.contains(&Operation::Start) {
            let Some(named) = named else {
                return invalid(
                    "candidate",
                    format!(
                        "{id} has not begun: name the snapshot that it is to bring, sha256:..., or the flag, fast-path=on"
                    ),
                );
            };
            if named.contains('=') {
                return self.flags_named(named);
            }
            let known = named.parse().ok().and_then(|digest| self.snapshots.get(&digest));
            return match known {
                Some(known) if known.group.as_ref().is_none_or(|group| *group == id.target) => {
                    Ok(Some(SafeText::new(known.digest.as_str())))
                }
                Some(_) => invalid("candidate", format!("snapshot {named} does not belong to {}", id.target)),
                None => invalid(
                    "candidate",
                    format!("snapshot {named} is not known here: add it first with `rolldeck snapshot add`"),
                ),
            };
        }
        let Some(present) = self.candidate_now(id) else { return Err(actions::not_found(id)) };
        match named {
            Some(named) if named != present.as_str() => {
                invalid("candidate", format!("{id} brings {present} now, and not {named}"))
            }
            _ => Ok(Some(present)),
        }
    }

    /// The flags that a plan without a snapshot is to set: `fast-path=on, dim-lights=off`.
    fn flags_named(&self, named: &str) -> Result<Option<SafeText>, Problem> {
        let mut all = Vec::new();
        for flag in named.split(',').map(str::trim) {
            let known = flag.split_once('=').and_then(|(key, variant)| {
                let entry = self.flags.get(&key.parse().ok()?)?;
                entry.flag().definition.variants.contains_key(variant).then_some(flag)
            });
            match known {
                Some(flag) => all.push(flag),
                None => return invalid("candidate", format!("there is no flag with such a variant: {flag}")),
            }
        }
        Ok(Some(SafeText::new(all.join(", "))))
    }

    /// What a rollout brings now: a snapshot's digest, or what the revisions of a workload begin with.
    pub(in super::super) fn candidate_now(&self, id: &crate::domain::RolloutId) -> Option<SafeText> {
        if let Some(carried) = self.carried.get(id) {
            return Some(SafeText::new(driver::candidate(&carried.sighting.rollout.revision)));
        }
        let plan = &self.rollouts.get(id)?.stored.plan;
        Some(plan.snapshot.as_ref().map_or_else(|| SafeText::new(plan.candidate()), |s| SafeText::new(s.as_str())))
    }

    /// Refuses one that is taken without waiting, where that may not be.
    fn check_break_glass(&mut self, asking: &Asking<'_>, record: &Override, commands: bool) -> Result<(), Problem> {
        let who = asking.who;
        if self.options.policy.approvals.contains(&Approvable::BreakGlass) {
            let text = "this server lets nobody pass without waiting: ask without it, and a second person agrees";
            return Err(self.refuse_asked(asking, record, Code::Blocked, text));
        }
        if !(commands && self.may_break_glass(who)) {
            let text = format!(
                "{} may not pass windows without waiting here: that takes a commander over all that they hold, whom \
                 the server names (rolldeck serve --break-glass NAME)",
                who.id
            );
            return Err(self.refuse_asked(asking, record, Code::Forbidden, &text));
        }
        Ok(())
    }

    /// Journals what was asked for and keeps it; asks a second person where one is needed.
    fn keep_asked(&mut self, asking: &Asking<'_>, record: &Override) -> Result<OverrideReply, Problem> {
        let waits = record.approvals_needed > 0 && !record.break_glass;
        let effect = words(record, waits);
        if waits {
            self.ask_about_override(asking, record, &effect)?;
        }
        if record.break_glass {
            tracing::warn!("{} passes windows without waiting: {effect}: {}", record.requested_by, record.reason);
        }
        let audit = self.journal(Draft {
            reason: Some(record.reason.clone()),
            ticket: record.ticket.clone(),
            revision: RevisionChange { before: None, after: Some(revision_of(record)) },
            effect: Some(SafeText::new(&effect)),
            saw: asking.request.saw.as_ref().map(SafeText::new),
            override_id: Some(record.id.clone()),
            idempotency_key: asking.conditions.idempotency_key.as_ref().map(SafeText::new),
            ..Draft::new(asking.who.actor(), asking.verb, override_subject(record), Outcome::Applied)
        });
        self.put_override(record.clone());
        self.count(asking.verb, "applied");
        Ok(OverrideReply { outcome: Outcome::Applied, record: self.override_view(record, self.now()), audit })
    }

    /// Asks a second person about an override.
    fn ask_about_override(&mut self, asking: &Asking<'_>, record: &Override, effect: &str) -> Result<(), Problem> {
        let asked = Asked {
            who: asking.who,
            verb: "override",
            subject: override_subject(record),
            needed: Role::Commander,
            target: record.rollout.as_ref().map(|id| id.target.clone()),
            effect: Preview { summary: SafeText::new(effect), ..Preview::default() },
            saw: asking.request.saw.as_ref().map(SafeText::new),
            why: asking.why,
            ticket: record.ticket.clone(),
            revision: Some(revision_of(record)),
            pending: Pending::Override(record.id.clone()),
            until: Some(record.expires_at),
        };
        self.ask_approval(asked, asking.conditions).map(|_| ())
    }

    /// The approval that an override waits for.
    pub(super) fn approval_of(&self, record: &Override) -> Option<SafeText> {
        self.waits_for(&override_subject(record))
    }

    /// Journals that an override is not given, and says why.
    fn refuse_asked(&mut self, asking: &Asking<'_>, record: &Override, code: Code, detail: &str) -> Problem {
        let blocker = Blocker { kind: BlockerKind::Override, summary: SafeText::new(detail), since: None, until: None };
        let audit = self.journal(Draft {
            reason: Some(record.reason.clone()),
            ticket: record.ticket.clone(),
            effect: Some(SafeText::new(detail)),
            saw: asking.request.saw.as_ref().map(SafeText::new),
            blockers: vec![blocker.clone()],
            idempotency_key: asking.conditions.idempotency_key.as_ref().map(SafeText::new),
            ..Draft::new(asking.who.actor(), asking.verb, override_subject(record), Outcome::Refused)
        });
        self.count(asking.verb, "refused");
        Problem { blockers: vec![blocker], audit: Some(audit.seq), ..Problem::new(code, detail) }
    }
}

/// Who asks for what, and with which words.
pub(super) struct Asking<'a> {
    pub(super) who: &'a Principal,
    verb: &'a str,
    pub(super) why: &'a Reason,
    pub(super) request: &'a OverrideRequest,
    pub(super) conditions: &'a Conditions,
}

/// What it does, in one sentence.
fn words(record: &Override, waits: bool) -> String {
    let list = |names: Vec<String>| names.join(", ");
    let windows =
        list(record.windows.iter().map(|named| format!("{} (revision {})", named.id, named.revision)).collect());
    let actions = list(record.actions.iter().map(ToString::to_string).collect());
    let subject = match (&record.rollout, &record.candidate, &record.flag) {
        (Some(id), Some(candidate), _) => format!("{id} with {candidate}"),
        (Some(id), None, _) => id.to_string(),
        (None, _, Some(flag)) => format!("flag {flag}"),
        (None, _, None) => "nothing".to_owned(),
    };
    let scope = record.scope.as_ref().map(|scope| format!(" at {scope}")).unwrap_or_default();
    let times = if record.uses_max == 1 { "once".to_owned() } else { format!("{} times", record.uses_max) };
    let (from, until) = (record.not_before.format("%Y-%m-%d %H:%MZ"), record.expires_at.format("%Y-%m-%d %H:%MZ"));
    let begins = if record.not_before > record.requested_at { format!(" from {from}") } else { String::new() };
    let then = match (waits, record.countersign_until) {
        (true, _) => "; it waits for a second person".to_owned(),
        (false, Some(until)) => {
            format!("; taken without waiting, to be countersigned by {}", until.format("%Y-%m-%d %H:%MZ"))
        }
        (false, None) => String::new(),
    };
    format!("lets {actions} of {subject}{scope} pass {windows}, {times}{begins} until {until}{then}")
}
