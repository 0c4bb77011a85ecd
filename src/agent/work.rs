//! The agent's own loop: waits for orders, carries one out at a time, checks in between.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    AgentError, AgentOptions, STOP_GRACE, artifact,
    check::{self, conclude},
    command::{Ended, How, Job, ProcessMark, Running},
    flags::Held,
    link::{Link, Poller},
    memory::{Kept, Memory, Stage},
    outbox::Outbox,
};
use crate::{
    domain::{Digest, FailureCategory, Report, ReportState, SafeBlock},
    wire::Desired,
};

/// A check has at least this long.
const CHECK_DEADLINE: Duration = Duration::from_secs(30);
/// The apply command's exit code for *refused before anything was changed*.
const PREFLIGHT_REFUSED: i32 = 3;

/// The agent at work.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    options: &'a AgentOptions,
    link: &'a Link,
    outbox: &'a Outbox,
    memory: Memory,
    /// The flags that are kept.
    flags: watch::Receiver<Arc<Held>>,
    check_due: Instant,
    /// Whether it was said that the check measures no snapshot.
    said_claimed: bool,
}

/// How an order ended.
struct Outcome {
    stage: Stage,
    claimed: Option<Digest>,
    tail: SafeBlock,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        options: &'a AgentOptions,
        link: &'a Link,
        outbox: &'a Outbox,
        memory: Memory,
        flags: watch::Receiver<Arc<Held>>,
    ) -> Self {
        Self { options, link, outbox, memory, flags, check_due: Instant::now(), said_claimed: false }
    }

    /// Works until `shutdown`.
    pub(super) async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), AgentError> {
        self.take_up_again(shutdown).await;
        let link = self.link;
        let mut poller = Poller::new(link);
        while !shutdown.is_cancelled() {
            let next = poller.next(self.memory.kept().generation());
            tokio::pin!(next);
            let order = loop {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return Ok(()),
                    // A check that is under way then is dropped, and so killed.
                    order = &mut next => break order?,
                    report = self.check() => {
                        self.say_claimed(&report);
                        self.outbox.put(report);
                        self.check_due = Instant::now().max(self.check_due) + self.options.check_interval;
                    }
                }
            };
            self.carry_out(order, shutdown).await;
        }
        Ok(())
    }

    /// Runs the apply again that a kill of the agent cut short.
    async fn take_up_again(&mut self, shutdown: &CancellationToken) {
        let kept = self.memory.kept();
        let (Stage::Applying, Some(order)) = (&kept.stage, kept.order.clone()) else { return };
        tracing::warn!(generation = order.generation, "the agent was ended in the middle of an apply: it is run again");
        if let Some(process) = kept.process.clone()
            && process.kill_left_over().await
        {
            tracing::warn!("what was left of that apply was killed");
        }
        self.carry_out(order, shutdown).await;
    }

    /// Carries an order out to its end, or until the agent is to end.
    async fn carry_out(&mut self, order: Desired, shutdown: &CancellationToken) {
        tracing::info!(generation = order.generation, version = %order.version, snapshot = %order.snapshot, "applying");
        let claimed = self.memory.kept().claimed.clone();
        let begun = Kept { order: Some(order.clone()), stage: Stage::Applying, claimed, ..Kept::default() };
        let outcome = match self.memory.keep(begun).await {
            Ok(()) => {
                self.outbox.put(self.applying());
                self.apply(&order, shutdown).await
            }
            // Without the record a kill would make it forget what it did: nothing is begun.
            Err(error) => Some(self.refused(format!("the agent cannot write down that it begins: {error}"))),
        };
        let Some(outcome) = outcome else {
            tracing::warn!(
                generation = order.generation,
                "ended in the middle of an apply: it runs again at the next start"
            );
            return;
        };
        self.check_due = Instant::now();
        let (state, category) = match &outcome.stage {
            Stage::Failed { category, .. } => (ReportState::Failed, Some(*category)),
            _ => (ReportState::Applied, None),
        };
        tracing::info!(generation = order.generation, ?state, ?category, "apply ended");
        let report = Report {
            claimed: outcome.claimed.clone(),
            category,
            output_tail: outcome.tail,
            ..self.report(order.generation, state)
        };
        let kept = Kept { order: Some(order), stage: outcome.stage, claimed: outcome.claimed, ..Kept::default() };
        if let Err(error) = self.memory.keep(kept).await {
            tracing::error!("the end of an apply cannot be written down ({error}): after a restart it runs again");
        }
        self.outbox.put(report);
    }

    /// Fetches and applies, saying all along that it does. None when the agent is to end.
    async fn apply(&mut self, order: &Desired, shutdown: &CancellationToken) -> Option<Outcome> {
        let (outbox, interval, applying) = (self.outbox, self.options.check_interval, self.applying());
        let heartbeat = async {
            loop {
                sleep(interval).await;
                outbox.put(applying.clone());
            }
        };
        tokio::select! {
            outcome = self.fetch_and_run(order, shutdown) => outcome,
            () = heartbeat => None,
        }
    }

    async fn fetch_and_run(&mut self, order: &Desired, shutdown: &CancellationToken) -> Option<Outcome> {
        artifact::tidy(self.memory.directory(), order);
        let allowed = match order.deadline {
            0 => self.options.apply_deadline,
            seconds => self.options.apply_deadline.min(Duration::from_secs(seconds)),
        };
        let fetched = tokio::select! {
            fetched = artifact::fetch(self.link, order, self.memory.directory(), Instant::now() + allowed) => fetched,
            () = shutdown.cancelled() => return None,
        };
        let artifact = match fetched {
            Ok(artifact) => artifact,
            Err(error) => {
                return Some(self.unchanged(FailureCategory::Download, check::tail(None, &[error.to_string()])));
            }
        };
        let mut variables = self.variables();
        variables.extend([
            ("ROLLDECK_SNAPSHOT", order.snapshot.to_string()),
            ("ROLLDECK_VERSION", order.version.to_string()),
            ("ROLLDECK_PREVIOUS", order.previous.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("ROLLDECK_GENERATION", order.generation.to_string()),
        ]);
        variables.extend(artifact.map(|path| ("ROLLDECK_ARTIFACT", path.display().to_string())));
        let job = Job { command: self.options.apply.clone(), variables };
        let mut running = match Running::start_held(&job) {
            Ok(running) => running,
            Err(error) => return Some(self.refused(format!("/bin/sh cannot be started: {error}"))),
        };
        // Written down before it runs anything: a restarted agent finds what a killed one left behind.
        let process = running.group().and_then(ProcessMark::of);
        let begun = Kept { process, ..self.memory.kept().clone() };
        if let Err(error) = self.memory.keep(begun).await {
            tracing::warn!("which process applies cannot be written down: {error}");
        }
        if let Err(error) = running.release().await {
            return Some(self.refused(format!("the apply command could not be started: {error}")));
        }
        let stop = async {
            shutdown.cancelled().await;
            sleep(STOP_GRACE).await;
        };
        match running.finish(Instant::now() + allowed, stop).await {
            Ok(ended) => self.judge_apply(order, &ended, allowed),
            Err(error) => {
                Some(failed(&SafeBlock::default(), format!("how the apply command ended is not known: {error}")))
            }
        }
    }

    fn judge_apply(&self, order: &Desired, ended: &Ended, allowed: Duration) -> Option<Outcome> {
        Some(match ended.how {
            How::Exited(0) => {
                Outcome { stage: Stage::Applied, claimed: Some(order.snapshot.clone()), tail: ended.tail.clone() }
            }
            How::Exited(PREFLIGHT_REFUSED) => self.unchanged(
                FailureCategory::Preflight,
                check::tail(
                    Some(&ended.tail),
                    &["the apply command refused before it changed anything (exit 3)".to_owned()],
                ),
            ),
            How::Exited(code) => failed(&ended.tail, format!("the apply command exited {code}")),
            How::Signalled(signal) => failed(&ended.tail, format!("the apply command was ended by signal {signal}")),
            How::PastDeadline => failed(
                &ended.tail,
                format!("the apply command ran past its {} s and was killed", allowed.as_secs_f64()),
            ),
            How::Stopped => return None,
        })
    }

    /// Nothing was changed: what was claimed before still is.
    fn unchanged(&self, category: FailureCategory, tail: SafeBlock) -> Outcome {
        let claimed = self.memory.kept().claimed.clone();
        Outcome { stage: Stage::Failed { category, output_tail: tail.clone() }, claimed, tail }
    }

    fn refused(&self, why: String) -> Outcome {
        self.unchanged(FailureCategory::Preflight, check::tail(None, &[why]))
    }

    /// Waits until a check is due, runs it, and says what it means.
    async fn check(&self) -> Report {
        sleep_until(self.check_due).await;
        let kept = self.memory.kept();
        let job = Job { command: self.options.check.clone(), variables: self.variables() };
        let deadline = Instant::now() + CHECK_DEADLINE.max(self.options.check_interval);
        let ended = match Running::start(&job) {
            Ok(running) => running.finish(deadline, std::future::pending()).await,
            Err(error) => Err(error),
        };
        let ended = ended.unwrap_or_else(|error| Ended {
            how: How::Exited(-1),
            stdout: Some(Vec::new()),
            tail: SafeBlock::new(format!("the check could not be run: {error}")),
        });
        let concluded = conclude(kept, &ended);
        Report {
            measured: concluded.measured,
            claimed: concluded.claimed,
            facts: concluded.said.facts,
            slis: concluded.said.slis,
            category: concluded.category,
            output_tail: concluded.output_tail,
            checked_at: Some(self.options.clock.now()),
            ..self.report(kept.generation(), concluded.state)
        }
    }

    /// Says once that what runs here is not measured.
    fn say_claimed(&mut self, report: &Report) {
        if report.claimed.is_some() && !std::mem::replace(&mut self.said_claimed, true) {
            tracing::info!(
                "the check measures no snapshot: what was applied is reported as claimed; let it print {{\"snapshot\": \"sha256:...\"}}"
            );
        }
    }

    fn applying(&self) -> Report {
        self.report(self.memory.kept().generation(), ReportState::Applying)
    }

    /// What every command of the unit is told.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let unit = self.options.unit();
        let mut variables = vec![
            ("ROLLDECK_GROUP", unit.group.to_string()),
            ("ROLLDECK_SITE", unit.site.to_string()),
            ("ROLLDECK_LANE", unit.lane.to_string()),
        ];
        variables.extend(self.flags.borrow().variables());
        variables
    }

    /// A report without content.
    fn report(&self, generation: u64, state: ReportState) -> Report {
        Report {
            generation,
            state,
            measured: None,
            claimed: None,
            facts: crate::domain::Facts::new(),
            slis: std::collections::BTreeMap::new(),
            category: None,
            output_tail: SafeBlock::default(),
            check_interval: self.options.check_interval.as_secs_f64(),
            labels: self.options.labels.clone(),
            checked_at: None,
            flags: self.flags.borrow().revisions.clone(),
            evaluated: self.flags.borrow().asked.said(),
            audit_broken: self.link.trail(),
        }
    }
}

/// It may have changed anything: nothing is claimed any more.
fn failed(output: &SafeBlock, why: String) -> Outcome {
    let tail = check::tail(Some(output), &[why]);
    let stage = Stage::Failed { category: FailureCategory::Apply, output_tail: tail.clone() };
    Outcome { stage, claimed: None, tail }
}
