use ratatui::{layout::Rect, style::Style};

use super::*;

fn paper() -> Paper {
    Paper { title: "a <test> & \"more\"".to_owned(), light: false }
}

fn buffer() -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
    buffer.set_string(0, 0, "a <b> & 'c'  wide", Style::new());
    buffer.set_string(0, 1, "日本 ✓ ┌──┐", Style::new().red().bold());
    buffer.set_string(3, 2, "on", Style::new().reversed());
    buffer
}

#[test]
fn text_has_a_line_a_row_and_no_blanks_at_the_ends() {
    assert_eq!(text(&buffer()), "a <b> & 'c'  wide\n日本 ✓ ┌──┐\n   on\n");
}

#[test]
fn a_line_for_a_terminal_ends_as_it_began_and_moves_no_cursor() {
    let ansi = ansi(&buffer());
    let lines: Vec<&str> = ansi.lines().collect();
    assert_eq!(lines[0], "a <b> & 'c'  wide");
    assert_eq!(lines[1], "\u{1b}[1;31m日本 ✓ ┌──┐\u{1b}[m");
    assert_eq!(lines[2], "   \u{1b}[7mon\u{1b}[m");
    for sequence in ansi.split('\u{1b}').skip(1) {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        assert_eq!(&sequence[end..=end], "m", "{sequence}");
    }
}

#[test]
fn an_svg_escapes_all_text_and_says_in_words_what_is_on_it() {
    let svg = svg(&buffer(), &paper());
    assert!(svg.contains("<title id=\"title\">a &lt;test&gt; &amp; &quot;more&quot;</title>"), "{svg}");
    assert!(
        svg.contains("<desc id=\"screen\">a &lt;b&gt; &amp; &#39;c&#39;  wide\n日本 ✓ ┌──┐\n   on\n</desc>"),
        "{svg}"
    );
    // Every tag that is opened is closed, and nothing in it is markup of somebody else.
    for element in ["svg", "title", "desc", "g", "text"] {
        let opened = svg.matches(&format!("<{element} ")).count() + svg.matches(&format!("<{element}>")).count();
        assert_eq!(opened, svg.matches(&format!("</{element}>")).count(), "{element}");
    }
}

#[test]
fn columns_line_up_whatever_font_there_is() {
    let svg = svg(&buffer(), &paper());
    // The word behind the gap begins where its cell does, and is as wide as its cells.
    assert!(
        svg.contains("<text x=\"119.2\" y=\"23.4\" textLength=\"33.6\" lengthAdjust=\"spacingAndGlyphs\">wide</text>"),
        "{svg}"
    );
    // A wide symbol is as wide as two; a sign stands at its own place.
    assert!(
        svg.contains("textLength=\"16.8\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#f0706a\" font-weight=\"bold\">日<"),
        "{svg}"
    );
    assert!(svg.contains("<text x=\"52\" y=\"41.4\" fill=\"#f0706a\" font-weight=\"bold\">✓</text>"), "{svg}");
    // The box is drawn as one line with two ends.
    assert!(svg.contains("M73 37v9M98.2 37v9M73 37h25.2"), "{svg}");
    assert!(svg.contains("<rect x=\"35.2\" y=\"46\" width=\"16.8\" height=\"18\" fill=\"#d8dce3\"/>"), "{svg}");
}

#[test]
fn a_dim_letter_can_be_read_on_either_paper() {
    for light in [false, true] {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        buffer.set_string(0, 0, "dim", Style::new().dim());
        let svg = svg(&buffer, &Paper { title: String::new(), light });
        let fills: Vec<&str> = svg.split("fill=\"#").skip(1).map(|rest| &rest[..6]).collect();
        let luminance = |hex: &str| {
            let channel = |at: usize| {
                let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
        };
        let (ground, ink) = (luminance(fills[0]), luminance(fills[2]));
        let contrast = (ground.max(ink) + 0.05) / (ground.min(ink) + 0.05);
        assert!(contrast >= 4.5, "{contrast} {fills:?}");
    }
}

#[test]
fn every_symbol_of_a_chart_has_its_dots_and_every_eighth_its_height() {
    let dots = |symbol: char| match shape::shape(symbol) {
        Some(shape::Shape::Dots(bits)) => shape::dots(bits).count(),
        other => panic!("{symbol}: {other:?}"),
    };
    assert_eq!((dots('\u{2800}'), dots('⠁'), dots('⣿')), (0, 1, 8));
    assert_eq!(shape::shape('█'), Some(shape::Shape::Block(0, 0, shape::WIDTH, shape::HEIGHT)));
    assert_eq!(shape::shape('▄'), Some(shape::Shape::Block(0, 90, shape::WIDTH, 90)));
    assert_eq!(shape::shape('a'), None);
}
