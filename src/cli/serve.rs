//! `rolldeck serve`: the control plane over HTTP.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use chrono::TimeDelta;
use color_eyre::Result;
use tokio_util::sync::CancellationToken;

use super::{
    cluster,
    exit::{Failure, say},
    logs, parse, plane,
    session::Session,
    signals, sources,
    storage::Storage,
};
use crate::{
    control::{Control, KEPT_AT_LEAST, Policy},
    domain::{ActorKind, Approvable, Principal, Role, SafeText, Via},
    server::{Access, Limits, Server, ServerOptions, TlsFiles},
    store::key,
};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where it listens; off loopback it needs TLS and tokens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// The directory that it keeps everything in, or only the key of its audit trail with --database; the platform's
    /// data directory, when absent
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A PostgreSQL database to keep everything in but the key: `postgres://USER@HOST:PORT/NAME`. Its password is
    /// given in `PGPASSWORD` or `PGPASSFILE`, or the whole URL in `ROLLDECK_DATABASE`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Its certificate chain (PEM)
    #[arg(long, value_name = "F", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "F", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Go on with a new key where the one that signed the audit trail is lost: what that one signed is not proven any more
    #[arg(long)]
    new_audit_key: bool,
    /// Let the content of audit entries expire that are older than this, such as 400d, once a day; at least 30d.
    /// Their places stay, and the trail verifies as before
    #[arg(long, value_name = "D", value_parser = kept)]
    keep_audit: Option<Duration>,
    /// What needs a second person, whatever a plan says: `promote_full`, override, start, `flag_widen`, ...
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    approvals: Vec<Approvable>,
    /// How long what needs a second person waits for one
    #[arg(long, value_name = "D", value_parser = parse::duration, default_value = "4h")]
    approval_lasts: Duration,
    /// Who may pass windows without waiting for a second person, by the names of their tokens; commanders of all
    /// targets, when absent. Somebody else has to countersign
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    break_glass: Vec<String>,
    /// How long such an override may stay without a countersign before the audit trail says so
    #[arg(long, value_name = "D", value_parser = parse::duration, default_value = "24h")]
    countersign_within: Duration,
    /// The longest that an override may count
    #[arg(long, value_name = "D", value_parser = parse::duration, default_value = "24h")]
    override_longest: Duration,
    #[command(flatten)]
    logs: logs::LogArgs,
}

/// Runs it until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, and says what to do.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    logs::begin(&args.logs)?;
    let storage = Storage::find(session, args.data, args.database.as_deref())?;
    let shutdown = signals::shutdown()?;
    let settings = session.settings()?;
    let sources = sources::all(&settings)?;
    let mut drivers = Vec::new();
    let mut declared = None;
    if let Some(name) = &session.global.context {
        let endpoint = settings.endpoint_named(name, "named by --context")?;
        let Some(cluster) = &endpoint.cluster else {
            let text = format!("--context {name}: serve takes a context that is a cluster, and this one is a server");
            return Err(Failure::Usage(text).into());
        };
        drivers.push(cluster::driver(&endpoint.name, cluster, &session.clock).await?);
        let judged = cluster::judged(session, &endpoint)?;
        declared = judged.declared;
        say(&format!("carries out what {} has, beside its own fleet", endpoint.server));
    }
    let policy = Policy {
        approvals: args.approvals.iter().copied().collect(),
        approval_lasts: span(args.approval_lasts),
        override_longest: span(args.override_longest),
        countersign_within: span(args.countersign_within),
        break_glass: args.break_glass.iter().map(SafeText::new).collect(),
    };
    let control = plane::open(
        &session.clock,
        &storage,
        args.new_audit_key,
        plane::Carries { sources, drivers, declared, pauses: true, policy },
    )
    .await?;
    let serving = serve(session, &storage, args.listen, args.tls_cert.zip(args.tls_key), &control, shutdown);
    let served = match args.keep_audit {
        Some(keep) => tokio::select! {
            served = serving => served,
            never = expire_daily(session, &control, keep) => match never {},
        },
        None => serving.await,
    };
    control.shutdown().await;
    served?;
    say(match storage {
        Storage::Directory(_) => "ended; everything that was acknowledged is on disk",
        Storage::Database { .. } => "ended; everything that was acknowledged is in the database",
    });
    Ok(())
}

/// How long contents of the audit trail are kept.
fn kept(text: &str) -> Result<Duration, String> {
    let keep = parse::duration(text)?;
    let least = KEPT_AT_LEAST.to_std().unwrap_or_default();
    if keep < least {
        Err("entries of the last 30 days are kept as they are: 30d is the least".to_owned())
    } else {
        Ok(keep)
    }
}

/// Lets old contents of the audit trail expire, now and once a day.
async fn expire_daily(session: &Session, control: &Control, keep: Duration) -> Infallible {
    let who = Principal {
        id: SafeText::new("--keep-audit"),
        kind: ActorKind::Automation,
        role: Role::Commander,
        targets: vec!["*".to_owned()],
        binding: None,
        credential: None,
        via: Via::Cli,
        source: None,
    };
    let reason = format!("contents are kept for {} days (serve --keep-audit)", keep.as_secs() / 86_400);
    loop {
        if let Err(problem) = control.expire_audit(&who, session.clock.now() - span(keep), &reason).await {
            tracing::warn!(
                "old contents of the audit trail did not expire, and will be tried again tomorrow: {problem}"
            );
        }
        tokio::time::sleep(Duration::from_hours(24)).await;
    }
}

fn span(duration: Duration) -> TimeDelta {
    // What can be written as an argument fits.
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

async fn serve(
    session: &Session,
    storage: &Storage,
    listen: SocketAddr,
    tls: Option<(PathBuf, PathBuf)>,
    control: &Control,
    shutdown: CancellationToken,
) -> Result<()> {
    let options = ServerOptions {
        listen,
        tls: tls.map(|(cert, key)| TlsFiles { cert, key }),
        clock: Arc::clone(&session.clock),
        limits: Limits::default(),
        owner: None,
    };
    let server = Server::bind(control.clone(), options)?;
    say(&format!("rolldeck {} serves {} from {storage}", env!("CARGO_PKG_VERSION"), server.url()));
    if let Storage::Database { dir, .. } = storage {
        let key = key::path(dir);
        say(&format!(
            "the key that signs its audit trail is not in the database, but in {}: back it up",
            key.display()
        ));
    }
    match server.access() {
        Access::OpenOnLoopback => {
            say(&format!(
                "there is no token yet: everybody on this machine may everything (loopback only). \
                 Close it with: rolldeck token add --role commander --server {}",
                server.url()
            ));
        }
        Access::Tokens => say("whoever has a token gets in"),
    }
    Ok(server.run(shutdown).await?)
}
