//! Windows from iCalendar (RFC 5545): each event is a span, or spans that come again, in which changes are frozen.
//!
//! Where another calendar says something that a schedule cannot say exactly, the file is refused with the line.

use std::{cmp::Ordering, collections::BTreeMap};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sha2::{Digest as _, Sha256};

use super::{ImportError, Imported, WindowDraft};
use crate::{
    domain::{Digest, Effect, ImportedFrom, SafeText, Schedule, Scope},
    window::{
        civil,
        content_line::{self, ContentLine, unescaped},
        schedule as written,
    },
};

/// Most events of a file.
const EVENTS_MAX: usize = 10_000;
/// Longest `UID` that is kept as it is, in octets.
const UID_MAX: usize = 255;

/// Converts the events of a calendar, or of several one after the other.
///
/// What an event is about is its `X-ROLLDECK-SCOPE`, or else the scope that is given. It freezes, unless it says
/// `X-ROLLDECK-EFFECT:allow` or the calendar is closed by default (`X-CALENDAR-TYPE:DEFAULT_CLOSED`, as AWS Change
/// Calendar writes it). Days and local times without a zone are in the calendar's `X-WR-TIMEZONE`.
///
/// # Errors
/// The line of what has no exact counterpart.
pub fn ical(text: &str, scope: Option<&Scope>) -> Result<Imported, ImportError> {
    let lines = content_line::read(text).map_err(|(line, why)| at(line, why))?;
    let mut imported = Imported::default();
    let mut events = events(&lines, &mut imported)?;
    replaced(&mut events)?;
    let mut known: BTreeMap<(SafeText, Option<SafeText>), usize> = BTreeMap::new();
    for event in &events {
        if event.one("STATUS")?.is_some_and(|line| line.value.eq_ignore_ascii_case("CANCELLED")) {
            imported.cancelled.extend(identity(event, scope)?);
            if event.one("RECURRENCE-ID")?.is_none() {
                imported.remark(format!("line {}: the event is cancelled and was left out", event.line));
            }
            continue;
        }
        remark_on_doubt(event, &mut imported)?;
        let mut draft = draft(event, scope, &mut imported)?;
        draft.event = identity(event, scope)?;
        let name = draft.event.as_ref().map(|event| (event.uid.clone(), event.recurrence.clone()));
        if let Some(&place) = name.as_ref().and_then(|name| known.get(name)) {
            let before: &mut WindowDraft = &mut imported.windows[place];
            let sequence = |draft: &WindowDraft| draft.event.as_ref().map(|event| event.sequence);
            match sequence(&draft).cmp(&sequence(before)) {
                // Which of them is meant nobody can say, and to leave one out could open what it closes.
                Ordering::Equal if *before != draft => {
                    let why = "its UID is another event's, and SEQUENCE makes neither newer: give each its own";
                    return Err(at(event.line, why));
                }
                Ordering::Greater => *before = draft,
                Ordering::Equal | Ordering::Less => {}
            }
            imported.remark(format!("line {}: the event is there twice; the newer one counts", event.line));
        } else {
            known.extend(name.map(|name| (name, imported.windows.len())));
            imported.windows.push(draft);
        }
    }
    Ok(imported)
}

/// Says of an event that its calendar keeps no time for it, or is not sure of it: it freezes all the same.
fn remark_on_doubt(event: &Event<'_>, imported: &mut Imported) -> Result<(), ImportError> {
    for (name, value, says) in [
        ("TRANSP", "TRANSPARENT", "is marked as taking no time (TRANSP)"),
        ("STATUS", "TENTATIVE", "is marked as tentative (STATUS)"),
    ] {
        if event.one(name)?.is_some_and(|line| line.value.trim().eq_ignore_ascii_case(value)) {
            imported.remark(format!("line {}: the event {says}, and counts as any other", event.line));
        }
    }
    Ok(())
}

