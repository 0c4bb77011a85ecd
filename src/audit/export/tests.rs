use super::*;
use crate::audit::{
    Signer, Succession, Tree,
    verify::tests::{Log, bytes},
};

fn export(log: &Log, filtered: bool) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Header::new(&log.signer.verifier_key(), filtered)).unwrap();
    for (seq, bytes, leaf) in &log.entries {
        if !filtered || seq % 2 == 0 {
            writer.entry(*seq, bytes.clone(), Some(*leaf)).unwrap();
        }
    }
    writer.finish(log.notes.clone()).unwrap()
}

#[test]
fn an_export_has_the_stored_bytes_line_by_line_and_verifies_by_itself() {
    let log = Log::new(600, &[256, 512, 600]);
    let file = export(&log, false);
    let text = String::from_utf8(file.clone()).unwrap();
    assert!(text.starts_with(r#"{"filtered":false,"key":"rolldeck.test/audit+"#));
    let entries: Vec<_> = text.lines().filter(|line| line.starts_with(r#"{"action""#)).collect();
    assert_eq!(entries.len(), 600);
    assert_eq!(entries[599].as_bytes(), log.entries[599].1);

    let report = verify(&file[..], None).unwrap();
    assert_eq!((report.ok, report.entries, report.proven), (true, 600, 600), "{}", report.detail);
    assert!(report.detail.contains("the file's own word"), "{}", report.detail);
    let report = verify(&file[..], Some(log.signer.verifier())).unwrap();
    assert!(report.ok && !report.detail.contains("own word"), "{}", report.detail);
}

#[test]
fn a_changed_line_is_named_by_the_number_of_its_entry() {
    let text = String::from_utf8(export(&Log::new(600, &[256, 512, 600]), false)).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let at = lines.iter().position(|line| line.contains("\"seq\":300}")).unwrap();
    lines[at] = lines[at].replace("drops", "drips");
    assert_eq!(verify(lines.join("\n").as_bytes(), None).unwrap().first_bad, Some(300));
    lines[at] = "no entry at all".into();
    assert_eq!(verify(lines.join("\n").as_bytes(), None).unwrap().first_bad, Some(300));
    lines.remove(at);
    assert_eq!(verify(lines.join("\n").as_bytes(), None).unwrap().first_bad, Some(300));
}

#[test]
fn what_was_changed_before_the_export_is_named_too() {
    let mut log = Log::new(40, &[40]);
    log.entries[11].1 = bytes(12, "nothing happened here");
    assert_eq!(verify(&export(&log, false)[..], None).unwrap().first_bad, Some(12));
    // Without the stored leaves the checkpoint tells.
    let mut writer = Writer::new(Vec::new(), &Header::new(&log.signer.verifier_key(), false)).unwrap();
    for (seq, bytes, _) in &log.entries {
        writer.entry(*seq, bytes.clone(), None).unwrap();
    }
    let report = verify(&writer.finish(log.notes.clone()).unwrap()[..], None).unwrap();
    assert_eq!((report.ok, report.first_bad, report.differs_after), (false, None, Some(0)));
}

#[test]
fn a_file_signed_anew_by_somebody_else_does_not_pass_for_the_servers() {
    let log = Log::new(10, &[10]);
    let mut forged = log.clone();
    forged.signer = std::rc::Rc::new(Signer::new("rolldeck.test/audit", &[66; 32]));
    let root = crate::audit::Tree::new(forged.entries.iter().map(|(.., leaf)| *leaf).collect()).root();
    forged.notes = vec![forged.signer.sign(10, &root)];
    let file = export(&forged, false);
    assert!(verify(&file[..], None).unwrap().ok);
    assert!(!verify(&file[..], Some(log.signer.verifier())).unwrap().ok);
}

#[test]
fn an_export_of_a_filter_says_that_it_proves_nothing() {
    let report = verify(&export(&Log::new(40, &[40]), true)[..], None).unwrap();
    assert_eq!((report.ok, report.entries, report.proven, report.first_bad), (false, 20, 0, None));
    assert!(report.detail.contains("a filter left others out"), "{}", report.detail);
}

#[test]
fn files_that_are_no_exports_are_refused_in_a_sentence() {
    for (file, says) in [
        (&b""[..], "line 1: it is not an audit export"),
        (b"\n\n", "line 1: it is not an audit export"),
        (b"\x00\xff\xfe", "line 1: it is not an audit export"),
        (b"{\"a\":1}\n", "line 1: it is not an audit export"),
        (br#"{"rolldeck_export":3,"origin":"a","key":"b"}"#, "line 1: its form is 3"),
        (br#"{"rolldeck_export":1,"origin":"a","key":"b"}"#, "line 1: the key"),
    ] {
        let error = verify(file, None).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
    let good = String::from_utf8(export(&Log::new(2, &[2]), false)).unwrap();
    for (bad, says) in [
        (format!("{good}{{\"checkpoint\":7}}\n"), "line 7: it begins like a checkpoint"),
        (format!("{good}{{\"from\":7}}\n"), "line 7: it begins like a line of leaves"),
        (format!("{good}{}", "x".repeat(LINE_MAX + 1)), "line 7: longer than 1 MiB"),
    ] {
        let error = verify(bad.as_bytes(), None).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn a_line_of_the_greatest_length_is_still_read() {
    let good = String::from_utf8(export(&Log::new(2, &[2]), false)).unwrap();
    let report = verify(format!("{good}{}\n", "x".repeat(LINE_MAX)).as_bytes(), None).unwrap();
    assert_eq!(report.first_bad, Some(3));
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_never_taken_for_the_whole() {
    let text = String::from_utf8(export(&Log::new(40, &[20, 40]), false)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for kept in 1..lines.len() {
        let report = verify(lines[..kept].join("\n").as_bytes(), None).unwrap();
        assert!(!report.ok, "{kept} lines: {}", report.detail);
        assert!(report.detail.contains("the file was cut off"), "{kept} lines: {}", report.detail);
    }
    for bytes in [1, 2, 30, text.len() / 2] {
        // In the middle of a line: no export any more, or one that does not verify.
        assert!(verify(&text.as_bytes()[..text.len() - bytes - 1], None).map_or(true, |report| !report.ok));
    }
    let mut longer = text.clone();
    longer.push_str(lines[2]);
    longer.push('\n');
    assert!(!verify(longer.as_bytes(), None).unwrap().ok);
    let fewer = text.replacen(&format!("{}\n", lines[42]), "", 1);
    assert!(verify(fewer.as_bytes(), None).unwrap().detail.contains("its last line says 40 entries and 2 checkpoints"));
}

#[test]
fn a_file_of_the_first_form_is_still_read() {
    let text = String::from_utf8(export(&Log::new(40, &[20, 40]), false)).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.pop();
    let old = lines.join("\n").replacen("\"rolldeck_export\":2", "\"rolldeck_export\":1", 1);
    let report = verify(old.as_bytes(), None).unwrap();
    assert_eq!((report.ok, report.proven), (true, 40), "{}", report.detail);
}

/// The entries of a log that a filter chose, each with its proof.
fn chosen(log: &Log, of: impl Fn(u64) -> bool) -> Vec<u8> {
    let tree = Tree::new(log.entries.iter().map(|(.., leaf)| *leaf).collect());
    let size = tree.size();
    let mut writer = Writer::new(Vec::new(), &Header::new(&log.signer.verifier_key(), true)).unwrap();
    for (seq, bytes, leaf) in log.entries.iter().filter(|(seq, ..)| of(*seq)) {
        writer.proven(*seq, bytes.clone(), *leaf, size, tree.inclusion(seq - 1, size).unwrap()).unwrap();
    }
    writer.finish(log.notes.clone()).unwrap()
}

#[test]
fn what_a_filter_chose_is_proven_entry_by_entry_and_says_that_others_may_be_missing() {
    let log = Log::new(40, &[20, 40]);
    let file = chosen(&log, |seq| seq % 3 == 0 || (10..15).contains(&seq));
    let report = verify(&file[..], Some(log.signer.verifier())).unwrap();
    assert_eq!((report.ok, report.entries, report.proven), (true, 17, 17), "{}", report.detail);
    assert!(report.detail.contains("nothing shows that it left none out"), "{}", report.detail);
    let text = String::from_utf8(file).unwrap();
    // Changed with its leaf, put in from elsewhere, moved, or without a checkpoint.
    let mut forged = log.clone();
    forged.entries[11].1 = bytes(12, "nothing happened here");
    forged.entries[11].2 = leaf_hash(&forged.entries[11].1);
    let report = verify(&chosen(&forged, |seq| seq == 12 || seq == 18)[..], Some(log.signer.verifier())).unwrap();
    assert_eq!((report.ok, report.first_bad), (false, Some(12)), "{}", report.detail);
    let moved = text.replacen("\"from\":18", "\"from\":17", 1);
    assert!(!verify(moved.as_bytes(), None).unwrap().ok);
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains("\n40\\n")).collect();
    let unsigned = format!("{}\n", kept.join("\n"));
    assert!(!verify(unsigned.replace("\"size\":40", "\"size\":39").as_bytes(), None).unwrap().ok);
}

#[test]
fn all_keys_are_in_the_file_and_either_of_them_verifies_it() {
    let mut log = Log::new(40, &[10]);
    let next = Signer::new("rolldeck.test/audit", &[6; 32]);
    let tree = Tree::new(log.entries.iter().map(|(.., leaf)| *leaf).collect());
    log.notes.push(Succession::sign(&log.signer, &next, 20, &tree.root_at(20).unwrap()));
    log.notes.push(next.sign(40, &tree.root()));
    let header = Header::new(&next.verifier_key(), false).with_keys_of(&log.notes);
    assert_eq!(header.keys, [log.signer.verifier_key(), next.verifier_key()]);
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    for (seq, bytes, leaf) in &log.entries {
        writer.entry(*seq, bytes.clone(), Some(*leaf)).unwrap();
    }
    let file = writer.finish(log.notes.clone()).unwrap();
    for key in [None, Some(log.signer.verifier()), Some(next.verifier())] {
        let report = verify(&file[..], key).unwrap();
        assert_eq!((report.ok, report.proven), (true, 40), "{}", report.detail);
        assert!(report.detail.contains(", then "), "{}", report.detail);
    }
    let other = Signer::new("rolldeck.test/audit", &[7; 32]).verifier();
    assert!(!verify(&file[..], Some(other)).unwrap().ok);
}
