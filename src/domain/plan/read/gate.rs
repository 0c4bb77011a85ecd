//! The gates of a plan, and what a breach of them does.

use std::collections::BTreeMap;

use super::{
    super::{
        super::{GateName, SafeText},
        BreachResponse, GateRule, PlanSli, PlanTelemetry,
        document::{Key, Node, Value},
        error::{quoted, suggestion},
    },
    Check, Read,
    sli::sli_named,
    value::{at, find, here, join, known_only, list, named, one_of, share, text},
};

/// Longest gate expression, in characters.
const EXPRESSION_MAX: usize = 1000;

const RULE_KEYS: [&str; 3] = ["verdict", "budget", "above"];
/// What a gate on indicators looks like.
const RULE_FORMS: &str = "`{verdict: all}`, `{verdict: [errors]}` or `{budget: errors, above: 10%}`";
/// What stands for every required indicator.
const ALL: &str = "all";

pub(super) type Gates = Vec<(GateName, GateRule)>;

pub(super) fn gates(node: &Node, slis: &[PlanSli], check: &mut Check<'_>) -> Read<Gates> {
    let entries = named(node, "gates", "a mapping of names to expressions, such as `health: runtime_healthy`")?;
    let mut gates = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        let field = join("gates", &key.name);
        let name = GateName::new(&*key.name).map_err(|error| here(key.spot, &*field, error.to_string()))?;
        let rule = match &node.value {
            Value::Map(entries) => on_indicators(node, entries, &field, slis)?,
            _ => GateRule::Expression(expression(node, &field, |text| check(&name, text))?),
        };
        gates.push((name, rule));
    }
    Ok(gates)
}

fn expression(node: &Node, field: &str, check: impl FnOnce(&str) -> Result<(), String>) -> Read<String> {
    let expression = match &node.value {
        // The two that YAML takes for itself are expressions too.
        Value::Bool(constant) => constant.to_string(),
        _ => text(node, field, &format!("an expression, such as `gap < 10s && drops == 0`, or {RULE_FORMS}"))?
            .trim()
            .to_owned(),
    };
    if expression.is_empty() {
        return Err(at(node, field, "the expression is empty; a gate needs one, such as `drops == 0`"));
    }
    if expression.chars().count() > EXPRESSION_MAX {
        return Err(at(node, field, format!("the expression is longer than {EXPRESSION_MAX} characters")));
    }
    check(&expression).map_err(|message| at(node, field, message))?;
    Ok(expression)
}

/// A gate on verdicts or on an error budget.
fn on_indicators(node: &Node, entries: &[(Key, Node)], field: &str, slis: &[PlanSli]) -> Read<GateRule> {
    known_only(entries, field, &RULE_KEYS)?;
    let spot = |key: &str| entries.iter().find(|(k, _)| k.name == key).and_then(|(k, _)| k.spot);
    match (find(entries, "verdict"), find(entries, "budget"), find(entries, "above")) {
        (Some(_), Some(_), _) => Err(here(
            spot("budget"),
            join(field, "budget"),
            "a gate asks for a verdict or for a budget; make two gates of it",
        )),
        (Some(_), None, Some(_)) => Err(here(
            spot("above"),
            join(field, "above"),
            "above says how much of a budget must be left, and this gate asks for a verdict",
        )),
        (Some(verdict), None, None) => Ok(GateRule::Verdict(verdicts(verdict, &join(field, "verdict"), slis)?)),
        (None, Some(budget), above) => {
            let sli = budget_of(budget, &join(field, "budget"), slis)?;
            let above = above.map_or(Ok(0.0), |node| left(node, &join(field, "above")))?;
            Ok(GateRule::Budget { sli, above })
        }
        (None, None, _) => Err(at(node, field, format!("it says neither verdict nor budget; write {RULE_FORMS}"))),
    }
}

