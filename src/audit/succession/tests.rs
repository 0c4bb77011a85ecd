use super::*;

fn signer(seed: u8) -> Signer {
    Signer::new("rolldeck.test/audit", &[seed; 32])
}

#[test]
fn whoever_trusts_either_key_follows_to_the_other_and_each_counts_only_for_its_time() {
    let (a, b, c) = (signer(1), signer(2), signer(3));
    let first = Succession::sign(&a, &b, 10, &[7; 32]);
    let second = Succession::sign(&b, &c, 20, &[8; 32]);
    assert_eq!(Succession::read(&first).unwrap().unwrap().next, b.verifier());
    let plain = a.sign(9, &[1; 32]);
    assert_eq!(Succession::read(&plain), Ok(None));
    let notes = [second.as_str(), plain.as_str(), first.as_str()];
    for trusted in [&a, &b, &c] {
        let ring = Keyring::new(trusted.verifier(), notes);
        assert_eq!(ring.keys().cloned().collect::<Vec<_>>(), [a.verifier(), b.verifier(), c.verifier()]);
        assert_eq!(*ring.newest(), c.verifier());
        for (size, key) in [(1, &a), (10, &a), (11, &b), (20, &b), (21, &c), (u64::MAX, &c)] {
            assert_eq!(*ring.at(size), key.verifier(), "{size}");
            assert!(ring.verify(&key.sign(size, &[1; 32])).is_ok(), "{size}");
        }
        assert!(ring.verify(&first).is_ok() && ring.verify(&second).is_ok());
        assert!(ring.verify(&a.sign(11, &[1; 32])).is_err(), "a key that was passed on signs nothing more");
        assert!(ring.verify(&b.sign(10, &[1; 32])).is_err(), "and the next one nothing before");
    }
}

#[test]
fn a_signature_that_somebody_added_to_a_checkpoint_passes_no_log_on() {
    let (a, thief) = (signer(1), signer(66));
    let note = a.sign(10, &[7; 32]);
    let cosigned = format!("{note}{}\n", thief.sign(10, &[7; 32]).lines().last().unwrap());
    assert_eq!(*Keyring::new(a.verifier(), [cosigned.as_str()]).newest(), a.verifier());
    // With the line written in, the signature of the key that is said to pass it on does not verify.
    let line = format!("{WORD}{} {}\n\n", a.verifier_key(), thief.verifier_key());
    let forged = cosigned.replacen("\n\n", &format!("\n{line}"), 1);
    assert_eq!(Succession::read(&forged), Err(NoteError::Signature));
    assert_eq!(*Keyring::new(a.verifier(), [forged.as_str()]).newest(), a.verifier());
    let alone = note::sign_all(&[&a], 10, &[7; 32], &[format!("{WORD}{} {}", a.verifier_key(), thief.verifier_key())]);
    assert!(matches!(Succession::read(&alone), Err(NoteError::Unsigned(_))), "the next key has to sign too");
}

#[test]
fn a_key_passes_its_log_on_once_and_circles_end() {
    let (a, b, c) = (signer(1), signer(2), signer(3));
    let (first, again) = (Succession::sign(&a, &b, 10, &[7; 32]), Succession::sign(&a, &c, 15, &[7; 32]));
    assert_eq!(*Keyring::new(a.verifier(), [again.as_str(), first.as_str()]).newest(), b.verifier());
    let back = Succession::sign(&b, &a, 12, &[7; 32]);
    let ring = Keyring::new(a.verifier(), [first.as_str(), back.as_str()]);
    assert!(ring.keys().count() <= 4);
    let other = Signer::new("another.log/audit", &[2; 32]);
    assert!(Succession::read(&Succession::sign(&a, &other, 10, &[7; 32])).is_err(), "of another log");
    let same = note::sign_all(&[&a, &a], 3, &[1; 32], &[format!("{WORD}{0} {0}", a.verifier_key())]);
    assert!(Succession::read(&same).is_err());
}
