//! What is shown when it is asked for: one rollout, windows, flags, sites, entries. Here lines end where
//! what they say ends.

use super::{ENTRIES, Wanted, listed};
use crate::{
    domain::{AuditEntry, RolloutId, SafeText, action::ACTIONS},
    tui::{
        app::{App, offer::Why, signal, workload},
        plain::{
            line::Voice,
            teller::{approval, stands, window},
        },
        view::words,
    },
};

/// The lines of what was asked for, once it is there.
pub(super) fn came(app: &App, voice: Voice, wanted: &Wanted) -> Option<Vec<String>> {
    match wanted {
        Wanted::Rollout(id) => {
            let detail = app.detail.as_ref().filter(|detail| &detail.id == id)?;
            (detail.full.is_some() || detail.error.is_some()).then(|| rollout(app, voice, id))
        }
        Wanted::Flags => {
            if let Some(error) = &app.flags.error {
                return Some(vec![voice.line(&format!("flags cannot be had: {error}"), "")]);
            }
            app.flags.page.as_ref().map(|_| flags(app, voice))
        }
        Wanted::Sites => {
            if let Some(error) = &app.sites.error {
                return Some(vec![voice.line(&format!("sites cannot be had: {error}"), "")]);
            }
            app.sites.page.as_ref().map(|_| sites(app, voice))
        }
        Wanted::Entries => (!app.trail.asking).then(|| entries(app, voice)),
        Wanted::Entry(..) => None,
    }
}

/// All of one rollout.
pub(super) fn rollout(app: &App, voice: Voice, id: &RolloutId) -> Vec<String> {
    let Some(rollout) = app.rollout(id) else { return vec![format!("nothing is known of {id} yet")] };
    let now = app.server_now();
    let mut lines = vec![stands(app, &rollout)];
    let version = |v: &crate::domain::VersionRef| words::version(v).to_owned();
    lines.push(format!(
        "version {} from {}, revision {}, {}, owner {}",
        version(&rollout.candidate),
        version(&rollout.stable),
        rollout.revision,
        rollout.driver,
        rollout.owner
    ));
    lines.push(format!("message: {}", rollout.message));
    for (index, stage) in rollout.stages.iter().enumerate() {
        lines.push(format!(
            "stage {} of {}, {}: {}, {} of {} units",
            index + 1,
            rollout.stages.len(),
            stage.name,
            words::stage_word(stage.state),
            stage.exposure.units,
            stage.exposure.units_total
        ));
        let current = rollout.current_stage.as_ref() == Some(&stage.name);
        for gate in stage.gates.iter().flatten().filter(|_| current) {
            lines.push(format!("gate {}: {}: {}", gate.name, words::gate(gate.state).1, gate.detail));
        }
    }
    let live = app.link.is_live(app.now.elapsed);
    for sli in signal::by_need(&rollout.slis, now) {
        lines.push(format!(
            "signal {}: {}, canary {}, base {}{}",
            sli.name,
            signal::word(signal::state(sli, now)),
            signal::shown(sli, sli.canary, now, live),
            signal::shown(sli, sli.baseline, now, live),
            if sli.why.is_empty() { String::new() } else { format!(": {}", sli.why) }
        ));
    }
    for blocker in &rollout.blockers {
        lines.push(format!("blocked, {}: {}", words::blocker(blocker.kind).1, blocker.summary));
    }
    for failure in rollout.failures.iter().flatten() {
        let said = failure.output_tail.lines().last().unwrap_or_default();
        lines.push(format!("failed unit {}/{}: {said}", failure.site, failure.lane));
    }
    if let Some(pending) = &rollout.pending {
        lines.push(words::pending(app, pending).1);
    }
    lines.push(format!("reaches {}", workload::reach(&rollout)));
    if let Some(row) = app.rollouts.get(id) {
        for spec in ACTIONS.iter().filter(|spec| app.names(spec.action)) {
            match app.offer(spec.action, row) {
                Ok(()) => lines.push(format!("can be done: {}: {}", spec.verb, spec.summary)),
                Err(Why::Held(why)) => lines.push(format!("held: {}: {why}", spec.verb)),
                Err(Why::Never(_)) => {}
            }
        }
    }
    let said = |lines: Vec<String>| lines.iter().map(|line| voice.line(line, "")).collect::<Vec<_>>();
    let mut lines = said(lines);
    if let Some(detail) = app.detail.as_ref().filter(|detail| &detail.id == id) {
        // The oldest first, as everything here is said.
        let newest: Vec<String> = detail.timeline.iter().take(5).map(|entry| listed(app, voice, entry)).collect();
        lines.extend(newest.into_iter().rev());
    }
    lines
}

