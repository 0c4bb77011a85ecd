//! Seeded data for every screen: a warehouse fleet at noon, in every state that matters.

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    backend::{ActionReply, AuditPage, CheckpointView, SitesPage, VerifyReport, WindowView, WindowsPage},
    domain::{
        Actor, ActorKind, AuditEntry, Blocker, BlockerKind, Digest, Exposure, Failure, FailureCategory, Freeze, Gate,
        GateKind, GateState, Next, Outcome, Phase, Preview, Report, ReportState, Revision, Role, Rollout, RolloutId,
        SafeBlock, SafeText, Stage, StageState, Subject, SubjectKind, UnitView, Verdict, VersionRef, Via, Window,
        WindowState,
        rollout::{Check, CheckState},
        sli::{Family, OverallVerdict},
    },
    wire::{LaneView, SiteView},
};

use super::{desk::start, indicators::indicator};

pub fn ago(minutes: i64) -> DateTime<Utc> {
    start() - TimeDelta::minutes(minutes)
}

pub fn digest(byte: u8) -> Digest {
    Digest::of([byte; 32])
}

fn version(name: &str, byte: u8) -> VersionRef {
    VersionRef { version: Some(name.into()), snapshot: Some(digest(byte)) }
}

pub fn id(text: &str) -> RolloutId {
    text.parse().unwrap()
}

fn stage(name: &str, state: StageState, units: u32, total: u32, entered: Option<i64>) -> Stage {
    Stage {
        name: name.parse().unwrap(),
        state,
        selects: format!("{total} sites").into(),
        exposure: Exposure { percent: f64::from(units) * 100.0 / f64::from(total), units, units_total: total },
        gates: Some(Vec::new()),
        entered_at: entered.map(ago),
        hold_until: None,
        finished_at: None,
        flag: None,
    }
}

pub fn gate(name: &str, state: GateState, detail: &str) -> Gate {
    Gate {
        name: name.parse().unwrap(),
        kind: GateKind::Expression,
        expression: "gap < 10s && drops == 0".into(),
        state,
        detail: detail.into(),
        since: Some(ago(6)),
    }
}

pub fn blocker(kind: BlockerKind, summary: &str) -> Blocker {
    Blocker { kind, summary: summary.into(), since: Some(ago(6)), until: None }
}

/// A rollout that goes on without trouble.
pub fn rollout(at: &str, phase: Phase, minutes: i64) -> Rollout {
    let id = id(at);
    Rollout {
        target: id.target,
        name: id.name,
        driver: "fleet".into(),
        revision: Revision("r118".into()),
        phase,
        message: "12 of 12 units of the stage are healthy".into(),
        strategy: "staged".into(),
        stable: version("4.11.3", 1),
        candidate: version("4.12.0", 2),
        exposure: Exposure { percent: 8.1, units: 12, units_total: 148 },
        stages: vec![
            stage("lab", StageState::Passed, 2, 2, Some(90)),
            stage("pilot", StageState::Passed, 4, 4, Some(60)),
            stage("canary", StageState::Progressing, 6, 12, Some(27)),
            stage("wave1", StageState::Waiting, 0, 40, None),
            stage("fleet", StageState::Waiting, 0, 90, None),
        ],
        current_stage: Some("canary".parse().unwrap()),
        blockers: Vec::new(),
        slis: vec![indicator("latency_p99", "ms", 212.0, 205.0, 20.5, Family::Latency)],
        verdict: OverallVerdict { label: Verdict::Pass, score: None, why: "all indicators pass".into() },
        trend: None,
        workload: None,
        pending: None,
        offers: Vec::new(),
        freeze: None,
        next: None,
        owner: "team-picking".into(),
        failures: Some(Vec::new()),
        units: Some(Vec::new()),
        correlation_id: "corr-1".into(),
        created_at: ago(200),
        updated_at: ago(minutes),
        observed_at: Some(start() - TimeDelta::seconds(2)),
    }
}

