//! `rolldeck approval list|show|approve|reject|withdraw`: what waits for a second person.

use color_eyre::Result;

use super::{
    act,
    exit::Failure,
    output::{Table, maybe_time, or_dash, span, time, word},
    session::{Session, reason},
};
use crate::{
    backend::{ApprovalChange, ApprovalReply, ApprovalView, ReasonRequest},
    domain::ApprovalState,
};

/// What to do with what waits for a second person.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List what waits, and what became of what waited
    List {
        /// Only what you may agree to
        #[arg(long)]
        mine: bool,
    },
    /// Show one with what it will do, as whoever asked saw it
    Show {
        /// Its id, a-...
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Agree: what was asked for is done
    Approve(Decide),
    /// Refuse what was asked for
    Reject(Decide),
    /// Take back what you asked for
    Withdraw(Decide),
}

/// Arguments of a decision.
#[derive(Debug, clap::Args)]
pub struct Decide {
    /// Its id, a-...
    #[arg(value_name = "ID")]
    id: String,
    /// Why: 10 to 500 characters; kept in the audit trail
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::List { mine } => {
            let mut page = session.connect()?.backend.approvals().await?;
            if mine {
                page.approvals.retain(|view| view.yours == Some(true));
            }
            let now = session.clock.now();
            session.print(&page, || {
                if page.approvals.is_empty() {
                    session.note("nothing waits for a second person");
                    return String::new();
                }
                let mut table = Table::new(&["ID", "STATE", "LEFT", "WHAT", "WHERE", "ASKED BY", "YOURS", "REASON"]);
                for view in &page.approvals {
                    table.row(row(view, now));
                }
                table.text(0)
            })
        }
        Command::Show { id } => {
            let page = session.connect()?.backend.approvals().await?;
            let view = page.approvals.into_iter().find(|view| view.approval.id.as_str() == id);
            let Some(view) = view else {
                return Err(Failure::NotFound(format!("there is no approval {id}: rolldeck approval list")).into());
            };
            session.print(&view, || show(&view))
        }
        Command::Approve(decide) => change(session, ApprovalChange::Approve, decide).await,
        Command::Reject(decide) => change(session, ApprovalChange::Reject, decide).await,
        Command::Withdraw(decide) => change(session, ApprovalChange::Withdraw, decide).await,
    }
}

async fn change(session: &Session, change: ApprovalChange, decide: Decide) -> Result<()> {
    let Decide { id, reason: given, ticket } = decide;
    let request = ReasonRequest { reason: reason(given.as_deref())?.to_string(), ticket, saw: None };
    let reply = session.connect_to_change()?.backend.decide_approval(&id, change, request).await?;
    match &reply.done {
        Some(done) => {
            let approval = &reply.approval.approval;
            act::finish(session, &format!("{} {}", approval.action, approval.subject), done)
        }
        None => session.print(&reply, || decided(&reply)),
    }
}

fn decided(reply: &ApprovalReply) -> String {
    let mut table = Table::plain();
    let approval = &reply.approval.approval;
    table.row([word(&reply.approval.state), format!("{} {}", approval.action, approval.subject)]);
    table.row(["audit".to_owned(), reply.audit.seq.to_string()]);
    table.text(0)
}

fn row(view: &ApprovalView, now: chrono::DateTime<chrono::Utc>) -> [String; 8] {
    let approval = &view.approval;
    let waits = view.state == ApprovalState::Waiting;
    let failed = approval.decision.as_ref().is_some_and(|decision| decision.failed.is_some());
    let yours = match (view.yours, waits) {
        (Some(true), _) => "yes",
        (Some(false), _) => "no",
        (None, _) => "-",
    };
    [
        approval.id.to_string(),
        format!("{}{}", word(&view.state), if failed { ", not done" } else { "" }),
        if waits { span(approval.expires_at - now) } else { "-".to_owned() },
        approval.action.to_string(),
        approval.subject.to_string(),
        approval.requested_by.id.to_string(),
        yours.to_owned(),
        approval.reason.to_string(),
    ]
}

fn show(view: &ApprovalView) -> String {
    let approval = &view.approval;
    let mut table = Table::plain();
    let decision = approval.decision.as_ref();
    let pairs = [
        ("approval", approval.id.to_string()),
        ("state", word(&view.state)),
        ("what", format!("{} {}", approval.action, approval.subject)),
        ("revision", or_dash(approval.revision.as_ref())),
        ("asked by", approval.requested_by.id.to_string()),
        ("at", time(approval.requested_at)),
        ("until", time(approval.expires_at)),
        ("reason", approval.reason.to_string()),
        ("ticket", or_dash(approval.ticket.as_ref())),
        ("saw", or_dash(approval.saw.as_ref())),
        ("decided by", or_dash(decision.map(|decision| &decision.by))),
        ("decided at", maybe_time(decision.map(|decision| decision.at))),
        ("because", or_dash(decision.map(|decision| &decision.reason))),
        ("not done", or_dash(decision.and_then(|decision| decision.failed.as_ref()))),
        ("not yours", or_dash(view.why_not.as_ref())),
    ];
    for (key, value) in pairs.into_iter().filter(|(_, value)| value != "-") {
        table.row([key.to_owned(), value]);
    }
    format!("{}\n{}", table.text(0), act::preview(&approval.preview))
}
