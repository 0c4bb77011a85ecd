//! Guided recovery: from a symptom to what changed, what speaks for it and what can be done; and that nothing
//! is sent from there.

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    backend::{AuditPage, AuditQuery, Backend, FlagsPage, SiteView, SitesPage, Tagged, local::Local},
    domain::{
        Action, AuditEntry, Phase, ReportState, Role, Rollout, SafeText, Sli, Subject, SubjectKind, Verdict, Via,
    },
    sim,
    tui::{
        app::{
            flags::change::Verb,
            offer::Why,
            reading::Known,
            recover::{
                About, Answers, Findings, Situation, Trail, Weight,
                changes::{Change, Likelihood},
                course::Recover,
                evidence::Stand,
                find,
                signs::{self, Began, Spot, Symptom},
                steps::Deed,
            },
            touch::Around,
            zone::Zone,
        },
        intent::Intent as I,
        message::{Answer, Command},
    },
};

use super::{
    desk::{Desk, options, start, unreachable},
    flags,
    fleet::{ago, blocker, digest, entry, rollout, sites, trail},
    indicators,
};

/// A rollout that is in its canary, with these indicators.
fn with(phase: Phase, slis: Vec<Sli>) -> Rollout {
    let mut rollout = rollout("dc-west/pick-assist", phase, 6);
    let fails = slis.iter().any(|sli| sli.verdict == Verdict::Fail);
    rollout.verdict.label = if fails { Verdict::Fail } else { Verdict::Pass };
    rollout.slis = slis;
    rollout.units = None;
    rollout
}

/// A unit: its lane, the version that it measures, and how it is.
type Lane = (&'static str, u8, ReportState, bool);

fn site(name: &str, lanes: &[Lane]) -> SiteView {
    let like = sites().sites[0].lanes[0].clone();
    let lanes = lanes.iter().map(|(lane, version, state, reachable)| {
        let mut view = like.clone();
        view.lane = lane.parse().unwrap();
        view.reachable = *reachable;
        view.seen_at = Some(if *reachable { start() - TimeDelta::seconds(3) } else { ago(4) });
        let report = view.report.as_mut().unwrap();
        (report.measured, report.claimed, report.state) = (Some(digest(*version)), None, *state);
        view
    });
    SiteView { group: "dc-west".parse().unwrap(), site: name.parse().unwrap(), lanes: lanes.collect() }
}

/// `candidate` has the candidate everywhere, `before` what ran before, and all are well.
fn two_sites(candidate: &str, before: &str) -> Vec<SiteView> {
    let all = |version| ["a", "b", "c"].map(|lane| (lane, version, ReportState::Healthy, true));
    vec![site(candidate, &all(2)), site(before, &all(1))]
}

fn told(seq: u64, at: DateTime<Utc>, who: &str, action: &str, kind: SubjectKind, name: &str) -> AuditEntry {
    let target = matches!(kind, SubjectKind::Rollout | SubjectKind::Unit).then(|| SafeText::new("dc-west"));
    AuditEntry {
        at,
        subject: Subject { kind, target, name: name.into() },
        outcome: rolldeck::domain::Outcome::Applied,
        ..entry(seq, action, who, "because the shops asked for it")
    }
}

/// Somebody promoted it, and three units were told, shortly before errors went over their limit.
fn promoted() -> Vec<AuditEntry> {
    let mut entries = vec![
        told(100, ago(55), "ci-bot", "start", SubjectKind::Rollout, "tz-data"),
        told(101, ago(8), "k.berg", "promote", SubjectKind::Rollout, "pick-assist"),
    ];
    for (n, lane) in ["a", "b", "c"].iter().enumerate() {
        let at = ago(8) + TimeDelta::seconds(20 * n as i64);
        entries.push(told(102 + n as u64, at, "engine", "told", SubjectKind::Unit, &format!("osl2/{lane}")));
    }
    entries.push(told(106, ago(6), "engine", "gate_breached", SubjectKind::Rollout, "pick-assist"));
    entries
}

fn switched(key: &str, at: DateTime<Utc>) -> AuditEntry {
    told(99, at, "ci-bot", "flag_enable", SubjectKind::Flag, key)
}

/// What is known, for tables.
struct World {
    rollout: Option<Rollout>,
    sites: Vec<SiteView>,
    flags: Option<FlagsPage>,
    entries: Vec<AuditEntry>,
    doubt: Option<String>,
    trail: Trail,
}

impl World {
    fn new(rollout: Rollout) -> Self {
        Self {
            rollout: Some(rollout),
            sites: two_sites("osl2", "osl1"),
            flags: Some(flags::page()),
            entries: Vec::new(),
            doubt: None,
            trail: Trail {
                known: Known::All,
                since: Some(ago(200)),
                looked_at: 9,
                last: 110,
                proven: Some(110),
                dropped: 0,
                broken_after: None,
            },
        }
    }

    fn situation(&self) -> Situation<'_> {
        let rollout = self.rollout.clone().map(std::sync::Arc::new);
        let mut entries: Vec<&AuditEntry> = self.entries.iter().collect();
        // As they are read: of the same instant, too, the trail knows what came first.
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.seq)));
        Situation {
            now: start(),
            zone: Zone::Utc,
            doubt: self.doubt.clone(),
            target: "dc-west".parse().unwrap(),
            around: Around { rollouts: rollout.iter().cloned().collect(), ..Around::default() },
            rollout,
            site: None,
            sites: (!self.sites.is_empty()).then_some(&self.sites),
            flags: self.flags.as_ref().map(|page| page.flags.as_slice()),
            entries,
            trail: self.trail.clone(),
        }
    }

    /// The likely answers to all three questions, and what comes of them.
    fn found(&self) -> (Answers, Findings) {
        let situation = self.situation();
        let answers = Answers::likely(&situation);
        let findings = self.found_for(&answers);
        (answers, findings)
    }

    fn found_for(&self, answers: &Answers) -> Findings {
        let offers = |deed: &Deed| match (deed, &self.rollout) {
            (Deed::Action(action), Some(rollout)) => {
                rollout.offers(*action).map_err(|why| Why::Never(why.as_str().to_owned()))
            }
            _ => Ok(()),
        };
        find(&self.situation(), answers, &offers)
    }
}

