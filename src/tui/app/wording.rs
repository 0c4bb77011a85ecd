//! What a change window says, in words: when it holds, what it blocks and allows and for whom, what it
//! does with what is under way, and who may let something pass it.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};

use crate::domain::{Effect, Freeze, Initiator, OnEnter, Operation, Overridable, SafeText, Schedule, Scope, Window};

/// The word of an operation.
#[must_use]
pub const fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Start => "start",
        Operation::Advance => "unattended advance",
        Operation::Promote => "promote",
        Operation::PromoteFull => "promote fully",
        Operation::Resume => "resume",
        Operation::Retry => "retry",
        Operation::Restart => "restart",
        Operation::Terminate => "terminate",
        Operation::FlagEnable => "flag on",
        Operation::FlagWiden => "flag widen",
        Operation::FlagChange => "flag change",
    }
}

fn operations(window: &Window) -> String {
    if window.actions.is_empty() {
        return "all that widens a change (start, promote, resume, retry, flag on)".to_owned();
    }
    window.actions.iter().map(|action| operation(*action)).collect::<Vec<_>>().join(", ")
}

fn initiators(window: &Window) -> String {
    let word = |initiator: &Initiator| match initiator {
        Initiator::Human => "people",
        Initiator::Automation => "automation",
        Initiator::Agent => "agents",
    };
    match window.initiators.as_slice() {
        [] => String::new(),
        some => format!(", for {} only", some.iter().map(word).collect::<Vec<_>>().join(" and ")),
    }
}

/// What it holds while it holds, and what stays open.
#[must_use]
pub fn blocks(window: &Window) -> String {
    let (what, whom) = (operations(window), initiators(window));
    match window.effect {
        Effect::Deny => format!("{what}{whom}"),
        Effect::Allow => format!("{what}{whom}, at all times outside of it"),
    }
}

/// What it allows.
#[must_use]
pub fn allows(window: &Window) -> String {
    let rest = if window.actions.is_empty() && window.initiators.is_empty() { "" } else { "; and whatever else" };
    match window.effect {
        Effect::Deny => format!("pause, rollback and a flag kill, always{rest}"),
        Effect::Allow => format!("the same while it is open; pause, rollback and a flag kill, always{rest}"),
    }
}

/// What it does, when it begins, with what is under way.
#[must_use]
pub const fn on_enter(on_enter: OnEnter) -> &'static str {
    match on_enter {
        OnEnter::Hold => "units that were told finish, and no other is told",
        OnEnter::Pause => "what is under way is PAUSED",
        OnEnter::AbortAndRestore => "what is under way is BROUGHT BACK to where it came from",
    }
}

/// Who may let something pass it.
#[must_use]
pub const fn overridable(overridable: Overridable) -> &'static str {
    match overridable {
        Overridable::Single => "one commander, with a reason",
        Overridable::TwoPerson => "two people: an operator asks, a commander who is somebody else agrees",
        Overridable::Never => "NOBODY, whatever the role",
    }
}

/// Who can let something pass these windows together, or which of them nobody can.
///
/// # Errors
/// Why nobody can, and when it is open again as far as that is known.
pub fn who_can(freezes: &[Freeze], clock: impl Fn(DateTime<Utc>) -> String) -> Result<&'static str, String> {
    if let Some(never) = freezes.iter().find(|freeze| freeze.overridable == Overridable::Never) {
        let until = never.until.map_or_else(|| "until it is lifted".to_owned(), |at| format!("until {}", clock(at)));
        return Err(format!("nobody can override {}, whatever the role; it holds {until}", never.window));
    }
    let most = freezes.iter().map(|freeze| freeze.overridable).max().unwrap_or_default();
    Ok(overridable(most))
}

/// The word of a scope that leaves nothing out.
pub const EVERYTHING: &str = "everything";

/// A scope in a few columns: its patterns, without the names of the first two dimensions.
#[must_use]
pub fn scope(scope: &Scope) -> String {
    let mut parts: Vec<String> = Vec::new();
    let of = |patterns: &[String]| patterns.join("|");
    match (scope.targets.is_empty(), scope.sites.is_empty()) {
        (false, false) => parts.push(format!("{}/{}", of(&scope.targets), of(&scope.sites))),
        (false, true) => parts.push(of(&scope.targets)),
        (true, false) => parts.push(format!("*/{}", of(&scope.sites))),
        (true, true) => {}
    }
    for (key, patterns) in [("lane", &scope.lanes), ("stage", &scope.stages), ("rollout", &scope.rollouts)] {
        if !patterns.is_empty() {
            parts.push(format!("{key}={}", of(patterns)));
        }
    }
    parts.extend(scope.labels.iter().map(|(label, patterns)| format!("{label}={}", of(patterns))));
    if parts.is_empty() || parts == ["*"] { EVERYTHING.to_owned() } else { parts.join(" ") }
}

