//! `rolldeck recover TARGET/NAME`: what is wrong, what changed before, what speaks for it and what can be done, in
//! lines, for who has no screen. It changes nothing: it prints the commands that would.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use color_eyre::Result;
use serde::Serialize;

use super::{exit::Failure, session::Session};
use crate::{
    backend::{AuditQuery, Backend, ServerInfo, Tagged},
    domain::{AuditEntry, Role, Rollout, RolloutId},
    tui::app::{
        attention::Class,
        offer::{Why, permitted},
        reading::{Known, PAGE},
        recover::{
            Answers, BEFORE, Findings, Situation, Trail, Weight, find,
            signs::{self, Symptom},
            steps::Deed,
        },
        touch::{Around, may_be_in},
        zone::Zone,
    },
};

/// Most pages of the trail that are read: what is beyond is said not to be known.
const PAGES: usize = 20;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "TARGET/NAME")]
    rollout: RolloutId,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    /// Which rollout.
    rollout: RolloutId,
    /// What is wrong, as far as that is known.
    symptom: Symptom,
    /// The same in words.
    says: String,
    /// When it began.
    began: DateTime<Utc>,
    /// Whether that is a guess: nothing says when.
    guessed: bool,
    /// Where.
    place: String,
    /// What changed, what speaks for it, what can be done, and what will show that it worked.
    #[serde(flatten)]
    findings: Findings,
}

/// Runs it.
///
/// # Errors
/// When there is no such rollout, or the backend does not answer.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    let backend = session.connect()?.backend;
    let backend = &*backend;
    let Tagged::Fresh(rollout, _) = backend.rollout(&args.rollout, None, Duration::ZERO).await? else {
        return Err(Failure::Failed("the server says that nothing changed since nothing".to_owned()).into());
    };
    let rollout = Arc::new(*rollout);
    let info = backend.info().await?;
    let (windows, overrides, approvals) =
        (backend.windows().await?, backend.overrides().await?, backend.approvals().await?);
    let (sites, flags) = (backend.sites().await?, backend.flags().await?);
    let witnessed = backend.witnessed().await?;
    let mut situation = Situation {
        now: flags.as_of,
        zone: Zone::Utc,
        doubt: None,
        target: rollout.target.clone(),
        rollout: Some(Arc::clone(&rollout)),
        site: None,
        sites: Some(&sites.sites),
        flags: Some(&flags.flags),
        around: Around {
            rollouts: vec![Arc::clone(&rollout)],
            windows: &windows.windows,
            overrides: &overrides.overrides,
            approvals: &approvals.approvals,
        },
        entries: Vec::new(),
        trail: Trail {
            known: Known::NotYet,
            since: None,
            looked_at: 0,
            last: 0,
            proven: (witnessed.proven_to > 0).then_some(witnessed.proven_to),
            dropped: 0,
            broken_after: witnessed.broken.as_ref().map(|broken| broken.holds_to.unwrap_or(0)),
        },
    };
    let since = Answers::likely(&situation).began - BEFORE;
    let mut entries: Vec<AuditEntry> = Vec::new();
    situation.trail.since = Some(since);
    situation.trail.known = read(backend, since, &mut entries).await?;
    situation.trail.looked_at = entries.len() as u64;
    situation.trail.last = entries.last().map_or(0, |entry| entry.seq);
    situation.entries = entries.iter().rev().filter(|entry| may_be_in(entry, &rollout.target)).collect();
    let answers = Answers::likely(&situation);
    let findings = find(&situation, &answers, &|deed| offer(&rollout, &info, deed));
    let says = signs::signs(&situation).into_iter().next().map_or_else(String::new, |sign| sign.text);
    let report = Report {
        rollout: rollout.id(),
        symptom: answers.symptom.clone(),
        says,
        began: answers.began,
        guessed: answers.estimate,
        place: situation.spot_words(&answers.spot),
        findings,
    };
    session.print(&report, || text(&rollout, &report))
}

