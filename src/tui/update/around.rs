//! What lies around a site or a rollout, for the views that show, or reason over, all of it: when it is asked for.

use super::consent;
use crate::{
    domain::SubjectKind,
    tui::{app::App, message::Command},
};

/// Asks for sites, windows, approvals, overrides and flags.
pub(super) fn ask(app: &mut App) -> Vec<Command> {
    let mut commands = vec![Command::Sites, Command::Windows, Command::Approvals];
    commands.extend(consent::ask_for_overrides(app));
    app.flags.asks(app.now.elapsed);
    commands.push(Command::Flags);
    commands
}

/// Asks again for what the list's own answers do not bring along. `moved`: something changed in the fleet.
pub(super) fn poll(app: &mut App, moved: bool) -> Vec<Command> {
    app.flags.asks(app.now.elapsed);
    let mut commands = vec![Command::Sites, Command::Flags];
    if moved {
        commands.push(Command::Windows);
    }
    commands
}

/// Asks for what entries of the trail speak of.
pub(super) fn spoken_of(app: &mut App, kinds: &[SubjectKind]) -> Vec<Command> {
    let mut commands = Vec::new();
    for kind in kinds {
        match kind {
            SubjectKind::Window => commands.push(Command::Windows),
            SubjectKind::Override => commands.extend(consent::ask_for_overrides(app)),
            SubjectKind::Approval => commands.push(Command::Approvals),
            _ => {}
        }
    }
    commands
}
