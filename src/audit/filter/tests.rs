use chrono::FixedOffset;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn entry(changes: &Value) -> AuditEntry {
    let mut entry = json!({
        "seq": 7, "id": "a", "at": "2026-11-21T03:04:05Z",
        "actor": {"id": "mira", "kind": "human", "role": "operator", "via": "tui", "credential": "t-1", "source": "10.0.0.7"},
        "action": "promote", "subject": {"kind": "rollout", "target": "dc-west", "name": "pick-assist"},
        "outcome": "refused", "intent": null, "reason": "Lanes 3 and 4 drop", "ticket": "INC-7", "override": "o-12",
        "revision": {"before": "r1", "after": "r2"}, "effect": null, "saw": null, "blockers": [],
        "approved_by": ["ben"], "idempotency_key": "k", "correlation_id": "c-1", "schema": 1
    });
    for (key, value) in changes.as_object().unwrap() {
        entry[key] = value.clone();
    }
    serde_json::from_value(entry).unwrap()
}

fn unit(name: &str) -> AuditEntry {
    entry(&json!({"action": "told", "subject": {"kind": "unit", "target": "dc-west", "name": name}}))
}

fn scoped(scope: &str) -> AuditEntry {
    entry(&json!({"subject": {"kind": "window", "target": null, "name": "w-1"}, "scope": scope}))
}

fn holds(text: &str, entry: &AuditEntry) -> bool {
    EntryFilter::parse(text, &now()).unwrap().matches(entry)
}

#[test]
fn every_key_finds_what_it_names_and_nothing_else() {
    let entry = entry(&json!({}));
    for text in [
        "",
        "actor:mira",
        "actor:ben,mira",
        "who:m*",
        "kind:human",
        "role:operator,viewer",
        "via:tui",
        "credential:t-1",
        "source:10.*",
        "action:promote,rollback",
        "outcome:refused",
        "reason:\"Lanes 3 and 4 drop\"",
        "reason:*drop*",
        "ticket:INC-?",
        "seq:7",
        "correlation:c-1",
        "subject:rollout",
        "target:dc-*",
        "namespace:dc-west",
        "rollout:dc-west/pick-assist",
        "name:pick-assist",
        "override:o-12",
        "override:*",
        "approved:ben",
        "since:2026-11-21T03:04:05Z",
        "until:2026-11-21T03:04:06Z",
        "since:today",
        "since:9h",
        "-actor:ben",
        "-since:1h",
        "lanes DROP",
        "\"3 and 4\"",
        "inc-7",
        "-nonsense",
        "actor:mira action:promote -target:dc-east",
    ] {
        assert!(holds(text, &entry), "{text}");
    }
    for text in [
        "actor:Mira",
        "actor:mir",
        "kind:agent",
        "action:promote_full",
        "outcome:applied,failed",
        "seq:70",
        "target:dc",
        "rollout:dc-west/*x",
        "rollout:pick-assist",
        "override:o-1",
        "-override:*",
        "approved:mira",
        "site:*",
        "lane:*",
        "until:2026-11-21T03:04:05Z",
        "since:8h",
        "since:2026-11-22",
        "until:yesterday",
        "-actor:m*",
        "-lanes",
        "actor:mira action:pause",
        "\"4 and 3\"",
    ] {
        assert!(!holds(text, &entry), "{text}");
    }
}

