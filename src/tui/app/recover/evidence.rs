//! What speaks for and against each change. What is not measured speaks for nothing: silence, no data and
//! what cannot be told apart are said as that.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    About, Answers, Health, Runs, Situation, Unit, Weight,
    changes::Change,
    signs::{Spot, Symptom, are},
};
use crate::{
    backend::{FlagPlace, FlagView},
    domain::{Phase, Rollout, Sli, sli::SliState},
    tui::app::{attention::Class, figure, flags::cell::Serves, signal},
};

/// How many times as often something has to fail on one side, before that points there.
const TIMES: f64 = 2.0;
/// How fast the baseline burns its budget when it is ill too: what halts a rollout.
const BURNS: f64 = 3.0;
/// For how long a unit has to be back before what goes on counts against its version.
const SETTLED: TimeDelta = TimeDelta::minutes(5);

/// What a piece of evidence does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// It points to what it is about.
    PointsTo,
    /// It clears it.
    Clears,
    /// It says nothing.
    Silent,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What it speaks of.
    pub about: About,
    /// What it does.
    pub says: Stand,
    /// What was found, with numbers.
    pub text: String,
    /// What that means, in a few words.
    pub means: String,
}

impl Evidence {
    /// Its weight, for its mark.
    #[must_use]
    pub fn weight(&self) -> Weight {
        match self.says {
            Stand::PointsTo => Weight::Bad,
            Stand::Clears => Weight::Good,
            Stand::Silent => Weight::Unknown,
        }
    }
}

/// Whether a flag serves something else than off at a place, by what the place says, else by what it is to
/// serve; none where that depends on the caller.
pub(super) fn is_on(view: &FlagView, place: &FlagPlace) -> Option<bool> {
    let variant = place.actual.as_ref().or(place.wanted.as_ref())?;
    Some(Serves::of(&view.flag.definition, variant.as_str()) != Serves::Off)
}

/// All evidence: what says something first.
#[must_use]
pub fn weigh(situation: &Situation<'_>, answers: &Answers, changes: &[Change]) -> Vec<Evidence> {
    if let Some(doubt) = &situation.doubt {
        return vec![Evidence {
            about: About::Common,
            says: Stand::Silent,
            text: doubt.clone(),
            means: "no evidence: what is shown may not be what is".to_owned(),
        }];
    }
    let mut found: Vec<Evidence> = Vec::new();
    let units = situation.units();
    if let Some(rollout) = situation.rollout.as_deref() {
        found.extend(went_back(situation, rollout));
        found.extend(by_indicator(situation, rollout, &answers.symptom));
    }
    found.extend(by_version(situation, &units, &answers.symptom));
    for change in changes {
        if let About::Flag(key) = &change.about
            && !found.iter().any(|piece| piece.about == change.about)
        {
            found.extend(by_flag(situation, &units, answers, key));
        }
    }
    found.extend(by_site(&units, answers));
    found.extend(elsewhere(situation, answers));
    found.extend(silent(&units, &answers.spot));
    found.sort_by_key(|piece| piece.says == Stand::Silent);
    found
}

/// What went back and is wrong still is not the version.
fn went_back(situation: &Situation<'_>, rollout: &Rollout) -> Option<Evidence> {
    let since = rollout.updated_at;
    (rollout.phase == Phase::RolledBack).then(|| {
        let (candidate, before) = situation.versions();
        let long = situation.now - since >= SETTLED;
        Evidence {
            about: About::Version,
            says: if long { Stand::Clears } else { Stand::Silent },
            text: format!("every unit is back on {before} since {}", situation.clock(since)),
            means: if long {
                format!("what still goes on is not {candidate}")
            } else {
                "too short a time to say".to_owned()
            },
        }
    })
}

