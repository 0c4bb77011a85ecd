//! The line mode: what is said, what is not, and that nothing changes without the last answer.

use rolldeck::{
    backend::{BackendError, WindowsPage},
    domain::{Phase, Role, Rollout, StageState, WindowState},
    tui::{
        capability::Glyphs,
        message::{Answer, Command, Message},
        plain::{COLUMNS, Scope, Talk, Teller, Voice, entry},
    },
};
use unicode_width::UnicodeWidthStr as _;

use super::{
    desk::{Desk, options, unreachable},
    fleet::{applied, breach, freeze, id, nine, preview, rollout, trail, window, windows},
};

struct Lines {
    desk: Desk,
    teller: Teller,
    talk: Talk,
    said: Vec<String>,
}

impl Lines {
    fn new(protected: bool, role: Role, rollouts: Vec<Rollout>, scope: Scope) -> Self {
        let mut desk = Desk::with(&options(protected, false), role, false, rollouts, (80, 24));
        desk.answer(Answer::Windows(Ok(windows())));
        let voice = Voice(Glyphs::Ascii);
        Self { desk, teller: Teller::new(voice, scope), talk: Talk::new(voice), said: Vec::new() }
    }

    /// With everything said that there is to say at first.
    fn begun(protected: bool, rollouts: Vec<Rollout>) -> Self {
        let mut lines = Self::new(protected, Role::Commander, rollouts, Scope::All);
        lines.news();
        lines
    }

    /// What is said since the last look, after whatever happened.
    fn news(&mut self) -> Vec<String> {
        self.said.extend(self.teller.tell(&self.desk.app));
        let now = self.desk.moment();
        let reply = self.talk.moved(&mut self.desk.app, now);
        self.desk.commands.extend(reply.commands);
        self.said.extend(reply.lines);
        self.said.extend(self.teller.tell(&self.desk.app));
        for line in &self.said {
            assert!(line.is_ascii() && !line.contains('\u{1b}'), "{line:?}");
        }
        std::mem::take(&mut self.said)
    }

    /// Types a line, a while after whatever was asked.
    fn types(&mut self, text: &str) -> Vec<String> {
        self.desk.wait(400);
        self.types_at_once(text)
    }

    fn types_at_once(&mut self, text: &str) -> Vec<String> {
        let now = self.desk.moment();
        let reply = self.talk.line(&mut self.desk.app, &self.teller, text, now);
        self.desk.commands.extend(reply.commands);
        self.said.extend(reply.lines);
        self.news()
    }

    fn prompt(&self) -> String {
        self.talk.prompt(&self.desk.app)
    }

    /// The preview that was asked for comes.
    fn previewed(&mut self, now: &Rollout) -> Vec<String> {
        let key = self.desk.commands.iter().rev().find_map(|command| match command {
            Command::Preview { key, .. } => Some(key.clone()),
            _ => None,
        });
        self.desk.answer(Answer::Previewed(key.expect("a preview was asked for"), Ok(preview(now))));
        self.news()
    }

    fn changed(&mut self, rollout: Rollout) -> Vec<String> {
        self.desk.changed(vec![rollout], vec![]);
        self.news()
    }
}

fn has(lines: &[String], part: &str) -> bool {
    lines.iter().any(|line| line.contains(part))
}

