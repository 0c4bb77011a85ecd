//! Who asks, and what they may: tokens, rules, and the reviews that are answered from the same rules.

use serde_json::{Value, json};

use super::{
    answer::{Refusal, details},
    kinds::qualified,
};

/// What somebody may do. `*` stands for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    pub verbs: Vec<String>,
    pub groups: Vec<String>,
    /// `rollouts`, `rollouts/status`.
    pub resources: Vec<String>,
    /// None for all.
    pub namespace: Option<String>,
}

impl Allow {
    /// Everything, everywhere.
    pub fn all() -> Self {
        Self::new("*", "*", "*", None)
    }

    /// Lists are written with commas: `Allow::new("get,list,watch", "argoproj.io", "rollouts,analysisruns", Some("shop"))`.
    /// The core group is the empty text.
    pub fn new(verbs: &str, groups: &str, resources: &str, namespace: Option<&str>) -> Self {
        let list = |text: &str| text.split(',').map(|word| word.trim().to_owned()).collect();
        Self {
            verbs: list(verbs),
            groups: list(groups),
            resources: list(resources),
            namespace: namespace.map(str::to_owned),
        }
    }

    fn allows(&self, wanted: &Wanted) -> bool {
        let one_of = |list: &[String], word: &str| list.iter().any(|one| one == "*" || one == word);
        one_of(&self.verbs, &wanted.verb)
            && one_of(&self.groups, &wanted.group)
            && one_of(&self.resources, &wanted.path())
            && self.namespace.as_ref().is_none_or(|namespace| wanted.namespace.as_ref() == Some(namespace))
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub verb: String,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    /// None for all, and for what is in none.
    pub namespace: Option<String>,
    pub name: String,
}

impl Wanted {
    fn path(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

/// Somebody with a token.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    pub groups: Vec<String>,
    pub rules: Vec<Allow>,
}

impl User {
    pub fn new(name: &str, rules: Vec<Allow>) -> Self {
        Self { name: name.to_owned(), groups: vec!["system:authenticated".to_owned()], rules }
    }

    /// Who comes without a token.
    pub fn anonymous() -> Self {
        Self { groups: vec!["system:unauthenticated".to_owned()], ..Self::new("system:anonymous", Vec::new()) }
    }

    pub fn may(&self, wanted: &Wanted) -> bool {
        // Everybody who is known may ask who they are and what they may.
        let review = wanted.verb == "create"
            && matches!(
                (wanted.group.as_str(), wanted.resource.as_str()),
                ("authentication.k8s.io", "selfsubjectreviews")
                    | ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
            );
        (review && self.name != "system:anonymous") || self.rules.iter().any(|rule| rule.allows(wanted))
    }

    /// Refuses in the cluster's words.
    pub fn forbidden(&self, wanted: &Wanted) -> Refusal {
        let resource = qualified(&wanted.resource, &wanted.group);
        let named = if wanted.name.is_empty() { String::new() } else { format!(" \"{}\"", wanted.name) };
        let place = wanted
            .namespace
            .as_ref()
            .map_or("at the cluster scope".to_owned(), |namespace| format!("in the namespace \"{namespace}\""));
        let message = format!(
            "{resource}{named} is forbidden: User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            self.name,
            wanted.verb,
            wanted.path(),
            wanted.group,
        );
        Refusal {
            details: Some(details(&wanted.group, &wanted.resource, &wanted.name)),
            ..Refusal::new(403, "Forbidden", message)
        }
    }

    /// Answers a review of the user who asks.
    pub fn review(&self, resource: &str, asked: &Value, now: &str) -> Result<Value, Refusal> {
        match resource {
            "selfsubjectreviews" => Ok(json!({
                "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
                "metadata": {"creationTimestamp": now},
                "status": {"userInfo": {"username": self.name, "uid": format!("uid-{}", self.name), "groups": self.groups}},
            })),
            "selfsubjectaccessreviews" => self.access(asked),
            _ => self.rules(asked),
        }
    }

    fn access(&self, asked: &Value) -> Result<Value, Refusal> {
        let attributes = &asked["spec"]["resourceAttributes"];
        if !attributes.is_object() {
            let message =
                "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": "spec.resourceAttributes"});
            return Err(Refusal {
                details: Some(json!({"group": "authorization.k8s.io", "causes": [cause]})),
                ..Refusal::new(
                    422,
                    "Invalid",
                    format!(".authorization.k8s.io \"\" is invalid: spec.resourceAttributes: {message}"),
                )
            });
        }
        let text = |field: &str| attributes[field].as_str().unwrap_or_default().to_owned();
        let wanted = Wanted {
            verb: text("verb"),
            group: text("group"),
            resource: text("resource"),
            subresource: text("subresource"),
            namespace: Some(text("namespace")).filter(|namespace| !namespace.is_empty()),
            name: text("name"),
        };
        let status = if self.may(&wanted) {
            json!({"allowed": true, "reason": format!("RBAC: allowed by ClusterRoleBinding \"stand-in\" of ClusterRole \"stand-in\" to User \"{}\"", self.name)})
        } else {
            json!({"allowed": false})
        };
        Ok(json!({
            "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
            "spec": {"resourceAttributes": attributes}, "status": status,
        }))
    }

    fn rules(&self, asked: &Value) -> Result<Value, Refusal> {
        let Some(namespace) = asked["spec"]["namespace"].as_str().filter(|namespace| !namespace.is_empty()) else {
            return Err(Refusal::bad_request("no namespace on request"));
        };
        let own = [
            Allow::new("create", "authorization.k8s.io", "selfsubjectaccessreviews,selfsubjectrulesreviews", None),
            Allow::new("create", "authentication.k8s.io", "selfsubjectreviews", None),
        ];
        let rules: Vec<Value> = self
            .rules
            .iter()
            .chain(&own)
            .filter(|rule| rule.namespace.as_deref().is_none_or(|one| one == namespace))
            .map(|rule| json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources}))
            .collect();
        Ok(json!({
            "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
            "status": {"resourceRules": rules, "nonResourceRules": [], "incomplete": false},
        }))
    }
}