fn words(findings: &Findings) -> Vec<&str> {
    findings.steps.iter().map(|step| step.words.as_str()).collect()
}

fn change<'a>(findings: &'a Findings, about: &About) -> &'a Change {
    findings.changes.iter().find(|change| change.about == *about).unwrap_or_else(|| panic!("{:#?}", findings.changes))
}

fn place(findings: &Findings, deed: &Deed) -> usize {
    findings.steps.iter().position(|step| step.deed == *deed).unwrap_or_else(|| panic!("{:#?}", findings.steps))
}

fn flag(key: &str) -> About {
    About::Flag(key.parse().unwrap())
}

#[test]
fn a_bad_canary_is_what_was_promoted_just_before_and_pause_comes_before_rollback() {
    let mut world = World::new(with(Phase::Degraded, vec![indicators::errors()]));
    world.entries = promoted();
    let (answers, found) = world.found();
    assert_eq!(answers.symptom, Symptom::Indicator("errors".into()));
    assert_eq!((answers.began, answers.estimate), (ago(6), false));
    assert_eq!(answers.spot, Spot::Candidate);
    let first = &found.changes[0];
    assert_eq!((first.likelihood, first.seq, &first.about), (Likelihood::Likely, 101, &About::Version));
    assert_eq!(first.what, "promote dc-west/pick-assist, 3 units told");
    assert_eq!(first.before, "1m before", "by the last unit that was told: {first:#?}");
    assert!(first.why.contains("the evidence points to it, touches these units"), "{}", first.why);
    let other = change(&found, &About::Rollout("dc-west/tz-data".to_owned()));
    assert_eq!(other.likelihood, Likelihood::Unlikely, "{other:#?}");
    assert!(!found.changes.iter().any(|change| change.what.contains("gate_breached")), "a sign is no change");
    let piece = &found.evidence[0];
    assert_eq!((piece.says, &piece.about), (Stand::PointsTo, &About::Version));
    assert!(piece.text.contains("errors 0.41% on 4.12.0, 0.12% on 4.11.3") && piece.means == "points to 4.12.0");
    assert_eq!(words(&found)[..2], ["Pause pick-assist", "Roll back 12 units"]);
    assert_eq!(found.steps[0].undo, "resume");
    assert!(found.rest.text.contains("nothing else changed (trail proven to #110)"), "{}", found.rest.text);
    assert_eq!(found.worked.so, Some(false));
    assert!(found.worked.lines[0].text.contains("errors under its limit 2.0x and its verdict pass; now 3.4x FAIL"));
}

#[test]
fn a_flag_that_was_switched_on_before_is_found_by_where_it_is_on_and_clears_the_version() {
    use ReportState::{Healthy, Unhealthy};
    // fast-path is on at all of osl2, and on lane a elsewhere.
    let mut world = World::new(with(Phase::Degraded, Vec::new()));
    world.sites = vec![
        site("osl2", &[("a", 1, Unhealthy, true), ("b", 2, Unhealthy, true), ("c", 1, Unhealthy, true)]),
        site("osl1", &[("a", 1, Unhealthy, true), ("b", 2, Healthy, true), ("c", 1, Healthy, true)]),
    ];
    world.entries = vec![switched("fast-path", ago(23))];
    let (answers, found) = world.found();
    assert_eq!(answers.symptom, Symptom::Failed);
    let suspect = change(&found, &flag("fast-path"));
    assert_eq!(suspect.likelihood, Likelihood::Likely, "possible by time, raised by the evidence: {suspect:#?}");
    let piece = found.evidence.iter().find(|piece| piece.about == flag("fast-path")).unwrap();
    assert_eq!(piece.says, Stand::PointsTo, "{piece:#?}");
    assert!(piece.text.contains("4 of 4 units not well with fast-path on, 0 of 2 with it off"), "{}", piece.text);
    let version = found.evidence.iter().find(|piece| piece.about == About::Version).unwrap();
    assert_eq!((version.says, version.means.as_str()), (Stand::Clears, "as many fail without it: not 4.12.0"));
    let off = place(&found, &Deed::Flag(Verb::Disable, "fast-path".parse().unwrap()));
    let back = place(&found, &Deed::Action(Action::Rollback));
    assert_eq!(words(&found)[0], "Pause pick-assist");
    assert!(off == 1 && back > off, "{:?}", words(&found));
    assert_eq!(found.steps[back].helps, "evidence: will not help");
}

