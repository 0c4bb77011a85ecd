//! Where a plan's indicators come from, and how they are judged.

use std::time::Duration;

use super::{
    super::{
        super::duration,
        ArmsBy, FailResponse, PlanTelemetry,
        document::{Node, Value},
    },
    Read,
    value::{at, find, join, known_only, one_of, span, word},
};

/// The shortest and the longest slice.
const SLICES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(10));

const KEYS: [&str; 8] = ["source", "service", "arms", "canary", "baseline", "slice", "max_lag", "on_fail"];

pub(super) fn telemetry(node: &Node) -> Read<PlanTelemetry> {
    let mut telemetry = PlanTelemetry::default();
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null => &[],
        other => {
            let message = format!("expected a mapping of {}, got {}", KEYS.join(", "), other.kind());
            return Err(at(node, "telemetry", message));
        }
    };
    known_only(entries, "telemetry", &KEYS)?;
    for (key, node) in entries {
        let field = join("telemetry", &key.name);
        match key.name.as_str() {
            "source" => {
                telemetry.source =
                    word(node, &field, "`reported`, or the name of a source in the server's configuration")?;
            }
            "service" => telemetry.service = Some(word(node, &field, "the name of a service")?),
            "arms" => telemetry.arms = one_of(node, &field, &ArmsBy::ALL, ArmsBy::as_str)?,
            "canary" => telemetry.canary = word(node, &field, "the canary's track")?,
            "baseline" => telemetry.baseline = word(node, &field, "the baseline's track")?,
            "slice" => telemetry.slice = slice(node, &field)?,
            "max_lag" => telemetry.max_lag = span(node, &field)?,
            "on_fail" => telemetry.on_fail = Some(one_of(node, &field, &FailResponse::ALL, FailResponse::as_str)?),
            _ => {}
        }
    }
    if telemetry.canary == telemetry.baseline {
        let blame = ["baseline", "canary"].into_iter().find_map(|key| Some((key, find(entries, key)?)));
        let (key, node) = blame.unwrap_or(("baseline", node));
        let message = format!("canary and baseline are both {}: they could not be told apart", telemetry.canary);
        return Err(at(node, join("telemetry", key), message));
    }
    match find(entries, "max_lag") {
        None => telemetry.max_lag = PlanTelemetry::usual_lag(telemetry.slice),
        Some(node) if telemetry.max_lag < telemetry.slice => {
            let (lag, slice) = (duration::print(telemetry.max_lag), duration::print(telemetry.slice));
            let message = format!("the newest value may be a whole slice old: {lag} is less than the slice of {slice}");
            return Err(at(node, "telemetry.max_lag", message));
        }
        Some(_) => {}
    }
    Ok(telemetry)
}

fn slice(node: &Node, field: &str) -> Read<Duration> {
    let slice = span(node, field)?;
    let (shortest, longest) = SLICES;
    if (shortest..=longest).contains(&slice) {
        return Ok(slice);
    }
    let (got, from, to) = (duration::print(slice), duration::print(shortest), duration::print(longest));
    Err(at(node, field, format!("a slice is {from} to {to} long, got {got}")))
}
