//! Guided recovery: three questions, then what changed, what speaks for it, what can be done, and what will
//! show that it worked. Nothing is sent from here.

mod lines;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{slis::plot, words};
use crate::tui::{
    app::{
        App, attention, change,
        recover::{
            Answers, Findings, Situation,
            course::{Question, Recover},
            signs::Symptom,
        },
        signal,
    },
    theme::{Mark, Role, Theme},
    widget::{
        fit,
        row::{Row, titled, titled_ends},
    },
};
use lines::{mark, role};

/// From this width on there are two columns.
const WIDE: u16 = 110;

/// What the view needs to be painted.
struct Scene<'a> {
    app: &'a App,
    theme: &'a Theme,
    recover: &'a Recover,
    situation: &'a Situation<'a>,
    answers: &'a Answers,
    findings: &'a Findings,
}

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let situation = match app.situation() {
        Ok(situation) => situation,
        Err(why) => {
            Row::new(theme, body.width).text(&format!(" {why}"), Role::Notice).draw(body, 0, buffer);
            return None;
        }
    };
    let recover = app.recover.as_ref()?;
    let (answers, findings) = app.findings(&situation)?;
    let scene = Scene { app, theme, recover, situation: &situation, answers: &answers, findings: &findings };
    let head = path(&scene, body, buffer);
    let rest = Rect { y: body.y + head, height: body.height.saturating_sub(head), ..body };
    if rest.width < WIDE {
        return column(&scene, rest, buffer, true);
    }
    let left = Rect { width: rest.width * 54 / 100, ..rest };
    let right = Rect { x: rest.x + left.width + 1, width: rest.width - left.width - 1, ..rest };
    beside(&scene, right, buffer);
    column(&scene, left, buffer, false)
}

/// What is recovered, what was said so far, and what may not hold of it; says how many rows that took.
fn path(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) -> u16 {
    let Scene { theme, recover, situation, .. } = scene;
    let what = situation.id().map_or_else(
        || match &situation.site {
            Some(site) => format!("{}/{site}", situation.target),
            None => situation.target.to_string(),
        },
        |id| id.to_string(),
    );
    let mut row = Row::new(theme, body.width).gap(1);
    if let Some(rollout) = situation.rollout.as_deref() {
        let class = attention::Class::of(rollout);
        if let Some(mark) = words::class_mark(class) {
            row = row.mark(mark);
        }
        row = row.text(&what, Role::Strong).gap(1).text(class.word(), words::class_role(class));
    } else {
        row = row.text(&what, Role::Strong);
    }
    let (symptom, began, spot) = recover.said();
    let said = [
        symptom.map(|symptom| lines::symptom(situation, symptom)),
        began.map(|(at, estimate)| format!("{}{}", if estimate { "about " } else { "" }, situation.clock(at))),
        spot.map(|spot| situation.spot_words(spot)),
    ];
    for part in said.into_iter().flatten() {
        row = row.text("  > ", Role::Muted).text(&part, Role::Normal);
    }
    let number = format!("  {}/4", recover.question.number());
    let used = usize::from(body.width) - row.left();
    row = if row.left() > number.len() { row.to(usize::from(body.width) - number.len() - 1) } else { row };
    row = if used + number.len() < usize::from(body.width) { row.text(&number, Role::Strong) } else { row };
    row.draw(body, 0, buffer);
    let Some(doubt) = &situation.doubt else { return 1 };
    Row::new(theme, body.width)
        .gap(1)
        .mark(Mark::Stale)
        .text(&format!("{doubt}: nothing is ranked, no data is no evidence"), Role::Stale)
        .draw(body, 1, buffer);
    2
}

/// One below the other: the open question or the answer. `all`: with what is beside it on wide screens.
fn column(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer, all: bool) -> Option<Position> {
    if scene.recover.question != Question::Answer {
        return question(scene, area, buffer);
    }
    let Findings { evidence, steps, worked, .. } = scene.findings;
    let width = usize::from(area.width);
    let wanted = [
        lines::changes_wanted(scene.findings, width),
        if all { evidence.len().max(1) } else { 0 },
        // One more for what the selected step costs.
        steps.len() + 1,
        worked.lines.len(),
    ];
    let titles = if all { 4 } else { 3 };
    let room = share(usize::from(area.height).saturating_sub(titles), wanted, [2, 0, 1, 3]);
    let mut y = section(
        scene,
        area,
        0,
        &what_changed(scene),
        &lines::changes(scene.theme, scene.situation, scene.findings, width, room[0]),
        buffer,
    );
    if all {
        let title = counted_title("does the evidence agree?", room[1], evidence.len());
        y = section(scene, area, y, &title, &lines::evidence(scene.theme, scene.findings, width, room[1]), buffer);
    }
    let cursor = draw_steps(scene, area, y, room[2], buffer);
    y = (y + 1 + room[2] as u16).min(area.height);
    let told: Vec<_> =
        worked.lines.iter().map(|line| (Some(mark(line.weight)), line.text.clone(), role(line.weight))).collect();
    section(scene, area, y, "how you will know it worked", &lines::wrapped(scene.theme, &told, width, room[3]), buffer);
    cursor
}

