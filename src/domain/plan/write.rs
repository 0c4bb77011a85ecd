//! A plan as JSON that reads back as the same plan.

use serde_json::{Map, Value, json};

use super::{super::duration, Advance, GateRule, Plan, PlanSli, PlanStage, PlanTelemetry};

pub(super) fn plan(plan: &Plan) -> Value {
    // Gates and indicators are lists of one-key mappings, because a JSON object has no order.
    let gates: Vec<Value> = plan.gates.iter().map(|(name, rule)| one(name.as_str(), gate(rule))).collect();
    let mut object = Map::new();
    object.insert("rollout".to_owned(), json!(plan.rollout));
    object.insert("target".to_owned(), json!(plan.target));
    if let Some(snapshot) = &plan.snapshot {
        object.insert("snapshot".to_owned(), json!(snapshot));
    }
    object.insert("owner".to_owned(), json!(plan.owner));
    object.insert("gates".to_owned(), Value::Array(gates));
    if !plan.slis.is_empty() {
        object.insert("slis".to_owned(), plan.slis.iter().map(sli).collect());
    }
    if let Some(said) = telemetry(&plan.telemetry) {
        object.insert("telemetry".to_owned(), said);
    }
    object.insert("stages".to_owned(), plan.stages.iter().map(stage).collect());
    let on_breach = if plan.on_breach_of.is_empty() {
        json!(plan.on_breach)
    } else {
        plan.on_breach_of.iter().map(|(gate, response)| (gate.to_string(), json!(response))).collect()
    };
    object.insert("on_breach".to_owned(), on_breach);
    if !plan.approvals.is_empty() {
        object.insert("approvals".to_owned(), json!(plan.approvals));
    }
    Value::Object(object)
}

fn one(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

fn gate(rule: &GateRule) -> Value {
    match rule {
        GateRule::Expression(expression) => json!(expression),
        GateRule::Verdict(slis) if slis.is_empty() => json!({"verdict": "all"}),
        GateRule::Verdict(slis) => json!({"verdict": slis}),
        GateRule::Budget { sli, above: 0.0 } => json!({"budget": sli}),
        GateRule::Budget { sli, above } => json!({"budget": sli, "above": above}),
    }
}

pub(super) fn sli(sli: &PlanSli) -> Value {
    let usual = PlanSli::new(sli.name.as_str());
    let mut object = Map::new();
    let mut say = |key: &str, is_said: bool, value: Value| {
        if is_said {
            object.insert(key.to_owned(), value);
        }
    };
    say("use", sli.uses.is_some(), json!(sli.uses));
    say("kind", sli.kind.is_some(), json!(sli.kind));
    say("family", sli.family.is_some(), json!(sli.family));
    say("unit", true, json!(sli.unit));
    say("direction", true, json!(sli.direction));
    say("critical", true, json!(sli.critical));
    say("required", sli.required != usual.required, json!(sli.required));
    say("observe_only", sli.observe_only != usual.observe_only, json!(sli.observe_only));
    say("limit", true, json!(sli.limit));
    say("objective", sli.objective.is_some(), json!(sli.objective));
    say("period", sli.period.is_some(), json!(sli.period.map(duration::print)));
    say("threshold", sli.threshold.is_some(), json!(sli.threshold));
    say("scoring", sli.scoring != usual.scoring, json!(sli.scoring));
    for (key, query) in [
        ("good", &sli.queries.good),
        ("bad", &sli.queries.bad),
        ("total", &sli.queries.total),
        ("histogram", &sli.queries.histogram),
        ("value", &sli.queries.value),
    ] {
        say(key, query.is_some(), json!(query));
    }
    one(sli.name.as_str(), Value::Object(object))
}

/// What differs from what is usual; none where nothing does.
pub(super) fn telemetry(telemetry: &PlanTelemetry) -> Option<Value> {
    let usual = PlanTelemetry::default();
    let mut object = Map::new();
    let mut say = |key: &str, is_said: bool, value: Value| {
        if is_said {
            object.insert(key.to_owned(), value);
        }
    };
    say("source", telemetry.source != usual.source, json!(telemetry.source));
    say("service", telemetry.service.is_some(), json!(telemetry.service));
    say("arms", telemetry.arms != usual.arms, json!(telemetry.arms));
    say("canary", telemetry.canary != usual.canary, json!(telemetry.canary));
    say("baseline", telemetry.baseline != usual.baseline, json!(telemetry.baseline));
    say("slice", telemetry.slice != usual.slice, json!(duration::print(telemetry.slice)));
    let usual_lag = PlanTelemetry::usual_lag(telemetry.slice);
    say("max_lag", telemetry.max_lag != usual_lag, json!(duration::print(telemetry.max_lag)));
    say("on_fail", telemetry.on_fail.is_some(), json!(telemetry.on_fail));
    (!object.is_empty()).then_some(Value::Object(object))
}

fn stage(stage: &PlanStage) -> Value {
    let mut object = Map::new();
    object.insert(stage.name.to_string(), json!(stage.selects.to_string()));
    if !stage.hold.is_zero() {
        object.insert("hold".to_owned(), json!(duration::print(stage.hold)));
    }
    if stage.advance != Advance::default() {
        object.insert("advance".to_owned(), json!(stage.advance));
    }
    if let Some(gates) = &stage.gates {
        object.insert("gates".to_owned(), json!(gates));
    }
    if let Some(slis) = &stage.slis {
        object.insert("slis".to_owned(), json!(slis));
    }
    if let Some(deadline) = stage.deadline {
        object.insert("deadline".to_owned(), json!(duration::print(deadline)));
    }
    if let Some(flag) = &stage.flag {
        object.insert("flag".to_owned(), json!(flag));
    }
    Value::Object(object)
}
