//! The thread that writes frames, one at a time: the loop never waits for a slow terminal.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, SyncSender},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// Where frames go.
pub trait Sink: Send {
    /// Writes a whole frame, however long that takes.
    fn write_frame(&mut self, frame: &[u8]) -> io::Result<()>;
}

/// What became of the frame that was handed over last.
#[derive(Debug, Default)]
enum Flight {
    /// There is none, or its end was told.
    #[default]
    Free,
    /// It is being written.
    Writing,
    /// It was written, and how long that took.
    Done(io::Result<Duration>),
}

/// The thread's other end. Dropping it lets the thread end by itself.
#[derive(Debug)]
pub struct Writer {
    frames: SyncSender<Vec<u8>>,
    flight: Arc<(Mutex<Flight>, Notify)>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(mut sink: Box<dyn Sink>) -> io::Result<Self> {
        let (frames, queue) = mpsc::sync_channel::<Vec<u8>>(1);
        let flight = Arc::new((Mutex::new(Flight::Free), Notify::new()));
        let shared = Arc::clone(&flight);
        std::thread::Builder::new().name("frames".to_owned()).spawn(move || {
            for frame in queue {
                let began = Instant::now();
                let result = sink.write_frame(&frame).map(|()| began.elapsed());
                *shared.0.lock().unwrap_or_else(PoisonError::into_inner) = Flight::Done(result);
                shared.1.notify_one();
            }
        })?;
        Ok(Self { frames, flight })
    }

    /// Whether the last frame was written and that was told.
    #[must_use]
    pub fn is_free(&self) -> bool {
        matches!(*self.flight.0.lock().unwrap_or_else(PoisonError::into_inner), Flight::Free)
    }

    /// Hands over a frame; only when [`Writer::is_free`].
    pub fn submit(&self, frame: Vec<u8>) {
        *self.flight.0.lock().unwrap_or_else(PoisonError::into_inner) = Flight::Writing;
        if self.frames.try_send(frame).is_err() {
            let gone = io::Error::new(io::ErrorKind::BrokenPipe, "the thread that writes frames is gone");
            *self.flight.0.lock().unwrap_or_else(PoisonError::into_inner) = Flight::Done(Err(gone));
            self.flight.1.notify_one();
        }
    }

    /// Waits until the frame that was handed over is written; says how long that took. For ever, when there
    /// is none.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub async fn written(&self) -> io::Result<Duration> {
        loop {
            {
                let mut flight = self.flight.0.lock().unwrap_or_else(PoisonError::into_inner);
                match std::mem::take(&mut *flight) {
                    Flight::Done(result) => return result,
                    other => *flight = other,
                }
            }
            self.flight.1.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes only when it is let.
    struct Gate(mpsc::Receiver<()>, Arc<Mutex<Vec<Vec<u8>>>>);

    impl Sink for Gate {
        fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
            self.0.recv().map_err(io::Error::other)?;
            self.1.lock().unwrap().push(frame.to_vec());
            Ok(())
        }
    }

    #[tokio::test]
    async fn one_frame_is_in_flight_and_the_end_of_it_is_told_once() {
        let (gate, wait) = mpsc::channel();
        let seen = Arc::default();
        let writer = Writer::start(Box::new(Gate(wait, Arc::clone(&seen)))).unwrap();
        assert!(writer.is_free());
        writer.submit(b"one".to_vec());
        assert!(!writer.is_free());
        gate.send(()).unwrap();
        writer.written().await.unwrap();
        assert!(writer.is_free());
        assert_eq!(*seen.lock().unwrap(), [b"one".to_vec()]);
        let again = tokio::time::timeout(Duration::from_millis(20), writer.written()).await;
        assert!(again.is_err(), "nothing is in flight");
    }

    #[tokio::test]
    async fn a_terminal_that_is_gone_is_told_to_the_loop() {
        let (gate, wait) = mpsc::channel();
        let writer = Writer::start(Box::new(Gate(wait, Arc::default()))).unwrap();
        drop(gate);
        writer.submit(b"one".to_vec());
        assert!(writer.written().await.is_err());
    }
}
