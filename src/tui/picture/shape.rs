//! Symbols that are drawn and not written, so that lines meet and dots stand where they belong whatever
//! font there is: box drawing, braille, and blocks. All in tenths of a pixel.

/// A cell's width.
pub(super) const WIDTH: u32 = 84;
/// A cell's height.
pub(super) const HEIGHT: u32 = 180;

/// How a symbol is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Lines from the middle of the cell: to the left, to the right, up, down.
    Lines([bool; 4]),
    /// The eight dots of a braille cell, as in its code point: 1 to 3 and 7 on the left, 4 to 6 and 8 on the right.
    Dots(u8),
    /// A box: left, top, width, height.
    Block(u32, u32, u32, u32),
}

/// How a symbol is drawn; none when it is written.
pub(super) fn shape(symbol: char) -> Option<Shape> {
    let lines = |left, right, up, down| Some(Shape::Lines([left, right, up, down]));
    match symbol {
        '─' | '━' => lines(true, true, false, false),
        '│' | '┃' => lines(false, false, true, true),
        '┌' | '╭' => lines(false, true, false, true),
        '┐' | '╮' => lines(true, false, false, true),
        '└' | '╰' => lines(false, true, true, false),
        '┘' | '╯' => lines(true, false, true, false),
        '├' => lines(false, true, true, true),
        '┤' => lines(true, false, true, true),
        '┬' => lines(true, true, false, true),
        '┴' => lines(true, true, true, false),
        '┼' => lines(true, true, true, true),
        '\u{2800}'..='\u{28ff}' => Some(Shape::Dots((symbol as u32 - 0x2800) as u8)),
        // One to eight eighths from below.
        '\u{2581}'..='\u{2588}' => {
            let height = HEIGHT * (symbol as u32 - 0x2580) / 8;
            Some(Shape::Block(0, HEIGHT - height, WIDTH, height))
        }
        // Seven eighths to one from the left.
        '\u{2589}'..='\u{258f}' => Some(Shape::Block(0, 0, WIDTH * (0x2590 - symbol as u32) / 8, HEIGHT)),
        '\u{2580}' => Some(Shape::Block(0, 0, WIDTH, HEIGHT / 2)),
        '\u{2590}' => Some(Shape::Block(WIDTH / 2, 0, WIDTH / 2, HEIGHT)),
        _ => None,
    }
}

/// Where the dots of a braille cell are that are set: columns and rows of the cell.
pub(super) fn dots(bits: u8) -> impl Iterator<Item = (u32, u32)> {
    const PLACES: [(u32, u32); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    PLACES.into_iter().enumerate().filter_map(move |(bit, (column, line))| {
        let set = bits & (1 << bit) != 0;
        set.then_some((WIDTH / 4 + column * WIDTH / 2, HEIGHT / 8 + line * HEIGHT / 4))
    })
}
