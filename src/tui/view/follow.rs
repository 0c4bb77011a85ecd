//! One site during a pilot window: what holds it, what runs there, what touches it, and whether anything
//! else was changed since. It changes nothing.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::words;
use crate::{
    backend::{Openness, SiteView},
    domain::{AuditEntry, GateState, OverrideState, SafeText},
    tui::{
        app::{
            App, age, attention,
            follow::{Follow, Known, Touch, has_units_at, is_change, reaches},
            rollouts::scroll,
            signal,
            spots::Spot,
            wording,
        },
        theme::{Mark, Role, Theme},
        widget::{
            bar, fit,
            row::{Row, titled},
        },
    },
};

/// A line: a mark, a name, a text.
type Line = (Option<Mark>, String, Role);

/// Paints the view.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Some(follow) = &app.follow else {
        Row::new(theme, body.width).text(" no site is followed: :follow SITE", Role::Notice).draw(body, 0, buffer);
        return None;
    };
    let site = match app.followed() {
        Ok(site) => site,
        Err(why) => {
            let asking = app.sites.page.is_none() && app.sites.error.is_none();
            let role = if asking { Role::Normal } else { Role::Error };
            Row::new(theme, body.width).text(&format!(" {}  {why}", follow.site), role).draw(body, 0, buffer);
            return None;
        }
    };
    let head = freeze_bar(app, follow, site, theme, body, buffer);
    let rest = Rect { y: body.y + head, height: body.height.saturating_sub(head), ..body };
    let sentences = sentences(app, follow, site);
    let wide = body.width >= 120;
    let columns = usize::from(body.width).saturating_sub(3);
    let said: Vec<(Option<Mark>, String, Role)> = sentences
        .into_iter()
        .flat_map(|(mark, text, role)| {
            let lines = fit::wrap(&text, columns.saturating_sub(2), 2, fit::ellipsis(theme));
            lines.into_iter().enumerate().map(move |(at, text)| (mark.filter(|_| at == 0), text, role))
        })
        .collect();
    let last = said.len() as u16;
    // Of a small screen the lanes have the most, and the log two lines.
    let log_least = last + if rest.height < 22 { 3 } else { 5 };
    let upper = rest.height.saturating_sub(log_least);
    let (lanes, rollout, others) = (lanes(app, site), rollout(app, site), others(app, site));
    let used = if wide {
        let half = body.width / 2;
        let left = Rect { width: half - 1, height: upper, ..rest };
        let right = Rect { x: rest.x + half, width: rest.width - half, height: upper, ..rest };
        let a = sections(theme, left, &[(&lanes.0, &lanes.1), (&others.0, &others.1)], buffer);
        let b = sections(theme, right, &[(&rollout.0, &rollout.1)], buffer);
        a.max(b)
    } else {
        let all = [(&lanes.0, &lanes.1), (&rollout.0, &rollout.1), (&others.0, &others.1)];
        sections(theme, Rect { height: upper, ..rest }, &all, buffer)
    };
    let log = Rect { y: rest.y + used, height: rest.height - used, ..rest };
    let lines = Rect { height: log.height.saturating_sub(last), ..log };
    let cursor = draw_log(app, follow, theme, lines, buffer);
    for (y, (mark, text, role)) in said.iter().enumerate() {
        let row = Row::new(theme, log.width).gap(1);
        let row = match mark {
            Some(mark) => row.mark(*mark),
            None => row.gap(2),
        };
        row.text(text, *role).draw(log, lines.height + y as u16, buffer);
    }
    cursor
}