/// What an event is known by.
fn identity(event: &Event<'_>, scope: Option<&Scope>) -> Result<Option<ImportedFrom>, ImportError> {
    let Some(uid) = event.one("UID")?.map(|line| line.value.trim()).filter(|uid| !uid.is_empty()) else {
        return Ok(None);
    };
    // RFC 7986 section 5.3: none should be longer. One that is would be cut, and be another's.
    let uid = if uid.len() > UID_MAX { Digest::of(Sha256::digest(uid).into()).to_string() } else { unescaped(uid) };
    let recurrence = match event.one("RECURRENCE-ID")? {
        None => None,
        Some(line) => Some(match Moment::read(line, &line.value)? {
            Moment::Day(day) => day.format("%Y%m%d").to_string(),
            Moment::Utc(instant) => instant.format("%Y%m%dT%H%M%SZ").to_string(),
            // The same start may be written in another zone the next time.
            local @ Moment::Local(time) => {
                civil::read(zone(event, line, local)?, time).first().format("%Y%m%dT%H%M%SZ").to_string()
            }
        }),
    };
    let sequence = match event.one("SEQUENCE")? {
        None => 0,
        Some(line) => line.value.trim().parse().map_err(|_| at(line.number, "SEQUENCE is a number, such as 2"))?,
    };
    let scope = if event.one("X-ROLLDECK-SCOPE")?.is_some() { None } else { scope };
    Ok(Some(ImportedFrom {
        scope: scope.map(|scope| SafeText::new(scope.to_string())),
        uid: SafeText::new(uid),
        recurrence: recurrence.map(SafeText::new),
        sequence,
        content: SafeText::default(),
    }))
}

fn at(line: usize, why: impl Into<String>) -> ImportError {
    ImportError::new(format!("line {line}"), why)
}

/// An event, and what its calendar says of all.
struct Event<'a> {
    line: usize,
    lines: Vec<&'a ContentLine>,
    /// Custom zones of the calendar, with their line.
    zones: BTreeMap<&'a str, usize>,
    /// The zone of what has none.
    zone: Option<&'a ContentLine>,
    closed: bool,
    /// Starts that other events stand for, with their lines.
    replaced: Vec<&'a ContentLine>,
}

impl<'a> Event<'a> {
    /// A property that may be there once.
    fn one(&self, name: &str) -> Result<Option<&'a ContentLine>, ImportError> {
        let mut found = self.lines.iter().filter(|line| line.name == name);
        let first = found.next().copied();
        match found.next() {
            Some(second) => Err(at(second.number, format!("{name} is there twice in one event"))),
            None => Ok(first),
        }
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a ContentLine> + '_ {
        self.lines.iter().filter(move |line| line.name == name).copied()
    }

    fn text(&self, name: &str) -> Result<Option<SafeText>, ImportError> {
        let text = self.one(name)?.map(|line| SafeText::new(unescaped(&line.value).replace('\n', " ").trim()));
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// A word of ours, read as the type that it stands for.
    fn word<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ImportError> {
        let Some(line) = self.one(name)? else { return Ok(None) };
        let value = serde_json::Value::String(line.value.clone());
        serde_json::from_value(value).map(Some).map_err(|error| at(line.number, error.to_string()))
    }

    fn words<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, ImportError> {
        let Some(line) = self.one(name)? else { return Ok(Vec::new()) };
        let words = line.value.split(',').map(|word| serde_json::Value::String(word.to_owned())).collect();
        serde_json::from_value(serde_json::Value::Array(words)).map_err(|error| at(line.number, error.to_string()))
    }
}

