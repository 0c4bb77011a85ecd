//! What will show that it worked: what has to be so, what was done about it already, and when to look again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    Answers, Health, Situation, Weight,
    signs::{Symptom, are},
    steps::{Deed, Step},
};
use crate::{
    domain::{Action, GateState, Phase, sli::SliState},
    tui::app::{attention, figure, flags::change::Verb, signal},
};

/// So long after something was done it is looked at again. No plan says how long that takes: it is what a person
/// gives it before the next step.
pub const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(10);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How it stands.
    pub weight: Weight,
    /// In words.
    pub text: String,
}

/// What will show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worked {
    /// What has to be so, and how it stands now; then what was done, and when to look again.
    pub lines: Vec<Line>,
    /// Whether what has to be so is so; none where nobody knows.
    pub so: Option<bool>,
    /// When to look again.
    pub by: Option<DateTime<Utc>>,
}

/// What was done since it began, by anybody.
struct Done {
    deed: Deed,
    at: DateTime<Utc>,
    text: String,
}

/// What will show that it worked, and what was done already.
#[must_use]
pub fn worked(situation: &Situation<'_>, answers: &Answers, steps: &[Step]) -> Worked {
    let (so, text) = goal(situation, &answers.symptom);
    let so = so.filter(|_| situation.doubt.is_none());
    let weight = match so {
        Some(true) => Weight::Good,
        Some(false) => Weight::Attention,
        None => Weight::Unknown,
    };
    let mut lines = vec![Line { weight, text }];
    let done = done(situation, answers);
    for done in &done {
        lines.push(Line { weight: Weight::Good, text: done.text.clone() });
    }
    let last = done.iter().map(|done| done.at).max();
    let by = last.map(|at| at + LOOK_AGAIN);
    let next = steps.iter().enumerate().find(|(_, step)| {
        step.why_not.is_none() && !matches!(step.deed, Deed::Watch) && !done.iter().any(|done| done.deed == step.deed)
    });
    let then = next.map_or_else(
        || "nothing else can be done here".to_owned(),
        |(at, step)| format!("step {} is next ({})", at + 1, step.words),
    );
    match (so, by) {
        (Some(true), _) if answers.symptom != Symptom::Nothing => {
            lines
                .push(Line { weight: Weight::Good, text: "it is so now: it worked, or it ended by itself".to_owned() });
        }
        (Some(true), _) => {}
        (_, Some(by)) if by <= situation.now => {
            let text = format!("not so by {}: {then}", situation.clock(by));
            lines.push(Line { weight: Weight::Attention, text });
        }
        (_, Some(by)) => {
            lines.push(Line {
                weight: Weight::Plain,
                text: format!("if it is not so by {}: {then}", situation.clock(by)),
            });
        }
        (_, None) => {
            let own = situation.rollout.as_deref().and_then(|rollout| rollout.next.as_ref());
            let text = match own {
                Some(next) => {
                    let at = next.at.map_or_else(String::new, |at| format!("{} ", situation.clock_seconds(at)));
                    format!("if nobody acts: {at}{}", next.what)
                }
                None => format!("nothing was done yet; after a step, look again within {}m", LOOK_AGAIN.num_minutes()),
            };
            lines.push(Line { weight: Weight::Plain, text });
        }
    }
    Worked { lines, so, by }
}

