//! `rolldeck agent`: what runs on a site.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use color_eyre::Result;

use super::{
    exit::{Failure, say},
    logs, parse,
    session::Session,
    signals,
};
use crate::{
    agent::{self, AgentError, AgentOptions},
    domain::{LaneName, SafeText, SiteName, TargetName},
    settings::Paths,
};

/// Arguments; its server (--server URL) and token (--token-file F) are options that exist everywhere.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its site group
    #[arg(long, value_name = "G")]
    group: TargetName,
    /// Its site
    #[arg(long, value_name = "S")]
    site: SiteName,
    /// Its lane
    #[arg(long, value_name = "L", default_value = "main")]
    lane: LaneName,
    /// A label of the unit, such as region=north; several times
    #[arg(long = "label", value_name = "K=V", value_parser = parse::pair)]
    labels: Vec<(String, String)>,
    /// Brings the unit to a snapshot (`ROLLDECK_SNAPSHOT`, `ROLLDECK_VERSION`, ...); must be idempotent
    #[arg(long, value_name = "CMD")]
    apply: String,
    /// Says how the unit is: exit 0 healthy; one JSON object of facts on standard output
    #[arg(long, value_name = "CMD")]
    check: String,
    /// Between two checks
    #[arg(long, value_name = "D", default_value = "5s", value_parser = parse::duration)]
    check_interval: Duration,
    /// How long the apply command may take
    #[arg(long, value_name = "D", default_value = "10m", value_parser = parse::duration)]
    apply_deadline: Duration,
    /// Where it keeps what it must not forget; in the platform's data directory, when absent
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Answer OpenFeature clients (OFREP) at this loopback address by the flags that it keeps, such as 127.0.0.1:8016
    #[arg(long, value_name = "ADDR")]
    flags_listen: Option<SocketAddr>,
    #[command(flatten)]
    logs: logs::LogArgs,
}

/// Runs it until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot begin; once its server took it, it never gives up.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    logs::begin(&args.logs)?;
    let env = |name: &str| session.env.get(name).map(str::to_owned);
    let server = session.global.server.clone().or_else(|| env("ROLLDECK_SERVER"));
    let server = server.ok_or_else(|| {
        Failure::Usage(
            "which server? rolldeck agent --server URL --group G --site S --apply CMD --check CMD".to_owned(),
        )
    })?;
    let state = match args.state {
        Some(state) => state,
        None => Paths::find(session.global.config.as_deref(), &session.env)?.data_dir.join("agent"),
    };
    let mut options = AgentOptions::new(&server, args.group, args.site, state).map_err(usage)?;
    options.lane = args.lane;
    options.labels = args.labels.into_iter().map(|(key, value)| (key, SafeText::new(value))).collect();
    options.apply = args.apply;
    options.check = args.check;
    options.check_interval = args.check_interval;
    options.apply_deadline = args.apply_deadline;
    options.token_file = session.global.token_file.clone().or_else(|| env("ROLLDECK_TOKEN_FILE").map(PathBuf::from));
    options.ca_file = session.global.ca_file.clone().or_else(|| env("ROLLDECK_CA_FILE").map(PathBuf::from));
    options.flags_listen = args.flags_listen;
    options.clock = session.clock.clone();
    let shutdown = signals::shutdown()?;
    say(&format!("agent of {} for {server}", options.unit()));
    Box::pin(agent::run(options, shutdown)).await.map_err(usage)
}

/// Options that are wrong, and a server that refuses, have exit codes of their own.
fn usage(error: AgentError) -> color_eyre::Report {
    match error {
        AgentError::Refused(problem) => crate::backend::BackendError::Problem(problem).into(),
        AgentError::Options(_) | AgentError::Client(_) | AgentError::Token(_) | AgentError::File { .. } => {
            Failure::Usage(error.to_string()).into()
        }
        error => error.into(),
    }
}
