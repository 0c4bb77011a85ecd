//! Changes to flags: checked, authorized, held against revision and windows, journalled with what they
//! change. A kill is held by nothing but the role.

use chrono::{DateTime, Utc};

use super::{book::Entry, reach::Reach};
use crate::{
    control::{
        Reply, actions,
        approvals::{Asked, Pending},
        authorize::{self, Wish},
        changes::changes,
        core::Core,
        idempotency,
        journal::{Draft, everywhere},
        overrides::{self, Trial},
    },
    domain::{
        Approvable, Blocker, BlockerKind, Flag, FlagKey, Freeze, Initiator, Operation, Outcome, Preview, Principal,
        Reason, Revision, Role, SafeText, Scope, Subject, SubjectKind,
        audit::RevisionChange,
        flag::{FlagDefinition, Killed, Serve, SiteRef},
    },
    flag,
    guard::{
        self,
        overriding::{Occasion, Subject as Passing},
    },
    wire::{Code, Conditions, FlagReply, FlagRequest, Problem, ReasonRequest},
};

/// Most flags that are kept.
const FLAGS_MAX: usize = 1000;

/// A change that is worked out, and not made yet.
struct Change<'a> {
    who: &'a Principal,
    request: &'a FlagRequest,
    conditions: &'a Conditions,
    before: Option<&'a Flag>,
    after: &'a Flag,
    /// None when it only takes back.
    operation: Option<Operation>,
    effect: SafeText,
    /// The override that it passes under.
    trial: Option<Trial>,
}

/// What holds a change.
#[derive(Default)]
struct Held {
    blockers: Vec<Blocker>,
    /// The windows among them.
    freezes: Vec<Freeze>,
    /// The override that it names, as it was tried.
    trial: Option<Trial>,
}

impl Change<'_> {
    /// What it is called in the audit trail.
    fn verb(&self) -> &'static str {
        match (self.before, self.operation) {
            (None, _) => "flag_add",
            (Some(_), Some(operation)) => operation.as_str(),
            (Some(before), None) if before.definition == self.after.definition => "flag_change",
            (Some(_), None) => "flag_narrow",
        }
    }
}

pub(super) fn flag_subject(key: &FlagKey) -> Subject {
    Subject { kind: SubjectKind::Flag, target: None, name: SafeText::new(key.as_str()) }
}

pub(super) fn flag_revision(flag: &Flag) -> Revision {
    Revision(SafeText::new(flag.revision.to_string()))
}

/// What idempotency keys of requests about a flag belong to.
fn keys_of(key: &FlagKey) -> String {
    format!("flags/{key}")
}

/// Whether the caller's role holds for all that a flag's rules can count for.
pub(super) fn holds_for(who: &Principal, definition: &FlagDefinition) -> bool {
    let scope = definition.scope.as_ref();
    scope.map_or_else(|| authorize::holds_everywhere(who), |scope| authorize::holds_for_scope(who, scope))
}

fn invalid(error: &flag::FlagError) -> Problem {
    Problem::new(Code::Invalid, error.to_string()).in_field(&format!("definition.{}", error.field))
}

