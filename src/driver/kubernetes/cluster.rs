//! A cluster as a driver: what its Rollouts and Canaries do, and orders for them.
//!
//! Watches write what they find on the board ([`board`]); the teller ([`teller`]) tells what looks different
//! by now. The objects of a rollout are watched while somebody looks ([`attend`], [`belong`]). Orders read
//! the object anew, send, and follow it on the board ([`order`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    access::Access,
    api::Api,
    children::Children,
    client::{ClientError, ClusterOptions, Connection},
    kind::{Carried, Flavor, KeptCanary, KeptRollout},
    request::{Kind, Rule},
    watch::follow,
};
use crate::{
    clock::Clock,
    domain::{Action, RolloutId, SafeText},
    driver::{Driver, Examined, Order, OrderError, Proposal, Seen, Uptake},
};

mod afterwards;
mod attend;
mod belong;
mod board;
mod examine;
mod naming;
mod order;
mod remarks;
mod teller;

use attend::Attendance;
use board::{Board, Writer};
use order::Orders;
use teller::Teller;

/// How often the cluster is asked whether it is there while it does not answer.
const BEAT_LOST: Duration = Duration::from_secs(3);
/// How often it is asked what whoever asks may do.
const GRANTS: Duration = Duration::from_mins(5);
/// How soon after something new was seen.
const GRANTS_SOON: Duration = Duration::from_millis(500);

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    api: Arc<Api>,
    access: Arc<Access>,
    board: Arc<Board>,
    attendance: Arc<Attendance>,
    clock: Arc<dyn Clock>,
}

impl Cluster {
    /// Finds a cluster. Asks nothing of it yet, and runs no credential plugin.
    ///
    /// # Errors
    /// [`ClientError`] when the kubeconfig or its context cannot be used.
    pub async fn open(options: ClusterOptions, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let api = Arc::new(Api::new(Connection::open(options).await?));
        Ok(Self {
            access: Arc::new(Access::new(Arc::clone(&api))),
            board: Arc::new(Board::new(Arc::clone(&clock))),
            attendance: Arc::default(),
            api,
            clock,
        })
    }

    fn orders(&self) -> Orders {
        Orders { api: Arc::clone(&self.api), board: Arc::clone(&self.board), clock: Arc::clone(&self.clock) }
    }

    fn begin(&self, tasks: &mut JoinSet<()>, reconnect: &watch::Receiver<u64>, stop: &CancellationToken) {
        let namespaces = match self.api.connection().options().namespaces.as_slice() {
            [] => vec![String::new()],
            named => named.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
        };
        for flavor in Flavor::ALL {
            for namespace in &namespaces {
                let source = self.board.source(flavor, namespace);
                let (api, board, namespace) = (Arc::clone(&self.api), Arc::clone(&self.board), namespace.clone());
                let (reconnect, stop) = (reconnect.clone(), stop.clone());
                tasks.spawn(async move {
                    let selection = super::api::Selection::new(flavor.kind(), &namespace);
                    let writer = Writer { board, source, flavor, namespace };
                    match flavor {
                        Flavor::Argo => follow::<KeptRollout>(&api, &selection, &writer, reconnect, &stop).await,
                        Flavor::Flagger => follow::<KeptCanary>(&api, &selection, &writer, reconnect, &stop).await,
                    }
                });
            }
        }
    }

    /// The objects of a rollout as far as a proposal needs them: those that are watched, or else those that an
    /// undo goes back to.
    async fn children(&self, carried: &Carried, order: &Order) -> Option<Children> {
        let watched = self.attendance.children(carried);
        if watched.is_some() || order.action != Action::Rollback {
            return watched;
        }
        let related = self.orders().related(carried, order.action).await.ok()?;
        let mut children = Children::default();
        for object in related {
            let kind = match object.get("kind").and_then(serde_json::Value::as_str) {
                Some("Deployment") => Kind::DEPLOYMENT,
                Some("DaemonSet") => Kind::DAEMON_SET,
                // Objects of a list do not say their kind.
                _ => Kind::REPLICA_SET,
            };
            children.objects.entry(kind).or_default().push(object);
        }
        Some(children)
    }
}

#[async_trait]
impl Driver for Cluster {
    fn place(&self) -> String {
        let connection = self.api.connection();
        format!("{} ({})", connection.options().name, connection.server())
    }

    async fn examine(&self) -> Vec<Examined> {
        examine::examine(&self.api, &self.access).await
    }

    async fn identity(&self) -> Option<SafeText> {
        self.access.name().await
    }

