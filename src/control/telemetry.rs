//! Asks the sources for what the judge is to see, round after round, and hands it to the writer. The
//! one task of the control plane that waits for other people's servers: it decides nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tracing::warn;

use super::{
    Shared,
    core::Core,
    judging::Heard,
    writer::{Job, ask},
};
use crate::{
    domain::SafeText,
    source::{SliSource, SourceError, Wanted},
};

/// Rollouts that are judged in one go of the writer: people's actions come between.
const TOGETHER: usize = 32;
/// Nothing is due: look again after this.
const PULSE: Duration = Duration::from_secs(1);

/// What is asked in one round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// By source, as plans name it.
    pub(super) wanted: BTreeMap<SafeText, Vec<Wanted>>,
    /// When the next one is due.
    pub(super) next: Option<DateTime<Utc>>,
}

/// Works until the shutdown is asked for.
pub(super) async fn run(shared: Arc<Shared>, jobs: mpsc::Sender<Job>, sources: Vec<Arc<dyn SliSource>>) {
    while !shared.stop.is_cancelled() {
        let Some(round) = ask(&jobs, Core::telemetry_round).await else { return };
        if !round.wanted.is_empty() {
            let asked = round.wanted.into_iter().map(|(name, wanted)| collect(&sources, name, wanted));
            let heard = tokio::select! {
                heard = join_all(asked) => heard,
                () = shared.stop.cancelled() => return,
            };
            let mut heard: Vec<Heard> = heard.into_iter().flatten().collect();
            heard.sort_by(|one, other| one.wanted.rollout.cmp(&other.wanted.rollout));
            // Whole rollouts only: a rollout is judged once all its indicators are there.
            let mut rest = heard.into_iter().peekable();
            while rest.peek().is_some() {
                let mut chunk: Vec<Heard> = Vec::new();
                let mut rollouts = 0;
                while let Some(next) = rest.peek() {
                    let is_new = chunk.last().is_none_or(|last| last.wanted.rollout != next.wanted.rollout);
                    if is_new && rollouts == TOGETHER {
                        break;
                    }
                    rollouts += usize::from(is_new);
                    chunk.extend(rest.next());
                }
                if ask(&jobs, move |core| core.telemetry_heard(chunk)).await.is_none() {
                    return;
                }
            }
        }
        let pause = round.next.map_or(PULSE, |at| (at - shared.clock.now()).to_std().unwrap_or_default().min(PULSE));
        tokio::select! {
            () = shared.clock.sleep(pause.max(Duration::from_millis(50))) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

async fn collect(sources: &[Arc<dyn SliSource>], name: SafeText, wanted: Vec<Wanted>) -> Vec<Heard> {
    let Some(source) = sources.iter().find(|source| source.name() == name.as_str()) else {
        let unknown = |wanted| Heard { wanted, answer: Err(SourceError::Unknown(name.to_string())) };
        return wanted.into_iter().map(unknown).collect();
    };
    let answers = source.collect(&wanted).await;
    if answers.len() != wanted.len() {
        warn!("source {name} answered {} of {} questions", answers.len(), wanted.len());
    }
    wanted.into_iter().zip(answers).map(|(wanted, answer)| Heard { wanted, answer }).collect()
}
