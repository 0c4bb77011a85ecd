//! What waits for a second person: what, where, by whom and why, with what the asker saw, and whether it
//! is the caller's to decide.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::words;
use crate::{
    backend::ApprovalView,
    domain::{ApprovalState, SafeText},
    tui::{
        app::{App, age, layout, rollouts::scroll, spots::Spot},
        theme::{Mark, Role, Theme},
        widget::{
            fit,
            row::{Row, titled},
        },
    },
};

/// Columns of a place beside a reason.
const PLACE: usize = 28;
/// Columns below which a reason says too little to be begun.
const REASON: usize = 16;

/// A line of the record: a mark, a name, a text.
pub(super) type Said = (Option<Mark>, &'static str, String, Role);

/// The mark and the word of an approval at this moment.
fn state(app: &App, view: &ApprovalView) -> (Mark, &'static str) {
    match view.approval.state(app.server_now()) {
        ApprovalState::Waiting if view.yours == Some(true) => (Mark::NeedsPerson, "FOR YOU"),
        ApprovalState::Waiting => (Mark::Waiting, "waiting"),
        ApprovalState::Approved if failed(view) => (Mark::Fail, "FAILED"),
        ApprovalState::Approved => (Mark::Passed, "approved"),
        ApprovalState::Rejected => (Mark::RolledBack, "rejected"),
        ApprovalState::Withdrawn => (Mark::RolledBack, "withdrawn"),
        ApprovalState::Expired => (Mark::NoData, "EXPIRED"),
    }
}

fn failed(view: &ApprovalView) -> bool {
    view.approval.decision.as_ref().is_some_and(|decision| decision.failed.is_some())
}

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (table, record) = layout::table_and_record(body, body.height * 3 / 5);
    let approvals = &app.approvals;
    let now = app.server_now();
    let (text, role) = match (&approvals.error, approvals.is_loaded()) {
        (Some(error), _) => (format!(" not to be had: {error}"), Role::Error),
        (None, false) => (" asking what waits for a second person".to_owned(), Role::Strong),
        (None, true) if approvals.all().is_empty() => {
            (" nothing waits for a second person, and nothing ever did".to_owned(), Role::Strong)
        }
        (None, true) => (
            format!(
                " {} wait for you, {} in all wait   an approval is done at once, on the revision that it was asked for",
                approvals.yours(now),
                approvals.waiting(now).count()
            ),
            Role::Strong,
        ),
    };
    Row::new(theme, table.width).text(&text, role).draw(table, 0, buffer);
    // Without room for reasons, which its record has, a place has what they would have.
    let room = usize::from(table.width).saturating_sub(58);
    let place_columns = if room > PLACE + REASON { PLACE } else { room.max(14) };
    let head = Row::new(theme, table.width)
        .gap(3)
        .cell("STATE", 9, Role::Heading)
        .cell("ID", 10, Role::Heading)
        .cell("WHAT", 14, Role::Heading)
        .cell("WHERE", place_columns, Role::Heading)
        .cell("ASKED BY", 10, Role::Heading)
        .right("LEFT", 6, Role::Heading);
    let has_reasons = head.left() >= REASON;
    if has_reasons { head.text("WHY", Role::Heading) } else { head }.draw(table, 2, buffer);
    let rows = Rect { y: table.y + 3, height: table.height.saturating_sub(3), ..table };
    let height = usize::from(rows.height);
    let top = scroll(
        approvals.list.cursor().saturating_sub(height / 2),
        approvals.list.cursor(),
        height,
        approvals.list.len(),
    );
    let mut cursor = None;
    for (y, view) in (top..top + height).map_while(|row| approvals.at(row)).enumerate() {
        let selected = approvals.list.cursor() == top + y;
        app.note_line(rows, y as u16, Spot::Row(top + y));
        let (mark, word) = state(app, view);
        let approval = &view.approval;
        let left = match approval.state(now) {
            ApprovalState::Waiting => age::coarse_left(now, approval.expires_at),
            _ => "-".to_owned(),
        };
        let found = |column, text: &str| approvals.list.filter().found(column, text);
        let (what, by, place) =
            (approval.action.as_str(), approval.requested_by.id.as_str(), approval.subject.to_string());
        let row = Row::new(theme, rows.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .mark(mark)
            .cell(word, 9, mark.role())
            .found(approval.id.as_str(), 10, Role::Muted, &found("id", approval.id.as_str()))
            .found(what, 14, Role::Strong, &found("what", what))
            .found(&place, place_columns, Role::Strong, &found("where", &place))
            .found(by, 10, Role::Normal, &found("by", by))
            .right(&left, 6, Role::Normal);
        let row = if has_reasons {
            let room = row.left();
            row.found(approval.reason.as_str(), room, Role::Normal, &found("reason", approval.reason.as_str()))
        } else {
            row
        };
        if selected {
            cursor = row.draw_selected(rows, y as u16, buffer);
        } else {
            row.draw(rows, y as u16, buffer);
        }
    }
    if let Some(view) = approvals.selected().filter(|_| record.height > 1) {
        draw_record(app, view, theme, record, buffer);
    }
    cursor
}

/// All that is known of an approval: what it does and what was seen, as the asker saw it.
pub(super) fn lines(app: &App, view: &ApprovalView) -> Vec<Said> {
    let approval = &view.approval;
    let mut out: Vec<Said> = Vec::new();
    let now = app.server_now();
    match (approval.state(now), view.yours, &view.why_not) {
        (ApprovalState::Waiting, Some(true), _) => out.push((
            Some(Mark::NeedsPerson),
            "you",
            format!(
                "may decide it until {} ({} left)",
                app.day_clock(approval.expires_at),
                age::coarse_left(now, approval.expires_at)
            ),
            Role::NeedsPerson,
        )),
        (ApprovalState::Waiting, _, why) => {
            let why = why.as_ref().map_or("the server did not say why", SafeText::as_str);
            out.push((Some(Mark::Waiting), "you", format!("may not: {why}"), Role::Normal));
        }
        _ => {}
    }
    if let Some(decision) = &approval.decision {
        let word = match decision.state {
            ApprovalState::Approved => "approved",
            ApprovalState::Rejected => "rejected",
            ApprovalState::Withdrawn => "taken back",
            ApprovalState::Waiting | ApprovalState::Expired => "decided",
        };
        out.push((
            None,
            "decided",
            format!("{word} by {} at {}: {}", decision.by, app.day_clock(decision.at), decision.reason),
            Role::Normal,
        ));
        if let Some(failed) = &decision.failed {
            out.push((Some(Mark::Fail), "NOT DONE", failed.as_str().to_owned(), Role::Fail));
        }
    }
    let ticket = approval.ticket.as_ref().map_or_else(String::new, |ticket| format!("  ticket {ticket}"));
    let role = approval.requested_by.role.map_or_else(String::new, |role| format!(" ({})", role.as_str()));
    out.push((
        None,
        "asked",
        format!(
            "by {}{role} at {}, audit #{}{ticket}",
            approval.requested_by.id,
            app.day_clock(approval.requested_at),
            approval.intent
        ),
        Role::Normal,
    ));
    out.push((None, "why", approval.reason.as_str().to_owned(), Role::Strong));
    if let Some(revision) = &approval.revision {
        let id = approval.subject.to_string().parse::<crate::domain::RolloutId>().ok();
        let present = id.and_then(|id| app.rollouts.get(&id)).map(|row| row.rollout.revision.clone());
        match present.filter(|present| present != revision) {
            Some(present) if approval.decision.is_none() => out.push((
                Some(Mark::NeedsPerson),
                "revision",
                format!("asked for on {revision}, and it is {present} by now: it will be refused"),
                Role::NeedsPerson,
            )),
            _ => out.push((None, "revision", revision.to_string(), Role::Normal)),
        }
    }
    let preview = &approval.preview;
    if preview.changes.is_empty() {
        out.push((None, "does", preview.summary.as_str().to_owned(), Role::Normal));
    }
    let texts = |name: &'static str, texts: &[SafeText]| -> Vec<Said> {
        let named = |at: usize| if at == 0 { name } else { "" };
        texts.iter().enumerate().map(|(at, text)| (None, named(at), text.as_str().to_owned(), Role::Normal)).collect()
    };
    out.extend(texts("changes", &preview.changes));
    out.extend(texts("keeps", &preview.unchanged));
    for (at, check) in preview.checks.iter().enumerate() {
        let mark = words::check_mark(check.state);
        out.push((Some(mark), if at == 0 { "checks" } else { "" }, check.text.as_str().to_owned(), mark.role()));
    }
    let saw = approval.saw.as_ref().map_or("nothing was said of it", SafeText::as_str);
    out.push((None, "saw", saw.to_owned(), Role::Normal));
    out
}

fn draw_record(app: &App, view: &ApprovalView, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (mark, word) = state(app, view);
    let approval = &view.approval;
    let title = format!("{} {word}: {} {}", approval.id, approval.action, approval.subject);
    titled(theme, area.width, &title, mark.role()).draw(area, 0, buffer);
    let mut y = 1;
    for (mark, name, text, role) in lines(app, view) {
        let columns = usize::from(area.width).saturating_sub(13);
        for (part, text) in fit::wrap(&text, columns, 2, fit::ellipsis(theme)).iter().enumerate() {
            let row = Row::new(theme, area.width).gap(1).cell(if part == 0 { name } else { "" }, 8, Role::Muted);
            let row = match mark.filter(|_| part == 0) {
                Some(mark) => row.mark(mark),
                None => row.gap(2),
            };
            row.text(text, role).draw(area, y, buffer);
            y += 1;
        }
    }
}
