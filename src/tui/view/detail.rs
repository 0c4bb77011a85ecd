//! One rollout: stages, why it does not move, indicators, units, what happened.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{analysis, gates, objects, revisions, slis, strip, timeline, units, words, workload};
use crate::{
    domain::{Rollout, RolloutId},
    tui::{
        app::{
            App, age,
            attention::Class,
            detail::{Detail, Pane},
            link::LinkState,
            spots::Spot,
        },
        theme::{Mark, Role, Theme},
        widget::row::{Row, titled},
    },
};

/// What a pane needs to be painted.
pub(super) struct Scene<'a> {
    pub app: &'a App,
    pub detail: &'a Detail,
    pub rollout: &'a Rollout,
    pub theme: &'a Theme,
    /// Whether the panes have the keys: not so beside the overview.
    pub keys: bool,
}

impl Scene<'_> {
    /// Whether what is shown is what is.
    pub fn live(&self) -> bool {
        self.app.is_current(self.rollout)
    }
}

/// Paints the detail view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let detail = app.detail.as_ref()?;
    let Some(rollout) = app.rollout(&detail.id) else {
        missing(app, detail, theme, body, buffer);
        return None;
    };
    let scene = Scene { app, detail, rollout: &rollout, theme, keys: true };
    let used = head(&scene, body, buffer);
    let rest = Rect { y: body.y + used, height: body.height.saturating_sub(used), ..body };
    if detail.zoom {
        return pane(&scene, detail.pane, rest, buffer);
    }
    match (rollout.workload.is_some(), rest.width >= 100 && rest.height >= 24) {
        (false, true) => wide(&scene, rest, buffer),
        (true, true) => workload::wide(&scene, rest, buffer),
        (_, false) => narrow(&scene, rest, buffer),
    }
}

/// Paints a rollout beside the overview.
pub(super) fn side(app: &App, id: &RolloutId, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(detail) = app.detail.as_ref().filter(|detail| &detail.id == id) else { return };
    let Some(rollout) = app.rollout(id) else { return };
    let scene = Scene { app, detail, rollout: &rollout, theme, keys: false };
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    let used = head(&scene, area, buffer);
    let rest = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    if rollout.workload.is_some() {
        workload::beside(&scene, rest, buffer);
        return;
    }
    let parts = split(rest, &[22, 45, 15, 18]);
    for (which, part) in Pane::of(&rollout).iter().zip(parts) {
        pane(&scene, *which, part, buffer);
    }
}

