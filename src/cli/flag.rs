//! `rolldeck flag list|show|set|import|enable|disable|widen|kill|export|lint`: flags.

mod edit;
mod file;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use color_eyre::Result;

use super::{
    exit::Failure,
    output::{Table, maybe_time, or_dash, time, word},
    parse,
    session::{Session, reason},
};
use crate::{
    backend::{Backend, Conditions, FlagReply, FlagRequest, FlagView, ReasonRequest},
    domain::{
        FlagDefinition, FlagKey, LaneName, Place, Revision, SafeText, SiteName, StageName, TargetName, flag::FlagKind,
    },
    flag::{Compiled, export},
};

/// What to do with flags.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List flags: how they stand, and how many places get which variant
    List,
    /// Show one flag with its rules, and what each unit gets and has
    Show {
        /// Its key
        #[arg(value_name = "KEY")]
        key: FlagKey,
    },
    /// Define a flag by a file: a definition (YAML or JSON), or flagd's JSON with a flag of this key
    Set {
        /// Its key
        #[arg(value_name = "KEY")]
        key: FlagKey,
        /// The file; - reads it from standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        unsaid: Unsaid,
        #[command(flatten)]
        change: Change,
    },
    /// Define all flags of a file in flagd's JSON: exactly, or none of them
    Import {
        /// The file; - reads it from standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        unsaid: Unsaid,
        #[command(flatten)]
        change: Change,
    },
    /// Switch a flag on: its rules count again; with --revive, after a kill too
    Enable {
        /// Its key
        #[arg(value_name = "KEY")]
        key: FlagKey,
        /// Bring it back after a kill
        #[arg(long)]
        revive: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Switch a flag off: its off variant is served; never held by a window
    Disable {
        /// Its key
        #[arg(value_name = "KEY")]
        key: FlagKey,
        #[command(flatten)]
        change: Change,
    },
    /// Give a variant to a larger share, of targeting keys or of sites; who has it keeps it
    Widen {
        /// Its key
        #[arg(value_name = "KEY")]
        key: FlagKey,
        /// To how many of a hundred
        #[arg(long, value_name = "P")]
        percent: f64,
        /// Which variant; the only one that is not the off variant, when absent
        #[arg(long, value_name = "V")]
        variant: Option<String>,
        /// Of sites, not of targeting keys
        #[arg(long)]
        sites: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Switch a flag off everywhere, now: no window, approval or revision holds that
    Kill {
        /// Its key
        #[arg(value_name = "KEY")]
        key: FlagKey,
        /// Why: 10 to 500 characters; kept in the audit trail
        #[arg(short, long, value_name = "TEXT")]
        reason: Option<String>,
        /// A ticket's id, kept with it
        #[arg(long, value_name = "ID")]
        ticket: Option<String>,
    },
    /// Print the flags of one site as flagd's JSON, for an ordinary flagd where the server cannot be reached
    Export(Export),
    /// Check a file as `set` and `import` would, without a server
    Lint {
        /// The file; - reads it from standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        unsaid: Unsaid,
    },
}

/// Arguments of every change.
#[derive(Debug, Clone, clap::Args)]
pub struct Change {
    /// Why: 10 to 500 characters; kept in the audit trail
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// An override's id, to pass the windows that it names
    #[arg(long = "override", value_name = "ID")]
    override_id: Option<String>,
    /// Only if the flag is still at this revision; the present one, when absent
    #[arg(long, value_name = "R")]
    if_revision: Option<String>,
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
    /// Say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// What flagd's form does not say.
#[derive(Debug, Clone, clap::Args)]
pub struct Unsaid {
    /// Of a file in flagd's JSON: what its flags are for
    #[arg(long, value_name = "KIND", default_value = "ops", value_parser = kind)]
    kind: FlagKind,
    /// Of a file in flagd's JSON: whose its flags are
    #[arg(long, value_name = "NAME", default_value = "")]
    owner: String,
    /// Of a file in flagd's JSON: when its flags should be gone
    #[arg(long, value_name = "T", value_parser = parse::when)]
    expires: Option<parse::When>,
}

impl Unsaid {
    fn said(&self, now: DateTime<Utc>) -> (FlagKind, SafeText, Option<DateTime<Utc>>) {
        (self.kind, SafeText::new(&self.owner), self.expires.map(|when| when.future(now)))
    }
}

fn kind(text: &str) -> Result<FlagKind, String> {
    serde_json::from_value(text.into())
        .map_err(|_| format!("{text:?} is no kind: there are release, ops, experiment, permission and kill"))
}

/// Which place an export is for.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The site's group
    #[arg(long, value_name = "G")]
    group: TargetName,
    /// The site
    #[arg(long, value_name = "S")]
    site: SiteName,
    /// Its lane
    #[arg(long, value_name = "L", default_value = "main")]
    lane: LaneName,
    /// The stage of a rollout that it is in, for flags whose scope or rules name one
    #[arg(long, value_name = "STAGE")]
    stage: Option<StageName>,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract; what is wrong in a file names its field.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::List => list(session).await,
        Command::Show { key } => {
            let view = one(&*session.connect()?.backend, &key).await?;
            session.print(&view, || text(&view))
        }
        Command::Set { key, file, unsaid, change } => {
            let definition = file::read_one(&file, &key, unsaid.said(session.clock.now()), |text| session.note(text))?;
            put(session, &key, change, false, |_| Ok(definition.clone())).await
        }
        Command::Import { file, unsaid, change } => import(session, &file, unsaid, change).await,
        Command::Enable { key, revive, change } => {
            put(session, &key, change, revive, |view| {
                if !revive {
                    edit::not_killed(view)?;
                }
                edit::switched(view, true)
            })
            .await
        }
        Command::Disable { key, change } => put(session, &key, change, false, |view| edit::switched(view, false)).await,
        Command::Widen { key, percent, variant, sites, change } => {
            put(session, &key, change, false, |view| edit::widened(view, percent, variant.as_deref(), sites)).await
        }
        Command::Kill { key, reason: given, ticket } => {
            let reason = reason(given.as_deref())?.to_string();
            let reply = session
                .connect_to_change()?
                .backend
                .kill_flag(&key, ReasonRequest { reason, ticket, saw: None })
                .await?;
            print(session, &reply)
        }
        Command::Export(args) => of_place(session, args).await,
        Command::Lint { file, unsaid } => {
            let read = file::read(&file, unsaid.said(session.clock.now()))?;
            for remark in &read.remarks {
                session.note(remark.as_str());
            }
            let keys: Vec<String> = read.flags.iter().map(|(key, _)| key.to_string()).collect();
            session.print(&serde_json::json!({"flags": keys}), || match keys.as_slice() {
                [] => "no flags\n".to_owned(),
                keys => format!("sound: {}\n", keys.join(", ")),
            })
        }
    }
}