/// What holds the site: since when, how long still, who set it, what it blocks. Says how many rows it took.
fn freeze_bar(app: &App, follow: &Follow, site: &SiteView, theme: &Theme, body: Rect, buffer: &mut Buffer) -> u16 {
    let now = app.server_now();
    let name = format!("{}/{}", site.group, site.site);
    let row = |y: u16, text: &str, role: Role, buffer: &mut Buffer| {
        Row::new(theme, body.width).text(text, role).draw(body, y, buffer);
    };
    let state = match (&follow.state, &follow.state_error) {
        (_, Some(error)) => {
            row(0, &format!(" ? {name}: whether a window holds it is NOT KNOWN: {error}"), Role::NoData, buffer);
            return 1;
        }
        (None, None) => {
            row(0, &format!(" {name}: asking what holds it"), Role::Normal, buffer);
            return 1;
        }
        (Some(state), None) => state,
    };
    let Some(freeze) = state.decided_by.first() else {
        let next = state.next_transition.filter(|at| *at > now).map_or_else(
            || "no window is to come".to_owned(),
            |at| format!("that changes {} (in {})", app.day_clock(at), age::coarse_left(now, at)),
        );
        let text = match state.state {
            Some(Openness::Closed) => format!(" {name} is CLOSED; {next}"),
            _ => format!(" {} {name} is open: no window holds changes here; {next}", theme.mark(Mark::Passed)),
        };
        row(0, &text, Role::Strong, buffer);
        return 1;
    };
    let ran = age::coarse(now, freeze.since);
    let (until, left, percent) = match freeze.until {
        Some(until) => {
            let whole = (until - freeze.since).num_seconds().max(1);
            let past = (now - freeze.since).num_seconds().clamp(0, whole);
            let left = format!("{} left", age::coarse_left(now, until));
            // Steps of whole percents of a long window are minutes: the bar stands still in between.
            (format!("until {}", app.day_clock(until)), left, Some(past as f64 * 100.0 / whole as f64))
        }
        None => ("until somebody lifts it".to_owned(), "no end is set".to_owned(), None),
    };
    let style = theme.style(Role::BannerFrozen);
    buffer.set_style(Rect { height: 1, ..body }, style);
    let cells = if body.width >= 120 { 30 } else { 12 };
    let bar = percent.map_or_else(String::new, |percent| format!(" [{}]", bar::bar(percent, cells, theme.glyphs())));
    let word = if freeze.effect.is_deny() { "FROZEN" } else { "CLOSED" };
    let text = format!(" {} {name} {word} {until}{bar} {ran} in, {left}", theme.mark(Mark::Frozen));
    Row::new(theme, body.width)
        .styled(&fit::pad(&text, usize::from(body.width), fit::ellipsis(theme)), style)
        .draw(body, 0, buffer);
    let more = match state.decided_by.len() {
        0 | 1 => String::new(),
        n => format!("   +{} more windows", n - 1),
    };
    row(1, &format!("   {}  set by {}  {}{more}", freeze.reason, freeze.by, freeze.window), Role::Strong, buffer);
    let window = app.windows.get(freeze.window.as_str());
    let blocks = window.map_or_else(
        || "what it blocks is not known yet".to_owned(),
        |view| format!("blocks {}; allows {}", wording::blocks(&view.window), wording::allows(&view.window)),
    );
    let mut y = 2;
    let most = if body.height < 24 { 1 } else { 2 };
    for line in fit::wrap(&blocks, usize::from(body.width).saturating_sub(4), most, fit::ellipsis(theme)) {
        row(y, &format!("   {line}"), Role::Normal, buffer);
        y += 1;
    }
    y
}

/// Paints sections one below the other, each with a fair part of the room; says how many rows they took.
fn sections(theme: &Theme, area: Rect, all: &[(&String, &Vec<Line>)], buffer: &mut Buffer) -> u16 {
    let mut y = 0;
    for (index, (title, lines)) in all.iter().enumerate() {
        let left = area.height.saturating_sub(y);
        if left < 2 {
            break;
        }
        // Those that come after need a title and a line each.
        let after: u16 = all[index + 1..].iter().map(|(_, lines)| 1 + (lines.len() as u16).min(2)).sum();
        let room = left.saturating_sub(after).max(2).min(1 + lines.len() as u16);
        titled(theme, area.width, title, Role::Heading).draw(area, y, buffer);
        let shown = usize::from(room - 1);
        for (at, (mark, text, role)) in lines.iter().take(shown).enumerate() {
            let row = Row::new(theme, area.width).gap(1);
            let row = match mark {
                Some(mark) => row.mark(*mark),
                None => row.gap(2),
            };
            let more = lines.len() - shown;
            if at + 1 == shown && more > 0 {
                row.text(&format!("{} more need more room", more + 1), Role::Notice)
            } else {
                row.text(text, *role)
            }
            .draw(area, y + 1 + at as u16, buffer);
        }
        y += room;
    }
    y
}