#[test]
fn of_a_version_and_a_flag_that_came_together_neither_is_cleared_and_one_that_is_on_everywhere_is() {
    let mut world = World::new(with(Phase::Degraded, vec![indicators::errors()]));
    world.sites = vec![
        site("osl2", &["a", "b", "c"].map(|lane| (lane, 2, ReportState::Healthy, true))),
        site("osl1", &["b", "c"].map(|lane| (lane, 1, ReportState::Healthy, true))),
    ];
    world.entries = promoted();
    world.entries.push(switched("fast-path", ago(9)));
    world.entries.push(told(98, ago(10), "ci-bot", "flag_change", SubjectKind::Flag, "tls13-only"));
    let (_, found) = world.found();
    assert_eq!(change(&found, &About::Version).likelihood, Likelihood::Likely);
    let both = change(&found, &flag("fast-path"));
    assert_eq!(both.likelihood, Likelihood::Likely, "{both:#?}");
    let piece = found.evidence.iter().find(|piece| piece.about == flag("fast-path")).unwrap();
    assert_eq!(piece.says, Stand::Silent);
    assert!(piece.means.contains("cannot be told apart"), "{piece:#?}");
    // What is on for both sides cannot make a difference between them.
    let everywhere = found.evidence.iter().find(|piece| piece.about == flag("tls13-only")).unwrap();
    assert_eq!(everywhere.says, Stand::Clears, "{everywhere:#?}");
    assert_eq!(change(&found, &flag("tls13-only")).likelihood, Likelihood::Unlikely);
    let off = |key: &str| place(&found, &Deed::Flag(Verb::Disable, key.parse().unwrap()));
    assert!(off("fast-path") < place(&found, &Deed::Action(Action::Rollback)), "{:?}", words(&found));
    assert!(off("tls13-only") > place(&found, &Deed::Action(Action::Rollback)));
}

#[test]
fn that_nothing_changed_is_said_only_where_the_trail_is_complete_and_proven() {
    let world = |change: fn(&mut World)| {
        let mut world = World::new(with(Phase::Degraded, vec![indicators::errors()]));
        change(&mut world);
        world.found().1.rest
    };
    let table: [(&str, fn(&mut World), Weight, &str); 10] = [
        ("all", |_| {}, Weight::Good, "nothing changed (trail proven to #110)"),
        ("one", |w| w.entries = promoted(), Weight::Good, "nothing else changed (trail proven to #110)"),
        (
            "newer ones are unproven",
            |w| w.trail.proven = Some(104),
            Weight::Good,
            "nothing changed (trail proven to #104; from #105 on it is unproven)",
        ),
        ("unproven", |w| w.trail.proven = None, Weight::Unknown, "NOT PROVEN here"),
        ("not read", |w| w.trail.known = Known::NotYet, Weight::Plain, "not known yet"),
        ("read too late", |w| w.trail.since = Some(ago(20)), Weight::Unknown, "reading the trail from earlier on"),
        (
            "old",
            |w| w.trail.known = Known::Old(std::time::Duration::from_secs(60)),
            Weight::Unknown,
            "NOT KNOWN whether anything else changed: the trail was not read since",
        ),
        ("refused", |w| w.trail.known = Known::Not("no right".into()), Weight::Unknown, "cannot be read: no right"),
        ("too much", |w| w.trail.dropped = 7, Weight::Unknown, "7 older entries"),
        ("broken", |w| w.trail.broken_after = Some(41), Weight::Bad, "the trail is BROKEN at #42"),
    ];
    for (name, change, weight, text) in table {
        let rest = world(change);
        assert_eq!(rest.weight, weight, "{name}: {rest:?}");
        assert!(rest.text.contains(text), "{name}: {}", rest.text);
        assert_eq!(rest.text.starts_with("nothing") && weight == Weight::Good, weight == Weight::Good, "{name}");
    }
}

#[test]
fn a_lost_link_ranks_nothing_and_is_no_evidence() {
    let mut world = World::new(with(Phase::Degraded, vec![indicators::errors()]));
    world.entries = promoted();
    world.doubt = Some("LOST: everything here is from 12:03:44Z".into());
    let (_, found) = world.found();
    assert!(found.changes.iter().all(|change| change.likelihood == Likelihood::NotRanked), "{:#?}", found.changes);
    assert!(found.evidence.iter().all(|piece| piece.says == Stand::Silent), "{:#?}", found.evidence);
    assert!(found.rest.text.starts_with("NOT KNOWN"), "{}", found.rest.text);
    assert_eq!(found.worked.so, None);
    assert_eq!(words(&found)[0], "Pause pick-assist", "what only stops is still the first");
}

