//! `rolldeck audit list|export|verify`: who did what, when and why, and the proof of it.

mod export;
mod verify;

use std::{path::PathBuf, time::Duration};

use color_eyre::Result;

use super::{
    exit::say,
    output::{self, Table, time, word},
    parse,
    session::Session,
};
use crate::{
    backend::{AuditPage, AuditQuery, Backend},
    domain::{AuditEntry, Digest, RolloutId},
};

/// Entries of a page, as many as a server gives.
const PAGE: u32 = 1000;
/// How often a followed trail is asked for what is new.
const FOLLOW: Duration = Duration::from_secs(2);

/// What to do with the audit trail.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List entries, the newest last
    List(List),
    /// Write entries and what proves them to a file that verifies by itself
    Export(Export),
    /// Verify the trail of the server, of a data directory, or of an export
    Verify(Verify),
}

/// Which entries.
#[derive(Debug, Clone, clap::Args)]
pub struct Filter {
    /// Only about this rollout
    #[arg(long, value_name = "TARGET/NAME")]
    rollout: Option<RolloutId>,
    /// Only by this actor
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Only this action, such as promote or `stage_passed`
    #[arg(long, value_name = "VERB")]
    action: Option<String>,
    /// Not before: a time such as 2026-05-04T14:00:00Z, or a span ago such as 2h
    #[arg(long, value_name = "T", value_parser = parse::when)]
    since: Option<parse::When>,
    /// Before, written the same way
    #[arg(long, value_name = "T", value_parser = parse::when)]
    until: Option<parse::When>,
}

impl Filter {
    fn query(&self, session: &Session) -> AuditQuery {
        let now = session.clock.now();
        AuditQuery {
            after: 0,
            before: 0,
            rollout: self.rollout.as_ref().map(RolloutId::to_string),
            actor: self.actor.clone(),
            action: self.action.clone(),
            since: self.since.map(|when| when.past(now)),
            until: self.until.map(|when| when.past(now)),
            limit: PAGE,
            newest: false,
            expression: None,
        }
    }
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    filter: Filter,
    /// At most that many, the newest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Go on printing entries as they come
    #[arg(short, long)]
    follow: bool,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The file, which must not be there yet; standard output, when absent
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    filter: Filter,
}

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// An export, instead of the server's trail
    #[arg(value_name = "FILE", conflicts_with = "data")]
    file: Option<PathBuf>,
    /// A data directory, instead of the server's trail; a server may run on it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The verifier key that checkpoints must be signed with, which came to you another way
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract; 1 when a trail does not verify.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::List(args) => list(session, args).await,
        Command::Export(args) => export::run(session, args).await,
        Command::Verify(args) => verify::run(session, args).await,
    }
}

async fn list(session: &Session, args: List) -> Result<()> {
    let backend = session.connect()?.backend;
    let query = AuditQuery { limit: args.limit, newest: true, ..args.filter.query(session) };
    let page = backend.audit(query.clone()).await?;
    if !args.follow {
        return session.print(&page, || table(&page));
    }
    for entry in &page.entries {
        output::print_one(session.format(), entry, || line(entry))?;
    }
    let after = page.entries.last().map_or(0, |entry| entry.seq);
    follow(session, &*backend, AuditQuery { after, newest: false, limit: PAGE, ..query }).await
}

async fn follow(session: &Session, backend: &dyn Backend, mut query: AuditQuery) -> Result<()> {
    let mut lost = false;
    loop {
        tokio::time::sleep(FOLLOW).await;
        match backend.audit(query.clone()).await {
            Ok(page) => {
                if std::mem::take(&mut lost) {
                    say("the server answers again; nothing was left out");
                }
                for entry in &page.entries {
                    output::print_one(session.format(), entry, || line(entry))?;
                    query.after = query.after.max(entry.seq);
                }
            }
            Err(error) if error.code().is_some() => return Err(error.into()),
            Err(error) => {
                if !std::mem::replace(&mut lost, true) {
                    say(&format!("{error}; asking again"));
                }
            }
        }
    }
}

fn subject(entry: &AuditEntry) -> String {
    let subject = &entry.subject;
    // A digest is told by its beginning; JSON has the whole.
    let name = match subject.name.as_str().parse::<Digest>() {
        Ok(digest) => format!("sha256:{}", digest.short()),
        Err(_) => subject.name.to_string(),
    };
    match &subject.target {
        Some(target) => format!("{} {target}/{name}", word(&subject.kind)),
        None => format!("{} {name}", word(&subject.kind)),
    }
}

fn cells(entry: &AuditEntry) -> [String; 7] {
    let why = entry.reason.as_ref().or(entry.effect.as_ref());
    let revision = match (&entry.revision.before, &entry.revision.after) {
        (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
        (_, Some(revision)) | (Some(revision), None) => revision.to_string(),
        (None, None) => "-".to_owned(),
    };
    [
        entry.seq.to_string(),
        time(entry.at),
        entry.actor.id.to_string(),
        entry.action.to_string(),
        subject(entry),
        format!("{} {revision}", word(&entry.outcome)),
        why.map_or_else(|| "-".to_owned(), ToString::to_string),
    ]
}

fn table(page: &AuditPage) -> String {
    let mut table = Table::new(&["SEQ", "AT", "ACTOR", "ACTION", "SUBJECT", "OUTCOME", "WHY"]);
    for entry in &page.entries {
        table.row(cells(entry));
    }
    table.text(0)
}

/// An entry on a line of its own, where the widths of those to come are not known.
fn line(entry: &AuditEntry) -> String {
    let mut row = Table::plain();
    row.row(cells(entry));
    row.text(0).trim_end().to_owned()
}
