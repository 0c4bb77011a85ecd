//! RFC 8785 canonical JSON, with the one thing added that the RFC leaves to its users: an integer
//! that a double cannot hold exactly is refused rather than rounded.

use serde::Serialize;
use serde_json::Value;

use crate::domain::AuditEntry;

/// The greatest integer, either side of zero, that every JSON reader reads as written: 2^53 - 1.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// An integer outside ±(2^53 - 1) would be rounded: write it as a string.
    #[error("the number {0} is outside ±(2^53 - 1) and would be rounded: write it as a string")]
    Integer(String),
    /// It cannot be written as JSON at all.
    #[error("it cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

/// The RFC 8785 canonical bytes of an entry: what is stored and hashed.
#[must_use]
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "an entry is strings, times and counters: its only integers are numbers of entries, which do not reach 2^53"
)]
pub fn canonical(entry: &AuditEntry) -> Vec<u8> {
    canonical_json(entry).expect("an audit entry has a canonical form")
}

/// The RFC 8785 canonical bytes of any value.
///
/// # Errors
/// [`CanonicalError`] when an integer is outside ±(2^53 - 1), or the value is no JSON.
pub fn canonical_json(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(CanonicalError::Json)?;
    check_integers(&value)?;
    serde_json_canonicalizer::to_vec(&value).map_err(CanonicalError::Json)
}

/// Reads bytes that claim to be canonical; none when they are not JSON, or not its canonical form
/// (other order, white space, a duplicate key, a number written otherwise).
#[must_use]
pub fn parse_canonical(bytes: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    (canonical_json(&value).ok()? == bytes).then_some(value)
}

fn check_integers(value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => {
            let fits = number
                .as_u64()
                .map(|n| n <= INTEGER_MAX)
                .or_else(|| number.as_i64().map(|n| n.unsigned_abs() <= INTEGER_MAX))
                .unwrap_or(true);
            if fits { Ok(()) } else { Err(CanonicalError::Integer(number.to_string())) }
        }
        Value::Array(items) => items.iter().try_for_each(check_integers),
        Value::Object(fields) => fields.values().try_for_each(check_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
