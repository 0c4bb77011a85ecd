//! How the simulation's time runs beside the clock's.

use std::{sync::Arc, time::Duration};

use crate::clock::{Clock, Wait};

/// The shortest time between two checks of a unit, however fast the simulation runs.
const CHECK_MIN: Duration = Duration::from_millis(100);

/// Simulated time: seconds since the simulation began, `speed` of them in each of the clock's.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    /// The clock's uptime then.
    began: Duration,
    speed: f64,
}

impl Pace {
    pub(super) fn new(speed: f64, clock: Arc<dyn Clock>) -> Self {
        Self { began: clock.uptime(), clock, speed }
    }

    /// The clock that it runs by.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Simulated seconds since the beginning.
    pub(super) fn now(&self) -> f64 {
        self.clock.uptime().saturating_sub(self.began).as_secs_f64() * self.speed
    }

    /// How long so many simulated seconds really take.
    pub(super) fn real(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds.max(0.0) / self.speed).unwrap_or(Duration::MAX)
    }

    /// How long it really is between two checks.
    pub(super) fn check_interval(&self, seconds: f64) -> Duration {
        self.real(seconds).max(CHECK_MIN)
    }

    /// A span of simulated seconds as a plan writes it, in real ones.
    pub(super) fn span(&self, seconds: f64) -> String {
        format!("{}ms", self.real(seconds).as_millis())
    }

    /// A wait until an uptime of the clock.
    pub(super) fn until(&self, uptime: Duration) -> Wait {
        self.clock.sleep(uptime.saturating_sub(self.clock.uptime()))
    }
}
