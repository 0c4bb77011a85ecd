//! What is known of one indicator of one rollout: slices go in as its source gives them, evidence
//! comes out.
//!
//! A source is asked for what is new ([`Ledger::wanted`]) and what it answers is taken
//! ([`Ledger::take`]). A slice stays open for two slices after it ended, so that late data still
//! counts, and is closed with the first answer after that; while a source cannot be asked nothing is
//! closed, and what was missed is asked for when it is back. A slice counts as soon as both arms have
//! data for it. What is missing stays missing: nothing is ever filled in.
//!
//! The room that it takes is bounded: at most [`SINGLE`] + 15 slices of the present step and
//! [`MERGED`] merged ones, [`LATEST`] of the latest, [`HISTORY`] of the baseline before the step, those
//! that are open, and a trace of [`TRACE`] points: 30 KiB for events. Durations take twice the number of
//! buckets times 8 bytes for each of [`MERGED`] segments more (4.5 KiB for 12 buckets, 77 KiB for
//! the most that a histogram has). [`Ledger::bytes`] says it of a ledger.

mod admit;
mod step;
mod telemetry;
mod trace;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use self::{
    admit::{Refused, Sound},
    step::{Counted, Slow},
    trace::Trace,
};
use super::{
    burn,
    counter::AHEAD,
    evidence::{Counts, Evidence, Judgement, Observed, SCHEMA, Slice, Spec, Standing},
};
use crate::domain::sli::{Direction, SliKind, SliPoint};

pub use self::{
    step::{MERGED, POINTS, SINGLE},
    telemetry::ERRORS,
    trace::TRACE,
};

/// Slices at the beginning of a step that are left out of both arms, two minutes at the most: caches
/// and pools fill.
pub const WARM_UP: i32 = 2;
/// Slices for which late data is taken, unless a plan lets its source lag more.
pub const LATE: i32 = 2;
/// The baseline's slices before the step that are kept.
pub const HISTORY: usize = 60;
/// The latest slices that are kept for burn rates, whatever the step.
pub const LATEST: usize = 30;
/// Slices that a source is asked for at most: the history, and all starts of a step.
pub const BACKLOG: i32 = 60 + 24 * 15;
/// Slices after which the whole service's events over the budget's period are asked for again.
const SPENT_EVERY: i32 = 5;
/// Slices after which what is known of them is too old to say anything.
const SPENT_KEPT: i32 = 60;
/// Slices of both indicators that a correlation needs.
const CORRELATED_MIN: usize = 20;

/// What a source is to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The beginning of the oldest slice, on a whole multiple of the slice's length.
    pub from: DateTime<Utc>,
    /// The end of the newest.
    pub to: DateTime<Utc>,
    /// Whether the whole service's events over the budget's period are wanted too.
    pub spent: bool,
}

/// What a source answered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Given<'a> {
    /// Slices, oldest first.
    pub slices: &'a [Observed],
    /// Bad and all events of the whole service over the budget's period, where they are known.
    pub spent: Option<Counts>,
    /// What the source left out, in one sentence; empty when nothing was.
    pub remark: &'a str,
}

/// Both arms in one slice, of what can be counted.
#[derive(Debug, Clone, Default, PartialEq)]
struct Pair {
    canary: Option<Sound>,
    baseline: Option<Sound>,
}

/// An indicator of a rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    spec: Spec,
    slice: TimeDelta,
    max_lag: TimeDelta,
    /// When the present step began.
    since: Option<DateTime<Utc>>,
    /// Slices that begin before it are closed.
    closed_to: Option<DateTime<Utc>>,
    open: BTreeMap<DateTime<Utc>, Pair>,
    counted: Counted,
    slow: Slow,
    history: VecDeque<(DateTime<Utc>, Counts)>,
    latest: VecDeque<Slice>,
    spent: Option<(DateTime<Utc>, Counts)>,
    spent_asked: Option<DateTime<Utc>>,
    /// The end of the newest slice of the canary, of the baseline, and of both.
    newest_canary: Option<DateTime<Utc>>,
    newest_baseline: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
    /// Whether the source ever answered.
    answered: bool,
    errors: u32,
    /// What it said when it could not be read.
    error: String,
    /// What it left out of its latest answer, and what of that was refused here.
    remark: String,
    standing: Standing,
    trace: Trace,
}

