//! Conditions as a tree: what operators and expressions are read into, and what is evaluated and exported.

use serde_json::Value;

use super::version::Relation;

/// Most parts of a condition.
pub(super) const NODES_MAX: usize = 1000;
/// Deepest nesting of a condition. With [`super::RULES_MAX`] rules one inside the other, an export stays
/// below the 128 levels that JSON readers allow.
pub(super) const DEPTH_MAX: usize = 24;

/// What the server knows of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    Target,
    Site,
    Lane,
    Stage,
    Label(String),
    /// Something inside an attribute that has no inside.
    Nothing,
}

impl Attribute {
    /// The attribute that a name stands for; none for what the caller says.
    pub fn of(name: &str) -> Option<Self> {
        let (root, rest) = name.split_once('.').map_or((name, None), |(root, rest)| (root, Some(rest)));
        let attribute = match root {
            "target" => Self::Target,
            "site" => Self::Site,
            "lane" => Self::Lane,
            "stage" => Self::Stage,
            // A label's key may have dots.
            "labels" => return Some(rest.map_or(Self::Nothing, |key| Self::Label(key.to_owned()))),
            _ => return None,
        };
        Some(if rest.is_some() { Self::Nothing } else { attribute })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub const fn opposite(self) -> Self {
        match self {
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Remainder,
    Least,
    Greatest,
}

impl Arithmetic {
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Remainder => "%",
            Self::Least => "min",
            Self::Greatest => "max",
        }
    }
}

/// What is done with each element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    Map,
    Filter,
    All,
    None,
    Some,
}

impl Each {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Filter => "filter",
            Self::All => "all",
            Self::None => "none",
            Self::Some => "some",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affix {
    Starts,
    Ends,
}

impl Affix {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starts => "starts_with",
            Self::Ends => "ends_with",
        }
    }
}

/// A part of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A value without mappings in it.
    Literal(Value),
    List(Vec<Self>),
    /// What the caller says; inside a list's operator, what the element has. No path is all of it.
    Said {
        path: Vec<String>,
        otherwise: Value,
    },
    /// What the server knows.
    Known {
        name: String,
        attribute: Attribute,
        otherwise: Value,
    },
    FlagKey,
    Timestamp,
    Missing {
        at_least: Option<f64>,
        names: Vec<String>,
    },
    If(Vec<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Truth(Box<Self>),
    Equal {
        strict: bool,
        negated: bool,
        sides: Box<[Self; 2]>,
    },
    Compare(Comparison, Vec<Self>),
    Calculate(Arithmetic, Vec<Self>),
    In(Box<[Self; 2]>),
    Substring(Vec<Self>),
    Join(Vec<Self>),
    Merge(Vec<Self>),
    Each(Each, Box<[Self; 2]>),
    /// List, what is done, and what it begins with.
    Reduce(Vec<Self>),
    Affix(Affix, Box<[Self; 2]>),
    Version(Relation, Box<[Self; 2]>),
    Fractional {
        key: Option<Box<Self>>,
        buckets: Vec<(Self, Option<Self>)>,
    },
}

impl Node {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Literal(Value::String(text.into()))
    }

    pub fn is(left: Self, right: Self) -> Self {
        Self::Equal { strict: true, negated: false, sides: Box::new([left, right]) }
    }

    pub fn is_not(left: Self, right: Self) -> Self {
        Self::Equal { strict: true, negated: true, sides: Box::new([left, right]) }
    }

    /// Calls with each part inside it.
    pub fn each<'n>(&'n self, call: &mut impl FnMut(&'n Self)) {
        match self {
            Self::Literal(_)
            | Self::Said { .. }
            | Self::Known { .. }
            | Self::FlagKey
            | Self::Timestamp
            | Self::Missing { .. } => {}
            Self::List(parts)
            | Self::If(parts)
            | Self::And(parts)
            | Self::Or(parts)
            | Self::Compare(_, parts)
            | Self::Calculate(_, parts)
            | Self::Substring(parts)
            | Self::Join(parts)
            | Self::Merge(parts)
            | Self::Reduce(parts) => parts.iter().for_each(call),
            Self::Not(part) | Self::Truth(part) => call(part),
            Self::Equal { sides, .. }
            | Self::In(sides)
            | Self::Each(_, sides)
            | Self::Affix(_, sides)
            | Self::Version(_, sides) => sides.iter().for_each(call),
            Self::Fractional { key, buckets } => {
                for part in key.as_deref().into_iter().chain(buckets.iter().flat_map(|(v, w)| [v].into_iter().chain(w)))
                {
                    call(part);
                }
            }
        }
    }

    /// How many parts it has, and how deep they nest.
    pub fn size(&self) -> (usize, usize) {
        let (mut count, mut depth) = (1, 0);
        self.each(&mut |part| {
            let (parts, below) = part.size();
            count += parts;
            depth = depth.max(below);
        });
        (count, depth + 1)
    }
}
