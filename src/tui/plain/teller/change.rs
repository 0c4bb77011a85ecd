//! What is news between two states of a rollout. Pure.

use chrono::{DateTime, Utc};

use crate::{
    domain::{BlockerKind, Rollout, Verdict, sli::SliState},
    tui::app::{
        attention::{self, Class},
        signal, workload,
    },
};

/// What changed, each in the words that follow a rollout's address; what is worst first. Numbers that move
/// all the time are news when they cross a quarter of the way.
pub(in crate::tui::plain) fn changes(before: &Rollout, after: &Rollout, now: DateTime<Utc>) -> Vec<String> {
    let mut news = Vec::new();
    let version = |rollout: &Rollout| rollout.candidate.version.as_ref().map_or("none", |v| v.as_str()).to_owned();
    let (was, is) = (Class::of(before), Class::of(after));
    if was != is {
        let why = attention::worst_signal(after, now);
        let why = if why.is_empty() { after.message.as_str().to_owned() } else { why };
        news.push(format!("from {} to {}, {}: {why}", was.word(), is.word(), workload::reach(after)));
    }
    if version(before) != version(after) {
        news.push(format!("version from {} to {}", version(before), version(after)));
    }
    let stage = |rollout: &Rollout| rollout.current_stage.as_ref().map_or("none", |stage| stage.as_str()).to_owned();
    if stage(before) != stage(after) && after.current_stage.is_some() {
        news.push(format!("stage from {} to {}, {}", stage(before), stage(after), workload::reach(after)));
    } else if was == is && quarter(before) != quarter(after) {
        news.push(format!("reaches {}", workload::reach(after)));
    }
    for sli in &after.slis {
        let earlier = before.slis.iter().find(|other| other.name == sli.name);
        let (state, past) = (signal::state(sli, now), earlier.map(|sli| signal::state(sli, now)));
        // From warming to passing and back is the way of all measurements: no news.
        let is_news = |past: SliState| past != state && (is_loud(past) || is_loud(state));
        if let Some(past) = past.filter(|past| is_news(*past)) {
            let why = if sli.why.is_empty() { signal::brief(sli, now) } else { sli.why.to_string() };
            news.push(format!("signal {} from {} to {}: {why}", sli.name, signal::word(past), signal::word(state)));
        }
    }
    let settles = (before.verdict.label, after.verdict.label) == (Verdict::NoData, Verdict::Insufficient);
    let quiet = |verdict| matches!(verdict, Verdict::Pass | Verdict::Insufficient);
    if before.verdict.label != after.verdict.label
        && !settles
        && !(quiet(before.verdict.label) && quiet(after.verdict.label))
    {
        let word = attention::verdict_word;
        let (past, present) = (word(before.verdict.label), word(after.verdict.label));
        news.push(format!("verdict from {past} to {present}: {}", after.verdict.why));
    }
    if was == is && kinds(before) != kinds(after) && !is.is_quiet() {
        let (had, has) = (kinds(before), kinds(after));
        let new = after.blockers.iter().find(|blocker| has.contains(&blocker.kind) && !had.contains(&blocker.kind));
        match new {
            Some(blocker) => news.push(format!("blocked by: {}", blocker.summary)),
            None if after.blockers.is_empty() => news.push("nothing blocks the next promotion any more".to_owned()),
            None => {}
        }
    }
    match (&before.freeze, &after.freeze) {
        (None, Some(freeze)) if is != Class::Frozen => {
            news.push(format!("frozen by {}: {}", freeze.window, freeze.reason));
        }
        (Some(freeze), None) => news.push(format!("not frozen by {} any more", freeze.window)),
        _ => {}
    }
    match (&before.pending, &after.pending) {
        (None, Some(sent)) => news.push(format!("{} sent by {}, not taken up yet", sent.action.words(), sent.by)),
        (Some(_), None) => news.push("what was sent is not waited for any more".to_owned()),
        (Some(past), Some(sent)) if sent.unconfirmed && !past.unconfirmed => {
            news.push(format!("{} by {} is UNCONFIRMED", sent.action.words(), sent.by));
        }
        _ => {}
    }
    news
}

/// In which quarter of its way it is: 0 to 4.
fn quarter(rollout: &Rollout) -> u32 {
    match rollout.exposure.units_total {
        0 => 0,
        total => rollout.exposure.units.min(total) * 4 / total,
    }
}

/// Whether somebody should hear of an indicator in that state.
const fn is_loud(state: SliState) -> bool {
    matches!(state, SliState::Fail | SliState::Error | SliState::NoData | SliState::Stale | SliState::Watch)
}

/// What kinds of things block it, but for what every stage goes through: units on their way, gates that
/// are not true yet, holds. Their words may tell numbers, which are no news.
fn kinds(rollout: &Rollout) -> Vec<BlockerKind> {
    let every_day =
        |kind| matches!(kind, BlockerKind::InProgress | BlockerKind::Hold | BlockerKind::Gate | BlockerKind::Phase);
    let mut kinds: Vec<BlockerKind> = Vec::new();
    for blocker in &rollout.blockers {
        if !every_day(blocker.kind) && !kinds.contains(&blocker.kind) {
            kinds.push(blocker.kind);
        }
    }
    kinds
}
