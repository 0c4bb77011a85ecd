//! A simulation at one moment: its story is told at once, in a time of its own, and then stands still. The
//! same options give the same moment, to the last digit, on every machine.

use std::{sync::Arc, thread, time::Duration};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::{SimError, SimOptions, start_at};
use crate::{
    clock::{Clock, Staged},
    control::Control,
    domain::SafeText,
    store::memory::Memory,
};

/// A simulation that stands still. Its control plane answers as ever; what is asked of it while it stands is
/// done at that moment. Ends when it is dropped.
#[derive(Debug)]
pub struct Still {
    /// Its control plane.
    pub control: Control,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Still {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Tells a story that begins at a time, until so long after its scene was set.
///
/// # Errors
/// [`SimError`] as [`super::start`].
pub async fn still(options: SimOptions, began: DateTime<Utc>, after: Duration) -> Result<Still, SimError> {
    let (ready, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let clock = Staged::new(began);
    let shared = clock.clone();
    let thread = thread::Builder::new()
        .name("still".to_owned())
        .spawn(move || tell(&shared, options, after, ready, stopped))
        .map_err(SimError::Thread)?;
    let control = told.await.unwrap_or_else(|_| {
        Err(SimError::Story { place: "the simulation".to_owned(), why: SafeText::new("its thread ended") })
    })?;
    Ok(Still { control, clock: Arc::new(clock), stop: Some(stop), thread: Some(thread) })
}

/// On a thread of its own, because time goes on when nothing is left to do on it.
fn tell(
    clock: &Staged,
    options: SimOptions,
    after: Duration,
    ready: oneshot::Sender<Result<Control, SimError>>,
    stopped: oneshot::Receiver<()>,
) {
    let idle = clock.clone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().on_thread_park(move || idle.idle()).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(SimError::Thread(error)));
            return;
        }
    };
    runtime.block_on(async {
        let sim = match start_at(options, Arc::new(clock.clone()), Arc::new(Memory::default()), true).await {
            Ok(sim) => sim,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        clock.sleep(after).await;
        clock.stand();
        if ready.send(Ok(sim.control.clone())).is_ok() {
            // Also when whoever asked is gone.
            let _ = stopped.await;
        }
        // Not waited for: nothing of it is kept, and its time stands.
        drop(sim);
    });
}