fn what_changed(scene: &Scene<'_>) -> String {
    let Scene { situation, answers, .. } = scene;
    let place = match &answers.spot {
        crate::tui::app::recover::signs::Spot::Site(site) => site.to_string(),
        _ => situation.target.to_string(),
    };
    format!("what changed at {place} in the hour before {}", situation.clock_seconds(answers.began))
}

fn counted_title(title: &str, shown: usize, of: usize) -> String {
    if shown < of { format!("{title}  {shown} of {of}") } else { title.to_owned() }
}

/// Gives rows to sections, one to each in turn until they have what they want: of a small screen each has its
/// most important lines. `order`: which of them is served first.
fn share(mut rows: usize, wanted: [usize; 4], order: [usize; 4]) -> [usize; 4] {
    let mut given = [0; 4];
    while rows > 0 && given != wanted {
        for at in order {
            if rows > 0 && given[at] < wanted[at] {
                given[at] += 1;
                rows -= 1;
            }
        }
    }
    given
}

/// Paints a title and lines below it; says the row after them.
fn section(scene: &Scene<'_>, area: Rect, y: u16, title: &str, lines: &[lines::Line], buffer: &mut Buffer) -> u16 {
    titled(scene.theme, area.width, title, Role::Heading).draw(area, y, buffer);
    for (at, (mark, text, role)) in lines.iter().enumerate() {
        let row = Row::new(scene.theme, area.width).gap(1);
        let row = match mark {
            Some(mark) => row.mark(*mark),
            None => row.gap(2),
        };
        row.text(text, *role).draw(area, y + 1 + at as u16, buffer);
    }
    y + 1 + lines.len() as u16
}

