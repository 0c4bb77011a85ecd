//! `rolldeck override ask|list|show|countersign|withdraw`: counted exceptions to windows that expire.

use chrono::TimeDelta;
use color_eyre::Result;

use super::{
    exit::Failure,
    output::{Table, time, word},
    parse,
    session::{Session, reason},
};
use crate::{
    backend::{Conditions, OverrideChange, OverrideOffer, OverrideReply, OverrideRequest, OverrideView, ReasonRequest},
    domain::{FlagKey, Operation, Override, OverrideKind, OverrideState, RolloutId, Scope, overrides::REASON_MIN},
};

/// What to do with overrides.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Ask to let one rollout or flag pass named windows, for named actions, a counted number of times
    Ask(Box<Ask>),
    /// List overrides: those that can be used, those that wait, those that are over
    List,
    /// Show one override with what it was used for
    Show {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Stand by an override that somebody else took without waiting
    Countersign(Change),
    /// Take an override back: what it let through and was not told yet is held again
    Withdraw(Change),
}

/// Arguments of `ask`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// The rollout that may pass
    #[arg(value_name = "TARGET/NAME", required_unless_present = "flag", conflicts_with = "flag")]
    rollout: Option<RolloutId>,
    /// A window that it may pass, by its id, or with the revision that you looked at, such as w-12ab@3: then one that was
    /// changed since is refused; several, one by one
    #[arg(long, value_name = "ID", required = true, value_delimiter = ',')]
    window: Vec<String>,
    /// For what: promote, start, resume, retry, `promote_full`, restart, terminate; of a flag, `flag_enable`,
    /// `flag_widen`, `flag_change`
    #[arg(long, value_name = "ACTION", required = true, value_delimiter = ',')]
    action: Vec<Operation>,
    /// Why: 12 to 500 characters; kept in the audit trail
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// How often it can be used; each use lets one stage through
    #[arg(long, value_name = "N")]
    uses: Option<u32>,
    /// Until when it counts: a time such as 2026-05-04T14:00:00Z, or a span such as 2h; 4h, when absent
    #[arg(long, value_name = "T", value_parser = parse::when)]
    expires: Option<parse::When>,
    /// From when it counts, written the same way; now, when absent
    #[arg(long, value_name = "T", value_parser = parse::when)]
    from: Option<parse::When>,
    /// What it is for
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Kind::Incident)]
    kind: Kind,
    /// In place of a rollout: the flag that may pass
    #[arg(long, value_name = "KEY")]
    flag: Option<FlagKey>,
    /// For a rollout that has not begun: the snapshot that it is to bring
    #[arg(long, value_name = "SNAPSHOT")]
    candidate: Option<String>,
    /// Where it may pass: target=GLOB,site=GLOB,lane=GLOB,stage=GLOB,label:KEY=GLOB; everywhere, when absent
    #[arg(long, value_name = "S")]
    scope: Option<Scope>,
    /// Do not wait for a second person: somebody else has to countersign later, and the audit trail says so
    #[arg(long)]
    break_glass: bool,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
}

/// Arguments of a change.
#[derive(Debug, clap::Args)]
pub struct Change {
    /// Its id
    #[arg(value_name = "ID")]
    id: String,
    /// Why: 10 to 500 characters; kept in the audit trail
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
}

/// What it is for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// A correction that cannot wait
    Hotfix,
    /// Something is broken now
    Incident,
    /// Work that was agreed on
    Scheduled,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Ask(args) => {
            let key = args.idempotency_key.clone().unwrap_or_else(|| session.clock.id());
            let request = request(session, *args)?;
            let conditions = Conditions { revision: None, idempotency_key: Some(key) };
            let reply = session.connect_to_change()?.backend.add_override(request, conditions).await?;
            note(session, &reply.record);
            print(session, &reply)
        }
        Command::Countersign(args) => change(session, args, OverrideChange::Countersign).await,
        Command::Withdraw(args) => change(session, args, OverrideChange::Withdraw).await,
        Command::List => {
            let page = session.connect()?.backend.overrides().await?;
            session.print(&page, || {
                let mut table =
                    Table::new(&["ID", "STATE", "LEFT", "FOR", "ACTIONS", "WINDOWS", "UNTIL", "BY", "REASON"]);
                for view in &page.overrides {
                    table.row(row(view));
                }
                if page.overrides.is_empty() {
                    session.note("no overrides; a change that a window holds says how to ask for one");
                    return String::new();
                }
                table.text(0)
            })
        }
        Command::Show { id } => {
            let page = session.connect()?.backend.overrides().await?;
            let Some(view) = page.overrides.iter().find(|view| view.record.id.as_str() == id) else {
                let text = format!("there is no override {id}: `rolldeck override list` shows those there are");
                return Err(Failure::NotFound(text).into());
            };
            session.print(view, || detail(view).text(0))
        }
    }
}

