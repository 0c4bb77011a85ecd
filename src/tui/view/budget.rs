//! Error budgets in a line: what is left, how fast it burns, when it is empty, and what that means.

use crate::{
    domain::{
        Sli,
        sli::{Burn, BurnLevel},
    },
    tui::{
        app::{age, figure},
        theme::{Mark, Role, Theme},
        widget::row::Row,
    },
};

/// How weighty a level is, the worst first.
const fn weight(level: BurnLevel) -> u8 {
    match level {
        BurnLevel::Page => 0,
        BurnLevel::Halt => 1,
        BurnLevel::Unknown => 2,
        BurnLevel::TooLittle => 3,
        BurnLevel::Ok => 4,
    }
}

fn is_spent(burn: &Burn) -> bool {
    burn.budget_left.is_some_and(|left| left <= 0.0)
}

/// The mark of a budget.
const fn mark(level: BurnLevel, spent: bool) -> Mark {
    match level {
        BurnLevel::Page => Mark::Fail,
        _ if spent => Mark::Fail,
        BurnLevel::Halt => Mark::NeedsPerson,
        BurnLevel::Unknown => Mark::NoData,
        BurnLevel::TooLittle => Mark::Waiting,
        BurnLevel::Ok => Mark::Passed,
    }
}

/// Whether a budget holds what goes on, or could: spent, burning, or unknown.
pub(super) fn matters(slis: &[Sli]) -> bool {
    slis.iter().filter_map(|sli| sli.burn.as_deref()).any(|burn| is_spent(burn) || weight(burn.level) < 3)
}

/// `success 62% left, burns 3.2x (30) 4.1x (5), empty in 9d; HALT`. The numbers in brackets are the slices
/// that a rate is taken over.
#[must_use]
pub(super) fn sentence(name: &str, burn: &Burn) -> String {
    let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
    let left = match finite(burn.budget_left) {
        _ if is_spent(burn) => "SPENT".to_owned(),
        Some(left) => format!("{} left", share(left)),
        None => "left unknown".to_owned(),
    };
    let rates: Vec<String> = [(finite(burn.long), 30), (finite(burn.middle), 5)]
        .into_iter()
        .filter_map(|(rate, slices)| Some(format!("{} ({slices})", burning(rate?))))
        .collect();
    let rates = if rates.is_empty() { String::new() } else { format!(", burns {}", rates.join(" ")) };
    let empty = match finite(burn.empty_in) {
        Some(seconds) if !is_spent(burn) && seconds >= 0.0 => format!(", empty in {}", span(seconds)),
        _ => String::new(),
    };
    let level = match burn.level {
        BurnLevel::Ok => "",
        BurnLevel::Halt => "; HALT",
        BurnLevel::Page => "; PAGE",
        BurnLevel::TooLittle => "; too little traffic to say",
        BurnLevel::Unknown => "; UNKNOWN",
    };
    format!("{name} {left}{rates}{empty}{level}")
}

/// Every rate, and what they are held against: `objective 99.9%, canary burns 4.4x (1) 4.1x (5) 3.2x (30),
/// baseline 1.2x (5)`.
pub(super) fn rates(burn: &Burn) -> String {
    let canary: Vec<String> = [(burn.short, 1), (burn.middle, 5), (burn.long, 30)]
        .into_iter()
        .filter_map(|(rate, slices)| Some(format!("{} ({slices})", burning(rate.filter(|r| r.is_finite())?))))
        .collect();
    let canary = if canary.is_empty() { "nothing known".to_owned() } else { canary.join(" ") };
    let baseline = burn.baseline.filter(|r| r.is_finite()).map(|rate| format!(", base {} (5)", burning(rate)));
    format!(
        "objective {}, canary burns {canary}{}",
        // 99.9 of a hundred, and 99.99: all its nines are said.
        format!("{:.4}", burn.objective * 100.0).trim_end_matches('0').trim_end_matches('.').to_owned() + "%",
        baseline.unwrap_or_default()
    )
}

