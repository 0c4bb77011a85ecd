//! What is read, what is written, what is covered.

use proptest::prelude::*;

use super::*;

#[test]
fn a_scope_is_read_as_it_is_documented_and_written_so_that_it_reads_back() {
    for (text, canonical) in [
        ("dc-west", "target=dc-west"),
        (" dc-west ", "target=dc-west"),
        ("*", "target=*"),
        ("dc-west,dc-east", "target=dc-west,target=dc-east"),
        ("site=sea-*,target=dc-west", "target=dc-west,site=sea-*"),
        ("target=dc-west, lane=l?, stage=batch", "target=dc-west,lane=l?,stage=batch"),
        ("label:ring=pilot,label:region=eu-*", "label:region=eu-*,label:ring=pilot"),
        ("site=a,site=b", "site=a,site=b"),
    ] {
        let scope: Scope = text.parse().unwrap();
        assert_eq!(scope.to_string(), canonical, "{text}");
        assert_eq!(canonical.parse::<Scope>().unwrap(), scope, "{text}");
        let json = serde_json::to_string(&scope).unwrap();
        assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope, "{text}");
    }
}

#[test]
fn what_is_no_scope_is_refused_with_the_part_that_is_wrong() {
    for (text, expected) in [
        ("", ScopeError::Empty),
        ("  ", ScopeError::Empty),
        ("zone=x", ScopeError::Key("zone".to_owned())),
        ("label=x", ScopeError::Key("label".to_owned())),
        ("label:=x", ScopeError::Key("label:".to_owned())),
        ("site=", ScopeError::Pattern(String::new())),
        ("dc-west,", ScopeError::Pattern(String::new())),
        ("site=a b", ScopeError::Pattern("a b".to_owned())),
        ("dc-west; rm", ScopeError::Pattern("dc-west; rm".to_owned())),
        ("site=\u{202e}x", ScopeError::Pattern("\u{202e}x".to_owned())),
    ] {
        assert_eq!(text.parse::<Scope>(), Err(expected), "{text:?}");
    }
}

struct At {
    target: TargetName,
    site: Option<SiteName>,
    lane: Option<LaneName>,
    stage: Option<StageName>,
    labels: Option<BTreeMap<String, SafeText>>,
}

/// Reads `target/site/lane/stage key=value`, with parts that may be missing or `-`.
fn at(text: &str) -> At {
    let (place, labels) = text.split_once(' ').map_or((text, None), |(place, labels)| (place, Some(labels)));
    let mut parts = place.split('/').map(|part| (part != "-").then_some(part));
    let mut next = || parts.next().flatten();
    At {
        target: next().unwrap().parse().unwrap(),
        site: next().map(|s| s.parse().unwrap()),
        lane: next().map(|s| s.parse().unwrap()),
        stage: next().map(|s| s.parse().unwrap()),
        labels: labels.map(|l| {
            l.split(' ').map(|kv| kv.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), SafeText::new(v))).collect()
        }),
    }
}

fn covers(scope: &Scope, at: &At) -> bool {
    scope.covers(&Place {
        target: &at.target,
        rollout: None,
        site: at.site.as_ref(),
        lane: at.lane.as_ref(),
        stage: at.stage.as_ref(),
        labels: at.labels.as_ref(),
    })
}

#[test]
fn all_named_dimensions_must_match_and_one_pattern_of_each_is_enough() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("dc-west", &["dc-west", "dc-west/sea-1/main"], &["dc-east", "dc-west-2", "DC-WEST"]),
        ("dc-*", &["dc-west", "dc-", "dc-west-2"], &["edc-west", "dc"]),
        ("dc-?", &["dc-1"], &["dc-", "dc-12"]),
        ("*", &["dc-west", "x/y/z"], &[]),
        ("dc-west,dc-east", &["dc-west", "dc-east"], &["dc-north"]),
        // A freeze of one site does not hold the whole target.
        ("site=sea-1", &["dc-west/sea-1", "dc-east/sea-1/l2"], &["dc-west", "dc-west/sea-2"]),
        ("dc-west,site=sea-*", &["dc-west/sea-1"], &["dc-east/sea-1", "dc-west/pdx-1", "dc-west"]),
        ("lane=l1,lane=l2", &["a/b/l1", "a/b/l2"], &["a/b/l3", "a/b"]),
        ("stage=batch", &["a/-/-/batch", "a/b/c/batch"], &["a/b/c/fleet", "a/b/c"]),
        (
            "label:ring=pilot",
            &["a/b/c/d ring=pilot", "a ring=pilot region=eu"],
            &["a", "a ring=wide", "a region=pilot"],
        ),
        (
            "label:ring=pilot,label:region=eu-*",
            &["a ring=pilot region=eu-1"],
            &["a ring=pilot", "a region=eu-1", "a ring=pilot region=us-1"],
        ),
    ];
    for (text, inside, outside) in table {
        let scope: Scope = text.parse().unwrap();
        for place in *inside {
            assert!(covers(&scope, &at(place)), "{text} covers {place}");
        }
        for place in *outside {
            assert!(!covers(&scope, &at(place)), "{text} does not cover {place}");
        }
    }
    assert!(covers(&Scope::default(), &at("anything")), "a scope that names nothing holds everything");
    assert!(covers(&Scope::default().to_string().parse().unwrap(), &at("anything")), "and still does when read back");
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[a-zA-Z0-9_.*?-]{1,8}", 0..3)
}

proptest! {
    #[test]
    fn every_scope_reads_back_as_itself(
        targets in patterns(),
        rollouts in patterns(),
        sites in patterns(),
        lanes in patterns(),
        stages in patterns(),
        labels in proptest::collection::btree_map("[a-z]{1,5}", proptest::collection::vec("[a-z*?]{1,5}", 1..3), 0..3),
    ) {
        let scope = Scope { targets, rollouts, sites, lanes, stages, labels };
        prop_assume!(scope != Scope::default());
        prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Ok(scope) = text.parse::<Scope>() {
            prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }
    }
}
