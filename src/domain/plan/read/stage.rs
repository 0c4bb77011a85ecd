//! The stages of a plan.

use super::{
    super::{
        super::{GateName, SafeText, StageName, duration, flag::FlagKeyError},
        Advance, PlanSli, PlanStage, Selection, StageFlag,
        document::{Key, Node, Value},
        error::{nearest, quoted},
    },
    ENTRIES_MAX, Read,
    gate::gate_named,
    sli::sli_named,
    value::{at, find, here, join, known_only, list, one_of, span, text, word},
};

/// Most sites or units that a stage counts.
const COUNT_MAX: u32 = 1_000_000;

const STAGE_KEYS: [&str; 7] = ["hold", "advance", "select", "gates", "slis", "deadline", "flag"];
const FLAG_KEYS: [&str; 2] = ["key", "variant"];

pub(super) fn stages(node: &Node, gates: &[&GateName], slis: &[PlanSli]) -> Read<Vec<PlanStage>> {
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
            "flag" => stage.flag = Some(flag(node, &field)?),
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

/// The flag that a stage sets.
fn flag(node: &Node, field: &str) -> Read<StageFlag> {
    const FORM: &str = "a flag and what it serves here, such as `{key: fast-path, variant: on}`";
    let Value::Map(entries) = &node.value else {
        return Err(at(node, field, format!("expected {FORM}, got {}", node.value.kind())));
    };
    known_only(entries, field, &FLAG_KEYS)?;
    let required = |key: &str| {
        find(entries, key).ok_or_else(|| at(node, join(field, key), format!("it is missing; a stage sets {FORM}")))
    };
    let key = required("key")?;
    let parsed = text(key, &join(field, "key"), "the key of a flag")?.trim().parse();
    let parsed = parsed.map_err(|error: FlagKeyError| at(key, join(field, "key"), error.to_string()))?;
    let variant = required("variant")?;
    let served = match &variant.value {
        // Variants are often called so, and a file that is not YAML's newest takes it for no text.
        Value::Bool(served) => SafeText::new(served.to_string()),
        _ => word(variant, &join(field, "variant"), "the name of a variant")?,
    };
    Ok(StageFlag { key: parsed, variant: served })
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
