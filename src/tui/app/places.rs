//! The state of the windows view and of the sites view.

use std::{cmp::Ordering, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    filter::{Column, Words},
    listing::{Entry, Listing},
    records::{Record, Records},
    sort::{Sort, SortBy},
};
use crate::{
    backend::{BackendError, LaneView, SiteView, SitesPage, WindowView},
    domain::{FailureCategory, ReportState, SafeText, WindowState},
};

/// What a filter of windows looks into.
pub const WINDOW_COLUMNS: &[Column] = &[
    Column::name("state"),
    Column::name("id"),
    Column::name("scope"),
    Column::sentence("reason"),
    Column::name("by"),
    Column::name("ticket"),
];

/// What a filter of sites looks into.
pub const SITE_COLUMNS: &[Column] = &[
    Column::name("state"),
    Column::name("lane"),
    Column::name("runs"),
    Column::sentence("drift"),
    Column::sentence("label"),
    Column::part("site"),
    Column::part("group"),
];

/// When one of them begins or ends, windows are not asked for again within this time.
pub const FLIPPED: Duration = Duration::from_secs(10);

/// Windows: those that hold, then those to come, then past ones.
pub type Windows = Records<WindowView>;

/// The word of a window's state.
fn state_word(view: &WindowView) -> &'static str {
    match view.state {
        WindowState::Active if view.window.effect.is_deny() => "frozen",
        WindowState::Active => "open",
        WindowState::Upcoming => "to come",
        WindowState::Ended => "ended",
        WindowState::Lifted => "lifted",
        WindowState::Disabled => "off",
    }
}

impl Record for WindowView {
    fn id(&self) -> &str {
        self.window.id.as_str()
    }

    fn words(&self) -> Words {
        let window = &self.window;
        Words::of(&[
            state_word(self),
            window.id.as_str(),
            &window.scope.to_string(),
            window.reason.as_str(),
            window.created_by.as_str(),
            window.ticket.as_ref().map_or("", SafeText::as_str),
        ])
    }

    fn compare(&self, other: &Self, by: SortBy) -> Option<Ordering> {
        let (a, b) = (&self.window, &other.window);
        match by {
            SortBy::Begins => Some(a.from.cmp(&b.from)),
            // What has no end ends last.
            SortBy::Ends => Some((a.until.is_none(), a.until).cmp(&(b.until.is_none(), b.until))),
            _ => None,
        }
    }
}

impl Windows {
    /// Windows that hold now.
    pub fn active(&self) -> impl Iterator<Item = &WindowView> {
        self.all().iter().filter(|view| view.state == WindowState::Active)
    }

    /// When the next of them begins or ends, by what the backend said last.
    #[must_use]
    pub fn flips_at(&self) -> Option<DateTime<Utc>> {
        self.all().iter().filter_map(|view| view.next_transition).min()
    }
}

/// The sites view: one row a lane.
#[derive(Debug, Default)]
pub struct Sites {
    /// Sites with their lanes; none before the first answer.
    pub page: Option<SitesPage>,
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    /// Which lanes are listed.
    pub list: Listing,
    rows: Vec<(usize, usize)>,
}

fn key(site: &SiteView, lane: &LaneView) -> String {
    format!("{}/{}/{}", site.group, site.site, lane.lane)
}

/// What failed first, then what is silent, then what is not what was ordered.
fn need(lane: &LaneView) -> u8 {
    match lane.report.as_ref().map(|report| report.state) {
        Some(ReportState::Failed | ReportState::Unhealthy) if lane.reachable => 0,
        _ if !lane.reachable => 1,
        _ if lane.drift.is_some() => 2,
        _ => 3,
    }
}

/// The word of a lane's state.
#[must_use]
pub fn lane_state(lane: &LaneView) -> &'static str {
    if !lane.reachable {
        return "SILENT";
    }
    match lane.report.as_ref().map(|report| (report.state, report.category)) {
        None => "enrolled",
        Some((ReportState::Failed, Some(FailureCategory::RevertFailed))) => "STUCK",
        Some((ReportState::Failed, _)) => "FAILED",
        Some((ReportState::Unhealthy, _)) => "UNHEALTHY",
        Some(_) if lane.drift.is_some() => "DRIFT",
        Some((ReportState::Applying, _)) => "applying",
        Some((ReportState::Applied, _)) => "applied",
        Some((ReportState::Healthy, _)) => "healthy",
        Some((ReportState::Idle, _)) => "idle",
    }
}

/// What a lane runs, by its measure, or else by its claim.
fn runs(lane: &LaneView) -> &str {
    let report = lane.report.as_ref();
    let digest = report.and_then(|report| report.measured.as_ref().or(report.claimed.as_ref()));
    digest.map_or("", |digest| digest.short())
}

impl Sites {
    /// A row: the site and its lane.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<(&SiteView, &LaneView)> {
        let (site, lane) = *self.rows.get(self.list.at(row)?)?;
        let site = self.page.as_ref()?.sites.get(site)?;
        Some((site, site.lanes.get(lane)?))
    }

    /// Sorts by something else.
    pub fn set_order(&mut self, order: Sort) {
        self.list.order = order;
        self.arrange();
    }

    /// How many lanes there are, how many cannot be reached, and how many differ from their order.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let lanes = || self.page.iter().flat_map(|page| &page.sites).flat_map(|site| &site.lanes);
        (
            lanes().count(),
            lanes().filter(|lane| !lane.reachable).count(),
            lanes().filter(|lane| lane.drift.is_some()).count(),
        )
    }

    /// Takes an answer; the selection stays with its lane.
    pub fn take(&mut self, page: SitesPage) {
        self.page = Some(page);
        self.error = None;
        self.arrange();
    }

    fn arrange(&mut self) {
        let order = self.list.order;
        let sites = self.page.as_ref().map_or(&[][..], |page| &page.sites);
        let lanes = |(s, site): (usize, &'_ SiteView)| (0..site.lanes.len()).map(move |l| (s, l)).collect::<Vec<_>>();
        let mut rows: Vec<(usize, usize)> = sites.iter().enumerate().flat_map(lanes).collect();
        let name = |(s, l): (usize, usize)| (&sites[s].group, &sites[s].site, &sites[s].lanes[l].lane);
        rows.sort_by(|a, b| {
            let (x, y) = (&sites[a.0].lanes[a.1], &sites[b.0].lanes[b.1]);
            let ordering = match order.by {
                SortBy::Name => name(*a).cmp(&name(*b)),
                SortBy::Age => y.seen_at.cmp(&x.seen_at),
                SortBy::Version => runs(x).cmp(runs(y)),
                _ => (need(x), *a).cmp(&(need(y), *b)),
            };
            order.turned(ordering).then_with(|| name(*a).cmp(&name(*b)))
        });
        let entries = rows.iter().enumerate().map(|(at, (s, l))| {
            let (site, lane) = (&sites[*s], &sites[*s].lanes[*l]);
            let id = key(site, lane);
            let labels: Vec<String> = lane.labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
            let drift = lane.drift.as_ref().map_or_else(String::new, |drift| format!("drift {drift}"));
            // What a person calls a lane that says nothing.
            let silent = if lane.reachable { "" } else { " unreachable" };
            let state = format!("{}{silent}", lane_state(lane));
            let words = Words::of(&[
                &state,
                &id,
                runs(lane),
                &drift,
                &labels.join(" "),
                site.site.as_str(),
                site.group.as_str(),
            ]);
            Entry { id, words, at }
        });
        let entries = entries.collect();
        self.rows = rows;
        self.list.put(entries);
    }
}
