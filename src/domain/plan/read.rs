//! From a document to a checked plan.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{Digest, GateName, NameError, RolloutName, SafeText, StageName, TargetName, duration, text::first_hostile},
    Advance, BreachResponse, Direction, GateRule, Plan, PlanSli, PlanStage, PlanTelemetry, Selection,
    document::{Key, Node, Spot, Value},
    error::{PlanError, nearest, quoted, suggestion},
};

/// Most stages, gates or indicators of a plan.
const ENTRIES_MAX: usize = 64;
/// Longest gate expression, in characters.
const EXPRESSION_MAX: usize = 1000;
/// Most sites or units that a stage counts.
const COUNT_MAX: u32 = 1_000_000;

const PLAN_KEYS: [&str; 8] = ["rollout", "target", "snapshot", "owner", "gates", "slis", "stages", "on_breach"];
const STAGE_KEYS: [&str; 6] = ["hold", "advance", "select", "gates", "slis", "deadline"];
const SLI_KEYS: [&str; 4] = ["unit", "direction", "critical", "limit"];

/// What is asked of each gate's expression; a refusal is the message of the plan's error.
pub(super) type Check<'c> = dyn FnMut(&GateName, &str) -> Result<(), String> + 'c;

type Read<T> = Result<T, PlanError>;

/// Reads a plan from a document.
pub(super) fn plan(root: &Node, check: &mut Check<'_>) -> Read<Plan> {
    let entries = match &root.value {
        Value::Map(entries) => entries,
        Value::Null => return Err(at(root, "", "the plan is empty; it needs rollout, target, snapshot and stages")),
        other => {
            let kind = other.kind();
            return Err(at(
                root,
                "",
                format!("a plan is a mapping with rollout, target, snapshot and stages, not {kind}"),
            ));
        }
    };
    known_only(entries, "", &PLAN_KEYS)?;
    let required = |key: &str, what: &str| {
        find(entries, key).ok_or_else(|| at(root, key, format!("it is missing; the plan needs {what}")))
    };

    let rollout: RolloutName = name(required("rollout", "the rollout's name")?, "rollout")?;
    let target: TargetName = name(required("target", "the site group that it goes to")?, "target")?;
    let snapshot = digest(required("snapshot", "the digest that `rolldeck snapshot add` printed")?)?;
    let owner = find(entries, "owner").map_or(Ok(SafeText::default()), |node| plain(node, "owner"))?;
    let gates = find(entries, "gates").map_or(Ok(Vec::new()), |node| gates(node, check))?;
    let gate_names: Vec<&GateName> = gates.iter().map(|(name, _)| name).collect();
    let slis = find(entries, "slis").map_or(Ok(Vec::new()), slis)?;
    let (on_breach, on_breach_of) = find(entries, "on_breach")
        .map_or(Ok((BreachResponse::default(), BTreeMap::new())), |node| on_breach(node, &gate_names))?;
    let stages = stages(required("stages", "at least one stage, such as `- canary: 1 site`")?, &gate_names, &slis)?;
    let telemetry = PlanTelemetry::default();
    Ok(Plan { rollout, target, snapshot, owner, gates, slis, telemetry, stages, on_breach, on_breach_of })
}

fn at(node: &Node, field: impl Into<String>, message: impl AsRef<str>) -> PlanError {
    here(node.spot, field, message)
}

fn here(spot: Option<Spot>, field: impl Into<String>, message: impl AsRef<str>) -> PlanError {
    PlanError {
        line: spot.map(|s| s.line),
        column: spot.map(|s| s.column),
        field: field.into(),
        message: SafeText::new(message),
    }
}

/// `path.key`, or the key alone at the top. A key that is no plain word is shown quoted.
fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.len() <= 253 && key.chars().all(|c| c.is_ascii_graphic());
    let key = if plain { key.to_owned() } else { quoted(key) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn find<'n>(entries: &'n [(Key, Node)], key: &str) -> Option<&'n Node> {
    entries.iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
}

