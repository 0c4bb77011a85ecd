//! What went wrong, as one message on standard error and an exit code.

use std::{io::Write as _, process::ExitCode};

use color_eyre::Report;

use crate::{
    backend::{BackendError, Code, remote::ConnectError},
    domain::{ReasonError, SafeBlock},
    settings::{SecretError, SettingsError},
    source::SourceError,
    store::StoreError,
    tui::DashboardError,
};

/// Failed.
pub const FAILED: u8 = 1;
/// Used wrongly: nothing was sent.
pub const USAGE: u8 = 2;
/// There is no such thing.
pub const NOT_FOUND: u8 = 3;
/// The guard refused.
pub const BLOCKED: u8 = 4;
/// The rollout is at another revision.
pub const REVISION: u8 = 5;
/// Not authenticated, or not authorized.
pub const FORBIDDEN: u8 = 6;
/// The backend does not answer, or answers nonsense.
pub const UNREACHABLE: u8 = 7;
/// Sent, and no answer that says what became of it.
pub const UNCONFIRMED: u8 = 8;

/// Every code and what it means, as the manual says it.
pub const CODES: [(u8, &str); 9] = [
    (0, "Done, or nothing to change."),
    (FAILED, "Failed."),
    (USAGE, "Used wrongly, a missing reason too: nothing was sent."),
    (NOT_FOUND, "There is no such thing."),
    (BLOCKED, "Blocked by the guard: a window, an approval, a gate."),
    (REVISION, "It is at another revision than was named or read."),
    (FORBIDDEN, "Not authenticated, or not authorized."),
    (UNREACHABLE, "The backend does not answer, or answers nonsense."),
    (UNCONFIRMED, "Sent, and not seen to be done: ask again with the same key."),
];

/// What a subcommand itself finds wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Used wrongly; nothing was sent.
    #[error("{0}")]
    Usage(String),
    /// It did not come about.
    #[error("{0}")]
    Failed(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The guard refused.
    #[error("{0}")]
    Blocked(String),
    /// Sent, and the answer was lost again and again.
    #[error("{0}")]
    Unconfirmed(String),
    /// It was said already; only the code is left to tell.
    #[error("failed")]
    Silent(u8),
}

/// The exit code of an error: of the first cause that has one.
pub fn code(error: &Report) -> u8 {
    error.chain().find_map(code_of).unwrap_or(FAILED)
}

fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(match failure {
            Failure::Usage(_) => USAGE,
            Failure::Failed(_) => FAILED,
            Failure::NotFound(_) => NOT_FOUND,
            Failure::Blocked(_) => BLOCKED,
            Failure::Unconfirmed(_) => UNCONFIRMED,
            Failure::Silent(code) => *code,
        });
    }
    if let Some(error) = error.downcast_ref::<SourceError>() {
        return Some(match error {
            SourceError::Unreachable { .. } => UNREACHABLE,
            SourceError::Refused { .. } | SourceError::Nonsense { .. } => FAILED,
            SourceError::Unknown(_) => NOT_FOUND,
        });
    }
    if let Some(error) = error.downcast_ref::<DashboardError>() {
        return error.ended().and_then(|ended| u8::try_from(ended.code).ok());
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return match error {
            StoreError::Unreachable { .. } | StoreError::Unconfirmed { .. } => Some(UNREACHABLE),
            StoreError::Forbidden { .. } => Some(FORBIDDEN),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<BackendError>() {
        return Some(match error.code() {
            Some(code) => of_problem(code),
            None => UNREACHABLE,
        });
    }
    let given = error.is::<ReasonError>()
        || error.is::<SettingsError>()
        || error.is::<ConnectError>()
        || error.is::<SecretError>();
    given.then_some(USAGE)
}

/// The exit code of a problem.
pub const fn of_problem(code: Code) -> u8 {
    match code {
        Code::Invalid | Code::ReasonRequired | Code::TooLarge | Code::IdempotencyMismatch => USAGE,
        Code::NotFound => NOT_FOUND,
        Code::Blocked => BLOCKED,
        Code::RevisionMismatch | Code::RevisionRequired => REVISION,
        Code::Unauthenticated | Code::Forbidden => FORBIDDEN,
        Code::Unavailable => UNREACHABLE,
        Code::InProgress => UNCONFIRMED,
        Code::DriverFailed => FAILED,
    }
}

/// Whether an error is only that nobody reads the output any more.
fn is_broken_pipe(error: &Report) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints what went wrong, and answers with its code.
pub fn report(error: &Report) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let code = code(error);
    if !matches!(error.downcast_ref::<Failure>(), Some(Failure::Silent(_))) {
        // A server's words may be in it, and it is painted on a terminal after all.
        say(&format!("error: {}", message(error)));
        if let Some(BackendError::Problem(problem)) = error.chain().find_map(|cause| cause.downcast_ref()) {
            let said = problem.detail.as_str();
            for blocker in problem.blockers.iter().filter(|blocker| !said.contains(blocker.summary.as_str())) {
                say(&format!("  blocked by: {}", blocker.summary));
            }
            if let Some(offer) = &problem.override_offer {
                let who = if offer.two_person { " (a second person has to agree)" } else { "" };
                say(&format!("  to pass all the same{who}: {}", super::overrides::asking(offer)));
                say("  and then the same again with: --override ID");
            }
            if let Some(at) = problem.next_transition {
                say(&format!("  the next window begins or ends at {}", super::output::time(at)));
            }
            if let Some(revision) = problem.revision.as_ref().filter(|_| of_problem(problem.code) == REVISION) {
                let changed = problem.changed.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
                say(&format!("  it is at revision {revision} now{changed}"));
            }
            if let Some(seq) = problem.audit {
                say(&format!("  the refusal is audit entry {seq}"));
            }
        }
    }
    ExitCode::from(code)
}

/// The causes, each said once.
fn message(error: &Report) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

/// A line on standard error, whatever is in it. That nobody reads it is no error.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", SafeBlock::new(text));
}

/// Makes panics reports, without noise and without colour where none is wanted.
pub fn install() {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || !std::io::IsTerminal::is_terminal(&std::io::stderr());
    let mut hooks = color_eyre::config::HookBuilder::default().display_env_section(false);
    if plain {
        hooks = hooks.theme(color_eyre::config::Theme::new());
    }
    // Only the hook for panics: that for errors would resolve a backtrace for each of them, which takes a
    // second and is never shown, and a closed terminal leaves less time than that.
    if let Ok((panics, _)) = hooks.try_into_hooks() {
        panics.install();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Problem;

    #[test]
    fn every_code_of_a_problem_has_the_exit_code_of_the_contract() {
        let table = [
            (Code::Invalid, 2),
            (Code::ReasonRequired, 2),
            (Code::Unauthenticated, 6),
            (Code::Forbidden, 6),
            (Code::NotFound, 3),
            (Code::Blocked, 4),
            (Code::InProgress, 8),
            (Code::RevisionMismatch, 5),
            (Code::TooLarge, 2),
            (Code::IdempotencyMismatch, 2),
            (Code::RevisionRequired, 5),
            (Code::DriverFailed, 1),
            (Code::Unavailable, 7),
        ];
        assert_eq!(table.len(), Code::ALL.len());
        for (word, exit) in table {
            let error = Report::new(BackendError::from(Problem::new(word, "said"))).wrap_err("doing something");
            assert_eq!(code(&error), exit, "{word:?}");
            assert_eq!(message(&error), "doing something: said");
        }
        let lost = BackendError::Unreachable { place: "here".to_owned(), why: "gone".to_owned() };
        assert_eq!(code(&lost.into()), 7);
    }
}
