//! What is asked of a backend about windows, overrides, approvals and a followed site.

use super::{GRACE, Line, TAKES, first_connection, until_answered};
use crate::{
    backend::Conditions,
    tui::message::{Answer, Command},
};

/// Asks, and sends the answer. Other commands than these are none of its business.
pub(super) async fn run(line: Line, command: Command) {
    let answer = match command {
        Command::Calendar { from, until } => Answer::Calendar(
            from,
            until,
            line.ask(GRACE, |backend| async move { backend.calendar(from, until).await }).await,
        ),
        Command::Overrides => {
            Answer::Overrides(line.ask(GRACE, |backend| async move { backend.overrides().await }).await)
        }
        Command::AddOverride { key, request } => {
            let result = until_answered(&line, &key, |backend| {
                let request = (*request).clone();
                let conditions = Conditions { revision: None, idempotency_key: Some(key.clone()) };
                async move { backend.add_override(request, conditions).await }
            })
            .await;
            Answer::OverrideChanged(key, result)
        }
        // Neither of these two has an idempotency key: done twice they are refused, so that they are
        // asked for once, and the list says what became of one whose answer was lost.
        Command::ChangeOverride { key, id, change, request } => {
            let call =
                line.ask(TAKES, |backend| async move { backend.change_override(&id, change, request).await }).await;
            Answer::OverrideChanged(key, call)
        }
        Command::DecideApproval { key, id, change, request } => {
            let call =
                line.ask(TAKES, |backend| async move { backend.decide_approval(&id, change, request).await }).await;
            Answer::ApprovalDecided(key, call.map(Box::new))
        }
        Command::Approvals => {
            Answer::Approvals(first_connection(&line, |backend| async move { backend.approvals().await }).await)
        }
        Command::SiteState(query) => {
            let asked = query.clone();
            Answer::SiteState(query, line.ask(GRACE, |backend| async move { backend.windows_state(asked).await }).await)
        }
        Command::SiteTrail(query) => {
            let asked = query.clone();
            Answer::SiteTrail(query, line.ask(GRACE, |backend| async move { backend.audit(asked).await }).await)
        }
        Command::RecoveryTrail(query) => {
            let asked = query.clone();
            Answer::RecoveryTrail(query, line.ask(GRACE, |backend| async move { backend.audit(asked).await }).await)
        }
        _ => return,
    };
    line.send(answer).await;
}
