//! A real trail edited by hand in every way that comes to mind: that the server says so by itself, at its start or
//! when it reads its trail again, shows nothing of what was forged as if it were so, and goes on all the same.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use rolldeck::{
    audit::{EntryFilter, Hash, Signer, Tree, leaf_hash},
    clock::{self, Clock, Wait},
    control::{AuditQuery, Control, Options},
    domain::{AuditEntry, Outcome},
    store::{
        AUDIT_SEAL, offline,
        sqlite::{Durability, Sqlite},
    },
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::world::{mira, options};

/// Entries of the trail that is edited.
const ENTRIES: u64 = 15;

/// The machine's clock, for which nobody waits long.
#[derive(Debug)]
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> DateTime<Utc> {
        clock::system().now()
    }

    fn id(&self) -> String {
        clock::system().id()
    }

    fn sleep(&self, span: Duration) -> Wait {
        clock::system().sleep(span.min(Duration::from_millis(20)))
    }
}

/// A server whose key is in a directory of its own.
async fn start(folder: &Path) -> Control {
    let store = Sqlite::open(&folder.join("data"), Durability::Relaxed).await.unwrap();
    std::fs::create_dir_all(folder.join("key")).unwrap();
    let options = Options { beside: Some(folder.join("key")), ..options(rolldeck::control::Policy::default()) };
    Control::start(Arc::new(store), Arc::new(Hasty), options).await.unwrap()
}

async fn say(control: &Control, count: u64) {
    for _ in 0..count {
        let request = rolldeck::wire::SnapshotRequest { version: clock::system().id(), ..Default::default() };
        control.add_snapshot(&mira(), request).await.unwrap();
    }
}

/// A trail of fifteen entries with checkpoints at five, ten and fifteen, at rest.
async fn written(folder: &Path) {
    let control = start(folder).await;
    for _ in 0..3 {
        say(&control, ENTRIES / 3).await;
        control.checkpoint(&mira()).await.unwrap();
    }
    control.shutdown().await;
}

