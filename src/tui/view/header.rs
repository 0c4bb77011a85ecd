//! The top row (where, who, when, how fresh, locked or armed), and the banners below it.

use chrono::TimeDelta;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::tui::{
    app::{App, View, age, figure, link::LinkState},
    theme::{Mark, Role, Theme},
    widget::{fit, row::Row},
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
        View::Flags => "FLAGS",
        View::Overrides => "OVERRIDES",
        View::Approvals => "APPROVALS",
        View::Follow => "SITE",
        View::Recover => "RECOVER",
        View::Contexts => "CONTEXTS",
    }
}

/// The state of the link: no seconds while it is fresh.
pub(super) fn link(app: &App) -> (String, Role) {
    match app.link.state(app.now.elapsed) {
        LinkState::Connecting(waited) => (format!("asking {}", age::age(span(waited))), Role::Stale),
        // The backend answers, and has heard of none of its clusters.
        LinkState::Live => match app.dark() {
            Some(silent) => (format!("LOST {}", age::age(silent)), Role::Lost),
            None => ("live".to_owned(), Role::Live),
        },
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
    let name = fit::fit(app.context_name(), 20, fit::ellipsis(theme));
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

/// Paints the banners: one of what stands over all that is shown, then what is wrong with clusters.
pub(super) fn banner(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let remarks = app.remarks();
    let main = above(app, theme);
    let rows = usize::from(area.height) - usize::from(main.is_some()).min(usize::from(area.height));
    let shown = remarks.len().min(rows);
    let hidden = remarks.len() - shown;
    let rest = if hidden > 0 { format!("  +{hidden} more (:clusters)") } else { String::new() };
    let ellipsis = fit::ellipsis(theme);
    let from = u16::from(main.is_some());
    if let Some((text, role, more)) = main {
        let style = theme.style(role);
        let at = Rect { height: 1, ..area };
        buffer.set_style(at, style);
        let tail = match more {
            0 => String::new(),
            more => format!("  +{more} more"),
        };
        let tail = if shown == 0 { format!("{tail}{rest}") } else { tail };
        let width = usize::from(area.width).saturating_sub(tail.len());
        let text = fit::pad(&text, width, ellipsis);
        Row::new(theme, area.width).styled(&text, style).styled(&tail, style).draw(at, 0, buffer);
    }
    for (y, remark) in remarks.iter().take(shown).enumerate() {
        let row = Row::new(theme, area.width).text(" ", Role::Normal).mark(Mark::NeedsPerson);
        let tail = if y + 1 == shown { rest.as_str() } else { "" };
        // That there are more is never cut off.
        let text = fit::fit(remark, row.left().saturating_sub(tail.len()), ellipsis);
        row.text(&text, Role::NeedsPerson).text(tail, Role::NeedsPerson).draw(area, from + y as u16, buffer);
    }
}

/// The banner over all that is shown, and how many more there would be: a lost backend before a lost
/// cluster before a freeze before a held display.
fn above(app: &App, theme: &Theme) -> Option<(String, Role, usize)> {
    let elapsed = app.now.elapsed;
    let freezes = app.frozen();
    let lost: Vec<_> = app.carriers.lost(app.server_now()).collect();
    let more = freezes.len() + usize::from(app.hold.is_some());
    let is_lost = matches!(app.link.state(elapsed), LinkState::Lost(_));
    if let Some(found) = app.trail.broken() {
        let sign = theme.mark(Mark::Fail);
        let text = format!(" {sign} AUDIT TRAIL BROKEN at #{}: {}   :audit shows where", found.after + 1, found.why);
        return Some((text, Role::BannerLost, more + lost.len() + usize::from(is_lost)));
    }
    if let LinkState::Lost(silent) = app.link.state(elapsed) {
        let place = app.contexts.get(app.context).map_or("", |c| c.place.as_str());
        let retry =
            app.link.retry_left(elapsed).map_or(String::new(), |left| format!(", retry in {}", age::left(left)));
        let from = app.link.as_of().map_or_else(
            || "nothing is known yet".to_owned(),
            |at| format!("everything below is from {}", app.clock_seconds(at)),
        );
        let why = app.link.why().map_or(String::new(), |why| format!(": {why}"));
        let text = format!(" LOST {} ago{retry}, {from}{why}, {place}", age::age(span(silent)));
        return Some((text, Role::BannerLost, more));
    }
    if let Some((carrier, silent)) = lost.first() {
        let at = carrier.as_of.map_or_else(|| "never".to_owned(), |at| app.clock_seconds(at));
        let text = format!(" LOST {} {} ago: all that is shown of it is from {at}", carrier.place, age::age(*silent));
        return Some((text, Role::BannerLost, more + lost.len() - 1));
    }
    if let Some(freeze) = freezes.first() {
        let until = freeze.until.map_or_else(
            || "until lifted".to_owned(),
            |at| format!("until {} ({})", app.day_clock(at), age::coarse_left(app.server_now(), at)),
        );
        let sign = theme.mark(Mark::Frozen);
        let text = format!(
            " {sign} FREEZE {} {until}: {}, {}   pause and rollback stay open",
            freeze.scope, freeze.reason, freeze.by
        );
        return Some((text, Role::BannerFrozen, more - 1));
    }
    let hold = app.hold.as_ref()?;
    let at = hold.as_of.map_or(String::new(), |at| format!(" at {}", app.clock_seconds(at)));
    let behind = age::age(span(elapsed.saturating_sub(hold.since)));
    let changes = figure::counted(hold.changes, "change");
    let text = format!(" HOLD {behind} behind, {changes}: all that is shown is as it was{at}; z lets it go on");
    Some((text, Role::BannerHold, more - 1))
}
