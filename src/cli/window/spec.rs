//! The options that say what a window is, laid over a window as it is.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use color_eyre::Result;

use super::every;
use crate::{
    backend::WindowRequest,
    cli::{exit::Failure, parse},
    domain::{Effect, Initiator, OnEnter, Operation, Overridable, SafeText, Schedule},
};

/// What a window is.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Spec {
    /// Allow changes only then, instead of freezing them
    #[arg(long, conflicts_with = "deny")]
    allow: bool,
    /// Freeze changes; this is what goes without saying
    #[arg(long)]
    deny: bool,
    /// What people call it; '' for nothing
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// When it begins: a time such as 2026-05-04T14:00:00Z, or a span from now such as 2h; now, when absent
    #[arg(long, value_name = "T", value_parser = parse::when, conflicts_with_all = ["zone", "start", "end", "lasts", "every", "rdate", "exdate"])]
    from: Option<parse::When>,
    /// When it ends, written the same way, or `never`; until it is lifted, when absent
    #[arg(long, value_name = "T", value_parser = until, conflicts_with_all = ["zone", "start", "end", "lasts", "every", "rdate", "exdate"])]
    until: Option<Until>,
    /// The time zone of --start and all other local times, such as Europe/Oslo
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The local time at which it first begins, such as 2026-05-04T22:00 or 2026-05-04
    #[arg(long, value_name = "LOCAL", value_parser = local)]
    start: Option<NaiveDateTime>,
    /// The local time at which it first ends: later ones end as many days later, at the same time of day
    #[arg(long, value_name = "LOCAL", value_parser = local)]
    end: Option<NaiveDateTime>,
    /// How long it lasts in elapsed time, such as 2h, in place of --end
    #[arg(long = "for", id = "lasts", value_name = "D", value_parser = parse::duration, conflicts_with = "end")]
    lasts: Option<Duration>,
    /// When it comes again: day, weekday, weekend, week, month, year, '2 weeks', mon,wed,fri, or an RRULE such as
    /// 'FREQ=MONTHLY;BYDAY=-1FR'; `never` for once
    #[arg(long, value_name = "RULE", value_parser = every::rule)]
    every: Option<every::Rule>,
    /// A further local time at which it begins; may be repeated
    #[arg(long, value_name = "LOCAL", value_parser = local, value_delimiter = ',')]
    rdate: Vec<NaiveDateTime>,
    /// A local time at which it does not begin; may be repeated
    #[arg(long, value_name = "LOCAL", value_parser = local, value_delimiter = ',')]
    exdate: Vec<NaiveDateTime>,
    /// What it is about: start, advance, promote, promote-full, resume, retry, restart, terminate, flag-enable,
    /// flag-widen, flag-change, or `all`; may be repeated
    #[arg(long = "action", value_name = "ACTION", value_parser = action, value_delimiter = ',')]
    actions: Vec<Option<Operation>>,
    /// Whose doing it is about: human, automation, agent, or `all`; may be repeated
    #[arg(long = "initiator", value_name = "WHO", value_parser = initiator_or_all, value_delimiter = ',')]
    initiators: Vec<Option<Initiator>>,
    /// What is done, when it begins, with what is under way: hold, pause, or abort-and-restore
    #[arg(long, value_name = "HOW", value_parser = on_enter)]
    on_enter: Option<OnEnter>,
    /// The same as --on-enter pause
    #[arg(long, conflicts_with = "on_enter")]
    pause: bool,
    /// Who may let something pass it: single, two-person, or never
    #[arg(long, value_name = "WHO", value_parser = overridable)]
    overridable: Option<Overridable>,
    /// Keep it, and let it not count yet
    #[arg(long)]
    disabled: bool,
    /// Whom to ask; '' for nobody
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// A ticket's id, kept with it
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
}

/// When a window ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    Never,
    At(parse::When),
}

fn until(text: &str) -> Result<Until, String> {
    if text == "never" { Ok(Until::Never) } else { parse::when(text).map(Until::At) }
}

