//! Overrides: who may pass which windows with what, how often and how long; what somebody still has to
//! stand by comes first.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    backend::OverrideView,
    domain::{OverrideKind, OverrideState, SafeText},
    tui::{
        app::{App, age, layout, overrides::subject, rollouts::scroll, spots::Spot, wording},
        theme::{Mark, Role, Theme},
        widget::row::{Row, titled},
    },
};

/// The mark and the word of an override at this moment.
pub(super) fn state(app: &App, view: &OverrideView) -> (Mark, &'static str) {
    if view.record.awaits_countersign() {
        return (Mark::Fail, "BREAK-GLASS");
    }
    match view.record.state(app.server_now()) {
        OverrideState::Waiting => (Mark::NeedsPerson, "WAITING"),
        OverrideState::Upcoming => (Mark::Waiting, "to come"),
        OverrideState::Active => (Mark::Running, "active"),
        OverrideState::UsedUp => (Mark::Passed, "used up"),
        OverrideState::Expired => (Mark::Passed, "expired"),
        OverrideState::Withdrawn => (Mark::RolledBack, "withdrawn"),
    }
}

/// What is left of its time.
fn left(app: &App, view: &OverrideView) -> String {
    let now = app.server_now();
    match view.record.state(now) {
        OverrideState::Upcoming => format!("in {}", age::coarse_left(now, view.record.not_before)),
        OverrideState::Active | OverrideState::Waiting => age::coarse_left(now, view.record.expires_at),
        _ => "-".to_owned(),
    }
}

/// How long somebody has to stand by it.
fn countersign(app: &App, view: &OverrideView) -> String {
    let now = app.server_now();
    match view.record.countersign_until {
        Some(until) if until <= now => format!("NOT COUNTERSIGNED, OVERDUE for {}", age::coarse(now, until)),
        Some(until) => format!("NOT COUNTERSIGNED, {} left", age::coarse_left(now, until)),
        None => "NOT COUNTERSIGNED".to_owned(),
    }
}

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (table, record) = layout::table_and_record(body, layout::RECORD + 2);
    let overrides = &app.overrides;
    let now = app.server_now();
    let count = |state| overrides.all().iter().filter(|view| view.record.state(now) == state).count();
    let (text, role) = match (&overrides.error, overrides.is_loaded()) {
        (Some(error), _) => (format!(" not to be had: {error}"), Role::Error),
        (None, false) => (" asking for overrides".to_owned(), Role::Strong),
        (None, true) if overrides.all().is_empty() => {
            (" no override was ever asked for: o in the dialog of what a window holds does".to_owned(), Role::Strong)
        }
        (None, true) => {
            let glass = match overrides.open_break_glass() {
                0 => String::new(),
                n => format!("{n} BREAK-GLASS not countersigned   "),
            };
            let (active, waiting) = (count(OverrideState::Active), count(OverrideState::Waiting));
            let text = format!(
                " {glass}{active} can be used, {waiting} wait, {} in all   they lift windows and nothing else",
                overrides.all().len()
            );
            (text, if glass.is_empty() { Role::Strong } else { Role::Fail })
        }
    };
    Row::new(theme, table.width).text(&text, role).draw(table, 0, buffer);
    let wide = table.width >= 110;
    let mut head = Row::new(theme, table.width)
        .gap(3)
        .cell("STATE", 11, Role::Heading)
        .cell("ID", 10, Role::Heading)
        .cell("FOR", if wide { 34 } else { 24 }, Role::Heading)
        .right("USES", 5, Role::Heading)
        .right("LEFT", 7, Role::Heading);
    if wide {
        head = head.cell("WINDOWS", 18, Role::Heading).cell("APPROVED", 12, Role::Heading);
    }
    head.text("ASKED BY", Role::Heading).draw(table, 2, buffer);
    let rows = Rect { y: table.y + 3, height: table.height.saturating_sub(3), ..table };
    let height = usize::from(rows.height);
    let top = scroll(
        overrides.list.cursor().saturating_sub(height / 2),
        overrides.list.cursor(),
        height,
        overrides.list.len(),
    );
    let mut cursor = None;
    for (y, view) in (top..top + height).map_while(|row| overrides.at(row)).enumerate() {
        let selected = overrides.list.cursor() == top + y;
        app.note_line(rows, y as u16, Spot::Row(top + y));
        let (mark, word) = state(app, view);
        let record = &view.record;
        let subject = subject(view);
        let found = |column, text: &str| overrides.list.filter().found(column, text);
        let mut row = Row::new(theme, rows.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .mark(mark)
            .cell(word, 11, mark.role())
            .found(record.id.as_str(), 10, Role::Muted, &found("id", record.id.as_str()))
            .found(&subject, if wide { 34 } else { 24 }, Role::Strong, &found("for", &subject))
            .right(&format!("{}/{}", record.uses_left(), record.uses_max), 5, Role::Normal)
            .right(&left(app, view), 7, Role::Normal);
        let who = record.requested_by.as_str();
        row = if record.awaits_countersign() {
            row.text(&format!("{}  by {who}", countersign(app, view)), Role::Fail)
        } else if wide {
            let windows: Vec<&str> = record.windows.iter().map(|window| window.id.as_str()).collect();
            let approved: Vec<&str> = record.approvals.iter().map(|consent| consent.by.as_str()).collect();
            let approved = if approved.is_empty() { "-".to_owned() } else { approved.join(", ") };
            row.cell(&windows.join(", "), 18, Role::Normal).cell(&approved, 12, Role::Normal).text(who, Role::Normal)
        } else {
            row.text(who, Role::Normal)
        };
        if selected {
            cursor = row.draw_selected(rows, y as u16, buffer);
        } else {
            row.draw(rows, y as u16, buffer);
        }
    }
    if let Some(view) = overrides.selected().filter(|_| record.height > 1) {
        draw_record(app, view, theme, record, buffer);
    }
    cursor
}

