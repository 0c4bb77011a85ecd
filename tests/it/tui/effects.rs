//! The tasks behind the dashboard, against a backend that answers, fails and hangs as told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rolldeck::{
    backend::{
        ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
        BackendError, BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Code, Conditions, Cursor,
        FlagReply, FlagRequest, FlagsPage, ImportReply, OverrideChange, OverrideReply, OverrideRequest, OverridesPage,
        Problem, ProofView, ReasonRequest, RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest,
        SnapshotsPage, StartRequest, Tagged, TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply,
        WindowRequest, WindowsImport, WindowsPage, WindowsQuery, WindowsState,
    },
    domain::{Action, Digest, FlagKey, Phase, Role, Rollout, RolloutId},
    tui::{
        effects::Effects,
        message::{Answer, Command, Message},
    },
};
use tokio::sync::mpsc::{Receiver, channel};

use super::{
    desk::{info, start, unreachable},
    fleet::{applied, id, rollout},
};

/// Says what it is told to; when it has no more to say, it holds the request.
#[derive(Debug, Default)]
struct Puppet {
    views: Mutex<VecDeque<BackendResult<RolloutsPage>>>,
    acts: Mutex<VecDeque<BackendResult<ActionReply>>>,
    rollouts: Mutex<VecDeque<BackendResult<Tagged<Rollout>>>>,
    exceptions: Mutex<VecDeque<BackendResult<OverrideReply>>>,
    asked: Mutex<Vec<String>>,
}

