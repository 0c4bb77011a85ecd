//! What ends `serve` and `agent`: SIGTERM and SIGINT, gracefully at first.

use color_eyre::Result;
use tokio_util::sync::CancellationToken;

use super::exit::say;

/// What is cancelled by SIGTERM and SIGINT. A second one ends the process at once.
///
/// # Errors
/// When signals cannot be watched.
pub fn shutdown() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let token = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cancelled = token.clone();
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if again {
                say("ended at once");
                std::process::exit(130);
            }
            say("ending; once more ends at once");
            cancelled.cancel();
        }
    });
    Ok(token)
}
