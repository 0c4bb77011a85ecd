//! What a check command printed, read as facts. Nothing it prints can make an agent fail: what is
//! not a fact is left out, and said so.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::{Digest, FactValue, Facts, SafeText, SliReading};

/// Most facts of one check; gate expressions read a handful.
const FACTS_MAX: usize = 64;
/// Most indicators of one check.
const SLIS_MAX: usize = 32;
/// Longest name of a fact or an indicator, in bytes.
const NAME_MAX: usize = 64;
/// Most remarks that are kept.
const NOTES_MAX: usize = 8;

/// Which snapshot a check says is running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Measured {
    /// It says nothing of it.
    #[default]
    Unsaid,
    /// This one.
    Snapshot(Digest),
    /// Something that is no snapshot.
    NotOne(SafeText),
}

/// What a check said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Said {
    /// What runs.
    pub(super) measured: Measured,
    /// The facts.
    pub(super) facts: Facts,
    /// The indicators.
    pub(super) slis: BTreeMap<String, SliReading>,
    /// What could not be used, one sentence each.
    pub(super) notes: Vec<String>,
}

/// Reads a check's standard output; none when it was too long to be kept.
pub(super) fn read(stdout: Option<&[u8]>) -> Said {
    let mut said = Said::default();
    let Some(stdout) = stdout else {
        said.note("the check printed more than 64 KiB on standard output: its facts are unknown");
        return said;
    };
    if stdout.trim_ascii().is_empty() {
        return said;
    }
    match serde_json::from_slice::<Map<String, Value>>(stdout) {
        Ok(object) => said.take(object),
        Err(error) => said.note(format!(
            "the check's standard output is not one JSON object ({error}): its facts are unknown; print anything else on standard error"
        )),
    }
    said
}

impl Said {
    fn note(&mut self, text: impl Into<String>) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(text.into());
        }
    }

    fn take(&mut self, object: Map<String, Value>) {
        for (name, value) in object {
            match (name.as_str(), value) {
                // Null is how many a tool says "I do not know".
                (_, Value::Null) => {}
                ("snapshot", Value::String(text)) => {
                    self.measured =
                        text.parse().map_or_else(|_| Measured::NotOne(SafeText::new(&text)), Measured::Snapshot);
                }
                ("snapshot", other) => self.measured = Measured::NotOne(SafeText::new(other.to_string())),
                ("slis", Value::Object(slis)) => self.take_slis(slis),
                ("slis", _) => self.note("slis is not an object of {name: {good, total}} or {name: {value}}"),
                (_, value) => self.take_fact(name, &value),
            }
        }
    }

    fn take_fact(&mut self, name: String, value: &Value) {
        let fact = match value {
            Value::Bool(truth) => Some(FactValue::Bool(*truth)),
            Value::Number(number) => finite(number.as_f64()).map(FactValue::Number),
            _ => None,
        };
        match fact {
            _ if !is_fact_name(&name) => {
                self.note(format!("{:?} cannot name a fact: letters, digits and _, at most {NAME_MAX}", short(&name)));
            }
            None => self.note(format!("fact {name} is neither true, false nor a finite number: it is unknown")),
            Some(_) if self.facts.len() >= FACTS_MAX => {
                self.note(format!("more than {FACTS_MAX} facts: {name} and others are left out"));
            }
            Some(fact) => {
                self.facts.insert(name, fact);
            }
        }
    }

    fn take_slis(&mut self, slis: Map<String, Value>) {
        for (name, value) in slis {
            if !is_sli_name(&name) {
                self.note(format!("{:?} cannot name an indicator", short(&name)));
            } else if self.slis.len() >= SLIS_MAX {
                self.note(format!("more than {SLIS_MAX} indicators: {name} and others are left out"));
            } else if let Some(reading) = reading(&value) {
                self.slis.insert(name, reading);
            } else if !value.is_null() {
                self.note(format!(
                    "indicator {name} is neither {{good, total}} with 0 <= good <= total nor {{value}}: it has no data"
                ));
            }
        }
    }
}

