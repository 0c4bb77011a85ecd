//! Carries an order out: reads the object, sends what it comes to, believes no answer that changed nothing,
//! and follows the object until its controller was seen to take it up.
//!
//! What may have been sent is never sent again by itself. Where an answer is lost, the object is read: what it
//! shows decides.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    super::{
        api::{Api, ApiError, Selection},
        events,
        kind::{Carried, Flavor},
        read,
        request::{Body, Kind, Request},
        uptake::{Look, passes_soon},
        watch::{Key, chance},
    },
    belong,
    board::{Board, ObjectId},
    remarks::trouble,
};
use crate::{
    clock::Clock,
    domain::{Action, SafeText},
    driver::{Order, OrderError, Uptake},
};

/// How long a cluster has to take an order up.
const DEADLINE: Duration = Duration::from_secs(15);
/// How often an object that others write too is read again.
const TRIES: u32 = 8;
/// The longest pause before that.
const PAUSE: Duration = Duration::from_millis(150);
/// How long an order may seem swallowed before the controller is nudged.
const SWALLOWED: Duration = Duration::from_secs(3);
/// How often an object is read that no watch tells of.
const POLL: Duration = Duration::from_secs(2);
/// How long it is waited until what came of it was told.
const TELL: Duration = Duration::from_millis(200);
/// How long it may take to write an event.
const EVENT: Duration = Duration::from_secs(5);

/// Everything that an order needs.
#[derive(Debug, Clone)]
pub struct Orders {
    /// The cluster.
    pub api: Arc<Api>,
    /// What is held of it.
    pub board: Arc<Board>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What came of sending.
enum Sent {
    /// Nothing was to be sent.
    Nothing,
    /// All was sent, and the cluster stored it.
    Stored {
        /// The rollout as it was in the last answer that held it.
        carried: Option<Carried>,
        /// What could not be sent after the first, in one sentence.
        rest: Option<String>,
    },
}

impl Orders {
    /// Sends an order and follows it.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn carry_out(&self, order: &Order) -> Result<Uptake, OrderError> {
        let deadline = Instant::now() + DEADLINE;
        let (flavor, key) = self.find(order).await?;
        let (carried, rest) = match self.send(flavor, &key, order, deadline).await? {
            Sent::Nothing => return self.nothing(flavor, &key, order).await,
            Sent::Stored { carried, rest } => (carried, rest),
        };
        let meta = match &carried {
            Some(carried) => Some(carried.meta().clone()),
            None => self.board.get(&(flavor, key.clone())).map(|carried| carried.meta().clone()),
        };
        let event = async {
            let meta = meta?;
            let request = events::request(flavor.kind(), &meta, order, &self.clock.id(), self.clock.now());
            match tokio::time::timeout(EVENT, events::write(&self.api, &request)).await {
                Ok(Ok(())) => None,
                Ok(Err(why)) => Some(why.as_str().to_owned()),
                Err(_) => Some(format!("no answer within {} s", EVENT.as_secs())),
            }
        };
        // The spec patch itself shows at once; a controller that looks by the clock is given as long again.
        let deadline = deadline.max(Instant::now() + DEADLINE);
        let (uptake, event) = tokio::join!(self.follow((flavor, key), carried, order, deadline), event);
        let remark = [rest, event.map(|why| format!("no Event of it could be written: {why}"))];
        Ok(remark.into_iter().flatten().fold(uptake, |uptake, remark| with(&uptake, &remark)))
    }

    /// Whether an order was taken up. Sends nothing.
    ///
    /// # Errors
    /// [`OrderError`] when it is gone, or cannot be read.
    pub async fn look_for(&self, order: &Order) -> Result<Uptake, OrderError> {
        let (flavor, key) = self.find(order).await?;
        let carried = flavor.read(&self.read(flavor, &key, order).await?);
        Ok(match carried.look(order) {
            Look::TakenUp(words) => Uptake::TakenUp(words),
            Look::NoOp(words) => Uptake::NoOp(words),
            Look::Waiting(words) | Look::Swallowed(words) => Uptake::Unconfirmed(words),
        })
    }

