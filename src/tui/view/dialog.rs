//! The dialog of a change: what it does and does not do, checks, reason, the safe button first.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{boxed, centred, words};
use crate::{
    backend::BackendError,
    domain::{
        Phase,
        reason::{REASON_MAX, REASON_MIN},
        workload::RevisionView,
    },
    tui::{
        app::{
            App, age, asking,
            dialog::{Dialog, Focus, PreviewState, Stage, Subject},
            flags::change::Verb,
            spots::Spot,
            text::Field,
            workload,
        },
        theme::{Mark, Role, Theme},
        widget::{field, fit, row::Row},
    },
};

mod consent;
mod flag;

pub(in crate::tui) type Styled = (Option<Mark>, String, Role);

/// Revisions that are listed at the same time.
const REVISIONS: usize = 6;

/// Paints the dialog over the body.
pub(super) fn draw(app: &App, dialog: &Dialog, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let area = if body.width >= 104 { centred(body, 100, 30) } else { body };
    let inner = boxed(theme, area, &title(app, dialog), buffer);
    // What is decided on is read to its end: long lines go on below.
    let lines = preview_lines(app, dialog);
    let lines: Vec<Styled> = lines.into_iter().flat_map(|line| wrapped(line, inner.width, theme)).collect();
    let fields = form_height(dialog);
    // What is missing may take two rows. They are kept where nothing else needs them, so that no field moves
    // while it is typed into.
    let is_free = lines.len() + TWIN_ROWS + usize::from(fields) < usize::from(inner.height);
    let is_long = said(app, dialog, theme, inner.width, 2).0.len() > 1;
    let fields = fields + u16::from(is_free || is_long && inner.height >= fields + PREVIEW_ROWS);
    let preview = Rect { height: inner.height.saturating_sub(fields), ..inner };
    let form = Rect { y: preview.bottom(), height: inner.height - preview.height, ..inner };
    draw_preview(app, dialog, &lines, theme, preview, buffer);
    draw_form(app, dialog, theme, form, buffer)
}

/// Rows for what a dialog does, before a second row is given to what it needs.
const PREVIEW_ROWS: u16 = 8;
/// Most rows of the command line that does the same.
const TWIN_ROWS: usize = 3;

/// Rows of the fields, the buttons and what is below them.
fn form_height(dialog: &Dialog) -> u16 {
    match dialog.subject {
        Subject::AddWindow => 10,
        Subject::Flag(ref change) if change.verb == Verb::Widen => 8,
        Subject::Override(_) => 11,
        Subject::Action { .. } if !dialog.blocking().is_empty() => 8,
        _ if !dialog.revisions().is_empty() => 8,
        _ => 7,
    }
}

pub(in crate::tui) fn title(app: &App, dialog: &Dialog) -> String {
    let context = app.context_name();
    match &dialog.subject {
        Subject::Action { action, pinned } => {
            let label = action.spec().label.to_uppercase();
            format!(
                "{label} {}  {} <- {}  rev {}  {context}",
                pinned.id, pinned.candidate, pinned.stable, pinned.revision
            )
        }
        Subject::AddWindow => format!("FREEZE  {context}"),
        Subject::LiftWindow(window) => format!("LIFT FREEZE {}  {}  {context}", window.id, window.scope),
        Subject::Flag(change) => flag::title(change, context),
        Subject::Override(_) | Subject::ChangeOverride { .. } | Subject::Decide { .. } => {
            consent::title(dialog, context)
        }
    }
}