impl Core {
    /// Adds or changes a flag.
    pub(in crate::control) fn change_flag(
        &mut self,
        who: &Principal,
        key: &FlagKey,
        request: &FlagRequest,
        conditions: &Conditions,
    ) -> Result<Reply<FlagReply>, Problem> {
        let why = if request.dry_run { None } else { Some(authorize::reason(&request.reason)?) };
        idempotency::check_key(conditions)?;
        let before = self.flags.get(key).map(|entry| entry.flag().clone());
        let verb = if before.is_some() { "flag_change" } else { "flag_add" };
        self.proposes(SafeText::new(key.as_str()), request.definition.scope.clone().unwrap_or_else(everywhere));
        let here = holds_for(who, &request.definition)
            && before.as_ref().is_none_or(|before| holds_for(who, &before.definition));
        self.allow(Wish {
            who,
            needed: Role::Operator,
            here,
            target: None,
            subject: flag_subject(key),
            verb,
            why: why.as_ref(),
            dry_run: request.dry_run,
        })?;
        let fingerprint = idempotency::fingerprint(request);
        if why.is_some()
            && let Some(body) = self.replay(who, &keys_of(key), conditions, &fingerprint)?
        {
            return Ok(Reply { body, replayed: true });
        }
        let after = self.flag_after(who, key, request, before.as_ref(), why.as_ref());
        let entry = Entry::new(&after).map_err(|error| invalid(&error))?;
        self.compare_flag_revision(who, key, before.as_ref(), request, conditions, why.as_ref())?;
        if before.is_none() && self.flags.book.flags.len() >= FLAGS_MAX {
            return Err(Problem::new(Code::Unavailable, format!("there are {FLAGS_MAX} flags, and no more are taken")));
        }

        let operation = flag::operation(before.as_ref(), &after);
        let reach = self.reach_of(before.as_ref(), &after);
        let nothing = before.as_ref().is_some_and(|b| b.definition == after.definition && b.killed == after.killed);
        let held = match operation.filter(|_| !nothing) {
            Some(operation) => self.holds_flag(who, request, (before.as_ref(), &after), &reach, operation),
            None => Held::default(),
        };
        let change = Change {
            who,
            request,
            conditions,
            before: before.as_ref(),
            after: &after,
            operation,
            effect: effect(before.as_ref(), &after, &reach),
            trial: held.trial,
        };
        let Some(why) = why else {
            let flag = self.flag_view(&entry, Some(who));
            let reply = FlagReply {
                outcome: if nothing { Outcome::NoOp } else { Outcome::Intended },
                flag,
                effect: change.effect,
                audit: None,
                blocking_windows: held.freezes,
                approval: None,
            };
            return Ok(Reply { body: reply, replayed: false });
        };
        if !held.blockers.is_empty() {
            return Err(self.refuse_flag(&change, &why, held.blockers, held.freezes));
        }
        let demands = |operation| self.needs_approval(Approvable::Operation(operation), &[], false);
        if !nothing && operation.is_some_and(demands) {
            let flag = self.flag_view(&entry, Some(who));
            let asked = Asked {
                who,
                verb: change.verb(),
                subject: flag_subject(key),
                needed: Role::Operator,
                target: None,
                effect: Preview { summary: change.effect.clone(), ..Preview::default() },
                saw: request.saw.as_ref().map(SafeText::new),
                why: &why,
                ticket: authorize::ticket(request.ticket.as_ref()),
                revision: conditions.revision.clone(),
                pending: Pending::Flag(key.clone(), Box::new(request.clone())),
                until: None,
            };
            let (view, audit) = self.ask_approval(asked, conditions)?;
            let body = FlagReply {
                outcome: Outcome::Intended,
                flag,
                effect: change.effect,
                audit: Some(audit),
                blocking_windows: Vec::new(),
                approval: Some(Box::new(view)),
            };
            self.remember(who, &keys_of(key), conditions, fingerprint, actions::ASKED, &body);
            return Ok(Reply { body, replayed: false });
        }
        if operation.is_some() && !nothing {
            self.check_reserve(change.verb())?;
        }
        let body = self.apply_flag(&change, entry, &why, nothing);
        self.remember(who, &keys_of(key), conditions, fingerprint, actions::DONE, &body);
        Ok(Reply { body, replayed: false })
    }

