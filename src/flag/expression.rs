//! Expressions in CEL, read into flagd's operators, so that one evaluator and one export serve both.
//!
//! What may be written: attributes (`plan`, `user.tier`, `labels["app.kubernetes.io/name"]`), texts, numbers,
//! `true` and `false`, `&&`, `||`, `!`, `? :`, `==`, `!=`; `<`, `<=`, `>`, `>=` between numbers; `x in ["a", "b"]`
//! and `"a" in list`; `has(user.tier)`; `x.startsWith("a")`, `x.endsWith("a")`, `x.contains("a")`; and
//! `sem_ver(version, ">=", "1.2.0")`. No calculations, loops or patterns: what is left is evaluated at a bounded
//! cost, and is the same in flagd's operators.
//!
//! An attribute that the context does not have, or has as null, or as what an operator does not take, is
//! *unknown*: as an error in CEL, it decides nothing (`unknown || true` is true, `unknown && false` is false),
//! and a rule whose condition is unknown does not match. So `!(plan == "gold")` does not match a caller without a
//! plan. Each part becomes two conditions in operators: when it is known to hold, and when it is known not to.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use serde_json::Value;

use super::{
    FlagError,
    node::{Affix, Arithmetic, Attribute, Comparison, DEPTH_MAX, Each, NODES_MAX, Node},
    version::{Relation, Version},
};

/// Longest expression, in characters.
pub const LENGTH_MAX: usize = 1000;
/// Deepest descent of the parser.
const RECURSION_MAX: u16 = 96;
/// Most conditionals: each one is written three times.
const CONDITIONALS_MAX: usize = 4;

/// Reads an expression. `field` is where it is.
pub(super) fn read(text: &str, field: &str) -> Result<Node, FlagError> {
    let refused = |message: String| FlagError::new(field, message);
    if text.trim().is_empty() {
        return Err(refused("the expression is empty: leave `when` out for a rule that always matches".to_owned()));
    }
    if text.chars().count() > LENGTH_MAX {
        return Err(refused(format!("an expression has at most {LENGTH_MAX} characters")));
    }
    if text.matches('?').count() > CONDITIONALS_MAX {
        return Err(refused(format!("an expression has at most {CONDITIONALS_MAX} conditionals")));
    }
    let parser = cel::parser::PrattParser::new().max_recursion_depth(RECURSION_MAX).error_reporting_limit(1);
    let tree = parser.parse(text).map_err(|errors| match errors.errors.first() {
        Some(error) => refused(format!("column {}: not expected here: {}", error.pos.1, error.msg)),
        None => refused("is no CEL".to_owned()),
    })?;
    let node = Reader { nesting: 0 }.truth(&tree, true).map_err(refused)?;
    let (count, depth) = node.size();
    if count > NODES_MAX || depth > DEPTH_MAX {
        return Err(refused(format!(
            "is too large: it comes to {count} operators {depth} deep, of at most {NODES_MAX} and {DEPTH_MAX}"
        )));
    }
    Ok(node)
}

struct Reader {
    nesting: usize,
}

type Read = Result<Node, String>;

const fn yes(value: bool) -> Node {
    Node::Literal(Value::Bool(value))
}

fn null() -> Node {
    Node::Literal(Value::Null)
}

fn all(parts: Vec<Node>) -> Node {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Node::And(parts) => flat.extend(parts),
            Node::Literal(Value::Bool(true)) => {}
            part => flat.push(part),
        }
    }
    if flat.len() == 1 {
        flat.remove(0)
    } else if flat.is_empty() {
        yes(true)
    } else {
        Node::And(flat)
    }
}

fn any(parts: Vec<Node>) -> Node {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Node::Or(parts) => flat.extend(parts),
            part => flat.push(part),
        }
    }
    if flat.len() == 1 { flat.remove(0) } else { Node::Or(flat) }
}

/// It is there.
fn present(value: &Node) -> Node {
    if matches!(value, Node::Literal(_)) { yes(true) } else { Node::is_not(value.clone(), null()) }
}

