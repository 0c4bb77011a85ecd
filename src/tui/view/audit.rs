//! The audit trail: who did what, when and why, and what of it is proven.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::words;
use crate::{
    domain::{AuditEntry, audit::Via},
    tui::{
        app::{App, age, layout, rollouts::scroll, trail::Proof},
        theme::{Mark, Role, Theme},
        widget::row::{Row, titled},
    },
};

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (table, record) = layout::table_and_record(body, layout::RECORD);
    state(app, theme, table, buffer);
    let trail = &app.trail;
    let filter = if trail.text.is_empty() { "-" } else { trail.text.as_str() };
    let shown = match (&trail.error, trail.asking, trail.is_loaded()) {
        (Some(error), ..) => format!("not to be had: {error}"),
        (None, true, false) => "asking".to_owned(),
        _ => format!("{} newest that match", trail.entries().len()),
    };
    Row::new(theme, table.width)
        .text(&format!(" filter  {}", crate::domain::SafeText::new(filter)), Role::Normal)
        .text(&format!("   {shown}"), Role::Muted)
        .draw(table, 1, buffer);
    let wide = table.width >= 110;
    let mut head = Row::new(theme, table.width)
        .gap(1)
        .cell("V", 1, Role::Heading)
        .cell("TIME", if wide { 16 } else { 13 }, Role::Heading)
        .right("SEQ", 6, Role::Heading)
        .cell("WHO", 10, Role::Heading);
    if wide {
        head = head.cell("VIA", 5, Role::Heading);
    }
    head.cell("ACTION", 14, Role::Heading)
        .cell("ON", if wide { 28 } else { 19 }, Role::Heading)
        .text("REASON", Role::Heading)
        .draw(table, 2, buffer);
    let rows = Rect { y: table.y + 3, height: table.height.saturating_sub(3), ..table };
    let height = usize::from(rows.height);
    let entries = trail.entries();
    if entries.is_empty() && trail.is_loaded() {
        Row::new(theme, rows.width)
            .text("   no entry matches: / changes the filter", Role::Normal)
            .draw(rows, 0, buffer);
    }
    let top = scroll(trail.cursor().saturating_sub(height / 2), trail.cursor(), height, entries.len());
    let mut cursor = None;
    for (y, entry) in entries.iter().skip(top).take(height).enumerate() {
        let selected = trail.cursor() == top + y;
        let row = line(app, entry, selected, wide, theme, rows.width);
        if selected {
            cursor = row.draw_selected(rows, y as u16, buffer);
        } else {
            row.draw(rows, y as u16, buffer);
        }
    }
    if record.height > 1
        && let Some(entry) = trail.selected()
    {
        draw_record(app, entry, theme, record, buffer);
    }
    cursor
}

/// What is proven of the trail, in a line.
fn state(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let trail = &app.trail;
    let mut row = Row::new(theme, area.width).text(" trail  ", Role::Strong);
    if trail.verifying.is_some() {
        row = row.mark(Mark::Running).text("verifying  ", Role::Normal);
    }
    if let Some(error) = &trail.verify_error {
        row = row.mark(Mark::NoData).text(&format!("not verified: {error}"), Role::NoData);
        return row.draw(area, 0, buffer);
    }
    match &trail.verified {
        None => {
            let signed = trail
                .checkpoint
                .as_ref()
                .map_or_else(String::new, |point| format!("   newest signed checkpoint covers #1-#{}", point.size));
            row = row.mark(Mark::Waiting).text(&format!("not checked yet: V verifies{signed}"), Role::Normal);
        }
        Some((report, at)) => {
            let ago = chrono::TimeDelta::from_std(app.now.elapsed.saturating_sub(*at)).unwrap_or_default();
            let ago = age::coarse(app.now.wall, app.now.wall - ago);
            row = match (report.first_bad, report.differs_after) {
                (Some(bad), _) => row.mark(Mark::Fail).text(&format!("BROKEN at #{bad}  "), Role::Fail),
                (None, Some(size)) => {
                    row.mark(Mark::Fail).text(&format!("BROKEN: the tree differs after #{size}  "), Role::Fail)
                }
                (None, None) if report.ok => row,
                (None, None) => row.mark(Mark::Fail).text("BROKEN  ", Role::Fail),
            };
            if report.proven > 0 {
                row = row.mark(Mark::Passed).text(&format!("proven #1-#{}  ", report.proven), Role::Passed);
            }
            if report.entries > report.proven {
                row = row
                    .mark(Mark::NoData)
                    .text(&format!("unproven #{}-#{}  ", report.proven + 1, report.entries), Role::NoData);
            }
            row = row.text(&format!("checked {ago} ago  {}", report.detail), Role::Normal);
        }
    }
    row.draw(area, 0, buffer);
}

