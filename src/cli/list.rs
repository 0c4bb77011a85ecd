//! `rolldeck list`: all rollouts, in a line each.

use std::time::Duration;

use color_eyre::Result;

use super::{
    exit::Failure,
    output::{Table, age, or_dash},
    parse,
    session::Session,
};
use crate::{
    backend::{BackendError, RolloutsPage},
    domain::{Phase, Rollout},
};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only rollouts of this target
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Only rollouts in one of these phases
    #[arg(long, value_name = "PHASE", value_delimiter = ',', value_parser = parse::phase)]
    phase: Vec<Phase>,
}

/// Runs it.
///
/// # Errors
/// When the backend does not answer.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    let backend = session.connect()?.backend;
    let mut page = backend.view(None, Duration::ZERO).await?;
    let RolloutsPage::All { rollouts, as_of, carriers, .. } = &mut page else {
        return Err(Failure::Failed("the server answered what changed, not what there is".to_owned()).into());
    };
    for remark in carriers.iter().flat_map(|carrier| &carrier.remarks) {
        session.note(remark.as_str());
    }
    if let Some(lost) = carriers.iter().find(|carrier| carrier.as_of.is_none())
        && rollouts.is_empty()
    {
        let why = lost.remarks.first().map_or_else(|| "no answer yet".to_owned(), ToString::to_string);
        return Err(BackendError::Unreachable { place: lost.place.to_string(), why }.into());
    }
    rollouts.retain(|rollout| {
        args.target.as_deref().is_none_or(|target| rollout.target.as_str() == target)
            && (args.phase.is_empty() || args.phase.contains(&rollout.phase))
    });
    let (rows, now) = (rollouts.clone(), *as_of);
    session.print(&page, || {
        if rows.is_empty() {
            session.note("no rollouts; begin one with: rolldeck start PLAN.yaml --reason TEXT");
            return String::new();
        }
        let mut table =
            Table::new(&["ROLLOUT", "PHASE", "CANDIDATE", "STAGE", "EXPOSURE", "VERDICT", "FOR", "BLOCKED BY"]);
        for rollout in &rows {
            table.row([
                rollout.id().to_string(),
                rollout.phase.to_string(),
                or_dash(rollout.candidate.version.as_ref()),
                or_dash(rollout.current_stage.as_ref()),
                exposure(rollout),
                super::output::word(&rollout.verdict.label),
                age(rollout.updated_at, now),
                rollout.blockers.first().map_or_else(|| "-".to_owned(), |blocker| blocker.summary.to_string()),
            ]);
        }
        table.text(0)
    })
}

/// How far the candidate reaches.
pub fn exposure(rollout: &Rollout) -> String {
    let exposure = &rollout.exposure;
    format!("{}/{} ({:.0}%)", exposure.units, exposure.units_total, exposure.percent)
}
