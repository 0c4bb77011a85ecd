//! Names of rollouts, stages and gates out of what a cluster calls things. A cluster's own names always
//! fit; what does not, from a spec that nobody checked, is made to.

use crate::domain::{GateName, NameError, RolloutId, RolloutName, StageName, TargetName, name::NAME_MAX};

/// Longest name of a stage or gate that is made, in characters.
const WORD_MAX: usize = 60;
/// What an empty name becomes.
const NAMELESS: &str = "nameless";

/// The name of a target: a namespace's.
#[must_use]
pub fn target(text: &str) -> TargetName {
    made(text, NAME_MAX)
}

/// The name of a rollout: an object's.
#[must_use]
pub fn rollout(text: &str) -> RolloutName {
    made(text, NAME_MAX)
}

/// The name of a stage.
#[must_use]
pub fn stage(text: &str) -> StageName {
    made(text, WORD_MAX)
}

/// The name of a gate.
#[must_use]
pub fn gate(text: &str) -> GateName {
    made(text, WORD_MAX)
}

#[expect(clippy::expect_used, reason = "`word` makes nothing that is no name, and a property says so")]
fn made<N: TryFrom<String, Error = NameError>>(text: &str, max: usize) -> N {
    N::try_from(word(text, max)).expect("a name")
}

/// The address of an object.
#[must_use]
pub fn id(namespace: &str, name: &str) -> RolloutId {
    RolloutId { target: target(namespace), name: rollout(name) }
}

/// A name that none of those before has: `weight-20`, then `weight-20.2`.
#[must_use]
pub fn unlike<'a>(name: &str, before: impl Iterator<Item = &'a str>) -> String {
    let before: Vec<&str> = before.collect();
    if !before.contains(&name) {
        return name.to_owned();
    }
    // As many numbers as there are names before it, and one more, cannot all be taken.
    let mut numbered = (2..=before.len() + 2).map(|number| format!("{name}.{number}"));
    numbered.find(|name| !before.contains(&name.as_str())).unwrap_or_else(|| name.to_owned())
}

/// The text with `-` for each run of characters that no name has, cut to a length.
fn word(text: &str, max: usize) -> String {
    let mut made = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || (matches!(c, '-' | '_' | '.') && !made.is_empty()) {
            made.push(c);
        } else if !made.is_empty() && !made.ends_with('-') {
            made.push('-');
        }
        if made.len() >= max {
            break;
        }
    }
    let made = made.trim_end_matches('-');
    if made.is_empty() { NAMELESS.to_owned() } else { made.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_cluster_calls_things_is_kept_and_what_cannot_be_a_name_is_still_told_apart() {
        for (text, name) in [
            ("shop-primary.v2", "shop-primary.v2"),
            ("acceptance test (slow)", "acceptance-test-slow"),
            ("-x", "x"),
            ("", "nameless"),
            ("\u{1b}[2J", "2J"),
            ("日本", "nameless"),
        ] {
            assert_eq!(gate(text).as_str(), name);
        }
        assert_eq!(id("test", "shop").to_string(), "test/shop");
        assert_eq!(gate(&"x".repeat(1000)).as_str().len(), 60);
    }

    #[test]
    fn a_second_one_of_the_same_name_gets_a_number() {
        let before = ["weight-20", "weight-20.2"];
        assert_eq!(unlike("weight-20", before.into_iter()), "weight-20.3");
        assert_eq!(unlike("weight-40", before.into_iter()), "weight-40");
    }

    proptest! {
        #[test]
        fn every_text_makes_a_name(text in any::<String>()) {
            let made = [target(&text).to_string(), rollout(&text).to_string(), stage(&text).to_string(), gate(&text).to_string()];
            prop_assert!(made.iter().all(|name| !name.is_empty()));
        }
    }
}