#[test]
fn no_data_and_silent_agents_are_no_evidence() {
    let mut world = World::new(with(Phase::Degraded, vec![indicators::silent()]));
    world.rollout.as_mut().unwrap().blockers =
        vec![blocker(rolldeck::domain::BlockerKind::NoData, "saturation: no data of either side for 4m")];
    world.sites = vec![
        site("osl2", &[("a", 2, ReportState::Healthy, false), ("b", 2, ReportState::Healthy, false)]),
        site("osl1", &[("a", 1, ReportState::Healthy, true)]),
    ];
    world.entries = promoted();
    let (answers, found) = world.found();
    assert_eq!(answers.symptom, Symptom::Indicator("saturation".into()));
    assert_eq!(answers.began, ago(4), "when it was last measured");
    assert!(found.evidence.iter().all(|piece| piece.says == Stand::Silent), "{:#?}", found.evidence);
    assert!(found.evidence.iter().any(|piece| piece.text.contains("2 units are silent, of 2 there")));
    assert!(found.evidence.iter().all(|piece| piece.means.contains("no data is no evidence")), "{:#?}", found.evidence);
    assert_eq!(found.worked.so, None, "nobody knows");
}

#[test]
fn of_a_rollout_that_went_back_what_still_goes_on_is_not_its_version() {
    let mut back = with(Phase::RolledBack, vec![indicators::errors()]);
    back.updated_at = ago(12);
    back.exposure.units = 0;
    let mut world = World::new(back);
    world.sites = two_sites("osl2", "osl1");
    let situation = world.situation();
    assert_eq!(signs::spots(&situation, &Symptom::Unmeasured)[0], Spot::Target);
    let answers = Answers { symptom: Symptom::Unmeasured, began: ago(30), estimate: true, spot: Spot::Target };
    let found = world.found_for(&answers);
    let piece = &found.evidence[0];
    assert_eq!((piece.says, &piece.about), (Stand::Clears, &About::Version), "{:#?}", found.evidence);
    assert!(piece.text.contains("every unit is back on 4.11.3 since 11:52Z"), "{}", piece.text);
    let rollback = &found.steps[place(&found, &Deed::Action(Action::Rollback))];
    assert_eq!(rollback.why_not.as_deref(), Some("not while it is rolled back"));
    assert!(found.steps[0].why_not.is_none(), "what can be done comes before what cannot: {:?}", words(&found));
    assert_eq!(found.steps.last().unwrap().deed, Deed::Look);
}

#[test]
fn units_that_could_not_be_brought_to_the_candidate_do_not_clear_it() {
    use ReportState::{Failed, Healthy};
    let mut rollout = with(Phase::Degraded, Vec::new());
    rollout.blockers = vec![blocker(rolldeck::domain::BlockerKind::Failure, "2 units failed: osl2/b, osl2/c")];
    let mut world = World::new(rollout);
    // Their apply failed, so what ran before is what is measured there.
    world.sites = vec![
        site("osl2", &[("a", 2, Healthy, true), ("b", 1, Failed, true), ("c", 1, Failed, true)]),
        site("osl1", &["a", "b", "c"].map(|lane| (lane, 1, Healthy, true))),
    ];
    for lane in &mut world.sites[0].lanes {
        lane.desired = Some(digest(2));
    }
    world.entries = promoted();
    let (_, found) = world.found();
    let piece = found.evidence.iter().find(|piece| piece.about == About::Version).unwrap();
    assert_eq!((piece.says, piece.means.as_str()), (Stand::PointsTo, "points to 4.12.0"), "{:#?}", found.evidence);
    assert_eq!(piece.text, "2 of 3 units not well that were told 4.12.0, 0 of 3 on 4.11.3");
    assert_ne!(change(&found, &About::Version).likelihood, Likelihood::Unlikely);
}

#[test]
fn a_breach_everywhere_is_not_the_canary() {
    use ReportState::Unhealthy;
    let mut rollout = with(Phase::Degraded, Vec::new());
    rollout.blockers = vec![blocker(rolldeck::domain::BlockerKind::Breach, "gate health: 6 units are not well")];
    let mut world = World::new(rollout);
    world.sites = vec![
        site("osl2", &["a", "b", "c"].map(|lane| (lane, 2, Unhealthy, true))),
        site("osl1", &["a", "b", "c"].map(|lane| (lane, 1, Unhealthy, true))),
    ];
    world.entries = promoted();
    let (answers, found) = world.found();
    assert_eq!((answers.symptom, answers.spot), (Symptom::Breach, Spot::Target), "not where the candidate is only");
    let suspect = change(&found, &About::Version);
    assert_eq!((suspect.likelihood, suspect.why.as_str()), (Likelihood::Unlikely, "the evidence clears it"));
    let texts: Vec<&str> = found.evidence.iter().map(|piece| piece.means.as_str()).collect();
    assert!(texts.contains(&"as many fail without it: not 4.12.0"), "{texts:?}");
    assert!(texts.contains(&"more than one site: something in common"), "{texts:?}");
    let watch = place(&found, &Deed::Watch);
    assert!(place(&found, &Deed::Action(Action::Rollback)) > watch, "{:?}", words(&found));
}

