//! What runs on a site: it asks its server for orders, applies them by the site's own command,
//! checks what runs by another, and reports. design.md 4.4 is its contract.
//!
//! What can be relied on:
//! - One apply at a time. While one runs, no order is asked for: a newer one, a revert too, is
//!   given when the running apply has ended, which its deadline bounds.
//! - An order is written to disk before it is begun. An agent that was killed in the middle of an
//!   apply first ends what is left of that apply and then runs it again: *apply commands must be
//!   idempotent*. It never goes back to an older order.
//! - A check is what makes a report `healthy`: one that ended after the apply, exited 0, and did not
//!   measure another snapshot than the order's. Where it measures none, the snapshot is claimed only.
//! - Told to end (SIGTERM), it gives a running apply [`STOP_GRACE`]; then the apply is killed with
//!   its whole process group, and runs again when the agent is started again. Checks are ended at once.
//! - It keeps its unit's flags in a file that flagd reads too, tells its commands where (`ROLLDECK_FLAGS`), and
//!   answers OpenFeature clients on loopback by it (`--flags-listen`), with or without its server. A download
//!   that is damaged changes nothing.
//! - Nothing it does on the site waits for the server, and nothing it keeps for the server grows
//!   without bound.

mod artifact;
mod check;
mod command;
mod facts;
mod flags;
mod link;
mod memory;
mod ofrep;
mod outbox;
mod watch;
mod work;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::Url;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{self, Clock},
    domain::{LaneName, SafeText, SiteName, TargetName, UnitId, address::server_url},
    settings::SecretError,
    wire::{Problem, client::ClientError},
};

/// How long an apply command may still run once the agent is told to end.
pub const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long an ending agent tries to deliver its last reports.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Most labels of a unit.
const LABELS_MAX: usize = 32;
/// Longest name of a label, in bytes.
const LABEL_NAME_MAX: usize = 63;

/// How an agent is set up.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// Its server.
    pub server: Url,
    /// The site group.
    pub group: TargetName,
    /// The site.
    pub site: SiteName,
    /// The lane.
    pub lane: LaneName,
    /// Labels of the unit, such as `region` and `ring`; at most 32.
    pub labels: BTreeMap<String, SafeText>,
    /// Brings the unit to a snapshot; run by `/bin/sh -c`. Must be idempotent.
    pub apply: String,
    /// Says how the unit is; run by `/bin/sh -c`.
    pub check: String,
    /// Between two checks: 50 ms to 1 h.
    pub check_interval: Duration,
    /// How long the apply command may take, however long the order allows: 1 ms to 24 h.
    pub apply_deadline: Duration,
    /// Where its token is; none on loopback without tokens.
    pub token_file: Option<PathBuf>,
    /// Certificates of authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Where it keeps what it must not forget, a directory a unit: agents of several may share it.
    pub state_directory: PathBuf,
    /// Where it answers OpenFeature clients by the flags that it keeps: a loopback address; nowhere, when absent.
    pub flags_listen: Option<SocketAddr>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl AgentOptions {
    /// The options of a unit, the others as they are by default: lane `main`, a check every 5 s,
    /// 10 min for an apply, no token.
    ///
    /// # Errors
    /// [`AgentError`] when the server's URL is none.
    pub fn new(server: &str, group: TargetName, site: SiteName, state_directory: PathBuf) -> Result<Self, AgentError> {
        Ok(Self {
            server: server_url(server).map_err(ClientError::from)?,
            group,
            site,
            lane: LaneName::new("main").map_err(|error| AgentError::Options(error.to_string()))?,
            labels: BTreeMap::new(),
            apply: String::new(),
            check: String::new(),
            check_interval: Duration::from_secs(5),
            apply_deadline: Duration::from_mins(10),
            token_file: None,
            ca_file: None,
            state_directory,
            flags_listen: None,
            clock: clock::system(),
        })
    }

    /// The unit.
    #[must_use]
    pub fn unit(&self) -> UnitId {
        UnitId { group: self.group.clone(), site: self.site.clone(), lane: self.lane.clone() }
    }

    fn validate(&self) -> Result<(), AgentError> {
        let wrong = |text: String| Err(AgentError::Options(text));
        for (name, command) in [("--apply", &self.apply), ("--check", &self.check)] {
            if command.trim().is_empty() {
                return wrong(format!("{name} is empty: name the command that the agent runs"));
            }
        }
        if !(Duration::from_millis(50)..=Duration::from_hours(1)).contains(&self.check_interval) {
            return wrong(format!("--check-interval is {:?}: it goes from 50ms to 1h", self.check_interval));
        }
        if !(Duration::from_millis(1)..=Duration::from_hours(24)).contains(&self.apply_deadline) {
            return wrong(format!("--apply-deadline is {:?}: it goes from 1ms to 24h", self.apply_deadline));
        }
        if self.labels.len() > LABELS_MAX {
            return wrong(format!("{} labels: a unit has at most {LABELS_MAX}", self.labels.len()));
        }
        if let Some(address) = self.flags_listen.filter(|address| !address.ip().is_loopback()) {
            return wrong(format!(
                "--flags-listen is {address}: whoever asks there shows no token, so it is a loopback address"
            ));
        }
        let is_name = |key: &str| {
            !key.is_empty()
                && key.len() <= LABEL_NAME_MAX
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        };
        match self.labels.keys().find(|key| !is_name(key)) {
            Some(key) => wrong(format!(
                "{:?} cannot name a label: a-z, A-Z, 0-9, '-', '_', '.' and '/', at most {LABEL_NAME_MAX}",
                key.chars().take(LABEL_NAME_MAX).collect::<String>()
            )),
            None => Ok(()),
        }
    }
}