/// A local time.
///
/// # Errors
/// What was expected.
pub fn local(text: &str) -> Result<NaiveDateTime, String> {
    let text = text.trim();
    let time = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    let time = time.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    time.or_else(day).ok_or_else(|| format!("{text:?} is no local time: write it like 2026-05-04T22:00 or 2026-05-04"))
}

fn action(text: &str) -> Result<Option<Operation>, String> {
    if text == "all" {
        Ok(None)
    } else {
        text.parse().map(Some).map_err(|error: crate::domain::operation::OperationError| error.to_string())
    }
}

/// Who begins something.
///
/// # Errors
/// The words that there are.
pub fn initiator(text: &str) -> Result<Initiator, String> {
    let all = [Initiator::Human, Initiator::Automation, Initiator::Agent];
    let found = all.into_iter().find(|known| known.as_str() == text);
    found.ok_or_else(|| format!("{text:?} is nobody: there are human, automation and agent"))
}

fn initiator_or_all(text: &str) -> Result<Option<Initiator>, String> {
    if text == "all" { Ok(None) } else { initiator(text).map(Some) }
}

/// A word of an enumeration as JSON has it, with dashes.
fn one_of<T: serde::de::DeserializeOwned>(text: &str, words: &str) -> Result<T, String> {
    let word = serde_json::Value::String(text.trim().replace('-', "_"));
    serde_json::from_value(word).map_err(|_| format!("{text:?} is none of {words}"))
}

fn on_enter(text: &str) -> Result<OnEnter, String> {
    one_of(text, "hold, pause, abort-and-restore")
}

fn overridable(text: &str) -> Result<Overridable, String> {
    one_of(text, "single, two-person, never")
}

