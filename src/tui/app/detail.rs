//! The state of the detail view: one watched rollout, its timeline, and where the cursor is in each pane.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    attention,
    rollouts::scroll,
    signal,
    story::{self, Told},
    tree::Folded,
};
use crate::{
    backend::BackendError,
    domain::{
        AuditEntry, BlockerKind, Failure, Gate, Rollout, RolloutId, Sli, UnitView, Workload,
        workload::{MetricView, ObjectState, ObjectView, RunView},
    },
};

/// Most timeline entries that are asked for.
pub const TIMELINE_MAX: u32 = 200;

/// A pane of the detail view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// Why it does not move: blockers, and the gates of the stage.
    Gates,
    /// Indicators, canary against baseline.
    Slis,
    /// Units, those that failed first.
    Units,
    /// What happened.
    Timeline,
    /// Analysis runs of a workload with their metrics.
    Analysis,
    /// Objects of a workload as a tree.
    Objects,
    /// Revisions of a workload, and facts that have no place of their own.
    Revisions,
}

/// How many panes there are.
const PANES: usize = 7;
/// The panes of a fleet's rollout, in the order of Tab.
const FLEET: [Pane; 4] = [Pane::Gates, Pane::Slis, Pane::Units, Pane::Timeline];
/// The panes of a workload, in the order of Tab.
const WORKLOAD: [Pane; 6] = [Pane::Gates, Pane::Analysis, Pane::Slis, Pane::Objects, Pane::Revisions, Pane::Timeline];

impl Pane {
    /// The panes of a rollout, in the order of Tab.
    #[must_use]
    pub fn of(rollout: &Rollout) -> &'static [Self] {
        if rollout.workload.is_some() { &WORKLOAD } else { &FLEET }
    }
}

/// One line of the analysis pane.
#[derive(Debug, Clone, Copy)]
pub enum RunLine<'a> {
    /// A run.
    Run(&'a RunView),
    /// One of its metrics.
    Metric(&'a RunView, &'a MetricView),
}

/// One line of the units pane.
#[derive(Debug, Clone, Copy)]
pub struct UnitLine<'a> {
    /// The unit, where the backend sent it.
    pub unit: Option<&'a UnitView>,
    /// Its newest failure.
    pub failure: Option<&'a Failure>,
}

/// The detail view.
#[derive(Debug)]
pub struct Detail {
    /// Which rollout.
    pub id: RolloutId,
    /// All that is shown of it; none before the first answer.
    pub full: Option<Arc<Rollout>>,
    /// Why there is none.
    pub error: Option<BackendError>,
    /// What happened, the newest first.
    pub timeline: Vec<AuditEntry>,
    /// Why the timeline could not be had.
    pub timeline_error: Option<BackendError>,
    /// The pane that has the keys.
    pub pane: Pane,
    /// Whether it has the whole screen.
    pub zoom: bool,
    /// The stage whose gates are shown; the current one, when none.
    pub stage: Option<usize>,
    /// What is folded away of the objects.
    pub folded: Folded,
    /// Whether somebody chose the pane: until then it is the one where something went wrong.
    chosen: bool,
    cursors: [usize; PANES],
}

impl Detail {
    /// A view on a rollout of which nothing but its summary is known.
    #[must_use]
    pub fn new(id: RolloutId) -> Self {
        Self {
            id,
            full: None,
            error: None,
            timeline: Vec::new(),
            timeline_error: None,
            pane: Pane::Gates,
            zoom: false,
            stage: None,
            folded: Folded::default(),
            chosen: false,
            cursors: [0; PANES],
        }
    }

    /// Takes the rollout as it is now. Says whether its timeline is to be asked for again.
    pub fn take(&mut self, rollout: Rollout) -> bool {
        let kinds = |rollout: &Rollout| rollout.blockers.iter().map(|blocker| blocker.kind).collect::<Vec<_>>();
        let sent = |rollout: &Rollout| rollout.pending.as_ref().map(|pending| (pending.at, pending.unconfirmed));
        let moved = self.full.as_ref().is_some_and(|old| {
            old.revision != rollout.revision
                || old.updated_at != rollout.updated_at
                || kinds(old) != kinds(&rollout)
                || sent(old) != sent(&rollout)
        });
        self.open_on(&rollout);
        self.full = Some(Arc::new(rollout));
        self.error = None;
        moved
    }

