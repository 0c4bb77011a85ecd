//! What is there, reachable and permitted, one finding a line: for whoever wonders why a screen is empty or a
//! key does nothing.

use std::collections::BTreeSet;

use super::{
    super::{
        access::Access,
        api::Api,
        kind::Flavor,
        request::{Kind, Rule},
    },
    remarks::trouble,
};
use crate::{domain::SafeText, driver::Examined};

/// Namespaces that are asked about one by one, at most.
const NAMESPACES_MAX: usize = 20;

/// Looks at a cluster.
pub async fn examine(api: &Api, access: &Access) -> Vec<Examined> {
    let connection = api.connection();
    let mut found = Vec::new();
    let mut say = |good: Option<bool>, text: String| found.push(Examined { good, text: SafeText::new(text) });
    if let Err(error) = api.beat().await {
        say(Some(false), trouble(&error));
        return found;
    }
    say(Some(true), format!("{} answers (context {})", connection.server(), connection.context()));
    match access.name().await {
        Some(name) => say(Some(true), format!("it knows you as {name}")),
        None => say(None, "it does not say who you are: your name in the journal is that of your system".to_owned()),
    }
    let mut installed = Vec::new();
    for flavor in Flavor::ALL {
        match api.serves(flavor.kind()).await {
            Ok(true) => {
                installed.push(flavor);
                say(Some(true), format!("{} is installed", flavor.words()));
            }
            Ok(false) => say(None, format!("{} is not installed", flavor.words())),
            Err(error) => {
                say(None, format!("whether {} is installed is not known: {}", flavor.words(), trouble(&error)));
            }
        }
    }
    if installed.is_empty() {
        say(Some(false), "there is nothing to watch: neither Argo Rollouts nor Flagger was found".to_owned());
        return found;
    }
    let namespaces = match connection.options().namespaces.as_slice() {
        [] => vec![String::new()],
        named => named.iter().take(NAMESPACES_MAX).cloned().collect(),
    };
    for namespace in &namespaces {
        let place = if namespace.is_empty() { "in all namespaces".to_owned() } else { format!("in {namespace}") };
        let (reads, acts) = (reading(&installed, namespace), acting(&installed, namespace));
        let asked: BTreeSet<Rule> = reads.iter().chain(&acts).map(|(rule, _)| rule.clone()).collect();
        let grants = access.grants(&asked).await;
        let missing = |rules: &[(Rule, bool)], needed: bool| -> Vec<String> {
            let rules = rules.iter().filter(|(rule, must)| *must == needed && grants.allows(rule) == Some(false));
            rules.map(|(rule, _)| short(rule)).collect()
        };
        match missing(&reads, true) {
            lost if lost.is_empty() => say(Some(true), format!("you may watch rollouts {place}")),
            lost => say(Some(false), format!("you may not watch rollouts {place}: {} is missing", lost.join(", "))),
        }
        let lost = missing(&reads, false);
        if !lost.is_empty() {
            say(None, format!("some objects will not be shown {place}: {} is missing", lost.join(", ")));
        }
        match missing(&acts, true) {
            lost if lost.is_empty() => say(Some(true), format!("you may act on rollouts {place}")),
            lost => say(None, format!("some actions are not possible {place}: {} is missing", lost.join(", "))),
        }
    }
    found
}

/// As a role writes it, without the namespace.
fn short(rule: &Rule) -> String {
    let text = rule.to_string();
    text.split(" in ").next().unwrap_or(&text).to_owned()
}

/// Rules for reading, each with whether nothing is shown without it.
fn reading(installed: &[Flavor], namespace: &str) -> Vec<(Rule, bool)> {
    let mut kinds =
        vec![(Kind::REPLICA_SET, false), (Kind::POD, false), (Kind::EVENT, false), (Kind::DEPLOYMENT, false)];
    for flavor in installed {
        kinds.push((flavor.kind(), true));
        match flavor {
            Flavor::Argo => kinds.extend([(Kind::ANALYSIS_RUN, false), (Kind::EXPERIMENT, false)]),
            Flavor::Flagger => kinds.push((Kind::METRIC_TEMPLATE, false)),
        }
    }
    kinds
        .into_iter()
        .flat_map(|(kind, must)| ["list", "watch"].map(|verb| (rule(verb, kind, None, namespace), must)))
        .collect()
}

fn acting(installed: &[Flavor], namespace: &str) -> Vec<(Rule, bool)> {
    let mut rules = vec![rule("create", Kind::EVENT, None, namespace)];
    for flavor in installed {
        match flavor {
            Flavor::Argo => rules.extend([
                rule("patch", Kind::ROLLOUT, None, namespace),
                rule("patch", Kind::ROLLOUT, Some("status"), namespace),
                rule("patch", Kind::ANALYSIS_RUN, None, namespace),
            ]),
            Flavor::Flagger => rules.extend([
                rule("patch", Kind::CANARY, None, namespace),
                rule("patch", Kind::DEPLOYMENT, None, namespace),
                rule("create", Kind::SERVICE, Some("proxy"), namespace),
            ]),
        }
    }
    rules.into_iter().map(|rule| (rule, true)).collect()
}

fn rule(verb: &'static str, kind: Kind, subresource: Option<&'static str>, namespace: &str) -> Rule {
    Rule { verb, kind, subresource, namespace: namespace.to_owned() }
}
