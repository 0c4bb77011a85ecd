//! What dialogs say of overrides and approvals: what is lifted and what is not, what was asked for and seen.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Styled, heading, put, quoted};
use crate::{
    backend::{ApprovalChange, ApprovalView, OverrideChange, OverrideView},
    domain::{Overridable, OverrideKind, WindowRef},
    tui::{
        app::{
            App, age,
            asking::Asking,
            dialog::{Dialog, Focus, Subject},
            wording,
        },
        theme::{Mark, Role, Theme},
        view::{approvals, overrides},
        widget::row::Row,
    },
};

/// The title.
pub(super) fn title(dialog: &Dialog, context: &str) -> String {
    match &dialog.subject {
        Subject::Override(asking) => format!(
            "OVERRIDE to {} {}  {}  {context}",
            wording::operation(asking.operation),
            asking.pinned.id,
            asking.pinned.candidate
        ),
        Subject::ChangeOverride { change, view } => {
            let verb = match change {
                OverrideChange::Countersign => "COUNTERSIGN",
                OverrideChange::Withdraw => "TAKE BACK",
            };
            format!("{verb} override {}  {context}", view.record.id)
        }
        Subject::Decide { change, view } => {
            let verb = match change {
                ApprovalChange::Approve => "APPROVE",
                ApprovalChange::Reject => "REJECT",
                ApprovalChange::Withdraw => "TAKE BACK",
            };
            format!("{verb} {}: {} {}  {context}", view.approval.id, view.approval.action, view.approval.subject)
        }
        _ => context.to_owned(),
    }
}

/// The words on the button that commits.
pub(super) fn commit_words(dialog: &Dialog) -> String {
    match &dialog.subject {
        Subject::Override(asking) if asking.break_glass => format!("BREAK GLASS for {}", asking.pinned.id.name),
        Subject::Override(asking) => {
            let windows: Vec<&str> = asking.windows.iter().map(|freeze| freeze.window.as_str()).collect();
            format!("Ask for override of {}", windows.join(", "))
        }
        Subject::ChangeOverride { change: OverrideChange::Countersign, view } => {
            format!("Countersign {}", view.record.id)
        }
        Subject::ChangeOverride { change: OverrideChange::Withdraw, view } => format!("Take back {}", view.record.id),
        Subject::Decide { change, view } => {
            let verb = match change {
                ApprovalChange::Approve => "Approve",
                ApprovalChange::Reject => "Reject",
                ApprovalChange::Withdraw => "Take back",
            };
            format!("{verb} {} {}", view.approval.action, view.approval.subject)
        }
        _ => String::new(),
    }
}

/// What the change does.
pub(super) fn lines(app: &App, dialog: &Dialog, lines: &mut Vec<Styled>) {
    match &dialog.subject {
        Subject::Override(asking) => asks(app, asking, lines),
        Subject::ChangeOverride { change, view } => alters(app, *change, view, lines),
        Subject::Decide { change, view } => decides(app, *change, view, lines),
        _ => {}
    }
}

fn plain(text: impl Into<String>) -> Styled {
    (None, text.into(), Role::Normal)
}

fn asks(app: &App, asking: &Asking, lines: &mut Vec<Styled>) {
    lines.push(heading("What it lifts"));
    for freeze in &asking.windows {
        let until = freeze.until.map_or_else(|| "until lifted".to_owned(), |at| format!("until {}", app.day_clock(at)));
        lines.push(plain(format!(
            "  {} at revision {}, over {}, {until}: {}, {}",
            freeze.window, freeze.revision, freeze.scope, freeze.reason, freeze.by
        )));
    }
    let now = app.server_now();
    let until = asking.expires_at(now, app.zone()).map_or_else(|why| why, |at| app.day_clock(at));
    let uses = asking.uses_max().unwrap_or(1);
    let times = if uses == 1 { "once".to_owned() } else { format!("{uses} times") };
    lines.push(plain(format!(
        "  for {} of {}, candidate {}, {times}, until {until}",
        wording::operation(asking.operation),
        asking.pinned.id,
        asking.pinned.candidate
    )));
    lines.push(heading("Who agrees"));
    match (asking.break_glass, wording::who_can(&asking.windows, |at| app.day_clock(at))) {
        (_, Err(why)) => lines.push((Some(Mark::Fail), why, Role::Fail)),
        (true, Ok(_)) => lines.push((
            Some(Mark::Fail),
            "BREAK-GLASS: it counts at once and nobody agrees first; it stands in red for everybody, as an open item in \
             the audit trail, until somebody else countersigns"
                .to_owned(),
            Role::Fail,
        )),
        (false, Ok(who)) => {
            let then = match asking.people() {
                Overridable::TwoPerson => "; it waits for the second one",
                _ => "; it counts at once, unless this server demands a second person",
            };
            lines.push(plain(format!("  {who}{then}")));
        }
    }
    lines.push(heading("What it does not lift"));
    lines.push(plain("  any other window, also one that begins or is changed later; gates, budgets, approvals, roles"));
    lines.push(plain("  another rollout, or another candidate of this one"));
}

