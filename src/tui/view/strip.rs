//! What there is to say of the selected rollout: what blocks it, what passed, what comes next.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{budget, slis::plot, words};
use crate::{
    domain::{Rollout, sli::SliState},
    tui::{
        app::{App, age, attention, change, layout, rollouts::Row as Item, signal, workload},
        theme::{Mark, Role, Theme},
        widget::{
            fit,
            row::{Row, titled},
        },
    },
};

/// Paints the strip.
pub(super) fn draw(app: &App, item: &Item, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let rollout = &item.rollout;
    let exposure = rollout.exposure;
    let (reach, also) = match rollout.workload {
        // What gets it is read first, and an image's name may be long.
        Some(_) => (String::new(), format!("{}  ", workload::reach(rollout))),
        None => {
            (format!("  {} of {} units, {:.0}%", exposure.units, exposure.units_total, exposure.percent), String::new())
        }
    };
    let title = format!(
        "{} {also}{} (from {}){reach}",
        rollout.id(),
        words::version(&rollout.candidate),
        words::version(&rollout.stable),
    );
    titled(theme, area.width, &title, Role::Strong).draw(area, 0, buffer);
    let mut lines: Vec<Row<'_>> = Vec::new();
    if let Some(pending) = &rollout.pending {
        let (mark, text) = words::pending(app, pending);
        lines.push(Row::new(theme, area.width).text(" ", Role::Normal).mark(mark).text(&text, mark.role()));
    }
    let roomy = area.height > 8;
    let past = if area.height >= layout::ROOMY_STRIP { 8 } else { 0 };
    if roomy {
        lines.push(pipeline(rollout, theme, area.width));
        lines.push(Row::new(theme, area.width));
    }
    let room = usize::from(area.height).saturating_sub(1 + past);
    // A budget that holds things up is said everywhere, another one where there is room.
    let budget = budget::line(&rollout.slis, app.is_current(rollout), theme, area.width)
        .filter(|_| roomy || budget::matters(&rollout.slis));
    // `signals`, `next` and `last` keep their lines; blockers take what is left, at least one.
    let for_blockers = room.saturating_sub(lines.len() + 3 + usize::from(budget.is_some())).max(1);
    for (index, blocker) in rollout.blockers.iter().enumerate().take(for_blockers) {
        let (mark, word) = words::blocker(blocker.kind);
        let more = rollout.blockers.len() - for_blockers.min(rollout.blockers.len());
        let tail = if index + 1 == for_blockers && more > 0 { format!("   +{more} more") } else { String::new() };
        let until = blocker.until.map_or_else(String::new, |at| format!("  until {}", words::deadline(app, at)));
        let since = match (blocker.until, blocker.since) {
            (None, Some(at)) => format!("  for {}", age::coarse(app.server_now(), at)),
            _ => String::new(),
        };
        let row = label(theme, area.width, mark, word);
        // That there are more is never cut off.
        let room = row.left().saturating_sub(tail.len());
        let said = fit::fit(&format!("{}{until}{since}", blocker.summary), room, fit::ellipsis(theme));
        lines.push(row.text(&said, Role::Normal).text(&tail, Role::Normal));
    }
    if rollout.blockers.is_empty() && !rollout.phase.is_terminal() {
        lines.push(
            label(theme, area.width, Mark::Passed, "blocks").text("nothing blocks the next promotion", Role::Normal),
        );
    }
    lines.push(
        label(theme, area.width, words::verdict_mark(rollout.verdict.label), "signals")
            .text(&signals(app, rollout), Role::Normal),
    );
    lines.extend(budget);
    let next = rollout.next.as_ref().map_or_else(
        || words::next(app, rollout),
        |next| match next.at {
            Some(at) => format!("{} {}", words::deadline(app, at), next.what),
            None => next.what.as_str().to_owned(),
        },
    );
    lines.push(label(theme, area.width, Mark::Running, "next").text(&next, Role::Normal));
    let stale = app.is_stale(rollout) || app.is_cut_off(rollout);
    let whose = if rollout.workload.is_some() { "cluster" } else { "units" };
    let heard = app.heard(rollout).map_or_else(
        || format!(", {whose} not heard of yet"),
        |at| if stale { format!(", {whose} STALE {}", age::age(app.server_now() - at)) } else { String::new() },
    );
    lines.push(
        label(theme, area.width, if stale { Mark::Stale } else { Mark::Waiting }, "last")
            .text(&format!("{}  {}{heard}", app.day_clock(rollout.updated_at), rollout.message), Role::Normal),
    );
    for (y, line) in lines.into_iter().take(room).enumerate() {
        line.draw(area, y as u16 + 1, buffer);
    }
    if past > 0 {
        let below = Rect { y: area.bottom() - past as u16, height: past as u16, ..area };
        draw_past(app, item, theme, below, buffer);
    }
}

