//! A frame as SVG: boxes behind, runs of text over them, each as wide as its cells so that columns line up
//! in any font, and the words of the whole screen for whoever cannot see it.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

use super::{
    Glyph, row,
    shape::{HEIGHT, Shape, WIDTH, dots, shape},
    text,
};
use crate::tui::theme::color;

/// Around the screen, in tenths of a pixel.
const MARGIN: u32 = 100;
/// From the top of a cell to the line that letters stand on, in tenths of a pixel.
const BASELINE: u32 = 134;
const FONT: &str = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";
/// How much of a dim letter's colour is its own; the rest is the paper's. Chosen so that what is dim can
/// still be read (WCAG AA) on both papers.
const DIM: u32 = 68;

/// What a picture is painted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// What it is a picture of, in a few words.
    pub title: String,
    /// Whether the paper is light; what has no colour of its own is dark then.
    pub light: bool,
}

type Rgb = (u8, u8, u8);

impl Paper {
    const fn ground(&self) -> Rgb {
        if self.light { (0xff, 0xff, 0xff) } else { (0x14, 0x16, 0x1b) }
    }

    const fn ink(&self) -> Rgb {
        if self.light { (0x1f, 0x23, 0x28) } else { (0xd8, 0xdc, 0xe3) }
    }
}

