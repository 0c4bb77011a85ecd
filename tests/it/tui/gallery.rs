//! A picture of every screen of the table at three sizes: its text, and how each run of cells looks in colour
//! and without. Below the text there is a line for each row that is not plain: a letter for a look, and for how
//! many cells it holds (`.` is plain). The looks are spelt out at the end, `colour | without colour`.

use std::collections::BTreeMap;

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};
use rolldeck::tui::capability::{Depth, Glyphs};

use super::{
    desk::Desk,
    emulator::{frame, theme},
    table::{SCREENS, SIZES},
};

fn look(cell: &Cell) -> String {
    let mut words = Vec::new();
    if cell.fg != Color::Reset {
        words.push(cell.fg.to_string().to_lowercase());
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {}", cell.bg.to_string().to_lowercase()));
    }
    for (modifier, word) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::ITALIC, "italic"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        if cell.modifier.contains(modifier) {
            words.push(word.to_owned());
        }
    }
    if words.is_empty() { "plain".to_owned() } else { words.join(" ") }
}

fn letter(looks: &mut BTreeMap<String, char>, look: &str) -> char {
    if look == "plain | plain" {
        return '.';
    }
    let next = looks.len();
    *looks
        .entry(look.to_owned())
        .or_insert_with(|| ('a'..='z').chain('A'..='Z').nth(next).expect("more looks on a screen than letters"))
}

fn picture(desk: &Desk) -> String {
    let colour = frame(desk, &theme(Depth::Ansi16, Glyphs::Unicode));
    let mono = frame(desk, &theme(Depth::Mono, Glyphs::Unicode));
    assert_eq!(colour.text(), mono.text());
    let mut looks = BTreeMap::new();
    let mut styles = String::new();
    for y in 0..desk.size.1 {
        let mut runs: Vec<(char, usize)> = Vec::new();
        for ((_, rich), (_, plain)) in colour.row(y).into_iter().zip(mono.row(y)) {
            // A blank looks like any other unless it is reversed or underlined.
            let marked = rich.modifier.union(plain.modifier).intersects(Modifier::REVERSED | Modifier::UNDERLINED);
            let blank = rich.symbol() == " " && !marked && rich.bg == Color::Reset;
            let word = if blank { "plain | plain".to_owned() } else { format!("{} | {}", look(rich), look(plain)) };
            let letter = letter(&mut looks, &word);
            match runs.last_mut() {
                Some((same, count)) if *same == letter => *count += 1,
                _ => runs.push((letter, 1)),
            }
        }
        if runs.last().is_some_and(|(letter, _)| *letter == '.') {
            runs.pop();
        }
        if !runs.is_empty() {
            let runs: Vec<String> = runs.iter().map(|(letter, count)| format!("{letter}{count}")).collect();
            styles.push_str(&format!("{y:>3} {}\n", runs.join(" ")));
        }
    }
    let mut legend: Vec<(char, String)> = looks.into_iter().map(|(look, letter)| (letter, look)).collect();
    legend.sort_by_key(|(letter, _)| (letter.is_ascii_uppercase(), *letter));
    let legend: String = legend.iter().map(|(letter, look)| format!("  {letter} {look}\n")).collect();
    let text: String = colour.text().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    format!("{text}----\n{styles}----\n{legend}")
}

#[test]
fn every_screen_at_three_sizes_in_colour_and_without() {
    for (width, height) in SIZES {
        for screen in SCREENS {
            let picture = picture(&(screen.of)((width, height)));
            insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(format!("screen_{}_{width}x{height}", screen.name), picture);
            });
        }
    }
}
