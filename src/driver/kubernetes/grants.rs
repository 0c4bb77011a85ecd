//! Which rules the cluster grants whoever asks, as far as it was asked.

use std::collections::BTreeMap;

use super::request::Rule;

/// Rules and whether they are granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    known: BTreeMap<Rule, bool>,
}

impl Grants {
    /// Notes what the cluster said.
    pub fn note(&mut self, rule: Rule, granted: bool) {
        self.known.insert(rule, granted);
    }

    /// Whether a rule is granted; none when nobody asked. A rule that holds in all namespaces holds in each.
    #[must_use]
    pub fn allows(&self, rule: &Rule) -> Option<bool> {
        let everywhere = || self.known.get(&Rule { namespace: String::new(), ..rule.clone() }).copied();
        match self.known.get(rule) {
            Some(known) => Some(*known),
            None => everywhere().filter(|granted| *granted),
        }
    }

    /// The first of these rules that is known to be missing.
    #[must_use]
    pub fn missing<'a>(&self, rules: &'a [Rule]) -> Option<&'a Rule> {
        rules.iter().find(|rule| self.allows(rule) == Some(false))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::request::Kind, *};

    #[test]
    fn what_nobody_asked_for_is_neither_granted_nor_missing() {
        let rule = |namespace: &str| Rule {
            verb: "patch",
            kind: Kind::ROLLOUT,
            subresource: None,
            namespace: namespace.to_owned(),
        };
        let mut grants = Grants::default();
        assert_eq!(grants.allows(&rule("shop")), None);
        assert_eq!(grants.missing(&[rule("shop")]), None);
        grants.note(rule("shop"), false);
        assert_eq!(grants.missing(&[rule("other"), rule("shop")]), Some(&rule("shop")));
        grants.note(rule(""), true);
        assert_eq!(grants.allows(&rule("other")), Some(true));
        assert_eq!(grants.allows(&rule("shop")), Some(false));
        let mut denied = Grants::default();
        denied.note(rule(""), false);
        assert_eq!(denied.allows(&rule("shop")), None, "one namespace may be granted where all are not");
    }
}
