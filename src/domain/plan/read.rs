//! From a document to a checked plan.

mod gate;
mod sli;
mod stage;
mod telemetry;
mod value;

pub use sli::SLI_FIELDS;

use std::collections::BTreeMap;

use self::value::{at, find, known_only, name, plain, text};
use super::{
    super::{Approvable, Digest, GateName, RolloutName, SafeText, TargetName, approval::ApprovableError},
    BreachResponse, Declared, Plan,
    document::{Key, Node, Value},
    error::{PlanError, quoted},
};

/// Most stages, gates or indicators of a plan.
const ENTRIES_MAX: usize = 64;

const PLAN_KEYS: [&str; 10] =
    ["rollout", "target", "snapshot", "owner", "gates", "slis", "telemetry", "stages", "on_breach", "approvals"];

/// What is asked of each gate's expression; a refusal is the message of the plan's error.
pub(super) type Check<'c> = dyn FnMut(&GateName, &str) -> Result<(), String> + 'c;

type Read<T> = Result<T, PlanError>;

/// Reads what a plan's document says of indicators.
pub(super) fn declared(entries: &[(Key, Node)]) -> Read<Declared> {
    Ok(Declared {
        slis: find(entries, "slis").map_or(Ok(Vec::new()), sli::slis)?,
        telemetry: find(entries, "telemetry").map(telemetry::telemetry).transpose()?,
    })
}

/// Reads a plan from a document; what is lent stands for what it says of indicators.
pub(super) fn plan(root: &Node, lent: Option<&Declared>, check: &mut Check<'_>) -> Read<Plan> {
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
    let snapshot = find(entries, "snapshot").map(digest).transpose()?;
    let owner = find(entries, "owner").map_or(Ok(SafeText::default()), |node| plain(node, "owner"))?;
    let Declared { slis, telemetry } = lent.map_or_else(|| declared(entries), |lent| Ok(lent.clone()))?;
    let telemetry = telemetry.unwrap_or_default();
    let gates = find(entries, "gates").map_or(Ok(Vec::new()), |node| gate::gates(node, &slis, check))?;
    let (on_breach, on_breach_of) = find(entries, "on_breach")
        .map_or(Ok((BreachResponse::default(), BTreeMap::new())), |node| gate::on_breach(node, &gates, &telemetry))?;
    let gate_names: Vec<&GateName> = gates.iter().map(|(name, _)| name).collect();
    let stages =
        stage::stages(required("stages", "at least one stage, such as `- canary: 1 site`")?, &gate_names, &slis)?;
    if snapshot.is_none()
        && let Some(stage) = stages.iter().find(|stage| stage.flag.is_none())
    {
        let message = if stages.iter().all(|stage| stage.flag.is_none()) {
            "it is missing; the plan needs the digest that `rolldeck snapshot add` printed".to_owned()
        } else {
            format!("it is missing, and stage {} sets no flag: name a snapshot, or a flag in each stage", stage.name)
        };
        return Err(at(root, "snapshot", message));
    }
    let approvals = find(entries, "approvals").map_or(Ok(Vec::new()), approvals)?;
    Ok(Plan { rollout, target, snapshot, owner, gates, slis, telemetry, stages, on_breach, on_breach_of, approvals })
}

/// What needs a second person: a list of actions that widen.
fn approvals(node: &Node) -> Read<Vec<Approvable>> {
    let Value::List(items) = &node.value else {
        let kind = node.value.kind();
        return Err(at(node, "approvals", format!("expected a list of actions, such as [promote_full], got {kind}")));
    };
    let mut all = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let field = format!("approvals[{index}]");
        let word = text(item, &field, "an action")?;
        let demanded: Approvable =
            word.parse().map_err(|error: ApprovableError| at(item, &field, error.to_string()))?;
        if !all.contains(&demanded) {
            all.push(demanded);
        }
    }
    Ok(all)
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
