//! Two lines over time: one in braille (or `*`), one in dots. A bucket without data is a gap.

use chrono::{DateTime, Utc};
use ratatui::{buffer::Buffer, layout::Rect};

use super::row::Row;
use crate::tui::{
    capability::Glyphs,
    theme::{Role, Theme},
};

/// One moment of both lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: DateTime<Utc>,
    /// The first line.
    pub first: Option<f64>,
    /// The second line.
    pub second: Option<f64>,
}

/// What is painted.
pub struct Chart<'a> {
    /// Oldest first.
    pub points: &'a [Point],
    /// A level that is too much.
    pub limit: Option<f64>,
    /// How values are written.
    pub format: &'a dyn Fn(f64) -> String,
    /// How instants are written.
    pub clock: &'a dyn Fn(DateTime<Utc>) -> String,
}

/// Columns of the labels at the left.
const LABEL: u16 = 8;

struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn over(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        let pad = if high - low < 1e-12 { high.abs().max(1e-6) * 0.5 } else { (high - low) * 0.08 };
        // A line that never goes below nothing is not shown as if it could.
        let low = if low >= 0.0 { (low - pad).max(0.0) } else { low - pad };
        Some(Self { low, high: high + pad })
    }

    /// The dot row of a value, 0 at the top.
    fn row(&self, value: f64, rows: usize) -> usize {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        ((1.0 - share) * (rows.saturating_sub(1)) as f64).round() as usize
    }
}

/// Means by bucket, for `columns` buckets that end with the newest point.
fn buckets(points: &[Point], columns: usize, pick: impl Fn(&Point) -> Option<f64>) -> Vec<Option<f64>> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return vec![None; columns] };
    // Buckets lie on the clock, so that the chart moves only when one closes.
    let span = (last.at - first.at).num_seconds().max(1);
    let step = (span / i64::try_from(columns.max(1)).unwrap_or(i64::MAX) + 1).max(1);
    let newest = last.at.timestamp().div_euclid(step);
    let mut cells = vec![Bucket::default(); columns];
    for point in points {
        let back = newest - point.at.timestamp().div_euclid(step);
        let Some(slot) = usize::try_from(back).ok().and_then(|back| columns.checked_sub(back + 1)) else { continue };
        cells[slot].asked = true;
        if let Some(value) = pick(point).filter(|v| v.is_finite()) {
            cells[slot].sum += value;
            cells[slot].count += 1;
        }
    }
    // Readings may be further apart than buckets: a bucket that nobody was to fill repeats the one before.
    // One that was asked and had no value is a gap, and so is what nobody asked for longer than usual.
    let apart = span as f64 / points.len().saturating_sub(1).max(1) as f64 / step as f64;
    let reach = apart.ceil().max(1.0) as usize;
    (0..columns)
        .map(|at| {
            let from = (at.saturating_sub(reach)..=at).rev().find(|column| cells[*column].asked)?;
            cells[from].mean()
        })
        .collect()
}

/// What fell into one column.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    asked: bool,
    sum: f64,
    count: u32,
}

impl Bucket {
    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

impl Chart<'_> {
    /// Paints into an area: labels at the left, times below.
    pub fn draw(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        if area.width < LABEL + 8 || area.height < 3 {
            return;
        }
        let plot = Rect { x: area.x + LABEL, width: area.width - LABEL, height: area.height - 1, ..area };
        let (w, h) = (usize::from(plot.width), usize::from(plot.height));
        let values = self.points.iter().flat_map(|p| [p.first, p.second]).flatten().chain(self.limit);
        let Some(scale) = Scale::over(values) else {
            Row::new(theme, area.width).text("no data in this span", Role::NoData).draw(area, 0, buffer);
            return;
        };
        let braille = theme.glyphs() == Glyphs::Unicode;
        let across = if braille { 2 } else { 1 };
        let first = buckets(self.points, w * across, |p| p.first);
        let second = buckets(self.points, w, |p| p.second);
        let limit = self.limit.map(|limit| scale.row(limit, h));
        let dots = Dots::of(&first, &scale, w, h, braille);
        for y in 0..h {
            let mut row = Row::new(theme, plot.width);
            for (x, value) in second.iter().enumerate() {
                let lower = value.is_some_and(|v| scale.row(v, h) == y);
                row = match (dots.glyph(x, y), lower, limit == Some(y)) {
                    (Some(glyph), _, _) => row.text(glyph.encode_utf8(&mut [0; 4]), Role::Canary),
                    (None, true, _) => row.text(".", Role::Baseline),
                    (None, false, true) => row.text("-", Role::Limit),
                    _ => row.text(" ", Role::Normal),
                };
            }
            row.draw(plot, y as u16, buffer);
        }
        let label = |value: f64| (self.format)(value);
        let width = usize::from(LABEL) - 1;
        Row::new(theme, LABEL).right(&label(scale.high), width, Role::Muted).draw(area, 0, buffer);
        Row::new(theme, LABEL).right(&label(scale.low), width, Role::Muted).draw(area, area.height - 2, buffer);
        if let (Some(first), Some(last)) = (self.points.first(), self.points.last()) {
            let (from, to) = ((self.clock)(first.at), (self.clock)(last.at));
            let legend = if braille { "line canary, dots baseline" } else { "* canary, . baseline" };
            let at = usize::from(area.width).saturating_sub(to.chars().count() + 1);
            let middle = usize::from(LABEL) + from.chars().count() + 3;
            let mut row = Row::new(theme, area.width).gap(usize::from(LABEL)).text(&from, Role::Muted);
            if middle + legend.len() + 2 < at {
                row = row.to(middle).text(legend, Role::Muted);
            }
            row.to(at).text(&to, Role::Muted).draw(area, area.height - 1, buffer);
        }
    }
}