#[test]
fn first_it_says_how_everything_stands_with_the_worst_first() {
    let mut lines = Lines::new(false, Role::Commander, nine(), Scope::All);
    let said = lines.news();
    for line in &said[1..] {
        assert!(line.width() <= COLUMNS, "{line}");
    }
    assert!(said[0].starts_with("rolldeck, context prod-eu, you are mira (commander), 12:04:31Z, live"), "{said:?}");
    assert!(said[1].starts_with("9 rollouts: 1 breach, 1 no data, 1 waiting, 1 frozen"), "{said:?}");
    assert!(has(&said, "FREEZE w-12ab holds: dc-north until 14:00Z: pilot window"), "{said:?}");
    assert!(has(&said, "FREEZE w-77 holds: ams/ams1-*: audit on site"), "{said:?}");
    let order = [
        "BREACH dc-west/pick-assist 4.12.0, stage canary, 12 of 148 units: ",
        "NO DATA ams/edge-fw 4.12.0, ",
        "WAITING osl/ui-shell 4.12.0, ",
        "FROZEN dc-north/router 4.12.0, ",
        "PAUSED osl/media-gw 4.12.0, ",
        "running ber/planner 4.12.0, stage canary, 20 of 77 units: ",
        "pending lab/nav-map 4.12.0, ",
        "ROLLED BACK ber/tz-data 4.12.0, ",
        "quiet ams/auth-svc 4.12.0, 89 of 89 units: completed",
    ];
    assert_eq!(said.len(), 4 + order.len(), "{said:#?}");
    for (line, begins) in said[4..].iter().zip(order) {
        assert!(line.starts_with(begins), "{line}");
    }
    let list = lines.types("list all");
    assert_eq!(list[1..], said[1..], "list says the same again");
}

#[test]
fn nothing_is_said_while_nothing_changes() {
    let mut lines = Lines::begun(false, nine());
    for _ in 0..30 {
        lines.desk.wait(10_000);
        assert_eq!(lines.news(), Vec::<String>::new());
    }
}

#[test]
fn an_event_is_one_line_that_says_what_changed_from_what_to_what_and_why() {
    let mut before = rollout("dc-west/pick-assist", Phase::Progressing, 6);
    before.slis = breach().slis;
    before.slis.iter_mut().for_each(|sli| sli.verdict = rolldeck::domain::Verdict::Pass);
    let mut lines = Lines::begun(false, vec![before.clone()]);
    let said = lines.changed(breach());
    assert!(said[0].starts_with("12:04:31Z dc-west/pick-assist from running to BREACH, 12 of 148 units: "), "{said:?}");
    assert!(has(&said, "verdict from pass to FAIL: errors"), "{said:?}");
    assert!(said.iter().all(|line| line.width() <= COLUMNS), "{said:?}");

    // Numbers that move are no news; a quarter of the way is.
    let mut lines = Lines::begun(false, vec![before.clone()]);
    let mut more = before.clone();
    more.exposure.units = 13;
    assert!(lines.changed(more.clone()).is_empty());
    more.exposure.units = 80;
    assert_eq!(lines.changed(more.clone()), ["12:04:31Z dc-west/pick-assist reaches 80 of 148 units"]);
    more.current_stage = Some("wave1".parse().unwrap());
    more.stages[2].state = StageState::Passed;
    assert!(has(&lines.changed(more), "stage from canary to wave1, 80 of 148 units"));

    let said = lines.changed(rollout("ber/planner", Phase::Progressing, 0));
    assert!(has(&said, "ber/planner is new: running ber/planner 4.12.0, stage canary"), "{said:?}");
    lines.desk.changed(vec![], vec![id("ber/planner")]);
    assert_eq!(lines.news(), ["12:04:31Z ber/planner is gone"]);
}

#[test]
fn a_lost_link_is_said_at_once_and_every_minute_until_it_is_back() {
    let mut lines = Lines::begun(false, nine());
    lines.desk.polls = false;
    lines.desk.answer(Answer::View(Err(unreachable())));
    let said = lines.news();
    assert!(
        has(&said, "LINK LOST, what was said is as of 12:04:31Z, it is asked again: connection refused"),
        "{said:?}"
    );
    lines.desk.wait(50_000);
    assert!(lines.news().is_empty());
    lines.desk.wait(11_000);
    assert!(has(&lines.news(), "LINK still LOST, for 1m"));
    let list = lines.types("list");
    assert!(list[0].ends_with("LINK LOST: all this is old"), "{list:?}");
    lines.desk.changed(vec![], vec![]);
    let said = lines.news();
    assert!(has(&said, "connected again after 1m: nothing changed meanwhile"), "{said:?}");
}