/// Why an agent does not run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// An option is wrong.
    #[error("{0}")]
    Options(String),
    /// There is no line to the server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The token file cannot be used.
    #[error(transparent)]
    Token(#[from] SecretError),
    /// A file that was named cannot be read.
    #[error("{what} {path} cannot be read: {why}")]
    File {
        /// What it is.
        what: &'static str,
        /// Where it is.
        path: String,
        /// Why.
        why: String,
    },
    /// Its state cannot be kept.
    #[error("the agent cannot keep its state in {directory}: {why}; name another directory, or make it writable")]
    State {
        /// Where.
        directory: String,
        /// Why.
        why: String,
    },
    /// Another agent works for the same unit here.
    #[error("another agent already works for {unit} on this machine ({directory} is locked): end that one first")]
    Locked {
        /// The unit.
        unit: UnitId,
        /// Where its state is.
        directory: PathBuf,
    },
    /// The server does not take this agent.
    #[error("the server refuses this agent: {}", .0.detail)]
    Refused(Box<Problem>),
}

impl AgentError {
    fn file(what: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::File { what, path: path.display().to_string(), why: error.to_string() }
    }

    fn state(directory: &Path, error: &io::Error) -> Self {
        Self::State { directory: directory.display().to_string(), why: error.to_string() }
    }
}

/// Runs an agent until `shutdown`, through every loss of its server.
///
/// # Errors
/// [`AgentError`] when it cannot begin: a wrong option, a state directory that cannot be used, or
/// a server that refuses it at the first contact. Once it was taken it never gives up.
pub async fn run(options: AgentOptions, shutdown: CancellationToken) -> Result<(), AgentError> {
    options.validate()?;
    let link = link::Link::new(&options)?;
    let memory = memory::Memory::open(&options.state_directory, &options.unit())?;
    let outbox = outbox::Outbox::default();
    let delivery = outbox.deliver(&link);
    tokio::pin!(delivery);
    let witness = watch::run(&link, memory.directory().to_owned());
    let (keeper, listener) =
        flags::Keeper::open(memory.directory(), options.flags_listen, options.clock.clone()).await?;
    let keeping = keeper.keep(&link);
    let answering = keeper.answer(listener);
    tokio::pin!(witness, keeping, answering);
    let mut worker = work::Worker::new(&options, &link, &outbox, memory, keeper.held());
    let ended = tokio::select! {
        ended = worker.run(&shutdown) => ended,
        never = &mut delivery => match never {},
        never = &mut witness => match never {},
        never = &mut keeping => match never {},
        never = &mut answering => match never {},
    };
    if ended.is_ok() {
        tokio::select! {
            _ = tokio::time::timeout(LAST_WORDS, outbox.emptied()) => {}
            never = &mut delivery => match never {},
        }
    }
    ended
}
