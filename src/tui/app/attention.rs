//! How much attention a rollout needs: its class, its one word, its worst signal. Pure.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};

use super::{carriers, filter::Words, signal};
use crate::domain::{BlockerKind, GateState, Phase, Rollout, RolloutId, StageState, Verdict, sli::SliState};

/// Units of a fleet that were last heard of longer ago than this say STALE.
pub const STALE_AFTER: TimeDelta = TimeDelta::seconds(30);

/// What state a rollout is in for whoever looks, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A unit could not be brought back: it needs a person most.
    RollbackFailed,
    /// A gate breached, or an indicator fails.
    Breach,
    /// Units failed to do what they were told.
    Failed,
    /// Facts are missing, or the backend cannot say.
    NoData,
    /// It goes back.
    RollingBack,
    /// Degraded for another reason.
    Degraded,
    /// A person must promote.
    Waiting,
    /// A window holds it.
    Frozen,
    /// A person stopped it.
    Paused,
    /// It goes on.
    Running,
    /// It was begun and no unit told.
    Pending,
    /// It went back.
    RolledBack,
    /// It ended before any unit was told.
    Aborted,
    /// It is done.
    Completed,
}

impl Class {
    /// The word on the screen: abnormal ones are in upper case, so that they stand out without colour.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RollbackFailed => "BACK FAILED",
            Self::Breach => "BREACH",
            Self::Failed => "FAILED",
            Self::NoData => "NO DATA",
            Self::RollingBack => "GOING BACK",
            Self::Degraded => "DEGRADED",
            Self::Waiting => "WAITING",
            Self::Frozen => "FROZEN",
            Self::Paused => "PAUSED",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::RolledBack => "ROLLED BACK",
            Self::Aborted => "aborted",
            Self::Completed => "quiet",
        }
    }

    /// The words in a sentence of counts: `2 breach`.
    #[must_use]
    pub const fn count_word(self) -> &'static str {
        match self {
            Self::RollbackFailed => "rollback failed",
            Self::Breach => "breach",
            Self::Failed => "failed",
            Self::NoData => "no data",
            Self::RollingBack => "rolling back",
            Self::Degraded => "degraded",
            Self::Waiting => "waiting",
            Self::Frozen => "frozen",
            Self::Paused => "paused",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::Completed => "quiet",
        }
    }

    /// Whether a person should hear of a rollout that comes to be in it.
    #[must_use]
    pub const fn is_abnormal(self) -> bool {
        matches!(
            self,
            Self::RollbackFailed | Self::Breach | Self::Failed | Self::NoData | Self::RollingBack | Self::Degraded
        )
    }

    /// Whether nothing is under way.
    #[must_use]
    pub const fn is_quiet(self) -> bool {
        matches!(self, Self::RolledBack | Self::Aborted | Self::Completed)
    }

    /// The class of a rollout.
    #[must_use]
    pub fn of(rollout: &Rollout) -> Self {
        let blocked = |kind| rollout.blockers.iter().any(|b| b.kind == kind);
        match rollout.phase {
            Phase::RollbackFailed => Self::RollbackFailed,
            Phase::RollingBack => Self::RollingBack,
            Phase::RolledBack => Self::RolledBack,
            Phase::Aborted => Self::Aborted,
            Phase::Completed => Self::Completed,
            Phase::Unknown => Self::NoData,
            _ if blocked(BlockerKind::Breach) || rollout.verdict.label == Verdict::Fail => Self::Breach,
            Phase::Degraded if blocked(BlockerKind::Failure) => Self::Failed,
            Phase::Degraded if blocked(BlockerKind::NoData) => Self::NoData,
            Phase::Degraded if blocked(BlockerKind::Gate) => Self::NoData,
            Phase::Degraded => Self::Degraded,
            Phase::Paused => Self::Paused,
            _ if rollout.freeze.is_some() => Self::Frozen,
            Phase::AwaitingPromotion => Self::Waiting,
            Phase::Pending => Self::Pending,
            Phase::Progressing => Self::Running,
        }
    }
}

/// What rollouts are sorted by; less comes first.
pub type Rank = (Class, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Reverse<u64>, Reverse<DateTime<Utc>>);

/// The sorting key of a rollout: class, then what acts soonest, then age or reach; ties go by name.
#[must_use]
pub fn rank(rollout: &Rollout) -> Rank {
    let class = Class::of(rollout);
    // Options sort `None` first; a rollout that does nothing by itself comes after those that do.
    let soonest = if class.is_abnormal() { rollout.next.as_ref().and_then(|n| n.at) } else { None };
    let soonest = soonest.or(class.is_abnormal().then_some(DateTime::<Utc>::MAX_UTC));
    let oldest = matches!(class, Class::Waiting | Class::Frozen | Class::Paused).then_some(rollout.updated_at);
    let reach = if class == Class::Running { rollout.exposure.percent.clamp(0.0, 100.0) * 100.0 } else { 0.0 };
    (class, soonest, oldest, Reverse(reach as u64), Reverse(rollout.updated_at))
}