#[test]
fn a_unit_that_fails_at_one_site_only_points_there() {
    use ReportState::{Failed, Healthy};
    let mut world = World::new(with(Phase::Degraded, Vec::new()));
    world.sites = vec![
        site("osl2", &[("a", 2, Failed, true), ("b", 2, Healthy, true)]),
        site("osl1", &[("a", 2, Healthy, true), ("b", 1, Healthy, true)]),
        site("ams1", &[("a", 1, Healthy, true)]),
    ];
    let (answers, found) = world.found();
    assert_eq!(answers.spot, Spot::Site("osl2".parse().unwrap()));
    let piece = found.evidence.iter().find(|piece| matches!(piece.about, About::Site(_))).unwrap();
    assert_eq!(piece.text, "only osl2 of 3 sites has units that are not well (1 of 2)");
    assert!(words(&found).contains(&"Retry pick-assist"), "{:?}", words(&found));
}

#[test]
fn an_estimate_takes_in_what_came_shortly_after_it_and_a_known_moment_does_not() {
    let mut world = World::new(with(Phase::Degraded, vec![indicators::errors()]));
    world.entries =
        vec![told(101, ago(5) - TimeDelta::seconds(30), "k.berg", "promote", SubjectKind::Rollout, "pick-assist")];
    let answers = |estimate| Answers { symptom: Symptom::Unmeasured, began: ago(6), estimate, spot: Spot::Candidate };
    assert!(world.found_for(&answers(false)).changes.is_empty());
    assert_eq!(world.found_for(&answers(true)).changes[0].before, "about then");
    assert_eq!(Began::Ago(5).at(start()), (start() - TimeDelta::seconds(5 * 60 + 31), true));
}

#[test]
fn after_something_was_done_it_says_so_and_at_the_deadline_it_names_the_next_step() {
    let mut paused = with(Phase::Paused, vec![indicators::errors()]);
    paused.updated_at = ago(3);
    let mut world = World::new(paused.clone());
    let (_, found) = world.found();
    let lines: Vec<&str> = found.worked.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(found.worked.lines[1].weight, Weight::Good);
    assert_eq!(lines[1], "PAUSED since 12:01Z: no further unit gets it");
    assert!(lines[2].starts_with("if it is not so by 12:11Z: step 1 is next (Roll back 12 units)"), "{lines:?}");
    // Ten minutes after it was paused nothing is better.
    let mut errors = indicators::errors();
    errors.over_since = Some(ago(16));
    paused.slis = vec![errors];
    paused.updated_at = ago(11);
    world.rollout = Some(paused.clone());
    // No flag was switched off since.
    world.flags = None;
    let (_, found) = world.found();
    let last = found.worked.lines.last().unwrap();
    assert_eq!(last.weight, Weight::Attention);
    assert!(last.text.starts_with("not so by 12:03Z: step 1 is next (Roll back"), "{}", last.text);
    // It passes again.
    let answers = Answers { symptom: Symptom::Indicator("errors".into()), ..world.found().0 };
    let mut good = indicators::errors();
    (good.verdict, good.over_since) = (Verdict::Pass, None);
    paused.slis = vec![good];
    world.rollout = Some(paused);
    let found = world.found_for(&answers);
    assert_eq!((found.worked.so, found.worked.lines[0].weight), (Some(true), Weight::Good));
    assert!(found.worked.lines.iter().any(|line| line.text.starts_with("it is so now")), "{:#?}", found.worked);
}

#[test]
fn where_nothing_is_wrong_watching_comes_first_and_people_may_say_otherwise() {
    let world = World::new(with(Phase::Progressing, vec![indicators::story()[0].clone()]));
    let situation = world.situation();
    let all: Vec<Symptom> = signs::signs(&situation).into_iter().map(|sign| sign.symptom).collect();
    assert_eq!(all, [Symptom::Nothing, Symptom::Unmeasured]);
    let (_, found) = world.found();
    assert_eq!(found.steps[0].deed, Deed::Watch, "{:?}", words(&found));
    assert_eq!(found.worked.so, Some(true));
}

#[test]
fn what_is_typed_is_a_rollout_or_a_site_or_is_refused_with_what_was_expected() {
    for good in ["dc-west/pick-assist", "osl2", "dc-west/osl2", " osl2 "] {
        assert!(Recover::parse(good).is_ok(), "{good}");
    }
    for bad in ["a b", "a/b/c", "/", "x/"] {
        let why = Recover::parse(bad).unwrap_err();
        assert!(why.contains("TARGET/NAME, a SITE, or a GROUP/SITE"), "{bad}: {why}");
    }
}

