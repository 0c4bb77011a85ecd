//! What is wrong with a cluster, each in one line.

use super::super::{api::ApiError, kind::Flavor, watch::State};
use crate::domain::SafeText;

use chrono::{DateTime, Utc};

/// Namespaces that a line names.
const NAMED: usize = 3;

/// The watch of one kind in one namespace.
#[derive(Debug)]
pub struct Source {
    /// Of which kind.
    pub flavor: Flavor,
    /// In which namespace; in all, when empty.
    pub namespace: String,
    /// How it does.
    pub state: State,
    /// Since when what it knew is not told any more; none while it is.
    pub lost_at: Option<DateTime<Utc>>,
}

/// One line for the cluster where it does not answer, or else one for each kind and what is wrong with it.
#[must_use]
pub fn remarks(sources: &[Source], lost: Option<&ApiError>) -> Vec<SafeText> {
    let mut lines = Vec::new();
    // What breaks every watch is the cluster's trouble, also before its heartbeat was missed.
    let lost = lost.or_else(|| common(sources));
    if let Some(error) = lost {
        lines.push(SafeText::new(trouble(error)));
    }
    let absent = |flavor: Flavor| {
        let mut of = sources.iter().filter(|source| source.flavor == flavor).peekable();
        of.peek().is_some() && of.all(|source| source.state == State::Absent)
    };
    if Flavor::ALL.into_iter().all(absent) {
        lines.push("neither Argo Rollouts nor Flagger is installed in this cluster".into());
    } else {
        for flavor in Flavor::ALL.into_iter().filter(|flavor| absent(*flavor)) {
            let kind = flavor.kind();
            let line = format!(
                "{} is not installed in this cluster: there are no {}.{}",
                flavor.words(),
                kind.plural,
                kind.group
            );
            lines.push(SafeText::new(line));
        }
    }
    for flavor in Flavor::ALL {
        let kind = flavor.kind();
        let of = |wanted: fn(&State) -> bool| -> Vec<&Source> {
            sources.iter().filter(|source| source.flavor == flavor && wanted(&source.state)).collect()
        };
        let forbidden = of(|state| *state == State::Forbidden);
        if !forbidden.is_empty() {
            let advice = if forbidden.iter().any(|source| source.namespace.is_empty()) {
                ": name the namespaces in which they may be"
            } else {
                ""
            };
            let place = places(&forbidden);
            lines.push(SafeText::new(format!(
                "{}.{} may not be listed and watched {place}{advice}",
                kind.plural, kind.group
            )));
        }
        if lost.is_some() {
            // The cluster's own line says it all.
            continue;
        }
        let broken = of(|state| matches!(state, State::Lost(_)));
        if let Some(State::Lost(error)) = broken.first().map(|source| &source.state) {
            let line =
                format!("{}.{} {} cannot be watched: {}", kind.plural, kind.group, places(&broken), trouble(error));
            lines.push(SafeText::new(line));
        }
    }
    lines
}

/// Why no watch goes on, where it is the same of all of them.
fn common(sources: &[Source]) -> Option<&ApiError> {
    let mut errors = sources.iter().filter(|source| source.state != State::Absent).map(|source| match &source.state {
        State::Lost(error) => Some(error),
        _ => None,
    });
    let first = errors.next()??;
    let whole = matches!(first, ApiError::Status { code: 401, .. } | ApiError::Unsent { .. } | ApiError::Client(_));
    (whole && errors.all(|error| error == Some(first))).then_some(first)
}

fn places(sources: &[&Source]) -> String {
    if sources.iter().any(|source| source.namespace.is_empty()) {
        return "in all namespaces".to_owned();
    }
    let named: Vec<&str> = sources.iter().take(NAMED).map(|source| source.namespace.as_str()).collect();
    let more = sources.len().saturating_sub(NAMED);
    if more == 0 { format!("in {}", named.join(", ")) } else { format!("in {} and {more} more", named.join(", ")) }
}

/// What is wrong, and what to do where somebody can.
#[must_use]
pub fn trouble(error: &ApiError) -> String {
    match error {
        ApiError::Status { code: 401, .. } => {
            "the cluster does not know who asks (401): the credential is expired or wrong; log in again".to_owned()
        }
        ApiError::Status { code: 429, .. } => "the cluster has too much to do (429)".to_owned(),
        ApiError::Status { code, message, .. } => format!("the cluster says {code}: {message}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(flavor: Flavor, namespace: &str, state: State) -> Source {
        Source { flavor, namespace: namespace.to_owned(), state, lost_at: None }
    }

    #[test]
    fn what_is_missing_is_said_in_one_line_each() {
        let said = |sources: &[Source], lost: Option<&ApiError>| {
            remarks(sources, lost).iter().map(|line| line.as_str().to_owned()).collect::<Vec<_>>()
        };
        let expired = ApiError::Status {
            code: 401,
            reason: "Unauthorized".to_owned(),
            message: "Unauthorized".into(),
            retry_after: None,
        };
        assert_eq!(said(&[source(Flavor::Argo, "", State::Live)], None), Vec::<String>::new());
        let neither = [source(Flavor::Argo, "", State::Absent), source(Flavor::Flagger, "", State::Absent)];
        assert_eq!(said(&neither, None), ["neither Argo Rollouts nor Flagger is installed in this cluster"]);
        let one = [source(Flavor::Argo, "", State::Live), source(Flavor::Flagger, "", State::Absent)];
        assert_eq!(said(&one, None), ["Flagger is not installed in this cluster: there are no canaries.flagger.app"]);
        let many: Vec<Source> =
            ["a", "b", "c", "d", "e"].map(|namespace| source(Flavor::Argo, namespace, State::Forbidden)).into();
        assert_eq!(said(&many, None), ["rollouts.argoproj.io may not be listed and watched in a, b, c and 2 more"]);
        let all = [source(Flavor::Argo, "", State::Forbidden), source(Flavor::Flagger, "", State::Live)];
        assert!(said(&all, None)[0].contains("in all namespaces: name the namespaces"));
        let lost = [
            source(Flavor::Argo, "", State::Lost(expired.clone())),
            source(Flavor::Flagger, "", State::Lost(expired.clone())),
        ];
        let lines = said(&lost, Some(&expired));
        assert_eq!(lines.len(), 1, "one cause has one line: {lines:?}");
        assert!(lines[0].contains("log in again"));
        assert_eq!(said(&lost, None), lines, "also before its heartbeat was missed");
        let one = [source(Flavor::Argo, "", State::Lost(expired)), source(Flavor::Flagger, "", State::Live)];
        assert!(said(&one, None)[0].starts_with("rollouts.argoproj.io in all namespaces cannot be watched"));
    }
}
