//! `rolldeck start PLAN.yaml`: begins a rollout.

use std::{io::Read as _, path::PathBuf};

use color_eyre::Result;

use super::{
    act,
    exit::Failure,
    session::{Connection, Session, reason},
};
use crate::{
    backend::{BackendError, Code, Conditions, StartRequest},
    domain::Plan,
    gate::Expression,
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
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
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
    // The server reads it again and decides; a mistake is named here before anything is sent.
    Plan::from_yaml_checked(&text, |_, expression| {
        Expression::compile(expression).map(drop).map_err(|error| error.to_string())
    })
    .map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
    let Connection { backend, .. } = if args.dry_run { session.connect()? } else { session.connect_to_change()? };
    let request =
        StartRequest { plan: serde_json::Value::String(text), reason, ticket: args.ticket, dry_run: args.dry_run };
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

fn read(path: &std::path::Path) -> Result<String> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot read the plan {}: {error}", path.display()));
    let mut text = String::new();
    if path == std::path::Path::new("-") {
        std::io::stdin().lock().take(PLAN_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(PLAN_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    }
    if text.len() as u64 > PLAN_MAX {
        return Err(Failure::Usage(format!("{} is larger than 256 KiB, which no plan is", path.display())).into());
    }
    Ok(text)
}