fn known_only(entries: &[(Key, Node)], path: &str, known: &[&str]) -> Read<()> {
    match entries.iter().find(|(key, _)| !known.contains(&key.name.as_str())) {
        None => Ok(()),
        Some((key, _)) => Err(here(
            key.spot,
            join(path, &key.name),
            format!("there is no such field{}", suggestion(&key.name, known.iter().copied())),
        )),
    }
}

fn text<'n>(node: &'n Node, field: &str, what: &str) -> Read<&'n str> {
    match &node.value {
        Value::Text(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Err(at(
            node,
            field,
            format!("expected {what}, got {}; put it in quotes if it is meant as text", node.value.kind()),
        )),
        other => Err(at(node, field, format!("expected {what}, got {}", other.kind()))),
    }
}

fn plain(node: &Node, field: &str) -> Read<SafeText> {
    let text = text(node, field, "text")?.trim();
    if let Some(position) = first_hostile(text) {
        let message = format!("a control or invisible character at position {}: write it as plain text", position + 1);
        return Err(at(node, field, message));
    }
    Ok(SafeText::new(text))
}

fn name<T: std::str::FromStr<Err = NameError>>(node: &Node, field: &str) -> Read<T> {
    text(node, field, "a name")?.parse().map_err(|error: NameError| at(node, field, error.to_string()))
}

fn digest(node: &Node) -> Read<Digest> {
    let text = text(node, "snapshot", "a digest, sha256: and 64 hex digits")?.trim();
    text.parse().map_err(|_| {
        let hint = "give the digest that `rolldeck snapshot add` printed";
        let message = match text.strip_prefix("sha256:") {
            Some(hex) if hex.chars().any(|c| matches!(c, '.' | '…' | '<' | '$' | '{')) => {
                format!("{} is a placeholder: {hint}", quoted(text))
            }
            Some(hex) if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                "the digits of a digest are lower case".to_owned()
            }
            Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                format!("a digest has 64 hex digits after sha256:, this one has {}: {hint}", hex.len())
            }
            _ => format!("a snapshot is sha256: and 64 hex digits, got {}: {hint}", quoted(text)),
        };
        at(node, "snapshot", message)
    })
}

/// The entries of a mapping, or of a list of one-key mappings, which keeps its order in JSON too.
fn named<'n>(node: &'n Node, field: &str, what: &str) -> Read<Vec<(&'n Key, &'n Node)>> {
    let entries: Vec<_> = match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, node)| (key, node)).collect(),
        Value::List(items) => items
            .iter()
            .map(|item| match &item.value {
                Value::Map(entries) if entries.len() == 1 => Ok((&entries[0].0, &entries[0].1)),
                _ => Err(at(item, field, format!("expected {what}"))),
            })
            .collect::<Read<_>>()?,
        Value::Null => Vec::new(),
        other => return Err(at(node, field, format!("expected {what}, got {}", other.kind()))),
    };
    if entries.len() > ENTRIES_MAX {
        return Err(at(node, field, format!("{} entries, more than the {ENTRIES_MAX} that are read", entries.len())));
    }
    for (index, (key, _)) in entries.iter().enumerate() {
        if entries[..index].iter().any(|(other, _)| other.name == key.name) {
            return Err(here(key.spot, join(field, &key.name), "it is there twice"));
        }
    }
    Ok(entries)
}

fn gates(node: &Node, check: &mut Check<'_>) -> Read<Vec<(GateName, GateRule)>> {
    let entries = named(node, "gates", "a mapping of names to expressions, such as `health: runtime_healthy`")?;
    let mut gates = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        let field = join("gates", &key.name);
        let name = GateName::new(&*key.name).map_err(|error| here(key.spot, &*field, error.to_string()))?;
        let expression = match &node.value {
            // The two that YAML takes for itself are expressions too.
            Value::Bool(constant) => constant.to_string(),
            _ => text(node, &field, "an expression, such as `gap < 10s && drops == 0`")?.trim().to_owned(),
        };
        if expression.is_empty() {
            return Err(at(node, field, "the expression is empty; a gate needs one, such as `drops == 0`"));
        }
        if expression.chars().count() > EXPRESSION_MAX {
            return Err(at(node, field, format!("the expression is longer than {EXPRESSION_MAX} characters")));
        }
        check(&name, &expression).map_err(|message| at(node, field, message))?;
        gates.push((name, GateRule::Expression(expression)));
    }
    Ok(gates)
}

