//! Telling canary from baseline in queries that were written for a service as a whole.
//!
//! SLO files ask for the events of a service; what is judged here are two arms of it. So a query is parsed,
//! each of its selectors is given a matcher of the arms (`track=~"$track"`), each of its aggregations
//! keeps that label, and it is printed again:
//!
//! ```text
//! sum(rate(http_requests_total{job="shop",code=~"5.."}[{{.window}}]))
//! sum by (track) (increase(http_requests_total{code=~"5..",job="shop",track=~"$track"}[$window]))
//! ```
//!
//! Events are counted, slice by slice. So `rate` becomes `increase`, which is the same in a share, and a
//! number of events where a test asks for one. That holds only where the query is as large as its rates are:
//! one that is not (`rate(x[5m]) > 5`) is refused, as is everything of which this is not known. Queries
//! that name `$track`, `$release` or `$cohort` were written for this, and stay as they are.

use std::{collections::BTreeSet, time::Duration};

use promql_parser::{
    label::{MatchOp, Matcher, Matchers},
    parser::{
        AggregateExpr, BinModifier, BinaryExpr, Call, Expr, Function, FunctionArgs, LabelModifier, MatrixSelector,
        VectorMatchCardinality, VectorSelector, parse, token, value::ValueType,
    },
    util::display_duration,
};

use crate::{
    domain::{SafeText, plan::ArmsBy},
    source::catalog::arms_label,
};

/// Longest query that is taken apart, in bytes.
const QUERY_MAX: usize = 4096;
/// Deepest nesting of a query that is taken apart.
const DEPTH_MAX: usize = 48;
/// A length that nobody writes, in the place of `$window` while a query is parsed.
const SLICE: Duration = Duration::from_millis(4_294_967_291);

/// What a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Events, to be counted; whether its metrics are counters that only grow, where it does not say so itself.
    Events {
        /// `counter: true` of OpenSLO.
        counter: bool,
    },
    /// A value.
    Value,
}

/// A query with which canary and baseline can be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arranged {
    /// As a template.
    pub query: String,
    /// What was changed beyond the arms, for people.
    pub remarks: Vec<String>,
    /// Whether it is about how long something takes.
    pub durations: bool,
}

/// Why a query cannot be made to tell canary from baseline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the query is empty")]
    Empty,
    #[error("the query is longer than {QUERY_MAX} bytes, or more deeply nested than any query needs to be")]
    TooLarge,
    #[error("{0} is not known here: the only variable is {{{{.window}}}}, the length of what is counted")]
    Variable(SafeText),
    #[error("the query cannot be read as PromQL: {0}")]
    Syntax(SafeText),
    #[error("{what}: {why}")]
    Shape { what: SafeText, why: &'static str },
}

/// What to do where a query is refused.
pub(super) fn by_hand(arms: ArmsBy) -> String {
    let (label, placeholder) = arms_label(arms);
    format!("; or write it for both arms: sum by ({label}) (increase(METRIC{{{label}=~\"{placeholder}\"}}[$window]))")
}

/// Makes a query tell canary from baseline by the label of the arms.
pub(super) fn arrange(query: &str, asks: Asks, arms: ArmsBy) -> Result<Arranged, Refusal> {
    let written = window_of_template(query)?;
    if written.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let (label, placeholder) = arms_label(arms);
    if [ArmsBy::Track, ArmsBy::Release, ArmsBy::Cohort].into_iter().any(|arms| written.contains(arms_label(arms).1)) {
        let durations = written.contains("_bucket");
        return Ok(Arranged { query: written.trim().to_owned(), remarks: Vec::new(), durations });
    }
    if query.len() > QUERY_MAX || nesting(query) > DEPTH_MAX {
        return Err(Refusal::TooLarge);
    }
    let slice = display_duration(&SLICE);
    let mut expression =
        parse(&written.replace("$window", &slice)).map_err(|error| Refusal::Syntax(SafeText::new(error)))?;
    // This also finds what is too deep, before anything walks down it.
    let ranged = has_range(&expression, 0)?;
    let mut walker = Walker {
        label,
        placeholder,
        events: matches!(asks, Asks::Events { .. }),
        counters: asks == Asks::Events { counter: true } && !ranged,
        rates: 0,
        increases: 0,
        selectors: 0,
        durations: false,
        remarks: Vec::new(),
    };
    let shape = walker.walk(&mut expression, 0)?;
    walker.finish(&mut expression, &shape)?;
    let printed = expression.to_string();
    // What is asked is what was meant, to the last bracket, or it is not asked.
    if parse(&printed).ok().as_ref() != Some(&expression) {
        return Err(refuse(&printed, "it cannot be written down again as it was read"));
    }
    let Walker { remarks, durations, .. } = walker;
    Ok(Arranged { query: printed.replace(&slice, "$window"), remarks, durations })
}

