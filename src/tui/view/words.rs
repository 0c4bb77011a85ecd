//! Marks and roles for the domain's words: one place, so that a state looks the same everywhere.

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        BlockerKind, GateState, Outcome, Phase, Rollout, SafeText, StageState, Verdict,
        rollout::CheckState,
        sli::SliState,
        workload::{ObjectState, Pending},
    },
    tui::{
        app::{
            App, age,
            attention::{self, Class},
            trail::Proof,
        },
        theme::{Mark, Role},
    },
};

/// The mark of a class; none for what is quiet.
pub(in crate::tui) const fn class_mark(class: Class) -> Option<Mark> {
    Some(match class {
        Class::RollbackFailed | Class::Breach | Class::Failed => Mark::Fail,
        Class::NoData => Mark::NoData,
        Class::Degraded | Class::Waiting => Mark::NeedsPerson,
        Class::RollingBack | Class::RolledBack => Mark::RolledBack,
        Class::Frozen => Mark::Frozen,
        Class::Paused => Mark::Paused,
        Class::Running => Mark::Running,
        Class::Pending => Mark::Waiting,
        Class::Aborted | Class::Completed => return None,
    })
}

/// The role of a class.
pub(in crate::tui) const fn class_role(class: Class) -> Role {
    match class_mark(class) {
        Some(mark) => mark.role(),
        None => Role::Normal,
    }
}

/// The mark of a stage, where the rollout as a whole matters for the current one.
pub(in crate::tui) fn stage_mark(rollout: &Rollout, index: usize) -> Mark {
    let Some(stage) = rollout.stages.get(index) else { return Mark::Waiting };
    let current = attention::current_stage(rollout) == Some(index) && !rollout.phase.is_terminal();
    if current {
        match Class::of(rollout) {
            Class::Completed | Class::Aborted | Class::RolledBack => {}
            class => return class_mark(class).unwrap_or(Mark::Running),
        }
    }
    match stage.state {
        StageState::Waiting => Mark::Waiting,
        StageState::Progressing | StageState::Holding => Mark::Running,
        StageState::Ready => Mark::NeedsPerson,
        StageState::Passed => Mark::Passed,
        StageState::Failed => Mark::Fail,
        StageState::RolledBack => Mark::RolledBack,
    }
}

/// The word of a stage's state.
pub(in crate::tui) const fn stage_word(state: StageState) -> &'static str {
    match state {
        StageState::Waiting => "waiting",
        StageState::Progressing => "running",
        StageState::Holding => "holding",
        StageState::Ready => "READY",
        StageState::Passed => "passed",
        StageState::Failed => "FAILED",
        StageState::RolledBack => "ROLLED BACK",
    }
}

/// The mark of a gate and its word.
pub(in crate::tui) const fn gate(state: GateState) -> (Mark, &'static str) {
    match state {
        GateState::Breached => (Mark::Fail, "BREACHED"),
        GateState::NotYet => (Mark::NeedsPerson, "NOT YET"),
        GateState::Unknown => (Mark::NoData, "UNKNOWN"),
        GateState::Pass => (Mark::Passed, "pass"),
        GateState::Waiting => (Mark::Waiting, "waiting"),
    }
}

/// The mark of a blocker and its word.
pub(in crate::tui) const fn blocker(kind: BlockerKind) -> (Mark, &'static str) {
    match kind {
        BlockerKind::Failure => (Mark::Fail, "FAILED"),
        BlockerKind::Breach => (Mark::Fail, "BREACH"),
        BlockerKind::Gate => (Mark::NeedsPerson, "GATE"),
        BlockerKind::NoData => (Mark::NoData, "NO DATA"),
        BlockerKind::Freeze => (Mark::Frozen, "FROZEN"),
        BlockerKind::Paused => (Mark::Paused, "PAUSED"),
        BlockerKind::InProgress => (Mark::Running, "running"),
        BlockerKind::Hold => (Mark::Waiting, "hold"),
        BlockerKind::Phase => (Mark::Waiting, "phase"),
        BlockerKind::Approval => (Mark::NeedsPerson, "APPROVAL"),
        BlockerKind::Override => (Mark::Frozen, "OVERRIDE"),
    }
}

/// The mark of a verdict.
pub(in crate::tui) const fn verdict_mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Fail => Mark::Fail,
        Verdict::Watch => Mark::NeedsPerson,
        Verdict::NoData => Mark::NoData,
        Verdict::Insufficient => Mark::Waiting,
        Verdict::Pass => Mark::Passed,
    }
}

