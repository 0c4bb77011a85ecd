//! What kind of change to a flag it is: one that only takes back is never held, all others are.
//!
//! A change only takes back when everybody keeps what they have or gets the off variant. That is proven from
//! the definitions, rule by rule; what cannot be proven is a change like any other.

use crate::domain::{
    Flag, FlagDefinition, Operation, Scope,
    flag::{FlagRule, Serve},
};

/// What a change is to a window; none where it only takes back, or changes nothing that is served. A killed flag
/// that is brought back is switched on; one that stays killed may be changed as a switched-off one may.
#[must_use]
pub fn operation(before: Option<&Flag>, after: &Flag) -> Option<Operation> {
    let on = |flag: &Flag| flag.killed.is_none() && flag.definition.enabled;
    let Some(before) = before else {
        return Some(if on(after) { Operation::FlagEnable } else { Operation::FlagChange });
    };
    let (was, is) = (&before.definition, &after.definition);
    // What is served while it is off, and what a kill would serve.
    let same_off = was.variants == is.variants && was.off_variant == is.off_variant;
    match (on(before), on(after)) {
        (_, false) if !same_off => Some(Operation::FlagChange),
        (true, false) => None,
        (false, true) => Some(Operation::FlagEnable),
        (false, false) => (!same_served(was, is)).then_some(Operation::FlagChange),
        (true, true) if same_served(was, is) => None,
        (true, true) if takes_back(was, is) => None,
        (true, true) if takes_back(is, was) => Some(Operation::FlagWiden),
        (true, true) => Some(Operation::FlagChange),
    }
}

/// Whether all that decides what is served is the same, but for whether it is on. A later end of life lets it be widened for longer.
fn same_served(was: &FlagDefinition, is: &FlagDefinition) -> bool {
    let later = match (was.expires_at, is.expires_at) {
        (Some(was), Some(is)) => is > was,
        (was, None) => was.is_some(),
        (None, Some(_)) => false,
    };
    was.variants == is.variants
        && was.default_variant == is.default_variant
        && was.off_variant == is.off_variant
        && was.scope == is.scope
        && was.rules == is.rules
        && was.seed == is.seed
        && !later
}

/// Whether everybody keeps what they have, or gets the off variant.
fn takes_back(was: &FlagDefinition, is: &FlagDefinition) -> bool {
    let same_frame = was.variants == is.variants
        && was.default_variant == is.default_variant
        && was.off_variant == is.off_variant
        && was.seed == is.seed;
    // Who falls out of the scope or of all rules gets the default: it must be what off is.
    let off = |variant: &str| was.variants.get(variant) == was.variants.get(&was.off_variant);
    if !same_frame || !off(&was.default_variant) || !narrower_scope(was.scope.as_ref(), is.scope.as_ref()) {
        return false;
    }
    let mut left = was.rules.iter().peekable();
    for (at, rule) in is.rules.iter().enumerate() {
        if !was.rules.iter().any(|other| other.id == rule.id) {
            // A new rule may only take away.
            if variants_of(&rule.serve).iter().any(|variant| !off(variant)) {
                return false;
            }
            continue;
        }
        loop {
            let Some(before) = left.next() else { return false };
            if before.id != rule.id {
                if !may_fall(before, &is.rules[at..], &off) {
                    return false;
                }
                continue;
            }
            match narrower(before, rule, &off) {
                Narrower::Same => {}
                Narrower::Falls if may_fall(before, &is.rules[at + 1..], &off) => {}
                Narrower::Falls | Narrower::Other => return false,
            }
            break;
        }
    }
    left.all(|before| may_fall(before, &[], &off))
}

/// Whether who falls out of a rule keeps what they have, or gets what off is, by the rules that follow.
fn may_fall(rule: &FlagRule, following: &[FlagRule], off: &dyn Fn(&str) -> bool) -> bool {
    let had = variants_of(&rule.serve);
    following.iter().flat_map(|rule| variants_of(&rule.serve)).all(|next| off(next) || had == [next])
}

