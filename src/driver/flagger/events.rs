//! What Flagger says in its Events: the only place where it tells which check failed, and by how much.
//!
//! Their texts are those of `pkg/controller/scheduler*.go` of fluxcd/flagger v1.36; a text that is none of
//! them is shown and not understood. An Event that is missing says nothing: a cluster drops those of an
//! object that has many (25 at once, then one in five minutes), and counts alike ones together.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::object::{Canary, Hook};
use crate::{
    domain::{SafeText, workload::Happening},
    driver::kubernetes::happening,
};

/// What an Event of Flagger's says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It does not go on, and why.
    Halt(Cause),
    /// The candidate's share was raised to this.
    Weight(i64),
    /// This check was made.
    Iteration(i64),
    /// The primary's share was raised to this, on promotion.
    PrimaryWeight(i64),
    /// A release began.
    NewRevision,
    /// The target changed while it was analysed, and the analysis began again.
    Restarted,
    /// A workload has not all its pods; which, and why.
    NotReady(SafeText),
    /// It is rolled back; why.
    RolledBack(SafeText),
    /// A hook said yes; its kind and its name.
    Passed(Hook, SafeText),
    /// The rollback hook of that name asks for none.
    NoRollback(SafeText),
    /// The controller splits no traffic: it uses its `kubernetes` provider.
    NoTraffic,
    /// Something else.
    Other,
}

/// Why it does not go on.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// A metric is out of its range.
    Metric(Reading),
    /// A metric has no values.
    NoValues(SafeText),
    /// A metric, where it is said which, cannot be asked for; why.
    Query(Option<SafeText>, SafeText),
    /// A hook that must say yes did not; its kind, its name, and what it said.
    Check(Hook, SafeText, SafeText),
    /// A gate says no; its kind and its name.
    Gate(Hook, SafeText),
}

impl Cause {
    /// Whether it counts as a failed check.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !matches!(self, Self::Gate(..))
    }
}

/// A metric that is out of its range.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Its name in the Canary: `request-success-rate`.
    pub metric: SafeText,
    /// What was measured, in its unit.
    pub value: f64,
    /// What it is held against.
    pub limit: f64,
    /// Whether it is below its limit, and not above.
    pub below: bool,
    /// `%`, `ms`, or empty.
    pub unit: &'static str,
    /// As Flagger puts it: `success rate 98.69% < 99%`.
    pub text: SafeText,
}

/// What the Events of one Canary say of the release that is under way, or was the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// Everything that happened to it, the newest first.
    pub happenings: Vec<Happening>,
    /// Why it did not go on when it last was to, where it did not.
    pub halt: Option<(Cause, DateTime<Utc>)>,
    /// A workload that had not all its pods when it last was to go on.
    pub not_ready: Option<(SafeText, DateTime<Utc>)>,
    /// When it last went on.
    pub advanced_at: Option<DateTime<Utc>>,
    /// The last reason for which a check failed.
    pub failure: Option<(Cause, DateTime<Utc>)>,
    /// When each share was reached, the newest first.
    pub weights: Vec<(i64, DateTime<Utc>)>,
    /// When each check was made, the newest first.
    pub iterations: Vec<(i64, DateTime<Utc>)>,
    /// The primary's share on promotion, the newest.
    pub primary_weight: Option<(i64, DateTime<Utc>)>,
    /// Why it was rolled back, where it was.
    pub rolled_back: Option<(SafeText, DateTime<Utc>)>,
    /// Hooks that said yes, the newest first.
    pub passed: Vec<(Hook, SafeText, DateTime<Utc>)>,
    /// Rollback hooks that asked for none, the newest first.
    pub no_rollback: Vec<(SafeText, DateTime<Utc>)>,
    /// Whether the controller splits no traffic, as with its `kubernetes` provider.
    pub splits_nothing: bool,
}

impl Told {
    /// Reads the Events that are at hand. Those about other objects are among what happened, and say no more.
    #[must_use]
    pub fn read(canary: &Canary, events: &[Value]) -> Self {
        let mut happenings = happening::happenings(events);
        for happening in &mut happenings {
            // Flagger gives every Event this one reason.
            if happening.what.as_str() == "Synced" {
                happening.what = SafeText::new(said(happening.text.as_str()).word());
            }
        }
        let mut told = Self { happenings, ..Self::default() };
        let own = events.iter().filter(|event| is_about(event, canary)).filter_map(happening::happening);
        let mut own: Vec<_> = own.map(|event| (event.at, said(event.text.as_str()))).collect();
        own.sort_by_key(|(at, said)| std::cmp::Reverse((*at, said.is_decisive())));
        told.splits_nothing = own.iter().any(|(_, said)| *said == Said::NoTraffic);
        let begun = canary.status.begun_at;
        let mut decided = false;
        for (at, said) in own {
            // What came before this release says nothing of it.
            if begun.is_some_and(|begun| at < begun) || matches!(said, Said::NewRevision | Said::Restarted) {
                break;
            }
            let decides = said.is_decisive() && !decided;
            decided |= decides;
            told.take(at, said, decides);
        }
        told
    }

