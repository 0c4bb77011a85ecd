use std::sync::Mutex;

use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

use super::*;
use crate::{
    audit::{Signer, Succession, Tree, leaf_hash},
    backend::remote::Remote,
    clock,
    domain::Via,
};

fn signer(seed: u8) -> Signer {
    Signer::new("rolldeck.test/audit", &[seed; 32])
}

/// Entries of which those after `since` are of another kind.
fn tree(count: u64, since: u64, kind: u64) -> Tree {
    Tree::new(
        (0..count).map(|n| leaf_hash(&[n, if n >= since { kind } else { 0 }].map(u64::to_be_bytes).concat())).collect(),
    )
}

struct Trail {
    tree: Tree,
    key: u8,
    successions: Vec<String>,
}

#[derive(Clone)]
struct Server(Arc<Mutex<Trail>>);

impl Respond for Server {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let trail = self.0.lock().unwrap();
        let from = request.url.query_pairs().find(|(name, _)| name == "from").map(|(_, from)| from.parse().unwrap());
        let size = trail.tree.size();
        let proof = from.and_then(|from| trail.tree.consistency(from, size));
        ResponseTemplate::new(200).set_body_json(WitnessView {
            note: (size > 0).then(|| signer(trail.key).sign(size, &trail.tree.root())),
            key: SafeText::new(signer(trail.key).verifier_key()),
            successions: trail.successions.clone(),
            proof: proof.map(|hashes| hashes.iter().map(|hash| SafeText::new(STANDARD.encode(hash))).collect()),
            fault: None,
        })
    }
}

struct World {
    folder: tempfile::TempDir,
    server: Server,
    mock: MockServer,
}

impl World {
    async fn new(tree: Tree) -> Self {
        let server = Server(Arc::new(Mutex::new(Trail { tree, key: 1, successions: Vec::new() })));
        let mock = MockServer::start().await;
        Mock::given(method("GET")).respond_with(server.clone()).mount(&mock).await;
        Self { folder: tempfile::tempdir().unwrap(), server, mock }
    }

    fn memory(&self) -> Memory {
        Memory::new(self.folder.path(), &self.mock.uri(), clock::system())
    }

    async fn look(&self) -> Witnessed {
        let remote = Remote::new(&self.mock.uri(), None, None, Via::Cli).unwrap().remembering(self.memory());
        remote.witnessed().await.unwrap()
    }

    async fn look_at(&self, tree: Tree) -> Witnessed {
        self.server.0.lock().unwrap().tree = tree;
        self.look().await
    }
}

#[tokio::test]
async fn the_first_look_is_remembered_and_later_ones_are_proven_to_go_on_from_it() {
    let world = World::new(tree(5, 99, 0)).await;
    let first = world.look().await;
    assert_eq!((first.remembered, first.proven_to, first.broken), (None, 5, None));
    let next = world.look_at(tree(9, 99, 0)).await;
    assert_eq!((next.remembered.unwrap().size, next.proven_to, next.broken), (5, 9, None));
    assert_eq!(next.key.unwrap().as_str(), signer(1).verifier().fingerprint());
    assert_eq!(world.look().await.remembered.unwrap().size, 9, "what is newest is remembered");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(world.memory().file()).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "nobody else reads it");
}

#[tokio::test]
async fn a_rewritten_trail_is_said_loudly_until_somebody_accepts_it() {
    let world = World::new(tree(5, 99, 0)).await;
    world.look().await;
    for size in [5, 6, 60] {
        let witnessed = world.look_at(tree(size, 2, 1)).await;
        let broken = witnessed.broken.unwrap();
        assert_eq!((broken.holds_to, witnessed.proven_to), (None, 0));
        assert!(broken.message.as_str().starts_with("THE AUDIT TRAIL OF http"), "{}", broken.message);
        assert!(broken.message.as_str().contains("--accept"), "{}", broken.message);
    }
    assert!(world.look_at(tree(5, 99, 0)).await.broken.is_none(), "the one that was seen is still the good one");
    world.look_at(tree(60, 2, 1)).await;
    world.memory().forget().unwrap();
    let accepted = world.look().await;
    assert_eq!((accepted.broken, accepted.proven_to), (None, 60));
}

#[tokio::test]
async fn a_restored_backup_is_told_apart_from_a_trail_that_was_never_so() {
    let world = World::new(tree(100, 999, 0)).await;
    for size in [100, 140, 150, 152, 200] {
        assert_eq!(world.look_at(tree(size, 999, 0)).await.broken, None);
    }
    // Restored from when it had 160 entries: nothing is proven beyond the greatest that was seen before.
    for restored in [tree(160, 999, 0), tree(230, 160, 1)] {
        let broken = world.look_at(restored).await.broken.unwrap();
        // What is remembered is thinned out, the nearer the denser.
        let holds_to = broken.holds_to.unwrap();
        assert!((140..=152).contains(&holds_to), "{holds_to}");
        assert!(broken.message.as_str().contains(&format!("Up to entry {holds_to}")), "{}", broken.message);
        assert!(broken.message.as_str().contains("a backup that was restored"), "{}", broken.message);
    }
    let broken = world.look_at(tree(230, 3, 1)).await.broken.unwrap();
    assert_eq!(broken.holds_to, None);
    assert!(broken.message.as_str().contains("no restored backup explains that"), "{}", broken.message);
}

#[tokio::test]
async fn a_new_key_is_followed_where_the_old_one_passed_the_trail_on_and_only_there() {
    let world = World::new(tree(5, 99, 0)).await;
    world.look().await;
    world.server.0.lock().unwrap().key = 2;
    let broken = world.look_at(tree(9, 99, 0)).await.broken.unwrap();
    assert!(matches!(broken.why, Rewritten::Key { .. }), "{}", broken.message);
    let note = Succession::sign(&signer(1), &signer(2), 7, &tree(7, 99, 0).root());
    world.server.0.lock().unwrap().successions = vec![note];
    let witnessed = world.look().await;
    assert_eq!((witnessed.broken, witnessed.proven_to), (None, 9));
    assert_eq!(witnessed.key.unwrap().as_str(), signer(2).verifier().fingerprint());
}

#[tokio::test]
async fn a_damaged_memory_is_no_error_and_is_said() {
    let world = World::new(tree(5, 99, 0)).await;
    world.look().await;
    fs::write(world.memory().file(), b"{\"schema\":1").unwrap();
    let witnessed = world.look().await;
    assert!(witnessed.remark.unwrap().as_str().contains("cannot be read"));
    assert_eq!(world.look().await.remembered.unwrap().size, 5, "and is made anew");
}

#[tokio::test]
async fn sights_of_old_stay_few_however_often_somebody_looks() {
    let world = World::new(Tree::default()).await;
    assert_eq!(world.look().await, Witnessed::default(), "an empty trail shows nothing");
    for size in 1..=200 {
        world.look_at(tree(size, 999, 0)).await;
    }
    let kept = world.memory().read().unwrap().unwrap();
    assert!(kept.earlier.len() <= 10, "{}", kept.earlier.len());
    assert!(kept.earlier.first().unwrap().read().unwrap().checkpoint().size <= 72, "they reach far back");
}
