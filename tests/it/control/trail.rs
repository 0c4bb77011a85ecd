//! The trail for those who have to prove it: who changed a site and who allowed it, witnesses, another key, old
//! contents, and exports that somebody else's program verifies.

use std::{path::Path, process::Command, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    audit::{
        EntryFilter, Hash, Signer, Verifier, Witness,
        export::{self, Header, Writer},
        witness::Shown,
    },
    clock::{self, Clock},
    control::{AuditQuery, Control, Options},
    domain::{Action, AuditEntry, Outcome, Role, SafeText, SubjectKind},
    store::{
        Store as _,
        sqlite::{Durability, Sqlite},
    },
    wire::{Code, WitnessView},
};

use super::world::{World, mira, person, unit};
use crate::store::sqlite::shell;

const WHY: &str = "because the auditor asked for it";

/// A clock that stands still, long ago.
#[derive(Debug)]
struct Then(DateTime<Utc>);

impl Clock for Then {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    fn id(&self) -> String {
        clock::system().id()
    }
}

fn days_ago(days: i64) -> Arc<dyn Clock> {
    Arc::new(Then(clock::system().now() - TimeDelta::days(days)))
}

async fn start(folder: &Path, seed: u8, clock: Arc<dyn Clock>) -> Control {
    let store = Sqlite::open(folder, Durability::Relaxed).await.unwrap();
    let options = Options {
        simulated: false,
        signing_seed: [seed; 32],
        origin: "rolldeck.test/audit".to_owned(),
        sources: Vec::new(),
        drivers: Vec::new(),
        declared: None,
        pauses: true,
        policy: rolldeck::control::Policy::default(),
        beside: None,
    };
    Control::start(Arc::new(store), clock, options).await.unwrap()
}

async fn say(control: &Control, count: usize) {
    for n in 0..count {
        let id = clock::system().id();
        let request = rolldeck::wire::SnapshotRequest { version: format!("{n}-{id}"), ..Default::default() };
        control.add_snapshot(&mira(), request).await.unwrap();
    }
}

async fn found(control: &Control, filter: &str) -> Vec<AuditEntry> {
    let expression = Some(EntryFilter::parse(filter, &clock::system().now()).unwrap());
    control.audit(&mira(), AuditQuery { expression, ..AuditQuery::default() }).await.unwrap().entries
}

/// The export of all there is, as the server writes it.
async fn export(control: &Control) -> String {
    let last = control.checkpoint(&mira()).await.unwrap();
    let (notes, key) = control.checkpoints(&mira()).await.unwrap();
    let mut writer = Writer::new(Vec::new(), &Header::new(&key, false).with_keys_of(&notes)).unwrap();
    for entry in control.audit_stored(&mira(), AuditQuery::default()).await.unwrap() {
        assert!(entry.seq <= last.size);
        writer.entry(entry.seq, entry.bytes, Some(entry.leaf)).unwrap();
    }
    String::from_utf8(writer.finish(notes).unwrap()).unwrap()
}

/// What a program that is none of ours says of an export: none when it is not right.
fn python(text: &str) -> Option<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.jsonl");
    std::fs::write(&file, text).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/control/trail/verify.py");
    let output = Command::new("python3").arg(script).arg(&file).output().expect("python3 is installed");
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

fn check(witness: &Witness, shown: &WitnessView) -> Result<Witness, rolldeck::audit::Rewritten> {
    rolldeck::backend::witness::check(witness, shown)
}

fn first(shown: &WitnessView) -> Witness {
    Witness::new(shown.key.as_str().parse::<Verifier>().unwrap(), shown.note.as_ref().unwrap()).unwrap()
}

#[tokio::test]
async fn whoever_asks_what_changed_on_a_site_is_told_what_when_by_whom_and_who_let_it() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["osl1", "osl2"], &old).await;
    world.start(&new, "  - canary: 1 site\n  - fleet: all\n").await.unwrap();
    let control = &world.control;
    let told = |site: &str| format!("site:{site} action:told since:today");
    let order = world.ask("osl1", 0).await.unwrap();
    world.obey("osl1", &order).await;
    assert_eq!(found(control, &told("osl1")).await.len(), 1);
    assert_eq!(found(control, &told("osl2")).await, [], "the canary is elsewhere: nothing changed there");
    world.until(rolldeck::domain::Phase::AwaitingPromotion).await;
    let promoted = world.act(Action::Promote).await.unwrap().audit.unwrap();
    world.ask("osl2", 0).await.unwrap();
    let entries = found(control, &told("osl2")).await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.subject.kind, entry.subject.name.as_str()), (SubjectKind::Unit, "osl2/main"));
    assert_eq!(entry.because, Some(promoted.seq), "the decision that it follows from");
    assert!(entry.reason.as_ref().unwrap().as_str().contains("promote by mira"), "{entry:?}");
    let effect = entry.effect.as_ref().unwrap().as_str();
    assert!(effect.contains("runs 2.0") && effect.contains("instead of 1.0"), "{effect}");
    assert!(found(control, "site:osl2 since:today -action:enrolled -action:told").await.is_empty());
}

