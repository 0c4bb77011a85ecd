//! The state of the windows view and of the sites view.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    backend::{BackendError, LaneView, SiteView, SitesPage, WindowView, WindowsPage},
    domain::{ReportState, SafeText, WindowState},
};

/// The windows view.
#[derive(Debug, Default)]
pub struct Windows {
    /// Those that hold, then those to come, then past ones; none before the first answer.
    pub page: Option<WindowsPage>,
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    asked: Option<Duration>,
    cursor: usize,
    selected: Option<String>,
}

impl Windows {
    /// All windows.
    #[must_use]
    pub fn all(&self) -> &[WindowView] {
        self.page.as_ref().map_or(&[], |page| &page.windows)
    }

    /// The cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The selected window.
    #[must_use]
    pub fn selected(&self) -> Option<&WindowView> {
        self.all().get(self.cursor)
    }

    /// Windows that hold now.
    pub fn active(&self) -> impl Iterator<Item = &WindowView> {
        self.all().iter().filter(|view| view.state == WindowState::Active)
    }

    /// Takes an answer; the selection stays with its window. Says whether it is another one than before.
    pub fn take(&mut self, page: WindowsPage) -> bool {
        let changed = self.error.take().is_some() || self.page.as_ref() != Some(&page);
        self.page = Some(page);
        let at = self.selected.as_ref().and_then(|id| self.all().iter().position(|v| v.window.id.as_str() == id));
        self.move_to(at.unwrap_or(self.cursor));
        changed
    }

    /// Notes that they are asked for because one of them began or ended; not again within ten seconds.
    pub fn begin_asking(&mut self, elapsed: Duration) -> bool {
        let due = self.asked.is_none_or(|asked| elapsed.saturating_sub(asked) >= Duration::from_secs(10));
        if due {
            self.asked = Some(elapsed);
        }
        due
    }

    /// Selects a window by its id.
    pub fn select(&mut self, id: &SafeText) {
        if let Some(at) = self.all().iter().position(|view| &view.window.id == id) {
            self.move_to(at);
        }
    }

    /// When the next of them begins or ends, by what the backend said last.
    #[must_use]
    pub fn flips_at(&self) -> Option<DateTime<Utc>> {
        self.all().iter().filter_map(|view| view.next_transition).min()
    }

    /// Puts one window in the place of its former self, or first.
    pub fn replace(&mut self, view: WindowView) {
        let page = self.page.get_or_insert_with(|| WindowsPage { windows: Vec::new() });
        match page.windows.iter_mut().find(|old| old.window.id == view.window.id) {
            Some(old) => *old = view,
            None => page.windows.insert(0, view),
        }
    }

    /// Moves the cursor.
    pub fn move_to(&mut self, position: usize) {
        self.cursor = position.min(self.all().len().saturating_sub(1));
        self.selected = self.selected().map(|view| view.window.id.as_str().to_owned());
    }
}

/// The sites view: one row a lane.
#[derive(Debug, Default)]
pub struct Sites {
    /// Sites with their lanes; none before the first answer.
    pub page: Option<SitesPage>,
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    /// Words that each row has.
    pub filter: String,
    rows: Vec<(usize, usize)>,
    cursor: usize,
    selected: Option<String>,
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

impl Sites {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A row: the site and its lane.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<(&SiteView, &LaneView)> {
        let (site, lane) = *self.rows.get(row)?;
        let site = self.page.as_ref()?.sites.get(site)?;
        Some((site, site.lanes.get(lane)?))
    }

    /// The cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
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
        self.apply();
    }

    /// Sets the filter.
    pub fn set_filter(&mut self, text: &str) {
        self.filter = text.to_lowercase();
        self.apply();
    }

    fn apply(&mut self) {
        let words: Vec<&str> = self.filter.split_whitespace().collect();
        let mut rows: Vec<(u8, (usize, usize))> = Vec::new();
        for (s, site) in self.page.iter().flat_map(|page| &page.sites).enumerate() {
            for (l, lane) in site.lanes.iter().enumerate() {
                let labels: Vec<String> = lane.labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
                let drift = lane.drift.as_ref().map_or_else(String::new, |drift| format!(" drift {drift}"));
                let silent = if lane.reachable { "" } else { " silent unreachable" };
                let text = format!("{} {}{drift}{silent}", key(site, lane), labels.join(" ")).to_lowercase();
                if words.iter().all(|word| text.contains(word)) {
                    rows.push((need(lane), (s, l)));
                }
            }
        }
        rows.sort_unstable();
        self.rows = rows.into_iter().map(|(_, at)| at).collect();
        let selected = self.selected.clone();
        let position = selected
            .and_then(|selected| (0..self.len()).find(|row| self.at(*row).is_some_and(|(s, l)| key(s, l) == selected)));
        self.move_to(position.unwrap_or(self.cursor));
    }

    /// Moves the cursor.
    pub fn move_to(&mut self, position: usize) {
        self.cursor = position.min(self.len().saturating_sub(1));
        self.selected = self.at(self.cursor).map(|(site, lane)| key(site, lane));
    }
}