/// The word of a verdict.
#[must_use]
pub const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "FAIL",
        Verdict::NoData => "NO DATA",
        Verdict::Watch => "WATCH",
        Verdict::Insufficient => "insufficient",
        Verdict::Pass => "pass",
    }
}

/// What is worst about a rollout, in a few words: what users feel, before a blocker, before an indicator
/// of which nobody knows, before `all pass`.
#[must_use]
pub fn worst_signal(rollout: &Rollout, now: DateTime<Utc>) -> String {
    let class = Class::of(rollout);
    if class.is_quiet() {
        return rollout.message.as_str().to_owned();
    }
    let slis = signal::by_need(&rollout.slis, now);
    let worst = slis.first().map(|sli| (signal::state(sli, now), *sli));
    // Units that failed are said before what they cause.
    let units_first = matches!(class, Class::RollbackFailed | Class::Failed);
    if let Some((SliState::Fail, sli)) = worst.filter(|_| !units_first) {
        return signal::brief(sli, now);
    }
    if let Some(blocker) = rollout.blockers.iter().find(|b| {
        matches!(b.kind, BlockerKind::Failure | BlockerKind::Breach | BlockerKind::NoData | BlockerKind::Freeze)
    }) {
        return blocker.summary.as_str().to_owned();
    }
    if let Some((SliState::Fail | SliState::Error | SliState::NoData | SliState::Stale | SliState::Watch, sli)) = worst
    {
        return signal::brief(sli, now);
    }
    let judged = !slis.is_empty() && rollout.verdict.label == Verdict::Pass;
    // A workload's step is more than its indicators: what it waits for is said by its blocker.
    let steps = rollout.workload.is_some() && slis.is_empty();
    if !steps && (class == Class::Waiting || (class == Class::Running && judged)) {
        // Gates may pass while indicators have too little to say: that is not all.
        return if judged || slis.is_empty() { "all pass" } else { "gates pass" }.to_owned();
    }
    rollout.blockers.first().map_or_else(|| rollout.message.as_str(), |b| b.summary.as_str()).to_owned()
}

/// The class that a stage's pip shows, for the stage where the rollout is now.
#[must_use]
pub fn stage_class(rollout: &Rollout, index: usize) -> Option<StageState> {
    rollout.stages.get(index).map(|stage| stage.state)
}

/// The index of the stage it is in.
#[must_use]
pub fn current_stage(rollout: &Rollout) -> Option<usize> {
    let name = rollout.current_stage.as_ref()?;
    rollout.stages.iter().position(|stage| &stage.name == name)
}

/// How weighty a gate's state is, what blocks first.
#[must_use]
pub const fn gate_weight(state: GateState) -> u8 {
    match state {
        GateState::Breached => 0,
        GateState::NotYet => 1,
        GateState::Unknown => 2,
        GateState::Pass => 3,
        GateState::Waiting => 4,
    }
}

/// How long a rollout may go unheard of: units report by themselves, a cluster says that all is as it was.
#[must_use]
pub fn stale_after(rollout: &Rollout) -> TimeDelta {
    if rollout.workload.is_some() { carriers::STALE_AFTER } else { STALE_AFTER }
}

/// Whether it was last heard of too long ago, at the server's time.
/// What has ended is not judged: nobody decides on it.
#[must_use]
pub fn is_stale(rollout: &Rollout, heard: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let begun = rollout.phase != Phase::Pending || rollout.workload.is_some();
    let open = !rollout.phase.is_terminal() && begun;
    open && heard.is_some_and(|at| now - at > stale_after(rollout))
}

/// What a filter looks into, by the columns of [`super::rollouts::COLUMNS`]: what is said of it as of its last
/// change.
#[must_use]
pub fn words(rollout: &Rollout) -> Words {
    let state = format!("{} {}", Class::of(rollout).word(), rollout.phase);
    let address = format!("{}/{}", rollout.target, rollout.name);
    let signal = worst_signal(rollout, rollout.updated_at);
    Words::of(&[
        &state,
        &address,
        rollout.candidate.version.as_ref().map_or("", |version| version.as_str()),
        rollout.current_stage.as_ref().map_or("", |stage| stage.as_str()),
        rollout.owner.as_str(),
        // What every fleet has in common finds nothing.
        if rollout.workload.is_some() { rollout.driver.as_str() } else { "" },
        rollout.target.as_str(),
        &signal,
    ])
}

/// Where a rollout is addressed, for keys of maps that outlive it.
#[must_use]
pub fn draft_key(id: &RolloutId, verb: &str) -> String {
    format!("{id} {verb}")
}