/// What an override says, line by line.
pub(super) fn lines(app: &App, view: &OverrideView) -> Vec<(&'static str, String, Role)> {
    let record = &view.record;
    let windows: Vec<String> = record
        .windows
        .iter()
        .map(|window| {
            let now = app.windows.get(window.id.as_str());
            let since = match now {
                Some(view) if view.window.revision != window.revision => {
                    format!(", CHANGED since (now {}): it holds again", view.window.revision)
                }
                _ => String::new(),
            };
            format!("{} at revision {}{since}", window.id, window.revision)
        })
        .collect();
    let candidate = record.candidate.as_ref().map_or_else(String::new, |candidate| format!("  candidate {candidate}"));
    let scope = record.scope.as_ref().map_or_else(String::new, |scope| format!("  at {}", wording::scope(scope)));
    let kind = match record.kind {
        OverrideKind::Hotfix => "hotfix",
        OverrideKind::Incident => "incident",
        OverrideKind::Scheduled => "scheduled work",
    };
    let ticket = record.ticket.as_ref().map_or("-", SafeText::as_str);
    let mut out = Vec::new();
    if record.break_glass {
        let said = match &record.countersigned {
            Some(consent) => format!(
                "taken without waiting; countersigned by {} at {}: {}",
                consent.by,
                app.day_clock(consent.at),
                consent.reason
            ),
            None => format!("TAKEN WITHOUT WAITING for a second person; {}", countersign(app, view)),
        };
        out.push(("glass", said, if view.record.awaits_countersign() { Role::Fail } else { Role::Normal }));
    }
    if let Some(why) = &view.why_not {
        out.push(("no use", why.to_string(), Role::NeedsPerson));
    }
    if let Some(consent) = &record.withdrawn {
        let said = format!("by {} at {}: {}", consent.by, app.day_clock(consent.at), consent.reason);
        out.push(("taken back", said, Role::Normal));
    }
    out.push(("why", format!("{}  ({kind})  ticket {ticket}", record.reason), Role::Normal));
    out.push(("lifts", windows.join("; "), Role::Normal));
    out.push(("for", format!("{}{candidate}{scope}", subject(view)), Role::Normal));
    let span = format!("{} - {}", app.day_clock(record.not_before), app.day_clock(record.expires_at));
    out.push(("counts", format!("{span}  {} of {} uses left", record.uses_left(), record.uses_max), Role::Normal));
    out.push(("asked", format!("by {} at {}", record.requested_by, app.day_clock(record.requested_at)), Role::Normal));
    let approved: Vec<String> = record
        .approvals
        .iter()
        .map(|consent| format!("{} at {}: {}", consent.by, app.day_clock(consent.at), consent.reason))
        .collect();
    let approved = match (approved.is_empty(), record.approvals_needed, &view.approval) {
        (false, ..) => approved.join("; "),
        (true, 0, _) => "one person is enough".to_owned(),
        (true, _, Some(id)) => format!("nobody yet; approval {id} waits for a second person"),
        (true, ..) => "nobody".to_owned(),
    };
    out.push(("approved", approved, Role::Normal));
    let uses: Vec<String> = record
        .uses
        .iter()
        .map(|used| {
            let stage = used.stage.as_ref().map_or_else(String::new, |stage| format!(" into {stage}"));
            format!("{} {}{stage} by {}", app.day_clock(used.at), wording::operation(used.action), used.by)
        })
        .collect();
    out.push(("used", if uses.is_empty() { "not yet".to_owned() } else { uses.join("; ") }, Role::Normal));
    out
}

fn draw_record(app: &App, view: &OverrideView, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (mark, word) = state(app, view);
    titled(theme, area.width, &format!("{} {word} {}", view.record.id, subject(view)), mark.role())
        .draw(area, 0, buffer);
    for (y, (name, text, role)) in lines(app, view).into_iter().take(usize::from(area.height) - 1).enumerate() {
        Row::new(theme, area.width).text(" ", Role::Normal).cell(name, 10, Role::Muted).text(&text, role).draw(
            area,
            y as u16 + 1,
            buffer,
        );
    }
}