    /// Takes the next older thing that was said; the first one that decides tells where it is.
    fn take(&mut self, at: DateTime<Utc>, said: Said, decides: bool) {
        match said {
            Said::Halt(cause) => {
                if cause.counts() && self.failure.is_none() {
                    self.failure = Some((cause.clone(), at));
                }
                if decides {
                    self.halt = Some((cause, at));
                }
            }
            Said::NotReady(text) if decides => self.not_ready = Some((text, at)),
            Said::Weight(weight) => {
                self.weights.push((weight, at));
                self.advanced_at = self.advanced_at.or(Some(at));
            }
            Said::Iteration(iteration) => {
                self.iterations.push((iteration, at));
                self.advanced_at = self.advanced_at.or(Some(at));
            }
            Said::PrimaryWeight(weight) => self.primary_weight = self.primary_weight.or(Some((weight, at))),
            Said::RolledBack(why) if self.rolled_back.is_none() => self.rolled_back = Some((why, at)),
            Said::Passed(hook, name) => self.passed.push((hook, name, at)),
            Said::NoRollback(name) => self.no_rollback.push((name, at)),
            _ => {}
        }
    }

    /// When a share was last reached.
    #[must_use]
    pub fn weight_at(&self, weight: i64) -> Option<DateTime<Utc>> {
        self.weights.iter().find(|(reached, _)| *reached == weight).map(|(_, at)| *at)
    }

    /// When a check was last made.
    #[must_use]
    pub fn iteration_at(&self, iteration: i64) -> Option<DateTime<Utc>> {
        self.iterations.iter().find(|(made, _)| *made == iteration).map(|(_, at)| *at)
    }

    /// When a hook last said yes.
    #[must_use]
    pub fn passed_at(&self, hook: &Hook, name: &SafeText) -> Option<DateTime<Utc>> {
        self.passed.iter().find(|(kind, called, _)| kind == hook && called == name).map(|(_, _, at)| *at)
    }
}

fn is_about(event: &Value, canary: &Canary) -> bool {
    let (kind, name, uid) = happening::about(event);
    let same = uid.is_empty() || canary.meta.uid.is_empty() || uid == canary.meta.uid;
    kind == "Canary" && name == canary.meta.name && same
}

impl Said {
    /// In a word, as other controllers give Events a reason.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Halt(Cause::Gate(..)) => "Waiting",
            Self::Halt(_) => "Halted",
            Self::Weight(_) | Self::PrimaryWeight(_) | Self::Iteration(_) => "Advanced",
            Self::NewRevision => "NewRevision",
            Self::Restarted => "Restarted",
            Self::NotReady(_) => "NotReady",
            Self::RolledBack(_) => "RolledBack",
            Self::Passed(..) | Self::NoRollback(_) => "HookAnswered",
            Self::NoTraffic | Self::Other => "Synced",
        }
    }

    /// Whether it tells how the last interval ended.
    const fn is_decisive(&self) -> bool {
        matches!(
            self,
            Self::Halt(_)
                | Self::NotReady(_)
                | Self::Weight(_)
                | Self::PrimaryWeight(_)
                | Self::Iteration(_)
                | Self::RolledBack(_)
        )
    }
}

