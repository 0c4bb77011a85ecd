//! `rolldeck site list`: the sites of the fleet, a line a lane.

use color_eyre::Result;

use super::{
    output::{Table, maybe_time},
    session::Session,
};
use crate::domain::Digest;

/// What to do with sites.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the sites of the fleet with their lanes
    List {
        /// Only sites of this group
        #[arg(long, value_name = "G")]
        group: Option<String>,
    },
}

/// Runs it.
///
/// # Errors
/// When the backend does not answer.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    let Command::List { group } = command;
    let backend = session.connect()?.backend;
    let mut page = backend.sites().await?;
    page.sites.retain(|site| group.as_deref().is_none_or(|group| site.group.as_str() == group));
    session.print(&page, || {
        let mut table = Table::new(&["GROUP", "SITE", "LANE", "DESIRED", "MEASURED", "STATE", "SEEN", "LABELS"]);
        let short = |digest: Option<&Digest>| digest.map_or("-", |digest| digest.short()).to_owned();
        for site in &page.sites {
            for lane in &site.lanes {
                let labels: Vec<String> = lane.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let state = match (&lane.drift, lane.reachable) {
                    (_, false) => "UNREACHABLE".to_owned(),
                    (Some(drift), true) => drift.to_string(),
                    (None, true) => "in sync".to_owned(),
                };
                table.row([
                    site.group.to_string(),
                    site.site.to_string(),
                    lane.lane.to_string(),
                    short(lane.desired.as_ref()),
                    short(lane.report.as_ref().and_then(|report| report.measured.as_ref())),
                    state,
                    maybe_time(lane.seen_at),
                    labels.join(","),
                ]);
            }
        }
        if page.sites.is_empty() {
            session.note("no sites yet: start an agent with `rolldeck agent --group G --site S ...`");
            return String::new();
        }
        table.text(0)
    })
}
