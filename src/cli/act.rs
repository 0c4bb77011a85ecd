//! `rolldeck pause|resume|promote|rollback|retry TARGET/NAME`: one action on one rollout.
//!
//! What stops a change (pause, rollback) is sent at once and pins no revision unless asked to. What
//! widens one is sent for the revision that was just read. A lost answer is asked for again with
//! the same key, so that nothing is done twice.

use std::{fmt::Write as _, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use color_eyre::Result;

use super::{
    exit::{Failure, say},
    output::{Table, word},
    session::{Connection, Session, reason},
};
use crate::{
    backend::{ActionReply, ActionRequest, Backend, BackendError, BackendResult, Conditions, Tagged},
    domain::{Action, Outcome, Preview, Revision, RollbackTo, RolloutId, SafeText, rollout::CheckState},
};

/// How long a release is stayed with whose changes are to be put back.
const STAYS: Duration = Duration::from_mins(15);
/// How long that takes, once it is through.
const SETTLES: Duration = Duration::from_secs(3);
/// How often a lost answer is asked for again.
const TRIES: usize = 5;

/// Arguments of every action.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "TARGET/NAME")]
    rollout: RolloutId,
    /// Why: 10 to 500 characters; kept in the audit trail
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// An override's id, to pass the windows that it names
    #[arg(long = "override", value_name = "ID")]
    override_id: Option<String>,
    /// Act only if the rollout is still at this revision
    #[arg(long, value_name = "R")]
    if_revision: Option<String>,
    /// Your own key for this action: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
    /// Ask a second person to agree first, also where nothing demands it
    #[arg(long)]
    ask: bool,
    /// Say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Arguments of `promote`.
#[derive(Debug, clap::Args)]
pub struct PromoteArgs {
    /// Go through all stages without waiting for a person; gates still hold
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    pub args: Args,
}

impl PromoteArgs {
    /// Which of the two it is.
    pub fn action(&self) -> Action {
        if self.full { Action::PromoteFull } else { Action::Promote }
    }
}

/// Arguments of `rollback`.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// Go back to this snapshot, or to this revision's number on Kubernetes, instead of what ran before
    #[arg(long, value_name = "SNAPSHOT|REVISION")]
    pub to: Option<RollbackTo>,
    #[command(flatten)]
    pub args: Args,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract: nothing is sent without a reason.
pub async fn run(session: &Session, action: Action, args: Args, to: Option<RollbackTo>) -> Result<()> {
    // A dry run needs no reason, and one that is given is checked all the same.
    let reason =
        if args.dry_run && args.reason.is_none() { String::new() } else { reason(args.reason.as_deref())?.to_string() };
    let Connection { backend, endpoint, .. } =
        if args.dry_run { session.connect()? } else { session.connect_to_change()? };
    let connected_cluster = endpoint.cluster.is_some();
    let id = &args.rollout;
    let mut saw = None;
    let revision = match args.if_revision {
        Some(revision) => Some(Revision(SafeText::new(revision.trim_matches('"')))),
        None if action.widens() => {
            let Tagged::Fresh(rollout, _) = backend.rollout(id, None, Duration::ZERO).await? else {
                return Err(Failure::Failed("the server says that nothing changed since nothing".to_owned()).into());
            };
            let line = format!(
                "{id} is {} at revision {}, {} of {} units",
                rollout.phase, rollout.revision, rollout.exposure.units, rollout.exposure.units_total
            );
            session.note(&line);
            saw = Some(line);
            Some(rollout.revision)
        }
        None => None,
    };
    let request = ActionRequest {
        action,
        reason,
        ticket: args.ticket,
        to,
        override_id: args.override_id,
        saw,
        dry_run: args.dry_run,
        ask: args.ask,
    };
    if args.dry_run {
        let reply = backend.act(id, request, Conditions { revision, idempotency_key: None }).await?;
        return session.print(&reply, || preview(&reply.effect));
    }
    let key = args.idempotency_key.unwrap_or_else(|| session.clock.id());
    let conditions = Conditions { revision, idempotency_key: Some(key) };
    let reply = insist(&conditions, &format!("rolldeck audit list --rollout {id}"), || {
        backend.act(id, request.clone(), conditions.clone())
    })
    .await?;
    let put_back = connected_cluster && puts_back(action, &reply);
    if put_back && reply.outcome == Outcome::Applied {
        stay(session, &*backend, id).await?;
    }
    finish(session, &format!("{action} {id}"), &reply)
}

/// Whether an action changed something for one release that is to be put back once it is through: an opened
/// gate, an analysis that is skipped.
fn puts_back(action: Action, reply: &ActionReply) -> bool {
    let is_flaggers = reply.rollout.as_ref().is_some_and(|rollout| rollout.driver.as_str() == "flagger");
    is_flaggers && matches!(action, Action::Promote | Action::PromoteFull | Action::Rollback)
}

/// Stays until the release is through: what was changed for it alone is put back by a rolldeck that runs.
async fn stay(session: &Session, backend: &dyn Backend, id: &RolloutId) -> Result<()> {
    session.note("taken up; this stays until the release is through, and then puts back what was changed for it (^C leaves that to the next rolldeck that runs here)");
    let mut tag = None;
    let deadline = tokio::time::Instant::now() + STAYS;
    while tokio::time::Instant::now() < deadline {
        match backend.rollout(id, tag.clone(), Duration::from_secs(10)).await? {
            Tagged::Fresh(rollout, now) => {
                tag = Some(now);
                if rollout.phase.is_terminal() {
                    // A moment for what is put back.
                    tokio::time::sleep(SETTLES).await;
                    return Ok(());
                }
            }
            Tagged::Unchanged => {}
        }
    }
    session.note(
        "the release is not through yet: open the dashboard, or run `rolldeck show` later, so that it is put back",
    );
    Ok(())
}

/// Asks for a change until its answer arrives: again with the same key, and not for ever.
///
/// # Errors
/// What the backend answered, that it was never reached, or that what became of it is not known.
pub async fn insist<F>(conditions: &Conditions, look: &str, mut ask: impl FnMut() -> F) -> Result<ActionReply>
where
    F: Future<Output = BackendResult<ActionReply>>,
{
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(300))
        .with_max_delay(Duration::from_secs(3))
        .with_max_times(TRIES - 1)
        .with_jitter()
        .build();
    let mut may_have_been_sent = false;
    loop {
        let error = match ask().await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        may_have_been_sent |= error.may_have_been_sent();
        let settled = matches!(&error, BackendError::Problem(_)) && !error.may_have_been_sent();
        if settled || !may_have_been_sent {
            return Err(error.into());
        }
        let Some(pause) = pauses.next() else {
            let key = conditions.idempotency_key.as_deref().unwrap_or_default();
            return Err(Failure::Unconfirmed(format!(
                "sent, and unconfirmed: {error}. Ask again with the same key, which never does it twice: \
                 --idempotency-key {key}; or look with: {look}"
            ))
            .into());
        };
        say(&format!("no answer yet ({error}); asking again with the same key"));
        tokio::time::sleep(pause).await;
    }
}

