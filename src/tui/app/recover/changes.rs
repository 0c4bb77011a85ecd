//! What changed at a place before it began to be wrong, ranked by closeness.
//!
//! | touches the place | changes what runs | time before | rank |
//! |---|---|---|---|
//! | yes | yes | up to 10 min | LIKELY |
//! | yes | yes | up to 30 min | possible |
//! | perhaps | yes | up to 30 min | possible |
//! | any | yes | more | unlikely |
//! | any | no | any | unlikely |
//!
//! Evidence that points to a change raises it by one, evidence that clears it makes it unlikely. Where what is
//! known may not hold any more, nothing is ranked.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    About, Answers, BEFORE, Situation, Weight,
    evidence::{Evidence, Stand},
    signs::Spot,
    stand,
};
use crate::{
    domain::{ActorKind, AuditEntry, FlagKey, SubjectKind},
    tui::app::{
        age,
        figure::counted,
        reading::Known,
        touch::{Touch, is_change},
    },
};

/// Up to so long before the beginning a change is close.
const CLOSE: TimeDelta = TimeDelta::minutes(10);
/// Up to so long it is possible.
const NEAR: TimeDelta = TimeDelta::minutes(30);
/// So much later than a person's estimate a change may still be the cause.
const SLACK: TimeDelta = TimeDelta::minutes(2);

/// How likely a change is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// It is close in time, and it touched the place; or evidence points to it.
    Likely,
    /// It may be.
    Possible,
    /// It is long before, changes nothing of what runs, or is cleared.
    Unlikely,
    /// What is known may not hold: nobody can say.
    NotRanked,
}

impl Likelihood {
    /// The word: in upper case what a person should look at first.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Likely => "LIKELY",
            Self::Possible => "possible",
            Self::Unlikely => "unlikely",
            Self::NotRanked => "NOT RANKED",
        }
    }

    /// Its weight, for its mark.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self {
            Self::Likely => Weight::Bad,
            Self::Possible => Weight::Attention,
            Self::Unlikely => Weight::Plain,
            Self::NotRanked => Weight::Unknown,
        }
    }
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The number of the entry.
    pub seq: u64,
    /// When it reached the place: of many units, when the last before the beginning was told.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub who: String,
    /// What, in a few words.
    pub what: String,
    /// What it is about.
    pub about: About,
    /// Whether it may be elsewhere.
    pub perhaps: bool,
    /// How likely it is the cause.
    pub likelihood: Likelihood,
    /// Why.
    pub why: String,
    /// How long before the beginning, in words.
    pub before: String,
    /// Whether it changes what runs.
    #[serde(skip)]
    changes_what_runs: bool,
}

/// Whether anything else changed: in words that are exactly true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rest {
    /// Good where nothing else did, and that is known.
    pub weight: Weight,
    /// In words.
    pub text: String,
}

/// What an entry is about.
fn about(situation: &Situation<'_>, entry: &AuditEntry) -> About {
    match entry.subject.kind {
        SubjectKind::Flag => FlagKey::new(entry.subject.name.as_str()).map_or(About::Paper, About::Flag),
        SubjectKind::Rollout | SubjectKind::Unit if situation.is_own(entry) => About::Version,
        SubjectKind::Rollout => {
            let target = entry.subject.target.as_ref().map_or("", |target| target.as_str());
            About::Rollout(format!("{target}/{}", entry.subject.name))
        }
        SubjectKind::Unit => match entry.subject.name.as_str().split('/').next().map(str::parse) {
            Some(Ok(site)) => About::Site(site),
            _ => About::Common,
        },
        _ => About::Paper,
    }
}

/// Whether an entry changes what runs somewhere. What only stops, allows or holds does not.
fn changes_what_runs(entry: &AuditEntry) -> bool {
    let action = entry.action.as_str();
    match entry.subject.kind {
        SubjectKind::Rollout => matches!(
            action,
            "start"
                | "promote"
                | "promote_full"
                | "resume"
                | "retry"
                | "restart"
                | "terminate"
                | "rollback"
                | "rollback_started"
                | "stage_entered"
        ),
        SubjectKind::Unit => !matches!(action, "enrolled"),
        SubjectKind::Flag => true,
        _ => false,
    }
}

/// What the engine found out is a sign, no change.
fn is_sign(entry: &AuditEntry) -> bool {
    entry.actor.kind == ActorKind::System
        && matches!(
            entry.action.as_str(),
            "gate_breached"
                | "unit_failed"
                | "degraded"
                | "recovered"
                | "stage_passed"
                | "stage_reopened"
                | "completed"
                | "judge_paused"
                | "known_good"
                | "paused"
        )
}

