//! Three-valued evaluation that says what decided.

use std::fmt;

use super::{
    Evaluation,
    compile::{Arithmetic, Comparison, Kind, Node},
};
use crate::domain::{FactValue, Facts, SafeText, Truth};

/// Most parts that a sentence names.
const PARTS_MAX: usize = 4;

pub(super) fn evaluate(root: &Node, facts: &Facts) -> Evaluation {
    let Judged { truth, mut parts } = truth(root, facts);
    let more = parts.len().saturating_sub(PARTS_MAX);
    parts.truncate(PARTS_MAX);
    let mut why = parts.join(", ");
    if more > 0 {
        why = format!("{why}, and {more} more");
    }
    Evaluation { truth, why: SafeText::new(why) }
}

/// A truth and the parts that decided it.
struct Judged {
    truth: Truth,
    parts: Vec<String>,
}

/// A value, or why there is none.
enum Value {
    Bool(bool),
    Number(f64),
    Unknown(String),
}

fn judged(truth: Truth, part: String) -> Judged {
    Judged { truth, parts: vec![part] }
}

const fn of(holds: bool) -> Truth {
    if holds { Truth::True } else { Truth::False }
}

fn truth(node: &Node, facts: &Facts) -> Judged {
    match node {
        Node::And(parts) => combine(parts, facts, Truth::False, Truth::True),
        Node::Or(parts) => combine(parts, facts, Truth::True, Truth::False),
        Node::Not(inner) => {
            let inner = truth(inner, facts);
            let truth = match inner.truth {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            };
            Judged { truth, ..inner }
        }
        Node::Compare(sign, left, right) => compare(*sign, left, right, facts),
        Node::If(condition, yes, no) => {
            let condition = truth(condition, facts);
            match condition.truth {
                Truth::True => truth(yes, facts),
                Truth::False => truth(no, facts),
                Truth::Unknown => condition,
            }
        }
        Node::Flag { key, variant, fact } => flag(key, variant, fact, facts),
        Node::Bool(value) => judged(of(*value), format!("it is always {value}")),
        Node::Fact(name) => match fact(name, facts) {
            Value::Bool(value) => judged(of(value), format!("{name} is {value}")),
            Value::Number(value) => judged(Truth::Unknown, format!("{name} is {}, not true or false", Figure(value))),
            Value::Unknown(why) => judged(Truth::Unknown, why),
        },
        // A number is nowhere where a truth is needed: compiling refuses it.
        Node::Number(..) | Node::Seconds(..) | Node::Negate(_) | Node::Calculate(..) => {
            judged(Truth::Unknown, format!("{} is not true or false", Text(node)))
        }
    }
}

/// Kleene's `&&` and `||`: one part with the deciding value decides; otherwise one unknown part
/// makes it unknown.
fn combine(nodes: &[Node], facts: &Facts, deciding: Truth, otherwise: Truth) -> Judged {
    let all: Vec<Judged> = nodes.iter().map(|node| truth(node, facts)).collect();
    let result =
        [deciding, Truth::Unknown].into_iter().find(|t| all.iter().any(|j| j.truth == *t)).unwrap_or(otherwise);
    let parts = all.into_iter().filter(|j| j.truth == result).flat_map(|j| j.parts).collect();
    Judged { truth: result, parts }
}

fn compare(sign: Comparison, left: &Node, right: &Node, facts: &Facts) -> Judged {
    let (a, b) = match (value(left, facts), value(right, facts)) {
        (Value::Unknown(a), Value::Unknown(b)) if a != b => {
            return Judged { truth: Truth::Unknown, parts: vec![a, b] };
        }
        (Value::Unknown(why), _) | (_, Value::Unknown(why)) => return judged(Truth::Unknown, why),
        (a, b) => (a, b),
    };
    let holds = match (sign, &a, &b) {
        (Comparison::Equal, Value::Bool(a), Value::Bool(b)) => a == b,
        (Comparison::NotEqual, Value::Bool(a), Value::Bool(b)) => a != b,
        (sign, Value::Number(a), Value::Number(b)) => match sign {
            #[expect(clippy::float_cmp, reason = "a gate that says == means it")]
            Comparison::Equal => a == b,
            #[expect(clippy::float_cmp, reason = "a gate that says != means it")]
            Comparison::NotEqual => a != b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
        },
        _ => {
            let (a, b) = (describe(left, &a, false, false), describe(right, &b, false, false));
            return judged(Truth::Unknown, format!("{a} cannot be held against {b}"));
        }
    };
    // A fact held against true or false reads better without the comparison.
    if let (Node::Fact(name), Value::Bool(value), Node::Bool(_)) = (left, &a, right) {
        return judged(of(holds), format!("{name} is {value}"));
    }
    let seconds = left.kind() == Kind::Seconds || right.kind() == Kind::Seconds;
    let mut exact = false;
    let say = |exact| (describe(left, &a, seconds, exact), describe(right, &b, seconds, exact));
    if let (Value::Number(a), Value::Number(b)) = (&a, &b) {
        // Rounding must not make a sentence say that 10s is not < 10s.
        exact = a.total_cmp(b).is_ne() && Figure(*a).to_string() == Figure(*b).to_string();
    }
    let (a, b) = say(exact);
    judged(of(holds), format!("{a} is {}{} {b}", if holds { "" } else { "not " }, sign.sign()))
}