/// Reads the trail to its end.
async fn read(backend: &dyn Backend, since: DateTime<Utc>, entries: &mut Vec<AuditEntry>) -> Result<Known> {
    for _ in 0..PAGES {
        let after = entries.last().map_or(0, |entry| entry.seq);
        let query = AuditQuery { after, since: Some(since), limit: PAGE, ..AuditQuery::default() };
        let page = backend.audit(query).await?;
        let more = page.entries.len() >= PAGE as usize;
        entries.extend(page.entries);
        if !more {
            return Ok(Known::All);
        }
    }
    Ok(Known::Not(format!("it has more than {} entries since {since}", PAGES * PAGE as usize)))
}

/// Whether a step can be done by whoever asks, or why not.
fn offer(rollout: &Rollout, info: &ServerInfo, deed: &Deed) -> Result<(), Why> {
    match deed {
        Deed::Action(action) => {
            permitted(info, Role::Operator, rollout.target.as_str()).map_err(Why::Never)?;
            rollout.offers(*action).map_err(|why| Why::Never(why.as_str().to_owned()))?;
            match rollout.freeze.as_ref().filter(|_| action.widens()) {
                Some(freeze) => Err(Why::Held(format!("frozen by {}: {}", freeze.window, freeze.reason))),
                None => Ok(()),
            }
        }
        Deed::Flag(..) => permitted(info, Role::Operator, "").map_err(Why::Never),
        Deed::Freeze | Deed::Lift(_) => permitted(info, Role::Commander, "").map_err(Why::Never),
        Deed::Watch | Deed::Look => Ok(()),
    }
}

/// The sign of a weight: never colour alone, and here never colour at all.
const fn sign(weight: Weight) -> char {
    match weight {
        Weight::Bad => 'X',
        Weight::Attention => '!',
        Weight::Unknown => '?',
        Weight::Good => '+',
        Weight::Plain => '.',
    }
}

fn text(rollout: &Rollout, report: &Report) -> String {
    let mut out = String::new();
    let clock = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let _ = writeln!(out, "{}  {}  {}", report.rollout, Class::of(rollout).word(), rollout.message);
    let _ = writeln!(out, "symptom  {}", report.says);
    let guessed = if report.guessed { "  (a guess: nothing says when)" } else { "" };
    let _ = writeln!(out, "began    {}{guessed}", clock(report.began));
    let _ = writeln!(out, "where    {}", report.place);
    let findings = &report.findings;
    let _ = writeln!(out, "\nwhat changed there in the hour before");
    for change in &findings.changes {
        let sure = if change.perhaps { " (may be elsewhere)" } else { "" };
        let _ = writeln!(
            out,
            "  {} {}  #{} {} by {}, {}{sure}: {}: {}",
            sign(change.likelihood.weight()),
            clock(change.at),
            change.seq,
            change.what,
            change.who,
            change.before,
            change.likelihood.word(),
            change.why
        );
    }
    let _ = writeln!(out, "  {} {}", sign(findings.rest.weight), findings.rest.text);
    let _ = writeln!(out, "\ndoes the evidence agree?");
    for piece in &findings.evidence {
        let _ = writeln!(out, "  {} {}: {}", sign(piece.weight()), piece.text, piece.means);
    }
    if findings.evidence.is_empty() {
        let _ = writeln!(out, "  ? there is no evidence for or against anything");
    }
    let _ = writeln!(out, "\nsafest next step first (nothing was sent)");
    for (at, step) in findings.steps.iter().filter(|step| step.deed != Deed::Look).enumerate() {
        let mut parts = vec![step.stops.clone()];
        if !step.costs.is_empty() {
            parts.push(format!("costs: {}", step.costs));
        }
        if !step.undo.is_empty() {
            parts.push(format!("undo: {}", step.undo));
        }
        parts.extend(Some(step.helps.clone()).filter(|helps| !helps.is_empty()));
        let _ = writeln!(out, "  {} {}: {}", at + 1, step.words, parts.join("; "));
        match (&step.why_not, &step.command) {
            (Some(why), _) => _ = writeln!(out, "    not now: {why}"),
            (None, Some(command)) => _ = writeln!(out, "    {command}"),
            (None, None) => {}
        }
    }
    let _ = writeln!(out, "\nhow you will know it worked");
    for line in &findings.worked.lines {
        let _ = writeln!(out, "  {} {}", sign(line.weight), line.text);
    }
    out
}
