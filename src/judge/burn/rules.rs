//! The two rules: 3x over 30 slices halts, 10x over 5 slices pages. Each looks at a long and a short
//! span at once; the long one gives significance, the short one ends it soon after the burn ends.
//!
//! Neither fires on few events. Below its floor of requests a rule says that there is too little, which
//! is not health and not an alert. A rule is entered after two evaluations in a row, and left when the
//! burn over 5 slices has been below a lower level for as long as 5 slices last.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Budget, Objective, poisson, reaches};
use crate::{
    domain::{
        SafeText,
        sli::{Burn, BurnLevel},
    },
    judge::{
        evidence::{Counts, Slice, Standing},
        words::{count, span},
    },
};

/// Evaluations in a row at which a rule is entered.
const ENTER: u32 = 2;
/// Slices over which a burn is looked at before a rule is left, and for which it must stay low.
const MIDDLE: u32 = 5;
/// Slices after which what is known is too old to say anything.
const OLD: u32 = 5;
/// How many times the baseline's burn makes a burn the canary's own.
const OWN: f64 = 1.5;
/// The evidence that makes it the canary's own, whatever its burn is.
const OWN_EVIDENCE: f64 = 20.0;

/// When a burn is too fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// How many times faster than the budget allows.
    pub times: f64,
    /// The long span, in slices.
    pub long: u32,
    /// The short span.
    pub short: u32,
    /// The least long span, while a step is younger than it.
    pub young: u32,
    /// Bad events without which it does not fire.
    pub bad: f64,
    /// How unlikely they must be where the budget is kept.
    pub alpha: f64,
    /// The burn below which it is left.
    pub leave: f64,
}

/// 3x over 30 slices: nothing goes on.
pub const HALT: Rule = Rule { times: 3.0, long: 30, short: 5, young: 5, bad: 10.0, alpha: 0.01, leave: 2.0 };
/// 10x over 5 slices: somebody is called.
pub const PAGE: Rule = Rule { times: 10.0, long: 5, short: 1, young: 2, bad: 5.0, alpha: 0.001, leave: 5.0 };

impl Rule {
    /// The requests below which it says that there is too little: as many as make its bad events just
    /// fast enough.
    #[must_use]
    pub fn requests(&self, objective: Objective) -> f64 {
        (self.bad / (self.times * objective.budget()) * (1.0 - 1e-9)).ceil()
    }

    /// Looks at one arm, in a step of so many slices.
    #[must_use]
    pub fn look(&self, objective: Objective, arm: &Recent, age: u32) -> Look {
        let long = self.long.min(age.max(self.young));
        let seen = arm.latest(long);
        let needs = self.requests(objective);
        let burn = objective.burn(seen.bad, seen.total);
        let now = arm.latest(self.short);
        let short = objective.burn(now.bad, now.total);
        let is_fast = |burn: Option<f64>| burn.is_some_and(|burn| reaches(burn, self.times));
        let enough = seen.total >= needs;
        let fires = enough
            && seen.bad >= self.bad
            && is_fast(burn)
            && is_fast(short)
            && poisson::at_least(seen.bad, seen.total * objective.budget()) <= self.alpha;
        Look { slices: long, burn, short, requests: seen.total, needs, enough, fires }
    }
}

/// What a rule sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The slices of its long span.
    pub slices: u32,
    /// The burn over them.
    pub burn: Option<f64>,
    /// The burn over its short span.
    pub short: Option<f64>,
    /// Requests over the long span.
    pub requests: f64,
    /// Requests that it needs.
    pub needs: f64,
    /// Whether there are enough.
    pub enough: bool,
    /// Whether it holds in this evaluation.
    pub fires: bool,
}

/// Events of one arm, slice by slice, backwards from the newest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recent {
    /// How many slices ago, from 0, and what happened.
    slices: Vec<(i64, Counts)>,
}

impl Recent {
    /// The events of an arm in slices of so many seconds, up to an end. What is no count is left out, as
    /// a slice without data is.
    #[must_use]
    pub fn new(slices: &[Slice], length: f64, end: DateTime<Utc>, arm: fn(&Slice) -> Counts) -> Self {
        let milliseconds = (length * 1000.0).max(1.0);
        let slices = slices.iter().filter_map(|slice| {
            let counts = arm(slice);
            let sound = counts.bad >= 0.0 && counts.total >= 0.0 && counts.bad.is_finite() && counts.total.is_finite();
            let before = end.signed_duration_since(slice.at).num_milliseconds() as f64 / milliseconds;
            (sound && before > 0.0).then_some((before.ceil() as i64 - 1, counts))
        });
        Self { slices: slices.collect() }
    }

