//! Marks, roles and numbers for the domain's words: one place, so that a state looks the same everywhere.

use chrono::{DateTime, Utc};

use crate::{
    domain::{BlockerKind, GateState, Outcome, Phase, Rollout, Sli, StageState, Verdict, rollout::CheckState},
    tui::{
        app::{
            App,
            attention::{self, Class},
            trail::Proof,
        },
        theme::{Mark, Role},
    },
};

/// The mark of a class; none for what is quiet.
pub(super) const fn class_mark(class: Class) -> Option<Mark> {
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
pub(super) const fn class_role(class: Class) -> Role {
    match class_mark(class) {
        Some(mark) => mark.role(),
        None => Role::Normal,
    }
}

/// The mark of a stage, where the rollout as a whole matters for the current one.
pub(super) fn stage_mark(rollout: &Rollout, index: usize) -> Mark {
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
pub(super) const fn stage_word(state: StageState) -> &'static str {
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
pub(super) const fn gate(state: GateState) -> (Mark, &'static str) {
    match state {
        GateState::Breached => (Mark::Fail, "BREACHED"),
        GateState::NotYet => (Mark::NeedsPerson, "NOT YET"),
        GateState::Unknown => (Mark::NoData, "UNKNOWN"),
        GateState::Pass => (Mark::Passed, "pass"),
        GateState::Waiting => (Mark::Waiting, "waiting"),
    }
}

/// The mark of a blocker and its word.
pub(super) const fn blocker(kind: BlockerKind) -> (Mark, &'static str) {
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
    }
}

/// The mark of a verdict.
pub(super) const fn verdict_mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Fail => Mark::Fail,
        Verdict::Watch => Mark::NeedsPerson,
        Verdict::NoData => Mark::NoData,
        Verdict::Insufficient => Mark::Waiting,
        Verdict::Pass => Mark::Passed,
    }
}

/// The mark of a line of a preview.
pub(super) const fn check_mark(state: CheckState) -> Mark {
    match state {
        CheckState::Pass => Mark::Passed,
        CheckState::Warn => Mark::NeedsPerson,
        CheckState::Block => Mark::Fail,
    }
}

/// The mark of an audit entry's outcome.
pub(super) const fn outcome_mark(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Applied => Mark::Passed,
        Outcome::Intended | Outcome::NoOp => Mark::Waiting,
        Outcome::Refused => Mark::NeedsPerson,
        Outcome::Failed => Mark::Fail,
        Outcome::Unconfirmed => Mark::NoData,
    }
}

/// The mark and the word of what is proven.
pub(super) const fn proof(proof: Proof) -> (Mark, &'static str) {
    match proof {
        Proof::Unchecked => (Mark::Waiting, "not checked yet"),
        Proof::Proven => (Mark::Passed, "proven"),
        Proof::Unproven => (Mark::NoData, "unproven"),
        Proof::Broken => (Mark::Fail, "BROKEN"),
    }
}

/// A number with three digits that matter.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e6 {
        format!("{:.1}M", value / 1e6)
    } else if size >= 1e4 {
        format!("{:.0}k", value / 1e3)
    } else if size >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.1}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// A value of an indicator in its unit: a ratio as a percentage.
pub(super) fn value(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => {
            let percent = value * 100.0;
            if percent.abs() >= 100.0 || percent == 0.0 {
                format!("{percent:.0}%")
            } else if percent.abs() >= 10.0 {
                format!("{percent:.1}%")
            } else {
                format!("{percent:.2}%")
            }
        }
        "" => number(value),
        unit => format!("{} {unit}", number(value)),
    }
}

/// A value, or the words that there is none.
pub(super) fn value_or_none(v: Option<f64>, sli: &Sli) -> String {
    v.filter(|v| v.is_finite()).map_or_else(|| "no data".to_owned(), |v| value(v, sli.unit.as_str()))
}

/// A difference with its sign.
pub(super) fn difference(sli: &Sli) -> String {
    sli.difference.filter(|d| d.is_finite()).map_or_else(
        || "-".to_owned(),
        |d| {
            let sign = if d >= 0.0 { "+" } else { "" };
            format!("{sign}{}", value(d, sli.unit.as_str()))
        },
    )
}

/// How many samples both sides stand on.
pub(super) fn samples(sli: &Sli) -> String {
    let side = |n: Option<f64>| n.filter(|n| n.is_finite()).map_or_else(|| "-".to_owned(), number);
    format!("{}/{}", side(sli.canary.samples), side(sli.baseline.samples))
}

/// A version, or `-`.
pub(super) fn version(version: &crate::domain::VersionRef) -> &str {
    version.version.as_ref().map_or("-", |v| v.as_str())
}

/// A digest in its short form.
pub(super) fn digest(digest: Option<&crate::domain::Digest>) -> &str {
    digest.map_or("-", crate::domain::Digest::short)
}

/// What happens next to a rollout, in a few words: `promote`, `hold 21m`.
pub(super) fn next(app: &App, rollout: &Rollout) -> String {
    let now = app.server_now();
    match (&rollout.next, rollout.phase) {
        (Some(next), _) => match next.at {
            Some(at) => format!("{} {}", crate::tui::app::age::coarse_left(now, at), next.what),
            None => next.what.as_str().to_owned(),
        },
        (None, Phase::AwaitingPromotion) => "promote".to_owned(),
        (None, Phase::Paused) => "resume".to_owned(),
        (None, Phase::Completed) => "done".to_owned(),
        (None, _) => "-".to_owned(),
    }
}

/// `12:04:31Z (1m)`: the instant first, what is left second.
pub(super) fn deadline(app: &App, at: DateTime<Utc>) -> String {
    let left = at - app.server_now();
    format!("{} ({})", app.clock_seconds(at), crate::tui::app::age::left(left))
}