fn slis(node: &Node) -> Read<Vec<PlanSli>> {
    let what = "a mapping of names to `{unit, direction, critical, limit}`";
    named(node, "slis", what)?.into_iter().map(|(key, node)| sli(key, node)).collect()
}

fn sli(key: &Key, node: &Node) -> Read<PlanSli> {
    let field = join("slis", &key.name);
    // What agents report under is a name like a gate's.
    if GateName::new(&*key.name).is_err() {
        return Err(here(key.spot, field, "an indicator's name has letters, digits, - _ and . only"));
    }
    let mut sli = PlanSli::new(&key.name);
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null => &[],
        other => {
            return Err(at(
                node,
                field,
                format!("expected a mapping of {}, got {}", SLI_KEYS.join(", "), other.kind()),
            ));
        }
    };
    known_only(entries, &field, &SLI_KEYS)?;
    for (key, node) in entries {
        let field = join(&field, &key.name);
        match key.name.as_str() {
            "unit" => sli.unit = plain(node, &field)?,
            "direction" => sli.direction = one_of(node, &field, &Direction::ALL, Direction::as_str)?,
            "critical" => match node.value {
                Value::Bool(critical) => sli.critical = critical,
                _ => return Err(at(node, field, format!("expected true or false, got {}", node.value.kind()))),
            },
            _ => match node.value {
                Value::Number(limit) if limit.is_finite() => sli.limit = Some(limit),
                Value::Null => {}
                _ => {
                    return Err(at(
                        node,
                        field,
                        format!("expected a number in the indicator's unit, got {}", node.value.kind()),
                    ));
                }
            },
        }
    }
    Ok(sli)
}

fn one_of<T: Copy>(node: &Node, field: &str, all: &[T], word: fn(T) -> &'static str) -> Read<T> {
    let words: Vec<&str> = all.iter().map(|t| word(*t)).collect();
    let got = text(node, field, &words.join(" or "))?;
    all.iter().copied().find(|t| word(*t) == got).ok_or_else(|| {
        let near =
            nearest(got, words.iter().copied()).map_or(String::new(), |near| format!("; did you mean {near:?}?"));
        at(node, field, format!("expected {}, got {}{near}", words.join(" or "), quoted(got)))
    })
}

fn on_breach(node: &Node, gates: &[&GateName]) -> Read<(BreachResponse, BTreeMap<GateName, BreachResponse>)> {
    let response = |node: &Node, field: &str| one_of(node, field, &BreachResponse::ALL, BreachResponse::as_str);
    let Value::Map(entries) = &node.value else {
        return Ok((response(node, "on_breach")?, BTreeMap::new()));
    };
    let mut by_gate = BTreeMap::new();
    for (key, node) in entries {
        let field = join("on_breach", &key.name);
        let gate = gate_named(&key.name, gates).map_err(|message| here(key.spot, &*field, message))?;
        by_gate.insert(gate, response(node, &field)?);
    }
    Ok((BreachResponse::default(), by_gate))
}

fn gate_named(text: &str, gates: &[&GateName]) -> Result<GateName, String> {
    gates.iter().find(|gate| gate.as_str() == text).map(|gate| (*gate).clone()).ok_or_else(|| {
        let known = gates.iter().map(|gate| gate.as_str());
        format!("the plan has no gate {}{}", quoted(text), suggestion(text, known))
    })
}

fn stages(node: &Node, gates: &[&GateName], slis: &[PlanSli]) -> Read<Vec<PlanStage>> {
    let Value::List(items) = &node.value else {
        let kind = node.value.kind();
        return Err(at(node, "stages", format!("expected a list of stages, such as `- canary: 1 site`, got {kind}")));
    };
    if items.is_empty() {
        return Err(at(
            node,
            "stages",
            "the list is empty; a plan needs at least one stage, such as `- canary: 1 site`",
        ));
    }
    if items.len() > ENTRIES_MAX {
        return Err(at(node, "stages", format!("{} stages, more than the {ENTRIES_MAX} that are read", items.len())));
    }
    let mut stages: Vec<PlanStage> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let field = format!("stages[{index}]");
        let (key, stage) = stage(item, &field, gates, slis)?;
        if stages.iter().any(|other| other.name == stage.name) {
            return Err(here(key.spot, join(&field, &key.name), format!("there are two stages {}", quoted(&key.name))));
        }
        if let Some(message) = selects_nothing(&stages, &stage) {
            return Err(here(key.spot, join(&field, &key.name), message));
        }
        stages.push(stage);
    }
    Ok(stages)
}

