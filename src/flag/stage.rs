//! How a flag stands in its life: in use, stale, due for a look, or past its day.
//!
//! None of it changes what is served. An expired flag is not widened any more.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    Flag, FlagStage, SafeText,
    flag::{FlagKind, Serve},
};

/// After so many days without a change, a flag that all or nobody has is stale.
pub const UNCHANGED_DAYS: i64 = 30;
/// After so many days without an evaluation, a flag is stale.
pub const UNUSED_DAYS: i64 = 14;

/// How a flag stands, and why where it is not live. `last_evaluated` is when it was last asked for anywhere.
#[must_use]
pub fn stage(flag: &Flag, last_evaluated: Option<DateTime<Utc>>, now: DateTime<Utc>) -> (FlagStage, Option<SafeText>) {
    let definition = &flag.definition;
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    let why = |stage, text: String| (stage, Some(SafeText::new(text)));
    if let Some(at) = definition.expires_at.filter(|at| *at <= now) {
        return why(FlagStage::Expired, format!("should be gone since {}", day(at)));
    }
    if let Some(at) = definition.review_at.filter(|at| *at <= now) {
        return why(FlagStage::Due, format!("due for review since {}", day(at)));
    }
    let unused = TimeDelta::days(UNUSED_DAYS);
    match last_evaluated {
        Some(at) if now.signed_duration_since(at) >= unused => {
            return why(FlagStage::Stale, format!("not evaluated since {}", day(at)));
        }
        None if now.signed_duration_since(flag.created_at) >= unused => {
            return why(FlagStage::Stale, format!("never evaluated since it was made on {}", day(flag.created_at)));
        }
        _ => {}
    }
    // A switch for need and a permission are there to stand as they are.
    let meant_to_stand = matches!(definition.kind, FlagKind::Kill | FlagKind::Permission);
    if now.signed_duration_since(flag.changed_at) >= TimeDelta::days(UNCHANGED_DAYS)
        && !meant_to_stand
        && let Some(who) = same_for_all(flag)
    {
        return why(FlagStage::Stale, format!("{who} has it, unchanged since {}", day(flag.changed_at)));
    }
    (FlagStage::Live, None)
}

/// `nobody` or `everybody` where all get the same.
fn same_for_all(flag: &Flag) -> Option<&'static str> {
    let definition = &flag.definition;
    if flag.killed.is_some() || !definition.enabled {
        return Some("nobody");
    }
    let served = match definition.rules.first() {
        None => definition.default_variant.as_str(),
        Some(rule) if rule.when.is_none() && definition.scope.is_none() => match &rule.serve {
            Serve::Variant(variant) => variant,
            Serve::Split(shares) => {
                let mut served = shares.iter().filter(|share| share.weight > 0);
                let (only, None) = (served.next()?, served.next()) else { return None };
                &only.variant
            }
            Serve::Sites(_) | Serve::Units(_) => return None,
        },
        Some(_) => return None,
    };
    Some(if served == definition.off_variant { "nobody" } else { "everybody" })
}