/// The events of all calendars.
fn events<'a>(lines: &'a [ContentLine], imported: &mut Imported) -> Result<Vec<Event<'a>>, ImportError> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut events: Vec<Event<'a>> = Vec::new();
    let (mut first, mut zones, mut zone, mut closed) = (0, BTreeMap::new(), None, false);
    let mut calendars = 0;
    for line in lines {
        let value = line.value.as_str();
        match line.name.as_str() {
            "BEGIN" => {
                match (open.len(), value.to_ascii_uppercase().as_str()) {
                    (0, "VCALENDAR") => {
                        calendars += 1;
                        (first, zones, zone, closed) = (events.len(), BTreeMap::new(), None, false);
                    }
                    (0, _) => return Err(at(line.number, "a file of calendars begins with BEGIN:VCALENDAR")),
                    (1, "VEVENT") => events.push(Event {
                        line: line.number,
                        lines: Vec::new(),
                        zones: BTreeMap::new(),
                        zone: None,
                        closed: false,
                        replaced: Vec::new(),
                    }),
                    (1, "VTIMEZONE") => {}
                    (1, other) => {
                        imported.remark(format!("line {}: a {other} is no event and was left out", line.number));
                    }
                    _ => {}
                }
                if events.len() > EVENTS_MAX {
                    return Err(at(line.number, format!("more than {EVENTS_MAX} events")));
                }
                open.push((value, line.number));
            }
            "END" => {
                match open.pop() {
                    Some((begun, _)) if begun.eq_ignore_ascii_case(value) => {}
                    Some((begun, from)) => {
                        return Err(at(line.number, format!("it ends {value}, and {begun} of line {from} is open")));
                    }
                    None => return Err(at(line.number, format!("it ends {value}, and nothing is open"))),
                }
                if open.is_empty() {
                    for event in &mut events[first..] {
                        (event.zones, event.zone, event.closed) = (zones.clone(), zone, closed);
                    }
                }
            }
            name => match open.as_slice() {
                [] => return Err(at(line.number, "it is outside of a calendar")),
                [_] => match (name, value.to_ascii_uppercase().as_str()) {
                    ("X-WR-TIMEZONE", _) => zone = Some(line),
                    ("X-CALENDAR-TYPE", "DEFAULT_CLOSED") => closed = true,
                    ("METHOD", "CANCEL") => return Err(at(line.number, "it takes events back: lift their windows")),
                    ("CALSCALE", scale) if scale != "GREGORIAN" => {
                        return Err(at(line.number, "only the Gregorian calendar is known"));
                    }
                    _ => {}
                },
                [_, (within, _)] if within.eq_ignore_ascii_case("VEVENT") => {
                    if let Some(event) = events.last_mut() {
                        event.lines.push(line);
                    }
                }
                [_, (within, begun)] if within.eq_ignore_ascii_case("VTIMEZONE") && name == "TZID" => {
                    if value.parse::<Tz>().is_ok() {
                        imported
                            .remark(format!("{value} is read as the time zone database {} has it", written::tzdb()));
                    }
                    zones.insert(value, *begun);
                }
                // Alarms, and what a zone's own rules are.
                _ => {}
            },
        }
    }
    if let Some((begun, from)) = open.pop() {
        return Err(at(from, format!("{begun} is not ended: the file is cut off")));
    }
    if calendars == 0 {
        return Err(ImportError::new("file", "there is no calendar in it: it begins with BEGIN:VCALENDAR"));
    }
    Ok(events)
}

/// Takes the start that an event stands for out of the event that comes again, so that it counts once.
fn replaced(events: &mut [Event<'_>]) -> Result<(), ImportError> {
    // By UID the last event that comes again: thousands may stand for one of its starts.
    let mut masters: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, event) in events.iter().enumerate() {
        if let (Some(uid), None) = (event.one("UID")?, event.one("RECURRENCE-ID")?) {
            masters.insert(uid.value.as_str(), number);
        }
    }
    for number in 0..events.len() {
        let Some(line) = events[number].one("RECURRENCE-ID")? else { continue };
        if line.parameter("RANGE").is_some() {
            return Err(at(line.number, "RANGE changes all that follow: end the event before it, and add another"));
        }
        let uid = events[number].one("UID")?.map(|uid| &uid.value);
        let uid = uid.ok_or_else(|| at(line.number, "without UID nobody knows which event it stands for"))?;
        // Without the one that comes again it stands alone.
        if let Some(master) = masters.get(uid.as_str()) {
            events[*master].replaced.push(line);
        }
    }
    Ok(())
}

