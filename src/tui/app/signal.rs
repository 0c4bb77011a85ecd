//! What an indicator says in a few words, and how old it is: an old number never keeps full ink.

use chrono::{DateTime, TimeDelta, Utc};

use super::{age, figure};
use crate::domain::{
    Sli,
    sli::{SliArm, SliPoint, SliState, TelemetryState},
};

/// How often a value is expected where nothing says so.
const USUAL: TimeDelta = TimeDelta::seconds(60);
/// Nobody measures so often that less than this is late.
const LEAST: TimeDelta = TimeDelta::seconds(15);

/// How old a value is, by what is usual for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// As new as it can be.
    Fresh,
    /// Later than it should be: it keeps a mark.
    Late,
    /// So old that it is not shown as a value any more.
    Gone,
}

/// How often a value comes: the least that lies between two of the latest. A gap is not a habit.
fn usual(sli: &Sli) -> TimeDelta {
    let has = |point: &&SliPoint| point.canary.or(point.baseline).or(point.difference).is_some();
    let newest: Vec<DateTime<Utc>> =
        sli.series.iter().flatten().rev().filter(has).take(9).map(|point| point.at).collect();
    let apart = newest.windows(2).map(|pair| pair[0] - pair[1]).filter(|apart| *apart > TimeDelta::zero()).min();
    apart.unwrap_or(USUAL).max(LEAST)
}

/// When a value becomes late, and when it is gone: a slice that has just begun has no value yet, so
/// what came one slice ago is new.
#[must_use]
pub fn ages_at(sli: &Sli) -> Option<[DateTime<Utc>; 2]> {
    let usual = usual(sli);
    let at = sli.observed_at?;
    Some([at.checked_add_signed(usual * 2)?, at.checked_add_signed(usual * 3)?])
}

/// How old its values are.
#[must_use]
pub fn freshness(sli: &Sli, now: DateTime<Utc>) -> Freshness {
    match ages_at(sli) {
        _ if sli.telemetry == TelemetryState::Stale => Freshness::Gone,
        Some([_, gone]) if now >= gone => Freshness::Gone,
        Some([late, _]) if now >= late => Freshness::Late,
        _ => Freshness::Fresh,
    }
}

/// What it comes to now: what was concluded of a value that is gone does not hold any more.
#[must_use]
pub fn state(sli: &Sli, now: DateTime<Utc>) -> SliState {
    match sli.state() {
        SliState::Watch | SliState::Warming | SliState::Insufficient | SliState::Pass
            if freshness(sli, now) == Freshness::Gone =>
        {
            SliState::Stale
        }
        state => state,
    }
}

/// Its word: abnormal ones are in upper case.
#[must_use]
pub const fn word(state: SliState) -> &'static str {
    match state {
        SliState::Fail => "FAIL",
        SliState::Error => "ERROR",
        SliState::NoData => "NO DATA",
        SliState::Stale => "STALE",
        SliState::Watch => "WATCH",
        SliState::Warming => "warming",
        SliState::Insufficient => "insufficient",
        SliState::Pass => "pass",
    }
}

/// The indicators by how much they need somebody now, ties in the plan's order.
#[must_use]
pub fn by_need(slis: &[Sli], now: DateTime<Utc>) -> Vec<&Sli> {
    let mut sorted: Vec<&Sli> = slis.iter().collect();
    sorted.sort_by_key(|sli| {
        let (rank, uncritical, optional) = sli.need();
        // What became stale on the way here ranks as what the server calls so.
        let rank = if state(sli, now) == SliState::Stale { rank.min(SliState::Stale as u8 + 1) } else { rank };
        (rank, uncritical, optional)
    });
    sorted
}

/// A side's value as it may be shown: with a mark when it is late, `----` when it is gone, a word when
/// there never was one.
#[must_use]
pub fn shown(sli: &Sli, arm: SliArm, now: DateTime<Utc>, live: bool) -> String {
    shown_by(sli, arm, now, live, figure::of)
}

/// [`shown`] without a unit, for where that does not fit.
#[must_use]
pub fn shown_bare(sli: &Sli, arm: SliArm, now: DateTime<Utc>, live: bool) -> String {
    shown_by(sli, arm, now, live, figure::bare)
}

fn shown_by(sli: &Sli, arm: SliArm, now: DateTime<Utc>, live: bool, of: fn(SliArm, &str) -> Option<String>) -> String {
    let fresh = freshness(sli, now);
    match of(arm, sli.unit.as_str()) {
        Some(_) if fresh == Freshness::Gone => "----".to_owned(),
        Some(text) if fresh == Freshness::Late || !live => format!("{text}~"),
        Some(text) => text,
        None => match sli.telemetry {
            TelemetryState::Ok | TelemetryState::Empty => "no data".to_owned(),
            TelemetryState::Warming => "warming".to_owned(),
            TelemetryState::Stale | TelemetryState::Error => "----".to_owned(),
        },
    }
}

/// For how long it is in the state that it is in, where that can be known: beyond its limit, or silent.
#[must_use]
pub fn since(sli: &Sli, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match state(sli, now) {
        SliState::Error | SliState::NoData | SliState::Stale => sli.observed_at,
        SliState::Fail | SliState::Watch | SliState::Warming | SliState::Insufficient | SliState::Pass => {
            sli.over_since
        }
    }
}

/// It in a few words: `errors 3.4x (2.0)`, `saturation ---- 4m`.
#[must_use]
pub fn brief(sli: &Sli, now: DateTime<Utc>) -> String {
    let state = state(sli, now);
    let silent = |word: &str| {
        let age = since(sli, now).map_or_else(String::new, |at| format!(" {}", age::coarse(now, at)));
        format!("{} {word}{age}", sli.name)
    };
    match state {
        SliState::Error => silent("ERROR"),
        SliState::NoData | SliState::Stale => silent("----"),
        _ => {
            let compared = match freshness(sli, now) {
                Freshness::Gone => Some("----".to_owned()),
                _ => figure::compared(sli),
            };
            match (compared, figure::limit(sli)) {
                (Some(now), Some(limit)) => {
                    let limit = limit.trim_end_matches('x').trim_end_matches("pp").trim_start_matches('+');
                    format!("{} {now} ({limit})", sli.name)
                }
                (Some(now), None) => format!("{} {now}", sli.name),
                (None, _) => format!("{} {}", sli.name, word(state)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