/// The indicators that must pass; none, for all that are required.
fn verdicts(node: &Node, field: &str, slis: &[PlanSli]) -> Read<Vec<SafeText>> {
    let one = |text: &str| judged(text, slis).map(|sli| sli.name.clone());
    match &node.value {
        Value::Text(text) if text.trim() == ALL => {
            if slis.iter().any(|sli| sli.required && !sli.observe_only) {
                return Ok(Vec::new());
            }
            let why = if slis.is_empty() { "declares no indicator" } else { "requires none of its indicators" };
            Err(at(node, field, format!("the plan {why}, so that nothing would have to pass: say so under slis")))
        }
        Value::Text(text) => one(text.trim()).map(|name| vec![name]).map_err(|message| at(node, field, message)),
        Value::List(items) if items.is_empty() => {
            Err(at(node, field, "the list is empty; name indicators, or write `all` for every one that is required"))
        }
        Value::List(_) => list(node, field, "names of indicators, such as `[errors]`", one),
        other => Err(at(
            node,
            field,
            format!("expected `all`, the name of an indicator or a list of names, got {}", other.kind()),
        )),
    }
}

/// The indicator whose budget is asked for. Whether a ready-made one (`use`) has an objective of its own
/// is not known here: whoever knows it refuses the plan with [`super::super::PlanError::in_gate`].
fn budget_of(node: &Node, field: &str, slis: &[PlanSli]) -> Read<SafeText> {
    let sli = judged(text(node, field, "the name of an indicator")?.trim(), slis)
        .map_err(|message| at(node, field, message))?;
    if sli.objective.is_none() && sli.uses.is_none() {
        let message = format!("{} has no error budget: give it an objective, such as `objective: 99.9%`", sli.name);
        return Err(at(node, field, message));
    }
    Ok(sli.name.clone())
}

/// How much of a budget must be left: less than all of it.
fn left(node: &Node, field: &str) -> Read<f64> {
    let above = share(node, field, "such as 10% or 0.1")?;
    if above < 1.0 { Ok(above) } else { Err(at(node, field, "more than all of a budget is never left")) }
}

/// The declared indicator of that name, which votes.
fn judged<'s>(text: &str, slis: &'s [PlanSli]) -> Result<&'s PlanSli, String> {
    let name = sli_named(text, slis)?;
    let sli = slis.iter().find(|sli| sli.name == name).ok_or_else(|| {
        format!("the plan declares no indicator {}: a gate needs it under slis, with what it is", quoted(text))
    })?;
    if sli.observe_only {
        return Err(format!("{name} is only observed, and so holds nothing: take observe_only from it"));
    }
    Ok(sli)
}

pub(super) fn on_breach(
    node: &Node,
    gates: &Gates,
    telemetry: &PlanTelemetry,
) -> Read<(BreachResponse, BTreeMap<GateName, BreachResponse>)> {
    let response = |node: &Node, field: &str| one_of(node, field, &BreachResponse::ALL, BreachResponse::as_str);
    let Value::Map(entries) = &node.value else {
        return Ok((response(node, "on_breach")?, BTreeMap::new()));
    };
    let names: Vec<&GateName> = gates.iter().map(|(name, _)| name).collect();
    let mut by_gate = BTreeMap::new();
    for (key, node) in entries {
        let field = join("on_breach", &key.name);
        let refused = |message: String| here(key.spot, &*field, message);
        let gate = gate_named(&key.name, &names).map_err(refused)?;
        match gates.iter().find(|(name, _)| *name == gate) {
            Some((_, GateRule::Budget { .. })) => {
                return Err(refused("a budget gate only holds: it does nothing else, whatever is left".to_owned()));
            }
            Some((_, GateRule::Verdict(_))) if telemetry.on_fail.is_some() => {
                return Err(refused("telemetry.on_fail says already what a failed judgement does".to_owned()));
            }
            _ => by_gate.insert(gate, response(node, &field)?),
        };
    }
    Ok((BreachResponse::default(), by_gate))
}

pub(super) fn gate_named(text: &str, gates: &[&GateName]) -> Result<GateName, String> {
    gates.iter().find(|gate| gate.as_str() == text).map(|gate| (*gate).clone()).ok_or_else(|| {
        let known = gates.iter().map(|gate| gate.as_str());
        format!("the plan has no gate {}{}", quoted(text), suggestion(text, known))
    })
}
