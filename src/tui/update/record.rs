//! The raw record of what is selected.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;

use super::close;
use crate::{
    domain::{SafeText, pretty},
    tui::{
        app::{App, Overlay, View, age::age, notice::Tone},
        intent::Intent,
        message::{Cost, Input, LATELY},
    },
};

fn lines(value: &impl Serialize) -> Vec<String> {
    // Safe types come out as they went in; splitting and bounding each line keeps it so.
    let text = pretty::json(value).unwrap_or_else(|error| error.to_string());
    text.lines().map(|line| SafeText::new(line).as_str().to_owned()).collect()
}

/// Shows the raw record of what is selected.
pub(super) fn open(app: &mut App) {
    let record = match app.view {
        View::Overview | View::Detail | View::Recover => app
            .subject()
            .and_then(|id| app.rollout(&id).map(|rollout| (format!("rollout {id}"), lines(rollout.as_ref())))),
        View::Audit => app.trail.selected().map(|entry| (format!("audit #{}", entry.seq), lines(entry))),
        View::Windows => app.windows.selected().map(|view| (format!("window {}", view.window.id), lines(view))),
        View::Overrides => app.overrides.selected().map(|view| (format!("override {}", view.record.id), lines(view))),
        View::Approvals => app.approvals.selected().map(|view| (format!("approval {}", view.approval.id), lines(view))),
        View::Sites => app
            .sites
            .at(app.sites.list.cursor())
            .map(|(site, lane)| (format!("{}/{}/{}", site.group, site.site, lane.lane), lines(lane))),
        View::Flags => app.flags.selected().map(|view| (format!("flag {}", view.flag.key), lines(view))),
        View::Follow => match app.followed_entry() {
            Some(entry) => Some((format!("audit #{}", entry.seq), lines(entry))),
            None => app.followed().ok().map(|site| (format!("site {}/{}", site.group, site.site), lines(site))),
        },
        View::Contexts => None,
    };
    match record {
        Some((title, lines)) => app.overlay = Overlay::Raw { title, lines, top: 0 },
        None => app.say(Tone::Note, "nothing is selected"),
    }
}

/// Shows what is wrong with the keymap, and every key of it.
pub(super) fn keys(app: &mut App) {
    let (map, mut lines) = (&app.keymap, Vec::new());
    lines.extend(map.findings().iter().map(|finding| finding.notice().to_string()));
    lines.extend(map.remarks().iter().map(|remark| format!("note: {}", remark.notice())));
    let found = match map.findings().len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    let mut context = "";
    for key in map.all() {
        if key.context != context {
            context = key.context;
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(format!("[{context}]"));
        }
        let own = if key.own { "  (yours)" } else { "" };
        lines.push(format!("  {:<20} {:<16} {}{own}", key.keys, key.intent, key.help));
    }
    app.overlay = Overlay::Raw { title: format!("keys of the {} map: {found}", map.name()), lines, top: 0 };
}

/// Shows what painting cost so far: how it was when it was asked for, and it says when that was.
pub(super) fn cost(app: &mut App, cost: &Cost) {
    let millis = |took: Duration| format!("{:.1} ms", took.as_secs_f64() * 1e3);
    let since = TimeDelta::from_std(cost.since).unwrap_or_default();
    // Whoever opened it just now has not seen a minute.
    let (span, lately) = if cost.since < LATELY {
        (cost.since.max(Duration::from_secs(1)), "since it was opened")
    } else {
        (LATELY, "over the last minute")
    };
    let rate = cost.lately as f64 / span.as_secs_f64();
    let rows = [
        ("open for", age(since)),
        ("frames", cost.frames.to_string()),
        ("bytes", format!("{}, {rate:.0} a second {lately}", cost.bytes)),
        ("first frame", format!("{} bytes", cost.first)),
        (
            "last frame",
            match cost.took {
                Some(took) => format!("{} bytes, written in {}", cost.last, millis(took)),
                None => format!("{} bytes, not written yet", cost.last),
            },
        ),
        ("round trip", cost.round_trip.map_or("the terminal does not answer".to_owned(), millis)),
    ];
    let lines = rows.into_iter().map(|(name, value)| format!("{name:<12} {value}")).collect();
    let title = format!("what this dashboard cost until {}", app.clock_seconds(app.server_now()));
    app.overlay = Overlay::Raw { title, lines, top: 0 };
    app.touch();
}

/// Scrolls what is said of the clusters, or closes it.
pub(super) fn scroll_clusters(app: &mut App, input: &Input) -> Vec<crate::tui::message::Command> {
    let page = usize::from(app.area().height.saturating_sub(6)).max(1);
    let last = app.carriers.all().iter().map(|view| 1 + view.remarks.len()).sum::<usize>().saturating_sub(1);
    let Overlay::Clusters { top } = &mut app.overlay else { return Vec::new() };
    if let Input::Intent(intent) = input {
        *top = match intent {
            Intent::Down => *top + 1,
            Intent::Up => top.saturating_sub(1),
            Intent::PageDown | Intent::HalfPageDown => *top + page,
            Intent::PageUp | Intent::HalfPageUp => top.saturating_sub(page),
            Intent::Top => 0,
            Intent::Bottom => last,
            Intent::Back | Intent::Quit | Intent::Open => {
                close(app);
                return Vec::new();
            }
            _ => *top,
        }
        .min(last);
    }
    Vec::new()
}

/// Scrolls the record, copies it, or closes it.
pub(super) fn scroll(app: &mut App, input: &Input) -> Vec<crate::tui::message::Command> {
    if matches!(input, Input::Intent(Intent::Copy)) {
        return super::copy::open(app);
    }
    let page = usize::from(app.area().height.saturating_sub(6)).max(1);
    let Overlay::Raw { lines, top, .. } = &mut app.overlay else { return Vec::new() };
    let last = lines.len().saturating_sub(page);
    if let Input::Intent(intent) = input {
        *top = match intent {
            Intent::Down => *top + 1,
            Intent::Up => top.saturating_sub(1),
            Intent::PageDown => *top + page,
            Intent::PageUp => top.saturating_sub(page),
            Intent::HalfPageDown => *top + page / 2,
            Intent::HalfPageUp => top.saturating_sub(page / 2),
            Intent::Top => 0,
            Intent::Bottom => last,
            Intent::Back | Intent::Quit | Intent::Raw | Intent::Open => {
                close(app);
                return Vec::new();
            }
            _ => *top,
        }
        .min(last);
    }
    Vec::new()
}
