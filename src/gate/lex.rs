//! The text before the CEL parser sees it: bounded, and with duration literals made readable to it.
//!
//! CEL knows functions, lists and texts, and no `10s`. So the words are looked at here first: what a
//! gate has no use for is refused with a better message than a grammar can give, nesting is bounded,
//! and each duration literal is replaced by a name of the same length, so that every column stays
//! where it was.

use super::{ExpressionError, LENGTH_MAX};
use crate::domain::duration;

/// Deepest nesting of parentheses.
const DEPTH_MAX: usize = 24;
/// Most words of an expression: bounds how deep the tree of its operators gets.
const WORDS_MAX: usize = 256;
/// Most conditionals, which nest without parentheses.
const CONDITIONALS_MAX: usize = 8;
/// What tells the names apart that stand for durations. No fact's name begins with `_`.
const INDICES: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// An expression, ready to be parsed.
#[derive(Debug)]
pub(super) struct Source {
    /// As written, on one line. ASCII only, so that an offset in bytes is one in characters.
    pub text: String,
    /// The same with a name in place of each duration literal.
    pub for_parser: String,
    /// Seconds of each duration literal; the name in its place has its index.
    durations: Vec<(f64, String)>,
    /// Offset and end of each word.
    words: Vec<(usize, usize)>,
}

impl Source {
    /// The word that begins at an offset; none at the end.
    pub fn word_at(&self, offset: usize) -> Option<&str> {
        let (from, to) = *self.words.iter().find(|(from, to)| *from <= offset && offset < *to)?;
        self.text.get(from..to)
    }

    /// The duration literal that a name stands for.
    pub fn duration(&self, name: &str) -> Option<&(f64, String)> {
        let index = name.strip_prefix('_')?.bytes().next()?;
        self.durations.get(INDICES.iter().position(|b| *b == index)?)
    }

    /// Offsets of the operands (names, numbers, texts), from left to right.
    pub fn operands(&self) -> impl Iterator<Item = usize> {
        let is_operand = |at: usize| {
            let byte = |at: usize| self.text.as_bytes().get(at).copied().unwrap_or(b' ');
            byte(at).is_ascii_alphanumeric()
                || matches!(byte(at), b'_' | b'\'' | b'"')
                || byte(at) == b'.' && byte(at + 1).is_ascii_digit()
        };
        self.words.iter().map(|(from, _)| *from).filter(move |at| is_operand(*at))
    }

    /// An error at an offset.
    pub fn error(&self, offset: usize, message: impl Into<String>) -> ExpressionError {
        ExpressionError::at(&self.text, offset, message)
    }
}