    /// Which object an order is for: as it is held, or else as the cluster has it.
    async fn find(&self, order: &Order) -> Result<ObjectId, OrderError> {
        if let Some((object, _)) = self.board.find(&order.id) {
            return Ok(object);
        }
        let (namespace, name) = (order.id.target.to_string(), order.id.name.to_string());
        let stem = name.strip_suffix(super::naming::SUFFIX).map(str::to_owned);
        let places = [(Flavor::Argo, Some(name.clone())), (Flavor::Flagger, Some(name)), (Flavor::Flagger, stem)];
        for (flavor, name) in places.into_iter().filter_map(|(flavor, name)| Some((flavor, name?))) {
            match self.api.get(flavor.kind(), &namespace, &name).await {
                Ok(_) => return Ok((flavor, Key { namespace, name })),
                Err(error) if matches!(error.code(), Some(404)) => {}
                // Whoever may not read the one kind may still have meant the other.
                Err(error) if error.code() == Some(403) && flavor == Flavor::Argo => {}
                Err(error) => return Err(unread(&error)),
            }
        }
        Err(OrderError::Gone(order.id.clone()))
    }

    async fn read(&self, flavor: Flavor, key: &Key, order: &Order) -> Result<Value, OrderError> {
        match self.api.get(flavor.kind(), &key.namespace, &key.name).await {
            Ok(object) => Ok(object),
            Err(error) if error.code() == Some(404) => Err(OrderError::Gone(order.id.clone())),
            Err(ApiError::Status { code: 403, .. }) => {
                let kind = flavor.kind();
                let rule = format!("get {}.{} in {}", kind.plural, kind.group, key.namespace);
                Err(OrderError::Forbidden { rule })
            }
            Err(error) => Err(unread(&error)),
        }
    }

    /// What an order is decided on beside the object.
    ///
    /// # Errors
    /// [`OrderError::Failed`] when it cannot be read.
    pub async fn related(&self, carried: &Carried, action: Action) -> Result<Vec<Value>, OrderError> {
        let namespace = carried.meta().namespace.as_str();
        let mut related = Vec::new();
        match carried {
            Carried::Argo(rollout, selector) if action == Action::Rollback => {
                let selection = Selection {
                    labels: (!selector.is_empty()).then(|| selector.clone()),
                    ..Selection::new(Kind::REPLICA_SET, namespace)
                };
                let owner = [rollout.meta.uid.clone()].into();
                let mut next = None;
                loop {
                    let page = self.api.list::<Value>(&selection, 200, next).await.map_err(|error| unread(&error))?;
                    next = page.next().map(str::to_owned);
                    related.extend(page.items.into_iter().filter(|set| belong::is_owned(set, &owner)));
                    if next.is_none() {
                        break;
                    }
                }
                if let Some(workload) = &rollout.workload
                    && let Some(kind) = workload_kind(&workload.kind)
                {
                    related.extend(self.optional(kind, namespace, &workload.name).await?);
                }
            }
            Carried::Argo(..) => {}
            Carried::Flagger(canary) => {
                if let Some(kind) = canary.target.known_kind().filter(|kind| *kind != Kind::SERVICE) {
                    let primary = format!("{}-primary", canary.target.name);
                    related.extend(self.optional(kind, namespace, &canary.target.name).await?);
                    related.extend(self.optional(kind, namespace, &primary).await?);
                }
            }
        }
        Ok(related)
    }

