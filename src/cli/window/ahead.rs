//! `rolldeck window state` and `window calendar`: what holds at an instant, and in the weeks ahead.

use std::collections::BTreeMap;

use color_eyre::Result;

use super::spec::initiator;
use crate::{
    backend::{CalendarPage, Openness, WindowsQuery, WindowsState},
    cli::{
        exit::{BLOCKED, Failure},
        output::{Table, maybe_time, time},
        parse,
        session::Session,
    },
    domain::{Effect, Initiator, LaneName, Operation, RolloutName, SafeText, SiteName, StageName, TargetName},
};

/// Arguments of `state`.
#[derive(Debug, clap::Args)]
pub struct State {
    /// The instant: a time such as 2026-03-29T01:30:00Z, or a span from now such as 2h; now, when absent. Of the
    /// past, it is told by the windows that there are today and were there then
    #[arg(long, value_name = "T", value_parser = parse::when)]
    at: Option<parse::When>,
    /// The target; with it, the answer says whether it is open there, and so does the exit code
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetName>,
    /// The rollout's name
    #[arg(long, value_name = "NAME", requires = "target")]
    rollout: Option<RolloutName>,
    /// The site
    #[arg(long, value_name = "SITE", requires = "target")]
    site: Option<SiteName>,
    /// The lane
    #[arg(long, value_name = "LANE", requires = "target")]
    lane: Option<LaneName>,
    /// The stage
    #[arg(long, value_name = "STAGE", requires = "target")]
    stage: Option<StageName>,
    /// What is to be done; promote, when absent
    #[arg(long, value_name = "ACTION", requires = "target")]
    action: Option<Operation>,
    /// Who does it: human, automation or agent; human, when absent
    #[arg(long, value_name = "WHO", value_parser = initiator, requires = "target")]
    initiator: Option<Initiator>,
}

/// Arguments of `calendar`.
#[derive(Debug, clap::Args)]
pub struct Calendar {
    /// From when: a time, or a span from now; now, when absent. Of the past, it is told by the windows that there are
    /// today, each from when it was made
    #[arg(long, value_name = "T", value_parser = parse::when)]
    from: Option<parse::When>,
    /// Until when, at most 400 days later; 14 days later, when absent
    #[arg(long, value_name = "T", value_parser = parse::when)]
    until: Option<parse::When>,
}

/// Runs `state`.
///
/// # Errors
/// With exit code 4 when the place is closed.
pub async fn state(session: &Session, args: State) -> Result<()> {
    let now = session.clock.now();
    let query = WindowsQuery {
        at: args.at.map(|when| when.future(now)),
        target: args.target,
        rollout: args.rollout,
        site: args.site,
        lane: args.lane,
        stage: args.stage,
        action: args.action,
        initiator: args.initiator,
    };
    let state = session.connect()?.backend.windows_state(query).await?;
    session.print(&state, || told(&state))?;
    if let Some(note) = &state.note {
        session.note(note.as_str());
    }
    match state.state {
        // What closes it was printed.
        Some(Openness::Closed) => Err(Failure::Silent(BLOCKED).into()),
        Some(Openness::Open) | None => Ok(()),
    }
}

fn told(state: &WindowsState) -> String {
    let mut table = Table::plain();
    let mut line = |key: &str, value: String| table.row([key.to_owned(), value]);
    if let Some(openness) = state.state {
        line("state", if openness == Openness::Open { "open" } else { "closed" }.to_owned());
    }
    line("at", time(state.at));
    line("next", maybe_time(state.next_transition));
    for freeze in &state.decided_by {
        let until = freeze.until.map_or_else(|| "until lifted".to_owned(), |until| format!("until {}", time(until)));
        let how = match freeze.effect {
            Effect::Deny => "freezes",
            Effect::Allow => "allows only then",
        };
        line(
            "closed by",
            format!("{} {how} {} {until}: {} ({})", freeze.window, freeze.scope, freeze.reason, freeze.by),
        );
    }
    if state.state.is_none() {
        for window in &state.active {
            line("holds", format!("{} {} {}: {}", window.id, super::what(window), window.scope, window.reason));
        }
        if state.active.is_empty() {
            line("holds", "nothing".to_owned());
        }
    }
    line("tzdb", state.tzdb.to_string());
    table.text(0)
}

/// Runs `calendar`.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn calendar(session: &Session, args: Calendar) -> Result<()> {
    let now = session.clock.now();
    let from = args.from.map_or(now, |when| when.future(now));
    let until = args.until.map_or_else(|| from + chrono::TimeDelta::days(14), |when| when.future(now));
    let backend = session.connect()?.backend;
    let page = backend.calendar(from, until).await?;
    let windows = backend.windows().await?.windows;
    let names: BTreeMap<SafeText, String> = windows
        .into_iter()
        .map(|view| {
            let window = view.window;
            (window.id.clone(), format!("{} {}: {}", super::what(&window), window.scope, window.reason))
        })
        .collect();
    session.print(&page, || listed(session, &page, &names))?;
    if let Some(note) = &page.note {
        session.note(note.as_str());
    }
    Ok(())
}

fn listed(session: &Session, page: &CalendarPage, names: &BTreeMap<SafeText, String>) -> String {
    let end = |until| match until {
        Some(until) => time(until),
        None => "until lifted".to_owned(),
    };
    let mut text = String::new();
    if page.spans.is_empty() {
        session.note(&format!("no window between {} and {}", time(page.from), time(page.until)));
    } else {
        let mut table = Table::new(&["FROM", "UNTIL", "WINDOW", "WHAT"]);
        for span in &page.spans {
            let what = names.get(&span.window).cloned().unwrap_or_default();
            table.row([time(span.from), end(span.until), span.window.to_string(), what]);
        }
        text.push_str(&table.text(0));
    }
    if page.truncated {
        session.note("there are more: ask for less time at once");
    }
    if !page.conflicts.is_empty() {
        let mut table = Table::new(&["CONFLICT", "ROLLOUT", "WINDOW", "UNTIL", "WHAT"]);
        for conflict in &page.conflicts {
            table.row([
                time(conflict.at),
                conflict.rollout.to_string(),
                conflict.window.to_string(),
                end(conflict.until),
                conflict.what.to_string(),
            ]);
        }
        text.push_str(&table.text(0));
    }
    text
}
