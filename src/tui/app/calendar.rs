//! The calendar of change windows: the range that is shown, the cells it is shown in, and what each cell
//! says of a scope. The cells are rounded against risk: a freeze that touches a cell fills it, and a cell
//! counts as allowed only when it is so from its beginning to its end.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::App;
use crate::{
    backend::{BackendError, CalendarPage, Conflict, WindowView},
    domain::{Effect, SafeText, WindowState},
};

/// Lengths of a cell that can be zoomed through, in minutes.
const ZOOM: [i64; 8] = [15, 30, 45, 60, 90, 180, 360, 720];
/// Most days that are shown.
const DAYS_MAX: i64 = 14;

/// What of the view has the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pane {
    /// Bars over time.
    #[default]
    Bars,
    /// The list of all windows.
    List,
}

/// The cells of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// When the first cell begins.
    pub from: DateTime<Utc>,
    /// How long a cell is.
    pub cell: TimeDelta,
    /// How many there are.
    pub cells: usize,
    /// Columns before the first cell.
    pub label: u16,
}

impl Grid {
    /// When a cell begins.
    #[must_use]
    pub fn at(&self, index: usize) -> DateTime<Utc> {
        self.from + self.cell * i32::try_from(index).unwrap_or(i32::MAX)
    }

    /// When the last cell ends.
    #[must_use]
    pub fn until(&self) -> DateTime<Utc> {
        self.at(self.cells)
    }

    /// The cell that an instant lies in.
    #[must_use]
    pub fn index(&self, at: DateTime<Utc>) -> Option<usize> {
        let index = usize::try_from((at - self.from).num_seconds().div_euclid(self.cell.num_seconds().max(1))).ok()?;
        (at >= self.from && index < self.cells).then_some(index)
    }
}

/// What a cell says of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// The server has not said, or not yet.
    Unknown,
    /// Nothing is said: changes are open.
    Open,
    /// A window allows changes, and outside of such windows they are closed.
    Allowed,
    /// The same for a part of the cell, or for some actions or initiators only.
    Partly,
    /// No window that allows changes is open.
    Closed,
    /// A window denies changes for a part of the cell at least.
    Frozen,
    /// The same for some actions or initiators only.
    FrozenForSome,
}

impl Cell {
    /// Its sign: another one for each, so that no colour is needed.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Unknown => "?",
            Self::Open => " ",
            Self::Allowed => "=",
            Self::Partly => "-",
            Self::Closed => ".",
            Self::Frozen => "#",
            Self::FrozenForSome => "%",
        }
    }
}

/// One span of a window, with that window.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The window; none while the list does not have it yet.
    pub window: Option<&'a WindowView>,
    /// Its id.
    pub id: &'a SafeText,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends; open-ended, when absent.
    pub until: Option<DateTime<Utc>>,
}

impl Piece<'_> {
    fn touches(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        self.from < until && self.until.is_none_or(|end| end > from)
    }

    fn denies(&self) -> bool {
        self.window.is_none_or(|view| view.window.effect == Effect::Deny)
    }

    /// Whether it is about some actions or initiators only.
    fn is_limited(&self) -> bool {
        self.window.is_some_and(|view| !view.window.actions.is_empty() || !view.window.initiators.is_empty())
    }
}

/// A scope with all spans of the windows over it.
#[derive(Debug, Clone)]
pub struct Bar<'a> {
    /// The scope as it is written.
    pub scope: String,
    /// The windows, enabled or not.
    pub windows: Vec<&'a WindowView>,
    /// Their spans, by their beginning.
    pub pieces: Vec<Piece<'a>>,
}