#[test]
fn a_site_finds_its_units_and_whatever_may_hold_there() {
    for (text, yes, no) in [
        (
            "site:osl2",
            vec![unit("osl2/main"), scoped("site=osl2"), scoped("site=osl*"), scoped("dc-west"), scoped("*")],
            vec![
                unit("osl21/main"),
                unit("osl/osl2"),
                scoped("site=osl1"),
                scoped("dc-west,site=ber*"),
                entry(&json!({})),
            ],
        ),
        (
            "site:osl*",
            vec![unit("osl2/main"), scoped("site=osl9"), scoped("site=?sl9")],
            vec![unit("ber/main"), scoped("site=ber")],
        ),
        (
            "lane:bay-2",
            vec![unit("osl2/bay-2"), scoped("site=osl2"), scoped("lane=bay-*")],
            vec![unit("bay-2/main"), scoped("lane=main")],
        ),
    ] {
        for entry in yes {
            assert!(holds(text, &entry), "{text}: {:?} {:?}", entry.subject, entry.scope);
        }
        for entry in no {
            assert!(!holds(text, &entry), "{text}: {:?} {:?}", entry.subject, entry.scope);
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, position, part, says) in [
        ("actor:mira wen:today", 12, "wen:today", "there is no key \"wen\""),
        ("outcome:denied", 9, "denied", "none of intended, applied"),
        ("since:soon", 7, "soon", "it is no time"),
        ("since:1h,2h", 7, "1h,2h", "takes one time"),
        ("until:2026-13-01", 7, "2026-13-01", "it is no time"),
        ("since:99999999999999999999h", 7, "99999999999999999999h", "it is no time"),
        ("actor:", 7, "", "a value is missing"),
        ("seq:4,x", 5, "4,x", "no number of an entry"),
        ("since:2h actor:mira until:3h", 21, "until:3h", "it ends before it begins"),
        ("actor:a,,b", 9, ",b", "a value is missing"),
        ("actor:\"a", 7, "\"a", "not closed"),
        ("x \"\"", 3, "\"\"", "nothing in the quotes"),
        ("a - b", 3, "-", "a minus needs a term"),
        ("actor:\"a\"b", 1, "actor:\"a\"b", "a term ends with a space"),
        ("ü:ü kind:robot", 10, "robot", "none of human"),
    ] {
        let error = EntryFilter::parse(text, &now()).unwrap_err();
        assert_eq!((error.position, error.part.as_str()), (position, part), "{text}");
        assert!(error.message.contains(says), "{text}: {}", error.message);
    }
    let long = "a ".repeat(1001);
    assert!(EntryFilter::parse(&long, &now()).is_err());
    assert!(EntryFilter::parse(&"a ".repeat(65), &now()).unwrap_err().message.contains("at most 64 terms"));
    assert!(EntryFilter::parse(&format!("actor:{}", "a,".repeat(65)), &now()).is_err());
}

#[test]
fn days_begin_in_the_zone_of_whoever_looks() {
    let oslo = FixedOffset::east_opt(3600).unwrap();
    let late = "2026-11-21T23:30:00Z".parse::<DateTime<Utc>>().unwrap().with_timezone(&oslo);
    let bounds = |text: &str| EntryFilter::parse(text, &late).unwrap().bounds();
    let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
    assert_eq!(bounds("since:today"), (at("2026-11-21T23:00:00Z"), None));
    assert_eq!(bounds("since:yesterday until:yesterday"), (at("2026-11-20T23:00:00Z"), at("2026-11-21T23:00:00Z")));
    assert_eq!(bounds("since:2026-11-01 until:2026-11-02"), (at("2026-10-31T23:00:00Z"), at("2026-11-02T23:00:00Z")));
    assert_eq!(bounds("since:2026-11-01T08:30"), (at("2026-11-01T07:30:00Z"), None));
    assert_eq!(bounds("since:1h30m since:3h"), (at("2026-11-21T22:00:00Z"), None), "the narrower one");
    assert_eq!(bounds("-since:3h"), (None, None));
}

#[test]
fn a_store_is_asked_only_what_it_can_answer_exactly() {
    let filter = EntryFilter::parse("actor:a,b action:x* rollout:t/n -action:y site:s", &now()).unwrap();
    let columns: Vec<_> = filter.columns().collect();
    assert_eq!(
        columns,
        [(Column::Actor, &["a".to_owned(), "b".to_owned()][..]), (Column::Rollout, &["t/n".to_owned()][..])]
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_was_read_says_itself_again(text in "[ a-z:\",\\\\*?0-9TZ-]{0,40}|.{0,60}") {
        if let Ok(filter) = EntryFilter::parse(&text, &now()) {
            let again = EntryFilter::parse(&filter.to_string(), &now()).unwrap();
            prop_assert_eq!(&again, &filter, "{}", filter);
            let _ = filter.matches(&entry(&json!({})));
        }
    }

    #[test]
    fn every_key_survives_any_value(key in proptest::sample::select(&["actor", "action", "reason", "site", "name"][..]), value in "\\PC{1,20}") {
        let text = format!("{key}:{}", parse::quoted(&value));
        let filter = EntryFilter::parse(&text, &now()).unwrap();
        prop_assert_eq!(EntryFilter::parse(&filter.to_string(), &now()).unwrap(), filter);
    }
}
