//! From a tree back to flagd's operators, with what the server knows of one place written in.

use serde_json::{Value, json};

use super::{evaluate::known, node::Node};
use crate::domain::Place;

/// The operators of a condition at a place.
pub(super) fn write(node: &Node, place: &Place<'_>) -> Value {
    let one = |node: &Node| write(node, place);
    let many = |nodes: &[Node]| Value::Array(nodes.iter().map(one).collect());
    match node {
        Node::Literal(value) => value.clone(),
        Node::List(parts) => many(parts),
        Node::Said { path, otherwise } => variable(&path.join("."), otherwise),
        // What is not known here is known nowhere, whatever the context of a caller has under that name.
        Node::Known { attribute, otherwise, .. } => {
            known(place, attribute).map_or_else(|| otherwise.clone(), Value::from)
        }
        Node::FlagKey => json!({"var": "$flagd.flagKey"}),
        Node::Timestamp => json!({"var": "$flagd.timestamp"}),
        Node::Missing { at_least: None, names } => json!({"missing": names}),
        Node::Missing { at_least: Some(least), names } => json!({"missing_some": [whole(*least), names]}),
        Node::If(parts) => {
            // flagd's schema knows the form with three parts only.
            let otherwise = parts.get(2).map_or(Value::Null, one);
            json!({"if": [one(&parts[0]), one(&parts[1]), otherwise]})
        }
        Node::And(parts) => json!({"and": many(parts)}),
        Node::Or(parts) => json!({"or": many(parts)}),
        Node::Not(part) => json!({"!": [one(part)]}),
        Node::Truth(part) => json!({"!!": [one(part)]}),
        Node::Equal { strict, negated, sides } => {
            let sign = match (strict, negated) {
                (true, false) => "===",
                (true, true) => "!==",
                (false, false) => "==",
                (false, true) => "!=",
            };
            json!({sign: many(&sides[..])})
        }
        Node::Compare(comparison, parts) => json!({comparison.sign(): many(parts)}),
        Node::Calculate(arithmetic, parts) => json!({arithmetic.sign(): many(parts)}),
        Node::In(sides) => json!({"in": many(&sides[..])}),
        Node::Substring(parts) => json!({"substr": many(parts)}),
        Node::Join(parts) => json!({"cat": many(parts)}),
        Node::Merge(parts) => json!({"merge": many(parts)}),
        Node::Each(each, sides) => json!({each.name(): many(&sides[..])}),
        Node::Reduce(parts) => json!({"reduce": many(parts)}),
        Node::Affix(affix, sides) => json!({affix.name(): many(&sides[..])}),
        Node::Version(relation, sides) => json!({"sem_ver": [one(&sides[0]), relation.sign(), one(&sides[1])]}),
        Node::Fractional { key, buckets } => {
            let mut parts: Vec<Value> = key.iter().map(|key| one(key)).collect();
            parts.extend(buckets.iter().map(|(variant, weight)| match weight {
                Some(weight) => json!([one(variant), one(weight)]),
                None => json!([one(variant)]),
            }));
            json!({"fractional": parts})
        }
    }
}

fn variable(name: &str, otherwise: &Value) -> Value {
    if otherwise.is_null() { json!({"var": name}) } else { json!({"var": [name, otherwise]}) }
}

/// A number as it was meant: 2, not 2.0.
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { Value::from(number as i64) } else { Value::from(number) }
}
