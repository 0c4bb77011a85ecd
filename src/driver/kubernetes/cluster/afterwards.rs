//! Puts back what an order changed for one release only: a gate that was opened, an analysis that was skipped.
//! What is to be put back is written on the object itself, so that it is done by whoever watches by then.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    super::{
        api::Api,
        kind::{Carried, Flavor},
        request::Request,
    },
    board::{Board, ObjectId},
};

/// How soon after a change it is looked whether there is something to do.
const SETTLE: Duration = Duration::from_millis(200);
/// How long it is waited after it could not be done.
const AGAIN: Duration = Duration::from_secs(30);

/// Puts back what is to be, for as long as the cluster is watched.
pub async fn run(api: Arc<Api>, board: Arc<Board>) {
    let mut changes = board.changes();
    let mut failed: BTreeMap<ObjectId, Instant> = BTreeMap::new();
    loop {
        changes.mark_unchanged();
        let now = Instant::now();
        failed.retain(|_, at| *at + AGAIN > now);
        for (object, requests) in due(&board, &failed.keys().cloned().collect()) {
            if let Err(why) = put_back(&api, &requests).await {
                tracing::warn!(
                    "{}/{}: what was changed for one release is not put back: {why}",
                    object.1.namespace,
                    object.1.name
                );
                failed.insert(object, Instant::now());
            }
        }
        let again = failed.values().min().map(|at| *at + AGAIN);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = async {
                match again {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
        tokio::time::sleep(SETTLE).await;
    }
}

/// What is to be sent, for each object; not for those that whoever asks may not change.
fn due(board: &Board, failed: &BTreeSet<ObjectId>) -> Vec<(ObjectId, Vec<Request>)> {
    let grants = board.grants();
    let all = board.all();
    let marked = all.iter().filter(|carried| carried.flavor() == Flavor::Flagger && carried.is_marked());
    marked
        .map(|carried: &Arc<Carried>| ((carried.flavor(), carried.key()), carried.afterwards()))
        .filter(|(object, requests)| !requests.is_empty() && !failed.contains(object))
        .filter(|(_, requests)| {
            let rules: Vec<_> = requests.iter().map(Request::rule).collect();
            grants.missing(&rules).is_none()
        })
        .collect()
}

/// In order: what says that there is something to do is taken away last.
async fn put_back(api: &Api, requests: &[Request]) -> Result<(), String> {
    for request in requests {
        match api.send(request).await {
            Ok(answer) if request.expects.iter().all(|expect| expect.holds(&answer)) => {}
            Ok(_) => return Err(format!("{} was answered, and changed nothing", request.rule())),
            Err(error) => return Err(format!("{}: {error}", request.rule())),
        }
    }
    Ok(())
}