    /// An object that may be missing, or may not be read: what needs it says so.
    async fn optional(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>, OrderError> {
        match self.api.get(kind, namespace, name).await {
            Ok(mut object) => {
                // A kind of its own is not sent by every server with an object.
                if read::at(&object, "/kind").is_none() {
                    object["kind"] = kind.kind.into();
                }
                Ok(Some(object))
            }
            Err(error) if matches!(error.code(), Some(403 | 404)) || matches!(error, ApiError::Name(_)) => Ok(None),
            Err(error) => Err(unread(&error)),
        }
    }

    async fn send(&self, flavor: Flavor, key: &Key, order: &Order, deadline: Instant) -> Result<Sent, OrderError> {
        let mut has_status = true;
        let mut tries = 0;
        let mut refused = None;
        loop {
            let object = self.read(flavor, key, order).await?;
            let before = flavor.read(&object);
            let related = self.related(&before, order.action).await?;
            let requests = match flavor.requests(&object, &related, order, self.clock.now(), has_status) {
                Ok(requests) => requests,
                Err(error) if passes_soon(&error) && Instant::now() + POLL < deadline => {
                    self.changed(&(flavor, key.clone()), Instant::now() + POLL).await;
                    continue;
                }
                // What a server refused as invalid has moved, or else that is its reason.
                Err(error) => return Err(error),
            };
            let Some((first, rest)) = requests.split_first() else { return Ok(Sent::Nothing) };
            tries += 1;
            match self.api.send(first).await {
                Ok(answer) => return self.finish(flavor, &object, first, &answer, rest, order).await,
                Err(error) => match error.code() {
                    Some(409) if tries < TRIES => {}
                    Some(409) => {
                        let what = "others write it all the time: it was not changed, try again".to_owned();
                        return Err(OrderError::Failed(what));
                    }
                    // The test of a JSON patch does not hold any more, or the cluster refuses what is in it.
                    Some(422) if refused.as_ref() != Some(&error) && tries < TRIES => refused = Some(error),
                    Some(403) => {
                        self.board.reconsider_grants();
                        return Err(OrderError::Forbidden { rule: first.rule().to_string() });
                    }
                    Some(404) if has_status && first.subresource.as_deref() == Some("status") => {
                        // A rollout that is gone and one without the subresource are answered alike: the next
                        // reading tells which.
                        has_status = false;
                    }
                    Some(404) if first.kind == flavor.kind() && first.subresource.is_none() => {
                        return Err(OrderError::Gone(order.id.clone()));
                    }
                    Some(429) if tries < TRIES && Instant::now() < deadline => {
                        let wait = match &error {
                            ApiError::Status { retry_after, .. } => retry_after.unwrap_or(Duration::from_secs(1)),
                            _ => PAUSE,
                        };
                        sleep(wait.min(Duration::from_secs(5))).await;
                    }
                    // Nobody stands behind the service: what was sent reached nobody.
                    Some(503) if matches!(first.body, Body::Post(_)) => {
                        return Err(OrderError::Failed(trouble(&error)));
                    }
                    _ if error.nothing_done() => return Err(OrderError::Failed(trouble(&error))),
                    _ => return self.lost(flavor, key, &before, first, order, &error, deadline).await,
                },
            }
            sleep(PAUSE.mul_f64(0.2 + 0.8 * chance()) * tries.min(4) / 2).await;
        }
    }

    /// After the first request was stored: sends the others. What they stand on is done; what refuses them is
    /// said, and does not undo it.
    async fn finish(
        &self,
        flavor: Flavor,
        object: &Value,
        first: &Request,
        answer: &Value,
        rest: &[Request],
        order: &Order,
    ) -> Result<Sent, OrderError> {
        if !first.expects.iter().all(|expect| expect.holds(answer)) {
            let what = "the cluster answered that it was done, and changed nothing";
            return Err(OrderError::Failed(format!("{what}: {} was left as it is", order.id)));
        }
        let mut carried = is_itself(first, flavor, object).then(|| flavor.read(answer));
        for request in rest {
            let why = match self.api.send(request).await {
                Ok(answer) if request.expects.iter().all(|expect| expect.holds(&answer)) => {
                    if is_itself(request, flavor, object) {
                        carried = Some(flavor.read(&answer));
                    }
                    continue;
                }
                Ok(_) => "the cluster answered that it was done, and changed nothing".to_owned(),
                Err(ApiError::Status { code: 403, .. }) => {
                    self.board.reconsider_grants();
                    format!("the cluster forbids it: {}", request.rule())
                }
                Err(ApiError::Status { code: 409 | 422, .. }) => "it changed in between".to_owned(),
                Err(error) => trouble(&error),
            };
            return Ok(Sent::Stored { carried, rest: Some(format!("only a part of it was sent: {why}")) });
        }
        Ok(Sent::Stored { carried, rest: None })
    }

    /// An answer was lost. What the object shows decides whether it was done; while it cannot be read, nobody
    /// knows.
    #[expect(clippy::too_many_arguments, reason = "all of them are what is known of the one request")]
    async fn lost(
        &self,
        flavor: Flavor,
        key: &Key,
        before: &Carried,
        request: &Request,
        order: &Order,
        error: &ApiError,
        deadline: Instant,
    ) -> Result<Sent, OrderError> {
        loop {
            let read = self.api.get(request.kind, &request.namespace, &request.name).await;
            let object = match read {
                Ok(object) => object,
                Err(error) if error.code() == Some(404) => return Err(OrderError::Gone(order.id.clone())),
                Err(_) if Instant::now() + POLL < deadline => {
                    sleep(POLL).await;
                    continue;
                }
                Err(_) => break,
            };
            let own = request.kind == flavor.kind() && request.name == key.name;
            let done = !request.expects.is_empty() && request.expects.iter().all(|expect| expect.holds(&object));
            let seen = own.then(|| flavor.read(&object));
            let shows =
                seen.as_ref().is_some_and(|seen| seen != before && matches!(seen.look(order), Look::TakenUp(_)));
            if done || shows {
                let rest = Some("the answer of the cluster was lost, and the object shows that it was done".to_owned());
                return Ok(Sent::Stored { carried: seen, rest });
            }
            // It may be under way still: it is given a moment, and not sent again.
            if Instant::now() + POLL >= deadline.min(Instant::now() + 2 * POLL) {
                break;
            }
            sleep(POLL).await;
        }
        let what = format!("the answer was lost ({}), and nobody knows whether it was done", trouble(error));
        Err(OrderError::Lost(what))
    }

    /// Nothing was to be sent: the object says why.
    async fn nothing(&self, flavor: Flavor, key: &Key, order: &Order) -> Result<Uptake, OrderError> {
        let carried = flavor.read(&self.read(flavor, key, order).await?);
        let grants = self.board.grants();
        let words = match carried.propose(None, order, &grants, self.clock.now()) {
            Ok(proposal) => proposal.preview.summary,
            Err(_) => carried.look(order).words().clone(),
        };
        Ok(Uptake::NoOp(words))
    }

    async fn follow(&self, object: ObjectId, stored: Option<Carried>, order: &Order, deadline: Instant) -> Uptake {
        let (flavor, key) = &object;
        // A watch that is behind still tells of what was before.
        let stale = self.board.get(&object);
        let mut newest = stored;
        let mut swallowed: Option<Instant> = None;
        let mut nudged = false;
        let mut words = SafeText::new("the cluster stored it, and its controller was not seen to react");
        loop {
            if let Some(held) = self.board.get(&object)
                && newest.as_ref().map_or_else(
                    || stale.as_ref().is_none_or(|stale| !Arc::ptr_eq(stale, &held)),
                    |newest| held.is_newer_than(newest),
                )
            {
                newest = Some(Carried::clone(&held));
            }
            if let Some(carried) = &newest {
                match carried.look(order) {
                    Look::TakenUp(words) | Look::NoOp(words) => {
                        self.board.settle(object.clone(), carried.clone(), TELL).await;
                        return Uptake::TakenUp(words);
                    }
                    Look::Waiting(now) => {
                        words = now;
                        swallowed = None;
                    }
                    Look::Swallowed(now) => {
                        words = now;
                        let since = *swallowed.get_or_insert_with(Instant::now);
                        if since.elapsed() >= SWALLOWED && !nudged {
                            nudged = true;
                            if let Some(nudge) = carried.nudge()
                                && let Ok(answer) = self.api.send(&nudge).await
                            {
                                newest = Some(flavor.read(&answer));
                            }
                        }
                    }
                }
            }
            if Instant::now() >= deadline {
                return Uptake::Unconfirmed(words);
            }
            let mut until = Instant::now() + POLL;
            if let Some(since) = swallowed.filter(|_| !nudged) {
                until = until.min(since + SWALLOWED);
            }
            if !self.changed(&object, until.min(deadline)).await
                && let Ok(read) = self.api.get(flavor.kind(), &key.namespace, &key.name).await
            {
                newest = Some(flavor.read(&read));
            }
        }
    }

    /// Waits until the object as it is held changes; says whether it did.
    async fn changed(&self, object: &ObjectId, until: Instant) -> bool {
        let mut changes = self.board.changes();
        let before = self.board.get(object);
        loop {
            let now = self.board.get(object);
            let same = match (&before, &now) {
                (Some(before), Some(now)) => Arc::ptr_eq(before, now),
                (None, None) => true,
                _ => false,
            };
            if !same {
                return true;
            }
            if !matches!(timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
                return false;
            }
        }
    }
}

/// Whether a request is for the rollout itself, so that its answer is one.
fn is_itself(request: &Request, flavor: Flavor, object: &Value) -> bool {
    request.kind == flavor.kind() && read::text(object, "/metadata/name").as_deref() == Some(request.name.as_str())
}

fn workload_kind(kind: &str) -> Option<Kind> {
    [Kind::DEPLOYMENT, Kind::REPLICA_SET, Kind::POD_TEMPLATE].into_iter().find(|known| known.kind == kind)
}

fn unread(error: &ApiError) -> OrderError {
    OrderError::Failed(format!("nothing was changed: {}", trouble(error)))
}

/// The outcome, with a remark behind its sentence.
fn with(uptake: &Uptake, remark: &str) -> Uptake {
    let add = |words: &SafeText| SafeText::new(format!("{words}; {remark}"));
    match uptake {
        Uptake::TakenUp(words) => Uptake::TakenUp(add(words)),
        Uptake::NoOp(words) => Uptake::NoOp(add(words)),
        Uptake::Unconfirmed(words) => Uptake::Unconfirmed(add(words)),
    }
}
