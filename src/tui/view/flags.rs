//! Flags: what each lane of each site is to get and what it has, and why; or the same by stage.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    backend::FlagView,
    domain::FlagStage,
    tui::{
        app::{
            App, figure,
            flags::{
                Flags, Group, Need,
                cell::{Cell, Serves, State},
                need,
            },
            layout,
            rollouts::scroll,
            spots::Spot,
        },
        theme::{Mark, Role, Theme},
        widget::{fit, row::Row},
    },
};

mod history;
mod record;

/// Columns of the stage at the end of a row.
const STAGE: usize = 7;

/// How wide things are.
struct Widths {
    key: usize,
    cell: usize,
    /// Whether a column is free between a group and the next one.
    gap: bool,
}

impl Widths {
    fn of(area: Rect) -> Self {
        if area.width >= 110 { Self { key: 26, cell: 5, gap: true } } else { Self { key: 13, cell: 4, gap: false } }
    }

    /// Columns of a group, with the gap to the next one where there is one.
    fn group(&self, group: &Group) -> usize {
        let cells = group.columns.len() * (self.cell + 1) - usize::from(!self.gap);
        cells.max(fit::width(&group.name).min(12) + 1)
    }

    /// Columns before the first group.
    const fn lead(&self) -> usize {
        3 + self.key + 1
    }
}

/// The groups that are shown: as many as fit, and among them that which has the cursor.
fn shown(groups: &[Group], selected: usize, widths: &Widths, room: usize) -> std::ops::Range<usize> {
    let mut start = 0;
    loop {
        let mut used = 0;
        let fits = groups[start..].iter().take_while(|group| {
            used += widths.group(group);
            used <= room
        });
        // A page at least one group long, so that the pages end.
        let end = start + fits.count().max(1);
        if selected < end || end >= groups.len() {
            return filled(groups, start..end.min(groups.len()), widths, room);
        }
        start = end;
    }
}

/// The last page with as much of the one before it as there is room for.
fn filled(groups: &[Group], page: std::ops::Range<usize>, widths: &Widths, room: usize) -> std::ops::Range<usize> {
    let mut used: usize = groups[page.clone()].iter().map(|group| widths.group(group)).sum();
    let before = groups[..page.start].iter().rev().take_while(|group| {
        used += widths.group(group);
        page.end == groups.len() && used <= room
    });
    page.start - before.count()..page.end
}

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let parts = layout::flags(body);
    let (table, flags) = (parts.table, &app.flags);
    summary(app, theme, table, buffer);
    let mut widths = Widths::of(table);
    let groups = flags.groups();
    let mut at = 0;
    let selected_group = groups
        .iter()
        .position(|group| {
            at += group.columns.len();
            flags.column() < at
        })
        .unwrap_or(0);
    let room = usize::from(table.width).saturating_sub(widths.lead() + STAGE);
    let rows = Rect { y: table.y + 4, height: table.height.saturating_sub(4), ..table };
    let height = usize::from(rows.height);
    let top = scroll(flags.list.cursor().saturating_sub(height / 2), flags.list.cursor(), height, flags.list.len());
    let fitting = |widths: &Widths| if groups.is_empty() { 0..0 } else { shown(groups, selected_group, widths, room) };
    let mut range = fitting(&widths);
    if !widths.gap && touches(flags, top..top + height, &range, widths.cell) {
        widths.gap = true;
        range = fitting(&widths);
    }
    headings(flags, theme, &widths, range.clone(), table, buffer);
    let mut cursor = None;
    for y in 0..height {
        let Some(view) = flags.at(top + y) else { break };
        let selected = flags.list.cursor() == top + y;
        app.note_line(rows, y as u16, Spot::Row(top + y));
        let place = line(app, view, selected, &widths, range.clone(), theme, rows, y as u16, buffer);
        cursor = cursor.or(place);
    }
    if let Some(view) = flags.selected() {
        record::draw(app, view, theme, &parts, buffer);
    }
    cursor
}

