//! Conditions, evaluated over a context that is not copied, with a bound on what they may cost.

use std::{borrow::Cow, cell::Cell};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{
    EvaluationError, TARGETING_KEY, bucket,
    node::{Affix, Arithmetic, Attribute, Comparison, Each, Node},
    targeting_key,
    value::Val,
    version::Version,
};
use crate::domain::{LaneName, Place, SafeText, SiteName, StageName};

/// Most steps of an evaluation: parts evaluated, elements visited, pieces of text made.
const STEPS_MAX: usize = 20_000;

/// Whom and where it is evaluated for.
pub(super) struct Scene<'v> {
    key: &'v str,
    place: Option<&'v Place<'v>>,
    context: &'v Map<String, Value>,
    at: DateTime<Utc>,
    steps: Cell<usize>,
    /// Whether a share decided something.
    pub shared: Cell<bool>,
    /// Whether a share that an export holds back without a targeting key is an error, as it is to the server.
    pub demands_key: bool,
}

/// What names stand for.
enum Data<'v> {
    Context,
    Element(Val<'v>),
    Reduced { current: Val<'v>, accumulator: Val<'v> },
}

type Answer<'v> = Result<Val<'v>, EvaluationError>;

impl<'v> Scene<'v> {
    pub fn new(key: &'v str, place: Option<&'v Place<'v>>, context: &'v Map<String, Value>, at: DateTime<Utc>) -> Self {
        Self { key, place, context, at, steps: Cell::new(STEPS_MAX), shared: Cell::new(false), demands_key: false }
    }

    /// Whether a condition holds.
    pub fn holds(&self, node: &'v Node) -> Result<bool, EvaluationError> {
        Ok(self.value(node)?.is_true())
    }

    /// What a tree comes to.
    pub fn value(&self, node: &'v Node) -> Answer<'v> {
        self.of(node, &Data::Context)
    }

    fn spend(&self, steps: usize) -> Result<(), EvaluationError> {
        self.steps.set(self.steps.get().checked_sub(steps).ok_or(EvaluationError::TooCostly)?);
        Ok(())
    }

    fn of(&self, node: &'v Node, data: &Data<'v>) -> Answer<'v> {
        self.spend(1)?;
        Ok(match node {
            Node::Literal(value) => value.into(),
            Node::List(parts) => Val::List(self.all_of(parts, data)?),
            Node::Said { path, otherwise } => {
                let found = self.said(path, data);
                if let Some(value) = &found {
                    self.spend(value.cost())?;
                }
                found.unwrap_or_else(|| otherwise.into())
            }
            Node::Known { attribute, otherwise, .. } => self.known(attribute).unwrap_or_else(|| otherwise.into()),
            Node::FlagKey => Val::Text(Cow::Borrowed(self.key)),
            Node::Timestamp => Val::Number(self.at.timestamp() as f64),
            Node::Missing { at_least, names } => self.missing(*at_least, names, data)?,
            Node::If(parts) => match parts.as_slice() {
                [condition, yes, ..] if self.of(condition, data)?.is_true() => self.of(yes, data)?,
                [condition, Node::Fractional { .. }, _] if self.demands_key && asks_for_key(condition) => {
                    targeting_key(self.context)?;
                    Val::Null
                }
                [_, _, no] => self.of(no, data)?,
                _ => Val::Null,
            },
            Node::And(parts) => self.first(parts, data, false)?,
            Node::Or(parts) => self.first(parts, data, true)?,
            Node::Not(part) => Val::Bool(!self.of(part, data)?.is_true()),
            Node::Truth(part) => Val::Bool(self.of(part, data)?.is_true()),
            Node::Equal { strict, negated, sides } => {
                let (left, right) = self.both(sides, data)?;
                let equal = if *strict { left.is(&right) } else { left.looks_like(&right) };
                Val::Bool(equal != *negated)
            }
            Node::Compare(comparison, parts) => {
                let values = self.all_of(parts, data)?;
                Val::Bool(values.windows(2).all(|pair| compare(*comparison, &pair[0], &pair[1])))
            }
            Node::Calculate(arithmetic, parts) => calculate(*arithmetic, &self.all_of(parts, data)?),
            Node::In(sides) => {
                let (element, list) = self.both(sides, data)?;
                Val::Bool(match &list {
                    Val::Text(text) => {
                        self.spend(list.cost())?;
                        text.contains(&*element.to_text())
                    }
                    Val::Array(values) => {
                        self.spend(values.len())?;
                        values.iter().any(|value| element.is(&value.into()))
                    }
                    Val::List(values) => values.iter().any(|value| element.is(value)),
                    _ => false,
                })
            }
            Node::Substring(parts) => self.substring(&self.all_of(parts, data)?)?,
            Node::Join(parts) => {
                let values = self.all_of(parts, data)?;
                self.spend(values.iter().map(Val::cost).sum())?;
                Val::Text(Cow::Owned(values.iter().map(Val::to_text).collect()))
            }
            Node::Merge(parts) => {
                let values = self.all_of(parts, data)?;
                self.spend(values.iter().map(Val::cost).sum())?;
                let lists = values.into_iter().map(|value| value.elements().unwrap_or_else(|| vec![value]));
                Val::List(lists.flatten().collect())
            }
            Node::Each(each, sides) => self.each(*each, &sides[0], &sides[1], data)?,
            Node::Reduce(parts) => {
                let [list, body, first @ ..] = parts.as_slice() else { return Ok(Val::Null) };
                let mut accumulator = match first.first() {
                    Some(first) => self.of(first, data)?,
                    None => Val::Null,
                };
                for current in self.of(list, data)?.elements().unwrap_or_default() {
                    self.spend(1 + accumulator.cost() + current.cost())?;
                    accumulator = self.of(body, &Data::Reduced { current, accumulator })?;
                }
                accumulator
            }
            Node::Affix(affix, sides) => match self.both(sides, data)? {
                (Val::Text(text), Val::Text(part)) => Val::Bool(match affix {
                    Affix::Starts => text.starts_with(&*part),
                    Affix::Ends => text.ends_with(&*part),
                }),
                _ => Val::Null,
            },
            Node::Version(relation, sides) => {
                let (left, right) = self.both(sides, data)?;
                self.spend(left.cost() + right.cost())?;
                match (&left, &right) {
                    (Val::Text(left), Val::Text(right)) => match (Version::read(left), Version::read(right)) {
                        (Some(left), Some(right)) => Val::Bool(relation.holds(&left, &right)),
                        _ => Val::Null,
                    },
                    _ => Val::Null,
                }
            }
            Node::Fractional { key, buckets } => self.fractional(key.as_deref(), buckets, data)?,
        })
    }

