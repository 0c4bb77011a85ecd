//! The keymap file: `extends`, `chord_timeout_ms`, and a table of keys for each context.

use std::{collections::BTreeMap, time::Duration};

use keybinds::KeySeq;
use schemars::JsonSchema;
use toml::de::DeValue;

use super::{BUILT_IN, ContextName, Origin, parse_keys};
use crate::tui::{
    intent::Intent,
    overlay::{self, Finding, Source},
};

/// A keymap as it is written. Every other table is a context: keys such as `"Ctrl+u"`, `"^u"` or `"g g"`,
/// each with the name of an intent, or `false` to unbind it.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Rolldeck keymap")]
#[expect(dead_code, reason = "it is the shape that the schema describes; reading goes entry by entry")]
struct KeymapFile {
    /// The built-in keymap that this one is laid over: `default`, `vim` or `emacs`.
    extends: Option<String>,
    /// How long a sequence waits for its next key, in milliseconds, 100 to 10000.
    #[schemars(range(min = 100, max = 10000))]
    chord_timeout_ms: Option<u64>,
}

/// The JSON schema of a keymap file.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(KeymapFile).to_value();
    let intents: Vec<_> = Intent::ALL.iter().map(|intent| intent.id()).collect();
    let keys = serde_json::json!({
        "type": "object",
        "additionalProperties": { "anyOf": [
            { "enum": intents },
            { "const": false },
            { "type": "object", "properties": { "do": { "enum": intents } }, "required": ["do"], "additionalProperties": false },
        ] },
    });
    if let Some(object) = schema.as_object_mut() {
        object.insert("additionalProperties".to_owned(), serde_json::Value::Bool(false));
        object.insert("$id".to_owned(), "urn:rolldeck:keymap".into());
        let contexts: BTreeMap<_, _> = ContextName::ALL.iter().map(|context| (context.id(), &keys)).collect();
        if let Some(properties) = object.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
            let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            if let Some(extends) = properties.get_mut("extends").and_then(serde_json::Value::as_object_mut) {
                extends.insert("type".to_owned(), "string".into());
                extends.insert("enum".to_owned(), serde_json::json!(names));
            }
            properties.extend(contexts.into_iter().map(|(id, keys)| (id.to_owned(), keys.clone())));
        }
    }
    schema
}

/// One line of a keymap file.
#[derive(Debug)]
pub(super) struct Entry {
    pub context: ContextName,
    pub keys: KeySeq,
    /// What it means; none unbinds it.
    pub intent: Option<Intent>,
    pub origin: Origin,
}

impl Entry {
    /// A finding about it.
    pub fn finding(&self, problem: impl AsRef<str>) -> Finding {
        Finding {
            file: self.origin.file.as_str().into(),
            line: self.origin.line,
            field: format!("{}.\"{}\"", self.context.id(), self.keys).into(),
            problem: problem.as_ref().into(),
        }
    }
}

/// What could be read of a keymap file.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub extends: Option<String>,
    pub chord_timeout: Option<Duration>,
    pub entries: Vec<Entry>,
}

/// Reads a keymap file; an entry that is wrong is left out and found.
pub(super) fn read(source: &Source<'_>, own: bool, findings: &mut Vec<Finding>) -> Read {
    let mut out = Read::default();
    let table = overlay::parse(source, findings);
    for (field, span, value) in overlay::in_order(table.get_ref()) {
        let context = ContextName::ALL.into_iter().find(|context| context.id() == field);
        match (field, context, value.get_ref()) {
            ("extends", _, DeValue::String(name)) if BUILT_IN.iter().any(|(id, _)| *id == name.as_ref()) => {
                out.extends = Some(name.clone().into_owned());
            }
            ("extends", ..) => {
                let names: Vec<String> = BUILT_IN.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                let problem = format!("expected {}; default is used", names.join(" or "));
                findings.push(source.finding(&value.span(), field, problem));
            }
            ("chord_timeout_ms", _, DeValue::Integer(number)) => match number.as_str().parse::<u64>() {
                Ok(ms @ 100..=10_000) => out.chord_timeout = Some(Duration::from_millis(ms)),
                _ => findings.push(source.finding(&value.span(), field, "expected a number from 100 to 10000")),
            },
            ("chord_timeout_ms", ..) => {
                findings.push(source.finding(&value.span(), field, "expected a number from 100 to 10000"));
            }
            (_, Some(context), DeValue::Table(keys)) => {
                for (keys, span, value) in overlay::in_order(keys) {
                    match entry(keys, value.get_ref()) {
                        Ok((keys, intent)) => {
                            let line = source.finding(&span, "", "").line;
                            let origin = Origin { file: source.name.to_owned(), line, own };
                            out.entries.push(Entry { context, keys, intent, origin });
                        }
                        Err(problem) => {
                            findings.push(source.finding(&span, &format!("{field}.\"{keys}\""), problem));
                        }
                    }
                }
            }
            (_, Some(_), _) => findings.push(source.finding(&value.span(), field, "expected a table of keys")),
            _ => {
                let names: Vec<_> = ContextName::ALL
                    .iter()
                    .map(|context| context.id())
                    .chain(["extends", "chord_timeout_ms"])
                    .collect();
                findings.push(source.finding(&span, field, overlay::unknown("context", field, names)));
            }
        }
    }
    twice(&mut out.entries, findings);
    out
}

fn entry(keys: &str, value: &DeValue<'_>) -> Result<(KeySeq, Option<Intent>), String> {
    let keys = parse_keys(keys).map_err(|error| {
        format!("{error}: expected keys such as \"g g\", \"Ctrl+u\", \"PageDown\"; the built-in meaning is kept")
    })?;
    let name = match value {
        DeValue::Boolean(false) => return Ok((keys, None)),
        DeValue::String(name) => name.as_ref(),
        DeValue::Table(table) => match table.get("do").map(|value| value.get_ref().as_str()) {
            Some(Some(name)) if table.len() == 1 => name,
            _ => return Err("expected { do = \"INTENT\" }; the built-in meaning is kept".to_owned()),
        },
        _ => return Err("expected the name of an intent, or false to unbind; the built-in meaning is kept".to_owned()),
    };
    let intent = Intent::ALL.iter().find(|intent| intent.id() == name).copied().ok_or_else(|| {
        let names: Vec<_> = Intent::ALL.iter().map(|intent| intent.id()).collect();
        match overlay::nearest(name, names) {
            Some(near) => format!("'{name}' is no intent, '{near}' is near; the built-in meaning is kept"),
            None => format!("'{name}' is no intent; the help names them all; the built-in meaning is kept"),
        }
    })?;
    Ok((keys, Some(intent)))
}

/// The same key twice in one context, spelled differently: neither is believed.
fn twice(entries: &mut Vec<Entry>, findings: &mut Vec<Finding>) {
    let mut doubled = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let same = |other: &&Entry| (other.context, &other.keys) == (entry.context, &entry.keys);
        if let Some(first) = entries[..index].iter().find(same) {
            doubled.push((entry.context, entry.keys.clone()));
            let first = first.origin.line;
            let problem = format!("is bound on line {first} already; neither holds, the built-in meaning is kept");
            findings.push(entry.finding(problem));
        }
    }
    entries.retain(|entry| !doubled.contains(&(entry.context, entry.keys.clone())));
}