/// Steps with their numbers, and what the selected one costs.
fn draw_steps(scene: &Scene<'_>, area: Rect, y: u16, room: usize, buffer: &mut Buffer) -> Option<Position> {
    let Scene { theme, recover, findings, .. } = scene;
    let steps = &findings.steps;
    // The last row says more of the selected step, where there is room for two steps beside it.
    let more = room > 2;
    let height = if more { room - 1 } else { room };
    let cursor = recover.cursor.min(steps.len().saturating_sub(1));
    let top = (cursor + 1).saturating_sub(height);
    let title = counted_title("safest next step first", height, steps.len());
    titled_ends(theme, area.width, (&title, Role::Heading), ("a number opens its dialog, nothing is sent", Role::Hint))
        .draw(area, y, buffer);
    let mut place = None;
    let wide = area.width >= WIDE;
    for (row, (at, step)) in steps.iter().enumerate().skip(top).take(height).enumerate() {
        let selected = at == cursor;
        let usable = step.why_not.is_none();
        let role = if usable { Role::Normal } else { Role::Muted };
        let number = if at < 9 { (at + 1).to_string() } else { " ".to_owned() };
        let line = Row::new(theme, area.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .text(&number, Role::Key)
            .gap(1)
            .cell(&step.words, if wide { 34 } else { 29 }, if usable { Role::Strong } else { Role::Muted });
        let tail = match &step.why_not {
            Some(why) => format!("no: {why}"),
            None if !step.helps.is_empty() => format!("{}; {}", step.stops, step.helps),
            None => step.stops.clone(),
        };
        let line = line.text(&fit::fit(&tail, line_room(area, wide), fit::ellipsis(theme)), role);
        let at = y + 1 + row as u16;
        if selected {
            place = line.draw_selected(area, at, buffer);
        } else {
            line.draw(area, at, buffer);
        }
    }
    if let Some(step) = steps.get(cursor).filter(|_| more) {
        let why = step.why_not.as_ref().map_or_else(String::new, |why| format!("no: {why}"));
        let mut parts: Vec<String> = vec![why, step.stops.clone()];
        if !step.costs.is_empty() {
            parts.push(format!("costs: {}", step.costs));
        }
        if !step.undo.is_empty() {
            parts.push(format!("undo: {}", step.undo));
        }
        if !step.helps.is_empty() {
            parts.push(step.helps.clone());
        }
        parts.retain(|part| !part.is_empty());
        let row = y + 1 + steps.len().saturating_sub(top).min(height) as u16;
        Row::new(theme, area.width).gap(3).text(&parts.join("; "), Role::Hint).draw(area, row, buffer);
    }
    place
}

fn line_room(area: Rect, wide: bool) -> usize {
    usize::from(area.width).saturating_sub(if wide { 38 } else { 33 })
}

/// The open question, each answer with its number; what is known so far below it.
fn question(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Scene { theme, recover, situation, .. } = scene;
    let (title, options) = lines::question(recover, situation);
    titled_ends(theme, area.width, (&title, Role::Heading), ("enter takes it, esc goes back", Role::Hint))
        .draw(area, 0, buffer);
    let height = usize::from(area.height).saturating_sub(1).min(options.len());
    let cursor = recover.cursor.min(options.len().saturating_sub(1));
    let top = (cursor + 1).saturating_sub(height);
    let mut place = None;
    for (row, (at, (sign, text, role))) in options.iter().enumerate().skip(top).take(height).enumerate() {
        let selected = at == cursor;
        let number = if at < 9 { (at + 1).to_string() } else { " ".to_owned() };
        let line = Row::new(theme, area.width)
            .text(if selected { ">" } else { " " }, Role::Normal)
            .text(&number, Role::Key)
            .gap(1);
        let line = match sign {
            Some(sign) => line.mark(*sign),
            None => line.gap(2),
        };
        let line = line.text(text, *role);
        if selected {
            place = line.draw_selected(area, row as u16 + 1, buffer);
        } else {
            line.draw(area, row as u16 + 1, buffer);
        }
    }
    // What the answer would rest on, as far as it is known.
    let y = height as u16 + 2;
    let left = usize::from(area.height.saturating_sub(y));
    if left > 2 {
        let width = usize::from(area.width);
        let room = (left - 1).min(lines::changes_wanted(scene.findings, width));
        section(
            scene,
            area,
            y,
            &what_changed(scene),
            &lines::changes(theme, situation, scene.findings, width, room),
            buffer,
        );
    }
    place
}

/// Beside the questions: evidence, two charts, and where there is room what is in the trail.
fn beside(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Scene { app, theme, situation, findings, .. } = scene;
    let width = usize::from(area.width);
    let all = lines::evidence_wrapped(theme, findings, width);
    let most = usize::from(area.height / 3).max(3);
    let shown = all.len().min(most);
    let mut y = section(scene, area, 0, "does the evidence agree?", &all[..shown], buffer) + 1;
    let trail = if area.height >= 45 { area.height / 4 } else { 0 };
    let rows = area.height.saturating_sub(y + trail);
    if let Some(rollout) = situation.rollout.as_deref() {
        let slis = charts(scene, rollout);
        let each = rows / (slis.len().max(1) as u16);
        let timeline = app.detail.as_ref().map_or(&[][..], |detail| &detail.timeline);
        let marks = change::changes(rollout, timeline);
        let look = plot::Look { doubtful: situation.doubt.is_some(), ..plot::Look::default() };
        if each >= 4 {
            for sli in slis {
                let at = Rect { y: area.y + y, height: each.min(14), ..area };
                plot::draw(app, sli, &marks, look, theme, at, buffer);
                y += at.height;
            }
        }
    }
    let left = area.height.saturating_sub(y + 1);
    if area.height >= 45 && left >= 4 {
        let below = Rect { y: area.y + y, height: left, ..area };
        titled(theme, area.width, "the trail since an hour before", Role::Heading).draw(below, 0, buffer);
        for (row, entry) in situation.entries.iter().take(usize::from(left) - 1).enumerate() {
            lines::entry(app, entry, theme, area.width).draw(below, row as u16 + 1, buffer);
        }
    }
}

/// The two indicators that say most: the symptom's, then by need.
fn charts<'a>(scene: &Scene<'_>, rollout: &'a crate::domain::Rollout) -> Vec<&'a crate::domain::Sli> {
    let mut slis = signal::by_need(&rollout.slis, scene.situation.now);
    if let Symptom::Indicator(name) = &scene.answers.symptom {
        slis.sort_by_key(|sli| sli.name != *name);
    }
    slis.truncate(2);
    slis
}