/// A query with `{{.window}}`, as Sloth writes it, as `$window`.
fn window_of_template(query: &str) -> Result<String, Refusal> {
    let mut written = String::with_capacity(query.len());
    let mut rest = query;
    while let Some((before, after)) = rest.split_once("{{") {
        written.push_str(before);
        let (variable, after) = after.split_once("}}").unwrap_or((after, ""));
        if variable.trim() != ".window" {
            let shown: String = variable.chars().take(60).collect();
            return Err(Refusal::Variable(SafeText::new(format!("{{{{{shown}}}}}"))));
        }
        written.push_str("$window");
        rest = after;
    }
    written.push_str(rest);
    Ok(written)
}

/// How deep brackets and signs are nested at the most, whatever is in strings.
fn nesting(query: &str) -> usize {
    let (mut depth, mut deepest, mut signs) = (0_usize, 0, 0_usize);
    for c in query.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        signs = match c {
            '-' | '+' => signs + 1,
            c if c.is_whitespace() => signs,
            _ => 0,
        };
        deepest = deepest.max(depth + signs);
    }
    deepest
}

fn refuse(what: impl AsRef<str>, why: &'static str) -> Refusal {
    let short: String = what.as_ref().replace(&display_duration(&SLICE), "$window").chars().take(120).collect();
    Refusal::Shape { what: SafeText::new(short), why }
}