    fn all_of(&self, parts: &'v [Node], data: &Data<'v>) -> Result<Vec<Val<'v>>, EvaluationError> {
        parts.iter().map(|part| self.of(part, data)).collect()
    }

    fn both(&self, sides: &'v [Node; 2], data: &Data<'v>) -> Result<(Val<'v>, Val<'v>), EvaluationError> {
        Ok((self.of(&sides[0], data)?, self.of(&sides[1], data)?))
    }

    /// The first that counts as `truth`, or the last.
    fn first(&self, parts: &'v [Node], data: &Data<'v>, truth: bool) -> Answer<'v> {
        let mut last = Val::Null;
        for part in parts {
            last = self.of(part, data)?;
            if last.is_true() == truth {
                break;
            }
        }
        Ok(last)
    }

    fn said(&self, path: &'v [String], data: &Data<'v>) -> Option<Val<'v>> {
        let found = match data {
            Data::Context => Val::Object(self.context).at(path),
            Data::Element(element) => element.at(path),
            Data::Reduced { current, accumulator } => match path.split_first() {
                Some((first, rest)) if first == "current" => current.at(rest),
                Some((first, rest)) if first == "accumulator" => accumulator.at(rest),
                _ => None,
            },
        };
        found.filter(|value| !matches!(value, Val::Null))
    }

    fn known(&self, attribute: &Attribute) -> Option<Val<'v>> {
        let text = known(self.place?, attribute)?;
        Some(Val::Text(Cow::Borrowed(text)))
    }

    fn missing(&self, at_least: Option<f64>, names: &'v [String], data: &Data<'v>) -> Answer<'v> {
        self.spend(names.len())?;
        let is_missing = |name: &&'v String| {
            let path: Vec<String> = name.split('.').map(str::to_owned).collect();
            let found = match data {
                Data::Context => Val::Object(self.context).at(&path),
                Data::Element(element) => element.at(&path),
                Data::Reduced { .. } => None,
            };
            match found {
                None | Some(Val::Null) => true,
                Some(Val::Text(text)) => text.is_empty(),
                Some(_) => false,
            }
        };
        let missing: Vec<&'v String> = names.iter().filter(is_missing).collect();
        let enough = at_least.is_some_and(|least| (names.len() - missing.len()) as f64 >= least);
        let missing = if enough { Vec::new() } else { missing };
        Ok(Val::List(missing.into_iter().map(|name| Val::Text(Cow::Borrowed(name.as_str()))).collect()))
    }

    fn substring(&self, values: &[Val<'v>]) -> Answer<'v> {
        let [text, from, length @ ..] = values else { return Ok(Val::Null) };
        self.spend(text.cost())?;
        let text = text.to_text();
        let count = text.chars().count() as f64;
        // A negative beginning counts from the end, a negative length leaves out as many at the end.
        let from = from.to_number();
        let from = if from < 0.0 { (count + from).max(0.0) } else { from.min(count) };
        let end = match length.first().map(Val::to_number) {
            None => count,
            Some(length) if length < 0.0 => count + length,
            Some(length) => (from + length).min(count),
        };
        let taken = text.chars().skip(from as usize).take((end - from).max(0.0) as usize);
        Ok(Val::Text(Cow::Owned(taken.collect())))
    }

    fn each(&self, each: Each, list: &'v Node, body: &'v Node, data: &Data<'v>) -> Answer<'v> {
        let elements = self.of(list, data)?.elements().unwrap_or_default();
        let is_empty = elements.is_empty();
        let mut kept = Vec::new();
        for element in elements {
            self.spend(1 + element.cost())?;
            let value = self.of(body, &Data::Element(element.clone()))?;
            let holds = value.is_true();
            match each {
                Each::Map => kept.push(value),
                Each::Filter if holds => kept.push(element),
                // The rest changes nothing.
                Each::Some | Each::None if holds => return Ok(Val::Bool(each == Each::Some)),
                Each::All if !holds => return Ok(Val::Bool(false)),
                Each::Filter | Each::All | Each::Some | Each::None => {}
            }
        }
        Ok(match each {
            Each::Map | Each::Filter => Val::List(kept),
            // Of an empty list, all is false: JSON Logic's own rule.
            Each::All => Val::Bool(!is_empty),
            Each::Some => Val::Bool(false),
            Each::None => Val::Bool(true),
        })
    }

    fn fractional(&self, key: Option<&'v Node>, buckets: &'v [(Node, Option<Node>)], data: &Data<'v>) -> Answer<'v> {
        let explicit = match key {
            Some(key) => match self.of(key, data)? {
                Val::Text(text) => Some(text),
                Val::Null => None,
                _ => return Ok(Val::Null),
            },
            None => None,
        };
        let hash = match explicit {
            Some(text) => bucket::hash("", &text),
            None => bucket::hash(self.key, targeting_key(self.context)?),
        };
        let mut total: u64 = 0;
        let mut weighed = Vec::with_capacity(buckets.len());
        for (variant, weight) in buckets {
            let weight = match weight {
                None => 1.0,
                Some(weight) => match self.of(weight, data)? {
                    Val::Null => 1.0,
                    Val::Number(weight) if weight.fract() == 0.0 => weight,
                    _ => return Ok(Val::Null),
                },
            };
            // A computed weight may come out below nothing.
            let weight = weight.max(0.0).min(f64::from(u32::MAX)) as u32;
            total += u64::from(weight);
            weighed.push((variant, weight));
        }
        let Some(total) = u32::try_from(total).ok().filter(|total| *total <= bucket::WEIGHTS_MAX) else {
            return Ok(Val::Null);
        };
        self.shared.set(true);
        match bucket::choose(hash, total, weighed) {
            Some(variant) => self.of(variant, data),
            None => Ok(Val::Null),
        }
    }
}

/// Whether a condition is that there is a targeting key, as an export has it before a share.
fn asks_for_key(condition: &Node) -> bool {
    let Node::Truth(part) = condition else { return false };
    matches!(&**part, Node::Said { path, .. } if matches!(path.as_slice(), [name] if name == TARGETING_KEY))
}

/// What the server knows of a place.
pub(super) fn known<'p>(place: &Place<'p>, attribute: &Attribute) -> Option<&'p str> {
    match attribute {
        Attribute::Target => Some(place.target.as_str()),
        Attribute::Site => place.site.map(SiteName::as_str),
        Attribute::Lane => place.lane.map(LaneName::as_str),
        Attribute::Stage => place.stage.map(StageName::as_str),
        Attribute::Label(key) => place.labels?.get(key).map(SafeText::as_str),
        Attribute::Nothing => None,
    }
}

fn compare(comparison: Comparison, left: &Val<'_>, right: &Val<'_>) -> bool {
    let order = match (left, right) {
        (Val::Text(left), Val::Text(right)) => Some(left.cmp(right)),
        _ => left.to_number().partial_cmp(&right.to_number()),
    };
    order.is_some_and(|order| match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

fn calculate(arithmetic: Arithmetic, values: &[Val<'_>]) -> Val<'static> {
    let terms = values.iter().map(Val::to_term);
    let numbers = || values.iter().map(Val::to_number);
    Val::Number(match arithmetic {
        Arithmetic::Add => terms.sum(),
        Arithmetic::Multiply => terms.product(),
        Arithmetic::Subtract => match values {
            [only] => -only.to_number(),
            _ => numbers().reduce(|left, right| left - right).unwrap_or(f64::NAN),
        },
        Arithmetic::Remainder => numbers().reduce(|left, right| left % right).unwrap_or(f64::NAN),
        Arithmetic::Least => numbers().reduce(least).unwrap_or(f64::NAN),
        Arithmetic::Greatest => numbers().reduce(|left, right| -least(-left, -right)).unwrap_or(f64::NAN),
    })
}

/// The smaller one; no number where one of them is none.
fn least(left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() { f64::NAN } else { left.min(right) }
}
