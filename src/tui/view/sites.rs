//! Sites and their lanes: what is measured or claimed there, against what was ordered.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::words;
use crate::{
    backend::{LaneView, SiteView},
    tui::{
        app::{App, age, places::lane_state, rollouts::scroll, spots::Spot},
        theme::{Mark, Role, Theme},
        widget::row::Row,
    },
};

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let sites = &app.sites;
    let (lanes, silent, drift) = sites.counts();
    let text = match (&sites.error, &sites.page) {
        (Some(error), _) => format!(" not to be had: {error}"),
        (None, None) => " asking for sites".to_owned(),
        (None, Some(page)) if page.sites.is_empty() => {
            " no site has enrolled yet: rolldeck agent on a site does".to_owned()
        }
        (None, Some(page)) => {
            format!(" {} sites, {lanes} lanes: {silent} silent, {drift} differ from their order", page.sites.len())
        }
    };
    Row::new(theme, body.width)
        .text(&text, if sites.error.is_some() { Role::Error } else { Role::Strong })
        .draw(body, 0, buffer);
    let name = if body.width >= 110 { 36 } else { 24 };
    Row::new(theme, body.width)
        .gap(3)
        .cell("STATE", 9, Role::Heading)
        .cell("GROUP/SITE/LANE", name, Role::Heading)
        .cell("ORDERED", 12, Role::Heading)
        .cell("RUNS", 14, Role::Heading)
        .cell("SEEN", 5, Role::Heading)
        .text("DRIFT, LABELS", Role::Heading)
        .draw(body, 1, buffer);
    let rows = Rect { y: body.y + 2, height: body.height.saturating_sub(2), ..body };
    let height = usize::from(rows.height);
    let top = scroll(sites.list.cursor().saturating_sub(height / 2), sites.list.cursor(), height, sites.list.len());
    let mut cursor = None;
    for y in 0..height {
        let Some((site, lane)) = sites.at(top + y) else { break };
        let selected = sites.list.cursor() == top + y;
        app.note_line(rows, y as u16, Spot::Row(top + y));
        let row = line(app, site, lane, selected, name, theme, rows.width);
        if selected {
            cursor = row.draw_selected(rows, y as u16, buffer);
        } else {
            row.draw(rows, y as u16, buffer);
        }
    }
    cursor
}

pub(super) fn state(lane: &LaneView) -> (Mark, &'static str) {
    let word = lane_state(lane);
    let mark = match word {
        "SILENT" => Mark::NoData,
        "enrolled" => Mark::Waiting,
        "DRIFT" => Mark::NeedsPerson,
        "applying" => Mark::Running,
        "healthy" | "idle" => Mark::Passed,
        _ => Mark::Fail,
    };
    (mark, word)
}

fn line<'a>(
    app: &App,
    site: &SiteView,
    lane: &LaneView,
    selected: bool,
    name: usize,
    theme: &'a Theme,
    width: u16,
) -> Row<'a> {
    let (mark, word) = state(lane);
    let report = lane.report.as_ref();
    let (runs, role) = match (report.and_then(|r| r.measured.as_ref()), report.and_then(|r| r.claimed.as_ref())) {
        (Some(digest), _) => (digest.short().to_owned(), Role::Normal),
        // Claimed is not measured, and says so.
        (None, Some(digest)) => (format!("?{}", digest.short()), Role::NoData),
        (None, None) => ("not measured".to_owned(), Role::NoData),
    };
    let seen = lane.seen_at.map_or_else(|| "never".to_owned(), |at| age::coarse(app.server_now(), at));
    let labels: Vec<String> =
        lane.labels.iter().map(|(key, value)| format!("{}={value}", crate::domain::SafeText::new(key))).collect();
    let id = format!("{}/{}/{}", site.group, site.site, lane.lane);
    let filter = app.sites.list.filter();
    let found = |column, text: &str| filter.found(column, text);
    Row::new(theme, width)
        .text(if selected { ">" } else { " " }, Role::Normal)
        .mark(mark)
        .found(word, 9, mark.role(), &found("state", word))
        .found(&id, name, Role::Strong, &found("lane", &id))
        .cell(words::digest(lane.desired.as_ref()), 12, Role::Normal)
        .found(&runs, 14, role, &found("runs", &runs))
        .right(&seen, 4, if lane.reachable { Role::Normal } else { Role::NoData })
        .text(&lane.drift.as_ref().map_or_else(String::new, |drift| format!("{drift}  ")), Role::NeedsPerson)
        .text(&labels.join(" "), Role::Muted)
}