fn reading(value: &Value) -> Option<SliReading> {
    let number = |name: &str| finite(value.get(name)?.as_f64());
    match (number("good"), number("total")) {
        (Some(good), Some(total)) => (0.0 <= good && good <= total).then_some(SliReading::Counter { good, total }),
        (None, None) => number("value").map(|value| SliReading::Gauge { value }),
        _ => None,
    }
}

fn finite(number: Option<f64>) -> Option<f64> {
    number.filter(|value| value.is_finite())
}

/// A fact's name is a name in gate expressions.
fn is_fact_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_sli_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::of([byte; 32])
    }

    #[test]
    fn facts_indicators_and_the_running_snapshot_are_read() {
        let text = format!(
            r#"{{"snapshot":"{}","runtime_healthy":true,"gap":2.5,"drops":0,"unknown_yet":null,
                "slis":{{"success":{{"good":99,"total":100}},"p95":{{"value":12.5}}}}}}"#,
            digest(7)
        );
        let said = read(Some(text.as_bytes()));
        assert_eq!(said.notes, Vec::<String>::new());
        assert_eq!(said.measured, Measured::Snapshot(digest(7)));
        assert_eq!(said.facts["runtime_healthy"], FactValue::Bool(true));
        assert_eq!(said.facts["gap"], FactValue::Number(2.5));
        assert_eq!(said.facts.len(), 3);
        assert_eq!(said.slis["success"], SliReading::Counter { good: 99.0, total: 100.0 });
        assert_eq!(said.slis["p95"], SliReading::Gauge { value: 12.5 });
    }

    #[test]
    fn silence_is_no_mistake() {
        assert_eq!(read(Some(b" \n")), Said::default());
    }

    #[test]
    fn what_is_no_fact_is_left_out_and_said() {
        for (text, note) in [
            ("OK", "not one JSON object"),
            ("[1]", "not one JSON object"),
            ("{\"a\":1}{\"b\":2}", "not one JSON object"),
            ("{\"a\":1e999}", "not one JSON object"),
            ("{\"version\":\"1.2\"}", "fact version is neither"),
            ("{\"a-b\":1}", "cannot name a fact"),
            ("{\"slis\":[]}", "slis is not an object"),
            ("{\"slis\":{\"s\":{\"good\":3,\"total\":2}}}", "indicator s is neither"),
            ("{\"slis\":{\"s\":{\"good\":3}}}", "indicator s is neither"),
        ] {
            let said = read(Some(text.as_bytes()));
            assert!(said.facts.is_empty() && said.slis.is_empty(), "{text}");
            assert!(said.notes.iter().any(|n| n.contains(note)), "{text}: {:?}", said.notes);
        }
        assert_eq!(read(None).notes.len(), 1);
    }

    #[test]
    fn a_snapshot_that_is_none_is_not_taken_for_silence() {
        for text in ["{\"snapshot\":\"v1.2\"}", "{\"snapshot\":7}"] {
            assert!(matches!(read(Some(text.as_bytes())).measured, Measured::NotOne(_)), "{text}");
        }
        assert_eq!(read(Some(b"{\"snapshot\":null}")).measured, Measured::Unsaid);
    }

    #[test]
    fn a_flood_of_facts_is_bounded() {
        let many: Map<String, Value> = (0..500).map(|n| (format!("f{n}"), Value::from(n))).collect();
        let said = read(Some(Value::Object(many).to_string().as_bytes()));
        assert_eq!(said.facts.len(), FACTS_MAX);
        assert_eq!(said.notes.len(), NOTES_MAX);
    }

    proptest! {
        #[test]
        fn no_output_breaks_it_and_all_it_keeps_is_finite_and_named(bytes: Vec<u8>, name in ".{0,20}", value: f64) {
            let _ = read(Some(&bytes));
            let object = serde_json::json!({ name: value, "slis": { "s": { "value": value } } });
            let said = read(Some(object.to_string().as_bytes()));
            for (name, value) in &said.facts {
                prop_assert!(is_fact_name(name));
                prop_assert!(!matches!(value, FactValue::Number(n) if !n.is_finite()));
            }
        }
    }
}
