//! `kill -9` in the middle of commits: every acknowledged batch is there, whole, once.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use rolldeck::store::{
    Store, Write, key,
    offline::verify_data_dir,
    sqlite::{Durability, Sqlite},
};
use serde_json::json;

use super::make::{Trail, rollout};

const DIR: &str = "ROLLDECK_TEST_CRASH_DIR";

/// What is killed: goes on from what is there, and says after each commit how far it is. Not a
/// test: does nothing unless the test below starts it.
#[tokio::test]
#[ignore = "started by another test"]
async fn one_that_commits_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = std::path::Path::new(&dir);
    let store = Sqlite::open(dir, Durability::Full).await.unwrap();
    let mut trail = Trail::new(key::read_or_create(dir).unwrap());
    trail.tree = rolldeck::audit::Tree::new(store.load().await.unwrap().leaves);
    for round in 0.. {
        let mut batch: Vec<_> = (0..=round % 7).map(|_| trail.next()).collect();
        let size = trail.tree.size();
        batch.insert(0, Write::Rollout(rollout("a"), json!({"seen": size})));
        batch.push(Write::Rollout(rollout("b"), json!({"seen": size})));
        if round % 5 == 0 {
            batch.push(trail.checkpoint());
        }
        store.commit(&batch).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {size}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut most = 0;
    for kill in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["store::crash::one_that_commits_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed after another number of commits each time, at whatever it does then.
        let mut acknowledged = 0;
        for line in lines.by_ref() {
            let Some((_, size)) = line.as_ref().unwrap().split_once("acknowledged ") else { continue };
            acknowledged = size.parse().unwrap();
            if acknowledged > most + kill * 5 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still said before it died counts too.
        for line in lines {
            if let Some((_, size)) = line.unwrap().split_once("acknowledged ") {
                acknowledged = size.parse().unwrap();
            }
        }
        assert!(acknowledged > most, "it said nothing");

        let report = verify_data_dir(dir.path()).await.unwrap();
        assert!(report.ok && report.entries >= acknowledged, "{acknowledged} acknowledged: {report:?}");
        let store = Sqlite::open(dir.path(), Durability::Full).await.unwrap();
        let loaded = store.load().await.unwrap();
        let there = loaded.leaves.len() as u64;
        assert_eq!(there, report.entries);
        // State and trail are from the same batch, and from one that was whole.
        assert_eq!(loaded.rollouts, [(rollout("a"), json!({"seen": there})), (rollout("b"), json!({"seen": there}))]);
        store.close().await;
        most = there;
    }
}
