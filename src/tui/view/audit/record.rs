//! One entry in full: who, what, field by field, why, having seen what, allowed by what, and what proves it.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{since, via};
use crate::{
    domain::{ActorKind, AuditEntry, Outcome, Revision, SafeText},
    tui::{
        app::{App, trail::Proof},
        theme::{Role, Theme},
        update::outcome_word,
        view::words,
        widget::{
            fit,
            row::{Row, titled},
        },
    },
};

/// Columns before the text of a line.
const LEAD: usize = 10;

/// One line: what it is about, and what it says.
type Line = (&'static str, String, Role);

/// Paints it.
pub(super) fn draw(app: &App, entry: &AuditEntry, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let proof = app.trail.proof(entry.seq);
    let (mark, word) = words::proof(proof);
    let title = format!("#{}  {}  {word}", entry.seq, app.clock_seconds(entry.at));
    titled(theme, area.width, &title, Role::Strong).draw(area, 0, buffer);
    let columns = usize::from(area.width).saturating_sub(LEAD + 1).max(10);
    // One line for the proof, below all others.
    let last = area.height - 1;
    let room = usize::from(last.saturating_sub(1));
    let lines = lines(app, entry);
    // What there is to say comes before how it goes on: lines are broken only where all have room.
    let wrap = |lines_each: usize| -> Vec<Line> {
        let mut out = Vec::new();
        for (name, text, role) in &lines {
            for (part, text) in fit::wrap(text, columns, lines_each, fit::ellipsis(theme)).into_iter().enumerate() {
                out.push((if part == 0 { *name } else { "" }, text, *role));
            }
        }
        out
    };
    let shown = (1..=4).rev().map(wrap).find(|shown| shown.len() <= room).unwrap_or_else(|| wrap(1));
    let more = shown.len().saturating_sub(room);
    for (y, (name, text, role)) in shown.into_iter().take(room).enumerate() {
        let row = Row::new(theme, area.width).text(" ", Role::Normal).cell(name, LEAD - 2, Role::Muted);
        let row = if more > 0 && y + 1 == room {
            row.text(&format!("{} more lines: the raw record has them", more + 1), Role::Notice)
        } else {
            row.text(&text, role)
        };
        row.draw(area, y as u16 + 1, buffer);
    }
    Row::new(theme, area.width)
        .text(" ", Role::Normal)
        .cell("proof", LEAD - 2, Role::Muted)
        .mark(mark)
        .text(&proved(app, entry, proof), mark.role())
        .draw(area, last, buffer);
}

fn or(text: Option<&SafeText>) -> &str {
    text.map_or("-", SafeText::as_str)
}

fn lines(app: &App, entry: &AuditEntry) -> Vec<Line> {
    let actor = &entry.actor;
    let kind = match actor.kind {
        ActorKind::Human => "human",
        ActorKind::Automation => "automation",
        ActorKind::Agent => "agent",
        ActorKind::System => "system",
    };
    let role = actor.role.map_or("no role", crate::domain::Role::as_str);
    let revision = |revision: Option<&Revision>| revision.map_or_else(|| "-".to_owned(), ToString::to_string);
    let plain = |name: &'static str, text: String| (name, text, Role::Normal);
    let mut lines = vec![
        plain(
            "who",
            format!(
                "{} ({kind}, {role})  via {}  credential {}  from {}",
                actor.id,
                via(entry),
                or(actor.credential.as_ref()),
                or(actor.source.as_ref())
            ),
        ),
        plain(
            "what",
            format!(
                "{} {}  {}  revision {} -> {}",
                entry.action,
                entry.subject,
                outcome_word(entry.outcome),
                revision(entry.revision.before.as_ref()),
                revision(entry.revision.after.as_ref())
            ),
        ),
    ];
    for (at, change) in entry.changes.iter().enumerate() {
        let name = if at == 0 { "changes" } else { "" };
        let (before, after) = (or(change.before.as_ref()), or(change.after.as_ref()));
        lines.push(plain(name, format!("{}: {before} -> {after}", change.field)));
    }
    let ticket = entry.ticket.as_ref().map_or_else(String::new, |ticket| format!("  ticket {ticket}"));
    lines.push(plain("why", format!("{}{ticket}", or(entry.reason.as_ref()))));
    if let Some(saw) = &entry.saw {
        lines.push(plain("saw", saw.to_string()));
    }
    if let Some(id) = &entry.override_id {
        lines.push(if entry.outcome == Outcome::Refused {
            plain("override", format!("{id} was named, and nothing passed under it"))
        } else {
            ("override", format!("{id} let it pass the windows that it names"), Role::Strong)
        });
    }
    if !entry.approved_by.is_empty() {
        let names: Vec<&str> = entry.approved_by.iter().map(SafeText::as_str).collect();
        lines.push(("agreed", format!("{} beside {}", names.join(", "), actor.id), Role::Strong));
    }
    for (at, blocker) in entry.blockers.iter().enumerate() {
        let (_, word) = words::blocker(blocker.kind);
        lines.push((if at == 0 { "held by" } else { "" }, format!("{word}  {}", blocker.summary), Role::NeedsPerson));
    }
    if let Some(text) = pair(app, entry) {
        lines.push(text);
    }
    if let Some(seq) = entry.because {
        lines.push(plain("because", format!("of the decision in #{seq}")));
    }
    if let Some(effect) = &entry.effect {
        lines.push(plain("effect", effect.to_string()));
    }
    if let Some(scope) = &entry.scope {
        lines.push(plain("scope", scope.to_string()));
    }
    let key = or(entry.idempotency_key.as_ref());
    lines.push(("key", format!("{key}  correlation {}", or(entry.correlation_id.as_ref())), Role::Muted));
    lines
}

/// The other half of an intent and its outcome.
fn pair(app: &App, entry: &AuditEntry) -> Option<Line> {
    let partner = app.trail.partner(entry);
    match (entry.intent, partner) {
        (Some(seq), Some(intent)) => {
            let at = app.clock_seconds(intent.at);
            Some(("intent", format!("#{seq} at {at}: this is its outcome"), Role::Normal))
        }
        (Some(seq), None) => Some(("intent", format!("#{seq}: this is its outcome"), Role::Normal)),
        (None, Some(outcome)) => {
            let text =
                format!("#{} at {}: {}", outcome.seq, app.clock_seconds(outcome.at), outcome_word(outcome.outcome));
            Some(("outcome", text, Role::Normal))
        }
        (None, None) if entry.outcome == Outcome::Intended => {
            Some(("outcome", "none among the entries that are shown".to_owned(), Role::NoData))
        }
        (None, None) => None,
    }
}

/// What is known of its place in the tree, and from what.
fn proved(app: &App, entry: &AuditEntry, proof: Proof) -> String {
    let trail = &app.trail;
    let (_, word) = words::proof(proof);
    let covered = trail.witnessed.as_ref().filter(|(witnessed, _)| entry.seq <= witnessed.proven_to);
    let signed = covered.map(|(witnessed, at)| {
        let key = witnessed.key.as_ref().map_or_else(String::new, |key| format!(" signed by {key}"));
        format!(
            "in the checkpoint of {} entries{key}, held against what was seen {} ago",
            witnessed.proven_to,
            since(app, *at)
        )
    });
    let read = trail.verified.as_ref().map(|(_, at)| match proof {
        Proof::Broken => format!("read again {} ago: it does not hash to its leaf", since(app, *at)),
        _ => format!("entries read again {} ago", since(app, *at)),
    });
    let how: Vec<String> = match proof {
        Proof::Proven => signed.into_iter().chain(read).collect(),
        Proof::Broken => read.into_iter().collect(),
        Proof::Unproven if trail.broken().is_some() => {
            vec!["it lies after the place where the trail is broken".to_owned()]
        }
        Proof::Unproven => vec!["no checkpoint that was checked covers it yet".to_owned()],
        Proof::Unchecked => vec!["V verifies".to_owned()],
    };
    if how.is_empty() { word.to_owned() } else { format!("{word}: {}", how.join("; ")) }
}
