//! A line in a few cells that does not scroll: each moment has its place, the newest one overwrites the
//! oldest, and a gap goes before it. What does not change costs no byte.

use crate::tui::capability::Glyphs;

/// How far up each half of a braille cell is filled, from nothing to all four dots.
const LEFT: [u8; 5] = [0x00, 0x40, 0x44, 0x46, 0x47];
const RIGHT: [u8; 5] = [0x00, 0x80, 0xA0, 0xB0, 0xB8];
/// The same by where the ink of a sign lies: at the foot, in the middle, above it, at the top.
const INK: [char; 5] = [' ', '_', '-', '\'', '^'];

/// Two moments a cell. `heights` are by place, 0 to 4 each: 0 is nothing, 1 the lowest; `newest` is the
/// place that was written last.
#[must_use]
pub fn sweep(heights: &[u8], newest: usize, glyphs: Glyphs) -> String {
    let cells = heights.len().div_ceil(2);
    // What comes next is empty, so that the eye finds the newest one.
    let gap = (newest / 2 + 1) % cells.max(1);
    heights
        .chunks(2)
        .enumerate()
        .map(|(at, pair)| {
            let height = |n: usize| usize::from(pair.get(n).copied().unwrap_or(0).min(4));
            // A place in the newest cell that was not written yet still has what was there a round ago.
            let right = if at == newest / 2 && newest.is_multiple_of(2) { 0 } else { height(1) };
            match (at == gap, glyphs) {
                (true, _) => ' ',
                (false, Glyphs::Unicode) => {
                    let bits = LEFT[height(0)] | RIGHT[right];
                    char::from_u32(0x2800 + u32::from(bits)).filter(|_| bits > 0).unwrap_or(' ')
                }
                (false, Glyphs::Ascii) => INK[height(0).max(right)],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moment_keeps_its_place_and_the_gap_follows_the_newest() {
        let heights = [1, 1, 2, 2, 3, 3, 4, 4];
        assert_eq!(sweep(&heights, 7, Glyphs::Ascii), " -'^");
        assert_eq!(sweep(&heights, 1, Glyphs::Ascii), "_ '^");
        assert_eq!(sweep(&heights, 1, Glyphs::Unicode), "⣀ ⣶⣿");
        // Half a cell was written: the other half is a round old.
        assert_eq!(sweep(&heights, 0, Glyphs::Unicode), "⡀ ⣶⣿");
    }

    #[test]
    fn one_new_moment_changes_at_most_two_cells() {
        let mut heights = [2; 16];
        for newest in 0..40 {
            let before = sweep(&heights, (newest + 15) % 16, Glyphs::Unicode);
            heights[newest % 16] = 1 + (newest % 4) as u8;
            let after = sweep(&heights, newest % 16, Glyphs::Unicode);
            let changed = before.chars().zip(after.chars()).filter(|(a, b)| a != b).count();
            assert!(changed <= 2, "{before:?} {after:?}");
        }
    }
}
