//! Flags as stages of a plan: checked when the plan begins, set for a stage's units when the stage does, and
//! brought back when the rollout is.
//!
//! A rollout has one rule of its own in a flag, before all others, with the units that it has come to. So what
//! others change of the flag meanwhile stays, and taking the rule back is what brings the flag back. Windows
//! and overrides are asked where the stage is let on (`held.rs`), for each unit; here is what the flag itself
//! says against it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    book::Entry,
    change::{difference, expired, flag_revision, flag_subject, holds_for},
};
use crate::{
    control::{core::Core, journal::Draft},
    domain::{
        Actor, Blocker, BlockerKind, Flag, FlagKey, Operation, Outcome, Plan, Principal, RolloutId, SafeText, UnitId,
        UnitKey,
        audit::RevisionChange,
        flag::{FlagRule, Serve, UnitShare},
        plan::StageFlag,
    },
    engine::{self, Event},
    wire::{Code, Problem},
};

/// What a rollout found when it began of a flag that it sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::control) struct PinnedFlag {
    /// The flag's revision then.
    pub(in crate::control) revision: u64,
    /// The rollout's own rules in it then, of an earlier rollout of this name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<FlagRule>,
}

/// What is to be done to a flag once the decision that asks for it is journalled.
#[derive(Debug, Clone)]
pub(in crate::control) enum Errand {
    /// To set it for these units.
    Set { flag: StageFlag, stage: SafeText, units: Vec<UnitKey> },
    /// To bring it back.
    Restore { key: FlagKey },
}

/// The name of a rollout's own rule in a flag.
fn rule_id(id: &RolloutId, flag: &StageFlag) -> SafeText {
    SafeText::new(format!("{id}: {}", flag.variant))
}

fn unit_of(id: &RolloutId, unit: &UnitKey) -> UnitId {
    UnitId { group: id.target.clone(), site: unit.site.clone(), lane: unit.lane.clone() }
}

fn is_own(id: &RolloutId, rule: &FlagRule) -> bool {
    matches!(rule.serve, Serve::Units(_)) && rule.id.as_str().starts_with(&format!("{id}: "))
}

/// What a flag itself says against being set.
fn unfit(flag: &Flag, wanted: &StageFlag, now: chrono::DateTime<chrono::Utc>) -> Option<Blocker> {
    let hold = |summary: String, since| Blocker {
        kind: BlockerKind::Hold,
        summary: SafeText::new(summary),
        since,
        until: None,
    };
    let key = &flag.key;
    if let Some(killed) = &flag.killed {
        let text = format!("flag {key} was killed by {}: {}; bring it back first", killed.by, killed.reason);
        return Some(hold(text, Some(killed.at)));
    }
    if !flag.definition.enabled {
        let text = format!(
            "flag {key} is switched off, and serves {} to all: switch it on first",
            flag.definition.off_variant
        );
        return Some(hold(text, None));
    }
    if !flag.definition.variants.contains_key(wanted.variant.as_str()) {
        return Some(hold(format!("flag {key} has no variant {}", wanted.variant), None));
    }
    expired(Operation::FlagWiden, flag, now)
}