/// When a window holds.
#[must_use]
pub fn schedule(window: &Window, clock: impl Fn(DateTime<Utc>) -> String) -> String {
    let Some(schedule) = &window.schedule else {
        let from = clock(window.from);
        return match window.until {
            Some(until) => format!("once, {from} - {}", clock(until)),
            None => format!("from {from} until somebody lifts it"),
        };
    };
    let mut said = match schedule.rrule.as_ref().map(SafeText::as_str) {
        None | Some("") => "once".to_owned(),
        // What cannot be said in words is said as it is.
        Some(rule) => recurrence(rule).unwrap_or_else(|| format!("by the rule {rule}")),
    };
    _ = write!(said, ", {} {}", stretch(schedule), schedule.zone);
    _ = write!(said, ", from {}", schedule.start.format("%d %b %Y"));
    for (count, what) in [(schedule.rdate.len(), "further start"), (schedule.exdate.len(), "start")] {
        let left_out = if what == "start" { " left out" } else { "" };
        match count {
            0 => {}
            1 => _ = write!(said, ", 1 {what}{left_out}"),
            n => _ = write!(said, ", {n} {what}s{left_out}"),
        }
    }
    said
}

/// `22:00 - 06:00 the next day`, `08:00 for PT2H`, `from 08:00 on`.
fn stretch(schedule: &Schedule) -> String {
    let time = |at: NaiveDateTime| at.format("%H:%M").to_string();
    let start = time(schedule.start);
    match (schedule.end, &schedule.duration) {
        (Some(end), _) => {
            let days = (end.date() - schedule.start.date()).num_days();
            let later = match days {
                0 => String::new(),
                1 => " the next day".to_owned(),
                n => format!(" {n} days later"),
            };
            format!("{start} - {}{later}", time(end))
        }
        (None, Some(duration)) => format!("{start} for {duration}"),
        (None, None) => format!("from {start} on"),
    }
}

/// A recurrence rule (RFC 5545, section 3.3.10) in words; none when there is a part that has none here.
fn recurrence(rule: &str) -> Option<String> {
    let rule = rule.strip_prefix("RRULE:").unwrap_or(rule);
    let mut unit = None;
    let (mut interval, mut days, mut month_days, mut months, mut ends) = (1_u32, None, None, None, None);
    let mut positions = None;
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=')?;
        match key.to_ascii_uppercase().as_str() {
            "FREQ" => {
                unit = Some(match value.to_ascii_uppercase().as_str() {
                    "DAILY" => "day",
                    "WEEKLY" => "week",
                    "MONTHLY" => "month",
                    "YEARLY" => "year",
                    _ => return None,
                });
            }
            "INTERVAL" => interval = value.parse().ok()?,
            "BYDAY" => days = Some(listed(value, day)?),
            "BYMONTHDAY" => month_days = Some(listed(value, month_day)?),
            "BYMONTH" => months = Some(listed(value, month)?),
            "BYSETPOS" => positions = Some(listed(value, ordinal)?),
            "COUNT" => ends = Some(format!("{} times", value.parse::<u32>().ok()?)),
            "UNTIL" => ends = Some(format!("until {}", until(value)?)),
            // Which day a week begins with matters only where weeks are left out.
            "WKST" => {}
            _ => return None,
        }
    }
    let unit = unit?;
    let mut said = if interval == 1 { format!("every {unit}") } else { format!("every {interval} {unit}s") };
    if let Some(days) = days {
        _ = write!(said, " on {days}");
    }
    if let Some(month_days) = month_days {
        _ = write!(said, " on {month_days}");
    }
    if let Some(months) = months {
        _ = write!(said, " in {months}");
    }
    if let Some(positions) = positions {
        _ = write!(said, " ({positions} of these)");
    }
    if let Some(ends) = ends {
        _ = write!(said, ", {ends}");
    }
    Some(said)
}

fn listed(value: &str, word: impl Fn(&str) -> Option<String>) -> Option<String> {
    value.split(',').map(|part| word(part.trim())).collect::<Option<Vec<_>>>().map(|words| words.join(", "))
}

fn ordinal(text: &str) -> Option<String> {
    let number: i32 = text.parse().ok()?;
    let suffix = |n: u32| match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    let size = number.unsigned_abs();
    match number {
        0 => None,
        -1 => Some("the last".to_owned()),
        n if n < 0 => Some(format!("the {size}{} last", suffix(size))),
        _ => Some(format!("the {size}{}", suffix(size))),
    }
}