fn alters(app: &App, change: OverrideChange, view: &OverrideView, lines: &mut Vec<Styled>) {
    lines.push(heading("What changes"));
    lines.push(plain(match change {
        OverrideChange::Countersign => {
            "  your name stands beside the one who took it without waiting; it is no open item any more"
        }
        OverrideChange::Withdraw if view.record.uses.is_empty() => "  it cannot be used any more",
        OverrideChange::Withdraw => {
            "  it cannot be used any more; what it let through and was not told yet is held again"
        }
    }));
    if change == OverrideChange::Countersign {
        lines.push(heading("What does not change"));
        lines.push(plain("  what it let through stays; taking it back is another thing"));
    }
    lines.push(heading("The override"));
    lines.extend(
        overrides::lines(app, view).into_iter().map(|(name, text, role)| (None, format!("  {name}: {text}"), role)),
    );
}

fn decides(app: &App, change: ApprovalChange, view: &ApprovalView, lines: &mut Vec<Styled>) {
    let by = &view.approval.requested_by.id;
    lines.push(heading("What changes"));
    lines.push(plain(match change {
        ApprovalChange::Approve => {
            format!("  it is done now, as {by} asked for it, if {by} may still do it and nothing moved")
        }
        ApprovalChange::Reject => format!("  it is not done; {by} sees that you refused it, and why"),
        ApprovalChange::Withdraw => "  it is not done, and waits for nobody".to_owned(),
    }));
    lines.push(heading("What was asked for, as the asker saw it"));
    for (mark, name, text, role) in approvals::lines(app, view) {
        let name = if name.is_empty() { "  ".to_owned() } else { format!("  {name}: ") };
        // A mark stands before the line, and takes the place of its indent.
        let text = if mark.is_some() { format!("{}{text}", name.trim_start()) } else { format!("{name}{text}") };
        lines.push((mark, text, role));
    }
}

/// What of an action's preview is about an override: that one is used, is waited for, or could be asked for.
pub(super) fn exception(app: &App, dialog: &Dialog, lines: &mut Vec<Styled>) {
    if let Some(id) = &dialog.overriding {
        let left = app.overrides.get(id.as_str()).map_or_else(String::new, |view| {
            let left = age::coarse_left(app.server_now(), view.record.expires_at);
            format!(", {} of {} uses left, for {left}", view.record.uses_left(), view.record.uses_max)
        });
        let text = format!("with override {id}{left}: sending it consumes one use");
        lines.push((Some(Mark::NeedsPerson), text, Role::NeedsPerson));
    }
    if let Some(id) = &dialog.awaiting {
        let by = app.overrides.get(id.as_str()).and_then(|view| view.approval.as_ref());
        let by = by.map_or_else(String::new, |id| format!(" as {id}"));
        let text =
            format!("override {id} WAITS for a second person{by} (:approvals); this goes on when it is agreed to");
        lines.push((Some(Mark::NeedsPerson), text, Role::NeedsPerson));
        return;
    }
    let blocking = dialog.blocking();
    for freeze in blocking {
        let until = freeze.until.map_or_else(|| "until lifted".to_owned(), |at| format!("until {}", app.day_clock(at)));
        let word = if freeze.effect.is_deny() { "HELD by" } else { "HELD outside of" };
        let text = format!("{word} {} {until}: {}, {}", freeze.window, freeze.reason, freeze.by);
        lines.push((Some(Mark::Frozen), text, Role::Frozen));
    }
    if blocking.is_empty() {
        return;
    }
    let (mark, text) = match wording::who_can(blocking, |at| app.day_clock(at)) {
        Ok(who) => (Mark::NeedsPerson, format!("{} (o on a button): {who}", offered(app, dialog))),
        Err(why) => (Mark::Fail, why),
    };
    lines.push((Some(mark), text, mark.role()));
}

