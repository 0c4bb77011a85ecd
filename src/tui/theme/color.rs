//! Colours by name, number or hex, fitted to what a terminal can show.

use ratatui::style::Color;

use crate::tui::{capability::Depth, overlay};

/// The 16 named colours in the order of their numbers, as xterm paints them; what a person's terminal makes of them is theirs.
const NAMED: [(&str, Color, (u8, u8, u8)); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 0, 0)),
    ("green", Color::Green, (0, 205, 0)),
    ("yellow", Color::Yellow, (205, 205, 0)),
    ("blue", Color::Blue, (0, 0, 238)),
    ("magenta", Color::Magenta, (205, 0, 205)),
    ("cyan", Color::Cyan, (0, 205, 205)),
    ("white", Color::Gray, (229, 229, 229)),
    ("bright-black", Color::DarkGray, (127, 127, 127)),
    ("bright-red", Color::LightRed, (255, 0, 0)),
    ("bright-green", Color::LightGreen, (0, 255, 0)),
    ("bright-yellow", Color::LightYellow, (255, 255, 0)),
    ("bright-blue", Color::LightBlue, (92, 92, 255)),
    ("bright-magenta", Color::LightMagenta, (255, 0, 255)),
    ("bright-cyan", Color::LightCyan, (0, 255, 255)),
    ("bright-white", Color::White, (255, 255, 255)),
];

/// The names, for what says which are known.
pub(super) const NAMES: [&str; 16] = {
    let mut names = [""; 16];
    let mut index = 0;
    while index < 16 {
        names[index] = NAMED[index].0;
        index += 1;
    }
    names
};

/// Says that a text is no colour, and which name may be meant.
pub(super) fn unknown(text: &str) -> String {
    match overlay::nearest(text, NAMES) {
        Some(near) if !text.starts_with('#') => format!("'{text}' is no colour, '{near}' is near"),
        _ => format!("'{text}' is no colour: expected default, a name such as red, 0 to 255, or #rrggbb"),
    }
}

/// Reads `default`, one of the 16 names, a number of the palette, or `#rrggbb`.
pub(super) fn parse(text: &str) -> Option<Color> {
    let text = text.trim();
    if text == "default" {
        return Some(Color::Reset);
    }
    if let Some((_, color, _)) = NAMED.iter().find(|(name, ..)| *name == text) {
        return Some(*color);
    }
    if let Some(hex) = text.strip_prefix('#') {
        if hex.len() != 6 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(hex, 16).ok()?;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    text.parse().ok().map(Color::Indexed)
}

/// The nearest colour that a depth has.
pub(super) fn fit(color: Color, depth: Depth) -> Color {
    match (color, depth) {
        (Color::Rgb(r, g, b), Depth::Ansi256) => Color::Indexed(nearest_of_256((r, g, b))),
        (Color::Rgb(r, g, b), Depth::Ansi16) => nearest_of_16((r, g, b)),
        (Color::Indexed(index), Depth::Ansi16) => nearest_of_16(rgb_of(index)),
        _ => color,
    }
}

/// Bright black is left out: on many backgrounds it cannot be read.
fn nearest_of_16(wanted: (u8, u8, u8)) -> Color {
    NAMED
        .iter()
        .filter(|(_, color, _)| *color != Color::DarkGray)
        .min_by_key(|(.., rgb)| distance(wanted, *rgb))
        .map_or(Color::Reset, |(_, color, _)| *color)
}

/// The first 16 are left out: nobody knows what they look like.
fn nearest_of_256(wanted: (u8, u8, u8)) -> u8 {
    (16..=255).min_by_key(|index| distance(wanted, rgb_of(*index))).unwrap_or(16)
}

/// The number of a colour in the palette of 256; none for the terminal's own, and for one that is not of it.
pub(in crate::tui) fn number_of(color: Color) -> Option<u8> {
    match color {
        Color::Indexed(number) => Some(number),
        color => (0..).zip(&NAMED).find(|(_, (_, named, _))| *named == color).map(|(number, _)| number),
    }
}

/// Red, green and blue of a colour of the palette of 256, as xterm has them.
pub(in crate::tui) fn rgb_of(index: u8) -> (u8, u8, u8) {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        0..=15 => NAMED[usize::from(index)].2,
        16..=231 => {
            let cube = usize::from(index - 16);
            (STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6])
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// Weighted by how well the eye tells red, green and blue apart ("redmean").
fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> i32 {
    let (ar, ag, ab) = (i32::from(a.0), i32::from(a.1), i32::from(a.2));
    let (br, bg, bb) = (i32::from(b.0), i32::from(b.1), i32::from(b.2));
    let mean = i32::midpoint(ar, br);
    (512 + mean) * (ar - br).pow(2) / 256 + 4 * (ag - bg).pow(2) + (767 - mean) * (ab - bb).pow(2) / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_a_name_a_number_or_hex() {
        for (text, color) in [
            ("default", Some(Color::Reset)),
            ("red", Some(Color::Red)),
            ("bright-white", Some(Color::White)),
            ("208", Some(Color::Indexed(208))),
            ("#D55E00", Some(Color::Rgb(0xd5, 0x5e, 0))),
            ("#D55E0", None),
            ("#+5E000", None),
            ("256", None),
            ("rouge", None),
        ] {
            assert_eq!(parse(text), color, "{text}");
        }
    }

    #[test]
    fn rich_colours_come_down_to_their_neighbours() {
        assert_eq!(fit(Color::Rgb(0xd5, 0x5e, 0), Depth::Ansi256), Color::Indexed(166));
        assert_eq!(fit(Color::Rgb(250, 10, 10), Depth::Ansi16), Color::LightRed);
        assert_eq!(fit(Color::Indexed(196), Depth::Ansi16), Color::LightRed);
        assert_eq!(fit(Color::Rgb(1, 2, 3), Depth::True), Color::Rgb(1, 2, 3));
        assert_ne!(fit(Color::Rgb(127, 127, 127), Depth::Ansi16), Color::DarkGray, "bright black cannot be read");
    }
}