/// It is a text: joining it to nothing leaves it the same.
fn is_text(value: &Node) -> Node {
    match value {
        Node::Literal(value) => yes(value.is_string()),
        value => Node::is(Node::Join(vec![value.clone()]), value.clone()),
    }
}

/// It is a number: taking it once leaves it the same.
fn is_number(value: &Node) -> Node {
    match value {
        Node::Literal(value) => yes(value.is_number()),
        value => {
            let once = Node::Calculate(Arithmetic::Multiply, vec![value.clone(), Node::Literal(1.into())]);
            Node::is(once, value.clone())
        }
    }
}

impl Reader {
    /// When a part is known to be `wanted`.
    fn truth(&mut self, part: &IdedExpr, wanted: bool) -> Read {
        self.nesting += 1;
        if self.nesting > RECURSION_MAX.into() {
            return Err("nests too deep".to_owned());
        }
        let node = self.truth_here(part, wanted);
        self.nesting -= 1;
        node
    }

    fn truth_here(&mut self, part: &IdedExpr, wanted: bool) -> Read {
        match &part.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Ok(yes(*value.inner() == wanted)),
            Expr::Literal(_) => Err("a condition is true or false, such as `plan == \"gold\"`".to_owned()),
            Expr::Select(select) if select.test => {
                let holder = attribute(&select.operand)?;
                let value = variable(&format!("{holder}.{}", select.field))?;
                if wanted {
                    return Ok(present(&value));
                }
                let missing = Node::is(value, null());
                if holder == "labels" {
                    return Ok(missing);
                }
                // Only what can have something inside can lack it.
                let holder = variable(&holder)?;
                let plain = any(vec![
                    is_text(&holder),
                    is_number(&holder),
                    Node::is(holder.clone(), yes(true)),
                    Node::is(holder.clone(), yes(false)),
                ]);
                Ok(all(vec![present(&holder), Node::Not(Box::new(plain)), missing]))
            }
            Expr::Ident(_) | Expr::Select(_) => Ok(Node::is(variable(&attribute(part)?)?, yes(wanted))),
            Expr::Call(call) => self.call(call, wanted),
            Expr::Comprehension(_) => Err("loops are not part of a condition: use `x in list`".to_owned()),
            _ => Err("a condition is true or false: lists and mappings are not".to_owned()),
        }
    }

    fn call(&mut self, call: &CallExpr, wanted: bool) -> Read {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, None, [part]) => self.truth(part, !wanted),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, [left, right]) => {
                let parts = vec![self.truth(left, wanted)?, self.truth(right, wanted)?];
                // Of what is known not to hold, and and or change places.
                Ok(if (name == operators::LOGICAL_AND) == wanted { all(parts) } else { any(parts) })
            }
            (operators::CONDITIONAL, None, [condition, left, right]) => Ok(any(vec![
                all(vec![self.truth(condition, true)?, self.truth(left, wanted)?]),
                all(vec![self.truth(condition, false)?, self.truth(right, wanted)?]),
            ])),
            (operators::EQUALS, None, [left, right]) => equality(left, right, wanted),
            (operators::NOT_EQUALS, None, [left, right]) => equality(left, right, !wanted),
            (operators::LESS, None, [left, right]) => order(Comparison::Less, left, right, wanted),
            (operators::LESS_EQUALS, None, [left, right]) => order(Comparison::LessOrEqual, left, right, wanted),
            (operators::GREATER, None, [left, right]) => order(Comparison::Greater, left, right, wanted),
            (operators::GREATER_EQUALS, None, [left, right]) => order(Comparison::GreaterOrEqual, left, right, wanted),
            (operators::IN, None, [element, list]) => membership(element, list, wanted),
            ("startsWith", Some(text), [part]) => affix(Affix::Starts, text, part, wanted),
            ("endsWith", Some(text), [part]) => affix(Affix::Ends, text, part, wanted),
            ("contains", Some(text), [part]) => {
                let (text, part) = (operand(text)?, text_literal(part, "contains")?);
                let found = Node::In(Box::new([part, text.clone()]));
                Ok(all(vec![is_text(&text), if wanted { found } else { Node::Not(Box::new(found)) }]))
            }
            ("sem_ver", None, [version, relation, other]) => version_of(version, relation, other, wanted),
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO
                | operators::NEGATE,
                ..,
            ) => Err("calculations are not part of a condition: compare attributes with values".to_owned()),
            (operators::INDEX, ..) => {
                let value = call_attribute(call)?;
                Ok(Node::is(variable(&value)?, yes(wanted)))
            }
            (name, ..) => {
                let name: String = name.chars().take(40).collect();
                Err(format!(
                    "{name:?} is not used like this: there are has, startsWith, endsWith, contains and sem_ver"
                ))
            }
        }
    }
}

