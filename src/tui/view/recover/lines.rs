//! The lines of guided recovery: what is known in words, with a mark each.

use crate::{
    domain::{AuditEntry, sli::SliState},
    tui::{
        app::{
            App,
            recover::{
                Findings, Situation, Weight,
                course::{Question, Recover},
                signs::{self, Symptom},
            },
            signal,
        },
        theme::{Mark, Role, Theme},
        view::words,
        widget::{fit, row::Row},
    },
};

/// A line: a mark, a text, its role.
pub(super) type Line = (Option<Mark>, String, Role);

/// The mark of a weight.
pub(super) const fn mark(weight: Weight) -> Mark {
    match weight {
        Weight::Bad => Mark::Fail,
        Weight::Attention => Mark::NeedsPerson,
        Weight::Unknown => Mark::NoData,
        Weight::Good => Mark::Passed,
        Weight::Plain => Mark::Waiting,
    }
}

/// The role of a weight's text: only what nobody knows and what needs somebody stands out.
pub(super) fn role(weight: Weight) -> Role {
    match weight {
        Weight::Attention | Weight::Unknown => mark(weight).role(),
        Weight::Bad | Weight::Good | Weight::Plain => Role::Normal,
    }
}

/// A symptom in a few words.
pub(super) fn symptom(situation: &Situation<'_>, symptom: &Symptom) -> String {
    match symptom {
        Symptom::Indicator(name) => situation
            .rollout
            .as_deref()
            .and_then(|rollout| rollout.slis.iter().find(|sli| sli.name == *name))
            .map_or_else(
                || name.as_str().to_owned(),
                |sli| {
                    let state = signal::state(sli, situation.now);
                    match state {
                        SliState::Fail | SliState::Watch => signal::brief(sli, situation.now),
                        _ => format!("{name} {}", signal::word(state)),
                    }
                },
            ),
        Symptom::Stuck => "BACK FAILED".to_owned(),
        Symptom::Breach => "a gate BREACHED".to_owned(),
        Symptom::Failed => "units FAILED".to_owned(),
        Symptom::Silent => "NO DATA".to_owned(),
        Symptom::Unmeasured => "people report it".to_owned(),
        Symptom::Nothing => "nothing known".to_owned(),
    }
}

/// The open question and its answers.
pub(super) fn question(recover: &Recover, situation: &Situation<'_>) -> (String, Vec<Line>) {
    match recover.question {
        Question::Symptom => {
            let known = signs::signs(situation);
            let lines = recover.symptoms.iter().map(|one| match known.iter().find(|sign| sign.symptom == *one) {
                Some(sign) => {
                    let since =
                        sign.since.map_or_else(String::new, |at| format!("   since {}", situation.clock_seconds(at)));
                    (Some(mark(sign.weight)), format!("{}{since}", sign.text), Role::Normal)
                }
                None => {
                    (Some(mark(Weight::Plain)), format!("{}: not so any more", symptom(situation, one)), Role::Muted)
                }
            });
            ("1 of 3  what is wrong?".to_owned(), lines.collect())
        }
        Question::Began => {
            let lines = recover.moments.iter().map(|began| (None, signs::moment_words(situation, began), Role::Normal));
            ("2 of 3  when did it begin?".to_owned(), lines.collect())
        }
        Question::Spot | Question::Answer => {
            let lines = recover.spots.iter().map(|spot| (None, situation.spot_words(spot), Role::Normal));
            ("3 of 3  where is it?".to_owned(), lines.collect())
        }
    }
}

/// How many rows all that changed takes where each line says the reason for its rank too.
pub(super) fn changes_wanted(findings: &Findings, width: usize) -> usize {
    findings.changes.len() * if width < WHOLE { 2 } else { 1 } + 1
}

/// From this width on a change and the reason for its rank fit in one line.
const WHOLE: usize = 100;