fn day(text: &str) -> Option<String> {
    let (number, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let day = match day.to_ascii_uppercase().as_str() {
        "MO" => "Mon",
        "TU" => "Tue",
        "WE" => "Wed",
        "TH" => "Thu",
        "FR" => "Fri",
        "SA" => "Sat",
        "SU" => "Sun",
        _ => return None,
    };
    match number {
        "" => Some(day.to_owned()),
        number => ordinal(number.trim_start_matches('+')).map(|which| format!("{which} {day}")),
    }
}

fn month_day(text: &str) -> Option<String> {
    ordinal(text)
}

fn month(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number: usize = text.parse().ok()?;
    MONTHS.get(number.checked_sub(1)?).map(|month| (*month).to_owned())
}

fn until(text: &str) -> Option<String> {
    let date = chrono::NaiveDate::parse_from_str(text.get(..8)?, "%Y%m%d").ok()?;
    Some(format!("{:02} {} {}", date.day(), month(&date.month().to_string())?, date.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_said_in_words_and_what_has_none_is_said_as_it_is() {
        let table = [
            ("FREQ=DAILY", Some("every day")),
            ("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,FR", Some("every week on Mon, Tue, Fri")),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA;WKST=SU", Some("every 2 weeks on Sat")),
            ("FREQ=MONTHLY;BYDAY=1MO,-1FR", Some("every month on the 1st Mon, the last Fri")),
            ("FREQ=MONTHLY;BYMONTHDAY=1,15,-2", Some("every month on the 1st, the 15th, the 2nd last")),
            ("FREQ=YEARLY;BYMONTH=11,12;COUNT=3", Some("every year in Nov, Dec, 3 times")),
            (
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20271231T225959Z",
                Some("every month on Mon, Tue, Wed, Thu, Fri (the last of these), until 31 Dec 2027"),
            ),
            ("FREQ=HOURLY", None),
            ("FREQ=WEEKLY;BYDAY=XX", None),
            ("FREQ=WEEKLY;BYHOUR=3", None),
            ("nonsense", None),
        ];
        for (rule, words) in table {
            assert_eq!(recurrence(rule).as_deref(), words, "{rule}");
        }
    }

    #[test]
    fn a_schedule_names_its_times_its_zone_and_what_is_left_out() {
        let at = |text: &str| format!("2026-03-{text}:00").parse().unwrap();
        let mut schedule = Schedule {
            zone: "Europe/Oslo".into(),
            start: at("26T22:00"),
            end: Some(at("27T06:00")),
            duration: None,
            rrule: Some("FREQ=WEEKLY;BYDAY=TH".into()),
            rdate: vec![at("28T22:00")],
            exdate: vec![at("26T22:00"), at("27T22:00")],
        };
        let said = |schedule: &Schedule| {
            let window = Window { schedule: Some(schedule.clone()), ..Window::default() };
            super::schedule(&window, |at| at.to_rfc3339())
        };
        assert_eq!(
            said(&schedule),
            "every week on Thu, 22:00 - 06:00 the next day Europe/Oslo, from 26 Mar 2026, 1 further start, 2 starts left out"
        );
        (schedule.end, schedule.duration, schedule.rdate, schedule.exdate) =
            (None, Some("PT2H".into()), vec![], vec![]);
        schedule.rrule = Some("FREQ=HOURLY".into());
        assert_eq!(said(&schedule), "by the rule FREQ=HOURLY, 22:00 for PT2H Europe/Oslo, from 26 Mar 2026");
        (schedule.duration, schedule.rrule) = (None, None);
        assert_eq!(said(&schedule), "once, from 22:00 on Europe/Oslo, from 26 Mar 2026");
    }

    #[test]
    fn a_scope_is_short_and_one_without_patterns_is_everything() {
        for (text, short) in [
            ("osl2", "osl2"),
            ("target=ams,site=ams1-*", "ams/ams1-*"),
            ("site=osl2,label:ring=b", "*/osl2 ring=b"),
            ("target=dc,stage=wave*,lane=a,lane=b", "dc lane=a|b stage=wave*"),
            ("*", "everything"),
        ] {
            assert_eq!(scope(&text.parse().unwrap()), short, "{text}");
        }
        assert_eq!(scope(&Scope::default()), "everything");
    }

    #[test]
    fn of_several_windows_the_strictest_says_who_can_and_never_says_nobody() {
        let freeze = |overridable| Freeze { window: "w-1".into(), overridable, ..Freeze::default() };
        let clock = |_| "14:00Z".to_owned();
        assert!(who_can(&[freeze(Overridable::Single)], clock).unwrap().starts_with("one commander"));
        let two = [freeze(Overridable::Single), freeze(Overridable::TwoPerson)];
        assert!(who_can(&two, clock).unwrap().starts_with("two people"));
        let never = [freeze(Overridable::TwoPerson), freeze(Overridable::Never)];
        assert!(who_can(&never, clock).unwrap_err().contains("nobody can override w-1"));
    }
}