/// What the text of an Event says.
#[must_use]
pub fn said(text: &str) -> Said {
    let text = happening::alone(text);
    let shown = SafeText::new;
    if let Some(cause) = halt(text) {
        return Said::Halt(cause);
    }
    if let Some(why) = text.strip_prefix("Rolling back ") {
        return Said::RolledBack(shown(why.split_once(' ').map_or("", |(_, why)| why)));
    }
    if text.starts_with("New revision detected! Restarting") {
        return Said::Restarted;
    }
    if text.starts_with("New revision detected!") {
        return Said::NewRevision;
    }
    if let Some(rest) = text.strip_prefix("Advance ").and_then(|rest| Some(rest.split_once(' ')?.1)) {
        let number = |prefix: &str| rest.strip_prefix(prefix)?.split('/').next()?.trim().parse::<i64>().ok();
        return match (number("canary weight "), number("primary weight "), number("canary iteration ")) {
            (Some(weight), ..) => Said::Weight(weight),
            (_, Some(weight), _) => Said::PrimaryWeight(weight),
            (.., Some(iteration)) => Said::Iteration(iteration),
            _ => Said::Other,
        };
    }
    if text.contains(" not ready: ") {
        return Said::NotReady(shown(text));
    }
    if let Some(name) =
        text.strip_prefix("Rollback hook ").and_then(|rest| rest.strip_suffix(" not signaling a rollback"))
    {
        return Said::NoRollback(shown(name));
    }
    if text.ends_with(" is not supported when using the kubernetes provider") {
        return Said::NoTraffic;
    }
    for (prefix, hook) in [
        ("Confirm-traffic-increase check ", Hook::ConfirmTrafficIncrease),
        ("Confirm-rollout check ", Hook::ConfirmRollout),
        ("Confirm-promotion check ", Hook::ConfirmPromotion),
        ("Pre-rollout check ", Hook::PreRollout),
        ("Post-rollout check ", Hook::PostRollout),
        ("Rollback check ", Hook::Rollback),
    ] {
        if let Some(name) = text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(" passed")) {
            return Said::Passed(hook, shown(name));
        }
    }
    Said::Other
}

fn halt(text: &str) -> Option<Cause> {
    let shown = SafeText::new;
    if let Some(rest) = text.strip_prefix("Halt advancement no values found for ") {
        // `istio metric NAME probably …`, `metric: NAME`, `custom metric: NAME: why`
        let name = match rest.split_once("metric: ") {
            Some((_, name)) => name.split(": ").next().unwrap_or(name),
            None => {
                rest.split_once(" metric ").map_or(rest, |(_, name)| name.split(" probably ").next().unwrap_or(name))
            }
        };
        return Some(Cause::NoValues(shown(name)));
    }
    for prefix in ["Prometheus query failed", "Metric query failed"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return Some(match rest.strip_prefix(" for ").and_then(|rest| rest.split_once(": ")) {
                Some((name, why)) => Cause::Query(Some(shown(name)), shown(why)),
                None => Cause::Query(None, shown(rest.trim_start_matches(": ").trim_start())),
            });
        }
    }
    if let Some(rest) = text.strip_prefix("Metric template ") {
        return Some(Cause::Query(None, SafeText::new(format!("metric template {rest}"))));
    }
    let rest = text.strip_prefix("Halt ")?.split_once(" advancement ")?.1;
    for (prefix, hook) in [
        ("waiting for approval ", Hook::ConfirmRollout),
        ("waiting for promotion approval ", Hook::ConfirmPromotion),
        ("waiting for traffic increase approval ", Hook::ConfirmTrafficIncrease),
    ] {
        if let Some(name) = rest.strip_prefix(prefix) {
            return Some(Cause::Gate(hook, shown(name)));
        }
    }
    for (prefix, hook) in [("external check ", Hook::Rollout), ("pre-rollout check ", Hook::PreRollout)] {
        if let Some((name, why)) = rest.strip_prefix(prefix).and_then(|rest| rest.split_once(" failed")) {
            return Some(Cause::Check(hook, shown(name), shown(why.trim_start())));
        }
    }
    reading(rest).map(Cause::Metric)
}

/// `success rate 98.69% < 99%`, `request duration 1.2s > 500ms`, `NAME 0.50 < 0.95`.
fn reading(text: &str) -> Option<Reading> {
    let mut parts = text.rsplitn(4, ' ');
    let (limit, sign, value, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let below = match sign {
        "<" => true,
        ">" => false,
        _ => return None,
    };
    let (metric, unit) = match name {
        "success rate" => ("request-success-rate", "%"),
        "request duration" => ("request-duration", "ms"),
        other => (other, ""),
    };
    let number = |text: &str| match unit {
        "ms" => milliseconds(text),
        unit => text.strip_suffix(unit).unwrap_or(text).parse().ok(),
    };
    Some(Reading {
        metric: SafeText::new(metric),
        value: number(value)?,
        limit: number(limit)?,
        below,
        unit,
        text: SafeText::new(text),
    })
}

/// A duration as Go writes it, in milliseconds: `1m2.5s`, `250µs`.
fn milliseconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        sum += number
            * match &rest[..end] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1_000.0,
                "ms" => 1.0,
                "µs" | "us" => 0.001,
                "ns" => 0.000_001,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Some(sign * sum)
}

#[cfg(test)]
mod tests;
