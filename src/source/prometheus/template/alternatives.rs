//! Many values as one regular expression (RE2, which Prometheus anchors at both ends), and a regular
//! expression as a string of PromQL. Whatever is in a value, it matches itself and nothing else.

use std::fmt::Write as _;

/// Matches every value, and a label that is not there.
pub const ANYTHING: &str = ".*";

/// Deepest nesting of groups: servers refuse expressions that nest too deeply (Go's `regexp/syntax`: 1000).
const NESTING_MAX: usize = 16;

/// A regular expression for any of these values, which are sorted and each there once. What they begin
/// with in common is written once, so that a thousand names fit into a query. The empty value matches
/// a label that is not there, as an empty label does in Prometheus.
#[must_use]
pub fn alternatives<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.into_iter().collect();
    factor(&values, NESTING_MAX)
}

fn factor(values: &[&str], nesting: usize) -> String {
    let mut expression = String::new();
    for (place, group) in values.chunk_by(|a, b| a.chars().next() == b.chars().next()).enumerate() {
        if place > 0 {
            expression.push('|');
        }
        push_group(&mut expression, group, nesting);
    }
    expression
}

/// Values that begin with the same character, or one value.
fn push_group(expression: &mut String, group: &[&str], nesting: usize) {
    let plain = group.iter().map(|value| escape(value)).collect::<Vec<_>>().join("|");
    let (Some(first), Some(last), true) = (group.first(), group.last(), group.len() > 1 && nesting > 0) else {
        return expression.push_str(&plain);
    };
    // What the first and the last of sorted values have in common, all have.
    let common: usize = first.chars().zip(last.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let tails: Vec<&str> = group.iter().map(|value| &value[common..]).collect();
    let factored = format!("{}(?:{})", escape(&first[..common]), factor(&tails, nesting - 1));
    expression.push_str(if factored.len() < plain.len() { &factored } else { &plain });
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Appends a text as a string of PromQL.
pub(super) fn quote(query: &mut String, text: &str) {
    query.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                query.push('\\');
                query.push(c);
            }
            '\n' => query.push_str("\\n"),
            c if c.is_ascii_control() => {
                let _ = write!(query, "\\x{:02x}", c as u32);
            }
            c => query.push(c),
        }
    }
    query.push('"');
}
