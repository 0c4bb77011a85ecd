//! The followed site: when it is asked for, and what answers do.

use super::around;
use crate::{
    backend::{AuditPage, AuditQuery, BackendError, WindowsQuery, WindowsState},
    domain::SubjectKind,
    tui::{
        app::{
            App, View,
            follow::{Follow, may_be_at},
            notice::Tone,
        },
        message::Command,
    },
};

/// Shows a site, by its name or `GROUP/SITE`.
pub(super) fn open(app: &mut App, text: &str) -> Vec<Command> {
    match Follow::parse(text) {
        Ok(follow) => {
            app.follow = Some(follow);
            app.show(View::Follow);
            ask(app)
        }
        Err(why) => {
            app.say(Tone::Attention, why);
            Vec::new()
        }
    }
}

/// Asks for all that the view shows.
pub(super) fn ask(app: &mut App) -> Vec<Command> {
    let mut commands = around::ask(app);
    commands.extend(state(app, true));
    commands.extend(trail(app));
    commands
}

/// What is asked again with the view's own answers.
pub(super) fn poll(app: &mut App, moved: bool) -> Vec<Command> {
    if app.view != View::Follow {
        return Vec::new();
    }
    let mut commands = around::poll(app, moved);
    commands.extend(state(app, moved));
    commands.extend(trail(app));
    commands
}

fn state(app: &mut App, again: bool) -> Option<Command> {
    let group = app.followed().ok().map(|site| site.group.clone());
    app.follow.as_mut()?.wants_state(group.as_ref(), again).map(Command::SiteState)
}

fn trail(app: &mut App) -> Option<Command> {
    let elapsed = app.now.elapsed;
    app.follow.as_mut()?.wants_trail(elapsed).map(Command::SiteTrail)
}

/// The sites came: whose group the site is in is known now.
pub(super) fn sites_came(app: &mut App) -> Vec<Command> {
    if app.view != View::Follow {
        return Vec::new();
    }
    state(app, false).into_iter().collect()
}

/// Windows came: one of them may hold the site now, and entries about them can be told.
pub(super) fn windows_came(app: &mut App, changed: bool) -> Vec<Command> {
    settled(app, SubjectKind::Window);
    if app.view != View::Follow || !changed {
        return Vec::new();
    }
    state(app, true).into_iter().collect()
}

/// What entries speak of came, or cannot be had.
pub(super) fn settled(app: &mut App, kind: SubjectKind) {
    super::recover::settled(app, kind);
    if app.follow.as_mut().is_some_and(|follow| follow.settled(kind)) {
        app.touch();
    }
}

/// What holds the site came: the trail is read since that began.
pub(super) fn state_came(
    app: &mut App,
    query: &WindowsQuery,
    result: Result<WindowsState, BackendError>,
) -> Vec<Command> {
    let now = app.server_now();
    let Some(follow) = app.follow.as_mut().filter(|follow| query.site.as_ref() == Some(&follow.site)) else {
        return Vec::new();
    };
    if follow.take_state(result, now) {
        app.touch();
    }
    trail(app).into_iter().collect()
}

/// Entries of the trail came; where there may be more, they are asked for at once.
pub(super) fn trail_came(app: &mut App, query: &AuditQuery, result: Result<AuditPage, BackendError>) -> Vec<Command> {
    let elapsed = app.now.elapsed;
    let place = app.followed().ok().map(|site| (site.group.clone(), site.site.clone()));
    let Some(follow) = app.follow.as_mut() else { return Vec::new() };
    let before = follow.unsettled().len();
    let (changed, more) = follow.take_trail(query, result, elapsed, |entry| {
        place.as_ref().is_none_or(|(group, site)| may_be_at(entry, group, site))
    });
    let asks: Vec<SubjectKind> = follow.unsettled().iter().skip(before).copied().collect();
    if changed {
        app.touch();
    }
    let mut commands = around::spoken_of(app, &asks);
    if more {
        commands.extend(trail(app));
    }
    commands
}
