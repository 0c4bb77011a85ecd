//! Instants as they are shown: in UTC, in the viewer's zone or in a site's, which is always named.

use chrono::{
    DateTime, Datelike, FixedOffset, Local, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

use super::{App, View};

/// The zone in which times are shown. It is a rule and no offset: what is shown of a day on the other side
/// of a change of clocks is right too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    #[default]
    Utc,
    /// The viewer's.
    Mine(Mine),
    /// That of a site's windows.
    Site(Tz),
}

/// The viewer's zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mine {
    /// The machine's, where it has no name that is known: a rule of `TZ`, or a file.
    #[default]
    Local,
    /// This one.
    Named(Tz),
}

impl Mine {
    /// The zone of `TZ`, as the environment has it, or else of the machine, whose name is `of_machine`.
    #[must_use]
    pub fn of(tz: Option<&str>, of_machine: Option<&str>) -> Self {
        let name = match tz {
            Some(tz) => Some(tz.strip_prefix(':').unwrap_or(tz)),
            None => of_machine,
        };
        name.and_then(|name| name.parse().ok()).map_or(Self::Local, Self::Named)
    }

    /// The zone of this process.
    #[must_use]
    pub fn here() -> Self {
        Self::of(std::env::var("TZ").ok().as_deref(), iana_time_zone::get_timezone().ok().as_deref())
    }
}

impl Zone {
    /// How far its clocks are ahead of UTC at an instant.
    #[must_use]
    pub fn offset(self, at: DateTime<Utc>) -> FixedOffset {
        let at = at.naive_utc();
        match self {
            Self::Utc => Utc.fix(),
            Self::Mine(Mine::Local) => Local.offset_from_utc_datetime(&at).fix(),
            Self::Mine(Mine::Named(zone)) | Self::Site(zone) => zone.offset_from_utc_datetime(&at).fix(),
        }
    }

    /// The civil time there.
    #[must_use]
    pub fn civil(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.offset(at)).naive_local()
    }

    /// The instant of a civil time: of two the first. None where clocks skip it.
    #[must_use]
    pub fn instant(self, civil: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self {
            Self::Utc => Some(civil.and_utc()),
            Self::Mine(Mine::Local) => Local.from_local_datetime(&civil).earliest().map(|at| at.to_utc()),
            Self::Mine(Mine::Named(zone)) | Self::Site(zone) => {
                zone.from_local_datetime(&civil).earliest().map(|at| at.to_utc())
            }
        }
    }

    /// The beginning of the civil day that an instant lies in.
    #[must_use]
    pub fn day(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let civil = self.civil(at);
        let midnight = civil.date().and_hms_opt(0, 0, 0).unwrap_or(civil);
        // Where the clock skips midnight the day begins with what comes after it: near enough for a range.
        self.instant(midnight).unwrap_or_else(|| at - TimeDelta::seconds(i64::from(civil.num_seconds_from_midnight())))
    }

    /// Its name, and whose it is.
    #[must_use]
    pub fn name(self, at: DateTime<Utc>) -> String {
        match self {
            Self::Utc => "UTC".to_owned(),
            Self::Mine(Mine::Local) => format!("UTC{} (yours)", self.offset(at)),
            Self::Mine(Mine::Named(zone)) => format!("{} (yours)", zone.name()),
            Self::Site(zone) => format!("{} (the window's)", zone.name()),
        }
    }

    /// The sign behind a time: `Z`, or how far ahead of UTC its clocks are then.
    #[must_use]
    pub fn sign(self, at: DateTime<Utc>) -> String {
        if self == Self::Utc {
            return "Z".to_owned();
        }
        let seconds = self.offset(at).local_minus_utc();
        let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
        match (seconds / 3600, seconds % 3600 / 60) {
            (hours, 0) => format!("{sign}{hours:02}"),
            (hours, minutes) => format!("{sign}{hours:02}:{minutes:02}"),
        }
    }
}

impl App {
    /// The zone in which times are shown.
    #[must_use]
    pub fn zone(&self) -> Zone {
        match self.zone {
            // The calendar follows its selection from window to window.
            Zone::Site(zone) if self.view == View::Windows => Zone::Site(self.site_zone().unwrap_or(zone)),
            zone => zone,
        }
    }

    /// The zone of what is looked at: that of the selected window's schedule, or of one that reaches the
    /// site that is followed.
    #[must_use]
    pub fn site_zone(&self) -> Option<Tz> {
        let of = |view: &crate::backend::WindowView| view.window.schedule.as_ref()?.zone.as_str().parse().ok();
        match self.view {
            View::Windows => self.windows.selected().and_then(of),
            View::Follow => self.followed_windows(self.followed().ok()?).find_map(of),
            _ => None,
        }
    }

    /// The zone after the one in force: UTC, the viewer's, and that of the site where it has one.
    pub(in crate::tui) fn next_zone(&self) -> Zone {
        let site = self.site_zone().map(Zone::Site);
        match self.zone {
            Zone::Utc => Zone::Mine(self.mine),
            Zone::Mine(_) => site.unwrap_or_default(),
            Zone::Site(_) => Zone::Utc,
        }
    }

