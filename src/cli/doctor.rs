//! `rolldeck doctor`: what is configured, reachable and permitted, and what this terminal can show.

use std::{fmt::Write as _, io::IsTerminal as _, path::Path};

use color_eyre::Result;
use serde::Serialize;

use super::{
    cluster, dashboard,
    exit::{self, Failure},
    output::{Table, word},
    session::Session,
    sources,
};
use crate::{
    backend::{Backend as _, remote::Remote},
    domain::{SafeText, Via},
    settings::{ClusterEndpoint, Endpoint, Settings, TokenSource},
    source::prometheus::Probe,
    tui::{
        capability::{Capability, Wishes},
        keymap::Keymap,
        theme::Theme,
    },
};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not ask any server
    #[arg(long)]
    offline: bool,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Note,
    Problem,
}

/// Something that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    area: &'static str,
    state: State,
    text: SafeText,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, area: &'static str, state: State, text: impl AsRef<str>) {
        self.findings.push(Finding { area, state, text: SafeText::new(text) });
    }
}

/// Runs it.
///
/// # Errors
/// With exit code 1 when there is a problem, after saying which.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    let mut report = Report::default();
    report.add("rolldeck", State::Ok, concat!("version ", env!("CARGO_PKG_VERSION")));
    let settings = match Settings::load(&session.global.overrides(), &session.env) {
        Ok(settings) => {
            let path = &settings.paths.config_file;
            let state = if path.exists() { "read" } else { "not there; everything is as built in" };
            report.add("config", State::Ok, format!("{}: {state}", path.display()));
            settings
        }
        Err(error) => {
            report.add("config", State::Problem, chain(&error));
            Settings::without_file(&session.global.overrides(), &session.env)?
        }
    };
    contexts(&mut report, session, &settings, args.offline).await;
    metrics_servers(&mut report, session, &settings, args.offline).await;
    data(&mut report, "data", &settings.paths.data_dir);
    data(&mut report, "state", &settings.paths.state_dir);
    terminal(&mut report, session, &settings);
    session.print(&report, || {
        let mut table = Table::plain();
        for finding in &report.findings {
            let state = match finding.state {
                State::Ok => "ok",
                State::Note => "note",
                State::Problem => "PROBLEM",
            };
            table.row([state, finding.area, finding.text.as_str()]);
        }
        table.text(0)
    })?;
    let healthy = report.findings.iter().all(|finding| finding.state != State::Problem);
    if healthy { Ok(()) } else { Err(Failure::Silent(exit::FAILED).into()) }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

async fn contexts(report: &mut Report, session: &Session, settings: &Settings, offline: bool) {
    let chosen = settings.endpoint_or_cluster();
    match &chosen {
        Ok(None) => {
            let text = "none is chosen: try `rolldeck demo`, or `rolldeck context add NAME --server URL`";
            report.add("context", State::Note, text);
        }
        Ok(Some(endpoint)) => ask(report, session, endpoint, true, offline).await,
        Err(error) => report.add("context", State::Problem, chain(error)),
    }
    let chosen = chosen.ok().flatten().filter(|endpoint| endpoint.is_context).map(|endpoint| endpoint.name);
    for name in settings.contexts.keys().filter(|name| Some(*name) != chosen.as_ref()) {
        match settings.endpoint_named(name, "a context") {
            Ok(endpoint) => ask(report, session, &endpoint, false, offline).await,
            Err(error) => report.add("context", State::Problem, chain(&error)),
        }
    }
}

async fn ask(report: &mut Report, session: &Session, endpoint: &Endpoint, current: bool, offline: bool) {
    let mut traits = Vec::new();
    for (is, word) in [(current, "in use"), (endpoint.protected, "protected"), (endpoint.read_only, "read-only")] {
        if is {
            traits.push(word);
        }
    }
    let traits = if traits.is_empty() { String::new() } else { format!(" ({})", traits.join(", ")) };
    let about = format!("{}{traits}: {}", endpoint.name, endpoint.server);
    if matches!(endpoint.token, TokenSource::Env(_)) {
        let text = "the token comes from ROLLDECK_TOKEN, which other processes of yours can read: a file is safer";
        report.add("context", State::Note, text);
    }
    if let Some(cluster) = &endpoint.cluster {
        return examine(report, session, endpoint, cluster, &about, (current, offline)).await;
    }
    let remote = match Remote::of_endpoint(endpoint, Via::Cli) {
        Ok(remote) => remote,
        Err(error) => return report.add("context", State::Problem, format!("{about}: {}", chain(&error))),
    };
    if offline {
        return report.add("context", State::Ok, format!("{about}, not asked"));
    }
    match remote.info().await {
        Ok(info) => {
            let targets: Vec<&str> = info.targets.iter().map(SafeText::as_str).collect();
            let simulated = if info.simulated { ", SIMULATED" } else { "" };
            let text = format!(
                "{about} answers, rolldeck {}{simulated}; you are {}, {} on {}",
                info.version,
                info.actor,
                word(&info.role),
                targets.join(", ")
            );
            report.add("context", State::Ok, text);
        }
        // A server that is not the one in use may well be away.
        Err(error) => {
            report.add(
                "context",
                if current { State::Problem } else { State::Note },
                format!("{about}: {}", chain(&error)),
            );
        }
    }
}