#[tokio::test]
async fn a_window_of_a_site_is_found_by_that_site_and_others_are_not() {
    let world = World::new().await;
    for scope in ["site=osl2", "site=ber*", "dc-west"] {
        let request = rolldeck::wire::WindowRequest {
            scope: scope.parse().unwrap(),
            reason: WHY.to_owned(),
            ..Default::default()
        };
        world.control.add_window(&mira(), request, rolldeck::wire::Conditions::default()).await.unwrap();
    }
    let scopes: Vec<String> = found(&world.control, "site:osl2 subject:window")
        .await
        .iter()
        .map(|entry| entry.scope.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(scopes, ["site=osl2", "target=dc-west"]);
}

#[tokio::test]
async fn a_filter_is_asked_page_by_page_and_says_how_far_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let control = start(folder.path(), 7, clock::system()).await;
    say(&control, 30).await;
    let expression = |text: &str| Some(EntryFilter::parse(text, &clock::system().now()).unwrap());
    let query = AuditQuery { expression: expression("seq:3,9,27"), limit: 2, ..AuditQuery::default() };
    let page = control.audit(&mira(), query.clone()).await.unwrap();
    assert_eq!(page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 9]);
    let page = control.audit(&mira(), AuditQuery { newest: true, ..query }).await.unwrap();
    assert_eq!(page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [9, 27]);
    assert_eq!(page.searched_to, None);
    control.shutdown().await;
}

