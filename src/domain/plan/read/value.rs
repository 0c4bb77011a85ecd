//! Values of a document as a plan needs them: names, words, numbers, spans of time, each refused with
//! its place.

use std::time::Duration;

use super::{
    super::{
        super::{NameError, SafeText, duration, text::first_hostile},
        document::{Key, Node, Spot, Value},
        error::{PlanError, nearest, quoted, suggestion},
    },
    ENTRIES_MAX, Read,
};

/// Longest word or name from outside that is read as a value, in characters.
const WORD_MAX: usize = 128;

pub(super) fn at(node: &Node, field: impl Into<String>, message: impl AsRef<str>) -> PlanError {
    here(node.spot, field, message)
}

pub(super) fn here(spot: Option<Spot>, field: impl Into<String>, message: impl AsRef<str>) -> PlanError {
    PlanError {
        line: spot.map(|s| s.line),
        column: spot.map(|s| s.column),
        field: field.into(),
        message: SafeText::new(message),
    }
}

/// `path.key`, or the key alone at the top. A key that is no plain word is shown quoted.
pub(super) fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.len() <= 253 && key.chars().all(|c| c.is_ascii_graphic());
    let key = if plain { key.to_owned() } else { quoted(key) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

pub(super) fn find<'n>(entries: &'n [(Key, Node)], key: &str) -> Option<&'n Node> {
    entries.iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
}

pub(super) fn known_only(entries: &[(Key, Node)], path: &str, known: &[&str]) -> Read<()> {
    match entries.iter().find(|(key, _)| !known.contains(&key.name.as_str())) {
        None => Ok(()),
        Some((key, _)) => Err(here(
            key.spot,
            join(path, &key.name),
            format!("there is no such field{}", suggestion(&key.name, known.iter().copied())),
        )),
    }
}

pub(super) fn text<'n>(node: &'n Node, field: &str, what: &str) -> Read<&'n str> {
    match &node.value {
        Value::Text(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Err(at(
            node,
            field,
            format!("expected {what}, got {}; put it in quotes if it is meant as text", node.value.kind()),
        )),
        other => Err(at(node, field, format!("expected {what}, got {}", other.kind()))),
    }
}

pub(super) fn plain(node: &Node, field: &str) -> Read<SafeText> {
    let text = text(node, field, "text")?.trim();
    if let Some(position) = first_hostile(text) {
        let message = format!("a control or invisible character at position {}: write it as plain text", position + 1);
        return Err(at(node, field, message));
    }
    Ok(SafeText::new(text))
}

pub(super) fn name<T: std::str::FromStr<Err = NameError>>(node: &Node, field: &str) -> Read<T> {
    text(node, field, "a name")?.parse().map_err(|error: NameError| at(node, field, error.to_string()))
}

/// The entries of a mapping, or of a list of one-key mappings, which keeps its order in JSON too.
pub(super) fn named<'n>(node: &'n Node, field: &str, what: &str) -> Read<Vec<(&'n Key, &'n Node)>> {
    let entries: Vec<_> = match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, node)| (key, node)).collect(),
        Value::List(items) => items
            .iter()
            .map(|item| match &item.value {
                Value::Map(entries) if entries.len() == 1 => Ok((&entries[0].0, &entries[0].1)),
                _ => Err(at(item, field, format!("expected {what}"))),
            })
            .collect::<Read<_>>()?,
        Value::Null => Vec::new(),
        other => return Err(at(node, field, format!("expected {what}, got {}", other.kind()))),
    };
    if entries.len() > ENTRIES_MAX {
        return Err(at(node, field, format!("{} entries, more than the {ENTRIES_MAX} that are read", entries.len())));
    }
    for (index, (key, _)) in entries.iter().enumerate() {
        if entries[..index].iter().any(|(other, _)| other.name == key.name) {
            return Err(here(key.spot, join(field, &key.name), "it is there twice"));
        }
    }
    Ok(entries)
}

