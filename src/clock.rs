//! The only caller of `now()` and of random ids: everything else is handed a [`Clock`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, Utc};

mod staged;

pub use staged::Staged;

/// A wait that is over when its time has come.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// When this program first asked for its uptime.
static BEGAN: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);

/// Where the time and new ids come from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time, in whole microseconds, as it is stored.
    fn now(&self) -> DateTime<Utc>;
    /// A new UUIDv7.
    fn id(&self) -> String;
    /// Since some moment before: it never goes back, whatever happens to the time of day.
    fn uptime(&self) -> Duration {
        BEGAN.elapsed()
    }
    /// A wait for that long. To be called inside a tokio runtime.
    fn sleep(&self, span: Duration) -> Wait {
        Box::pin(tokio::time::sleep(span))
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }
}

/// The machine's clock, to be shared.
#[must_use]
pub fn system() -> Arc<dyn Clock> {
    Arc::new(System)
}

/// 32 random bytes, for a secret.
///
/// # Errors
/// When the machine has no randomness to give.
pub fn secret() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