    /// The events of the latest slices.
    #[must_use]
    pub fn latest(&self, slices: u32) -> Counts {
        let within = self.slices.iter().filter(|(ago, _)| *ago < i64::from(slices));
        within.fold(Counts::default(), |all, (_, counts)| all.plus(*counts))
    }
}

/// The burns of an arm.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Over the latest slice.
    pub short: Option<f64>,
    /// Over 5.
    pub middle: Option<f64>,
    /// Over 30.
    pub long: Option<f64>,
}

/// Whose burn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribution {
    /// The canary's: at least 1.5 times the baseline's, or proven by who produced the events.
    Canary,
    /// The baseline burns as well.
    Shared,
    /// The baseline cannot be compared.
    Unknown,
}

/// What is read of a budget's burn at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The objective.
    pub objective: Objective,
    /// The length of a slice, in seconds.
    pub slice: f64,
    /// Whether anything is known that is not too old.
    pub known: bool,
    /// The canary's burns.
    pub canary: Rates,
    /// The baseline's.
    pub baseline: Rates,
    /// What the halting rule sees of the canary.
    pub halt: Look,
    /// What the paging rule sees of it.
    pub page: Look,
    /// What the halting rule sees of the baseline: where it fires, there is an incident that is not the
    /// canary's alone.
    pub baseline_halt: Look,
    /// Whose burn it is, over the span of the paging rule if that fires, else of the halting one.
    pub attribution: Attribution,
}

/// Reads the burn of canary and baseline from the latest slices of so many seconds, oldest first, in a
/// step that began at `since`. `e_value` is the evidence that the canary produced the bad events.
#[must_use]
pub fn read(
    objective: Objective,
    slices: &[Slice],
    length: f64,
    since: DateTime<Utc>,
    e_value: Option<f64>,
    now: DateTime<Utc>,
) -> Reading {
    let milliseconds = (length * 1000.0).max(1.0);
    let lasting = |slices: u32| TimeDelta::milliseconds((milliseconds * f64::from(slices)) as i64);
    let end = slices.iter().map(|slice| slice.at + lasting(slice.merged.max(1))).max();
    let known = end.is_some_and(|end| now.signed_duration_since(end) <= lasting(OLD));
    let end = end.unwrap_or(now);
    let canary = Recent::new(slices, length, end, |slice| slice.canary);
    let baseline = Recent::new(slices, length, end, |slice| slice.baseline);
    let passed = end.signed_duration_since(since).num_milliseconds() as f64 / milliseconds;
    let age = passed.floor() as u32;
    let rates = |arm: &Recent| {
        let over = |slices| {
            let Counts { bad, total } = arm.latest(slices);
            objective.burn(bad, total)
        };
        Rates { short: over(PAGE.short), middle: over(MIDDLE), long: over(HALT.long) }
    };
    let halt = HALT.look(objective, &canary, age);
    let page = PAGE.look(objective, &canary, age);
    let span = if page.fires { page.slices } else { halt.slices };
    let burn = |arm: &Recent| {
        let Counts { bad, total } = arm.latest(span);
        objective.burn(bad, total)
    };
    Reading {
        objective,
        slice: length,
        known: known && !canary.slices.is_empty(),
        canary: rates(&canary),
        baseline: rates(&baseline),
        halt,
        page,
        baseline_halt: HALT.look(objective, &baseline, age),
        attribution: attribute(burn(&canary), burn(&baseline), e_value),
    }
}

fn attribute(canary: Option<f64>, baseline: Option<f64>, e_value: Option<f64>) -> Attribution {
    if e_value.is_some_and(|evidence| evidence >= OWN_EVIDENCE) {
        return Attribution::Canary;
    }
    match (canary, baseline) {
        (Some(canary), Some(baseline)) if canary > 0.0 && reaches(canary, OWN * baseline) => Attribution::Canary,
        (Some(_), Some(_)) => Attribution::Shared,
        _ => Attribution::Unknown,
    }
}

/// What is remembered of the rules from one evaluation to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Evaluations in a row in which the halting rule held.
    pub halts: u32,
    /// Evaluations in a row in which the paging rule held.
    pub pages: u32,
    /// Whether the halting rule was entered and not left.
    pub halted: bool,
    /// Whether the paging rule was entered and not left.
    pub paged: bool,
    /// Since when the burn is below the level at which the halting rule is left.
    pub halt_cooling_since: Option<DateTime<Utc>>,
    /// Since when it is below the level at which the paging rule is left.
    pub page_cooling_since: Option<DateTime<Utc>>,
}