/// A date or time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Day(NaiveDate),
    Local(NaiveDateTime),
    Utc(DateTime<Utc>),
}

impl Moment {
    fn read(line: &ContentLine, value: &str) -> Result<Self, ImportError> {
        let wrong = |why: &str| at(line.number, format!("{} {value:?}: {why}", line.name));
        let kind = line.parameter("VALUE").unwrap_or("DATE-TIME").to_ascii_uppercase();
        let time = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S")
                .ok()
                .filter(|time| text.len() == 15 && !written::is_leap_second(time))
                .ok_or_else(|| wrong("it is no date and time like 20261121T220000"))
        };
        match (kind.as_str(), value.strip_suffix('Z')) {
            ("DATE", _) => NaiveDate::parse_from_str(value, "%Y%m%d")
                .ok()
                .filter(|_| value.len() == 8)
                .map(Self::Day)
                .ok_or_else(|| wrong("it is no date like 20261121")),
            ("DATE-TIME", Some(text)) => Ok(Self::Utc(time(text)?.and_utc())),
            ("DATE-TIME", None) => Ok(Self::Local(time(value)?)),
            _ => Err(wrong("it has to be a date or a date and time")),
        }
    }
}

/// The zone of an event's start.
fn zone(event: &Event<'_>, line: &ContentLine, start: Moment) -> Result<Tz, ImportError> {
    let named = line.parameter("TZID");
    if matches!(start, Moment::Utc(_)) {
        return Ok(Tz::UTC);
    }
    let (name, number) = match (named, event.zone) {
        (Some(name), _) => (name, line.number),
        (None, Some(calendar)) => (calendar.value.as_str(), calendar.number),
        (None, None) => {
            return Err(at(
                line.number,
                format!(
                    "{} has no zone, and begins at another instant in each: add a TZID, or X-WR-TIMEZONE to the calendar",
                    line.name
                ),
            ));
        }
    };
    written::zone(name, "TZID").map_err(|error| match event.zones.get(name) {
        Some(defined) => at(
            number,
            format!("{name:?} is a zone of the file's own (line {defined}): only those of the time zone database are known, such as Europe/Oslo"),
        ),
        None => at(number, error.to_string()),
    })
}

/// What a moment is in the zone of an event's start; refused, where it would be another kind of thing.
fn civil_in(line: &ContentLine, moment: Moment, start: Moment, zone: Tz) -> Result<NaiveDateTime, ImportError> {
    match (moment, start) {
        (Moment::Day(day), Moment::Day(_)) => Ok(day.and_time(NaiveTime::MIN)),
        (Moment::Local(local), Moment::Local(_)) => match line.parameter("TZID") {
            Some(name) if name.parse::<Tz>().ok() != Some(zone) => {
                Err(at(line.number, format!("{} is in another zone than DTSTART, {}", line.name, zone.name())))
            }
            _ => Ok(local),
        },
        (Moment::Utc(instant), Moment::Local(_) | Moment::Utc(_)) => {
            let local = instant.with_timezone(&zone).naive_local();
            if civil::read(zone, local).first() == instant {
                Ok(local)
            } else {
                Err(at(
                    line.number,
                    format!("{} is the second {local} of that day, which has no name of its own", line.name),
                ))
            }
        }
        _ => Err(at(
            line.number,
            format!("{} is another kind of value than DTSTART: date, local time or UTC", line.name),
        )),
    }
}

/// How long an event is.
enum Lasts {
    Until(NaiveDateTime),
    Elapsed(String),
}