/// The words on the button that commits: verb, object, size.
pub(in crate::tui) fn commit_words(dialog: &Dialog) -> String {
    match &dialog.subject {
        _ if matches!(dialog.stage, Stage::Unconfirmed { .. }) => "Ask again, same key".to_owned(),
        _ if dialog.moved.is_some() && dialog.widens() => "Look again at what it does".to_owned(),
        Subject::Action { action, pinned } => {
            let units = match &dialog.preview {
                PreviewState::Ready(reply) if reply.effect.units == 1 => ", 1 unit".to_owned(),
                PreviewState::Ready(reply) if reply.effect.units > 0 => format!(", {} units", reply.effect.units),
                _ => String::new(),
            };
            format!("{} {}{units}", action.spec().label, pinned.id.name)
        }
        Subject::AddWindow => format!("Freeze {}", dialog.scope.text().chars().take(40).collect::<String>()),
        Subject::LiftWindow(window) => format!("Lift freeze {}", window.id),
        Subject::Flag(change) => flag::commit_words(dialog, change),
        Subject::Override(_) | Subject::ChangeOverride { .. } | Subject::Decide { .. } => consent::commit_words(dialog),
    }
}

/// What the dialog says above its fields: what refused it, what changes and what does not, checks.
pub(in crate::tui) fn preview_lines(app: &App, dialog: &Dialog) -> Vec<Styled> {
    let mut lines: Vec<Styled> = Vec::new();
    if let Some(error) = &dialog.refused {
        refusal(app, error, &mut lines);
    }
    if let Some(moved) = &dialog.moved {
        let then = if dialog.widens() { "look again before it can be sent" } else { "it can be sent all the same" };
        lines.push((
            Some(Mark::NeedsPerson),
            format!("CHANGED since this was opened: {moved}; {then}"),
            Role::NeedsPerson,
        ));
    }
    if dialog.focus == Focus::To {
        lines.extend(revisions(app, dialog));
    }
    consent::exception(app, dialog, &mut lines);
    changes(app, dialog, &mut lines);
    let checks = checks(app, dialog);
    if !checks.is_empty() {
        lines.push(heading("Checks"));
        lines.extend(checks);
    }
    lines
}

fn heading(text: &str) -> Styled {
    (None, text.to_owned(), Role::Heading)
}

/// What changes and what does not.
fn changes(app: &App, dialog: &Dialog, lines: &mut Vec<Styled>) {
    match (&dialog.subject, &dialog.preview) {
        (Subject::Flag(change), _) => flag::preview(app, dialog, change, lines),
        (Subject::Override(_) | Subject::ChangeOverride { .. } | Subject::Decide { .. }, _) => {
            consent::lines(app, dialog, lines);
        }
        (Subject::Action { .. }, PreviewState::Asking | PreviewState::None | PreviewState::Flag(_)) => {
            lines.push((None, "asking what it would do".to_owned(), Role::Muted));
        }
        (Subject::Action { .. }, PreviewState::Failed(error)) => {
            lines.push((Some(Mark::NoData), format!("NO PREVIEW: {error}"), Role::NoData));
            if !dialog.widens() {
                lines.push((None, "it can be sent all the same".to_owned(), Role::Normal));
            }
        }
        (Subject::Action { .. }, PreviewState::Ready(reply)) => {
            lines.push(heading("What changes"));
            if reply.effect.changes.is_empty() {
                lines.push((None, format!("  {}", reply.effect.summary), Role::Normal));
            }
            lines.extend(reply.effect.changes.iter().map(|text| (None, format!("  {text}"), Role::Normal)));
            if !reply.effect.unchanged.is_empty() {
                lines.push(heading("What does not change"));
                lines.extend(reply.effect.unchanged.iter().map(|text| (None, format!("  {text}"), Role::Normal)));
            }
        }
        (Subject::AddWindow, _) => {
            lines.push(heading("What changes"));
            lines.push((
                None,
                "  in its scope no rollout starts, is promoted, resumed or retried".to_owned(),
                Role::Normal,
            ));
            lines.push((None, "  units that were not told yet are held".to_owned(), Role::Normal));
            lines.push(heading("What does not change"));
            lines.push((None, "  pause and rollback stay open; what runs goes on running".to_owned(), Role::Normal));
        }
        (Subject::LiftWindow(window), _) => {
            lines.push(heading("What changes"));
            lines.push((
                None,
                format!("  {} is open again for start, promote, resume and retry", window.scope),
                Role::Normal,
            ));
            lines.push((None, format!("  it was frozen by {}: {}", window.created_by, window.reason), Role::Normal));
        }
    }
}

