//! Calling a person who looks elsewhere: what happened is gathered, and told at most once in some seconds.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::{App, attention::Class};
use crate::{
    backend::RolloutsPage,
    domain::{RolloutId, SafeText},
    settings::{Notify, Occasion},
    tui::message::TerminalRequest,
};

/// Least time between two calls: what happens meanwhile is told in one.
pub const GAP: Duration = Duration::from_secs(10);

/// What is to be told, and what was.
#[derive(Debug, Default)]
pub struct Alerts {
    notify: Notify,
    on: Vec<Occasion>,
    waiting: BTreeMap<Occasion, Vec<String>>,
    told: Option<Duration>,
    /// The class of each rollout that was told of last, so that it is not told of again as it is.
    classes: HashMap<RolloutId, Class>,
    lost: bool,
}

/// What a person is called for when a rollout comes to be in a class.
const fn occasion(class: Class) -> Option<Occasion> {
    match class {
        Class::RollbackFailed
        | Class::Breach
        | Class::Failed
        | Class::NoData
        | Class::RollingBack
        | Class::Degraded => Some(Occasion::Breach),
        Class::Waiting => Some(Occasion::NeedsYou),
        Class::Frozen => Some(Occasion::Frozen),
        Class::RolledBack | Class::Aborted | Class::Completed => Some(Occasion::Done),
        Class::Paused | Class::Running | Class::Pending => None,
    }
}

impl Alerts {
    /// Nothing happened yet.
    #[must_use]
    pub fn new(notify: Notify, on: &[Occasion]) -> Self {
        Self { notify, on: on.to_vec(), ..Self::default() }
    }

    /// Calls in another way from now on.
    pub fn set(&mut self, notify: Notify) {
        self.notify = notify;
        self.waiting.clear();
    }

    /// Another connection: nothing of the last one is told.
    pub fn forget(&mut self) {
        *self = Self { told: self.told, ..Self::new(self.notify, &self.on) };
    }

    /// Something happened.
    pub fn note(&mut self, occasion: Occasion, what: impl Into<String>) {
        if self.notify != Notify::Off && self.on.contains(&occasion) {
            self.waiting.entry(occasion).or_default().push(what.into());
        }
    }

    /// A rollout came to be in a class that it was not in.
    pub fn entered(&mut self, id: &RolloutId, class: Class) {
        if self.classes.insert(id.clone(), class) != Some(class)
            && let Some(occasion) = occasion(class)
        {
            self.note(occasion, format!("{id} {}", class.word()));
        }
    }

    /// The connection is lost, or not any more.
    fn link(&mut self, lost: bool, context: &str) {
        if std::mem::replace(&mut self.lost, lost) != lost {
            let state = if lost { "connection lost" } else { "connected again" };
            self.note(Occasion::Lost, format!("{context}: {state}"));
        }
    }

    /// When what waits is to be told.
    #[must_use]
    pub fn due_at(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then(|| self.told.map_or(Duration::ZERO, |told| told + GAP))
    }

    /// What is to be told now.
    fn take(&mut self, now: Duration) -> Option<TerminalRequest> {
        if self.due_at().is_none_or(|at| at > now) {
            return None;
        }
        self.told = Some(now);
        let text = said(&std::mem::take(&mut self.waiting));
        match self.notify {
            Notify::Off => None,
            Notify::Bell => Some(TerminalRequest::Bell),
            Notify::Osc9 => Some(TerminalRequest::Notification(SafeText::new(text))),
        }
    }
}

