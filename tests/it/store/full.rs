//! A full disk: what stops a change is still journalled, from the reserve, and after a restart.

use std::{fs, io::Write as _, path::Path, process::Command};

use rolldeck::store::{
    Store, StoreError, Write, key,
    offline::verify_data_dir,
    sqlite::{Durability, Sqlite},
};
use serde_json::json;

use super::make::{Trail, rollout};

const DIR: &str = "ROLLDECK_TEST_FULL_DIR";

/// Runs on a small disk of its own. Not a test: does nothing unless the test below starts it.
#[tokio::test]
#[ignore = "started by another test"]
async fn one_that_lives_on_a_small_disk() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let data = dir.join("data");
    let store = Sqlite::open(&data, Durability::Full).await.unwrap();
    let mut trail = Trail::new(key::read_or_create(&data).unwrap());
    trail.commit(&store, 20).await.unwrap();

    let mut ballast = fs::File::create(dir.join("ballast")).unwrap();
    while ballast.write_all(&[0xa5; 4096]).is_ok() {}
    let bulk = json!({"text": "x".repeat(100_000)});
    let mut writes = 0;
    let error = loop {
        let batch = [Write::Rollout(rollout(&format!("r{writes}")), bulk.clone())];
        match store.commit(&batch).await {
            Ok(()) => writes += 1,
            Err(error) => break error,
        }
        assert!(writes < 1000, "the disk does not fill up");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(store.load().await.unwrap().rollouts.len(), writes, "nothing of the refused batch is seen");
    assert!(matches!(store.commit(&[Write::Rollout(rollout("more"), bulk)]).await, Err(StoreError::Full { .. })));

    assert!(store.release_reserve().await.unwrap());
    let acted = |n: u64| Write::Rollout(rollout("a"), json!({"phase": "rolling_back", "n": n}));
    for n in 0..500 {
        store.commit(&[acted(n), trail.next()]).await.unwrap();
    }
    store.commit(&[trail.checkpoint()]).await.unwrap();
    store.close().await;

    let store = Sqlite::open(&data, Durability::Full).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.leaves.len(), 520);
    assert!(loaded.rollouts.contains(&(rollout("a"), json!({"phase": "rolling_back", "n": 499}))));
    store.commit(&[acted(500), trail.next(), trail.checkpoint()]).await.unwrap();
    let report = verify_data_dir(&data).await.unwrap();
    assert!(report.ok && report.proven == 521, "{report:?}");
    store.close().await;
    println!("lived on a full disk");
}

#[test]
fn pause_and_rollback_are_journalled_on_a_full_disk_and_after_a_restart_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=12m tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["store::full::one_that_lives_on_a_small_disk", "--exact", "--ignored", "--nocapture"])
        .env(DIR, dir.path())
        .output();
    let Ok(output) = output else { return eprintln!("skipped: there is no unshare here to make a small disk with") };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || said.contains("unshare failed") || said.contains("Operation not permitted") {
        return eprintln!("skipped: a small disk cannot be mounted here: {said}");
    }
    assert!(output.status.success() && said.contains("lived on a full disk"), "{said}");
}
