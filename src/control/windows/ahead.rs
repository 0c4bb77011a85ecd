//! The calendar: spans of windows in some weeks, and what is planned and meets one.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{beside, tzdb};
use crate::{
    control::{Control, authorize, core::Core, held::Asked},
    domain::{
        Initiator, LaneName, Operation, Phase, Place, Principal, Rollout, RolloutId, SafeText, SiteName, StageName,
        Window, plan::Advance,
    },
    window,
    wire::{CalendarPage, CalendarSpan, Code, Conflict, Problem},
};

/// Most days of one calendar.
const DAYS_MAX: i64 = 400;
/// Most spans of one calendar.
const SPANS_MAX: usize = 5_000;
/// A client's clock, and what it takes to ask, make of now what has just been.
const JUST_NOW: TimeDelta = TimeDelta::minutes(1);
/// Most conflicts that are named.
const CONFLICTS_MAX: usize = 1_000;

/// Where something is planned, in an owned form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spot {
    site: Option<SiteName>,
    lane: Option<LaneName>,
    stage: Option<StageName>,
    labels: BTreeMap<String, SafeText>,
}

/// What is known of a rollout's future.
#[derive(Debug, Clone)]
struct Planned {
    rollout: RolloutId,
    what: String,
    /// When; whenever it can, where that is not known.
    at: Option<DateTime<Utc>>,
    asked: Asked,
    /// The rollout as a whole first, then units that have labels or names of their own.
    spots: Arc<Vec<Spot>>,
}

impl Control {
    /// Spans of windows between two instants, and what is planned and meets them.
    pub async fn calendar(
        &self,
        who: &Principal,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<CalendarPage, Problem> {
        authorize::may_read(who)?;
        let invalid = |text: &str| Err(Problem::new(Code::Invalid, text).in_field("until"));
        let now = self.shared.clock.now();
        if until <= from {
            return invalid("a calendar ends after it begins");
        }
        if until - from > TimeDelta::days(DAYS_MAX) {
            return invalid("a calendar has at most 400 days: ask for less at a time");
        }
        if (from - now).abs() > super::ASKED_WITHIN {
            return Err(Problem::new(Code::Invalid, "windows are known for a hundred years from now").in_field("from"));
        }
        let who = who.clone();
        let (windows, held, planned) = self
            .decide(move |core| {
                let windows: Vec<Window> = core.windows_seen(&who).cloned().collect();
                let (held, planned) = core.planned(&who);
                Ok((windows, held, planned))
            })
            .await?;
        beside(move || {
            let (spans, truncated) = spans_of(&windows, from, until);
            let note = (from + JUST_NOW < now).then(|| {
                let (there, later): (Vec<Window>, Vec<Window>) =
                    windows.iter().cloned().partition(|window| window.created_at <= from);
                super::of_the_past(&there, later.len())
            });
            let mut conflicts: Vec<Conflict> = held.into_iter().filter(|c| c.at >= from && c.at < until).collect();
            conflicts.extend(conflicts_of(&windows, &planned, now.max(from), until));
            conflicts.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.rollout.cmp(&b.rollout)));
            conflicts.truncate(CONFLICTS_MAX);
            CalendarPage { from, until, spans, conflicts, tzdb: tzdb(), truncated, note }
        })
        .await
    }
}

/// The spans that touch the time, the earliest of them where there are too many. Before a window was made it held
/// nothing, whatever its schedule says.
fn spans_of(windows: &[Window], from: DateTime<Utc>, until: DateTime<Utc>) -> (Vec<CalendarSpan>, bool) {
    type Entry = (DateTime<Utc>, SafeText, Option<DateTime<Utc>>);
    let mut kept: BinaryHeap<Entry> = BinaryHeap::new();
    let mut truncated = false;
    for window in windows {
        // What begins after the last of a full list is not looked at.
        let last = if kept.len() > SPANS_MAX { kept.peek().map_or(until, |(at, ..)| *at) } else { until };
        let made = window.created_at;
        if made >= last.max(from) {
            continue;
        }
        for span in window::spans(window, from.max(made), last.max(from), SPANS_MAX + 1) {
            kept.push((span.from.max(made), window.id.clone(), span.until));
            if kept.len() > SPANS_MAX + 1 {
                kept.pop();
            }
        }
        truncated |= kept.len() > SPANS_MAX;
    }
    let mut spans: Vec<Entry> = kept.into_sorted_vec();
    spans.truncate(SPANS_MAX);
    let spans = spans.into_iter().map(|(from, window, until)| CalendarSpan { window, from, until }).collect();
    (spans, truncated)
}

