//! The numbers in a metric's conditions: what a measurement is compared with, and in which words.
//!
//! Conditions are expressions of a language of their own (expr-lang). Nothing is evaluated here: the
//! controller has said what a measurement came to. Read are the comparisons of the measured value with
//! a number, as argo-rollouts' own chart does (`ui/src/app/components/analysis-modal/transforms.ts`),
//! and a few more forms.

use serde_json::Value;

/// Comparisons that are kept of one condition, at most.
const COMPARISONS_MAX: usize = 8;
/// Longest condition that is read, in bytes.
const CONDITION_MAX: usize = 4096;

/// A comparison of what was measured with a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    /// Which part of it; empty for the value itself.
    path: Vec<String>,
    /// How.
    sign: Sign,
    /// With what.
    pub number: f64,
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Less,
    AtMost,
    More,
    AtLeast,
    Is,
    IsNot,
}

impl Sign {
    /// The one that holds where this one does not.
    const fn opposite(self) -> Self {
        match self {
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::More,
            Self::More => Self::AtMost,
            Self::AtLeast => Self::Less,
            Self::Is => Self::IsNot,
            Self::IsNot => Self::Is,
        }
    }

    /// The one that holds of the two swapped.
    const fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::More,
            Self::AtMost => Self::AtLeast,
            Self::More => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Less => "below",
            Self::AtMost => "at most",
            Self::More => "above",
            Self::AtLeast => "at least",
            Self::Is => "equal to",
            Self::IsNot => "not",
        }
    }
}

impl Comparison {
    /// Whether a smaller value is the worse one, where the condition says what is good.
    pub const fn lower_is_worse(&self) -> Option<bool> {
        match self.sign {
            Sign::More | Sign::AtLeast => Some(true),
            Sign::Less | Sign::AtMost => Some(false),
            Sign::Is | Sign::IsNot => None,
        }
    }

    /// Whether it holds of a value.
    pub fn holds(&self, value: f64) -> bool {
        match self.sign {
            Sign::Less => value < self.number,
            Sign::AtMost => value <= self.number,
            Sign::More => value > self.number,
            Sign::AtLeast => value >= self.number,
            Sign::Is => (value - self.number).abs() < f64::EPSILON,
            Sign::IsNot => (value - self.number).abs() >= f64::EPSILON,
        }
    }

    /// How a value lies to the number, in words: `below 0.99`.
    pub fn words(&self, value: f64) -> String {
        let sign = if self.holds(value) { self.sign } else { self.sign.opposite() };
        format!("{} {}", sign.words(), beside(self.number, value))
    }
}

/// The comparisons in a condition, in its order.
pub(super) fn comparisons(condition: &str) -> Vec<Comparison> {
    // The language has words for two of its signs.
    let condition = condition.replace(" and ", " && ").replace(" or ", " || ");
    let text: Vec<char> = condition.chars().take(CONDITION_MAX).collect();
    let mut found = Vec::new();
    let mut quote = None;
    let mut at = 0;
    while at < text.len() && found.len() < COMPARISONS_MAX {
        let c = text[at];
        if let Some(mark) = quote {
            if c == '\\' {
                at += 1;
            } else if c == mark {
                quote = None;
            }
        } else if matches!(c, '"' | '\'' | '`') {
            quote = Some(c);
        } else if let Some((sign, length)) = sign(&text[at..]) {
            found.extend(comparison(&text, at, sign, length));
            at += length - 1;
        }
        at += 1;
    }
    found
}

fn sign(text: &[char]) -> Option<(Sign, usize)> {
    match (text.first()?, text.get(1)) {
        ('<', Some('=')) => Some((Sign::AtMost, 2)),
        ('>', Some('=')) => Some((Sign::AtLeast, 2)),
        ('=', Some('=')) => Some((Sign::Is, 2)),
        ('!', Some('=')) => Some((Sign::IsNot, 2)),
        ('<', _) => Some((Sign::Less, 1)),
        ('>', _) => Some((Sign::More, 1)),
        _ => None,
    }
}

