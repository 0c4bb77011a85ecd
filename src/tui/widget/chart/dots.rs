//! A line as dots: in braille two across and four down in a cell, in ASCII one `*` a cell.

use super::scale::Scale;
use crate::tui::capability::Glyphs;

/// The bits of a braille cell, column by column from the top.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Dots of a line, by cell.
pub(super) struct Dots {
    cells: Vec<u8>,
    width: usize,
    braille: bool,
}

/// How many buckets are drawn in one column.
pub(super) const fn across(glyphs: Glyphs) -> usize {
    match glyphs {
        Glyphs::Unicode => 2,
        Glyphs::Ascii => 1,
    }
}

/// How many rows of dots a cell holds.
pub(super) const fn down(glyphs: Glyphs) -> usize {
    match glyphs {
        Glyphs::Unicode => 4,
        Glyphs::Ascii => 1,
    }
}

impl Dots {
    /// The line through values, [`across`] of them a column.
    pub fn of(values: &[Option<f64>], scale: &Scale, width: usize, height: usize, glyphs: Glyphs) -> Self {
        let braille = glyphs == Glyphs::Unicode;
        let down = down(glyphs);
        let mut dots = Self { cells: vec![0; width * height], width, braille };
        let rows: Vec<Option<usize>> = values.iter().map(|v| v.map(|v| scale.row(v, height * down))).collect();
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

    /// What stands in a cell; none where the line does not pass.
    pub fn glyph(&self, x: usize, y: usize) -> Option<char> {
        match self.cells.get(y * self.width + x) {
            None | Some(0) => None,
            Some(_) if !self.braille => Some('*'),
            Some(bits) => char::from_u32(0x2800 + u32::from(*bits)),
        }
    }
}
