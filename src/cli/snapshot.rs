//! `rolldeck snapshot add|list|show`: immutable versions that sites can be brought to.

use std::{collections::BTreeMap, io::Read as _, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use color_eyre::Result;

use super::{
    exit::Failure,
    output::{Table, maybe_time, or_dash, time, word},
    parse,
    session::{Session, reason},
};
use crate::{
    backend::SnapshotRequest,
    domain::{Snapshot, TargetName},
};

/// Largest artifact that is sent, in bytes.
const ARTIFACT_MAX: u64 = 256 * 1024 * 1024;

/// What to do with snapshots.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add a snapshot, and print its digest last
    Add(Add),
    /// List snapshots, the newest first
    List {
        /// Only those for this group
        #[arg(long, value_name = "G")]
        group: Option<TargetName>,
    },
    /// Show one snapshot
    Show {
        /// Its digest, the beginning of it, or its version
        #[arg(value_name = "SNAPSHOT")]
        name: String,
    },
}

/// Arguments of `add`.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// The artifact; without one the digest is over version and metadata
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What people call it
    #[arg(long = "version", value_name = "V")]
    version: String,
    /// The site group it is for; any, when absent
    #[arg(long, value_name = "G")]
    group: Option<TargetName>,
    /// Whatever is to be kept with it
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = parse::pair)]
    metadata: Vec<(String, String)>,
    /// Mark it known good; needs --reason and the role commander
    #[arg(long)]
    known_good: bool,
    /// Why it is known good: 10 to 500 characters
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Add(args) => add(session, args).await,
        Command::List { group } => {
            let mut page = session.connect()?.backend.snapshots().await?;
            page.snapshots.retain(|snapshot| group.as_ref().is_none_or(|group| snapshot.group.as_ref() == Some(group)));
            session.print(&page, || {
                let mut table = Table::new(&["VERSION", "DIGEST", "GROUP", "KNOWN GOOD", "SIZE", "ADDED", "BY"]);
                for snapshot in &page.snapshots {
                    table.row(row(snapshot));
                }
                table.text(0)
            })
        }
        Command::Show { name } => {
            let page = session.connect()?.backend.snapshots().await?;
            let snapshot = find(&page.snapshots, &name)?;
            session.print(&snapshot, || {
                let mut table = Table::plain();
                table.row(["version", snapshot.version.as_str()]);
                table.row(["digest", snapshot.digest.as_str()]);
                table.row(["group".to_owned(), or_dash(snapshot.group.as_ref())]);
                table.row(["known good".to_owned(), known_good(snapshot)]);
                table.row(["size".to_owned(), or_dash(snapshot.size.as_ref())]);
                table.row(["added".to_owned(), format!("{} by {}", time(snapshot.added_at), snapshot.added_by)]);
                for (key, value) in &snapshot.metadata {
                    table.row([format!("meta {key}"), value.to_string()]);
                }
                table.text(0)
            })
        }
    }
}

fn known_good(snapshot: &Snapshot) -> String {
    if snapshot.known_good { format!("since {}", maybe_time(snapshot.known_good_at)) } else { "no".to_owned() }
}

fn row(snapshot: &Snapshot) -> [String; 7] {
    [
        snapshot.version.to_string(),
        snapshot.digest.to_string(),
        or_dash(snapshot.group.as_ref()),
        known_good(snapshot),
        or_dash(snapshot.size.as_ref()),
        time(snapshot.added_at),
        snapshot.added_by.to_string(),
    ]
}

fn find<'a>(snapshots: &'a [Snapshot], name: &str) -> Result<&'a Snapshot> {
    let hex = name.strip_prefix("sha256:").unwrap_or(name);
    let by_digest = |snapshot: &&Snapshot| {
        hex.len() >= 6 && snapshot.digest.as_str().trim_start_matches("sha256:").starts_with(hex)
    };
    let found: Vec<&Snapshot> =
        snapshots.iter().filter(|snapshot| by_digest(snapshot) || snapshot.version.as_str() == name).collect();
    match found.as_slice() {
        [snapshot] => Ok(snapshot),
        [] => Err(Failure::NotFound(format!("there is no snapshot {name}: see `rolldeck snapshot list`")).into()),
        several => Err(Failure::Usage(format!(
            "{} snapshots are called {name}: name one by its digest, see `rolldeck snapshot list`",
            several.len()
        ))
        .into()),
    }
}

async fn add(session: &Session, args: Add) -> Result<()> {
    // Without the mark no reason is asked for, and one that is given is checked all the same.
    let reason = match (args.known_good, args.reason.as_deref()) {
        (false, None) => String::new(),
        (_, given) => reason(given)?.to_string(),
    };
    let artifact = match &args.file {
        Some(path) => Some(STANDARD.encode(read(path)?)),
        None => None,
    };
    let request = SnapshotRequest {
        version: args.version,
        group: args.group,
        artifact,
        metadata: args.metadata.into_iter().collect::<BTreeMap<_, _>>(),
        known_good: args.known_good,
        reason,
        saw: None,
    };
    let backend = session.connect_to_change()?.backend;
    let reply = backend.add_snapshot(request).await?;
    session.print(&reply, || {
        let audit = reply.audit.as_ref().map(|entry| format!(", audit {}", entry.seq)).unwrap_or_default();
        let good = if reply.snapshot.known_good { ", known good" } else { "" };
        let mut table = Table::plain();
        table.row([format!("{} {}{good}{audit}", word(&reply.outcome), reply.snapshot.version)]);
        format!("{}{}\n", table.text(0), reply.snapshot.digest)
    })
}

fn read(path: &std::path::Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(ARTIFACT_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > ARTIFACT_MAX {
        return Err(Failure::Usage(format!("{} is larger than 256 MiB", path.display())).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(version: &str, fill: u8) -> Snapshot {
        serde_json::from_value(json!({
            "digest": crate::domain::Digest::of([fill; 32]), "version": version, "group": null, "known_good": false,
            "known_good_at": null, "size": null, "added_by": "mira", "added_at": "2026-01-01T00:00:00Z"
        }))
        .unwrap()
    }

    #[test]
    fn a_snapshot_is_found_by_version_or_digest_and_never_guessed() {
        let all = [snapshot("1.0", 0xaa), snapshot("1.1", 0xbb), snapshot("1.1", 0xbc)];
        assert_eq!(find(&all, "1.0").unwrap().digest, all[0].digest);
        assert_eq!(find(&all, "sha256:bbbbbb").unwrap().digest, all[1].digest);
        assert!(find(&all, "1.1").unwrap_err().to_string().contains("2 snapshots"));
        assert!(find(&all, "aa").is_err(), "too short to name one");
        assert!(find(&all, "9.9").is_err());
    }
}
