//! From flagd's operators (JSON Logic with four more) to a tree: names, numbers of arguments and shapes are
//! checked here, once, so that an evaluation meets none that is wrong.
//!
//! The operators are those that flagd's schema lists (open-feature/flagd-schemas, `json/targeting.yaml`).

use serde_json::{Map, Value};

use super::{
    FlagError, RULES_MAX,
    bucket::WEIGHTS_MAX,
    node::{Affix, Arithmetic, Attribute, Comparison, DEPTH_MAX, Each, NODES_MAX, Node},
    version::{Relation, Version},
};

/// All operators, for the message that names them.
const NAMES: &str = "var, missing, missing_some, if, ==, ===, !=, !==, >, >=, <, <=, !, !!, or, and, +, -, *, %, min, \
                     max, in, substr, cat, merge, map, filter, all, none, some, reduce, starts_with, ends_with, \
                     sem_ver, fractional";

/// What names mean where conditions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// The server's: what it knows is not the caller's to say.
    Server,
    /// All is the caller's: in a file that was exported for one place.
    Caller,
}

impl Names {
    /// Most parts and deepest nesting: a file has all rules of a flag in one condition.
    const fn limits(self) -> (usize, usize) {
        match self {
            Self::Server => (NODES_MAX, DEPTH_MAX),
            Self::Caller => (RULES_MAX * (NODES_MAX + 2 * super::VARIANTS_MAX), DEPTH_MAX + 2 * RULES_MAX),
        }
    }
}

/// Reads operators. `field` is where they are.
pub(super) fn read(operators: &Map<String, Value>, names: Names, field: &str) -> Result<Node, FlagError> {
    let mut reader = Reader { names, nodes: 0 };
    reader.operation(operators, field, 0, false)
}

struct Reader {
    names: Names,
    nodes: usize,
}

type Read<T> = Result<T, FlagError>;

impl Reader {
    fn node(&mut self, value: &Value, field: &str, depth: usize, inside: bool) -> Read<Node> {
        self.nodes += 1;
        let (nodes_max, depth_max) = self.names.limits();
        if self.nodes > nodes_max {
            return Err(FlagError::new(field, format!("a condition has at most {nodes_max} parts")));
        }
        if depth >= depth_max {
            return Err(FlagError::new(field, format!("a condition nests at most {depth_max} deep")));
        }
        match value {
            Value::Object(operators) => self.operation(operators, field, depth, inside),
            Value::Array(values) => {
                let parts = self.nodes_of(values, field, depth, inside)?;
                // A list of values needs no evaluation.
                if parts.iter().all(|part| matches!(part, Node::Literal(_))) {
                    return Ok(Node::Literal(value.clone()));
                }
                Ok(Node::List(parts))
            }
            value => Ok(Node::Literal(value.clone())),
        }
    }

    fn nodes_of(&mut self, values: &[Value], field: &str, depth: usize, inside: bool) -> Read<Vec<Node>> {
        let each = values.iter().enumerate();
        each.map(|(index, value)| self.node(value, &format!("{field}[{index}]"), depth + 1, inside)).collect()
    }