/// What has to be so, whether it is, and how it is said.
fn goal(situation: &Situation<'_>, symptom: &Symptom) -> (Option<bool>, String) {
    let now = situation.now;
    let rollout = situation.rollout.as_deref();
    let (candidate, before) = situation.versions();
    // Without a candidate nothing can be compared: then that it is gone is what shows it.
    match rollout.map(|rollout| rollout.phase) {
        Some(Phase::RolledBack) if !matches!(symptom, Symptom::Unmeasured) => {
            return (Some(true), format!("every unit is back on {before}: ROLLED BACK"));
        }
        Some(Phase::RollingBack) => {
            return (Some(false), format!("no unit has {candidate} any more: ROLLED BACK (now GOING BACK)"));
        }
        _ => {}
    }
    match symptom {
        Symptom::Indicator(name) => {
            let Some(sli) = rollout.and_then(|rollout| rollout.slis.iter().find(|sli| sli.name == *name)) else {
                return (None, format!("{name} passes again: it is not measured now"));
            };
            let state = signal::state(sli, now);
            let limit = figure::limit(sli).map_or_else(String::new, |limit| format!(" under its limit {limit}"));
            let is = figure::compared(sli).map_or_else(String::new, |is| format!(" {is}"));
            let so = match state {
                SliState::Pass => Some(true),
                SliState::Fail | SliState::Watch => Some(false),
                _ => None,
            };
            (so, format!("{name}{limit} and its verdict pass; now{is} {}", signal::word(state)))
        }
        Symptom::Breach => {
            let gates: Vec<_> = rollout
                .and_then(|rollout| attention::current_stage(rollout).and_then(|at| rollout.stages.get(at)))
                .map(|stage| stage.gates().iter().filter(|gate| gate.state != GateState::Pass).collect())
                .unwrap_or_default();
            let breached = gates.iter().find(|gate| gate.state == GateState::Breached);
            let class = rollout.map(attention::Class::of);
            match breached {
                Some(gate) => (Some(false), format!("gate {} passes again: {}", gate.name, gate.expression)),
                None if class == Some(attention::Class::Breach) => (Some(false), "no gate is BREACHED".to_owned()),
                None => (class.map(|class| !class.is_abnormal()), "no gate is BREACHED".to_owned()),
            }
        }
        Symptom::Failed | Symptom::Stuck => {
            let bad = situation.units().iter().filter(|unit| unit.health == Health::Bad).count();
            let stuck = rollout.is_some_and(|rollout| rollout.phase == Phase::RollbackFailed);
            let known = !situation.units().is_empty();
            let so = if bad > 0 || stuck { Some(false) } else { known.then_some(true) };
            (so, format!("no unit fails; now {} not well", are(bad)))
        }
        Symptom::Silent => {
            let units = situation.units();
            let silent = units.iter().filter(|unit| unit.health == Health::Silent).count();
            ((!units.is_empty()).then_some(silent == 0), format!("all units report again; now {} silent", are(silent)))
        }
        Symptom::Unmeasured => (None, "whoever reported it says that it is gone: nothing here measures it".to_owned()),
        Symptom::Nothing => match rollout {
            Some(rollout) => {
                let class = attention::Class::of(rollout);
                (Some(!class.is_abnormal()), format!("it stays as it is: {}", class.word()))
            }
            None => (None, "no rollout is over this place".to_owned()),
        },
    }
}

/// What was done since it began.
fn done(situation: &Situation<'_>, answers: &Answers) -> Vec<Done> {
    let mut found: Vec<Done> = Vec::new();
    if let Some(rollout) = situation.rollout.as_deref().filter(|rollout| rollout.updated_at >= answers.began) {
        let at = rollout.updated_at;
        let since = situation.clock(at);
        let (deed, text) = match rollout.phase {
            Phase::Paused => (Some(Action::Pause), format!("PAUSED since {since}: no further unit gets it")),
            Phase::RollingBack => (Some(Action::Rollback), format!("it goes back since {since}: {}", rollout.message)),
            Phase::RolledBack => (Some(Action::Rollback), format!("rolled back at {since}")),
            _ => (None, String::new()),
        };
        if let Some(action) = deed {
            found.push(Done { deed: Deed::Action(action), at, text });
        }
    }
    for view in situation.flags.into_iter().flatten() {
        let flag = &view.flag;
        let (verb, at) = match &flag.killed {
            Some(killed) => (Verb::Kill, killed.at),
            None if !flag.definition.enabled => (Verb::Disable, flag.changed_at),
            None => continue,
        };
        if at < answers.began {
            continue;
        }
        let on = view.places.iter().filter(|place| super::evidence::is_on(view, place) == Some(true)).count();
        let still = if on == 0 { "off everywhere".to_owned() } else { format!("still on at {on} units") };
        let text = format!("{} switched off at {}: {still}", flag.key, situation.clock(at));
        found.push(Done { deed: Deed::Flag(verb, flag.key.clone()), at, text });
    }
    found
}