fn variants_of(serve: &Serve) -> Vec<&str> {
    let mut variants = match serve {
        Serve::Variant(variant) => vec![variant.as_str()],
        Serve::Split(shares) => shares.iter().filter(|s| s.weight > 0).map(|s| s.variant.as_str()).collect(),
        Serve::Sites(share) => vec![share.variant.as_str()],
        Serve::Units(share) => vec![share.variant.as_str()],
    };
    variants.sort_unstable();
    variants.dedup();
    variants
}

enum Narrower {
    /// Nobody falls out of it; who gets another variant gets what off is.
    Same,
    /// Some fall out of it.
    Falls,
    Other,
}

fn narrower(was: &FlagRule, is: &FlagRule, off: &dyn Fn(&str) -> bool) -> Narrower {
    let falls = match (&was.when, &is.when) {
        (was, is) if was == is => false,
        (None, Some(_)) => true,
        _ => return Narrower::Other,
    };
    let kept = match (&was.serve, &is.serve) {
        (was, is) if was == is => true,
        (Serve::Sites(was), Serve::Sites(is)) if was.variant == is.variant => {
            if !is.members.iter().all(|member| was.members.contains(member)) {
                return Narrower::Other;
            }
            is.members.len() == was.members.len()
        }
        (Serve::Units(was), Serve::Units(is)) if was.variant == is.variant => {
            if !is.units.iter().all(|unit| was.units.contains(unit)) {
                return Narrower::Other;
            }
            is.units.len() == was.units.len()
        }
        (was, is) if split_takes_back(was, is, off) => true,
        _ => return Narrower::Other,
    };
    if falls || !kept { Narrower::Falls } else { Narrower::Same }
}

/// Whether each bucket keeps its variant or gets what off is. Totals must be equal: buckets of different ones
/// do not meet exactly.
fn split_takes_back(was: &Serve, is: &Serve, off: &dyn Fn(&str) -> bool) -> bool {
    let total = |serve: &Serve| match serve {
        Serve::Split(shares) => Some(shares.iter().map(|share| u64::from(share.weight)).sum::<u64>()),
        Serve::Variant(_) | Serve::Sites(_) | Serve::Units(_) => None,
    };
    let Some(whole) = total(was).or_else(|| total(is)) else { return false };
    let ranges = |serve: &'_ Serve| -> Option<Vec<(String, u64)>> {
        match serve {
            Serve::Variant(variant) => Some(vec![(variant.clone(), whole)]),
            Serve::Split(shares) if total(serve) == Some(whole) => {
                let mut end = 0;
                let mut range = |weight: u32| {
                    end += u64::from(weight);
                    end
                };
                Some(shares.iter().map(|share| (share.variant.clone(), range(share.weight))).collect())
            }
            Serve::Split(_) | Serve::Sites(_) | Serve::Units(_) => None,
        }
    };
    let (Some(was), Some(is)) = (ranges(was), ranges(is)) else { return false };
    let mut from = 0;
    let mut ends: Vec<u64> = was.iter().chain(&is).map(|(_, end)| *end).collect();
    ends.sort_unstable();
    ends.into_iter().all(|end| {
        let at = from;
        from = end;
        let variant = |ranges: &[(String, u64)]| ranges.iter().find(|(_, end)| at < *end).map(|(v, _)| v.clone());
        at == end || variant(&was) == variant(&is) || variant(&is).is_some_and(|variant| off(&variant))
    })
}

fn narrower_scope(was: Option<&Scope>, is: Option<&Scope>) -> bool {
    let fewer = |was: &[String], is: &[String]| {
        was.is_empty() || (!is.is_empty() && is.iter().all(|pattern| was.contains(pattern)))
    };
    match (was, is) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(was), Some(is)) => {
            fewer(&was.targets, &is.targets)
                && fewer(&was.rollouts, &is.rollouts)
                && fewer(&was.sites, &is.sites)
                && fewer(&was.lanes, &is.lanes)
                && fewer(&was.stages, &is.stages)
                && was
                    .labels
                    .iter()
                    .all(|(label, patterns)| is.labels.get(label).is_some_and(|now| fewer(patterns, now)))
        }
    }
}
