//! Serves one user's other programs: on a socket in a directory that is that user's alone.
//!
//! Two programs cannot have one journal open. Whichever comes second asks the first through this.

use std::{io, os::unix::fs::PermissionsExt as _, path::Path};

use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::{ServerOptions, listen::ServeError};
use crate::{clock::Clock, control::Control, domain::SafeText};

/// Takes the socket and serves on it until `shutdown`, in a task of its own. Everybody who reaches it is
/// `owner`: its directory must be readable by the owner alone. To be called inside a tokio runtime, by
/// whoever has the journal open: a socket that is there already was left by a process that is gone.
///
/// # Errors
/// [`ServeError::Failed`] when the socket cannot be made.
pub fn serve_privately(
    control: Control,
    socket: &Path,
    owner: SafeText,
    clock: std::sync::Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let bound = || {
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    let listener = bound().map_err(ServeError::Failed)?;
    let options = ServerOptions { owner: Some(owner), ..ServerOptions::loopback(clock) };
    let router = super::build(control, options, shutdown.clone());
    let path = socket.to_owned();
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::warn!("the socket for this user's other programs failed: {error}");
        }
        // Whoever comes next makes its own; what cannot be removed is replaced then.
        let _ = std::fs::remove_file(path);
    });
    Ok(())
}