async fn one(backend: &dyn Backend, key: &FlagKey) -> Result<FlagView> {
    let page = backend.flags().await?;
    let found = page.flags.into_iter().find(|view| view.flag.key == *key);
    Ok(found.ok_or_else(|| Failure::NotFound(format!("there is no flag {key}: see `rolldeck flag list`")))?)
}

async fn list(session: &Session) -> Result<()> {
    let page = session.connect()?.backend.flags().await?;
    session.print(&page, || {
        if page.flags.is_empty() {
            session.note("no flags; define one with: rolldeck flag set KEY FILE --reason TEXT");
            return String::new();
        }
        let mut table = Table::new(&["KEY", "STATE", "STAGE", "KIND", "OWNER", "PLACES", "EVALUATED", "CHANGED"]);
        for view in &page.flags {
            let flag = &view.flag;
            table.row([
                flag.key.to_string(),
                state(view).to_owned(),
                word(&view.stage),
                word(&flag.definition.kind),
                flag.definition.owner.to_string(),
                places(view),
                maybe_time(view.last_evaluated_at),
                time(flag.changed_at),
            ]);
        }
        table.text(0)
    })
}

const fn state(view: &FlagView) -> &'static str {
    match (&view.flag.killed, view.flag.definition.enabled) {
        (Some(_), _) => "killed",
        (None, true) => "on",
        (None, false) => "off",
    }
}

