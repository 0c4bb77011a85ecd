//! Those that carry rollouts out elsewhere, such as clusters: how fresh what is told of them is, and
//! what is wrong there.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{App, View, age, attention};
use crate::domain::{Rollout, SafeText};

pub use crate::backend::CarrierView;

/// What is told of a carrier's rollouts is stale when the carrier was not heard of for longer.
///
/// A carrier says at least every 30 s that all it told is still true, and the poll brings that here
/// within [`super::link::POLL_WAIT`]; 5 s are for the way. Who is silent for longer has missed its turn.
pub const STALE_AFTER: TimeDelta = TimeDelta::seconds(45);

/// How a carrier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarrierState {
    /// It was not read once yet.
    Asking,
    /// What is shown of it is what is.
    Live,
    /// It was last heard of so long ago.
    Lost(TimeDelta),
}

/// How a carrier is at the server's time.
#[must_use]
pub fn state(view: &CarrierView, now: DateTime<Utc>) -> CarrierState {
    match view.as_of.map(|at| now - at) {
        None => CarrierState::Asking,
        Some(silent) if silent > STALE_AFTER => CarrierState::Lost(silent),
        Some(_) => CarrierState::Live,
    }
}

/// The carrier that a rollout came from, by the time that is stamped on both in one answer; none where
/// that fits several.
#[must_use]
pub fn home(views: &[CarrierView], stamp: Option<DateTime<Utc>>) -> Option<SafeText> {
    let mut fitting = views.iter().filter(|view| view.as_of.is_some() && view.as_of == stamp);
    let found = fitting.next()?;
    fitting.next().is_none().then(|| found.place.clone())
}

/// All carriers, as the newest answer tells of them.
#[derive(Debug, Clone, Default)]
pub struct Carriers {
    views: Vec<CarrierView>,
}

impl Carriers {
    /// Each of them.
    #[must_use]
    pub fn all(&self) -> &[CarrierView] {
        &self.views
    }

    /// Takes what an answer says. Says whether something that is shown differs: that they are still there
    /// changes nothing on the screen.
    pub fn take(&mut self, mut views: Vec<CarrierView>, now: DateTime<Utc>) -> bool {
        for view in &mut views {
            // An answer that was kept back while the display was held is older than what is known.
            let known = self.views.iter().find(|known| known.place == view.place).and_then(|known| known.as_of);
            view.as_of = view.as_of.max(known);
        }
        let said = |views: &[CarrierView]| -> Vec<(SafeText, Vec<SafeText>, bool, bool)> {
            let live = |view: &CarrierView| state(view, now) == CarrierState::Live;
            views.iter().map(|v| (v.place.clone(), v.remarks.clone(), v.as_of.is_some(), live(v))).collect()
        };
        let differs = said(&self.views) != said(&views);
        self.views = views;
        differs
    }

    /// Those that are lost, with how long they have been silent.
    pub fn lost(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&CarrierView, TimeDelta)> {
        self.views.iter().filter_map(move |view| match state(view, now) {
            CarrierState::Lost(silent) => Some((view, silent)),
            CarrierState::Asking | CarrierState::Live => None,
        })
    }

    /// How long nobody has been heard of: none while one of them is.
    #[must_use]
    pub fn all_lost(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let silent: Vec<TimeDelta> = self.lost(now).map(|(_, silent)| silent).collect();
        (silent.len() == self.views.len()).then(|| silent.into_iter().min()).flatten()
    }

    /// What is wrong or missing, each in one line with its place.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let lines = self.views.iter().flat_map(|view| view.remarks.iter().map(move |text| (&view.place, text)));
        lines.map(|(place, text)| format!("{place}: {text}")).collect()
    }

    /// When the carrier of a rollout was last heard of. Of a rollout that may be any carrier's, the one
    /// that has been silent longest counts.
    #[must_use]
    pub fn heard(&self, home: Option<&SafeText>) -> Option<DateTime<Utc>> {
        match self.views.iter().find(|view| home == Some(&view.place)) {
            Some(view) => view.as_of,
            None => self.views.iter().map(|view| view.as_of).min().flatten(),
        }
    }

    /// How long until one of them is lost, or the age of one that is lost is another text.
    #[must_use]
    pub fn flips_in(&self, now: DateTime<Utc>) -> Option<Duration> {
        let flip = |view: &CarrierView| match state(view, now) {
            CarrierState::Asking => None,
            CarrierState::Lost(silent) => Some(age::age_flips_in(silent)),
            CarrierState::Live => {
                let left = view.as_of? + STALE_AFTER - now;
                Some(left.to_std().unwrap_or_default() + Duration::from_millis(50))
            }
        };
        self.views.iter().filter_map(flip).min()
    }
}

impl App {
    /// When a rollout was last heard of: what a carrier told stays true for as long as the carrier says so,
    /// though nothing is sent again for it.
    #[must_use]
    pub fn heard(&self, rollout: &Rollout) -> Option<DateTime<Utc>> {
        if rollout.workload.is_none() {
            return rollout.observed_at;
        }
        let home = self.rollouts.get(&rollout.id()).and_then(|row| row.home.as_ref());
        rollout.observed_at.max(self.carriers.heard(home))
    }

