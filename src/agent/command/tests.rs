//! Commands are real: a shell is started in each of these tests.

use super::*;

fn job(command: &str) -> Job {
    Job { command: command.to_owned(), variables: vec![("ROLLDECK_SITE", "berlin".to_owned())] }
}

async fn run(command: &str, deadline: Duration) -> Ended {
    let running = Running::start(&job(command)).unwrap();
    running.finish(Instant::now() + deadline, std::future::pending()).await.unwrap()
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn exit_codes_signals_and_both_streams_come_back() {
    let ended = run("echo out; echo err >&2; exit 3", LONG).await;
    assert_eq!(ended.how, How::Exited(3));
    assert_eq!(ended.stdout.unwrap(), b"out\n");
    assert!(ended.tail.as_str().contains("out") && ended.tail.as_str().contains("err"));
    assert_eq!(run("kill -9 $$", LONG).await.how, How::Signalled(9));
}

#[tokio::test]
async fn only_the_variables_that_are_meant_reach_the_command() {
    let ended = run("echo \"$ROLLDECK_SITE,${ROLLDECK_TOKEN-none},${ROLLDECK_ARTIFACT-none}\"", LONG).await;
    assert_eq!(ended.stdout.unwrap(), b"berlin,none,none\n");
}

#[tokio::test]
async fn standard_input_is_empty_so_nothing_waits_for_a_person() {
    assert_eq!(run("read line; test $? -ne 0", LONG).await.how, How::Exited(0));
}

#[tokio::test]
async fn a_flood_of_output_is_bounded_and_its_end_is_kept() {
    let ended = run("i=0; while [ $i -lt 20000 ]; do echo line $i of a flood; i=$((i+1)); done", LONG).await;
    assert_eq!(ended.how, How::Exited(0));
    assert!(ended.stdout.is_none());
    assert!(ended.tail.as_str().len() <= BLOCK_MAX);
    assert!(ended.tail.as_str().ends_with("line 19999 of a flood"));
}

#[tokio::test]
async fn past_the_deadline_the_whole_group_is_gone_and_its_output_is_kept() {
    let running = Running::start(&job("echo begun; sleep 300 & sleep 300")).unwrap();
    let group = Pid::from_raw(running.group().unwrap()).unwrap();
    let ended = running.finish(Instant::now() + Duration::from_millis(300), std::future::pending()).await.unwrap();
    assert_eq!(ended.how, How::PastDeadline);
    assert_eq!(ended.tail.as_str(), "begun");
    wait_until_gone(group).await;
}

#[tokio::test]
async fn a_command_that_is_dropped_takes_its_group_with_it() {
    let running = Running::start(&job("sleep 300 & sleep 300")).unwrap();
    let group = Pid::from_raw(running.group().unwrap()).unwrap();
    assert!(test_kill_process_group(group).is_ok());
    drop(running);
    wait_until_gone(group).await;
}

#[tokio::test]
async fn a_process_left_behind_by_a_good_command_neither_holds_it_up_nor_is_killed() {
    let begun = Instant::now();
    let running = Running::start(&job("sleep 20 & echo started")).unwrap();
    let group = Pid::from_raw(running.group().unwrap()).unwrap();
    let ended = running.finish(Instant::now() + LONG, std::future::pending()).await.unwrap();
    assert_eq!(ended.how, How::Exited(0));
    assert_eq!(ended.stdout.unwrap(), b"started\n");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(test_kill_process_group(group).is_ok(), "the service that it started must live on");
    kill_process_group(group, Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_left_over_is_known_by_more_than_its_number() {
    let running = Running::start(&job("sleep 300")).unwrap();
    let mark = ProcessMark::of(running.group().unwrap()).unwrap();
    let another = ProcessMark { started: "1".to_owned(), ..mark.clone() };
    assert!(!another.kill_left_over().await);
    assert!(ProcessMark::of(mark.group).is_some());
    let waiting = tokio::spawn(running.finish(Instant::now() + LONG, std::future::pending()));
    assert!(mark.kill_left_over().await);
    assert_eq!(waiting.await.unwrap().unwrap().how, How::Signalled(15));
}

#[tokio::test]
async fn a_held_command_runs_nothing_until_it_is_released_and_never_when_its_agent_died() {
    let directory = tempfile::tempdir().unwrap();
    let ran = directory.path().join("it's run");
    let job = job(&format!("touch \"{}\"; read line && exit 5; exit 4", ran.display()));
    let mut given_up = Running::start_held(&job).unwrap();
    drop(given_up.child.stdin.take());
    assert_eq!(given_up.child.wait().await.unwrap().code(), Some(1));
    assert!(!ran.exists());
    let mut held = Running::start_held(&job).unwrap();
    let mark = ProcessMark::of(held.group().unwrap()).unwrap();
    held.release().await.unwrap();
    let group = held.group().unwrap();
    assert_eq!(ProcessMark::of(group).unwrap_or(mark.clone()), mark, "it stays the same process");
    let ended = held.finish(Instant::now() + LONG, std::future::pending()).await.unwrap();
    assert_eq!(ended.how, How::Exited(4), "its standard input is empty too");
    assert!(ran.exists());
}

async fn wait_until_gone(group: Pid) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while test_kill_process_group(group).is_ok() {
        assert!(Instant::now() < deadline, "the process group still lives");
        sleep(Duration::from_millis(10)).await;
    }
}