/// How many places get which variant: `on 3, off 9`.
fn places(view: &FlagView) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for place in &view.places {
        let wanted = place.wanted.as_ref().map_or_else(|| "by share".to_owned(), ToString::to_string);
        *counts.entry(wanted).or_insert(0) += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(variant, count)| format!("{variant} {count}")).collect();
    if counts.is_empty() { "-".to_owned() } else { counts.join(", ") }
}

fn text(view: &FlagView) -> String {
    let flag = &view.flag;
    let definition = &flag.definition;
    let mut head = Table::plain();
    let mut line = |name: &str, value: String| {
        head.row([name.to_owned(), value]);
    };
    line("flag", format!("{} at revision {}", flag.key, flag.revision));
    line("state", state(view).to_owned());
    if let Some(killed) = &flag.killed {
        line("killed", format!("{} by {}: {}", time(killed.at), killed.by, killed.reason));
    }
    let why = view.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    line("stage", format!("{}{why}", word(&view.stage)));
    line("kind", format!("{}, owned by {}", word(&definition.kind), definition.owner));
    if let Some(description) = &definition.description {
        line("about", description.to_string());
    }
    let variants: Vec<String> = definition.variants.iter().map(|(name, value)| format!("{name}={value}")).collect();
    line("variants", variants.join(", "));
    line("default", format!("{}; off {}", definition.default_variant, definition.off_variant));
    line("scope", definition.scope.as_ref().map_or_else(|| "everywhere".to_owned(), ToString::to_string));
    line("expires", maybe_time(definition.expires_at));
    line("evaluated", maybe_time(view.last_evaluated_at));
    line("rollout", or_dash(view.rollout.as_ref()));
    line("changed", format!("{} by {}: {}", time(flag.changed_at), flag.changed_by, flag.reason));
    let mut text = head.text(0);
    let mut rules = Table::new(&["RULE", "WHEN", "SERVES"]);
    for rule in &definition.rules {
        rules.row([rule.id.to_string(), edit::condition(rule), edit::served(&rule.serve)]);
    }
    if !definition.rules.is_empty() {
        text.push('\n');
        text.push_str(&rules.text(0));
    }
    let mut places = Table::new(&["PLACE", "WANTED", "REASON", "RULE", "HAS", "AT REVISION"]);
    for place in &view.places {
        places.row([
            format!("{}/{}/{}", place.group, place.site, place.lane),
            place.wanted.as_ref().map_or_else(|| "by share".to_owned(), ToString::to_string),
            word(&place.reason),
            or_dash(place.rule.as_ref()),
            or_dash(place.actual.as_ref()),
            or_dash(place.held_revision.as_ref()),
        ]);
    }
    if !view.places.is_empty() {
        text.push('\n');
        text.push_str(&places.text(0));
    }
    text
}

/// Changes a flag: what `definition` makes of what is there.
async fn put(
    session: &Session,
    key: &FlagKey,
    change: Change,
    revive: bool,
    definition: impl FnOnce(Option<&FlagView>) -> Result<FlagDefinition>,
) -> Result<()> {
    let why = if change.dry_run && change.reason.is_none() {
        String::new()
    } else {
        reason(change.reason.as_deref())?.to_string()
    };
    let connection = if change.dry_run { session.connect()? } else { session.connect_to_change()? };
    let backend = &*connection.backend;
    let present = backend.flags().await?.flags.into_iter().find(|view| view.flag.key == *key);
    let definition = definition(present.as_ref())?;
    let reply = send(session, backend, key, definition, present.as_ref(), &change, why, revive).await?;
    print(session, &reply)
}

