//! SQLite: the contract, and what concerns its files.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use rolldeck::store::{
    Store, StoreError, Write,
    offline::verify_data_dir,
    sqlite::{Durability, Sqlite},
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::{TempDir, tempdir};

use super::{
    contract,
    make::{Trail, everything},
};

pub async fn open(dir: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(dir, Durability::Relaxed).await.unwrap())
}

macro_rules! kept_by_sqlite {
    ($($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            let dir = tempdir().unwrap();
            contract::$promise(async || open(dir.path()).await).await;
        }
    )*};
}
kept_by_sqlite! {
    everything_committed_is_there_after_a_restart
    an_empty_store_is_empty
    what_is_written_again_replaces_what_was_there
    an_answer_is_forgotten_and_others_are_kept
    a_batch_with_a_gap_leaves_nothing_of_itself_and_the_next_one_works
    a_batch_that_nobody_waits_for_any_more_is_there_whole_or_not_at_all
    entries_are_found_by_each_filter_and_all_together
    checkpoints_are_listed_ascending_and_the_same_one_twice_is_one
    the_stored_trail_verifies_while_it_grows
    a_closed_store_says_so
}

/// A directory with a store that was closed, and one that is kept open at the end of the call.
async fn used() -> TempDir {
    let dir = tempdir().unwrap();
    let store = Sqlite::open(dir.path(), Durability::Full).await.unwrap();
    store.commit(&everything(&mut Trail::new([1; 32]))).await.unwrap();
    store.close().await;
    dir
}

async fn refused(dir: &Path) -> StoreError {
    Sqlite::open(dir, Durability::Full).await.unwrap_err()
}

/// Somebody with a SQLite shell.
pub async fn shell(dir: &Path, sql: &'static str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(dir.join("rolldeck.db"));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let result = sqlx::raw_sql(sql).execute(&mut connection).await.map(|_| ());
    connection.close().await?;
    result
}

#[tokio::test]
async fn the_directory_and_its_files_are_for_their_owner_only() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("made/for/it");
    let store = Sqlite::open(&dir, Durability::Full).await.unwrap();
    store.commit(&everything(&mut Trail::new([1; 32]))).await.unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for file in fs::read_dir(&dir).unwrap() {
        let file = file.unwrap();
        names.push(file.file_name().into_string().unwrap());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{names:?}");
    }
    names.sort();
    assert_eq!(names, ["lock", "reserve", "rolldeck.db", "rolldeck.db-shm", "rolldeck.db-wal"]);
    store.close().await;
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused_and_told_what_to_do() {
    let dir = tempdir().unwrap();
    let store = Sqlite::open(dir.path(), Durability::Full).await.unwrap();
    let error = refused(dir.path()).await;
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    store.commit(&everything(&mut Trail::new([1; 32]))).await.unwrap();
    store.close().await;
    Sqlite::open(dir.path(), Durability::Full).await.unwrap().close().await;
}

#[tokio::test]
async fn the_trail_refuses_every_edit_that_is_made_by_accident() {
    let dir = tempdir().unwrap();
    let store = open(dir.path()).await;
    Trail::new([1; 32]).commit(&*store, 20).await.unwrap();
    for sql in [
        "UPDATE audit SET bytes = x'00' WHERE seq = 3",
        "UPDATE audit SET actor = 'somebody else' WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 20",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT seq, x'00', leaf, at, actor, action, rollout FROM audit WHERE seq = 3",
        "INSERT INTO audit SELECT 3, bytes, leaf, at, actor, action, rollout FROM audit WHERE seq = 4",
        "REPLACE INTO audit SELECT seq, x'00', leaf, at, actor, action, rollout FROM audit WHERE seq = 20",
        "UPDATE checkpoints SET note = 'x'",
        "DELETE FROM checkpoints WHERE size = 10",
    ] {
        let error = shell(dir.path(), sql).await.unwrap_err().to_string();
        assert!(error.contains("of the audit trail"), "{sql}: {error}");
    }
    assert_eq!(store.load().await.unwrap().leaves.len(), 20);
    store.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    for (content, says) in [
        (&b"not a database, but a note that somebody left here"[..], "not a SQLite database"),
        (b"SQLite", "cut short"),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "not a SQLite database"),
    ] {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("rolldeck.db"), content).unwrap();
        let error = refused(dir.path()).await;
        assert!(matches!(error, StoreError::Damaged { .. }) && error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("restore a backup"), "{error}");
        assert_eq!(fs::read(dir.path().join("rolldeck.db")).unwrap(), content);
    }
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("rolldeck.db"), b"").unwrap();
    shell(dir.path(), "CREATE TABLE recipes (name TEXT)").await.unwrap();
    let error = refused(dir.path()).await.to_string();
    assert!(error.contains("another program"), "{error}");
}