    async fn watch(&self, feed: mpsc::Sender<Vec<Seen>>, stop: CancellationToken) {
        self.board.reset();
        let stop = stop.child_token();
        // However this ends, the tasks end with it.
        let _guard = stop.clone().drop_guard();
        let (reconnect, heard) = watch::channel(0);
        let mut tasks = JoinSet::new();
        self.begin(&mut tasks, &heard, &stop);
        let (attendance, api, board) = (Arc::clone(&self.attendance), Arc::clone(&self.api), Arc::clone(&self.board));
        tasks.spawn(attendance.run(api, board, heard, stop.clone()));
        tasks.spawn(stoppable(stop.clone(), beat(Arc::clone(&self.api), Arc::clone(&self.board), reconnect)));
        tasks.spawn(stoppable(stop.clone(), grants(Arc::clone(&self.access), Arc::clone(&self.board))));
        tasks.spawn(stoppable(stop.clone(), afterwards::run(Arc::clone(&self.api), Arc::clone(&self.board))));
        let teller = Teller::new(Arc::clone(&self.board), Arc::clone(&self.attendance), Arc::clone(&self.clock));
        teller.run(feed, stop.clone()).await;
        stop.cancel();
        tasks.shutdown().await;
    }

    fn attend(&self, rollouts: BTreeSet<RolloutId>) {
        self.board.attend(rollouts);
    }

    async fn propose(&self, order: &Order) -> Result<Proposal, OrderError> {
        let (_, carried) = self.board.find(&order.id).ok_or_else(|| OrderError::Gone(order.id.clone()))?;
        let children = self.children(&carried, order).await;
        let mut grants = self.board.grants();
        let rules: BTreeSet<Rule> = carried.rules().into_iter().collect();
        if rules.iter().any(|rule| grants.allows(rule).is_none()) {
            // What a button costs is said before it is pressed, also by whoever only just came.
            grants = Arc::new(self.access.grants(&rules).await);
        }
        carried.propose(children.as_ref(), order, &grants, self.clock.now())
    }

    async fn carry_out(&self, order: &Order) -> Result<Uptake, OrderError> {
        self.orders().carry_out(order).await
    }

    async fn look_for(&self, order: &Order) -> Result<Uptake, OrderError> {
        self.orders().look_for(order).await
    }
}

async fn stoppable(stop: CancellationToken, work: impl Future<Output = ()>) {
    stop.run_until_cancelled(work).await;
}

/// Asks whether the cluster is there, for as long as anybody wants to know. When it answers again, watches are
/// begun anew: theirs may be connections to what was there before.
async fn beat(api: Arc<Api>, board: Arc<Board>, reconnect: watch::Sender<u64>) {
    let mut lost = false;
    let beat = api.connection().options().heartbeat;
    loop {
        let wait = match api.beat().await {
            Ok(()) => {
                board.heard();
                if std::mem::take(&mut lost) {
                    reconnect.send_modify(|count| *count += 1);
                }
                beat
            }
            Err(error) => {
                lost = true;
                board.silent(error);
                BEAT_LOST.min(beat)
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Asks what whoever asks may do: soon after something new is there, and every five minutes.
async fn grants(access: Arc<Access>, board: Arc<Board>) {
    let mut again = board.grants_wanted();
    let mut changes = board.changes();
    let mut asked = BTreeSet::new();
    loop {
        again.mark_unchanged();
        changes.mark_unchanged();
        let mut looked_at = by_place(board.all());
        let rules: BTreeSet<Rule> = looked_at.values().flat_map(|carried| carried.rules()).collect();
        asked.extend(rules.iter().cloned());
        if !rules.is_empty() {
            board.granted(access.grants(&rules).await);
        }
        let due = tokio::time::sleep(GRANTS);
        tokio::pin!(due);
        loop {
            tokio::select! {
                () = &mut due => break,
                wanted = again.changed() => { if wanted.is_err() { return } break }
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::time::sleep(GRANTS_SOON).await;
                    // Of a thousand rollouts a few changed, and the rules of one are not free.
                    let present = by_place(board.all());
                    let other = present.iter().filter(|(place, _)| !looked_at.contains_key(place));
                    let new = other.flat_map(|(_, carried)| carried.rules()).any(|rule| !asked.contains(&rule));
                    looked_at = present;
                    if new {
                        break;
                    }
                }
            }
        }
    }
}

/// Objects by where they lie in memory: for as long as they are held, what lies there is the same object.
fn by_place(all: Vec<Arc<Carried>>) -> BTreeMap<usize, Arc<Carried>> {
    all.into_iter().map(|carried| (Arc::as_ptr(&carried).addr(), carried)).collect()
}