/// Why nothing can be left for a stage, whatever the membership is.
fn selects_nothing(before: &[PlanStage], stage: &PlanStage) -> Option<String> {
    if let Some(all) = before.iter().find(|s| matches!(s.selects, Selection::All)) {
        return Some(format!("nothing is left for it: stage {} takes all, so it must be the last", all.name));
    }
    let share = before.iter().rev().find_map(|s| match s.selects {
        Selection::Percent(percent) => Some((percent, &s.name)),
        _ => None,
    });
    match (share, stage.selects) {
        (Some((percent, name)), _) if percent >= 100.0 => {
            Some(format!("nothing is left for it: stage {name} goes up to 100%"))
        }
        (Some((before, name)), Selection::Percent(percent)) if percent <= before => Some(format!(
            "nothing is left for it: shares are of all sites, and stage {name} goes up to {before}% already"
        )),
        _ => None,
    }
}

fn stage<'n>(node: &'n Node, field: &str, gates: &[&GateName], slis: &[PlanSli]) -> Read<(&'n Key, PlanStage)> {
    let Value::Map(entries) = &node.value else {
        let kind = node.value.kind();
        return Err(at(
            node,
            field,
            format!("a stage is its name and what it selects, such as `canary: 1 site`, not {kind}"),
        ));
    };
    let mut names = entries.iter().filter(|(key, _)| !STAGE_KEYS.contains(&key.name.as_str()));
    let Some((key, selects)) = names.next() else {
        let message = "the stage has no name: write what it selects under a name of its own, such as `canary: 1 site`";
        return Err(at(node, field, message));
    };
    if let Some((second, _)) = names.next() {
        // Of the two, the one that looks like a misspelt setting is to blame.
        let blame = [key, second].into_iter().find_map(|k| Some((k, nearest(&k.name, STAGE_KEYS)?)));
        return Err(match blame {
            Some((key, near)) => {
                here(key.spot, join(field, &key.name), format!("there is no such field; did you mean {near:?}?"))
            }
            None => here(
                second.spot,
                join(field, &second.name),
                format!(
                    "a stage has one name, and {} is one already; beside it are only {}",
                    quoted(&key.name),
                    STAGE_KEYS.join(", ")
                ),
            ),
        });
    }
    let name = StageName::new(&*key.name).map_err(|error| here(key.spot, join(field, &key.name), error.to_string()))?;
    let mut stage = PlanStage::new(name, selection(selects, &join(field, &key.name))?);
    for (key, node) in entries {
        let field = join(field, &key.name);
        match key.name.as_str() {
            "hold" => stage.hold = span(node, &field)?,
            "deadline" => {
                let deadline = span(node, &field)?;
                if deadline.is_zero() {
                    return Err(at(node, field, "a deadline of nothing cannot be met; leave it out for none"));
                }
                stage.deadline = Some(deadline);
            }
            "advance" => stage.advance = one_of(node, &field, &Advance::ALL, Advance::as_str)?,
            "select" => {
                return Err(at(
                    node,
                    field,
                    "select is not supported yet; leave it out, and the stage counts any units",
                ));
            }
            "gates" => {
                let gate = |text: &str| gate_named(text, gates);
                stage.gates = Some(list(node, &field, "names of gates, such as `[health]`", gate)?);
            }
            "slis" => {
                let sli = |text: &str| sli_named(text, slis);
                stage.slis = Some(list(node, &field, "names of indicators, such as `[errors]`", sli)?);
            }
            _ => {}
        }
    }
    if let Some(deadline) = stage.deadline
        && deadline < stage.hold
    {
        let spot = entries.iter().find(|(key, _)| key.name == "deadline").and_then(|(_, node)| node.spot);
        return Err(here(
            spot,
            join(field, "deadline"),
            format!("{} is over before the hold of {} can be", duration::print(deadline), duration::print(stage.hold)),
        ));
    }
    Ok((key, stage))
}