    /// Opens the units, when one of them failed and nobody chose another pane yet: a unit's output says
    /// more than the blocker that names it. Of a workload it is the analysis that fails, else the objects.
    pub fn open_on(&mut self, rollout: &Rollout) {
        if let Some(workload) = &rollout.workload {
            if !self.chosen {
                self.pane = worst_pane(rollout, workload);
            } else if !Pane::of(rollout).contains(&self.pane) {
                self.pane = Pane::Gates;
            }
            return;
        }
        let failed = rollout.blockers.iter().any(|blocker| blocker.kind == BlockerKind::Failure)
            || rollout.failures.as_ref().is_some_and(|failures| !failures.is_empty());
        if failed && !self.chosen {
            self.pane = Pane::Units;
        }
    }

    /// The index of the stage whose gates are shown.
    #[must_use]
    pub fn shown_stage(&self, rollout: &Rollout) -> Option<usize> {
        let last = rollout.stages.len().checked_sub(1)?;
        Some(self.stage.or_else(|| attention::current_stage(rollout)).unwrap_or(last).min(last))
    }

    /// Gives the pane the whole screen, or takes it back.
    pub fn toggle_zoom(&mut self) {
        self.chosen = true;
        self.zoom = !self.zoom;
    }

    /// Shows the gates of another stage.
    pub fn step_stage(&mut self, forward: bool, rollout: &Rollout) {
        self.chosen = true;
        let Some(at) = self.shown_stage(rollout) else { return };
        let last = rollout.stages.len().saturating_sub(1);
        self.stage = Some(if forward { (at + 1).min(last) } else { at.saturating_sub(1) });
    }

    /// The cursor of a pane.
    #[must_use]
    pub fn cursor(&self, pane: Pane) -> usize {
        self.cursors[pane as usize]
    }

    /// The first visible line of a pane of that height and length.
    #[must_use]
    pub fn top(&self, pane: Pane, height: usize, len: usize) -> usize {
        let cursor = self.cursor(pane).min(len.saturating_sub(1));
        scroll(cursor.saturating_sub(height.saturating_sub(1)), cursor, height, len)
    }

    /// Moves the cursor of the pane that has the keys.
    pub fn move_by(&mut self, by: isize, len: usize) {
        self.chosen = true;
        let cursor = &mut self.cursors[self.pane as usize];
        *cursor = cursor.saturating_add_signed(by).min(len.saturating_sub(1));
    }

    /// Gives the keys to the next pane, or the one before.
    pub fn step_pane(&mut self, forward: bool, rollout: &Rollout) {
        self.chosen = true;
        let panes = Pane::of(rollout);
        let at = panes.iter().position(|pane| *pane == self.pane).unwrap_or(0);
        self.pane = panes[(if forward { at + 1 } else { at + panes.len() - 1 }) % panes.len()];
    }

    /// Folds or unfolds the selected object; `false` where nothing can be folded.
    pub fn fold(&mut self, rollout: &Rollout) -> bool {
        if self.pane != Pane::Objects {
            return false;
        }
        self.chosen = true;
        let objects = objects(rollout);
        let shown = self.folded.shown(objects);
        shown.get(self.cursor(Pane::Objects)).is_some_and(|index| self.folded.toggle(objects, *index))
    }

    /// How many lines a pane has.
    #[must_use]
    pub fn len(&self, pane: Pane, rollout: &Rollout) -> usize {
        match pane {
            Pane::Gates => rollout.blockers.len() + self.gates(rollout).len(),
            Pane::Slis => rollout.slis.len(),
            Pane::Units => self.units(rollout).len(),
            Pane::Timeline => self.timeline.len() + story::happenings(rollout).len(),
            Pane::Analysis => runs(rollout).iter().map(|run| 1 + run.metrics.len()).sum(),
            Pane::Objects => self.folded.shown(objects(rollout)).len(),
            Pane::Revisions => {
                rollout.workload.as_ref().map_or(0, |workload| workload.revisions.len() + workload.facts.len())
            }
        }
    }

