use super::*;
use crate::audit::{Signer, Succession, Tree, leaf_hash};

fn signer(seed: u8) -> Signer {
    Signer::new("rolldeck.test/audit", &[seed; 32])
}

fn tree(count: u64, kind: u64) -> Tree {
    Tree::new(
        (0..count).map(|n| leaf_hash(&[n, if n > 20 { kind } else { 0 }].map(u64::to_be_bytes).concat())).collect(),
    )
}

struct Server {
    tree: Tree,
    signer: Signer,
    successions: Vec<String>,
}

impl Server {
    fn look(&self, witness: &Witness) -> Result<Witness, Rewritten> {
        let size = self.tree.size();
        let note = (size > 0).then(|| self.signer.sign(size, &self.tree.root()));
        let proof = self.tree.consistency(witness.checkpoint().size, size);
        witness.check(&Shown {
            note: note.as_deref(),
            key: &self.signer.verifier_key(),
            successions: &self.successions,
            proof: proof.as_deref(),
        })
    }
}

fn server(tree: Tree) -> Server {
    Server { tree, signer: signer(1), successions: Vec::new() }
}

fn seen(tree: &Tree) -> Witness {
    Witness::new(signer(1).verifier(), &signer(1).sign(tree.size(), &tree.root())).unwrap()
}

#[test]
fn a_trail_that_only_grew_is_followed_and_what_is_newest_is_remembered() {
    let mut witness = seen(&tree(30, 0));
    for size in [30, 31, 64, 65, 300] {
        witness = server(tree(size, 0)).look(&witness).unwrap();
        assert_eq!(witness.checkpoint().size, size);
    }
    let again = Witness::new(witness.key().clone(), witness.note()).unwrap();
    assert_eq!(again, witness, "what is kept is read back");
}

#[test]
fn every_way_to_rewrite_what_was_seen_is_noticed_and_named() {
    let witness = seen(&tree(100, 0));
    let cases: [(Server, &str); 7] = [
        (server(tree(99, 0)), "has 99 entries now and had 100"),
        (server(Tree::default()), "has 0 entries now and had 100"),
        (server(tree(100, 1)), "100 entries as before, and not the same"),
        (server(tree(101, 1)), "the 101 entries of now do not begin with the 100"),
        (server(tree(4000, 1)), "history was rewritten"),
        (Server { signer: signer(2), ..server(tree(101, 0)) }, "did not pass the trail on to it"),
        (Server { signer: Signer::new("other/audit", &[1; 32]), ..server(tree(101, 0)) }, "another trail"),
    ];
    for (server, says) in cases {
        let rewritten = server.look(&witness).unwrap_err().to_string();
        assert!(rewritten.contains(says), "{rewritten}");
    }
}

#[test]
fn a_missing_an_empty_and_a_made_up_proof_prove_nothing() {
    let (witness, later) = (seen(&tree(100, 0)), tree(140, 0));
    let note = signer(1).sign(140, &later.root());
    let key = signer(1).verifier_key();
    let shown = |proof| Shown { note: Some(&note), key: &key, successions: &[], proof };
    assert_eq!(witness.check(&shown(None)), Err(Rewritten::NoProof { from: 100, to: 140 }));
    for proof in [&[][..], &[[1; 32]; 8]] {
        assert_eq!(witness.check(&shown(Some(proof))), Err(Rewritten::NotAnExtension { from: 100, to: 140 }));
    }
    let changed = note.replace("140", "141");
    let shown = Shown { note: Some(&changed), ..shown(None) };
    assert_eq!(witness.check(&shown), Err(Rewritten::Note(NoteError::Signature)));
}

#[test]
fn a_key_that_was_passed_on_is_followed_and_one_that_came_back_is_not() {
    let before = tree(100, 0);
    let witness = seen(&before);
    let succession = Succession::sign(&signer(1), &signer(2), 120, &tree(120, 0).root());
    let rotated = Server { tree: tree(130, 0), signer: signer(2), successions: vec![succession.clone()] };
    let now = rotated.look(&witness).unwrap();
    assert_eq!((now.key().clone(), now.checkpoint().size), (signer(2).verifier(), 130));
    // At the very note of the succession.
    let proof = tree(120, 0).consistency(100, 120);
    let key = signer(2).verifier_key();
    let notes = [succession.clone()];
    let at = Shown { note: Some(&succession), key: &key, successions: &notes, proof: proof.as_deref() };
    assert_eq!(witness.check(&at).unwrap().checkpoint().size, 120);
    assert_eq!(rotated.look(&witness.check(&at).unwrap()).unwrap().checkpoint().size, 130);
    // The key that was passed on signs on, as one that was stolen would.
    let stolen = Server { tree: tree(140, 0), signer: signer(1), successions: vec![succession.clone()] };
    assert!(matches!(stolen.look(&now), Err(Rewritten::Key { .. })));
    assert!(matches!(stolen.look(&witness), Err(Rewritten::Key { .. })));
    // A succession that was left out, or is somebody else's.
    let silent = Server { successions: Vec::new(), ..rotated };
    assert!(matches!(silent.look(&witness), Err(Rewritten::Key { .. })));
    let forged = Succession::sign(&signer(9), &signer(2), 120, &tree(120, 0).root());
    assert!(matches!(Server { successions: vec![forged], ..silent }.look(&witness), Err(Rewritten::Key { .. })));
}