/// What was looked at before it is sent: by the backend, and of what is shown here.
fn checks(app: &App, dialog: &Dialog) -> Vec<Styled> {
    let mut checks: Vec<Styled> = Vec::new();
    if let PreviewState::Ready(reply) = &dialog.preview {
        checks.extend(reply.effect.checks.iter().map(|check| {
            let mark = words::check_mark(check.state);
            (Some(mark), check.text.as_str().to_owned(), mark.role())
        }));
    }
    if let (Subject::Action { .. }, Some(id)) = (&dialog.subject, dialog.rollout())
        && let Some(rollout) = app.rollout(id)
    {
        let now = app.server_now();
        let stale = app.is_stale(&rollout) || app.is_cut_off(&rollout);
        let link_ok = app.link.is_live(app.now.elapsed);
        let whose = if rollout.workload.is_some() { "cluster was" } else { "units were" };
        let heard =
            app.heard(&rollout).map_or_else(|| "never".to_owned(), |at| format!("{} ago", age::coarse(now, at)));
        let (mark, text) = if !link_ok {
            (Mark::Stale, "the backend does not answer: what is shown is old".to_owned())
        } else if stale {
            (Mark::Stale, format!("STALE: its {whose} last heard of {heard}"))
        } else {
            (Mark::Passed, "what is shown is fresh".to_owned())
        };
        checks.push((Some(mark), text, mark.role()));
    }
    if app.is_protected() {
        let (mark, text) = match (dialog.widens(), app.is_armed()) {
            (false, _) => (Mark::Passed, "protected context: this needs no arming"),
            (true, true) => (Mark::Passed, "protected context: armed"),
            (true, false) => (Mark::Frozen, "protected context: LOCKED, A outside this dialog arms it"),
        };
        checks.push((Some(mark), text.to_owned(), mark.role()));
    }
    checks
}

fn draw_preview(app: &App, dialog: &Dialog, lines: &[Styled], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let indent = 10;
    let most = if area.height > 14 { TWIN_ROWS } else { 1 };
    let columns = usize::from(area.width).saturating_sub(indent + 1);
    let twin = fit::wrap(&twin(app, dialog), columns, most, fit::ellipsis(theme));
    let twin_rows = if area.height > 4 { twin.len() as u16 } else { 0 };
    let room = usize::from(area.height.saturating_sub(twin_rows));
    let last = lines.len().saturating_sub(room);
    let top = dialog.scroll.min(last);
    for (y, (mark, text, role)) in lines.iter().skip(top).take(room).enumerate() {
        let mut row = Row::new(theme, area.width).text(" ", Role::Normal);
        if let Some(mark) = mark {
            row = row.mark(*mark);
        }
        let below = lines.len() - top - y - 1;
        if y + 1 == room && below > 0 {
            row = row.text(&format!("more below ({}): pgdn on a button shows it", below + 1), Role::Notice);
        } else {
            row = row.text(text, *role);
        }
        row.draw(area, y as u16, buffer);
    }
    for (line, text) in twin.iter().take(usize::from(twin_rows)).enumerate() {
        let y = area.height - twin_rows + line as u16;
        let label = if line == 0 { " same as:" } else { "" };
        Row::new(theme, area.width).text(label, Role::Muted).to(indent).text(text, Role::Normal).draw(area, y, buffer);
    }
}

/// Revisions to choose from, around the chosen one.
fn revisions(app: &App, dialog: &Dialog) -> Vec<Styled> {
    let all = dialog.revisions();
    let at = all.iter().position(|revision| Some(revision.number) == dialog.to);
    let from = at.unwrap_or(0).saturating_sub(REVISIONS / 2).min(all.len().saturating_sub(REVISIONS));
    let heading = format!("Revisions to go back to: {} (left and right choose)", all.len());
    let mut lines = vec![(None, heading, Role::Heading)];
    for (index, revision) in all.iter().enumerate().skip(from).take(REVISIONS) {
        let (sign, role) = if Some(index) == at { ("> ", Role::Strong) } else { ("  ", Role::Normal) };
        lines.push((None, format!("{sign}{}", described(app, revision)), role));
    }
    lines
}