/// Whether a query looks back over a range anywhere.
fn has_range(expression: &Expr, depth: usize) -> Result<bool, Refusal> {
    if depth > DEPTH_MAX {
        return Err(Refusal::TooLarge);
    }
    let inside = |expression: &Expr| has_range(expression, depth + 1);
    Ok(match expression {
        Expr::MatrixSelector(_) => true,
        Expr::Subquery(subquery) => inside(&subquery.expr).map(|_| true)?,
        Expr::Aggregate(aggregate) => inside(&aggregate.expr)?,
        Expr::Unary(unary) => inside(&unary.expr)?,
        Expr::Paren(paren) => inside(&paren.expr)?,
        Expr::Binary(binary) => inside(&binary.lhs)? | inside(&binary.rhs)?,
        Expr::Call(call) => {
            let mut ranged = false;
            for argument in &call.args.args {
                ranged |= inside(argument)?;
            }
            ranged
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::VectorSelector(_) | Expr::Extension(_) => false,
    })
}

/// What a part of a query comes to.
#[derive(Debug, Clone, PartialEq)]
struct Shape {
    /// Whether it is one number for all, rather than series.
    scalar: bool,
    /// By which power it grows when all that is counted does.
    degree: i32,
    /// The labels of its series; all that its metrics have, when absent.
    labels: Option<BTreeSet<String>>,
}

impl Shape {
    fn series(degree: i32) -> Self {
        Self { scalar: false, degree, labels: None }
    }
}

struct Walker {
    label: &'static str,
    placeholder: &'static str,
    /// Whether events are counted.
    events: bool,
    /// Whether what it selects are counters, as they are.
    counters: bool,
    rates: u32,
    increases: u32,
    selectors: u32,
    durations: bool,
    remarks: Vec<String>,
}

impl Walker {
    fn walk(&mut self, expression: &mut Expr, depth: usize) -> Result<Shape, Refusal> {
        if depth > DEPTH_MAX {
            return Err(Refusal::TooLarge);
        }
        let shown = expression.to_string();
        match expression {
            Expr::NumberLiteral(_) => Ok(Shape { scalar: true, degree: 0, labels: None }),
            Expr::StringLiteral(_) | Expr::Extension(_) => Err(refuse(shown, "it is no series")),
            Expr::Paren(paren) => self.walk(&mut paren.expr, depth + 1),
            Expr::Unary(unary) => self.walk(&mut unary.expr, depth + 1),
            Expr::VectorSelector(selector) => {
                self.select(selector)?;
                if self.counters {
                    let range = MatrixSelector { vs: selector.clone(), range: SLICE };
                    *expression = increase(Expr::MatrixSelector(range));
                    self.increases += 1;
                    return Ok(Shape::series(1));
                }
                Ok(Shape::series(0))
            }
            Expr::MatrixSelector(selector) => {
                self.select(&mut selector.vs)?;
                self.slice(&mut selector.range);
                Ok(Shape::series(0))
            }
            Expr::Subquery(subquery) => {
                if subquery.at.is_some() {
                    return Err(refuse(shown, "it looks at one fixed time; leave @ out"));
                }
                let inner = self.walk(&mut subquery.expr, depth + 1)?;
                self.slice(&mut subquery.range);
                Ok(inner)
            }
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, &shown, depth),
            Expr::Call(call) => self.call(call, &shown, depth),
            Expr::Binary(_) => self.binary(expression, &shown, depth),
        }
    }

    fn select(&mut self, selector: &mut VectorSelector) -> Result<(), Refusal> {
        let shown = selector.to_string();
        if selector.at.is_some() {
            return Err(refuse(shown, "it looks at one fixed time; leave @ out"));
        }
        if !selector.matchers.or_matchers.is_empty() {
            return Err(refuse(shown, "alternatives of matchers are not PromQL; write one selector for each"));
        }
        let named = |matcher: &Matcher| matcher.name == self.label;
        if selector.matchers.matchers.iter().any(named) {
            return Err(refuse(shown, "it names one arm already, and both are compared; take that matcher out"));
        }
        self.selectors += 1;
        self.durations |= selector.name.as_ref().is_some_and(|name| name.ends_with("_bucket"))
            || selector.matchers.matchers.iter().any(|matcher| matcher.name == "le");
        let mut matchers = std::mem::take(&mut selector.matchers.matchers);
        let expression = Matcher::new_matcher(token::T_EQL_REGEX, self.label.to_owned(), self.placeholder.to_owned())
            .map_err(|error| Refusal::Syntax(SafeText::new(error)))?;
        debug_assert!(matches!(expression.op, MatchOp::Re(_)), "a matcher of several values");
        matchers.push(expression);
        matchers.sort_by_key(ToString::to_string);
        selector.matchers = Matchers::new(matchers);
        Ok(())
    }

    /// Events are counted over the slice, whatever range they were counted over.
    fn slice(&mut self, range: &mut Duration) {
        if self.events && *range != SLICE {
            let was = display_duration(range);
            self.remark(format!("[{was}] became [$window], because events are counted slice by slice"));
            *range = SLICE;
        }
    }

    fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    fn aggregate(&mut self, aggregate: &mut AggregateExpr, shown: &str, depth: usize) -> Result<Shape, Refusal> {
        let inner = self.walk(&mut aggregate.expr, depth + 1)?;
        let sums = aggregate.op.id() == token::T_SUM;
        let counts = aggregate.op.id() == token::T_COUNT && inner.degree == 0;
        let known = [token::T_AVG, token::T_MIN, token::T_MAX, token::T_COUNT, token::T_QUANTILE, token::T_GROUP];
        if self.events && !sums && !counts {
            return Err(refuse(shown, "events are summed, nothing else; ask for sum"));
        }
        if !sums && !known.contains(&aggregate.op.id()) {
            return Err(refuse(shown, "it keeps some series and drops others, so that arms would not be the same"));
        }
        let mut labels = match aggregate.modifier.take() {
            None => Vec::new(),
            Some(LabelModifier::Include(labels)) => labels.labels,
            Some(LabelModifier::Exclude(_)) => {
                return Err(refuse(shown, "without (...) keeps labels that nobody counted; write by (...)"));
            }
        };
        if !labels.iter().any(|label| label == self.label) {
            labels.push(self.label.to_owned());
        }
        let kept = labels.iter().cloned().collect();
        aggregate.modifier = Some(LabelModifier::include(labels.iter().map(String::as_str).collect()));
        Ok(Shape { labels: Some(kept), ..inner })
    }

    fn call(&mut self, call: &mut Call, shown: &str, depth: usize) -> Result<Shape, Refusal> {
        let name = call.func.name;
        let one = |call: &mut Call| -> Result<Expr, Refusal> {
            match call.args.args.as_mut_slice() {
                [only] => Ok(std::mem::replace(&mut **only, Expr::from(0.0))),
                _ => Err(refuse(shown, "it is not called as it is in PromQL")),
            }
        };
        match name {
            "rate" | "increase" | "sum_over_time" | "count_over_time" => {
                let mut argument = one(call)?;
                let inner = self.walk(&mut argument, depth + 1)?;
                *call.args.args[0] = argument;
                if !self.events {
                    return Ok(inner);
                }
                if inner.degree != 0 {
                    return Err(refuse(shown, "what is counted already is counted again"));
                }
                if name == "rate" {
                    self.rates += 1;
                    call.func = Function { name: "increase", ..call.func.clone() };
                } else {
                    self.increases += 1;
                }
                Ok(Shape { degree: 1, ..inner })
            }
            "irate" | "idelta" => {
                Err(refuse(shown, "it looks at two samples only, and misses what is between; write rate"))
            }
            "histogram_count" | "histogram_sum" | "abs" => {
                let mut argument = one(call)?;
                let inner = self.walk(&mut argument, depth + 1)?;
                *call.args.args[0] = argument;
                Ok(inner)
            }
            "vector" | "scalar" | "absent" | "absent_over_time" | "time" | "label_replace" | "label_join" | "info"
            | "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" | "timestamp" => {
                Err(refuse(shown, "it keeps no labels, or changes them, and arms are told apart by one; leave it out"))
            }
            _ => self.function_of_values(call, shown, depth),
        }
    }

    /// A function whose result is no count of events: of a value, anything that treats each series alone.
    fn function_of_values(&mut self, call: &mut Call, shown: &str, depth: usize) -> Result<Shape, Refusal> {
        let fraction = call.func.name == "histogram_fraction";
        let quantile = call.func.name == "histogram_quantile";
        if self.events && !fraction {
            return Err(refuse(shown, "what it comes to is no count of events; ask for rate or increase of a counter"));
        }
        self.durations |= fraction || quantile;
        let mut shape: Option<Shape> = None;
        for argument in &mut call.args.args {
            let inner = self.walk(argument, depth + 1)?;
            if !inner.scalar && shape.replace(inner).is_some() {
                return Err(refuse(shown, "it joins several series; ask for each of them"));
            }
        }
        let mut shape = shape.ok_or_else(|| refuse(shown, "it asks for no metric"))?;
        if fraction || quantile {
            shape.degree = 0;
            shape.labels = shape.labels.map(|labels| labels.into_iter().filter(|label| label != "le").collect());
        }
        Ok(shape)
    }

    fn binary(&mut self, expression: &mut Expr, shown: &str, depth: usize) -> Result<Shape, Refusal> {
        if let Some(left) = or_nothing(expression) {
            let mut left = left.clone();
            let shape = self.walk(&mut left, depth + 1)?;
            self.remark(
                "`or vector(0)` is left out: it has no arm, and no events in live traffic are none anyway".to_owned(),
            );
            *expression = left;
            return Ok(shape);
        }
        let Expr::Binary(binary) = expression else { return Err(refuse(shown, "it is no operation")) };
        let left = self.walk(&mut binary.lhs, depth + 1)?;
        let right = self.walk(&mut binary.rhs, depth + 1)?;
        let degree = self.degree(binary, &left, &right, shown)?;
        if left.scalar && right.scalar {
            return Ok(Shape { scalar: true, degree: 0, labels: None });
        }
        let labels = match (left.scalar, right.scalar) {
            (true, _) => right.labels,
            (_, true) => left.labels,
            _ => self.matched(binary, left.labels, shown)?,
        };
        Ok(Shape { scalar: false, degree, labels })
    }

    /// By which power an operation grows.
    fn degree(&self, binary: &BinaryExpr, left: &Shape, right: &Shape, shown: &str) -> Result<i32, Refusal> {
        if !self.events {
            return Ok(0);
        }
        let constant = |side: &Expr, shape: &Shape| shape.scalar.then(|| number(side)).flatten();
        let zero = [constant(&binary.lhs, left), constant(&binary.rhs, right)].contains(&Some(0.0));
        let same = left.degree == right.degree;
        let larger = left.degree.max(right.degree);
        let op = binary.op;
        let counted = left.degree != 0 || right.degree != 0;
        let fixed = "a number beside a count is as large whatever is counted; counts are compared with 0 at the most";
        match op.id() {
            token::T_ADD | token::T_SUB if same => Ok(left.degree),
            token::T_MUL if !(counted && (left.scalar || right.scalar)) => Ok(left.degree + right.degree),
            token::T_DIV if !(counted && (left.scalar || right.scalar)) => Ok(left.degree - right.degree),
            token::T_MUL | token::T_DIV => Err(refuse(
                shown,
                "it makes more or less of what was counted; leave the number out, and count events as they are",
            )),
            _ if op.is_set_operator() && (same || op.id() != token::T_LOR) => Ok(left.degree),
            _ if op.is_comparison_operator() => match &binary.modifier {
                Some(modifier) if modifier.return_bool && !counted => Ok(0),
                _ if same || zero => Ok(larger),
                _ if !counted => Ok(0),
                _ => Err(refuse(shown, fixed)),
            },
            _ if !counted => Ok(0),
            _ => Err(refuse(shown, fixed)),
        }
    }

    /// The labels of what two sides are matched to; matching by some labels keeps that of the arms.
    fn matched(
        &self,
        binary: &mut BinaryExpr,
        left: Option<BTreeSet<String>>,
        shown: &str,
    ) -> Result<Option<BTreeSet<String>>, Refusal> {
        let Some(modifier) = &mut binary.modifier else { return Ok(left) };
        if !matches!(modifier.card, VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany) {
            return Err(refuse(shown, "group_left and group_right join series of which the arms may differ"));
        }
        match &mut modifier.matching {
            Some(LabelModifier::Include(on)) => {
                if !on.labels.iter().any(|label| label == self.label) {
                    on.labels.push(self.label.to_owned());
                }
                let kept = on.labels.iter().cloned().collect();
                Ok(if modifier.card == VectorMatchCardinality::OneToOne { Some(kept) } else { left })
            }
            Some(LabelModifier::Exclude(ignoring)) => {
                if ignoring.labels.iter().any(|label| label == self.label) {
                    return Err(refuse(shown, "it ignores the label that arms are told apart by"));
                }
                let ignored = |label: &String| !ignoring.labels.contains(label);
                Ok(left.map(|labels| labels.into_iter().filter(ignored).collect()))
            }
            None => Ok(left),
        }
    }

    /// Sees to it that each arm has one series, and that events are what is asked for.
    fn finish(&mut self, expression: &mut Expr, shape: &Shape) -> Result<(), Refusal> {
        let shown = expression.to_string();
        if self.selectors == 0 || shape.scalar {
            return Err(refuse(shown, "it asks for no metric"));
        }
        if self.events {
            if self.rates > 0 && self.increases > 0 {
                return Err(refuse(shown, "rates and counts are mixed; write rate everywhere, or increase everywhere"));
            }
            if shape.degree != 1 {
                return Err(refuse(
                    shown,
                    if self.rates + self.increases == 0 {
                        "it goes up and down, and no events are counted; count them with increase(...[$window]), or say \
                         that it is a counter"
                    } else {
                        "it is a share of events, or a power of them, and not their number; ask for good, bad and total"
                    },
                ));
            }
        }
        let alone = shape.labels.as_ref().is_some_and(|labels| labels.len() == 1);
        if !alone {
            let op = if self.events { token::T_SUM } else { token::T_AVG };
            if !self.events {
                self.remark(format!("its series are averaged: avg by ({}) (...)", self.label));
            }
            let inner = std::mem::replace(expression, Expr::from(0.0));
            *expression = Expr::Aggregate(AggregateExpr {
                op: token::TokenType::new(op),
                expr: Box::new(inner),
                param: None,
                modifier: Some(LabelModifier::include(vec![self.label])),
            });
        }
        Ok(())
    }
}