    fn operation(&mut self, operators: &Map<String, Value>, field: &str, depth: usize, inside: bool) -> Read<Node> {
        let mut entries = operators.iter();
        let (Some((name, arguments)), None) = (entries.next(), entries.next()) else {
            return Err(FlagError::new(field, "an operation is a mapping with one key, its operator"));
        };
        let field = format!("{field}.{name}");
        let field = field.as_str();
        // One argument may stand without brackets.
        let single = std::slice::from_ref(arguments);
        let arguments = arguments.as_array().map_or(single, Vec::as_slice);
        let count = |least: usize, most: usize| {
            if (least..=most).contains(&arguments.len()) {
                return Ok(());
            }
            let wanted = match (least, most) {
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            Err(FlagError::new(field, format!("takes {wanted} arguments, got {}", arguments.len())))
        };
        match name.as_str() {
            "var" => self.variable(arguments, field, inside),
            "missing" => {
                count(1, usize::MAX)?;
                self.missing(None, arguments, field, inside)
            }
            "missing_some" => {
                count(2, 2)?;
                let at_least = arguments[0].as_f64();
                let (Some(_), Some(names)) = (at_least, arguments[1].as_array()) else {
                    return Err(FlagError::new(field, "takes a number and a list of names"));
                };
                self.missing(at_least, names, field, inside)
            }
            "map" | "filter" | "all" | "none" | "some" => {
                count(2, 2)?;
                let each = match name.as_str() {
                    "map" => Each::Map,
                    "filter" => Each::Filter,
                    "all" => Each::All,
                    "none" => Each::None,
                    _ => Each::Some,
                };
                let list = self.node(&arguments[0], &format!("{field}[0]"), depth + 1, inside)?;
                let body = self.node(&arguments[1], &format!("{field}[1]"), depth + 1, true)?;
                Ok(Node::Each(each, Box::new([list, body])))
            }
            "reduce" => {
                count(2, 3)?;
                let mut parts = vec![
                    self.node(&arguments[0], &format!("{field}[0]"), depth + 1, inside)?,
                    self.node(&arguments[1], &format!("{field}[1]"), depth + 1, true)?,
                ];
                if let Some(first) = arguments.get(2) {
                    parts.push(self.node(first, &format!("{field}[2]"), depth + 1, inside)?);
                }
                Ok(Node::Reduce(parts))
            }
            "sem_ver" => {
                count(3, 3)?;
                let sign = arguments[1].as_str().unwrap_or_default();
                let relation = Relation::ALL.into_iter().find(|relation| relation.sign() == sign).ok_or_else(|| {
                    let signs = Relation::ALL.map(Relation::sign).join(" ");
                    FlagError::new(format!("{field}[1]"), format!("compares versions by one of {signs}"))
                })?;
                let mut side = |index: usize| {
                    let field = format!("{field}[{index}]");
                    if let Value::String(text) = &arguments[index]
                        && Version::read(text).is_none()
                    {
                        let text = text.chars().take(40).collect::<String>();
                        return Err(FlagError::new(field, format!("{text:?} is not a version such as 1.2.3")));
                    }
                    self.node(&arguments[index], &field, depth + 1, inside)
                };
                Ok(Node::Version(relation, Box::new([side(0)?, side(2)?])))
            }
            "fractional" => self.fractional(arguments, field, depth, inside),
            "$ref" => Err(FlagError::new(field, "shared evaluators are not part of a flag: write the condition out")),
            name => {
                let Some((least, most)) = arguments_of(name) else {
                    let name = name.chars().take(40).collect::<String>();
                    return Err(FlagError::new(field, format!("{name:?} is no operator: use one of {NAMES}")));
                };
                count(least, most)?;
                let parts = self.nodes_of(arguments, field, depth, inside)?;
                plain(name, parts, field)
            }
        }
    }

    fn variable(&self, arguments: &[Value], field: &str, inside: bool) -> Read<Node> {
        let name = match arguments.first() {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(name)) => name.clone(),
            Some(Value::Number(index)) if inside => index.to_string(),
            Some(_) => return Err(FlagError::new(field, "takes the name of an attribute")),
        };
        let otherwise = match arguments.get(1) {
            None => Value::Null,
            Some(Value::Array(_) | Value::Object(_)) => {
                return Err(FlagError::new(format!("{field}[1]"), "what stands for a missing one is a single value"));
            }
            Some(value) => value.clone(),
        };
        if arguments.len() > 2 {
            return Err(FlagError::new(field, "takes the name of an attribute and what stands for a missing one"));
        }
        if !inside {
            if name.is_empty() {
                return Err(FlagError::new(
                    field,
                    "takes the name of an attribute: the whole context is nothing to ask",
                ));
            }
            match name.strip_prefix("$flagd.") {
                Some("flagKey") => return Ok(Node::FlagKey),
                Some("timestamp") => return Ok(Node::Timestamp),
                Some(_) => return Err(FlagError::new(field, "$flagd has flagKey and timestamp")),
                None => {}
            }
            if let Some(attribute) = self.attribute(&name) {
                if attribute == Attribute::Nothing {
                    return Err(FlagError::new(
                        field,
                        format!("{name} has no value: target, site, lane and stage are texts, a label is labels.KEY"),
                    ));
                }
                return Ok(Node::Known { name, attribute, otherwise });
            }
        }
        let path = if name.is_empty() { Vec::new() } else { name.split('.').map(str::to_owned).collect() };
        Ok(Node::Said { path, otherwise })
    }

    fn attribute(&self, name: &str) -> Option<Attribute> {
        if self.names == Names::Server { Attribute::of(name) } else { None }
    }

    fn missing(&self, at_least: Option<f64>, names: &[Value], field: &str, inside: bool) -> Read<Node> {
        let name = |value: &Value| match value {
            Value::String(name) if inside || self.attribute(name).is_none() => Ok(name.clone()),
            Value::String(name) => {
                Err(FlagError::new(field, format!("{name} is the server's to know, and is not asked for as missing")))
            }
            _ => Err(FlagError::new(field, "takes names of attributes")),
        };
        Ok(Node::Missing { at_least, names: names.iter().map(name).collect::<Read<_>>()? })
    }

