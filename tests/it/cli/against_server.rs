//! The whole way: the real program as server and as client, over a real data directory.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Stdio},
    sync::mpsc,
    time::Duration,
};

use super::{Shell, contains, with_patience};

const WHY: &str = "written by a test of the program";

struct Served {
    child: Option<Child>,
    url: String,
    lines: mpsc::Receiver<String>,
}

impl Served {
    fn start(shell: &Shell, dir: &str, more: &[&str]) -> Self {
        Self::start_at(shell, "127.0.0.1:0", dir, more)
    }

    fn start_at(shell: &Shell, listen: &str, dir: &str, more: &[&str]) -> Self {
        let args = ["serve", "--listen", listen, "--data", dir, "--log", "warn"];
        let mut command = shell.command(&[&args[..], more].concat());
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut served = Self { child: Some(child), url: String::new(), lines };
        let line = served.line_with(" serves http");
        let (_, rest) = line.split_once(" serves ").unwrap();
        served.url = rest.split(' ').next().unwrap().to_owned();
        served
    }

    fn line_with(&self, text: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) {
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
        panic!("the server never said {text:?}, only {seen:?}");
    }

    fn end(mut self) -> i32 {
        let child = self.child.take().unwrap();
        let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        with_patience(child).status.code().unwrap_or(-1)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn windows_are_said_in_full(shell: &Shell, served: &Served) {
    let ask = |args: &[&str]| shell.run(&[args, &["--server", &served.url]].concat());
    let nights = ["--zone", "Europe/Oslo", "--start", "2099-03-02T22:00", "--for", "8h", "--every", "weekday"];
    let what = ["--name", "nights", "--initiator", "automation", "--action", "advance,promote", "--on-enter", "pause"];
    let add = [&["window", "add", "--scope", "dc-west", "-r", WHY, "-o", "json"][..], &nights, &what].concat();
    let added = ask(&add).exits(0).json();
    let id = added["window"]["id"].as_str().unwrap().to_owned();
    assert_eq!(added["window"]["schedule"]["rrule"], "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "{added}");
    let state = |at: &str, who: &str| {
        ask(&["window", "state", "--target", "dc-west", "--at", at, "--action", "advance", "--initiator", who])
    };
    assert!(state("2099-03-02T22:00:00Z", "automation").exits(4).out.contains(&id));
    assert!(state("2099-03-02T22:00:00Z", "human").exits(0).out.contains("open"));
    state("2099-03-02T12:00:00Z", "automation").exits(0);
    ask(&["window", "state", "--site", "s1"]).exits(2);
    let changed = ask(&["window", "change", &id, "-r", WHY, "--for", "10h", "-o", "json"]).exits(0).json();
    assert_eq!(changed["audit"]["changes"][0]["after"], "\"PT10H\"", "{changed}");
    ask(&["window", "change", &id, "-r", WHY, "--for", "9h", "--if-revision", "1"]).exits(5);
    ask(&["window", "disable", &id, "-r", WHY]).exits(0);
    state("2099-03-02T22:00:00Z", "automation").exits(0);
    ask(&["window", "enable", &id, "-r", WHY]).exits(0);
    assert!(ask(&["window", "show", &id]).exits(0).out.contains("nights"));
    ask(&["window", "show", "w-nowhere"]).exits(3);
    let week =
        ["window", "calendar", "--from", "2099-03-02T00:00:00Z", "--until", "2099-03-04T00:00:00Z", "-o", "json"];
    assert_eq!(ask(&week).exits(0).json()["spans"].as_array().unwrap().len(), 2);
    ask(&["window", "add", "--scope", "dc-west", "-r", WHY, "--zone", "Europe/Olso", "--start", "2099-01-01"])
        .exits(2)
        .says("Europe/Oslo");
    ask(&["window", "add", "--scope", "dc-west", "-r", WHY, "--action", "rollback"]).exits(2).says("never held");
    let exported = ask(&["window", "export"]).exits(0).out;
    assert!(exported.starts_with("BEGIN:VCALENDAR") && exported.contains("nights"), "{exported}");
    let file = shell.file("windows.ics", &exported);
    let import = ["window", "import", file.to_str().unwrap(), "--format", "ical", "--scope", "dc-east", "-r", WHY];
    assert!(ask(&[&import[..], &["--dry-run"]].concat()).exits(0).out.contains("intended"));
    assert!(ask(&[&import[..], &["-o", "json"]].concat()).exits(0).out.contains("rrule"));
    let broken = shell.file("broken.ics", &exported.replace("BYDAY=", "BYHOUR=3;BYDAY="));
    ask(&["window", "import", broken.to_str().unwrap(), "--format", "ical", "--scope", "dc-east", "-r", WHY]).exits(2);
}

#[test]
fn a_server_is_run_asked_changed_closed_with_tokens_and_ended() {
    let shell = Shell::new();
    let data = shell.path("deck").to_str().unwrap().to_owned();
    let served = Served::start(&shell, &data, &[]);
    served.line_with("there is no token yet");
    let ask = |args: &[&str]| shell.run(&[args, &["--server", &served.url]].concat());

    // Snapshots: the digest is the last line.
    let added = ask(&["snapshot", "add", "--version", "2.0"]).exits(0);
    let digest = added.out.lines().last().unwrap().to_owned();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{added:?}");
    assert_eq!(ask(&["snapshot", "show", "2.0", "-o", "json"]).exits(0).json()["digest"], digest);
    ask(&["snapshot", "show", "9.9"]).exits(3);
    let file = shell.file("artifact", "bytes of a release");
    ask(&["snapshot", "add", file.to_str().unwrap(), "--version", "2.1", "--known-good", "-r", WHY]).exits(0);

    // Windows.
    let window = ask(&["window", "add", "--scope", "dc-*", "--until", "2h", "-r", WHY, "-o", "json"]).exits(0).json();
    let id = window["window"]["id"].as_str().unwrap().to_owned();
    assert_eq!(window["window"]["state"], "active");
    ask(&["window", "lift", "w-nowhere", "-r", WHY]).exits(3);
    ask(&["window", "lift", &id, "-r", WHY]).exits(0);
    assert!(ask(&["window", "list"]).exits(0).out.contains("lifted"));
    windows_are_said_in_full(&shell, &served);

    assert!(ask(&["list", "-o", "json"]).exits(0).json()["rollouts"].as_array().unwrap().is_empty());
    ask(&["show", "dc-west/nothing"]).exits(3);
    ask(&["pause", "dc-west/nothing", "-r", WHY]).exits(3);
    ask(&["site", "list"]).exits(0);

    // The data directory is the server's; what works without it says so.
    shell.run(&["token", "list", "--data", &data]).exits(1).says("--server URL");
    shell.run(&["audit", "verify", "--data", &data]).exits(0);

    // Tokens: shown once, stored nowhere.
    let commander = ask(&["token", "add", "--role", "commander", "--name", "kim"]).exits(0).out.trim().to_owned();
    let commander_file = shell.file("commander", &commander);
    let with = |args: &[&str], file: &std::path::Path| {
        shell.run(&[args, &["--server", &served.url, "--token-file", file.to_str().unwrap()]].concat())
    };
    ask(&["list"]).exits(6);
    with(&["list"], &commander_file).exits(0);
    let viewer_file = shell.path("viewer");
    let add = ["token", "add", "--role", "viewer", "--name", "lee", "--out", viewer_file.to_str().unwrap()];
    with(&add, &commander_file).exits(0);
    with(&["window", "add", "--scope", "dc-west", "-r", WHY], &viewer_file).exits(6);
    let tokens = with(&["token", "list", "-o", "json"], &commander_file).exits(0).json();
    let lee = tokens["tokens"].as_array().unwrap().iter().find(|token| token["name"] == "lee").unwrap().clone();
    with(&["token", "revoke", lee["id"].as_str().unwrap(), "-r", WHY], &commander_file).exits(0);
    with(&["list"], &viewer_file).exits(6);
    assert!(!contains(&shell.path("deck"), &commander), "the token's text is stored");

    // The trail knows all of it, and proves itself.
    let trail = with(&["audit", "list", "-o", "json"], &commander_file).exits(0).json();
    let entries = trail["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["reason"] == WHY && entry["actor"]["via"] == "cli"), "{trail}");
    with(&["audit", "verify"], &commander_file).exits(0);
    let export = shell.path("trail.jsonl");
    let export = export.to_str().unwrap();
    with(&["audit", "export", export], &commander_file).exits(0);
    with(&["audit", "export", export], &commander_file).exits(2).says("is there already");
    let verified = shell.run(&["audit", "verify", export, "-o", "json"]).exits(0).json();
    assert_eq!(verified["ok"], true);
    assert_eq!(verified["entries"], verified["proven"]);

    // An export that was changed is found out, entry and all.
    let text = std::fs::read_to_string(export).unwrap();
    let forged = shell.file("forged.jsonl", &text.replacen("2.0", "2.7", 1));
    let forged = shell.run(&["audit", "verify", forged.to_str().unwrap(), "-o", "json"]).exits(1).json();
    assert!(forged["first_bad"].is_u64(), "{forged}");

    assert_eq!(served.end(), 0);
    shell.run(&["audit", "verify", "--data", &data]).exits(0);
    // Without a server the directory is open to its owner, and what was done is still there.
    let again = shell.run(&["token", "list", "--data", &data, "-o", "json"]).exits(0).json();
    assert_eq!(again["tokens"].as_array().unwrap().len(), 2);
}

/// A unit's first poll.
fn enrol(url: &str, group: &str, site: &str) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let path = format!("/agent/v1/groups/{group}/sites/{site}/lanes/main/desired?generation=0");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[test]
fn a_blocked_start_names_the_command_that_asks_for_an_override_and_that_command_works() {
    let shell = Shell::new();
    let data = shell.path("deck").to_str().unwrap().to_owned();
    let served = Served::start(&shell, &data, &["--break-glass", "local", "--override-longest", "2h"]);
    let ask = |args: &[&str]| shell.run(&[args, &["--server", &served.url]].concat());
    let added = ask(&["snapshot", "add", "--version", "2.0"]).exits(0);
    let digest = added.out.lines().last().unwrap().to_owned();
    enrol(&served.url, "dc-west", "s1");
    let window = ask(&["window", "add", "--scope", "dc-west", "-r", WHY, "-o", "json"]).exits(0).json();
    let id = window["window"]["id"].as_str().unwrap().to_owned();
    let plan = format!(
        "rollout: pick-assist\ntarget: dc-west\nsnapshot: {digest}\nowner: t\ngates:\n  good: ok\nstages:\n  - fleet: all\n"
    );
    let plan = shell.file("plan.yaml", &plan);
    let plan = plan.to_str().unwrap();
    let blocked = ask(&["start", plan, "-r", WHY]).exits(4);
    let command = format!(
        "rolldeck override ask dc-west/pick-assist --window {id}@1 --action start --candidate {digest} --reason TEXT"
    );
    blocked.says(&command);

    let words: Vec<&str> = command.split(' ').skip(1).map(|word| if word == "TEXT" { WHY } else { word }).collect();
    ask(&[&words[..], &["--expires", "3h"]].concat()).exits(2).says("at most 2 hours");
    ask(&["override", "ask", "dc-west/pick-assist", "--window", &id, "--action", "pause", "-r", WHY]).exits(2);
    ask(&["override", "ask", "--window", &id, "--action", "promote", "-r", WHY]).exits(2);
    let given = ask(&[&words[..], &["--expires", "1h", "-o", "json"]].concat()).exits(0).json();
    let named = given["override"]["id"].as_str().unwrap();
    assert_eq!(given["override"]["state"], "active", "{given}");
    ask(&["start", plan, "-r", WHY, "--override", "o-nothing"]).exits(4).says("there is no override o-nothing");
    ask(&["start", plan, "-r", WHY, "--override", named]).exits(0);
    let shown = ask(&["override", "show", named]).exits(0).out;
    assert!(shown.contains("used_up") && shown.contains("0 of 1") && shown.contains("for start"), "{shown}");
    assert!(ask(&["override", "list"]).exits(0).out.contains(named));
    ask(&["override", "show", "o-nothing"]).exits(3);
    ask(&["override", "countersign", named, "-r", WHY]).exits(4).says("nothing to countersign");
    ask(&["override", "withdraw", named, "-r", WHY]).exits(0);
    ask(&["override", "withdraw", named]).exits(2);
    let glass = ask(&[&words[..], &["--break-glass"]].concat()).exits(0);
    glass.says("somebody else has to countersign it until");
    assert_eq!(served.end(), 0);
}

#[test]
fn off_loopback_a_server_needs_tls_and_a_damaged_database_is_refused() {
    let shell = Shell::new();
    let data = shell.path("deck").to_str().unwrap().to_owned();
    shell.run(&["serve", "--listen", "0.0.0.0:0", "--data", &data]).exits(1).says("--tls-cert");
    shell.run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", "/nowhere", "--data", &data]).exits(2);
    std::fs::write(shell.path("deck").join("rolldeck.db"), "this is no database at all, whatever it was before")
        .unwrap();
    shell.run(&["serve", "--listen", "127.0.0.1:0", "--data", &data]).exits(1).says("damaged");
}

#[test]
fn over_tls_a_server_is_trusted_by_its_authority_only_and_the_first_token_comes_before_the_first_start() {
    let shell = Shell::new();
    let data = shell.path("deck").to_str().unwrap().to_owned();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let cert = shell.file("cert.pem", &cert.pem());
    let key = shell.file("key.pem", &signing_key.serialize_pem());
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());

    let token = shell.path("token");
    let token = token.to_str().unwrap();
    shell.run(&["token", "add", "--role", "operator", "--data", &data, "--out", token]).exits(0);
    let served = Served::start(&shell, &data, &["--tls-cert", cert, "--tls-key", key]);
    assert!(served.url.starts_with("https://"), "{}", served.url);
    served.line_with("whoever has a token");

    let list = ["list", "--server", &served.url, "--token-file", token];
    shell.run(&list).exits(7);
    shell.run(&[&list[..], &["--ca-file", cert]].concat()).exits(0);
    shell.run(&["list", "--server", &served.url, "--ca-file", cert]).exits(6);
    // A context keeps all of it, and the role is the token's.
    let add = ["context", "add", "deck", "--server", &served.url, "--token-file", token, "--ca-file", cert];
    shell.run(&add).exits(0).says("mira, operator on *");
    shell.run(&["list"]).exits(0);
    shell.run(&["token", "list"]).exits(6);
    assert_eq!(served.end(), 0);
    shell.run(&["list"]).exits(7);
}

#[test]
fn an_auditor_filters_exports_rotates_and_expires_and_another_trail_at_the_same_place_is_noticed() {
    let shell = Shell::new();
    let data = shell.path("deck").to_str().unwrap().to_owned();
    let served = Served::start(&shell, &data, &[]);
    let url = served.url.clone();
    let ask = |args: &[&str]| shell.run(&[args, &["--server", &url]].concat());
    for version in ["1.0", "2.0"] {
        ask(&["snapshot", "add", "--version", version]).exits(0);
    }
    let window = ["window", "add", "--scope", "site=osl2", "--reason", WHY];
    ask(&window).exits(0);
    let listed = ask(&["audit", "list", "--filter", "site:osl2 since:today", "-o", "json"]).exits(0).json();
    assert_eq!(listed["entries"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["entries"][0]["action"], "window_add");
    ask(&["audit", "list", "--filter", "actor:x wen:today"]).exits(2).says("at character 9");
    ask(&["audit", "list", "--filter", "@night"]).exits(2).says("no such filter");

    let table = ask(&["audit", "export", "--format", "csv"]).exits(0);
    assert!(table.out.starts_with("seq,at,actor,") && table.out.lines().count() == 4, "{}", table.out);
    let part = shell.path("part.jsonl").to_str().unwrap().to_owned();
    ask(&["audit", "export", &part, "--filter", "action:snapshot_add"]).exits(0).says("each proven to be in the trail");
    shell.run(&["audit", "verify", &part]).exits(0);
    ask(&["audit", "verify"]).exits(0);
    // Without asking the server, while it runs and after it.
    let beside = shell.path("beside.jsonl").to_str().unwrap().to_owned();
    shell.run(&["audit", "export", &beside, "--data", &data]).exits(0).says("all proven by the checkpoint");
    assert_eq!(served.end(), 0);
    let rest = shell.path("rest.jsonl").to_str().unwrap().to_owned();
    shell.run(&["audit", "export", &rest, "--data", &data, "--filter", "site:osl2"]).exits(0).says("1 entry is in");
    shell.run(&["audit", "verify", &rest]).exits(0).tells("each proven to be in the trail");
    shell.run(&["audit", "export", "--data", &data, "--format", "csv"]).exits(2).says("is made by a server");
    shell.run(&["audit", "export", &rest, "--data", &data]).exits(2).says("is there already");

    shell.run(&["audit", "rotate-key", "--data", &data]).exits(2).says("--reason");
    shell
        .run(&["audit", "rotate-key", "--data", &data, "--reason", WHY])
        .exits(0)
        .tells("signs checkpoints from now on");
    shell.run(&["audit", "verify", "--data", &data]).exits(0).tells(", then ");
    shell.run(&["audit", "expire", "--data", &data, "--before", "10d", "--reason", WHY]).exits(2).says("30 days");
    shell.run(&["audit", "expire", "--data", &data, "--reason", WHY]).exits(0).tells("no content");

    // With the new key the server goes on from what was seen; another trail at the same place does not.
    let place = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let served = Served::start_at(&shell, &place, &data, &[]);
    ask(&["audit", "list"]).exits(0);
    assert_eq!(served.end(), 0);
    let other = shell.path("other").to_str().unwrap().to_owned();
    let served = Served::start_at(&shell, &place, &other, &[]);
    ask(&["snapshot", "add", "--version", "9.0"]).exits(0);
    ask(&["audit", "list"]).exits(1).says("IS NOT THE ONE SEEN HERE");
    ask(&["audit", "verify"]).exits(1).says("--accept");
    ask(&["audit", "verify", "--accept"]).exits(0);
    ask(&["audit", "list"]).exits(0);
    assert_eq!(served.end(), 0);
}
