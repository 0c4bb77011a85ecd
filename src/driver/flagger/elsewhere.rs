//! What a person or another tool did to a Canary between two readings of it.
//!
//! A release is told without a name: it is written into the target, and the Canary only says that there is
//! another one. It may be this driver's own retry: whoever sends orders leaves out what it sent itself.

use super::object::Canary;
use crate::{
    domain::SafeText,
    driver::{Elsewhere, kubernetes::meta::Writer},
};

/// Field managers that are this program.
const OURS: &str = "rolldeck";
/// Field managers that are Flagger's controller.
const CONTROLLER: &str = "flagger";

/// What was done between two readings of one Canary, and neither by this program nor by Flagger.
#[must_use]
pub fn elsewhere(before: &Canary, after: &Canary) -> Vec<Elsewhere> {
    let mut finder = Finder { after, found: Vec::new() };
    if before.meta.uid != after.meta.uid {
        return finder.found;
    }
    match (before.suspended, after.suspended) {
        (false, true) => finder.written("pause", "spec.suspend", "it was suspended"),
        (true, false) => finder.written("resume", "spec.suspend", "it is suspended no more"),
        _ => {}
    }
    match (before.skips_analysis, after.skips_analysis) {
        (false, true) => finder.written("promote_full", "spec.skipAnalysis", "its analysis is to be skipped"),
        (true, false) => finder.written("analysis", "spec.skipAnalysis", "its analysis is skipped no more"),
        _ => {}
    }
    if before.analysis != after.analysis {
        finder.written("new_plan", "spec.analysis", "its analysis was changed");
    }
    let (was, is) = (&before.status, &after.status);
    let one_more = was.failed_checks.saturating_add(1);
    // Flagger counts them one by one.
    if is.failed_checks > one_more && is.failed_checks >= after.threshold() {
        finder.written("rollback", "status.failedChecks", "its checks were written down as failed");
    }
    if !was.last_applied.is_empty() && !is.last_applied.is_empty() && was.last_applied != is.last_applied {
        let text = format!("{} took the place of {} in {}", is.last_applied, was.last_applied, after.target.name);
        finder.found.push(Elsewhere {
            what: SafeText::new("new_revision"),
            by: SafeText::default(),
            at: None,
            text: SafeText::new(text),
        });
    }
    finder.found
}

struct Finder<'a> {
    after: &'a Canary,
    found: Vec<Elsewhere>,
}

impl Finder<'_> {
    /// Something was written: left out where its writer is known to be this program or Flagger.
    fn written(&mut self, what: &str, field: &str, text: &str) {
        let writer = self.after.meta.writer(field);
        let is_known = |writer: &Writer| {
            writer.manager.as_str().starts_with(OURS) || writer.manager.as_str().starts_with(CONTROLLER)
        };
        if writer.is_some_and(is_known) {
            return;
        }
        let (by, at) = writer.map_or_else(Default::default, |writer| (writer.manager.clone(), writer.at));
        self.found.push(Elsewhere { what: SafeText::new(what), by, at, text: SafeText::new(text) });
    }
}