/// The reason of an override, which is longer than others: it is read by whoever has to agree.
fn override_reason(given: Option<&str>) -> Result<String> {
    let reason = reason(given)?.to_string();
    let length = reason.chars().count();
    if length < REASON_MIN {
        let text = format!("--reason: an override's has at least {REASON_MIN} characters, and this one has {length}");
        return Err(Failure::Usage(text).into());
    }
    Ok(reason)
}

fn request(session: &Session, args: Ask) -> Result<OverrideRequest> {
    let now = session.clock.now();
    let not_before = args.from.map(|when| when.future(now));
    let expires_at = args.expires.map(|when| match when {
        parse::When::At(at) => at,
        parse::When::Span(span) => not_before.unwrap_or(now) + TimeDelta::from_std(span).unwrap_or_default(),
    });
    Ok(OverrideRequest {
        windows: args.window,
        actions: args.action,
        rollout: args.rollout,
        candidate: args.candidate,
        flag: args.flag,
        scope: args.scope,
        kind: match args.kind {
            Kind::Hotfix => OverrideKind::Hotfix,
            Kind::Incident => OverrideKind::Incident,
            Kind::Scheduled => OverrideKind::Scheduled,
        },
        reason: override_reason(args.reason.as_deref())?,
        ticket: args.ticket,
        not_before,
        expires_at,
        uses: args.uses,
        break_glass: args.break_glass,
        saw: None,
    })
}

async fn change(session: &Session, args: Change, change: OverrideChange) -> Result<()> {
    let request = ReasonRequest { reason: reason(args.reason.as_deref())?.to_string(), ticket: args.ticket, saw: None };
    let reply = session.connect_to_change()?.backend.change_override(&args.id, change, request).await?;
    print(session, &reply)
}

/// What is to be done with it next.
fn note(session: &Session, view: &OverrideView) {
    let record = &view.record;
    match view.state {
        OverrideState::Waiting => {
            let how = view
                .approval
                .as_ref()
                .map(|id| format!(": rolldeck approval approve {id} --reason TEXT"))
                .unwrap_or_default();
            session.note(&format!("it waits for a second person{how}"));
        }
        OverrideState::Active | OverrideState::Upcoming => match &view.why_not {
            Some(why) => session.note(why.as_str()),
            None => session.note(&format!("use it with: --override {}", record.id)),
        },
        OverrideState::UsedUp | OverrideState::Expired | OverrideState::Withdrawn => {}
    }
    if let (true, Some(until)) = (record.awaits_countersign(), record.countersign_until) {
        session.note(&format!(
            "somebody else has to countersign it until {}: rolldeck override countersign {} --reason TEXT",
            time(until),
            record.id
        ));
    }
}

fn row(view: &OverrideView) -> [String; 9] {
    let record = &view.record;
    let open = match (record.awaits_countersign(), record.overdue_since) {
        (true, None) => ", to be countersigned",
        (true, Some(_)) => ", countersign overdue",
        (false, _) => "",
    };
    let idle = if view.why_not.is_some() { ", lifts nothing" } else { "" };
    [
        record.id.to_string(),
        format!("{}{idle}{open}", word(&view.state)),
        format!("{} of {}", view.uses_left, record.uses_max),
        subject(record),
        actions(record),
        windows(record),
        time(record.expires_at),
        record.requested_by.to_string(),
        record.reason.to_string(),
    ]
}

