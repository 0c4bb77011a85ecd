//! Carries out what [`super::update`] asks of the world: tasks that talk to the backend and send
//! messages. A poll task per connection and a watch task per rollout; everything else is asked once.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, mpsc::Sender},
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{
    app::{detail::TIMELINE_MAX, link::POLL_WAIT},
    message::{Answer, Command, Generation, Message},
    options::Connect,
};
use crate::{
    backend::{
        ActionReply, ActionRequest, AuditQuery, Backend, BackendError, Code, Conditions, Cursor, ReasonRequest,
        RolloutsPage, Tagged, WindowReply, WindowRequest,
    },
    domain::RolloutId,
};

/// A request that takes longer than its wait and this was lost, whatever the socket says.
const GRACE: Duration = Duration::from_secs(10);
/// How long a change may take: a cluster is waited for until it was seen to take it up.
const TAKES: Duration = Duration::from_secs(15);
/// A pause between two polls: a backend that answers at once for ever does not keep two machines busy.
const BREATH: Duration = Duration::from_millis(200);
/// A selection that moves on is not asked for.
const SETTLES: Duration = Duration::from_millis(120);
/// How often an action whose answer was lost is asked for again with the same key.
const ASK_AGAIN: usize = 4;

mod change;
mod flag;

type Slot = Arc<OnceLock<Arc<dyn Backend>>>;

/// The tasks of the current connection.
pub struct Effects {
    connect: Connect,
    sender: Sender<Message>,
    generation: Generation,
    context: String,
    slot: Slot,
    nudge: Arc<Notify>,
    back: Arc<Notify>,
    tasks: Vec<AbortHandle>,
    watch: Option<AbortHandle>,
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Effects")
            .field("context", &self.context)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Drop for Effects {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where answers of one connection go.
#[derive(Clone)]
struct Line {
    generation: Generation,
    sender: Sender<Message>,
    slot: Slot,
    context: String,
    /// Tells those who wait for a lost backend that it has answered somebody.
    back: Arc<Notify>,
}

impl Line {
    /// Sends; says whether anybody still listens.
    async fn send(&self, answer: Answer) -> bool {
        self.sender.send(Message::Answer(self.generation, Box::new(answer))).await.is_ok()
    }

    fn backend(&self) -> Result<Arc<dyn Backend>, BackendError> {
        self.slot.get().cloned().ok_or_else(|| BackendError::Unreachable {
            place: self.context.clone(),
            why: "there is no connection yet".to_owned(),
        })
    }

    /// Waits before a lost backend is asked again, but no longer than until it has answered anybody: what is
    /// shown is not left old beside an answer that is new.
    async fn pause(&self, wait: Duration) {
        tokio::select! {
            () = sleep(wait) => {}
            () = self.back.notified() => {}
        }
    }

    /// Asks, but never waits for ever.
    async fn ask<T, F>(&self, wait: Duration, call: impl FnOnce(Arc<dyn Backend>) -> F) -> Result<T, BackendError>
    where
        F: Future<Output = Result<T, BackendError>>,
    {
        let backend = self.backend()?;
        let place = backend.place();
        match timeout(wait + GRACE, call(backend)).await {
            Ok(result) => {
                if result.is_ok() {
                    self.back.notify_waiters();
                }
                result
            }
            Err(_) => {
                Err(BackendError::Unreachable { place, why: format!("no answer in {} s", (wait + GRACE).as_secs()) })
            }
        }
    }
}

/// The longest wait before a lost backend is asked again: whoever watches wants to see it come back.
const RETRY_MAX: Duration = Duration::from_secs(8);

fn back_off() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(RETRY_MAX)
        .with_factor(2.0)
        .without_max_times()
        .with_jitter()
        .build()
}

impl Effects {
    /// Effects that send their messages there.
    #[must_use]
    pub fn new(connect: Connect, sender: Sender<Message>) -> Self {
        Self {
            connect,
            sender,
            generation: 0,
            context: String::new(),
            slot: Slot::default(),
            nudge: Arc::new(Notify::new()),
            back: Arc::new(Notify::new()),
            tasks: Vec::new(),
            watch: None,
        }
    }

    fn stop(&mut self) {
        for task in self.tasks.drain(..).chain(self.watch.take()) {
            task.abort();
        }
    }

    fn line(&self) -> Line {
        Line {
            generation: self.generation,
            sender: self.sender.clone(),
            slot: Arc::clone(&self.slot),
            context: self.context.clone(),
            back: Arc::clone(&self.back),
        }
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.retain(|task| !task.is_finished());
        self.tasks.push(start(task));
    }