/// The worst indicator's past beside what happened last, once the whole rollout is known.
fn draw_past(app: &App, item: &Item, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(detail) = app.detail.as_ref().filter(|detail| &detail.id == item.id()) else { return };
    let half = area.width / 2;
    let left = Rect { width: half - 1, ..area };
    let right = Rect { x: area.x + half, width: area.width - half, ..area };
    let rollout = app.rollout(&detail.id);
    let slis = rollout.as_deref().map(|rollout| detail.slis(rollout, app.server_now()));
    if let (Some(rollout), Some([worst, ..])) = (rollout.as_deref(), slis.as_deref()) {
        let changes = change::changes(rollout, &detail.timeline);
        let look = plot::Look { doubtful: app.is_cut_off(rollout), ..plot::Look::default() };
        plot::draw(app, worst, &changes, look, theme, left, buffer);
    } else {
        titled(theme, left.width, "no indicator is reported", Role::Heading).draw(left, 0, buffer);
    }
    titled(theme, right.width, "what happened last", Role::Heading).draw(right, 0, buffer);
    for (y, entry) in detail.timeline.iter().take(usize::from(right.height) - 1).enumerate() {
        let why = entry.reason.as_ref().or(entry.effect.as_ref()).map_or("", |text| text.as_str());
        Row::new(theme, right.width)
            .text(" ", Role::Normal)
            .cell(&app.clock_seconds(entry.at), 9, Role::Muted)
            .mark(words::outcome_mark(entry.outcome))
            .cell(entry.action.as_str(), 13, Role::Strong)
            .cell(entry.actor.id.as_str(), 8, Role::Normal)
            .text(why, Role::Normal)
            .draw(right, y as u16 + 1, buffer);
    }
}

fn label<'a>(theme: &'a Theme, width: u16, mark: Mark, word: &str) -> Row<'a> {
    Row::new(theme, width).text(" ", Role::Normal).mark(mark).cell(word, 8, mark.role())
}

/// The indicators in a sentence, the worst first.
fn signals(app: &App, rollout: &Rollout) -> String {
    if rollout.slis.is_empty() {
        return if rollout.verdict.why.is_empty() {
            "no indicator is reported".to_owned()
        } else {
            rollout.verdict.why.as_str().to_owned()
        };
    }
    let now = app.server_now();
    let live = app.is_current(rollout);
    signal::by_need(&rollout.slis, now)
        .into_iter()
        .take(4)
        .map(|sli| {
            let word = signal::word(signal::state(sli, now));
            let shown = |arm| signal::shown(sli, arm, now, live);
            match signal::state(sli, now) {
                SliState::Error | SliState::NoData | SliState::Stale => {
                    let age =
                        signal::since(sli, now).map_or_else(String::new, |at| format!(" {}", age::coarse(now, at)));
                    format!("{} {word}{age}", sli.name)
                }
                _ => format!("{} {} (base {}) {word}", sli.name, shown(sli.canary), shown(sli.baseline)),
            }
        })
        .collect::<Vec<_>>()
        .join("   ")
}

/// The stages in a line: those before, the current one in upper case, those to come.
pub(super) fn pipeline<'a>(rollout: &Rollout, theme: &'a Theme, width: u16) -> Row<'a> {
    let current = attention::current_stage(rollout);
    let stages = rollout.stages.len();
    // Of many stages those around the current one: about 18 columns each.
    let fits = (usize::from(width) / 18).max(2);
    let from = if stages > fits { current.unwrap_or(0).saturating_sub(1).min(stages - fits) } else { 0 };
    let mut row = Row::new(theme, width).text(" ", Role::Normal);
    if from > 0 {
        row = row.text(&format!("{from} before  "), Role::Muted);
    }
    let link = theme.rule().repeat(2);
    for (index, stage) in rollout.stages.iter().enumerate().skip(from).take(fits) {
        let mark = words::stage_mark(rollout, index);
        let here = current == Some(index) && !rollout.phase.is_terminal();
        let name = if here { stage.name.as_str().to_uppercase() } else { stage.name.as_str().to_owned() };
        if index > from {
            row = row.text(&format!(" {link} "), Role::Muted);
        }
        row =
            row.text(&name, if here { Role::Strong } else { Role::Normal }).gap(1).text(theme.mark(mark), mark.role());
        if rollout.workload.is_none() {
            row = row.text(&format!(" {}/{}", stage.exposure.units, stage.exposure.units_total), Role::Normal);
        }
    }
    let after = stages.saturating_sub(from + fits);
    if after > 0 {
        row = row.text(&format!("  {after} after"), Role::Muted);
    }
    row
}