/// The indicator that is the symptom, else the worst: candidate against baseline.
fn by_indicator(situation: &Situation<'_>, rollout: &Rollout, symptom: &Symptom) -> Vec<Evidence> {
    let now = situation.now;
    if rollout.phase.is_terminal() {
        // There is no candidate beside a baseline any more.
        return Vec::new();
    }
    let mut of: Vec<&Sli> = signal::by_need(&rollout.slis, now);
    if let Symptom::Indicator(name) = symptom {
        of.retain(|sli| sli.name == *name);
    } else {
        of.truncate(1);
    }
    let mut found: Vec<Evidence> = of.into_iter().filter_map(|sli| compared(situation, sli, symptom)).collect();
    // Others without data say nothing, and that is said.
    let silent: Vec<&Sli> = rollout
        .slis
        .iter()
        .filter(|sli| matches!(signal::state(sli, now), SliState::Error | SliState::NoData | SliState::Stale))
        .filter(|sli| !matches!(symptom, Symptom::Indicator(name) if sli.name == *name))
        .collect();
    if let [first, rest @ ..] = silent.as_slice()
        && !found.iter().any(|piece| piece.text.starts_with(first.name.as_str()))
    {
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        found.push(Evidence {
            about: About::Version,
            says: Stand::Silent,
            text: format!("{}{more}: no fresh data", signal::brief(first, now)),
            means: "no data is no evidence".to_owned(),
        });
    }
    found
}

fn compared(situation: &Situation<'_>, sli: &Sli, symptom: &Symptom) -> Option<Evidence> {
    let (candidate, before) = situation.versions();
    let now = situation.now;
    let unit = sli.unit.as_str();
    let shown = |arm| figure::of(arm, unit).unwrap_or_else(|| "no data".to_owned());
    let ratio = figure::compared(sli).map_or_else(String::new, |ratio| format!(" ({ratio})"));
    let both = format!("{} {} on {candidate}, {} on {before}{ratio}", sli.name, shown(sli.canary), shown(sli.baseline));
    let own = matches!(symptom, Symptom::Indicator(name) if sli.name == *name);
    let ill = sli.burn.as_ref().and_then(|burn| burn.baseline).is_some_and(|burn| burn >= BURNS);
    let (says, means) = match signal::state(sli, now) {
        SliState::Fail if ill => (Stand::Silent, format!("both are bad, {candidate} more: not the version alone")),
        SliState::Fail => (Stand::PointsTo, format!("points to {candidate}")),
        SliState::Error | SliState::NoData | SliState::Stale => {
            return Some(Evidence {
                about: About::Version,
                says: Stand::Silent,
                text: format!("{}: no fresh data", signal::brief(sli, now)),
                means: "no data is no evidence".to_owned(),
            });
        }
        SliState::Watch => (Stand::Silent, "looks worse, not proven".to_owned()),
        SliState::Warming | SliState::Insufficient if own => (Stand::Silent, "too little to say".to_owned()),
        SliState::Warming | SliState::Insufficient => return None,
        SliState::Pass if ill => (Stand::Clears, format!("the baseline is as bad: not {candidate}")),
        SliState::Pass if own => (Stand::Clears, format!("no worse than {before}: clears {candidate}")),
        // One good indicator says little of a symptom that is another.
        SliState::Pass => (Stand::Silent, "all indicators pass; the symptom is another".to_owned()),
    };
    Some(Evidence { about: About::Version, says, text: both, means })
}

/// How many are bad of those of which it is known.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    bad: usize,
    known: usize,
}

impl Share {
    fn of<'a>(units: impl Iterator<Item = &'a Unit<'a>>) -> Self {
        units.fold(Self::default(), |share, unit| match unit.health {
            Health::Bad => Self { bad: share.bad + 1, known: share.known + 1 },
            Health::Good => Self { known: share.known + 1, ..share },
            Health::Silent | Health::Unknown => share,
        })
    }

    fn rate(self) -> f64 {
        self.bad as f64 / self.known.max(1) as f64
    }

    /// What two sides that differ in one thing say of that thing; none where nothing is bad.
    fn against(self, other: Self) -> Option<Stand> {
        if self.bad + other.bad == 0 {
            return None;
        }
        Some(match (self.known, other.known) {
            (0, _) | (_, 0) => Stand::Silent,
            _ if self.bad == 0 => Stand::Clears,
            _ if other.bad == 0 || self.rate() >= TIMES * other.rate() => Stand::PointsTo,
            _ => Stand::Clears,
        })
    }
}