/// What is planned within the time and would be held then.
fn conflicts_of(windows: &[Window], planned: &[Planned], from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    let mut of_target: BTreeMap<&str, Vec<&Window>> = BTreeMap::new();
    for plan in planned {
        if conflicts.len() >= CONFLICTS_MAX {
            break;
        }
        let target = plan.rollout.target.as_str();
        let near = of_target
            .entry(target)
            .or_insert_with(|| windows.iter().filter(|w| w.enabled && w.scope.meets_targets(target)).collect());
        // Units matter where a window tells them apart.
        let by_unit =
            near.iter().any(|w| !w.scope.sites.is_empty() || !w.scope.lanes.is_empty() || !w.scope.labels.is_empty());
        let spots = if by_unit { plan.spots.as_slice() } else { plan.spots.get(..1).unwrap_or_default() };
        let mut named: BTreeSet<SafeText> = BTreeSet::new();
        for spot in spots {
            let place = Place {
                target: &plan.rollout.target,
                rollout: Some(&plan.rollout.name),
                site: spot.site.as_ref(),
                lane: spot.lane.as_ref(),
                stage: spot.stage.as_ref(),
                labels: Some(&spot.labels),
            };
            let (operation, initiator) = plan.asked;
            let at = match plan.at {
                Some(at) => Some(at).filter(|at| *at >= from && *at < until),
                None if window::freezes_at(near.iter().copied(), &place, operation, initiator, from).is_empty() => {
                    // Open now, and closed from then on.
                    window::next_change(near.iter().copied(), &place, operation, initiator, from)
                        .filter(|at| *at < until)
                }
                None => None,
            };
            let Some(at) = at else { continue };
            for freeze in window::freezes_at(near.iter().copied(), &place, operation, initiator, at) {
                if named.insert(freeze.window.clone()) {
                    conflicts.push(Conflict {
                        rollout: plan.rollout.clone(),
                        what: SafeText::new(&plan.what),
                        at,
                        window: freeze.window,
                        until: freeze.until,
                    });
                }
            }
        }
    }
    conflicts
}

impl Core {
    /// What holds open rollouts now, and what is known of their future.
    fn planned(&self, who: &Principal) -> (Vec<Conflict>, Vec<Planned>) {
        let now = self.now();
        let (mut held, mut planned) = (Vec::new(), Vec::new());
        let ids = self.rollouts.keys().chain(self.carried.keys());
        for id in ids.filter(|id| authorize::holds_for(who, &id.target)) {
            let Some(rollout) = self.picture(id).filter(is_under_way) else { continue };
            if let Some(freeze) = &rollout.freeze {
                let what = rollout.next.as_ref().map_or("its next step", |next| next.what.as_str());
                held.push(Conflict {
                    rollout: id.clone(),
                    what: SafeText::new(format!("held now: {what}")),
                    at: now,
                    window: freeze.window.clone(),
                    until: freeze.until,
                });
            }
            if self.rollouts.contains_key(id) {
                planned.extend(self.planned_by_fleet(id, &rollout));
            } else {
                planned.extend(self.planned_elsewhere(id, &rollout));
            }
        }
        (held, planned)
    }