fn draft(event: &Event<'_>, scope: Option<&Scope>, imported: &mut Imported) -> Result<WindowDraft, ImportError> {
    if let Some(line) = event.all("EXRULE").next() {
        return Err(at(line.number, "EXRULE was taken out of iCalendar: name the dates with EXDATE"));
    }
    let start_line = event.one("DTSTART")?.ok_or_else(|| at(event.line, "the event has no DTSTART"))?;
    let moment = Moment::read(start_line, &start_line.value)?;
    let zone = zone(event, start_line, moment)?;
    let start = match moment {
        Moment::Day(day) => day.and_time(NaiveTime::MIN),
        Moment::Local(local) => local,
        Moment::Utc(instant) => instant.naive_utc(),
    };
    let rule = event.one("RRULE")?;
    let dates = |name: &'static str| -> Result<Vec<NaiveDateTime>, ImportError> {
        let mut dates = Vec::new();
        for line in event.all(name) {
            for value in line.value.split(',') {
                dates.push(civil_in(line, Moment::read(line, value)?, moment, zone)?);
            }
        }
        Ok(dates)
    };
    let (rdate, mut exdate) = (dates("RDATE")?, dates("EXDATE")?);
    for line in &event.replaced {
        exdate.push(civil_in(line, Moment::read(line, &line.value)?, moment, zone)?);
    }
    let again = rule.is_some() || !rdate.is_empty();
    let mut schedule = Schedule {
        zone: SafeText::new(zone.name()),
        start,
        end: None,
        duration: None,
        rrule: rule.map(|line| SafeText::new(&line.value)),
        rdate,
        exdate,
    };
    let end_line = event.one("DTEND")?.or(event.one("DURATION")?);
    let (mut from, mut until, mut bare) = (DateTime::default(), None, false);
    match lasts(event, start_line, moment, start, zone)? {
        Ends::Open => {}
        Ends::Lasts(Lasts::Until(end)) => schedule.end = Some(end),
        Ends::Lasts(Lasts::Elapsed(duration)) => schedule.duration = Some(SafeText::new(duration)),
        Ends::Between(begin, end) if !again => (from, until, bare) = (begin, Some(end), true),
        Ends::Between(..) => {
            let line = end_line.map_or(start_line.number, |line| line.number);
            return Err(at(
                line,
                "it ends in another zone than it begins, so it is not always as long: give a DURATION",
            ));
        }
    }
    if again && schedule.end.is_some() && zone != Tz::UTC && !matches!(moment, Moment::Day(_)) {
        imported.remark(
            "DTEND is read as a time on the clock: on days that clocks change, an event ends at that time and not after as many hours"
                .to_owned(),
        );
    }
    let written_scope = match event.one("X-ROLLDECK-SCOPE")? {
        Some(line) => Some(
            unescaped(&line.value)
                .parse()
                .map_err(|error: crate::domain::ScopeError| at(line.number, error.to_string()))?,
        ),
        None => scope.cloned(),
    };
    let effect = event.word("X-ROLLDECK-EFFECT")?;
    let draft = WindowDraft {
        name: event.text("SUMMARY")?,
        effect: effect.unwrap_or(if event.closed { Effect::Allow } else { Effect::Deny }),
        scope: written_scope
            .ok_or_else(|| at(event.line, "the event does not say what it is about: name a scope for the file"))?,
        reason: event.text("DESCRIPTION")?,
        contact: event.text("CONTACT")?,
        from,
        until,
        schedule: (!bare).then_some(schedule),
        actions: event.words("X-ROLLDECK-ACTIONS")?,
        initiators: event.words("X-ROLLDECK-INITIATORS")?,
        on_enter: event.word("X-ROLLDECK-ON-ENTER")?.unwrap_or_default(),
        overridable: event.word("X-ROLLDECK-OVERRIDABLE")?.unwrap_or_default(),
        event: None,
    };
    let checked = draft.checked().map_err(|error| {
        let line = match error.part {
            "schedule.start" | "schedule.zone" => Some(start_line),
            "schedule.end" | "schedule.duration" | "until" => end_line,
            "schedule.rdate" => event.all("RDATE").next(),
            "schedule.exdate" => event.all("EXDATE").next(),
            _ => rule,
        };
        at(line.map_or(event.line, |line| line.number), error.to_string())
    });
    // One span of instants needs no civil time.
    let once = matches!(moment, Moment::Utc(_)) && !again;
    checked.map(|draft| if once { WindowDraft { schedule: None, ..draft } } else { draft })
}

