//! PostgreSQL: the contract, and what concerns its server and the way to it.

use std::{fs, sync::Arc};

use rolldeck::{
    audit::{self, Signer, Tree},
    domain::AuditEntry,
    store::{
        AuditFilter, Loaded, Store, StoreError, StoredEntry, Write, key,
        offline::{verify_database, verify_store},
        postgres::{Address, Postgres},
    },
};
use serde_json::json;
use tempfile::tempdir;

use super::{
    contract,
    make::{Trail, everything, rollout},
};
use crate::support::postgres::{Cluster, Cut, Database, Proxy, database, shared};

async fn open(address: &Address) -> Arc<dyn Store> {
    Arc::new(Postgres::open(address).await.unwrap())
}

macro_rules! kept_by_postgres {
    ($($promise:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let database = database().await;
            contract::$promise(async || open(&database.address()).await).await;
        }
    )*};
}
kept_by_postgres! {
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

async fn refused(address: &Address) -> StoreError {
    Postgres::open(address).await.unwrap_err()
}

/// A database with a trail of so many entries, at rest.
async fn trail(count: u64) -> (Database, Trail) {
    let database = database().await;
    let mut trail = Trail::new([1; 32]);
    let store = Postgres::open(&database.address()).await.unwrap();
    trail.commit(&store, count).await.unwrap();
    store.close().await;
    (database, trail)
}

fn meta(n: u64) -> Write {
    Write::Meta("n".into(), n.to_string())
}

#[tokio::test]
async fn a_second_server_on_the_same_database_is_refused_and_told_what_to_do() {
    let database = database().await;
    let store = Postgres::open(&database.address()).await.unwrap();
    let error = refused(&database.address()).await;
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    // Who was refused took nothing away.
    store.commit(&everything(&mut Trail::new([1; 32]))).await.unwrap();
    store.close().await;
    Postgres::open(&database.address()).await.unwrap().close().await;
}

#[tokio::test]
async fn two_that_start_at_once_on_an_empty_database_do_not_both_get_it() {
    let address = database().await.address();
    let (one, two) = tokio::join!(Postgres::open(&address), Postgres::open(&address));
    let (got, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    assert!(matches!(refused, Err(StoreError::Locked { .. })), "{refused:?}");
    got.unwrap().commit(&[meta(1)]).await.unwrap();
}

#[tokio::test]
async fn the_trail_refuses_every_edit_that_is_made_by_accident() {
    let (database, _) = trail(20).await;
    for sql in [
        "UPDATE audit SET bytes = '\\x00' WHERE seq = 3",
        "UPDATE audit SET actor = 'somebody else' WHERE seq = 3",
        "UPDATE audit SET actor = '', action = 'expired', rollout = NULL, bytes = '{\"seq\":3,\"tombstone\":1}' WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 20",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "INSERT INTO audit SELECT seq, '\\x00', leaf, at, actor, action, rollout FROM audit WHERE seq = 3 \
         ON CONFLICT (seq) DO UPDATE SET bytes = excluded.bytes",
        "INSERT INTO audit SELECT 3, bytes, leaf, at, actor, action, rollout FROM audit WHERE seq = 4",
        "UPDATE checkpoints SET note = 'x'",
        "DELETE FROM checkpoints WHERE size = 10",
        "TRUNCATE checkpoints",
    ] {
        let error = database.shell(sql).await.unwrap_err().to_string();
        assert!(error.contains("of the audit trail"), "{sql}: {error}");
    }
    let store = Postgres::open(&database.address()).await.unwrap();
    assert_eq!(store.load().await.unwrap().leaves.len(), 20);
    store.close().await;
}

/// An entry of years ago.
fn old(tree: &mut Tree) -> Write {
    let seq = tree.size() + 1;
    let entry: AuditEntry = serde_json::from_value(json!({
        "seq": seq, "id": format!("id-{seq}"), "at": "2020-01-01T00:00:00Z",
        "actor": {"id": "anna", "kind": "human", "role": null, "via": null, "credential": null, "source": null},
        "action": "pause", "subject": {"kind": "rollout", "target": "dc-west", "name": "a"},
        "outcome": "applied", "intent": null, "reason": "said about Anna Larsen", "ticket": null, "override": null,
        "revision": {"before": null, "after": null}, "effect": null, "saw": null, "blockers": [],
        "idempotency_key": null, "correlation_id": null, "schema": 1
    }))
    .unwrap();
    let bytes = audit::canonical(&entry);
    let leaf = audit::leaf_hash(&bytes);
    tree.append(leaf);
    let (actor, action, rollout) = ("anna".into(), "pause".into(), Some("dc-west/a".into()));
    Write::Audit(StoredEntry { seq, bytes, leaf, at: entry.at, actor, action, rollout })
}

#[tokio::test]
async fn contents_of_years_ago_may_expire_and_those_of_the_last_days_may_not() {
    let database = database().await;
    let store = Postgres::open(&database.address()).await.unwrap();
    let mut trail = Trail { tree: Tree::default(), signer: Signer::new("rolldeck.test/audit", &[1; 32]) };
    let mut batch: Vec<Write> = (0..1500).map(|_| old(&mut trail.tree)).collect();
    batch.push(trail.next());
    batch.push(trail.checkpoint());
    store.commit(&batch).await.unwrap();
    let expire = |through| Write::Expire { through, reason: "older than 400d".to_owned() };
    let error = store.commit(&[meta(1), expire(1501)]).await.unwrap_err();
    let said = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(said.contains("never changed"), "{said}");
    assert!(store.meta("n").await.unwrap().is_none(), "nothing of a refused batch is seen");
    store.load().await.unwrap();

    store.commit(&[expire(1500)]).await.unwrap();
    let entries = store.audit(&AuditFilter::default()).await.unwrap();
    assert!(entries[..1500].iter().all(|entry| entry.action == "expired" && entry.rollout.is_none()));
    assert!(!entries.iter().any(|entry| String::from_utf8_lossy(&entry.bytes).contains("Larsen")));
    assert_eq!(store.load().await.unwrap().leaves, trail.tree.leaves());
    store.close().await;
}

#[tokio::test]
async fn a_database_that_is_not_ours_or_not_fit_is_refused_in_plain_words_and_left_as_it_is() {
    let other = database().await;
    other.shell("CREATE TABLE recipes (name TEXT)").await.unwrap();
    let error = refused(&other.address()).await;
    assert!(matches!(error, StoreError::Unfit { .. }) && error.to_string().contains("another program"), "{error}");
    other.shell("SELECT * FROM recipes; DROP TABLE recipes").await.unwrap();
    Postgres::open(&other.address()).await.unwrap().close().await;

    // What an extension brought is not another program's.
    let extended = database().await;
    extended.shell("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await.ok();
    Postgres::open(&extended.address()).await.unwrap().close().await;

    let latin = "latin_deck";
    let sql = format!("CREATE DATABASE {latin} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
    shared().shell("postgres", sql).await.unwrap();
    let error = refused(&Address::of_argument(&shared().url(latin)).unwrap()).await;
    assert!(matches!(error, StoreError::Unfit { .. }) && error.to_string().contains("LATIN1"), "{error}");

    let missing = refused(&Address::of_argument(&shared().url("nowhere")).unwrap()).await;
    assert!(matches!(missing, StoreError::Unfit { .. }) && missing.to_string().contains("createdb"), "{missing}");

    let empty = database().await;
    let error = verify_database(&empty.address(), None).await.unwrap_err();
    assert!(error.to_string().contains("nothing of Rolldeck"), "{error}");
}

#[tokio::test]
async fn a_user_without_rights_is_told_what_it_may_not_do() {
    let database = database().await;
    database
        .shell(format!("CREATE ROLE guest_{0} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC", database.name))
        .await
        .unwrap();
    let url = database.url().replace("user=postgres", &format!("user=guest_{}", database.name));
    let error = refused(&Address::of_argument(&url).unwrap()).await;
    assert!(matches!(error, StoreError::Forbidden { .. }), "{error:?}");
    assert!(error.to_string().contains("permission denied") && error.to_string().contains("OWNER"), "{error}");
    let nobody = database.url().replace("user=postgres", "user=nobody_at_all");
    let error = refused(&Address::of_argument(&nobody).unwrap()).await;
    assert!(matches!(error, StoreError::Forbidden { .. }) && error.to_string().contains("nobody_at_all"), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_rolldeck_is_refused_with_both_numbers() {
    let (database, _) = trail(1).await;
    database
        .shell("INSERT INTO _sqlx_migrations SELECT 99, 'later', now(), true, checksum, 0 FROM _sqlx_migrations")
        .await
        .unwrap();
    let error = refused(&database.address()).await;
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 1..99, .. }), "{error:?}");
    let error = verify_database(&database.address(), None).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { .. }), "{error:?}");
}

#[tokio::test]
async fn state_that_cannot_be_read_is_called_damage_by_its_name() {
    for (sql, says) in [
        ("UPDATE rollouts SET body = '{'", "the rollout \"dc-west/pick-assist\" cannot be read"),
        ("UPDATE units SET id = 'a/b'", "\"a/b\" names no unit"),
        ("UPDATE windows SET body = '{}'", "the window \"w-1\" cannot be read"),
        ("UPDATE tokens SET id = chr(27) || '[31m', body = '1'", "the token \"\\u{1b}[31m\" cannot be read"),
        ("DELETE FROM audit_range", "the tree of the audit trail is missing"),
    ] {
        let database = database().await;
        let store = Postgres::open(&database.address()).await.unwrap();
        store.commit(&everything(&mut Trail::new([1; 32]))).await.unwrap();
        database.shell(sql).await.unwrap();
        let error = store.load().await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }) && error.to_string().contains(says), "{error}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_filter_that_no_entry_can_match_is_answered_and_not_refused() {
    let (database, _) = trail(5).await;
    let store = Postgres::open(&database.address()).await.unwrap();
    let filter = AuditFilter { actor: Some("an\0na".into()), ..AuditFilter::default() };
    assert_eq!(store.audit(&filter).await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn commits_are_synced_whatever_the_user_was_set_to() {
    let database = database().await;
    database.shell(format!("ALTER DATABASE {} SET synchronous_commit = off", database.name)).await.unwrap();
    // What the writing session has is seen by what it writes.
    let store = Postgres::open(&database.address()).await.unwrap();
    database
        .shell(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             NEW.value := current_setting('synchronous_commit'); RETURN NEW; END $$; \
             CREATE TRIGGER note BEFORE INSERT ON meta FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .await
        .unwrap();
    store.commit(&[meta(1)]).await.unwrap();
    assert_eq!(store.meta("n").await.unwrap().as_deref(), Some("on"));
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_of_the_server_is_told_as_one_and_what_is_there_stays() {
    let (database, mut trail) = trail(10).await;
    let store = Postgres::open(&database.address()).await.unwrap();
    database
        .shell(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$; \
             CREATE TRIGGER fill BEFORE INSERT ON rollouts FOR EACH ROW EXECUTE FUNCTION fill()",
        )
        .await
        .unwrap();
    let next = trail.next();
    let error = store.commit(&[next.clone(), Write::Rollout(rollout("a"), json!({}))]).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }) && error.to_string().contains("database's server"), "{error}");
    assert!(!store.release_reserve().await.unwrap(), "there is nothing here to give up");
    database.shell("DROP TRIGGER fill ON rollouts").await.unwrap();
    store.commit(&[next]).await.unwrap();
    there_once(&store, &trail, 11).await;
    store.close().await;
}

/// What two tests of a lost connection find afterwards: each entry once, in one piece.
async fn there_once(store: &dyn Store, trail: &Trail, entries: u64) {
    let Loaded { leaves, .. } = store.load().await.unwrap();
    assert_eq!((leaves.len() as u64, leaves.as_slice()), (entries, trail.tree.leaves()));
    assert!(verify_store(store, trail.signer.verifier(), None).await.unwrap().first_bad.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_made_once_and_told_as_made() {
    let database = database().await;
    let proxy = Proxy::to(database.cluster).await;
    let store = Postgres::open(&proxy.address(&database.name)).await.unwrap();
    let mut trail = Trail::new([1; 32]);
    for round in 0..6 {
        let cut = if round % 2 == 0 { Cut::AfterCommit } else { Cut::BeforeCommit };
        proxy.cut_at(cut, || {});
        let batch = [Write::Rollout(rollout("a"), json!({"round": round})), trail.next(), trail.next()];
        store.commit(&batch).await.unwrap();
        assert!(proxy.has_cut(), "the connection was cut");
        assert_eq!(store.load().await.unwrap().rollouts, [(rollout("a"), json!({"round": round}))]);
        there_once(&store, &trail, trail.tree.size()).await;
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_of_the_database_loses_nothing_acknowledged_and_doubles_nothing() {
    let cluster = Arc::new(tokio::task::spawn_blocking(|| Cluster::start(&[])).await.unwrap());
    let name = cluster.database().await;
    let proxy = Proxy::to(&cluster).await;
    let store = Postgres::open(&proxy.address(&name)).await.unwrap();
    let mut trail = Trail::new([1; 32]);
    trail.commit(&store, 10).await.unwrap();
    for (cut, round) in [(Cut::BeforeCommit, 1), (Cut::AfterCommit, 2)] {
        let server = Arc::clone(&cluster);
        proxy.cut_at(cut, move || {
            server.kill();
            // It comes back while the store tries to find out what became of the commit.
            std::thread::spawn(move || server.run());
        });
        let before = trail.tree.size();
        let batch = [Write::Rollout(rollout("a"), json!({"round": round})), trail.next(), trail.checkpoint()];
        let committed = store.commit(&batch).await;
        assert!(proxy.has_cut());
        match committed {
            Ok(()) => {}
            // The server was not back yet. Only what was asked to be made durable can have become so.
            Err(error) => {
                assert!(error.is_away(), "{error:?}");
                assert_eq!(cut, Cut::BeforeCommit, "a commit that was made is told as made: {error}");
                trail.tree.truncate(before);
            }
        }
        let loaded = loop {
            match store.load().await {
                Ok(loaded) => break loaded,
                Err(error) => assert!(error.is_away(), "{error:?}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        };
        assert_eq!(loaded.leaves, trail.tree.leaves());
        there_once(&store, &trail, trail.tree.size()).await;
        trail.commit(&store, 10).await.unwrap();
    }
    store.close().await;
    let report = verify_database(&Address::of_argument(&cluster.url(&name)).unwrap(), None).await.unwrap();
    assert!(report.first_bad.is_none() && report.entries == trail.tree.size(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_commits_say_so_and_go_on_by_themselves() {
    let database = database().await;
    let proxy = Proxy::to(database.cluster).await;
    let store = Postgres::open(&proxy.address(&database.name)).await.unwrap();
    store.commit(&[meta(1)]).await.unwrap();
    // One that was restarted while nothing was asked of it: nobody needs to know.
    proxy.close();
    proxy.open();
    store.commit(&[meta(2)]).await.unwrap();

    proxy.close();
    let error = store.commit(&[meta(3)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(store.load().await.unwrap_err().is_away());
    proxy.open();
    store.commit(&[meta(4)]).await.unwrap();
    assert_eq!(store.load().await.unwrap().meta["n"], "4");
    store.close().await;

    proxy.close();
    let error = refused(&proxy.address(&database.name)).await;
    assert!(matches!(error, StoreError::Unreachable { .. }) && error.to_string().contains("PostgreSQL"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_cut_off_and_replaced_writes_nothing_over_what_its_successor_wrote() {
    let database = database().await;
    let proxy = Proxy::to(database.cluster).await;
    let first = Postgres::open(&proxy.address(&database.name)).await.unwrap();
    let mut trail = Trail::new([1; 32]);
    trail.commit(&first, 10).await.unwrap();
    let mut lost = Trail { tree: trail.tree.clone(), signer: Signer::new("rolldeck.test/audit", &[1; 32]) };

    proxy.close();
    let second = Postgres::open(&database.address()).await.unwrap();
    trail.commit(&second, 10).await.unwrap();
    second.commit(&[Write::Rollout(rollout("a"), json!({"by": "second"}))]).await.unwrap();
    proxy.open();

    // While the other has it, and once it has gone: also what adds nothing to the trail is refused.
    let overwrites = [Write::Rollout(rollout("a"), json!({"by": "first"}))];
    let appends = [overwrites[0].clone(), lost.next()];
    assert!(matches!(first.commit(&overwrites).await, Err(StoreError::Locked { .. })));
    assert!(matches!(first.load().await, Err(StoreError::Locked { .. })), "nobody decides on what another writes to");
    second.close().await;
    for batch in [&overwrites[..], &appends[..]] {
        let error = first.commit(batch).await.unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{error:?}");
    }
    // Once it has read what the other wrote, it goes on from there.
    let loaded = first.load().await.unwrap();
    assert_eq!(loaded.rollouts, [(rollout("a"), json!({"by": "second"}))]);
    assert_eq!(loaded.leaves, trail.tree.leaves());
    trail.commit(&first, 10).await.unwrap();
    there_once(&first, &trail, 30).await;
    first.close().await;
}

#[tokio::test]
async fn a_lock_that_does_not_hold_is_no_way_in() {
    // As behind a pooler that hands the session on: the connection lives, and somebody else is the owner.
    let database = database().await;
    let store = Postgres::open(&database.address()).await.unwrap();
    let mut trail = Trail::new([1; 32]);
    trail.commit(&store, 10).await.unwrap();
    for sql in ["UPDATE writer SET owner = 'another'", "UPDATE writer SET commits = commits + 7"] {
        database.shell(sql).await.unwrap();
        let next = trail.next();
        let error = store.commit(&[Write::Rollout(rollout("a"), json!({})), next]).await.unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{sql}: {error:?}");
        trail.tree.truncate(10);
        let loaded = store.load().await.unwrap();
        assert_eq!((loaded.leaves.len(), loaded.rollouts.len()), (10, 0));
    }
    // And one whose trail was put back to an older state is not appended to from memory.
    database.shell("UPDATE audit_range SET size = 9").await.unwrap();
    let next = trail.next();
    assert!(matches!(store.commit(&[next]).await, Err(StoreError::Replaced { .. })));
    store.close().await;
}

#[tokio::test]
async fn what_was_edited_by_hand_is_named_by_verification_with_no_server() {
    const UNLOCK: &str = "ALTER TABLE audit DISABLE TRIGGER ALL; ALTER TABLE checkpoints DISABLE TRIGGER ALL; ";
    for (edit, first_bad, differs_after, says) in [
        (
            "UPDATE audit SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), 'drops went up', 'all was well!'), 'UTF8') WHERE seq = 23",
            Some(23),
            None,
            "23",
        ),
        ("UPDATE audit SET actor = 'mallory' WHERE seq = 14", Some(14), None, "its column actor"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 14", Some(14), None, "its column at"),
        ("DELETE FROM audit WHERE seq = 17", Some(17), None, "entry 17 is missing"),
        ("DELETE FROM audit WHERE seq > 31", Some(32), None, "entry 32 is missing"),
        (
            "UPDATE checkpoints SET note = replace(note, E'\\n20\\n', E'\\n21\\n') WHERE size = 20",
            None,
            Some(10),
            "changed after it was signed",
        ),
    ] {
        let (database, mut trail) = trail(35).await;
        let whole = verify_database(&database.address(), None).await.unwrap();
        assert_eq!((whole.entries, whole.first_bad), (35, None));
        let dir = tempdir().unwrap();
        fs::write(key::path(dir.path()), "01".repeat(32)).unwrap();
        fs::set_permissions(key::path(dir.path()), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let proven = verify_database(&database.address(), Some(dir.path())).await.unwrap();
        assert_eq!((proven.ok, proven.proven), (true, 35), "{}", proven.detail);

        database.shell(format!("{UNLOCK}{edit}")).await.unwrap();
        let found = verify_database(&database.address(), Some(dir.path())).await.unwrap();
        assert_eq!(
            (found.ok, found.first_bad, found.differs_after),
            (false, first_bad, differs_after),
            "{edit}: {}",
            found.detail
        );
        assert!(found.detail.contains(says), "{edit}: {}", found.detail);

        // The way back stays open: it starts, goes on from the right number, and still tells.
        let store = Postgres::open(&database.address()).await.unwrap();
        assert_eq!(store.load().await.unwrap().leaves.len(), 35, "{edit}");
        let next = trail.next();
        store.commit(&[next]).await.unwrap();
        let found = verify_store(&store, trail.signer.verifier(), None).await.unwrap();
        assert_eq!((found.ok, found.first_bad, found.differs_after), (false, first_bad, differs_after), "{edit}");
        store.close().await;
    }
}

#[tokio::test]
async fn it_verifies_while_a_server_writes_to_it() {
    let (database, mut trail) = trail(50).await;
    let store = Postgres::open(&database.address()).await.unwrap();
    let address = database.address();
    let (written, ()) = tokio::join!(trail.commit(&store, 200), async {
        for _ in 0..5 {
            let report = verify_database(&address, None).await.unwrap();
            assert!(report.first_bad.is_none() && report.entries >= 50, "{report:?}");
        }
    });
    written.unwrap();
    assert_eq!(verify_database(&address, None).await.unwrap().entries, 250);
    store.close().await;
}