impl Core {
    /// Holds the flags of a plan that is to begin against what there is: what each was, and what holds it.
    ///
    /// # Errors
    /// A flag, a variant or a place that the plan cannot mean, or a caller who may not change the flag.
    pub(in crate::control) fn check_flags_of(
        &self,
        who: &Principal,
        plan: &Plan,
        state: &engine::State,
    ) -> Result<(BTreeMap<FlagKey, PinnedFlag>, Vec<Blocker>), Problem> {
        let (id, now) = (plan.id(), self.now());
        let (mut pinned, mut blockers) = (BTreeMap::new(), Vec::new());
        for (at, stage) in plan.stages.iter().enumerate() {
            let Some(wanted) = &stage.flag else { continue };
            let invalid = |part: &str, text: String| {
                Problem::new(Code::Invalid, text).in_field(&format!("plan.stages[{at}].flag.{part}"))
            };
            let Some(entry) = self.flags.get(&wanted.key) else {
                let text = format!("there is no flag {}: add it first with `rolldeck flag set`", wanted.key);
                return Err(invalid("key", text));
            };
            let flag = entry.flag();
            if !holds_for(who, &flag.definition) {
                let text = format!(
                    "{} may not change flag {}, which counts beyond {}",
                    who.id,
                    wanted.key,
                    who.targets.join(", ")
                );
                return Err(Problem::new(Code::Forbidden, text));
            }
            let variants = &flag.definition.variants;
            if !variants.contains_key(wanted.variant.as_str()) {
                let names: Vec<&str> = variants.keys().take(8).map(String::as_str).collect();
                let text = format!(
                    "{:?} is none of the variants of {}: {}",
                    wanted.variant.as_str(),
                    wanted.key,
                    names.join(", ")
                );
                return Err(invalid("variant", text));
            }
            let own = state.members(plan).filter(|(_, of)| *of == Some(&stage.name)).map(|(unit, _)| unit);
            let covers = |unit: &UnitKey| {
                let place = self.place_of_unit(&id, unit, Some(&stage.name));
                flag.definition.scope.as_ref().is_none_or(|scope| scope.covers(&place))
            };
            let mut outside = own.filter(|unit| !covers(unit));
            if let Some(first) = outside.next() {
                let more = match outside.count() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let text =
                    format!("the scope of flag {} leaves out {first}{more}: it would not count there", wanted.key);
                return Err(invalid("key", text));
            }
            blockers.extend(unfit(flag, wanted, now).filter(|blocker| !blockers.contains(blocker)));
            pinned.entry(wanted.key.clone()).or_insert_with(|| PinnedFlag {
                revision: flag.revision,
                rules: flag.definition.rules.iter().filter(|rule| is_own(&id, rule)).cloned().collect(),
            });
        }
        Ok((pinned, blockers))
    }

    /// Does what stages ask of flags, each with its entry, and tells the engine what became of it.
    pub(in crate::control) fn run_errands(&mut self, id: &RolloutId) {
        let Some(record) = self.rollouts.get_mut(id) else { return };
        for errand in std::mem::take(&mut record.errands) {
            let event = match errand {
                Errand::Set { flag, stage, units } => {
                    let outcome = self.set_for_stage(id, &flag, &stage, &units);
                    Event::FlagSet { flag, outcome }
                }
                Errand::Restore { key } => {
                    let revision = self.restore_flag(id, &key);
                    Event::FlagRestored { key, revision }
                }
            };
            self.step(id, &event);
        }
    }

