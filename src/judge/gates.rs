//! What a plan's gates that ask for verdicts and budgets come to, as a truth and a sentence. What is not
//! known is `unknown`, which opens nothing and breaches nothing.

use super::{
    evidence::{Evidence, Judgement},
    words,
};
use crate::domain::{SafeText, Truth, Verdict, sli::TelemetryState};

/// Whether the named indicators pass, or, when none is named, all that are required: true when every one
/// does; false when one fails, or failed in this step and nobody acknowledged it; unknown otherwise.
#[must_use]
pub fn verdict_gate(named: &[SafeText], indicators: &[Evidence], judgements: &[Judgement]) -> (Truth, SafeText) {
    let all = || indicators.iter().zip(judgements);
    if let Some(missing) = named.iter().find(|name| !all().any(|(evidence, _)| evidence.spec.name == **name)) {
        return (Truth::Unknown, SafeText::new(format!("no indicator is named {missing}")));
    }
    let is_asked = |evidence: &Evidence| {
        let spec = &evidence.spec;
        if named.is_empty() { spec.required && !spec.observe_only } else { named.contains(&spec.name) }
    };
    let mut passing: Vec<&str> = Vec::new();
    let mut unknown: Option<String> = None;
    for (evidence, judgement) in all().filter(|(evidence, _)| is_asked(evidence)) {
        let (name, why) = (&evidence.spec.name, &judgement.why);
        let holds = match judgement.verdict {
            Verdict::Fail => return (Truth::False, SafeText::new(format!("{name} fails: {why}"))),
            _ if judgement.after.held => {
                let text = format!("{name} failed in this step: acknowledge it, or begin a new one ({why})");
                return (Truth::False, SafeText::new(text));
            }
            Verdict::Pass => {
                passing.push(name.as_str());
                continue;
            }
            Verdict::Watch => "is watched",
            Verdict::Insufficient if evidence.telemetry.state == TelemetryState::Warming => "is warming up",
            Verdict::Insufficient => "has too little data",
            Verdict::NoData => "has no data",
        };
        unknown.get_or_insert_with(|| format!("{name} {holds}: {why}"));
    }
    match (unknown, passing.len()) {
        (Some(unknown), _) => (Truth::Unknown, SafeText::new(unknown)),
        (None, 0) => (Truth::Unknown, SafeText::new("no indicator is required")),
        (None, 1) => (Truth::True, SafeText::new(format!("{} passes", passing.join(", ")))),
        (None, _) => (Truth::True, SafeText::new(format!("{} pass", passing.join(", ")))),
    }
}

/// Whether more than a share `above` of an indicator's error budget is left: false when it is known to be
/// spent further, unknown when nobody knows. Too few events to say how fast it burns are no spending.
#[must_use]
pub fn budget_gate(
    named: &SafeText,
    above: f64,
    indicators: &[Evidence],
    judgements: &[Judgement],
) -> (Truth, SafeText) {
    let unknown = |why: String| (Truth::Unknown, SafeText::new(why));
    let found = indicators.iter().zip(judgements).find(|(evidence, _)| evidence.spec.name == *named);
    let Some((evidence, judgement)) = found else { return unknown(format!("no indicator is named {named}")) };
    if evidence.spec.objective.is_none() {
        return unknown(format!("{named} has no objective, and so no budget"));
    }
    let is_silent = matches!(evidence.telemetry.state, TelemetryState::Error | TelemetryState::Stale);
    if is_silent {
        return unknown(format!("the budget of {named} is not known now: {}", judgement.why));
    }
    let Some(left) = judgement.burn.and_then(|burn| burn.budget_left).filter(|left| left.is_finite()) else {
        return unknown(format!("the source does not know what is left of the budget of {named}"));
    };
    let (shown, limit) = (words::percent(left), words::percent(above));
    if left > above {
        (Truth::True, SafeText::new(format!("{shown} of the budget of {named} is left, more than {limit}")))
    } else if left <= 0.0 {
        (Truth::False, SafeText::new(format!("the budget of {named} is spent ({shown} left)")))
    } else {
        (Truth::False, SafeText::new(format!("{shown} of the budget of {named} is left, not more than {limit}")))
    }
}
