use super::*;
use crate::audit::{
    Signer,
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
        (br#"{"rolldeck_export":2,"origin":"a","key":"b"}"#, "line 1: its form is 2"),
        (br#"{"rolldeck_export":1,"origin":"a","key":"b"}"#, "line 1: the key"),
    ] {
        let error = verify(file, None).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
    let good = String::from_utf8(export(&Log::new(2, &[2]), false)).unwrap();
    for (bad, says) in [
        (format!("{good}{{\"checkpoint\":7}}\n"), "line 6: it begins like a checkpoint"),
        (format!("{good}{{\"from\":7}}\n"), "line 6: it begins like a line of leaves"),
        (format!("{good}{}", "x".repeat(LINE_MAX + 1)), "line 6: longer than 1 MiB"),
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
