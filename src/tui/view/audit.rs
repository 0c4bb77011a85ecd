//! The audit trail: who did what, when and why, and what of it is proven; a line across where it is not.

use std::collections::BTreeSet;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::words;
use crate::{
    domain::{AuditEntry, Outcome, SafeText, audit::Via},
    tui::{
        app::{
            App, age, layout,
            rollouts::scroll,
            spots::Spot,
            trail::{Break, Proof},
        },
        theme::{Mark, Role, Theme},
        widget::{fit, row::Row},
    },
};

mod record;

/// Rows above the first entry.
pub(in crate::tui) const HEAD: u16 = 4;

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (table, record) = layout::audit(body);
    state(app, theme, table, buffer);
    remembered(app, theme, table, buffer);
    filter(app, theme, table, buffer);
    let columns = Columns::of(app, table.width);
    let mut head = Row::new(theme, table.width)
        .gap(1)
        .cell("V", 1, Role::Heading)
        .cell("TIME", columns.time, Role::Heading)
        .right("SEQ", columns.seq, Role::Heading)
        .cell("WHO", columns.who, Role::Heading);
    if columns.wide {
        head = head.cell("VIA", 5, Role::Heading);
    }
    head.cell("ACTION", columns.action, Role::Heading)
        .cell("ON", columns.on, Role::Heading)
        .text("REASON", Role::Heading)
        .draw(table, 3, buffer);
    let rows = Rect { y: table.y + HEAD, height: table.height.saturating_sub(HEAD), ..table };
    let cursor = entries(app, theme, &columns, rows, buffer);
    if record.height > 1
        && let Some(entry) = app.trail.selected()
    {
        record::draw(app, entry, theme, record, buffer);
    }
    cursor
}

/// The entries, with a line of its own where the proof breaks, in its place in the sequence.
fn entries(app: &App, theme: &Theme, columns: &Columns, rows: Rect, buffer: &mut Buffer) -> Option<Position> {
    let trail = &app.trail;
    let entries = trail.entries();
    if entries.is_empty() && trail.is_loaded() {
        Row::new(theme, rows.width)
            .text("   no entry matches: / changes the filter", Role::Normal)
            .draw(rows, 0, buffer);
    }
    let found = trail.broken();
    let before = |found: &Break| entries.iter().position(|entry| entry.seq <= found.after).unwrap_or(entries.len());
    let line_at = found.as_ref().map(before);
    let height = usize::from(rows.height);
    let place = |index: usize| index + usize::from(line_at.is_some_and(|at| at <= index));
    let count = entries.len() + usize::from(line_at.is_some());
    let selected = place(trail.cursor());
    let top = scroll(selected.saturating_sub(height / 2), selected, height, count);
    let mut cursor = None;
    for y in 0..height.min(count.saturating_sub(top)) {
        let at = top + y;
        if let Some(found) = found.as_ref().filter(|_| line_at == Some(at)) {
            break_line(found, theme, rows, y as u16, buffer);
            continue;
        }
        let index = at - usize::from(line_at.is_some_and(|line| line < at));
        let Some(entry) = entries.get(index) else { break };
        let selected = trail.cursor() == index;
        app.note_line(rows, y as u16, Spot::Row(index));
        let row = line(app, entry, selected, columns, theme, rows.width);
        if selected {
            cursor = row.draw_selected(rows, y as u16, buffer);
        } else {
            row.draw(rows, y as u16, buffer);
        }
    }
    cursor
}

/// A line across the whole table: what is above it is not proven.
fn break_line(found: &Break, theme: &Theme, rows: Rect, y: u16, buffer: &mut Buffer) {
    let sign = theme.mark(Mark::Fail);
    let at = match found.after {
        0 => "AT THE BEGINNING".to_owned(),
        after => format!("#{after} -> #{}", after + 1),
    };
    let lead = format!("  {sign} == TRAIL BROKEN {at}: rows above are not proven. {} ", found.why);
    let width = usize::from(rows.width);
    let text = fit::fit(&lead, width.saturating_sub(3), fit::ellipsis(theme));
    let rest = "=".repeat(width.saturating_sub(fit::width(&text)));
    let style = theme.style(Role::BannerLost);
    Row::new(theme, rows.width).styled(&format!("{text}{rest}"), style).draw(rows, y, buffer);
}