fn sli_named(text: &str, slis: &[PlanSli]) -> Result<SafeText, String> {
    if GateName::new(text).is_err() {
        return Err("an indicator's name has letters, digits, - _ and . only".to_owned());
    }
    // A plan that declares none shows whatever agents report.
    if slis.is_empty() || slis.iter().any(|sli| sli.name.as_str() == text) {
        return Ok(SafeText::new(text));
    }
    let known = slis.iter().map(|sli| sli.name.as_str());
    Err(format!("the plan has no indicator {}{}", quoted(text), suggestion(text, known)))
}

fn list<T: PartialEq>(node: &Node, field: &str, what: &str, read: impl Fn(&str) -> Result<T, String>) -> Read<Vec<T>> {
    let Value::List(items) = &node.value else {
        return Err(at(node, field, format!("expected a list of {what}, got {}", node.value.kind())));
    };
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        let entry = read(text(item, field, "a name")?).map_err(|message| at(item, field, message))?;
        if list.contains(&entry) {
            return Err(at(item, field, "it is in the list twice"));
        }
        list.push(entry);
    }
    Ok(list)
}

fn span(node: &Node, field: &str) -> Read<Duration> {
    match (&node.value, node.spot) {
        // In JSON, as everywhere in the API, a number is of seconds.
        (Value::Number(seconds), None) if (0.0..=duration::LONGEST.as_secs_f64()).contains(seconds) => {
            Ok(Duration::from_secs_f64(*seconds))
        }
        (Value::Number(number), Some(_)) => {
            duration::parse(&number.to_string()).map_err(|e| at(node, field, e.to_string()))
        }
        _ => {
            let text = text(node, field, "a duration, such as 30m")?;
            duration::parse(text).map_err(|error| at(node, field, error.to_string()))
        }
    }
}

fn selection(node: &Node, field: &str) -> Read<Selection> {
    const FORMS: &str = "write `1 site`, `10 sites`, `3 units`, `25%` or `all`";
    let got = match &node.value {
        Value::Text(text) => text.trim(),
        Value::Number(number) => {
            return Err(at(
                node,
                field,
                format!("{number} of what? write `{number} sites`, `{number} units` or `{number}%`"),
            ));
        }
        Value::Null => return Err(at(node, field, format!("it says nothing about what the stage selects; {FORMS}"))),
        other => {
            return Err(at(node, field, format!("expected what the stage selects, got {}; {FORMS}", other.kind())));
        }
    };
    let wrong = || at(node, field, format!("{} is not what a stage selects; {FORMS}", quoted(got)));
    if got == "all" {
        return Ok(Selection::All);
    }
    if let Some(share) = got.strip_suffix('%') {
        let share = share.trim_end();
        let decimal = share.len() <= 12 && share.starts_with(|c: char| c.is_ascii_digit());
        let percent: f64 = Some(share).filter(|_| decimal).and_then(|s| s.parse().ok()).ok_or_else(wrong)?;
        if !percent.is_finite() || percent <= 0.0 || percent > 100.0 {
            return Err(at(
                node,
                field,
                format!("{} is out of range; a share is above 0% and at most 100%", quoted(got)),
            ));
        }
        return Ok(Selection::Percent(percent));
    }
    let (count, unit) = got.split_once(char::is_whitespace).ok_or_else(wrong)?;
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let count = count.parse::<u32>().ok().filter(|n| (1..=COUNT_MAX).contains(n)).ok_or_else(|| {
        at(node, field, format!("{} is out of range; a stage counts 1 to {COUNT_MAX}", quoted(count)))
    })?;
    match unit.trim_start() {
        "site" | "sites" => Ok(Selection::Sites(count)),
        "unit" | "units" | "lane" | "lanes" => Ok(Selection::Units(count)),
        _ => Err(wrong()),
    }
}
