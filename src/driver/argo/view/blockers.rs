//! What keeps a rollout from going on, each in one sentence with numbers.

use super::{
    super::{
        act::journey,
        analysis::{Run, state},
        object::Rollout,
        phase::Stale,
        step::Step,
        weight,
    },
    Sight,
    situation::Situation,
    time,
};
use crate::domain::{Blocker, BlockerKind, SafeText, Verdict, sli::SliState, workload::ObjectState};

/// The reasons, the weightiest first.
pub(super) fn blockers(sight: &Sight<'_>) -> Vec<Blocker> {
    let mut all = own(sight);
    if sight.situation.is_under_way(sight.rollout) {
        for blocker in judged(sight) {
            if !all.iter().any(|other| other.summary.as_str().contains(blocker.summary.as_str())) {
                all.push(blocker);
            }
        }
    }
    all.sort_by_key(|blocker| blocker.kind);
    all
}

fn blocker(kind: BlockerKind, summary: impl AsRef<str>) -> Blocker {
    Blocker { kind, summary: SafeText::new(summary), since: None, until: None }
}

/// What follows from what it is in the middle of.
fn own(sight: &Sight<'_>) -> Vec<Blocker> {
    let rollout = sight.rollout;
    let status = &rollout.status;
    let said = &sight.standing.message;
    // The condition may be older than the update.
    let of_progressing =
        rollout.condition("Progressing").and_then(|condition| condition.since).map(|since| since.max(sight.created_at));
    match sight.situation {
        Situation::Completed => Vec::new(),
        Situation::Unknown if said.is_empty() => {
            vec![blocker(
                BlockerKind::NoData,
                "its controller calls it healthy, and another version stable: it cannot be told where it is",
            )]
        }
        Situation::Unknown => vec![blocker(BlockerKind::NoData, said)],
        Situation::Untouched => {
            vec![blocker(BlockerKind::InProgress, "no controller has taken it up yet: it has no status")]
        }
        Situation::Behind(stale) => vec![behind(rollout, stale)],
        Situation::Invalid => vec![Blocker {
            since: rollout.condition("InvalidSpec").and_then(|condition| condition.since),
            ..blocker(
                BlockerKind::Failure,
                format!("its controller refuses the spec: {}", stripped(said, "InvalidSpec: ")),
            )
        }],
        Situation::Aborted { serves, held } => {
            let mut all = vec![Blocker { since: status.aborted_at, ..blocker(BlockerKind::Failure, aborted(sight)) }];
            if held {
                all.push(Blocker {
                    since: rollout.meta.writer("spec.paused").and_then(|writer| writer.at),
                    ..blocker(BlockerKind::Paused, trap(sight))
                });
            } else if serves {
                all.push(blocker(BlockerKind::InProgress, going_back(sight)));
            }
            all
        }
        Situation::AbortedForNothing => vec![Blocker {
            since: status.aborted_at,
            ..blocker(
                BlockerKind::Failure,
                format!(
                    "{} is stable, and was aborted after that: retry takes the mark away",
                    journey::present(rollout)
                ),
            )
        }],
        Situation::Degraded => {
            vec![Blocker { since: of_progressing, ..blocker(BlockerKind::Failure, degraded(sight)) }]
        }
        Situation::Paused => {
            let mut all = vec![by_person(sight)];
            all.extend((!status.pauses.is_empty()).then(|| Blocker { kind: BlockerKind::Hold, ..waits(sight) }));
            all
        }
        Situation::Inconclusive => vec![inconclusive(sight)],
        Situation::Timed { until } => {
            let step = if rollout.steps().is_empty() {
                "the switch to the new version".to_owned()
            } else {
                journey::step(rollout, status.step_index.unwrap_or(0))
            };
            let ends =
                until.map_or_else(|| "ends by itself".to_owned(), |at| format!("ends at {}", time(at, sight.now)));
            let summary =
                if rollout.steps().is_empty() { format!("{step} waits: {ends}") } else { format!("{step} {ends}") };
            vec![Blocker { since: since(rollout), until, ..blocker(BlockerKind::Hold, summary) }]
        }
        Situation::Waits => vec![waits(sight)],
        Situation::Progressing => vec![Blocker { since: of_progressing, ..progressing(sight) }],
    }
}

fn stripped<'a>(text: &'a SafeText, prefix: &str) -> &'a str {
    text.as_str().strip_prefix(prefix).unwrap_or(text.as_str())
}

