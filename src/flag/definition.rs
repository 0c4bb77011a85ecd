//! The whole definition, checked: every variant that is named exists, every weight and share is in its range,
//! every condition can be evaluated. What is wrong is named by its field.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Compiled, FlagError, Rule, Serving, bucket::WEIGHTS_MAX, expression, node::Node, operators};
use crate::domain::{
    Flag, FlagDefinition, SafeText,
    flag::{Condition, FlagRule, Serve},
};

/// Most variants of a flag.
pub const VARIANTS_MAX: usize = 64;
/// Most rules of a flag.
pub const RULES_MAX: usize = 32;
/// Longest name of a variant or seed, in characters.
const NAME_MAX: usize = 128;
/// Most members or units of a share.
const MEMBERS_MAX: usize = 10_000;
/// Largest definition as JSON, in bytes, its members and units not counted.
pub const SIZE_MAX: usize = 256 * 1024;
/// Largest whole number that all clients read alike: 2^53 - 1.
const NUMBER_MAX: f64 = 9_007_199_254_740_991.0;

type Checked<T> = Result<T, FlagError>;

/// Checks and compiles.
pub(super) fn compile(flag: &Flag) -> Checked<Compiled> {
    let definition = &flag.definition;
    size(definition)?;
    if definition.owner.as_str().trim().is_empty() {
        return Err(FlagError::new("owner", "a flag needs somebody to ask: name a person or a team"));
    }
    if definition.kind.expires() && definition.expires_at.is_none() {
        return Err(FlagError::new("expires_at", "a flag for a release or an experiment goes away: say when"));
    }
    if let Some(seed) = &definition.seed {
        name("seed", seed)?;
    }
    let variants = variants(definition)?;
    let index = |field: &str, wanted: &str| {
        variants.iter().position(|(name, _)| name == wanted).ok_or_else(|| {
            let names: Vec<&str> = variants.iter().take(8).map(|(name, _)| name.as_str()).collect();
            let wanted: String = wanted.chars().take(40).collect();
            FlagError::new(field, format!("{wanted:?} is none of the variants {}", names.join(", ")))
        })
    };
    let off = index("off_variant", &definition.off_variant)?;
    let default = index("default_variant", &definition.default_variant)?;
    if definition.rules.len() > RULES_MAX {
        return Err(FlagError::new("rules", format!("a flag has at most {RULES_MAX} rules")));
    }
    let mut ids = BTreeSet::new();
    let mut rules = Vec::with_capacity(definition.rules.len());
    for (at, rule) in definition.rules.iter().enumerate() {
        let field = format!("rules[{at}]");
        if rule.id.is_empty() {
            return Err(FlagError::new(format!("{field}.id"), "a rule needs a name: it is shown where it matched"));
        }
        if !ids.insert(&rule.id) {
            return Err(FlagError::new(format!("{field}.id"), format!("{} is another rule's name", rule.id)));
        }
        let when = condition(rule, &field)?;
        let serve = serving(&rule.serve, &format!("{field}.serve"), &index)?;
        rules.push(Rule { id: rule.id.clone(), when, serve });
    }
    let seed = definition.seed.clone().unwrap_or_else(|| flag.key.to_string());
    Ok(Compiled { flag: flag.clone(), variants, off, default, rules, seed })
}

fn size(definition: &FlagDefinition) -> Checked<()> {
    let mut bare = definition.clone();
    for rule in &mut bare.rules {
        match &mut rule.serve {
            Serve::Sites(share) => share.members.clear(),
            Serve::Units(share) => share.units.clear(),
            Serve::Variant(_) | Serve::Split(_) => {}
        }
    }
    match serde_json::to_vec(&bare) {
        Ok(bytes) if bytes.len() <= SIZE_MAX => Ok(()),
        Ok(bytes) => Err(FlagError::new(
            "definition",
            format!("is {} KiB as JSON, of at most {} KiB", bytes.len() / 1024, SIZE_MAX / 1024),
        )),
        Err(error) => Err(FlagError::new("definition", format!("is no JSON: {error}"))),
    }
}

fn name(field: &str, text: &str) -> Checked<()> {
    if text.is_empty() || text.chars().count() > NAME_MAX {
        return Err(FlagError::new(field, format!("has 1 to {NAME_MAX} characters")));
    }
    // What cannot be shown as it is cannot be told apart by people.
    if SafeText::new(text).as_str() != text {
        return Err(FlagError::new(field, "has a character that cannot be shown"));
    }
    Ok(())
}

