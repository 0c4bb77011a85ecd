//! A window as somebody writes it: made of a request, told in words, and what a change did to it field by field.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    control::authorize,
    domain::{Effect, Overridable, Principal, Reason, SafeText, Window, audit::FieldChange},
    window,
    wire::{Code, Problem, WindowRequest},
};

/// Most characters of a window's name, and of whom to ask.
const NAME_MAX: usize = 100;
/// Most single dates that a schedule adds or leaves out.
const DATES_MAX: usize = 1_000;

/// Fields that are no part of what somebody decided.
const KEPT: [&str; 4] = ["id", "revision", "created_by", "created_at"];

fn invalid(field: &str, text: impl AsRef<str>) -> Problem {
    Problem::new(Code::Invalid, text).in_field(field)
}

fn line(field: &str, text: Option<&String>) -> Result<Option<SafeText>, Problem> {
    let Some(text) = text.map(|text| text.trim()).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > NAME_MAX {
        return Err(invalid(field, format!("{field} has more than {NAME_MAX} characters")));
    }
    Ok(Some(SafeText::new(text)))
}

/// The window that a request describes, checked as a whole; `before` is the one that it changes.
pub(super) fn window_of(
    request: &WindowRequest,
    before: Option<&Window>,
    id: &SafeText,
    who: &Principal,
    why: &Reason,
    now: DateTime<Utc>,
) -> Result<Window, Problem> {
    if request.schedule.is_some() && (request.from.is_some() || request.until.is_some()) {
        return Err(invalid(
            "schedule",
            "a window has a schedule, or `from` and `until`: its schedule says when it begins and ends",
        ));
    }
    if let Some(schedule) = &request.schedule
        && schedule.rdate.len().max(schedule.exdate.len()) > DATES_MAX
    {
        return Err(invalid("schedule", format!("a schedule adds and leaves out at most {DATES_MAX} dates each")));
    }
    let shown = match (&request.shown_reason, before) {
        (Some(text), _) => {
            SafeText::new(authorize::reason(text).map_err(|problem| problem.in_field("shown_reason"))?.as_str())
        }
        // Why it is changed is in the trail: it is not why the window is there.
        (None, Some(before)) => before.reason.clone(),
        (None, None) => SafeText::new(why.as_str()),
    };
    let stays = before.filter(|before| before.schedule.is_none()).map(|before| before.from);
    let distinct = |values: &[_]| values.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut made = Window {
        id: id.clone(),
        revision: before.map_or(1, |before| before.revision + 1),
        name: line("name", request.name.as_ref())?,
        effect: request.effect,
        scope: request.scope.clone(),
        reason: shown,
        ticket: authorize::ticket(request.ticket.as_ref()).or_else(|| before.and_then(|before| before.ticket.clone())),
        from: request.from.or(stays).unwrap_or(now),
        until: request.until,
        schedule: request.schedule.clone(),
        actions: distinct(&request.actions),
        initiators: request.initiators.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
        on_enter: request.on_enter,
        overridable: request.overridable,
        enabled: !request.disabled,
        contact: line("contact", request.contact.as_ref())?,
        imported_from: before.and_then(|before| before.imported_from.clone()),
        created_by: before.map_or_else(|| who.id.clone(), |before| before.created_by.clone()),
        created_at: before.map_or(now, |before| before.created_at),
        lifted: None,
    };
    let bounds = window::check(&made).map_err(|error| {
        let part = error.part;
        invalid(part, error.to_string())
    })?;
    (made.from, made.until) = (bounds.from, bounds.until);
    let end_field = if made.schedule.is_some() { "schedule" } else { "until" };
    match made.until {
        Some(until) if until <= made.from => return Err(invalid(end_field, "a window ends after it begins")),
        Some(until) if until <= now => return Err(invalid(end_field, "this window would be over already")),
        _ => {}
    }
    let endless = || window::spans(&made, now, DateTime::<Utc>::MAX_UTC, 1).first().is_some_and(|s| s.until.is_none());
    if made.effect == Effect::Deny && made.overridable == Overridable::Never && endless() {
        return Err(invalid(
            "overridable",
            "a freeze that nobody may pass, and that nobody may end early therefore, needs an end",
        ));
    }
    Ok(made)
}

/// What a window does and when, in one sentence.
pub(super) fn words(window: &Window) -> String {
    let what = match window.effect {
        Effect::Deny => "freeze",
        Effect::Allow => "allow only then",
    };
    let off = if window.enabled { "" } else { ", switched off" };
    format!("{what} {} {}{off}", window.scope, span(window))
}

fn span(window: &Window) -> String {
    let form = "%Y-%m-%d %H:%MZ";
    match (&window.schedule, window.until) {
        (Some(schedule), _) => {
            let again = schedule.rrule.as_ref().map(|rule| format!(", {rule}")).unwrap_or_default();
            let end = match (&schedule.end, &schedule.duration) {
                (Some(end), _) => format!(" to {}", end.format("%Y-%m-%d %H:%M")),
                (None, Some(duration)) => format!(" for {duration}"),
                (None, None) => " until lifted".to_owned(),
            };
            format!("{}{end} {}{again}", schedule.start.format("%Y-%m-%d %H:%M"), schedule.zone)
        }
        (None, Some(until)) => format!("from {} until {}", window.from.format(form), until.format(form)),
        (None, None) => format!("from {} until lifted", window.from.format(form)),
    }
}

/// What a change did, field by field; of a new window, all that it has.
pub(super) fn diff(before: Option<&Window>, after: &Window) -> Vec<FieldChange> {
    let (old, new) = (before.map(fields).unwrap_or_default(), fields(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let text = |value: Option<&serde_json::Value>| value.map(|value| SafeText::new(value.to_string()));
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| FieldChange { field: SafeText::new(name), before: text(old.get(name)), after: text(new.get(name)) })
        .collect()
}

/// The fields of a window with dots for what lies inside, but for what nobody decides.
fn fields(window: &Window) -> std::collections::BTreeMap<String, serde_json::Value> {
    let mut fields = std::collections::BTreeMap::new();
    let Ok(serde_json::Value::Object(all)) = serde_json::to_value(window) else { return fields };
    for (name, value) in all.into_iter().filter(|(name, value)| !KEPT.contains(&name.as_str()) && !value.is_null()) {
        match value {
            serde_json::Value::Object(inner) => {
                fields.extend(
                    inner
                        .into_iter()
                        .filter(|(_, value)| !value.is_null())
                        .map(|(part, value)| (format!("{name}.{part}"), value)),
                );
            }
            value => {
                fields.insert(name, value);
            }
        }
    }
    fields
}
