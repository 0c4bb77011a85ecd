//! The JSON Schema of a plan file: what the reader accepts, as far as a schema can say it. That a gate is
//! there which a stage names, and all that is between two fields, the reader alone knows.

use serde_json::{Value, json};

use super::{super::Operation, Advance, ArmsBy, BreachResponse, Direction, FailResponse, read::SLI_FIELDS};
use crate::domain::sli::{Family, Scoring, SliKind};

/// A name, as [`super::super::NameError`] says.
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$";
/// A span of time: numbers with `h`, `m`, `s` and `ms`, the longest unit first.
const SPAN: &str = r"^\s*([0-9]+(\.[0-9]+)?h)?([0-9]+(\.[0-9]+)?m)?([0-9]+(\.[0-9]+)?s)?([0-9]+(\.[0-9]+)?ms)?\s*$";
/// What a stage selects.
const SELECTION: &str = r"^\s*(all|[0-9][0-9.]{0,11}\s*%|[0-9]+\s+(sites?|units?|lanes?))\s*$";
/// A flag's key, as [`super::super::flag::FlagKeyError`] says.
const FLAG_KEY: &str = r"^\s*[a-z0-9][a-z0-9._-]{0,127}\s*$";
/// A share, in percent.
const SHARE: &str = r"^\s*[0-9][0-9.]*\s*%\s*$";

/// The JSON Schema (draft 2020-12) of a plan file.
#[must_use]
pub fn schema() -> Value {
    let words = |words: &[&str]| json!({ "enum": words });
    let span =
        json!({ "type": "string", "minLength": 2, "pattern": SPAN, "examples": ["30m", "1h30m", "10s", "250ms"] });
    let share = json!({ "anyOf": [
        { "type": "number", "minimum": 0, "maximum": 1 },
        { "type": "string", "pattern": SHARE },
    ] });
    let word = json!({ "type": "string", "minLength": 1, "maxLength": 128 });
    let name = json!({ "type": "string", "pattern": NAME });
    let names = json!({ "type": "array", "items": name, "uniqueItems": true });
    let breach = words(&BreachResponse::ALL.map(BreachResponse::as_str));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:rolldeck:plan",
        "title": "Rolldeck plan",
        "description": "A rollout's plan: its stages, gates, indicators, and what a breach does.",
        "type": "object",
        "required": ["rollout", "target", "stages"],
        "anyOf": [
            { "required": ["snapshot"] },
            { "properties": { "stages": { "items": { "required": ["flag"] } } } },
        ],
        "additionalProperties": false,
        "properties": {
            "rollout": described(&name, "The rollout's name."),
            "target": described(&name, "The site group that it goes to."),
            "snapshot": {
                "description": "What is rolled out: the digest that `rolldeck snapshot add` printed. Left out where every stage sets a flag.",
                "type": "string",
                "pattern": r"^\s*sha256:[0-9a-f]{64}\s*$",
            },
            "owner": { "description": "Who answers for it.", "type": ["string", "null"] },
            "gates": entries(&gate(&name, &names, &share), "What must hold before a stage passes, by name."),
            "slis": entries(&sli(&word, &span, &share), "Indicators, canary against baseline, by name."),
            "telemetry": telemetry(&word, &span),
            "stages": {
                "description": "The steps, in their order.",
                "type": "array",
                "minItems": 1,
                "maxItems": 64,
                "items": stage(&names, &span),
            },
            "on_breach": {
                "description": "What a breach does: one word for all gates, or one for each.",
                "anyOf": [breach, { "type": "object", "additionalProperties": breach }],
            },
            "approvals": {
                "description": "What needs a second person.",
                "type": "array",
                "items": { "enum": approvable() },
            },
        },
    })
}

fn described(schema: &Value, text: &str) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), text.into());
    }
    schema
}

/// A mapping by name, or a list of one-key mappings, which keeps its order in JSON too.
fn entries(entry: &Value, text: &str) -> Value {
    let map = json!({ "type": "object", "propertyNames": { "pattern": NAME }, "additionalProperties": entry });
    let mut one = map.clone();
    if let Some(object) = one.as_object_mut() {
        object.insert("minProperties".to_owned(), 1.into());
        object.insert("maxProperties".to_owned(), 1.into());
    }
    json!({ "description": text, "anyOf": [map, { "type": "array", "items": one, "maxItems": 64 }, { "type": "null" }] })
}