    /// Analysis runs with their metrics, those that are waited for first.
    #[must_use]
    pub fn analysis<'a>(&self, rollout: &'a Rollout) -> Vec<RunLine<'a>> {
        let mut sorted: Vec<&RunView> = runs(rollout).iter().collect();
        sorted.sort_by_key(|run| !run.current);
        let metrics = |run: &'a RunView| run.metrics.iter().map(move |metric| RunLine::Metric(run, metric));
        sorted.into_iter().flat_map(|run| std::iter::once(RunLine::Run(run)).chain(metrics(run))).collect()
    }

    /// What happened, from the trail and from the cluster, the newest first.
    #[must_use]
    pub fn story<'a>(&'a self, rollout: &'a Rollout) -> Vec<Told<'a>> {
        story::story(&self.timeline, rollout)
    }

    /// The gates of the shown stage, blocking first.
    #[must_use]
    pub fn gates<'a>(&self, rollout: &'a Rollout) -> Vec<&'a Gate> {
        let Some(stage) = self.shown_stage(rollout).and_then(|at| rollout.stages.get(at)) else { return Vec::new() };
        let mut gates: Vec<&Gate> = stage.gates().iter().collect();
        gates.sort_by_key(|gate| attention::gate_weight(gate.state));
        gates
    }

    /// The indicators, those that need somebody first.
    #[must_use]
    pub fn slis<'a>(&self, rollout: &'a Rollout, now: DateTime<Utc>) -> Vec<&'a Sli> {
        signal::by_need(&rollout.slis, now)
    }

    /// Units and failures: failed ones first, then unreachable ones, then the rest.
    #[must_use]
    pub fn units<'a>(&self, rollout: &'a Rollout) -> Vec<UnitLine<'a>> {
        let failures = rollout.failures.as_deref().unwrap_or_default();
        let units = rollout.units.as_deref().unwrap_or_default();
        let mut lines: Vec<UnitLine<'a>> = units
            .iter()
            .map(|unit| UnitLine {
                unit: Some(unit),
                failure: failures.iter().find(|f| f.site == unit.site && f.lane == unit.lane),
            })
            .collect();
        lines.extend(
            failures
                .iter()
                .filter(|f| !units.iter().any(|u| u.site == f.site && u.lane == f.lane))
                .map(|failure| UnitLine { unit: None, failure: Some(failure) }),
        );
        lines.sort_by_key(rank);
        lines
    }
}

/// The objects of a workload; none of a fleet's rollout.
#[must_use]
pub fn objects(rollout: &Rollout) -> &[ObjectView] {
    rollout.workload.as_ref().map_or(&[], |workload| &workload.objects)
}

fn runs(rollout: &Rollout) -> &[RunView] {
    rollout.workload.as_ref().map_or(&[], |workload| &workload.runs)
}

/// The pane that says most of what went wrong with a workload.
fn worst_pane(rollout: &Rollout, workload: &Workload) -> Pane {
    let fails = |run: &RunView| {
        let metric = |metric: &MetricView| !metric.dry_run && metric.state == ObjectState::Bad;
        run.current && (run.state == ObjectState::Bad || run.metrics.iter().any(metric))
    };
    let failed = rollout.blockers.iter().any(|blocker| blocker.kind == BlockerKind::Failure);
    if workload.runs.iter().any(fails) {
        Pane::Analysis
    } else if failed && workload.objects.iter().any(|object| object.state == ObjectState::Bad) {
        Pane::Objects
    } else {
        Pane::Gates
    }
}

/// Failed units first, then silent ones, those that stay behind, those at work, the rest.
fn rank(line: &UnitLine<'_>) -> u8 {
    let Some(unit) = line.unit else { return 0 };
    match unit.state.as_str() {
        "failed" | "unhealthy" => 0,
        _ if !unit.reachable => 1,
        "left_as_is" => 2,
        "told" | "applying" | "applied" | "reverting" => 3,
        "baseline" => 5,
        _ => 4,
    }
}
