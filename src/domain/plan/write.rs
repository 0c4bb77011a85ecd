//! A plan as JSON that reads back as the same plan.

use serde_json::{Map, Value, json};

use super::{super::duration, Advance, GateRule, Plan, PlanSli, PlanStage};

pub(super) fn plan(plan: &Plan) -> Value {
    // Gates and indicators are lists of one-key mappings, because a JSON object has no order.
    let gates: Vec<Value> = plan.gates.iter().map(|(name, rule)| one(name.as_str(), gate(rule))).collect();
    let mut object = Map::new();
    object.insert("rollout".to_owned(), json!(plan.rollout));
    object.insert("target".to_owned(), json!(plan.target));
    object.insert("snapshot".to_owned(), json!(plan.snapshot));
    object.insert("owner".to_owned(), json!(plan.owner));
    object.insert("gates".to_owned(), Value::Array(gates));
    if !plan.slis.is_empty() {
        object.insert("slis".to_owned(), plan.slis.iter().map(sli).collect());
    }
    object.insert("stages".to_owned(), plan.stages.iter().map(stage).collect());
    let on_breach = if plan.on_breach_of.is_empty() {
        json!(plan.on_breach)
    } else {
        plan.on_breach_of.iter().map(|(gate, response)| (gate.to_string(), json!(response))).collect()
    };
    object.insert("on_breach".to_owned(), on_breach);
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
        GateRule::Budget { sli, above } => json!({"budget": sli, "above": above}),
    }
}

fn sli(sli: &PlanSli) -> Value {
    let said = json!({"unit": sli.unit, "direction": sli.direction, "critical": sli.critical, "limit": sli.limit});
    one(sli.name.as_str(), said)
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
    Value::Object(object)
}