/// Prints what became of an action, and says it by the exit code too.
///
/// # Errors
/// [`Failure`] when it was not carried out.
pub fn finish(session: &Session, what: &str, reply: &ActionReply) -> Result<()> {
    session.print(reply, || {
        let mut table = Table::plain();
        table.row([word(&reply.outcome), what.to_owned()]);
        if let Some(rollout) = &reply.rollout {
            table.row(["phase".to_owned(), rollout.phase.to_string()]);
            let before = reply.audit.as_ref().and_then(|entry| entry.revision.before.as_ref());
            let revision = match before.filter(|before| **before != rollout.revision) {
                Some(before) => format!("{before} -> {}", rollout.revision),
                None => rollout.revision.to_string(),
            };
            table.row(["revision".to_owned(), revision]);
        }
        if !reply.effect.summary.is_empty() {
            table.row(["effect", reply.effect.summary.as_str()]);
        }
        if let Some(entry) = &reply.audit {
            table.row(["audit".to_owned(), entry.seq.to_string()]);
        }
        table.text(0)
    })?;
    if let Some(view) = &reply.approval {
        let (id, until) = (&view.approval.id, super::output::time(view.approval.expires_at));
        return Err(Failure::Blocked(format!(
            "{what} waits for a second person until {until}: rolldeck approval approve {id} --reason TEXT"
        ))
        .into());
    }
    let failure = match reply.outcome {
        Outcome::Applied | Outcome::NoOp => return Ok(()),
        Outcome::Refused => Failure::Blocked(format!("{what} was refused")),
        Outcome::Failed => Failure::Failed(format!("{what} failed")),
        Outcome::Intended | Outcome::Unconfirmed => {
            Failure::Unconfirmed(format!("{what} was sent, and is not seen to be done yet"))
        }
    };
    Err(failure.into())
}

/// What an action would do.
pub fn preview(effect: &Preview) -> String {
    let mut text = format!("{}\n", effect.summary);
    let parts = [("changes", &effect.changes), ("does not change", &effect.unchanged)];
    for (title, lines) in parts {
        if !lines.is_empty() {
            let _ = writeln!(text, "{title}:");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    if !effect.checks.is_empty() {
        text.push_str("checks:\n");
        for check in &effect.checks {
            let state = match check.state {
                CheckState::Pass => "pass ",
                CheckState::Warn => "WARN ",
                CheckState::Block => "BLOCK",
            };
            let _ = writeln!(text, "  {state}  {}", check.text);
        }
    }
    text
}
