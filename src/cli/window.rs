//! `rolldeck window add|list|lift`: freezes.

use std::time::Duration;

use color_eyre::Result;

use super::{
    output::{Table, time, word},
    parse,
    session::{Session, reason},
};
use crate::{
    backend::{Backend, Conditions, ReasonRequest, RolloutsPage, WindowReply, WindowRequest, WindowView},
    domain::{OnEnter, Phase, Scope},
};

/// What to do with windows.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Freeze what widens a change, in a scope and a span of time; pause and rollback stay open
    Add(Add),
    /// List windows: those that hold, those to come, those that are over
    List,
    /// End a freeze early
    Lift {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        /// Why: 10 to 500 characters; kept in the audit trail
        #[arg(short, long, value_name = "TEXT")]
        reason: Option<String>,
        /// A ticket's id, kept with it
        #[arg(long, value_name = "TICKET")]
        ticket: Option<String>,
    },
}

/// How long a window's pauses are waited for.
const PAUSES: Duration = Duration::from_secs(25);

/// Arguments of `add`.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// What it holds: a target's name, or target=GLOB,rollout=GLOB,site=GLOB,lane=GLOB,stage=GLOB,label:KEY=GLOB
    #[arg(long, value_name = "S")]
    scope: Scope,
    /// Why: 10 to 500 characters; shown to whoever is blocked
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// When it begins: a time such as 2026-05-04T14:00:00Z, or a span from now such as 2h; now, when absent
    #[arg(long, value_name = "T", value_parser = parse::when)]
    from: Option<parse::When>,
    /// When it ends, written the same way; until it is lifted, when absent
    #[arg(long, value_name = "T", value_parser = parse::when)]
    until: Option<parse::When>,
    /// Pause what goes on by itself when it begins: Argo and Flagger do, where nothing holds them
    #[arg(long)]
    pause: bool,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Add(args) => {
            let reason = reason(args.reason.as_deref())?.to_string();
            let now = session.clock.now();
            let request = WindowRequest {
                on_enter: if args.pause { OnEnter::Pause } else { OnEnter::Hold },
                scope: args.scope,
                reason,
                from: args.from.map(|when| when.future(now)),
                until: args.until.map(|when| when.future(now)),
                ticket: args.ticket,
                ..WindowRequest::default()
            };
            let key = args.idempotency_key.unwrap_or_else(|| session.clock.id());
            let conditions = Conditions { revision: None, idempotency_key: Some(key) };
            // Only a process that stays may pause: this one does until it is done.
            let session = &Session { pauses: args.pause, ..session.clone() };
            let backend = session.connect_to_change()?.backend;
            let reply = backend.add_window(request, conditions).await?;
            if args.pause {
                pauses(session, &*backend).await?;
            }
            print(session, &reply)
        }
        Command::Lift { id, reason: given, ticket } => {
            let reason = reason(given.as_deref())?.to_string();
            let reply = session.connect_to_change()?.backend.lift_window(&id, ReasonRequest { reason, ticket }).await?;
            print(session, &reply)
        }
        Command::List => {
            let page = session.connect()?.backend.windows().await?;
            session.print(&page, || {
                let mut table = Table::new(&["ID", "STATE", "SCOPE", "FROM", "UNTIL", "BY", "REASON"]);
                for window in &page.windows {
                    table.row(row(window));
                }
                if page.windows.is_empty() {
                    session.note("no windows; add one with: rolldeck window add --scope TARGET --reason TEXT");
                    return String::new();
                }
                table.text(0)
            })
        }
    }
}

fn row(view: &WindowView) -> [String; 7] {
    let window = &view.window;
    let until = match (&window.lifted, window.until) {
        (Some(lifted), _) => format!("{} (lifted by {}: {})", time(lifted.at), lifted.by, lifted.reason),
        (None, Some(until)) => time(until),
        (None, None) => "until lifted".to_owned(),
    };
    [
        window.id.to_string(),
        word(&view.state),
        window.scope.to_string(),
        time(window.from),
        until,
        window.created_by.to_string(),
        window.reason.to_string(),
    ]
}

fn print(session: &Session, reply: &WindowReply) -> Result<()> {
    session.print(reply, || {
        let [id, state, scope, from, until, _, reason] = row(&reply.window);
        let mut table = Table::plain();
        let pairs = [
            (word(&reply.outcome), format!("window {id}")),
            ("state".to_owned(), state),
            ("scope".to_owned(), scope),
            ("from".to_owned(), from),
            ("until".to_owned(), until),
            ("reason".to_owned(), reason),
            ("audit".to_owned(), reply.audit.seq.to_string()),
        ];
        for (key, value) in pairs {
            table.row([key, value]);
        }
        table.text(0)
    })
}

/// Waits until what goes on by itself was paused, where a driver carries it out.
async fn pauses(session: &Session, backend: &dyn Backend) -> Result<()> {
    let deadline = tokio::time::Instant::now() + PAUSES;
    loop {
        let RolloutsPage::All { rollouts, carriers, .. } = backend.view(None, Duration::ZERO).await? else {
            return Ok(());
        };
        let goes_on: Vec<String> = rollouts
            .iter()
            .filter(|rollout| rollout.workload.is_some() && rollout.phase == Phase::Progressing)
            .filter(|rollout| rollout.freeze.is_some())
            .map(|rollout| rollout.id().to_string())
            .collect();
        if carriers.is_empty() || goes_on.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            session.note(&format!(
                "still going on: {}; pause them by hand, or see `rolldeck audit list`",
                goes_on.join(", ")
            ));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
