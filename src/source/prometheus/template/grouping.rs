//! Which brackets stand around what, and whether the aggregations among them keep a label.

use super::{
    Problem, TemplateError,
    lex::{Kind, Token},
};

/// Aggregations of PromQL, which drop all labels where nothing groups.
const AGGREGATIONS: &[&str] = &[
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "stddev",
    "stdvar",
    "count",
    "count_values",
    "bottomk",
    "topk",
    "quantile",
    "limitk",
    "limit_ratio",
];

/// Functions whose result has no labels, or not those of what they are asked about.
const DROP: &[&str] = &["scalar", "absent", "absent_over_time"];

/// The other half of each bracket, by its place among the tokens.
#[derive(Debug)]
pub(super) struct Pairs {
    other: Vec<Option<usize>>,
    /// The innermost bracket that is open at each token.
    inside: Vec<Option<usize>>,
    opens: Vec<&'static str>,
}

impl Pairs {
    /// Whether the innermost bracket around a token is this one.
    pub(super) fn is_inside(&self, place: usize, bracket: &str) -> bool {
        self.inside[place].is_some_and(|open| self.opens[open] == bracket)
    }

    /// The brackets around a token, the innermost first.
    fn around(&self, place: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.inside[place], |open| self.inside[*open])
    }
}

pub(super) fn pairs(text: &str, tokens: &[Token<'_>]) -> Result<Pairs, TemplateError> {
    let none = || vec![None; tokens.len()];
    let mut pairs = Pairs { other: none(), inside: none(), opens: vec![""; tokens.len()] };
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let unpaired =
            |token: &Token<'_>| TemplateError::new(text, token.from, Problem::Bracket(token.text.to_owned()));
        let closes = match token.text {
            ")" => "(",
            "}" => "{",
            "]" => "[",
            _ => "",
        };
        if !closes.is_empty() {
            let (other, _) = open.pop().filter(|(_, bracket)| *bracket == closes).ok_or_else(|| unpaired(token))?;
            pairs.other[place] = Some(other);
            pairs.other[other] = Some(place);
        }
        pairs.inside[place] = open.last().map(|(place, _)| *place);
        let opens = match token.text {
            "(" => "(",
            "{" => "{",
            "[" => "[",
            _ => "",
        };
        if !opens.is_empty() {
            pairs.opens[place] = opens;
            open.push((place, opens));
        }
    }
    match open.last() {
        Some((place, bracket)) => {
            Err(TemplateError::new(text, tokens[*place].from, Problem::Bracket((*bracket).to_owned())))
        }
        None => Ok(pairs),
    }
}

/// Whether every aggregation around a token groups by the label, and at least one does.
pub(super) fn check(tokens: &[Token<'_>], pairs: &Pairs, place: usize, label: &str) -> Result<(), Problem> {
    let mut grouped = false;
    for open in pairs.around(place).filter(|open| pairs.opens[*open] == "(") {
        let word_before = |place: usize| {
            let before = tokens.get(place.checked_sub(1)?)?;
            (before.kind == Kind::Word).then_some(before.text)
        };
        let after = pairs.other[open].map(|close| close + 1);
        // `sum (...) by (...)`
        let behind = after.filter(|at| is_grouping(tokens, *at)).map(|at| (word_before(open), at));
        // `sum by (...) (...)`
        let ahead = || {
            let list = open.checked_sub(1).and_then(|close| pairs.other[close])?;
            let at = list.checked_sub(1)?;
            is_grouping(tokens, at).then(|| (word_before(at), at))
        };
        if let Some((aggregation, at)) = behind.or_else(ahead) {
            let (aggregation, label) = (aggregation.unwrap_or("sum").to_owned(), label.to_owned());
            if tokens[at].text.eq_ignore_ascii_case("without") {
                return Err(Problem::Without { aggregation, label });
            }
            let end = pairs.other[at + 1].unwrap_or(tokens.len());
            if !tokens[at + 2..end].iter().any(|token| token.name() == Some(&label)) {
                return Err(Problem::NotGrouped { aggregation, label });
            }
            grouped = true;
        } else if let Some(word) = word_before(open) {
            let is_one_of = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
            if is_one_of(AGGREGATIONS) {
                return Err(Problem::NotGrouped { aggregation: word.to_owned(), label: label.to_owned() });
            }
            if is_one_of(DROP) {
                return Err(Problem::DropsLabels { function: word.to_owned(), label: label.to_owned() });
            }
        }
    }
    if grouped { Ok(()) } else { Err(Problem::NoGrouping(label.to_owned())) }
}

/// Whether `by (` or `without (` begins there.
fn is_grouping(tokens: &[Token<'_>], at: usize) -> bool {
    let word = tokens.get(at).filter(|token| token.kind == Kind::Word).map_or("", |token| token.text);
    let groups = word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("without");
    groups && tokens.get(at + 1).is_some_and(|next| next.text == "(")
}
