//! Flags as flagd's own JSON, for one place: what a site evaluates by while nobody can be asked.
//!
//! Everything that the server decides is decided here: a flag that is killed, switched off or out of its scope
//! serves one variant; shares of sites and units are in or out; the place's attributes are written into the
//! conditions. What is left is flagd's `targeting`. A caller without a targeting key gets the default variant
//! of a flag with shares, as flagd has it, where Rolldeck says that the key is missing.

use serde_json::{Map, Value, json};

use super::{Compiled, Serving, TARGETING_KEY, write::write};
use crate::domain::{FlagReason, Place};

/// The flags of a place as flagd's JSON (`flags` and `metadata`). Each flag's metadata has its revision, and
/// where one variant is served, `reason` says why.
#[must_use]
pub fn export<'f>(flags: impl IntoIterator<Item = &'f Compiled>, place: &Place<'_>) -> Value {
    let mut exported = Map::new();
    for compiled in flags {
        exported.insert(compiled.flag.key.to_string(), compiled.at_place(place));
    }
    let part = |name: Option<&str>| name.map(|name| format!("/{name}")).unwrap_or_default();
    let set = format!(
        "rolldeck/{}{}{}",
        place.target,
        part(place.site.map(crate::domain::SiteName::as_str)),
        part(place.lane.map(crate::domain::LaneName::as_str))
    );
    json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": exported,
        "metadata": {"flagSetId": set},
    })
}

impl Compiled {
    fn at_place(&self, place: &Place<'_>) -> Value {
        let definition = &self.flag.definition;
        let off = self.flag.killed.is_some() || !definition.enabled;
        let outside = definition.scope.as_ref().is_some_and(|scope| !scope.covers(place));
        let (default, reason) = match (off, outside) {
            (true, _) => (self.off, Some(FlagReason::Disabled)),
            (_, true) => (self.default, Some(FlagReason::Default)),
            _ if self.rules.is_empty() => (self.default, Some(FlagReason::Static)),
            _ => (self.default, None),
        };
        let targeting = if reason.is_none() { self.targeting(place) } else { Value::Null };
        let variants: Map<String, Value> = self.variants.iter().cloned().collect();
        let mut metadata = json!({
            "revision": self.flag.revision,
            "owner": definition.owner,
            "kind": definition.kind,
        });
        // All rules may be for others.
        if let Some(reason) = reason.or_else(|| targeting.is_null().then_some(FlagReason::Default)) {
            metadata["reason"] = json!(reason);
        }
        if self.flag.killed.is_some() {
            metadata["killed"] = json!(true);
        }
        let mut flag = json!({
            "state": "ENABLED",
            "variants": variants,
            "defaultVariant": self.variants[default].0,
            "metadata": metadata,
        });
        if targeting.is_object() {
            flag["targeting"] = targeting;
        }
        flag
    }

    /// The rules as one operation; null where none can match here.
    fn targeting(&self, place: &Place<'_>) -> Value {
        let mut rest = Value::Null;
        for rule in self.rules.iter().rev() {
            if rule.serve.for_others(Some(place)) {
                continue;
            }
            let served = match &rule.serve {
                Serving::Variant(variant) | Serving::Sites { variant, .. } | Serving::Units { variant, .. } => {
                    Value::from(self.variants[*variant].0.as_str())
                }
                Serving::Split { shares, .. } => self.fractional(shares),
            };
            rest = match &rule.when {
                None if served.is_object() => served,
                // An operation, so that it is one where it stands alone: flagd takes no bare name.
                None => json!({"if": [true, served, null]}),
                Some(when) => json!({"if": [write(when, place), served, rest]}),
            };
        }
        rest
    }

    fn fractional(&self, shares: &[(usize, u32)]) -> Value {
        let key = json!({"var": TARGETING_KEY});
        // Without a seed of its own, flagd's own key is the flag's and the targeting key.
        let seed = if self.flag.definition.seed.is_some() {
            Value::from(self.seed.as_str())
        } else {
            json!({"var": "$flagd.flagKey"})
        };
        let mut parts = vec![json!({"cat": [seed, key.clone()]})];
        parts.extend(shares.iter().map(|(variant, weight)| json!([self.variants[*variant].0, weight])));
        // Nobody is put into a bucket by an empty key.
        json!({"if": [{"!!": [key]}, {"fractional": parts}, null]})
    }
}
