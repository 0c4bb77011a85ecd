//! Tables of figures.

use std::time::Duration;

pub fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// The value below which that share of the values lies; none of none.
pub fn at_share(values: &[Duration], share: f64) -> Option<Duration> {
    let mut values = values.to_vec();
    values.sort();
    values.get(((values.len().max(1) - 1) as f64 * share).ceil() as usize).copied()
}

pub fn median(values: &[Duration]) -> Option<Duration> {
    at_share(values, 0.5)
}

/// A number with as many digits as can be read.
pub fn number(value: f64) -> String {
    match value {
        ..0.995 => format!("{value:.2}"),
        0.995..99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Figures that are held against what they must be.
#[derive(Debug, Default)]
pub struct Held(Vec<[String; 4]>);

impl Held {
    /// A figure that must be at most so much.
    pub fn at_most(&mut self, what: impl Into<String>, value: Option<f64>, unit: &str, most: f64) {
        let held = if value.is_some_and(|value| value <= most) { "yes" } else { "NO" };
        let value = value.map_or("none".to_owned(), |value| format!("{} {unit}", number(value)));
        self.0.push([what.into(), value, format!("<= {} {unit}", number(most)), held.to_owned()]);
    }

    /// A figure that is only said.
    pub fn say(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.0.push([what.into(), value.into(), String::new(), String::new()]);
    }

    pub fn print(&self, name: &str) {
        let heads = ["figure", "measured", "must be", "holds"].map(str::to_owned);
        println!("\n{name}");
        print_rows(&[&[heads][..], &self.0].concat());
    }
}

/// Prints rows with columns as wide as needed.
pub fn print_rows<const N: usize>(rows: &[[String; N]]) {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.to_vec()).collect();
    print_table(&rows);
}

pub fn print_table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let space = " ".repeat(width - cell.chars().count());
            // Names begin on the left, numbers end on the right.
            if column == 0 { format!("{cell}{space}") } else { format!("{space}{cell}") }
        });
        println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
