//! From CEL's tree to a small typed one that only has what facts can feed.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{ExpressionError, lex::Source};

/// Deepest descent of the parser; a parenthesis costs it at most two steps.
const RECURSION_MAX: u16 = 96;
/// Deepest nesting of operators. A row of `&&` or `||` does not nest.
const NESTING_MAX: usize = 48;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operation on numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Bool(bool),
    /// A number and how it was written.
    Number(f64, String),
    /// A duration in seconds and how it was written.
    Seconds(f64, String),
    Fact(String),
    /// A flag serves a variant; with the fact's name.
    Flag {
        key: String,
        variant: String,
        fact: String,
    },
    Not(Box<Node>),
    /// Two or more parts that must all hold.
    And(Vec<Node>),
    /// Two or more parts of which one must hold.
    Or(Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    Calculate(Arithmetic, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Number,
    /// A number of seconds.
    Seconds,
    /// A fact, which may be either.
    Any,
}

impl Comparison {
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Arithmetic {
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Node {
    /// What it is, from what is written alone.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Number(..) => Kind::Number,
            Self::Seconds(..) => Kind::Seconds,
            Self::Fact(_) => Kind::Any,
            Self::Negate(of) => of.kind().number(),
            Self::Calculate(operation, left, right) => match (operation, left.kind(), right.kind()) {
                (Arithmetic::Divide, Kind::Seconds, Kind::Seconds) => Kind::Number,
                (Arithmetic::Divide | Arithmetic::Remainder, left, _) => left.number(),
                (_, Kind::Seconds, _) | (_, _, Kind::Seconds) => Kind::Seconds,
                _ => Kind::Number,
            },
            Self::If(_, yes, no) => match (yes.kind(), no.kind()) {
                (Kind::Any, other) | (other, _) => other,
            },
            Self::Bool(_) | Self::Flag { .. } | Self::Not(_) | Self::And(_) | Self::Or(_) | Self::Compare(..) => {
                Kind::Bool
            }
        }
    }

    /// Calls with the name of each fact, from left to right.
    pub fn each_fact<'n>(&'n self, call: &mut impl FnMut(&'n str)) {
        match self {
            Self::Bool(_) | Self::Number(..) | Self::Seconds(..) => {}
            Self::Fact(name) | Self::Flag { fact: name, .. } => call(name),
            Self::Not(of) | Self::Negate(of) => of.each_fact(call),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_fact(call)),
            Self::Compare(_, left, right) | Self::Calculate(_, left, right) => {
                left.each_fact(call);
                right.each_fact(call);
            }
            Self::If(condition, yes, no) => [condition, yes, no].into_iter().for_each(|part| part.each_fact(call)),
        }
    }
}

impl Kind {
    const fn number(self) -> Self {
        match self {
            Self::Seconds => Self::Seconds,
            _ => Self::Number,
        }
    }
}

/// Parses and checks.
pub(super) fn compile(source: &Source) -> Result<Node, ExpressionError> {
    // The crate's other parser needs 150 KiB of stack for each parenthesis and keeps no limit.
    let parser = cel::parser::PrattParser::new().max_recursion_depth(RECURSION_MAX).error_reporting_limit(1);
    let tree = parser.parse(&source.for_parser).map_err(|errors| {
        let at = errors.errors.iter().map(|e| usize::try_from(e.pos.1).unwrap_or(0)).min().unwrap_or(0);
        // The parser counts columns from 1.
        not_expected(source, at.saturating_sub(1))
    })?;
    let mut operands = source.operands();
    let mut compiler = Compiler { source, operands: &mut operands, uses: BTreeMap::new(), nesting: 0 };
    let root = compiler.part(&tree)?;
    compiler.want(&root, Kind::Bool, "a gate is true or false, such as `gap < 10s`")?;
    Ok(root.node)
}

fn not_expected(source: &Source, at: usize) -> ExpressionError {
    match source.word_at(at) {
        Some(word) => source.error(at, format!("`{word}` is not expected here")),
        None => source.error(source.text.len(), "something is missing at the end"),
    }
}

/// A part and the offset of its first operand. The parser keeps no places; but operands come in
/// the order in which they were written.
struct Part {
    node: Node,
    at: usize,
}

struct Compiler<'s> {
    source: &'s Source,
    /// Offsets of the operands that were not reached yet.
    operands: &'s mut dyn Iterator<Item = usize>,
    /// As what each fact is used, as far as that can be told.
    uses: BTreeMap<String, Kind>,
    nesting: usize,
}