/// What is proven of the trail, in a line.
fn state(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let trail = &app.trail;
    let mut row = Row::new(theme, area.width).text(" trail  ", Role::Strong);
    if trail.verifying.is_some() {
        row = row.mark(Mark::Running).text("verifying  ", Role::Normal);
    }
    if let Some(found) = trail.broken() {
        row = row.mark(Mark::Fail).text(&format!("BROKEN at #{}  ", found.after + 1), Role::Fail);
    }
    let Some(proven) = trail.proven() else {
        let signed = trail
            .checkpoint
            .as_ref()
            .map_or_else(String::new, |point| format!("   newest signed checkpoint covers #1-#{}", point.size));
        let text = match &trail.verify_error {
            Some(error) => format!("not verified: {error}"),
            None => format!("not checked yet: V verifies{signed}"),
        };
        row.mark(Mark::Waiting).text(&text, Role::Normal).draw(area, 0, buffer);
        return;
    };
    if proven > 0 {
        row = row.mark(Mark::Passed).text(&format!("proven #1-#{proven}  "), Role::Passed);
    }
    if trail.size() > proven {
        row = row.mark(Mark::NoData).text(&format!("unproven #{}-#{}  ", proven + 1, trail.size()), Role::NoData);
    }
    if let Some(key) = trail.witnessed.as_ref().and_then(|(witnessed, _)| witnessed.key.as_ref()) {
        row = row.text(&format!("key {key}  "), Role::Normal);
    }
    let at = trail.witnessed.as_ref().map(|(_, at)| *at).max(trail.verified.as_ref().map(|(_, at)| *at));
    if let Some(at) = at {
        row = row.text(&format!("checked {} ago  ", since(app, at)), Role::Normal);
    }
    row.draw(area, 0, buffer);
}

/// How long ago something was, by this program's own clock.
fn since(app: &App, at: std::time::Duration) -> String {
    let ago = chrono::TimeDelta::from_std(app.now.elapsed.saturating_sub(at)).unwrap_or_default();
    age::coarse(app.now.wall, app.now.wall - ago)
}

/// What this dashboard remembers of the trail from before, and what reading all entries again has shown.
fn remembered(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let trail = &app.trail;
    let mut row = Row::new(theme, area.width).text(" seen   ", Role::Muted);
    let witnessed = trail.witnessed.as_ref().map(|(witnessed, _)| witnessed);
    row = match witnessed.map(|witnessed| (&witnessed.remembered, &witnessed.broken)) {
        None => row.text("not yet held against what was seen before", Role::Muted),
        Some((Some(before), broken)) => {
            let (mark, word) =
                if broken.is_some() { (Mark::Fail, "NOT SO ANY MORE") } else { (Mark::Passed, "still so") };
            let text = format!("#1-#{} at {}, ", before.size, app.day_clock(before.at));
            row.text(&text, Role::Normal).mark(mark).text(word, mark.role())
        }
        Some((None, _)) => row.text("nothing before: this trail is remembered from now on", Role::Muted),
    };
    row = row.text("   ", Role::Normal);
    row = match (&trail.verify_error, &trail.verified) {
        (Some(error), _) => row.mark(Mark::NoData).text(&format!("not verified: {error}"), Role::NoData),
        (None, Some((report, at))) => {
            let text = format!("all {} read again {} ago: {}", report.entries, since(app, *at), report.detail);
            row.text(&text, if report.ok { Role::Normal } else { Role::Fail })
        }
        (None, None) => row.text("entries not read again: V does", Role::Muted),
    };
    if let Some(remark) = witnessed.and_then(|witnessed| witnessed.remark.as_ref()) {
        row = row.text(&format!("   {remark}"), Role::Notice);
    }
    row.draw(area, 1, buffer);
}

