//! A line over time with a band around it, levels that matter, and what changed when. A bucket without
//! data is a gap; what stopped ends in `~ ~ ~`.
//!
//! Everything is told by its own sign, so that it can be read without colour: the line in braille or
//! `*`, what it is held against in dots, the band shaded, the limit in dashes.

use chrono::{DateTime, Utc};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{fit, row::Row};
use crate::tui::{
    capability::Glyphs,
    theme::{Role, Theme},
};

mod axis;
mod dots;
mod ruler;
mod scale;

use axis::Axis;
use dots::Dots;
use ruler::Ruler;
use scale::Scale;

/// One moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: DateTime<Utc>,
    /// The line.
    pub line: Option<f64>,
    /// What it is held against, in dots.
    pub dots: Option<f64>,
    /// Where the line may truly lie: from, to.
    pub band: Option<(f64, f64)>,
}

impl Point {
    /// A moment without data.
    #[must_use]
    pub const fn at(at: DateTime<Utc>) -> Self {
        Self { at, line: None, dots: None, band: None }
    }
}

/// What is said at the right, beside a value of the vertical axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// Beside which value; at the bottom, when none.
    pub beside: Option<f64>,
    /// What is said.
    pub text: String,
    /// How it is painted.
    pub role: Role,
}

/// Something that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// What, in a word.
    pub word: String,
}

/// What is painted.
pub struct Chart<'a> {
    /// Oldest first.
    pub points: &'a [Point],
    /// A level that is dotted all the way.
    pub rest: Option<f64>,
    /// Levels that are too much.
    pub limits: &'a [f64],
    /// Where the time axis ends.
    pub until: DateTime<Utc>,
    /// Whether the line has stopped: it ends in `~ ~ ~`.
    pub stopped: bool,
    /// What changed on the way, oldest first.
    pub changes: &'a [Change],
    /// What is said at the right, the weightiest first.
    pub tags: &'a [Tag],
    /// How values of the axis are written.
    pub format: &'a dyn Fn(f64) -> String,
    /// How instants are written.
    pub clock: &'a dyn Fn(DateTime<Utc>) -> String,
}

/// Columns of the labels at the left.
const LABEL: u16 = 8;
/// Most columns of what is said at the right.
const TAGS: u16 = 14;
/// Fewest columns of a plot that has something said at its right.
const PLOT: u16 = 24;

/// The signs of a set of characters.
struct Signs {
    band: char,
}

const fn signs(glyphs: Glyphs) -> Signs {
    match glyphs {
        // Light shade is of East Asian width "neutral", as the marks are.
        Glyphs::Unicode => Signs { band: '\u{2591}' },
        Glyphs::Ascii => Signs { band: ':' },
    }
}