/// The left side of `... or vector(0)`.
fn or_nothing(expression: &Expr) -> Option<&Expr> {
    let Expr::Binary(BinaryExpr { op, lhs, rhs, modifier }) = expression else { return None };
    let plain = |modifier: &Option<BinModifier>| match modifier {
        None => true,
        Some(BinModifier { matching: Some(LabelModifier::Include(on)), .. }) => on.is_empty(),
        Some(BinModifier { matching, .. }) => matching.is_none(),
    };
    let mut right = &**rhs;
    while let Expr::Paren(paren) = right {
        right = &paren.expr;
    }
    let Expr::Call(call) = right else { return None };
    let zero = call.func.name == "vector" && call.args.args.first().and_then(|argument| number(argument)) == Some(0.0);
    (op.id() == token::T_LOR && zero && plain(modifier)).then_some(&**lhs)
}

/// A number, however it is bracketed.
fn number(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::NumberLiteral(literal) => Some(literal.val),
        Expr::Paren(paren) => number(&paren.expr),
        _ => None,
    }
}

fn increase(range: Expr) -> Expr {
    let func = Function::new("increase", vec![ValueType::Matrix], 0, ValueType::Vector, false);
    Expr::Call(Call { func, args: FunctionArgs::new_args(range) })
}

#[cfg(test)]
mod tests;