fn since(rollout: &Rollout) -> Option<chrono::DateTime<chrono::Utc>> {
    rollout.status.pauses.first().and_then(|pause| pause.since)
}

fn behind(rollout: &Rollout, stale: Stale) -> Blocker {
    let status = &rollout.status;
    let summary = match stale {
        Stale::Spec => format!(
            "its controller has not seen the newest spec yet: generation {}, seen {}",
            rollout.meta.generation.unwrap_or(0),
            status.observed_generation
        ),
        Stale::Pause => "its pause was answered, and its controller has not noticed yet".to_owned(),
        Stale::Workload => format!(
            "its controller has not seen the newest spec of the workload yet: seen generation {}",
            status.workload_observed_generation
        ),
    };
    blocker(BlockerKind::InProgress, summary)
}

/// Who paused it, and since when.
fn by_person(sight: &Sight<'_>) -> Blocker {
    let writer = sight.rollout.meta.writer("spec.paused");
    // Where the plan pauses too, the condition may be that pause's.
    let alone = sight.rollout.condition("Paused").filter(|_| sight.rollout.status.pauses.is_empty());
    let since = writer.and_then(|writer| writer.at).or_else(|| alone.and_then(|condition| condition.since));
    let by = writer.filter(|writer| !writer.manager.is_empty()).map(|writer| format!(" by {}", writer.manager));
    let at = since.map(|at| format!(" since {}", time(at, sight.now)));
    let summary = format!("paused{}{} (spec.paused)", by.unwrap_or_default(), at.unwrap_or_default());
    Blocker { since, ..blocker(BlockerKind::Paused, summary) }
}

/// A pause of the plan, or an answer that is missing, that a person must end.
fn waits(sight: &Sight<'_>) -> Blocker {
    let rollout = sight.rollout;
    let since = since(rollout);
    let at = since.map(|at| format!(" since {}", time(at, sight.now))).unwrap_or_default();
    let summary = match rollout.status.pauses.first().map(|pause| pause.reason.as_str()) {
        Some("BlueGreenPause") => format!("the switch to the new version waits for a person{at}"),
        Some(reason) if reason.starts_with("Inconclusive") => return inconclusive(sight),
        _ if rollout.steps().is_empty() => format!("it waits for a person{at}"),
        _ => format!("{} waits for a person{at}", journey::step(rollout, rollout.status.step_index.unwrap_or(0))),
    };
    Blocker { since, ..blocker(BlockerKind::Gate, summary) }
}

fn inconclusive(sight: &Sight<'_>) -> Blocker {
    let why = sight.runs().into_iter().find(|run| run.phase == "Inconclusive").map(Run::why);
    let told = sight.run_states().find(|run| run.phase == "Inconclusive").map(|run| run.message.clone());
    let why = why.or(told).filter(|why| !why.is_empty());
    let what = match sight.rollout.status.pauses.first().map(|pause| pause.reason.as_str()) {
        Some("InconclusiveExperiment") => "an experiment is inconclusive",
        _ => "an analysis is inconclusive",
    };
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    Blocker { since: since(sight.rollout), ..blocker(BlockerKind::Gate, format!("{what}, and a person decides{why}")) }
}

/// Why the update was given up.
pub(super) fn aborted(sight: &Sight<'_>) -> String {
    let rollout = sight.rollout;
    let at = rollout.status.aborted_at.map(|at| format!(" at {}", time(at, sight.now))).unwrap_or_default();
    let present = journey::present(rollout);
    // The run that failed says it with numbers; else what the controller adds to its own sentence.
    let bad = sight.runs().into_iter().find(|run| state(&run.phase) == ObjectState::Bad).map(Run::why);
    let told = || {
        let message = stripped(&sight.standing.message, "RolloutAborted: ");
        let own = format!("Rollout aborted update to revision {}", rollout.revision_number());
        let rest = message.strip_prefix(own.as_str()).unwrap_or(message).trim_start_matches([':', ' ']);
        SafeText::new(rest)
    };
    let why = bad.filter(|why| !why.is_empty()).unwrap_or_else(told);
    if why.is_empty() { format!("{present} was aborted{at}") } else { format!("{present} was aborted{at}: {why}") }
}

/// What an abort does not do while a person's pause holds the rollout.
pub(super) fn trap(sight: &Sight<'_>) -> String {
    let updated = sight.rollout.status.updated;
    let gets = if super::situation::serves(sight.rollout) { ", and get traffic" } else { "" };
    format!(
        "a person's pause holds it where it is: {} of {} stay{gets} until spec.paused is ended",
        journey::counted(updated),
        journey::present(sight.rollout)
    )
}

