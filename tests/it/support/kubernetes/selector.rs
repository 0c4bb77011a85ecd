//! Label and field selectors, as lists and watches take them.

use serde_json::Value;

use super::answer::Refusal;

/// Which objects are asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    labels: Vec<Requirement>,
    /// (path with dots, value, whether it must be equal)
    fields: Vec<(String, String, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// The fields that objects of a kind can be selected by.
fn selectable(plural: &str) -> &'static [&'static str] {
    match plural {
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "pods" => &["spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"],
        "replicasets" => &["status.replicas"],
        _ => &[],
    }
}

impl Selector {
    pub fn parse(plural: &str, labels: &str, fields: &str) -> Result<Self, Refusal> {
        Ok(Self { labels: parse_labels(labels)?, fields: parse_fields(plural, fields)? })
    }

    pub fn holds(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label = |key: &String| labels.get(key).and_then(Value::as_str);
        self.labels.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => label(key).is_some_and(|value| values.iter().any(|one| one == value)),
            Requirement::NotIn(key, values) => label(key).is_none_or(|value| values.iter().all(|one| one != value)),
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        }) && self.fields.iter().all(|(path, wanted, equal)| {
            let value = object.pointer(&format!("/{}", path.replace('.', "/")));
            let is = match value {
                None | Some(Value::Null) => wanted.is_empty(),
                Some(Value::String(text)) => text == wanted,
                Some(other) => serde_json::from_str(wanted).is_ok_and(|wanted: Value| wanted == *other),
            };
            is == *equal
        })
    }
}

fn parse_fields(plural: &str, text: &str) -> Result<Vec<(String, String, bool)>, Refusal> {
    let mut fields = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (path, value, equal) = part
            .split_once("!=")
            .map(|(path, value)| (path, value, false))
            .or_else(|| part.split_once("==").map(|(path, value)| (path, value, true)))
            .or_else(|| part.split_once('=').map(|(path, value)| (path, value, true)))
            .ok_or_else(|| Refusal::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'")))?;
        // The newer API of events has its own words for the same fields.
        let path = path.trim().replace("regarding.", "involvedObject.");
        let path = if path == "reportingController" { "reportingComponent".to_owned() } else { path };
        if !["metadata.name", "metadata.namespace"].contains(&path.as_str())
            && !selectable(plural).contains(&path.as_str())
        {
            return Err(Refusal::bad_request(format!("field label not supported: {path}")));
        }
        fields.push((path, value.trim().to_owned(), equal));
    }
    Ok(fields)
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, Refusal> {
    split(text).into_iter().map(|part| requirement(part.trim())).collect()
}

/// Splits at the commas that are not in a set.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_u32, 0);
    for (place, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[from..place]);
                from = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn requirement(part: &str) -> Result<Requirement, Refusal> {
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Absent(key.trim().to_owned()));
    }
    let one = |(key, value): (&str, &str)| (key.trim().to_owned(), vec![value.trim().to_owned()]);
    if let Some((key, values)) = part.split_once("!=").map(one) {
        return Ok(Requirement::NotIn(key, values));
    }
    if let Some((key, values)) = part.split_once("==").or_else(|| part.split_once('=')).map(one) {
        return Ok(Requirement::In(key, values));
    }
    let mut words = part.splitn(3, char::is_whitespace);
    let (key, operator, set) = (words.next().unwrap_or_default(), words.next(), words.next().unwrap_or_default());
    let Some(operator) = operator else { return Ok(Requirement::Exists(key.to_owned())) };
    let set = set.trim();
    let found = set.chars().take_while(|character| !",)".contains(*character)).collect::<String>();
    let Some(inside) = set.strip_prefix('(') else {
        return Err(Refusal::bad_request(format!("unable to parse requirement: found '{found}' expected: '('")));
    };
    let Some(inside) = inside.strip_suffix(')') else {
        return Err(Refusal::bad_request("unable to parse requirement: found '', expected: ',' or ')'"));
    };
    let values = inside.split(',').map(|value| value.trim().to_owned()).collect();
    match operator {
        "in" => Ok(Requirement::In(key.to_owned(), values)),
        "notin" => Ok(Requirement::NotIn(key.to_owned(), values)),
        _ => Err(Refusal::bad_request(format!(
            "unable to parse requirement: found '{operator}', expected: in, notin, =, ==, !=, gt, lt"
        ))),
    }
}
