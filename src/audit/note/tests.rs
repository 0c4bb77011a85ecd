use super::*;
use crate::audit::Tree;

const SEED: [u8; 32] = [42; 32];

fn signer() -> Signer {
    Signer::new("rolldeck.example/audit", &SEED)
}

#[test]
fn the_published_example_of_signed_notes_verifies() {
    // The example of golang.org/x/mod/sumdb/note, where the format comes from.
    let key: Verifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\
                \n\
                — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert!(key.signed_text(note).unwrap().ends_with("problem is.\n"));
    assert_eq!(key.signed_text(&note.replace("don't", "do")), Err(NoteError::Signature));
    assert_eq!(key.to_string(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
}

#[test]
fn what_is_signed_is_read_back_by_whoever_has_the_verifier_key() {
    let root = Tree::new(vec![[3; 32]; 5]).root();
    let note = signer().sign(5, &root);
    let verifier: Verifier = signer().verifier_key().parse().unwrap();
    assert_eq!(verifier, signer().verifier());
    let checkpoint = verifier.verify(&note).unwrap();
    assert_eq!(checkpoint, Checkpoint { origin: "rolldeck.example/audit".into(), size: 5, root });
    assert!(note.starts_with("rolldeck.example/audit\n5\n"));
}

#[test]
fn a_changed_byte_anywhere_in_the_text_is_found() {
    let note = signer().sign(1234, &[7; 32]);
    let verifier = signer().verifier();
    let text = note.find("\n\n").unwrap();
    for at in 0..note.len() {
        for with in [b'0', b'9', b'A', b'\n', b' '] {
            let mut bytes = note.clone().into_bytes();
            if bytes[at] == with {
                continue;
            }
            bytes[at] = with;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(verifier.verify(&changed).is_err(), "byte {at} of {text}: {changed:?}");
        }
    }
}

#[test]
fn a_witness_may_add_its_signature_and_another_key_may_not_stand_in() {
    let note = signer().sign(9, &[1; 32]);
    let other = Signer::new("rolldeck.example/audit", &[1; 32]);
    let witness = Signer::new("witness.example", &[2; 32]).sign(9, &[1; 32]);
    let cosigned = format!("{note}{}\n", witness.lines().last().unwrap());
    assert!(signer().verifier().verify(&cosigned).is_ok());
    assert!(matches!(other.verifier().verify(&note), Err(NoteError::Unsigned(_))));
    let elsewhere = Signer::new("another.example/audit", &SEED);
    assert!(matches!(elsewhere.verifier().verify(&note), Err(NoteError::Origin(_))));
}

#[test]
fn texts_that_are_no_checkpoints_are_refused_with_a_word_and_never_panic() {
    let good = signer().sign(10, &[1; 32]);
    let huge = "x".repeat(NOTE_MAX + 1);
    for bad in [
        "",
        "\n\n",
        "a\n1\n",
        &good.replace("\n\n", "\n"),
        good.trim_end(),
        &good.replace("\n10\n", "\n010\n"),
        &good.replace("\n10\n", "\n+10\n"),
        &good.replace("\n10\n", "\n\n"),
        &good.replace("\n10\n", "\n99999999999999999999999999\n"),
        &good.replace('—', "-"),
        &good.replace("\n10\n", "\n10\r\n"),
        &huge,
    ] {
        assert!(signer().verifier().verify(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn texts_that_are_no_verifier_keys_are_refused() {
    let good = signer().verifier_key();
    for bad in
        ["", "+", "++", "a+b+c", &good[1..], &good.replace('+', " "), &good[..good.len() - 4], &format!("{good}A")]
    {
        assert_eq!(bad.parse::<Verifier>(), Err(NoteError::Key), "{bad:?}");
    }
}

#[test]
fn an_origin_that_no_key_can_have_as_its_name_is_made_one() {
    for (origin, name) in [("my log+1\n", "my-log-1-"), ("", "log"), ("a/b", "a/b")] {
        let signer = Signer::new(origin, &SEED);
        assert_eq!(signer.origin(), name);
        assert!(signer.verifier_key().parse::<Verifier>().unwrap().verify(&signer.sign(0, &[0; 32])).is_ok());
    }
}

#[test]
fn a_signer_shows_its_public_key_and_never_its_secret() {
    let shown = format!("{:?}", signer());
    assert!(shown.contains(&signer().verifier_key()));
    assert!(!shown.contains("42, 42"), "{shown}");
}