pub fn freeze() -> Freeze {
    Freeze {
        window: "w-12ab".into(),
        scope: "target=dc-north".into(),
        reason: "pilot window".into(),
        by: "a.lind".into(),
        since: ago(10),
        until: Some("2026-03-26T14:00:00Z".parse().unwrap()),
        ..Freeze::default()
    }
}

/// The one that has everything wrong with it.
pub fn breach() -> Rollout {
    let mut r = rollout("dc-west/pick-assist", Phase::Degraded, 6);
    r.message = "gate telemetry breached on osl2-n17/main".into();
    r.blockers = vec![
        blocker(BlockerKind::Breach, "gate telemetry: gap 41s, limit 10s, on osl2-n17/main"),
        blocker(BlockerKind::Failure, "osl2-n03/main: apply failed"),
        blocker(BlockerKind::NoData, "behavior: osl2-n09/b reports no acceptance_suite_passed"),
    ];
    r.stages[2].state = StageState::Failed;
    r.stages[2].gates = Some(vec![
        gate("health", GateState::Pass, "true on 12 of 12 units"),
        gate("telemetry", GateState::Breached, "gap 41s on osl2-n17/main, three checks in a row"),
        gate("behavior", GateState::Unknown, "acceptance_suite_passed is missing on osl2-n09/b"),
    ]);
    r.slis = super::indicators::story();
    r.verdict = OverallVerdict {
        label: Verdict::Fail,
        score: Some(58.0),
        why: "errors fail and burn the budget 4.1x; 3 others have no fresh data".into(),
    };
    r.next = Some(Next { at: Some(start() + TimeDelta::seconds(70)), what: "rolls back by itself".into() });
    r.failures = Some(vec![Failure {
        site: "osl2-n03".parse().unwrap(),
        lane: "main".parse().unwrap(),
        category: FailureCategory::Apply,
        output_tail: SafeBlock::new("unpacking\nchecking space: 12 MB free, 400 MB needed\nno room left, exit 1"),
        at: ago(5),
    }]);
    let unit = |site: &str, state: &str, reachable: bool, measured: Option<u8>| UnitView {
        site: site.parse().unwrap(),
        lane: "main".parse().unwrap(),
        stage: Some("canary".parse().unwrap()),
        state: state.into(),
        measured: measured.map(digest),
        claimed: None,
        pinned: Some(digest(1)),
        seen_at: Some(if reachable { start() - TimeDelta::seconds(3) } else { ago(4) }),
        reachable,
    };
    r.units = Some(vec![
        unit("osl2-n01", "healthy", true, Some(2)),
        unit("osl2-n03", "failed", true, Some(1)),
        unit("osl2-n09", "applied", false, Some(2)),
        unit("osl2-n17", "unhealthy", true, Some(2)),
        UnitView { claimed: Some(digest(2)), measured: None, ..unit("osl2-n20", "applied", true, None) },
        unit("osl2-n21", "baseline", true, Some(1)),
    ]);
    r
}

/// Nine rollouts, one of each kind.
pub fn nine() -> Vec<Rollout> {
    let mut no_data = rollout("ams/edge-fw", Phase::Degraded, 4);
    no_data.blockers = vec![blocker(BlockerKind::NoData, "3 units silent for 4 minutes")];
    let mut waiting = rollout("osl/ui-shell", Phase::AwaitingPromotion, 12);
    waiting.stages[2].state = StageState::Ready;
    let mut frozen = rollout("dc-north/router", Phase::Progressing, 20);
    frozen.freeze = Some(Box::new(freeze()));
    frozen.blockers = vec![blocker(BlockerKind::Freeze, "frozen until 14:00Z: pilot window")];
    let mut paused = rollout("osl/media-gw", Phase::Paused, 41);
    paused.message = "paused by k.berg: customer calls".into();
    paused.blockers = vec![blocker(BlockerKind::Paused, "paused by k.berg: customer calls")];
    let mut running = rollout("ber/planner", Phase::Progressing, 9);
    running.exposure = Exposure { percent: 26.0, units: 20, units_total: 77 };
    running.next = Some(Next { at: Some(start() + TimeDelta::minutes(21)), what: "hold ends".into() });
    let mut back = rollout("ber/tz-data", Phase::RolledBack, 90);
    back.message = "every unit is back on 4.11.3".into();
    back.stages[2].state = StageState::RolledBack;
    let mut done = rollout("ams/auth-svc", Phase::Completed, 150);
    done.message = "completed".into();
    done.exposure = Exposure { percent: 100.0, units: 89, units_total: 89 };
    for stage in &mut done.stages {
        stage.state = StageState::Passed;
    }
    done.current_stage = None;
    let pending = rollout("lab/nav-map", Phase::Pending, 0);
    vec![done, pending, running, waiting, paused, no_data, breach(), back, frozen]
}