/// What changed at the place in the hour before, unranked, the closest first. Units that were told one after
/// the other are one change with what told them.
#[must_use]
pub fn before(situation: &Situation<'_>, answers: &Answers) -> Vec<Change> {
    let end = answers.began + if answers.estimate { SLACK } else { TimeDelta::zero() };
    let from = answers.began - BEFORE;
    let mut found: Vec<Change> = Vec::new();
    // The oldest first, so that what was told finds what told it.
    let span = situation.entries.iter().rev().filter(|entry| entry.at >= from && entry.at <= end);
    let mut told: Vec<(usize, u32)> = Vec::new();
    for entry in span.filter(|entry| is_change(entry) && !is_sign(entry)) {
        let touch = situation.touch(entry, &answers.spot);
        if touch == Touch::Elsewhere {
            continue;
        }
        let about = about(situation, entry);
        let leads = |change: &Change| change.about == about && change.changes_what_runs;
        if entry.subject.kind == SubjectKind::Unit
            && entry.action.as_str() == "told"
            && let Some(at) = found.iter().rposition(leads)
        {
            found[at].at = entry.at;
            found[at].perhaps &= touch == Touch::Perhaps;
            match told.iter_mut().find(|(lead, _)| *lead == at) {
                Some((_, count)) => *count += 1,
                None => told.push((at, 1)),
            }
            continue;
        }
        let name = match &entry.subject.kind {
            SubjectKind::Rollout | SubjectKind::Unit => {
                entry.subject.target.as_ref().map_or_else(String::new, |target| format!("{target}/"))
            }
            _ => String::new(),
        };
        found.push(Change {
            seq: entry.seq,
            at: entry.at,
            who: entry.actor.id.as_str().to_owned(),
            what: format!("{} {name}{}", entry.action, entry.subject.name),
            about,
            perhaps: touch == Touch::Perhaps,
            likelihood: Likelihood::NotRanked,
            why: String::new(),
            before: String::new(),
            changes_what_runs: changes_what_runs(entry),
        });
    }
    for (lead, count) in told {
        let what = format!("{}, {} told", found[lead].what, counted(count as usize, "unit"));
        found[lead].what = what;
    }
    found.sort_by_key(|change| std::cmp::Reverse(change.at));
    found
}

/// Ranks them.
pub fn rank(situation: &Situation<'_>, answers: &Answers, changes: &mut [Change], evidence: &[Evidence]) {
    for change in changes.iter_mut() {
        let gap = answers.began - change.at;
        change.before =
            if gap < TimeDelta::zero() { "about then".to_owned() } else { format!("{} before", age::age(gap)) };
        (change.likelihood, change.why) = match &situation.doubt {
            Some(doubt) => (Likelihood::NotRanked, doubt.clone()),
            None => ranked(situation, answers, change, gap, stand(evidence, &change.about)),
        };
    }
    changes.sort_by_key(|change| (change.likelihood, std::cmp::Reverse(change.at)));
}

fn ranked(
    situation: &Situation<'_>,
    answers: &Answers,
    change: &Change,
    gap: TimeDelta,
    says: Stand,
) -> (Likelihood, String) {
    use Likelihood as L;
    if !change.changes_what_runs {
        return (L::Unlikely, "changes nothing of what runs".to_owned());
    }
    if says == Stand::Clears {
        return (L::Unlikely, "the evidence clears it".to_owned());
    }
    let place = match &answers.spot {
        Spot::Site(site) => site.to_string(),
        Spot::Candidate => "these units".to_owned(),
        Spot::Target => situation.target.to_string(),
    };
    let touches = if change.perhaps { format!("may touch {place}") } else { format!("touches {place}") };
    let by_time = match (change.perhaps, gap) {
        (_, gap) if gap > NEAR => L::Unlikely,
        (false, gap) if gap <= CLOSE => L::Likely,
        _ => L::Possible,
    };
    let time = match by_time {
        L::Likely => "just before",
        L::Possible if gap <= CLOSE => "just before",
        L::Possible => "some time before",
        _ => "long before",
    };
    if says == Stand::PointsTo {
        let raised = match by_time {
            L::Unlikely => L::Possible,
            _ => L::Likely,
        };
        return (raised, format!("the evidence points to it, {touches}"));
    }
    (by_time, format!("{time}, {touches}"))
}

/// Whether anything else changed. It is said that nothing did only where the trail was read to its end, is
/// not broken, and nothing of it was let go of.
#[must_use]
pub fn rest(situation: &Situation<'_>, answers: &Answers, changes: &[Change]) -> Rest {
    let trail = &situation.trail;
    let unknown = |weight: Weight, text: String| Rest { weight, text };
    let covers = trail.since.is_some_and(|since| since <= answers.began - BEFORE);
    if let Some(after) = trail.broken_after {
        return unknown(
            Weight::Bad,
            format!("NOT KNOWN whether anything else changed: the trail is BROKEN at #{}", after + 1),
        );
    }
    let known = if situation.doubt.is_some() { &Known::Old(std::time::Duration::ZERO) } else { &trail.known };
    match known {
        Known::All if !covers => {
            unknown(Weight::Unknown, "reading the trail from earlier on: not known yet".to_owned())
        }
        Known::All if trail.dropped > 0 => unknown(
            Weight::Unknown,
            format!("NOT KNOWN: {} older entries are too many to keep; :audit has them", trail.dropped),
        ),
        Known::All => {
            let read = match trail.proven {
                _ if trail.looked_at == 0 => "the trail has no entry since then".to_owned(),
                Some(to) if to >= trail.last => format!("trail proven to #{}", trail.last),
                Some(to) => format!("trail proven to #{to}; from #{} on it is unproven", to + 1),
                None => {
                    let word = if changes.is_empty() { "nothing" } else { "nothing else" };
                    return unknown(
                        Weight::Unknown,
                        format!("{word} is in the trail, read to #{}, but that is NOT PROVEN here", trail.last),
                    );
                }
            };
            let perhaps = changes.iter().filter(|change| change.perhaps).count();
            let word = if changes.is_empty() { "nothing changed" } else { "nothing else changed" };
            let also = match perhaps {
                0 => String::new(),
                1 => "; the one marked ? may be elsewhere".to_owned(),
                n => format!("; {n} marked ? may be elsewhere"),
            };
            Rest { weight: Weight::Good, text: format!("{word} ({read}){also}") }
        }
        Known::NotYet | Known::Reading => {
            unknown(Weight::Plain, "reading the trail: whether anything else changed is not known yet".to_owned())
        }
        Known::Old(_) => {
            unknown(Weight::Unknown, "NOT KNOWN whether anything else changed: the trail was not read since".to_owned())
        }
        Known::Not(why) => unknown(
            Weight::Unknown,
            format!("NOT KNOWN whether anything else changed: the trail cannot be read: {why}"),
        ),
    }
}
