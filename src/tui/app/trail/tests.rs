use chrono::DateTime;

use super::*;
use crate::{
    backend::Broken,
    domain::{Actor, Outcome, audit::SCHEMA},
};

fn report(entries: u64, proven: u64, first_bad: Option<u64>, differs_after: Option<u64>) -> VerifyReport {
    VerifyReport {
        ok: first_bad.is_none() && differs_after.is_none(),
        entries,
        proven,
        expired: 0,
        first_bad,
        differs_after,
        detail: "what was found".into(),
    }
}

fn seen(proven_to: u64) -> Witnessed {
    Witnessed { proven_to, key: Some("1c2f".into()), ..Witnessed::default() }
}

fn rewritten(holds_to: Option<u64>) -> Witnessed {
    let why = crate::backend::Rewritten::OtherRoot { size: 40 };
    let broken = Broken { why, holds_to, message: "it is not the one that was seen".into() };
    Witnessed { proven_to: holds_to.unwrap_or(0), broken: Some(broken), ..Witnessed::default() }
}

fn entry(seq: u64) -> AuditEntry {
    let bare = serde_json::json!({
        "seq": seq, "id": format!("0199-{seq}"), "at": DateTime::UNIX_EPOCH, "actor": Actor::system("engine"),
        "action": "told", "subject": {"kind": "server", "name": "server"}, "outcome": "applied",
        "revision": {}, "blockers": [], "schema": SCHEMA,
    });
    serde_json::from_value(bare).unwrap()
}

fn page(entries: Vec<AuditEntry>) -> AuditPage {
    AuditPage { entries, checkpoint: None, searched_to: None }
}

#[test]
fn an_entry_is_proven_up_to_the_checkpoint_and_nothing_is_said_of_what_nobody_checked() {
    let mut trail = Trail::default();
    assert_eq!(trail.proof(1), Proof::Unchecked);
    trail.take_witness(Ok(seen(10)), Duration::ZERO);
    assert_eq!([trail.proof(1), trail.proof(10), trail.proof(11)], [Proof::Proven, Proof::Proven, Proof::Unproven]);
    // A trail of which nothing is remembered here proves nothing by itself.
    let mut nothing = Trail::default();
    nothing.take_witness(Ok(Witnessed::default()), Duration::ZERO);
    assert_eq!(nothing.proof(1), Proof::Unchecked);
}

#[test]
fn after_a_break_nothing_counts_as_proven_whoever_found_it() {
    let mut trail = Trail::default();
    trail.take_witness(Ok(seen(40)), Duration::ZERO);
    trail.verified = Some((report(40, 40, Some(12), None), Duration::ZERO));
    assert_eq!(trail.broken().map(|found| found.after), Some(11));
    let proofs: Vec<Proof> = [11, 12, 13, 40].map(|seq| trail.proof(seq)).into();
    assert_eq!(proofs, [Proof::Proven, Proof::Broken, Proof::Unproven, Proof::Unproven]);
    // What the remembered checkpoint finds goes further back than what the backend says of itself.
    trail.take_witness(Ok(rewritten(Some(5))), Duration::ZERO);
    assert_eq!(trail.broken().map(|found| found.after), Some(5));
    assert_eq!([trail.proof(5), trail.proof(6)], [Proof::Proven, Proof::Unproven]);
    trail.take_witness(Ok(rewritten(None)), Duration::ZERO);
    assert_eq!([trail.proof(1), trail.proof(11)], [Proof::Unproven, Proof::Unproven]);
}

#[test]
fn a_backend_that_finds_itself_whole_does_not_take_back_what_was_remembered() {
    let mut trail = Trail::default();
    trail.take_witness(Ok(rewritten(Some(5))), Duration::ZERO);
    trail.verified = Some((report(40, 40, None, None), Duration::ZERO));
    assert_eq!(trail.broken().map(|found| found.after), Some(5));
    assert_eq!(trail.proven(), Some(5));
    // And a backend that does not answer takes nothing back either.
    let lost = BackendError::Unreachable { place: "x".to_owned(), why: "y".to_owned() };
    assert!(!trail.take_witness(Err(lost), Duration::ZERO));
    assert!(trail.broken().is_some());
}

#[test]
fn what_the_server_itself_found_breaks_the_trail_for_whoever_saw_nothing_of_it_before() {
    let mut trail = Trail::default();
    let fault = crate::backend::TrailFault { after: 7, why: "entry 8 was changed".into() };
    trail.take_witness(Ok(Witnessed { fault: Some(fault), ..seen(10) }), Duration::ZERO);
    let broken = trail.broken().unwrap();
    assert_eq!((broken.after, broken.why.as_str()), (7, "the server itself found that entry 8 was changed"));
    assert_eq!([trail.proof(7), trail.proof(8), trail.proof(11)], [Proof::Proven, Proof::Unproven, Proof::Unproven]);
}

#[test]
fn a_filter_is_completed_by_keys_then_by_their_values() {
    let trail = Trail::default();
    assert_eq!(trail.completions("acto", &BTreeMap::new()), ["actor:"]);
    assert_eq!(trail.completions("actor:mira outc", &BTreeMap::new()), ["actor:mira outcome:"]);
    assert_eq!(trail.completions("-outcome:ref", &BTreeMap::new()), ["-outcome:refused"]);
    assert_eq!(trail.completions("outcome:applied,ref", &BTreeMap::new()), ["outcome:applied,refused"]);
    assert!(trail.completions("nosuch:x", &BTreeMap::new()).is_empty());
}

#[test]
fn a_filter_that_is_none_names_the_part_and_where_it_is_also_in_a_saved_one() {
    let now = DateTime::from_timestamp(1_774_526_671, 0).unwrap();
    let saved = [("mine".to_owned(), "actor:mira".to_owned()), ("odd".to_owned(), "since:someday".to_owned())].into();
    assert!(query("", &saved, now, Zone::Utc).unwrap().expression.is_none());
    assert!(query("actor:mira since:2h", &saved, now, Zone::Utc).unwrap().expression.is_some());
    assert_eq!(query("@mine", &saved, now, Zone::Utc), query("actor:mira", &saved, now, Zone::Utc));
    let error = query("actor:mira since:someday", &saved, now, Zone::Utc).unwrap_err();
    assert!(error.contains("character 18"), "{error}");
    assert!(query("@odd", &saved, now, Zone::Utc).unwrap_err().contains("filter @odd"));
    assert!(query("@none", &saved, now, Zone::Utc).unwrap_err().contains("mine, odd"));
    assert_eq!(Trail::default().completions("@m", &saved), ["@mine"]);
}

#[test]
fn an_entry_that_the_backend_shows_as_changed_has_no_tick_before_anybody_checked_again() {
    let mut trail = Trail::default();
    trail.take_witness(Ok(seen(10)), Duration::ZERO);
    assert_eq!(trail.proof(8), Proof::Proven);
    let mut changed = entry(8);
    (changed.id, changed.outcome) = (format!("{}8", AuditEntry::STAND_IN), Outcome::Unconfirmed);
    trail.take(page(vec![entry(7), changed, entry(9)]));
    assert_eq!(trail.broken().map(|found| found.after), Some(7));
    assert_eq!([trail.proof(7), trail.proof(8), trail.proof(9)], [Proof::Proven, Proof::Unproven, Proof::Unproven]);
    trail.take(page(vec![entry(7)]));
    assert_eq!(trail.proof(8), Proof::Proven, "what another page shows says nothing of it");
}