/// A preview that allows it.
pub fn preview(now: &Rollout) -> ActionReply {
    ActionReply {
        outcome: Outcome::Intended,
        effect: Preview {
            summary: "12 units go on".into(),
            changes: vec!["40 further sites get 4.12.0 (stage wave1)".into(), "canary passes".into()],
            unchanged: vec!["the other 96 units keep 4.11.3".into()],
            checks: vec![
                Check { state: CheckState::Pass, text: "no freeze covers dc-west".into() },
                Check {
                    state: CheckState::Warn,
                    text: "osl2-n17 is silent: it stays as it is until it returns".into(),
                },
            ],
            units: 12,
        },
        audit: None,
        rollout: Some(now.clone()),
        blocking_windows: Vec::new(),
        approval: None,
    }
}

/// The answer to an action that was done.
pub fn applied(now: &Rollout, seq: u64, action: &str) -> ActionReply {
    ActionReply {
        outcome: Outcome::Applied,
        effect: Preview { summary: format!("{action} of {}", now.id()).into(), ..Preview::default() },
        audit: Some(entry(seq, action, "k.berg", "because of a test")),
        rollout: Some(now.clone()),
        blocking_windows: Vec::new(),
        approval: None,
    }
}

pub fn entry(seq: u64, action: &str, who: &str, reason: &str) -> AuditEntry {
    let system = who == "engine";
    AuditEntry {
        seq,
        id: format!("entry-{seq}"),
        at: start() - TimeDelta::minutes(5 * (9320 - i64::try_from(seq).unwrap())),
        actor: Actor {
            id: who.into(),
            kind: if system { ActorKind::System } else { ActorKind::Human },
            role: (!system).then_some(Role::Operator),
            via: (!system).then_some(Via::Tui),
            credential: (!system).then(|| "tok-1".into()),
            source: (!system).then(|| "10.0.0.7".into()),
        },
        action: action.into(),
        subject: Subject { kind: SubjectKind::Rollout, target: Some("dc-west".into()), name: "pick-assist".into() },
        outcome: if action == "promote" { Outcome::Refused } else { Outcome::Applied },
        intent: None,
        reason: (!reason.is_empty()).then(|| reason.into()),
        ticket: Some("INC-2231".into()),
        override_id: None,
        revision: rolldeck::domain::audit::RevisionChange {
            before: Some(Revision("r117".into())),
            after: Some(Revision("r118".into())),
        },
        effect: Some(format!("{action} changes 12 units").into()),
        saw: Some("degraded at canary, 12 of 148 units, verdict fail, revision r117, data 3s old, live".into()),
        blockers: Vec::new(),
        changes: Vec::new(),
        approved_by: Vec::new(),
        because: None,
        scope: None,
        idempotency_key: Some("key-7".into()),
        correlation_id: Some("corr-1".into()),
        evidence: None,
        schema: 1,
    }
}

pub fn trail() -> AuditPage {
    AuditPage {
        entries: vec![
            entry(9310, "start", "ci-bot", "build 77181 green"),
            entry(9311, "stage_passed", "engine", ""),
            entry(9312, "pause", "k.berg", "customer calls about labels"),
            entry(9315, "resume", "k.berg", "calls were about something else"),
            entry(9318, "promote", "mira", "all gates pass, go on"),
            entry(9319, "gate_breached", "engine", "telemetry: gap 41s > 10s"),
        ],
        checkpoint: Some(CheckpointView {
            size: 9316,
            root: "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=".into(),
            note: String::new(),
            key: "key".into(),
        }),
        searched_to: None,
    }
}