/// The filter, and how much of the trail it let through.
fn filter(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let trail = &app.trail;
    let filter = if trail.text.is_empty() { "-" } else { trail.text.as_str() };
    let shown = match (&trail.error, trail.asking, trail.is_loaded()) {
        (Some(error), ..) => format!("not to be had: {error}"),
        (None, true, false) => "asking".to_owned(),
        _ => format!("{} newest that match", trail.entries().len()),
    };
    let back = trail
        .searched_to
        .map_or_else(String::new, |seq| format!(", looked back to #{seq} only: narrow it with since: or actor:"));
    Row::new(theme, area.width)
        .text(&format!(" filter {}", SafeText::new(filter)), Role::Normal)
        .text(&format!("   {shown}{back}"), Role::Muted)
        .draw(area, 2, buffer);
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

/// How wide the columns are. Where there is little room they are as wide as what is in them at most, so that what is
/// left is for the reason, of all of which it must not be that is cut off.
struct Columns {
    wide: bool,
    /// Whether there is room for seconds.
    seconds: bool,
    /// Whether what entries are about is named with its target, as it is where they are of several.
    target: bool,
    time: usize,
    seq: usize,
    who: usize,
    action: usize,
    on: usize,
}

impl Columns {
    fn of(app: &App, width: u16) -> Self {
        if width >= 110 {
            return Self { wide: true, seconds: true, target: true, time: 16, seq: 6, who: 10, action: 14, on: 28 };
        }
        let roomy = width >= 76;
        let targets: BTreeSet<_> =
            app.trail.entries().iter().filter_map(|entry| entry.subject.target.as_ref()).collect();
        let target = targets.len() > 1;
        let mut columns = Self { wide: false, seconds: roomy, target, time: 4, seq: 3, who: 3, action: 6, on: 2 };
        // Of all entries and not only of those in sight: nothing moves sideways while one scrolls.
        for entry in app.trail.entries() {
            let fits = |width: usize, text: &str, most: usize| width.max(fit::width(text).min(most));
            columns.time = fits(columns.time, &when(app, entry, &columns), 13);
            columns.seq = fits(columns.seq, &entry.seq.to_string(), 9);
            columns.who = fits(columns.who, entry.actor.id.as_str(), if roomy { 10 } else { 8 });
            columns.action = fits(columns.action, entry.action.as_str(), if roomy { 14 } else { 11 });
            columns.on = fits(columns.on, &on(entry, &columns), if roomy { 18 } else { 11 });
        }
        columns
    }
}

/// What an entry is about. Where there is little room, without the target that all of them share.
fn on(entry: &AuditEntry, columns: &Columns) -> String {
    if columns.target { entry.subject.to_string() } else { entry.subject.name.to_string() }
}

/// The instant of an entry: with its seconds where it was today, or where there is room.
fn when(app: &App, entry: &AuditEntry, columns: &Columns) -> String {
    let day = app.day_clock(entry.at);
    let short = app.clock(entry.at);
    match day.strip_suffix(short.as_str()) {
        Some("") if columns.seconds => app.clock_seconds(entry.at),
        Some(date) if columns.wide => format!("{date}{}", app.clock_seconds(entry.at)),
        _ => day,
    }
}

fn line<'a>(app: &App, entry: &AuditEntry, selected: bool, columns: &Columns, theme: &'a Theme, width: u16) -> Row<'a> {
    let proof = app.trail.proof(entry.seq);
    let (mark, _) = words::proof(proof);
    let role = if proof == Proof::Broken { Role::Fail } else { Role::Normal };
    let mut row = Row::new(theme, width)
        .text(if selected { ">" } else { " " }, Role::Normal)
        .mark(mark)
        .cell(&when(app, entry, columns), columns.time, Role::Muted)
        .right(&entry.seq.to_string(), columns.seq, role)
        .cell(entry.actor.id.as_str(), columns.who, role);
    if columns.wide {
        row = row.cell(via(entry), 5, Role::Normal);
    }
    row = row.cell(entry.action.as_str(), columns.action, Role::Strong).cell(
        &on(entry, columns),
        columns.on,
        Role::Normal,
    );
    if proof == Proof::Broken {
        row = row.text("BROKEN here: ", Role::Fail);
    }
    let outcome = match entry.outcome {
        Outcome::Applied => String::new(),
        outcome => format!("{}: ", crate::tui::update::outcome_word(outcome)),
    };
    let text = entry.reason.as_ref().or(entry.effect.as_ref()).map_or("", |text| text.as_str());
    row.text(&format!("{outcome}{text}"), Role::Normal)
}
