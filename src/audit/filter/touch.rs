//! Which sites and lanes an entry touches: units by their name, and what holds in a scope by its patterns.
//! Where a scope says nothing of sites it holds on all of them, and so may have touched each.

use super::{is_pattern, like};
use crate::domain::{AuditEntry, SubjectKind};

/// Whether it touched a site.
pub(super) fn site(entry: &AuditEntry, pattern: &str) -> bool {
    let unit = |name: &str| name.split('/').next().is_some_and(|site| like(pattern, site));
    touched(entry, pattern, unit, |scope| &scope.sites)
}

/// Whether it touched a lane.
pub(super) fn lane(entry: &AuditEntry, pattern: &str) -> bool {
    let unit = |name: &str| name.split('/').nth(1).is_some_and(|lane| like(pattern, lane));
    touched(entry, pattern, unit, |scope| &scope.lanes)
}

fn touched(
    entry: &AuditEntry,
    pattern: &str,
    unit: impl Fn(&str) -> bool,
    patterns: impl Fn(&crate::domain::Scope) -> &Vec<String>,
) -> bool {
    if entry.subject.kind == SubjectKind::Unit {
        return unit(entry.subject.name.as_str());
    }
    let Some(scope) = &entry.scope else { return false };
    let theirs = patterns(scope);
    theirs.is_empty() || theirs.iter().any(|their| meet(their, pattern))
}

/// Whether two patterns may mean the same place; of two with wildcards nobody can say that they do not.
fn meet(one: &str, other: &str) -> bool {
    match (is_pattern(one), is_pattern(other)) {
        (true, true) => true,
        (true, false) => like(one, other),
        (false, _) => like(other, one),
    }
}
