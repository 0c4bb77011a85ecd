//! Values of conditions, and how one is taken for another: as JSON Logic takes them, which is as JavaScript does.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A value while a condition is evaluated: borrowed from the context or the definition where it can be.
#[derive(Debug, Clone)]
pub(super) enum Val<'v> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'v, str>),
    Array(&'v [Value]),
    List(Vec<Self>),
    Object(&'v Map<String, Value>),
}

impl<'v> From<&'v Value> for Val<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(value) => Self::Number(value.as_f64().unwrap_or(f64::NAN)),
            Value::String(value) => Self::Text(Cow::Borrowed(value)),
            Value::Array(values) => Self::Array(values),
            Value::Object(fields) => Self::Object(fields),
        }
    }
}

impl<'v> Val<'v> {
    /// Whether it counts as true: an empty list does not, which is JSON Logic's own rule.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(value) => *value != 0.0 && !value.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::Array(values) => !values.is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Object(_) => true,
        }
    }

    /// The elements; none where it is no list.
    pub fn elements(&self) -> Option<Vec<Self>> {
        match self {
            Self::Array(values) => Some(values.iter().map(Val::from).collect()),
            Self::List(values) => Some(values.clone()),
            _ => None,
        }
    }

    /// How much it is to copy, in values or in eight bytes of text.
    pub fn cost(&self) -> usize {
        match self {
            Self::Text(text) => text.len() / 8,
            Self::Array(values) => values.len(),
            Self::List(values) => values.iter().map(|value| 1 + value.cost()).sum(),
            _ => 0,
        }
    }

    /// What is at a path inside it.
    pub fn at(&self, path: &[String]) -> Option<Val<'v>> {
        let Some((first, rest)) = path.split_first() else { return Some(self.clone()) };
        let inside = match self {
            Self::Object(fields) => fields.get(first)?.into(),
            Self::Array(values) => values.get(first.parse::<usize>().ok()?)?.into(),
            Self::List(values) => values.get(first.parse::<usize>().ok()?)?.clone(),
            _ => return None,
        };
        inside.at(rest)
    }

    /// `===`: one type and one value. Lists and mappings are never the same as anything.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            #[expect(clippy::float_cmp, reason = "the same number is what is asked")]
            (Self::Number(left), Self::Number(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            _ => false,
        }
    }

    /// `==`: a truth value and a text count as the number that they are.
    pub fn looks_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(_), Self::Text(_)) | (Self::Null, _) | (_, Self::Null) => self.is(other),
            (Self::Object(_), _)
            | (_, Self::Object(_))
            | (Self::Array(_) | Self::List(_), Self::Array(_) | Self::List(_)) => false,
            (Self::Array(_) | Self::List(_), Self::Text(_)) | (Self::Text(_), Self::Array(_) | Self::List(_)) => {
                self.to_text() == other.to_text()
            }
            #[expect(clippy::float_cmp, reason = "the same number is what is asked")]
            _ => self.to_number() == other.to_number(),
        }
    }

    /// The number that it is taken for in a comparison; no number where it is none.
    pub fn to_number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Bool(value) => f64::from(u8::from(*value)),
            Self::Number(value) => *value,
            Self::Text(text) => read_number(text.trim(), Some(0.0)),
            Self::Array(_) | Self::List(_) => read_number(self.to_text().trim(), Some(0.0)),
            Self::Object(_) => f64::NAN,
        }
    }

    /// The number that it is taken for in a calculation.
    pub fn to_term(&self) -> f64 {
        match self {
            Self::Number(value) => *value,
            Self::Text(text) => read_number(text.trim(), None),
            _ => f64::NAN,
        }
    }

    /// The text that it is joined as.
    pub fn to_text(&self) -> Cow<'v, str> {
        let joined = |values: Vec<Val<'v>>| Cow::Owned(values.iter().map(Self::to_text).collect::<Vec<_>>().join(","));
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            // As JavaScript writes it: a whole number without a point.
            Self::Number(value) if value.fract() == 0.0 && value.abs() < 1e21 => Cow::Owned(format!("{value:.0}")),
            Self::Number(value) => Cow::Owned(value.to_string()),
            Self::Text(text) => text.clone(),
            Self::Array(_) | Self::List(_) => joined(self.elements().unwrap_or_default()),
            Self::Object(_) => Cow::Borrowed("[object Object]"),
        }
    }
}

/// Rust reads `inf` and `nan` as numbers, JavaScript does not.
fn read_number(text: &str, empty: Option<f64>) -> f64 {
    if text.is_empty() {
        return empty.unwrap_or(f64::NAN);
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if digits { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}
