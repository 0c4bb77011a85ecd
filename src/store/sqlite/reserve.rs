//! The reserve: room on the disk that is held so that it can be given up. On a full disk pause and
//! rollback are still journalled in the room that it leaves.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use super::fault::{io_fault, room};
use crate::store::StoreError;

/// How much is held: some hundred entries with the state they explain.
const SIZE: u64 = 4 * 1024 * 1024;
/// It is only made again when this much room is left besides.
const ROOM: u64 = 16 * SIZE;
/// A reserve that was given up is thought of again after so many commits.
const EVERY: u32 = 256;

/// The reserve file of a data directory.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    wanted: bool,
    given_up: AtomicBool,
    commits: AtomicU32,
}

impl Reserve {
    pub(super) fn new(dir: &Path, wanted: bool) -> Self {
        Self { path: dir.join("reserve"), wanted, given_up: AtomicBool::new(false), commits: AtomicU32::new(0) }
    }

    /// Whether the file is there: a sign that the directory was in use.
    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Whether there is none because there is no room for it.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Makes it where it is not whole. A disk without the room for it is warned about and not an
    /// error: what is already full must still be able to start.
    pub(super) fn make(&self) -> Result<(), StoreError> {
        if !self.wanted || fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() == SIZE) {
            return Ok(());
        }
        match allocate(&self.path) {
            Ok(()) => {
                self.given_up.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                // What was written of it is room that somebody else needs more.
                fs::remove_file(&self.path).map_err(|error| io_fault(&self.path, "making the reserve", error))?;
                self.given_up.store(true, Ordering::Relaxed);
                tracing::warn!(path = %self.path.display(), "no room on the disk for the reserve file: free some");
                Ok(())
            }
            Err(error) => Err(io_fault(&self.path, "making the reserve", error)),
        }
    }

    /// Gives it up; `true` when there was one.
    pub(super) fn release(&self) -> Result<bool, StoreError> {
        match fs::remove_file(&self.path) {
            Ok(()) => {
                self.given_up.store(true, Ordering::Relaxed);
                tracing::warn!(path = %self.path.display(), "the disk is full: gave up the reserve file");
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_fault(&self.path, "giving up the reserve", error)),
        }
    }

    /// After a commit: makes it again, once there is plenty of room.
    pub(super) fn restore_now_and_then(&self) {
        if !self.is_given_up() || self.commits.fetch_add(1, Ordering::Relaxed) % EVERY != EVERY - 1 {
            return;
        }
        if room(&self.path).is_some_and(|room| room > ROOM)
            && let Err(error) = self.make()
        {
            tracing::warn!(%error, "the reserve file could not be made again");
        }
    }
}

/// Really takes the room: a file with holes would hold nothing.
fn allocate(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, SIZE) {
        Ok(()) => {}
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => fill(&mut file)?,
        Err(errno) => return Err(errno.into()),
    }
    file.sync_all()
}

fn fill(file: &mut File) -> std::io::Result<()> {
    // Not zeros, which some file systems keep as a hole.
    let block: Vec<u8> = (0..64 * 1024_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    for _ in 0..SIZE / block.len() as u64 {
        file.write_all(&block)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn the_reserve_takes_real_room_and_gives_it_up_once() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), true);
        assert!(!reserve.is_there());
        reserve.make().unwrap();
        assert!(fs::metadata(dir.path().join("reserve")).unwrap().blocks() * 512 >= SIZE);
        assert!(reserve.release().unwrap());
        assert!(!reserve.release().unwrap());
    }

    #[test]
    fn a_reserve_that_was_given_up_comes_back_after_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), true);
        reserve.make().unwrap();
        reserve.release().unwrap();
        for _ in 1..EVERY {
            reserve.restore_now_and_then();
            assert!(!reserve.is_there(), "not while the room is just being used");
        }
        reserve.restore_now_and_then();
        assert!(reserve.is_there());
    }

    #[test]
    fn where_blocks_cannot_be_reserved_they_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        fill(&mut File::create(&path).unwrap()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), SIZE);
        assert!(fs::read(&path).unwrap().chunks(4096).all(|block| block.iter().any(|byte| *byte != 0)));
    }
}
