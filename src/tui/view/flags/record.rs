//! What there is to say of the selected flag and cell: wanted against actual, why, whose, until when, and
//! what happened to it.

use chrono::{DateTime, Utc};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    backend::{FlagPlace, FlagView, OverrideView},
    domain::{
        FlagDefinition, FlagReason, FlagStage, OverrideState, SafeText,
        flag::{Condition, FlagRule, Serve},
    },
    tui::{
        app::{
            App, age, figure,
            flags::{
                Column, Flags,
                cell::{Cell, Serves, State},
            },
            layout::FlagParts,
        },
        theme::{Mark, Role, Theme},
        view::words,
        widget::{
            fit,
            row::{Row, titled},
        },
    },
};

/// One line: what it is about, a mark, what it says.
struct Line {
    name: &'static str,
    mark: Option<Mark>,
    text: String,
    role: Role,
}

impl Line {
    fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, mark: None, text: text.into(), role: Role::Normal }
    }

    fn marked(name: &'static str, mark: Mark, text: impl Into<String>) -> Self {
        Self { name, mark: Some(mark), text: text.into(), role: mark.role() }
    }
}

/// Paints it.
pub(super) fn draw(app: &App, view: &FlagView, theme: &Theme, parts: &FlagParts, buffer: &mut Buffer) {
    let area = parts.record;
    if area.height < 2 {
        return;
    }
    let column = app.flags.selected_column().map(|(_, column)| column);
    let at = column.map_or_else(String::new, |column| format!("   {}", named(column)));
    titled(theme, area.width, &format!("{}{at}", view.flag.key), Role::Strong).draw(area, 0, buffer);
    let lines = lines(app, view, column);
    let beside = parts.history.is_some();
    let room = if beside { area.height - 1 } else { area.height.saturating_sub(1).saturating_sub(history_rows(area)) };
    let columns = usize::from(area.width).saturating_sub(13).max(10);
    // What there is to say comes before how it goes on: lines are broken only where all have room.
    let wrap = |most: usize| -> Vec<(usize, usize, String)> {
        let mut out = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let parts = fit::wrap(&line.text, columns, most, fit::ellipsis(theme));
            out.extend(parts.into_iter().enumerate().map(|(part, text)| (at, part, text)));
        }
        out
    };
    let shown = (2..=4).rev().map(wrap).find(|shown| shown.len() <= usize::from(room)).unwrap_or_else(|| wrap(1));
    for (y, (at, part, text)) in shown.into_iter().take(usize::from(room)).enumerate() {
        let line = &lines[at];
        let name = if part == 0 { line.name } else { "" };
        let mut row = Row::new(theme, area.width).text(" ", Role::Normal).cell(name, 8, Role::Muted);
        row = match line.mark {
            Some(mark) if part == 0 => row.mark(mark),
            Some(_) => row.gap(2),
            None => row,
        };
        row.text(&text, line.role).draw(area, y as u16 + 1, buffer);
    }
    let history = parts.history.unwrap_or_else(|| {
        let rows = history_rows(area);
        Rect { y: area.bottom() - rows, height: rows, ..area }
    });
    draw_history(app, view, theme, history, buffer);
}

/// Rows of the history below the record, its rule included.
const fn history_rows(area: Rect) -> u16 {
    if area.height >= 9 { 3 } else { 0 }
}

/// Overrides that let the flag pass a window now, and how long each is still good for.
pub(super) fn overrides<'a>(app: &'a App, view: &FlagView) -> Vec<(&'a OverrideView, String)> {
    let now = app.server_now();
    let key = view.flag.key.as_str();
    let counts = |view: &&OverrideView| {
        view.record.flag.as_ref().is_some_and(|flag| flag.as_str() == key)
            && view.record.state(now) == OverrideState::Active
    };
    let left = |view: &'a OverrideView| (view, age::coarse_left(now, view.record.expires_at));
    app.overrides.all().iter().filter(counts).map(left).collect()
}

fn named(column: &Column) -> String {
    match column {
        Column::Lane(unit) => unit.to_string(),
        Column::Stage(Some(stage)) => format!("stage {stage}"),
        Column::Stage(None) => "units of no rollout".to_owned(),
    }
}