/// Whether a cell at the end of a group needs all of its columns, and would be read as one with the next
/// group's: `20%?20%?`. Where none does, the room is better used for another group.
fn touches(flags: &Flags, rows: std::ops::Range<usize>, groups: &std::ops::Range<usize>, columns: usize) -> bool {
    let before_another = flags.groups().iter().take(groups.end.saturating_sub(1)).skip(groups.start);
    let ends: Vec<_> = before_another.filter_map(|group| group.columns.last()).map(|(column, _)| column).collect();
    rows.map_while(|row| flags.at(row)).any(|view| {
        let mut cells = ends.iter().filter_map(|column| Cell::of(view, &Flags::places(view, column)));
        cells.any(|cell| fit::width(&cell.text()) >= columns)
    })
}

/// How many there are of what, or why there is nothing.
fn summary(app: &App, theme: &Theme, table: Rect, buffer: &mut Buffer) {
    let flags = &app.flags;
    let counts = flags.counts();
    let mut row = Row::new(theme, table.width).text(" ", Role::Normal);
    row = match (&flags.error, &flags.page) {
        (Some(error), None) => row.text(&format!("not to be had: {error}"), Role::Error),
        (None, None) => row.text("asking for flags", Role::Strong),
        (_, Some(page)) if page.flags.is_empty() => {
            row.text("no flags yet: rolldeck flag set KEY FILE --reason TEXT adds one", Role::Strong)
        }
        (error, Some(page)) => {
            row = row.text(&format!("{}  ", figure::counted(page.flags.len(), "flag")), Role::Strong);
            let words = [
                (Need::Drift, Mark::Fail, "DRIFT"),
                (Need::Killed, Mark::Fail, "KILLED"),
                (Need::Review, Mark::NeedsPerson, "to look at"),
                (Need::Silent, Mark::NoData, "not reported"),
            ];
            for (need, mark, word) in words {
                if let Some(count) = counts.get(&need) {
                    row = row.mark(mark).text(&format!("{count} {word}  "), mark.role());
                }
            }
            if let Some(error) = error {
                row = row.mark(Mark::Stale).text(&format!("STALE, not to be had: {error}"), Role::Error);
            }
            row
        }
    };
    row.draw(table, 0, buffer);
    let by = if flags.by_stage { "by stage" } else { "by site x lane" };
    let which = if flags.changed_only { "only abnormal" } else { "all" };
    Row::new(theme, table.width)
        .text(&format!(" {by}, {which}, {} shown", flags.list.len()), Role::Muted)
        .text("  . off  ! drift  ? not reported  n% part", Role::Muted)
        .draw(table, 1, buffer);
}

/// Sites and lanes, or stages, over the columns.
fn headings(
    flags: &Flags,
    theme: &Theme,
    widths: &Widths,
    range: std::ops::Range<usize>,
    table: Rect,
    buffer: &mut Buffer,
) {
    let groups = flags.groups();
    let pages = if range.len() < groups.len() {
        format!("{}-{} of {}", range.start + 1, range.end, groups.len())
    } else {
        String::new()
    };
    let mut names = Row::new(theme, table.width).gap(3).cell(&pages, widths.key, Role::Muted);
    let mut labels = Row::new(theme, table.width).gap(3).cell("FLAG", widths.key, Role::Heading);
    let mut at: usize = groups[..range.start].iter().map(|group| group.columns.len()).sum();
    let mut used = widths.lead();
    for group in &groups[range] {
        let width = widths.group(group);
        let holds = (at..at + group.columns.len()).contains(&flags.column());
        let name = fit::fit(&group.name, width - 1, fit::ellipsis(theme));
        names = names.to(used).text(&name, if holds { Role::Strong } else { Role::Heading });
        labels = labels.to(used);
        let last = at + group.columns.len();
        for (_, label) in &group.columns {
            // The column that has the cursor is told by a sign as well.
            let selected = at == flags.column();
            let text = if selected { format!(">{label}") } else { label.clone() };
            let text = fit::pad(&text, widths.cell, fit::ellipsis(theme));
            labels = labels.text(&text, if selected { Role::Strong } else { Role::Heading });
            labels = if at + 1 == last { labels } else { labels.gap(1) };
            at += 1;
        }
        used += width;
    }
    names.draw(table, 2, buffer);
    labels.to(usize::from(table.width).saturating_sub(STAGE)).text("STAGE", Role::Heading).draw(table, 3, buffer);
}

/// The mark of a flag, none where there is nothing to look at.
pub(super) const fn mark(need: Need) -> Option<Mark> {
    match need {
        Need::Drift | Need::Killed => Some(Mark::Fail),
        Need::Review => Some(Mark::NeedsPerson),
        Need::Silent => Some(Mark::NoData),
        Need::Nothing => None,
    }
}

