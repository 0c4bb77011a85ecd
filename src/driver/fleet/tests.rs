use super::*;

fn unit(group: &str, site: &str) -> UnitId {
    UnitId { group: group.parse().unwrap(), site: site.parse().unwrap(), lane: "main".parse().unwrap() }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn report(generation: u64, state: ReportState) -> Report {
    Report {
        generation,
        state,
        measured: None,
        claimed: None,
        facts: BTreeMap::new(),
        slis: BTreeMap::new(),
        category: None,
        output_tail: crate::domain::SafeBlock::default(),
        check_interval: 5.0,
        labels: BTreeMap::new(),
        flags: BTreeMap::new(),
        checked_at: None,
        evaluated: BTreeMap::new(),
        audit_broken: None,
    }
}

#[test]
fn a_group_has_its_own_units_and_no_others() {
    let mut fleet = Fleet::default();
    for (group, site) in [("a", "x"), ("ab", "x"), ("a", "0"), ("b", "x"), ("a.b", "x")] {
        assert!(fleet.enrol(&unit(group, site), &BTreeMap::new(), at(0)));
    }
    let sites: Vec<_> = fleet.group(&"a".parse().unwrap()).map(|(id, _)| id.site.to_string()).collect();
    assert_eq!(sites, ["0", "x"]);
}

#[test]
fn a_unit_is_silent_three_check_intervals_after_its_last_report_and_not_before() {
    let mut fleet = Fleet::default();
    let id = unit("dc", "s1");
    fleet.enrol(&id, &BTreeMap::new(), at(0));
    fleet.hear(&id, report(0, ReportState::Idle), at(10));
    assert_eq!(fleet.fall_silent(at(24)), []);
    assert_eq!(fleet.next_silence(), Some(at(25)));
    assert_eq!(fleet.fall_silent(at(25)), std::slice::from_ref(&id));
    assert!(!fleet.get(&id).unwrap().is_reachable());
    assert_eq!(fleet.fall_silent(at(99)), [], "it is named once");
    fleet.hear(&id, report(0, ReportState::Idle), at(100));
    assert!(fleet.get(&id).unwrap().is_reachable());
}

#[test]
fn routine_reports_need_no_storing_and_progress_does() {
    let mut fleet = Fleet::default();
    let id = unit("dc", "s1");
    fleet.enrol(&id, &BTreeMap::new(), at(0));
    assert_eq!(fleet.hear(&id, report(0, ReportState::Idle), at(1)), Some(Heard::Facts));
    fleet.tell(&id, 1, Digest::of([1; 32]), None, at(2));
    assert_eq!(fleet.hear(&id, report(1, ReportState::Applying), at(3)), Some(Heard::Progress));
    assert_eq!(fleet.hear(&id, report(1, ReportState::Applying), at(4)), Some(Heard::Facts));
    let measured = Report { measured: Some(Digest::of([1; 32])), ..report(1, ReportState::Healthy) };
    assert_eq!(fleet.hear(&id, measured.clone(), at(5)), Some(Heard::Progress));
    assert_eq!(fleet.hear(&id, measured, at(6)), Some(Heard::Facts));
    let drifted = Report { measured: Some(Digest::of([9; 32])), ..report(1, ReportState::Unhealthy) };
    assert_eq!(fleet.hear(&id, drifted, at(7)), Some(Heard::Progress));
    assert!(fleet.get(&id).unwrap().drift().is_some());
}

#[test]
fn an_absurd_check_interval_keeps_no_unit_fresh_for_ever() {
    let mut fleet = Fleet::default();
    let id = unit("dc", "s1");
    fleet.enrol(&id, &BTreeMap::new(), at(0));
    for interval in [f64::NAN, f64::INFINITY, -5.0, 1e300] {
        fleet.hear(&id, Report { check_interval: interval, ..report(0, ReportState::Idle) }, at(1));
        assert!(fleet.next_silence().unwrap() <= at(1 + 86_400));
    }
}
