//! What an agent must not forget when it is killed: the order it works on, how far it got, and
//! what it claims. Written whole, synced and renamed into place before it acts.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{AgentError, command::ProcessMark};
use crate::{
    domain::{Digest, FailureCategory, SafeBlock, UnitId, pretty},
    wire::Desired,
};

/// How far the newest order is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub(super) enum Stage {
    /// There was no order yet.
    #[default]
    Idle,
    /// The apply command was or is about to be started. Found so after a restart, it is run again.
    Applying,
    /// The apply command exited 0.
    Applied,
    /// It could not be done.
    Failed {
        /// Why.
        category: FailureCategory,
        /// What the command printed.
        output_tail: SafeBlock,
    },
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The version of this form.
    pub(super) schema: u32,
    /// The newest order.
    pub(super) order: Option<Desired>,
    /// How far it is.
    pub(super) stage: Stage,
    /// What the last apply that succeeded brought; none after one that failed half-way.
    pub(super) claimed: Option<Digest>,
    /// The apply command under way.
    #[serde(default)]
    pub(super) process: Option<ProcessMark>,
}

const SCHEMA: u32 = 1;
const FILE: &str = "agent.json";

impl Kept {
    /// The number of the newest order; 0 before any.
    pub(super) fn generation(&self) -> u64 {
        self.order.as_ref().map_or(0, |order| order.generation)
    }
}

/// The unit's own directory, and what is kept in it. One agent a unit: a lock says so.
#[derive(Debug)]
pub(super) struct Memory {
    directory: PathBuf,
    kept: Kept,
    _lock: File,
}

impl Memory {
    /// Opens the unit's directory, taking its lock, and reads what was kept.
    ///
    /// # Errors
    /// [`AgentError::Locked`] when another agent works for this unit; [`AgentError::State`] when
    /// the directory cannot be used.
    pub(super) fn open(root: &Path, unit: &UnitId) -> Result<Self, AgentError> {
        // Checked names hold no separator and do not begin with a dot: each is one component.
        let directory = root.join(unit.group.as_str()).join(unit.site.as_str()).join(unit.lane.as_str());
        let failed = |error: io::Error| AgentError::state(&directory, &error);
        fs::create_dir_all(&directory).map_err(failed)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(directory.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(AgentError::Locked { unit: unit.clone(), directory: directory.clone() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let kept = read(&directory).map_err(failed)?;
        Ok(Self { directory, kept, _lock: lock })
    }

    /// What is kept.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The unit's directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps something new: on disk before it returns.
    pub(super) async fn keep(&mut self, kept: Kept) -> io::Result<()> {
        self.kept = Kept { schema: SCHEMA, ..kept };
        let bytes = pretty::json(&self.kept)?.into_bytes();
        let directory = self.directory.clone();
        tokio::task::spawn_blocking(move || write(&directory, FILE, &bytes)).await.map_err(io::Error::other)?
    }
}

fn read(directory: &Path) -> io::Result<Kept> {
    let path = directory.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(error),
    };
    match serde_json::from_slice::<Kept>(&bytes) {
        Ok(kept) if kept.schema == SCHEMA => Ok(kept),
        unusable => {
            // Forgetting is safe: the server repeats its order, and applying is idempotent.
            let aside = directory.join("agent.json.damaged");
            tracing::warn!(
                file = %path.display(), kept_as = %aside.display(), why = ?unusable.err().map(|e| e.to_string()),
                "what this agent had kept cannot be read: it begins anew, and the server's order will be applied again"
            );
            fs::rename(&path, aside)?;
            Ok(Kept::default())
        }
    }
}

/// Writes a file so that it is the old one or the new one, whatever happens: on disk before it returns.
pub(super) fn write(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(name)).map_err(|error| error.error)?;
    // The rename itself is durable only with its directory.
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> UnitId {
        UnitId { group: "dc-west".parse().unwrap(), site: "berlin".parse().unwrap(), lane: "main".parse().unwrap() }
    }

    fn kept() -> Kept {
        let snapshot = Digest::of([1; 32]);
        Kept {
            schema: SCHEMA,
            order: Some(Desired {
                generation: 4,
                snapshot: snapshot.clone(),
                version: "v1".into(),
                previous: None,
                artifact: None,
                deadline: 60,
            }),
            stage: Stage::Failed { category: FailureCategory::Apply, output_tail: "disk full".into() },
            claimed: Some(snapshot),
            process: None,
        }
    }

    #[tokio::test]
    async fn what_was_kept_is_there_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(root.path(), &unit()).unwrap();
        assert_eq!(memory.kept().generation(), 0);
        memory.keep(kept()).await.unwrap();
        drop(memory);
        let memory = Memory::open(root.path(), &unit()).unwrap();
        assert_eq!(memory.kept(), &kept());
    }

    #[tokio::test]
    async fn two_agents_never_work_for_one_unit_and_two_lanes_do_not_meet() {
        let root = tempfile::tempdir().unwrap();
        let _first = Memory::open(root.path(), &unit()).unwrap();
        assert!(matches!(Memory::open(root.path(), &unit()), Err(AgentError::Locked { .. })));
        let other = UnitId { lane: "bay-2".parse().unwrap(), ..unit() };
        assert!(Memory::open(root.path(), &other).is_ok());
    }

    #[tokio::test]
    async fn a_damaged_file_is_set_aside_and_does_not_stop_the_agent() {
        let root = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(root.path(), &unit()).unwrap();
        memory.keep(kept()).await.unwrap();
        let directory = memory.directory().to_owned();
        drop(memory);
        fs::write(directory.join(FILE), b"{\"schema\":1,\"ord").unwrap();
        let memory = Memory::open(root.path(), &unit()).unwrap();
        assert_eq!(memory.kept(), &Kept::default());
        assert!(directory.join("agent.json.damaged").exists());
    }
}
