//! `rolldeck wait TARGET/NAME --for PHASE`: until a rollout is there, by long polls.
//!
//! Exit 0 when it is in one of the phases; 1 when the time ran out, or when it ended elsewhere
//! (completed, rolled back, aborted, or a rollback that failed) and nothing will bring it there by
//! itself; 3 when there is no such rollout; 7 when the server cannot be reached at first, or was
//! not reached any more when the time ran out.

use std::time::Duration;

use color_eyre::Result;
use tokio::time::Instant;

use super::{
    exit::{Failure, say},
    parse,
    session::Session,
    show,
};
use crate::{
    backend::{BackendError, Tagged},
    domain::{Phase, Rollout, RolloutId},
};

/// How long one poll is held.
const HELD: Duration = Duration::from_secs(20);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "TARGET/NAME")]
    rollout: RolloutId,
    /// Any of these phases
    #[arg(long = "for", value_name = "PHASE", value_delimiter = ',', required = true, value_parser = parse::phase)]
    phases: Vec<Phase>,
    /// How long at most, such as 30m; without it, as long as it takes
    #[arg(long, value_name = "D", value_parser = parse::duration)]
    timeout: Option<Duration>,
}

/// Runs it.
///
/// # Errors
/// As the head of this file says.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    let backend = session.connect()?.backend;
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let wanted = args.phases.iter().map(Phase::to_string).collect::<Vec<_>>().join(" or ");
    let mut seen: Option<(Box<Rollout>, String)> = None;
    let mut lost: Option<BackendError> = None;
    let mut pause = Duration::from_secs(1);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) && (seen.is_some() || lost.is_some()) {
            return Err(out_of_time(&args, &wanted, seen.as_ref().map(|(rollout, _)| &**rollout), lost));
        }
        // A wait is told in whole seconds; the last part of one is waited for here.
        let wait = left.map_or(HELD, |left| left.min(HELD));
        let tag = seen.as_ref().map(|(_, tag)| tag.clone()).filter(|tag| !tag.is_empty());
        let asked = Instant::now();
        let untagged = tag.is_none();
        match backend.rollout(&args.rollout, tag, Duration::from_secs(wait.as_secs())).await {
            Ok(answer) => {
                if lost.take().is_some() {
                    session.note("the server answers again");
                }
                pause = Duration::from_secs(1);
                if let Tagged::Fresh(rollout, tag) = answer {
                    let before = seen.as_ref().map(|(rollout, _)| (rollout.phase, rollout.current_stage.clone()));
                    if before.as_ref() != Some(&(rollout.phase, rollout.current_stage.clone())) {
                        session.note(&whereabouts(&rollout));
                    }
                    if args.phases.contains(&rollout.phase) {
                        return session.print(&rollout, || show::text(&rollout, false));
                    }
                    if rollout.phase.is_terminal() || rollout.phase == Phase::RollbackFailed {
                        let text = format!("{}, and will not be {wanted} by itself", whereabouts(&rollout));
                        return Err(Failure::Failed(text).into());
                    }
                    seen = Some((rollout, tag));
                }
                // A server that does not hold requests is not asked in a tight loop.
                let at_least = if untagged { Duration::ZERO } else { Duration::from_secs(1) };
                let rest = at_least.saturating_sub(asked.elapsed());
                tokio::time::sleep(left.map_or(rest, |left| rest.min(left))).await;
            }
            Err(error) if error.code().is_some() || seen.is_none() => return Err(error.into()),
            Err(error) => {
                if lost.is_none() {
                    say(&format!("{error}; asking again"));
                }
                lost = Some(error);
                tokio::time::sleep(left.map_or(pause, |left| pause.min(left))).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
    }
}

fn whereabouts(rollout: &Rollout) -> String {
    let stage = rollout.current_stage.as_ref().map(|stage| format!(" in stage {stage}")).unwrap_or_default();
    let why = if rollout.message.is_empty() { String::new() } else { format!(": {}", rollout.message) };
    format!("{} is {}{stage}{why}", rollout.id(), rollout.phase)
}

fn out_of_time(args: &Args, wanted: &str, seen: Option<&Rollout>, lost: Option<BackendError>) -> color_eyre::Report {
    let whereabouts = seen.map_or_else(|| args.rollout.to_string(), whereabouts);
    let text = format!("not {wanted} in time; last seen: {whereabouts}");
    match lost {
        Some(error) => color_eyre::Report::new(error).wrap_err(text),
        None => Failure::Failed(text).into(),
    }
}