#[test]
fn windows_that_begin_end_and_come_are_said() {
    let mut lines = Lines::begun(false, nine());
    let mut page = windows();
    page.windows[0].state = WindowState::Ended;
    page.windows[2].state = WindowState::Active;
    page.windows.push(window("w-99", WindowState::Upcoming, "ber", "audit week", None));
    lines.desk.answer(Answer::Windows(Ok(WindowsPage { windows: page.windows })));
    let said = lines.news();
    assert!(has(&said, "FREEZE w-12ab ends: dc-north until 14:00Z: pilot window"), "{said:?}");
    assert!(has(&said, "FREEZE w-90 begins: everything until 30 Mar 06:00Z: quarter end"), "{said:?}");
    assert!(has(&said, "FREEZE w-99 is to come: ber: audit week"), "{said:?}");
    assert_eq!(said.len(), 3);
}

#[test]
fn what_people_did_is_said_and_what_the_machinery_did_is_not() {
    let lines = Lines::begun(false, nine());
    let said: Vec<String> =
        trail().entries.iter().filter_map(|one| entry(&lines.desk.app, Voice(Glyphs::Ascii), one)).collect();
    assert_eq!(said.len(), 4);
    assert_eq!(said[1], "11:24:31Z k.berg did pause on dc-west/pick-assist: customer calls about labels");
    assert!(said[3].contains("mira did promote on dc-west/pick-assist, REFUSED: all gates pass, go on"), "{said:?}");
}

#[test]
fn of_one_rollout_only_that_one_is_told() {
    let mut lines = Lines::new(false, Role::Commander, nine(), Scope::One(id("ber/planner")));
    let said = lines.news();
    assert!(has(&said, "1 rollout: 1 running") && has(&said, "running ber/planner"), "{said:?}");
    assert!(!has(&said, "dc-west/pick-assist"));
    assert!(lines.changed(rollout("osl/ui-shell", Phase::Paused, 0)).is_empty());
    assert!(!lines.changed(rollout("ber/planner", Phase::Paused, 0)).is_empty());
}

#[test]
fn of_a_rollout_that_is_not_there_is_said_that_it_is_not_there() {
    let mut lines = Lines::new(false, Role::Commander, nine(), Scope::One(id("no/such")));
    let said = lines.news();
    assert!(has(&said, "there is no rollout no/such") && !has(&said, "no rollouts"), "{said:?}");
}

#[test]
fn a_pause_asks_why_and_whether_and_is_sent_at_the_last_answer_only() {
    let now = rollout("ber/planner", Phase::Progressing, 9);
    let mut lines = Lines::begun(false, vec![now.clone()]);
    lines.types("pause ber/planner");
    assert!(lines.prompt().is_empty(), "what it does has not come");
    let said = lines.previewed(&now);
    assert!(
        has(&said, "PAUSE ber/planner") && has(&said, "What changes") && has(&said, "ok: no freeze covers"),
        "{said:?}"
    );
    assert!(lines.prompt().starts_with("ticket"), "{}", lines.prompt());
    lines.types("");
    assert!(lines.prompt().starts_with("reason"), "{}", lines.prompt());
    assert!(has(&lines.types("short"), "10"), "the rule is said");
    let said = lines.types("customers call about labels");
    assert!(has(&said, "same as: rolldeck pause ber/planner --context prod-eu"), "{said:?}");
    assert_eq!(said[said.len() - 2..], ["1 keep it as it is", "2 Pause planner, 12 units"]);
    assert!(lines.desk.acts().is_empty());
    assert!(has(&lines.types("yes"), "1 or 2?"));
    assert!(lines.desk.acts().is_empty());
    assert!(has(&lines.types("2"), "sent"));
    let acts = lines.desk.acts();
    let [Command::Act { request, conditions, .. }] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(request.reason, "customers call about labels");
    assert_eq!(conditions.revision, None, "what stops a change loses no race");
    let key = conditions.idempotency_key.clone().unwrap();
    lines.desk.answer(Answer::Acted(key, Ok(applied(&now, 9320, "pause"))));
    let said = lines.news();
    assert!(has(&said, "applied: ") && has(&said, "audit #9320"), "{said:?}");
    assert_eq!(lines.prompt(), "> ");
}