fn lines(app: &App, view: &FlagView, column: Option<&Column>) -> Vec<Line> {
    let now = app.server_now();
    let flag = &view.flag;
    let definition = &flag.definition;
    let mut lines = Vec::new();
    if let Some(killed) = &flag.killed {
        let text = format!(
            "KILLED {} by {}: {}   every place gets '{}'",
            app.day_clock(killed.at),
            killed.by,
            killed.reason,
            SafeText::new(&definition.off_variant)
        );
        lines.push(Line::marked("killed", Mark::Fail, text));
    }
    let places = column.map(|column| Flags::places(view, column)).unwrap_or_default();
    lines.extend(here(view, &places));
    match view.stage {
        FlagStage::Live => {}
        stage => {
            let word = match stage {
                FlagStage::Stale => "STALE",
                FlagStage::Due => "DUE",
                _ => "EXPIRED",
            };
            let why = view.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            lines.push(Line::marked("stage", Mark::NeedsPerson, format!("{word}{why}")));
        }
    }
    for (view, left) in overrides(app, view) {
        let text = format!("{} {left} left, {} uses: {}", view.record.id, view.uses_left, view.record.reason);
        lines.push(Line::marked("override", Mark::Frozen, text));
    }
    if let Some(rollout) = &view.rollout {
        lines.push(Line::marked("plan", Mark::Running, format!("{rollout} widens it")));
    }
    let switch = if definition.enabled { "switched on" } else { "switched off" };
    lines.push(Line::new(
        "owner",
        format!("{}   {}   {switch}   revision {}", definition.owner, kind(definition), flag.revision),
    ));
    lines.push(Line::new("serves", variants(definition)));
    lines.push(Line::new(
        "since",
        format!(
            "{} {} by {}: {}",
            age::coarse(now, flag.changed_at),
            app.day_clock(flag.changed_at),
            flag.changed_by,
            flag.reason
        ),
    ));
    let ago =
        |at: Option<DateTime<Utc>>| at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", age::coarse(now, at)));
    let here = match places.as_slice() {
        [place] => format!("evaluated here {}, anywhere", ago(place.last_evaluated_at)),
        _ => "evaluated anywhere".to_owned(),
    };
    let seen = ago(view.last_evaluated_at);
    let dates = [("expires", definition.expires_at), ("review", definition.review_at)];
    let dates: Vec<String> =
        dates.into_iter().filter_map(|(word, at)| at.map(|at| format!("{word} {}", app.day_clock(at)))).collect();
    lines.push(Line::new("seen", format!("{here} {seen}   {}", dates.join("   "))));
    if let Some(scope) = &definition.scope {
        lines.push(Line::new("scope", scope.to_string()));
    }
    if let Some(text) = definition.description.as_ref().filter(|text| !text.is_empty()) {
        lines.push(Line::new("about", text.as_str()));
    }
    lines
}

/// What is wanted and what is there, where the cursor is.
fn here(view: &FlagView, places: &[&FlagPlace]) -> Vec<Line> {
    let Some(cell) = Cell::of(view, places) else {
        return vec![Line::marked("here", Mark::Waiting, "this flag is not spoken of here")];
    };
    let wanted = &cell.wanted;
    let units = if places.len() > 1 { format!(", {}", figure::counted(places.len(), "unit")) } else { String::new() };
    let line = match &cell.state {
        State::AsWanted => Line::marked("here", Mark::Passed, format!("{wanted}, as wanted{units}")),
        State::Drift(actual) => {
            let off: Vec<String> = places
                .iter()
                .filter(|place| matches!(Cell::of(view, &[place]), Some(Cell { state: State::Drift(_), .. })))
                .map(|place| format!("{}/{}", place.site, place.lane))
                .collect();
            let which = if places.len() > 1 { format!("   on {}", off.join(", ")) } else { String::new() };
            let held = places.first().and_then(|place| place.held_revision);
            let held =
                held.map_or_else(String::new, |held| format!(", it holds revision {held} of {}", view.flag.revision));
            let actual = actual.as_ref().map_or_else(|| "an older revision".to_owned(), ToString::to_string);
            Line::marked("here", Mark::Fail, format!("DRIFT   wanted {wanted}, actual {actual}{held}{units}{which}"))
        }
        State::Silent => Line::marked(
            "here",
            Mark::NoData,
            format!("NOT REPORTED   wanted {wanted}; the site does not say what it has{units}"),
        ),
    };
    let mut lines = vec![line];
    if let [place] = places {
        let stage = place.stage.as_ref().map_or_else(String::new, |stage| format!("   in stage {stage}"));
        lines.push(Line::new("why", format!("{}{stage}", why(view, place))));
    } else {
        let some: Vec<String> = places
            .iter()
            .map(|place| {
                let text = Cell::of(view, &[place]).map_or_else(String::new, |cell| cell.text());
                format!("{}/{} {text}", place.site, place.lane)
            })
            .collect();
        lines.push(Line::new("units", some.join("   ")));
    }
    lines
}

