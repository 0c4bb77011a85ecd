//! Scopes against each other: whether two can cover the same place, and whether one covers all that another does.

use super::Scope;

/// Whether some text matches both patterns.
fn meet(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // reached[j]: the beginnings of `one` read so far and of `other` up to j can match the same text.
    let mut reached = vec![false; other.len() + 1];
    reached[0] = true;
    for j in 0..other.len() {
        reached[j + 1] = reached[j] && other[j] == '*';
    }
    for a in &one {
        let mut next = vec![false; other.len() + 1];
        next[0] = reached[0] && *a == '*';
        for (j, b) in other.iter().enumerate() {
            let alike = *a == '?' || *b == '?' || a == b;
            // A star takes nothing, or one more character of the other side.
            let starred = *a == '*' || *b == '*';
            next[j + 1] = if starred { next[j] || reached[j + 1] } else { reached[j] && alike };
        }
        reached = next;
    }
    reached[other.len()]
}

/// Whether the first pattern is known to match all that the second does. Where that is not plain to see, it
/// is not known.
fn contains(wide: &str, narrow: &str) -> bool {
    let is_plain = !narrow.contains(['*', '?']);
    let prefix = wide.strip_suffix('*').filter(|prefix| !prefix.contains(['*', '?']));
    wide == narrow
        || wide == "*"
        || (is_plain && wildmatch::WildMatch::new(wide).matches(narrow))
        || prefix.is_some_and(|prefix| narrow.starts_with(prefix))
}

/// One dimension of two scopes: an empty one is all.
fn dimensions_meet(one: &[String], other: &[String]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|a| other.iter().any(|b| meet(a, b)))
}

fn dimension_contains(wide: &[String], narrow: &[String]) -> bool {
    wide.is_empty()
        || (!narrow.is_empty() && narrow.iter().all(|narrow| wide.iter().any(|wide| contains(wide, narrow))))
}

impl Scope {
    fn dimensions(&self) -> [&Vec<String>; 5] {
        [&self.targets, &self.rollouts, &self.sites, &self.lanes, &self.stages]
    }

    /// Whether some place may lie in both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let mut dimensions = self.dimensions().into_iter().zip(other.dimensions());
        dimensions.all(|(one, other)| dimensions_meet(one, other))
            && self
                .labels
                .iter()
                .all(|(label, patterns)| other.labels.get(label).is_none_or(|others| dimensions_meet(patterns, others)))
    }

    /// Whether it can cover anything in targets that match a pattern.
    #[must_use]
    pub fn meets_targets(&self, pattern: &str) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|target| meet(target, pattern))
    }

    /// Whether it is known to cover every place that the other covers. Of patterns of which that is not
    /// plain to see, it is not known.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut dimensions = self.dimensions().into_iter().zip(other.dimensions());
        dimensions.all(|(wide, narrow)| dimension_contains(wide, narrow))
            && self
                .labels
                .iter()
                .all(|(label, wide)| other.labels.get(label).is_some_and(|narrow| dimension_contains(wide, narrow)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_meet_where_one_name_fits_both() {
        for (one, other, expected) in [
            ("dc-west", "dc-west", true),
            ("dc-west", "dc-east", false),
            ("dc-*", "*-west", true),
            ("dc-*", "shop-*", false),
            ("a*b", "ab", true),
            ("a*b", "ac*", true),
            ("a*b", "b*", false),
            ("a?c", "ab*", true),
            ("*", "anything", true),
            ("??", "a", false),
            ("*a*", "*b*", true),
        ] {
            assert_eq!((meet(one, other), meet(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn a_narrower_scope_is_told_from_one_that_covers_as_much() {
        for (wide, narrow, expected) in [
            ("*", "dc-west", true),
            ("dc-*", "dc-west", true),
            ("dc-*", "dc-w*", true),
            ("dc-west", "dc-*", false),
            ("dc-?", "dc-*", false),
            ("target=dc-west", "target=dc-west,site=a", true),
            ("target=dc-west,site=a", "target=dc-west", false),
            ("target=dc-west,site=a,site=b", "target=dc-west,site=a", true),
            ("target=dc-west,site=a", "target=dc-west,site=a,site=b", false),
            ("label:ring=*", "target=dc-west", false),
            ("label:ring=*", "label:ring=pilot", true),
        ] {
            let (wide, narrow): (Scope, Scope) = (wide.parse().unwrap(), narrow.parse().unwrap());
            assert_eq!(wide.contains(&narrow), expected, "{wide} {narrow}");
            assert!(!expected || wide.meets(&narrow), "{wide} {narrow}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_fits_both_patterns_proves_that_they_meet(
            one in "[ab*?]{1,6}", other in "[ab*?]{1,6}", name in "[ab]{0,8}"
        ) {
            let fits = |pattern: &str| wildmatch::WildMatch::new(pattern).matches(&name);
            if fits(&one) && fits(&other) {
                prop_assert!(meet(&one, &other));
            }
            if contains(&one, &other) && fits(&other) {
                prop_assert!(fits(&one), "{one} {other} {name}");
            }
        }
    }
}
