use proptest::prelude::*;
use ratatui::{
    Terminal,
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

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