#[test]
fn nothing_is_the_answer_that_keeps_it_as_it_is() {
    let now = rollout("ber/planner", Phase::Progressing, 9);
    let mut lines = Lines::begun(false, vec![now.clone()]);
    lines.types("rollback ber/planner");
    lines.previewed(&now);
    lines.types("");
    lines.types("errors are up on the canary");
    assert_eq!(lines.types(""), ["kept as it is: nothing was sent"]);
    assert!(lines.desk.acts().is_empty() && lines.desk.app.dialog().is_none());
    assert_eq!(lines.prompt(), "> ");
    // What was typed is kept for the next time.
    lines.types("rollback ber/planner");
    lines.previewed(&now);
    lines.types("");
    assert!(lines.prompt().contains("nothing repeats \"errors are up on the canary\""), "{}", lines.prompt());
}

#[test]
fn lines_that_were_pasted_at_once_send_nothing() {
    let now = rollout("ber/planner", Phase::Progressing, 9);
    let mut lines = Lines::begun(false, vec![now.clone()]);
    lines.types("pause ber/planner");
    lines.previewed(&now);
    lines.types_at_once("");
    lines.types_at_once("customers call about labels");
    let said = lines.types_at_once("2");
    assert!(has(&said, "typed before the question was asked"), "{said:?}");
    assert!(lines.desk.acts().is_empty());
    lines.types("2");
    assert_eq!(lines.desk.acts().len(), 1);
}

#[test]
fn what_widens_waits_where_an_empty_line_stops_it() {
    let mut now = rollout("osl/ui-shell", Phase::AwaitingPromotion, 12);
    now.stages[2].state = StageState::Ready;
    let mut lines = Lines::begun(false, vec![now.clone()]);
    let ask = |lines: &mut Lines| {
        lines.types("promote osl/ui-shell");
        lines.previewed(&now);
        lines.types("");
        lines.types("canary is well for an hour");
        lines.types("2")
    };
    let said = ask(&mut lines);
    assert!(has(&said, "it is sent in 3s"), "{said:?}");
    let said = lines.types("");
    assert!(has(&said, "stopped: nothing was sent") && has(&said, "1 keep it as it is"), "{said:?}");
    lines.desk.wait(5000);
    lines.news();
    assert!(lines.desk.acts().is_empty());
    lines.types("1");
    ask(&mut lines);
    lines.desk.wait(3500);
    assert!(has(&lines.news(), "sent"));
    assert_eq!(lines.desk.acts().len(), 1);
}

#[test]
fn going_through_all_stages_wants_the_name_typed() {
    let mut now = rollout("osl/ui-shell", Phase::AwaitingPromotion, 12);
    now.stages[2].state = StageState::Ready;
    let mut lines = Lines::begun(false, vec![now.clone()]);
    lines.types("promote_full osl/ui-shell");
    lines.previewed(&now);
    lines.types("");
    lines.types("all of it is well, the site agrees");
    assert!(lines.prompt().contains("type osl/ui-shell to go on"), "{}", lines.prompt());
    assert_eq!(lines.types("yes"), ["kept as it is: nothing was sent"]);
    assert!(lines.desk.app.dialog().is_none());
}

#[test]
fn a_protected_context_has_to_be_armed_with_a_reason_and_a_pause_never() {
    let mut now = rollout("osl/ui-shell", Phase::AwaitingPromotion, 12);
    now.stages[2].state = StageState::Ready;
    let mut lines = Lines::begun(true, vec![now.clone()]);
    lines.types("promote osl/ui-shell");
    lines.previewed(&now);
    lines.types("");
    let said = lines.types("canary is well for an hour");
    assert!(
        has(&said, "2 Promote ui-shell, 12 units: not possible now, locked: the command arm unlocks it"),
        "{said:?}"
    );
    lines.types("2");
    assert!(lines.desk.acts().is_empty());
    lines.desk.wait(4000);
    lines.news();
    assert!(lines.desk.acts().is_empty());
    lines.types("1");
    lines.types("arm");
    assert!(lines.prompt().starts_with("reason for arming"));
    assert!(has(&lines.types("go"), "10"));
    assert!(!lines.desk.app.is_armed());
    assert!(has(&lines.types("promotion of ui-shell, agreed"), "ARMED for 10m"));
    assert!(lines.desk.app.is_armed());
    lines.types("pause osl/ui-shell");
    lines.previewed(&now);
    lines.types("");
    assert!(lines.prompt().contains("nothing repeats"), "{}", lines.prompt());
    lines.types("");
    lines.types("2");
    assert_eq!(lines.desk.acts().len(), 1);
}