    /// An instant by the clock on screen, in minutes, with its zone.
    #[must_use]
    pub fn clock(&self, at: DateTime<Utc>) -> String {
        let zone = self.zone();
        format!("{}{}", zone.civil(at).format("%H:%M"), zone.sign(at))
    }

    /// An instant by the clock on screen, in seconds, with its zone.
    #[must_use]
    pub fn clock_seconds(&self, at: DateTime<Utc>) -> String {
        let zone = self.zone();
        format!("{}{}", zone.civil(at).format("%H:%M:%S"), zone.sign(at))
    }

    /// An instant with its day, when that is not today.
    #[must_use]
    pub fn day_clock(&self, at: DateTime<Utc>) -> String {
        let day = self.civil_day(at);
        if day == self.civil_day(self.server_now()) {
            self.clock(at)
        } else {
            format!("{}{}", day.format("%d %b "), self.clock(at))
        }
    }

    /// The same, with the year when it is another one.
    #[must_use]
    pub fn calendar_clock(&self, at: DateTime<Utc>) -> String {
        let day = self.civil_day(at);
        if day.year() == self.civil_day(self.server_now()).year() {
            self.day_clock(at)
        } else {
            format!("{}{}", day.format("%d %b %Y "), self.clock(at))
        }
    }

    fn civil_day(&self, at: DateTime<Utc>) -> NaiveDate {
        self.zone().civil(at).date()
    }

    /// The clock in the header.
    #[must_use]
    pub fn header_clock(&self) -> String {
        self.clock(self.now.wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn clocks_change_where_the_zone_says_and_not_where_the_viewer_began() {
        let oslo = Zone::Mine(Mine::Named(chrono_tz::Europe::Oslo));
        // Clocks go forward on the 29th at 01:00Z.
        for (instant, time, sign) in [
            ("2026-03-28T12:00:00Z", "13:00", "+01"),
            ("2026-03-29T00:59:00Z", "01:59", "+01"),
            ("2026-03-29T01:00:00Z", "03:00", "+02"),
            ("2026-10-25T01:00:00Z", "02:00", "+01"),
        ] {
            assert_eq!(oslo.civil(at(instant)).format("%H:%M").to_string(), time, "{instant}");
            assert_eq!(oslo.sign(at(instant)), sign, "{instant}");
        }
        let kolkata = Zone::Site(chrono_tz::Asia::Kolkata);
        assert_eq!(kolkata.sign(at("2026-03-28T12:00:00Z")), "+05:30");
        assert_eq!(Zone::Site(chrono_tz::America::St_Johns).sign(at("2026-01-01T00:00:00Z")), "-03:30");
        assert_eq!(Zone::Utc.sign(at("2026-03-28T12:00:00Z")), "Z");
    }

    #[test]
    fn a_day_begins_where_the_zone_says_also_on_the_days_on_which_clocks_change() {
        let oslo = Zone::Site(chrono_tz::Europe::Oslo);
        for (instant, begins) in [
            ("2026-03-26T12:00:00Z", "2026-03-25T23:00:00Z"),
            ("2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z"),
            ("2026-03-30T12:00:00Z", "2026-03-29T22:00:00Z"),
        ] {
            assert_eq!(oslo.day(at(instant)), at(begins), "{instant}");
        }
        // Where midnight itself is skipped, the day begins all the same.
        let day = Zone::Site(chrono_tz::Asia::Beirut).day(at("2026-03-29T12:00:00Z"));
        assert!((at("2026-03-28T21:00:00Z")..=at("2026-03-28T23:00:00Z")).contains(&day), "{day}");
        assert_eq!(Zone::Utc.day(at("2026-03-26T23:59:00Z")), at("2026-03-26T00:00:00Z"));
    }

    #[test]
    fn a_time_that_clocks_skip_is_none_and_of_one_that_comes_twice_it_is_the_first() {
        let oslo = Zone::Site(chrono_tz::Europe::Oslo);
        let civil = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap();
        assert_eq!(oslo.instant(civil("2026-03-29T02:30")), None);
        assert_eq!(oslo.instant(civil("2026-10-25T02:30")), Some(at("2026-10-25T00:30:00Z")));
    }

    #[test]
    fn the_viewers_zone_is_that_of_tz_or_else_of_the_machine() {
        let oslo = Mine::Named(chrono_tz::Europe::Oslo);
        assert_eq!(Mine::of(Some("Europe/Oslo"), Some("Asia/Tokyo")), oslo);
        assert_eq!(Mine::of(Some(":Europe/Oslo"), None), oslo);
        assert_eq!(Mine::of(None, Some("Europe/Oslo")), oslo);
        assert_eq!(Mine::of(Some("CET-1CEST,M3.5.0,M10.5.0/3"), Some("Asia/Tokyo")), Mine::Local);
        assert_eq!(Mine::of(None, None), Mine::Local);
    }
}
