//! Whether an entry of the audit trail touched a site, told by what it says of its subject and by what else is
//! known. What cannot be told counts as touching: nothing is left out that might be here.

use std::sync::Arc;

use crate::{
    backend::{ApprovalView, OverrideView, SiteView, WindowView},
    domain::{AuditEntry, Outcome, Place, Rollout, RolloutId, RolloutName, Scope, SiteName, SubjectKind, TargetName},
};

/// Whether an entry touched a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// It is about the site.
    Site,
    /// It is about its group, or about more than the site: a part of it may be here.
    Perhaps,
    /// It is about something else.
    Elsewhere,
}

/// What is known around a place: what entries name by an id, and nothing but that.
#[derive(Debug, Clone, Default)]
pub struct Around<'a> {
    /// Rollouts, as fully as they are known.
    pub rollouts: Vec<Arc<Rollout>>,
    /// Windows.
    pub windows: &'a [WindowView],
    /// Overrides.
    pub overrides: &'a [OverrideView],
    /// What waits for a second person, or did.
    pub approvals: &'a [ApprovalView],
}

impl Around<'_> {
    /// Whether an entry touched a site.
    #[must_use]
    pub fn touch(&self, entry: &AuditEntry, site: &SiteView) -> Touch {
        let subject = &entry.subject;
        if !may_be_at(entry, &site.group, &site.site) {
            return Touch::Elsewhere;
        }
        match subject.kind {
            SubjectKind::Unit => Touch::Site,
            SubjectKind::Rollout => self.rollout_touches(subject.name.as_str(), site),
            SubjectKind::Window => match self.windows.iter().find(|view| view.window.id == subject.name) {
                // One that was taken away from here changed something here.
                Some(_) if changed_scope_reaches(entry, site) => Touch::Site,
                Some(view) if !reaches(&view.window.scope, site) => Touch::Elsewhere,
                Some(_) => Touch::Site,
                None => Touch::Perhaps,
            },
            SubjectKind::Override => match self.overrides.iter().find(|view| view.record.id == subject.name) {
                Some(view) => {
                    let record = &view.record;
                    let of_rollout = record.rollout.as_ref().is_none_or(|id| id.target == site.group);
                    let of_scope = record.scope.as_ref().is_none_or(|scope| reaches(scope, site));
                    if of_rollout && of_scope { Touch::Perhaps } else { Touch::Elsewhere }
                }
                None => Touch::Perhaps,
            },
            SubjectKind::Approval => {
                let about = self.approvals.iter().find(|view| view.approval.id == subject.name);
                match about.and_then(|about| about.approval.subject.target.as_ref()) {
                    Some(target) if target.as_str() != site.group.as_str() => Touch::Elsewhere,
                    _ => Touch::Perhaps,
                }
            }
            SubjectKind::Flag | SubjectKind::Snapshot => Touch::Perhaps,
            SubjectKind::Token | SubjectKind::Server => Touch::Elsewhere,
        }
    }

    fn rollout_touches(&self, name: &str, site: &SiteView) -> Touch {
        let Ok(name) = RolloutName::new(name) else { return Touch::Perhaps };
        let id = RolloutId { target: site.group.clone(), name };
        let rollout = self.rollouts.iter().find(|rollout| rollout.target == id.target && rollout.name == id.name);
        match rollout.and_then(|rollout| has_units_at(rollout, &site.site)) {
            Some(true) => Touch::Site,
            Some(false) => Touch::Elsewhere,
            None => Touch::Perhaps,
        }
    }
}

/// Whether an entry may be about a site, by what it says itself: what never changes.
#[must_use]
pub fn may_be_at(entry: &AuditEntry, group: &TargetName, site: &SiteName) -> bool {
    let of_site = entry.subject.name.as_str().split('/').next() == Some(site.as_str());
    may_be_in(entry, group) && (entry.subject.kind != SubjectKind::Unit || of_site)
}

/// Whether an entry may be about a group of sites, or a target of a cluster, by what it says itself.
#[must_use]
pub fn may_be_in(entry: &AuditEntry, group: &TargetName) -> bool {
    let subject = &entry.subject;
    let in_group = subject.target.as_ref().is_none_or(|target| target.as_str() == group.as_str());
    match subject.kind {
        SubjectKind::Unit | SubjectKind::Rollout => in_group,
        // One that is known to be good is what a unit is given that has none yet.
        SubjectKind::Snapshot => subject.target.is_some() && in_group,
        // Who may talk to the server, and the server itself, are at no site.
        SubjectKind::Token | SubjectKind::Server => false,
        SubjectKind::Window | SubjectKind::Override | SubjectKind::Flag | SubjectKind::Approval => true,
    }
}

/// Whether a scope reaches a site at all: for some rollout or stage, on some lane.
#[must_use]
pub fn reaches(scope: &Scope, site: &SiteView) -> bool {
    let scope = Scope { rollouts: Vec::new(), stages: Vec::new(), ..scope.clone() };
    site.lanes.iter().any(|lane| {
        scope.covers(&Place {
            target: &site.group,
            rollout: None,
            site: Some(&site.site),
            lane: Some(&lane.lane),
            stage: None,
            labels: Some(&lane.labels),
        })
    })
}

/// Whether a scope that a change says a window had, or has, reaches the site: what cannot be read may.
fn changed_scope_reaches(entry: &AuditEntry, site: &SiteView) -> bool {
    entry.changes.iter().filter(|change| change.field.as_str() == "scope").any(|change| {
        [&change.before, &change.after].into_iter().flatten().any(|text| {
            let scope = serde_json::from_slice::<Scope>(text.as_str().as_bytes());
            scope.map_or(true, |scope| reaches(&scope, site))
        })
    })
}

/// Whether a rollout has units at a site; none where its units are not all known.
#[must_use]
pub fn has_units_at(rollout: &Rollout, site: &SiteName) -> Option<bool> {
    let units = rollout.units.as_ref()?;
    if units.iter().any(|unit| &unit.site == site) {
        return Some(true);
    }
    (units.len() as u64 >= u64::from(rollout.exposure.units_total)).then_some(false)
}

/// Whether an entry changed something, rather than being refused or coming to nothing.
#[must_use]
pub fn is_change(entry: &AuditEntry) -> bool {
    matches!(entry.outcome, Outcome::Applied | Outcome::Unconfirmed | Outcome::Intended)
}