    /// Switches a flag off everywhere. Nothing holds that but the role: no window, no approval, no revision,
    /// no full disk.
    pub(in crate::control) fn kill_flag(
        &mut self,
        who: &Principal,
        key: &FlagKey,
        request: &ReasonRequest,
    ) -> Result<FlagReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        let Some(known) = self.flags.get(key).map(std::sync::Arc::clone) else { return Err(not_found(key)) };
        let before = known.flag();
        self.allow(Wish {
            who,
            needed: Role::Operator,
            here: holds_for(who, &before.definition),
            target: None,
            subject: flag_subject(key),
            verb: "flag_kill",
            why: Some(&why),
            dry_run: false,
        })?;
        let now = self.now();
        let ticket = authorize::ticket(request.ticket.as_ref());
        let (outcome, effect, entry) = if let Some(killed) = &before.killed {
            let text = format!("it was killed by {} at {}", killed.by, killed.at.format("%Y-%m-%d %H:%M:%SZ"));
            (Outcome::NoOp, text, std::sync::Arc::clone(&known))
        } else {
            let reason = SafeText::new(why.as_str());
            let after = Flag {
                revision: before.revision + 1,
                killed: Some(Killed { at: now, by: who.id.clone(), reason: reason.clone() }),
                changed_by: who.id.clone(),
                changed_at: now,
                reason,
                ticket: ticket.clone(),
                ..before.clone()
            };
            let entry = Entry::new(&after).map_err(|error| invalid(&error))?;
            let off = &after.definition.off_variant;
            let text = format!("everybody gets {} of {key} from now on", SafeText::new(off));
            let kept = self.keep_flag(entry);
            (Outcome::Applied, text, kept)
        };
        let after = entry.flag();
        let audit = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket,
            revision: RevisionChange { before: Some(flag_revision(before)), after: Some(flag_revision(after)) },
            effect: Some(SafeText::new(&effect)),
            changes: difference(Some(before), after),
            ..Draft::new(who.actor(), "flag_kill", flag_subject(key), outcome)
        });
        self.count("flag_kill", if outcome == Outcome::Applied { "applied" } else { "no_op" });
        Ok(FlagReply {
            outcome,
            flag: self.flag_view(&entry, Some(who)),
            effect: SafeText::new(effect),
            audit: Some(audit),
            blocking_windows: Vec::new(),
            approval: None,
        })
    }

    /// The flag as a request would make it, with the members of its shares of sites worked out.
    fn flag_after(
        &self,
        who: &Principal,
        key: &FlagKey,
        request: &FlagRequest,
        before: Option<&Flag>,
        why: Option<&Reason>,
    ) -> Flag {
        let now = self.now();
        let mut definition = request.definition.clone();
        let sites = self.sites_in(definition.scope.as_ref());
        let seed = definition.seed.clone().unwrap_or_else(|| key.to_string());
        for rule in &mut definition.rules {
            let Serve::Sites(share) = &mut rule.serve else { continue };
            let known = before.into_iter().flat_map(|before| &before.definition.rules).find(|b| b.id == rule.id);
            let known = known.and_then(|known| match &known.serve {
                Serve::Sites(known) if before.is_some_and(|b| b.definition.seed == definition.seed) => Some(known),
                _ => None,
            });
            // Who is in was decided when the share was set. A change to anything else does not shuffle it.
            share.members = match known {
                Some(known) if known.percent.to_bits() == share.percent.to_bits() => known.members.clone(),
                known => flag::members(share, &seed, &sites, known.map_or(&[], |known| &known.members)),
            };
        }
        Flag {
            key: key.clone(),
            revision: before.map_or(0, |before| before.revision) + 1,
            definition,
            killed: before.and_then(|before| before.killed.clone()).filter(|_| !request.revive),
            created_by: before.map_or_else(|| who.id.clone(), |before| before.created_by.clone()),
            created_at: before.map_or(now, |before| before.created_at),
            changed_by: who.id.clone(),
            changed_at: now,
            reason: why.map(|why| SafeText::new(why.as_str())).unwrap_or_default(),
            ticket: authorize::ticket(request.ticket.as_ref()),
        }
    }

    /// The fleet's sites that a scope can cover: a share is one of these. Stages come and go, and are not asked.
    fn sites_in(&self, scope: Option<&Scope>) -> Vec<SiteRef> {
        let scope = scope.cloned().map(|scope| Scope { stages: Vec::new(), rollouts: Vec::new(), ..scope });
        let covered = |unit: &crate::domain::UnitId, labels| {
            let place = crate::domain::Place {
                target: &unit.group,
                rollout: None,
                site: Some(&unit.site),
                lane: Some(&unit.lane),
                stage: None,
                labels: Some(labels),
            };
            scope.as_ref().is_none_or(|scope| scope.covers(&place))
        };
        let mut sites: Vec<SiteRef> = self
            .fleet
            .iter()
            .filter(|(unit, known)| covered(unit, &known.labels))
            .map(|(unit, _)| SiteRef { group: unit.group.clone(), site: unit.site.clone() })
            .collect();
        sites.dedup();
        sites
    }

    /// Holds a change against the revision that its sender saw. A flag that is there is not replaced by somebody
    /// who did not look at it.
    fn compare_flag_revision(
        &mut self,
        who: &Principal,
        key: &FlagKey,
        before: Option<&Flag>,
        request: &FlagRequest,
        conditions: &Conditions,
        why: Option<&Reason>,
    ) -> Result<(), Problem> {
        let (present, seen) = (before.map(flag_revision), &conditions.revision);
        if present == *seen || (request.dry_run && seen.is_none()) {
            return Ok(());
        }
        let (code, detail) = match (&present, seen) {
            (Some(present), None) => (
                Code::RevisionRequired,
                format!("flag {key} is there: name the revision that you saw in If-Match; it is {present} now"),
            ),
            (Some(present), Some(seen)) => {
                (Code::RevisionMismatch, format!("flag {key} was at {seen} when you looked and is at {present} now"))
            }
            (None, _) => (Code::RevisionMismatch, format!("there is no flag {key}: leave If-Match out to add it")),
        };
        let changed = before.map(|flag| {
            SafeText::new(format!(
                "{} changed it at {}: {}",
                flag.changed_by,
                flag.changed_at.format("%Y-%m-%d %H:%M:%SZ"),
                flag.reason
            ))
        });
        // A missing header is a slip of a client; a lost race is something that people look for.
        let audit = why.filter(|_| code == Code::RevisionMismatch).map(|why| {
            self.journal(Draft {
                reason: Some(SafeText::new(why.as_str())),
                ticket: authorize::ticket(request.ticket.as_ref()),
                revision: RevisionChange { before: present.clone(), after: None },
                effect: Some(SafeText::new(&detail)),
                override_id: actions::naming(request.override_id.as_ref()),
                saw: request.saw.as_ref().map(SafeText::new),
                ..Draft::new(who.actor(), "flag_change", flag_subject(key), Outcome::Refused)
            })
            .seq
        });
        Err(Problem { revision: present, changed, audit, ..Problem::new(code, detail) })
    }

    /// What holds a change: the flag's own day, windows at the places that it reaches, or an override that does
    /// not fit.
    fn holds_flag(
        &self,
        who: &Principal,
        request: &FlagRequest,
        (before, after): (Option<&Flag>, &Flag),
        reach: &Reach,
        operation: Operation,
    ) -> Held {
        let now = self.now();
        let mut held = Held::default();
        held.blockers.extend(expired(operation, after, now));
        let mut unfit = Vec::new();
        if let Some(named) = &request.override_id {
            let occasion = Occasion { operation, subject: Passing::Flag(after.key.as_str()), at: now };
            match self.try_override(who, named, &occasion, Vec::new()) {
                Ok(trial) => held.trial = Some(trial),
                Err(blockers) => unfit = blockers,
            }
        }
        let initiator = Initiator::from(who.kind);
        let (freezes, why_not) =
            self.freezes_over_flag((before, after), reach, operation, initiator, held.trial.as_ref());
        held.blockers.extend(freezes.iter().map(|freeze| guard::held_by(operation.as_str(), freeze)));
        held.blockers.extend(unfit.into_iter().chain(why_not));
        held.freezes = freezes;
        held
    }

    /// Journals that a change is refused, and says it.
    fn refuse_flag(
        &mut self,
        change: &Change<'_>,
        why: &Reason,
        blockers: Vec<Blocker>,
        freezes: Vec<Freeze>,
    ) -> Problem {
        let verb = change.verb();
        let key = &change.after.key;
        let detail = match blockers.as_slice() {
            [] => format!("{verb} {key} is not possible now"),
            [only] => format!("{verb} {key}: {}", only.summary),
            [first, rest @ ..] => format!("{verb} {key}: {} (and {} more)", first.summary, rest.len()),
        };
        let present = change.before.map(flag_revision);
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: authorize::ticket(change.request.ticket.as_ref()),
            revision: RevisionChange { before: present.clone(), after: None },
            effect: Some(SafeText::new(&detail)),
            override_id: actions::naming(change.request.override_id.as_ref()),
            saw: change.request.saw.as_ref().map(SafeText::new),
            blockers: blockers.clone(),
            changes: difference(change.before, change.after),
            idempotency_key: change.conditions.idempotency_key.as_ref().map(SafeText::new),
            ..Draft::new(change.who.actor(), verb, flag_subject(key), Outcome::Refused)
        });
        self.count(verb, "refused");
        let subject = Passing::Flag(key.as_str());
        Problem {
            override_offer: change.operation.and_then(|operation| overrides::offer(operation, subject, &freezes)),
            next_transition: freezes.iter().filter_map(|freeze| freeze.until).min(),
            blockers,
            blocking_windows: freezes,
            revision: present,
            audit: Some(entry.seq),
            ..Problem::new(Code::Blocked, detail)
        }
    }

    /// Makes the change and journals it, or journals that nothing was to be changed.
    fn apply_flag(&mut self, change: &Change<'_>, entry: Entry, why: &Reason, nothing: bool) -> FlagReply {
        let verb = change.verb();
        let key = &change.after.key;
        let kept = match change.before {
            Some(_) if nothing => self.flags.get(key).map(std::sync::Arc::clone),
            _ => None,
        };
        let kept = kept.unwrap_or_else(|| self.keep_flag(entry));
        let used = change.trial.as_ref().filter(|trial| trial.is_needed());
        let (outcome, effect) = if nothing {
            (Outcome::NoOp, SafeText::new("nothing was to be changed"))
        } else {
            (Outcome::Applied, change.effect.clone())
        };
        let audit = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: authorize::ticket(change.request.ticket.as_ref()),
            revision: RevisionChange {
                before: change.before.map(flag_revision),
                after: Some(flag_revision(kept.flag())),
            },
            effect: Some(effect.clone()),
            saw: change.request.saw.as_ref().map(SafeText::new),
            changes: if nothing { Vec::new() } else { difference(change.before, change.after) },
            override_id: used.map(|trial| trial.id().clone()),
            intent: self.agreed.as_ref().map(|agreed| agreed.intent),
            approved_by: actions::approvers(self.agreed.as_ref(), used),
            idempotency_key: change.conditions.idempotency_key.as_ref().map(SafeText::new),
            ..Draft::new(change.who.actor(), verb, flag_subject(key), outcome)
        });
        if let Some((trial, operation)) = used.zip(change.operation) {
            self.use_override(trial, change.who, operation, Some(flag_revision(kept.flag())), audit.seq);
        }
        self.count(verb, if nothing { "no_op" } else { "applied" });
        FlagReply {
            outcome,
            flag: self.flag_view(&kept, Some(change.who)),
            effect,
            audit: Some(audit),
            blocking_windows: Vec::new(),
            approval: None,
        }
    }
}

