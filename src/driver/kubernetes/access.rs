//! Who asks, and what they may: the cluster is asked before a key is pressed, not after.
//!
//! A rule is asked for in all namespaces first, and in one of them only where it is not granted in all:
//! so that an administrator of a thousand namespaces costs a few questions.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    api::{Api, ApiError},
    grants::Grants,
    read,
    request::Rule,
};
use crate::domain::SafeText;

/// Questions at a time.
const CONCURRENCY: usize = 4;
/// Questions in one round, at most.
const RULES_MAX: usize = 2000;

/// What the cluster says of whoever asks.
#[derive(Debug)]
pub struct Access {
    api: Arc<Api>,
    name: Mutex<Option<SafeText>>,
}

impl Access {
    /// Nothing was asked yet.
    #[must_use]
    pub const fn new(api: Arc<Api>) -> Self {
        Self { api, name: Mutex::new(None) }
    }

    /// The name under which the cluster knows whoever asks; none while it does not say. Asked once.
    pub async fn name(&self) -> Option<SafeText> {
        let known = self.name.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_some() {
            return known;
        }
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let answer = self.api.review("/apis/authentication.k8s.io/v1/selfsubjectreviews", &review).await.ok()?;
        let name = Some(read::shown(&answer, "/status/userInfo/username")).filter(|name| !name.is_empty());
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&name);
        name
    }

    /// Asks for these rules. What the cluster does not answer stays unknown.
    pub async fn grants(&self, rules: &BTreeSet<Rule>) -> Grants {
        let everywhere: BTreeSet<Rule> =
            rules.iter().map(|rule| Rule { namespace: String::new(), ..rule.clone() }).collect();
        let mut grants = Grants::default();
        self.ask(everywhere, &mut grants).await;
        let rest = rules.iter().filter(|rule| grants.allows(rule).is_none() && !rule.namespace.is_empty());
        let rest: BTreeSet<Rule> = rest.take(RULES_MAX).cloned().collect();
        self.ask(rest, &mut grants).await;
        grants
    }

    async fn ask(&self, rules: BTreeSet<Rule>, grants: &mut Grants) {
        let mut answers = stream::iter(rules)
            .map(|rule| async move {
                let granted = self.allowed(&rule).await;
                (rule, granted)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((rule, granted)) = answers.next().await {
            if let Ok(Some(granted)) = granted {
                grants.note(rule, granted);
            }
        }
    }

    /// Whether one rule is granted; none when the cluster leaves it open.
    ///
    /// # Errors
    /// [`ApiError`] when it cannot be asked.
    pub async fn allowed(&self, rule: &Rule) -> Result<Option<bool>, ApiError> {
        let mut attributes = json!({
            "verb": rule.verb, "group": rule.kind.group, "version": rule.kind.version, "resource": rule.kind.plural,
        });
        if !rule.namespace.is_empty() {
            attributes["namespace"] = json!(rule.namespace);
        }
        if let Some(subresource) = rule.subresource {
            attributes["subresource"] = json!(subresource);
        }
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let answer = self.api.review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await?;
        Ok(read::at(&answer, "/status/allowed").and_then(Value::as_bool))
    }
}
