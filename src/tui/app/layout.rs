//! Where things are, by the size of the terminal: shared by what paints and by what moves a page.

use ratatui::layout::Rect;

use super::{App, View};

/// Fewest columns of a full screen.
pub const MIN_WIDTH: u16 = 60;
/// Fewest rows of a full screen.
pub const MIN_HEIGHT: u16 = 16;

/// The fixed zones of every screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zones {
    /// Where, who, when.
    pub header: Rect,
    /// A banner, or nothing.
    pub banner: Rect,
    /// The view.
    pub body: Rect,
    /// Messages.
    pub message: Rect,
    /// Keys.
    pub keys: Rect,
}

/// Whether a full screen does not fit.
#[must_use]
pub fn too_small(area: Rect) -> bool {
    area.width < MIN_WIDTH || area.height < MIN_HEIGHT
}

const fn row(area: Rect, y: u16, height: u16) -> Rect {
    Rect { x: area.x, y: area.y + y, width: area.width, height }
}

/// The zones of a screen with so many rows of banners.
#[must_use]
pub fn zones(area: Rect, banners: u16) -> Zones {
    let h = area.height;
    Zones {
        header: row(area, 0, 1),
        banner: row(area, 1, banners),
        body: row(area, 1 + banners, h.saturating_sub(3 + banners)),
        message: row(area, h.saturating_sub(2), 1),
        keys: row(area, h.saturating_sub(1), 1),
    }
}

/// Height of a strip that shows a chart.
pub const ROOMY_STRIP: u16 = 19;

/// The parts of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overview {
    /// How many of what.
    pub counts: Rect,
    /// The table with its head.
    pub table: Rect,
    /// What there is to say of the selection.
    pub strip: Option<Rect>,
    /// The selected rollout in full, on very large screens.
    pub side: Option<Rect>,
}

/// The parts of the overview in a body; the table alone where it is to be as wide as it can.
#[must_use]
pub fn overview(body: Rect, alone: bool) -> Overview {
    let wide = body.width >= 160 && body.height >= 40 && !alone;
    let left = if wide { body.width * 55 / 100 } else { body.width };
    let area = Rect { width: left, ..body };
    let side = wide.then(|| Rect { x: body.x + left, width: body.width - left, ..body });
    let strip_height = match body.height {
        _ if wide => 0,

        ..15 => 0,
        15..30 => 6,
        30..34 => 12,
        _ if alone => 12,
        // Room for a chart and for what happened last.
        _ => ROOMY_STRIP,
    };
    let table = body.height.saturating_sub(1 + strip_height);
    Overview {
        counts: row(area, 0, 1),
        table: row(area, 1, table),
        strip: (strip_height > 0).then(|| row(area, 1 + table, strip_height)),
        side,
    }
}

/// The parts of the flags view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagParts {
    /// Counts, headings and the matrix.
    pub table: Rect,
    /// What there is to say of the selection, with its history at its end.
    pub record: Rect,
    /// The history beside the record, where there is room.
    pub history: Option<Rect>,
}

/// The parts of the flags view in a body.
#[must_use]
pub fn flags(body: Rect) -> FlagParts {
    let record = match body.height {
        ..14 => 0,
        14..30 => body.height / 2,
        _ => (body.height / 2).min(18),
    };
    let table = row(body, 0, body.height - record);
    let below = row(body, body.height - record, record);
    if body.width < 110 || record == 0 {
        return FlagParts { table, record: below, history: None };
    }
    let left = body.width * 55 / 100;
    let history = Rect { x: below.x + left + 1, width: below.width - left - 1, ..below };
    FlagParts { table, record: Rect { width: left, ..below }, history: Some(history) }
}

/// The parts of the audit view: the record is below the table, or beside it where there is room.
#[must_use]
pub fn audit(body: Rect) -> (Rect, Rect) {
    if body.width >= 180 {
        let left = body.width * 60 / 100;
        let record = Rect { x: body.x + left + 1, width: body.width - left - 1, ..body };
        return (Rect { width: left, ..body }, record);
    }
    table_and_record(body, if body.height >= 30 { 14 } else { RECORD })
}

/// The parts of a view with a table and a record below it.
#[must_use]
pub fn table_and_record(body: Rect, record: u16) -> (Rect, Rect) {
    let record = if body.height < 14 { 0 } else { record.min(body.height / 2) };
    (row(body, 0, body.height - record), row(body, body.height - record, record))
}

impl Overview {
    /// Whether the selected rollout is shown with its past, and so has to be watched.
    #[must_use]
    pub fn shows_past(&self) -> bool {
        self.side.is_some() || self.strip.is_some_and(|strip| strip.height >= ROOMY_STRIP)
    }
}

impl App {
    /// The whole screen.
    #[must_use]
    pub fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.0, self.size.1)
    }

    /// The zones of a screen as it is now. What is wrong with a cluster gets a second row, where there is room.
    #[must_use]
    pub fn zones(&self, area: Rect) -> Zones {
        let remarks = self.remarks().len();
        let second = area.height >= 20 && (remarks > 1 || (remarks == 1 && self.has_banner()));
        zones(area, 1 + u16::from(second))
    }

    /// How many rows of the view's list are visible.
    #[must_use]
    pub fn page(&self) -> usize {
        let body = self.zones(self.area()).body;
        let rows = match self.view {
            View::Overview => overview(body, self.wide).table.height.saturating_sub(1),
            View::Approvals => table_and_record(body, body.height * 3 / 5).0.height.saturating_sub(3),
            View::Overrides => table_and_record(body, RECORD + 2).0.height.saturating_sub(3),
            View::Audit => audit(body).0.height.saturating_sub(4),
            View::Windows => table_and_record(body, RECORD).0.height.saturating_sub(3),
            View::Flags => flags(body).table.height.saturating_sub(4),
            View::Sites | View::Contexts => body.height.saturating_sub(2),
            View::Follow => self.follow.as_ref().map_or(0, |follow| follow.shown.get()),
            View::Detail | View::Recover => body.height / 3,
        };
        usize::from(rows.max(1))
    }
}

/// Height of a record below a table, its rule included.
pub const RECORD: u16 = 9;