/// A revision in a line: its number, its images, what it is now and how old it is.
fn described(app: &App, revision: &RevisionView) -> String {
    let roles: Vec<&str> = revision.roles.iter().map(crate::domain::SafeText::as_str).collect();
    let roles = if roles.is_empty() { String::new() } else { format!(", {}", roles.join(" and ")) };
    let made =
        revision.created_at.map_or_else(String::new, |at| format!(", made {} ago", age::coarse(app.server_now(), at)));
    format!("{}  {}{roles}{made}", revision.number, workload::images(&revision.images))
}

/// Where a rollback goes, in words.
fn goes_back_to(app: &App, dialog: &Dialog, phase: Phase) -> String {
    let chosen = dialog.to.and_then(|number| dialog.revisions().iter().find(|revision| revision.number == number));
    match (dialog.to, chosen, dialog.revisions().first()) {
        (Some(_), Some(revision), _) => described(app, revision),
        (Some(number), None, _) => format!("{number}"),
        (None, _, Some(previous)) if phase == Phase::Completed => format!("the previous: {}", described(app, previous)),
        (None, ..) => "the stable version, this candidate is given up".to_owned(),
    }
}

fn wrapped(line: Styled, width: u16, theme: &Theme) -> Vec<Styled> {
    let (mark, text, role) = line;
    let lead = text.len() - text.trim_start().len();
    let indent = " ".repeat(lead);
    let columns = usize::from(width).saturating_sub(3 + lead + if mark.is_some() { 2 } else { 0 });
    let mut out: Vec<Styled> = fit::wrap(&text, columns.max(10), 3, fit::ellipsis(theme))
        .into_iter()
        .enumerate()
        .map(|(at, part)| match (mark, at) {
            (Some(mark), 0) => (Some(mark), part, role),
            (Some(_), _) => (None, format!("  {part}"), role),
            (None, _) => (None, format!("{indent}{part}"), role),
        })
        .collect();
    if out.is_empty() {
        out.push((mark, String::new(), role));
    }
    out
}

fn refusal(app: &App, error: &BackendError, lines: &mut Vec<Styled>) {
    lines.push((Some(Mark::Fail), format!("REFUSED, nothing was changed: {error}"), Role::Error));
    if let BackendError::Problem(problem) = error {
        for blocker in &problem.blockers {
            let (mark, word) = words::blocker(blocker.kind);
            lines.push((Some(mark), format!("{word}  {}", blocker.summary), mark.role()));
        }
        if let Some(at) = problem.next_transition {
            lines.push((None, format!("  a window begins or ends at {}", app.day_clock(at)), Role::Normal));
        }
        if let Some(changed) = &problem.changed {
            lines.push((None, format!("  changed: {changed}"), Role::Normal));
        }
        if let Some(seq) = problem.audit {
            lines.push((None, format!("  audit #{seq} has the refusal"), Role::Muted));
        }
    }
}