#[tokio::test]
async fn a_database_cut_short_or_overwritten_inside_is_refused() {
    let dir = used().await;
    let path = dir.path().join("rolldeck.db");
    let whole = fs::read(&path).unwrap();
    for kept in [100, 4096, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..kept]).unwrap();
        let error = refused(dir.path()).await;
        assert!(matches!(error, StoreError::Damaged { .. }), "{kept} of {}: {error:?}", whole.len());
    }
    let mut scrambled = whole.clone();
    let len = scrambled.len();
    scrambled[8192..len].fill(0xa5);
    fs::write(&path, &scrambled).unwrap();
    let error = refused(dir.path()).await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    fs::write(&path, &whole).unwrap();
    Sqlite::open(dir.path(), Durability::Full).await.unwrap().close().await;
}

#[tokio::test]
async fn an_empty_database_does_not_pass_for_the_one_that_was_there() {
    let dir = used().await;
    fs::write(dir.path().join("rolldeck.db"), b"").unwrap();
    let error = refused(dir.path()).await.to_string();
    assert!(error.contains("missing or empty"), "{error}");
    fs::remove_file(dir.path().join("rolldeck.db")).unwrap();
    let error = refused(dir.path()).await.to_string();
    assert!(error.contains("missing or empty"), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_rolldeck_is_refused_with_both_numbers() {
    let dir = used().await;
    shell(
        dir.path(),
        "INSERT INTO _sqlx_migrations SELECT 99, 'later', installed_on, 1, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .await
    .unwrap();
    let error = refused(dir.path()).await;
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 1..99, .. }), "{error:?}");
    assert!(matches!(verify_data_dir(dir.path()).await, Err(StoreError::TooNew { .. })));
}

#[tokio::test]
async fn state_that_cannot_be_read_is_called_damage_by_its_name() {
    for (sql, says) in [
        ("UPDATE rollouts SET body = '{'", "the rollout \"dc-west/pick-assist\" cannot be read"),
        ("UPDATE units SET id = 'a/b'", "\"a/b\" names no unit"),
        ("UPDATE windows SET body = '{}'", "the window \"w-1\" cannot be read"),
        ("UPDATE tokens SET id = char(27) || '[31m', body = '1'", "the token \"\\u{1b}[31m\" cannot be read"),
    ] {
        let dir = used().await;
        shell(dir.path(), sql).await.unwrap();
        let store = open(dir.path()).await;
        let error = store.load().await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }) && error.to_string().contains(says), "{error}");
        store.close().await;
    }
}

#[tokio::test]
async fn the_reserve_is_held_from_the_start_and_given_up_when_asked() {
    let dir = tempdir().unwrap();
    let store = Sqlite::open(dir.path(), Durability::Full).await.unwrap();
    assert_eq!(fs::metadata(dir.path().join("reserve")).unwrap().len(), 4 << 20);
    assert!(store.release_reserve().await.unwrap());
    assert!(!dir.path().join("reserve").exists());
    assert!(!store.release_reserve().await.unwrap());
    store.commit(&[Write::Meta("a".into(), "b".into())]).await.unwrap();
    store.close().await;
    Sqlite::open(dir.path(), Durability::Full).await.unwrap().close().await;
    assert!(dir.path().join("reserve").exists(), "held again by the next start");
}
