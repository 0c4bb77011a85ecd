//! Instants as they are shown: in UTC or in the viewer's zone, which is always named.

use chrono::{DateTime, FixedOffset, Utc};

use super::App;

impl App {
    /// An instant by the clock on screen, in minutes, with its zone.
    #[must_use]
    pub fn clock(&self, at: DateTime<Utc>) -> String {
        match self.zone {
            None => at.format("%H:%MZ").to_string(),
            Some(zone) => format!("{}{}", at.with_timezone(&zone).format("%H:%M"), offset(zone)),
        }
    }

    /// An instant by the clock on screen, in seconds, with its zone.
    #[must_use]
    pub fn clock_seconds(&self, at: DateTime<Utc>) -> String {
        match self.zone {
            None => at.format("%H:%M:%SZ").to_string(),
            Some(zone) => format!("{}{}", at.with_timezone(&zone).format("%H:%M:%S"), offset(zone)),
        }
    }

    /// An instant with its day, when that is not today.
    #[must_use]
    pub fn day_clock(&self, at: DateTime<Utc>) -> String {
        let zone = self.zone.or(FixedOffset::east_opt(0));
        let day = |at: DateTime<Utc>| zone.map(|zone| at.with_timezone(&zone).date_naive());
        if day(at) == day(self.server_now()) {
            self.clock(at)
        } else {
            let date = day(at).map(|day| day.format("%d %b ").to_string()).unwrap_or_default();
            format!("{date}{}", self.clock(at))
        }
    }

    /// The clock in the header.
    #[must_use]
    pub fn header_clock(&self) -> String {
        self.clock(self.now.wall)
    }
}

pub(super) fn offset(zone: FixedOffset) -> String {
    let seconds = zone.local_minus_utc();
    let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    match (seconds / 3600, seconds % 3600 / 60) {
        (hours, 0) => format!("{sign}{hours:02}"),
        (hours, minutes) => format!("{sign}{hours:02}:{minutes:02}"),
    }
}
