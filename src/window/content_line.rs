//! Content lines of iCalendar: RFC 5545 section 3.1, read and written.
//!
//! A reader of our own, and not a crate's, because an error has to name the line, and because nothing may be
//! let pass that was not understood.

/// A line, unfolded: `NAME;PARAMETER=VALUE:VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentLine {
    /// The number of the first line that it was written on, from 1.
    pub number: usize,
    /// In capitals.
    pub name: String,
    /// In capitals, with what they are, without quotes.
    pub parameters: Vec<(String, String)>,
    /// As it is written.
    pub value: String,
}

impl ContentLine {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All content lines of a text.
///
/// # Errors
/// The number of the line that is none, and what is wrong with it.
pub(super) fn read(text: &str) -> Result<Vec<ContentLine>, (usize, &'static str)> {
    let mut unfolded: Vec<(usize, String)> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            (Some(more), Some((_, last))) => last.push_str(more),
            (Some(_), None) => return Err((at + 1, "it goes on a line before it, and there is none")),
            (None, _) if line.is_empty() => {}
            (None, _) => unfolded.push((at + 1, line.to_owned())),
        }
    }
    unfolded.into_iter().map(|(number, line)| parse(number, &line).map_err(|why| (number, why))).collect()
}

fn parse(number: usize, line: &str) -> Result<ContentLine, &'static str> {
    let no_value = "it is no content line: those are NAME:VALUE, with parameters after the name";
    let named = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let end = line.find(|c| !named(c)).filter(|end| *end > 0).ok_or(no_value)?;
    let (name, mut rest) = line.split_at(end);
    let mut parameters = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        let (key, value) = after.split_once('=').ok_or("a parameter has no value")?;
        if key.is_empty() || !key.chars().all(named) {
            return Err("a parameter has no name");
        }
        let (value, tail) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => value.split_at(value.find([';', ':']).ok_or(no_value)?),
        };
        parameters.push((key.to_ascii_uppercase(), value.to_owned()));
        rest = tail;
    }
    let value = rest.strip_prefix(':').ok_or(no_value)?;
    Ok(ContentLine { number, name: name.to_ascii_uppercase(), parameters, value: value.to_owned() })
}

/// A text value without its escapes.
pub(super) fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            c => text.push(c),
        }
    }
    text
}

/// A text value as it is written.
pub(super) fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => value.extend(['\\', c]),
            '\n' => value.push_str("\\n"),
            c => value.push(c),
        }
    }
    value
}

/// Longest line that is written, in octets, without its break.
const OCTETS_MAX: usize = 75;

/// Adds a line, folded, with its break.
pub(super) fn write(to: &mut String, line: &str) {
    let mut room = OCTETS_MAX;
    for c in line.chars() {
        if c.len_utf8() > room {
            to.push_str("\r\n ");
            room = OCTETS_MAX - 1;
        }
        to.push(c);
        room -= c.len_utf8();
    }
    to.push_str("\r\n");
}