    /// The end of the present hold, and the stages that then follow by themselves at the earliest; the
    /// deadline; and what waits for a person.
    fn planned_by_fleet(&self, id: &RolloutId, rollout: &Rollout) -> Vec<Planned> {
        let Some(record) = self.rollouts.get(id) else { return Vec::new() };
        let stored = &record.stored;
        let (plan, present) = (&stored.plan, stored.present());
        let mut all = Vec::new();
        let mut add = |at: Option<DateTime<Utc>>, what: String, asked: Asked, stage: Option<&StageName>| {
            let spots = Arc::new(self.spots_of(id, stage));
            all.push(Planned { rollout: id.clone(), what, at, asked, spots });
        };
        let stage_view = rollout.stages.iter().find(|stage| Some(&stage.name) == rollout.current_stage.as_ref());
        let hold_until = stage_view.and_then(|stage| stage.hold_until).filter(|at| *at > self.now());
        let mut at = hold_until.filter(|_| rollout.phase == Phase::Progressing);
        let by_hand = (Operation::Promote, Initiator::Human);
        let by_itself = (Operation::Advance, Initiator::Automation);
        let mut next = present.map_or(0, |present| present + 1);
        while let Some(stage) = plan.stages.get(next).filter(|_| at.is_some()) {
            if !stored.state.begins_by_itself(plan, next) {
                add(
                    at,
                    format!("{} passes and waits for a person: {} is next", before(plan, next), stage.name),
                    by_hand,
                    Some(&stage.name),
                );
                break;
            }
            let earliest = if Some(next) == present.map(|present| present + 1) { "" } else { " at the earliest" };
            add(at, format!("{} begins{earliest}", stage.name), by_itself, Some(&stage.name));
            let hold = TimeDelta::from_std(stage.hold).unwrap_or_default();
            at = at.and_then(|at| at.checked_add_signed(hold)).filter(|_| stage.advance == Advance::Automatic);
            next += 1;
        }
        if let Some(due) = rollout.next.as_ref().and_then(|next| next.at).filter(|due| Some(*due) != hold_until) {
            let what = rollout.next.as_ref().map_or("", |next| next.what.as_str());
            let asked = stored.asked_now().first().copied().unwrap_or(by_itself);
            add(Some(due), what.to_owned(), asked, rollout.current_stage.as_ref());
        }
        if hold_until.is_none()
            && let Some(stage) = plan.stages.get(present.map_or(0, |present| present + 1))
        {
            let asked = stored.asked_now().last().copied().unwrap_or(by_hand);
            add(None, format!("{} has to begin before that", stage.name), asked, Some(&stage.name));
        }
        all
    }

    fn planned_elsewhere(&self, id: &RolloutId, rollout: &Rollout) -> Vec<Planned> {
        let Some(carried) = self.carried.get(id) else { return Vec::new() };
        let asked = if carried.sighting.advances {
            (Operation::Advance, Initiator::Automation)
        } else {
            (Operation::Promote, Initiator::Human)
        };
        let spot =
            Spot { stage: rollout.current_stage.clone(), labels: carried.sighting.labels.clone(), ..Spot::default() };
        let spots = Arc::new(vec![spot]);
        let stages = rollout
            .stages
            .iter()
            .filter_map(|stage| Some((stage.hold_until?, format!("the hold of {} ends", stage.name))));
        let next = rollout.next.as_ref().and_then(|next| Some((next.at?, next.what.to_string())));
        let now = self.now();
        let mut known: Vec<(DateTime<Utc>, String)> =
            next.into_iter().chain(stages).filter(|(at, _)| *at > now).collect();
        known.dedup_by_key(|(at, _)| *at);
        let planned = |at: Option<DateTime<Utc>>, what: String| Planned {
            rollout: id.clone(),
            what,
            at,
            asked,
            spots: Arc::clone(&spots),
        };
        if known.is_empty() {
            return vec![planned(None, "it has to go on before that".to_owned())];
        }
        known.into_iter().map(|(at, what)| planned(Some(at), what)).collect()
    }

    /// A rollout as a whole, and the units of one of its stages.
    fn spots_of(&self, id: &RolloutId, stage: Option<&StageName>) -> Vec<Spot> {
        let mut spots = vec![Spot { stage: stage.cloned(), ..Spot::default() }];
        let Some(record) = self.rollouts.get(id) else { return spots };
        let units = record.stored.state.members(&record.stored.plan).filter(|(_, of)| *of == stage);
        spots.extend(units.map(|(unit, _)| {
            let known =
                crate::domain::UnitId { group: id.target.clone(), site: unit.site.clone(), lane: unit.lane.clone() };
            Spot {
                site: Some(unit.site.clone()),
                lane: Some(unit.lane.clone()),
                stage: stage.cloned(),
                labels: self.fleet.get(&known).map(|unit| unit.labels.clone()).unwrap_or_default(),
            }
        }));
        spots
    }
}

/// The name of the stage before one.
fn before(plan: &crate::domain::Plan, stage: usize) -> String {
    let before = stage.checked_sub(1).and_then(|before| plan.stages.get(before));
    before.map_or_else(String::new, |stage| stage.name.to_string())
}

fn is_under_way(rollout: &Rollout) -> bool {
    use Phase as P;
    matches!(rollout.phase, P::Pending | P::Progressing | P::AwaitingPromotion | P::Degraded | P::Paused)
}