/// Quotes a text for a shell.
pub(in crate::tui) fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The command line that does the same.
pub(in crate::tui) fn twin(app: &App, dialog: &Dialog) -> String {
    let mut words: Vec<String> = vec!["rolldeck".to_owned()];
    let reason = match dialog.reason.text().trim() {
        "" => "TEXT".to_owned(),
        text => quoted(text),
    };
    match &dialog.subject {
        Subject::Action { action, pinned } => {
            let (verb, full) = match action.verb() {
                "promote_full" => ("promote", true),
                verb => (verb, false),
            };
            words.extend([verb.to_owned(), pinned.id.to_string()]);
            if full {
                words.push("--full".to_owned());
            }
            if let Some(to) = dialog.rollback_to() {
                words.extend(["--to".to_owned(), to.to_string()]);
            }
            if let Some(id) = &dialog.overriding {
                words.extend(["--override".to_owned(), quoted(id.as_str())]);
            }
            if action.widens() {
                words.extend(["--if-revision".to_owned(), quoted(&pinned.revision.to_string())]);
            }
        }
        Subject::AddWindow => {
            words.extend(["window", "add", "--scope"].map(str::to_owned));
            words.push(quoted(dialog.scope.text().trim()));
            for (flag, field) in [("--from", &dialog.from), ("--until", &dialog.until)] {
                if let Ok(at) = crate::tui::app::when::instant(field.text(), app.server_now(), app.zone()) {
                    words.extend([flag.to_owned(), at.format("%Y-%m-%dT%H:%M:%SZ").to_string()]);
                }
            }
        }
        Subject::LiftWindow(window) => {
            words.extend(["window".to_owned(), "lift".to_owned(), window.id.as_str().to_owned()]);
        }
        Subject::Flag(change) => words.extend(flag::twin(dialog, change)),
        Subject::Override(_) | Subject::ChangeOverride { .. } | Subject::Decide { .. } => {
            consent::twin(app, dialog, &mut words);
        }
    }
    words.extend(app.reached_by().iter().map(|word| quoted(word)));
    if let Some(ticket) = dialog.checked_ticket() {
        words.extend(["--ticket".to_owned(), quoted(&ticket)]);
    }
    words.extend(["--reason".to_owned(), reason]);
    crate::domain::SafeText::new(words.join(" ")).as_str().to_owned()
}

/// Paints a named field; says where the cursor is when it has the keys.
fn put(theme: &Theme, at: Rect, name: &str, field: &Field, focused: bool, buffer: &mut Buffer) -> Option<Position> {
    // The focus is told by a sign as well as by its style.
    let sign = if focused { ">" } else { " " };
    Row::new(theme, at.width).text(sign, Role::Normal).cell(name, 24, Role::Muted).draw(at, 0, buffer);
    let room = Rect { x: at.x + 26, width: at.width.saturating_sub(28), ..at };
    field::draw(field, focused, theme, room, buffer)
}

fn line_at(area: Rect, y: u16) -> Rect {
    Rect { y: area.y + y, height: 1, ..area }
}

fn draw_form(app: &App, dialog: &Dialog, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let mut y = 0;
    let mut cursor = None;
    let (rows, place) = consent::form(dialog, theme, area, buffer);
    y += rows;
    let of_override = place;
    let mut put = |name: &str, which: Focus, field: &Field, y: u16, buffer: &mut Buffer| {
        let at = line_at(area, y);
        app.note(at, Spot::Focus(which));
        let focused = dialog.focus == which && dialog.is_editing();
        if let Some(place) = put(theme, at, name, field, focused, buffer) {
            cursor = Some(place);
        }
    };
    if matches!(dialog.subject, Subject::AddWindow) {
        put("Scope", Focus::Scope, &dialog.scope, y, buffer);
        put("From (empty: now)", Focus::From, &dialog.from, y + 1, buffer);
        put("Until (empty: open end)", Focus::Until, &dialog.until, y + 2, buffer);
        y += 3;
    }
    if matches!(&dialog.subject, Subject::Flag(change) if change.verb == Verb::Widen) {
        put("Share of sites, percent", Focus::Share, &dialog.share, y, buffer);
        y += 1;
    }
    let mut choice = None;
    if let (Subject::Action { pinned, .. }, false) = (&dialog.subject, dialog.revisions().is_empty()) {
        app.note_line(area, y, Spot::Focus(Focus::To));
        choice = draw_back_to(app, dialog, pinned.phase, theme, line_at(area, y), buffer);
        y += 1;
    }
    put("Ticket (may be empty)", Focus::Ticket, &dialog.ticket, y, buffer);
    cursor = choice.or(of_override).or(cursor);
    y += 1;
    let reason = Rect { y: area.y + y, height: 2, ..area };
    cursor = draw_reason(app, dialog, theme, reason, buffer).or(cursor);
    y += 3;
    if !dialog.blocking().is_empty() {
        cursor = draw_override(app, dialog, theme, line_at(area, y - 1), buffer).or(cursor);
        y += 1;
    }
    cursor = draw_buttons(app, dialog, theme, line_at(area, y), buffer).or(cursor);
    // The smallest screens have no row for the keys inside of the border.
    let keys = line_at(area, (y + 2).max(area.height.saturating_sub(1))).intersection(area);
    let room = usize::from(keys.y.saturating_sub(area.y + y + 1)).max(1);
    let (lines, role) = said(app, dialog, theme, area.width, room);
    for (below, text) in lines.iter().enumerate() {
        let row = Row::new(theme, area.width).text(" ", Role::Normal).text(text, role);
        row.draw(line_at(area, y + 1 + below as u16), 0, buffer);
    }
    Row::new(theme, area.width)
        .text(" only the button sends: a paste does not; enter moves on", Role::Muted)
        .draw(keys, 0, buffer);
    cursor
}