    /// Sets a flag for a stage's units, and gives its revision; or journals why it is not set.
    fn set_for_stage(
        &mut self,
        id: &RolloutId,
        wanted: &StageFlag,
        stage: &SafeText,
        units: &[UnitKey],
    ) -> Result<u64, SafeText> {
        let key = &wanted.key;
        let Some(before) = self.flags.get(key).map(|entry| entry.flag().clone()) else {
            return Err(SafeText::new(format!("there is no flag {key} any more")));
        };
        let rule = rule_id(id, wanted);
        let mut share: Vec<UnitId> = units.iter().map(|unit| unit_of(id, unit)).collect();
        let pinned = self.rollouts.get(id).and_then(|record| record.stored.flags.get(key));
        let earlier = pinned.into_iter().flat_map(|pinned| &pinned.rules).filter(|known| known.id == rule);
        for known in earlier {
            let Serve::Units(known) = &known.serve else { continue };
            share.extend(known.units.iter().cloned());
        }
        share.sort();
        share.dedup();
        let count = share.len();
        let mut definition = before.definition.clone();
        definition.rules.retain(|known| known.id != rule);
        let serve = Serve::Units(UnitShare { variant: wanted.variant.to_string(), units: share });
        definition.rules.insert(0, FlagRule { id: rule, when: None, serve });
        let after = self.changed_by_rollout(id, &before, definition, format!("stage {stage} of {id} begins"));
        let entry = Entry::new(&after).map_err(|error| SafeText::new(error.to_string()));
        let made = match (unfit(&before, wanted, self.now()), entry) {
            (Some(blocker), _) => Err(blocker.summary),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) if before.definition == after.definition => Ok(None),
            (None, Ok(entry)) => Ok(Some(entry)),
        };
        match made {
            Ok(None) => Ok(before.revision),
            Ok(Some(entry)) => {
                let kept = self.keep_flag(entry);
                let plural = if count == 1 { "unit" } else { "units" };
                let effect = format!("{wanted} for {count} {plural} of {id}, those of stage {stage} now among them");
                self.journal_of_stage(id, "flag_widen", (&before, kept.flag()), effect, Outcome::Applied);
                Ok(after.revision)
            }
            Err(why) => {
                let effect = format!("{wanted} is not set for stage {stage} of {id}: {why}");
                self.journal_of_stage(id, "flag_widen", (&before, &after), effect, Outcome::Refused);
                Err(why)
            }
        }
    }

    /// Brings a flag back to what it was when a rollout began, but for what others changed of it since, and
    /// gives its revision. Nothing holds it.
    fn restore_flag(&mut self, id: &RolloutId, key: &FlagKey) -> u64 {
        let Some(before) = self.flags.get(key).map(|entry| entry.flag().clone()) else { return 0 };
        let pinned = self.rollouts.get(id).and_then(|record| record.stored.flags.get(key)).cloned();
        let mut definition = before.definition.clone();
        definition.rules.retain(|rule| !is_own(id, rule));
        let (was, rules) = pinned.map(|pinned| (pinned.revision, pinned.rules)).unwrap_or_default();
        definition.rules.splice(0..0, rules);
        if definition == before.definition {
            return before.revision;
        }
        let after = self.changed_by_rollout(id, &before, definition, format!("{id} is brought back"));
        let Ok(entry) = Entry::new(&after) else {
            // It was a flag before this rule came, and others of its rules were checked as they were changed.
            tracing::error!("flag {key} cannot be brought back to what it was before {id}");
            return before.revision;
        };
        let kept = self.keep_flag(entry);
        let effect =
            format!("{key} is as it was at revision {was}, when {id} began, but for what others changed since");
        self.journal_of_stage(id, "flag_restore", (&before, kept.flag()), effect, Outcome::Applied);
        after.revision
    }

    fn changed_by_rollout(
        &self,
        id: &RolloutId,
        before: &Flag,
        definition: crate::domain::FlagDefinition,
        reason: String,
    ) -> Flag {
        Flag {
            revision: before.revision + 1,
            definition,
            changed_by: SafeText::new(id.to_string()),
            changed_at: self.now(),
            reason: SafeText::new(reason),
            ticket: None,
            ..before.clone()
        }
    }

    /// Journals what a stage did to a flag, with the decision that let the stage begin, or go back.
    fn journal_of_stage(
        &mut self,
        id: &RolloutId,
        verb: &'static str,
        (before, after): (&Flag, &Flag),
        effect: String,
        outcome: Outcome,
    ) {
        let Some(record) = self.rollouts.get(id) else { return };
        let (mandate, correlation_id) = (record.stored.mandate.clone(), record.stored.correlation_id.clone());
        let by = mandate.as_ref().map_or_else(String::new, |mandate| {
            format!(": {} by {}, entry {}", mandate.action, mandate.by, mandate.seq)
        });
        let applied = outcome == Outcome::Applied;
        self.journal(Draft {
            reason: Some(SafeText::new(format!("{}{by}", after.reason))),
            revision: RevisionChange {
                before: Some(flag_revision(before)),
                after: applied.then(|| flag_revision(after)),
            },
            effect: Some(SafeText::new(effect)),
            changes: difference(Some(before), after),
            because: mandate.as_ref().map(|mandate| mandate.seq),
            approved_by: mandate.as_ref().map(|mandate| mandate.approved_by.clone()).unwrap_or_default(),
            override_id: mandate.and_then(|mandate| mandate.override_id),
            correlation_id: Some(correlation_id),
            ..Draft::new(Actor::system("engine"), verb, flag_subject(&before.key), outcome)
        });
        self.count(verb, if applied { "applied" } else { "refused" });
    }
}