/// The lanes with what is wanted and what is measured.
fn lanes(app: &App, site: &SiteView) -> (String, Vec<Line>) {
    let version = |digest: &crate::domain::Digest| {
        let of = |version: &crate::domain::VersionRef| {
            (version.snapshot.as_ref() == Some(digest)).then(|| version.version.clone()).flatten()
        };
        let named = app.rollouts.iter().find_map(|row| of(&row.rollout.candidate).or_else(|| of(&row.rollout.stable)));
        named.map_or_else(|| digest.short().to_owned(), |name| name.as_str().to_owned())
    };
    let now = app.server_now();
    let lines: Vec<Line> = site
        .lanes
        .iter()
        .map(|lane| {
            let (mark, word) = super::sites::state(lane);
            let wanted = lane.desired.as_ref().map_or_else(|| "nothing".to_owned(), version);
            let report = lane.report.as_ref();
            let runs = match (report.and_then(|r| r.measured.as_ref()), report.and_then(|r| r.claimed.as_ref())) {
                (Some(digest), _) => format!("measured {}", version(digest)),
                (None, Some(digest)) => format!("ONLY CLAIMED {}", version(digest)),
                (None, None) => "NOT MEASURED".to_owned(),
            };
            let seen =
                lane.seen_at.map_or_else(|| "never seen".to_owned(), |at| format!("seen {} ago", age::coarse(now, at)));
            let seen = if lane.reachable { String::new() } else { format!("  {seen}") };
            let drift = lane.drift.as_ref().map_or_else(String::new, |drift| format!("  {drift}"));
            let text = format!("{:<9} {:<6} wanted {wanted}  {runs}{seen}{drift}", word, lane.lane.as_str());
            (Some(mark), SafeText::new(text).as_str().to_owned(), mark.role())
        })
        .collect();
    (format!("lanes {}", site.lanes.len()), lines)
}