fn by_version(situation: &Situation<'_>, units: &[Unit<'_>], symptom: &Symptom) -> Option<Evidence> {
    situation.rollout.as_deref()?;
    let (candidate, before) = situation.versions();
    let on = |runs: Runs| Share::of(units.iter().filter(|unit| unit.runs == runs));
    let (new, old) = (on(Runs::Candidate), on(Runs::Before));
    let text = format!(
        "{} of {} not well {} {candidate}, {} of {} on {before}",
        new.bad,
        figure::counted(new.known, "unit"),
        // Where it could not be applied, what ran before may run on: it is not well on that.
        if units.iter().any(|unit| unit.unapplied && unit.health == Health::Bad) { "that were told" } else { "on" },
        old.bad,
        old.known
    );
    let (says, means) = match new.against(old) {
        None if matches!(symptom, Symptom::Failed | Symptom::Breach) && new.known + old.known > 0 => {
            (Stand::Silent, "units say that they are well".to_owned())
        }
        None => return None,
        Some(Stand::PointsTo) => (Stand::PointsTo, format!("points to {candidate}")),
        Some(Stand::Clears) if new.bad == 0 => (Stand::Clears, format!("clears {candidate}")),
        Some(Stand::Clears) => (Stand::Clears, format!("as many fail without it: not {candidate}")),
        Some(Stand::Silent) => {
            let missing = if new.known == 0 { candidate.as_str() } else { before.as_str() };
            (Stand::Silent, format!("nothing known of {missing} to compare with"))
        }
    };
    Some(Evidence { about: About::Version, says, text, means })
}

/// A flag that was changed: where it is on against where it is off.
fn by_flag(
    situation: &Situation<'_>,
    units: &[Unit<'_>],
    answers: &Answers,
    key: &crate::domain::FlagKey,
) -> Option<Evidence> {
    let about = About::Flag(key.clone());
    let silent = |text: String, means: &str| {
        Some(Evidence { about: about.clone(), says: Stand::Silent, text, means: means.to_owned() })
    };
    let Some(flags) = situation.flags else {
        return silent(format!("flag {key}: where it is on is not known yet"), "no evidence");
    };
    let Some(view) = flags.iter().find(|view| view.flag.key == *key) else {
        return silent(format!("flag {key} is not there any more"), "no evidence");
    };
    let on = |unit: &Unit<'_>| {
        let place = view
            .places
            .iter()
            .find(|place| place.group == situation.target && place.site == *unit.site && place.lane == *unit.lane)?;
        is_on(view, place)
    };
    let of = |wanted: bool| units.iter().filter(move |unit| on(unit) == Some(wanted));
    let (with, without) = (of(true).count(), of(false).count());
    if with + without == 0 {
        return silent(format!("flag {key}: no unit here says what it serves"), "no evidence");
    }
    let (share_on, share_off) = (Share::of(of(true)), Share::of(of(false)));
    if let Some(says) = share_on.against(share_off) {
        let text = format!(
            "{} of {} not well with {key} on, {} of {} with it off",
            share_on.bad,
            figure::counted(share_on.known, "unit"),
            share_off.bad,
            share_off.known
        );
        let confounded = says == Stand::PointsTo && follows_version(units, &on);
        return match says {
            _ if confounded => silent(text, "on just where the candidate runs: cannot be told apart"),
            Stand::PointsTo => Some(Evidence { about, says, text, means: "points to the flag".to_owned() }),
            Stand::Clears => Some(Evidence { about, says, text, means: "clears the flag".to_owned() }),
            Stand::Silent => silent(text, "nothing known of the other side to compare with"),
        };
    }
    // No unit says that it is not well: what differs by version cannot come from what does not.
    if !matches!(answers.symptom, Symptom::Indicator(_)) || !differs_by_version(situation, &answers.symptom) {
        let text = format!("flag {key} is on at {with} of {} here", are_units(with + without));
        return silent(text, "no unit's own checks tell on from off");
    }
    let share = |runs: Runs| {
        let of_runs = || units.iter().filter(move |unit| unit.runs == runs);
        let on_there = of_runs().filter(|unit| on(unit) == Some(true)).count();
        let known = of_runs().filter(|unit| on(unit).is_some()).count();
        (on_there, known)
    };
    let ((new_on, new_all), (old_on, old_all)) = (share(Runs::Candidate), share(Runs::Before));
    let (candidate, before) = situation.versions();
    let text =
        format!("{key} is on at {new_on} of {new_all} units with {candidate}, {old_on} of {old_all} with {before}");
    if new_all == 0 || old_all == 0 {
        return silent(text, "no evidence");
    }
    let (new, old) = (new_on as f64 / new_all as f64, old_on as f64 / old_all as f64);
    if new <= old {
        let means = "it cannot make that difference: clears the flag".to_owned();
        return Some(Evidence { about, says: Stand::Clears, text, means });
    }
    silent(text, "on where the candidate runs: cannot be told apart")
}

