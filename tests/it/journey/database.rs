//! The story on PostgreSQL: what was acknowledged is there after `kill -9`, and while the database is away people
//! are told so at once, and it goes on by itself.

use super::stage::{Stage, WHY};
use crate::support::postgres::{Proxy, database};

const PICK: &str = "dc-west/pick-assist";

#[test]
fn a_rollout_that_is_kept_in_postgresql_is_there_after_kill_nine_and_its_trail_verifies() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (database, proxy) = runtime.block_on(async {
        let database = database().await;
        let proxy = Proxy::to(database.cluster).await;
        (database, proxy)
    });
    let mut stage = Stage::on(Some(proxy.url(&database.name)));
    let old = stage.snapshot("1.0", &["--known-good", "--reason", WHY]);
    stage.agent("site-01");
    stage.agent("site-02");
    stage.wait("they run the known-good snapshot", |s| ["site-01", "site-02"].iter().all(|site| s.runs(site) == old));
    let new = stage.snapshot("2.0", &[]);
    let plan = stage.plan(&new, "  - canary: 1 site\n  - fleet: all\n");
    stage.code(&["start", &plan, "--reason", WHY], 0);
    stage.code(&["pause", PICK, "--reason", WHY, "--idempotency-key", "k1"], 0);
    let revision = stage.json(&["show", PICK])["revision"].clone();

    stage.kill_server();
    stage.serve();
    assert_eq!(stage.json(&["show", PICK])["revision"], revision);
    // Asked for again it is the first answer, and not done twice.
    stage.code(&["pause", PICK, "--reason", WHY, "--idempotency-key", "k1"], 0);
    assert_eq!(stage.json(&["show", PICK])["revision"], revision);

    // The database goes away: pictures are still shown, and nobody waits for an answer that cannot come.
    proxy.close();
    stage.code(&["resume", PICK, "--reason", WHY, "--idempotency-key", "k2"], 7);
    stage.code(&["resume", PICK, "--reason", WHY, "--idempotency-key", "k2"], 7);
    stage.code(&["list"], 0);
    proxy.open();
    stage.wait("it goes on by itself", |s| {
        s.run(&["resume", PICK, "--reason", WHY, "--idempotency-key", "k2"]).status.success()
    });

    stage.code(&["audit", "verify"], 0);
    let (url, data) = (database.url(), stage.path("data"));
    let data = data.to_str().unwrap();
    // The key, and what was signed last, are in the directory and not in the database; nothing else is there.
    let mut kept: Vec<_> = std::fs::read_dir(data).unwrap().map(|file| file.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["audit.key", "audit.seen"]);
    let report = stage.json(&["audit", "verify", "--database", &url, "--data", data]);
    assert_eq!((&report["ok"], report["first_bad"].is_null()), (&true.into(), true), "{report}");
    let trail = stage.json(&["audit", "list", "--rollout", PICK]);
    let once = |key: &str| {
        let entries = trail["entries"].as_array().unwrap().iter();
        entries.filter(|entry| entry["idempotency_key"] == key && entry["outcome"] == "applied").count()
    };
    assert_eq!((once("k1"), once("k2")), (1, 1));

    stage.kill_server();
    runtime.block_on(database.shell("ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit WHERE seq = 3")).unwrap();
    stage.code(&["audit", "verify", "--database", &url, "--data", data], 1);
    let log = std::fs::read_to_string(stage.path("serve.log")).unwrap();
    assert!(
        log.contains("fsync is off") && log.contains("audit.key") && log.contains("from postgres://127.0.0.1"),
        "{log}"
    );
}