fn going_back(sight: &Sight<'_>) -> String {
    let rollout = sight.rollout;
    match &rollout.status.weights {
        Some(weights) if weights.canary > 0 => {
            format!(
                "{} of {} of the traffic still goes to {}",
                weights.canary,
                journey::max_weight(rollout),
                journey::present(rollout)
            )
        }
        _ => format!("{} of {} are still there", journey::counted(rollout.status.updated), journey::present(rollout)),
    }
}

fn degraded(sight: &Sight<'_>) -> String {
    let rollout = sight.rollout;
    let said = &sight.standing.message;
    if !said.as_str().starts_with("ProgressDeadlineExceeded") {
        return said.as_str().to_owned();
    }
    let pods = pods(sight).map(|(_, pods)| format!(": {pods}"));
    let pods = pods.unwrap_or_else(|| format!(": {}", stripped(said, "ProgressDeadlineExceeded: ")));
    format!("no progress within {} s (ProgressDeadlineExceeded){pods}", rollout.progress_deadline)
}

/// What it is busy with.
fn progressing(sight: &Sight<'_>) -> Blocker {
    let rollout = sight.rollout;
    let status = &rollout.status;
    if let Some((kind, pods)) = pods(sight) {
        return blocker(kind, pods);
    }
    if rollout.is_fully_promoted() {
        return blocker(BlockerKind::InProgress, &sight.standing.message);
    }
    let index = status.step_index.unwrap_or(0);
    match rollout.step() {
        Some(Step::Analysis { .. } | Step::Experiment { .. } | Step::Plugin { .. }) => {
            let bad = sight.slis.iter().filter(|sli| sli.required).min_by_key(|sli| sli.need());
            let why = bad.map(|sli| format!(": {}", sli.why)).unwrap_or_default();
            blocker(BlockerKind::InProgress, format!("{} runs{why}", journey::step(rollout, index)))
        }
        Some(_) => blocker(
            BlockerKind::InProgress,
            format!("{} is under way: {}", journey::step(rollout, index), sight.standing.message),
        ),
        None => blocker(BlockerKind::InProgress, &sight.standing.message),
    }
}

/// The candidate's pods that are not available, with why, where it is known.
fn pods(sight: &Sight<'_>) -> Option<(BlockerKind, String)> {
    let rollout = sight.rollout;
    let status = &rollout.status;
    let set = sight.tree.as_ref().and_then(|tree| tree.candidate(rollout));
    if let Some(set) = set {
        let wanted = set.set.replicas.desired.unwrap_or(0);
        let available = set.set.replicas.available.unwrap_or(0);
        let missing = wanted.saturating_sub(available);
        let trouble = set.trouble();
        if missing > 0 {
            let kind = if trouble.is_some() { BlockerKind::Failure } else { BlockerKind::InProgress };
            let why = trouble.map(|trouble| format!(": {trouble}")).unwrap_or_default();
            return Some((
                kind,
                format!(
                    "{missing} of {} of {} not available{why}",
                    journey::counted(wanted),
                    journey::present(rollout)
                ),
            ));
        }
        return None;
    }
    if weight::updated_available(rollout).is_some_and(|available| available >= status.updated) {
        return None;
    }
    let missing = status.replicas.saturating_sub(status.available);
    // Blue-green counts only what is active as available; then nothing is known of the rest.
    (missing > 0 && matches!(rollout.strategy, super::super::object::Strategy::Canary(_)))
        .then(|| (BlockerKind::InProgress, format!("{missing} of {} not available", journey::counted(status.replicas))))
}

/// Indicators that keep it from going on.
fn judged<'a>(sight: &'a Sight<'_>) -> impl Iterator<Item = Blocker> + 'a {
    sight.slis.iter().filter(|sli| sli.required).filter_map(|sli| {
        let kind = match (sli.state(), sli.verdict) {
            (SliState::Fail, _) => BlockerKind::Breach,
            (SliState::Error | SliState::Stale | SliState::NoData, _) => BlockerKind::NoData,
            (SliState::Watch, _) | (_, Verdict::Insufficient) => BlockerKind::Gate,
            (SliState::Warming | SliState::Insufficient | SliState::Pass, _) => return None,
        };
        let since = sli.over_since.filter(|_| kind != BlockerKind::NoData);
        Some(Blocker { since, ..blocker(kind, &sli.why) })
    })
}