/// The words on the button that goes on to an override.
pub(super) fn offered(app: &App, dialog: &Dialog) -> String {
    if let Subject::Action { action, pinned } = &dialog.subject
        && let Some(operation) = crate::domain::Operation::of(*action)
        && let Some(view) = app.overrides.fitting(dialog.blocking(), operation, &pinned.id, app.server_now())
    {
        return format!("Use override {}", view.record.id);
    }
    "Ask for an override".to_owned()
}

/// The command line that does the same.
pub(super) fn twin(app: &App, dialog: &Dialog, words: &mut Vec<String>) {
    match &dialog.subject {
        Subject::Override(asking) => {
            words.extend(["override", "ask"].map(str::to_owned));
            words.push(asking.pinned.id.to_string());
            for freeze in &asking.windows {
                words.extend(["--window".to_owned(), WindowRef::from(freeze).to_string()]);
            }
            words.extend(["--action".to_owned(), asking.operation.as_str().to_owned()]);
            words.extend(["--kind".to_owned(), kind(asking.kind).0.to_owned()]);
            if let Ok(at) = asking.expires_at(app.server_now(), app.zone()) {
                words.extend(["--expires".to_owned(), at.format("%Y-%m-%dT%H:%M:%SZ").to_string()]);
            }
            words.extend(["--uses".to_owned(), asking.uses_max().unwrap_or(1).to_string()]);
            if asking.break_glass {
                words.push("--break-glass".to_owned());
            }
        }
        Subject::ChangeOverride { change, view } => {
            words.extend(["override".to_owned(), change.as_str().to_owned(), quoted(view.record.id.as_str())]);
        }
        Subject::Decide { change, view } => {
            words.extend(["approval".to_owned(), change.as_str().to_owned(), quoted(view.approval.id.as_str())]);
        }
        _ => {}
    }
}

/// The word of a kind, and what it means.
const fn kind(kind: OverrideKind) -> (&'static str, &'static str) {
    match kind {
        OverrideKind::Hotfix => ("hotfix", "a correction that cannot wait"),
        OverrideKind::Incident => ("incident", "something is broken now"),
        OverrideKind::Scheduled => ("scheduled", "work that was agreed on"),
    }
}

/// A choice that left and right turn: its focus is told by signs as well as by its style.
fn choice(name: &str, text: &str, focused: bool, theme: &Theme, at: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (text, role) =
        if focused { (format!("< {text} >"), Role::FieldFocused) } else { (text.to_owned(), Role::Normal) };
    Row::new(theme, at.width).text(" ", Role::Normal).cell(name, 24, Role::Muted).text(&text, role).draw(at, 0, buffer);
    focused.then_some(Position { x: at.x + 26, y: at.y })
}

/// Paints the fields of an override; says how many rows they take, and where the cursor is.
pub(super) fn form(dialog: &Dialog, theme: &Theme, area: Rect, buffer: &mut Buffer) -> (u16, Option<Position>) {
    let Subject::Override(asking) = &dialog.subject else { return (0, None) };
    let at = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    let focused = |focus| dialog.focus == focus && dialog.is_editing();
    let (word, means) = kind(asking.kind);
    let kind = choice("Kind", &format!("{word}: {means}"), focused(Focus::Kind), theme, at(0), buffer);
    let expires = put(theme, at(1), "Counts for, or until", &asking.expires, focused(Focus::Expires), buffer);
    let uses = put(theme, at(2), "Uses", &asking.uses, focused(Focus::Uses), buffer);
    let glass = if asking.break_glass {
        "YES: it counts at once, and somebody else must countersign"
    } else {
        "no: whoever has to agree is waited for"
    };
    let glass = choice("Break glass", glass, focused(Focus::BreakGlass), theme, at(3), buffer);
    (4, kind.or(expires).or(uses).or(glass))
}
