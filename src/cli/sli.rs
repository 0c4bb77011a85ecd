//! `rolldeck sli list|show|check|convert`: indicators that are ready to use, and those of files.

mod check;
mod convert;
pub mod file;

use std::path::PathBuf;

use clap::ValueEnum;
use color_eyre::Result;
use serde::Serialize;

use super::{
    exit::Failure,
    output::{Table, word},
    session::Session,
};
use crate::{
    domain::{SafeText, plan::ArmsBy, sli::SliQueries},
    source::{
        catalog::{self, ReadyMade},
        prometheus::batch::Role,
    },
};

/// What to do with indicators.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the indicators that are ready to use: `use: NAME` in a plan
    List,
    /// Show one of them: what it means, what it needs, and what it asks
    Show {
        /// Its name
        name: String,
        /// What tells canary and baseline apart
        #[arg(long, value_name = "LABEL", value_enum, default_value_t)]
        arms: Arms,
    },
    /// Read a plan, an OpenSLO or a Sloth file, say what each indicator comes to, and ask a source about it
    Check(Check),
    /// Print the indicators of an OpenSLO or Sloth file as the slis of a plan
    Convert(Convert),
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The file (YAML); - reads it from standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Ask this source of the config whether each query answers, and how many series; nothing is judged
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
pub struct Convert {
    /// The file (YAML); - reads it from standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    which: Which,
}

/// What to read of a file.
#[derive(Debug, clap::Args)]
struct Which {
    /// What is to tell canary and baseline apart in queries that do not say; a track, or what a plan says
    #[arg(long, value_name = "LABEL", value_enum)]
    arms: Option<Arms>,
    /// Only what is of this service, of a file that has several
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

/// What tells canary and baseline apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Arms {
    /// A label with the track: canary, baseline
    #[default]
    Track,
    /// A label with the version
    Release,
    /// A label with the site
    Cohort,
}

impl From<Arms> for ArmsBy {
    fn from(arms: Arms) -> Self {
        match arms {
            Arms::Track => Self::Track,
            Arms::Release => Self::Release,
            Arms::Cohort => Self::Cohort,
        }
    }
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract; what is wrong with a file names file, document, line and field.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::List => list(session),
        Command::Show { name, arms } => show(session, &name, arms.into()),
        Command::Check(args) => check::run(session, args).await,
        Command::Convert(args) => convert::run(session, &args),
    }
}

/// A ready-made indicator as it is printed.
#[derive(Debug, Serialize)]
struct View {
    name: &'static str,
    means: &'static str,
    kind: String,
    family: String,
    unit: &'static str,
    direction: &'static str,
    objective: Option<f64>,
    threshold: Option<f64>,
    required: bool,
    observe_only: bool,
    metrics: Vec<MetricView>,
    reported: Option<ReportedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queries: Option<SliQueries>,
}

#[derive(Debug, Serialize)]
struct MetricView {
    name: &'static str,
    labels: Vec<&'static str>,
    means: &'static str,
}

#[derive(Debug, Serialize)]
struct ReportedView {
    kind: String,
    unit: &'static str,
    direction: &'static str,
    form: &'static str,
    means: &'static str,
}

fn view(ready: &ReadyMade, arms: Option<ArmsBy>) -> View {
    let label = arms.map(|arms| catalog::arms_label(arms).0);
    View {
        name: ready.name,
        means: ready.means,
        kind: word(&ready.kind),
        family: word(&ready.family),
        unit: ready.unit,
        direction: ready.direction.as_str(),
        objective: ready.objective,
        threshold: ready.threshold,
        required: ready.required,
        observe_only: ready.observe_only,
        metrics: ready
            .metrics
            .iter()
            .map(|metric| MetricView {
                name: metric.name,
                labels: label
                    .iter()
                    .flat_map(|label| ["service", label])
                    .chain(metric.labels.iter().copied())
                    .collect(),
                means: metric.means,
            })
            .collect(),
        reported: ready.reported.map(|reported| ReportedView {
            kind: word(&reported.kind),
            unit: reported.unit,
            direction: reported.direction.as_str(),
            form: reported.form,
            means: reported.means,
        }),
        queries: arms.map(|arms| ready.queries(arms)).filter(|queries| !queries.is_empty()),
    }
}

fn list(session: &Session) -> Result<()> {
    let views: Vec<View> = catalog::all().iter().map(|ready| view(ready, None)).collect();
    session.print(&serde_json::json!({"ready_made": &views}), || {
        let mut table = Table::new(&["NAME", "KIND", "FAMILY", "OBJECTIVE", "FROM", "MEANS"]);
        for view in &views {
            let from = match (view.metrics.is_empty(), view.reported.is_some()) {
                (false, true) => "metrics, agents",
                (false, false) => "metrics",
                (true, _) => "agents",
            };
            let objective = objective(view.objective);
            table.row([view.name, &view.kind, &view.family, &objective, from, view.means]);
        }
        table.text(0)
    })
}

fn show(session: &Session, name: &str, arms: ArmsBy) -> Result<()> {
    let Some(ready) = catalog::find(name) else {
        let near = catalog::nearest(name).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let name = SafeText::new(name);
        return Err(Failure::NotFound(format!(
            "there is no ready-made indicator {name}{near} (see `rolldeck sli list`)"
        ))
        .into());
    };
    let view = view(ready, Some(arms));
    session.print(&view, || {
        let mut table = Table::plain();
        table.row(["name", view.name]);
        table.row(["means", view.means]);
        table.row(["kind", &view.kind]);
        table.row(["family", &view.family]);
        table.row(["unit", view.unit]);
        table.row(["direction", view.direction]);
        table.row(["objective", &objective(view.objective)]);
        if let Some(threshold) = view.threshold {
            table.row(["threshold", &format!("{threshold} {}", view.unit)]);
        }
        let role = match (view.observe_only, view.required) {
            (true, _) => "shown only, and never votes",
            (false, true) => "a promotion needs it to pass",
            (false, false) => "it can hold and take back, and no promotion waits for it to pass",
        };
        table.row(["role", role]);
        for metric in &view.metrics {
            table.row(["needs", &format!("{}{{{}}}: {}", metric.name, metric.labels.join(", "), metric.means)]);
        }
        if let Some(reported) = &view.reported {
            table.row(["agents", &format!("{}: {}", reported.form, reported.means)]);
        }
        for (field, query) in view.queries.iter().flat_map(named) {
            table.row([field, query]);
        }
        table.row(["in a plan", &format!("slis: {{{0}: {{use: {0}}}}}", view.name)]);
        table.text(0)
    })
}

/// The queries that are there, with their fields.
fn named(queries: &SliQueries) -> impl Iterator<Item = (&'static str, &str)> {
    Role::ALL.into_iter().filter_map(|role| Some((role.as_str(), role.of(queries)?)))
}

/// An objective as people say it, or a dash.
fn objective(objective: Option<f64>) -> String {
    // What dividing by a hundred added is taken away again.
    objective.map_or_else(|| "-".to_owned(), |share| format!("{}%", (share * 1e11).round() / 1e9))
}
