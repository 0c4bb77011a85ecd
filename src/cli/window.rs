//! `rolldeck window ...`: when changes are frozen, or allowed only.

mod ahead;
mod every;
mod file;
mod spec;

use std::time::Duration;

use color_eyre::Result;

use self::spec::Spec;
use super::{
    exit::Failure,
    output::{Table, maybe_time, time, word},
    session::{Session, reason},
};
use crate::{
    backend::{Backend, Conditions, ReasonRequest, RolloutsPage, WindowReply, WindowRequest, WindowView},
    domain::{Effect, OnEnter, Phase, Revision, SafeText, Scope, Window},
};

/// What to do with windows.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Freeze what widens a change, or allow it only then; pause and rollback stay open
    Add(Box<Add>),
    /// Change a window: what is not named stays as it is
    Change(Box<Change>),
    /// Let a window count again
    Enable(Why),
    /// Switch a window off; it can be enabled again
    Disable(Why),
    /// End a window early, for good
    Lift(Why),
    /// List windows: those that hold, those to come, those that are over
    List,
    /// Show all of one window
    Show {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Say what is frozen, now or at any instant; with --target: exit 0 when it is open there, 4 when it is closed
    State(ahead::State),
    /// List the spans of windows, and what is planned and meets one
    Calendar(ahead::Calendar),
    /// Add the windows of a file: iCalendar, Argo CD sync windows, GitLab freeze periods; all of them or none. What
    /// the file brought before is not added again: an event that says something else replaces its window
    Import(file::Import),
    /// Print all windows as iCalendar (.ics). A calendar that subscribes asks GET /api/v1/windows.ics, with a
    /// viewer's token as `Authorization: Bearer`
    Export,
}

/// Which window, and why.
#[derive(Debug, clap::Args)]
pub struct Why {
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

/// Arguments of `add`.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// What it is about: a target's name, or target=GLOB,rollout=GLOB,site=GLOB,lane=GLOB,stage=GLOB,label:KEY=GLOB
    #[arg(long, value_name = "S")]
    scope: Scope,
    /// Why: 10 to 500 characters; shown to whoever is blocked
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    spec: Spec,
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
}

/// Arguments of `change`.
#[derive(Debug, clap::Args)]
pub struct Change {
    /// Its id
    #[arg(value_name = "ID")]
    id: String,
    /// What it is about
    #[arg(long, value_name = "S")]
    scope: Option<Scope>,
    /// Why it is changed: 10 to 500 characters; kept in the audit trail
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// Why the window is there: 10 to 500 characters; shown to whoever is blocked from now on, in place of what was
    #[arg(long, value_name = "TEXT")]
    shown_reason: Option<String>,
    #[command(flatten)]
    spec: Spec,
    /// Let it count again
    #[arg(long, conflicts_with = "disabled")]
    enabled: bool,
    /// The revision that you saw; the present one, when absent
    #[arg(long, value_name = "R")]
    if_revision: Option<String>,
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
}