/// A cluster: whether it answers, what it has installed, and what this user may do there.
async fn examine(
    report: &mut Report,
    session: &Session,
    endpoint: &Endpoint,
    cluster: &ClusterEndpoint,
    about: &str,
    (current, offline): (bool, bool),
) {
    if offline {
        return report.add("context", State::Ok, format!("{about}, not asked"));
    }
    let lost = if current { State::Problem } else { State::Note };
    let driver = match cluster::driver(&endpoint.name, cluster, &session.clock).await {
        Ok(driver) => driver,
        Err(error) => return report.add("context", lost, format!("{about}: {error:#}")),
    };
    report.add("context", State::Ok, about);
    for found in driver.examine().await {
        let state = match found.good {
            Some(true) => State::Ok,
            Some(false) => lost,
            None => State::Note,
        };
        report.add("cluster", state, found.text);
    }
    if let Ok(dir) = cluster::directory(session, &endpoint.name, cluster) {
        data(report, "journal", &dir);
    }
}

/// What a server that runs with this config would ask for indicators.
async fn metrics_servers(report: &mut Report, session: &Session, settings: &Settings, offline: bool) {
    for (name, about) in &settings.sources {
        let place = format!("{name}: {}", about.url);
        let source = match sources::prometheus(name, about) {
            Ok(source) => source,
            Err(error) => {
                report.add("source", State::Problem, chain(error.as_ref()));
                continue;
            }
        };
        if offline {
            report.add("source", State::Ok, format!("{place}, not asked"));
            continue;
        }
        match source.probe(session.clock.now()).await {
            Ok(Probe { version, clock }) => {
                let version = version.map(|version| format!(", {version}")).unwrap_or_default();
                report.add("source", State::Ok, format!("{place} answers{version}"));
                if let Some(clock) = clock {
                    let seconds = clock.num_seconds();
                    let text = format!(
                        "{name}: its clock is {seconds} s ahead of this one's: samples would seem old or of the future"
                    );
                    report.add("source", State::Problem, text);
                }
            }
            // What serves may be another machine, which reaches it.
            Err(error) => report.add("source", State::Note, chain(&error)),
        }
    }
}

fn data(report: &mut Report, area: &'static str, dir: &Path) {
    let name = dir.display();
    let about = match std::fs::metadata(dir) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return report.add(area, State::Ok, format!("{name}: made when it is needed"));
        }
        Err(error) => return report.add(area, State::Problem, format!("{name}: {error}")),
    };
    if !about.is_dir() {
        return report.add(area, State::Problem, format!("{name}: it is not a directory"));
    }
    let free = rustix::fs::statvfs(dir).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) / (1024 * 1024)).ok();
    let writable = rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok();
    let state = match (writable, free) {
        (false, _) | (true, Some(0..64)) => State::Problem,
        (true, Some(64..512)) => State::Note,
        (true, _) => State::Ok,
    };
    let free = free.map_or_else(|| "unknown".to_owned(), |free| format!("{free} MiB"));
    let writable = if writable { "writable" } else { "NOT WRITABLE by you" };
    report.add(area, state, format!("{name}: {writable}, {free} free"));
}

fn terminal(report: &mut Report, session: &Session, settings: &Settings) {
    let wishes = Wishes { depth: dashboard::depth(settings.color), glyphs: dashboard::glyphs(settings.glyphs) };
    let capability = Capability::of(|name| session.env.get(name).map(str::to_owned), wishes);
    let term = session.env.get("TERM").unwrap_or("not set");
    if !std::io::stdout().is_terminal() {
        report.add("terminal", State::Note, format!("standard output is no terminal (TERM {term})"));
    } else if !capability.full_screen {
        report.add("terminal", State::Problem, format!("TERM is {term}: the dashboard cannot paint on it"));
    } else {
        match crossterm::terminal::size() {
            Ok((width, height)) if width < 60 || height < 16 => {
                let text = format!("{width}x{height}: the dashboard needs 60x16 and is made for 80x24 and more");
                report.add("terminal", State::Note, text);
            }
            Ok((width, height)) => report.add("terminal", State::Ok, format!("{term}, {width}x{height}")),
            Err(error) => report.add("terminal", State::Problem, format!("{term}: its size is not known: {error}")),
        }
    }
    report.add("colour", State::Ok, format!("{} ({})", capability.depth, capability.depth_why));
    report.add("marks", State::Ok, format!("{} ({})", capability.glyphs, capability.glyphs_why));
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, session.env.get(name)?)));
    match locale {
        Some((name, value)) => report.add("locale", State::Ok, format!("{name}={value}")),
        None => report.add("locale", State::Note, "none is set: marks are ASCII unless you say --glyphs unicode"),
    }
    if session.env.is_set("TMUX") {
        report.add("tmux", State::Ok, "inside tmux: `set -sg escape-time 10` makes Esc answer at once");
    }
    if session.env.is_set("SSH_CONNECTION") {
        report.add("ssh", State::Ok, "over SSH");
    }
    let dir = Some(settings.paths.config_dir.as_path());
    let (theme, theme_findings) = Theme::load(Some(&settings.theme), dir, &capability);
    let (keymap, keymap_findings) = Keymap::load(Some(&settings.keymap), dir);
    let about = match (theme.made_for(), theme.paints_background()) {
        (Some(color), _) => format!("; it is made for a background up to {color}, and does not ask what yours is"),
        (None, true) => "; it paints its own background".to_owned(),
        (None, false) => "; in your terminal's own colours, on any background".to_owned(),
    };
    report.add("theme", State::Ok, format!("{}{about}", theme.name()));
    for (role, why) in theme.hard_to_read() {
        report.add("theme", State::Note, format!("{} {why}: many people cannot read it", role.id()));
    }
    for (area, name, findings) in [("theme", theme.name(), theme_findings), ("keymap", keymap.name(), keymap_findings)]
    {
        if findings.is_empty() && area != "theme" {
            report.add(area, State::Ok, name);
        }
        for finding in findings {
            report.add(area, State::Problem, finding.notice().as_str());
        }
    }
}