// ---- the view ----

fn asked(desk: &Desk) -> Option<AuditQuery> {
    desk.commands.iter().rev().find_map(|c| if let Command::RecoveryTrail(q) = c { Some(q.clone()) } else { None })
}

fn read(desk: &mut Desk, entries: Vec<AuditEntry>) {
    let query = asked(desk).expect("the trail was not asked for");
    desk.taken();
    desk.answer(Answer::RecoveryTrail(query, Ok(AuditPage { entries, ..trail() })));
}

fn bad() -> Rollout {
    let mut rollout = with(Phase::Degraded, vec![indicators::errors(), indicators::story()[0].clone()]);
    rollout.blockers = vec![blocker(rolldeck::domain::BlockerKind::Breach, "errors 3.4x its baseline, limit 2.0x")];
    rollout.next = Some(rolldeck::domain::Next {
        at: Some(start() + TimeDelta::seconds(70)),
        what: "rolls back by itself".into(),
    });
    rollout
}

/// Guided recovery of a bad canary, all of it known.
pub fn opened(size: (u16, u16), role: Role, protected: bool) -> Desk {
    let mut desk = Desk::with(&options(protected, false), role, false, vec![bad()], size);
    desk.press(I::ViewRecover);
    fill(&mut desk);
    desk
}

fn fill(desk: &mut Desk) {
    desk.watched(bad());
    desk.answer(Answer::Timeline(bad().id(), Ok(trail())));
    desk.answer(Answer::Sites(Ok(SitesPage { sites: two_sites("osl2", "osl1") })));
    desk.answer(Answer::Flags(Ok(flags::page())));
    desk.answer(Answer::Witnessed(Ok(super::audit::seen())));
    let mut entries = promoted();
    entries.push(switched("tls13-only", ago(23)));
    entries.sort_by_key(|entry| entry.seq);
    read(desk, entries);
    desk.wait(3_100);
}

/// All three questions answered with what is most likely.
pub fn answered(size: (u16, u16)) -> Desk {
    let mut desk = opened(size, Role::Operator, false);
    desk.keys(&[I::Open, I::Open, I::Open]);
    desk
}

