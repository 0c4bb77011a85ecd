//! How far the screen may be behind. That a frame was written says little: a pseudo-terminal, a multiplexer
//! and an SSH channel swallow many of them, and a slow link shows them long after. So every frame ends in a
//! question that any terminal answers when it comes to it, and a third frame is not drawn while two of them
//! are unanswered: what changes meanwhile is shown by one frame, not by ten old ones. A terminal that answers
//! nothing is painted as fast as it takes bytes.

use std::time::Duration;

use tokio::time::Instant;

/// Frames that may be on their way: one would leave the link idle for a round trip, three are too old.
const AHEAD: u64 = 2;
/// How long a terminal that never answered is given, before it counts as one that does not.
const FIRST_ANSWER: Duration = Duration::from_millis(600);
/// An answer that takes longer than this was lost, or the link stutters: a frame is risked.
const LOST_AFTER: Duration = Duration::from_secs(5);
/// Most that leaving waits for an answer.
const LAST_ANSWER: Duration = Duration::from_millis(1500);
/// So many questions in a row without any answer, and no more are asked.
const PATIENCE: u32 = 8;

/// What is on its way to the screen.
#[derive(Debug, Default)]
pub struct Pace {
    asked: u64,
    answered: u64,
    /// Whether it ever answered.
    answers: bool,
    /// Whether it did not, when it was waited for.
    silent: bool,
    /// Questions since the last answer.
    unheard: u32,
    /// When the oldest frame that is unanswered went, and when the newest did.
    oldest: Option<Instant>,
    newest: Option<Instant>,
    /// How long an answer takes at present.
    takes: Duration,
}

impl Pace {
    /// Whether a frame asks for an answer.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.unheard < PATIENCE
    }

    /// A frame that asks went out.
    pub fn sent(&mut self, now: Instant) {
        self.asked += 1;
        self.unheard += 1;
        self.oldest.get_or_insert(now);
        self.newest = Some(now);
    }

    /// An answer came.
    pub fn answered(&mut self, now: Instant) {
        self.unheard = 0;
        self.answers = true;
        if self.answered == self.asked {
            // To a question that was given up.
            return;
        }
        self.answered += 1;
        if let Some(oldest) = self.oldest {
            self.takes = (self.takes + (now - oldest)) / 2;
        }
        // Of two that were under way it is the other one.
        self.oldest = if self.answered == self.asked { None } else { self.newest };
    }

    /// How long an answer takes at present; none of a terminal that never gave one.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.answers.then_some(self.takes)
    }

    /// Whether an answer is due.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.answered < self.asked && self.asks()
    }

    /// How long what is due is worth waiting for, when nothing more is painted.
    #[must_use]
    pub fn patience(&self, now: Instant) -> Duration {
        let Some(oldest) = self.oldest.filter(|_| self.is_waiting()) else { return Duration::ZERO };
        let due = if self.answers { self.takes * 3 + FIRST_ANSWER / 4 } else { FIRST_ANSWER / 2 };
        (oldest + due.min(LAST_ANSWER)).saturating_duration_since(now)
    }

    /// When the next frame may be drawn; at once, when it is in the past.
    #[must_use]
    pub fn free_at(&self, now: Instant) -> Instant {
        let (Some(oldest), Some(newest)) = (self.oldest, self.newest) else { return now };
        let under_way = self.asked - self.answered;
        if !self.answers {
            // It is not known yet whether there is anything to wait for.
            return if under_way < AHEAD || self.silent { now } else { oldest + FIRST_ANSWER };
        }
        if under_way < AHEAD {
            // When the first is halfway: the link is never idle, and nothing waits long behind another.
            return (newest + self.takes / 2).min(oldest + LOST_AFTER);
        }
        oldest + LOST_AFTER
    }

    /// A frame is about to go although those before it were not answered in time.
    pub fn risk(&mut self, now: Instant) {
        let Some(waited) = self.oldest.map(|oldest| now - oldest) else { return };
        if !self.answers {
            // It may be slow rather than silent: then what is owed will be counted.
            self.silent |= waited >= FIRST_ANSWER;
        } else if waited >= LOST_AFTER {
            self.answered = self.asked;
            self.oldest = None;
        }
    }

    /// The terminal was somebody else's meanwhile: what was asked before may have been answered to them.
    pub fn begin_anew(&mut self) {
        *self = Self { takes: self.takes, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_third_frame_waits_until_the_first_was_seen() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.sent(start);
        pace.answered(start + 100 * MS);
        let at = start + 200 * MS;
        pace.sent(at);
        assert!(pace.free_at(at) > at && pace.free_at(at) < at + 60 * MS, "half of what an answer takes");
        pace.sent(at + 50 * MS);
        assert!(pace.free_at(at + 60 * MS) > at + 3000 * MS);
        pace.answered(at + 100 * MS);
        assert!(pace.free_at(at + 110 * MS) <= at + 110 * MS);
    }

    /// Draws as many frames as it may; says how long it waited for leave.
    fn draw(pace: &mut Pace, at: &mut Instant, frames: usize) -> Duration {
        let begun = *at;
        for _ in 0..frames {
            *at = pace.free_at(*at).max(*at);
            pace.risk(*at);
            if pace.asks() {
                pace.sent(*at);
            }
        }
        *at - begun
    }

    #[test]
    fn a_terminal_that_answers_nothing_is_waited_for_once_and_not_asked_for_ever() {
        let (mut pace, mut at) = (Pace::default(), Instant::now());
        assert_eq!(draw(&mut pace, &mut at, 50), FIRST_ANSWER);
        assert_eq!(pace.asked, u64::from(PATIENCE));
        assert!(!pace.is_waiting(), "the escape key is not held back for an answer that never comes");
        assert_eq!(pace.patience(at + FIRST_ANSWER), Duration::ZERO);
    }

    #[test]
    fn a_link_that_is_so_slow_that_it_seemed_silent_is_waited_for_once_it_answers() {
        let (mut pace, mut at) = (Pace::default(), Instant::now());
        draw(&mut pace, &mut at, 5);
        at += 2000 * MS;
        pace.answered(at);
        assert!(pace.free_at(at) > at, "four frames are still on their way");
        for _ in 0..4 {
            at += 1000 * MS;
            pace.answered(at);
        }
        assert_eq!(pace.free_at(at), at);
    }

    #[test]
    fn an_answer_that_is_lost_holds_the_screen_up_once() {
        let (mut pace, at) = (Pace::default(), Instant::now());
        pace.sent(at);
        pace.answered(at + 10 * MS);
        for n in 0..2 {
            pace.sent(at + (20 + n) * MS);
        }
        let due = pace.free_at(at + 30 * MS);
        pace.risk(due);
        pace.sent(due);
        pace.answered(due + 10 * MS);
        // A late answer to what was given up changes nothing.
        pace.answered(due + 20 * MS);
        assert!(pace.free_at(due + 30 * MS) <= due + 30 * MS);
    }

    #[test]
    fn a_link_that_is_fast_is_never_waited_for() {
        let (mut pace, mut at) = (Pace::default(), Instant::now());
        for _ in 0..20 {
            pace.sent(at);
            pace.answered(at + MS);
            at += 5 * MS;
            assert!(pace.free_at(at) <= at);
        }
    }
}
