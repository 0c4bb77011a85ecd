//! Processes and files of a story, all ended and removed with it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::Value;

pub const WHY: &str = "because the story goes so";

/// A child that does not outlive its owner.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// `kill -9`.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

pub struct Stage {
    pub folder: tempfile::TempDir,
    port: u16,
    /// What it keeps everything in, instead of its data directory.
    database: Option<String>,
    server: Mutex<Option<Process>>,
    agents: Vec<(String, Process)>,
}

impl Drop for Stage {
    /// The files of a story that failed are kept, to be looked at.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the files of this story are kept in {}", self.folder.path().display());
            self.folder.disable_cleanup(true);
        }
    }
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rolldeck"))
}

impl Stage {
    /// A server on a free port of loopback.
    pub fn new() -> Self {
        Self::on(None)
    }

    /// A server on a free port of loopback, which keeps everything in a database, when one is named.
    pub fn on(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let stage = Self { folder, port, database, server: Mutex::default(), agents: Vec::new() };
        stage.serve();
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the server, and waits until it answers.
    pub fn serve(&self) {
        let log = std::fs::File::options().create(true).append(true).open(self.path("serve.log")).unwrap();
        let child = self
            .environment(binary())
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(self.path("data"))
            .args(self.database.iter().flat_map(|url| ["--database", url]))
            .stdout(Stdio::null())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        *self.server.lock().unwrap() = Some(Process(child));
        self.wait("the server answers", |stage| stage.run(&["list", "-o", "json"]).status.success());
    }

    /// `kill -9` of the server.
    pub fn kill_server(&self) {
        self.server.lock().unwrap().take().unwrap().kill();
    }

    fn environment(&self, mut command: Command) -> Command {
        for (name, folder) in
            [("ROLLDECK_CONFIG_DIR", "config"), ("ROLLDECK_DATA_DIR", "own"), ("ROLLDECK_STATE", "state")]
        {
            command.env(name, self.path(folder));
        }
        command.env_remove("ROLLDECK_TOKEN").env_remove("ROLLDECK_CONTEXT").env_remove("ROLLDECK_SERVER");
        command.env_remove("ROLLDECK_DATABASE");
        command
    }

    /// One agent of group `dc-west`; its apply command writes a file, its check command reads it.
    pub fn agent(&mut self, site: &str) {
        let folder = self.path(site);
        std::fs::create_dir_all(&folder).unwrap();
        let running = folder.join("running");
        let bad = folder.join("bad");
        let apply = format!(
            "test ! -e '{}' && printf %s \"$ROLLDECK_SNAPSHOT\" > '{}.new' && mv '{}.new' '{}'",
            folder.join("refuse").display(),
            running.display(),
            running.display(),
            running.display()
        );
        let check = format!(
            "printf '{{\"snapshot\": \"%s\", \"runtime_healthy\": %s}}' \"$(cat '{}')\" \"$(test -e '{}' && echo false || echo true)\"",
            running.display(),
            bad.display()
        );
        self.agent_with(site, &apply, &check);
    }

    /// One agent of group `dc-west` with commands of its own.
    pub fn agent_with(&mut self, site: &str, apply: &str, check: &str) {
        let folder = self.path(site);
        std::fs::create_dir_all(&folder).unwrap();
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let child = self
            .environment(binary())
            .args(["agent", "--server", &self.url(), "--group", "dc-west", "--site", site])
            .args(["--apply", apply, "--check", check, "--check-interval", "250ms"])
            .stdout(Stdio::null())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.agents.retain(|(name, _)| name != site);
        self.agents.push((site.to_owned(), Process(child)));
    }

    pub fn kill_agent(&mut self, site: &str) {
        let (_, process) = self.agents.iter_mut().find(|(name, _)| name == site).unwrap();
        process.kill();
    }

    /// What a site's file says that it runs.
    pub fn runs(&self, site: &str) -> String {
        std::fs::read_to_string(self.path(site).join("running")).unwrap_or_default()
    }

    /// The command line, against this server.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.environment(binary())
            .args(["--server", &self.url()])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The command line, which must succeed; its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["-o", "json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The command line, which must end with this code.
    pub fn code(&self, arguments: &[&str], code: i32) {
        let output = self.run(arguments);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    }

    pub fn snapshot(&self, version: &str, more: &[&str]) -> String {
        let output = self.run(&[&["snapshot", "add", "--version", version, "--group", "dc-west"], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().trim().to_owned()
    }

    pub fn plan(&self, snapshot: &str, stages: &str) -> String {
        let path = self.path("plan.yaml");
        let text = format!(
            "rollout: pick-assist\ntarget: dc-west\nsnapshot: {snapshot}\nowner: team-picking\ngates:\n  health: runtime_healthy\nstages:\n{stages}"
        );
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Waits until it is so.
    pub fn wait(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !so(self) {
            assert!(Instant::now() < deadline, "in vain: {what}\n{}", tail(&self.path("serve.log")));
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