impl<'a> Bar<'a> {
    /// What a stretch of time says of it.
    #[must_use]
    pub fn cell(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Cell {
        let here = || self.pieces.iter().filter(|piece| piece.touches(from, until));
        if here().any(|piece| piece.denies() && !piece.is_limited()) {
            return Cell::Frozen;
        }
        let limited = here().any(Piece::denies);
        // A window that allows holds what lies outside of it for as long as it is there at all.
        let holds = |view: &&WindowView| {
            view.window.effect == Effect::Allow
                && matches!(view.state, WindowState::Active | WindowState::Upcoming)
                && view.window.until.is_none_or(|end| end > from)
        };
        let of_allow: Vec<&&WindowView> = self.windows.iter().filter(|view| holds(view)).collect();
        if of_allow.is_empty() {
            return if limited { Cell::FrozenForSome } else { Cell::Open };
        }
        let allows: Vec<&Piece<'_>> = here().filter(|piece| !piece.denies()).collect();
        let mut reached = from;
        for piece in allows.iter().filter(|piece| !piece.is_limited()) {
            if piece.from <= reached {
                reached = reached.max(piece.until.unwrap_or(until));
            }
        }
        match (reached >= until, allows.is_empty(), limited) {
            (true, _, false) => Cell::Allowed,
            (true, _, true) => Cell::FrozenForSome,
            (false, false, _) => Cell::Partly,
            // One that is for some only leaves the others as they are.
            (false, true, _) if of_allow.iter().all(|view| is_limited(view)) => Cell::Partly,
            (false, true, _) => Cell::Closed,
        }
    }

    /// The window to speak of at an instant: one that denies before one that allows, one that holds before
    /// the next to come, and that before the last one.
    #[must_use]
    pub fn window_at(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<(&'a WindowView, Option<Piece<'a>>)> {
        let shown = |piece: &Piece<'a>| piece.window.map(|window| (window, Some(*piece)));
        let here = self.pieces.iter().filter(|piece| piece.touches(from, until));
        let next = self.pieces.iter().filter(|piece| piece.from >= until);
        here.max_by_key(|piece| (piece.denies(), std::cmp::Reverse(piece.from)))
            .and_then(shown)
            .or_else(|| next.min_by_key(|piece| piece.from).and_then(shown))
            .or_else(|| self.pieces.iter().max_by_key(|piece| piece.from).and_then(shown))
            .or_else(|| self.windows.first().map(|window| (*window, None)))
    }
}

fn is_limited(view: &WindowView) -> bool {
    !view.window.actions.is_empty() || !view.window.initiators.is_empty()
}

/// The calendar.
#[derive(Debug, Default)]
pub struct Calendar {
    /// The last answer.
    pub page: Option<CalendarPage>,
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    /// What has the keys.
    pub pane: Pane,
    asked: Option<(DateTime<Utc>, DateTime<Utc>)>,
    from: Option<DateTime<Utc>>,
    zoom: Option<usize>,
    at: Option<DateTime<Utc>>,
    scope: Option<String>,
}

impl Calendar {
    /// Takes an answer, if it is the one to the last question; says whether the screen may differ.
    pub fn take(&mut self, asked: (DateTime<Utc>, DateTime<Utc>), answer: Result<CalendarPage, BackendError>) -> bool {
        if self.asked != Some(asked) {
            return false;
        }
        match answer {
            Ok(page) => {
                let changed = self.error.take().is_some() || self.page.as_ref() != Some(&page);
                self.page = Some(page);
                changed
            }
            Err(error) => {
                let changed = self.error.as_ref() != Some(&error);
                self.error = Some(error);
                changed
            }
        }
    }

    /// What is shown may not be what is any more: it is asked for again.
    pub fn outdated(&mut self) {
        self.asked = None;
    }

    /// The range to ask for, when another one was asked for last.
    pub fn wants(&mut self, grid: &Grid) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let range = (grid.from, grid.until());
        if self.asked == Some(range) {
            return None;
        }
        self.asked = Some(range);
        Some(range)
    }

    /// Whether the last answer says all of what is between two instants.
    #[must_use]
    pub fn covers(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        self.page.as_ref().is_some_and(|page| {
            // An answer that was cut off holds the spans that begin first.
            let cut = page.truncated.then(|| page.spans.last().map_or(page.from, |span| span.from));
            page.from <= from && until <= cut.unwrap_or(page.until)
        })
    }

    /// Conflicts, by when they come.
    #[must_use]
    pub fn conflicts(&self) -> Vec<&Conflict> {
        let mut all: Vec<&Conflict> = self.page.iter().flat_map(|page| &page.conflicts).collect();
        all.sort_by_key(|conflict| (conflict.at, conflict.rollout.clone()));
        all
    }

    /// Zooms in or out; says whether there was a step left.
    pub fn step_zoom(&mut self, in_: bool, now_minutes: i64) -> bool {
        let at = ZOOM.iter().position(|minutes| *minutes == now_minutes).unwrap_or(2);
        let to = if in_ { at.checked_sub(1) } else { Some(at + 1).filter(|to| *to < ZOOM.len()) };
        if to.is_some() {
            self.zoom = to;
        }
        to.is_some()
    }
}

impl App {
    /// The cells of the calendar in so many columns.
    #[must_use]
    pub fn grid(&self, width: u16) -> Grid {
        let (label, usual) = match width {
            ..100 => (15, 45),
            100..160 => (20, 60),
            _ => (28, 180),
        };
        let minutes = self.calendar.zoom.and_then(|zoom| ZOOM.get(zoom).copied()).unwrap_or(usual);
        let room = i64::from(width.saturating_sub(label + 1)).max(8);
        let per_day = 24 * 60 / minutes;
        let days = (room / per_day).min(DAYS_MAX);
        let cells = if days > 0 { days * per_day } else { room };
        let from = self.calendar.from.unwrap_or_else(|| self.zone().day(self.server_now()));
        Grid { from, cell: TimeDelta::minutes(minutes), cells: usize::try_from(cells).unwrap_or(8), label }
    }

