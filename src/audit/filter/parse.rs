//! Reading a filter: terms, their keys, values and times, with the place of what is wrong.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};

use super::{EntryFilter, EntryFilterError, Field, Term, Test};

/// Longest text of a filter, in characters.
pub const TEXT_MAX: usize = 2000;
/// Most terms, and most values of one.
pub const TERMS_MAX: usize = 64;

/// The fields by their keys; each further key of a field is another word for it.
const KEYS: &[(&str, Field)] = &[
    ("actor", Field::Actor),
    ("who", Field::Actor),
    ("kind", Field::Kind),
    ("role", Field::Role),
    ("via", Field::Via),
    ("credential", Field::Credential),
    ("source", Field::Source),
    ("action", Field::Action),
    ("outcome", Field::Outcome),
    ("reason", Field::Reason),
    ("ticket", Field::Ticket),
    ("seq", Field::Seq),
    ("correlation", Field::Correlation),
    ("subject", Field::Subject),
    ("target", Field::Target),
    ("namespace", Field::Target),
    ("rollout", Field::Rollout),
    ("name", Field::Name),
    ("site", Field::Site),
    ("lane", Field::Lane),
    ("override", Field::Override),
    ("approved", Field::Approved),
];

impl Field {
    /// The key that it is written with.
    pub(super) fn key(self) -> &'static str {
        KEYS.iter().find(|(_, field)| *field == self).map_or("", |(key, _)| key)
    }

    /// The values of a closed list; none where any text may stand.
    fn values(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Kind => &["human", "automation", "agent", "system"],
            Self::Role => &["viewer", "operator", "commander", "agent"],
            Self::Via => &["tui", "cli", "api", "agent"],
            Self::Outcome => &["intended", "applied", "no_op", "refused", "failed", "unconfirmed"],
            Self::Subject => {
                &["rollout", "window", "override", "flag", "snapshot", "unit", "token", "approval", "server"]
            }
            _ => return None,
        })
    }
}