/// What keeps a flag from being switched on or widened after its day: it is to go away, not to grow.
pub(super) fn expired(operation: Operation, after: &Flag, now: DateTime<Utc>) -> Option<Blocker> {
    let at = after.definition.expires_at.filter(|at| *at <= now)?;
    matches!(operation, Operation::FlagEnable | Operation::FlagWiden).then(|| Blocker {
        kind: BlockerKind::Hold,
        summary: SafeText::new(format!(
            "it should be gone since {}: a flag past its day is not widened; remove it, or set a later expires_at first",
            at.format("%Y-%m-%d")
        )),
        since: Some(at),
        until: None,
    })
}

/// What a change does, in one sentence.
fn effect(before: Option<&Flag>, after: &Flag, reach: &Reach) -> SafeText {
    let verb = match before {
        None => "adds",
        Some(before) if before.killed.is_some() && after.killed.is_none() => "brings back",
        Some(before) if !before.definition.enabled && after.definition.enabled => "switches on",
        Some(before) if before.definition.enabled && !after.definition.enabled => "switches off",
        Some(_) => "changes",
    };
    let what = match (reach.units.len(), reach.of) {
        (0, _) => "no unit that is known gets anything else by it".to_owned(),
        (1, of) => format!("1 of {of} units may get something else by it"),
        (units, of) => format!("{units} of {of} units may get something else by it"),
    };
    SafeText::new(format!("{verb} {}: {what}", after.key))
}