#[expect(clippy::too_many_arguments, reason = "each is one part of what is sent")]
async fn send(
    session: &Session,
    backend: &dyn Backend,
    key: &FlagKey,
    definition: FlagDefinition,
    present: Option<&FlagView>,
    change: &Change,
    reason: String,
    revive: bool,
) -> Result<FlagReply> {
    let named = change.if_revision.as_deref().map(|revision| SafeText::new(revision.trim_matches('"')));
    let seen = named.or_else(|| present.map(|view| SafeText::new(view.flag.revision.to_string())));
    let request = FlagRequest {
        definition,
        reason,
        ticket: change.ticket.clone(),
        override_id: change.override_id.clone(),
        saw: present.map(|view| format!("flag {key} at revision {}, {}", view.flag.revision, state(view))),
        revive,
        dry_run: change.dry_run,
    };
    let idempotency_key = change.idempotency_key.clone().unwrap_or_else(|| session.clock.id());
    let conditions = Conditions { revision: seen.map(Revision), idempotency_key: Some(idempotency_key) };
    Ok(backend.put_flag(key, request, conditions).await?)
}

async fn import(session: &Session, file: &std::path::Path, unsaid: Unsaid, change: Change) -> Result<()> {
    if change.if_revision.is_some() || change.idempotency_key.is_some() {
        let message = "a file has many flags: --if-revision and --idempotency-key are of one, use `flag set KEY FILE`";
        return Err(Failure::Usage(message.to_owned()).into());
    }
    let read = file::read(file, unsaid.said(session.clock.now()))?;
    for remark in &read.remarks {
        session.note(remark.as_str());
    }
    for (key, definition) in read.flags {
        put(session, &key, change.clone(), false, |_| Ok(definition)).await?;
    }
    Ok(())
}

async fn of_place(session: &Session, args: Export) -> Result<()> {
    let backend = session.connect()?.backend;
    let page = backend.flags().await?;
    let sites = backend.sites().await?.sites;
    let lane = sites
        .iter()
        .filter(|site| site.group == args.group && site.site == args.site)
        .flat_map(|site| &site.lanes)
        .find(|lane| lane.lane == args.lane);
    if lane.is_none() {
        let lanes: Vec<String> = sites
            .iter()
            .filter(|site| site.group == args.group && site.site == args.site)
            .flat_map(|site| site.lanes.iter().map(|lane| lane.lane.to_string()))
            .collect();
        let text = if lanes.is_empty() {
            format!("no agent has enrolled site {} of group {}: rolldeck site list", args.site, args.group)
        } else {
            format!(
                "{}/{} has no lane {}: it has {}; name one with --lane",
                args.group,
                args.site,
                args.lane,
                lanes.join(", ")
            )
        };
        return Err(Failure::NotFound(text).into());
    }
    let place = Place {
        target: &args.group,
        rollout: None,
        site: Some(&args.site),
        lane: Some(&args.lane),
        stage: args.stage.as_ref(),
        labels: lane.map(|lane| &lane.labels),
    };
    let mut flags = Vec::with_capacity(page.flags.len());
    for view in &page.flags {
        let compiled = Compiled::new(&view.flag).map_err(|error| {
            Failure::Failed(format!("flag {} is not one that this version can evaluate: {error}", view.flag.key))
        })?;
        flags.push(compiled);
    }
    let exported = export(&flags, &place);
    session.print(&exported, || format!("{exported:#}\n"))
}

fn print(session: &Session, reply: &FlagReply) -> Result<()> {
    session.print(reply, || {
        let mut table = Table::plain();
        table.row([word(&reply.outcome), reply.effect.to_string()]);
        table.row(["flag".to_owned(), format!("{} at revision {}", reply.flag.flag.key, reply.flag.flag.revision)]);
        table.row(["state".to_owned(), state(&reply.flag).to_owned()]);
        table.row(["places".to_owned(), places(&reply.flag)]);
        for freeze in &reply.blocking_windows {
            table.row(["held by".to_owned(), format!("window {}: {}", freeze.window, freeze.reason)]);
        }
        if let Some(waits) = &reply.approval {
            table.row(["waits for".to_owned(), format!("approval {}", waits.approval.id)]);
        }
        if let Some(audit) = &reply.audit {
            table.row(["audit".to_owned(), audit.seq.to_string()]);
        }
        table.text(0)
    })
}
