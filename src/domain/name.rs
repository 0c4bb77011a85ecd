//! Checked names of targets, rollouts, sites, lanes, stages and gates.

use std::{fmt, str::FromStr, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::shared;

/// Longest name, in bytes: what Kubernetes allows for an object's name.
pub const NAME_MAX: usize = 253;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} must be 1 to {NAME_MAX} characters of a-z, A-Z, 0-9, '-', '_' and '.', and start with a letter or digit, got {got:?}"
)]
pub struct NameError {
    /// Which kind of name was read, for example `target`.
    pub what: &'static str,
    /// The beginning of what was given, control characters escaped by its `Debug` form.
    pub got: String,
}

fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    let mut bytes = text.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if starts && rest && text.len() <= NAME_MAX {
        Ok(())
    } else {
        Err(NameError { what, got: text.chars().take(40).collect() })
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
        #[schemars(with = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`NameError`] when it is empty, too long, or has a character that a name may not have.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                check($what, text)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                shared::read(deserializer, |text| match check($what, text) {
                    Ok(()) => Ok(Self(shared::share(text))),
                    Err(error) => Err(error.to_string()),
                })
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.as_str().to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// Where a rollout happens: a site group of a fleet, or a Kubernetes namespace.
    TargetName = "a target";
    /// One change going over a target.
    RolloutName = "a rollout's name";
    /// A place that takes changes.
    SiteName = "a site";
    /// A part of a site.
    LaneName = "a lane";
    /// One step of a plan.
    StageName = "a stage's name";
    /// A condition of a stage.
    GateName = "a gate's name";
}

/// The address of a rollout, written `TARGET/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RolloutId {
    /// Where it happens.
    pub target: TargetName,
    /// What it is called there.
    pub name: RolloutName,
}

impl fmt::Display for RolloutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.target, self.name))
    }
}

/// Why a text is not the address of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolloutIdError {
    /// There is not exactly one slash.
    #[error("a rollout is addressed TARGET/NAME, for example dc-west/pick-assist, got {0:?}")]
    Form(String),
    /// One of the two names is wrong.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for RolloutId {
    type Err = RolloutIdError;
    fn from_str(text: &str) -> Result<Self, RolloutIdError> {
        let (target, name) =
            text.split_once('/').ok_or_else(|| RolloutIdError::Form(text.chars().take(80).collect()))?;
        Ok(Self { target: target.parse()?, name: name.parse()? })
    }
}

impl Serialize for RolloutId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RolloutId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for RolloutId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RolloutId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": "TARGET/NAME"})
    }
}

#[cfg(test)]
mod tests;