impl Ledger {
    /// An empty one. `slice` is in seconds, at least 1. A newest value that is older than `max_lag` is
    /// stale; the limit is two slices at the least, because a slice is known only after it ended.
    #[must_use]
    pub fn new(spec: Spec, slice: u32, max_lag: TimeDelta) -> Self {
        let slice = TimeDelta::seconds(i64::from(slice.max(1)));
        Self {
            counted: Counted::new(spec.kind),
            spec,
            slice,
            max_lag: max_lag.max(slice * 2),
            since: None,
            closed_to: None,
            open: BTreeMap::new(),
            slow: Slow::default(),
            history: VecDeque::new(),
            latest: VecDeque::new(),
            spent: None,
            spent_asked: None,
            newest_canary: None,
            newest_baseline: None,
            newest: None,
            answered: false,
            errors: 0,
            error: String::new(),
            remark: String::new(),
            standing: Standing::default(),
            trace: Trace::default(),
        }
    }

    /// What it is a ledger of.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// A stage was entered: everything is counted afresh, and compared with the baseline before.
    /// Said again of the same stage, it changes nothing.
    pub fn begin_step(&mut self, at: DateTime<Utc>) {
        if self.since == Some(at) {
            return;
        }
        let whole = |slice: &&Slice| slice.at + self.slice <= at;
        let past: Vec<Slice> = self.counted.single_slices().iter().filter(whole).copied().collect();
        for slice in past {
            self.remember(slice.at, slice.baseline);
        }
        self.counted = Counted::new(self.spec.kind);
        self.slow = Slow::default();
        self.since = Some(at);
        let before = std::mem::take(&mut self.standing);
        self.standing.judged = before.judged;
        burn::State::of(&before).remember(&mut self.standing);
    }

    /// What the source is to be asked for: what is new and what is open; at first 60 slices before the
    /// step, and all since.
    #[must_use]
    pub fn wanted(&self, now: DateTime<Utc>) -> Range {
        let to = self.floor(now);
        let first = self.closed_to.unwrap_or_else(|| self.floor(self.since.unwrap_or(now)) - self.slice * 60);
        Range { from: first.max(to - self.slice * BACKLOG).min(to), to, spent: self.wants_spent(now) }
    }

    /// Takes what the source answered, or in one sentence why it did not.
    pub fn take(&mut self, now: DateTime<Utc>, answer: Result<Given<'_>, &str>) {
        let given = match answer {
            Ok(given) => given,
            Err(error) => {
                self.errors = self.errors.saturating_add(1);
                error.clone_into(&mut self.error);
                return;
            }
        };
        self.errors = 0;
        self.answered = true;
        if self.wants_spent(now) {
            self.spent_asked = Some(now);
        }
        if let Some(spent) = given.spent.filter(|spent| admit::is_sound(*spent)) {
            self.spent = Some((now, spent));
        }
        let refused = self.admit(now, given.slices);
        self.remark = refused.sentence(given.remark);
    }

    /// All that a verdict is made from.
    #[must_use]
    pub fn evidence(&self, now: DateTime<Utc>) -> Evidence {
        let mut counted = self.counted.clone();
        let mut slow = self.slow;
        let mut latest = self.latest.clone();
        let counts_from = self.counts_from();
        for (at, pair) in &self.open {
            slow.settle(&self.spec, pair);
            push_latest(&mut latest, *at, slow.counts(pair));
            if counts_from.is_some_and(|from| from <= *at) {
                counted.add(*at, pair, &mut slow);
            }
        }
        let oldest = self.floor(now) - self.slice * i32::try_from(LATEST).unwrap_or(i32::MAX);
        latest.retain(|slice| slice.at >= oldest);
        let telemetry = self.telemetry(now, &counted, &slow);
        Evidence {
            schema: SCHEMA,
            spec: self.spec.clone(),
            at: now,
            since: self.since.unwrap_or(now),
            counts_from: counts_from.unwrap_or(now),
            slice: seconds(self.slice),
            telemetry,
            history: self.history.iter().map(|(_, counts)| *counts).collect(),
            latest: latest.into(),
            spent: self.spent.filter(|(at, _)| now - *at <= self.slice * SPENT_KEPT).map(|(_, spent)| spent),
            data: counted.data(self.newest_canary.min(self.newest_baseline)),
            before: self.standing.clone(),
        }
    }