/// How long a window's orders are waited for.
const ORDERS: Duration = Duration::from_secs(25);

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Add(args) => add(session, *args).await,
        Command::Change(args) => change(session, *args).await,
        Command::Enable(why) => switch(session, why, true).await,
        Command::Disable(why) => switch(session, why, false).await,
        Command::Lift(Why { id, reason: given, ticket }) => {
            let reason = reason(given.as_deref())?.to_string();
            let reply = session
                .connect_to_change()?
                .backend
                .lift_window(&id, ReasonRequest { reason, ticket, saw: None })
                .await?;
            print(session, &reply)
        }
        Command::List => {
            let page = session.connect()?.backend.windows().await?;
            session.print(&page, || {
                let mut table = Table::new(&["ID", "STATE", "WHAT", "SCOPE", "WHEN", "NEXT", "BY", "REASON"]);
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
        Command::Show { id } => {
            let view = find(&*session.connect()?.backend, &id).await?;
            session.print(&view, || details(&view).text(0))
        }
        Command::State(args) => ahead::state(session, args).await,
        Command::Calendar(args) => ahead::calendar(session, args).await,
        Command::Import(args) => file::import(session, args).await,
        Command::Export => file::export(session).await,
    }
}

async fn add(session: &Session, args: Add) -> Result<()> {
    let reason = reason(args.reason.as_deref())?.to_string();
    let request = WindowRequest { scope: args.scope, reason, ..WindowRequest::default() };
    let request = args.spec.lay_over(request, session.clock.now())?;
    let key = args.idempotency_key.unwrap_or_else(|| session.clock.id());
    let conditions = Conditions { revision: None, idempotency_key: Some(key) };
    let acts = request.on_enter != OnEnter::Hold;
    // Only a process that stays may pause or bring back: this one does until it is done.
    let session = &Session { pauses: acts, ..session.clone() };
    let backend = session.connect_to_change()?.backend;
    let reply = backend.add_window(request, conditions).await?;
    if acts {
        orders(session, &*backend).await?;
    }
    print(session, &reply)
}

async fn change(session: &Session, args: Change) -> Result<()> {
    let reason = reason(args.reason.as_deref())?.to_string();
    let backend = session.connect_to_change()?.backend;
    let view = find(&*backend, &args.id).await?;
    let mut request = WindowRequest { reason, shown_reason: args.shown_reason, ..request_of(&view.window) };
    if let Some(scope) = args.scope {
        request.scope = scope;
    }
    if args.enabled {
        request.disabled = false;
    }
    let request = args.spec.lay_over(request, session.clock.now())?;
    let seen = args.if_revision.unwrap_or_else(|| view.window.revision.to_string());
    put(session, &*backend, &args.id, request, seen, args.idempotency_key).await
}

async fn switch(session: &Session, why: Why, on: bool) -> Result<()> {
    let reason = reason(why.reason.as_deref())?.to_string();
    let backend = session.connect_to_change()?.backend;
    let view = find(&*backend, &why.id).await?;
    let request = WindowRequest { reason, disabled: !on, ticket: why.ticket, ..request_of(&view.window) };
    put(session, &*backend, &why.id, request, view.window.revision.to_string(), None).await
}

async fn put(
    session: &Session,
    backend: &dyn Backend,
    id: &str,
    request: WindowRequest,
    seen: String,
    key: Option<String>,
) -> Result<()> {
    let key = key.unwrap_or_else(|| session.clock.id());
    let conditions = Conditions { revision: Some(Revision(SafeText::new(seen))), idempotency_key: Some(key) };
    print(session, &backend.change_window(id, request, conditions).await?)
}

/// A window as a request would write it.
fn request_of(window: &Window) -> WindowRequest {
    let once = window.schedule.is_none();
    WindowRequest {
        scope: window.scope.clone(),
        reason: String::new(),
        shown_reason: None,
        from: Some(window.from).filter(|_| once),
        until: window.until.filter(|_| once),
        name: window.name.as_ref().map(ToString::to_string),
        effect: window.effect,
        schedule: window.schedule.clone(),
        actions: window.actions.clone(),
        initiators: window.initiators.clone(),
        on_enter: window.on_enter,
        overridable: window.overridable,
        disabled: !window.enabled,
        contact: window.contact.as_ref().map(ToString::to_string),
        ticket: None,
        override_id: None,
        saw: None,
    }
}

async fn find(backend: &dyn Backend, id: &str) -> Result<WindowView> {
    let page = backend.windows().await?;
    let found = page.windows.into_iter().find(|view| view.window.id.as_str() == id);
    found.ok_or_else(|| {
        let id = SafeText::new(id);
        Failure::NotFound(format!("there is no window {id}: `rolldeck window list` shows those there are")).into()
    })
}

/// When a window holds, in words.
fn when(window: &Window) -> String {
    if let Some(lifted) = &window.lifted {
        return format!("{} (lifted by {}: {})", time(lifted.at), lifted.by, lifted.reason);
    }
    let Some(schedule) = &window.schedule else {
        let until = window.until.map_or_else(|| "until lifted".to_owned(), time);
        return format!("{} - {until}", time(window.from));
    };
    let local = |at: chrono::NaiveDateTime| at.format("%Y-%m-%dT%H:%M").to_string();
    let end = match (&schedule.end, &schedule.duration) {
        (Some(end), _) => format!(" - {}", local(*end)),
        (None, Some(duration)) => format!(" for {duration}"),
        (None, None) => " - until lifted".to_owned(),
    };
    let again = schedule.rrule.as_ref().map(|rule| format!(", {rule}")).unwrap_or_default();
    format!("{}{end} {}{again}", local(schedule.start), schedule.zone)
}

fn what(window: &Window) -> &'static str {
    match window.effect {
        Effect::Deny => "freeze",
        Effect::Allow => "allow",
    }
}