/// All windows that hold or are to come.
pub(super) fn windows(app: &App, voice: Voice) -> Vec<String> {
    use crate::domain::WindowState::{Active, Upcoming};
    let shown = app.windows.all().iter().filter(|view| matches!(view.state, Active | Upcoming));
    let lines: Vec<String> = shown
        .map(|view| {
            let how = if view.state == Active { "holds" } else { "is to come" };
            let when = crate::tui::app::wording::schedule(&view.window, |at| app.day_clock(at));
            voice.line(&format!("{}; {when}", window(app, &view.window, how)), "")
        })
        .collect();
    if lines.is_empty() { vec!["no window holds, and none is to come".to_owned()] } else { lines }
}

/// What waits for a second person.
pub(super) fn approvals(app: &App, voice: Voice) -> Vec<String> {
    let waiting = app.approvals.waiting(app.server_now());
    let lines: Vec<String> = waiting.map(|view| voice.line(&approval(app, view), "")).collect();
    if lines.is_empty() { vec!["nothing waits for a second person".to_owned()] } else { lines }
}

fn flags(app: &App, voice: Voice) -> Vec<String> {
    let lines: Vec<String> = app
        .flags
        .all()
        .iter()
        .map(|view| {
            let flag = &view.flag;
            let state = match &flag.killed {
                Some(killed) => format!("KILLED by {}: {}", killed.by, killed.reason),
                None if flag.definition.enabled => "on".to_owned(),
                None => "off".to_owned(),
            };
            let why = view.why.as_ref().map_or_else(String::new, |why| format!("; {why}"));
            voice.line(&format!("flag {}: {state}, owner {}{why}", flag.key, flag.definition.owner), "")
        })
        .collect();
    if lines.is_empty() { vec!["there are no flags".to_owned()] } else { lines }
}

fn sites(app: &App, voice: Voice) -> Vec<String> {
    let all = app.sites.page.iter().flat_map(|page| &page.sites);
    let lines: Vec<String> = all
        .map(|site| {
            let lanes: Vec<String> = site
                .lanes
                .iter()
                .map(|lane| {
                    let how = match (&lane.drift, lane.reachable) {
                        (_, false) => "SILENT",
                        (Some(_), true) => "DRIFT",
                        (None, true) => "as ordered",
                    };
                    format!("{} {how}", lane.lane)
                })
                .collect();
            voice.line(&format!("site {}/{}: {}", site.group, site.site, lanes.join(", ")), "")
        })
        .collect();
    if lines.is_empty() { vec!["there are no sites".to_owned()] } else { lines }
}

fn entries(app: &App, voice: Voice) -> Vec<String> {
    if let Some(error) = &app.trail.error {
        return vec![voice.line(&format!("the audit trail cannot be had: {error}"), "")];
    }
    let newest: Vec<&AuditEntry> = app.trail.entries().iter().take(ENTRIES).collect();
    let lines: Vec<String> = newest.into_iter().rev().map(|entry| listed(app, voice, entry)).collect();
    if lines.is_empty() { vec!["no entry is like that".to_owned()] } else { lines }
}

/// All of one entry.
pub(super) fn entry(app: &App, voice: Voice, entry: &AuditEntry) -> Vec<String> {
    let maybe = |name: &str, text: Option<&SafeText>| {
        text.filter(|text| !text.is_empty()).map(|text| format!("{name}: {text}"))
    };
    let mut lines = vec![
        format!("entry {}, {}", entry.seq, app.clock_seconds(entry.at)),
        format!("who: {}", entry.actor.id),
        format!("action: {} on {}", entry.action, entry.subject),
        format!("outcome: {}", crate::tui::update::outcome_word(entry.outcome)),
    ];
    lines.extend(maybe("reason", entry.reason.as_ref()));
    lines.extend(maybe("ticket", entry.ticket.as_ref()));
    lines.extend(maybe("effect", entry.effect.as_ref()));
    lines.extend(maybe("saw", entry.saw.as_ref()));
    lines.extend(entry.blockers.iter().map(|blocker| format!("blocked by: {}", blocker.summary)));
    lines.iter().map(|line| voice.line(line, "")).collect()
}
