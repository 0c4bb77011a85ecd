//! A person's own TOML files, laid over the built-in ones by name, and what is found wrong in them.

use std::{fmt, ops::Range, path::Path};

use serde::Serialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::domain::SafeText;

/// Largest file that is read, in bytes.
const FILE_MAX: u64 = 256 * 1024;

/// One thing that is wrong in a theme or a keymap; the rest of the file holds all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, as it was named.
    pub file: SafeText,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// The field, such as `roles.fail.fg`; empty for the whole file.
    pub field: SafeText,
    /// What was expected, and what was done instead.
    pub problem: SafeText,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl Finding {
    /// Whether it is about the file as a whole, so that what is in it cannot be trusted.
    #[must_use]
    pub fn spoils_file(&self) -> bool {
        self.field.is_empty()
    }

    /// As one line to show, where nothing was done instead of what was asked for.
    #[must_use]
    pub fn unchanged(&self) -> SafeText {
        let text = self.to_string();
        let head =
            text.rsplit_once("; ").filter(|(_, tail)| tail.ends_with(" is used")).map_or(&*text, |(head, _)| head);
        SafeText::new(format!("{head}; what was in force stays"))
    }

    /// As one line to show.
    #[must_use]
    pub fn notice(&self) -> SafeText {
        SafeText::new(self.to_string())
    }
}

/// A file with its name, so that findings can point into it.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// Its name, for findings.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

impl Source<'_> {
    /// A finding about a part of the file.
    pub fn finding(&self, span: &Range<usize>, field: &str, problem: impl AsRef<str>) -> Finding {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or(self.text);
        Finding {
            file: SafeText::new(self.name),
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            field: SafeText::new(field),
            problem: SafeText::new(problem),
        }
    }
}

/// Reads what can be read of a file; what cannot is a finding.
pub(super) fn parse<'a>(source: &Source<'a>, findings: &mut Vec<Finding>) -> Spanned<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    for error in errors {
        findings.push(source.finding(&error.span().unwrap_or(0..0), "", error.message()));
    }
    table
}

/// The entries of a table in the order of the file.
pub(super) fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t str, Range<usize>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    entries
}

/// The text of the person's own file `DIR/KIND/NAME.toml`, if there is one.
pub(super) fn user_file(
    dir: Option<&Path>,
    kind: &str,
    name: &str,
    findings: &mut Vec<Finding>,
) -> Option<(String, String)> {
    if !is_name(name) {
        findings.push(Finding {
            file: SafeText::new(name),
            line: 0,
            field: SafeText::default(),
            problem: SafeText::new("a name has lower-case letters, digits, '-' and '_', and at most 40 of them"),
        });
        return None;
    }
    let path = dir?.join(kind).join(format!("{name}.toml"));
    if matches!(std::fs::metadata(&path), Err(error) if error.kind() == std::io::ErrorKind::NotFound) {
        return None;
    }
    match file_text(&path) {
        Ok(read) => Some(read),
        Err(mut finding) => {
            finding.problem = SafeText::new(format!("{}; the built-in one is used", finding.problem));
            findings.push(finding);
            None
        }
    }
}

/// The name and the text of a file.
pub(super) fn file_text(path: &Path) -> Result<(String, String), Finding> {
    let shown = path.display().to_string();
    let wrong = |problem: String| Finding {
        file: SafeText::new(&shown),
        line: 0,
        field: SafeText::default(),
        problem: SafeText::new(problem),
    };
    let about = std::fs::metadata(path).map_err(|error| wrong(format!("cannot be read ({error})")))?;
    if !about.is_file() || about.len() > FILE_MAX {
        return Err(wrong(format!("is no file of at most {FILE_MAX} bytes")));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((shown, text)),
        Err(error) => Err(wrong(format!("cannot be read ({error})"))),
    }
}

/// The names of the person's own files `DIR/KIND/NAME.toml`, in their order.
pub(super) fn user_names(dir: Option<&Path>, kind: &str) -> Vec<String> {
    let Some(entries) = dir.and_then(|dir| std::fs::read_dir(dir.join(kind)).ok()) else { return Vec::new() };
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.ok()?.file_name().to_str()?.strip_suffix(".toml")?.to_owned();
        is_name(&name).then_some(name)
    };
    let mut names: Vec<String> = entries.filter_map(name).take(200).collect();
    names.sort();
    names
}

/// Names become file names: nothing that could walk elsewhere.
fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

/// The name nearest to a mistyped one, if any is near.
pub(super) fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    names
        .into_iter()
        .map(|name| (strsim::levenshtein(typed, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
        .map(|(_, name)| name)
}

/// Says that a name is none of those known, and which one may be meant.
pub(super) fn unknown<'n>(what: &str, typed: &str, names: impl IntoIterator<Item = &'n str> + Clone) -> String {
    if let Some(near) = nearest(typed, names.clone()) {
        return format!("'{typed}' is no {what}, '{near}' is near");
    }
    let known: Vec<_> = names.into_iter().collect();
    format!("'{typed}' is no {what}, expected one of {}", known.join(", "))
}

/// The finding about a theme or keymap that is neither built in nor a file.
pub(super) fn missing<'n>(
    what: &str,
    name: &str,
    names: impl IntoIterator<Item = &'n str> + Clone,
    instead: &str,
) -> Finding {
    Finding {
        file: SafeText::new(name),
        line: 0,
        field: SafeText::default(),
        problem: SafeText::new(format!("{}; {instead} is used", unknown(what, name, names))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_points_at_the_line_and_the_field() {
        let source = Source { name: "themes/mine.toml", text: "a = 1\nb = 2\n" };
        let finding = source.finding(&(6..7), "b", "expected less");
        assert_eq!(finding.to_string(), "themes/mine.toml:2: b: expected less");
    }

    #[test]
    fn a_mistyped_name_gets_its_neighbour_and_a_strange_one_gets_the_list() {
        assert_eq!(unknown("role", "fial", ["fail", "passed"]), "'fial' is no role, 'fail' is near");
        assert_eq!(unknown("role", "zzzzzz", ["fail", "passed"]), "'zzzzzz' is no role, expected one of fail, passed");
    }

    #[test]
    fn a_name_that_walks_out_of_the_directory_is_refused() {
        for name in ["../secrets", "a/b", "", "A", ".hidden"] {
            let mut findings = Vec::new();
            assert_eq!(user_file(Some(Path::new("/tmp")), "themes", name, &mut findings), None);
            assert_eq!(findings.len(), 1, "{name}");
        }
    }
}