fn subject(record: &Override) -> String {
    match (&record.rollout, &record.flag) {
        (Some(id), _) => id.to_string(),
        (None, Some(flag)) => format!("flag {flag}"),
        (None, None) => String::new(),
    }
}

fn actions(record: &Override) -> String {
    record.actions.iter().map(|action| action.as_str()).collect::<Vec<_>>().join(", ")
}

fn windows(record: &Override) -> String {
    let named = record.windows.iter().map(|window| format!("{} (revision {})", window.id, window.revision));
    named.collect::<Vec<_>>().join(", ")
}

/// All of it, a line each.
fn detail(view: &OverrideView) -> Table {
    let record = &view.record;
    let mut table = Table::plain();
    let [id, state, left, subject, actions, windows, until, by, reason] = row(view);
    for (key, value) in [
        ("override", id),
        ("state", state),
        ("uses left", left),
        ("for", subject),
        ("actions", actions),
        ("windows", windows),
        ("from", time(record.not_before)),
        ("until", until),
        ("asked by", format!("{by} at {}", time(record.requested_at))),
        ("reason", reason),
    ] {
        table.row([key.to_owned(), value]);
    }
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            table.row([key.to_owned(), value]);
        }
    };
    add("candidate", record.candidate.as_ref().map(ToString::to_string));
    add("scope", record.scope.as_ref().map(ToString::to_string));
    add("ticket", record.ticket.as_ref().map(ToString::to_string));
    add("approval", view.approval.as_ref().map(ToString::to_string));
    for agreed in &record.approvals {
        add("agreed by", Some(format!("{} at {}: {}", agreed.by, time(agreed.at), agreed.reason)));
    }
    if record.awaits_countersign() {
        let late = if record.overdue_since.is_some() { ", overdue" } else { "" };
        add("to be countersigned", record.countersign_until.map(|until| format!("until {}{late}", time(until))));
    }
    for (key, consent) in [("countersigned by", &record.countersigned), ("taken back by", &record.withdrawn)] {
        let said = consent.as_ref().map(|said| format!("{} at {}: {}", said.by, time(said.at), said.reason));
        add(key, said);
    }
    for used in &record.uses {
        let stage = used.stage.as_ref().map(|stage| format!(", stage {stage}")).unwrap_or_default();
        let words = format!("{} by {} for {}{stage}, audit {}", time(used.at), used.by, used.action, used.entry);
        add("used", Some(words));
    }
    table
}

fn print(session: &Session, reply: &OverrideReply) -> Result<()> {
    session.print(reply, || {
        let mut table = detail(&reply.record);
        table.row(["outcome".to_owned(), word(&reply.outcome)]);
        table.row(["audit".to_owned(), reply.audit.seq.to_string()]);
        table.text(0)
    })
}

/// The command that asks for what would let something pass; the reason is left to whoever asks.
pub fn asking(offer: &OverrideOffer) -> String {
    let mut words = vec!["rolldeck override ask".to_owned()];
    words.extend(offer.rollout.as_ref().map(ToString::to_string));
    words.extend(offer.flag.as_ref().map(|key| format!("--flag {key}")));
    words.extend(offer.windows.iter().map(|window| format!("--window {window}")));
    words.extend(offer.actions.iter().map(|action| format!("--action {action}")));
    words.extend(offer.candidate.as_ref().map(|digest| format!("--candidate {digest}")));
    words.push("--reason TEXT".to_owned());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countersign_that_is_late_is_told_from_one_that_is_still_in_time() {
        let record = Override { break_glass: true, uses_max: 1, ..Override::default() };
        let view = |record: Override| OverrideView {
            state: OverrideState::UsedUp,
            uses_left: 0,
            approval: None,
            why_not: None,
            record,
        };
        assert_eq!(row(&view(record.clone()))[1], "used_up, to be countersigned");
        let late = Override { overdue_since: Some(record.requested_at), ..record.clone() };
        assert_eq!(row(&view(late))[1], "used_up, countersign overdue");
        assert_eq!(row(&view(Override { break_glass: false, ..record }))[1], "used_up");
    }
}