async fn open(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("data/rolldeck.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(
        "DROP TRIGGER IF EXISTS audit_keeps_what_it_has; DROP TRIGGER IF EXISTS audit_loses_nothing; \
         DROP TRIGGER IF EXISTS audit_only_grows; DROP TRIGGER IF EXISTS checkpoints_keep_what_they_have; \
         DROP TRIGGER IF EXISTS checkpoints_lose_nothing;",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection
}

async fn sql(folder: &Path, edit: &'static str) {
    let mut connection = open(folder).await;
    sqlx::raw_sql(edit).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Makes leaves and the tree beside them fit the bytes, as whoever knows how they are made would.
async fn cover_up(folder: &Path) {
    let mut connection = open(folder).await;
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, bytes FROM audit ORDER BY seq").fetch_all(&mut connection).await.unwrap();
    let mut leaves: Vec<Hash> = Vec::new();
    for (seq, bytes) in rows {
        let leaf = leaf_hash(&bytes);
        leaves.push(leaf);
        let update = sqlx::query("UPDATE audit SET leaf = $1 WHERE seq = $2").bind(leaf.to_vec()).bind(seq);
        update.execute(&mut connection).await.unwrap();
    }
    let range = Tree::new(leaves).compact_range();
    let update = sqlx::query("UPDATE audit_range SET size = $1, hashes = $2")
        .bind(i64::try_from(range.size()).unwrap())
        .bind(range.to_bytes());
    update.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn entries(control: &Control, filter: &str) -> Vec<AuditEntry> {
    let expression = Some(EntryFilter::parse(filter, &clock::system().now()).unwrap());
    control.audit(&mira(), AuditQuery { expression, ..AuditQuery::default() }).await.unwrap().entries
}

async fn fault(control: &Control) -> Option<(u64, String)> {
    let fault = control.witness(&mira(), None).await.unwrap().fault;
    fault.map(|fault| (fault.after, fault.why.to_string()))
}

/// What the server found by itself, once it did.
async fn found(control: &Control) -> (u64, String) {
    for _ in 0..1000 {
        if let Some(found) = fault(control).await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server did not say what is wrong with its trail");
}

struct Case {
    edit: &'static str,
    /// Whether leaves and tree are made to fit.
    covered_up: bool,
    after: u64,
    says: &'static str,
    /// The entry in whose place another one is shown.
    stands_in: Option<(u64, &'static str)>,
}

const CASES: [Case; 15] = [
    Case {
        edit: "UPDATE audit SET bytes = CAST(replace(CAST(bytes AS TEXT), 'mira', 'mila') AS BLOB) WHERE seq = 7",
        covered_up: false,
        after: 6,
        says: "entry 7 was changed: its bytes do not hash",
        stands_in: Some((7, "CHANGED")),
    },
    Case {
        edit: "UPDATE audit SET actor = 'mila', bytes = CAST(replace(CAST(bytes AS TEXT), 'mira', 'mila') AS BLOB) \
               WHERE seq = 7",
        covered_up: true,
        after: 0,
        says: "the first 15 entries are not those that were signed for",
        stands_in: None,
    },
    Case {
        edit: "DELETE FROM audit WHERE seq = 7",
        covered_up: false,
        after: 6,
        says: "entry 7 is missing",
        stands_in: Some((7, "MISSING")),
    },
    Case {
        edit: "CREATE TABLE other AS SELECT * FROM audit WHERE seq IN (7, 8); DELETE FROM audit WHERE seq IN (7, 8); \
               INSERT INTO audit SELECT 15 - seq, bytes, leaf, at, actor, action, rollout FROM other; DROP TABLE other",
        covered_up: true,
        after: 0,
        says: "the first 15 entries are not those that were signed for",
        stands_in: Some((7, "CHANGED")),
    },
    Case {
        edit: "DELETE FROM audit WHERE seq > 12",
        covered_up: false,
        after: 12,
        says: "entry 13 is missing",
        // Behind it stands what the server said of that.
        stands_in: Some((13, "MISSING")),
    },
    Case {
        edit: "DELETE FROM audit WHERE seq > 10; DELETE FROM checkpoints WHERE size > 10",
        covered_up: true,
        after: 10,
        says: "15 entries were signed for, and there are 10",
        stands_in: None,
    },
    Case {
        edit: "DELETE FROM audit WHERE seq > 10; DELETE FROM checkpoints WHERE size > 10; \
               UPDATE meta SET value = (SELECT note FROM checkpoints WHERE size = 10) WHERE key = 'audit_seal'",
        covered_up: true,
        after: 10,
        says: "the trail has 10 entries now and had 15",
        stands_in: None,
    },
    Case {
        edit: "INSERT INTO audit SELECT 16, CAST(replace(CAST(bytes AS TEXT), '\"seq\":7', '\"seq\":16') AS BLOB), leaf, at, \
               actor, action, rollout FROM audit WHERE seq = 7",
        covered_up: true,
        after: 15,
        says: "entries from 16 to 16 were added by something else",
        stands_in: None,
    },
    Case {
        edit: "UPDATE checkpoints SET note = replace(note, char(10) || '15' || char(10), char(10) || '14' || char(10)) \
               WHERE size = 15",
        covered_up: false,
        after: 0,
        says: "the newest checkpoint does not verify",
        stands_in: None,
    },
    Case {
        edit: "UPDATE checkpoints SET note = replace(note, char(10) || '5' || char(10), char(10) || '4' || char(10)) \
               WHERE size = 5",
        covered_up: false,
        after: 1,
        says: "the checkpoint of 4 entries does not verify",
        stands_in: None,
    },
    Case {
        edit: "UPDATE audit SET actor = 'ben' WHERE seq = 7",
        covered_up: false,
        after: 6,
        says: "entry 7 was changed: its column actor",
        stands_in: Some((7, "CHANGED")),
    },
    Case {
        edit: "UPDATE audit SET at = at - 86400000000 WHERE seq = 7",
        covered_up: false,
        after: 6,
        says: "entry 7 was changed: its column at",
        stands_in: Some((7, "CHANGED")),
    },
    Case {
        edit: "UPDATE audit_range SET hashes = zeroblob(length(hashes))",
        covered_up: false,
        after: 15,
        says: "the tree that is stored beside the entries is not that of their leaves",
        stands_in: None,
    },
    Case {
        edit: "DELETE FROM meta WHERE key = 'audit_seal'; DELETE FROM checkpoints; INSERT INTO audit SELECT 16, \
               CAST(replace(CAST(bytes AS TEXT), '\"seq\":7', '\"seq\":16') AS BLOB), leaf, at, actor, action, rollout \
               FROM audit WHERE seq = 7",
        covered_up: true,
        after: 15,
        says: "the signature over the last 1 of the 16 entries is gone",
        stands_in: None,
    },
    Case {
        edit: "UPDATE audit SET bytes = x'7b7d' WHERE seq = 7",
        covered_up: false,
        after: 6,
        says: "entry 7 was changed: its bytes do not hash",
        stands_in: Some((7, "UNREADABLE")),
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn whichever_way_a_journal_is_edited_the_server_itself_says_so_and_goes_on() {
    for case in &CASES {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path()).await;
        sql(folder.path(), case.edit).await;
        if case.covered_up {
            cover_up(folder.path()).await;
        }
        let control = start(folder.path()).await;
        let (after, why) = found(&control).await;
        assert!(why.contains(case.says) && after == case.after, "{}: after {after}: {why}", case.edit);
        let shown = entries(&control, "").await;
        let names: Vec<(u64, String)> = shown
            .iter()
            .filter(|e| e.outcome == Outcome::Unconfirmed)
            .map(|e| (e.seq, e.subject.name.to_string()))
            .collect();
        let wanted = case.stands_in.map(|(seq, name)| (seq, name.to_owned()));
        assert_eq!(names.first(), wanted.as_ref(), "{}", case.edit);
        assert!(!shown.iter().any(|entry| entry.seq == 7 && entry.actor.id.as_str() == "mila") || case.covered_up);

        // The way back stays open, and what was found is in the trail: once, however often it is found again.
        say(&control, 1).await;
        control.shutdown().await;
        for _ in 0..2 {
            let control = start(folder.path()).await;
            let told = entries(&control, "action:audit_inconsistent").await;
            let reasons: Vec<String> = told.iter().map(|entry| entry.reason.clone().unwrap().to_string()).collect();
            let once: BTreeSet<&String> = reasons.iter().collect();
            assert!(reasons.iter().any(|reason| reason.contains(case.says)), "{}: {reasons:?}", case.edit);
            assert_eq!(once.len(), reasons.len(), "{}: {reasons:?}", case.edit);
            control.shutdown().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_an_older_backup_is_noticed_and_what_was_signed_is_kept_as_evidence() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path()).await;
    let backup = std::fs::read(folder.path().join("data/rolldeck.db")).unwrap();
    let control = start(folder.path()).await;
    say(&control, 4).await;
    control.shutdown().await;
    std::fs::write(folder.path().join("data/rolldeck.db"), backup).unwrap();
    let control = start(folder.path()).await;
    let (after, why) = found(&control).await;
    assert!(after == 15 && why.contains("15 entries now and had 19") && why.contains("audit.seen-19"), "{after} {why}");
    assert!(folder.path().join("key/audit.seen-19").exists());
    let told = entries(&control, "action:audit_inconsistent").await;
    assert_eq!((told.len(), told[0].outcome), (1, Outcome::Failed));
    // All that is there now is signed for, and still not what was written.
    let report = control.verify(&mira()).await.unwrap();
    assert!(!report.ok && report.proven == 15 && report.detail.as_str().contains("had 19"), "{}", report.detail);
    control.shutdown().await;
    // From then on what is there is remembered.
    let control = start(folder.path()).await;
    assert_eq!(fault(&control).await, None);
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_nobody_touched_is_never_said_to_be_broken() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let control = start(folder.path()).await;
        say(&control, 2).await;
        control.checkpoint(&mira()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(fault(&control).await, None);
        assert!(control.verify(&mira()).await.unwrap().ok);
        assert!(entries(&control, "action:audit_*").await.is_empty());
        control.shutdown().await;
    }
    assert!(offline::verify_data_dir(&folder.path().join("data")).await.unwrap().first_bad.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_a_crash_is_not_taken_for_somebody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let control = start(folder.path()).await;
    control.checkpoint(&mira()).await.ok();
    say(&control, 3).await;
    // As a killed server would leave it: no checkpoint covers the last entries.
    let left = tempfile::tempdir().unwrap();
    for name in ["data", "key"] {
        std::fs::create_dir(left.path().join(name)).unwrap();
        for file in std::fs::read_dir(folder.path().join(name)).unwrap() {
            let file = file.unwrap();
            if !file.file_name().to_str().unwrap().ends_with("-shm") {
                std::fs::copy(file.path(), left.path().join(name).join(file.file_name())).unwrap();
            }
        }
    }
    control.shutdown().await;
    let control = start(left.path()).await;
    assert_eq!(fault(&control).await, None);
    assert_eq!(entries(&control, "action:snapshot_add").await.len(), 3);
    control.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_edited_under_a_running_server_deceives_nobody() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path()).await;
    let control = start(folder.path()).await;
    // Bytes, leaf and columns agree with one another: only what the server remembers is other.
    let mut connection = open(folder.path()).await;
    let bytes: Vec<u8> =
        sqlx::query_scalar("SELECT bytes FROM audit WHERE seq = 7").fetch_one(&mut connection).await.unwrap();
    let forged = String::from_utf8(bytes).unwrap().replace("\"id\":\"mira\"", "\"id\":\"mila\"").into_bytes();
    let update = sqlx::query("UPDATE audit SET bytes = $1, leaf = $2, actor = 'mila' WHERE seq = 7");
    update.bind(forged.clone()).bind(leaf_hash(&forged).to_vec()).execute(&mut connection).await.unwrap();
    let shown = entries(&control, "seq:7").await;
    assert_eq!((shown.len(), shown[0].subject.name.as_str()), (1, "CHANGED"), "{shown:?}");
    let (after, why) = found(&control).await;
    assert!(after == 6 && why.contains("while the server ran"), "{after} {why}");
    assert!(!control.verify(&mira()).await.unwrap().ok);

    // The end is cut off, and with it every checkpoint that knew of it.
    sqlx::raw_sql("DELETE FROM audit WHERE seq > 5; DELETE FROM checkpoints WHERE size > 5")
        .execute(&mut connection)
        .await
        .unwrap();
    let report = control.verify(&mira()).await.unwrap();
    assert_eq!((report.ok, report.first_bad), (false, Some(6)), "{}", report.detail);
    connection.close().await.unwrap();
    control.shutdown().await;
}

#[tokio::test]
async fn a_seal_that_somebody_else_signed_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path()).await;
    let mut connection = open(folder.path()).await;
    let bytes: Vec<u8> =
        sqlx::query_scalar("SELECT bytes FROM audit WHERE seq = 15").fetch_one(&mut connection).await.unwrap();
    let bytes = String::from_utf8(bytes).unwrap().replace("\"seq\":15", "\"seq\":16").into_bytes();
    sqlx::query("INSERT INTO audit SELECT 16, $1, $2, at, actor, action, rollout FROM audit WHERE seq = 15")
        .bind(bytes.clone())
        .bind(leaf_hash(&bytes).to_vec())
        .execute(&mut connection)
        .await
        .unwrap();
    let leaves: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT leaf FROM audit ORDER BY seq").fetch_all(&mut connection).await.unwrap();
    let tree = Tree::new(leaves.into_iter().map(|leaf| leaf.try_into().unwrap()).collect());
    let note = Signer::new("rolldeck.test/audit", &[9; 32]).sign(16, &tree.root());
    let update = sqlx::query("UPDATE meta SET value = $1 WHERE key = $2").bind(note).bind(AUDIT_SEAL);
    update.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    cover_up(folder.path()).await;
    let control = start(folder.path()).await;
    let (after, why) = fault(&control).await.expect("said at once");
    assert!(after == 15 && why.contains("did not sign it"), "{after} {why}");
    control.shutdown().await;
}