    /// Scopes with their spans, in the order of their names.
    #[must_use]
    pub fn bars(&self) -> Vec<Bar<'_>> {
        let spans = || self.calendar.page.iter().flat_map(|page| &page.spans);
        // Thousands of windows and of spans are looked up, not searched for.
        let shown: HashSet<&SafeText> = spans().map(|span| &span.window).collect();
        let known: HashMap<&SafeText, &WindowView> =
            self.windows.all().iter().map(|view| (&view.window.id, view)).collect();
        let mut bars: Vec<Bar<'_>> = Vec::new();
        let mut at: HashMap<String, usize> = HashMap::new();
        let mut bar_of = |scope: String, bars: &mut Vec<Bar<'_>>| {
            *at.entry(scope.clone()).or_insert_with(|| {
                bars.push(Bar { scope, windows: Vec::new(), pieces: Vec::new() });
                bars.len() - 1
            })
        };
        for view in self.windows.all() {
            let is_there = matches!(view.state, WindowState::Active | WindowState::Upcoming);
            if is_there || shown.contains(&view.window.id) {
                let index = bar_of(view.window.scope.to_string(), &mut bars);
                bars[index].windows.push(view);
            }
        }
        for span in spans() {
            let window = known.get(&span.window).copied();
            let scope = window.map_or_else(|| span.window.to_string(), |view| view.window.scope.to_string());
            let index = bar_of(scope, &mut bars);
            bars[index].pieces.push(Piece { window, id: &span.window, from: span.from, until: span.until });
        }
        for bar in &mut bars {
            bar.pieces.sort_by_key(|piece| piece.from);
        }
        // What is over everything stands below all.
        let everything = |bar: &Bar<'_>| {
            bar.windows
                .first()
                .is_some_and(|view| super::wording::scope(&view.window.scope) == super::wording::EVERYTHING)
        };
        bars.sort_by(|a, b| (everything(a), &a.scope).cmp(&(everything(b), &b.scope)));
        bars
    }

    /// The row that is selected.
    #[must_use]
    pub fn calendar_row(&self, bars: &[Bar<'_>]) -> usize {
        let named = self.calendar.scope.as_ref().and_then(|scope| bars.iter().position(|bar| &bar.scope == scope));
        // Before anybody chose one it is that of the selected window: one that holds, where there is any.
        let selected = || {
            let view = self.windows.selected()?;
            bars.iter().position(|bar| bar.windows.iter().any(|window| window.window.id == view.window.id))
        };
        named.or_else(selected).unwrap_or(0).min(bars.len().saturating_sub(1))
    }

    /// The cell that is selected.
    #[must_use]
    pub fn calendar_cell(&self, grid: &Grid) -> usize {
        let at = self.calendar.at.unwrap_or_else(|| self.server_now());
        grid.index(at).unwrap_or(if at < grid.from { 0 } else { grid.cells.saturating_sub(1) })
    }

    /// The window that the calendar speaks of, and the span.
    #[must_use]
    pub fn calendar_window(&self, grid: &Grid) -> Option<(&WindowView, Option<Piece<'_>>)> {
        let bars = self.bars();
        let at = self.calendar.at.unwrap_or_else(|| self.server_now());
        let cell = self.calendar_cell(grid);
        let (from, until) = if self.calendar.at.is_some() { (grid.at(cell), grid.at(cell + 1)) } else { (at, at) };
        let until = until.max(from + TimeDelta::seconds(1));
        bars.get(self.calendar_row(&bars)).and_then(|bar| bar.window_at(from, until))
    }

    /// What is selected is the window that the calendar speaks of: it is the one that is lifted or shown raw.
    pub(in crate::tui) fn calendar_chosen(&mut self, grid: &Grid) {
        let id = self.calendar_window(grid).map(|(view, _)| view.window.id.clone());
        if let Some(id) = id {
            self.windows.list.select(id.as_str());
        }
    }

    /// Moves from scope to scope.
    pub(in crate::tui) fn calendar_move_row(&mut self, by: isize, grid: &Grid) {
        let bars = self.bars();
        let to = self.calendar_row(&bars).saturating_add_signed(by).min(bars.len().saturating_sub(1));
        let scope = bars.get(to).map(|bar| bar.scope.clone());
        self.calendar.scope = scope;
        self.calendar_chosen(grid);
    }

    /// Moves from cell to cell; the range goes along where the cell would leave it.
    pub(in crate::tui) fn calendar_move_cell(&mut self, by: i32, grid: &Grid) {
        let cell = self.calendar_cell(grid);
        let to = grid.at(cell) + grid.cell * by;
        self.calendar_go(to, grid);
    }

    /// Goes to an instant; the range goes along where it is not in it.
    pub(in crate::tui) fn calendar_go(&mut self, to: DateTime<Utc>, grid: &Grid) {
        // A calendar of the next thousand years is nobody's.
        if (to - self.server_now()).num_days().abs() > 3660 {
            return;
        }
        self.calendar.at = Some(to);
        if grid.index(to).is_none() {
            let length = grid.until() - grid.from;
            let day = TimeDelta::days(1);
            self.calendar.from = Some(match (length >= day, to < grid.from) {
                (true, true) => self.zone().day(to),
                (true, false) => self.zone().day(to) - (length - day),
                (false, true) => to,
                (false, false) => to - length + grid.cell,
            });
        }
        self.calendar_chosen(grid);
    }

    /// Goes back to now.
    pub(in crate::tui) fn calendar_now(&mut self, grid: &Grid) {
        self.calendar.from = None;
        self.calendar.at = None;
        self.calendar_chosen(grid);
    }

    /// Goes to the next conflict after the selected cell, or to the last one before it.
    pub(in crate::tui) fn calendar_conflict(&mut self, forward: bool, grid: &Grid) -> bool {
        let at = grid.at(self.calendar_cell(grid));
        let end = at + grid.cell;
        let all = self.calendar.conflicts();
        let found = if forward {
            all.iter().find(|conflict| conflict.at >= end).or_else(|| all.first())
        } else {
            all.iter().rev().find(|conflict| conflict.at < at).or_else(|| all.last())
        };
        let Some((to, window)) = found.map(|conflict| (conflict.at, conflict.window.clone())) else { return false };
        let scope = self.windows.get(window.as_str());
        self.calendar.scope = scope.map(|view| view.window.scope.to_string());
        self.calendar_go(to, grid);
        self.windows.list.select(window.as_str());
        true
    }
}

#[cfg(test)]
mod tests;