fn comparison(text: &[char], at: usize, sign: Sign, length: usize) -> Option<Comparison> {
    let (start, left) = before(&text[..at]);
    let right = after(&text[at + length..]);
    // What stands in a negated bracket means the opposite of what it says, or less.
    let mut outside = text[..start].iter().rev().filter(|c| !c.is_whitespace());
    if outside.next() == Some(&'(') && outside.next() == Some(&'!') {
        return None;
    }
    match (path(&left), number(&right), number(&left), path(&right)) {
        (Some(path), Some(number), ..) => Some(Comparison { path, sign, number }),
        (.., Some(number), Some(path)) => Some(Comparison { path, sign: sign.mirrored(), number }),
        _ => None,
    }
}

fn ends(c: char) -> bool {
    matches!(c, '&' | '|' | ',' | '?' | ':' | ';' | '{' | '}')
}

/// The operand before a place, and where it begins.
fn before(text: &[char]) -> (usize, String) {
    let mut depth = 0_u32;
    let mut start = text.len();
    for (index, c) in text.iter().enumerate().rev() {
        match c {
            ')' | ']' => depth += 1,
            '(' | '[' if depth == 0 => break,
            '(' | '[' => depth -= 1,
            c if depth == 0 && ends(*c) => break,
            _ => {}
        }
        start = index;
    }
    (start, operand(&text[start..]))
}

/// The operand after a place.
fn after(text: &[char]) -> String {
    let mut depth = 0_u32;
    let mut end = 0;
    for (index, c) in text.iter().enumerate() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth == 0 => break,
            ')' | ']' => depth -= 1,
            c if depth == 0 && ends(*c) => break,
            _ => {}
        }
        end = index + 1;
    }
    operand(&text[..end])
}

fn operand(text: &[char]) -> String {
    text.iter().collect::<String>().trim().to_owned()
}

fn number(text: &str) -> Option<f64> {
    let digits = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    text.parse().ok().filter(|number: &f64| digits && number.is_finite())
}

/// Which part of a measurement is named: `result`, `result[0]`, `result.data.rate`, `default(result, 0)`,
/// `#` for each of a list.
fn path(text: &str) -> Option<Vec<String>> {
    if text == "#" {
        return Some(Vec::new());
    }
    for name in ["default", "asFloat", "asInt", "float", "int"] {
        if let Some(inside) = text.strip_prefix(name).and_then(|rest| rest.trim().strip_prefix('(')) {
            let inside = inside.strip_suffix(')')?;
            return path(inside.split(',').next()?.trim());
        }
    }
    let rest = text.strip_prefix("result")?;
    let rest = rest.strip_prefix("[0]").unwrap_or(rest);
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let parts: Vec<String> = rest.strip_prefix('.')?.split('.').map(str::to_owned).collect();
    let is_name = |part: &String| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    (parts.len() <= 8 && parts.iter().all(is_name)).then_some(parts)
}

/// What was measured as a number, where it is one: `0.99`, `[0.99]`, or the part of an object that a
/// condition compares.
pub(super) fn measured(value: &str, comparisons: &[Comparison]) -> Option<f64> {
    if value.len() > 64 * 1024 {
        return None;
    }
    let plain = value.trim();
    let plain = plain.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')).unwrap_or(plain).trim();
    if let Ok(number) = plain.trim_matches('"').parse::<f64>() {
        return Some(number).filter(|number| number.is_finite());
    }
    let object: Value = serde_json::from_slice(value.as_bytes()).ok()?;
    comparisons.iter().find_map(|comparison| {
        let mut at = match &object {
            Value::Array(list) if list.len() == 1 => list.first()?,
            other => other,
        };
        for part in &comparison.path {
            at = at.get(part)?;
        }
        at.as_f64().or_else(|| at.as_str()?.parse().ok()).filter(|number| number.is_finite())
    })
}

/// A number with four digits that matter, or as many as part it from the one beside it.
pub(super) fn beside(value: f64, other: f64) -> String {
    let (mine, others) = (short(value), short(other));
    // Two numbers that look alike and are not are written out.
    if mine == others && value.to_bits() != other.to_bits() { value.to_string() } else { mine }
}

fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = match size {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        0.1.. => 4,
        0.01.. => 5,
        _ => 6,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(condition: &str) -> Vec<f64> {
        comparisons(condition).iter().map(|comparison| comparison.number).collect()
    }

    #[test]
    fn limits_are_read_out_of_conditions_as_people_write_them() {
        // Forms of argo-rollouts, docs/features/analysis.md and ui/.../analysis-modal/transforms.test.ts.
        for (condition, limits) in [
            ("result[0] >= 0.95", vec![0.95]),
            ("result < 0.5", vec![0.5]),
            ("len(result) == 0 || result[0] >= 0.95", vec![0.95]),
            ("isNaN(result[0]) || result[0] >= 0.95", vec![0.95]),
            ("result[0] > 0.5 && result[0] < 1.5", vec![0.5, 1.5]),
            ("result[0] > 0.5 and result[0] < 1.5", vec![0.5, 1.5]),
            ("default(result, 0) < 5", vec![5.0]),
            ("default(result[0], 0) <= -5e1", vec![-50.0]),
            ("all(result, # < 0.5)", vec![0.5]),
            ("all(result, {# < 0.5})", vec![0.5]),
            ("result.successRate >= 0.99", vec![0.99]),
            ("result.data.p99 < 500 && result.data.errors == 0", vec![500.0, 0.0]),
            ("0.95 <= result[0]", vec![0.95]),
            ("asFloat(result.rate) >= 0.9", vec![0.9]),
            ("(result[0] >= 0.95)", vec![0.95]),
            ("result[0]>=0.95||result[0]==0", vec![0.95, 0.0]),
            ("!(result[0] < 0.5)", vec![]),
            ("!isNaN(result[0]) && result[0] < 0.5", vec![0.5]),
            ("result == \"ok\"", vec![]),
            ("result == \"a < 5\"", vec![]),
            ("len(result) > 3", vec![]),
            ("result[0] * 100 >= 95", vec![]),
            ("result[1] >= 0.95", vec![]),
            ("result[0] >= 1e999", vec![]),
            ("result[0] >= inf", vec![]),
            ("", vec![]),
            ("<", vec![]),
            ("result[0] >= {{args.limit}}", vec![]),
        ] {
            assert_eq!(numbers(condition), limits, "{condition}");
        }
    }

    #[test]
    fn a_value_is_read_as_a_number_where_it_is_one() {
        let of_rate = comparisons("result.data.rate >= 0.9");
        for (value, number) in [
            ("0.99", Some(0.99)),
            ("[0.99]", Some(0.99)),
            ("[0.99,0.5]", None),
            ("[]", None),
            ("[NaN]", None),
            ("+Inf", None),
            ("", None),
            ("ok", None),
            ("\"0.5\"", Some(0.5)),
            ("{\"data\": {\"rate\": 0.87}}", Some(0.87)),
            ("{\"data\": {\"rate\": \"0.87\"}}", Some(0.87)),
            ("{\"data\": 3}", None),
            ("{", None),
        ] {
            assert_eq!(measured(value, &of_rate), number, "{value}");
        }
    }

    #[test]
    fn where_a_value_lies_is_said_in_words_and_two_numbers_never_look_alike() {
        for (condition, value, words) in [
            ("result[0] >= 0.99", 0.986_94, "below 0.99"),
            ("result[0] >= 0.99", 0.9951, "at least 0.99"),
            ("result[0] < 0.5", 0.4, "below 0.5"),
            ("result[0] < 0.5", 0.5, "at least 0.5"),
            ("0.5 > result[0]", 0.4, "below 0.5"),
            ("result[0] <= 300", 312.5, "above 300"),
            ("result == 0", 3.0, "not 0"),
            ("result == 0", 0.0, "equal to 0"),
        ] {
            assert_eq!(comparisons(condition)[0].words(value), words, "{condition} {value}");
        }
        assert_eq!(beside(0.989_999_9, 0.99), "0.9899999");
        assert_eq!(beside(0.986_94, 0.99), "0.9869");
        assert_eq!(
            (short(0.0), short(-12.345), short(1234.5), short(1e-9)),
            ("0".into(), "-12.35".into(), "1234".into(), "1.000e-9".into())
        );
    }

    proptest! {
        #[test]
        fn no_condition_and_no_value_makes_it_panic(text in any::<String>(), near in "[a-z\\[\\]#()&|<>=!., {}0-9\"']{0,40}", value in any::<f64>()) {
            for condition in [&text, &near] {
                let found = comparisons(condition);
                for comparison in &found {
                    let _ = comparison.words(value);
                }
                let _ = measured(&text, &found);
            }
        }
    }
}
