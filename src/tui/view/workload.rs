//! What a workload has beside stages and gates: lines of its traffic, pods and images, and where its panes are.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    detail::{Scene, pane, split},
    words,
};
use crate::tui::{
    app::{detail::Pane, workload},
    theme::{Mark, Role},
    widget::{fit, row::Row},
};

/// Paints the lines below the head; says how many there were. Of a fleet's rollout there are none.
pub(super) fn head(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> u16 {
    let Scene { app, rollout, theme, .. } = scene;
    let mut lines: Vec<Row<'_>> = Vec::new();
    let line = || Row::new(theme, area.width).text(" ", Role::Normal);
    if let Some(pending) = &rollout.pending {
        let (mark, text) = words::pending(app, pending);
        lines.push(line().mark(mark).text(&text, if pending.unconfirmed { Role::NoData } else { Role::Strong }));
    }
    if let Some(text) = workload::under_freeze(rollout) {
        lines.push(line().mark(Mark::Frozen).text("FROZEN ", Role::Frozen).text(&text, Role::Normal));
    }
    if rollout.workload.is_some() && rollout.next.is_some() {
        lines.push(line().text(rollout.message.as_str(), Role::Normal));
    }
    if let Some(told) = &rollout.workload {
        lines.extend(reach(scene, told, area.width));
        if let (Some(candidate), stable) = workload::sides(told) {
            let stable = stable.map_or_else(|| "-".to_owned(), |stable| workload::images(&stable.images));
            let text = format!("{} <- {stable}", workload::images(&candidate.images));
            // The head has the names of the versions already: often they are the images.
            if text != format!("{} <- {}", words::version(&rollout.candidate), words::version(&rollout.stable)) {
                lines.push(line().text("images ", Role::Muted).text(&text, Role::Normal));
            }
        }
    }
    // The panes keep most of a small screen.
    let most = usize::from(area.height / 4).max(1);
    let count = lines.len().min(most);
    for (y, row) in lines.into_iter().take(count).enumerate() {
        row.draw(area, y as u16, buffer);
    }
    count as u16
}

/// Traffic and pods, in one line where they fit.
fn reach<'a>(scene: &Scene<'a>, told: &crate::domain::Workload, width: u16) -> Vec<Row<'a>> {
    let doubt = if scene.live() { "" } else { "~" };
    let line = || Row::new(scene.theme, width).text(" ", Role::Normal);
    let row = match &told.traffic {
        Some(split) => {
            let unsure = split.actual.is_none() || split.verified == Some(false);
            let row = if unsure { line().mark(Mark::NoData) } else { line() };
            row.text(&format!("{}{doubt}", workload::traffic(split)), if unsure { Role::NoData } else { Role::Strong })
        }
        None => line().text(&format!("{:.0}% of pods{doubt}", scene.rollout.exposure.percent), Role::Strong),
    };
    let pods = workload::pods(&told.replicas);
    let pods = if pods.is_empty() { "pods are not counted".to_owned() } else { format!("pods: {pods}") };
    if row.left() >= fit::width(&pods) + 3 {
        return vec![row.gap(3).text(&pods, Role::Normal)];
    }
    vec![row, line().text(&pods, Role::Normal)]
}

/// The pane that says most while the one of gates has the keys.
pub(super) fn telling(scene: &Scene<'_>) -> Pane {
    let Some(told) = &scene.rollout.workload else { return Pane::Slis };
    match (told.runs.is_empty(), scene.rollout.slis.is_empty()) {
        (false, _) => Pane::Analysis,
        (true, false) => Pane::Slis,
        (true, true) => Pane::Objects,
    }
}

/// 120x40 and more: why it does not move beside its objects, analysis and indicators, what happened.
pub(super) fn wide(scene: &Scene<'_>, rest: Rect, buffer: &mut Buffer) -> Option<Position> {
    let rows = |which: Pane| scene.detail.len(which, scene.rollout) as u16 + 1;
    let (runs, slis) = (rows(Pane::Analysis) > 1, !scene.rollout.slis.is_empty());
    let bottom = (rest.height / 5).max(4);
    let least = match (runs, slis) {
        (false, false) => 0,
        _ => rest.height * 45 / 100,
    };
    let most = rest.height.saturating_sub(bottom + least);
    let top = rows(Pane::Gates).max(rows(Pane::Objects)).clamp(6.min(most), most);
    let middle = if least == 0 { 0 } else { rest.height.saturating_sub(top + bottom) };
    let parts = [top, middle, rest.height.saturating_sub(top + middle)];
    let mut y = rest.y;
    let [top, middle, bottom] = parts.map(|height| {
        let part = Rect { y, height, ..rest };
        y += height;
        part
    });
    let half = rest.width / 2;
    let left = |r: Rect| Rect { width: half - 1, ..r };
    let right = |r: Rect| Rect { x: r.x + half, width: r.width - half, ..r };
    let mut places = vec![(Pane::Gates, left(top)), (Pane::Objects, right(top))];
    match (runs, slis) {
        (true, true) => places.extend([(Pane::Analysis, left(middle)), (Pane::Slis, right(middle))]),
        (true, false) => places.push((Pane::Analysis, middle)),
        (false, true) => places.push((Pane::Slis, middle)),
        (false, false) => {}
    }
    places.extend([(Pane::Timeline, left(bottom)), (Pane::Revisions, right(bottom))]);
    let focused = scene.detail.pane;
    if places.iter().all(|(which, _)| *which != focused) {
        // What has nothing to say is shown when somebody asks for it, where the objects are.
        places[1].0 = focused;
    }
    let mut cursor = None;
    for (which, area) in places {
        cursor = pane(scene, which, area, buffer).or(cursor);
    }
    cursor
}

/// Beside the overview: what says something, from the top.
pub(super) fn beside(scene: &Scene<'_>, rest: Rect, buffer: &mut Buffer) {
    let lower = telling(scene);
    let parts = split(rest, &[18, 40, 24, 18]);
    let objects = if lower == Pane::Objects { Pane::Revisions } else { Pane::Objects };
    for (which, part) in [Pane::Gates, lower, objects, Pane::Timeline].into_iter().zip(parts) {
        pane(scene, which, part, buffer);
    }
}

/// What is not known of a workload, as a line.
pub(super) fn remark<'a>(scene: &Scene<'a>, width: u16) -> Option<Row<'a>> {
    let told = scene.rollout.workload.as_ref().filter(|told| !told.remark.is_empty())?;
    let row = Row::new(scene.theme, width).text(" ", Role::Normal).mark(Mark::NoData);
    let text = fit::fit(told.remark.as_str(), row.left(), fit::ellipsis(scene.theme));
    Some(row.text(&text, Role::NoData))
}