#[test]
fn three_enters_lead_to_what_is_most_likely_and_what_is_safest() {
    let mut desk = opened((120, 40), Role::Operator, false);
    let screen = desk.ascii();
    assert!(screen.contains("1 of 3  what is wrong?") && screen.contains(">1 X errors 3.4x (2.0) FAIL"), "{screen}");
    desk.press(I::Open);
    assert!(desk.ascii().contains("2 of 3  when did it begin?"), "{}", desk.ascii());
    assert!(desk.ascii().contains("errors went over its limit"), "{}", desk.ascii());
    desk.press(I::Open);
    assert!(desk.ascii().contains("3 of 3  where is it?"), "{}", desk.ascii());
    desk.press(I::Open);
    let screen = desk.ascii();
    for part in [
        "LIKELY: the evidence points to it",
        "promote pick-assist, 3 units told",
        "nothing else changed",
        "points to 4.12.0",
        "clears the flag",
        ">1 Pause pick-assist",
        " 2 Roll back 12 units",
        "Keep watching to 12:05:41Z",
        "how you will know it worked",
        "errors under its limit 2.0x",
        "if nobody acts: 12:05:41Z rolls back by itself",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert!(desk.acts().is_empty());
}

#[test]
fn a_number_opens_the_ordinary_dialog_of_what_is_pinned_and_sends_nothing() {
    let mut desk = answered((80, 24));
    desk.taken();
    desk.wait(300).press(I::Choose2);
    let dialog = desk.app.dialog().expect("no dialog");
    assert_eq!(dialog.rollout(), Some(&bad().id()));
    assert!(desk.commands.iter().any(|c| matches!(c, Command::Preview { request, .. } if request.dry_run)));
    assert!(desk.acts().is_empty());
    desk.paint().wait(400);
    desk.press(I::Back);
    assert!(desk.app.dialog().is_none() && desk.row(0).contains("RECOVER"), "{}", desk.screen());
    // A flag's step opens the flag's dialog.
    let screen = desk.ascii();
    let line = screen.lines().find(|line| line.contains("Switch off tls13-only"));
    let mut large = answered((120, 40));
    let screen = large.ascii();
    let line = line
        .map(str::to_owned)
        .or_else(|| screen.lines().find(|l| l.contains("Switch off tls13-only")).map(str::to_owned));
    let number: usize =
        line.unwrap().trim_start_matches('>').trim().chars().next().unwrap().to_digit(10).unwrap() as usize;
    let keys =
        [I::Choose1, I::Choose2, I::Choose3, I::Choose4, I::Choose5, I::Choose6, I::Choose7, I::Choose8, I::Choose9];
    large.wait(300).press(keys[number - 1]);
    assert!(large.app.dialog().is_some() && large.ascii().contains("tls13-only"), "{}", large.ascii());
    assert!(large.acts().is_empty());
}

#[test]
fn what_is_not_offered_says_why_and_opens_nothing() {
    let mut desk = opened((120, 40), Role::Viewer, false);
    desk.keys(&[I::Open, I::Open, I::Open]);
    let screen = desk.ascii();
    assert!(screen.contains("no: your role here is viewer"), "{screen}");
    let line = screen.lines().find(|line| line.contains("Pause pick-assist")).unwrap();
    let number = line.trim_start_matches('>').trim().chars().next().unwrap();
    let key = [I::Choose1, I::Choose2, I::Choose3, I::Choose4, I::Choose5][number.to_digit(10).unwrap() as usize - 1];
    desk.wait(300).press(key);
    assert!(desk.app.dialog().is_none());
    assert!(desk.ascii().contains("Pause dc-west/pick-assist: your role here is viewer"), "{}", desk.ascii());
}

#[test]
fn escape_goes_back_one_question_at_a_time_and_then_leaves() {
    let mut desk = answered((80, 24));
    for title in ["3 of 3", "2 of 3", "1 of 3"] {
        desk.press(I::Back);
        assert!(desk.ascii().contains(title), "{title}\n{}", desk.ascii());
    }
    desk.press(I::Back);
    assert!(desk.row(0).contains("ROLLOUTS"), "{}", desk.screen());
    // Who comes back goes on; an answer may be another one.
    desk.press(I::ViewRecover).press(I::Choose1);
    let screen = desk.ascii();
    let line = screen.lines().find(|line| line.contains("about an hour ago")).unwrap_or_else(|| panic!("{screen}"));
    let number = line.trim().chars().next().unwrap().to_digit(10).unwrap() as usize;
    desk.taken();
    desk.press([I::Choose1, I::Choose2, I::Choose3, I::Choose4, I::Choose5, I::Choose6, I::Choose7][number - 1]);
    assert!(desk.ascii().contains("> about 11:04Z"), "{}", desk.ascii());
    // The trail is read from an hour before that on.
    assert_eq!(asked(&desk).unwrap().since, Some("2026-03-26T10:04:00Z".parse().unwrap()));
}

#[test]
fn numbers_stay_where_they_are_while_somebody_presses_keys() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![bad()], (120, 40));
    desk.press(I::ViewRecover);
    desk.watched(bad());
    desk.keys(&[I::Open, I::Open, I::Open]);
    let before = desk.app.dialog().is_none().then(|| desk.ascii()).unwrap();
    let second = |screen: &str| {
        let of = |line: &&str| line.starts_with(" 2 ") || line.starts_with(">2 ");
        screen.lines().find(of).map(|line| line[..30].to_owned())
    };
    // A flag turns out to have been switched: it comes behind what has a number already.
    desk.answer(Answer::Sites(Ok(SitesPage { sites: two_sites("osl2", "osl1") })));
    desk.answer(Answer::Flags(Ok(flags::page())));
    let mut entries = promoted();
    entries.insert(0, switched("fast-path", ago(9)));
    read(&mut desk, entries);
    assert_eq!(second(&before), second(&desk.ascii()), "{before}\n{}", desk.ascii());
    assert!(desk.ascii().contains("Switch off fast-path"), "{}", desk.ascii());
    desk.wait(4_000);
    assert!(second(&desk.ascii()).unwrap().contains("Switch off fast-path"), "{}", desk.ascii());
}

#[test]
fn a_lost_backend_is_said_on_top_and_nothing_is_ranked() {
    let mut desk = answered((80, 24));
    desk.answer(Answer::View(Err(unreachable())));
    let screen = desk.ascii();
    assert!(screen.contains("LOST: everything here is from") && screen.contains("nothing is ranked"), "{screen}");
    assert!(screen.contains("NOT RANK") && !screen.contains("LIKELY") && !screen.contains("nothing else changed"));
}

#[test]
fn a_site_is_recovered_by_its_name_and_one_that_is_not_there_is_said() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![bad()], (100, 30));
    desk.command("recover dc-west/osl2");
    assert!(desk.ascii().contains("asking for the sites"), "{}", desk.ascii());
    desk.answer(Answer::Sites(Ok(SitesPage { sites: two_sites("osl2", "osl1") })));
    assert!(desk.ascii().contains("dc-west/pick-assist BREACH"), "{}", desk.ascii());
    desk.keys(&[I::Open, I::Open]);
    assert!(desk.ascii().contains(">1   only osl2"), "{}", desk.ascii());
    desk.command("recover dc-west/nowhere");
    assert!(desk.ascii().contains("there is neither a rollout nor a site dc-west/nowhere"), "{}", desk.ascii());
    desk.command("recover a b");
    assert!(desk.ascii().contains("'a b' is neither"), "{}", desk.ascii());
}