    fn fractional(&mut self, arguments: &[Value], field: &str, depth: usize, inside: bool) -> Read<Node> {
        let (key, buckets) = match arguments.split_first() {
            Some((key, buckets)) if !key.is_array() => {
                (Some(Box::new(self.node(key, &format!("{field}[0]"), depth + 1, inside)?)), buckets)
            }
            _ => (None, arguments),
        };
        if buckets.is_empty() {
            return Err(FlagError::new(field, "needs a bucket at least, such as [\"on\", 25]"));
        }
        let mut sum = 0.0;
        let mut read = Vec::with_capacity(buckets.len());
        for (index, bucket) in buckets.iter().enumerate() {
            let field = format!("{field}[{}]", index + usize::from(key.is_some()));
            let Some([variant, weight @ ..]) = bucket.as_array().map(Vec::as_slice).filter(|b| b.len() <= 2) else {
                return Err(FlagError::new(field, "a bucket is a variant and a weight, such as [\"on\", 25]"));
            };
            if let Some(Value::Number(weight)) = weight.first() {
                let weight = weight.as_f64().unwrap_or(f64::NAN);
                if weight.fract() != 0.0 || weight.is_nan() {
                    return Err(FlagError::new(format!("{field}[1]"), "a weight is a whole number"));
                }
                sum += weight.max(0.0);
                if sum > f64::from(WEIGHTS_MAX) {
                    return Err(FlagError::new(
                        format!("{field}[1]"),
                        format!("weights add up to at most {WEIGHTS_MAX}"),
                    ));
                }
            } else if let Some(Value::String(_) | Value::Bool(_) | Value::Array(_)) = weight.first() {
                return Err(FlagError::new(format!("{field}[1]"), "a weight is a whole number"));
            }
            let variant = self.node(variant, &format!("{field}[0]"), depth + 2, inside)?;
            let weight = match weight.first() {
                Some(weight) => Some(self.node(weight, &format!("{field}[1]"), depth + 2, inside)?),
                None => None,
            };
            read.push((variant, weight));
        }
        Ok(Node::Fractional { key, buckets: read })
    }
}

/// How many arguments an operator takes that evaluates all of them.
fn arguments_of(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "if" | "substr" | "<" | "<=" => (2, 3),
        "==" | "===" | "!=" | "!==" | ">" | ">=" | "%" | "in" | "starts_with" | "ends_with" => (2, 2),
        "!" | "!!" => (1, 1),
        "-" => (1, 2),
        "or" | "and" | "+" | "*" | "min" | "max" | "cat" | "merge" => (1, usize::MAX),
        _ => return None,
    })
}

fn plain(name: &str, parts: Vec<Node>, field: &str) -> Read<Node> {
    let pair = |parts: Vec<Node>| {
        <[Node; 2]>::try_from(parts).map(Box::new).map_err(|_| FlagError::new(field, "takes 2 arguments"))
    };
    let one = |mut parts: Vec<Node>| Box::new(parts.pop().unwrap_or(Node::Literal(Value::Null)));
    let equal = |strict, negated, parts| Ok(Node::Equal { strict, negated, sides: pair(parts)? });
    match name {
        "if" => Ok(Node::If(parts)),
        "and" => Ok(Node::And(parts)),
        "or" => Ok(Node::Or(parts)),
        "!" => Ok(Node::Not(one(parts))),
        "!!" => Ok(Node::Truth(one(parts))),
        "==" => equal(false, false, parts),
        "===" => equal(true, false, parts),
        "!=" => equal(false, true, parts),
        "!==" => equal(true, true, parts),
        "<" => Ok(Node::Compare(Comparison::Less, parts)),
        "<=" => Ok(Node::Compare(Comparison::LessOrEqual, parts)),
        ">" => Ok(Node::Compare(Comparison::Greater, parts)),
        ">=" => Ok(Node::Compare(Comparison::GreaterOrEqual, parts)),
        "+" => Ok(Node::Calculate(Arithmetic::Add, parts)),
        "-" => Ok(Node::Calculate(Arithmetic::Subtract, parts)),
        "*" => Ok(Node::Calculate(Arithmetic::Multiply, parts)),
        "%" => Ok(Node::Calculate(Arithmetic::Remainder, parts)),
        "min" => Ok(Node::Calculate(Arithmetic::Least, parts)),
        "max" => Ok(Node::Calculate(Arithmetic::Greatest, parts)),
        "in" => Ok(Node::In(pair(parts)?)),
        "substr" => Ok(Node::Substring(parts)),
        "cat" => Ok(Node::Join(parts)),
        "merge" => Ok(Node::Merge(parts)),
        "starts_with" => Ok(Node::Affix(Affix::Starts, pair(parts)?)),
        _ => Ok(Node::Affix(Affix::Ends, pair(parts)?)),
    }
}
