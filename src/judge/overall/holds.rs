//! What stops everything, and what holds the next promotion, each in one sentence.

use super::{MISSING, Reason, ReasonKind, SILENCE, Situation, WATCH, age, incident::Incident, votes::Voter};
use crate::{
    domain::{
        SafeText, Verdict,
        sli::{Burn, BurnLevel, TelemetryState},
    },
    judge::words,
};

/// Whether so much is missing that nobody should act on the rest.
pub(super) fn is_blind(voters: &[Voter<'_>]) -> bool {
    let (silent, required) = silent(voters);
    required > 0 && silent as f64 >= MISSING * required as f64
}

/// What stops everything, what weighs most first.
pub(super) fn halts(situation: &Situation, voters: &[Voter<'_>], incident: Option<&Incident>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut add = |kind, name: &SafeText, text: String| reasons.push(Reason::new(kind, true, Some(name), text));
    for voter in voters.iter().filter(|voter| voter.judgement.verdict == Verdict::Fail) {
        let name = &voter.evidence.spec.name;
        add(ReasonKind::Failed, name, format!("{name} fails: {}", voter.judgement.why));
    }
    for voter in voters {
        let name = &voter.evidence.spec.name;
        let burning = voter.judgement.burn.filter(|burn| matches!(burn.level, BurnLevel::Halt | BurnLevel::Page));
        if let Some(burn) = burning {
            add(ReasonKind::Burn, name, format!("{name} {}", burns(&burn)));
        }
    }
    if let Some(incident) = incident {
        let name = SafeText::new(&incident.indicator);
        add(ReasonKind::Incident, &name, format!("{name}: {}", incident.text));
    }
    for voter in voters.iter().filter(|voter| voter.is_required()) {
        let (telemetry, name) = (&voter.evidence.telemetry, &voter.evidence.spec.name);
        if telemetry.state == TelemetryState::Stale {
            add(ReasonKind::Stale, name, stale(situation, voter));
        } else if let Some(kind) = silence(voter)
            && silent_for(situation, voter) > SILENCE.num_seconds()
        {
            let minutes = silent_for(situation, voter) / 60;
            add(kind, name, format!("{name} has no data for {minutes}m: {}", voter.judgement.why));
        }
    }
    if is_blind(voters) {
        let (silent, required) = silent(voters);
        let text = format!("{silent} of {required} required indicators have no data");
        reasons.push(Reason::new(ReasonKind::Empty, true, None, text));
    }
    reasons
}

/// What holds the next promotion, beside what stops everything.
pub(super) fn waits(situation: &Situation, voters: &[Voter<'_>]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for voter in voters {
        let (name, why, state) = (&voter.evidence.spec.name, &voter.judgement.why, voter.evidence.telemetry.state);
        let mut add = |kind, text: String| reasons.push(Reason::new(kind, false, Some(name), text));
        let verdict = voter.judgement.verdict;
        if voter.judgement.after.held && verdict != Verdict::Fail {
            add(ReasonKind::Held, format!("{name} failed in this step: acknowledge it, or begin a new one ({why})"));
        }
        if state == TelemetryState::Warming {
            add(ReasonKind::Warming, format!("{name} is warming up: {why}"));
            continue;
        }
        let is_young = voter.judgement.after.watched_since.is_some_and(|since| situation.at - since < WATCH);
        match verdict {
            Verdict::Watch if voter.is_required() || is_young => {
                add(ReasonKind::Watch, format!("{name} is watched: {why}"));
            }
            Verdict::Insufficient if voter.is_required() => {
                add(ReasonKind::Insufficient, format!("{name} has too little data: {why}"));
            }
            Verdict::NoData if voter.is_required() && state != TelemetryState::Stale => {
                add(silence(voter).unwrap_or(ReasonKind::Empty), format!("{name} has no data: {why}"));
            }
            _ => {}
        }
    }
    if !voters.iter().any(Voter::is_required) {
        let text = "no indicator is required, so that nothing says whether it may go on";
        reasons.push(Reason::new(ReasonKind::Unasked, false, None, text));
    }
    let (runs, dwell) = (age(situation), situation.step.dwell);
    if runs < dwell {
        let text = format!("the step runs for {}, and must for {}", words::span(runs), words::span(dwell));
        reasons.push(Reason::new(ReasonKind::Dwell, false, None, text));
    }
    reasons
}

/// Why the next stage may begin.
pub(super) fn promotes(situation: &Situation, voters: &[Voter<'_>]) -> String {
    let required = voters.iter().filter(|voter| voter.is_required()).count();
    let pass = if required == 1 {
        "the required indicator passes".to_owned()
    } else {
        format!("all {required} required indicators pass")
    };
    format!("{pass}, {} into the step", words::span(age(situation)))
}

/// How a budget burns: `burns its budget 12.0x over 5 slices, 3.40x over 30`.
fn burns(burn: &Burn) -> String {
    let times = |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), words::three_digits);
    let shared = burn.middle.zip(burn.baseline).is_some_and(|(canary, baseline)| canary < 1.5 * baseline);
    let whose = if shared { "; the baseline does too, so that it may not be the release's doing" } else { "" };
    format!("burns its budget {}x over 5 slices, {}x over 30{whose}", times(burn.middle), times(burn.long))
}

fn stale(situation: &Situation, voter: &Voter<'_>) -> String {
    let telemetry = &voter.evidence.telemetry;
    let lag = telemetry.newest.map_or(0, |newest| (situation.at - newest).num_seconds());
    let name = voter.name();
    format!("{name}: telemetry lags {lag} s behind, limit {:.0} s: promotion waits", telemetry.max_lag)
}

/// What a voter that has no data is silent from.
fn silence(voter: &Voter<'_>) -> Option<ReasonKind> {
    voter.is_silent().then_some(match voter.evidence.telemetry.state {
        TelemetryState::Error => ReasonKind::Error,
        TelemetryState::Stale => ReasonKind::Stale,
        _ => ReasonKind::Empty,
    })
}

/// For how long nothing is known of it, in seconds.
fn silent_for(situation: &Situation, voter: &Voter<'_>) -> i64 {
    let since = voter.evidence.telemetry.newest.max(Some(voter.evidence.since));
    since.map_or(0, |since| (situation.at - since).num_seconds())
}

/// How many of the required ones have no data, of how many.
fn silent(voters: &[Voter<'_>]) -> (usize, usize) {
    let required = voters.iter().filter(|voter| voter.is_required());
    (required.clone().filter(|voter| voter.is_silent()).count(), required.count())
}
