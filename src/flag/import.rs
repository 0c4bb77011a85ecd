//! Flags in flagd's JSON, read as definitions of our own: exactly, or refused with the reason.
//!
//! flagd's `targeting` is one operation that comes to a variant, ours are rules of which the first that matches
//! decides. An `if` becomes rules, a `fractional` over the targeting key a split; what computes a variant in
//! another way is refused.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Compiled, FlagError, TARGETING_KEY};
use crate::domain::{
    Flag, FlagDefinition, FlagKey, SafeText,
    flag::{Condition, FlagKind, FlagRule, Serve, Share},
};

/// What flagd's form does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Definitions by key.
    pub flags: BTreeMap<FlagKey, FlagDefinition>,
    /// What was left out of them or added to them, and why that changes nothing that is served.
    pub remarks: Vec<SafeText>,
}

/// Why a file in flagd's form is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is no JSON.
    #[error("is no JSON: {0}")]
    NotJson(SafeText),
    /// Something in it that a definition of ours cannot say, or that is wrong.
    #[error(transparent)]
    Field(#[from] FlagError),
}

/// Reads a file in flagd's form. `kind`, `owner` and `expires_at` are what it does not say.
///
/// # Errors
/// [`ImportError`] names what cannot be represented exactly. All flags are read or none.
pub fn import(
    text: &str,
    kind: FlagKind,
    owner: &SafeText,
    expires_at: Option<DateTime<Utc>>,
) -> Result<Imported, ImportError> {
    let value: Value = serde_json::from_slice(text.as_bytes())
        .map_err(|error| ImportError::NotJson(SafeText::new(error.to_string())))?;
    let flags = value
        .get("flags")
        .and_then(Value::as_object)
        .ok_or_else(|| FlagError::new("flags", "is not a mapping of flags by key"))?;
    let shared = value.get("$evaluators").and_then(Value::as_object);
    let mut imported = Imported { flags: BTreeMap::new(), remarks: Vec::new() };
    for (key, flag) in flags {
        let field = format!("flags.{key}");
        let key: FlagKey = key
            .parse()
            .map_err(|error: crate::domain::flag::FlagKeyError| FlagError::new(&field, error.to_string()))?;
        let definition = one(&key, flag, shared, (kind, owner, expires_at), &field, &mut imported.remarks)?;
        check(&key, &definition).map_err(|error| FlagError::new(format!("{field}.{}", error.field), error.message))?;
        imported.flags.insert(key, definition);
    }
    Ok(imported)
}

/// The whole definition, checked as it will be when it is set.
fn check(key: &FlagKey, definition: &FlagDefinition) -> Result<(), FlagError> {
    let nobody = SafeText::default();
    Compiled::new(&Flag {
        key: key.clone(),
        revision: 1,
        definition: definition.clone(),
        killed: None,
        created_by: nobody.clone(),
        created_at: DateTime::UNIX_EPOCH,
        changed_by: nobody.clone(),
        changed_at: DateTime::UNIX_EPOCH,
        reason: nobody,
        ticket: None,
    })
    .map(drop)
}

fn one(
    key: &FlagKey,
    flag: &Value,
    shared: Option<&Map<String, Value>>,
    (kind, owner, expires_at): (FlagKind, &SafeText, Option<DateTime<Utc>>),
    field: &str,
    remarks: &mut Vec<SafeText>,
) -> Result<FlagDefinition, FlagError> {
    let variants = flag.get("variants").and_then(Value::as_object);
    let variants = variants.ok_or_else(|| FlagError::new(format!("{field}.variants"), "is not a mapping"))?;
    let variants: BTreeMap<String, Value> = variants.iter().map(|(name, of)| (name.clone(), of.clone())).collect();
    let default_variant = flag.get("defaultVariant").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
        let message = "a flag without a default leaves its value to each caller's code: name a variant";
        FlagError::new(format!("{field}.defaultVariant"), message)
    })?;
    let enabled = match flag.get("state").and_then(Value::as_str) {
        Some("ENABLED") => true,
        Some("DISABLED") => false,
        _ => return Err(FlagError::new(format!("{field}.state"), "is ENABLED or DISABLED")),
    };
    // flagd has nothing that is served while a flag is off: the variant that is false, or else the default.
    let is_off = |(name, value): (&String, &Value)| (*value == Value::Bool(false)).then(|| name.clone());
    let off_variant = variants.iter().find_map(is_off).unwrap_or_else(|| default_variant.clone());
    remarks.push(SafeText::new(format!("{key}: off_variant is {off_variant:?}; flagd's form does not say it")));
    if !enabled {
        remarks.push(SafeText::new(format!("{key}: is off and serves {off_variant:?}, where flagd answers an error")));
    }
    for (name, _) in flag.as_object().into_iter().flatten() {
        match name.as_str() {
            "state" | "variants" | "defaultVariant" | "targeting" => {}
            "metadata" | "$schema" => remarks.push(SafeText::new(format!("{key}: {name} is left out"))),
            name => {
                return Err(FlagError::new(format!("{field}.{name}"), "is no part of a flag in flagd's form"));
            }
        }
    }
    let mut rules = Rules { default: &default_variant, key: key.as_str(), seed: None, read: Vec::new() };
    let targeting = format!("{field}.targeting");
    match flag.get("targeting") {
        None | Some(Value::Null) => {}
        Some(Value::Object(operation)) if operation.is_empty() => {}
        Some(operation) => rules.read(&inline(operation, shared, &targeting)?, &[], &targeting)?,
    }
    if rules.seed.is_some() {
        let message = "without a targeting key its shares answer an error, where flagd serves the default";
        remarks.push(SafeText::new(format!("{key}: {message}")));
    }
    let (seed, rules) = (rules.seed.filter(|seed| seed != key.as_str()), rules.read);
    Ok(FlagDefinition {
        description: None,
        kind,
        owner: owner.clone(),
        variants,
        default_variant,
        off_variant,
        enabled,
        scope: None,
        rules,
        seed,
        expires_at,
        review_at: None,
    })
}

