//! The top row (where, who, when, how fresh, locked or armed), and the one banner below it.

use chrono::TimeDelta;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    domain::Freeze,
    tui::{
        app::{App, View, age, link::LinkState},
        theme::{Role, Theme},
        widget::row::Row,
    },
};

fn span(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or_default()
}

/// The name of a view.
fn title(view: View) -> &'static str {
    match view {
        View::Overview => "ROLLOUTS",
        View::Detail => "ROLLOUT",
        View::Sites => "SITES",
        View::Audit => "AUDIT",
        View::Windows => "WINDOWS",
        View::Contexts => "CONTEXTS",
    }
}

/// The state of the link: no seconds while it is fresh.
pub(super) fn link(app: &App) -> (String, Role) {
    match app.link.state(app.now.elapsed) {
        LinkState::Connecting(waited) => (format!("asking {}", age::age(span(waited))), Role::Stale),
        LinkState::Live => ("live".to_owned(), Role::Live),
        LinkState::Slow(silent) => (format!("slow {}", age::age(span(silent))), Role::Stale),
        LinkState::Lost(silent) => (format!("LOST {}", age::age(span(silent))), Role::Lost),
    }
}

/// Paints the top row.
pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    buffer.set_style(area, theme.style(Role::Header));
    let (link, link_role) = link(app);
    let simulated = app.info.as_ref().is_some_and(|info| info.simulated);
    let mut row = Row::new(theme, area.width).text(" ", Role::Header).text(title(app.view), Role::Strong).gap(2);
    if simulated {
        row = row.text(" SIMULATED ", Role::Simulated).gap(2);
    }
    let name_role = if app.is_protected() { Role::Protected } else { Role::Header };
    let name = crate::tui::widget::fit::fit(app.context_name(), 20, crate::tui::widget::fit::ellipsis(theme));
    row = row.text(&name, name_role);
    if app.is_protected() {
        row = row.text(" PROTECTED", Role::Header);
    }
    row = row.gap(2).text(&app.header_clock(), Role::Header).gap(2).text(&link, link_role).gap(2);
    if let Some(hold) = &app.hold {
        let held = span(app.now.elapsed.saturating_sub(hold.since));
        row = row.text(&format!("HOLD {}", age::age(held)), Role::BannerHold).gap(2);
    }
    if app.read_only {
        row = row.text("READ-ONLY", Role::Strong).gap(2);
    } else if app.is_protected() {
        row = match app.armed_left() {
            Some(left) if app.is_armed() => row.text(&format!("ARMED {}", age::left(left)), Role::Armed).gap(2),
            _ => row.text("LOCKED", Role::Strong).gap(2),
        };
    }
    if let Some(info) = &app.info {
        row = row.text(info.actor.as_str(), Role::Header).text(&format!(" ({})", info.role.as_str()), Role::Header);
    }
    row.draw(area, 0, buffer);
}

/// Freezes over the rollouts that are shown: of the one in detail, or of all.
fn freezes(app: &App) -> Vec<Freeze> {
    let mut found: Vec<Freeze> = Vec::new();
    let one =
        (app.view == View::Detail).then(|| app.detail.as_ref().and_then(|detail| app.rollout(&detail.id))).flatten();
    if let Some(rollout) = one {
        found.extend(rollout.freeze.clone());
        return found;
    }
    for row in app.rollouts.iter().filter(|row| !row.rollout.phase.is_terminal()) {
        if let Some(freeze) = &row.rollout.freeze
            && found.iter().all(|seen| seen.window != freeze.window)
        {
            found.push(freeze.clone());
        }
        if found.len() > 9 {
            break;
        }
    }
    found.sort_by_key(|freeze| (freeze.until, freeze.window.clone()));
    found
}

/// Paints the one banner: a lost backend before a freeze before a held display.
pub(super) fn banner(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let elapsed = app.now.elapsed;
    let freezes = if matches!(app.view, View::Overview | View::Detail) { freezes(app) } else { Vec::new() };
    let mut more = freezes.len() + usize::from(app.hold.is_some());
    let (text, role) = match app.link.state(elapsed) {
        LinkState::Lost(silent) => {
            let place = app.contexts.get(app.context).map_or("", |c| c.place.as_str());
            let retry =
                app.link.retry_left(elapsed).map_or(String::new(), |left| format!(", retry in {}", age::left(left)));
            let from = app.link.as_of().map_or_else(
                || "nothing is known yet".to_owned(),
                |at| format!("everything below is from {}", app.clock_seconds(at)),
            );
            let why = app.link.why().map_or(String::new(), |why| format!(": {why}"));
            (format!(" LOST {} ago{retry}, {from}{why}, {place}", age::age(span(silent))), Role::BannerLost)
        }
        _ => match (freezes.first(), &app.hold) {
            (Some(freeze), _) => {
                more -= 1;
                let until = freeze.until.map_or_else(
                    || "until lifted".to_owned(),
                    |at| format!("until {} ({})", app.day_clock(at), age::coarse_left(app.server_now(), at)),
                );
                let sign = theme.mark(crate::tui::theme::Mark::Frozen);
                let text = format!(
                    " {sign} FREEZE {} {until}: {}, {}   pause and rollback stay open",
                    freeze.scope, freeze.reason, freeze.by
                );
                (text, Role::BannerFrozen)
            }
            (None, Some(hold)) => {
                more -= 1;
                let at = hold.as_of.map_or(String::new(), |at| format!(" at {}", app.clock_seconds(at)));
                let text = format!(
                    " HOLD: the display stands still{at}, {} answers behind; z lets it go on",
                    hold.answers.len()
                );
                (text, Role::BannerHold)
            }
            (None, None) => return,
        },
    };
    let style = theme.style(role);
    buffer.set_style(area, style);
    let tail = if more > 0 { format!("  +{more} more") } else { String::new() };
    let width = usize::from(area.width).saturating_sub(tail.len());
    let text = crate::tui::widget::fit::pad(&text, width, crate::tui::widget::fit::ellipsis(theme));
    Row::new(theme, area.width).styled(&text, style).styled(&tail, style).draw(area, 0, buffer);
}
