//! Reading the fields of one object of an SLO file, each refusal with its place.

use super::SloFileError;
use crate::domain::{
    SafeText,
    plan::{
        document::{Key, Node, Spot, Value},
        quoted, suggestion,
    },
    text::first_hostile,
};

pub(super) type Read<T> = Result<T, SloFileError>;

/// A mapping of a file.
#[derive(Debug, Clone)]
pub(super) struct Fields<'n> {
    /// The number of its document, from 1.
    pub document: usize,
    /// Where it is, as a path from its document.
    pub path: String,
    node: &'n Node,
    entries: &'n [(Key, Node)],
}

/// A value of a file, with what an error about it needs.
#[derive(Debug, Clone)]
pub(super) struct Field<'n> {
    /// The number of its document, from 1.
    pub document: usize,
    /// Where it is, as a path from its document.
    pub path: String,
    /// Where it is written.
    pub spot: Option<Spot>,
    node: &'n Node,
}

fn wrong(document: usize, spot: Option<Spot>, path: &str, message: impl AsRef<str>) -> SloFileError {
    SloFileError {
        document: Some(document),
        line: spot.map(|spot| spot.line),
        column: spot.map(|spot| spot.column),
        field: path.to_owned(),
        message: SafeText::new(message),
    }
}

/// `path.key`; a key that is no plain word is shown quoted.
fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.len() <= 100 && key.chars().all(|c| c.is_ascii_graphic());
    let key = if plain { key.to_owned() } else { quoted(key) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

impl<'n> Fields<'n> {
    /// The fields of an object.
    pub fn of(document: usize, node: &'n Node) -> Read<Self> {
        Field { document, path: String::new(), spot: node.spot, node }.fields("an object")
    }

    /// An error about the object.
    pub fn wrong(&self, message: impl AsRef<str>) -> SloFileError {
        wrong(self.document, self.node.spot, &self.path, message)
    }

    /// A field that has something in it.
    pub fn get(&self, key: &str) -> Option<Field<'n>> {
        let (_, node) = self.entries.iter().find(|(known, _)| known.name == key)?;
        if node.value == Value::Null {
            return None;
        }
        Some(Field { document: self.document, path: join(&self.path, key), spot: node.spot, node })
    }

    /// One of the spellings of a field.
    pub fn get_any(&self, keys: &[&str]) -> Option<Field<'n>> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// A field that must be there.
    pub fn required(&self, key: &str, what: &str) -> Read<Field<'n>> {
        self.get(key).ok_or_else(|| {
            let path = join(&self.path, key);
            wrong(self.document, self.node.spot, &path, format!("it is missing; expected {what}"))
        })
    }

    /// What is nearest to where a path of keys leads; lists of one-key mappings, which keep their order in JSON
    /// too, are walked as mappings are.
    pub fn find(&self, keys: &[&str]) -> Field<'n> {
        let mut found =
            Field { document: self.document, path: self.path.clone(), spot: self.node.spot, node: self.node };
        for key in keys.iter().filter(|key| !key.is_empty()) {
            let entry = |node: &'n Node| match &node.value {
                Value::Map(entries) => entries.iter().find(|(known, _)| known.name == **key),
                _ => None,
            };
            let next = match &found.node.value {
                Value::List(items) => items.iter().find_map(entry),
                _ => entry(found.node),
            };
            found.path = join(&found.path, key);
            if let Some((_, node)) = next {
                found = Field { spot: node.spot.or(found.spot), node, ..found };
            }
        }
        found
    }

    /// Refuses fields that are none: a misspelt one would say nothing and never be missed.
    pub fn known_only(&self, known: &[&str]) -> Read<()> {
        let Some((key, _)) = self.entries.iter().find(|(key, _)| !known.contains(&key.name.as_str())) else {
            return Ok(());
        };
        let message = format!("there is no such field here{}", suggestion(&key.name, known.iter().copied()));
        Err(wrong(self.document, key.spot, &join(&self.path, &key.name), message))
    }

    /// Refuses a field, where it is there.
    pub fn unsupported(&self, key: &str, instead: &str) -> Read<()> {
        self.get(key).map_or(Ok(()), |field| Err(field.wrong(format!("it is not supported: {instead}"))))
    }
}

impl<'n> Field<'n> {
    /// An error about it.
    pub fn wrong(&self, message: impl AsRef<str>) -> SloFileError {
        wrong(self.document, self.spot, &self.path, message)
    }

    /// Its fields.
    pub fn fields(self, what: &str) -> Read<Fields<'n>> {
        match &self.node.value {
            Value::Map(entries) => {
                Ok(Fields { document: self.document, path: self.path, node: self.node, entries: entries.as_slice() })
            }
            other => Err(self.wrong(format!("expected {what}, a mapping, got {}", other.kind()))),
        }
    }

    /// What is in its list.
    pub fn list(&self, what: &str) -> Read<Vec<Field<'n>>> {
        let Value::List(items) = &self.node.value else {
            return Err(self.wrong(format!("expected a list of {what}, got {}", self.node.value.kind())));
        };
        let item = |(index, node): (usize, &'n Node)| Field {
            document: self.document,
            path: format!("{}[{index}]", self.path),
            spot: node.spot,
            node,
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// Its text, as it is.
    pub fn text(&self, what: &str) -> Read<&'n str> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            other => Err(self.wrong(format!("expected {what}, got {}", other.kind()))),
        }
    }

    /// Its text, where that is one line that can be shown.
    pub fn plain(&self, what: &str) -> Read<SafeText> {
        let text = self.text(what)?.trim();
        match first_hostile(text) {
            Some(position) => {
                let place = position + 1;
                Err(self.wrong(format!("a control or invisible character at position {place}: write it as plain text")))
            }
            None if text.is_empty() => Err(self.wrong(format!("it is empty; expected {what}"))),
            None => Ok(SafeText::new(text)),
        }
    }

    /// Its text, where that is one of these words.
    pub fn one_of<'w>(&self, words: &[&'w str]) -> Read<&'w str> {
        let got = self.text(&words.join(" or "))?;
        words.iter().copied().find(|word| *word == got).ok_or_else(|| {
            self.wrong(format!("{} is not known{}", quoted(got), suggestion(got, words.iter().copied())))
        })
    }

    /// Its number.
    pub fn number(&self, what: &str) -> Read<f64> {
        match &self.node.value {
            Value::Number(number) if number.is_finite() => Ok(*number),
            other => Err(self.wrong(format!("expected {what}, got {}", other.kind()))),
        }
    }

    /// Whether it is true.
    pub fn truth(&self) -> Read<bool> {
        match &self.node.value {
            Value::Bool(truth) => Ok(*truth),
            other => Err(self.wrong(format!("expected true or false, got {}", other.kind()))),
        }
    }

    /// Whether there is something in it.
    pub fn is_empty(&self) -> bool {
        match &self.node.value {
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }
}
