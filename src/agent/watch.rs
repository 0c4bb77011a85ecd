//! The agent as a witness: it remembers the last checkpoint of its server's audit trail, holds each newer one
//! against it, and reports when one does not go on from it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::time::sleep;

use super::link::{Backoff, Link, LinkError};
use crate::{
    audit::{Hash, Rewritten, Witness, witness::Shown},
    domain::SafeText,
    store::seen,
    wire::WitnessView,
};

/// How often it asks.
const EVERY: Duration = Duration::from_mins(1);
const FILE: &str = "witness.json";

/// Asks for as long as the agent lives. What it finds is in [`Link::say_of_trail`].
pub(super) async fn run(link: &Link, directory: PathBuf) -> std::convert::Infallible {
    let mut backoff = Backoff::new();
    loop {
        let pause = match look(link, &directory).await {
            Ok(()) => {
                backoff.reset();
                EVERY
            }
            // A server that does not know the question, or a unit that it does not know yet.
            Err(LinkError::Refused(_)) => EVERY,
            Err(LinkError::Lost(_)) => backoff.next(),
        };
        sleep(pause).await;
    }
}

async fn look(link: &Link, directory: &Path) -> Result<(), LinkError> {
    // What is remembered is read before the server is asked: a later answer never shows less.
    let file = directory.join(FILE);
    let remembered = seen::read_from(&file).unwrap_or_else(|error| {
        tracing::warn!("what was remembered of the audit trail cannot be read, and is taken anew: {error}");
        None
    });
    let shown = link.witness(remembered.as_ref().map(|witness| witness.checkpoint().size)).await?;
    match held_against(remembered.as_ref(), &shown) {
        Ok(None) => {}
        Ok(Some(now)) => {
            if remembered.as_ref() != Some(&now)
                && let Err(error) = seen::write_to(&file, &now)
            {
                tracing::warn!("what was seen of the audit trail cannot be written down: {error}");
            }
            link.say_of_trail(None);
        }
        Err(why) => {
            let text = format!(
                "{why}; what was signed then is kept in {}: once it is known why, removing that file lets this agent go on",
                file.display()
            );
            tracing::error!("the audit trail of the server is not the one that was seen: {text}");
            link.say_of_trail(Some(SafeText::new(text)));
        }
    }
    Ok(())
}

/// What is to be remembered from now on; none where nothing was shown yet.
fn held_against(remembered: Option<&Witness>, shown: &WitnessView) -> Result<Option<Witness>, Rewritten> {
    let Some(remembered) = remembered else {
        let Some(note) = &shown.note else { return Ok(None) };
        let Ok(key) = shown.key.as_str().parse() else { return Ok(None) };
        return Witness::new(key, note).map(Some).map_err(Rewritten::Note);
    };
    let decode = |hash: &SafeText| STANDARD.decode(hash.as_str()).ok().and_then(|bytes| bytes.try_into().ok());
    // What is no hash proves nothing.
    let proof: Option<Vec<Hash>> =
        shown.proof.as_ref().map(|hashes| hashes.iter().map(|hash| decode(hash).unwrap_or_default()).collect());
    let (note, key) = (shown.note.as_deref(), shown.key.as_str());
    remembered.check(&Shown { note, key, successions: &shown.successions, proof: proof.as_deref() }).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Signer, Tree, leaf_hash};

    fn tree(count: u64, kind: u64) -> Tree {
        Tree::new((0..count).map(|n| leaf_hash(&[n, kind].map(u64::to_be_bytes).concat())).collect())
    }

    fn shown(tree: &Tree, from: Option<u64>) -> WitnessView {
        let signer = Signer::new("rolldeck.test/audit", &[1; 32]);
        let proof = from.and_then(|from| tree.consistency(from, tree.size()));
        WitnessView {
            note: Some(signer.sign(tree.size(), &tree.root())),
            key: SafeText::new(signer.verifier_key()),
            successions: Vec::new(),
            proof: proof.map(|hashes| hashes.iter().map(|hash| SafeText::new(STANDARD.encode(hash))).collect()),
            fault: None,
        }
    }

    #[test]
    fn what_an_agent_saw_survives_a_restart_and_a_rewritten_trail_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(seen::read_from(&file).unwrap(), None);
        let first = held_against(None, &shown(&tree(7, 0), None)).unwrap().unwrap();
        seen::write_to(&file, &first).unwrap();
        let remembered = seen::read_from(&file).unwrap().unwrap();
        assert_eq!(remembered, first);
        let grown = held_against(Some(&remembered), &shown(&tree(19, 0), Some(7))).unwrap().unwrap();
        assert_eq!(grown.checkpoint().size, 19);
        for (rewritten, from) in [(tree(19, 1), 7), (tree(7, 1), 7), (tree(6, 0), 7)] {
            assert!(held_against(Some(&remembered), &shown(&rewritten, Some(from))).is_err());
        }
        std::fs::write(&file, "{").unwrap();
        assert!(seen::read_from(&file).is_err());
    }
}
