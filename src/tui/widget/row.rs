//! A line made of cells, each in its columns.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;

use super::fit;
use crate::tui::theme::{Mark, Role, Theme};

/// A line under construction.
#[derive(Debug)]
pub struct Row<'a> {
    theme: &'a Theme,
    spans: Vec<Span<'static>>,
    used: usize,
    columns: usize,
}

impl<'a> Row<'a> {
    /// An empty line of so many columns.
    #[must_use]
    pub fn new(theme: &'a Theme, columns: u16) -> Self {
        Self { theme, spans: Vec::with_capacity(12), used: 0, columns: usize::from(columns) }
    }

    /// How many columns are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.columns - self.used.min(self.columns)
    }

    /// A text as long as it is, cut at the end of the line.
    #[must_use]
    pub fn text(self, text: &str, role: Role) -> Self {
        let style = self.theme.style(role);
        self.styled(text, style)
    }

    /// The same in a style of one's own.
    #[must_use]
    pub fn styled(mut self, text: &str, style: Style) -> Self {
        let text = fit::fit(text, self.left(), fit::ellipsis(self.theme));
        self.used += fit::width(&text);
        if !text.is_empty() {
            self.spans.push(Span::styled(text, style));
        }
        self
    }

    /// A text in a column of that width, and a blank.
    #[must_use]
    pub fn cell(self, text: &str, columns: usize, role: Role) -> Self {
        let cut = fit::pad(text, columns, fit::ellipsis(self.theme));
        self.text(&cut, role).text(" ", Role::Normal)
    }

    /// The same with those of its graphemes marked that a filter found.
    #[must_use]
    pub fn found(self, text: &str, columns: usize, role: Role, found: &[u32]) -> Self {
        if found.is_empty() {
            return self.cell(text, columns, role);
        }
        let cut = fit::fit(text, columns, fit::ellipsis(self.theme));
        // An ellipsis stands for what is not shown, and was not looked for.
        let whole = cut.graphemes(true).zip(text.graphemes(true)).take_while(|(shown, given)| shown == given).count();
        let (plain, marked) = (self.theme.style(role), self.theme.style(role).patch(self.theme.style(Role::Matched)));
        let gap = columns.saturating_sub(fit::width(&cut));
        let mut row = self;
        let mut run = String::new();
        let mut in_match = false;
        for (index, grapheme) in cut.graphemes(true).enumerate() {
            let matched = index < whole && found.binary_search(&(index as u32)).is_ok();
            if matched != in_match {
                row = row.styled(&std::mem::take(&mut run), if in_match { marked } else { plain });
                in_match = matched;
            }
            run.push_str(grapheme);
        }
        row.styled(&run, if in_match { marked } else { plain }).gap(gap).text(" ", Role::Normal)
    }

    /// A text at the right of a column of that width, and a blank.
    #[must_use]
    pub fn right(self, text: &str, columns: usize, role: Role) -> Self {
        let cut = fit::fit(text, columns, fit::ellipsis(self.theme));
        let gap = columns.saturating_sub(fit::width(&cut));
        self.gap(gap).text(&cut, role).text(" ", Role::Normal)
    }

    /// A mark and a blank.
    #[must_use]
    pub fn mark(self, mark: Mark) -> Self {
        let sign = self.theme.mark(mark);
        self.text(sign, mark.role()).text(" ", Role::Normal)
    }

    /// So many blanks.
    #[must_use]
    pub fn gap(self, columns: usize) -> Self {
        let blanks = " ".repeat(columns.min(self.left()));
        self.text(&blanks, Role::Normal)
    }

    /// Blanks up to a column.
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let gap = column.saturating_sub(self.used);
        self.gap(gap)
    }

    /// A rule up to the end of the line.
    #[must_use]
    pub fn rule(self) -> Self {
        let left = self.left();
        let rule = self.theme.rule().repeat(left);
        self.text(&rule, Role::Border)
    }

    /// The line.
    #[must_use]
    pub fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }

    /// Paints it into a row of an area; beyond its end nothing is painted.
    pub fn draw(self, area: Rect, y: u16, buffer: &mut Buffer) {
        if y < area.height {
            buffer.set_line(area.x, area.y + y, &self.line(), area.width);
        }
    }

    /// Paints it as the selected row, and says where the cursor goes.
    pub fn draw_selected(self, area: Rect, y: u16, buffer: &mut Buffer) -> Option<Position> {
        if y >= area.height {
            return None;
        }
        let style = self.theme.style(Role::Selected);
        let at = Rect { y: area.y + y, height: 1, ..area };
        buffer.set_line(area.x, at.y, &self.line(), area.width);
        buffer.set_style(at, style);
        Some(Position { x: at.x, y: at.y })
    }
}

/// A rule with a title in it.
#[must_use]
pub fn titled<'a>(theme: &'a Theme, columns: u16, title: &str, role: Role) -> Row<'a> {
    let row = Row::new(theme, columns).text(&theme.rule().repeat(2), Role::Border);
    let room = row.left().saturating_sub(4);
    let title = fit::fit(title, room, fit::ellipsis(theme));
    row.text(" ", Role::Normal).text(&title, role).text(" ", Role::Normal).rule()
}

/// A rule with a title in it and a word at its end; the title gives way.
#[must_use]
pub fn titled_ends<'a>(theme: &'a Theme, columns: u16, title: (&str, Role), end: (&str, Role)) -> Row<'a> {
    let row = Row::new(theme, columns).text(&theme.rule().repeat(2), Role::Border);
    let ellipsis = fit::ellipsis(theme);
    let end_text = fit::fit(end.0, row.left().saturating_sub(8), ellipsis);
    let used = fit::width(&end_text) + if end_text.is_empty() { 0 } else { 4 };
    let text = fit::fit(title.0, row.left().saturating_sub(used + 3), ellipsis);
    let row = row.text(" ", Role::Normal).text(&text, title.1).text(" ", Role::Normal);
    let gap = row.left().saturating_sub(used);
    let row = row.text(&theme.rule().repeat(gap), Role::Border);
    if end_text.is_empty() {
        return row;
    }
    row.text(" ", Role::Normal).text(&end_text, end.1).text(" ", Role::Normal).rule()
}