fn are_units(count: usize) -> String {
    figure::counted(count, "unit")
}

/// Whether the symptom is one that the candidate has and its baseline has not.
fn differs_by_version(situation: &Situation<'_>, symptom: &Symptom) -> bool {
    let Symptom::Indicator(name) = symptom else { return false };
    let slis = situation.rollout.as_deref().map_or(&[][..], |rollout| &rollout.slis);
    slis.iter().any(|sli| sli.name == *name && signal::state(sli, situation.now) == SliState::Fail)
}

/// Whether the flag is on where the candidate runs, and nowhere else.
fn follows_version(units: &[Unit<'_>], on: &impl Fn(&Unit<'_>) -> Option<bool>) -> bool {
    let known = || units.iter().filter(|unit| unit.runs != Runs::Unknown).filter_map(|unit| Some((unit, on(unit)?)));
    known().all(|(unit, is_on)| is_on == (unit.runs == Runs::Candidate)) && known().any(|(_, is_on)| is_on)
}

/// Several sites, or only one.
fn by_site(units: &[Unit<'_>], answers: &Answers) -> Option<Evidence> {
    let mut sites: Vec<(&crate::domain::SiteName, Share)> = Vec::new();
    for unit in units {
        let one = Share::of(std::iter::once(unit));
        match sites.iter_mut().find(|(site, _)| *site == unit.site) {
            Some((_, share)) => *share = Share { bad: share.bad + one.bad, known: share.known + one.known },
            None => sites.push((unit.site, one)),
        }
    }
    sites.retain(|(_, share)| share.known > 0);
    let bad: Vec<_> = sites.iter().filter(|(_, share)| share.bad > 0).collect();
    let of = sites.len();
    match bad.as_slice() {
        _ if of < 2 => None,
        [] => None,
        [(site, share)] => Some(Evidence {
            about: About::Site((*site).clone()),
            says: Stand::PointsTo,
            text: format!("only {site} of {of} sites has units that are not well ({} of {})", share.bad, share.known),
            means: format!("points to {site}"),
        }),
        several => {
            let about = match &answers.spot {
                Spot::Site(site) => About::Site(site.clone()),
                _ => About::Common,
            };
            let means = match &answers.spot {
                Spot::Site(site) => format!("not {site} alone"),
                _ => "more than one site: something in common".to_owned(),
            };
            let says = if matches!(about, About::Site(_)) { Stand::Clears } else { Stand::Silent };
            Some(Evidence {
                about,
                says,
                text: format!("{} of {of} sites have units that are not well", several.len()),
                means,
            })
        }
    }
}

/// Other rollouts of the same target that are in trouble too.
fn elsewhere(situation: &Situation<'_>, answers: &Answers) -> Option<Evidence> {
    let own = situation.id();
    let near = |at: DateTime<Utc>| (at - answers.began).abs() <= TimeDelta::minutes(10);
    let ill: Vec<String> = situation
        .around
        .rollouts
        .iter()
        .filter(|rollout| rollout.target == situation.target && Some(rollout.id()) != own)
        .filter(|rollout| Class::of(rollout).is_abnormal() && near(rollout.updated_at))
        .map(|rollout| format!("{} {}", rollout.name, Class::of(rollout).word()))
        .collect();
    (!ill.is_empty()).then(|| Evidence {
        about: About::Common,
        says: Stand::PointsTo,
        text: format!("at the same time: {}", ill.join(", ")),
        means: "points to what they have in common".to_owned(),
    })
}

/// Agents that are silent.
fn silent(units: &[Unit<'_>], spot: &Spot) -> Option<Evidence> {
    let here: Vec<&Unit<'_>> = units.iter().filter(|unit| Situation::is_in(unit, spot)).collect();
    let silent = here.iter().filter(|unit| unit.health == Health::Silent).count();
    (silent > 0).then(|| Evidence {
        about: About::Common,
        says: Stand::Silent,
        text: format!("{} silent, of {} there", are(silent), here.len()),
        means: "no data is no evidence".to_owned(),
    })
}