/// Which revision it goes back to.
fn draw_back_to(
    app: &App,
    dialog: &Dialog,
    phase: Phase,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let focused = dialog.focus == Focus::To && dialog.is_editing();
    // The focus is told by signs as well as by its style.
    let text = goes_back_to(app, dialog, phase);
    let (text, role) = if focused { (format!("< {text} >"), Role::FieldFocused) } else { (text, Role::Normal) };
    Row::new(theme, area.width)
        .text(" ", Role::Normal)
        .cell("Back to", 24, Role::Muted)
        .text(&text, role)
        .draw(area, 0, buffer);
    focused.then_some(Position { x: area.x + 26, y: area.y })
}

/// The reason, below how long it is and has to be.
fn draw_reason(app: &App, dialog: &Dialog, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let count = dialog.reason.text().trim().chars().count();
    let short = dialog.checked_reason().is_err() && count > 0;
    let least = if matches!(dialog.subject, Subject::Override(_)) { asking::REASON_MIN } else { REASON_MIN };
    let counter = format!("{count} / {REASON_MAX}");
    let label = format!(" Reason (required, {least} or more; kept in the audit trail)");
    // How much is written, and how much may be, is not cut for where it is kept.
    let roomy = label.len() + counter.len() + 3 <= usize::from(area.width);
    let label = if roomy { label } else { format!(" Reason (required, {least} or more)") };
    Row::new(theme, area.width)
        .text(&label, Role::Muted)
        .to(usize::from(area.width).saturating_sub(counter.len() + 2))
        .text(&counter, if short { Role::NeedsPerson } else { Role::Normal })
        .draw(line_at(area, 0), 0, buffer);
    let at = Rect { x: area.x + 3, width: area.width.saturating_sub(5), ..line_at(area, 1) };
    app.note(at, Spot::Focus(Focus::Reason));
    let focused = dialog.focus == Focus::Reason && dialog.is_editing();
    let sign = if focused { ">" } else { " " };
    Row::new(theme, 2).text(sign, Role::Normal).draw(Rect { x: area.x + 1, width: 2, ..at }, 0, buffer);
    field::draw(&dialog.reason, focused, theme, at, buffer)
}

/// The button that asks for an override of what blocks.
fn draw_override(app: &App, dialog: &Dialog, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    app.note(area, Spot::Focus(Focus::Override));
    let focused = dialog.focus == Focus::Override;
    let words = consent::offered(app, dialog);
    let text = if focused { format!("[> {words} <]") } else { format!("[  {words}  ]") };
    let style = theme.style(Role::ButtonDanger);
    let style = if focused { style.patch(theme.style(Role::ButtonFocused)) } else { style };
    Row::new(theme, area.width).gap(3).styled(&text, style).draw(area, 0, buffer);
    focused.then_some(Position { x: area.x + 4, y: area.y })
}