impl Chart<'_> {
    /// Paints into an area: values at the left, times and changes below. Says whether there was anything.
    pub fn draw(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) -> bool {
        if area.width < LABEL + 8 || area.height < 3 {
            return true;
        }
        let lines = self.points.iter().flat_map(|p| [p.line, p.dots]).flatten().filter(|v| v.is_finite());
        let levels = self.limits.iter().copied().chain(self.rest);
        // The newest band is what holds now; older, wider ones may be cut off.
        let band = self.points.iter().rev().find_map(|p| p.band);
        let bands = band.into_iter().flat_map(|(low, high)| [low, high]);
        let measured = lines.clone().next().is_some();
        let Some(scale) = Scale::over(lines.chain(levels), bands).filter(|_| measured) else { return false };
        let tags = self.tags_width(area.width);
        let plot = Rect { x: area.x + LABEL, width: area.width - LABEL - tags, height: area.height - 1, ..area };
        let across = dots::across(theme.glyphs());
        let axis = self.axis(usize::from(plot.width) * across);
        self.plot(&axis, &scale, theme, plot, buffer);
        self.labels(&scale, theme, Rect { width: LABEL, height: plot.height, ..area }, buffer);
        let right = Rect { x: plot.right(), width: tags, height: plot.height, ..area };
        self.draw_tags(&scale, theme, right, buffer);
        self.times(&axis, theme, area, plot, buffer);
        true
    }

    /// The time axis. What stopped long ago does not press what was before into a corner.
    fn axis(&self, slots: usize) -> Axis {
        let first = self.points.first().map_or(self.until, |p| p.at);
        let last = self.points.last().map_or(self.until, |p| p.at);
        let until = self.until.max(last);
        let longest = until.checked_sub_signed((last - first) * 2);
        Axis::over(longest.map_or(first, |longest| first.max(longest)), until, slots)
    }

    fn tags_width(&self, width: u16) -> u16 {
        let longest = self.tags.iter().map(|tag| fit::width(&tag.text)).max().unwrap_or(0);
        let wanted = if longest == 0 { 0 } else { (longest as u16 + 1).min(TAGS) };
        if width >= LABEL + PLOT + wanted { wanted } else { 0 }
    }

    fn plot(&self, axis: &Axis, scale: &Scale, theme: &Theme, plot: Rect, buffer: &mut Buffer) {
        let (w, h) = (usize::from(plot.width), usize::from(plot.height));
        let across = dots::across(theme.glyphs());
        let line = axis.means(self.points, |p| p.line);
        let by_column = |values: Vec<Option<f64>>| -> Vec<Option<f64>> {
            values.chunks(across).map(|pair| pair.iter().rev().copied().flatten().next()).collect()
        };
        let against = by_column(axis.means(self.points, |p| p.dots));
        let low = by_column(axis.means(self.points, |p| p.band.map(|band| band.0)));
        let high = by_column(axis.means(self.points, |p| p.band.map(|band| band.1)));
        let down = dots::down(theme.glyphs());
        let cell = |value: f64| scale.cell(value, h, down);
        let limits: Vec<usize> = self.limits.iter().copied().map(cell).collect();
        let rest = self.rest.map(cell);
        let stop = self.stopped.then(|| stop(&line, across, cell)).flatten();
        let dots = Dots::of(&line, scale, w, h, theme.glyphs());
        let signs = signs(theme.glyphs());
        for y in 0..h {
            for x in 0..w {
                let value = |values: &[Option<f64>]| values.get(x).copied().flatten();
                let shaded =
                    value(&low).zip(value(&high)).is_some_and(|(low, high)| (cell(high)..=cell(low)).contains(&y));
                let (sign, role) = if let Some(glyph) = dots.glyph(x, y) {
                    (glyph, Role::Canary)
                } else if stop.is_some_and(|(from, row)| y == row && x >= from && (x - from) % 2 == 0) {
                    ('~', Role::Stale)
                } else if limits.contains(&y) {
                    ('-', Role::Limit)
                } else if value(&against).is_some_and(|v| cell(v) == y)
                    || (rest == Some(y) && x % 2 == 0 && stop.is_none_or(|(from, row)| x + 2 < from || row != y))
                {
                    ('.', Role::Baseline)
                } else if shaded {
                    (signs.band, Role::Band)
                } else {
                    continue;
                };
                let at = Position { x: plot.x + x as u16, y: plot.y + y as u16 };
                if let Some(cell) = buffer.cell_mut(at) {
                    cell.set_char(sign).set_style(theme.style(role));
                }
            }
        }
    }

    fn labels(&self, scale: &Scale, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let h = usize::from(area.height);
        let mut said = vec![(0, scale.high), (h - 1, scale.low)];
        if let Some(rest) = self.rest {
            let row = scale.cell(rest, h, dots::down(theme.glyphs()));
            said.retain(|(y, _)| *y != row);
            said.push((row, rest));
        }
        for (y, value) in said {
            let text = (self.format)(value);
            Row::new(theme, area.width).right(&text, usize::from(LABEL) - 1, Role::Muted).draw(area, y as u16, buffer);
        }
    }

    /// What is said at the right, each as near to its value as those above it allow.
    fn draw_tags(&self, scale: &Scale, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let h = usize::from(area.height);
        // The row that it would stand in, were it alone.
        let down = dots::down(theme.glyphs());
        let wanted = |tag: &Tag| tag.beside.map_or(h - 1, |value| scale.cell(value, h, down));
        let mut tags: Vec<(usize, &Tag)> = self.tags.iter().take(h).map(|tag| (wanted(tag), tag)).collect();
        // What is larger stands above, also where both would stand in one row.
        let value = |tag: &Tag| tag.beside.unwrap_or(f64::NEG_INFINITY);
        tags.sort_by(|(_, a), (_, b)| value(b).total_cmp(&value(a)));
        let mut free = 0;
        for (y, _) in &mut tags {
            *y = (*y).max(free);
            free = *y + 1;
        }
        let mut last = h;
        for (y, _) in tags.iter_mut().rev() {
            *y = (*y).min(last.saturating_sub(1));
            last = *y;
        }
        for (y, tag) in tags {
            Row::new(theme, area.width).gap(1).text(&tag.text, tag.role).draw(area, y as u16, buffer);
        }
    }

    /// The bottom row: the ends of the time axis beside it, what changed below it.
    fn times(&self, axis: &Axis, theme: &Theme, area: Rect, plot: Rect, buffer: &mut Buffer) {
        let across = dots::across(theme.glyphs());
        let mut ruler = Ruler::new(usize::from(plot.width));
        let changes: Vec<(usize, &str)> = self
            .changes
            .iter()
            .filter_map(|change| Some((axis.column(change.at, across)?, change.word.as_str())))
            .collect();
        ruler.changes(&changes);
        for at in axis.ticks(14 * across) {
            if let Some(column) = axis.column(at, across) {
                ruler.tick(column, &hour(&(self.clock)(at)));
            }
        }
        let from = (self.clock)(axis.start());
        // The zone is named at the other end, where there is room for it.
        let from = if fit::width(&from) < usize::from(LABEL) { from } else { hour(&from) };
        let row = Row::new(theme, area.width)
            .right(&from, usize::from(LABEL) - 1, Role::Muted)
            .text(&ruler.text(), Role::Muted);
        let row =
            if plot.right() < area.right() { row.gap(1).text(&(self.clock)(self.until), Role::Muted) } else { row };
        row.draw(area, area.height - 1, buffer);
    }
}

/// Where the line stopped: the column from which on it is drawn broken, and its row.
fn stop(line: &[Option<f64>], across: usize, cell: impl Fn(f64) -> usize) -> Option<(usize, usize)> {
    let (last, value) = line.iter().enumerate().rev().find_map(|(at, value)| Some((at, (*value)?)))?;
    Some((last / across + 2, cell(value)))
}

/// `11:34Z` without its zone.
fn hour(clock: &str) -> String {
    clock.chars().take(5).collect()
}