/// When an event ends.
enum Ends {
    Open,
    Lasts(Lasts),
    /// It does not end in the zone in which it begins: these instants.
    Between(DateTime<Utc>, DateTime<Utc>),
}

fn lasts(
    event: &Event<'_>,
    start_line: &ContentLine,
    moment: Moment,
    start: NaiveDateTime,
    zone: Tz,
) -> Result<Ends, ImportError> {
    let open = event.one("X-ROLLDECK-OPEN")?.is_some();
    let (end, duration) = (event.one("DTEND")?, event.one("DURATION")?);
    match (end, duration, moment) {
        _ if open => Ok(Ends::Open),
        (Some(_), Some(line), _) => Err(at(line.number, "the event has DTEND and DURATION: it may have one of them")),
        (Some(line), None, _) => {
            let end = Moment::read(line, &line.value)?;
            let other = line.parameter("TZID").filter(|name| name.parse::<Tz>().ok() != Some(zone));
            match (end, other) {
                (Moment::Local(local), Some(other)) if !matches!(moment, Moment::Day(_)) => {
                    let other = written::zone(other, "TZID").map_err(|error| at(line.number, error.to_string()))?;
                    Ok(Ends::Between(civil::read(zone, start).first(), civil::read(other, local).first()))
                }
                (Moment::Utc(end), _) if matches!(moment, Moment::Local(_)) => {
                    Ok(Ends::Between(civil::read(zone, start).first(), end))
                }
                (end, _) => Ok(Ends::Lasts(Lasts::Until(civil_in(line, end, moment, zone)?))),
            }
        }
        (None, Some(line), _) => nominal(line, start, zone).map(Ends::Lasts),
        // RFC 5545 section 3.6.1: an event that begins on a day and does not say its end lasts that day.
        (None, None, Moment::Day(_)) => Ok(Ends::Lasts(Lasts::Until(start + TimeDelta::days(1)))),
        (None, None, _) => Err(at(start_line.number, "the event has neither DTEND nor DURATION: it takes no time")),
    }
}

/// A duration as RFC 5545 section 3.3.6 has it: weeks and days are those of the calendar, the rest is time that passes.
fn nominal(line: &ContentLine, start: NaiveDateTime, zone: Tz) -> Result<Lasts, ImportError> {
    let wrong = || at(line.number, format!("DURATION {:?} is none: write P1D, P2W or PT8H30M", line.value));
    let text = line.value.trim_start_matches('+').to_ascii_uppercase();
    let body = text.strip_prefix('P').ok_or_else(wrong)?;
    let (date, time) = body.split_once('T').map_or((body, None), |(date, time)| (date, Some(time)));
    let days: i64 = match (date.strip_suffix('W'), date.strip_suffix('D')) {
        (Some(weeks), _) => i64::from(weeks.parse::<u16>().map_err(|_| wrong())?) * 7,
        (None, Some(days)) => i64::from(days.parse::<u16>().map_err(|_| wrong())?),
        (None, None) if date.is_empty() && time.is_some() => 0,
        (None, None) => return Err(wrong()),
    };
    match (days, time) {
        (0, Some(time)) => Ok(Lasts::Elapsed(format!("PT{time}"))),
        (days, None) => Ok(Lasts::Until(start + TimeDelta::days(days))),
        (days, Some(time)) if zone == Tz::UTC => {
            let hours = time.split_once('H');
            let (hour, rest) = hours.map_or((0, time), |(hour, rest)| (hour.parse::<i64>().unwrap_or(-1), rest));
            if hour < 0 {
                return Err(wrong());
            }
            Ok(Lasts::Elapsed(format!("PT{}H{rest}", days * 24 + hour)))
        }
        _ => Err(at(line.number, "a DURATION of days and hours is not always as long: give DTEND, or hours alone")),
    }
}
