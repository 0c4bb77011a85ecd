//! Reports on their way: the newest of each order until the server has taken it. Bounded, so that
//! a server that is away for a week costs no memory; nothing an agent does waits for it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::link::{Backoff, Link, LinkError, REFUSED_PAUSE};
use crate::domain::Report;

/// Most orders whose last report is kept: one apply at a time makes few.
const KEPT: usize = 8;

/// Reports that the server has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    something: Notify,
    empty: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By generation; with the number of the put, to know a newer one that came meanwhile.
    reports: BTreeMap<u64, (u64, Report)>,
    puts: u64,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held, and its content is whole at every step.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a report in; it replaces an older one of the same order.
    pub(super) fn put(&self, report: Report) {
        let mut waiting = self.lock();
        waiting.puts += 1;
        let puts = waiting.puts;
        waiting.reports.insert(report.generation, (puts, report));
        if waiting.reports.len() > KEPT
            && let Some((generation, _)) = waiting.reports.pop_first()
        {
            tracing::warn!(generation, "the report of an old order was dropped: the server does not take reports");
        }
        drop(waiting);
        self.something.notify_one();
    }

    fn oldest(&self) -> Option<(u64, Report)> {
        self.lock().reports.first_key_value().map(|(_, (put, report))| (*put, report.clone()))
    }

    fn taken(&self, generation: u64, put: u64) {
        let mut waiting = self.lock();
        if waiting.reports.get(&generation).is_some_and(|(newest, _)| *newest == put) {
            waiting.reports.remove(&generation);
        }
        if waiting.reports.is_empty() {
            self.empty.notify_waiters();
        }
    }

    /// Delivers reports, the oldest order first, for ever.
    pub(super) async fn deliver(&self, link: &Link) -> std::convert::Infallible {
        let mut backoff = Backoff::new();
        let mut said = None;
        loop {
            let Some((put, report)) = self.oldest() else {
                self.something.notified().await;
                continue;
            };
            match link.report(&report).await {
                Ok(()) => {
                    if said.take().is_some() {
                        tracing::info!("the server takes reports again");
                    }
                    backoff.reset();
                    self.taken(report.generation, put);
                }
                Err(LinkError::Refused(problem)) => {
                    // Repeating it would change nothing; the next one may be taken.
                    self.taken(report.generation, put);
                    if said.as_ref() != Some(&problem.code) {
                        tracing::warn!(generation = report.generation, code = ?problem.code, "the server refused a report: {}", problem.detail);
                        said = Some(problem.code);
                    }
                    // The same order's next report waits; that of a newer one is another question.
                    let _ = timeout(REFUSED_PAUSE, self.newer_than(report.generation)).await;
                }
                Err(LinkError::Lost(why)) => {
                    let pause = backoff.next();
                    tracing::debug!(?pause, "a report could not be delivered: {why}");
                    sleep(pause).await;
                }
            }
        }
    }

    async fn newer_than(&self, generation: u64) {
        while self.lock().reports.last_key_value().is_none_or(|(newest, _)| *newest <= generation) {
            self.something.notified().await;
        }
    }

    /// Waits until all was taken.
    pub(super) async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            if self.lock().reports.is_empty() {
                return;
            }
            empty.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ReportState;

    fn report(generation: u64, state: ReportState) -> Report {
        Report {
            generation,
            state,
            measured: None,
            claimed: None,
            facts: BTreeMap::new(),
            slis: BTreeMap::new(),
            category: None,
            output_tail: "".into(),
            check_interval: 5.0,
            labels: BTreeMap::new(),
            flags: BTreeMap::new(),
            checked_at: None,
            evaluated: BTreeMap::new(),
            audit_broken: None,
        }
    }

    #[test]
    fn the_newest_of_each_order_waits_and_no_more_than_a_few_orders() {
        let outbox = Outbox::default();
        for generation in 1..=20 {
            outbox.put(report(generation, ReportState::Applying));
            outbox.put(report(generation, ReportState::Applied));
        }
        let (_, oldest) = outbox.oldest().unwrap();
        assert_eq!((oldest.generation, oldest.state), (13, ReportState::Applied));
        assert_eq!(outbox.lock().reports.len(), KEPT);
    }

    #[tokio::test]
    async fn a_refusal_does_not_hold_up_what_a_newer_order_has_to_say() {
        let outbox = Outbox::default();
        outbox.put(report(4, ReportState::Healthy));
        let waiting = timeout(std::time::Duration::from_millis(50), outbox.newer_than(4));
        assert!(waiting.await.is_err());
        outbox.put(report(5, ReportState::Applying));
        timeout(std::time::Duration::from_secs(10), outbox.newer_than(4)).await.unwrap();
    }

    #[test]
    fn a_report_that_was_replaced_while_it_was_sent_is_sent_again() {
        let outbox = Outbox::default();
        outbox.put(report(1, ReportState::Applying));
        let (put, sent) = outbox.oldest().unwrap();
        outbox.put(report(1, ReportState::Applied));
        outbox.taken(sent.generation, put);
        let (put, left) = outbox.oldest().unwrap();
        assert_eq!(left.state, ReportState::Applied);
        outbox.taken(1, put);
        assert!(outbox.oldest().is_none());
    }
}