#[test]
fn nothing_is_painted_again_while_nothing_changes_and_the_trail_goes_on_from_where_it_was() {
    let mut desk = answered((120, 40));
    desk.wait(11_000);
    let query = asked(&desk).expect("the poll asks for what came since");
    assert!(query.after >= 106, "{query:?}");
    desk.wait(4_000);
    desk.paint();
    desk.answer(Answer::RecoveryTrail(query, Ok(AuditPage { entries: vec![], ..trail() })));
    assert!(!desk.app.is_dirty());
}

#[test]
fn it_fits_every_size_whatever_is_written_in_it() {
    let evil = "日本語\u{202e}gnp\u{1b}[2J".repeat(12);
    for size in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        let mut odd = bad();
        odd.owner = evil.as_str().into();
        odd.candidate.version = Some(evil.as_str().into());
        odd.blockers[0].summary = evil.as_str().into();
        let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![odd.clone()], size);
        desk.press(I::ViewRecover);
        desk.watched(odd);
        let mut entries = vec![told(107, ago(7), &evil, &evil, SubjectKind::Rollout, "pick-assist"); 30];
        entries[3].reason = Some(evil.as_str().into());
        read(&mut desk, entries);
        for step in [I::Open, I::Open, I::Open, I::Down, I::Bottom] {
            for line in desk.screen().lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= usize::from(size.0), "{width} columns: {line}");
                assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line}");
            }
            desk.press(step);
        }
    }
}

/// All that a backend knows around a rollout, reasoned over as the command line does it.
async fn of_backend(backend: &dyn Backend, rollout: Rollout) -> (Answers, Findings) {
    let (sites, flags) = (backend.sites().await.unwrap(), backend.flags().await.unwrap());
    let since = start() - TimeDelta::days(365);
    let query = AuditQuery { since: Some(since), limit: 1000, ..AuditQuery::default() };
    let page = backend.audit(query).await.unwrap();
    let rollout = std::sync::Arc::new(rollout);
    let situation = Situation {
        now: flags.as_of,
        zone: Zone::Utc,
        doubt: None,
        target: rollout.target.clone(),
        around: Around { rollouts: vec![rollout.clone()], ..Around::default() },
        rollout: Some(rollout.clone()),
        site: None,
        sites: Some(&sites.sites),
        flags: Some(&flags.flags),
        entries: page.entries.iter().rev().collect(),
        trail: Trail {
            known: Known::All,
            since: Some(since),
            looked_at: page.entries.len() as u64,
            last: page.entries.last().unwrap().seq,
            proven: None,
            dropped: 0,
            broken_after: None,
        },
    };
    let answers = Answers::likely(&situation);
    let offers = |deed: &Deed| match deed {
        Deed::Action(action) => rollout.offers(*action).map_err(|why| Why::Never(why.as_str().to_owned())),
        _ => Ok(()),
    };
    let found = find(&situation, &answers, &offers);
    (answers, found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_demos_basket_the_errors_point_to_what_was_begun_before() {
    let options = sim::SimOptions { seed: 1, speed: 10.0, scenario: "mixed".to_owned() };
    let sim = sim::start(options).await.unwrap();
    let backend = Local::new(sim.control.clone(), Local::person("mira", Via::Tui));
    let id = "webshop/basket".parse().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    let rollout = loop {
        let look = backend.rollout(&id, None, std::time::Duration::ZERO).await.unwrap();
        let Tagged::Fresh(rollout, tag) = look else { panic!("without a tag it is everything") };
        if rollout.verdict.label == Verdict::Fail || rollout.phase.is_terminal() {
            break *rollout;
        }
        assert!(std::time::Instant::now() < deadline, "it never turned bad: {} {}", rollout.phase, rollout.verdict.why);
        // Held until something changes.
        let _ = backend.rollout(&id, Some(tag), std::time::Duration::from_secs(1)).await.unwrap();
    };
    let (answers, found) = of_backend(&backend, rollout.clone()).await;
    let begun = found.changes.iter().find(|change| change.what.starts_with("start webshop/basket"));
    let begun = begun.unwrap_or_else(|| panic!("{answers:?}\n{:#?}", found.changes));
    assert_eq!((begun.who.as_str(), &begun.about), ("j.roos", &About::Version));
    let piece = found.evidence.iter().find(|piece| piece.about == About::Version).unwrap();
    if rollout.phase.is_terminal() {
        assert!(piece.text.contains("back on 12.3.7"), "{piece:#?}");
    } else {
        assert!(matches!(answers.symptom, Symptom::Indicator(_)), "{answers:?}");
        assert_eq!((piece.says, piece.means.as_str()), (Stand::PointsTo, "points to 12.4.0"), "{:#?}", found.evidence);
        assert_eq!(begun.likelihood, Likelihood::Likely, "{begun:#?}");
        assert_eq!(found.worked.so, Some(false));
    }
    assert!(
        found.rest.text.contains("NOT PROVEN here"),
        "nobody held this trail against anything: {}",
        found.rest.text
    );
    sim.shutdown().await;
}
