//! The calendar of change windows: bars by scope over time, what is planned and meets them, and the record
//! of the window under the cursor.

use chrono::Timelike;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::windows::{record, state, summary};
use crate::{
    domain::{Effect, SafeText},
    tui::{
        app::{
            App, age,
            calendar::{Bar, Cell, Grid},
            rollouts::scroll,
            wording,
        },
        theme::{Mark, Role, Theme},
        widget::{
            fit,
            row::{Row, titled},
        },
    },
};

/// What a conflict is marked with in a bar.
const CONFLICT: &str = "!";

struct Parts {
    bars: Rect,
    conflicts: Rect,
    record: Rect,
    legend: Rect,
}

fn part(area: Rect, y: u16, height: u16) -> Rect {
    let y = y.min(area.height);
    Rect { y: area.y + y, height: height.min(area.height - y), ..area }
}

/// Bars have what they need before conflicts have all of theirs; the record keeps its lines.
fn parts(body: Rect, bars: usize, conflicts: usize) -> Parts {
    let head = 4;
    let rest = body.height.saturating_sub(head + 1);
    let record = match body.height {
        ..16 => 0,
        16..20 => 4,
        20..30 => 7,
        _ => 10,
    };
    let rest = rest.saturating_sub(record);
    let wanted = 1 + (conflicts as u16).clamp(1, 12);
    let few = wanted.min(if rest < 12 { 3 } else { 5 }).min(rest.saturating_sub(3));
    let bars = (bars as u16).clamp(1, rest.saturating_sub(few).max(1));
    let conflicts = wanted.min(rest.saturating_sub(bars));
    Parts {
        bars: part(body, head, bars),
        conflicts: part(body, head + bars, conflicts),
        record: part(body, body.height.saturating_sub(record + 1), record),
        legend: part(body, body.height.saturating_sub(1), 1),
    }
}

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let grid = app.grid(body.width);
    let bars = app.bars();
    let conflicts = app.calendar.conflicts();
    let zone = format!("{} (t)", app.zone().name(app.server_now()));
    let known = app.calendar.covers(grid.from, grid.until());
    let ahead = match (&app.calendar.error, conflicts.len(), known) {
        (Some(error), ..) => format!("calendar not to be had: {error}"),
        (None, _, false) if app.calendar.page.as_ref().is_some_and(|page| page.truncated) => {
            "more spans than an answer holds: zoom in".to_owned()
        }
        (None, _, false) => "asking for the calendar".to_owned(),
        (None, 0, true) => "no conflict ahead".to_owned(),
        (None, 1, true) => "1 conflict ahead".to_owned(),
        (None, n, true) => format!("{n} conflicts ahead"),
    };
    let (text, role) = summary(app);
    let row = Row::new(theme, body.width).text(&text, role);
    let end = format!("{ahead}   {zone}");
    // How the windows are now may be cut off; that there are conflicts, and the zone, are not.
    let row = if row.left() < end.len() + 3 {
        let room = usize::from(body.width).saturating_sub(end.len() + 3);
        Row::new(theme, body.width).text(&fit::fit(&text, room, fit::ellipsis(theme)), role)
    } else {
        row
    };
    let loud = app.calendar.error.is_some() || !conflicts.is_empty() || !known;
    row.text(&format!("   {ahead}"), if loud { Role::NeedsPerson } else { Role::Normal })
        .text(&format!("   {zone}"), Role::Strong)
        .draw(body, 0, buffer);
    axes(app, &grid, theme, part(body, 1, 3), buffer);
    let parts = parts(body, bars.len(), conflicts.len());
    let cursor = draw_bars(app, &grid, &bars, theme, parts.bars, buffer);
    draw_conflicts(app, theme, parts.conflicts, buffer);
    draw_record(app, &grid, theme, parts.record, buffer);
    let signs = [
        (Cell::Frozen.sign(), "freeze"),
        (Cell::FrozenForSome.sign(), "for some"),
        (Cell::Allowed.sign(), "allowed"),
        (Cell::Partly.sign(), "partly"),
        (Cell::Closed.sign(), "closed"),
        (CONFLICT, "conflict"),
    ];
    let signs: Vec<String> = signs.iter().map(|(sign, word)| format!("{sign} {word}")).collect();
    let (gap, cell) = (if body.width < 100 { " " } else { "   " }, length(grid.cell.num_minutes()));
    let legend = format!(" {}{gap} 1 cell = {cell}", signs.join(gap));
    Row::new(theme, parts.legend.width).text(&legend, Role::Muted).draw(parts.legend, 0, buffer);
    cursor
}

