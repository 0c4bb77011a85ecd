//! The database edited by hand: what `audit verify` says of the directory, with no server and
//! under a running one, and that a server starts all the same.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use rolldeck::{
    audit::verify::Report,
    store::{
        Store, StoreError, Write, key,
        offline::{verify_data_dir, verify_store},
        sqlite::{Durability, Sqlite},
    },
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::{TempDir, tempdir};

use super::{
    make::{Trail, rollout},
    sqlite::shell,
};

const UNLOCK: &str = "DROP TRIGGER audit_keeps_what_it_has; DROP TRIGGER audit_loses_nothing; DROP TRIGGER \
                      audit_only_grows; DROP TRIGGER checkpoints_keep_what_they_have; DROP TRIGGER checkpoints_lose_nothing;";

/// A directory with its key and `count` entries, a checkpoint every ten and at the end.
async fn trail(count: u64) -> (TempDir, Trail) {
    let dir = tempdir().unwrap();
    let mut trail = Trail::new(key::read_or_create(dir.path()).unwrap());
    let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
    trail.commit(&store, count).await.unwrap();
    store.close().await;
    (dir, trail)
}

async fn edit(dir: &Path, sql: &'static str) {
    shell(dir, UNLOCK).await.ok();
    shell(dir, sql).await.unwrap();
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

#[tokio::test]
async fn an_untouched_directory_verifies_without_a_server_and_nothing_is_left_behind() {
    let (dir, _) = trail(35).await;
    let before = files(dir.path());
    let report = verify_data_dir(dir.path()).await.unwrap();
    assert_eq!((report.ok, report.entries, report.proven), (true, 35, 35), "{}", report.detail);
    assert_eq!(files(dir.path()), before);
}

#[tokio::test]
async fn a_directory_on_a_read_only_disk_verifies_too() {
    let (dir, _) = trail(35).await;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let report = verify_data_dir(dir.path()).await.unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(report.ok, "{}", report.detail);
}

#[tokio::test]
async fn a_directory_verifies_while_a_server_writes_to_it() {
    let dir = tempdir().unwrap();
    let mut trail = Trail::new(key::read_or_create(dir.path()).unwrap());
    let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
    trail.commit(&store, 50).await.unwrap();
    let (written, read) = tokio::join!(trail.commit(&store, 200), async {
        for _ in 0..10 {
            let report = verify_data_dir(dir.path()).await.unwrap();
            assert!(report.ok && report.entries >= 50, "{report:?}");
        }
    });
    written.unwrap();
    let () = read;
    assert_eq!(verify_data_dir(dir.path()).await.unwrap().proven, 250);
    store.close().await;
}

#[tokio::test]
async fn a_directory_left_by_a_killed_server_verifies_and_is_not_changed_by_that() {
    let dir = tempdir().unwrap();
    let mut trail = Trail::new(key::read_or_create(dir.path()).unwrap());
    let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
    trail.commit(&store, 50).await.unwrap();
    // The files as a power cut would leave them: the log is full, and nobody holds the lock.
    let left = tempdir().unwrap();
    for (name, bytes) in files(dir.path()) {
        if name != "rolldeck.db-shm" {
            fs::write(left.path().join(&name), bytes).unwrap();
            fs::set_permissions(left.path().join(&name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    store.close().await;
    let before = files(left.path());
    assert!(!before["rolldeck.db-wal"].is_empty());
    let report = verify_data_dir(left.path()).await.unwrap();
    assert_eq!((report.ok, report.proven), (true, 50), "{}", report.detail);
    assert_eq!(files(left.path()), before);
}

struct Case {
    edit: &'static str,
    first_bad: Option<u64>,
    differs_after: Option<u64>,
    says: &'static str,
}

#[tokio::test]
async fn every_edit_is_named_and_none_stops_the_server() {
    let cases = [
        Case {
            edit: "UPDATE audit SET bytes = CAST(replace(CAST(bytes AS TEXT), 'drops', 'peace') AS BLOB) WHERE seq = 23",
            first_bad: Some(23),
            differs_after: None,
            says: "entry 23 was changed",
        },
        Case {
            edit: "UPDATE audit SET bytes = x'00'; UPDATE audit SET leaf = zeroblob(32) WHERE seq > 7",
            first_bad: Some(1),
            differs_after: None,
            says: "entry 1 was changed",
        },
        Case {
            edit: "UPDATE audit SET leaf = (SELECT leaf FROM audit WHERE seq = 8) WHERE seq = 9",
            first_bad: Some(9),
            differs_after: None,
            says: "entry 9 was changed",
        },
        // Entry and leaf of another one: it hashes, and says another number.
        Case {
            edit: "UPDATE audit SET (bytes, leaf) = (SELECT bytes, leaf FROM audit WHERE seq = 12) WHERE seq = 11",
            first_bad: Some(11),
            differs_after: None,
            says: "another seq",
        },
        // Filed under another name: the bytes are whole, and a filter would not find them.
        Case {
            edit: "UPDATE audit SET actor = 'mallory' WHERE seq = 14",
            first_bad: Some(14),
            differs_after: None,
            says: "its column actor",
        },
        Case {
            edit: "UPDATE audit SET action = 'retry' WHERE seq = 14",
            first_bad: Some(14),
            differs_after: None,
            says: "its column action",
        },
        Case {
            edit: "UPDATE audit SET rollout = NULL WHERE seq = 14",
            first_bad: Some(14),
            differs_after: None,
            says: "its column rollout",
        },
        Case {
            edit: "UPDATE audit SET at = at + 1 WHERE seq = 14",
            first_bad: Some(14),
            differs_after: None,
            says: "its column at",
        },
        Case {
            edit: "DELETE FROM audit WHERE seq = 17",
            first_bad: Some(17),
            differs_after: None,
            says: "entry 17 is missing",
        },
        Case {
            edit: "DELETE FROM audit WHERE seq > 31",
            first_bad: Some(32),
            differs_after: None,
            says: "entry 32 is missing",
        },
        Case {
            edit: "UPDATE checkpoints SET note = replace(note, char(10) || '20' || char(10), char(10) || '21' || char(10)) \
                   WHERE size = 20",
            first_bad: None,
            differs_after: Some(10),
            says: "changed after it was signed",
        },
    ];
    for case in cases {
        let (dir, mut trail) = trail(35).await;
        edit(dir.path(), case.edit).await;
        let found = verify_data_dir(dir.path()).await.unwrap();
        named(&case, &found);

        // The way back stays open: it starts, goes on from the right number, and still tells.
        let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
        assert_eq!(store.load().await.unwrap().leaves.len(), 35, "{}", case.edit);
        let next = trail.next();
        store.commit(&[Write::Rollout(rollout("a"), serde_json::json!({})), next]).await.unwrap();
        named(&case, &verify_store(&store, trail.signer.verifier(), None).await.unwrap());
        named(&case, &verify_data_dir(dir.path()).await.unwrap());
        store.close().await;
    }
}

fn named(case: &Case, found: &Report) {
    assert_eq!(
        (found.ok, found.first_bad, found.differs_after),
        (false, case.first_bad, case.differs_after),
        "{}: {}",
        case.edit,
        found.detail
    );
    assert!(found.detail.contains(case.says), "{}", found.detail);
}

#[tokio::test]
async fn a_forger_who_also_makes_a_new_leaf_is_caught_by_the_checkpoint() {
    let (dir, trail) = trail(35).await;
    let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
    let entry = store.audit(&rolldeck::store::AuditFilter::default()).await.unwrap()[22].clone();
    store.close().await;
    let bytes = String::from_utf8(entry.bytes).unwrap().replace("drops went up", "all was well!").into_bytes();
    let leaf = rolldeck::audit::leaf_hash(&bytes);
    shell(dir.path(), UNLOCK).await.unwrap();
    let options = SqliteConnectOptions::new().filename(dir.path().join("rolldeck.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE audit SET bytes = $1, leaf = $2 WHERE seq = 23")
        .bind(bytes)
        .bind(leaf.to_vec())
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let report = verify_data_dir(dir.path()).await.unwrap();
    assert_eq!((report.ok, report.first_bad, report.differs_after), (false, None, Some(20)), "{}", report.detail);
    assert_eq!(report.proven, 20);
    let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
    assert_eq!(verify_store(&store, trail.signer.verifier(), None).await.unwrap().differs_after, Some(20));
    store.close().await;
}

#[tokio::test]
async fn an_entry_put_in_behind_the_end_stops_the_start_because_the_next_number_is_taken() {
    let (dir, _) = trail(35).await;
    edit(dir.path(), "INSERT INTO audit SELECT 36, bytes, leaf, at, actor, action, rollout FROM audit WHERE seq = 35")
        .await;
    let error = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }) && error.to_string().contains("audit entry 36"), "{error}");
    assert_eq!(verify_data_dir(dir.path()).await.unwrap().first_bad, Some(36));
}

#[tokio::test]
async fn without_the_signing_key_the_key_that_the_database_names_is_used_and_said_to_be_its_word() {
    let (dir, trail) = trail(35).await;
    let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
    store.commit(&[Write::Meta("verifier_key".into(), trail.signer.verifier_key())]).await.unwrap();
    store.close().await;
    assert!(verify_data_dir(dir.path()).await.unwrap().ok);

    let kept = fs::read(key::path(dir.path())).unwrap();
    fs::remove_file(key::path(dir.path())).unwrap();
    let report = verify_data_dir(dir.path()).await.unwrap();
    assert!(report.ok && report.detail.contains("database's own word"), "{report:?}");

    // A forger who signs anew with a key of his own, and names it in the database.
    fs::write(key::path(dir.path()), kept).unwrap();
    fs::set_permissions(key::path(dir.path()), fs::Permissions::from_mode(0o600)).unwrap();
    let other = rolldeck::audit::Signer::new("rolldeck.test/audit", &[9; 32]);
    let store = Sqlite::open(dir.path(), Durability::Relaxed).await.unwrap();
    store.commit(&[Write::Meta("verifier_key".into(), other.verifier_key())]).await.unwrap();
    store.close().await;
    let report = verify_data_dir(dir.path()).await.unwrap();
    assert!(!report.ok && report.detail.contains("the database names key"), "{report:?}");
}

#[tokio::test]
async fn a_directory_without_a_database_is_said_to_have_none_and_gets_none() {
    let dir = tempdir().unwrap();
    let error = verify_data_dir(dir.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    fs::write(dir.path().join("rolldeck.db"), "nonsense, and enough of it").unwrap();
    assert!(matches!(verify_data_dir(dir.path()).await, Err(StoreError::Damaged { .. })));
}