/// Name and versions, stages, the sentence of why it is where it is; says how many rows that took.
fn head(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> u16 {
    let Scene { app, rollout, theme, .. } = scene;
    let class = Class::of(rollout);
    let mut row = Row::new(theme, area.width).text(" ", Role::Normal);
    if let Some(mark) = words::class_mark(class) {
        row = row.mark(mark);
    }
    row = row.text(class.word(), words::class_role(class)).gap(2).text(&rollout.id().to_string(), Role::Strong).text(
        &format!("  {} <- {}", words::version(&rollout.candidate), words::version(&rollout.stable)),
        Role::Normal,
    );
    // What a workload reaches has a line of its own.
    let reach = match rollout.workload {
        Some(_) => format!("  {} {}", rollout.driver, rollout.strategy),
        None => format!(
            "  {}/{} units {:.0}%",
            rollout.exposure.units, rollout.exposure.units_total, rollout.exposure.percent
        ),
    };
    row = row.text(&reach, Role::Normal).text(&format!("  rev {}", rollout.revision), Role::Muted);
    row.draw(area, 0, buffer);
    strip::pipeline(rollout, theme, area.width).draw(area, 1, buffer);
    let now = app.server_now();
    let mut row = Row::new(theme, area.width).text(" ", Role::Normal);
    let lost = matches!(app.link.state(app.now.elapsed), LinkState::Lost(_));
    if app.is_stale(rollout) || app.is_cut_off(rollout) {
        let age = app.heard(rollout).map_or_else(String::new, |at| age::age(now - at));
        let whose = if rollout.workload.is_some() { "cluster" } else { "units" };
        row = row.mark(Mark::Stale).text(&format!("{whose} STALE {age}  "), Role::Stale);
    } else if lost {
        row = row.mark(Mark::Stale);
    }
    if let Some(next) = &rollout.next {
        let at = next.at.map_or_else(String::new, |at| format!("{} ", words::deadline(app, at)));
        row = row.text(&format!("next: {at}{}", next.what), Role::Strong).gap(2);
    }
    // A workload's message has a line of its own: it says which step, and why.
    let message = if rollout.workload.is_some() && rollout.next.is_some() { "" } else { rollout.message.as_str() };
    row.text(message, Role::Normal).text(&format!("  owner {}", rollout.owner), Role::Muted).draw(area, 2, buffer);
    3 + workload::head(scene, Rect { y: area.y + 3, height: area.height.saturating_sub(3), ..area }, buffer)
}

fn missing(app: &App, detail: &Detail, theme: &Theme, body: Rect, buffer: &mut Buffer) {
    let (text, role) = match &detail.error {
        Some(error) => (format!(" {}: {error}", detail.id), Role::Error),
        None if !app.rollouts.is_loaded() || app.link.is_live(app.now.elapsed) => {
            (format!(" asking for {}", detail.id), Role::Muted)
        }
        None => (format!(" nothing is known of {}", detail.id), Role::Stale),
    };
    Row::new(theme, body.width).text(&text, role).draw(body, 0, buffer);
}

/// Shares of a height, in percent; the last part takes what is left.
pub(super) fn split<const N: usize>(area: Rect, shares: &[u16; N]) -> [Rect; N] {
    let mut y = area.y;
    let mut out = [Rect { height: 0, ..area }; N];
    for (index, share) in shares.iter().enumerate() {
        let height = if index + 1 == N { area.bottom().saturating_sub(y) } else { area.height * share / 100 };
        out[index] = Rect { y, height, ..area };
        y += height;
    }
    out
}

/// 80x24: what blocks above, one of the other panes below, which has most of the room when it has the keys.
fn narrow(scene: &Scene<'_>, rest: Rect, buffer: &mut Buffer) -> Option<Position> {
    let focused = scene.detail.pane == Pane::Gates;
    let most = (rest.height * if focused { 35 } else { 25 } / 100).max(3);
    let gates = (scene.detail.len(Pane::Gates, scene.rollout) as u16 + 1).clamp(3, most).min(rest.height);
    let (top, below) =
        (Rect { height: gates, ..rest }, Rect { y: rest.y + gates, height: rest.height - gates, ..rest });
    let first = pane(scene, Pane::Gates, top, buffer);
    let lower = match scene.detail.pane {
        Pane::Gates if scene.rollout.workload.is_some() => workload::telling(scene),
        Pane::Gates => Pane::Slis,
        other => other,
    };
    let timeline_rows = if lower == Pane::Slis && below.height >= 19 { 5 } else { 0 };
    let main = Rect { height: below.height - timeline_rows, ..below };
    let second = pane(scene, lower, main, buffer);
    if timeline_rows > 0 {
        let last = Rect { y: main.bottom(), height: timeline_rows, ..below };
        pane(scene, Pane::Timeline, last, buffer);
    }
    if focused { first } else { second }
}

/// 120x40 and more: all four at once; the charts get what the lists do not need.
fn wide(scene: &Scene<'_>, rest: Rect, buffer: &mut Buffer) -> Option<Position> {
    let rows = |which: Pane| scene.detail.len(which, scene.rollout) as u16 + 1;
    let top = rows(Pane::Gates).max(rows(Pane::Units)).clamp(6, (rest.height * 27 / 100).max(6));
    let middle = match scene.rollout.slis.len() as u16 {
        0 => 3,
        // Each row of charts is worth a dozen rows of the screen at most.
        slis => 4 + slis + if slis > 2 { 24 } else { 12 },
    };
    let bottom = (rest.height / 7).max(3);
    let middle = middle.min(rest.height.saturating_sub(top + bottom));
    let (above, below) = (rest.y + top, rest.y + top + middle);
    let top = Rect { height: top, ..rest };
    let bottom = Rect { y: below, height: rest.bottom().saturating_sub(below), ..rest };
    let middle = Rect { y: above, height: middle, ..rest };
    let half = rest.width * 58 / 100;
    let left = |r: Rect| Rect { width: half - 1, ..r };
    let right = |r: Rect| Rect { x: r.x + half, width: r.width - half, ..r };
    let cursors = [
        (Pane::Gates, pane(scene, Pane::Gates, left(top), buffer)),
        (Pane::Units, pane(scene, Pane::Units, right(top), buffer)),
        (Pane::Slis, pane(scene, Pane::Slis, middle, buffer)),
        (Pane::Timeline, pane(scene, Pane::Timeline, bottom, buffer)),
    ];
    cursors.into_iter().find(|(which, _)| *which == scene.detail.pane).and_then(|(_, cursor)| cursor)
}

pub(super) fn pane(scene: &Scene<'_>, which: Pane, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if area.height < 2 {
        return None;
    }
    if scene.keys {
        scene.app.note(area, Spot::Pane(which));
    }
    let cursor = match which {
        Pane::Gates => gates::draw(scene, area, buffer),
        Pane::Slis => slis::draw(scene, area, buffer),
        Pane::Units => units::draw(scene, area, buffer),
        Pane::Timeline => timeline::draw(scene, area, buffer),
        Pane::Analysis => analysis::draw(scene, area, buffer),
        Pane::Objects => objects::draw(scene, area, buffer),
        Pane::Revisions => revisions::draw(scene, area, buffer),
    };
    cursor.filter(|_| scene.keys && scene.detail.pane == which)
}

/// The title of a pane: it says which one has the keys by a sign, too.
pub(super) fn title<'a>(scene: &Scene<'a>, which: Pane, text: &str, width: u16) -> Row<'a> {
    let focused = scene.keys && scene.detail.pane == which;
    let text = if focused { format!("> {text}") } else { text.to_owned() };
    titled(scene.theme, width, &text, if focused { Role::Strong } else { Role::Heading })
}

/// Whether a line of a pane is the selected one.
pub(super) fn is_selected(scene: &Scene<'_>, which: Pane, index: usize) -> bool {
    scene.keys && scene.detail.pane == which && scene.detail.cursor(which) == index
}

/// Paints a line, as the selected one where it is.
pub(super) fn put(row: Row<'_>, selected: bool, area: Rect, y: u16, buffer: &mut Buffer) -> Option<Position> {
    if selected {
        row.draw_selected(area, y, buffer)
    } else {
        row.draw(area, y, buffer);
        None
    }
}

/// The column for the selection's sign.
pub(super) fn lead(theme: &Theme, width: u16, selected: bool) -> Row<'_> {
    Row::new(theme, width).text(if selected { ">" } else { " " }, Role::Normal)
}
