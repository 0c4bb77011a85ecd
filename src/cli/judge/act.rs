//! Evidence that was kept: of an automatic act, as the audit trail has it, or of one indicator.

use color_eyre::Result;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{
    cli::{
        exit::{FAILED, Failure},
        output::{Table, time, word},
        session::Session,
    },
    domain::SafeText,
    judge::{
        self,
        act::{ActError, AutomaticAct, Rejudged, rejudge},
        evidence::{Evidence, Judgement},
    },
};

/// An entry of the audit trail, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Entry {
    seq: u64,
    evidence: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    entries: Vec<Entry>,
}

/// An automatic act, judged again.
#[derive(Debug, Serialize)]
struct Again {
    /// The audit entry it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// Whether it comes to the same, byte for byte.
    same: bool,
    /// What differs, in words.
    differs: Vec<SafeText>,
    /// The act as it comes out now.
    act: AutomaticAct,
}

/// The evidence of one automatic act.
pub fn of_act(session: &Session, document: &Document) -> Result<()> {
    show(session, &[judge_again(document, None, &document.text)?])
}

/// An audit entry that has such evidence.
pub fn of_entry(session: &Session, document: &Document) -> Result<()> {
    let entry: Entry = document.parse()?;
    of_entries(session, document, vec![entry])
}

/// Audit entries, of which those are judged that have evidence.
pub fn of_page(session: &Session, document: &Document) -> Result<()> {
    let page: Page = document.parse()?;
    of_entries(session, document, page.entries)
}

fn of_entries(session: &Session, document: &Document, entries: Vec<Entry>) -> Result<()> {
    let acts = entries
        .into_iter()
        .filter_map(|entry| entry.evidence.map(|text| judge_again(document, Some(entry.seq), &text)))
        .collect::<Result<Vec<Again>>>()?;
    if acts.is_empty() {
        return Err(document.wrong("no entry in it has evidence: only automatic acts have").into());
    }
    show(session, &acts)
}

fn judge_again(document: &Document, seq: Option<u64>, text: &str) -> Result<Again> {
    let text = without_spaces(text);
    let place = seq.map(|seq| format!("entry {seq}: ")).unwrap_or_default();
    let Rejudged { kept, again, mut differs } = rejudge(&text).map_err(|error| match error {
        // The same once more, for the field that is wrong.
        ActError::Unreadable(_) => match document.parse_text::<AutomaticAct>(&text, &place) {
            Err(error) => error,
            Ok(_) => document.wrong(&format!("{place}{error}")),
        },
        ActError::Form { .. } => document.wrong(&format!("{place}{error}")),
    })?;
    let version = env!("CARGO_PKG_VERSION");
    if !differs.is_empty() && kept.rolldeck.as_str() != version {
        differs.push(format!("it was judged by Rolldeck {}, and now by {version}", kept.rolldeck));
    }
    let differs: Vec<SafeText> = differs.into_iter().map(SafeText::from).collect();
    Ok(Again { seq, same: differs.is_empty(), differs, act: again })
}

fn show(session: &Session, acts: &[Again]) -> Result<()> {
    let table = || acts.iter().map(table).collect::<Vec<_>>().join("\n");
    match acts {
        [act] => session.print(act, table)?,
        acts => session.print(&acts, table)?,
    }
    if acts.iter().all(|act| act.same) { Ok(()) } else { Err(Failure::Silent(FAILED).into()) }
}

fn table(again: &Again) -> String {
    let act = &again.act;
    let mut head = Table::plain();
    head.row(["rollout".to_owned(), act.origin.rollout.to_string()]);
    head.row(["judged at".to_owned(), time(act.situation.at)]);
    head.row(["decision".to_owned(), format!("{}: {}", word(&act.conclusion.decision), act.conclusion.why)]);
    head.row(["again", if again.same { "the same, byte for byte" } else { "DIFFERENT from what was kept" }]);
    for differs in &again.differs {
        head.row(["", differs.as_str()]);
    }
    let mut indicators = Table::new(&["INDICATOR", "VERDICT", "METHOD", "WHY"]);
    for (evidence, judgement) in act.situation.indicators.iter().zip(&act.judgements) {
        indicators.row(cells(evidence, judgement));
    }
    let mut reasons = Table::plain();
    for reason in &act.conclusion.reasons {
        reasons.row([word(&reason.kind), reason.text.to_string()]);
    }
    format!("{}\n{}\n{}", head.text(0), indicators.text(0), reasons.text(0))
}

fn cells(evidence: &Evidence, judgement: &Judgement) -> [String; 4] {
    let Judgement { verdict, method, why, .. } = judgement;
    [evidence.spec.name.to_string(), word(verdict), method.to_string(), why.to_string()]
}

/// The evidence of one indicator.
pub fn of_indicator(session: &Session, document: &Document) -> Result<()> {
    let evidence: Evidence = document.parse()?;
    if !judge::is_known(&evidence) {
        let known = judge::evidence::SCHEMA;
        return Err(document.wrong(&format!("schema: it is {}, and {known} is known here", evidence.schema)).into());
    }
    let judgement = judge::judge(&evidence);
    session.print(&judgement, || {
        let mut table = Table::new(&["INDICATOR", "VERDICT", "METHOD", "WHY"]);
        table.row(cells(&evidence, &judgement));
        table.text(0)
    })
}

/// JSON as it was kept, on one line, whatever a tool made of it for people.
fn without_spaces(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    text.chars()
        .filter(|c| {
            let kept = in_string || !c.is_ascii_whitespace();
            match c {
                '"' if !escaped => in_string = !in_string,
                _ => {}
            }
            escaped = in_string && *c == '\\' && !escaped;
            kept
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::without_spaces;

    #[test]
    fn only_spaces_between_values_go() {
        for (text, short) in [
            ("{ \"a b\" : [ 1 ,\n\t2 ] }\n", "{\"a b\":[1,2]}"),
            (r#"{"a": "say \" hello \\", "b": 1}"#, r#"{"a":"say \" hello \\","b":1}"#),
            ("", ""),
        ] {
            assert_eq!(without_spaces(text), short);
        }
    }
}