/// What changed, in so many rows; the last says whether anything else did.
pub(super) fn changes(
    theme: &Theme,
    situation: &Situation<'_>,
    findings: &Findings,
    width: usize,
    rows: usize,
) -> Vec<Line> {
    let pad = |text: &str, columns: usize| fit::pad(text, columns, fit::ellipsis(theme));
    let roomy = rows >= changes_wanted(findings, width);
    let mut lines: Vec<Line> = Vec::new();
    let each = if roomy && width < WHOLE { 2 } else { 1 };
    let shown = findings.changes.len().min(rows.saturating_sub(1) / each);
    for change in findings.changes.iter().take(shown) {
        let sign = Some(mark(change.likelihood.weight()));
        let sure = if change.perhaps { "?" } else { " " };
        // The target is said by the title.
        let what = change.what.replace(&format!("{}/", situation.target), "");
        let word = change.likelihood.word();
        let start = format!("{} {sure}", situation.clock_seconds(change.at));
        if width >= WHOLE {
            let (what, who, before) = (pad(&what, 36), pad(&change.who, 9), pad(&change.before, 10));
            lines.push((sign, format!("{start}{what} {who} {before} {word}: {}", change.why), Role::Normal));
        } else if roomy {
            lines.push((sign, format!("{start}{what}"), Role::Normal));
            let why = format!("           {word}: {}; {} by {}", change.why, change.before, change.who);
            lines.push((None, why, Role::Normal));
        } else {
            let what = pad(&what, width.saturating_sub(43));
            let (who, before) = (pad(&change.who, 7), pad(&change.before, 10));
            lines.push((sign, format!("{start}{what} {who} {before} {word}"), Role::Normal));
        }
    }
    if rows > 0 {
        let more = findings.changes.len() - shown;
        let more = if more > 0 { format!("{more} more need more room; ") } else { String::new() };
        let rest = &findings.rest;
        lines.push((Some(mark(rest.weight)), format!("{more}{}", rest.text), role(rest.weight)));
    }
    lines
}

/// Evidence in so many rows: what was found, and at the right what it means.
pub(super) fn evidence(theme: &Theme, findings: &Findings, width: usize, rows: usize) -> Vec<Line> {
    let pad = |text: &str, columns: usize| fit::pad(text, columns, fit::ellipsis(theme));
    if findings.evidence.is_empty() {
        return vec![(
            Some(mark(Weight::Unknown)),
            "there is no evidence for or against anything".to_owned(),
            Role::NoData,
        )];
    }
    findings
        .evidence
        .iter()
        .take(rows)
        .map(|piece| {
            let means = format!("  {}", piece.means);
            let room = width.saturating_sub(4 + fit::width(&means));
            let text = format!("{}{means}", pad(&piece.text, room.max(24)));
            (Some(mark(piece.weight())), text, Role::Normal)
        })
        .collect()
}

/// Evidence where there is room: what it means in a line of its own, where it does not fit beside it.
pub(super) fn evidence_wrapped(theme: &Theme, findings: &Findings, width: usize) -> Vec<Line> {
    if findings.evidence.is_empty() {
        return evidence(theme, findings, width, 1);
    }
    let columns = width.saturating_sub(5);
    let mut lines: Vec<Line> = Vec::new();
    for piece in &findings.evidence {
        let whole = format!("{}: {}", piece.text, piece.means);
        for (at, text) in fit::wrap(&whole, columns, 3, fit::ellipsis(theme)).into_iter().enumerate() {
            lines.push(((at == 0).then(|| mark(piece.weight())), text, Role::Normal));
        }
    }
    lines
}

/// Lines broken at the width, in so many rows.
pub(super) fn wrapped(theme: &Theme, lines: &[Line], width: usize, rows: usize) -> Vec<Line> {
    let spare = rows.saturating_sub(lines.len());
    let mut left = spare;
    let mut out: Vec<Line> = Vec::new();
    for (sign, text, role) in lines.iter().take(rows) {
        let parts = fit::wrap(text, width.saturating_sub(5), 1 + left, fit::ellipsis(theme));
        left -= parts.len().saturating_sub(1).min(left);
        for (at, text) in parts.into_iter().enumerate() {
            out.push((sign.filter(|_| at == 0), text, *role));
        }
    }
    out
}

/// An entry of the trail.
pub(super) fn entry<'a>(app: &App, entry: &AuditEntry, theme: &'a Theme, width: u16) -> Row<'a> {
    let why = entry.reason.as_ref().or(entry.effect.as_ref()).map_or("", |text| text.as_str());
    Row::new(theme, width)
        .gap(1)
        .mark(words::outcome_mark(entry.outcome))
        .cell(&app.clock_seconds(entry.at), 9, Role::Muted)
        .cell(entry.actor.id.as_str(), 9, Role::Normal)
        .cell(entry.action.as_str(), 15, Role::Strong)
        .cell(entry.subject.name.as_str(), 18, Role::Normal)
        .text(why, Role::Normal)
}