impl Compiler<'_> {
    fn operand(&mut self) -> usize {
        self.operands.next().unwrap_or(self.source.text.len())
    }

    fn part(&mut self, of: &IdedExpr) -> Result<Part, ExpressionError> {
        if self.nesting == NESTING_MAX {
            let at = self.operand();
            return Err(self.source.error(at, format!("more than {NESTING_MAX} operators inside each other")));
        }
        self.nesting += 1;
        let part = self.part_here(of);
        self.nesting -= 1;
        part
    }

    fn part_here(&mut self, of: &IdedExpr) -> Result<Part, ExpressionError> {
        match &of.expr {
            Expr::Literal(literal) => {
                let at = self.operand();
                Ok(Part { node: self.literal(at, literal)?, at })
            }
            Expr::Ident(name) => {
                let at = self.operand();
                let node = match self.source.duration(name) {
                    Some((seconds, text)) => Node::Seconds(*seconds, text.clone()),
                    None => Node::Fact(name.clone()),
                };
                Ok(Part { node, at })
            }
            Expr::Select(select) if !select.test => {
                let operand = self.part(&select.operand)?;
                let _field = self.operand();
                match operand.node {
                    Node::Fact(name) => Ok(Part { node: Node::Fact(format!("{name}.{}", select.field)), ..operand }),
                    _ => Err(self.source.error(operand.at, "only the name of a fact may have a dot")),
                }
            }
            Expr::Call(call) => self.call(call),
            _ => {
                let at = self.operand();
                Err(self.source.error(at, "lists, mappings and loops are not part of a gate"))
            }
        }
    }

    fn literal(&self, at: usize, literal: &LiteralValue) -> Result<Node, ExpressionError> {
        let number = |value: f64, text: String| Ok(Node::Number(value, text));
        match literal {
            LiteralValue::Boolean(value) => Ok(Node::Bool(*value.inner())),
            LiteralValue::Int(value) => number(*value.inner() as f64, value.inner().to_string()),
            LiteralValue::UInt(value) => number(*value.inner() as f64, value.inner().to_string()),
            LiteralValue::Double(value) => number(*value.inner(), value.inner().to_string()),
            LiteralValue::Null => Err(self.source.error(at, "null is not part of a gate: a missing fact is unknown")),
            LiteralValue::String(_) | LiteralValue::Bytes(_) => {
                Err(self.source.error(at, "texts are not part of a gate: facts are true, false or numbers"))
            }
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<Part, ExpressionError> {
        use Comparison as C;
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                let at = left.at;
                let parts = flatten([left.node, right.node], |node| match node {
                    Node::And(parts) => Ok(parts),
                    other => Err(other),
                });
                Ok(Part { node: Node::And(parts), at })
            }
            (operators::LOGICAL_OR, [left, right]) => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                let at = left.at;
                let parts = flatten([left.node, right.node], |node| match node {
                    Node::Or(parts) => Ok(parts),
                    other => Err(other),
                });
                Ok(Part { node: Node::Or(parts), at })
            }
            (operators::LOGICAL_NOT, [inner]) => {
                let Part { node, at } = self.truth(inner)?;
                Ok(Part { node: Node::Not(Box::new(node)), at })
            }
            (operators::NEGATE, [inner]) => {
                let Part { node, at } = self.number(inner)?;
                let node = match node {
                    Node::Number(value, text) if !text.starts_with('-') => Node::Number(-value, format!("-{text}")),
                    other => Node::Negate(Box::new(other)),
                };
                Ok(Part { node, at })
            }
            (operators::EQUALS, [left, right]) => self.equality(C::Equal, left, right),
            (operators::NOT_EQUALS, [left, right]) => self.equality(C::NotEqual, left, right),
            (operators::LESS, [left, right]) => self.order(C::Less, left, right),
            (operators::LESS_EQUALS, [left, right]) => self.order(C::LessOrEqual, left, right),
            (operators::GREATER, [left, right]) => self.order(C::Greater, left, right),
            (operators::GREATER_EQUALS, [left, right]) => self.order(C::GreaterOrEqual, left, right),
            (operators::ADD, [left, right]) => self.arithmetic(Arithmetic::Add, left, right),
            (operators::SUBSTRACT, [left, right]) => self.arithmetic(Arithmetic::Subtract, left, right),
            (operators::MULTIPLY, [left, right]) => self.arithmetic(Arithmetic::Multiply, left, right),
            (operators::DIVIDE, [left, right]) => self.arithmetic(Arithmetic::Divide, left, right),
            (operators::MODULO, [left, right]) => self.arithmetic(Arithmetic::Remainder, left, right),
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let condition = self.truth(condition)?;
                let (yes, no) = (self.part(yes)?, self.part(no)?);
                self.same(&yes, &no)?;
                let node = Node::If(Box::new(condition.node), Box::new(yes.node), Box::new(no.node));
                Ok(Part { node, at: condition.at })
            }
            ("duration", [argument]) if call.target.is_none() => self.duration(argument),
            ("flag", _) => {
                let at = self.operand();
                Err(self.source.error(at, "a flag is held against a variant, such as flag(\"fast-path\") == \"on\""))
            }
            (name, _) => {
                let at = self.operand();
                Err(self.source.error(at, format!("`{name}` is not used like this in a gate")))
            }
        }
    }

    fn duration(&mut self, argument: &IdedExpr) -> Result<Part, ExpressionError> {
        let at = self.operand();
        let inside = self.operand();
        let Expr::Literal(LiteralValue::String(text)) = &argument.expr else {
            return Err(self.source.error(inside, "duration takes a text, such as duration('10s'), or just write 10s"));
        };
        match crate::domain::duration::parse(text.inner()) {
            Ok(span) => Ok(Part { node: Node::Seconds(span.as_secs_f64(), text.inner().to_owned()), at }),
            Err(error) => Err(self.source.error(inside, error.to_string())),
        }
    }

    /// `flag("fast-path") == "on"`.
    fn flag(&mut self, call: &CallExpr, variant: &IdedExpr) -> Result<Part, ExpressionError> {
        let at = self.operand();
        let inside = self.operand();
        let ([key], None) = (call.args.as_slice(), &call.target) else {
            return Err(self.source.error(at, "flag takes the key of a flag, such as flag(\"fast-path\")"));
        };
        let Expr::Literal(LiteralValue::String(key)) = &key.expr else {
            return Err(self.source.error(inside, "flag takes the key of a flag, such as flag(\"fast-path\")"));
        };
        let key = key.inner().to_owned();
        if let Err(error) = crate::domain::FlagKey::new(key.clone()) {
            return Err(self.source.error(inside, error.to_string()));
        }
        let right = self.operand();
        let Expr::Literal(LiteralValue::String(variant)) = &variant.expr else {
            return Err(self
                .source
                .error(right, "a flag is held against a variant, such as flag(\"fast-path\") == \"on\""));
        };
        let variant = variant.inner().to_owned();
        let fact = super::flag_fact(&key, &variant);
        Ok(Part { node: Node::Flag { key, variant, fact }, at })
    }

    fn truth(&mut self, of: &IdedExpr) -> Result<Part, ExpressionError> {
        let part = self.part(of)?;
        self.want(&part, Kind::Bool, "true or false is needed here, such as `gap < 10s`")?;
        Ok(part)
    }

    fn number(&mut self, of: &IdedExpr) -> Result<Part, ExpressionError> {
        let part = self.part(of)?;
        self.want(&part, Kind::Number, "a number is needed here")?;
        Ok(part)
    }

    fn order(&mut self, sign: Comparison, left: &IdedExpr, right: &IdedExpr) -> Result<Part, ExpressionError> {
        let (left, right) = (self.number(left)?, self.number(right)?);
        Ok(Part { node: Node::Compare(sign, Box::new(left.node), Box::new(right.node)), at: left.at })
    }

    fn arithmetic(&mut self, sign: Arithmetic, left: &IdedExpr, right: &IdedExpr) -> Result<Part, ExpressionError> {
        let (left, right) = (self.number(left)?, self.number(right)?);
        Ok(Part { node: Node::Calculate(sign, Box::new(left.node), Box::new(right.node)), at: left.at })
    }

    fn equality(&mut self, sign: Comparison, left: &IdedExpr, right: &IdedExpr) -> Result<Part, ExpressionError> {
        if let Expr::Call(call) = &left.expr
            && call.func_name == "flag"
        {
            let serves = self.flag(call, right)?;
            let node = if sign == Comparison::Equal { serves.node } else { Node::Not(Box::new(serves.node)) };
            return Ok(Part { node, ..serves });
        }
        let (left, right) = (self.part(left)?, self.part(right)?);
        self.same(&left, &right)?;
        Ok(Part { node: Node::Compare(sign, Box::new(left.node), Box::new(right.node)), at: left.at })
    }

    /// Both true or false, or both numbers.
    fn same(&mut self, one: &Part, other: &Part) -> Result<(), ExpressionError> {
        match (one.node.kind(), other.node.kind()) {
            (Kind::Any, Kind::Any) => Ok(()),
            (Kind::Any, kind) => self.want(one, kind, "it is held against the other side"),
            (kind, _) => self.want(other, kind, "it is held against the other side"),
        }
    }

    /// Refuses a part that is not of a kind; remembers as what a fact is used.
    fn want(&mut self, part: &Part, kind: Kind, what_for: &str) -> Result<(), ExpressionError> {
        let is_bool = kind == Kind::Bool;
        let got = part.node.kind();
        if got != Kind::Any && (got == Kind::Bool) != is_bool {
            let what = if is_bool { "a number, not true or false" } else { "true or false, not a number" };
            return Err(self.source.error(part.at, format!("this is {what}; {what_for}")));
        }
        let mut facts = Vec::new();
        facts_that_are_it(&part.node, &mut facts);
        for name in facts {
            let before = *self.uses.entry(name.to_owned()).or_insert(kind);
            if (before == Kind::Bool) != is_bool {
                let message = format!("`{name}` is used as a number and as true or false; a fact is one of the two");
                return Err(self.source.error(part.at, message));
            }
        }
        Ok(())
    }
}

/// The facts whose value the part's value is.
fn facts_that_are_it<'n>(node: &'n Node, facts: &mut Vec<&'n str>) {
    match node {
        Node::Fact(name) => facts.push(name),
        Node::If(_, yes, no) => {
            facts_that_are_it(yes, facts);
            facts_that_are_it(no, facts);
        }
        _ => {}
    }
}

/// The parts of both sides, where a side is of the same operator.
fn flatten(sides: [Node; 2], parts: impl Fn(Node) -> Result<Vec<Node>, Node>) -> Vec<Node> {
    sides.into_iter().flat_map(|side| parts(side).unwrap_or_else(|other| vec![other])).collect()
}
