//! What painting costs: frames, bytes, and how long they take.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::tui::message::Cost;

/// Over how long a rate is told.
const LATELY: Duration = Duration::from_mins(1);

/// Counts what goes to the terminal.
#[derive(Debug, Default)]
pub struct Meter {
    frames: u64,
    bytes: u64,
    first: Option<usize>,
    last: usize,
    took: Duration,
    /// What went out lately, the oldest first; frames are paced, so it is never long.
    lately: VecDeque<(Instant, usize)>,
}

impl Meter {
    /// A frame of so many bytes went out.
    pub fn sent(&mut self, now: Instant, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
        self.first.get_or_insert(bytes);
        self.last = bytes;
        self.lately.push_back((now, bytes));
        self.forget(now);
    }

    /// The last frame was written, and that took so long.
    pub const fn written(&mut self, took: Duration) {
        self.took = took;
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
        let lately = self.lately.iter().map(|(_, bytes)| *bytes as u64).sum::<u64>();
        Cost {
            since,
            frames: self.frames,
            bytes: self.bytes,
            // A session younger than that has a rate of its own age; the first second would say nonsense.
            rate: lately as f64 / since.clamp(Duration::from_secs(1), LATELY).as_secs_f64(),
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
    fn the_rate_is_of_the_last_minute_and_the_sums_are_of_all() {
        let (mut meter, began) = (Meter::default(), Instant::now());
        meter.sent(began, 3000);
        meter.written(Duration::from_millis(2));
        let second = meter.cost(began + Duration::from_millis(100), began, None);
        assert_eq!((second.rate, second.first, second.last), (3000.0, 3000, 3000));
        let later = began + Duration::from_secs(90);
        meter.sent(later, 600);
        let cost = meter.cost(later + Duration::from_secs(10), began, Some(Duration::from_millis(150)));
        assert_eq!((cost.frames, cost.bytes, cost.first, cost.last), (2, 3600, 3000, 600));
        assert!((cost.rate - 10.0).abs() < 1e-9, "{}", cost.rate);
        assert_eq!((cost.took, cost.round_trip), (Duration::from_millis(2), Some(Duration::from_millis(150))));
        let silent = meter.cost(later + Duration::from_secs(61), began, None);
        assert!(silent.rate.abs() < 1e-9, "{}", silent.rate);
    }
}
