//! Definitions changed in one point, and how rules are said in words.

use color_eyre::Result;

use super::super::exit::Failure;
use crate::{
    backend::FlagView,
    domain::{
        FlagDefinition, SafeText,
        flag::{Condition, FlagRule, Serve, Share, SiteShare},
    },
    flag::bucket,
    tui::app::figure::counted,
};

fn present(view: Option<&FlagView>) -> Result<FlagDefinition> {
    let view = view.ok_or_else(|| Failure::NotFound("there is no such flag: see `rolldeck flag list`".to_owned()))?;
    Ok(view.flag.definition.clone())
}

/// Whether it can be switched on as it is: a kill is undone only by whoever says so.
pub(super) fn not_killed(view: Option<&FlagView>) -> Result<()> {
    let Some((view, killed)) = view.and_then(|view| Some((view, view.flag.killed.as_ref()?))) else { return Ok(()) };
    Err(Failure::Blocked(format!(
        "{} was killed by {} at {}: {}; give --revive to bring it back",
        view.flag.key,
        killed.by,
        super::super::output::time(killed.at),
        killed.reason
    ))
    .into())
}

/// The definition, on or off.
pub(super) fn switched(view: Option<&FlagView>, enabled: bool) -> Result<FlagDefinition> {
    Ok(FlagDefinition { enabled, ..present(view)? })
}

/// The definition with a larger share: of the rule without a condition that has one of this variant already, or
/// else of a new rule after all others.
pub(super) fn widened(
    view: Option<&FlagView>,
    percent: f64,
    variant: Option<&str>,
    sites: bool,
) -> Result<FlagDefinition> {
    let usage = |message: String| color_eyre::Report::from(Failure::Usage(message));
    let mut definition = present(view)?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(usage(format!("--percent is 0 to 100, got {percent}")));
    }
    let variant = match variant {
        Some(variant) if definition.variants.contains_key(variant) => variant.to_owned(),
        Some(variant) => return Err(usage(format!("{variant:?} is no variant of it"))),
        None => {
            let mut others = definition.variants.keys().filter(|name| **name != definition.off_variant);
            match (others.next(), others.next()) {
                (Some(only), None) => only.clone(),
                _ => {
                    return Err(usage(
                        "it has more variants than one beside the off variant: name one by --variant".to_owned(),
                    ));
                }
            }
        }
    };
    let (part, rest) = bucket::split(percent);
    let split = Serve::Split(vec![
        Share { variant: variant.clone(), weight: part },
        Share { variant: definition.default_variant.clone(), weight: rest },
    ]);
    let share = |members| Serve::Sites(SiteShare { variant: variant.clone(), percent, members });
    for rule in definition.rules.iter_mut().filter(|rule| rule.when.is_none()) {
        match &rule.serve {
            Serve::Split(shares) if !sites && shares.first().is_some_and(|first| first.variant == variant) => {
                // Where the weights are not ours, a percentage is not what they say.
                let total: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
                if total != u64::from(bucket::WHOLE) || shares.len() != 2 {
                    return Err(usage(format!(
                        "rule {} splits by weights of its own: change it by `flag set`",
                        rule.id
                    )));
                }
                if shares.first().is_some_and(|first| first.weight > part) {
                    return Err(usage(format!(
                        "rule {} serves a larger share already: narrow it by `flag set`",
                        rule.id
                    )));
                }
                rule.serve = split;
                return Ok(definition);
            }
            Serve::Sites(before) if sites && before.variant == variant => {
                if before.percent > percent {
                    return Err(usage(format!(
                        "rule {} serves a larger share already: narrow it by `flag set`",
                        rule.id
                    )));
                }
                rule.serve = share(before.members.clone());
                return Ok(definition);
            }
            _ => {}
        }
    }
    let id = SafeText::new(if sites { format!("{variant}-sites") } else { format!("{variant}-share") });
    definition.rules.push(FlagRule { id, when: None, serve: if sites { share(Vec::new()) } else { split } });
    Ok(definition)
}

/// When a rule matches.
pub(super) fn condition(rule: &FlagRule) -> String {
    match &rule.when {
        None => "always".to_owned(),
        Some(Condition::Expression(text)) => text.clone(),
        Some(Condition::Operators(operators)) => serde_json::to_string(operators).unwrap_or_default(),
    }
}

/// What a rule serves.
pub(super) fn served(serve: &Serve) -> String {
    match serve {
        Serve::Variant(variant) => variant.clone(),
        Serve::Split(shares) => {
            let total: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
            let part = |share: &Share| {
                let percent = f64::from(share.weight) * 100.0 / (total.max(1) as f64);
                format!("{} {}%", share.variant, (percent * 1000.0).round() / 1000.0)
            };
            shares.iter().map(part).collect::<Vec<_>>().join(", ")
        }
        Serve::Sites(share) => format!("{} to {}% of sites ({})", share.variant, share.percent, share.members.len()),
        Serve::Units(share) => format!("{} to {}", share.variant, counted(share.units.len(), "unit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Flag, FlagStage, Operation},
        flag::operation,
    };

    fn view(rules: &serde_json::Value) -> FlagView {
        let flag: Flag = serde_json::from_value(serde_json::json!({
            "key": "fast-path", "revision": 1, "kind": "ops", "owner": "team-picking", "enabled": true,
            "variants": {"on": true, "off": false}, "default_variant": "off", "off_variant": "off", "rules": rules,
            "created_by": "olga", "changed_by": "olga", "created_at": "2026-01-01T00:00:00Z",
            "changed_at": "2026-01-01T00:00:00Z", "reason": "a reason", "ticket": null,
        }))
        .unwrap();
        FlagView { flag, stage: FlagStage::Live, why: None, last_evaluated_at: None, places: Vec::new(), rollout: None }
    }

    #[test]
    fn widening_takes_nothing_from_anybody_and_is_known_as_widening() {
        let mut view = view(&serde_json::json!([]));
        for (percent, sites) in [(1.0, false), (25.0, false), (25.0, false), (100.0, false)] {
            let definition = widened(Some(&view), percent, None, sites).unwrap();
            let after = Flag { definition, ..view.flag.clone() };
            let same = after.definition == view.flag.definition;
            let expected = if same { None } else { Some(Operation::FlagWiden) };
            assert_eq!(operation(Some(&view.flag), &after), expected, "{percent}");
            view.flag = after;
        }
        assert_eq!(view.flag.definition.rules.len(), 1);
        let error = widened(Some(&view), 50.0, None, false).unwrap_err().to_string();
        assert!(error.contains("larger share already"), "{error}");
    }

    #[test]
    fn weights_that_are_not_ours_are_not_taken_for_percentages() {
        let split = serde_json::json!([{"variant": "on", "weight": 1}, {"variant": "off", "weight": 2}]);
        let view = view(&serde_json::json!([{"id": "third", "serve": {"split": split}}]));
        assert!(widened(Some(&view), 50.0, None, false).unwrap_err().to_string().contains("weights of its own"));
        assert!(widened(Some(&view), 50.0, Some("maybe"), false).unwrap_err().to_string().contains("no variant"));
        // Sites are another rule.
        assert_eq!(widened(Some(&view), 50.0, None, true).unwrap().rules.len(), 2);
    }
}
