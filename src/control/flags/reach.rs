//! How far a change to a flag reaches: the places where somebody may get something else by it, and the
//! windows that hold such a change there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::book::Spot;
use crate::{
    control::{core::Core, overrides::Trial},
    domain::{
        Blocker, Flag, Freeze, Initiator, Operation, Place, TargetName, UnitId,
        flag::{FlagRule, Serve, SiteRef},
    },
};

/// Stands in for a target where a change reaches no place that is known: a window over everything holds it.
const ANYWHERE: &str = "anywhere";

/// What a change reaches.
#[derive(Debug, Default)]
pub(in crate::control) struct Reach {
    /// Units where somebody may get something else, whatever a caller says of itself.
    pub(in crate::control) units: Vec<UnitId>,
    /// How many units there are.
    pub(in crate::control) of: usize,
}

/// What a flag comes to at a place: what callers get there, by what they say of themselves.
fn comes_to(flag: Option<&Flag>, place: &Place<'_>) -> Value {
    let Some(flag) = flag else { return Value::Null };
    let definition = &flag.definition;
    let value = |variant: &str| json!([variant, definition.variants.get(variant)]);
    let covered = definition.scope.as_ref().is_none_or(|scope| scope.covers(place));
    if flag.killed.is_some() || !definition.enabled {
        return json!([value(&definition.off_variant)]);
    }
    let mut steps = Vec::new();
    for FlagRule { id: _, when, serve } in definition.rules.iter().filter(|_| covered) {
        let served = match serve {
            Serve::Variant(variant) => value(variant),
            Serve::Split(shares) => {
                let shares: Vec<Value> =
                    shares.iter().map(|share| json!([value(&share.variant), share.weight])).collect();
                json!({"seed": definition.seed.as_deref().unwrap_or(flag.key.as_str()), "split": shares})
            }
            Serve::Sites(share) => {
                let member = |site: &SiteRef| site.group == *place.target && Some(&site.site) == place.site;
                if !share.members.iter().any(member) {
                    continue;
                }
                value(&share.variant)
            }
            Serve::Units(share) => {
                let told = |unit: &UnitId| {
                    unit.group == *place.target && Some(&unit.site) == place.site && Some(&unit.lane) == place.lane
                };
                if !share.units.iter().any(told) {
                    continue;
                }
                value(&share.variant)
            }
        };
        if let Some(when) = when {
            steps.push(json!({"when": when, "serve": served}));
        } else {
            steps.push(served);
            return Value::Array(steps);
        }
    }
    steps.push(value(&definition.default_variant));
    Value::Array(steps)
}

impl Core {
    /// The places that a change from one state of a flag to another reaches.
    pub(in crate::control) fn reach_of(&self, before: Option<&Flag>, after: &Flag) -> Reach {
        let spots = self.spots();
        let scope = after.definition.scope.as_ref();
        let differs = |(unit, spot): &(&UnitId, &std::sync::Arc<Spot>)| {
            let place = spot.place(unit);
            // A new flag changes nothing for those that it is not for.
            (before.is_some() || scope.is_none_or(|scope| scope.covers(&place)))
                && comes_to(before, &place) != comes_to(Some(after), &place)
        };
        let units = spots.iter().filter(differs).map(|(unit, _)| unit.clone()).collect();
        Reach { units, of: spots.len() }
    }

    /// The windows that hold such a change: one that holds it at any of the places holds all of it, for a
    /// definition is changed as a whole. An override that is tried lifts what it may, and says why not the rest.
    pub(in crate::control) fn freezes_over_flag(
        &self,
        (before, after): (Option<&Flag>, &Flag),
        reach: &Reach,
        operation: Operation,
        initiator: Initiator,
        trial: Option<&Trial>,
    ) -> (Vec<Freeze>, Vec<Blocker>) {
        let spots = self.spots();
        let (mut freezes, mut why_not): (Vec<Freeze>, Vec<Blocker>) = (Vec::new(), Vec::new());
        let mut ask = |place: &Place<'_>| {
            let mut found = self.windows.freezes(place, operation, initiator);
            if let Some(trial) = trial {
                trial.lift(place, &mut found);
                why_not.extend(
                    trial
                        .why_not(place, &found)
                        .into_iter()
                        .filter(|blocker| !why_not.contains(blocker))
                        .collect::<Vec<_>>(),
                );
            }
            for freeze in found {
                if !freezes.iter().any(|known| known.window == freeze.window) {
                    freezes.push(freeze);
                }
            }
        };
        for unit in &reach.units {
            if let Some(spot) = spots.get(unit) {
                ask(&spot.place(unit));
            }
        }
        if reach.units.is_empty() {
            let scope = after.definition.scope.as_ref();
            let named: BTreeSet<TargetName> =
                scope.into_iter().flat_map(|scope| &scope.targets).filter_map(|target| target.parse().ok()).collect();
            let anywhere = if named.is_empty() { ANYWHERE.parse().ok() } else { None };
            for target in named.iter().chain(&anywhere) {
                let place = Place { target, rollout: None, site: None, lane: None, stage: None, labels: None };
                if comes_to(before, &place) != comes_to(Some(after), &place) {
                    ask(&place);
                }
            }
        }
        (freezes, why_not)
    }
}
