//! A file in flagd's JSON, read and evaluated: what a site that keeps an export does while nobody can be asked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{
    EvaluationError, FlagError,
    evaluate::Scene,
    import,
    node::Node,
    operators::{self, Names},
    value::Val,
};
use crate::domain::{FlagReason, SafeText};

/// Most flags of a file.
const FLAGS_MAX: usize = 10_000;

/// Why a file is none, or has no value for a flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is no JSON.
    #[error("is no JSON: {0}")]
    NotJson(SafeText),
    /// It is not in flagd's form.
    #[error("is not in flagd's form: {0}")]
    NotFlags(SafeText),
    /// It has no such flag.
    #[error("has no such flag")]
    NoSuchFlag,
    /// The flag cannot be evaluated.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// The flag is switched off, and names nothing that is served then.
    #[error("the flag is switched off, and its file names no value for that")]
    Disabled,
    /// The conditions chose what is no variant.
    #[error("the conditions chose {0:?}, which is no variant")]
    NoSuchVariant(SafeText),
    /// Nothing matched, and there is no default variant.
    #[error("nothing matched, and there is no default variant")]
    NoDefault,
    /// There is no value for this context.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

/// What a flag of a file serves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolved<'d> {
    /// The value.
    pub value: &'d Value,
    /// The variant.
    pub variant: &'d str,
    /// Why.
    pub reason: FlagReason,
    /// The flag's metadata.
    pub metadata: &'d Map<String, Value>,
}

/// A file in flagd's form, ready to be evaluated. A flag of it that cannot be is an error when it is asked for.
#[derive(Debug, Clone)]
pub struct Document {
    flags: BTreeMap<String, Result<Entry, FlagError>>,
    metadata: Map<String, Value>,
}

#[derive(Debug, Clone)]
struct Entry {
    enabled: bool,
    variants: Map<String, Value>,
    default: Option<String>,
    targeting: Option<Node>,
    metadata: Map<String, Value>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DocumentError`] when it is no JSON, or has no flags in flagd's form.
    pub fn read(text: &str) -> Result<Self, DocumentError> {
        let value: Value = serde_json::from_slice(text.as_bytes())
            .map_err(|error| DocumentError::NotJson(SafeText::new(error.to_string())))?;
        Self::from_value(&value)
    }

    /// Reads what is JSON already.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_value(value: &Value) -> Result<Self, DocumentError> {
        let wrong = |what: &str| DocumentError::NotFlags(SafeText::new(what));
        let flags = value.get("flags").and_then(Value::as_object).ok_or_else(|| wrong("`flags` is not a mapping"))?;
        if flags.len() > FLAGS_MAX {
            return Err(wrong(&format!("has more than {FLAGS_MAX} flags")));
        }
        let shared = value.get("$evaluators").and_then(Value::as_object);
        let entry = |(key, flag): (&String, &Value)| (key.clone(), Entry::read(key, flag, shared));
        let metadata = value.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Self { flags: flags.iter().map(entry).collect(), metadata })
    }

    /// The metadata of the whole file.
    #[must_use]
    pub const fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// The keys of its flags, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.flags.keys().map(String::as_str)
    }

    /// The revision of each flag that has one in its metadata: which change of it the file holds.
    #[must_use]
    pub fn revisions(&self) -> BTreeMap<String, u64> {
        let revision = |entry: &Entry| entry.metadata.get("revision").and_then(Value::as_u64);
        let known = |(key, entry): (&String, &Result<Entry, FlagError>)| {
            entry.as_ref().ok().and_then(revision).map(|revision| (key.clone(), revision))
        };
        self.flags.iter().filter_map(known).collect()
    }

    /// What a caller gets, by flagd's rules; but a share without a targeting key is an error, as it is to the
    /// server.
    ///
    /// # Errors
    /// [`DocumentError`]: there is no value, and none is made up.
    pub fn resolve(
        &self,
        key: &str,
        context: &Map<String, Value>,
        at: DateTime<Utc>,
    ) -> Result<Resolved<'_>, DocumentError> {
        let entry = self.flags.get(key).ok_or(DocumentError::NoSuchFlag)?.as_ref().map_err(Clone::clone)?;
        if !entry.enabled {
            return Err(DocumentError::Disabled);
        }
        let Some(targeting) = &entry.targeting else {
            // An export says why one variant is served.
            let said = entry.metadata.get("reason").cloned().and_then(|said| serde_json::from_value(said).ok());
            return entry.default(said.unwrap_or(FlagReason::Static));
        };
        let mut scene = Scene::new(key, None, context, at);
        scene.demands_key = true;
        let chosen = match scene.value(targeting)? {
            Val::Null => return entry.default(FlagReason::Default),
            chosen => chosen.to_text(),
        };
        let reason = if scene.shared.get() { FlagReason::Split } else { FlagReason::TargetingMatch };
        entry.serve(&chosen, reason)
    }
}

impl Entry {
    fn read(key: &str, flag: &Value, shared: Option<&Map<String, Value>>) -> Result<Self, FlagError> {
        let field = |name: &str| format!("flags.{key}.{name}");
        let object = |name: &str| flag.get(name).and_then(Value::as_object);
        let variants =
            object("variants").cloned().ok_or_else(|| FlagError::new(field("variants"), "is not a mapping"))?;
        let enabled = match flag.get("state").and_then(Value::as_str) {
            Some("ENABLED") | None => true,
            Some("DISABLED") => false,
            Some(_) => return Err(FlagError::new(field("state"), "is ENABLED or DISABLED")),
        };
        let targeting = match flag.get("targeting") {
            None | Some(Value::Null) => None,
            Some(targeting) => match import::inline(targeting, shared, &field("targeting"))? {
                Value::Object(operators) if operators.is_empty() => None,
                Value::Object(operators) => Some(operators::read(&operators, Names::Caller, &field("targeting"))?),
                _ => return Err(FlagError::new(field("targeting"), "is not an operation")),
            },
        };
        let default = flag.get("defaultVariant").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { enabled, variants, default, targeting, metadata: object("metadata").cloned().unwrap_or_default() })
    }

    fn default(&self, reason: FlagReason) -> Result<Resolved<'_>, DocumentError> {
        self.serve(self.default.as_deref().ok_or(DocumentError::NoDefault)?, reason)
    }

    fn serve(&self, variant: &str, reason: FlagReason) -> Result<Resolved<'_>, DocumentError> {
        let found = self.variants.get_key_value(variant);
        let (variant, value) = found.ok_or_else(|| DocumentError::NoSuchVariant(SafeText::new(variant)))?;
        Ok(Resolved { value, variant, reason, metadata: &self.metadata })
    }
}