/// What a change did to a flag, field by field; who did it and when says the entry itself.
pub(super) fn difference(before: Option<&Flag>, after: &Flag) -> Vec<crate::domain::audit::FieldChange> {
    let shown = |flag: &Flag| {
        let mut fields = serde_json::to_value(&flag.definition).unwrap_or_default();
        if let Some(rules) = fields.get_mut("rules").and_then(serde_json::Value::as_array_mut) {
            for (rule, known) in rules.iter_mut().zip(&flag.definition.rules) {
                name_places(rule, &known.serve);
            }
        }
        if let (Some(fields), Some(killed)) = (fields.as_object_mut(), &flag.killed) {
            fields.insert("killed".to_owned(), serde_json::to_value(killed).unwrap_or_default());
        }
        fields
    };
    changes(&before.map_or_else(|| serde_json::Value::Object(serde_json::Map::new()), shown), &shown(after))
}

/// Names the places of a rule, up to a few, where the definition has each with all its parts.
fn name_places(rule: &mut serde_json::Value, serve: &Serve) {
    const NAMED: usize = 8;
    let named = |count: usize, what: &str, names: Vec<String>| {
        let plural = if count == 1 { "" } else { "s" };
        let more = if count > names.len() { format!(" and {} more", count - names.len()) } else { String::new() };
        serde_json::Value::String(format!("{count} {what}{plural}: {}{more}", names.join(", ")))
    };
    let (path, text) = match serve {
        Serve::Sites(share) => {
            let names = share.members.iter().take(NAMED).map(|site| format!("{}/{}", site.group, site.site));
            ("/serve/sites/members", named(share.members.len(), "site", names.collect()))
        }
        Serve::Units(share) => {
            let names = share.units.iter().take(NAMED).map(ToString::to_string);
            ("/serve/units/units", named(share.units.len(), "unit", names.collect()))
        }
        Serve::Variant(_) | Serve::Split(_) => return,
    };
    if let Some(places) = rule.pointer_mut(path) {
        *places = text;
    }
}

pub(super) fn not_found(key: &FlagKey) -> Problem {
    Problem::new(Code::NotFound, format!("there is no flag {key}: `rolldeck flag list` shows those there are"))
}
