//! `rolldeck audit list|export|verify`: who did what, when and why, and the proof of it.

mod export;
mod keep;
mod table;
mod verify;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use color_eyre::Result;

use super::{
    exit::{Failure, say},
    output::{self, Table, time, word},
    parse,
    session::Session,
    storage::{self, is_of_sqlite},
};
use crate::{
    backend::{AuditPage, AuditQuery, Backend, EntryFilter},
    domain::{AuditEntry, Digest, Outcome, RolloutId},
    settings::{Paths, TimeZone},
    store::postgres::Address,
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
    /// Verify the trail of the server, of a data directory or database, or of an export
    Verify(Verify),
    /// Pass the trail of a data directory on to a new key, which both keys sign
    RotateKey(RotateKey),
    /// Take away the content of old entries of a data directory; the trail still verifies
    Expire(Expire),
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
    /// What else, such as 'site:osl2 since:today -action:told "label printer"'; @NAME is one of the config
    #[arg(long = "filter", value_name = "FILTER", allow_hyphen_values = true, long_help = FILTER_HELP)]
    expression: Option<String>,
}

const FILTER_HELP: &str = "\
What else entries are to be like: terms that must all hold, or @NAME for one of [filters] in the config.
  actor:mira,ben action:promote,rollback outcome:refused   alternatives with a comma
  target:dc-* -action:told                                 wildcards * and ?; a minus negates
  since:2h since:today until:2026-11-21                    spans ago, days and instants
  site:osl2                                                what changed on a site, and what holds there
  override:o-12 approved:* \"label printer\" drops          exceptions; words that were said
Keys: actor kind role via credential source action outcome reason ticket seq correlation subject target
rollout name site lane override approved since until. Days begin in the zone of time_zone in the config.";

impl Filter {
    fn query(&self, session: &Session) -> Result<AuditQuery> {
        let now = session.clock.now();
        let expression = self.expression.as_deref().map(|text| expression(session, text)).transpose()?;
        Ok(AuditQuery {
            rollout: self.rollout.as_ref().map(RolloutId::to_string),
            actor: self.actor.clone(),
            action: self.action.clone(),
            since: self.since.map(|when| when.past(now)),
            until: self.until.map(|when| when.past(now)),
            limit: PAGE,
            expression,
            ..AuditQuery::default()
        })
    }
}

/// Reads a filter, or the saved one that `@NAME` names.
fn expression(session: &Session, text: &str) -> Result<EntryFilter> {
    let settings = session.settings()?;
    let (text, of) = match text.strip_prefix('@') {
        Some(name) => {
            if let Some(saved) = settings.filters.get(name) {
                (saved.as_str(), format!("filters.{name} in {}", settings.paths.config_file.display()))
            } else {
                let names: Vec<&str> = settings.filters.keys().map(String::as_str).collect();
                let known = if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
                let text = format!("--filter @{name}: the config has no such filter under [filters]: {known}");
                return Err(Failure::Usage(text).into());
            }
        }
        None => (text, "--filter".to_owned()),
    };
    let now = session.clock.now();
    let read = match settings.time_zone {
        TimeZone::Utc => EntryFilter::parse(text, &now),
        TimeZone::Named(zone) => EntryFilter::parse(text, &now.with_timezone(&zone)),
        TimeZone::Local => EntryFilter::parse(text, &now.with_timezone(&chrono::Local)),
    };
    read.map_err(|error| Failure::Usage(format!("{of}: {error}")).into())
}

