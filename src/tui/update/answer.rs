//! What the backend answered.

use super::{act, command, commit, consent, flags, follow, recover};
use crate::{
    backend::{BackendError, Code, RolloutsPage, Tagged},
    domain::{Rollout, RolloutId, SafeText},
    tui::{
        app::{App, View, age, figure, link::LinkState, notice::Tone, rollouts::SETTLE},
        message::{Answer, Command},
    },
};

/// Takes an answer of the current connection.
pub(super) fn answer(app: &mut App, answer: Answer) -> Vec<Command> {
    match answer {
        Answer::Info(Ok(info)) => {
            if app.info.as_ref() != Some(&info) {
                app.info = Some(info);
                app.touch();
            }
        }
        Answer::Info(Err(error)) => refused_at_the_door(app, &error),
        Answer::View(Ok(page)) => return view(app, page, true),
        Answer::View(Err(error)) => {
            let was_live = matches!(app.link.state(app.now.elapsed), LinkState::Live | LinkState::Slow(_));
            app.link.failed(app.now, SafeText::new(why(&error)));
            // A reconnect is not what was armed: whoever armed it looked at live data.
            if was_live && app.disarm() {
                app.say(Tone::Attention, "locked again: the connection was lost");
            }
            refused_at_the_door(app, &error);
            app.touch();
        }
        Answer::RetryIn(wait) => {
            app.link.retry_in(app.now, wait);
            app.touch();
        }
        Answer::Rollout(id, result) => return rollout(app, &id, result),
        Answer::Audit(query, result) => {
            if query != app.trail.query {
                return Vec::new();
            }
            app.trail.asking = false;
            match result {
                Ok(page) => app.trail.take(page),
                Err(error) => app.trail.error = Some(error),
            }
            app.touch();
        }
        Answer::Timeline(id, result) => {
            if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id == id) {
                match result {
                    Ok(page) => {
                        detail.timeline = page.entries.into_iter().rev().collect();
                        detail.timeline_error = None;
                    }
                    Err(error) => detail.timeline_error = Some(error),
                }
                app.touch();
            }
        }
        Answer::Witnessed(result) => {
            let now = app.now.elapsed;
            if app.trail.take_witness(result, now) || app.view == View::Audit {
                app.touch();
            }
        }
        Answer::Verified(result) => {
            app.trail.verifying = None;
            match result {
                Ok(report) => {
                    app.trail.verified = Some((report, app.now.elapsed));
                    app.trail.verify_error = None;
                }
                Err(error) => app.trail.verify_error = Some(error),
            }
            app.touch();
        }
        Answer::Windows(result) => {
            let came = result.is_ok();
            let changed = app.windows.take(result.map(|page| page.windows));
            if changed {
                app.touch();
            }
            if changed && came {
                app.calendar.outdated();
            }
            return follow::windows_came(app, changed && came);
        }
        Answer::Calendar(from, until, result) => {
            if app.calendar.take((from, until), result) {
                app.touch();
            }
        }
        Answer::Overrides(result) => return consent::overrides(app, result),
        Answer::Approvals(result) => consent::approvals(app, result),
        Answer::OverrideChanged(key, result) => return consent::override_changed(app, &key, result),
        Answer::ApprovalDecided(key, result) => return consent::decided(app, &key, result),
        Answer::SiteState(query, result) => return follow::state_came(app, &query, result),
        Answer::SiteTrail(query, result) => return follow::trail_came(app, &query, result),
        Answer::RecoveryTrail(query, result) => return recover::trail_came(app, &query, result),
        Answer::Sites(result) => {
            match result {
                Ok(page) => app.sites.take(page),
                Err(error) => app.sites.error = Some(error),
            }
            app.touch();
            return follow::sites_came(app);
        }
        Answer::Flags(result) => return flags::came(app, result),
        Answer::FlagHistory(key, result) => flags::history_came(app, &key, result),
        Answer::FlagPreviewed(key, result) => return flags::previewed(app, &key, result),
        Answer::FlagChanged(key, result) => return flags::changed(app, &key, result),
        Answer::Previewed(key, result) => commit::previewed(app, &key, result),
        Answer::AskedAgain(key, times) => commit::asked_again(app, &key, times),
        Answer::Acted(key, result) => return commit::acted(app, &key, result),
        Answer::WindowChanged(key, result) => return commit::window_changed(app, &key, result),
    }
    Vec::new()
}

/// What happened, without the place that the banner names already.
fn why(error: &BackendError) -> String {
    match error {
        BackendError::Unreachable { why, .. } => why.clone(),
        BackendError::Nonsense { why, .. } => format!("it answers nonsense: {why}"),
        BackendError::Problem(problem) => format!("{}: {}", problem.title, problem.detail),
    }
}