pub fn verified(bad: Option<u64>) -> VerifyReport {
    VerifyReport {
        ok: bad.is_none(),
        entries: 9319,
        proven: bad.map_or(9316, |bad| bad - 1),
        expired: 0,
        first_bad: bad,
        differs_after: None,
        detail: bad.map_or_else(
            || SafeText::new("all entries hash to their leaves"),
            |bad| SafeText::new(format!("entry {bad} does not hash to its leaf")),
        ),
    }
}

pub fn window(id: &str, state: WindowState, scope: &str, reason: &str, until: Option<DateTime<Utc>>) -> WindowView {
    WindowView {
        window: Window {
            on_enter: rolldeck::domain::OnEnter::Hold,
            id: id.into(),
            revision: 1,
            scope: scope.parse().unwrap(),
            reason: reason.into(),
            ticket: Some("CHG-88".into()),
            from: if state == WindowState::Upcoming { start() + TimeDelta::hours(12) } else { ago(10) },
            until,
            created_by: "a.lind".into(),
            created_at: ago(60),
            lifted: None,
            enabled: true,
            ..Window::default()
        },
        state,
        next_transition: None,
    }
}

pub fn windows() -> WindowsPage {
    let at = |text: &str| Some(text.parse().unwrap());
    WindowsPage {
        windows: vec![
            window("w-12ab", WindowState::Active, "dc-north", "pilot window", at("2026-03-26T14:00:00Z")),
            window("w-77", WindowState::Active, "target=ams,site=ams1-*", "audit on site", None),
            window("w-90", WindowState::Upcoming, "*", "quarter end", at("2026-03-30T06:00:00Z")),
            window("w-01", WindowState::Ended, "osl", "school run", at("2026-03-26T11:00:00Z")),
        ],
    }
}

fn lane(
    name: &str,
    state: ReportState,
    measured: Option<u8>,
    claimed: Option<u8>,
    drift: Option<&str>,
    seconds: i64,
) -> LaneView {
    LaneView {
        lane: name.parse().unwrap(),
        labels: [("ring".to_owned(), SafeText::new("b")), ("region".to_owned(), SafeText::new("eu-north"))].into(),
        desired: Some(digest(2)),
        generation: 7,
        report: Some(Report {
            generation: 7,
            state,
            measured: measured.map(digest),
            claimed: claimed.map(digest),
            facts: rolldeck::domain::Facts::default(),
            slis: std::collections::BTreeMap::default(),
            category: None,
            output_tail: SafeBlock::default(),
            check_interval: 5.0,
            labels: std::collections::BTreeMap::default(),
            flags: std::collections::BTreeMap::default(),
            checked_at: None,
            evaluated: std::collections::BTreeMap::default(),
            audit_broken: None,
        }),
        seen_at: Some(start() - TimeDelta::seconds(seconds)),
        reachable: seconds < 15,
        drift: drift.map(SafeText::new),
    }
}

pub fn sites() -> SitesPage {
    SitesPage {
        sites: vec![
            SiteView {
                group: "dc-west".parse().unwrap(),
                site: "osl1".parse().unwrap(),
                lanes: vec![lane("main", ReportState::Healthy, Some(2), None, None, 3)],
            },
            SiteView {
                group: "dc-west".parse().unwrap(),
                site: "osl2".parse().unwrap(),
                lanes: vec![
                    lane(
                        "a",
                        ReportState::Healthy,
                        Some(1),
                        None,
                        Some("measures 010101010101, ordered 020202020202"),
                        4,
                    ),
                    lane("b", ReportState::Applied, None, Some(2), None, 4),
                    lane("c", ReportState::Healthy, Some(2), None, None, 300),
                    lane("d", ReportState::Unhealthy, Some(2), None, None, 4),
                ],
            },
        ],
    }
}
