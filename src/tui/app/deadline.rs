//! When something on the screen changes by itself: the loop sleeps until then.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{App, IDLE_DISARMS, Overlay, View, age, attention, dialog::Stage, rollouts::SETTLE, signal};
use crate::{domain::Rollout, tui::keymap::SHOWN_AFTER};

impl App {
    /// The next moment, since the program started, at which some visible text flips or something is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let now = self.now.elapsed;
        let server = self.server_now();
        let mut at = vec![now + age::minute_flips_in(self.now.wall), now + age::minute_flips_in(server)];
        at.extend(self.link.flips_at(now));
        at.extend(self.trail.witness_due());
        at.extend(self.carriers.flips_in(server).map(|flip| now + flip));
        at.extend(self.notice.as_ref().map(|notice| notice.until));
        at.extend(self.alerts.due_at());
        if self.rollouts.order_changed {
            at.push(self.last_input + SETTLE);
        }
        if let Some(until) = self.armed_until() {
            at.push(until);
            at.push(self.last_input + IDLE_DISARMS);
            at.extend(self.armed_left().and_then(age::left_flips_in).map(|flip| now + flip));
        }
        if let Some(sequence) = &self.sequence {
            at.extend([sequence.since + SHOWN_AFTER, sequence.until]);
        }
        if let Some(hold) = &self.hold {
            let held = TimeDelta::from_std(now.saturating_sub(hold.since)).unwrap_or_default();
            at.push(now + age::age_flips_in(held));
        }
        if let Overlay::Dialog(dialog) = &self.overlay
            && let Stage::Counting { at: due } = dialog.stage
        {
            let left = TimeDelta::from_std(due.saturating_sub(now)).unwrap_or_default();
            at.push(due);
            at.extend(age::left_flips_in(left).map(|flip| now + flip));
        }
        let flips = [self.approvals.flips_at(server), self.overrides.flips_at(server), self.windows.flips_at()];
        let ahead = flips.into_iter().flatten().filter_map(|at| (at - server).to_std().ok());
        at.extend(ahead.map(|left| now + left + Duration::from_millis(50)));
        if self.view == View::Follow {
            at.extend(self.follow.as_ref().and_then(|follow| follow.flips_at(now)));
        }
        if self.view == View::Recover {
            at.extend(self.recover.as_ref().and_then(|recover| recover.trail.flips_at(now)));
            at.push(self.last_input + SETTLE);
            if let Some(rollout) = self.subject().and_then(|id| self.rollout(&id)) {
                at.extend(self.stales_at(&rollout, server));
                at.extend(self.indicators_age_at(&rollout, server));
            }
        }
        match self.view {
            View::Overview => {
                let height = self.page();
                let top = self.rollouts.top(height);
                for row in (top..top + height).map_while(|position| self.rollouts.at(position)) {
                    at.extend(self.stales_at(&row.rollout, server));
                    at.extend(self.stale_flips_at(&row.rollout, server));
                    at.extend(self.pending_flips_at(&row.rollout, server));
                }
                if let Some(row) = self.rollouts.selected() {
                    at.extend(self.ticks_at(&row.rollout, server));
                }
            }
            View::Detail => {
                if let Some(rollout) = self.detail.as_ref().and_then(|detail| self.rollout(&detail.id)) {
                    at.extend(self.stales_at(&rollout, server));
                    at.extend(self.ticks_at(&rollout, server));
                    at.extend(self.indicators_age_at(&rollout, server));
                    at.extend(self.pending_flips_at(&rollout, server));
                }
            }
            View::Flags => at.extend(self.flags.due()),
            _ => {}
        }
        at.into_iter().filter(|at| *at > now).min()
    }

    /// When a rollout's units become stale.
    fn stales_at(&self, rollout: &Rollout, server: DateTime<Utc>) -> Option<Duration> {
        let due = self.heard(rollout)? + attention::stale_after(rollout);
        let left = (due - server).to_std().ok()?;
        (!rollout.phase.is_terminal()).then(|| self.now.elapsed + left + Duration::from_millis(50))
    }

    /// When the next indicator's value becomes late, or is gone.
    fn indicators_age_at(&self, rollout: &Rollout, server: DateTime<Utc>) -> Option<Duration> {
        let flips = rollout.slis.iter().filter_map(signal::ages_at).flatten();
        let left = flips.filter(|at| *at > server).min()? - server;
        Some(self.now.elapsed + left.to_std().ok()? + Duration::from_millis(50))
    }

    /// When the countdowns or the age of the rollout that is looked at flip.
    fn ticks_at(&self, rollout: &Rollout, server: DateTime<Utc>) -> Option<Duration> {
        let next = rollout.next.as_ref().and_then(|next| next.at);
        let holds = rollout.stages.iter().filter_map(|stage| stage.hold_until);
        let left = next.into_iter().chain(holds).filter_map(|at| age::left_flips_in(at - server));
        let left = left.min().map(|flip| self.now.elapsed + flip);
        left.into_iter().chain(self.stale_flips_at(rollout, server)).min()
    }

    /// When the age of a stale rollout flips.
    fn stale_flips_at(&self, rollout: &Rollout, server: DateTime<Utc>) -> Option<Duration> {
        let at = self.heard(rollout).filter(|_| self.is_stale(rollout))?;
        Some(self.now.elapsed + age::age_flips_in(server - at))
    }

    /// When the age of what was sent and not yet taken up flips.
    fn pending_flips_at(&self, rollout: &Rollout, server: DateTime<Utc>) -> Option<Duration> {
        let sent = rollout.pending.as_ref()?.at;
        Some(self.now.elapsed + age::age_flips_in(server - sent))
    }
}
