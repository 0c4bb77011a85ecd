//! What painting costs: frames, bytes, and how long they take.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::tui::message::{Cost, LATELY};

/// Counts what goes to the terminal.
#[derive(Debug, Default)]
pub struct Meter {
    frames: u64,
    bytes: u64,
    first: Option<usize>,
    last: usize,
    /// How long writing the last frame took; none while it is written.
    took: Option<Duration>,
    /// What went out lately, the oldest first; frames are paced, so it is never long.
    lately: VecDeque<(Instant, usize)>,
}

impl Meter {
    /// A frame of so many bytes went out.
    pub fn sent(&mut self, now: Instant, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
        self.first.get_or_insert(bytes);
        (self.last, self.took) = (bytes, None);
        self.lately.push_back((now, bytes));
        self.forget(now);
    }

    /// The last frame was written, and that took so long.
    pub const fn written(&mut self, took: Duration) {
        self.took = Some(took);
    }

    fn forget(&mut self, now: Instant) {
        while self.lately.front().is_some_and(|(at, _)| now - *at > LATELY) {
            self.lately.pop_front();
        }
    }

    /// What it cost since a beginning.
    pub fn cost(&mut self, now: Instant, began: Instant, round_trip: Option<Duration>) -> Cost {
        self.forget(now);
        let since = now - began;
        let lately = self.lately.iter().map(|(_, bytes)| *bytes as u64).sum();
        Cost {
            since,
            frames: self.frames,
            bytes: self.bytes,
            lately,
            first: self.first.unwrap_or(0),
            last: self.last,
            took: self.took,
            round_trip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_out_in_the_last_minute_is_told_apart_from_the_sums_of_all() {
        let (mut meter, began) = (Meter::default(), Instant::now());
        meter.sent(began, 3000);
        meter.written(Duration::from_millis(2));
        let first = meter.cost(began + Duration::from_millis(100), began, None);
        assert_eq!(
            (first.lately, first.first, first.last, first.took),
            (3000, 3000, 3000, Some(Duration::from_millis(2)))
        );
        let later = began + Duration::from_secs(90);
        meter.sent(later, 600);
        let cost = meter.cost(later + Duration::from_secs(10), began, Some(Duration::from_millis(150)));
        assert_eq!((cost.frames, cost.bytes, cost.first, cost.last), (2, 3600, 3000, 600));
        assert_eq!((cost.lately, cost.round_trip), (600, Some(Duration::from_millis(150))));
        assert_eq!(cost.took, None, "how long another frame took says nothing of this one");
        let silent = meter.cost(later + Duration::from_secs(61), began, None);
        assert_eq!(silent.lately, 0);
    }
}
