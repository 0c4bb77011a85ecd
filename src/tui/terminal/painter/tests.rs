use proptest::prelude::*;
use ratatui::{
    Terminal,
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use unicode_width::UnicodeWidthStr as _;

use super::*;

fn terminal(width: u16, height: u16) -> Terminal<Painter> {
    Terminal::new(Painter::new(Size { width, height })).unwrap()
}

fn frame(terminal: &mut Terminal<Painter>, lines: &[Line<'static>], cursor: Option<(u16, u16)>) -> Option<Vec<u8>> {
    terminal
        .draw(|frame| {
            for (y, line) in (0..).zip(lines) {
                let area = Rect { x: 0, y, width: frame.area().width, height: 1 };
                frame.render_widget(line, area.intersection(frame.area()));
            }
            if let Some(at) = cursor {
                frame.set_cursor_position(at);
            }
        })
        .unwrap();
    terminal.backend_mut().take_frame()
}

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8(bytes.unwrap()).unwrap().replace('\u{1b}', "^")
}

#[test]
fn a_frame_in_which_nothing_changed_has_no_bytes() {
    let mut terminal = terminal(20, 3);
    let lines = [Line::raw("one")];
    assert!(frame(&mut terminal, &lines, None).is_some());
    assert_eq!(frame(&mut terminal, &lines, None), None);
    assert!(frame(&mut terminal, &lines, Some((2, 0))).is_some());
    assert_eq!(frame(&mut terminal, &lines, Some((2, 0))), None, "a cursor that stays is not told again");
}

fn red(text: &'static str) -> Line<'static> {
    Line::from(Span::styled(text, Style::new().fg(Color::Red).bold()))
}

#[test]
fn a_frame_is_one_synchronized_update_of_few_bytes() {
    let mut terminal = terminal(20, 3);
    let lines = [Line::raw("ab"), red("c")];
    assert_eq!(text(frame(&mut terminal, &lines, None)), "^[?2026h^[Hab\r\n^[1;31mc^[m^[?2026l");
    let lines = [Line::raw("ab"), red("cd")];
    assert_eq!(text(frame(&mut terminal, &lines, None)), "^[?2026h^[2;2H^[1;31md^[m^[?2026l");
}

#[test]
fn the_cursor_is_hidden_while_it_is_painted_and_then_put_where_it_belongs() {
    let mut terminal = terminal(20, 3);
    assert_eq!(text(frame(&mut terminal, &[Line::raw("a")], Some((1, 0)))), "^[?2026h^[Ha^[1;2H^[?25h^[?2026l");
    assert_eq!(
        text(frame(&mut terminal, &[Line::raw("ab")], Some((2, 0)))),
        "^[?2026h^[?25l^[1;2Hb^[1;3H^[?25h^[?2026l"
    );
    assert_eq!(text(frame(&mut terminal, &[Line::raw("ab")], Some((0, 0)))), "^[?2026h^[H^[?2026l");
    assert_eq!(text(frame(&mut terminal, &[Line::raw("ab")], None)), "^[?2026h^[?25l^[?2026l");
}

#[test]
fn what_opens_the_screen_goes_out_in_the_same_write() {
    let mut terminal = terminal(20, 3);
    terminal.backend_mut().open_with(b"OPEN");
    assert!(text(frame(&mut terminal, &[Line::raw("a")], None)).starts_with("OPEN^[?2026h^[Ha"));
    assert_eq!(text(frame(&mut terminal, &[Line::raw("b")], None)), "^[?2026h^[Hb^[?2026l");
}

#[test]
fn a_full_repaint_clears_inside_the_update() {
    let mut terminal = terminal(4, 2);
    frame(&mut terminal, &[Line::raw("ab")], None);
    terminal.clear().unwrap();
    assert_eq!(text(frame(&mut terminal, &[Line::raw("ab")], None)), "^[?2026h^[m^[2J^[Hab^[?2026l");
}

#[test]
fn sixteen_colours_take_the_short_codes() {
    let mut codes = Vec::new();
    for (wanted, base) in [
        (Color::Red, 30),
        (Color::LightRed, 30),
        (Color::White, 40),
        (Color::Indexed(3), 30),
        (Color::Rgb(1, 2, 3), 40),
        (Color::Reset, 40),
    ] {
        color(&mut |code: std::fmt::Arguments<'_>| codes.push(code.to_string()), wanted, base);
    }
    assert_eq!(codes.join(" "), "31 91 107 38;5;3 48;2;1;2;3 49");
}

fn cell() -> impl Strategy<Value = (usize, u8, u8, u16)> {
    (0..SYMBOLS.len(), 0..6_u8, 0..4_u8, prop::sample::select(vec![0_u16, 1, 4, 1 | 4, 64, 64 | 1]))
}

const SYMBOLS: [&str; 7] = ["a", "Z", " ", "日", "é", "✗", "⠿"];

/// A terminal that reads the frames shows what was drawn, whatever was drawn before.
fn shows(frames: &[Vec<(usize, u8, u8, u16)>]) -> Result<(), TestCaseError> {
    const WIDTH: u16 = 8;
    const HEIGHT: u16 = 4;
    let colors = [Color::Reset, Color::Red, Color::LightBlue, Color::Indexed(99), Color::Rgb(9, 8, 7), Color::Gray];
    let mut terminal = terminal(WIDTH, HEIGHT);
    let mut screen = vt100::Parser::new(HEIGHT.try_into().unwrap(), WIDTH.try_into().unwrap(), 0);
    for cells in frames {
        let mut drawn = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for (index, (symbol, fg, bg, modifier)) in cells.iter().enumerate() {
            let at = u16::try_from(index).unwrap();
            if at % 2 == 1 && SYMBOLS[cells[index - 1].0].width() == 2 {
                continue;
            }
            // Terminals differ on what is left of a wide character of which one half was painted over, so
            // halves are not painted, and the attributes of blanks are not compared.
            let symbol = if at % 2 == 1 && SYMBOLS[*symbol].width() == 2 { "b" } else { SYMBOLS[*symbol] };
            let style = Style::new()
                .fg(colors[usize::from(*fg)])
                .bg(colors[usize::from(*bg)])
                .add_modifier(Modifier::from_bits_truncate(*modifier));
            drawn.set_string(at % WIDTH, at / WIDTH, symbol, style);
        }
        terminal.draw(|frame| frame.buffer_mut().clone_from(&drawn)).unwrap();
        if let Some(frame) = terminal.backend_mut().take_frame() {
            screen.process(&frame);
        }
        let mut rest_of_wide = false;
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let shown = screen.screen().cell(y, x).unwrap();
                let wanted = &drawn[(x, y)];
                if std::mem::replace(&mut rest_of_wide, wanted.symbol().width() == 2 && x + 1 < WIDTH) {
                    continue;
                }
                let text = if shown.contents().is_empty() { " " } else { shown.contents() };
                prop_assert_eq!(text, wanted.symbol(), "{},{}", x, y);
                if text == " " {
                    continue;
                }
                prop_assert_eq!(shown.bold(), wanted.modifier.contains(Modifier::BOLD));
                prop_assert_eq!(shown.inverse(), wanted.modifier.contains(Modifier::REVERSED));
                prop_assert_eq!(shown.fgcolor() == vt100::Color::Default, wanted.fg == Color::Reset);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_terminal_that_reads_the_frames_shows_what_was_drawn(
        frames in prop::collection::vec(prop::collection::vec(cell(), 0..32), 1..4)
    ) {
        shows(&frames)?;
    }
}

/// A terminal whose cells carry links.
fn linked(links: &Hyperlinks) -> Terminal<Painter> {
    let mut painter = Painter::new(Size { width: 20, height: 3 });
    painter.link_by(links.clone());
    Terminal::new(painter).unwrap()
}

fn link(links: &Hyperlinks, text: &'static str, url: &str) -> Span<'static> {
    Span::styled(text, links.style(url))
}

#[test]
fn a_link_is_opened_before_its_cells_and_closed_after_them() {
    let links = Hyperlinks::default();
    let mut terminal = linked(&links);
    let line = Line::from(vec![Span::raw("see "), link(&links, "cart", "https://a.example/cart"), Span::raw(" now")]);
    assert_eq!(
        text(frame(&mut terminal, &[line], None)),
        "^[?2026h^[Hsee ^]8;id=1;https://a.example/cart^\\cart^]8;;^\\ now^[?2026l"
    );
}

#[test]
fn a_name_that_links_elsewhere_is_painted_again_though_it_reads_the_same() {
    let links = Hyperlinks::default();
    let mut terminal = linked(&links);
    let line = |url: &str| [Line::from(link(&links, "cart", url))];
    assert!(frame(&mut terminal, &line("https://a.example/1"), None).is_some());
    assert_eq!(frame(&mut terminal, &line("https://a.example/1"), None), None);
    let again = text(frame(&mut terminal, &line("https://a.example/2"), None));
    assert!(again.contains("https://a.example/2") && again.contains("cart"), "{again}");
    let without = text(frame(&mut terminal, &[Line::raw("cart")], None));
    assert!(without.contains("cart") && !without.contains("]8"), "{without}");
}

#[test]
fn no_cursor_moves_inside_a_link_and_none_stays_open_at_the_end_of_a_frame() {
    let links = Hyperlinks::default();
    let mut terminal = linked(&links);
    let url = "https://a.example/x";
    let lines = [Line::from(link(&links, "one", url)), Line::raw(""), Line::from(link(&links, "日本", url))];
    let sent = text(frame(&mut terminal, &lines, None));
    let mut open = false;
    for part in sent.split('^').skip(1) {
        if let Some(target) = part.strip_prefix("]8;") {
            open = target != ";";
        } else if !part.starts_with('\\') {
            assert!(!open, "{part} in a link: {sent}");
        }
    }
    assert!(!open, "{sent}");
}

#[test]
fn a_terminal_without_links_gets_the_names_alone() {
    let links = Hyperlinks::default();
    let mut terminal = terminal(20, 3);
    let sent = text(frame(&mut terminal, &[Line::from(link(&links, "cart", "https://a.example/x"))], None));
    assert_eq!(sent, "^[?2026h^[Hcart^[?2026l");
}

#[test]
fn what_is_for_the_terminal_beside_its_cells_goes_out_once_also_when_no_cell_changes() {
    let mut terminal = terminal(20, 3);
    frame(&mut terminal, &[Line::raw("a")], Some((0, 0)));
    terminal.backend_mut().send_with(b"\x07");
    assert!(terminal.backend().has_waiting());
    assert_eq!(frame(&mut terminal, &[Line::raw("a")], Some((0, 0))), Some(b"\x07".to_vec()));
    assert_eq!(frame(&mut terminal, &[Line::raw("a")], Some((0, 0))), None);
    terminal.backend_mut().send_with(b"\x07");
    let sent = text(frame(&mut terminal, &[Line::raw("b")], Some((0, 0))));
    assert!(sent.starts_with("\x07^[?2026h"), "before the update begins: {sent}");
}

/// Texts of all kinds that people have and that attack terminals, as they pass the edge.
fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "e\u{301}\u{323}",
        "日本語",
        "👩\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}",
        "🇳🇴",
        "שלום",
        "\u{202e}evil",
        "\u{200b}",
        "ก็",
        "\u{1160}",
        "각",
        "ﷺ",
        "a\u{300}\u{301}\u{302}\u{303}\u{304}",
        "\x1b[31m",
        "\u{9b}2J",
        "\t",
        "｡ﾟ",
        "…",
        "─",
    ]);
    prop::collection::vec(prop_oneof![nasty.prop_map(str::to_owned), "\\PC{0,6}", "[ -~]{0,6}"], 0..8)
        .prop_map(|parts| crate::domain::SafeText::new(parts.concat()).as_str().to_owned())
}

proptest! {
    /// Whatever a text is, the fields after it are where they belong on every terminal that agrees on widths.
    #[test]
    fn no_text_moves_what_is_painted_beside_it(texts in prop::collection::vec(any_text(), 1..4)) {
        use crate::tui::widget::fit;
        const WIDTH: u16 = 24;
        let mut terminal = Terminal::new(Painter::new(Size { width: WIDTH, height: 4 })).unwrap();
        let mut screen = vt100::Parser::new(4.try_into().unwrap(), WIDTH.try_into().unwrap(), 0);
        for round in 0..2 {
            let lines: Vec<Line<'static>> = texts
                .iter()
                .cycle()
                .skip(round)
                .take(texts.len())
                .map(|text| Line::raw(format!("{}|end", fit::pad(text, 12, "~"))))
                .collect();
            for line in &lines {
                prop_assert_eq!(fit::width(&line.to_string()), 16);
            }
            if let Some(frame) = frame(&mut terminal, &lines, None) {
                screen.process(&frame);
            }
            for y in 0..lines.len() {
                let row: String = (12..16).map(|x| screen.screen().cell(y as u16, x).unwrap().contents()).collect();
                prop_assert_eq!(&row, "|end", "row {} of {:?}", y, texts);
            }
        }
    }
}