/// Gates and indicators of the rollout that touches the site.
fn rollout(app: &App, site: &SiteView) -> (String, Vec<Line>) {
    let ids = app.followed_rollouts();
    let Some(id) = ids.first() else {
        return ("rollouts".to_owned(), vec![(None, format!("no rollout is over {}", site.group), Role::Muted)]);
    };
    let Some(rollout) = app.rollout(id) else { return ("rollouts".to_owned(), Vec::new()) };
    let now = app.server_now();
    let class = attention::Class::of(&rollout);
    let more = match ids.len() {
        1 => String::new(),
        n => format!("  +{} more in {}", n - 1, site.group),
    };
    let title = format!(
        "{id} {} <- {}  {}{more}",
        words::version(&rollout.candidate),
        words::version(&rollout.stable),
        class.word()
    );
    let mut lines: Vec<Line> = Vec::new();
    match has_units_at(&rollout, &site.site) {
        Some(true) => {
            let here: Vec<_> = rollout.units.iter().flatten().filter(|unit| unit.site == site.site).collect();
            let stages: Vec<String> = here
                .iter()
                .map(|unit| {
                    let stage = unit.stage.as_ref().map_or("no stage", |stage| stage.as_str());
                    format!("{} in {stage}: {}", unit.lane, unit.state)
                })
                .collect();
            lines.push((Some(Mark::Running), format!("touches this site: {}", stages.join(", ")), Role::Strong));
        }
        Some(false) => lines.push((
            Some(Mark::Passed),
            "does not touch this site: none of its units is here".to_owned(),
            Role::Normal,
        )),
        None => lines.push((
            Some(Mark::NoData),
            "whether it touches this site is not known yet: not all of its units are known".to_owned(),
            Role::NoData,
        )),
    }
    if app.is_stale(&rollout) || app.is_cut_off(&rollout) {
        let heard = app.heard(&rollout).map_or_else(|| "never".to_owned(), |at| format!("{} ago", age::age(now - at)));
        lines.push((Some(Mark::Stale), format!("STALE: last heard of {heard}"), Role::Stale));
    }
    for blocker in rollout.blockers.iter().take(3) {
        let (mark, word) = words::blocker(blocker.kind);
        lines.push((Some(mark), format!("{word}  {}", blocker.summary), mark.role()));
    }
    let stage = attention::current_stage(&rollout).and_then(|at| rollout.stages.get(at));
    for gate in stage.and_then(|stage| stage.gates.as_ref()).into_iter().flatten() {
        let (mark, word) = words::gate(gate.state);
        let role = if gate.state == GateState::Pass { Role::Normal } else { mark.role() };
        lines.push((Some(mark), format!("gate {} {word}  {}", gate.name, gate.detail), role));
    }
    let live = app.is_current(&rollout);
    for sli in signal::by_need(&rollout.slis, now) {
        let state = signal::state(sli, now);
        let mark = words::sli_mark(state);
        let shown = |arm| signal::shown(sli, arm, now, live);
        lines.push((
            Some(mark),
            format!("{} {} (base {}) {}", sli.name, shown(sli.canary), shown(sli.baseline), signal::word(state)),
            mark.role(),
        ));
    }
    (title, lines)
}

