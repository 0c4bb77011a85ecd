//! `rolldeck audit export --format csv`: entries as a table for spreadsheets. It proves nothing; the other
//! form does.

use std::io::Write;

use color_eyre::Result;

use super::PAGE;
use crate::{
    backend::{AuditQuery, Backend},
    cli::output::word,
    domain::{AuditEntry, SafeText},
};

const COLUMNS: [&str; 26] = [
    "seq",
    "at",
    "actor",
    "kind",
    "role",
    "via",
    "action",
    "outcome",
    "subject",
    "target",
    "name",
    "reason",
    "ticket",
    "override",
    "approved_by",
    "because",
    "revision_before",
    "revision_after",
    "effect",
    "saw",
    "blockers",
    "changes",
    "scope",
    "source",
    "credential",
    "correlation_id",
];

/// Writes all entries that the query names, ascending; how many there were.
///
/// # Errors
/// When the backend does not answer, or it cannot be written.
pub async fn write(backend: &dyn Backend, mut query: AuditQuery, out: impl Write) -> Result<u64> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    let mut count = 0;
    query.limit = PAGE;
    loop {
        let page = backend.audit(query.clone()).await?;
        for entry in &page.entries {
            writer.write_record(cells(entry).iter().map(|cell| defused(cell)))?;
            count += 1;
        }
        let full = page.entries.len() == PAGE as usize;
        match (page.searched_to, page.entries.last()) {
            (Some(to), _) => query.after = to,
            (None, Some(last)) if full => query.after = last.seq,
            (None, _) => break,
        }
    }
    writer.flush()?;
    Ok(count)
}

fn cells(entry: &AuditEntry) -> [String; 26] {
    let text = |text: Option<&SafeText>| text.map(ToString::to_string).unwrap_or_default();
    let (actor, subject) = (&entry.actor, &entry.subject);
    let change = |change: &crate::domain::audit::FieldChange| {
        let side = |side: &Option<SafeText>| side.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        format!("{}: {} -> {}", change.field, side(&change.before), side(&change.after))
    };
    let joined = |parts: Vec<String>| parts.join("; ");
    [
        entry.seq.to_string(),
        entry.at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        actor.id.to_string(),
        word(&actor.kind),
        actor.role.as_ref().map(word).unwrap_or_default(),
        actor.via.as_ref().map(word).unwrap_or_default(),
        entry.action.to_string(),
        word(&entry.outcome),
        word(&subject.kind),
        text(subject.target.as_ref()),
        subject.name.to_string(),
        text(entry.reason.as_ref()),
        text(entry.ticket.as_ref()),
        text(entry.override_id.as_ref()),
        joined(entry.approved_by.iter().map(ToString::to_string).collect()),
        entry.because.map(|seq| seq.to_string()).unwrap_or_default(),
        entry.revision.before.as_ref().map(ToString::to_string).unwrap_or_default(),
        entry.revision.after.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(entry.effect.as_ref()),
        text(entry.saw.as_ref()),
        joined(entry.blockers.iter().map(|blocker| blocker.summary.to_string()).collect()),
        joined(entry.changes.iter().map(change).collect()),
        entry.scope.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(actor.source.as_ref()),
        text(actor.credential.as_ref()),
        text(entry.correlation_id.as_ref()),
    ]
}

/// A cell that no spreadsheet takes for a formula: one that begins like one is a text, which an apostrophe in
/// front says to all of them.
fn defused(cell: &str) -> String {
    let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if cell.starts_with(formula) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(reason: &str) -> AuditEntry {
        serde_json::from_value(json!({
            "seq": 7, "id": "a", "at": "2026-11-21T03:04:05.123456Z",
            "actor": {"id": "mira", "kind": "human", "role": "operator", "via": "tui", "credential": null, "source": null},
            "action": "promote", "subject": {"kind": "rollout", "target": "dc-west", "name": "pick-assist"},
            "outcome": "applied", "intent": null, "reason": reason, "ticket": null, "override": "o-1",
            "revision": {"before": "r1", "after": "r2"}, "effect": null, "saw": null, "blockers": [],
            "approved_by": ["ben", "eva"], "changes": [{"field": "until", "before": null, "after": "\"x\""}],
            "scope": "site=osl2", "idempotency_key": null, "correlation_id": null, "schema": 1
        }))
        .unwrap()
    }

    #[test]
    fn whatever_somebody_wrote_as_a_reason_stays_one_cell_and_no_formula() {
        for (reason, shown) in [
            ("=HYPERLINK(\"http://x\",\"y\")", "'=HYPERLINK(\"http://x\",\"y\")"),
            ("+1+1 cmd|' /C calc'!A0", "'+1+1 cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("@SUM(1)", "'@SUM(1)"),
            ("＝1+1", "'＝1+1"),
            ("drops, and \"more\"", "drops, and \"more\""),
            ("a = b", "a = b"),
        ] {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(COLUMNS).unwrap();
            writer.write_record(cells(&entry(reason)).iter().map(|cell| defused(cell))).unwrap();
            let bytes = writer.into_inner().unwrap();
            let mut reader = csv::Reader::from_reader(&bytes[..]);
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!(&row[11], shown);
            assert_eq!((&row[0], &row[14], &row[21]), ("7", "ben; eva", "until: - -> \"x\""));
            assert!(reader.records().next().is_none());
        }
    }

    #[test]
    fn no_control_character_comes_through_to_a_terminal() {
        // What is stored went through SafeText, which makes them visible.
        let row = cells(&entry("a\u{1b}[2Jb\u{202e}c\rd")).join(",");
        assert!(!row.chars().any(|c| c.is_control() || c == '\u{202e}'), "{row:?}");
    }
}
