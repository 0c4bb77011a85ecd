//! A clock whose time goes on when nothing else happens, and stands still when told: what takes minutes is
//! over at once, and comes out the same each time.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Clock, Wait};

/// A clock for a runtime of one thread: [`Staged::idle`] is to be called whenever nothing is left to do on it
/// (`on_thread_park`), and goes on to the next moment that somebody waits for.
#[derive(Debug, Clone)]
pub struct Staged {
    began: DateTime<Utc>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    elapsed: Duration,
    /// Whether it goes on.
    runs: bool,
    /// How many ids it gave.
    ids: u64,
    /// How many waits were begun.
    begun: u64,
    /// Who waits, by when it is over and in the order of their beginning.
    waits: BTreeMap<(Duration, u64), Option<Waker>>,
}

impl Staged {
    /// A clock that begins at a time, and goes on.
    #[must_use]
    pub fn new(began: DateTime<Utc>) -> Self {
        let state = State { elapsed: Duration::ZERO, runs: true, ids: 0, begun: 0, waits: BTreeMap::new() };
        Self { began, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is left to do now: goes on to the next moment that somebody waits for, if there is one and it
    /// does not stand still.
    pub fn idle(&self) {
        let mut woken = Vec::new();
        {
            let mut state = self.state();
            let Some((due, _)) = state.waits.keys().next().copied().filter(|_| state.runs) else { return };
            state.elapsed = state.elapsed.max(due);
            let now = state.elapsed;
            for (_, waker) in state.waits.iter_mut().take_while(|((due, _), _)| *due <= now) {
                woken.extend(waker.take());
            }
        }
        // Outside of the lock: whoever is woken may ask for the time.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Stands still from now on, whoever waits.
    pub fn stand(&self) {
        self.state().runs = false;
    }
}

impl Clock for Staged {
    fn now(&self) -> DateTime<Utc> {
        self.began + TimeDelta::from_std(self.state().elapsed).unwrap_or_default()
    }

    /// Ids that count, in the form of a UUIDv7 with the time of the clock.
    fn id(&self) -> String {
        let millis = self.now().timestamp_millis().unsigned_abs();
        let mut state = self.state();
        state.ids += 1;
        format!("{:08x}-{:04x}-7000-8000-{:012x}", millis >> 16, millis & 0xffff, state.ids)
    }

    fn uptime(&self) -> Duration {
        self.state().elapsed
    }

    fn sleep(&self, span: Duration) -> Wait {
        let mut state = self.state();
        // In whole microseconds, as time is told: nobody wakes just before what they wait for.
        let due = state.elapsed.saturating_add(Duration::from_micros(span.as_nanos().div_ceil(1000) as u64));
        state.begun += 1;
        let key = (due, state.begun);
        Box::pin(Sleep { state: Arc::clone(&self.state), key })
    }
}

struct Sleep {
    state: Arc<Mutex<State>>,
    key: (Duration, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.elapsed >= self.key.0 {
            state.waits.remove(&self.key);
            return Poll::Ready(());
        }
        state.waits.insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).waits.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(clock: &Staged, story: impl Future<Output = T>) -> T {
        let idle = clock.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(move || idle.idle()).build();
        runtime.unwrap().block_on(story)
    }

    #[test]
    fn days_go_by_in_an_instant_and_in_order() {
        let clock = Staged::new(DateTime::UNIX_EPOCH);
        let told = Arc::new(Mutex::new(Vec::new()));
        run(&clock, async {
            let tasks: Vec<_> = [30_u64, 10, 20, 10]
                .into_iter()
                .map(|hours| {
                    let (clock, told) = (clock.clone(), Arc::clone(&told));
                    tokio::spawn(async move {
                        clock.sleep(Duration::from_hours(hours)).await;
                        told.lock().unwrap().push((hours, clock.now()));
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let told = told.lock().unwrap();
        assert_eq!(told.iter().map(|(hours, _)| *hours).collect::<Vec<_>>(), [10, 10, 20, 30]);
        assert_eq!(told[3].1, DateTime::UNIX_EPOCH + TimeDelta::hours(30));
        assert_eq!(clock.uptime(), Duration::from_hours(30));
    }

    #[test]
    fn what_is_given_up_is_not_waited_for_and_a_clock_that_stands_wakes_nobody() {
        let clock = Staged::new(DateTime::UNIX_EPOCH);
        run(&clock, async {
            let given_up = clock.sleep(Duration::from_secs(1));
            tokio::select! {
                biased;
                () = std::future::ready(()) => {}
                () = given_up => {}
            }
            clock.sleep(Duration::from_secs(5)).await;
            assert_eq!(clock.uptime(), Duration::from_secs(5));
            let later = clock.sleep(Duration::from_secs(1));
            clock.stand();
            let real = tokio::task::spawn_blocking(|| ());
            tokio::select! {
                () = later => panic!("it stood still"),
                done = real => done.unwrap(),
            }
        });
        assert_eq!(clock.uptime(), Duration::from_secs(5));
    }

    #[test]
    fn ids_count() {
        let clock = Staged::new(DateTime::UNIX_EPOCH);
        assert_ne!(clock.id(), clock.id());
        assert_eq!(clock.id(), "00000000-0000-7000-8000-000000000003");
        assert!(uuid::Uuid::parse_str(&clock.id()).is_ok());
    }
}