/// Elapsed time as RFC 5545 writes it.
fn elapsed(span: Duration) -> SafeText {
    let seconds = span.as_secs();
    let parts = [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    SafeText::new(if parts.is_empty() { "PT0S".to_owned() } else { format!("PT{}", parts.concat()) })
}

fn text(given: Option<String>, before: Option<String>) -> Option<String> {
    match given {
        Some(text) => Some(text).filter(|text| !text.trim().is_empty()),
        None => before,
    }
}

impl Spec {
    /// The request with what is named here.
    ///
    /// # Errors
    /// Where a local time lacks its zone or its start.
    pub fn lay_over(self, before: WindowRequest, now: DateTime<Utc>) -> Result<WindowRequest> {
        let mut request = before;
        if self.allow {
            request.effect = Effect::Allow;
        } else if self.deny {
            request.effect = Effect::Deny;
        }
        if self.from.is_some() || self.until.is_some() {
            request.schedule = None;
            request.from = self.from.map(|when| when.future(now)).or(request.from);
            match self.until {
                Some(Until::At(when)) => request.until = Some(when.future(now)),
                Some(Until::Never) => request.until = None,
                None => {}
            }
        }
        let by_schedule = self.zone.is_some()
            || self.start.is_some()
            || self.end.is_some()
            || self.lasts.is_some()
            || self.every.is_some()
            || !self.rdate.is_empty()
            || !self.exdate.is_empty();
        if by_schedule {
            request.schedule = Some(schedule(
                request.schedule.take().as_ref(),
                self.zone,
                self.start,
                (self.end, self.lasts),
                self.every,
                (self.rdate, self.exdate),
            )?);
            (request.from, request.until) = (None, None);
        }
        if !self.actions.is_empty() {
            request.actions = if self.actions.contains(&None) { Vec::new() } else { flat(self.actions) };
        }
        if !self.initiators.is_empty() {
            request.initiators = if self.initiators.contains(&None) { Vec::new() } else { flat(self.initiators) };
        }
        let on_enter = if self.pause { Some(OnEnter::Pause) } else { self.on_enter };
        request.on_enter = on_enter.unwrap_or(request.on_enter);
        request.overridable = self.overridable.unwrap_or(request.overridable);
        request.disabled |= self.disabled;
        request.name = text(self.name, request.name);
        request.contact = text(self.contact, request.contact);
        request.ticket = self.ticket.or(request.ticket);
        Ok(request)
    }
}

fn flat<T>(values: Vec<Option<T>>) -> Vec<T> {
    values.into_iter().flatten().collect()
}

fn schedule(
    known: Option<&Schedule>,
    zone: Option<String>,
    start: Option<NaiveDateTime>,
    (end, lasts): (Option<NaiveDateTime>, Option<Duration>),
    every: Option<every::Rule>,
    (rdate, exdate): (Vec<NaiveDateTime>, Vec<NaiveDateTime>),
) -> Result<Schedule> {
    let missing = |what: &str| Failure::Usage(format!("a local time needs {what}"));
    let zone = zone.map(SafeText::new).or_else(|| known.map(|known| known.zone.clone()));
    let mut schedule = Schedule {
        zone: zone.ok_or_else(|| missing("--zone, such as Europe/Oslo or UTC"))?,
        start: start.or(known.map(|known| known.start)).ok_or_else(|| missing("--start, such as 2026-05-04T22:00"))?,
        end: known.and_then(|known| known.end),
        duration: known.and_then(|known| known.duration.clone()),
        rrule: known.and_then(|known| known.rrule.clone()),
        rdate: known.map(|known| known.rdate.clone()).unwrap_or_default(),
        exdate: known.map(|known| known.exdate.clone()).unwrap_or_default(),
    };
    if let Some(end) = end {
        (schedule.end, schedule.duration) = (Some(end), None);
    }
    if let Some(lasts) = lasts {
        (schedule.end, schedule.duration) = (None, Some(elapsed(lasts)));
    }
    match every {
        Some(every::Rule::Never) => schedule.rrule = None,
        Some(every::Rule::Again(rule)) => schedule.rrule = Some(SafeText::new(rule)),
        None => {}
    }
    if !rdate.is_empty() {
        schedule.rdate = rdate;
    }
    if !exdate.is_empty() {
        schedule.exdate = exdate;
    }
    Ok(schedule)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        spec: Spec,
    }

    fn laid(args: &[&str], before: WindowRequest) -> Result<WindowRequest> {
        let line = Line::try_parse_from([&["window"], args].concat())?;
        line.spec.lay_over(before, "2026-03-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn local_times_become_a_schedule_with_a_zone_and_without_one_they_are_refused() {
        let args = ["--zone", "Europe/Oslo", "--start", "2026-05-04T22:00", "--for", "90m", "--every", "weekday"];
        let request = laid(&args, WindowRequest::default()).unwrap();
        let schedule = request.schedule.unwrap();
        assert_eq!(schedule.duration.unwrap().as_str(), "PT1H30M");
        assert_eq!(schedule.rrule.unwrap().as_str(), "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR");
        assert!(laid(&["--start", "2026-05-04"], WindowRequest::default()).unwrap_err().to_string().contains("--zone"));
        assert!(laid(&["--start", "2026-05-04T25:00"], WindowRequest::default()).is_err());
        assert!(laid(&["--from", "2h", "--zone", "UTC"], WindowRequest::default()).is_err());
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let args = ["--zone", "Europe/Oslo", "--start", "2026-05-04", "--end", "2026-05-05", "--name", "launch"];
        let before = laid(&args, WindowRequest::default()).unwrap();
        let after =
            laid(&["--every", "year", "--action", "promote,start", "--initiator", "automation"], before.clone());
        let after = after.unwrap();
        let (old, new) = (before.schedule.unwrap(), after.schedule.clone().unwrap());
        assert_eq!((old.zone, old.start, old.end), (new.zone, new.start, new.end));
        assert_eq!(after.name.as_deref(), Some("launch"));
        assert_eq!(after.actions, [Operation::Promote, Operation::Start]);
        let cleared = laid(&["--action", "all", "--name", "", "--until", "2h"], after).unwrap();
        assert!(cleared.actions.is_empty() && cleared.name.is_none() && cleared.schedule.is_none());
        assert_eq!(cleared.until, Some("2026-03-01T14:00:00Z".parse().unwrap()));
        assert_eq!(cleared.initiators, [Initiator::Automation]);
    }

    #[test]
    fn what_is_always_open_cannot_be_named() {
        for word in ["pause", "rollback", "flag-kill"] {
            let refused = laid(&["--action", word], WindowRequest::default()).unwrap_err().to_string();
            assert!(refused.contains("never held"), "{refused}");
        }
    }
}