#[test]
fn a_refusal_is_said_with_its_reasons_and_the_question_is_asked_again() {
    let now = rollout("ber/planner", Phase::Progressing, 9);
    let mut lines = Lines::begun(false, vec![now.clone()]);
    lines.types("pause ber/planner");
    lines.previewed(&now);
    lines.types("");
    lines.types("customers call about labels");
    lines.types("2");
    let key = match lines.desk.acts().as_slice() {
        [Command::Act { conditions, .. }] => conditions.idempotency_key.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    let problem = rolldeck::backend::Problem::new(rolldeck::backend::Code::Forbidden, "only operators pause here");
    lines.desk.answer(Answer::Acted(key.clone(), Err(BackendError::from(problem))));
    let said = lines.news();
    assert!(has(&said, "NO: REFUSED, nothing was changed") && has(&said, "1 keep it as it is"), "{said:?}");
    lines.types("1");
    assert_eq!(lines.prompt(), "> ");
}

#[test]
fn what_can_be_done_is_chosen_by_number_and_what_cannot_says_why() {
    let now = rollout("ber/planner", Phase::Progressing, 9);
    let mut frozen = rollout("dc-north/router", Phase::Progressing, 20);
    frozen.freeze = Some(Box::new(freeze()));
    let mut lines = Lines::begun(false, vec![now.clone(), frozen]);
    let said = lines.types("act ber/planner");
    assert!(has(&said, "1 Pause: stop where it is") && has(&said, "4 Resume: "), "{said:?}");
    assert!(said.iter().any(|line| line.contains("Resume") && line.contains("(not now: ")), "{said:?}");
    assert!(has(&lines.types("99"), "99 is no number of this list"));
    lines.types("act ber/planner");
    lines.types("1");
    let said = lines.previewed(&now);
    assert!(has(&said, "PAUSE ber/planner"), "{said:?}");
}

#[test]
fn one_rollout_is_shown_whole_once_it_came() {
    let mut lines = Lines::begun(false, nine());
    assert!(lines.types("show dc-west/pick-assist").is_empty());
    lines.desk.watched(breach());
    let said = lines.news();
    for part in [
        "stage 3 of 5, canary: FAILED",
        "gate telemetry: BREACHED: gap 41s on osl2-n17/main",
        "signal errors: FAIL",
        "blocked, BREACH: gate telemetry",
        "failed unit osl2-n03/main: no room left, exit 1",
        "can be done: rollback: bring every unit back",
    ] {
        assert!(has(&said, part), "{part}: {said:#?}");
    }
    assert!(has(&lines.types("show nothing/here"), "nothing/here is not in the list"));
}

#[test]
fn whatever_is_typed_nothing_is_sent_without_the_last_answer() {
    let now = rollout("ber/planner", Phase::Progressing, 9);
    let words = [
        "",
        "1",
        "3",
        "yes",
        "y",
        "pause ber/planner",
        "promote ber/planner",
        "promote_full ber/planner",
        "rollback ber/planner",
        "act ber/planner",
        "help",
        "list",
        "customers call about labels",
        "ber/planner",
        "arm",
        "freeze dc-north",
        "lift w-12ab",
        "\u{1b}[A",
        "quit now",
        "approve a-1",
        "flag kill x",
        "5",
        "disarm",
        "q",
    ];
    let mut lines = Lines::begun(true, vec![now.clone()]);
    let mut at = 7_usize;
    for _ in 0..600 {
        at = (at * 1_103_515_245 + 12_345) % 2_147_483_648;
        lines.types(words[(at >> 8) % words.len()]);
        if lines.desk.commands.iter().rev().take(1).any(|command| matches!(command, Command::Preview { .. })) {
            lines.previewed(&now);
        }
        lines.desk.wait(4000);
        lines.news();
        assert!(lines.desk.acts().is_empty());
        lines.desk.send(Message::Deadline);
    }
}