/// Holds the trail against what was seen of it here before, and says what there is to say.
///
/// # Errors
/// With exit code 1 when it does not go on from that.
async fn held_against_memory(backend: &dyn Backend) -> Result<()> {
    let witnessed = match backend.witnessed().await {
        Ok(witnessed) => witnessed,
        Err(error) => {
            say(&format!("the trail could not be held against what was seen of it here before: {error}"));
            return Ok(());
        }
    };
    if let Some(remark) = &witnessed.remark {
        say(remark.as_str());
    }
    let own = witnessed.fault.map(|fault| {
        format!(
            "THE SERVER ITSELF FOUND THAT ITS AUDIT TRAIL IS NOT AS IT WAS WRITTEN, after entry {}: {}. `rolldeck audit verify` \
             reads all of it again",
            fault.after, fault.why
        )
    });
    match witnessed.broken.map(|broken| broken.message.to_string()).or(own) {
        Some(text) => Err(Failure::Failed(text).into()),
        None => Ok(()),
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
    /// A data directory, instead of the server's trail; a server may run on it. With --database, what has the key
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A PostgreSQL database, instead of the server's trail; a server may run on it. `ROLLDECK_DATABASE` stands in
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// jsonl proves itself; csv is for spreadsheets and proves nothing
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
}

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ExportFormat {
    /// JSON Lines: entries as stored, checkpoints, keys
    Jsonl,
    /// A table
    Csv,
}

/// Arguments of `rotate-key`.
#[derive(Debug, clap::Args)]
pub struct RotateKey {
    /// The data directory; the platform's, when absent. No server may run on it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The database, on which no server may run; the key is in the data directory
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Arguments of `expire`.
#[derive(Debug, clap::Args)]
pub struct Expire {
    /// The data directory; the platform's, when absent. No server may run on it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The database, on which no server may run; the key is in the data directory
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// What is older than this: a time, or a span ago such as 400d; never within the last 30 days
    #[arg(long, value_name = "T", value_parser = parse::when, default_value = "400d")]
    before: parse::When,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// An export, instead of the server's trail
    #[arg(value_name = "FILE", conflicts_with_all = ["data", "database"])]
    file: Option<PathBuf>,
    /// A data directory, instead of the server's trail; a server may run on it. With --database, what has the key
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A PostgreSQL database, instead of the server's trail; a server may run on it. `ROLLDECK_DATABASE` stands in
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The verifier key that checkpoints must be signed with, which came to you another way
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Go on from what the server has now, although it is not what was seen of it before: once you know why
    #[arg(long, conflicts_with_all = ["file", "data", "database"])]
    accept: bool,
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
        Command::RotateKey(args) => keep::rotate(session, args).await,
        Command::Expire(args) => keep::expire(session, args).await,
    }
}

/// The database whose trail is meant, and what has its key: that which was named, or, where nothing else was, that of
/// the environment.
fn database(
    session: &Session,
    is_file: bool,
    data: Option<&Path>,
    named: Option<&str>,
) -> Result<Option<(Address, Option<PathBuf>)>> {
    let elsewhere = is_file
        || data.is_some_and(is_of_sqlite)
        || session.global.server.is_some()
        || session.global.context.is_some();
    if named.is_none() && elsewhere {
        return Ok(None);
    }
    let Some(address) = storage::address(session, named)? else { return Ok(None) };
    let key_dir = if let Some(dir) = data {
        Some(dir.to_path_buf())
    } else {
        let dir = Paths::find(session.global.config.as_deref(), &session.env)?.data_dir;
        // The key there is another trail's.
        (!is_of_sqlite(&dir)).then_some(dir)
    };
    Ok(Some((address, key_dir)))
}

async fn list(session: &Session, args: List) -> Result<()> {
    let backend = session.connect()?.backend;
    let query = AuditQuery { limit: args.limit, newest: true, ..args.filter.query(session)? };
    let page = newest(&*backend, query.clone()).await?;
    if !args.follow {
        session.print(&page, || table(&page))?;
        return held_against_memory(&*backend).await;
    }
    held_against_memory(&*backend).await?;
    for entry in &page.entries {
        output::print_one(session.format(), entry, || line(entry))?;
    }
    let after = page.entries.last().map_or(0, |entry| entry.seq);
    follow(session, &*backend, AuditQuery { after, newest: false, limit: PAGE, ..query }).await
}

/// The newest entries that match, however far back they are.
async fn newest(backend: &dyn Backend, mut query: AuditQuery) -> Result<AuditPage> {
    let wanted = query.limit;
    let mut all = backend.audit(query.clone()).await?;
    while let Some(to) = all.searched_to {
        query.before = to;
        query.limit = wanted.saturating_sub(u32::try_from(all.entries.len()).unwrap_or(wanted));
        if query.limit == 0 {
            break;
        }
        let mut more = backend.audit(query.clone()).await?;
        more.entries.append(&mut all.entries);
        all = AuditPage { checkpoint: all.checkpoint, ..more };
    }
    Ok(all)
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
    let mut why = entry.reason.as_ref().or(entry.effect.as_ref()).map_or_else(|| "-".to_owned(), ToString::to_string);
    if let (true, Some(effect)) = (entry.because.is_some(), &entry.effect) {
        why = format!("{effect}: {why}");
    }
    // Of what did not happen the effect says what stood in its way.
    let failed = matches!(entry.outcome, Outcome::Refused | Outcome::Failed);
    if let (true, Some(_), Some(effect)) = (failed, &entry.reason, &entry.effect) {
        why = format!("{why}; {effect}");
    }
    let approved: Vec<&str> = entry.approved_by.iter().map(super::super::domain::text::SafeText::as_str).collect();
    if !approved.is_empty() {
        why = format!("{why}; approved by {}", approved.join(", "));
    }
    if let Some(id) = &entry.override_id {
        why = format!("{why}; override {id}");
    }
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
        why,
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