fn row(view: &WindowView) -> [String; 8] {
    let window = &view.window;
    [
        window.id.to_string(),
        word(&view.state),
        what(window).to_owned(),
        window.scope.to_string(),
        when(window),
        maybe_time(view.next_transition),
        window.created_by.to_string(),
        window.name.as_ref().map_or_else(|| window.reason.to_string(), |name| format!("{name}: {}", window.reason)),
    ]
}

/// All of a window, a line a field.
fn details(view: &WindowView) -> Table {
    let window = &view.window;
    let mut table = Table::plain();
    let list = |words: Vec<String>, all: &str| if words.is_empty() { all.to_owned() } else { words.join(", ") };
    let mut line = |key: &str, value: String| table.row([key.to_owned(), value]);
    line("window", format!("{} revision {}", window.id, window.revision));
    if let Some(name) = &window.name {
        line("name", name.to_string());
    }
    line("state", word(&view.state));
    line("next", maybe_time(view.next_transition));
    line("what", what(window).to_owned());
    line("scope", window.scope.to_string());
    line("when", when(window));
    if let Some(schedule) = &window.schedule {
        let dates = |dates: &[chrono::NaiveDateTime]| {
            dates.iter().map(|at| at.format("%Y-%m-%dT%H:%M").to_string()).collect::<Vec<_>>().join(", ")
        };
        if !schedule.rdate.is_empty() {
            line("also", dates(&schedule.rdate));
        }
        if !schedule.exdate.is_empty() {
            line("not", dates(&schedule.exdate));
        }
        line("from", time(window.from));
        line("until", window.until.map_or_else(|| "without end".to_owned(), time));
    }
    line("actions", list(window.actions.iter().map(ToString::to_string).collect(), "all that widens"));
    line("initiators", list(window.initiators.iter().map(|by| by.as_str().to_owned()).collect(), "everybody"));
    line("on enter", word(&window.on_enter));
    line("overridable", word(&window.overridable));
    line("reason", window.reason.to_string());
    if let Some(ticket) = &window.ticket {
        line("ticket", ticket.to_string());
    }
    if let Some(contact) = &window.contact {
        line("contact", contact.to_string());
    }
    line("by", format!("{} at {}", window.created_by, time(window.created_at)));
    table
}

fn print(session: &Session, reply: &WindowReply) -> Result<()> {
    session.print(reply, || {
        let mut table = Table::plain();
        table.row([word(&reply.outcome), format!("window {}", reply.window.window.id)]);
        let changes = reply.audit.changes.iter().filter(|_| reply.audit.revision.before.is_some());
        for change in changes {
            let text = |value: &Option<SafeText>| value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            table.row([
                format!("changed {}", change.field),
                format!("{} -> {}", text(&change.before), text(&change.after)),
            ]);
        }
        format!("{}{}audit        {}\n", table.text(0), details(&reply.window).text(0), reply.audit.seq)
    })
}

/// Waits until what goes on by itself was paused or is on its way back, where a driver carries it out.
async fn orders(session: &Session, backend: &dyn Backend) -> Result<()> {
    let deadline = tokio::time::Instant::now() + ORDERS;
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
