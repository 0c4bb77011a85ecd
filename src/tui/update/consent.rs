//! Overrides and approvals: when they are asked for, and what answers do.

use std::time::Duration;

use crate::{
    backend::{ApprovalsPage, BackendError, OverridesPage},
    domain::OverrideState,
    tui::{
        app::{App, View, approvals::WAITING},
        message::Command,
    },
};

/// What is asked along with the view: what waits for a second person, and the overrides where they are
/// looked at, or wait themselves. `moved`: something changed in the fleet.
pub(super) fn poll(app: &mut App, moved: bool) -> Vec<Command> {
    let (elapsed, now) = (app.now.elapsed, app.server_now());
    let mut commands = Vec::new();
    if app.approvals.due(elapsed, now, moved) {
        commands.push(Command::Approvals);
    }
    let waits = app.overrides.all().iter().any(|view| view.record.state(now) == OverrideState::Waiting)
        || app.overrides.open_break_glass() > 0;
    let looked_at = matches!(app.view, View::Windows | View::Flags);
    let every = if waits || looked_at { WAITING } else { Duration::from_mins(1) };
    if (moved && looked_at) || app.overrides.due(elapsed, every) {
        commands.extend(ask_for_overrides(app));
    }
    commands
}

/// Asks for the overrides.
pub(super) fn ask_for_overrides(app: &mut App) -> Vec<Command> {
    app.overrides.asked(app.now.elapsed);
    vec![Command::Overrides]
}

/// The overrides came.
pub(super) fn overrides(app: &mut App, result: Result<OverridesPage, BackendError>) {
    match result {
        Ok(page) => {
            if app.overrides.take(page) {
                app.touch();
            }
        }
        Err(error) => {
            if app.overrides.error.as_ref() != Some(&error) {
                app.overrides.error = Some(error);
                app.touch();
            }
        }
    }
}

/// The approvals came.
pub(super) fn approvals(app: &mut App, result: Result<ApprovalsPage, BackendError>) {
    match result {
        Ok(page) => {
            if app.approvals.take(page) {
                app.touch();
            }
        }
        Err(error) => {
            if app.approvals.error.as_ref() != Some(&error) {
                app.approvals.error = Some(error);
                app.touch();
            }
        }
    }
}
