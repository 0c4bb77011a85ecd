//! `rolldeck start PLAN.yaml`: begins a rollout.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use color_eyre::Result;

use super::{
    act,
    exit::Failure,
    session::{Connection, Session, reason},
    sli::file as slis,
};
use crate::{
    backend::{BackendError, Code, Conditions, StartRequest},
    domain::plan::{Declared, PlanError, document},
};

/// Largest plan, in bytes.
const PLAN_MAX: u64 = 256 * 1024;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plan (YAML); - reads it from standard input
    #[arg(value_name = "PLAN.yaml")]
    plan: PathBuf,
    /// Why: 10 to 500 characters; kept in the audit trail
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// An override's id, to pass the windows that it names
    #[arg(long = "override", value_name = "ID")]
    override_id: Option<String>,
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
    /// The indicators, for a plan that declares none: an OpenSLO or Sloth file, or one with a plan's slis;
    /// what the context names, when absent
    #[arg(long, value_name = "FILE")]
    slis: Option<PathBuf>,
    /// Say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract; a bad plan names file, line and field.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    let reason =
        if args.dry_run && args.reason.is_none() { String::new() } else { reason(args.reason.as_deref())?.to_string() };
    let name = args.plan.display().to_string();
    let text = read(&args.plan)?;
    // What is wrong with the config is said when it is needed, and a mistake in the plan before that.
    let endpoint = session.settings().ok().and_then(|settings| settings.endpoint().ok().flatten());
    let of_context = endpoint.and_then(|endpoint| endpoint.slis);
    let plan = plan(session, &name, text, args.slis.as_deref(), of_context.as_deref())?;
    let Connection { backend, .. } = if args.dry_run { session.connect()? } else { session.connect_to_change()? };
    let request = StartRequest {
        plan,
        reason,
        ticket: args.ticket,
        dry_run: args.dry_run,
        override_id: args.override_id,
        saw: None,
    };
    if args.dry_run {
        let reply = backend.start(request, Conditions::default()).await.map_err(|error| in_file(&name, error))?;
        return session.print(&reply, || act::preview(&reply.effect));
    }
    let key = args.idempotency_key.unwrap_or_else(|| session.clock.id());
    let conditions = Conditions { revision: None, idempotency_key: Some(key) };
    let reply = act::insist(&conditions, "rolldeck list", || {
        let ask = backend.start(request.clone(), conditions.clone());
        let name = &name;
        async move { ask.await.map_err(|error| in_file(name, error)) }
    })
    .await?;
    let id = reply.rollout.as_ref().map_or_else(|| name.clone(), |rollout| rollout.id().to_string());
    act::finish(session, &format!("start {id}"), &reply)
}

/// The plan as it is sent: its text, or with the indicators of a file where it declares none. The server
/// reads it again and decides; a mistake is named here before anything is sent.
fn plan(
    session: &Session,
    name: &str,
    text: String,
    given: Option<&Path>,
    of_context: Option<&Path>,
) -> Result<serde_json::Value> {
    let wrong = |error: PlanError| Failure::Usage(format!("{name}: {error}"));
    let node = document::from_yaml(&text).map_err(wrong)?;
    let lent = match (given, of_context, Declared::is_in(&node)) {
        (Some(_), _, true) => {
            let text = format!("{name} declares indicators of its own: leave --slis out, or take slis out of the plan");
            return Err(Failure::Usage(text).into());
        }
        (Some(file), _, false) | (None, Some(file), false) => {
            let said = Declared::from_node(&node).map_err(wrong)?;
            Some(slis::lend(session, file, said.telemetry.as_ref())?)
        }
        (None, _, _) => None,
    };
    let is_lent = lent.is_some();
    let declared = lent.map_or_else(|| Declared::from_node(&node).map_err(wrong), Ok)?;
    let plan = slis::checked(&node, &declared).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
    Ok(if is_lent { plan.to_value() } else { serde_json::Value::String(text) })
}

/// A problem with the plan, with the file that it is in.
fn in_file(name: &str, error: BackendError) -> BackendError {
    match error {
        BackendError::Problem(mut problem)
            if problem.code == Code::Invalid
                && problem.field.as_ref().is_none_or(|field| field.as_str().starts_with("plan")) =>
        {
            problem.detail = format!("{name}: {}", problem.detail).into();
            BackendError::Problem(problem)
        }
        error => error,
    }
}

fn read(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot read the plan {}: {error}", path.display()));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(PLAN_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(PLAN_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    }
    if text.len() as u64 > PLAN_MAX {
        return Err(Failure::Usage(format!("{} is larger than 256 KiB, which no plan is", path.display())).into());
    }
    Ok(text)
}