/// Reads the words.
pub(super) fn source(text: &str) -> Result<Source, ExpressionError> {
    let line: String = text.trim().chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let fail = |offset: usize, message: &str| ExpressionError::at(&line, offset, message);
    if line.is_empty() {
        return Err(fail(0, "the expression is empty; a gate needs one, such as `drops == 0`"));
    }
    if line.chars().count() > LENGTH_MAX {
        return Err(fail(LENGTH_MAX, &format!("the expression is longer than {LENGTH_MAX} characters")));
    }
    if let Some((offset, c)) = line.chars().enumerate().find(|(_, c)| !c.is_ascii() || c.is_ascii_control()) {
        let c = c.escape_debug();
        return Err(fail(offset, &format!("'{c}' is not part of an expression; names and operators are plain ASCII")));
    }
    let mut for_parser = line.clone().into_bytes();
    let mut durations = Vec::new();
    let mut words: Vec<(usize, usize)> = Vec::new();
    let mut open = Vec::new();
    let mut conditionals = 0;
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if first == b' ' {
            at += 1;
            continue;
        }
        let end = at + word_length(&bytes[at..]).map_err(|message| fail(at, message))?;
        let word = &line[at..end];
        match word {
            "(" => {
                if let Some(&(from, to)) = words.last()
                    && bytes[from].is_ascii_alphanumeric()
                    && !matches!(&line[from..to], "duration" | "flag")
                {
                    let message = format!(
                        "there is no function `{}`; a gate compares facts, such as `gap < 10s`",
                        &line[from..to]
                    );
                    return Err(fail(from, &message));
                }
                open.push(at);
                if open.len() > DEPTH_MAX {
                    return Err(fail(at, &format!("more than {DEPTH_MAX} parentheses inside each other")));
                }
            }
            ")" => {
                open.pop().ok_or_else(|| fail(at, "this parenthesis closes none"))?;
            }
            "in" => return Err(fail(at, "lists are not part of a gate, so nothing is in one")),
            "?" => {
                conditionals += 1;
                if conditionals > CONDITIONALS_MAX {
                    return Err(fail(at, &format!("more than {CONDITIONALS_MAX} conditionals")));
                }
            }
            "and" | "AND" => return Err(fail(at, "write && for and")),
            "or" | "OR" => return Err(fail(at, "write || for or")),
            "not" | "NOT" => return Err(fail(at, "write ! for not")),
            _ if first == b'_' => return Err(fail(at, "the name of a fact does not begin with _")),
            _ if first.is_ascii_digit() || first == b'.' && word.len() > 1 => {
                if let Ok(span) = duration::parse(word) {
                    let index = INDICES.get(durations.len()).ok_or_else(|| fail(at, "more than 62 durations"))?;
                    durations.push((span.as_secs_f64(), word.to_owned()));
                    // The first `1.5h` becomes `_0__`: a name, and as long.
                    for_parser[at..end].fill(b'_');
                    for_parser[at + 1] = *index;
                } else if !is_number(word) {
                    let message =
                        format!("`{word}` is neither a number nor a duration such as 10s, 250ms, 5m or 1h30m");
                    return Err(fail(at, &message));
                }
            }
            _ => {}
        }
        words.push((at, end));
        if words.len() > WORDS_MAX {
            return Err(fail(at, &format!("the expression has more than {WORDS_MAX} words")));
        }
        at = end;
    }
    if let Some(at) = open.pop() {
        return Err(fail(at, "this parenthesis is not closed"));
    }
    // Only ASCII was replaced by ASCII.
    let for_parser = String::from_utf8(for_parser).unwrap_or_default();
    Ok(Source { text: line, for_parser, durations, words })
}

/// How many bytes the first word has.
fn word_length(bytes: &[u8]) -> Result<usize, &'static str> {
    let run = |fits: fn(&u8) -> bool| bytes.iter().take_while(|b| fits(b)).count();
    let second = bytes.get(1).copied();
    match bytes[0] {
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => Ok(run(|b| b.is_ascii_alphanumeric() || *b == b'_')),
        b'0'..=b'9' => Ok(number_length(bytes)),
        b'.' if second.is_some_and(|b| b.is_ascii_digit()) => Ok(number_length(bytes)),
        quote @ (b'\'' | b'"') => match bytes[1..].iter().position(|b| *b == quote) {
            Some(length) if !bytes[1..=length].contains(&b'\\') => Ok(length + 2),
            Some(_) => Err("a text with a backslash is not part of a gate"),
            None => Err("this text is not closed"),
        },
        b'&' if second == Some(b'&') => Ok(2),
        b'|' if second == Some(b'|') => Ok(2),
        b'=' | b'!' | b'<' | b'>' if second == Some(b'=') => Ok(2),
        b'/' if second == Some(b'/') => Err("comments are not part of a gate"),
        b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'?' | b':' | b'(' | b')' | b',' | b'.' => Ok(1),
        b'&' => Err("write && for and"),
        b'|' => Err("write || for or"),
        b'=' => Err("write == to compare"),
        b'[' | b']' | b'{' | b'}' => Err("lists and mappings are not part of a gate: facts are true, false or numbers"),
        _ => Err("this character is not part of an expression"),
    }
}

/// A number or a duration with all that is stuck to it; an exponent may have a sign.
fn number_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(&byte) = bytes.get(length) {
        let signed_exponent = matches!(byte, b'+' | b'-')
            && matches!(bytes[length - 1], b'e' | b'E')
            && !bytes.starts_with(b"0x")
            && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || (length > 0 && signed_exponent) {
            length += 1;
        } else {
            break;
        }
    }
    length
}

/// Whether CEL reads it as a number.
fn is_number(word: &str) -> bool {
    let unsigned = word.strip_suffix(['u', 'U']).unwrap_or(word);
    if let Some(hex) = unsigned.strip_prefix("0x") {
        return !hex.is_empty() && hex.len() <= 12 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let is_double =
        word.contains(['.', 'e', 'E']) && !word.ends_with('.') && !word.contains(".e") && !word.contains('_');
    // Whole numbers as far as a double has them all.
    digits(unsigned) && unsigned.len() <= 15 || is_double && word.parse::<f64>().is_ok_and(f64::is_finite)
}