fn draw_buttons(app: &App, dialog: &Dialog, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let locked = dialog.is_editing() && app.commit_lock().is_some();
    let waiting = matches!(dialog.stage, Stage::Counting { .. } | Stage::Sending { .. });
    let keep = match dialog.stage {
        Stage::Counting { .. } => "Stop it",
        Stage::Sending { .. } | Stage::Unconfirmed { .. } => "Close this dialog",
        Stage::Editing => "Keep it as it is",
    };
    let keep_focused = dialog.focus == Focus::Keep;
    let commit_focused = dialog.focus == Focus::Commit;
    // The focused button is told by signs as well as by its style.
    let button = |text: &str, focused: bool| if focused { format!("[> {text} <]") } else { format!("[  {text}  ]") };
    let over = |style: ratatui::style::Style, focused: bool| {
        if focused { style.patch(theme.style(Role::ButtonFocused)) } else { style }
    };
    let commit_role = if locked || waiting { Role::ButtonLocked } else { Role::ButtonDanger };
    let room = usize::from(area.width).saturating_sub(keep.len() + 17);
    let words = fit::fit(&commit_words(dialog), room.saturating_sub(8), fit::ellipsis(theme));
    let left = button(keep, keep_focused);
    let right = button(&words, commit_focused);
    let x_right = 3 + left.len() + 3;
    let row = Row::new(theme, area.width)
        .gap(3)
        .styled(&left, over(theme.style(Role::ButtonSafe), keep_focused))
        .gap(3)
        .styled(&right, over(theme.style(commit_role), commit_focused));
    let row = if locked { row.text(" locked", Role::Muted) } else { row };
    row.draw(area, 0, buffer);
    let button_at = |x: usize, text: &str| Rect {
        x: area.x + (x as u16).min(area.width),
        width: (fit::width(text) as u16).min(area.width.saturating_sub(x as u16)),
        height: 1,
        ..area
    };
    app.note(button_at(3, &left), Spot::Focus(Focus::Keep));
    app.note(button_at(x_right, &right), Spot::Focus(Focus::Commit));
    match dialog.focus {
        Focus::Keep => Some(Position { x: area.x + 4, y: area.y }),
        Focus::Commit => Some(Position { x: area.x + x_right as u16 + 1, y: area.y }),
        _ => None,
    }
}

/// What is said below the buttons, in at most so many lines.
fn said(app: &App, dialog: &Dialog, theme: &Theme, width: u16, lines: usize) -> (Vec<String>, Role) {
    let (text, role) = status(app, dialog);
    (fit::wrap(&text, usize::from(width).saturating_sub(2), lines, fit::ellipsis(theme)), role)
}

/// The line below the buttons: what is missing, or what is under way.
fn status(app: &App, dialog: &Dialog) -> (String, Role) {
    match &dialog.stage {
        Stage::Editing => match app.commit_lock() {
            Some(why) => (format!("needs: {why}"), Role::Notice),
            None if dialog.moved.is_some() && dialog.widens() => {
                ("it changed: the button looks again first".to_owned(), Role::NeedsPerson)
            }
            None if dialog.widens() => {
                ("sent 3 s after the button is pressed; esc stops it until then".to_owned(), Role::Normal)
            }
            None => ("sent at once when the button is pressed".to_owned(), Role::Normal),
        },
        Stage::Counting { at } => {
            let left = chrono::TimeDelta::from_std(at.saturating_sub(app.now.elapsed)).unwrap_or_default();
            (format!("SENDING in {}, esc stops it", age::left(left)), Role::NeedsPerson)
        }
        Stage::Sending { again: 0, .. } => ("sent; waiting for the answer".to_owned(), Role::Normal),
        Stage::Sending { again, .. } => (
            format!(
                "no answer yet: asked again {} with the same key, so that it cannot be done twice",
                if *again == 1 { "once".to_owned() } else { format!("{again} times") }
            ),
            Role::NeedsPerson,
        ),
        Stage::Unconfirmed { why } => {
            (format!("UNCONFIRMED, it may have been done or not: {why}. Asking again uses the same key"), Role::Error)
        }
    }
}