/// A frame as an SVG document.
#[must_use]
pub fn svg(buffer: &Buffer, paper: &Paper) -> String {
    let (columns, lines) = (u32::from(buffer.area.width), u32::from(buffer.area.height));
    let (width, height) = (columns * WIDTH + 2 * MARGIN, lines * HEIGHT + 2 * MARGIN);
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
         aria-labelledby=\"title\" aria-describedby=\"screen\">",
        w = tenths(width),
        h = tenths(height)
    );
    let _ = writeln!(out, "<title id=\"title\">{}</title>", escaped(&paper.title));
    let _ = writeln!(out, "<desc id=\"screen\">{}</desc>", escaped(&text(buffer)));
    let _ = writeln!(out, "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>", hex(paper.ground()));
    let _ = writeln!(
        out,
        "<g font-family=\"{FONT}\" font-size=\"14\" fill=\"{}\" stroke-width=\"1\" fill-rule=\"nonzero\">",
        hex(paper.ink())
    );
    for y in 0..buffer.area.height {
        let glyphs: Vec<(Glyph<'_>, Look)> = row(buffer, y).map(|glyph| (glyph, Look::of(&glyph, paper))).collect();
        let top = MARGIN + u32::from(y) * HEIGHT;
        grounds(&glyphs, top, paper, &mut out);
        let mut rest = glyphs.as_slice();
        while let Some((_, look)) = rest.first() {
            let same = rest.iter().take_while(|(_, other)| other == look).count();
            let (run, after) = rest.split_at(same);
            runs(run, *look, top, paper, &mut out);
            rest = after;
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// What a symbol looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: Rgb,
    ground: Rgb,
    /// Bold, italic, underlined, crossed out.
    marks: Modifier,
}

impl Look {
    fn of(glyph: &Glyph<'_>, paper: &Paper) -> Self {
        let cell = glyph.cell;
        let has = |modifier| cell.modifier.contains(modifier);
        let mut ink = rgb(cell.fg, paper).unwrap_or(paper.ink());
        let mut ground = rgb(cell.bg, paper).unwrap_or(paper.ground());
        if has(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut ground);
        }
        if has(Modifier::DIM) {
            ink = mixed(ink, ground);
        }
        if has(Modifier::HIDDEN) {
            ink = ground;
        }
        let marks = Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        Self { ink, ground, marks: cell.modifier & marks }
    }

    const fn has(self, mark: Modifier) -> bool {
        self.marks.contains(mark)
    }
}

/// The boxes behind what stands on another ground than the paper's.
fn grounds(glyphs: &[(Glyph<'_>, Look)], top: u32, paper: &Paper, out: &mut String) {
    let mut rest = glyphs;
    while let Some((first, look)) = rest.first() {
        let same = rest.iter().take_while(|(_, other)| other.ground == look.ground).count();
        let (run, after) = rest.split_at(same);
        if look.ground != paper.ground() {
            let columns: u32 = run.iter().map(|(glyph, _)| u32::from(glyph.width)).sum();
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
                tenths(left(first)),
                tenths(top),
                tenths(columns * WIDTH),
                tenths(HEIGHT),
                hex(look.ground)
            );
        }
        rest = after;
    }
}

/// What kind of element a symbol becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    /// A letter of ASCII: every font that is monospaced has it as wide as the others.
    Letter,
    /// Another symbol of one cell: fonts that lack it bring it from elsewhere, as wide as they like.
    Sign,
    /// A symbol of another width, or of several characters.
    Whole,
    Drawn,
}

fn kind(glyph: &Glyph<'_>) -> Kind {
    let mut characters = glyph.symbol.chars();
    let (Some(first), None) = (characters.next(), characters.next()) else { return Kind::Whole };
    match first {
        ' ' => Kind::Blank,
        '!'..='~' => Kind::Letter,
        _ if shape(first).is_some() => Kind::Drawn,
        _ if glyph.width == 1 => Kind::Sign,
        _ => Kind::Whole,
    }
}

/// The elements of symbols that look alike.
fn runs(run: &[(Glyph<'_>, Look)], look: Look, top: u32, paper: &Paper, out: &mut String) {
    let mut at = 0;
    while let Some((first, _)) = run.get(at) {
        let of = kind(first);
        let mut end = at + 1;
        match of {
            Kind::Blank if !look.marks.intersects(Modifier::UNDERLINED | Modifier::CROSSED_OUT) => {}
            Kind::Blank | Kind::Whole => write(&run[at..end], look, top, paper, true, out),
            Kind::Letter => {
                // Single blanks between words belong to the run; wider gaps end it.
                while let Some((next, _)) = run.get(end) {
                    let is_gap = kind(next) == Kind::Blank
                        && run.get(end + 1).is_some_and(|(after, _)| kind(after) == Kind::Letter);
                    if kind(next) == Kind::Letter || is_gap {
                        end += 1;
                    } else {
                        break;
                    }
                }
                write(&run[at..end], look, top, paper, true, out);
            }
            Kind::Sign | Kind::Drawn => {
                end += run[end..].iter().take_while(|(next, _)| kind(next) == of).count();
                match of {
                    Kind::Sign => write(&run[at..end], look, top, paper, false, out),
                    _ => draw(&run[at..end], look, top, out),
                }
            }
        }
        at = end;
    }
}

/// Text: as one run of exactly the width of its cells, or each symbol at its place.
fn write(run: &[(Glyph<'_>, Look)], look: Look, top: u32, paper: &Paper, whole: bool, out: &mut String) {
    let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { return };
    let from = left(first);
    if whole {
        let length = left(last) + u32::from(last.width) * WIDTH - from;
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
            tenths(from),
            tenths(top + BASELINE),
            tenths(length)
        );
    } else {
        let places: Vec<String> = run.iter().map(|(glyph, _)| tenths(left(glyph))).collect();
        let _ = write!(out, "<text x=\"{}\" y=\"{}\"", places.join(" "), tenths(top + BASELINE));
    }
    if look.ink != paper.ink() {
        let _ = write!(out, " fill=\"{}\"", hex(look.ink));
    }
    if look.has(Modifier::BOLD) {
        out.push_str(" font-weight=\"bold\"");
    }
    if look.has(Modifier::ITALIC) {
        out.push_str(" font-style=\"italic\"");
    }
    match (look.has(Modifier::UNDERLINED), look.has(Modifier::CROSSED_OUT)) {
        (true, _) => out.push_str(" text-decoration=\"underline\""),
        (false, true) => out.push_str(" text-decoration=\"line-through\""),
        (false, false) => {}
    }
    let words: String = run
        .iter()
        .map(|(glyph, _)| if look.has(Modifier::UNDERLINED) && glyph.symbol == " " { "\u{a0}" } else { glyph.symbol })
        .collect();
    let _ = writeln!(out, ">{}</text>", escaped(&words));
}

/// Lines, dots and blocks.
fn draw(run: &[(Glyph<'_>, Look)], look: Look, top: u32, out: &mut String) {
    let (mut lines, mut points, mut blocks) = (String::new(), String::new(), String::new());
    let mut level: Option<(u32, u32)> = None;
    let middle = top + HEIGHT / 2;
    let flush = |level: &mut Option<(u32, u32)>, lines: &mut String| {
        if let Some((from, to)) = level.take() {
            let _ = write!(lines, "M{} {}h{}", tenths(from), tenths(middle), tenths(to - from));
        }
    };
    for (glyph, _) in run {
        let x = left(glyph);
        match glyph.symbol.chars().next().and_then(shape) {
            Some(Shape::Lines([to_left, to_right, up, down])) => {
                let centre = x + WIDTH / 2;
                let from = if to_left { x } else { centre };
                let to = if to_right { x + WIDTH } else { centre };
                match &mut level {
                    Some((_, end)) if *end == from => *end = to,
                    _ if from == to => flush(&mut level, &mut lines),
                    _ => {
                        flush(&mut level, &mut lines);
                        level = Some((from, to));
                    }
                }
                if up || down {
                    let start = if up { top } else { middle };
                    let end = if down { top + HEIGHT } else { middle };
                    let _ = write!(lines, "M{} {}v{}", tenths(centre), tenths(start), tenths(end - start));
                }
            }
            Some(Shape::Dots(bits)) => {
                for (column, line) in dots(bits) {
                    let _ = write!(points, "M{} {}h0", tenths(x + column), tenths(top + line));
                }
            }
            Some(Shape::Block(column, line, width, height)) => {
                let (width, height) = (tenths(width), tenths(height));
                let _ = write!(blocks, "M{} {}h{width}v{height}h-{width}z", tenths(x + column), tenths(top + line));
            }
            None => {}
        }
    }
    flush(&mut level, &mut lines);
    let ink = hex(look.ink);
    if !lines.is_empty() {
        let weight = if look.has(Modifier::BOLD) { " stroke-width=\"1.6\"" } else { "" };
        let _ = writeln!(out, "<path d=\"{lines}\" stroke=\"{ink}\"{weight} fill=\"none\"/>");
    }
    if !points.is_empty() {
        let _ = writeln!(
            out,
            "<path d=\"{points}\" stroke=\"{ink}\" stroke-width=\"2.2\" stroke-linecap=\"round\" fill=\"none\"/>"
        );
    }
    if !blocks.is_empty() {
        let _ = writeln!(out, "<path d=\"{blocks}\" fill=\"{ink}\"/>");
    }
}

fn left(glyph: &Glyph<'_>) -> u32 {
    MARGIN + u32::from(glyph.x) * WIDTH
}

/// Tenths of a pixel as pixels.
fn tenths(value: u32) -> String {
    if value.is_multiple_of(10) { (value / 10).to_string() } else { format!("{}.{}", value / 10, value % 10) }
}

fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn mixed(ink: Rgb, ground: Rgb) -> Rgb {
    let mix = |ink: u8, ground: u8| ((u32::from(ink) * DIM + u32::from(ground) * (100 - DIM)) / 100) as u8;
    (mix(ink.0, ground.0), mix(ink.1, ground.1), mix(ink.2, ground.2))
}

/// The 16 colours of a terminal, as a picture shows them: the first for dark papers, the second for light ones.
const SIXTEEN: [(Rgb, Rgb); 16] = [
    ((0x3b, 0x40, 0x4a), (0x24, 0x29, 0x2e)),
    ((0xf0, 0x70, 0x6a), (0xb3, 0x20, 0x1a)),
    ((0x6c, 0xc6, 0x8b), (0x1a, 0x6b, 0x3c)),
    ((0xe5, 0xb5, 0x5c), (0x7a, 0x55, 0x00)),
    ((0x6f, 0xa8, 0xf0), (0x0b, 0x55, 0xb0)),
    ((0xd0, 0x8f, 0xe0), (0x86, 0x2a, 0x9a)),
    ((0x5f, 0xc4, 0xd0), (0x00, 0x66, 0x73)),
    ((0xc5, 0xca, 0xd3), (0x5c, 0x63, 0x6e)),
    ((0x8a, 0x91, 0x9e), (0x5c, 0x63, 0x6e)),
    ((0xff, 0x8a, 0x84), (0xc0, 0x2c, 0x26)),
    ((0x86, 0xe0, 0xa4), (0x1f, 0x7a, 0x46)),
    ((0xf7, 0xcd, 0x7a), (0x8a, 0x61, 0x00)),
    ((0x8c, 0xbd, 0xff), (0x1a, 0x66, 0xc4)),
    ((0xe4, 0xab, 0xf2), (0x98, 0x38, 0xac)),
    ((0x7d, 0xdc, 0xe8), (0x00, 0x74, 0x82)),
    ((0xff, 0xff, 0xff), (0x24, 0x29, 0x2e)),
];

/// A colour as it is shown; none for what the paper decides.
fn rgb(color: Color, paper: &Paper) -> Option<Rgb> {
    if let Color::Rgb(red, green, blue) = color {
        return Some((red, green, blue));
    }
    let number = color::number_of(color)?;
    Some(match SIXTEEN.get(usize::from(number)) {
        Some((dark, light)) => {
            if paper.light {
                *light
            } else {
                *dark
            }
        }
        None => color::rgb_of(number),
    })
}

/// Text as it stands in XML, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