    /// Keeps what is to be remembered of a judgement of [`Self::evidence`], and draws it.
    pub fn commit(&mut self, judgement: &Judgement) {
        self.standing = judgement.after.clone();
        for point in &judgement.path {
            self.trace.conclude(point.at, point.difference, point.interval);
        }
        if judgement.path.is_empty()
            && let Some(newest) = self.newest
        {
            self.trace.conclude(newest - self.slice, judgement.difference, judgement.interval);
        }
    }

    /// What is remembered from the evaluation before.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Goes on with what was remembered elsewhere, when the process begins anew within a step.
    pub fn restore(&mut self, standing: Standing) {
        self.standing = standing;
    }

    /// Somebody saw that it failed in this step, and lets its gates open if it passes now.
    pub fn acknowledge(&mut self) {
        self.standing.held = false;
    }

    /// The past for a chart, oldest first; where nothing was measured, a point without values.
    #[must_use]
    pub fn series(&self) -> Vec<SliPoint> {
        self.trace.points(self.slice)
    }

    /// How much the baselines of two indicators moved together before the step: the correlation of
    /// their slices, from -1 to 1. None with fewer than 20 slices of both, or when one never moved.
    #[must_use]
    pub fn correlation(&self, other: &Self) -> Option<f64> {
        let theirs: BTreeMap<DateTime<Utc>, f64> = other.shares().collect();
        let both: Vec<(f64, f64)> =
            self.shares().filter_map(|(at, mine)| theirs.get(&at).map(|theirs| (mine, *theirs))).collect();
        if both.len() < CORRELATED_MIN {
            return None;
        }
        let of = |pick: fn(&(f64, f64)) -> f64| -> Option<Vec<f64>> {
            let mean = both.iter().map(pick).sum::<f64>() / both.len() as f64;
            let moves: Vec<f64> = both.iter().map(|pair| pick(pair) - mean).collect();
            let scale = moves.iter().map(|moved| moved * moved).sum::<f64>().sqrt();
            // What is left of equal shares by rounding is no movement.
            (scale > 1e-9 * mean.abs()).then(|| moves.iter().map(|moved| moved / scale).collect())
        };
        let (mine, theirs) = (of(|pair| pair.0)?, of(|pair| pair.1)?);
        let correlation: f64 = mine.iter().zip(&theirs).map(|(mine, theirs)| mine * theirs).sum();
        Some(correlation.clamp(-1.0, 1.0))
    }

    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let open: usize = self.open.values().map(|pair| size_of::<(DateTime<Utc>, Pair)>() + pair.bytes()).sum();
        size_of::<Self>()
            + open
            + self.counted.bytes()
            + self.history.capacity() * size_of::<(DateTime<Utc>, Counts)>()
            + self.latest.capacity() * size_of::<Slice>()
            + self.error.capacity()
            + self.remark.capacity()
            + self.trace.bytes()
    }

    fn wants_spent(&self, now: DateTime<Utc>) -> bool {
        let is_due = self.spent_asked.is_none_or(|asked| now - asked >= self.slice * SPENT_EVERY);
        self.spec.objective.is_some() && is_due
    }

    fn shares(&self) -> impl Iterator<Item = (DateTime<Utc>, f64)> {
        self.history
            .iter()
            .filter(|(_, counts)| counts.total > 0.0)
            .map(|(at, counts)| (*at, counts.bad / counts.total))
    }

    /// The beginning of the slice that holds a moment.
    fn floor(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let past = at.timestamp().rem_euclid(self.slice.num_seconds());
        let whole = DateTime::from_timestamp(at.timestamp() - past, 0);
        whole.unwrap_or(at)
    }

    /// The beginning of the first slice of the step that counts: the first whole one after the warm-up.
    fn counts_from(&self) -> Option<DateTime<Utc>> {
        let warm_up = (self.slice * WARM_UP).min(TimeDelta::minutes(2));
        let from = self.since? + warm_up;
        let begun = self.floor(from);
        Some(if begun == from { begun } else { begun + self.slice })
    }

    /// For how long after its end a slice stays open.
    fn late(&self) -> TimeDelta {
        let slices = self.max_lag.num_seconds().div_euclid(self.slice.num_seconds()) - 1;
        self.slice * i32::try_from(slices).unwrap_or(LATE).clamp(LATE, i32::try_from(HISTORY).unwrap_or(i32::MAX))
    }

    fn admit(&mut self, now: DateTime<Utc>, slices: &[Observed]) -> Refused {
        let mut refused = Refused::default();
        let mut folded_to = self.wanted(now).from;
        let closing = (self.floor(now) - self.late()).max(folded_to);
        for observed in slices {
            let at = self.floor(observed.at);
            let end = at + self.slice;
            if end > now + AHEAD {
                refused.future += 1;
                continue;
            }
            if at < folded_to {
                continue;
            }
            let pair = Pair {
                canary: refused.sound(observed.canary.as_ref(), self.spec.kind),
                baseline: refused.sound(observed.baseline.as_ref(), self.spec.kind),
            };
            if pair == Pair::default() {
                continue;
            }
            self.note(end, &pair);
            self.trace.observe(at, value(&self.spec, pair.canary.as_ref()), value(&self.spec, pair.baseline.as_ref()));
            if at < closing {
                self.close(at);
                let pair = pair.or(self.open.remove(&at).unwrap_or_default());
                self.fold(at, &pair);
                folded_to = end;
            } else {
                let before = self.open.remove(&at).unwrap_or_default();
                self.open.insert(at, pair.or(before));
            }
        }
        self.close(closing);
        self.closed_to = Some(closing);
        refused
    }

    /// Notes how far the arms' data go.
    fn note(&mut self, end: DateTime<Utc>, pair: &Pair) {
        if pair.canary.is_some() {
            self.newest_canary = self.newest_canary.max(Some(end));
        }
        if pair.baseline.is_some() {
            self.newest_baseline = self.newest_baseline.max(Some(end));
        }
        if pair.canary.is_some() && pair.baseline.is_some() {
            self.newest = self.newest.max(Some(end));
        }
    }

    /// Folds all open slices that begin before it.
    fn close(&mut self, before: DateTime<Utc>) {
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() < before) {
            let (at, pair) = first.remove_entry();
            self.fold(at, &pair);
        }
    }

    /// Counts a slice that is closed.
    fn fold(&mut self, at: DateTime<Utc>, pair: &Pair) {
        self.slow.settle(&self.spec, pair);
        push_latest(&mut self.latest, at, self.slow.counts(pair));
        let is_before = self.since.is_none_or(|since| at + self.slice <= since);
        if is_before {
            if let Some(baseline) = self.slow.of_baseline(pair) {
                self.remember(at, baseline);
            }
        } else if self.counts_from().is_some_and(|from| from <= at) {
            self.counted.add(at, pair, &mut self.slow);
        }
    }

    fn remember(&mut self, at: DateTime<Utc>, baseline: Counts) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((at, baseline));
    }
}

