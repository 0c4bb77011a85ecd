//! Moving about: in lists, panes and stages.

use crate::tui::{
    app::{App, View, notice::Tone},
    intent::Intent,
    message::Command,
};

fn step(intent: Intent, page: usize) -> Option<isize> {
    let page = isize::try_from(page).unwrap_or(isize::MAX / 4);
    Some(match intent {
        Intent::Up | Intent::PreviousMatch => -1,
        Intent::Down | Intent::NextMatch => 1,
        Intent::PageUp => -page,
        Intent::PageDown => page,
        Intent::HalfPageUp => -(page / 2).max(1),
        Intent::HalfPageDown => (page / 2).max(1),
        Intent::Top => isize::MIN / 2,
        Intent::Bottom => isize::MAX / 2,
        _ => return None,
    })
}

/// The views that have numbers, in their order.
const NUMBERED: [(View, Intent); 8] = [
    (View::Overview, Intent::ViewOverview),
    (View::Detail, Intent::ViewDetail),
    (View::Sites, Intent::ViewSites),
    (View::Audit, Intent::ViewAudit),
    (View::Windows, Intent::ViewWindows),
    (View::Flags, Intent::ViewFlags),
    (View::Recover, Intent::ViewRecover),
    (View::Approvals, Intent::ViewApprovals),
];

/// What shows the view beside the one that is shown; of one without a number, beside the first.
pub(super) fn beside(app: &App, forward: bool) -> Intent {
    let detail = app.detail.is_some() || app.rollouts.selected().is_some();
    let views: Vec<_> = NUMBERED.into_iter().filter(|(view, _)| *view != View::Detail || detail).collect();
    let at = views.iter().position(|(view, _)| *view == app.view).unwrap_or(0);
    let step = if forward { 1 } else { views.len() - 1 };
    views[(at + step) % views.len()].1
}

/// Selects a row of the view's list.
pub(super) fn select(app: &mut App, row: usize) {
    let page = app.page();
    match app.view {
        View::Overview => app.rollouts.move_to(row, page),
        View::Audit => app.trail.move_to(row),
        View::Windows | View::Overrides | View::Approvals | View::Sites | View::Flags => {
            if let Some(rows) = app.rows_mut() {
                rows.move_to(row);
            }
        }
        View::Contexts => app.context_cursor = row.min(app.contexts.len().saturating_sub(1)),
        View::Follow => app.move_followed(|_| row),
        View::Recover | View::Detail => {}
    }
}

/// Goes to a row of those on the screen.
fn on_screen(app: &mut App, intent: Intent) {
    let Some((first, last)) = app.spots.rows() else { return };
    let row = match intent {
        Intent::ScreenTop => first,
        Intent::ScreenMiddle => usize::midpoint(first, last),
        _ => last,
    };
    select(app, row);
}

/// Scrolls below the row that has the cursor.
fn scroll_to(app: &mut App, intent: Intent) {
    let page = app.page();
    if app.view != View::Overview {
        app.say(Tone::Note, "only the list of rollouts scrolls below its row");
        return;
    }
    let above = match intent {
        Intent::RowToTop => 0,
        Intent::RowToMiddle => page / 2,
        _ => page.saturating_sub(1),
    };
    app.rollouts.scroll_to(above, page);
}

/// Moves the cursor of the view.
pub(super) fn motion(app: &mut App, intent: Intent) {
    let page = app.page();
    match intent {
        Intent::ScreenTop | Intent::ScreenMiddle | Intent::ScreenBottom => return on_screen(app, intent),
        Intent::RowToTop | Intent::RowToMiddle | Intent::RowToBottom => return scroll_to(app, intent),
        _ => {}
    }
    if let Some(by) = step(intent, page) {
        let to = |cursor: usize| cursor.saturating_add_signed(by);
        match app.view {
            View::Overview => app.rollouts.move_to(to(app.rollouts.cursor()), page),
            View::Audit => app.trail.move_to(to(app.trail.cursor())),
            View::Windows | View::Overrides | View::Approvals | View::Sites | View::Flags => {
                if let Some(rows) = app.rows_mut() {
                    rows.move_to(to(rows.cursor()));
                }
            }
            View::Contexts => app.context_cursor = to(app.context_cursor).min(app.contexts.len().saturating_sub(1)),
            View::Follow => app.move_followed(to),
            View::Recover => {}
            View::Detail => {
                if let Some(rollout) = app.detail.as_ref().and_then(|detail| app.rollout(&detail.id))
                    && let Some(detail) = &mut app.detail
                {
                    let len = detail.len(detail.pane, &rollout);
                    detail.move_by(by, len);
                }
            }
        }
        return;
    }
    if app.view == View::Flags {
        let column = app.flags.column();
        match intent {
            Intent::Left => app.flags.move_to_column(column.saturating_sub(1)),
            Intent::Right => app.flags.move_to_column(column + 1),
            Intent::NextPane | Intent::NextStage => app.flags.step_group(true),
            Intent::PreviousPane | Intent::PreviousStage => app.flags.step_group(false),
            _ => {}
        }
        return;
    }
    if app.view != View::Detail {
        return;
    }
    let Some(rollout) = app.detail.as_ref().and_then(|detail| app.rollout(&detail.id)) else { return };
    let Some(detail) = &mut app.detail else { return };
    match intent {
        Intent::NextPane | Intent::Right => detail.step_pane(true, &rollout),
        Intent::PreviousPane | Intent::Left => detail.step_pane(false, &rollout),
        Intent::PreviousStage => detail.step_stage(false, &rollout),
        Intent::NextStage => detail.step_stage(true, &rollout),
        _ => {}
    }
}

/// Opens what is selected.
pub(super) fn open(app: &mut App) -> Vec<Command> {
    match app.view {
        View::Overview => match app.rollouts.selected().map(|row| row.id().clone()) {
            Some(id) => app.open_rollout(id),
            None => app.say(Tone::Note, "no rollout is selected"),
        },
        View::Contexts => {
            if let Some(name) = app.contexts.get(app.context_cursor).map(|context| context.name.clone()) {
                return super::command::connect(app, &name);
            }
        }
        View::Detail => {
            let rollout = app.detail.as_ref().and_then(|detail| app.rollout(&detail.id));
            if let Some(detail) = &mut app.detail
                && !rollout.is_some_and(|rollout| detail.fold(&rollout))
            {
                detail.toggle_zoom();
            }
        }
        View::Recover => {}
        View::Audit | View::Windows | View::Overrides | View::Approvals | View::Sites | View::Flags | View::Follow => {
            super::record::open(app);
        }
    }
    Vec::new()
}

/// Jumps to the newest rollout that became abnormal and was not looked at.
pub(super) fn newest(app: &mut App) -> Vec<Command> {
    let Some(unseen) = app.rollouts.unseen.pop() else {
        app.say(Tone::Note, "nothing new");
        return Vec::new();
    };
    app.show(View::Overview);
    let page = app.page();
    if !app.rollouts.select(&unseen.id, page) {
        app.clear_filter();
        app.rollouts.select(&unseen.id, page);
        app.say(Tone::Note, "the filter was cleared: it hid this rollout");
    }
    Vec::new()
}
