//! `rolldeck show TARGET/NAME`: one rollout with all that is known of it.

mod workload;

use std::{fmt::Write as _, time::Duration};

use color_eyre::Result;

use super::{
    exit::Failure,
    list::exposure,
    output::{Table, maybe_time, or_dash, quoted, time, word},
    session::Session,
};
use crate::{
    backend::{Backend, Tagged},
    domain::{Rollout, RolloutId, VersionRef},
};

/// How long the objects of a workload are waited for.
const LOOK: Duration = Duration::from_secs(3);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "TARGET/NAME")]
    rollout: RolloutId,
    /// Every unit too
    #[arg(long)]
    units: bool,
}

/// Runs it.
///
/// # Errors
/// When there is no such rollout, or the backend does not answer.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    let backend = session.connect()?.backend;
    let Tagged::Fresh(rollout, tag) = backend.rollout(&args.rollout, None, Duration::ZERO).await? else {
        return Err(Failure::Failed("the server says that nothing changed since nothing".to_owned()).into());
    };
    // The objects of a workload are watched once somebody looks.
    let rollout = match &rollout.workload {
        Some(workload) if workload.objects.is_empty() => with_objects(&*backend, rollout, tag).await?,
        _ => rollout,
    };
    session.print(&rollout, || text(&rollout, args.units))
}

/// The same rollout once its objects are there, or as it is after [`LOOK`].
async fn with_objects(backend: &dyn Backend, mut rollout: Box<Rollout>, mut tag: String) -> Result<Box<Rollout>> {
    let deadline = tokio::time::Instant::now() + LOOK;
    while rollout.workload.as_ref().is_some_and(|workload| workload.objects.is_empty()) {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            break;
        }
        match backend.rollout(&rollout.id(), Some(tag.clone()), left).await? {
            Tagged::Fresh(newer, present) => (rollout, tag) = (newer, present),
            Tagged::Unchanged => break,
        }
    }
    Ok(rollout)
}

fn version(version: &VersionRef) -> String {
    let name = or_dash(version.version.as_ref());
    version.snapshot.as_ref().map_or_else(|| name.clone(), |digest| format!("{name} (sha256:{})", digest.short()))
}

/// A rollout for people.
pub fn text(rollout: &Rollout, units: bool) -> String {
    let mut text = String::new();
    let mut head = Table::plain();
    head.row([rollout.id().to_string(), format!("{} at revision {}", rollout.phase, rollout.revision)]);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() && value != "-" {
            head.row([name.to_owned(), value]);
        }
    };
    line("message", rollout.message.to_string());
    line("candidate", version(&rollout.candidate));
    line("stable", version(&rollout.stable));
    line("exposure", format!("{} units", exposure(rollout)));
    line("verdict", format!("{} {}", word(&rollout.verdict.label), rollout.verdict.why));
    if let Some(next) = &rollout.next {
        let at = next.at.map(|at| format!("{} ", time(at))).unwrap_or_default();
        line("next", format!("{at}{}", next.what));
    }
    if let Some(freeze) = &rollout.freeze {
        let until = freeze.until.map_or_else(|| "until lifted".to_owned(), |at| format!("until {}", time(at)));
        line("frozen", format!("{until} by {} ({}): {}", freeze.by, freeze.window, freeze.reason));
    }
    for (name, value) in workload::head(rollout) {
        line(name, value);
    }
    line("owner", rollout.owner.to_string());
    line("driver", rollout.driver.to_string());
    line("begun", time(rollout.created_at));
    line("changed", time(rollout.updated_at));
    line("observed", rollout.observed_at.map_or_else(|| "never".to_owned(), time));
    text.push_str(&head.text(0));

    if !rollout.blockers.is_empty() {
        text.push_str("\nblocked by\n");
        let mut table = Table::plain();
        for blocker in &rollout.blockers {
            let until = blocker.until.map(|at| format!("until {}", time(at))).unwrap_or_default();
            table.row([word(&blocker.kind), blocker.summary.to_string(), until]);
        }
        text.push_str(&table.text(2));
    }
    text.push_str("\nstages\n");
    let mut table = Table::new(&["STAGE", "STATE", "SELECTS", "UNITS", "ENTERED", "HOLD UNTIL", "ENDED"]);
    for stage in &rollout.stages {
        table.row([
            stage.name.to_string(),
            word(&stage.state),
            stage.flag.as_ref().map_or_else(|| stage.selects.to_string(), |flag| format!("{}, {flag}", stage.selects)),
            format!("{}/{}", stage.exposure.units, stage.exposure.units_total),
            maybe_time(stage.entered_at),
            maybe_time(stage.hold_until),
            maybe_time(stage.finished_at),
        ]);
    }
    text.push_str(&table.text(2));

    let current = rollout.stages.iter().find(|stage| Some(&stage.name) == rollout.current_stage.as_ref());
    if let Some(stage) = current.filter(|stage| !stage.gates().is_empty()) {
        let _ = writeln!(text, "\ngates of {}", stage.name);
        let mut table = Table::new(&["GATE", "STATE", "EXPRESSION", "DETAIL"]);
        for gate in stage.gates() {
            table.row([gate.name.as_str(), &word(&gate.state), gate.expression.as_str(), gate.detail.as_str()]);
        }
        text.push_str(&table.text(2));
    }
    if !rollout.slis.is_empty() {
        text.push_str("\nindicators\n");
        let mut table = Table::new(&["SLI", "CANARY", "BASELINE", "UNIT", "VERDICT", "WHY"]);
        let value = |value: Option<f64>| value.map_or_else(|| "no data".to_owned(), |value| format!("{value:.4}"));
        for sli in &rollout.slis {
            table.row([
                sli.name.as_str(),
                &value(sli.canary.value),
                &value(sli.baseline.value),
                sli.unit.as_str(),
                &word(&sli.verdict),
                sli.why.as_str(),
            ]);
        }
        text.push_str(&table.text(2));
    }
    if let Some(workload) = &rollout.workload {
        text.push_str(&workload::rest(workload));
    }
    for failure in rollout.failures.as_deref().unwrap_or_default() {
        let _ = writeln!(
            text,
            "\nfailed: {}/{} {} at {}",
            failure.site,
            failure.lane,
            failure.category.as_str(),
            time(failure.at)
        );
        text.push_str(&quoted(&failure.output_tail, "  | "));
    }
    if units {
        text.push_str("\nunits\n");
        let mut table =
            Table::new(&["UNIT", "STAGE", "STATE", "MEASURED", "CLAIMED", "GOES BACK TO", "SEEN", "REACHABLE"]);
        let short = |digest: Option<&crate::domain::Digest>| digest.map_or("-", |digest| digest.short()).to_owned();
        for unit in rollout.units.as_deref().unwrap_or_default() {
            table.row([
                format!("{}/{}", unit.site, unit.lane),
                or_dash(unit.stage.as_ref()),
                unit.state.to_string(),
                short(unit.measured.as_ref()),
                short(unit.claimed.as_ref()),
                short(unit.pinned.as_ref()),
                maybe_time(unit.seen_at),
                if unit.reachable { "yes" } else { "NO" }.to_owned(),
            ]);
        }
        text.push_str(&table.text(2));
    }
    text
}