pub(super) fn one_of<T: Copy>(node: &Node, field: &str, all: &[T], word: fn(T) -> &'static str) -> Read<T> {
    let words: Vec<&str> = all.iter().map(|t| word(*t)).collect();
    let got = text(node, field, &words.join(" or "))?;
    all.iter().copied().find(|t| word(*t) == got).ok_or_else(|| {
        let near =
            nearest(got, words.iter().copied()).map_or(String::new(), |near| format!("; did you mean {near:?}?"));
        at(node, field, format!("expected {}, got {}{near}", words.join(" or "), quoted(got)))
    })
}

pub(super) fn list<T: PartialEq>(
    node: &Node,
    field: &str,
    what: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Read<Vec<T>> {
    let Value::List(items) = &node.value else {
        return Err(at(node, field, format!("expected a list of {what}, got {}", node.value.kind())));
    };
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        let entry = read(text(item, field, "a name")?).map_err(|message| at(item, field, message))?;
        if list.contains(&entry) {
            return Err(at(item, field, "it is in the list twice"));
        }
        list.push(entry);
    }
    Ok(list)
}

pub(super) fn span(node: &Node, field: &str) -> Read<Duration> {
    match (&node.value, node.spot) {
        // In JSON, as everywhere in the API, a number is of seconds.
        (Value::Number(seconds), None) if (0.0..=duration::LONGEST.as_secs_f64()).contains(seconds) => {
            Ok(Duration::from_secs_f64(*seconds))
        }
        (Value::Number(number), Some(_)) => {
            duration::parse(&number.to_string()).map_err(|e| at(node, field, e.to_string()))
        }
        _ => {
            let text = text(node, field, "a duration, such as 30m")?;
            duration::parse(text).map_err(|error| at(node, field, error.to_string()))
        }
    }
}

/// A word that is not empty.
pub(super) fn word(node: &Node, field: &str, what: &str) -> Read<SafeText> {
    let word = plain(node, field)?;
    if word.is_empty() || word.as_str().chars().count() > WORD_MAX {
        return Err(at(node, field, format!("expected {what}, of 1 to {WORD_MAX} characters")));
    }
    Ok(word)
}

pub(super) fn flag(node: &Node, field: &str) -> Read<bool> {
    match node.value {
        Value::Bool(flag) => Ok(flag),
        _ => Err(at(node, field, format!("expected true or false, got {}", node.value.kind()))),
    }
}

/// A number; none where nothing is said.
pub(super) fn number(node: &Node, field: &str) -> Read<Option<f64>> {
    match node.value {
        Value::Number(number) if number.is_finite() => Ok(Some(number)),
        Value::Null => Ok(None),
        _ => Err(at(node, field, format!("expected a number in the indicator's unit, got {}", node.value.kind()))),
    }
}

/// A share of one: `99.9%`, or `0.999`. Not more than one, and not less than nothing.
pub(super) fn share(node: &Node, field: &str, such_as: &str) -> Read<f64> {
    let share = match &node.value {
        Value::Number(share) if *share > 1.0 => {
            return Err(at(node, field, format!("{share} of what? write `{share}%`, or a share of 1, {such_as}")));
        }
        Value::Number(share) => *share,
        Value::Text(text) => percent(text)
            .ok_or_else(|| at(node, field, format!("{} is not a share: write one {such_as}", quoted(text))))?,
        other => return Err(at(node, field, format!("expected a share, {such_as}, got {}", other.kind()))),
    };
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    let got = match &node.value {
        Value::Text(text) => quoted(text),
        _ => share.to_string(),
    };
    Err(at(node, field, format!("{got} is out of range; a share is 0% to 100%")))
}

/// `99.9%` as the number that is nearest to 0.999.
fn percent(text: &str) -> Option<f64> {
    let digits = text.trim().strip_suffix('%')?.trim_end();
    let decimal = digits.len() <= 20 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let decimal = decimal && digits.starts_with(|c: char| c.is_ascii_digit());
    // Moving the point is exact where dividing by 100 is not.
    Some(digits).filter(|_| decimal).and_then(|digits| format!("{digits}e-2").parse().ok())
}