/// Which rule matched, with its place among them, and what it asks for.
fn why(view: &FlagView, place: &FlagPlace) -> String {
    let definition = &view.flag.definition;
    let word = match place.reason {
        FlagReason::Static => return "it has no rules: the default is served".to_owned(),
        FlagReason::Default => {
            let scope = if definition.scope.is_some() { ", or the place is out of its scope" } else { "" };
            return format!("no rule matched{scope}: default '{}'", SafeText::new(&definition.default_variant));
        }
        FlagReason::Disabled => return format!("it is off: '{}' is served", SafeText::new(&definition.off_variant)),
        FlagReason::TargetingMatch => "matched",
        FlagReason::Split => "matched, a share decided",
    };
    let at = definition.rules.iter().position(|rule| Some(&rule.id) == place.rule.as_ref());
    match (at.and_then(|at| definition.rules.get(at).map(|rule| (at, rule))), &place.rule) {
        (Some((at, rule)), _) => {
            format!("rule {} of {} {word}: {}", at + 1, definition.rules.len(), described(rule))
        }
        (None, Some(id)) => format!("rule '{id}' {word}"),
        (None, None) => "a rule matched".to_owned(),
    }
}

/// A rule in words: its name, when it matches, what it serves.
pub(super) fn described(rule: &FlagRule) -> String {
    let when = match &rule.when {
        None => String::new(),
        Some(Condition::Expression(text)) => format!(" when {}", SafeText::new(text)),
        Some(Condition::Operators(map)) => {
            format!(" when {}", SafeText::new(serde_json::Value::Object(map.clone()).to_string()))
        }
    };
    format!("{}{when} -> {}", rule.id, served(&rule.serve))
}

/// What a rule serves, in words.
pub(super) fn served(serve: &Serve) -> String {
    match serve {
        Serve::Variant(variant) => SafeText::new(variant).as_str().to_owned(),
        Serve::Split(shares) => {
            let total: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
            let percent = |weight: u32| if total == 0 { 0.0 } else { f64::from(weight) * 100.0 / total as f64 };
            let parts: Vec<String> = shares
                .iter()
                .map(|share| format!("{} {}%", SafeText::new(&share.variant), figure::number(percent(share.weight))))
                .collect();
            format!("split {}", parts.join(" / "))
        }
        Serve::Sites(share) => format!(
            "{} for {} % of sites ({})",
            SafeText::new(&share.variant),
            share.percent,
            figure::counted(share.members.len(), "site")
        ),
        Serve::Units(share) => {
            format!("{} for {}", SafeText::new(&share.variant), figure::counted(share.units.len(), "unit"))
        }
    }
}

fn kind(definition: &FlagDefinition) -> String {
    let kind = serde_json::to_value(definition.kind).ok().and_then(|value| value.as_str().map(str::to_owned));
    format!("{} flag", kind.unwrap_or_default())
}

/// Its variants with their values, and which of them is the default and which off. Long values are cut at
/// the end of the line; the raw record has them in full.
fn variants(definition: &FlagDefinition) -> String {
    let all: Vec<String> = definition
        .variants
        .iter()
        .map(|(name, value)| {
            let default = if *name == definition.default_variant { " (default)" } else { "" };
            let off = if *name == definition.off_variant { " (off)" } else { "" };
            let shown = match Serves::of(definition, name) {
                Serves::On | Serves::Off if value.is_boolean() => value.to_string(),
                _ => value.to_string().chars().take(60).collect(),
            };
            format!("{}={}{default}{off}", SafeText::new(name), SafeText::new(shown))
        })
        .collect();
    all.join("   ")
}

fn draw_history(app: &App, view: &FlagView, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let history = app.flags.history.as_ref().filter(|history| history.key == view.flag.key);
    let entries = history.and_then(|history| history.entries.as_deref());
    let title = match (entries, history.and_then(|history| history.error.as_ref())) {
        (Some([_]), _) => "history, 1 entry".to_owned(),
        (Some(entries), _) => format!("history, {} entries", entries.len()),
        (None, Some(error)) => format!("history: not to be had: {error}"),
        (None, None) => "history: asking".to_owned(),
    };
    titled(theme, area.width, &title, Role::Heading).draw(area, 0, buffer);
    let entries = entries.unwrap_or_default();
    let rows = usize::from(area.height) - 1;
    // Beside the record there is little width and much height.
    let two = area.width < 70 && entries.len() * 2 <= rows;
    let mut y = 1;
    for entry in entries.iter().take(rows) {
        let (proof, _) = words::proof(app.trail.proof(entry.seq));
        let text = super::history::what(entry);
        let row = Row::new(theme, area.width)
            .text(" ", Role::Normal)
            .mark(words::outcome_mark(entry.outcome))
            .cell(&app.day_clock(entry.at), 13, Role::Muted)
            .cell(entry.actor.id.as_str(), 9, Role::Normal)
            .cell(entry.action.as_str(), 12, Role::Strong);
        let row = if two { row } else { row.text(&format!("{text}  "), Role::Normal) };
        row.text(&format!("#{} ", entry.seq), Role::Muted).mark(proof).draw(area, y, buffer);
        y += 1;
        if two {
            Row::new(theme, area.width).gap(3).text(&text, Role::Normal).draw(area, y, buffer);
            y += 1;
        }
    }
}
