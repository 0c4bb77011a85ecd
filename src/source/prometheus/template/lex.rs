//! PromQL as far as placeholders need it: words, strings, brackets, operators; comments left out.

use super::{Problem, TemplateError};

/// A piece of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    /// As it is written.
    pub(super) text: &'a str,
    /// Where it begins and ends, in bytes.
    pub(super) from: usize,
    pub(super) to: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A name of a metric, a label, a function or a keyword.
    Word,
    /// A string, with what is between its quotes.
    Text(&'a str),
    /// A placeholder outside strings.
    Placeholder(&'a str),
    /// Anything else.
    Sign,
}

impl<'a> Token<'a> {
    /// The label that it names; since Prometheus 3 one may be quoted.
    pub(super) fn name(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Word => Some(self.text),
            Kind::Text(content) if !content.is_empty() && !content.contains('\\') => Some(content),
            _ => None,
        }
    }
}

pub(super) fn lex(text: &str) -> Result<Vec<Token<'_>>, TemplateError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, length) = match c {
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '"' | '\'' | '`' => {
                let length = string_length(rest, c).ok_or_else(|| TemplateError::new(text, at, Problem::Quote))?;
                (Kind::Text(&rest[1..length - 1]), length)
            }
            '$' => match placeholder_at(rest) {
                Some(name) => (Kind::Placeholder(name), name.len()),
                None => (Kind::Sign, 1),
            },
            c if is_word_start(c) => {
                let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                (Kind::Word, length)
            }
            // A number or a duration is one piece, so that the `m` of `5m` is no word.
            '0'..='9' => (Kind::Sign, rest.find(|c: char| !(is_word(c) || c == '.')).unwrap_or(rest.len())),
            '=' | '!' | '<' | '>' => {
                let two = matches!(rest.as_bytes().get(1), Some(b'~' | b'='));
                (Kind::Sign, if two { 2 } else { 1 })
            }
            other => (Kind::Sign, other.len_utf8()),
        };
        tokens.push(Token { kind, text: &rest[..length], from: at, to: at + length });
        at += length;
    }
    Ok(tokens)
}

/// The first placeholder in what is between quotes.
pub(super) fn placeholder_in(content: &str) -> Option<&str> {
    content.match_indices('$').find_map(|(at, _)| placeholder_at(&content[at..]))
}

/// The placeholder that a text begins with.
fn placeholder_at(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let length = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    Some(&text[..=length])
}

/// The length of the string that a text begins with, its quotes included; none when it does not end.
fn string_length(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            '\n' if quote != '`' => return None,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | ':')
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit()
}
