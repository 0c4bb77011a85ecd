//! The message row and the row of keys.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    domain::SafeText,
    tui::{
        app::{
            App, Overlay, View,
            detail::Pane,
            line::{Kind, Line},
            lists::thousands,
            notice::Tone,
            spots::Spot,
        },
        intent::Intent,
        theme::{Mark, Role, Theme},
        widget::{field, fit, row::Row},
    },
};

/// Paints the newest message, or what came to be wrong and was not looked at yet; and at its end how the list
/// is filtered and sorted.
pub(super) fn message(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let area = status(app, theme, area, buffer);
    let row = Row::new(theme, area.width).text(" ", Role::Normal);
    if let Some(notice) = &app.notice {
        let (mark, role) = match notice.tone {
            Tone::Done => (Mark::Passed, Role::Success),
            Tone::Note => (Mark::Waiting, Role::Notice),
            Tone::Attention => (Mark::NeedsPerson, Role::NeedsPerson),
            Tone::Failed => (Mark::Fail, Role::Error),
        };
        row.mark(mark).text(notice.text.as_str(), role).draw(area, 0, buffer);
        return;
    }
    if let Some(lasting) = &app.lasting {
        row.mark(Mark::NoData).text(lasting.text.as_str(), Role::NoData).draw(area, 0, buffer);
        return;
    }
    if let Some(unseen) = app.rollouts.unseen.last() {
        let more = match app.rollouts.unseen.len() {
            1 => String::new(),
            n => format!("  and {} more", n - 1),
        };
        row.mark(Mark::NeedsPerson)
            .text(
                &format!("new: {} {} at {}{more}", unseen.id, unseen.class.word(), app.clock(unseen.at)),
                Role::NeedsPerson,
            )
            .text("   ! jumps to it", Role::Hint)
            .draw(area, 0, buffer);
    }
}