    /// Carries out a command; gives back those that are for the terminal. To be called inside a tokio runtime.
    #[must_use]
    pub fn run(&mut self, command: Command) -> Option<Command> {
        let line = self.line();
        match command {
            Command::Connect(context) => {
                self.stop();
                self.generation += 1;
                self.context.clone_from(&context);
                self.slot = Slot::default();
                self.nudge = Arc::new(Notify::new());
                self.back = Arc::new(Notify::new());
                let poll = poll(self.line(), Arc::clone(&self.connect), Arc::clone(&self.nudge));
                self.spawn(poll);
            }
            Command::Watch(id) => {
                if let Some(task) = self.watch.take() {
                    task.abort();
                }
                self.watch = id.map(|id| start(watch(line, id)));
            }
            Command::Refresh => self.nudge.notify_one(),
            Command::Audit(query) => self.spawn(async move {
                let result = line
                    .ask(GRACE, |backend| {
                        let query = query.clone();
                        async move { backend.audit(query).await }
                    })
                    .await;
                line.send(Answer::Audit(query, result)).await;
            }),
            Command::Timeline(id) => self.spawn(async move {
                let query = AuditQuery {
                    rollout: Some(id.to_string()),
                    limit: TIMELINE_MAX,
                    newest: true,
                    ..AuditQuery::default()
                };
                let result = line.ask(GRACE, |backend| async move { backend.audit(query).await }).await;
                line.send(Answer::Timeline(id, result)).await;
            }),
            Command::Verify => self.spawn(async move {
                // Reading a long trail takes its time.
                let result = line.ask(Duration::from_mins(5), |backend| async move { backend.verify().await }).await;
                line.send(Answer::Verified(result)).await;
            }),
            Command::Witness => self.spawn(async move {
                let result = first_connection(&line, |backend| async move { backend.witnessed().await }).await;
                line.send(Answer::Witnessed(result)).await;
            }),
            Command::Windows => self.spawn(async move {
                let result = first_connection(&line, |backend| async move { backend.windows().await }).await;
                line.send(Answer::Windows(result)).await;
            }),
            Command::Sites => self.spawn(async move {
                let result = line.ask(GRACE, |backend| async move { backend.sites().await }).await;
                line.send(Answer::Sites(result)).await;
            }),
            Command::Flags => self.spawn(async move {
                let result = first_connection(&line, |backend| async move { backend.flags().await }).await;
                line.send(Answer::Flags(result)).await;
            }),
            Command::FlagHistory(flag) => self.spawn(flag::history(line, flag)),
            Command::PreviewFlag { key, flag, request } => self.spawn(async move {
                let result = line
                    .ask(GRACE, |backend| async move { backend.put_flag(&flag, *request, Conditions::default()).await })
                    .await;
                line.send(Answer::FlagPreviewed(key, result)).await;
            }),
            Command::PutFlag { flag, request, conditions } => {
                self.spawn(flag::put(line, flag, *request, conditions));
            }
            Command::KillFlag { key, flag, request } => self.spawn(flag::kill(line, key, flag, request)),
            Command::Preview { key, id, request } => self.spawn(async move {
                let result = line
                    .ask(GRACE, |backend| async move { backend.act(&id, request, Conditions::default()).await })
                    .await;
                line.send(Answer::Previewed(key, result)).await;
            }),
            Command::Act { id, request, conditions } => self.spawn(act(line, id, request, conditions)),
            Command::AddWindow { key, request } => self.spawn(add_window(line, key, *request)),
            Command::LiftWindow { key, id, request } => self.spawn(lift_window(line, key, id, request)),
            other @ (Command::Theme(_)
            | Command::Keymap(_)
            | Command::Keys(_)
            | Command::Terminal(_)
            | Command::CopyScreen(_)
            | Command::Edit { .. }
            | Command::Remember(_)
            | Command::Measure
            | Command::Redraw
            | Command::Suspend
            | Command::Quit) => {
                return Some(other);
            }
            other => self.spawn(change::run(line, other)),
        }
        None
    }
}

/// Starts a task. In a box, so that tokio's part is compiled once and not for each kind of task.
fn start(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(task.boxed()).abort_handle()
}

/// Asks when there is a connection: the first question of all comes before one.
async fn first_connection<T, F>(line: &Line, call: impl FnOnce(Arc<dyn Backend>) -> F) -> Result<T, BackendError>
where
    F: Future<Output = Result<T, BackendError>>,
{
    for _ in 0..20 {
        if line.slot.get().is_some() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    line.ask(GRACE, call).await
}

/// Asks who we are, unless that is known; says whether it is now, and whether anybody still listens.
async fn introduced(line: &Line, known: bool) -> (bool, bool) {
    if known {
        return (true, true);
    }
    let info = line.ask(GRACE, |backend| async move { backend.info().await }).await;
    (info.is_ok(), line.send(Answer::Info(info)).await)
}

/// Asks for everything, then for what changed, for as long as somebody listens.
async fn poll(line: Line, connect: Connect, nudge: Arc<Notify>) {
    let mut waits = back_off();
    let mut cursor: Option<Cursor> = None;
    let mut known = false;
    loop {
        if line.slot.get().is_none() {
            match connect(&line.context) {
                Ok(backend) => drop(line.slot.set(backend)),
                Err(why) => {
                    let error = BackendError::Unreachable { place: line.context.clone(), why };
                    if !lost(&line, error, &mut waits, &nudge).await {
                        return;
                    }
                    continue;
                }
            }
        }
        let after = cursor.clone();
        let wait = if after.is_some() { POLL_WAIT } else { Duration::ZERO };
        // Who we are is asked beside what there is: the first frame waits for one round trip, not for two.
        let both = async {
            tokio::join!(
                introduced(&line, known),
                line.ask(wait, |backend| async move { backend.view(after, wait).await })
            )
        };
        let ((heard, listens), page) = tokio::select! {
            both = both => both,
            () = nudge.notified() => {
                cursor = None;
                known = false;
                continue;
            }
        };
        if !listens {
            return;
        }
        known = heard;
        match page {
            Ok(page) => {
                waits = back_off();
                let (RolloutsPage::All { cursor: next, .. } | RolloutsPage::Changed { cursor: next, .. }) = &page;
                cursor = Some(next.clone());
                if !line.send(Answer::View(Ok(page))).await {
                    return;
                }
                sleep(BREATH).await;
            }
            Err(error) => {
                // Who we are may be another after it came back.
                known = false;
                if !lost(&line, error, &mut waits, &nudge).await {
                    return;
                }
            }
        }
    }
}

/// Says that the connection is lost and waits; says whether anybody still listens.
async fn lost(line: &Line, error: BackendError, waits: &mut impl Iterator<Item = Duration>, nudge: &Notify) -> bool {
    let wait = waits.next().unwrap_or(RETRY_MAX);
    if !(line.send(Answer::View(Err(error))).await && line.send(Answer::RetryIn(wait)).await) {
        return false;
    }
    tokio::select! {
        () = line.pause(wait) => {}
        () = nudge.notified() => {}
    }
    true
}

/// Asks for one rollout whenever it changed.
async fn watch(line: Line, id: RolloutId) {
    sleep(SETTLES).await;
    let mut waits = back_off();
    let mut tag: Option<String> = None;
    loop {
        let (asked, known) = (id.clone(), tag.clone());
        let wait = if known.is_some() { POLL_WAIT } else { Duration::ZERO };
        let result = line.ask(wait, |backend| async move { backend.rollout(&asked, known, wait).await }).await;
        let failed = result.is_err();
        if let Ok(Tagged::Fresh(_, new)) = &result {
            tag = Some(new.clone());
            waits = back_off();
        }
        let quiet = matches!(result, Ok(Tagged::Unchanged));
        if !quiet && !line.send(Answer::Rollout(id.clone(), result)).await {
            return;
        }
        if failed {
            line.pause(waits.next().unwrap_or(RETRY_MAX)).await;
        } else {
            sleep(BREATH).await;
        }
    }
}

/// Whether an answer leaves open if it was done.
fn is_open<T>(result: &Result<T, BackendError>) -> bool {
    match result {
        Ok(_) => false,
        Err(BackendError::Problem(problem)) => matches!(problem.code, Code::InProgress | Code::Unavailable),
        Err(_) => true,
    }
}

/// Asks, and asks again with the same key for as long as the answer is lost, a bounded number of times.
async fn until_answered<T, F>(
    line: &Line,
    key: &str,
    mut call: impl FnMut(Arc<dyn Backend>) -> F,
) -> Result<T, BackendError>
where
    F: Future<Output = Result<T, BackendError>>,
{
    let mut again = 0;
    for wait in back_off().take(ASK_AGAIN) {
        let result = line.ask(TAKES, &mut call).await;
        if !is_open(&result) {
            return result;
        }
        again += 1;
        line.pause(wait).await;
        line.send(Answer::AskedAgain(key.to_owned(), again)).await;
    }
    line.ask(TAKES, &mut call).await
}

async fn act(line: Line, id: RolloutId, request: ActionRequest, conditions: Conditions) {
    let key = conditions.idempotency_key.clone().unwrap_or_default();
    let result: Result<ActionReply, BackendError> = until_answered(&line, &key, |backend| {
        let (id, request, conditions) = (id.clone(), request.clone(), conditions.clone());
        async move { backend.act(&id, request, conditions).await }
    })
    .await;
    line.send(Answer::Acted(key, result)).await;
}

async fn add_window(line: Line, key: String, request: WindowRequest) {
    let result: Result<WindowReply, BackendError> = until_answered(&line, &key, |backend| {
        let request = request.clone();
        let conditions = Conditions { revision: None, idempotency_key: Some(key.clone()) };
        async move { backend.add_window(request, conditions).await }
    })
    .await;
    line.send(Answer::WindowChanged(key, result)).await;
}

/// A freeze that is lifted twice is lifted once: asking again needs no key.
async fn lift_window(line: Line, key: String, id: String, request: ReasonRequest) {
    let result: Result<WindowReply, BackendError> = until_answered(&line, &key, |backend| {
        let (id, request) = (id.clone(), request.clone());
        async move { backend.lift_window(&id, request).await }
    })
    .await;
    line.send(Answer::WindowChanged(key, result)).await;
}