/// How many times as fast as the budget allows.
fn burning(rate: f64) -> String {
    if (0.0..9.95).contains(&rate) { format!("{rate:.1}x") } else { figure::times(rate) }
}

/// A share of a budget: whole percents, but a little that is left is not nothing.
fn share(left: f64) -> String {
    match left * 100.0 {
        percent if percent < 1.0 => "<1%".to_owned(),
        percent if percent > 999.0 => ">999%".to_owned(),
        percent => format!("{percent:.0}%"),
    }
}

/// A time that is years is not counted in days.
fn span(seconds: f64) -> String {
    const YEAR: f64 = 365.0 * 86_400.0;
    if seconds >= YEAR {
        return "over a year".to_owned();
    }
    age::age(chrono::TimeDelta::seconds(seconds as i64))
}

/// The budget that matters most as a line, and how many others there are; none where no indicator has an
/// objective.
pub(super) fn line<'a>(slis: &[Sli], live: bool, theme: &'a Theme, width: u16) -> Option<Row<'a>> {
    let mut burns: Vec<(&Sli, &Burn)> = slis.iter().filter_map(|sli| Some((sli, sli.burn.as_deref()?))).collect();
    burns.sort_by(|(_, a), (_, b)| {
        let left = |burn: &Burn| burn.budget_left.unwrap_or(f64::INFINITY);
        let key = |burn: &Burn| (!is_spent(burn), weight(burn.level));
        key(a).cmp(&key(b)).then(left(a).total_cmp(&left(b)))
    });
    let (sli, burn) = burns.first()?;
    let mark = mark(burn.level, is_spent(burn));
    let more = match burns.len() - 1 {
        0 => String::new(),
        n => format!("   +{n} more"),
    };
    let role = if matches!(mark, Mark::Passed | Mark::Waiting) { Role::Normal } else { mark.role() };
    let row = Row::new(theme, width).text(" ", Role::Normal).mark(mark).cell(
        if live { "budget" } else { "budget~" },
        8,
        role,
    );
    Some(row.text(&sentence(sli.name.as_str(), burn), role).text(&more, Role::Muted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(level: BurnLevel, left: Option<f64>) -> Burn {
        Burn {
            objective: 0.999,
            short: Some(6.0),
            middle: Some(4.1),
            long: Some(3.2),
            baseline: Some(1.0),
            level,
            budget_left: left,
            empty_in: Some(9.4 * 86_400.0),
        }
    }

    #[test]
    fn a_budget_says_what_is_left_how_fast_it_burns_and_what_that_means() {
        assert_eq!(
            rates(&burn(BurnLevel::Halt, None)),
            "objective 99.9%, canary burns 6.0x (1) 4.1x (5) 3.2x (30), base 1.0x (5)"
        );
        for (burn, text) in [
            (burn(BurnLevel::Halt, Some(0.62)), "success 62% left, burns 3.2x (30) 4.1x (5), empty in 9d; HALT"),
            (burn(BurnLevel::Page, Some(0.002)), "success <1% left, burns 3.2x (30) 4.1x (5), empty in 9d; PAGE"),
            (burn(BurnLevel::Ok, Some(-0.1)), "success SPENT, burns 3.2x (30) 4.1x (5)"),
            (burn(BurnLevel::Ok, None), "success left unknown, burns 3.2x (30) 4.1x (5), empty in 9d"),
            (
                Burn { long: None, middle: None, empty_in: None, ..burn(BurnLevel::Unknown, None) },
                "success left unknown; UNKNOWN",
            ),
            (
                Burn { empty_in: Some(f64::INFINITY), ..burn(BurnLevel::TooLittle, Some(1.0)) },
                "success 100% left, burns 3.2x (30) 4.1x (5); too little traffic to say",
            ),
        ] {
            assert_eq!(sentence("success", &burn), text);
        }
    }
}