pub(super) fn parse<Tz: TimeZone>(text: &str, now: &DateTime<Tz>) -> Result<EntryFilter, EntryFilterError> {
    let mut reader = Reader { chars: text.chars().collect(), at: 0 };
    if reader.chars.len() > TEXT_MAX {
        return Err(reader.wrong(TEXT_MAX, "the filter is longer than 2000 characters".to_owned()));
    }
    let mut terms = Vec::new();
    let mut times = None;
    loop {
        reader.skip_spaces();
        let begin = reader.at;
        if reader.peek().is_none() {
            let filter = EntryFilter { terms };
            return match (filter.bounds(), times) {
                ((Some(since), Some(until)), Some(begin)) if since > until => {
                    Err(reader.wrong(begin, "nothing is both: it ends before it begins".to_owned()))
                }
                _ => Ok(filter),
            };
        }
        if terms.len() == TERMS_MAX {
            return Err(reader.wrong(begin, format!("a filter has at most {TERMS_MAX} terms")));
        }
        let negated = reader.take('-');
        let test = reader.test(now)?;
        if reader.peek().is_some_and(|c| !c.is_whitespace()) {
            return Err(reader
                .wrong(begin, "a term ends with a space: put what has spaces or quotes in it in quotes".to_owned()));
        }
        if matches!(test, Test::Since(_) | Test::Until(_)) {
            times = Some(begin);
        }
        terms.push(Term { negated, test });
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is = self.peek() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// What is wrong with the part that begins there, up to the next space.
    fn wrong(&self, begin: usize, message: String) -> EntryFilterError {
        let part = self.chars.iter().skip(begin).take_while(|c| !c.is_whitespace()).take(40).collect();
        EntryFilterError { part, position: begin + 1, message }
    }

    fn test<Tz: TimeZone>(&mut self, now: &DateTime<Tz>) -> Result<Test, EntryFilterError> {
        let begin = self.at;
        if self.peek() == Some('"') {
            return Ok(Test::Words(self.quoted()?.to_lowercase()));
        }
        let key: String = self.chars[begin..].iter().take_while(|c| c.is_ascii_lowercase()).collect();
        if self.chars.get(begin + key.len()) != Some(&':') {
            return self.words(begin);
        }
        self.at += key.len() + 1;
        let values_at = self.at;
        let values = self.values()?;
        match key.as_str() {
            "since" | "until" => {
                let [value] = values.as_slice() else {
                    return Err(self.wrong(values_at, format!("{key}: takes one time")));
                };
                let at = instant(value, now, key == "until").ok_or_else(|| {
                    let forms =
                        "30m, 2h or 7d ago, today, yesterday, 2026-11-21, 2026-11-21T03:00 or 2026-11-21T03:00:00Z";
                    self.wrong(values_at, format!("it is no time: write {forms}"))
                })?;
                Ok(if key == "since" { Test::Since(at) } else { Test::Until(at) })
            }
            key => {
                let Some((_, field)) = KEYS.iter().find(|(name, _)| *name == key) else {
                    return Err(self.wrong(begin, format!("there is no key {key:?}: {}", keys())));
                };
                if let Some(known) = field.values()
                    && let Some(odd) = values.iter().find(|value| !known.contains(&value.as_str()))
                {
                    return Err(self.wrong(values_at, format!("{odd:?} is none of {}", known.join(", "))));
                }
                let number = |value: &String| value.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '?'));
                if *field == Field::Seq
                    && let Some(odd) = values.iter().find(|value| !number(value))
                {
                    return Err(self.wrong(values_at, format!("{odd:?} is no number of an entry, such as 42 or 4?")));
                }
                Ok(Test::Field(*field, values))
            }
        }
    }

    /// A word without a key.
    fn words(&mut self, begin: usize) -> Result<Test, EntryFilterError> {
        let word: String = self.chars[begin..].iter().take_while(|c| !c.is_whitespace() && **c != '"').collect();
        self.at += word.chars().count();
        if word.is_empty() {
            return Err(self.wrong(begin.saturating_sub(1), "a minus needs a term right after it".to_owned()));
        }
        Ok(Test::Words(word.to_lowercase()))
    }

    /// Values with commas between them.
    fn values(&mut self) -> Result<Vec<String>, EntryFilterError> {
        let mut values = Vec::new();
        loop {
            let begin = self.at;
            if values.len() == TERMS_MAX {
                return Err(self.wrong(begin, format!("a term has at most {TERMS_MAX} values")));
            }
            let value = if self.peek() == Some('"') {
                self.quoted()?
            } else {
                let value: String =
                    self.chars[begin..].iter().take_while(|c| !c.is_whitespace() && !matches!(c, ',' | '"')).collect();
                self.at += value.chars().count();
                value
            };
            if value.is_empty() {
                return Err(self.wrong(begin, "a value is missing: `*` is any".to_owned()));
            }
            values.push(value);
            if !self.take(',') {
                return Ok(values);
            }
        }
    }

    /// A text in quotes, in which `\` lets `"` and `\` stand.
    fn quoted(&mut self) -> Result<String, EntryFilterError> {
        let begin = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(self.wrong(begin, "a quote that is not closed".to_owned())),
                Some('"') => break,
                Some('\\') if matches!(self.chars.get(self.at + 1), Some('"' | '\\')) => self.at += 1,
                Some(_) => {}
            }
            text.extend(self.peek());
            self.at += 1;
        }
        self.at += 1;
        if text.is_empty() {
            return Err(self.wrong(begin, "there is nothing in the quotes".to_owned()));
        }
        Ok(text)
    }
}

fn keys() -> String {
    let keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).filter(|key| !matches!(*key, "who" | "namespace")).collect();
    format!("use {}, since or until; put words that have a colon in quotes", keys.join(", "))
}

/// A time; a day without an hour is its end where `end` is asked for.
fn instant<Tz: TimeZone>(text: &str, now: &DateTime<Tz>, end: bool) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    let zone = now.timezone();
    // A civil time that a clock change skipped begins when the clock goes on.
    let civil = |at: NaiveDateTime| {
        (0..=24).find_map(|half_hours| {
            zone.from_local_datetime(&(at + TimeDelta::minutes(30 * half_hours)))
                .earliest()
                .map(|at| at.with_timezone(&Utc))
        })
    };
    let day = |date: NaiveDate| {
        let date = if end { date.checked_add_days(Days::new(1))? } else { date };
        civil(date.and_time(NaiveTime::MIN))
    };
    let today = now.date_naive();
    match text {
        "now" => return Some(now.with_timezone(&Utc)),
        "today" => return day(today),
        "yesterday" => return day(today.pred_opt()?),
        _ => {}
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return day(date);
    }
    for form in ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
            return civil(at);
        }
    }
    span(text).and_then(|span| now.with_timezone(&Utc).checked_sub_signed(span))
}

/// A span such as `90s`, `30m`, `1h30m`, `7d`, `2w`; at most a hundred years.
fn span(text: &str) -> Option<TimeDelta> {
    let mut rest = text;
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        seconds = number.checked_mul(factor).and_then(|more| seconds.checked_add(more))?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    (!text.is_empty() && seconds <= 100 * 366 * 86_400).then(|| TimeDelta::seconds(seconds))
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value as it may stand in a term.
pub(super) fn plain_or_quoted(value: &str) -> String {
    if value.chars().any(|c| c.is_whitespace() || matches!(c, ',' | '"')) { quoted(value) } else { value.to_owned() }
}