fn length(minutes: i64) -> String {
    if minutes % 60 == 0 { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}

/// Writes a text into a line of cells, where all of it has room and touches no other.
fn write(line: &mut [char], at: usize, text: &str) -> bool {
    let length = text.chars().count();
    let before = at.saturating_sub(1);
    if at + length > line.len() || line[before..at + length].iter().any(|c| *c != ' ') {
        return false;
    }
    for (slot, c) in line[at..].iter_mut().zip(text.chars()) {
        *slot = c;
    }
    true
}

/// Days, hours, and where now and the cursor are.
fn axes(app: &App, grid: &Grid, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let zone = app.zone();
    let mut days = vec![' '; grid.cells];
    let mut hours = vec![' '; grid.cells];
    let minutes = grid.cell.num_minutes().max(1);
    let step = [1, 2, 3, 4, 6, 12, 24].into_iter().find(|hours| hours * 60 / minutes >= 3);
    let mut day = None;
    for index in 0..grid.cells {
        let civil = zone.civil(grid.at(index));
        if day != Some(civil.date()) {
            day = Some(civil.date());
            let long = civil.format("%a %d %b").to_string();
            let room = (24 * 60 / minutes) as usize;
            let text = if room > long.len() { long } else { civil.format("%d").to_string() };
            write(&mut days, index, &text);
        }
        if step.is_some_and(|step| civil.minute() == 0 && i64::from(civil.hour()) % step == 0) {
            write(&mut hours, index, &civil.format("%H").to_string());
        }
    }
    let now = app.server_now();
    let mut marks = vec![' '; grid.cells];
    let at = app.calendar_cell(grid);
    if let Some(slot) = marks.get_mut(at) {
        *slot = '^';
    }
    if let Some(here) = grid.index(now) {
        // Both may be in one cell: now is said beside it.
        let said = format!("v now {}", app.calendar_clock(now));
        let left = here.checked_sub(said.chars().count());
        if here == at {
            let text = said.replace("v ", "");
            if !write(&mut marks, here + 2, &text)
                && let Some(left) = left
            {
                write(&mut marks, left, &text);
            }
        } else if !write(&mut marks, here, &said)
            && let Some(slot) = marks.get_mut(here)
        {
            *slot = 'v';
        }
    }
    let label = usize::from(grid.label);
    let chosen = app.calendar_clock(grid.at(at));
    for (y, (name, line, role)) in
        [(String::new(), days, Role::Heading), (String::new(), hours, Role::Muted), (chosen, marks, Role::Strong)]
            .into_iter()
            .enumerate()
    {
        Row::new(theme, area.width)
            .gap(1)
            .cell(&name, label - 2, Role::Muted)
            .text(line.into_iter().collect::<String>().trim_end(), role)
            .draw(area, y as u16, buffer);
    }
}

const fn role(cell: Cell) -> Role {
    match cell {
        Cell::Unknown => Role::NoData,
        Cell::Frozen | Cell::FrozenForSome => Role::Frozen,
        Cell::Allowed | Cell::Partly => Role::Passed,
        Cell::Open | Cell::Closed => Role::Muted,
    }
}

fn draw_bars(
    app: &App,
    grid: &Grid,
    bars: &[Bar<'_>],
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    if bars.is_empty() {
        let said = match (app.windows.is_loaded(), &app.windows.error) {
            (false, None) => "",
            _ => "  no window is there or to come: nothing is frozen; a adds a freeze, tab lists past ones",
        };
        Row::new(theme, area.width).text(said, Role::Muted).draw(area, 0, buffer);
        return None;
    }
    let chosen = app.calendar_row(bars);
    let column = app.calendar_cell(grid);
    let height = usize::from(area.height);
    let top = scroll(chosen.saturating_sub(height / 2), chosen, height, bars.len());
    let conflicts = app.calendar.conflicts();
    let zone = app.zone();
    let mut cursor = None;
    for (y, bar) in bars.iter().enumerate().skip(top).take(height) {
        let selected = y == chosen;
        let here = (y - top) as u16;
        let of_bar = |id: &SafeText| bar.pieces.iter().any(|piece| piece.id == id);
        let marked: Vec<usize> =
            conflicts.iter().filter(|c| of_bar(&c.window)).filter_map(|c| grid.index(c.at)).collect();
        let name = bar.windows.first().map_or_else(|| bar.scope.clone(), |view| wording::scope(&view.window.scope));
        let name = SafeText::new(name);
        let room = usize::from(grid.label) - 2;
        let mut row = Row::new(theme, area.width).text(if selected { ">" } else { " " }, Role::Normal).cell(
            &fit::middle(name.as_str(), room, fit::ellipsis(theme)),
            room,
            if selected { Role::Strong } else { Role::Normal },
        );
        // Cells that look alike are painted in one go.
        let mut run = (String::new(), Role::Muted);
        let mut before = None;
        for index in 0..grid.cells {
            let (from, until) = (grid.at(index), grid.at(index + 1));
            let cell = if app.calendar.covers(from, until) { bar.cell(from, until) } else { Cell::Unknown };
            let day = zone.civil(from).date();
            let begins = before.replace(day).is_some_and(|last| last != day);
            let (sign, role) = match cell {
                _ if marked.contains(&index) => (CONFLICT, Role::NeedsPerson),
                Cell::Open if begins => ("|", Role::Muted),
                cell => (cell.sign(), role(cell)),
            };
            if selected && index == column {
                row = row.text(&run.0, run.1).text(sign, Role::Selected);
                run = (String::new(), role);
                continue;
            }
            if role != run.1 {
                row = row.text(&run.0, run.1);
                run = (String::new(), role);
            }
            run.0.push_str(sign);
        }
        row.text(&run.0, run.1).draw(area, here, buffer);
        if selected {
            let x = area.x + grid.label + column as u16;
            cursor = Some(Position { x: x.min(area.right().saturating_sub(1)), y: area.y + here });
        }
    }
    let below = bars.len().saturating_sub(top + height);
    if below > 0 && area.height > 0 {
        let said = format!("+{below}");
        let at = Rect { x: area.right().saturating_sub(said.len() as u16 + 1), width: said.len() as u16 + 1, ..area };
        Row::new(theme, at.width).text(&said, Role::Notice).draw(at, area.height - 1, buffer);
    }
    cursor
}

fn draw_conflicts(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let conflicts = app.calendar.conflicts();
    let (title, role) = match conflicts.len() {
        0 => ("planned against windows".to_owned(), Role::Heading),
        n => (format!("planned against windows: {n} in conflict (n goes to the next)"), Role::NeedsPerson),
    };
    titled(theme, area.width, &title, role).draw(area, 0, buffer);
    let rows = usize::from(area.height) - 1;
    if conflicts.is_empty() {
        let said = match &app.calendar.page {
            None => "",
            Some(page) if page.truncated => {
                "no conflict among what was answered: there were more spans than an answer holds"
            }
            Some(_) => "nothing that is planned meets a window in this range",
        };
        Row::new(theme, area.width).gap(3).text(said, Role::Muted).draw(area, 1, buffer);
        return;
    }
    // Those to come, the next one first.
    let now = app.server_now();
    let ahead = conflicts.iter().filter(|c| c.until.is_none_or(|until| until > now));
    let shown: Vec<_> = ahead.collect();
    for (y, conflict) in shown.iter().take(rows).enumerate() {
        let until = conflict
            .until
            .map_or_else(|| "until somebody lifts it".to_owned(), |at| format!("until {}", app.calendar_clock(at)));
        let more = shown.len().saturating_sub(rows);
        let tail = if y + 1 == rows && more > 0 { format!("   +{more} more") } else { String::new() };
        let wide = area.width >= 100;
        let left = if wide { format!(" (in {})", age::coarse_left(now, conflict.at)) } else { String::new() };
        let row = Row::new(theme, area.width)
            .text(" ", Role::Normal)
            .mark(Mark::NeedsPerson)
            .cell(&app.calendar_clock(conflict.at), 13, Role::Strong)
            .cell(&conflict.rollout.to_string(), if wide { 28 } else { 18 }, Role::Strong);
        let said = format!("{}{left} meets {} {until}", conflict.what, conflict.window);
        let said = fit::fit(&said, row.left().saturating_sub(tail.len()), fit::ellipsis(theme));
        row.text(&said, Role::Normal).text(&tail, Role::Notice).draw(area, y as u16 + 1, buffer);
    }
}

fn draw_record(app: &App, grid: &Grid, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let Some((view, piece)) = app.calendar_window(grid) else {
        titled(theme, area.width, "no window is selected", Role::Muted).draw(area, 0, buffer);
        return;
    };
    let window = &view.window;
    let (mark, word) = state(view);
    let what = if window.effect == Effect::Deny { "FREEZE" } else { "ALLOW" };
    let span = piece.map_or_else(String::new, |piece| {
        let until = piece.until.map_or_else(|| "open end".to_owned(), |at| app.calendar_clock(at));
        format!("  {} - {until}", app.calendar_clock(piece.from))
    });
    let title = format!("{}{span}  {what}  {}  {word}", wording::scope(&window.scope), window.id);
    titled(theme, area.width, SafeText::new(title).as_str(), mark.role()).draw(area, 0, buffer);
    for (y, (name, text)) in record(app, view).into_iter().take(usize::from(area.height) - 1).enumerate() {
        Row::new(theme, area.width).text(" ", Role::Normal).cell(name, 9, Role::Muted).text(&text, Role::Normal).draw(
            area,
            y as u16 + 1,
            buffer,
        );
    }
}
