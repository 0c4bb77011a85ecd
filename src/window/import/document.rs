//! Fields of a YAML or JSON file by their path, so that an error names the one that is wrong.

use super::ImportError;
use crate::domain::plan::document::{self, Node, Value};

/// A mapping of a file, and where it is in it.
pub(super) struct Fields<'a> {
    path: String,
    entries: &'a [(document::Key, Node)],
}

/// All documents of a text.
pub(super) fn read(text: &str) -> Result<Vec<Node>, ImportError> {
    document::documents_from_yaml(text).map_err(|error| {
        let place = error.line.map_or_else(|| "file".to_owned(), |line| format!("line {line}"));
        ImportError::new(place, error.message.as_str())
    })
}

/// Where a value is: its path, and its line where that is known.
pub(super) fn place(path: &str, node: &Node) -> String {
    match node.spot {
        Some(spot) => format!("line {}, {path}", spot.line),
        None => path.to_owned(),
    }
}

impl<'a> Fields<'a> {
    pub(super) fn of(path: &str, node: &'a Node) -> Result<Self, ImportError> {
        match &node.value {
            Value::Map(entries) => Ok(Self { path: path.to_owned(), entries }),
            other => Err(ImportError::new(place(path, node), format!("it is {} and not a mapping", other.kind()))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        let found = self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
        found.filter(|node| node.value != Value::Null)
    }

    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Where a field is, or would be.
    pub(super) fn place(&self, name: &str) -> String {
        self.get(name).map_or_else(|| self.path(name), |node| place(&self.path(name), node))
    }

    pub(super) fn wrong(&self, name: &str, why: impl Into<String>) -> ImportError {
        ImportError::new(self.place(name), why)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, ImportError> {
        match self.get(name).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, format!("it is {} and not text", other.kind()))),
        }
    }

    pub(super) fn needed(&self, name: &str) -> Result<&'a str, ImportError> {
        let text = self.text(name)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| self.wrong(name, "it is missing"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ImportError> {
        match self.get(name).map(|node| &node.value) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(name, format!("it is {} and not true or false", other.kind()))),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'a str>, ImportError> {
        self.list(name)?
            .iter()
            .map(|item| match &item.value {
                Value::Text(text) => Ok(text.as_str()),
                other => Err(ImportError::new(
                    place(&self.path(name), item),
                    format!("it has {} and not text", other.kind()),
                )),
            })
            .collect()
    }

    pub(super) fn list(&self, name: &str) -> Result<&'a [Node], ImportError> {
        match self.get(name).map(|node| &node.value) {
            None => Ok(&[]),
            Some(Value::List(items)) => Ok(items),
            Some(other) => Err(self.wrong(name, format!("it is {} and not a list", other.kind()))),
        }
    }

    /// Refuses fields that nobody would look at.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ImportError> {
        match self.entries.iter().find(|(key, _)| !known.contains(&key.name.as_str())) {
            None => Ok(()),
            Some((key, _)) => {
                Err(self
                    .wrong(&key.name, format!("it is not known here what that means; known are {}", known.join(", "))))
            }
        }
    }
}