impl Pair {
    /// This, and what only an earlier answer had.
    fn or(self, before: Self) -> Self {
        Self { canary: self.canary.or(before.canary), baseline: self.baseline.or(before.baseline) }
    }

    fn bytes(&self) -> usize {
        [&self.canary, &self.baseline].into_iter().flatten().map(Sound::bytes).sum()
    }
}

/// An arm's value in one slice, as it is drawn: a share of good events where less is worse.
fn value(spec: &Spec, sound: Option<&Sound>) -> Option<f64> {
    match sound? {
        Sound::Events(counts) if counts.total > 0.0 => {
            let share = counts.bad / counts.total;
            let is_of_good = spec.kind == SliKind::Ratio && spec.direction == Direction::LowerIsWorse;
            Some(if is_of_good { 1.0 - share } else { share })
        }
        Sound::Events(_) => None,
        Sound::Durations(histogram) => histogram.quantile(0.95).map(|estimate| estimate.value),
        Sound::Value(value) => Some(*value),
    }
}

/// Adds a slice with events of any arm; what is missing of the other counts as none.
fn push_latest(latest: &mut VecDeque<Slice>, at: DateTime<Utc>, counts: Option<(Option<Counts>, Option<Counts>)>) {
    let Some((canary, baseline)) = counts else { return };
    if latest.len() == LATEST {
        latest.pop_front();
    }
    let (canary, baseline) = (canary.unwrap_or_default(), baseline.unwrap_or_default());
    latest.push_back(Slice { at, merged: 1, canary, baseline });
}

fn seconds(span: TimeDelta) -> f64 {
    span.num_milliseconds() as f64 / 1000.0
}
