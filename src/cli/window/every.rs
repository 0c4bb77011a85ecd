//! When a window comes again, as people say it or as RFC 5545 writes it.

/// When a window comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// It does not.
    Never,
    /// By this `RRULE`; the control plane checks it.
    Again(String),
}

/// Days by their beginnings.
const DAYS: [(&str, &str); 7] =
    [("mon", "MO"), ("tue", "TU"), ("wed", "WE"), ("thu", "TH"), ("fri", "FR"), ("sat", "SA"), ("sun", "SU")];

/// A rule: words such as `day`, `weekday`, `2 weeks`, `mon,wed,fri`, or an `RRULE` as it is.
///
/// # Errors
/// What was expected.
pub fn rule(text: &str) -> Result<Rule, String> {
    let words = text.trim();
    let rrule = words.strip_prefix("RRULE:").unwrap_or(words);
    if rrule.to_ascii_uppercase().starts_with("FREQ=") {
        return Ok(Rule::Again(rrule.to_owned()));
    }
    let words = words.to_ascii_lowercase();
    let words = words.strip_prefix("every ").unwrap_or(&words);
    let again = |rule: String| Ok(Rule::Again(rule));
    let (count, unit) = match words.split_once(' ') {
        Some((count, unit)) if count.bytes().all(|b| b.is_ascii_digit()) => (Some(count), unit.trim()),
        _ => (None, words),
    };
    let frequency = match unit {
        "day" | "days" | "daily" => Some("DAILY"),
        "week" | "weeks" | "weekly" => Some("WEEKLY"),
        "month" | "months" | "monthly" => Some("MONTHLY"),
        "year" | "years" | "yearly" => Some("YEARLY"),
        _ => None,
    };
    match (frequency, count, unit) {
        (Some(frequency), None, _) => again(format!("FREQ={frequency}")),
        (Some(frequency), Some(count), _) => again(format!("FREQ={frequency};INTERVAL={count}")),
        (None, None, "never" | "once") => Ok(Rule::Never),
        (None, None, "weekday" | "weekdays" | "workday" | "workdays") => {
            again("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR".to_owned())
        }
        (None, None, "weekend" | "weekends") => again("FREQ=WEEKLY;BYDAY=SA,SU".to_owned()),
        _ => {
            let day = |word: &str| {
                let word = word.trim();
                DAYS.iter().find(|(begin, _)| word.starts_with(begin)).map(|(_, code)| *code)
            };
            let days: Option<Vec<&str>> = words.split(',').map(day).collect();
            match days.filter(|days| count.is_none() && !days.is_empty()) {
                Some(days) => again(format!("FREQ=WEEKLY;BYDAY={}", days.join(","))),
                None => Err(format!(
                    "{text:?} is no rule: write day, weekday, weekend, week, month, year, '2 weeks', mon,wed,fri, never, \
                     or an RRULE such as FREQ=MONTHLY;BYDAY=-1FR"
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_rules_and_rules_stay_as_they_are() {
        for (text, expected) in [
            ("day", "FREQ=DAILY"),
            ("Weekly", "FREQ=WEEKLY"),
            ("2 weeks", "FREQ=WEEKLY;INTERVAL=2"),
            ("every 3 months", "FREQ=MONTHLY;INTERVAL=3"),
            ("weekdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
            ("fri,Saturday, sun", "FREQ=WEEKLY;BYDAY=FR,SA,SU"),
            ("FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYDAY=-1FR"),
            ("RRULE:FREQ=YEARLY", "FREQ=YEARLY"),
        ] {
            assert_eq!(rule(text), Ok(Rule::Again(expected.to_owned())), "{text}");
        }
        assert_eq!(rule("never"), Ok(Rule::Never));
        for text in ["", "fortnight", "2 mondays", "0 22 * * *", "mon,xyz"] {
            assert!(rule(text).unwrap_err().contains("RRULE"), "{text}");
        }
    }
}