    /// Whether a rollout was last heard of too long ago to decide on it; what has ended is not judged.
    #[must_use]
    pub fn is_stale(&self, rollout: &Rollout) -> bool {
        attention::is_stale(rollout, self.heard(rollout), self.server_now())
    }

    /// Whether what is shown of a rollout is what is: the backend answers, and so does its cluster.
    #[must_use]
    pub fn is_current(&self, rollout: &Rollout) -> bool {
        self.link.is_live(self.now.elapsed) && !self.is_cut_off(rollout)
    }

    /// Whether the cluster that carries a rollout out is lost.
    #[must_use]
    pub fn is_cut_off(&self, rollout: &Rollout) -> bool {
        let late = |at: DateTime<Utc>| self.server_now() - at > STALE_AFTER;
        rollout.workload.is_some() && self.heard(rollout).is_some_and(late)
    }

    /// How long everything on the screen has been without news, though the backend answers: every cluster
    /// is lost, and nothing else is shown.
    #[must_use]
    pub fn dark(&self) -> Option<TimeDelta> {
        if self.rollouts.workloads() < self.rollouts.len() {
            return None;
        }
        self.carriers.all_lost(self.server_now())
    }

    /// What waits for the caller, in every view; then what is wrong with carriers, for the views in which
    /// rollouts are decided on.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let of_carriers =
            if matches!(self.view, View::Overview | View::Detail) { self.carriers.remarks() } else { Vec::new() };
        self.strips().into_iter().chain(of_carriers).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn view(place: &str, as_of: Option<i64>, remarks: &[&str]) -> CarrierView {
        let remarks = remarks.iter().map(SafeText::new).collect();
        CarrierView { place: place.into(), as_of: as_of.map(at), remarks }
    }

    #[test]
    fn a_cluster_is_lost_when_it_missed_its_turn_and_never_before() {
        let cases = [
            (None, CarrierState::Asking),
            (Some(0), CarrierState::Live),
            (Some(-45), CarrierState::Live),
            (Some(-46), CarrierState::Lost(TimeDelta::seconds(46))),
            // A clock that is ahead is no reason for doubt.
            (Some(20), CarrierState::Live),
        ];
        for (as_of, expected) in cases {
            assert_eq!(state(&view("prod", as_of, &[]), at(0)), expected, "{as_of:?}");
        }
    }

    #[test]
    fn an_answer_that_only_says_that_all_is_still_true_changes_nothing_on_the_screen() {
        let mut carriers = Carriers::default();
        assert!(carriers.take(vec![view("prod", None, &[])], at(0)));
        assert!(carriers.take(vec![view("prod", Some(0), &[])], at(0)), "it was read once");
        assert!(!carriers.take(vec![view("prod", Some(10), &[])], at(10)));
        assert!(carriers.take(vec![view("prod", Some(20), &["forbidden"])], at(20)));
        assert!(!carriers.take(vec![view("prod", Some(30), &["forbidden"])], at(30)));
        // It was lost, and is back.
        assert!(carriers.take(vec![view("prod", Some(100), &["forbidden"])], at(100)));
        // What was kept back while the display was held never makes it older.
        assert!(!carriers.take(vec![view("prod", Some(40), &["forbidden"])], at(100)));
        assert_eq!(carriers.heard(None), Some(at(100)));
    }

    #[test]
    fn of_several_clusters_each_rollout_goes_by_its_own_and_one_of_unknown_home_by_the_silent_one() {
        let mut carriers = Carriers::default();
        let views = vec![view("a", Some(10), &[]), view("b", Some(3), &[])];
        assert_eq!(home(&views, Some(at(3))), Some("b".into()));
        assert_eq!(home(&views, Some(at(4))), None);
        assert_eq!(home(&views, None), None);
        let alike = vec![view("a", Some(3), &[]), view("b", Some(3), &[])];
        assert_eq!(home(&alike, Some(at(3))), None, "nobody can tell");
        carriers.take(views, at(10));
        assert_eq!(carriers.heard(Some(&"a".into())), Some(at(10)));
        assert_eq!(carriers.heard(Some(&"b".into())), Some(at(3)));
        assert_eq!(carriers.heard(None), Some(at(3)));
        assert_eq!(carriers.all_lost(at(50)), None);
        assert_eq!(carriers.all_lost(at(60)), Some(TimeDelta::seconds(50)));
    }

    #[test]
    fn the_screen_is_woken_when_a_cluster_becomes_lost_and_when_its_age_is_another_text() {
        let mut carriers = Carriers::default();
        assert_eq!(carriers.flips_in(at(0)), None);
        carriers.take(vec![view("prod", Some(0), &[])], at(0));
        let flip = carriers.flips_in(at(5)).unwrap();
        assert!(flip > Duration::from_secs(40) && flip < Duration::from_secs(41), "{flip:?}");
        assert_eq!(carriers.flips_in(at(47)), Some(Duration::from_secs(3)), "50s comes next");
    }
}