fn via(entry: &AuditEntry) -> &'static str {
    match entry.actor.via {
        Some(Via::Tui) => "tui",
        Some(Via::Cli) => "cli",
        Some(Via::Api) => "api",
        Some(Via::Agent) => "agent",
        None => "-",
    }
}

fn subject(entry: &AuditEntry) -> String {
    match &entry.subject.target {
        Some(target) => format!("{target}/{}", entry.subject.name),
        None => entry.subject.name.as_str().to_owned(),
    }
}

/// The instant of an entry: with its seconds where it was today, or where there is room.
fn when(app: &App, entry: &AuditEntry, wide: bool) -> String {
    let day = app.day_clock(entry.at);
    let short = app.clock(entry.at);
    match day.strip_suffix(short.as_str()) {
        Some("") => app.clock_seconds(entry.at),
        Some(date) if wide => format!("{date}{}", app.clock_seconds(entry.at)),
        _ => day,
    }
}

fn line<'a>(app: &App, entry: &AuditEntry, selected: bool, wide: bool, theme: &'a Theme, width: u16) -> Row<'a> {
    let proof = app.trail.proof(entry.seq);
    let (mark, _) = words::proof(proof);
    let role = if proof == Proof::Broken { Role::Fail } else { Role::Normal };
    let mut row = Row::new(theme, width)
        .text(if selected { ">" } else { " " }, Role::Normal)
        .mark(mark)
        .cell(&when(app, entry, wide), if wide { 16 } else { 13 }, Role::Muted)
        .right(&entry.seq.to_string(), 6, role)
        .cell(entry.actor.id.as_str(), 10, role);
    if wide {
        row = row.cell(via(entry), 5, Role::Normal);
    }
    row = row.cell(entry.action.as_str(), 14, Role::Strong).cell(
        &subject(entry),
        if wide { 28 } else { 19 },
        Role::Normal,
    );
    if proof == Proof::Broken {
        row = row.text("BROKEN here: ", Role::Fail);
    }
    let outcome = match entry.outcome {
        crate::domain::Outcome::Applied => String::new(),
        outcome => format!("{}: ", crate::tui::update::outcome_word(outcome)),
    };
    let text = entry.reason.as_ref().or(entry.effect.as_ref()).map_or("", |text| text.as_str());
    row.text(&format!("{outcome}{text}"), Role::Normal)
}

/// One entry in full.
fn draw_record(app: &App, entry: &AuditEntry, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (mark, word) = words::proof(app.trail.proof(entry.seq));
    titled(theme, area.width, &format!("#{}  {}  {word}", entry.seq, app.clock_seconds(entry.at)), Role::Strong)
        .draw(area, 0, buffer);
    let actor = &entry.actor;
    let kind = match actor.kind {
        crate::domain::ActorKind::Human => "human",
        crate::domain::ActorKind::Automation => "automation",
        crate::domain::ActorKind::Agent => "agent",
        crate::domain::ActorKind::System => "system",
    };
    let or = |text: &Option<crate::domain::SafeText>| text.as_ref().map_or("-", |text| text.as_str()).to_owned();
    let role = actor.role.map_or("no role", crate::domain::Role::as_str);
    let revision = |r: &Option<crate::domain::Revision>| r.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let intent = entry.intent.map_or_else(String::new, |seq| format!("  of intent #{seq}"));
    let lines = [
        (
            "who",
            format!(
                "{} ({kind}, {role})  via {}  credential {}  from {}",
                actor.id,
                via(entry),
                or(&actor.credential),
                or(&actor.source)
            ),
        ),
        (
            "what",
            format!(
                "{} {}  {}{intent}  revision {} -> {}",
                entry.action,
                subject(entry),
                crate::tui::update::outcome_word(entry.outcome),
                revision(&entry.revision.before),
                revision(&entry.revision.after)
            ),
        ),
        ("effect", or(&entry.effect)),
        ("why", format!("{}  ticket {}", or(&entry.reason), or(&entry.ticket))),
        ("saw", or(&entry.saw)),
        (
            "held by",
            match entry.blockers.as_slice() {
                [] => "-".to_owned(),
                blockers => blockers.iter().map(|b| b.summary.as_str()).collect::<Vec<_>>().join("; "),
            },
        ),
        ("key", format!("{}  correlation {}", or(&entry.idempotency_key), or(&entry.correlation_id))),
    ];
    for (y, (name, text)) in lines.into_iter().enumerate() {
        Row::new(theme, area.width).text(" ", Role::Normal).cell(name, 8, Role::Muted).text(&text, Role::Normal).draw(
            area,
            y as u16 + 1,
            buffer,
        );
    }
    let at = area.height.min(8);
    Row::new(theme, area.width)
        .text(" ", Role::Normal)
        .cell("proof", 8, Role::Muted)
        .mark(mark)
        .text(word, mark.role())
        .draw(area, at, buffer);
}