#[tokio::test]
async fn an_agent_that_saw_another_trail_is_journalled_with_its_site_and_shown() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    world.sites(&["osl1"], &old).await;
    let shown = world.control.witness_of_agent(&mira(), &unit("osl1"), None).await.unwrap();
    assert!(shown.note.is_some());
    let report = |broken: Option<&str>, at: i64| rolldeck::domain::Report {
        audit_broken: broken.map(SafeText::new),
        checked_at: Some(clock::system().now() + TimeDelta::seconds(at)),
        ..serde_json::from_value(serde_json::json!({"generation": 0, "state": "idle"})).unwrap()
    };
    for (n, broken) in [Some("history was rewritten"), Some("history was rewritten"), None].into_iter().enumerate() {
        world.control.report(&mira(), &unit("osl1"), report(broken, n as i64)).await.unwrap();
        let sites = world.control.sites(&mira()).await.unwrap();
        let drift = sites.sites[0].lanes[0].drift.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!(drift.contains("audit trail"), broken.is_some(), "{drift}");
    }
    let entries = found(&world.control, "site:osl1 action:audit_*").await;
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["audit_inconsistent", "audit_consistent"], "each once");
    assert_eq!(entries[0].outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_trail_is_passed_on_to_another_key_and_everybody_follows() {
    let folder = tempfile::tempdir().unwrap();
    let control = start(folder.path(), 7, clock::system()).await;
    say(&control, 5).await;
    let before = first(&control.witness(&mira(), None).await.unwrap());
    let denied = control.rotate_audit_key(&person("bo", Role::Operator, &["*"]), [8; 32], WHY).await.unwrap_err();
    assert_eq!(denied.code, Code::Forbidden);
    let entry = control.rotate_audit_key(&mira(), [8; 32], WHY).await.unwrap();
    assert_eq!((entry.action.as_str(), entry.reason.as_ref().unwrap().as_str()), ("audit_key_rotated", WHY));
    let at = check(&before, &control.witness(&mira(), Some(before.checkpoint().size)).await.unwrap()).unwrap();
    say(&control, 3).await;
    control.shutdown().await;

    let control = start(folder.path(), 8, clock::system()).await;
    say(&control, 3).await;
    let new_key = Signer::new("rolldeck.test/audit", &[8; 32]).verifier();
    for witness in [&before, &at] {
        let shown = control.witness(&mira(), Some(witness.checkpoint().size)).await.unwrap();
        assert_eq!(check(witness, &shown).unwrap().key(), &new_key);
    }
    let report = control.verify(&mira()).await.unwrap();
    assert!(report.ok && report.proven == report.entries, "{report:?}");
    let text = export(&control).await;
    for key in [7, 8] {
        let key = Signer::new("rolldeck.test/audit", &[key; 32]).verifier();
        let report = export::verify(text.as_bytes(), Some(key)).unwrap();
        assert!(report.ok && report.proven == report.entries, "{}", report.detail);
    }
    assert!(python(&text).is_some(), "and so does anybody's program");
    control.shutdown().await;
    let store = Sqlite::open(folder.path(), Durability::Relaxed).await.unwrap();
    assert!(store.load().await.unwrap().successions.len() == 1);
    store.close().await;
}

#[tokio::test]
async fn old_contents_expire_and_the_trail_still_verifies_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let long_ago = start(folder.path(), 7, days_ago(500)).await;
    say(&long_ago, 40).await;
    let witness = first(&long_ago.witness(&mira(), None).await.unwrap());
    long_ago.shutdown().await;
    let lately = start(folder.path(), 7, days_ago(100)).await;
    say(&lately, 10).await;
    lately.shutdown().await;

    let control = start(folder.path(), 7, clock::system()).await;
    say(&control, 5).await;
    let now = clock::system().now();
    let too_young = control.expire_audit(&mira(), now - TimeDelta::days(29), WHY).await.unwrap_err();
    assert_eq!(too_young.code, Code::Invalid);
    let entry = control.expire_audit(&mira(), now - TimeDelta::days(400), WHY).await.unwrap().unwrap();
    assert_eq!(entry.changes[0].after.as_ref().unwrap().as_str(), "40");
    assert_eq!(control.expire_audit(&mira(), now - TimeDelta::days(400), WHY).await.unwrap(), None, "once");
    let report = control.verify(&mira()).await.unwrap();
    assert_eq!((report.ok, report.expired, report.proven), (true, 40, report.entries), "{report:?}");
    let shown = control.witness(&mira(), Some(witness.checkpoint().size)).await.unwrap();
    assert!(check(&witness, &shown).is_ok(), "who looked before sees the same trail");
    let page = control.audit(&mira(), AuditQuery::default()).await.unwrap();
    assert_eq!(page.entries[0].subject.name.as_str(), "EXPIRED");
    assert!(page.entries[0].reason.as_ref().unwrap().as_str().contains(WHY));
    assert_eq!(found(&control, "actor:mira").await.len(), page.entries.len() - 40, "who acted is gone too");
    let text = export(&control).await;
    let report = export::verify(text.as_bytes(), None).unwrap();
    assert_eq!((report.ok, report.expired), (true, 40), "{}", report.detail);
    assert_eq!(python(&text).unwrap()["expired"], 40);
    control.shutdown().await;

    // The next time takes the next ones, and what is on the disk has them no more.
    let control = start(folder.path(), 7, clock::system()).await;
    control.expire_audit(&mira(), now - TimeDelta::days(60), WHY).await.unwrap().unwrap();
    let report = control.verify(&mira()).await.unwrap();
    assert_eq!((report.ok, report.expired), (true, 50), "{report:?}");
    control.shutdown().await;
    for update in [
        "UPDATE audit SET bytes = x'00' WHERE seq = 55",
        "UPDATE audit SET actor = '', action = 'expired', rollout = NULL, \
         bytes = CAST('{\"leaf\":\"\",\"seq\":55,\"tombstone\":1}' AS BLOB) WHERE seq = 55",
        "UPDATE audit SET actor = '', action = 'expired', rollout = NULL, \
         bytes = CAST('{\"leaf\":\"\",\"seq\":54,\"tombstone\":1}' AS BLOB) WHERE seq = 50",
        "UPDATE audit SET leaf = zeroblob(32) WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
    ] {
        let refused = shell(folder.path(), update).await.unwrap_err().to_string();
        assert!(refused.contains("never"), "{update}: {refused}");
    }
}