/// Paints what there is to say of the list at the end of a row; what is left of the row.
fn status(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Rect {
    let Some(text) = app.list_status() else { return area };
    // A message is read first.
    let text = fit::middle(SafeText::new(text).as_str(), usize::from(area.width / 2), fit::ellipsis(theme));
    let width = (fit::width(&text) as u16 + 1).min(area.width);
    let at = Rect { x: area.x + area.width - width, width, ..area };
    Row::new(theme, width).text(&text, Role::Notice).draw(at, 0, buffer);
    Rect { width: area.width - width, ..area }
}

/// The most useful keys here, never the whole keymap.
fn hints(app: &App) -> Vec<(Intent, &'static str)> {
    use Intent as I;
    match &app.overlay {
        Overlay::Dialog(dialog) if dialog.is_editing() => {
            let mut hints = vec![
                (I::NextPane, "next field"),
                (I::Open, "moves on, or presses the button"),
                (I::Back, "keep as it is"),
            ];
            if !dialog.blocking().is_empty() {
                hints.push((I::AskOverride, "override"));
            }
            hints
        }
        Overlay::Dialog(_) => {
            vec![(I::Back, "stop, or leave it"), (I::NextPane, "other button"), (I::Open, "press")]
        }
        Overlay::Menu { .. } => {
            vec![(I::Open, "open the dialog"), (I::Back, "back")]
        }
        Overlay::Choice(_) => vec![(I::Open, "choose"), (I::Down, "move"), (I::Back, "back")],
        Overlay::Help { .. } => vec![(I::Open, "do it"), (I::Back, "back")],
        Overlay::Raw { .. } | Overlay::Clusters { .. } => {
            vec![(I::Down, "scroll"), (I::PageDown, "page"), (I::Back, "back")]
        }
        Overlay::Leave { .. } => vec![(I::Back, "stay")],
        Overlay::None => match &app.line {
            Some(line) => line_hints(line.kind),
            None => view_hints(app),
        },
    }
}

fn line_hints(kind: Kind) -> Vec<(Intent, &'static str)> {
    use Intent as I;
    match kind {
        Kind::Filter => vec![(I::Open, "keep it"), (I::Back, "as it was"), (I::NextPane, "complete")],
        Kind::Command => {
            vec![(I::Open, "do it"), (I::NextPane, "choose"), (I::HistoryOlder, "before"), (I::Back, "back")]
        }
    }
}

fn view_hints(app: &App) -> Vec<(Intent, &'static str)> {
    use Intent as I;
    match app.view {
        View::Overview => vec![
            (I::Open, "open"),
            (I::ActionMenu, "act"),
            (I::Filter, "filter"),
            (I::CommandLine, "command"),
            (I::HoldDisplay, "hold"),
            (I::Help, "help"),
            (I::Quit, "quit"),
        ],
        View::Detail if app.detail.as_ref().is_some_and(|detail| detail.pane == Pane::Objects) => vec![
            (I::ActionMenu, "act"),
            (I::NextPane, "pane"),
            (I::Open, "fold"),
            (I::Zoom, "zoom"),
            (I::Raw, "raw"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Detail => vec![
            (I::ActionMenu, "act"),
            (I::NextPane, "pane"),
            (I::NextStage, "stage"),
            (I::ChartMode, "chart"),
            (I::Zoom, "zoom"),
            (I::Raw, "raw"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Audit => vec![
            (I::Filter, "filter"),
            (I::VerifyAudit, "verify"),
            (I::Open, "record"),
            (I::TimeZone, "zone"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Windows if app.calendar.pane == crate::tui::app::calendar::Pane::Bars => vec![
            (I::Right, "move"),
            (I::CalendarNow, "now"),
            (I::NextMatch, "conflict"),
            (I::ZoomIn, "zoom"),
            (I::NextPane, "list"),
            (I::ViewOverrides, "overrides"),
            (I::ActionMenu, "add or lift"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Follow => vec![
            (I::Down, "log"),
            (I::ActionMenu, "who may act"),
            (I::Open, "record"),
            (I::Refresh, "refresh"),
            (I::TimeZone, "zone"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Recover => vec![
            (I::Choose1, "to 9 choose"),
            (I::Open, "take the selected"),
            (I::ActionMenu, "act"),
            (I::VerifyAudit, "verify"),
            (I::Help, "help"),
            (I::Back, "one question back"),
        ],
        View::Overrides => vec![
            (I::ActionMenu, "countersign or take back"),
            (I::Open, "record"),
            (I::Refresh, "refresh"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Approvals => vec![
            (I::ActionMenu, "approve, reject, take back"),
            (I::Open, "record"),
            (I::Refresh, "refresh"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Windows => {
            vec![
                (I::NextPane, "calendar"),
                (I::ActionMenu, "add or lift"),
                (I::Open, "record"),
                (I::Refresh, "refresh"),
                (I::Help, "help"),
                (I::Back, "back"),
            ]
        }
        View::Flags => vec![
            (I::ActionMenu, "act"),
            (I::Pivot, "pivot"),
            (I::ChangedOnly, "changed"),
            (I::NextStage, "next site"),
            (I::Filter, "filter"),
            (I::Open, "record"),
            (I::Help, "help"),
            (I::Back, "back"),
        ],
        View::Sites => {
            vec![
                (I::Filter, "filter"),
                (I::Open, "record"),
                (I::Refresh, "refresh"),
                (I::Help, "help"),
                (I::Back, "back"),
            ]
        }
        View::Contexts => vec![(I::Open, "connect"), (I::Back, "back"), (I::Help, "help")],
    }
}

/// Paints the keys.
pub(super) fn keys(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let contexts = app.contexts();
    let mut row = Row::new(theme, area.width).text(" ", Role::Normal);
    let hints: Vec<(Intent, String, &str)> = hints(app)
        .into_iter()
        .filter_map(|(intent, what)| Some((intent, app.keymap.keys_for(intent, &contexts)?, what)))
        .collect();
    let size = |(_, key, what): &(Intent, String, &str)| key.len() + what.len() + 3;
    // What tells of all other keys, or leads out, is the last that a narrow screen leaves out.
    let place = |wanted: Intent| hints.iter().position(|(intent, ..)| *intent == wanted);
    let kept = place(Intent::Help).or_else(|| place(Intent::Back));
    let mut reserved = kept.map_or(0, |at| size(&hints[at]));
    let mut full = false;
    for (at, hint) in hints.iter().enumerate() {
        if Some(at) == kept {
            reserved = 0;
        } else {
            full |= row.left() < size(hint) + reserved;
        }
        let (intent, key, what) = hint;
        if Some(at) == kept || !full {
            if row.left() < size(hint) {
                break;
            }
            let start = usize::from(area.width) - row.left();
            row = row.text(key, Role::Key).text(&format!(" {what}"), Role::Hint);
            let width = usize::from(area.width) - row.left() - start;
            let at = Rect { x: area.x + start as u16, width: width as u16, height: 1, ..area };
            app.note(at, Spot::Hint(*intent));
            row = row.gap(2);
        }
    }
    row.draw(area, 0, buffer);
}

/// Paints the line that is typed; beside a filter is said how many rows it shows.
pub(super) fn line(
    app: &App,
    line: &Line,
    prompt: &str,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let area = if line.kind == Kind::Filter && app.filter().is_some() {
        let (shown, total) = app.shown();
        let text = format!(" {}/{} ", thousands(shown), thousands(total));
        let width = (text.len() as u16).min(area.width);
        let at = Rect { x: area.x + area.width - width, width, ..area };
        Row::new(theme, width).text(&text, Role::Notice).draw(at, 0, buffer);
        Rect { width: area.width - width, ..area }
    } else {
        area
    };
    let blank = " ".repeat(usize::from(area.width));
    Row::new(theme, area.width).text(&blank, Role::Field).draw(area, 0, buffer);
    Row::new(theme, area.width).text(prompt, Role::Key).draw(area, 0, buffer);
    let rest = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    field::draw(&line.field, true, theme, rest, buffer)
}