/// What each flag is at the site, what differs first.
fn flags(app: &App, site: &SiteView) -> Vec<Line> {
    let mut lines: Vec<(u8, Line)> = Vec::new();
    for view in app.flags.all() {
        let here: Vec<_> =
            view.places.iter().filter(|place| place.group == site.group && place.site == site.site).collect();
        if here.is_empty() {
            continue;
        }
        let mut worst = (2, Mark::Passed);
        let lanes: Vec<String> = here
            .iter()
            .map(|place| {
                let wanted = place.wanted.as_ref().map_or("by targeting key", SafeText::as_str);
                match (&place.wanted, &place.actual) {
                    (Some(want), Some(has)) if want != has => {
                        worst = (0, Mark::Fail);
                        format!("{} {wanted} but serves {has}", place.lane)
                    }
                    (_, None) => {
                        if worst.0 > 1 {
                            worst = (1, Mark::NoData);
                        }
                        format!("{} {wanted}, not said what it serves", place.lane)
                    }
                    _ => format!("{} {wanted}", place.lane),
                }
            })
            .collect();
        let rule = here.iter().find_map(|place| place.rule.as_ref());
        let rule = rule.map_or_else(String::new, |rule| format!("  by {rule}"));
        let killed = if view.flag.killed.is_some() { " KILLED" } else { "" };
        let text = format!("flag {}{killed}  {}{rule}", view.flag.key, lanes.join("  "));
        lines.push((worst.0, (Some(worst.1), text, worst.1.role())));
    }
    lines.sort_by_key(|(need, _)| *need);
    if lines.is_empty() {
        let said = match (&app.flags.error, &app.flags.page) {
            (Some(error), _) => format!("flags are not to be had: {error}"),
            (None, None) => "asking for flags".to_owned(),
            (None, Some(_)) => "no flag is defined for this site".to_owned(),
        };
        return vec![(None, said, Role::Muted)];
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Flags at the site, overrides that reach it, and windows to come.
fn others(app: &App, site: &SiteView) -> (String, Vec<Line>) {
    let mut lines: Vec<Line> = flags(app, site);
    let now = app.server_now();
    let reached = |view: &&crate::backend::OverrideView| {
        let record = &view.record;
        let of_rollout = record.rollout.as_ref().is_none_or(|id| id.target == site.group);
        of_rollout && record.scope.as_ref().is_none_or(|scope| reaches(scope, site))
    };
    let mut overrides = 0;
    for view in app.overrides.all().iter().filter(reached) {
        let record = &view.record;
        let is_open =
            matches!(record.state(now), OverrideState::Active | OverrideState::Waiting | OverrideState::Upcoming);
        if !is_open && record.uses.is_empty() && !record.awaits_countersign() {
            continue;
        }
        overrides += 1;
        let (mark, word) = super::overrides::state(app, view);
        let what = crate::tui::app::overrides::subject(view);
        lines.push((
            Some(mark),
            format!(
                "override {} {word}: {what}, by {}, {} of {} uses left",
                record.id,
                record.requested_by,
                record.uses_left(),
                record.uses_max
            ),
            mark.role(),
        ));
        for used in &record.uses {
            lines.push((
                Some(Mark::NeedsPerson),
                format!("  used {} by {} for {}", app.day_clock(used.at), used.by, wording::operation(used.action)),
                Role::NeedsPerson,
            ));
        }
    }
    if overrides == 0 {
        let said = match (&app.overrides.error, app.overrides.is_loaded()) {
            (Some(error), _) => format!("overrides are not to be had: {error}"),
            (None, false) => "asking for overrides".to_owned(),
            (None, true) => "no override can reach or has reached this site".to_owned(),
        };
        lines.push((None, said, Role::Muted));
    }
    ("flags and overrides here".to_owned(), lines)
}

/// Whether anything else changed, in words that are exactly true; and what cannot be known.
fn sentences(app: &App, follow: &Follow, site: &SiteView) -> Vec<Line> {
    let elapsed = app.now.elapsed;
    let Some((since, by_window)) = follow.since() else {
        return vec![(Some(Mark::Waiting), "what changed here is not known yet".to_owned(), Role::Normal)];
    };
    let from =
        if by_window { format!("{} (when the window began)", app.day_clock(since)) } else { app.day_clock(since) };
    let (last, signed) = follow.reached();
    let known = if app.link.is_live(elapsed) { follow.known(elapsed) } else { Known::Old(std::time::Duration::ZERO) };
    let log = app.followed_log();
    let changed: Vec<_> = log.iter().filter(|(entry, _)| is_change(entry)).collect();
    let (changes, perhaps) = (changed.len(), log.iter().filter(|(_, touch)| *touch == Touch::Perhaps).count());
    let mut out: Vec<Line> = Vec::new();
    match known {
        Known::All if follow.dropped() > 0 => out.push((
            Some(Mark::NoData),
            format!("{} older entries are not shown: :audit site:{} since has them", follow.dropped(), site.site),
            Role::NoData,
        )),
        Known::All => {
            let what = match (changes, perhaps) {
                (0, _) => format!("nothing changed at {} since {from}", site.site),
                (_, 0) => format!("nothing else changed at {} since {from}", site.site),
                (_, 1) => {
                    format!("nothing else changed at {} since {from}; the one marked ? may be elsewhere", site.site)
                }
                (_, n) => format!("nothing else changed at {} since {from}; {n} marked ? may be elsewhere", site.site),
            };
            let signed = match signed {
                Some(size) if size >= last => ", all of it signed".to_owned(),
                Some(size) => format!(", signed up to #{size}"),
                None => ", none of it signed yet".to_owned(),
            };
            let read = match follow.looked_at() {
                0 => "the trail has no entry since then".to_owned(),
                n => format!("{n} entries were read, to the end of the trail (#{last}){signed}"),
            };
            out.push((Some(Mark::Passed), format!("{what}: {read}"), Role::Strong));
        }
        Known::NotYet | Known::Reading => out.push((
            Some(Mark::Waiting),
            format!("reading the trail since {from}: whether anything else changed is not known yet"),
            Role::Normal,
        )),
        Known::Old(_) => {
            let at = app.link.as_of().map_or_else(|| "the beginning".to_owned(), |at| app.clock_seconds(at));
            out.push((
                Some(Mark::Stale),
                format!("NOT KNOWN whether anything changed here after {at}: the trail was not read since"),
                Role::Stale,
            ));
        }
        Known::Not(why) => out.push((
            Some(Mark::NoData),
            format!("NOT KNOWN whether anything else changed here: the trail cannot be read: {why}"),
            Role::NoData,
        )),
    }
    let silent = site.lanes.iter().filter(|lane| !lane.reachable).count();
    if silent > 0 {
        let lanes = if silent == 1 { "1 lane is".to_owned() } else { format!("{silent} lanes are") };
        out.push((
            Some(Mark::NoData),
            format!("{lanes} silent: what runs there now is not known, whatever was ordered"),
            Role::NoData,
        ));
    }
    out
}

/// What touched the site, the newest first.
fn draw_log(app: &App, follow: &Follow, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if area.height == 0 {
        return None;
    }
    let log = app.followed_log();
    let since = follow.since().map_or_else(String::new, |(since, _)| format!(" since {}", app.day_clock(since)));
    let count = log.len();
    titled(theme, area.width, &format!("what touched it{since}: {count}"), Role::Heading).draw(area, 0, buffer);
    let height = usize::from(area.height) - 1;
    follow.shown.set(area.height - 1);
    let selected = app.followed_cursor(&log);
    let top = scroll(selected.saturating_sub(height / 2), selected, height, count);
    let mut cursor = None;
    for (y, (entry, touch)) in log.iter().skip(top).take(height).enumerate() {
        let (at, y) = (top + y, y as u16 + 1);
        app.note_line(area, y, Spot::Row(at));
        let row = line(app, entry, *touch, at == selected, theme, area.width);
        if at == selected {
            cursor = row.draw_selected(area, y, buffer);
        } else {
            row.draw(area, y, buffer);
        }
    }
    cursor.or((height > 0).then_some(Position { x: area.x, y: area.y + 1 }))
}

fn line<'a>(app: &App, entry: &AuditEntry, touch: Touch, selected: bool, theme: &'a Theme, width: u16) -> Row<'a> {
    let word = match entry.outcome {
        crate::domain::Outcome::Applied => String::new(),
        outcome => format!("{}: ", crate::tui::update::outcome_word(outcome)),
    };
    let why = entry.reason.as_ref().map(|reason| format!("\"{reason}\""));
    let effect = entry.effect.as_ref().map(|effect| effect.as_str().to_owned()).filter(|effect| !effect.is_empty());
    let under = if entry.outcome == crate::domain::Outcome::Refused { "naming" } else { "under" };
    let allowed = entry.override_id.as_ref().map(|id| format!("{under} {id}"));
    let agreed: Vec<&str> = entry.approved_by.iter().map(SafeText::as_str).collect();
    let agreed = (!agreed.is_empty()).then(|| format!("agreed to by {}", agreed.join(", ")));
    // Who allowed it is what is asked first after who did it.
    let said: Vec<String> = allowed.into_iter().chain(agreed).chain(why).chain(effect).collect();
    let mark = words::outcome_mark(entry.outcome);
    // A blank in a role of its own would be a spot of colour where the line is selected.
    let (sure, role) = if touch == Touch::Perhaps { ("?", Role::NoData) } else { (" ", Role::Normal) };
    let wide = width >= 110;
    Row::new(theme, width)
        .text(if selected { ">" } else { " " }, Role::Normal)
        .mark(mark)
        .cell(&app.day_clock(entry.at), if wide { 14 } else { 13 }, Role::Muted)
        .cell(entry.actor.id.as_str(), if wide { 12 } else { 8 }, Role::Normal)
        .cell(entry.action.as_str(), if wide { 18 } else { 13 }, Role::Strong)
        .text(sure, role)
        .cell(&entry.subject.to_string(), if wide { 28 } else { 18 }, Role::Normal)
        .text(&format!("{word}{}", said.join("  ")), Role::Normal)
}