/// The variants, all of one type. Where a number is a fraction, all are written with a point: clients take a
/// whole number for another type.
fn variants(definition: &FlagDefinition) -> Checked<Vec<(String, Value)>> {
    const KINDS: &str = "true or false, texts, numbers, or objects";
    if definition.variants.is_empty() {
        return Err(FlagError::new("variants", "a flag needs a variant at least"));
    }
    if definition.variants.len() > VARIANTS_MAX {
        return Err(FlagError::new("variants", format!("a flag has at most {VARIANTS_MAX} variants")));
    }
    let kind = |value: &Value| match value {
        Value::Bool(_) => Some("true or false"),
        Value::String(_) => Some("a text"),
        Value::Number(_) => Some("a number"),
        Value::Object(_) => Some("an object"),
        Value::Null | Value::Array(_) => None,
    };
    let mut first = None;
    for (variant, value) in &definition.variants {
        let field = format!("variants.{variant}");
        name(&field, variant)?;
        let Some(kind) = kind(value) else {
            return Err(FlagError::new(field, format!("the values of a flag are {KINDS}")));
        };
        let (of, expected) = first.get_or_insert_with(|| (variant.clone(), kind));
        if kind != *expected {
            return Err(FlagError::new(field, format!("is {kind}, but {of} is {expected}: values have one type")));
        }
        if let Value::Number(number) = value
            && number.as_f64().is_none_or(|number| number.abs() > NUMBER_MAX)
        {
            return Err(FlagError::new(field, "is beyond what all clients read alike, 2^53 - 1"));
        }
    }
    let fractions = definition.variants.values().any(Value::is_f64);
    let value = |value: &Value| match value.as_f64().filter(|_| fractions) {
        Some(number) => Value::from(number),
        None => value.clone(),
    };
    Ok(definition.variants.iter().map(|(name, of)| (name.clone(), value(of))).collect())
}

fn condition(rule: &FlagRule, field: &str) -> Checked<Option<Node>> {
    let field = format!("{field}.when");
    match &rule.when {
        None => Ok(None),
        Some(Condition::Expression(text)) => expression::read(text, &field).map(Some),
        Some(Condition::Operators(operators)) => operators::read(operators, operators::Names::Server, &field).map(Some),
    }
}

fn serving(serve: &Serve, field: &str, index: &dyn Fn(&str, &str) -> Checked<usize>) -> Checked<Serving> {
    match serve {
        Serve::Variant(variant) => Ok(Serving::Variant(index(&format!("{field}.variant"), variant)?)),
        Serve::Split(shares) => {
            let field = format!("{field}.split");
            let mut total: u64 = 0;
            let mut read = Vec::with_capacity(shares.len());
            for (at, share) in shares.iter().enumerate() {
                read.push((index(&format!("{field}[{at}].variant"), &share.variant)?, share.weight));
                total += u64::from(share.weight);
                if total > u64::from(WEIGHTS_MAX) {
                    let message = format!("weights add up to at most {WEIGHTS_MAX}");
                    return Err(FlagError::new(format!("{field}[{at}].weight"), message));
                }
            }
            match u32::try_from(total) {
                Ok(total) if total > 0 => Ok(Serving::Split { shares: read, total }),
                _ => Err(FlagError::new(field, "weights add up to 1 at least")),
            }
        }
        Serve::Sites(share) => {
            let field = format!("{field}.sites");
            let variant = index(&format!("{field}.variant"), &share.variant)?;
            if !(0.0..=100.0).contains(&share.percent) {
                return Err(FlagError::new(format!("{field}.percent"), format!("is 0 to 100, got {}", share.percent)));
            }
            bounded(&format!("{field}.members"), share.members.len())?;
            Ok(Serving::Sites { variant, members: share.members.clone() })
        }
        Serve::Units(share) => {
            let field = format!("{field}.units");
            let variant = index(&format!("{field}.variant"), &share.variant)?;
            bounded(&format!("{field}.units"), share.units.len())?;
            Ok(Serving::Units { variant, units: share.units.clone() })
        }
    }
}

fn bounded(field: &str, count: usize) -> Checked<()> {
    if count > MEMBERS_MAX { Err(FlagError::new(field, format!("has at most {MEMBERS_MAX} entries"))) } else { Ok(()) }
}