/// The bits of a braille cell, column by column from the top.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Dots of the first line, by cell.
struct Dots {
    cells: Vec<u8>,
    width: usize,
    braille: bool,
}

impl Dots {
    fn of(values: &[Option<f64>], scale: &Scale, w: usize, h: usize, braille: bool) -> Self {
        let down = if braille { 4 } else { 1 };
        let mut dots = Self { cells: vec![0; w * h], width: w, braille };
        let rows: Vec<Option<usize>> = values.iter().map(|v| v.map(|v| scale.row(v, h * down))).collect();
        for (x, row) in rows.iter().enumerate() {
            let Some(row) = *row else { continue };
            // The step from the bucket before is drawn; across a gap there is none.
            let from = x.checked_sub(1).and_then(|before| rows[before]).unwrap_or(row);
            let (low, high) = if from < row { (from + 1, row) } else { (row, from.saturating_sub(1).max(row)) };
            for y in low.min(row)..=high.max(row) {
                dots.set(x, y, down);
            }
        }
        dots
    }

    fn set(&mut self, x: usize, y: usize, down: usize) {
        let across = if self.braille { 2 } else { 1 };
        let cell = y / down * self.width + x / across;
        if let Some(bits) = self.cells.get_mut(cell) {
            *bits |= BITS[x % across][y % down];
        }
    }

    fn glyph(&self, x: usize, y: usize) -> Option<char> {
        match self.cells.get(y * self.width + x) {
            None | Some(0) => None,
            Some(_) if !self.braille => Some('*'),
            Some(bits) => char::from_u32(0x2800 + u32::from(*bits)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[Option<f64>], apart: i64) -> Vec<Point> {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let at = |n: usize| start + chrono::TimeDelta::seconds(apart * i64::try_from(n).unwrap());
        values.iter().enumerate().map(|(n, v)| Point { at: at(n), first: *v, second: None }).collect()
    }

    #[test]
    fn a_reading_without_a_value_is_a_gap_and_one_that_is_only_rare_is_none() {
        let silent = points(&[Some(1.0), Some(1.0), None, None, Some(2.0), Some(2.0)], 10);
        let filled = buckets(&silent, 60, |p| p.first);
        let gaps = filled.iter().skip_while(|v| v.is_none()).filter(|v| v.is_none()).count();
        assert!((18..=22).contains(&gaps), "twenty seconds were silent, {gaps} columns are: {filled:?}");
        let rare = points(&[Some(1.0), Some(2.0), Some(3.0), Some(4.0)], 20);
        let filled = buckets(&rare, 60, |p| p.first);
        assert!(filled.iter().skip_while(|v| v.is_none()).all(Option::is_some), "{filled:?}");
    }

    #[test]
    fn the_scale_holds_every_value_and_does_not_dip_below_nothing() {
        let scale = Scale::over([0.02, 0.4, f64::NAN].into_iter()).unwrap();
        assert_eq!((scale.row(0.4, 10), scale.row(0.0, 10)), (1, 9));
        assert!(scale.low >= 0.0 && scale.high > 0.4);
        assert!(Scale::over([f64::INFINITY].into_iter()).is_none());
    }
}