/// How a flag stands: what is abnormal in upper case.
pub(super) fn stage(app: &App, view: &FlagView) -> (String, Role) {
    let flag = &view.flag;
    if flag.killed.is_some() {
        return ("KILLED".to_owned(), Role::Fail);
    }
    match view.stage {
        FlagStage::Expired => ("EXPIRED".to_owned(), Role::NeedsPerson),
        FlagStage::Due => ("DUE".to_owned(), Role::NeedsPerson),
        FlagStage::Stale => ("STALE".to_owned(), Role::NeedsPerson),
        FlagStage::Live if !flag.definition.enabled => ("off".to_owned(), Role::Muted),
        FlagStage::Live => {
            let rollout = view.rollout.as_ref().and_then(|id| app.rollouts.get(id));
            let stage = rollout.and_then(|row| row.rollout.current_stage.as_ref()).map(ToString::to_string);
            (stage.unwrap_or_else(|| "live".to_owned()), Role::Normal)
        }
    }
}

/// The role of a cell.
fn role(cell: &Cell) -> Role {
    match (&cell.state, &cell.wanted) {
        (State::Drift(_), _) => Role::Fail,
        (State::Silent, _) => Role::NoData,
        (State::AsWanted, Serves::Off) => Role::Muted,
        (State::AsWanted, _) => Role::Normal,
    }
}

#[expect(clippy::too_many_arguments, reason = "a row of a matrix needs its columns, its place and its paints")]
fn line(
    app: &App,
    view: &FlagView,
    selected: bool,
    widths: &Widths,
    range: std::ops::Range<usize>,
    theme: &Theme,
    rows: Rect,
    y: u16,
    buffer: &mut Buffer,
) -> Option<Position> {
    let flags = &app.flags;
    let ellipsis = fit::ellipsis(theme);
    let mut row = Row::new(theme, rows.width).text(if selected { ">" } else { " " }, Role::Normal);
    row = match mark(need(view)) {
        Some(mark) => row.mark(mark),
        None => row.gap(2),
    };
    let key = fit::middle(view.flag.key.as_str(), widths.key, ellipsis);
    row = row.found(&key, widths.key, Role::Strong, &flags.list.filter().found("flag", &key));
    let mut used = widths.lead();
    let mut at: usize = flags.groups()[..range.start].iter().map(|group| group.columns.len()).sum();
    let mut place = None;
    for group in &flags.groups()[range] {
        row = row.to(used);
        let last = at + group.columns.len();
        for (column, _) in &group.columns {
            let here = selected && at == flags.column();
            if here {
                place = Some(Position { x: rows.x + (usize::from(rows.width) - row.left()) as u16, y: rows.y + y });
            }
            let cell = Cell::of(view, &Flags::places(view, column));
            let (text, role) = cell.map_or_else(
                || (String::new(), Role::Muted),
                |cell| (fitted(&cell, widths.cell, ellipsis), role(&cell)),
            );
            row = row.text(&fit::pad(&text, widths.cell, ellipsis), role);
            row = if at + 1 == last { row } else { row.gap(1) };
            at += 1;
        }
        used += widths.group(group);
    }
    // An exception that counts now is looked at before the stage that the flag has anyway.
    let (word, role) = match record::overrides(app, view).first() {
        Some((_, left)) if view.flag.killed.is_none() => (format!("o{left}"), Role::Frozen),
        _ => stage(app, view),
    };
    let end = usize::from(rows.width).saturating_sub(STAGE);
    let row = row.to(end).text(&fit::fit(&word, STAGE, ellipsis), role);
    if selected {
        let start = row.draw_selected(rows, y, buffer);
        return place.or(start);
    }
    row.draw(rows, y, buffer);
    None
}

/// The text of a cell in its columns: what is abnormal about it is never cut off.
fn fitted(cell: &Cell, columns: usize, ellipsis: &str) -> String {
    let text = cell.text();
    match text.chars().last() {
        Some(sign @ ('!' | '?')) if fit::width(&text) > columns => {
            let rest = text.strip_suffix(sign).unwrap_or(&text);
            format!("{}{sign}", fit::fit(rest, columns.saturating_sub(1), ellipsis))
        }
        _ => fit::fit(&text, columns, ellipsis),
    }
}