/// The state after an evaluation. An evaluation that has seen nothing newer than the one before is none,
/// and is not to be given here.
#[must_use]
pub fn step(before: &State, reading: &Reading, now: DateTime<Utc>) -> State {
    let one = |rule: &Rule, look: &Look, row: u32, entered: bool, cooling: Option<DateTime<Utc>>| {
        let fires = reading.known && look.fires;
        let row = if fires { row.saturating_add(1) } else { 0 };
        let entered = entered || row >= ENTER;
        // No events are no sign that it cooled.
        let cools = reading.known && !fires && reading.canary.middle.is_some_and(|burn| burn < rule.leave);
        let cooling = (entered && cools).then(|| cooling.unwrap_or(now));
        let long_enough = TimeDelta::milliseconds((f64::from(MIDDLE) * reading.slice * 1000.0) as i64);
        let left = cooling.is_some_and(|since| now.signed_duration_since(since) >= long_enough);
        (row, entered && !left, cooling.filter(|_| !left))
    };
    let (halts, halted, halt_cooling_since) =
        one(&HALT, &reading.halt, before.halts, before.halted, before.halt_cooling_since);
    let (pages, paged, page_cooling_since) =
        one(&PAGE, &reading.page, before.pages, before.paged, before.page_cooling_since);
    State { halts, pages, halted, paged, halt_cooling_since, page_cooling_since }
}

impl State {
    /// What is remembered of an indicator's rules.
    #[must_use]
    pub fn of(standing: &Standing) -> Self {
        Self {
            halts: standing.halts,
            pages: standing.pages,
            halted: standing.halted,
            paged: standing.paged,
            halt_cooling_since: standing.cooling_since,
            page_cooling_since: standing.page_cooling_since,
        }
    }

    /// Remembers it with an indicator.
    pub fn remember(self, standing: &mut Standing) {
        standing.halts = self.halts;
        standing.pages = self.pages;
        standing.halted = self.halted;
        standing.paged = self.paged;
        standing.cooling_since = self.halt_cooling_since;
        standing.page_cooling_since = self.page_cooling_since;
    }

    /// In a word. What was entered stands until it is left, even when nothing is known any more; `ok` is
    /// said only where both rules have seen enough.
    #[must_use]
    pub fn level(&self, reading: &Reading) -> BurnLevel {
        if self.paged {
            BurnLevel::Page
        } else if self.halted {
            BurnLevel::Halt
        } else if !reading.known {
            BurnLevel::Unknown
        } else if !(reading.halt.enough && reading.page.enough) {
            BurnLevel::TooLittle
        } else {
            BurnLevel::Ok
        }
    }
}

impl Reading {
    /// As it is shown. `service` is the burn of the whole service, at which its budget empties.
    #[must_use]
    pub fn shown(&self, state: &State, budget: Budget, period: f64, service: Option<f64>) -> Burn {
        Burn {
            objective: self.objective.share(),
            short: self.canary.short,
            middle: self.canary.middle,
            long: self.canary.long,
            baseline: self.baseline.middle,
            level: state.level(self),
            budget_left: budget.left(),
            empty_in: budget.empty_in(service, period),
        }
    }

    /// Why the level is what it is, in one sentence with numbers.
    #[must_use]
    pub fn why(&self, level: BurnLevel) -> SafeText {
        let over = |slices: u32| span(f64::from(slices) * self.slice);
        let burn = |burn: Option<f64>| burn.map_or_else(|| "nothing".to_owned(), |burn| format!("{burn:.1}x"));
        let fast = |look: &Look, rule: &Rule, does: &str| {
            if !look.fires {
                let (now, leave, long) = (burn(self.canary.middle), rule.leave, over(MIDDLE));
                return format!(
                    "burnt {:.0}x, {now} over {long} now; over when below {leave:.0}x for {long}",
                    rule.times
                );
            }
            let whose = match self.attribution {
                Attribution::Canary => "the canary's own",
                Attribution::Shared => "the baseline burns as well",
                Attribution::Unknown => "no baseline to compare with",
            };
            format!(
                "burns {} over {} and {} over {}, {:.0}x {does}, {} requests; {whose}",
                burn(look.burn),
                over(look.slices),
                burn(look.short),
                over(rule.short),
                rule.times,
                count(look.requests),
            )
        };
        SafeText::new(match level {
            BurnLevel::Page => fast(&self.page, &PAGE, "pages"),
            BurnLevel::Halt => fast(&self.halt, &HALT, "halts"),
            BurnLevel::Ok => format!("burns {} over {}, 3x halts", burn(self.halt.burn), over(self.halt.slices)),
            BurnLevel::TooLittle => {
                let look = if self.halt.enough { &self.page } else { &self.halt };
                let (needs, has) = (count(look.needs), count(look.requests));
                format!("too little traffic: {} needs {needs} requests, has {has}", over(look.slices))
            }
            BurnLevel::Unknown => "nothing is measured".to_owned(),
        })
    }
}