/// A side of a comparison with its value: `gap 12.4s`, `10s`, `errors / total 0.02`.
fn describe(node: &Node, value: &Value, seconds: bool, exact: bool) -> String {
    let said = match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => {
            let figure = if exact { value.to_string() } else { Figure(*value).to_string() };
            if seconds { format!("{figure}s") } else { figure }
        }
        Value::Unknown(why) => why.clone(),
    };
    match node {
        Node::Bool(_) | Node::Number(..) | Node::Seconds(..) => Text(node).to_string(),
        _ => format!("{} {said}", Text(node)),
    }
}

/// Whether a flag serves a variant: known where it is known to serve any.
fn flag(key: &str, variant: &str, fact: &str, facts: &Facts) -> Judged {
    let any = super::flag_fact(key, "");
    let mut served = facts.range(any.clone()..).map_while(|(name, _)| name.strip_prefix(&any));
    match served.next() {
        _ if facts.contains_key(fact) => judged(Truth::True, format!("flag {key} is {variant}")),
        Some(other) => judged(Truth::False, format!("flag {key} is {other}, not {variant}")),
        None => judged(Truth::Unknown, format!("flag {key} is unknown")),
    }
}

fn fact(name: &str, facts: &Facts) -> Value {
    match facts.get(name) {
        Some(FactValue::Bool(value)) => Value::Bool(*value),
        Some(FactValue::Number(value)) if value.is_finite() => Value::Number(*value),
        _ => Value::Unknown(format!("{name} is unknown")),
    }
}

fn value(node: &Node, facts: &Facts) -> Value {
    match node {
        Node::Number(value, _) | Node::Seconds(value, _) => Value::Number(*value),
        Node::Fact(name) => fact(name, facts),
        Node::Negate(inner) => match number(inner, facts) {
            Ok(value) => Value::Number(-value),
            Err(why) => Value::Unknown(why),
        },
        Node::Calculate(sign, left, right) => match (number(left, facts), number(right, facts)) {
            (Ok(a), Ok(b)) => calculate(*sign, a, b).map_or_else(
                || Value::Unknown(format!("{} divides by zero or is too large", Text(node))),
                Value::Number,
            ),
            (Err(why), _) | (_, Err(why)) => Value::Unknown(why),
        },
        Node::If(condition, yes, no) => {
            let condition = truth(condition, facts);
            match condition.truth {
                Truth::True => value(yes, facts),
                Truth::False => value(no, facts),
                Truth::Unknown => Value::Unknown(condition.parts.join(", ")),
            }
        }
        Node::Bool(_) | Node::Flag { .. } | Node::Not(_) | Node::And(_) | Node::Or(_) | Node::Compare(..) => {
            let judged = truth(node, facts);
            match judged.truth {
                Truth::True => Value::Bool(true),
                Truth::False => Value::Bool(false),
                Truth::Unknown => Value::Unknown(judged.parts.join(", ")),
            }
        }
    }
}

fn number(node: &Node, facts: &Facts) -> Result<f64, String> {
    match value(node, facts) {
        Value::Number(value) => Ok(value),
        Value::Bool(value) => Err(format!("{} is {value}, not a number", Text(node))),
        Value::Unknown(why) => Err(why),
    }
}

/// The result, where it is a finite number.
fn calculate(sign: Arithmetic, a: f64, b: f64) -> Option<f64> {
    let result = match sign {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => a % b,
    };
    result.is_finite().then_some(result)
}

/// A number for people: at most six decimals, none that are zero.
struct Figure(f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size != 0.0 && !(1e-4..1e15).contains(&size) {
            return write!(f, "{:e}", self.0);
        }
        let rounded = (self.0 * 1e6).round() / 1e6;
        write!(f, "{}", if rounded == 0.0 { 0.0 } else { rounded })
    }
}

/// A part as it is written.
struct Text<'n>(&'n Node);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// An operand of an operator: in parentheses, where it is one itself.
        fn operand(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
            match node {
                Node::Bool(_)
                | Node::Number(..)
                | Node::Seconds(..)
                | Node::Fact(_)
                | Node::Not(_)
                | Node::Negate(_) => {
                    write!(f, "{}", Text(node))
                }
                _ => write!(f, "({})", Text(node)),
            }
        }
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[&Node], sign: &str| {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    write!(f, " {sign} ")?;
                }
                operand(f, part)?;
            }
            Ok(())
        };
        match self.0 {
            Node::Bool(value) => write!(f, "{value}"),
            Node::Flag { key, variant, .. } => write!(f, "flag(\"{key}\") == \"{variant}\""),
            Node::Number(_, text) | Node::Seconds(_, text) | Node::Fact(text) => f.write_str(text),
            Node::Not(inner) => {
                f.write_str("!")?;
                operand(f, inner)
            }
            Node::Negate(inner) => {
                f.write_str("-")?;
                operand(f, inner)
            }
            Node::And(parts) => joined(f, &parts.iter().collect::<Vec<_>>(), "&&"),
            Node::Or(parts) => joined(f, &parts.iter().collect::<Vec<_>>(), "||"),
            Node::Compare(sign, left, right) => joined(f, &[left, right], sign.sign()),
            Node::Calculate(sign, left, right) => joined(f, &[left, right], sign.sign()),
            Node::If(condition, yes, no) => {
                operand(f, condition)?;
                f.write_str(" ? ")?;
                operand(f, yes)?;
                f.write_str(" : ")?;
                operand(f, no)
            }
        }
    }
}