/// One sentence of all that happened: the thing itself where it is one, numbers where they are more.
fn said(waiting: &BTreeMap<Occasion, Vec<String>>) -> String {
    let parts = waiting.iter().map(|(occasion, things)| {
        let n = things.len();
        match (things.as_slice(), occasion) {
            ([one], _) => one.clone(),
            (_, Occasion::Breach) => format!("{n} rollouts are in trouble"),
            (_, Occasion::NeedsYou) => format!("{n} wait for a person"),
            // Of lost and back again the last is what holds.
            (things, Occasion::Lost) => things.last().cloned().unwrap_or_default(),
            (_, Occasion::Answered) => format!("{n} answers to what you did"),
            (_, Occasion::Done) => format!("{n} rollouts ended"),
            (_, Occasion::Frozen) => format!("{n} rollouts are frozen"),
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

impl App {
    /// What the person is to be called for now.
    pub(in crate::tui) fn call(&mut self) -> Option<TerminalRequest> {
        let now = self.now.elapsed;
        // A connection that never was is no lost one.
        if self.rollouts.is_loaded() {
            let context = self.context_name().to_owned();
            let lost = matches!(self.link.state(now), super::link::LinkState::Lost(_));
            self.alerts.link(lost, &context);
        }
        self.alerts.take(now)
    }

    /// What is kept back while the display is held calls all the same: whoever holds it reads, and looks
    /// at nothing new.
    pub(super) fn alert_of_held(&mut self, page: &RolloutsPage) {
        let (RolloutsPage::All { rollouts, .. } | RolloutsPage::Changed { changed: rollouts, .. }) = page;
        if !self.rollouts.is_loaded() {
            return;
        }
        for rollout in rollouts {
            let (id, class) = (rollout.id(), Class::of(rollout));
            if self.rollouts.get(&id).is_none_or(|row| row.class != class) {
                self.alerts.entered(&id, class);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts(notify: Notify) -> Alerts {
        Alerts::new(notify, &[Occasion::Breach, Occasion::NeedsYou, Occasion::Lost])
    }

    fn id(name: &str) -> RolloutId {
        format!("shop/{name}").parse().unwrap()
    }

    fn told(alerts: &mut Alerts, seconds: u64) -> Option<String> {
        match alerts.take(Duration::from_secs(seconds))? {
            TerminalRequest::Notification(text) => Some(text.as_str().to_owned()),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn a_storm_is_told_in_two_calls() {
        let mut alerts = alerts(Notify::Osc9);
        assert_eq!(told(&mut alerts, 1), None);
        alerts.entered(&id("a"), Class::Breach);
        assert_eq!(told(&mut alerts, 2).as_deref(), Some("shop/a BREACH"));
        for name in ["b", "c", "d"] {
            alerts.entered(&id(name), Class::Waiting);
        }
        alerts.entered(&id("e"), Class::Failed);
        assert_eq!(told(&mut alerts, 3), None, "not so soon after the last");
        assert_eq!(alerts.due_at(), Some(Duration::from_secs(12)));
        assert_eq!(told(&mut alerts, 12).as_deref(), Some("shop/e FAILED; 3 wait for a person"));
        assert_eq!(alerts.due_at(), None);
    }

    #[test]
    fn what_stays_as_it_was_told_is_not_told_again() {
        let mut alerts = alerts(Notify::Bell);
        alerts.entered(&id("a"), Class::Breach);
        assert_eq!(told(&mut alerts, 0).as_deref(), Some("Bell"));
        alerts.entered(&id("a"), Class::Breach);
        assert_eq!(told(&mut alerts, 60), None);
        alerts.entered(&id("a"), Class::Running);
        alerts.entered(&id("a"), Class::Breach);
        assert_eq!(told(&mut alerts, 60).as_deref(), Some("Bell"));
    }

    #[test]
    fn nobody_is_called_for_what_they_did_not_choose() {
        let mut alerts = alerts(Notify::Bell);
        alerts.entered(&id("a"), Class::Completed);
        alerts.entered(&id("b"), Class::Frozen);
        alerts.note(Occasion::Answered, "promoted");
        assert_eq!(told(&mut alerts, 60), None);
        let mut off = self::alerts(Notify::Off);
        off.entered(&id("a"), Class::Breach);
        assert_eq!((told(&mut off, 60), off.due_at()), (None, None));
    }

    #[test]
    fn a_connection_that_flaps_is_told_as_it_is_now() {
        let mut alerts = alerts(Notify::Osc9);
        alerts.link(true, "prod");
        alerts.link(true, "prod");
        alerts.link(false, "prod");
        assert_eq!(told(&mut alerts, 0).as_deref(), Some("prod: connected again"));
        assert_eq!(told(&mut alerts, 60), None);
    }
}
