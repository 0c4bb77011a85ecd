//! An order's artifact: fetched into the unit's directory, its SHA-256 checked while it streams,
//! and given to the apply command only when it is what the digest says.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep, timeout_at};

use super::link::{Backoff, Link, LinkError};
use crate::{
    domain::Digest,
    wire::{Desired, client},
};

/// Largest artifact, in bytes.
const ARTIFACT_MAX: u64 = 1 << 30;

/// Why there is no artifact, in a sentence for whoever reads the failure.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the artifact of {snapshot} could not be had: {why}")]
pub(super) struct DownloadError {
    snapshot: String,
    why: String,
}

enum Attempt {
    /// Worth another try.
    Lost(String),
    /// Not.
    Final(String),
}

/// Fetches the order's artifact, trying again until `deadline`. None when the order has none.
///
/// # Errors
/// [`DownloadError`] when it is lost, too large, or not what its digest says.
pub(super) async fn fetch(
    link: &Link,
    order: &Desired,
    directory: &Path,
    deadline: Instant,
) -> Result<Option<PathBuf>, DownloadError> {
    let Some(path) = &order.artifact else { return Ok(None) };
    let file = directory.join(format!("artifact-{}", order.snapshot.as_str().trim_start_matches("sha256:")));
    if holds(&file, &order.snapshot).await {
        return Ok(Some(file));
    }
    let failed = |why: String| DownloadError { snapshot: order.snapshot.to_string(), why };
    let mut backoff = Backoff::new();
    let mut last = "no answer before the order's deadline".to_owned();
    loop {
        match timeout_at(deadline, attempt(link, path.as_str(), &order.snapshot, directory, &file)).await {
            Ok(Ok(())) => return Ok(Some(file)),
            Ok(Err(Attempt::Final(why))) => return Err(failed(why)),
            Ok(Err(Attempt::Lost(why))) => last = why,
            Err(_) => return Err(failed(last)),
        }
        let pause = backoff.next();
        if Instant::now() + pause >= deadline {
            return Err(failed(last));
        }
        sleep(pause).await;
    }
}

async fn attempt(link: &Link, path: &str, digest: &Digest, directory: &Path, file: &Path) -> Result<(), Attempt> {
    let disk = |error: io::Error| Attempt::Final(format!("it cannot be written to {}: {error}", directory.display()));
    let mut response = link.artifact(path).await.map_err(|error| match error {
        LinkError::Refused(problem) => Attempt::Final(problem.detail.to_string()),
        LinkError::Lost(why) => Attempt::Lost(why),
    })?;
    let mut into = tempfile::NamedTempFile::new_in(directory).map_err(disk)?;
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    while let Some(chunk) = response.chunk().await.map_err(|error| Attempt::Lost(client::chain(&error)))? {
        size += chunk.len() as u64;
        if size > ARTIFACT_MAX {
            return Err(Attempt::Final(format!("it is larger than {ARTIFACT_MAX} bytes")));
        }
        hash.update(&chunk);
        into.write_all(&chunk).map_err(disk)?;
    }
    let got = Digest::of(hash.finalize().into());
    if got != *digest {
        return Err(Attempt::Final(format!("what came ({size} bytes) is {got}")));
    }
    let file = file.to_owned();
    let written = tokio::task::spawn_blocking(move || {
        into.as_file().sync_all()?;
        into.persist(file).map(drop).map_err(|error| error.error)
    });
    written.await.map_err(io::Error::other).flatten().map_err(disk)
}

/// Whether the file is there, whole: a copy on disk is trusted no more than one from the network.
async fn holds(file: &Path, digest: &Digest) -> bool {
    let (file, digest) = (file.to_owned(), digest.clone());
    let read = move || -> io::Result<bool> {
        let mut from = File::open(file)?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                return Ok(Digest::of(hash.finalize().into()) == digest);
            }
            hash.update(&buffer[..read]);
        }
    };
    tokio::task::spawn_blocking(read).await.is_ok_and(|held| held.unwrap_or(false))
}

/// Removes artifacts of other orders than these two, and what broken downloads left.
pub(super) fn tidy(directory: &Path, order: &Desired) {
    let wanted = [Some(&order.snapshot), order.previous.as_ref()];
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let keep = name.strip_prefix("artifact-").map_or(!name.starts_with(".tmp"), |hex| {
            wanted.iter().flatten().any(|digest| digest.as_str().ends_with(hex))
        });
        if !keep {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_on_disk_is_checked_like_one_from_the_network() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("artifact-x");
        let digest = Digest::of(Sha256::digest(b"content").into());
        assert!(!holds(&file, &digest).await);
        std::fs::write(&file, b"content").unwrap();
        assert!(holds(&file, &digest).await);
        std::fs::write(&file, b"contenT").unwrap();
        assert!(!holds(&file, &digest).await);
    }

    #[test]
    fn only_the_artifacts_of_the_order_and_its_way_back_stay() {
        let directory = tempfile::tempdir().unwrap();
        let name = |byte: u8| format!("artifact-{}", Digest::of([byte; 32]).as_str().trim_start_matches("sha256:"));
        for byte in 1..=3 {
            std::fs::write(directory.path().join(name(byte)), b"").unwrap();
        }
        std::fs::write(directory.path().join(".tmpAbCdEf"), b"").unwrap();
        std::fs::write(directory.path().join("agent.json"), b"").unwrap();
        let order = Desired {
            generation: 1,
            snapshot: Digest::of([3; 32]),
            version: "v3".into(),
            previous: Some(Digest::of([2; 32])),
            artifact: None,
            deadline: 1,
        };
        tidy(directory.path(), &order);
        let mut left: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["agent.json".to_owned(), name(2), name(3)]);
    }
}
