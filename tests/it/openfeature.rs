//! OpenFeature's own clients, as other people wrote them, against the real program: what they are told is what
//! their users get. `tests/run` installs them, at the versions that the files beside this one name.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use reqwest::{Client, Method};
use rolldeck::{
    clock,
    domain::TokenText,
    wire::client::{ClientOptions, client},
};
use serde_json::{Value, json};

const WHY: &str = "asked by a client that others wrote";
/// The longest that any answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn installed(what: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openfeature").join(what)
}

fn beside(what: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/openfeature").join(what)
}

/// `rolldeck serve` with tokens and flags; it is killed when dropped.
struct Stage {
    child: Child,
    url: String,
    http: Client,
    ana: TokenText,
    /// The token of site `s1` of `dc-west`.
    kiosk: TokenText,
    _data: tempfile::TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stage {
    async fn set() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_rolldeck"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"])
            .arg(data.path().join("deck"))
            .env("ROLLDECK_CONFIG_DIR", data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(child.stderr.take().unwrap());
        let url = loop {
            let line: String = lines.recv_timeout(PATIENCE).expect("the server says where it is");
            if let Some((_, rest)) = line.split_once(" serves ") {
                break rest.split(' ').next().unwrap().to_owned();
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.iter().for_each(drop));
        let http = client(&ClientOptions::new(&url.parse().unwrap(), PATIENCE)).unwrap();
        let made = || TokenText::new(clock::secret().unwrap()[..5].try_into().unwrap(), &clock::secret().unwrap());
        let stage = Self { child, url, http, ana: made(), kiosk: made(), _data: data };
        stage.token("ana", &stage.ana, json!({"role": "commander", "targets": ["*"]})).await;
        let binding = json!({"group": "dc-west", "site": "s1", "lane": "main"});
        let agent = json!({"role": "agent", "targets": ["dc-west"], "binding": binding});
        stage.token("kiosk", &stage.kiosk, agent).await;
        let enrol = "/agent/v1/groups/dc-west/sites/s1/lanes/main/desired";
        let request = stage.http.get(format!("{}{enrol}", stage.url)).bearer_auth(stage.kiosk.expose());
        request.send().await.unwrap().error_for_status().unwrap();
        stage.flags().await;
        stage
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(self.ana.expose());
        let response = request.json(&body).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn token(&self, name: &str, token: &TokenText, mut body: Value) {
        body["id"] = json!(token.id());
        body["name"] = json!(name);
        body["secret_hash"] = json!(token.hash());
        // Before the first token there is none to be asked with.
        let mut request = self.http.post(format!("{}/api/v1/tokens", self.url));
        if name != "ana" {
            request = request.bearer_auth(self.ana.expose());
        }
        let response = request.json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }

    async fn put(&self, key: &str, fields: Value) {
        let mut definition = json!({
            "kind": "ops", "owner": "team-picking", "enabled": true,
            "variants": {"on": true, "off": false}, "default_variant": "on", "off_variant": "off",
        });
        for (name, value) in fields.as_object().unwrap() {
            definition[name] = value.clone();
        }
        let body = json!({"definition": definition, "reason": WHY});
        self.call(Method::PUT, &format!("/api/v1/flags/{key}"), body).await;
    }

    async fn kill(&self, key: &str) {
        self.call(Method::POST, &format!("/api/v1/flags/{key}/kill"), json!({"reason": WHY})).await;
    }

    async fn flags(&self) {
        self.put("plain", json!({})).await;
        self.put("text", json!({"variants": {"on": "first line", "off": ""}})).await;
        self.put("whole", json!({"variants": {"on": 7, "off": 0}})).await;
        self.put("fraction", json!({"variants": {"on": 1, "off": 0.5}})).await;
        self.put("object", json!({"variants": {"on": {"shelves": 3, "name": "west"}, "off": {}}})).await;
        let gold = json!([{"id": "gold", "when": "plan == 'gold'", "serve": {"variant": "off"}}]);
        self.put("by-plan", json!({"rules": gold})).await;
        let here = json!([{"id": "here", "when": "site == 's1' && lane == 'main'", "serve": {"variant": "on"}}]);
        self.put("by-site", json!({"rules": here, "default_variant": "off"})).await;
        let halves = json!([{"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]);
        self.put("halves", json!({"rules": [{"id": "half", "serve": {"split": halves}}]})).await;
        self.put("switched-off", json!({"enabled": false})).await;
        self.put("killed", json!({})).await;
        self.kill("killed").await;
    }

    /// Runs a client on cases; what it answered to each.
    fn ask(&self, program: &Path, arguments: &[PathBuf], cases: &[Case]) -> Vec<Value> {
        let cases: Vec<Value> = cases.iter().map(Case::asked).collect();
        let mut child = self.spawn(program, arguments);
        let mut input = child.stdin.take().unwrap();
        input.write_all(Value::from(cases.clone()).to_string().as_bytes()).unwrap();
        drop(input);
        let output = lines(child.stdout.take().unwrap());
        let said = output.recv_timeout(PATIENCE);
        let _ = child.kill();
        let _ = child.wait();
        let answers: Vec<Value> = serde_json::from_str(&said.expect("the client answers")).unwrap();
        assert_eq!(answers.len(), cases.len());
        answers
    }

    fn spawn(&self, program: &Path, arguments: &[PathBuf]) -> Child {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("OFREP_URL", &self.url)
            .env("OFREP_TOKEN", self.kiosk.expose())
            .env("OFREP_MODULES", installed("node/package.json"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let ran = command.spawn();
        ran.unwrap_or_else(|error| panic!("{}: {error}: tests/run installs it", program.display()))
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let read = BufReader::new(from);
    std::thread::spawn(move || read.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

/// What is asked for, and what anybody is to be told.
struct Case {
    flag: &'static str,
    kind: &'static str,
    fallback: Value,
    context: Value,
    value: Value,
    variant: Option<&'static str>,
    reason: &'static str,
    error: Option<&'static str>,
}

impl Case {
    fn asked(&self) -> Value {
        json!({"flag": self.flag, "type": self.kind, "default": self.fallback, "context": self.context})
    }
}

fn cases() -> Vec<Case> {
    let key = json!({"targetingKey": "jon@company.com"});
    let found = |flag, kind, fallback, context: &Value, value, variant, reason| Case {
        flag,
        kind,
        fallback,
        context: context.clone(),
        value,
        variant: Some(variant),
        reason,
        error: None,
    };
    let missing = |flag, context: Value, error| Case {
        flag,
        kind: "boolean",
        fallback: json!(true),
        context,
        value: json!(true),
        variant: None,
        reason: "ERROR",
        error: Some(error),
    };
    let claims = json!({"targetingKey": "k", "site": "s2", "lane": "other", "stage": "all"});
    vec![
        found("plain", "boolean", json!(false), &key, json!(true), "on", "STATIC"),
        found("plain", "boolean", json!(false), &json!({}), json!(true), "on", "STATIC"),
        found("text", "string", json!("x"), &key, json!("first line"), "on", "STATIC"),
        found("whole", "integer", json!(1), &key, json!(7), "on", "STATIC"),
        found("fraction", "float", json!(0.25), &key, json!(1.0), "on", "STATIC"),
        found("object", "object", json!({}), &key, json!({"shelves": 3, "name": "west"}), "on", "STATIC"),
        found(
            "by-plan",
            "boolean",
            json!(true),
            &json!({"targetingKey": "k", "plan": "gold"}),
            json!(false),
            "off",
            "TARGETING_MATCH",
        ),
        found("by-plan", "boolean", json!(false), &key, json!(true), "on", "DEFAULT"),
        found("halves", "boolean", json!(false), &key, json!(true), "on", "SPLIT"),
        found("switched-off", "boolean", json!(true), &key, json!(false), "off", "DISABLED"),
        found("killed", "boolean", json!(true), &key, json!(false), "off", "DISABLED"),
        found("by-site", "boolean", json!(false), &claims, json!(true), "on", "TARGETING_MATCH"),
        missing("not-there", key.clone(), "FLAG_NOT_FOUND"),
        missing("halves", json!({}), "TARGETING_KEY_MISSING"),
    ]
}

/// What `halves` serves a key is the published bucketing's to say, and tested where that is: here it is what
/// the server says, for every client alike.
async fn settle(stage: &Stage, cases: &mut [Case]) {
    for case in cases.iter_mut().filter(|case| case.reason == "SPLIT") {
        let path = format!("/ofrep/v1/evaluate/flags/{}?group=dc-west&site=s1", case.flag);
        let said = stage.call(Method::POST, &path, json!({"context": case.context})).await;
        case.value = said["value"].clone();
        case.variant = Some(if said["variant"] == "on" { "on" } else { "off" });
    }
}

fn holds(client: &str, cases: &[Case], answers: &[Value]) {
    for (case, answer) in cases.iter().zip(answers) {
        let what = format!("{client}, {} {}: {answer}", case.flag, case.context);
        // In JavaScript all numbers are of one type, and 1.0 is written 1.
        let same = answer["value"] == case.value
            || answer["value"].as_f64().zip(case.value.as_f64()).is_some_and(|(told, known)| told == known);
        assert!(same, "not {}: {what}", case.value);
        assert_eq!(answer["error"].as_str(), case.error, "{what}");
        assert_eq!(answer["reason"], case.reason, "{what}");
        if case.error.is_none() {
            assert_eq!(answer["variant"].as_str(), case.variant, "{what}");
            assert_eq!(answer["metadata"]["owner"], "team-picking", "{what}");
            assert!(answer["metadata"]["version"].is_string(), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "asks with clients that tests/run installs"]
async fn clients_of_servers_are_told_each_type_each_reason_and_each_error() {
    let stage = Stage::set().await;
    let mut cases = cases();
    settle(&stage, &mut cases).await;
    let node = PathBuf::from("node");
    holds("node", &cases, &stage.ask(&node, &[beside("server.mjs")], &cases));
    holds("python", &cases, &stage.ask(&installed("python/bin/python"), &[beside("client.py")], &cases));

    // The Rust provider tells no reason but one, no metadata, and one word for every 400.
    let answers = stage.ask(&installed("rust/debug/openfeature-client"), &[], &cases);
    for (case, answer) in cases.iter().zip(&answers) {
        let what = format!("rust, {} {}: {answer}", case.flag, case.context);
        match case.error {
            None => {
                assert_eq!(answer["value"], case.value, "{what}");
                assert_eq!(answer["variant"].as_str(), case.variant, "{what}");
            }
            Some("FLAG_NOT_FOUND") => assert_eq!(answer["error"], "FlagNotFound", "{what}"),
            Some(_) => assert_eq!(answer["error"], "InvalidContext", "{what}"),
        }
    }
    let page = stage.call(Method::GET, "/api/v1/flags", Value::Null).await;
    let counted: BTreeMap<&str, u64> = page["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| (flag["key"].as_str().unwrap(), flag["places"][0]["evaluations"].as_u64().unwrap()))
        .collect();
    assert_eq!((counted["text"], counted["plain"]), (3, 6), "{counted:?}");
}

/// A page that holds flags, spoken to line by line.
struct Page {
    child: Child,
    input: ChildStdin,
    output: mpsc::Receiver<String>,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page {
    fn open(stage: &Stage) -> Self {
        let mut child = stage.spawn(&PathBuf::from("node"), &[beside("web.mjs")]);
        let output = lines(child.stdout.take().unwrap());
        Self { input: child.stdin.take().unwrap(), output, child }
    }

    fn tell(&mut self, command: &Value) {
        writeln!(self.input, "{command}").unwrap();
    }

    fn answer(&self) -> Value {
        serde_json::from_str(&self.output.recv_timeout(PATIENCE).expect("the page answers")).unwrap()
    }

    fn ask(&mut self, command: &Value) -> Value {
        self.tell(command);
        self.answer()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "asks with clients that tests/run installs"]
async fn a_web_page_gets_other_values_with_another_context_and_sees_a_kill_by_itself() {
    let stage = Stage::set().await;
    let mut cases = cases();
    settle(&stage, &mut cases).await;
    let mut page = Page::open(&stage);
    let begun = page.ask(&json!({"do": "begin", "context": {"targetingKey": "jon@company.com"}}));
    assert_eq!(begun["statuses"], json!([200]), "{begun}");
    // All that it holds at once, for the context that it has.
    let of_key = json!({"targetingKey": "jon@company.com"});
    let held: Vec<Case> = cases.into_iter().filter(|case| case.context == of_key).collect();
    let answers: Vec<Value> = held
        .iter()
        .map(|case| {
            let mut command = case.asked();
            command["do"] = json!("ask");
            page.ask(&command)
        })
        .collect();
    for answer in &answers {
        assert_eq!(answer["statuses"], json!([]), "it asked again: {answer}");
    }
    holds("web", &held, &answers);

    // The same targeting key, another attribute: a tag over the configuration alone would keep the old value.
    let ask = |flag: &str| json!({"do": "ask", "flag": flag, "type": "boolean", "default": false});
    assert_eq!(page.ask(&ask("by-plan"))["value"], true);
    let gold = json!({"targetingKey": "jon@company.com", "plan": "gold", "site": "s2"});
    let changed = page.ask(&json!({"do": "context", "context": gold}));
    assert_eq!(changed["statuses"], json!([200]), "{changed}");
    assert_eq!(page.ask(&ask("by-plan"))["value"], false);
    // Another site is claimed, and changes nothing: the answer has the same tag, and is not sent again.
    assert_eq!(page.ask(&ask("by-site"))["value"], true, "the credential says where it stands");
    let elsewhere = json!({"targetingKey": "jon@company.com", "plan": "gold", "site": "s3", "lane": "other"});
    assert_eq!(page.ask(&json!({"do": "context", "context": elsewhere}))["statuses"], json!([304]));
    assert_eq!(page.ask(&ask("by-site"))["value"], true);
    assert_eq!(page.ask(&ask("by-plan"))["value"], false);
    let back = page.ask(&json!({"do": "context", "context": of_key}));
    assert_eq!(back["statuses"], json!([200]), "{back}");
    assert_eq!(page.ask(&ask("by-plan"))["value"], true);

    // It polls nothing: what it sees of a kill it was told.
    assert_eq!(page.ask(&ask("plain"))["value"], true);
    page.tell(&json!({"do": "wait", "flag": "plain", "type": "boolean", "default": true, "value": false}));
    stage.kill("plain").await;
    let seen = page.answer();
    assert_eq!((&seen["value"], &seen["reason"]), (&json!(false), &json!("DISABLED")), "{seen}");
    assert_eq!(seen["statuses"], json!([200]), "{seen}");
}