/// A credential that is refused is said in words: waiting does not help.
fn refused_at_the_door(app: &mut App, error: &BackendError) {
    if let BackendError::Problem(problem) = error
        && matches!(problem.code, Code::Unauthenticated | Code::Forbidden)
    {
        app.say(Tone::Failed, format!("{}: {}", problem.title, problem.detail));
    }
}

/// Takes an answer that was kept while the display was held: it says nothing of the connection now.
pub(super) fn replay(app: &mut App, kept: Answer) -> Vec<Command> {
    match kept {
        Answer::View(Ok(page)) => view(app, page, false),
        other => answer(app, other),
    }
}

fn view(app: &mut App, page: RolloutsPage, fresh: bool) -> Vec<Command> {
    let (RolloutsPage::All { as_of, .. } | RolloutsPage::Changed { as_of, .. }) = &page;
    let was_live = app.link.is_live(app.now.elapsed);
    let first = !app.rollouts.is_loaded();
    let blind = if fresh { app.link.answered(app.now, *as_of) } else { None };
    let rest = app.now.elapsed.saturating_sub(app.last_input) >= SETTLE;
    let (RolloutsPage::All { carriers, .. } | RolloutsPage::Changed { carriers, .. }) = &page;
    let carriers = carriers.clone();
    let changes = app.rollouts.take(page, rest, blind.is_some());
    for (id, class) in &changes.entered {
        app.alerts.entered(id, *class);
    }
    let server = app.server_now();
    if app.carriers.take(carriers, server) {
        app.touch();
    }
    commit::resolved(app);
    let mut commands = Vec::new();
    if !was_live || first || changes.changed + changes.removed > 0 {
        app.touch();
    }
    if first {
        let page = app.page();
        app.rollouts.move_to(0, page);
        if !app.windows.is_loaded() {
            commands.push(Command::Windows);
        }
        let skew = app.link.skew(app.now).num_seconds();
        if skew.abs() > 2 {
            app.say(Tone::Note, format!("the server's clock is {skew} s off from this one; ages go by the server's"));
        }
    } else if let Some(blind) = blind {
        let what = match (changes.changed, changes.removed) {
            (0, 0) => "nothing changed".to_owned(),
            (changed, 0) => format!("{} changed", figure::counted(changed, "rollout")),
            (changed, 1) => format!("{} changed, 1 is gone", figure::counted(changed, "rollout")),
            (changed, removed) => format!("{} changed, {removed} are gone", figure::counted(changed, "rollout")),
        };
        let blind = age::age(chrono::TimeDelta::from_std(blind).unwrap_or_default());
        app.say(Tone::Note, format!("connected again after {blind}: {what} meanwhile"));
        commands.extend([Command::Windows]);
    } else if changes.changed > 0 {
        app.rollouts.seen_all();
    }
    let dialog = app.dialog().and_then(|dialog| dialog.rollout().cloned());
    if let Some(now) = dialog.and_then(|id| app.rollouts.get(&id)).map(|row| row.rollout.clone()) {
        commands.extend(commit::world_moved(app, &now));
    }
    // Views that nobody pushes to are asked for again when the fleet moved.
    let moved = changes.changed + changes.removed > 0;
    if fresh {
        let moved = moved || first || blind.is_some();
        commands.extend(consent::poll(app, moved));
        commands.extend(if first { command::ask_for_followed(app) } else { follow::poll(app, moved) });
        commands.extend(recover::poll(app, moved));
    }
    if (moved && matches!(app.view, View::Audit | View::Windows)) || app.view == View::Sites {
        commands.extend(command::ask_for(app, app.view));
    }
    commands
}

fn rollout(app: &mut App, id: &RolloutId, result: Result<Tagged<Rollout>, BackendError>) -> Vec<Command> {
    let Some(detail) = app.detail.as_mut().filter(|detail| &detail.id == id) else { return Vec::new() };
    match result {
        Ok(Tagged::Unchanged) => Vec::new(),
        Ok(Tagged::Fresh(rollout, _)) => {
            let timeline = detail.take((*rollout).clone());
            app.touch();
            let mut commands = commit::world_moved(app, &rollout);
            act::revisions_came(app, &rollout);
            if timeline {
                commands.push(Command::Timeline(id.clone()));
            }
            commands
        }
        Err(error) => {
            // A lost connection is said by the header; what is known stays on the screen.
            if matches!(error, BackendError::Problem(_)) {
                detail.error = Some(error);
            }
            app.touch();
            Vec::new()
        }
    }
}