#[tokio::test]
async fn an_export_edited_in_ten_ways_is_refused_by_us_and_by_a_program_that_is_none_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let control = start(folder.path(), 7, clock::system()).await;
    for _ in 0..4 {
        say(&control, 6).await;
        control.checkpoint(&mira()).await.unwrap();
    }
    let text = export(&control).await;
    let key = Signer::new("rolldeck.test/audit", &[7; 32]).verifier();
    let ours = export::verify(text.as_bytes(), Some(key.clone())).unwrap();
    let theirs = python(&text).unwrap();
    assert!(ours.ok, "{}", ours.detail);
    assert_eq!((theirs["entries"].as_u64(), theirs["proven"].as_u64()), (Some(ours.entries), Some(ours.proven)));

    let lines: Vec<&str> = text.lines().collect();
    let at = |seq: u64| lines.iter().position(|line| line.contains(&format!("\"seq\":{seq},"))).unwrap();
    let note = |nth: usize| {
        lines.iter().enumerate().filter(|(_, line)| line.starts_with("{\"checkpoint\":")).nth(nth).unwrap().0
    };
    let without = |drop: usize| [&lines[..drop], &lines[drop + 1..]].concat().join("\n");
    let with = |place: usize, line: &str| {
        let mut all = lines.clone();
        all[place] = line;
        all.join("\n")
    };
    let swapped = |a: usize, b: usize| {
        let mut all = lines.clone();
        all.swap(a, b);
        all.join("\n")
    };
    let other = Signer::new("rolldeck.test/audit", &[66; 32]);
    let reason = lines[at(9)].replace("mira", "nobody");
    let renumbered = lines[at(9)].replace("\"seq\":9,", "\"seq\":10,");
    let spaced = lines[at(9)].replace(",\"seq\"", ", \"seq\"");
    let resigned = serde_json::json!({"checkpoint": other.sign(12, &Hash::default())}).to_string();
    let grave = format!("{{\"leaf\":\"{}\",\"reason\":\"old\",\"seq\":9,\"tombstone\":1}}", "A".repeat(43) + "=");
    // Cleanly: with the number of checkpoints in the last line made to fit.
    let loose = without(note(3)).replace("\"checkpoints\":4", "\"checkpoints\":3");
    let edits: [(&str, String); 15] = [
        ("entries at the end that no checkpoint covers", loose),
        ("an entry changed", with(at(9), &reason)),
        ("an entry removed", without(at(9))),
        ("the last entry removed", without(at(24))),
        ("two entries in the other order", swapped(at(9), at(10))),
        ("an entry twice", with(at(10), lines[at(9)])),
        ("an entry with another number", with(at(9), &renumbered)),
        ("an entry with the same meaning and other bytes", with(at(9), &spaced)),
        ("an entry put at the end", format!("{text}{}\n", lines[at(9)])),
        ("a checkpoint changed", with(note(1), &lines[note(1)].replacen("\\n", "\\n1", 1))),
        ("a checkpoint by another key", with(note(1), &resigned)),
        ("a checkpoint removed", without(note(3))),
        ("cut off in the middle", lines[..at(13)].join("\n")),
        ("the last line removed", lines[..lines.len() - 1].join("\n")),
        ("content taken away without an expiry", with(at(9), &grave)),
    ];
    for (what, edited) in edits {
        assert_ne!(edited, text, "{what}: nothing was edited");
        let ours = export::verify(edited.as_bytes(), Some(key.clone()));
        assert!(ours.as_ref().map_or(true, |report| !report.ok), "{what}: {:?}", ours.map(|report| report.detail));
        // Canonical form is for us to check; the leaf tells all others.
        assert!(python(&edited).is_none(), "{what}");
    }
    control.shutdown().await;
}

#[tokio::test]
async fn a_proof_from_size_zero_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let control = start(folder.path(), 7, clock::system()).await;
    say(&control, 3).await;
    for (from, to) in [(0, 3), (0, 0), (3, 2), (1, 99)] {
        let refused = control.proof(&mira(), from, to).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid);
        assert!(refused.detail.as_str().contains(&format!("{from} to {to}")), "{}", refused.detail);
    }
    let shown = control.witness(&mira(), Some(0)).await.unwrap();
    assert_eq!(shown.proof, None, "nothing is shown to whoever remembers nothing");
    let witness = first(&shown);
    let none: [Hash; 0] = [];
    let unproven = Shown { note: shown.note.as_deref(), key: shown.key.as_str(), successions: &[], proof: Some(&none) };
    assert!(witness.check(&unproven).is_ok(), "the same checkpoint needs no proof");
    control.shutdown().await;
}