/// The name of an attribute.
fn attribute(part: &IdedExpr) -> Result<String, String> {
    match &part.expr {
        Expr::Ident(name) => Ok(name.clone()),
        Expr::Select(select) if !select.test => Ok(format!("{}.{}", attribute(&select.operand)?, select.field)),
        Expr::Call(call) if call.func_name == operators::INDEX => call_attribute(call),
        _ => Err("an attribute is a name, such as plan, user.tier or labels[\"ring\"]".to_owned()),
    }
}

fn call_attribute(call: &CallExpr) -> Result<String, String> {
    let [holder, key] = call.args.as_slice() else {
        return Err("an attribute is a name, such as labels[\"ring\"]".to_owned());
    };
    let Expr::Literal(LiteralValue::String(key)) = &key.expr else {
        return Err("what is in brackets is a text, such as labels[\"ring\"]".to_owned());
    };
    let holder = attribute(holder)?;
    if key.inner().is_empty() || (key.inner().contains('.') && holder != "labels") {
        return Err("the name in brackets has a dot, or nothing: only a label's key has dots".to_owned());
    }
    Ok(format!("{holder}.{}", key.inner()))
}

fn variable(name: &str) -> Read {
    let otherwise = Value::Null;
    match Attribute::of(name) {
        Some(Attribute::Nothing) => {
            Err(format!("{name} has no value: target, site, lane and stage are texts, a label is labels.KEY"))
        }
        Some(attribute) => Ok(Node::Known { name: name.to_owned(), attribute, otherwise }),
        None => Ok(Node::Said { path: name.split('.').map(str::to_owned).collect(), otherwise }),
    }
}

/// An attribute, a text, a number, true or false.
fn operand(part: &IdedExpr) -> Read {
    let number = |value: f64| {
        let whole = value.fract() == 0.0 && value.abs() < 9e15;
        Ok(Node::Literal(if whole { Value::from(value as i64) } else { Value::from(value) }))
    };
    match &part.expr {
        Expr::Literal(literal) => match literal {
            LiteralValue::Boolean(value) => Ok(yes(*value.inner())),
            LiteralValue::String(text) => Ok(Node::text(text.inner())),
            LiteralValue::Int(value) => number(*value.inner() as f64),
            LiteralValue::UInt(value) => number(*value.inner() as f64),
            LiteralValue::Double(value) => number(*value.inner()),
            LiteralValue::Null => {
                Err("null is not compared: a missing attribute is unknown, ask has(user.tier)".into())
            }
            LiteralValue::Bytes(_) => Err("bytes are not part of a condition".to_owned()),
        },
        Expr::Call(call) if call.func_name == operators::NEGATE => match call.args.first().map(operand) {
            Some(Ok(Node::Literal(Value::Number(value)))) => number(-value.as_f64().unwrap_or_default()),
            _ => Err("calculations are not part of a condition".to_owned()),
        },
        Expr::Ident(_) | Expr::Select(_) => variable(&attribute(part)?),
        Expr::Call(call) if call.func_name == operators::INDEX => variable(&call_attribute(call)?),
        _ => Err("an attribute, a text, a number, true or false is compared; use && and || between comparisons".into()),
    }
}

fn text_literal(part: &IdedExpr, what: &str) -> Read {
    match operand(part)? {
        Node::Literal(Value::String(text)) => Ok(Node::text(text)),
        _ => Err(format!("{what} takes a text, such as \"a\"")),
    }
}

