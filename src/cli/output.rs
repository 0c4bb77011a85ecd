//! Printing results on standard output: tables for people, JSON and YAML for programs.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use color_eyre::eyre::WrapErr as _;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::args::Format;
use crate::domain::{SafeBlock, SafeText, pretty};

/// Prints a value: as JSON or YAML, or as what `table` makes of it.
///
/// # Errors
/// When it cannot be written; a broken pipe too, which the caller's caller forgives.
pub fn print<T: Serialize>(format: Format, value: &T, table: impl FnOnce() -> String) -> color_eyre::Result<()> {
    let text = match format {
        Format::Table => table(),
        Format::Json => {
            let mut text = pretty::json(value).wrap_err("the result cannot be written as JSON")?;
            text.push('\n');
            text
        }
        Format::Yaml => yaml(value)?,
    };
    write(&text)
}

/// Prints one of many values, as it comes: JSON on one line, YAML as a document.
///
/// # Errors
/// As [`print`].
pub fn print_one<T: Serialize>(format: Format, value: &T, line: impl FnOnce() -> String) -> color_eyre::Result<()> {
    let text = match format {
        Format::Table => format!("{}\n", line()),
        Format::Json => format!("{}\n", serde_json::to_string(value).wrap_err("cannot be written as JSON")?),
        Format::Yaml => format!("---\n{}", yaml(value)?),
    };
    write(&text)
}

fn yaml<T: Serialize>(value: &T) -> color_eyre::Result<String> {
    pretty::yaml(value).wrap_err("the result cannot be written as YAML")
}

/// Writes text to standard output.
///
/// # Errors
/// When it cannot be written.
pub fn write(text: &str) -> color_eyre::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Rows under headings, as wide as they need to be. Cells are made safe as they come in.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// A table without headings.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|cell| SafeText::new(cell).to_string()).collect());
    }

    /// The table as text, a line a row, the lines indented.
    pub fn text(&self, indent: usize) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A time, in UTC and named so.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time, or a dash.
pub fn maybe_time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// How long ago something was, in one unit.
pub fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    span(now - at)
}

/// A span of time, in one unit; nothing shorter than nothing.
pub fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Text of several lines, each behind a margin.
pub fn quoted(text: &SafeBlock, margin: &str) -> String {
    let mut quoted = String::new();
    for line in text.lines() {
        quoted.extend([margin, line, "\n"]);
    }
    quoted
}

/// A value's name as it is written in JSON.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// An optional text, or a dash.
pub fn or_dash<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_hostile_text_stays_in_its_cell() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(["a\u{1b}[31m\nb", "x"]);
        table.row(["仓库", "y"]);
        let text = table.text(0);
        assert_eq!(text.lines().count(), 3);
        assert!(!text.contains('\u{1b}'));
        let column = |line: &str, c: char| line.find(c).map(|at| line[..at].width());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(column(lines[1], 'x'), column(lines[2], 'y'));
    }

    #[test]
    fn an_age_has_one_unit() {
        let table = [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (90_000, "25h"), (172_800, "2d"), (-5, "0s")];
        for (seconds, text) in table {
            assert_eq!(span(TimeDelta::seconds(seconds)), text);
        }
    }
}
