//! A document before it is a plan, or a file of service level objectives: values with the place where they
//! were written, from YAML or JSON.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    Spanned,
    options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy},
};

use super::{super::SafeText, error::PlanError};

/// Longest text that is read, in bytes.
pub const SIZE_MAX: usize = 64 * 1024;
/// Most documents of one text.
const DOCUMENTS_MAX: usize = 64;
/// Deepest nesting that is read; a plan needs five.
const DEPTH_MAX: usize = 16;
/// Most values that are read.
const NODES_MAX: usize = 8192;

/// A line and a column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// None where it came as JSON.
    pub spot: Option<Spot>,
    /// What it holds.
    pub value: Value,
}

/// A key of a mapping and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// None where it came as JSON.
    pub spot: Option<Spot>,
    /// As it is written, without quotes.
    pub name: String,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in its order.
    Map(Vec<(Key, Node)>),
}

impl Value {
    /// What it is, for an error.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads YAML. Bounded in size, depth and number of values; aliases do not multiply.
///
/// # Errors
/// [`PlanError`] with line and column.
pub fn from_yaml(text: &str) -> Result<Node, PlanError> {
    sized("the plan", text)?;
    serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options(1))
        .map(node)
        .map_err(|error| unreadable(&error))
}

/// Reads all YAML documents of a text that have something in them, bounded as one is.
///
/// # Errors
/// [`PlanError`] with line and column.
pub fn documents_from_yaml(text: &str) -> Result<Vec<Node>, PlanError> {
    sized("the file", text)?;
    serde_saphyr::from_multiple_with_options::<Spanned<Value>>(text, options(DOCUMENTS_MAX))
        .map(|documents| documents.into_iter().map(node).collect())
        .map_err(|error| unreadable(&error))
}

fn sized(what: &str, text: &str) -> Result<(), PlanError> {
    if text.len() <= SIZE_MAX {
        return Ok(());
    }
    let message = format!("{what} has {} bytes, more than the {SIZE_MAX} that are read", text.len());
    Err(PlanError { line: None, column: None, field: String::new(), message: SafeText::new(message) })
}

fn options(documents: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 4 * NODES_MAX,
            max_aliases: 64,
            max_anchors: 64,
            max_documents: documents,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
            max_replay_stack_depth: 4,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn unreadable(error: &serde_saphyr::Error) -> PlanError {
    let spot = error.location().filter(|l| l.line() > 0);
    PlanError {
        line: spot.map(|s| s.line()),
        column: spot.map(|s| s.column()),
        field: String::new(),
        message: SafeText::new(format!("the YAML cannot be read: {}", said(&error.to_string()))),
    }
}

/// The reader's message without what is of no use to whoever wrote the plan: the place, which is
/// said before it, and advice to whoever programs the reader.
fn said(message: &str) -> &str {
    if message.starts_with("budget breached: Documents") {
        return "it has more than one document";
    }
    if ["budget breached", "alias replay limit", "recursion limit"].iter().any(|limit| message.starts_with(limit)) {
        return "it is larger or more deeply nested than any plan";
    }
    let end = [" at line ", ", set DuplicateKeyPolicy"].iter().filter_map(|tail| message.find(tail)).min();
    message[..end.unwrap_or(message.len())].trim_end_matches([',', ' ', ':'])
}

/// Takes a JSON value.
///
/// # Errors
/// [`PlanError`] when it is too large or too deep.
pub fn from_json(value: &serde_json::Value) -> Result<Node, PlanError> {
    let mut left = NODES_MAX;
    convert(value, DEPTH_MAX, &mut left)
}

fn convert(value: &serde_json::Value, depth: usize, left: &mut usize) -> Result<Node, PlanError> {
    let too_much =
        |message: &str| PlanError { line: None, column: None, field: String::new(), message: SafeText::new(message) };
    if depth == 0 {
        return Err(too_much("the plan is nested too deeply"));
    }
    *left = left.checked_sub(1).ok_or_else(|| too_much("the plan has too many values"))?;
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => Value::Number(n.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => {
            Value::List(items.iter().map(|item| convert(item, depth - 1, left)).collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(name, item)| Ok((Key { spot: None, name: name.clone() }, convert(item, depth - 1, left)?)))
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Node { spot: None, value })
}

fn spot<T>(spanned: &Spanned<T>) -> Option<Spot> {
    let at = spanned.referenced;
    (at.line() > 0).then(|| Spot { line: at.line(), column: at.column() })
}

fn node(spanned: Spanned<Value>) -> Node {
    Node { spot: spot(&spanned), value: spanned.value }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text, a number, a list or a mapping")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }
    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(node(item));
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let key = Key { spot: spot(&key), name: key.value };
            map.push((key, node(entries.next_value()?)));
        }
        Ok(Value::Map(map))
    }
}