struct Rules<'f> {
    default: &'f str,
    key: &'f str,
    seed: Option<String>,
    read: Vec<FlagRule>,
}

impl Rules<'_> {
    /// Adds rules for all who pass the guards, so that each of them is decided by one.
    fn read(&mut self, operation: &Value, guards: &[Value], field: &str) -> Result<(), FlagError> {
        let parts = |name: &str| operation.get(name).and_then(Value::as_array).map(Vec::as_slice);
        if let Some([condition, rest @ ..]) = parts("if").filter(|parts| (2..=3).contains(&parts.len())) {
            let null = Value::Null;
            // What an export writes before a share is what a share demands by itself.
            let is_key = *condition == json!({"!!": [{"var": TARGETING_KEY}]});
            let guarded_share = is_key && rest[0].get("fractional").is_some() && rest.get(1).unwrap_or(&null).is_null();
            let always = *condition == Value::Bool(true);
            if guarded_share || always {
                return self.read(&rest[0], guards, &format!("{field}.if[1]"));
            }
            let inner = [guards, std::slice::from_ref(condition)].concat();
            self.read(&rest[0], &inner, &format!("{field}.if[1]"))?;
            return self.read(rest.get(1).unwrap_or(&null), guards, &format!("{field}.if[2]"));
        }
        let serve = match operation {
            Value::Null if guards.is_empty() => return Ok(()),
            Value::Null => Serve::Variant(self.default.to_owned()),
            Value::String(variant) => Serve::Variant(variant.clone()),
            Value::Bool(variant) => Serve::Variant(variant.to_string()),
            _ => {
                let Some(parts) = parts("fractional") else {
                    let message = "computes a variant: only `if`, `fractional` over the targeting key and variants \
                                   can be represented";
                    return Err(FlagError::new(field, message));
                };
                self.split(parts, field)?
            }
        };
        let when = match guards {
            [] => None,
            [Value::Object(guard)] => Some(Condition::Operators(guard.clone())),
            guards => Some(Condition::Operators(Map::from_iter([("and".to_owned(), guards.into())]))),
        };
        let id = SafeText::new(format!("rule-{}", self.read.len() + 1));
        self.read.push(FlagRule { id, when, serve });
        Ok(())
    }

    fn split(&mut self, parts: &[Value], field: &str) -> Result<Serve, FlagError> {
        let field = format!("{field}.fractional");
        let refused = |message: &str| FlagError::new(&field, message);
        let (seed, buckets) = match parts.split_first() {
            Some((key, buckets)) if !key.is_array() => (
                self.seed_of(key).ok_or_else(|| {
                    refused("is bucketed by something else than a seed and the targeting key, which is all that a share has")
                })?,
                buckets,
            ),
            _ => (self.key.to_owned(), parts),
        };
        if self.seed.get_or_insert_with(|| seed.clone()) != &seed {
            return Err(refused("has another seed than an earlier share: a flag has one"));
        }
        let share = |bucket: &Value| {
            let bucket = bucket.as_array()?;
            let variant = match bucket.first()? {
                Value::String(variant) => variant.clone(),
                Value::Bool(variant) => variant.to_string(),
                _ => return None,
            };
            let weight = match bucket.get(1) {
                None | Some(Value::Null) => 1,
                // What is below nothing counts as nothing.
                Some(weight) if weight.as_f64().is_some_and(|weight| weight < 0.0) => 0,
                Some(weight) => u32::try_from(weight.as_u64()?).ok()?,
            };
            (bucket.len() <= 2).then_some(Share { variant, weight })
        };
        let shares: Option<Vec<Share>> = buckets.iter().map(share).collect();
        let shares =
            shares.ok_or_else(|| refused("computes its buckets: only variants and weights can be represented"))?;
        if shares.iter().all(|share| share.weight == 0) {
            return Ok(Serve::Variant(self.default.to_owned()));
        }
        Ok(Serve::Split(shares))
    }

    /// What stands before the targeting key.
    fn seed_of(&self, key: &Value) -> Option<String> {
        let targeting_key = [json!({"var": TARGETING_KEY}), json!({"var": [TARGETING_KEY]})];
        let [seed, last] = key.get("cat")?.as_array()?.as_slice() else { return None };
        if !targeting_key.contains(last) {
            return None;
        }
        match seed {
            Value::String(seed) if !seed.is_empty() => Some(seed.clone()),
            seed if *seed == json!({"var": "$flagd.flagKey"}) => Some(self.key.to_owned()),
            _ => None,
        }
    }
}

/// An operation with the shared evaluators that it names written out. One does not name another, as in flagd.
pub(super) fn inline(operation: &Value, shared: Option<&Map<String, Value>>, field: &str) -> Result<Value, FlagError> {
    let field_of = |part: &str| if field.len() < 300 { format!("{field}.{part}") } else { field.to_owned() };
    match operation {
        Value::Object(fields) => match fields.get("$ref") {
            Some(name) if fields.len() == 1 => {
                let name = name.as_str().unwrap_or_default();
                let found = shared.and_then(|shared| shared.get(name));
                found.cloned().ok_or_else(|| FlagError::new(field, format!("{name:?} is no shared evaluator")))
            }
            _ => fields
                .iter()
                .map(|(name, of)| Ok((name.clone(), inline(of, shared, &field_of(name))?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        },
        Value::Array(parts) => {
            parts.iter().map(|part| inline(part, shared, field)).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        other => Ok(other.clone()),
    }
}