fn equality(left: &IdedExpr, right: &IdedExpr, wanted: bool) -> Read {
    let (left, right) = (operand(left)?, operand(right)?);
    let there = vec![present(&left), present(&right)];
    // What is equal to a value is there.
    let needs = if wanted && (is_value(&left) || is_value(&right)) { Vec::new() } else { there };
    let equal = if wanted { Node::is(left, right) } else { Node::is_not(left, right) };
    Ok(all([needs, vec![equal]].concat()))
}

const fn is_value(node: &Node) -> bool {
    matches!(node, Node::Literal(_))
}

fn order(comparison: Comparison, left: &IdedExpr, right: &IdedExpr, wanted: bool) -> Read {
    let (left, right) = (operand(left)?, operand(right)?);
    for side in [&left, &right] {
        if matches!(side, Node::Literal(value) if !value.is_number()) || matches!(side, Node::Known { .. }) {
            return Err(
                "only numbers have an order here: compare versions with sem_ver(version, \">=\", \"1.2.0\")".into()
            );
        }
    }
    let comparison = if wanted { comparison } else { comparison.opposite() };
    Ok(all(vec![is_number(&left), is_number(&right), Node::Compare(comparison, vec![left, right])]))
}

fn membership(element: &IdedExpr, list: &IdedExpr, wanted: bool) -> Read {
    let element = operand(element)?;
    if let Expr::List(list) = &list.expr {
        let mut values = Vec::with_capacity(list.elements.len());
        for value in &list.elements {
            match operand(value)? {
                Node::Literal(value) => values.push(value),
                _ => return Err("a list has texts, numbers, true and false".to_owned()),
            }
        }
        let found = Node::In(Box::new([element.clone(), Node::Literal(Value::Array(values))]));
        return Ok(if wanted { found } else { all(vec![present(&element), Node::Not(Box::new(found))]) });
    }
    let list = operand(list)?;
    if !is_value(&element) || is_value(&list) {
        return Err("`in` takes an attribute in a list of values, or a value in an attribute that is a list".to_owned());
    }
    let itself = Node::Said { path: Vec::new(), otherwise: Value::Null };
    let each = |each: Each, body: Node| Node::Each(each, Box::new([list.clone(), body]));
    let same = Node::is(itself, element);
    if wanted {
        return Ok(each(Each::Some, same));
    }
    // It is a list: one with elements, or else the only thing that counts as false and is none of the others.
    let others = [Value::Null, Value::Bool(false), Value::from(0), Value::from("")];
    let mut empty = vec![Node::Not(Box::new(list.clone()))];
    empty.extend(others.map(|other| Node::is_not(list.clone(), Node::Literal(other))));
    Ok(all(vec![each(Each::None, same), any(vec![each(Each::Some, yes(true)), all(empty)])]))
}

fn affix(affix: Affix, text: &IdedExpr, part: &IdedExpr, wanted: bool) -> Read {
    let (text, part) = (operand(text)?, text_literal(part, affix.name())?);
    // Of what is no text, the operator is null: neither.
    Ok(Node::is(Node::Affix(affix, Box::new([text, part])), yes(wanted)))
}

fn version_of(version: &IdedExpr, relation: &IdedExpr, other: &IdedExpr, wanted: bool) -> Read {
    let signs = Relation::ALL.map(Relation::sign);
    let Node::Literal(Value::String(sign)) = text_literal(relation, "sem_ver")? else {
        return Err("sem_ver takes an attribute, a comparison and a version".to_owned());
    };
    let relation = Relation::ALL
        .into_iter()
        .find(|relation| relation.sign() == sign)
        .ok_or_else(|| format!("sem_ver compares by one of {}", signs.join(" ")))?;
    let (version, other) = (operand(version)?, operand(other)?);
    for side in [&version, &other] {
        if let Node::Literal(value) = side
            && value.as_str().and_then(Version::read).is_none()
        {
            return Err(format!("{value} is not a version such as \"1.2.3\""));
        }
    }
    Ok(Node::is(Node::Version(relation, Box::new([version, other])), yes(wanted)))
}