impl Puppet {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn next<T>(from: &Mutex<VecDeque<T>>) -> T {
    loop {
        if let Some(answer) = from.lock().unwrap().pop_front() {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn page(cursor: &str) -> RolloutsPage {
    RolloutsPage::Changed {
        changed: vec![],
        removed: vec![],
        cursor: Cursor(cursor.into()),
        as_of: start(),
        carriers: vec![],
    }
}

#[async_trait::async_trait]
impl Backend for Puppet {
    fn place(&self) -> String {
        "puppet".into()
    }
    async fn info(&self) -> BackendResult<ServerInfo> {
        self.note("info".into());
        Ok(info(Role::Operator, false))
    }
    async fn view(&self, after: Option<Cursor>, wait: Duration) -> BackendResult<RolloutsPage> {
        let after = after.map_or_else(|| "-".to_owned(), |cursor| cursor.0.as_str().to_owned());
        self.note(format!("view {after} {}", wait.as_secs()));
        next(&self.views).await
    }
    async fn rollout(&self, _: &RolloutId, tag: Option<String>, _: Duration) -> BackendResult<Tagged<Rollout>> {
        self.note(format!("rollout {}", tag.unwrap_or_else(|| "-".into())));
        next(&self.rollouts).await
    }
    async fn act(&self, id: &RolloutId, request: ActionRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        let key = conditions.idempotency_key.unwrap_or_default();
        self.note(format!("{} {id} {key} {}", request.action, request.reason));
        next(&self.acts).await
    }
    async fn start(&self, _: StartRequest, _: Conditions) -> BackendResult<ActionReply> {
        Err(unreachable())
    }
    async fn audit(&self, _: AuditQuery) -> BackendResult<AuditPage> {
        Err(unreachable())
    }
    async fn checkpoint(&self) -> BackendResult<CheckpointView> {
        Err(unreachable())
    }
    async fn checkpoints(&self) -> BackendResult<CheckpointsPage> {
        Err(unreachable())
    }
    async fn tokens(&self) -> BackendResult<TokensPage> {
        Err(unreachable())
    }
    async fn add_token(&self, _: TokenRequest) -> BackendResult<TokenReply> {
        Err(unreachable())
    }
    async fn revoke_token(&self, _: &str, _: ReasonRequest) -> BackendResult<TokenReply> {
        Err(unreachable())
    }
    async fn witness(&self, _: Option<u64>) -> BackendResult<rolldeck::backend::WitnessView> {
        Err(unreachable())
    }
    async fn proof(&self, _: u64, _: u64) -> BackendResult<ProofView> {
        Err(unreachable())
    }
    async fn verify(&self) -> BackendResult<VerifyReport> {
        Err(unreachable())
    }
    async fn windows(&self) -> BackendResult<WindowsPage> {
        Ok(super::fleet::windows())
    }
    async fn add_window(&self, _: WindowRequest, _: Conditions) -> BackendResult<WindowReply> {
        Err(unreachable())
    }
    async fn lift_window(&self, _: &str, _: ReasonRequest) -> BackendResult<WindowReply> {
        Err(unreachable())
    }
    async fn change_window(&self, _: &str, _: WindowRequest, _: Conditions) -> BackendResult<WindowReply> {
        Err(unreachable())
    }
    async fn windows_state(&self, _: WindowsQuery) -> BackendResult<WindowsState> {
        Err(unreachable())
    }
    async fn calendar(&self, _: DateTime<Utc>, _: DateTime<Utc>) -> BackendResult<CalendarPage> {
        Err(unreachable())
    }
    async fn import_windows(&self, _: WindowsImport, _: Conditions) -> BackendResult<ImportReply> {
        Err(unreachable())
    }
    async fn overrides(&self) -> BackendResult<OverridesPage> {
        Err(unreachable())
    }
    async fn add_override(&self, request: OverrideRequest, conditions: Conditions) -> BackendResult<OverrideReply> {
        let key = conditions.idempotency_key.unwrap_or_default();
        self.note(format!("override {key} {}", request.reason));
        next(&self.exceptions).await
    }
    async fn change_override(&self, _: &str, _: OverrideChange, _: ReasonRequest) -> BackendResult<OverrideReply> {
        Err(unreachable())
    }
    async fn approvals(&self) -> BackendResult<ApprovalsPage> {
        Err(unreachable())
    }
    async fn decide_approval(
        &self,
        id: &str,
        change: ApprovalChange,
        request: ReasonRequest,
    ) -> BackendResult<ApprovalReply> {
        self.note(format!("{} {id} {}", change.as_str(), request.reason));
        Err(unreachable())
    }
    async fn flags(&self) -> BackendResult<FlagsPage> {
        Err(unreachable())
    }
    async fn put_flag(&self, _: &FlagKey, _: FlagRequest, _: Conditions) -> BackendResult<FlagReply> {
        Err(unreachable())
    }
    async fn kill_flag(&self, _: &FlagKey, _: ReasonRequest) -> BackendResult<FlagReply> {
        Err(unreachable())
    }
    async fn sites(&self) -> BackendResult<SitesPage> {
        Err(unreachable())
    }
    async fn snapshots(&self) -> BackendResult<SnapshotsPage> {
        Err(unreachable())
    }
    async fn add_snapshot(&self, _: SnapshotRequest) -> BackendResult<SnapshotReply> {
        Err(unreachable())
    }
    async fn artifact(&self, _: &Digest) -> BackendResult<Vec<u8>> {
        Err(unreachable())
    }
}

fn stage() -> (Arc<Puppet>, Effects, Receiver<Message>) {
    let puppet = Arc::new(Puppet::default());
    let (sender, receiver) = channel(64);
    let backend: Arc<dyn Backend> = puppet.clone();
    let connect = move |name: &str| match name {
        "puppet" => Ok(Arc::clone(&backend)),
        _ => Err("the token file cannot be read".to_owned()),
    };
    (puppet, Effects::new(Arc::new(connect), sender), receiver)
}

/// The next answer of which something can be said, with its generation.
async fn until<T>(receiver: &mut Receiver<Message>, pick: impl Fn(Answer) -> Option<T>) -> (u64, T) {
    let wait = async {
        loop {
            match receiver.recv().await.expect("the tasks are gone") {
                Message::Answer(generation, answer) => {
                    if let Some(found) = pick(*answer) {
                        return (generation, found);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("no such answer in 20 s")
}

fn pause() -> ActionRequest {
    ActionRequest {
        action: Action::Pause,
        reason: "because of a test".into(),
        ticket: None,
        to: None,
        override_id: None,
        saw: None,
        dry_run: false,
        ask: false,
    }
}

fn act(key: &str) -> Command {
    let conditions = Conditions { revision: None, idempotency_key: Some(key.into()) };
    Command::Act { id: id("dc-west/pick-assist"), request: pause(), conditions }
}

#[tokio::test]
async fn the_list_is_asked_for_whole_first_and_then_for_what_changed_and_again_after_a_failure() {
    let (puppet, mut effects, mut answers) = stage();
    puppet.views.lock().unwrap().extend([Ok(page("c1")), Ok(page("c2")), Err(unreachable()), Ok(page("c3"))]);
    assert!(effects.run(Command::Connect("puppet".into())).is_none());
    let lost = |answer| match answer {
        Answer::View(Err(error)) => Some(error),
        _ => None,
    };
    until(&mut answers, lost).await;
    let (_, wait) = until(&mut answers, |a| if let Answer::RetryIn(wait) = a { Some(wait) } else { None }).await;
    assert!((Duration::from_millis(900)..Duration::from_millis(2100)).contains(&wait), "{wait:?}");
    until(&mut answers, |a| matches!(a, Answer::View(Ok(_))).then_some(())).await;
    let asked = puppet.asked();
    let views: Vec<&String> = asked.iter().filter(|a| a.starts_with("view")).collect();
    assert_eq!(views[..4], ["view - 0", "view c1 10", "view c2 10", "view c2 10"]);
    assert_eq!(asked.iter().filter(|a| *a == "info").count(), 2, "who we are is asked again after a failure");
}

#[tokio::test]
async fn a_lost_list_is_asked_for_as_soon_as_the_backend_has_answered_anything() {
    let (puppet, mut effects, mut answers) = stage();
    puppet.views.lock().unwrap().extend([Err(unreachable()), Err(unreachable()), Ok(page("c1"))]);
    assert!(effects.run(Command::Connect("puppet".into())).is_none());
    let retry = |answer| if let Answer::RetryIn(wait) = answer { Some(wait) } else { None };
    until(&mut answers, retry).await;
    let (_, wait) = until(&mut answers, retry).await;
    let began = std::time::Instant::now();
    let paused = rollout("dc-west/pick-assist", Phase::Paused, 1);
    puppet.acts.lock().unwrap().push_back(Ok(applied(&paused, 7, "pause")));
    assert!(effects.run(act("k-1")).is_none());
    until(&mut answers, |a| matches!(a, Answer::View(Ok(_))).then_some(())).await;
    assert!(began.elapsed() < wait / 2, "{:?} of {wait:?}", began.elapsed());
}

#[tokio::test]
async fn an_action_whose_answer_is_lost_is_asked_again_with_the_same_key_and_words() {
    let (puppet, mut effects, mut answers) = stage();
    let now = rollout("dc-west/pick-assist", Phase::Paused, 0);
    let busy = Problem::new(Code::InProgress, "the same key is being worked on");
    puppet.acts.lock().unwrap().extend([
        Err(unreachable()),
        Err(BackendError::Problem(Box::new(busy))),
        Ok(applied(&now, 7, "pause")),
    ]);
    drop(effects.run(Command::Connect("puppet".into())));
    until(&mut answers, |a| matches!(a, Answer::Info(Ok(_))).then_some(())).await;
    drop(effects.run(act("key-1")));
    let (_, (key, times)) =
        until(&mut answers, |a| if let Answer::AskedAgain(key, n) = a { Some((key, n)) } else { None }).await;
    assert_eq!((key.as_str(), times), ("key-1", 1));
    let (_, result) = until(&mut answers, |a| if let Answer::Acted(_, result) = a { Some(result) } else { None }).await;
    assert_eq!(result.unwrap().audit.unwrap().seq, 7);
    let acts: Vec<String> = puppet.asked().into_iter().filter(|a| a.starts_with("pause")).collect();
    assert_eq!(acts, vec!["pause dc-west/pick-assist key-1 because of a test".to_owned(); 3]);
}

#[tokio::test]
async fn a_refusal_is_final_and_not_asked_again() {
    let (puppet, mut effects, mut answers) = stage();
    let refused = Problem::new(Code::Blocked, "a window holds it");
    puppet.acts.lock().unwrap().push_back(Err(BackendError::Problem(Box::new(refused))));
    drop(effects.run(Command::Connect("puppet".into())));
    until(&mut answers, |a| matches!(a, Answer::Info(Ok(_))).then_some(())).await;
    drop(effects.run(act("key-1")));
    let (_, result) = until(&mut answers, |a| if let Answer::Acted(_, result) = a { Some(result) } else { None }).await;
    assert!(result.is_err());
    assert_eq!(puppet.asked().iter().filter(|a| a.starts_with("pause")).count(), 1);
}

#[tokio::test]
async fn another_connection_ends_the_tasks_of_the_one_before_and_says_so_in_its_answers() {
    let (puppet, mut effects, mut answers) = stage();
    let unused = Arc::strong_count(&puppet);
    drop(effects.run(Command::Connect("puppet".into())));
    until(&mut answers, |a| matches!(a, Answer::Info(Ok(_))).then_some(())).await;
    assert!(Arc::strong_count(&puppet) > unused);
    drop(effects.run(Command::Connect("elsewhere".into())));
    let (generation, why) =
        until(&mut answers, |a| if let Answer::View(Err(error)) = a { Some(error.to_string()) } else { None }).await;
    assert_eq!(generation, 2);
    assert!(why.contains("the token file cannot be read"), "{why}");
    // Nobody holds what the first connection's poll asked.
    let gone = async {
        while Arc::strong_count(&puppet) > unused {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the first connection's tasks go on");
}

#[tokio::test]
async fn a_watched_rollout_is_sent_when_it_changed_and_not_otherwise() {
    let (puppet, mut effects, mut answers) = stage();
    let now = rollout("dc-west/pick-assist", Phase::Progressing, 0);
    puppet.rollouts.lock().unwrap().extend([
        Ok(Tagged::Fresh(Box::new(now.clone()), "t1".into())),
        Ok(Tagged::Unchanged),
        Ok(Tagged::Fresh(Box::new(now), "t2".into())),
    ]);
    drop(effects.run(Command::Connect("puppet".into())));
    until(&mut answers, |a| matches!(a, Answer::Info(Ok(_))).then_some(())).await;
    drop(effects.run(Command::Watch(Some(id("dc-west/pick-assist")))));
    for _ in 0..2 {
        let (_, fresh) = until(&mut answers, |a| {
            if let Answer::Rollout(_, r) = a { Some(matches!(r, Ok(Tagged::Fresh(..)))) } else { None }
        })
        .await;
        assert!(fresh);
    }
    let asked: Vec<String> = puppet.asked().into_iter().filter(|a| a.starts_with("rollout")).collect();
    assert_eq!(asked[..3], ["rollout -", "rollout t1", "rollout t1"]);
}

#[tokio::test]
async fn an_override_whose_answer_is_lost_is_asked_for_again_with_its_key_and_a_decision_is_asked_for_once() {
    let (puppet, mut effects, mut answers) = stage();
    let reply = OverrideReply {
        outcome: rolldeck::domain::Outcome::Applied,
        record: super::consent::exception("o-7", "mira"),
        audit: super::fleet::entry(9330, "override_ask", "mira", "the fix cannot wait"),
    };
    puppet.exceptions.lock().unwrap().extend([Err(unreachable()), Ok(reply)]);
    drop(effects.run(Command::Connect("puppet".into())));
    until(&mut answers, |a| matches!(a, Answer::Info(Ok(_))).then_some(())).await;
    let request = OverrideRequest { reason: "the fix cannot wait".into(), ..OverrideRequest::default() };
    drop(effects.run(Command::AddOverride { key: "key-1".into(), request: Box::new(request) }));
    let changed = |a| if let Answer::OverrideChanged(key, result) = a { Some((key, result)) } else { None };
    let (_, (key, result)) = until(&mut answers, changed).await;
    assert_eq!((key.as_str(), result.unwrap().record.record.id.as_str()), ("key-1", "o-7"));
    let asked: Vec<String> = puppet.asked().into_iter().filter(|a| a.starts_with("override")).collect();
    assert_eq!(asked, vec!["override key-1 the fix cannot wait".to_owned(); 2]);
    let request = ReasonRequest { reason: "looked at the canary".into(), ticket: None, saw: None };
    let change = ApprovalChange::Approve;
    drop(effects.run(Command::DecideApproval { key: "key-2".into(), id: "a-3".into(), change, request }));
    let (_, lost) =
        until(&mut answers, |a| if let Answer::ApprovalDecided(_, result) = a { Some(result.is_err()) } else { None })
            .await;
    assert!(lost);
    assert_eq!(puppet.asked().iter().filter(|a| a.starts_with("approve a-3")).count(), 1, "it has no key");
}