/// The mark of an indicator.
pub(in crate::tui) const fn sli_mark(state: SliState) -> Mark {
    match state {
        SliState::Fail => Mark::Fail,
        SliState::Error | SliState::NoData => Mark::NoData,
        SliState::Stale => Mark::Stale,
        SliState::Watch => Mark::NeedsPerson,
        SliState::Warming | SliState::Insufficient => Mark::Waiting,
        SliState::Pass => Mark::Passed,
    }
}

/// The mark of a line of a preview.
pub(in crate::tui) const fn check_mark(state: CheckState) -> Mark {
    match state {
        CheckState::Pass => Mark::Passed,
        CheckState::Warn => Mark::NeedsPerson,
        CheckState::Block => Mark::Fail,
    }
}

/// The mark of an audit entry's outcome.
pub(in crate::tui) const fn outcome_mark(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Applied => Mark::Passed,
        Outcome::Intended | Outcome::NoOp => Mark::Waiting,
        Outcome::Refused => Mark::NeedsPerson,
        Outcome::Failed => Mark::Fail,
        Outcome::Unconfirmed => Mark::NoData,
    }
}

/// The mark and the word of what is proven.
pub(in crate::tui) const fn proof(proof: Proof) -> (Mark, &'static str) {
    match proof {
        Proof::Unchecked => (Mark::Waiting, "not checked yet"),
        Proof::Proven => (Mark::Passed, "proven"),
        Proof::Unproven => (Mark::NoData, "unproven"),
        Proof::Broken => (Mark::Fail, "BROKEN"),
    }
}

/// A version, or `-`.
pub(in crate::tui) fn version(version: &crate::domain::VersionRef) -> &str {
    version.version.as_ref().map_or("-", |v| v.as_str())
}

/// The mark of an object of a cluster; none of what is scaled down or ended.
pub(in crate::tui) const fn object_mark(state: ObjectState) -> Option<Mark> {
    Some(match state {
        ObjectState::Good => Mark::Passed,
        ObjectState::Working => Mark::Running,
        ObjectState::Waiting => Mark::Waiting,
        ObjectState::Bad => Mark::Fail,
        ObjectState::Off => return None,
        ObjectState::Unknown => Mark::NoData,
    })
}

/// The role of an object of a cluster.
pub(in crate::tui) const fn object_role(state: ObjectState) -> Role {
    match object_mark(state) {
        Some(mark) => mark.role(),
        None => Role::Muted,
    }
}

/// The cluster's own word of how an object does; ours where it has none.
pub(in crate::tui) fn object_word(state: ObjectState, status: &SafeText) -> &str {
    match (status.as_str(), state) {
        ("", ObjectState::Good) => "good",
        ("", ObjectState::Working) => "working",
        ("", ObjectState::Waiting) => "waiting",
        ("", ObjectState::Bad) => "BAD",
        ("", ObjectState::Off) => "off",
        ("", ObjectState::Unknown) => "UNKNOWN",
        (word, _) => word,
    }
}

/// An action that was sent and not yet taken up: `SENT promote by mira 4s ago, not yet taken up`.
pub(in crate::tui) fn pending(app: &App, pending: &Pending) -> (Mark, String) {
    let sent = age::age(app.server_now() - pending.at);
    let what = format!("{} by {} {sent} ago", pending.action.words(), pending.by);
    let detail = if pending.detail.is_empty() { String::new() } else { format!(": {}", pending.detail) };
    if pending.unconfirmed {
        (Mark::NoData, format!("UNCONFIRMED {what}, it may be taken up still{detail}"))
    } else {
        (Mark::Running, format!("SENT {what}, not yet taken up{detail}"))
    }
}

/// A digest in its short form.
pub(in crate::tui) fn digest(digest: Option<&crate::domain::Digest>) -> &str {
    digest.map_or("-", crate::domain::Digest::short)
}

/// What happens next to a rollout, in a few words: `promote`, `hold 21m`.
pub(in crate::tui) fn next(app: &App, rollout: &Rollout) -> String {
    let now = app.server_now();
    match (&rollout.next, rollout.phase) {
        (Some(next), _) => match next.at {
            Some(at) => format!("{} {}", age::coarse_left(now, at), next.what),
            None => next.what.as_str().to_owned(),
        },
        (None, Phase::AwaitingPromotion) => "promote".to_owned(),
        (None, Phase::Paused) => "resume".to_owned(),
        (None, Phase::Completed) => "done".to_owned(),
        (None, _) => "-".to_owned(),
    }
}

/// `12:04:31Z (1m)`: the instant first, what is left second.
pub(in crate::tui) fn deadline(app: &App, at: DateTime<Utc>) -> String {
    let left = at - app.server_now();
    format!("{} ({})", app.clock_seconds(at), age::left(left))
}