fn gate(name: &Value, names: &Value, share: &Value) -> Value {
    let mut some = names.clone();
    if let Some(object) = some.as_object_mut() {
        object.insert("minItems".to_owned(), 1.into());
    }
    json!({ "anyOf": [
        {
            "description": "A CEL expression over the facts of each unit.",
            "type": "string",
            "pattern": r"\S",
            "maxLength": 1000,
        },
        { "type": "boolean" },
        {
            "description": "Verdicts: `all`, an indicator, or a list of them.",
            "type": "object",
            "properties": { "verdict": { "anyOf": [name, some] } },
            "required": ["verdict"],
            "additionalProperties": false,
        },
        {
            "description": "What must be left of an indicator's error budget.",
            "type": "object",
            "properties": { "budget": name, "above": share },
            "required": ["budget"],
            "additionalProperties": false,
        },
    ] })
}

fn sli(word: &Value, span: &Value, share: &Value) -> Value {
    let query = json!({ "type": "string", "pattern": r"\S", "maxLength": 4000 });
    let number = json!({ "type": ["number", "null"] });
    let of = |field: &str| match field {
        "use" => described(word, "The name of a ready-made indicator: `rolldeck sli list` has them."),
        "kind" => json!({ "enum": SliKind::ALL.map(SliKind::as_str) }),
        "family" => json!({ "enum": Family::ALL.map(Family::as_str) }),
        "direction" => json!({ "enum": Direction::ALL.map(Direction::as_str) }),
        "scoring" => json!({ "enum": Scoring::ALL.map(Scoring::as_str) }),
        "critical" | "required" | "observe_only" => json!({ "type": "boolean" }),
        "unit" => json!({ "type": ["string", "null"] }),
        "limit" => number.clone(),
        "objective" => described(share, "The share that must be good, such as 99.9%: 90% at the least."),
        "period" => json!({
            "description": "Over how long its error budget counts, such as 30d.",
            "anyOf": [span, { "type": "string", "pattern": r"^\s*[0-9]+d\s*$" }],
        }),
        "threshold" => json!({
            "description": "The longest that is good: a span, or a number in its unit.",
            "anyOf": [span, { "type": "number", "exclusiveMinimum": 0 }, { "type": "null" }],
        }),
        _ => query.clone(),
    };
    let properties: serde_json::Map<String, Value> =
        SLI_FIELDS.iter().map(|field| ((*field).to_owned(), of(field))).collect();
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}

fn telemetry(word: &Value, span: &Value) -> Value {
    json!({
        "description": "Where indicators come from, and how they are judged.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "source": described(word, "A source of the server's configuration, or `reported` for what agents report."),
            "service": described(word, "What $service stands for; the rollout's name, when absent."),
            "arms": { "enum": ArmsBy::ALL.map(ArmsBy::as_str) },
            "canary": described(word, "The canary's track."),
            "baseline": described(word, "The baseline's track."),
            "slice": described(span, "The length of what is counted at a time, 5s to 10m."),
            "max_lag": described(span, "A source whose newest value is older holds promotions."),
            "on_fail": { "enum": FailResponse::ALL.map(FailResponse::as_str) },
        },
    })
}

fn stage(names: &Value, span: &Value) -> Value {
    // One field is the stage's name, with what it selects: at the least one, at the most that and all others.
    json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 7,
        "properties": {
            "hold": described(span, "How long its gates must hold."),
            "advance": { "enum": Advance::ALL.map(Advance::as_str) },
            "gates": described(names, "The gates that count; all of the plan's, when absent."),
            "slis": described(names, "The indicators that are shown; all, when absent."),
            "deadline": described(span, "How long its gates have to become true."),
            "flag": {
                "description": "A flag that is set for this stage's units when it begins, and set back by a rollback.",
                "type": "object",
                "required": ["key", "variant"],
                "additionalProperties": false,
                "properties": {
                    "key": { "type": "string", "pattern": FLAG_KEY },
                    "variant": { "anyOf": [
                        { "type": "string", "minLength": 1, "maxLength": 128 },
                        { "type": "boolean" },
                    ] },
                },
            },
            "select": false,
        },
        "propertyNames": { "pattern": NAME },
        "additionalProperties": {
            "description": "The stage's name, and what it selects: `1 site`, `10 sites`, `3 units`, `25%` or `all`.",
            "type": "string",
            "pattern": SELECTION,
        },
    })
}

/// What a second person can be demanded for, in both spellings that are read.
fn approvable() -> Vec<String> {
    let operations = Operation::ALL.into_iter().filter(|operation| *operation != Operation::Advance);
    let words = operations.map(Operation::as_str).chain(["override", "break_glass"]);
    let mut all: Vec<String> = words.flat_map(|word| [word.to_owned(), word.replace('_', "-")]).collect();
    all.dedup();
    all
}
