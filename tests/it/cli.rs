//! The real program, as a shell runs it: exit codes, what is printed where, and what it leaves behind.

mod against_database;
mod against_server;
mod against_stand_in;
mod files;
mod judge;
mod keys;
mod pictures;
mod said;
mod schema;
mod sli;

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// The longest that any of these runs may take; a hang fails rather than holds everything up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A user of this machine with nothing set up, and an empty working directory.
pub struct Shell {
    home: TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
    /// The same, after holding it against an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
    #[track_caller]
    /// On either of the two.
    pub fn tells(self, text: &str) -> Self {
        assert!(self.err.contains(text) || self.out.contains(text), "no {text:?} in {self:?}");
        self
    }
    pub fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in {self:?}");
        self
    }
}

impl Shell {
    pub fn new() -> Self {
        let home = TempDir::new().unwrap();
        for dir in ["config", "data", "state", "cwd"] {
            std::fs::create_dir(home.path().join(dir)).unwrap();
        }
        Self { home }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A file that only this user can read.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.path(name);
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolldeck"));
        command
            .args(args)
            .env_clear()
            .env("USER", "mira")
            .env("ROLLDECK_CONFIG_DIR", self.path("config"))
            .env("ROLLDECK_DATA_DIR", self.path("data"))
            .env("ROLLDECK_STATE", self.path("state"))
            .current_dir(self.path("cwd"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.finish(self.command(args))
    }

    /// Runs it to its end, and holds against that nothing was written into the working directory.
    pub fn finish(&self, mut command: Command) -> Ran {
        let Output { status, stdout, stderr } = with_patience(command.spawn().unwrap());
        let left: Vec<_> = std::fs::read_dir(self.path("cwd")).unwrap().collect();
        assert!(left.is_empty(), "{command:?} left {left:?} in the working directory");
        Ran {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }
}

/// Waits for a process with a deadline.
fn with_patience(mut child: std::process::Child) -> Output {
    let drain = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut bytes);
            }
            bytes
        })
    };
    let out = drain(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let err = drain(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let started = std::time::Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("did not end: {:?}", String::from_utf8_lossy(&err.join().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

fn contains(dir: &Path, secret: &str) -> bool {
    std::fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return contains(&path, secret);
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    })
}

#[test]
fn help_is_there_for_everything_and_goes_to_standard_output() {
    let shell = Shell::new();
    let help = shell.run(&["--help"]).exits(0);
    for word in ["demo", "serve", "agent", "start", "audit", "window", "Exit codes", "TARGET/NAME"] {
        assert!(help.out.contains(word), "{word} is not in {}", help.out);
    }
    assert!(help.err.is_empty());
    for command in ["serve", "agent", "start", "pause", "rollback", "audit", "window", "token", "context", "doctor"] {
        assert!(!shell.run(&[command, "--help"]).exits(0).out.is_empty());
    }
    assert!(shell.run(&["--version"]).exits(0).out.starts_with("rolldeck "));
}

#[test]
fn a_wrong_usage_is_exit_code_2_and_prints_nothing_on_standard_output() {
    let shell = Shell::new();
    let table: [(&[&str], &str); 13] = [
        (&["lst"], "Did you mean list?"),
        (&["list", "--what"], "--what"),
        (&["show"], "TARGET/NAME"),
        (&["show", "nowhere"], "TARGET/NAME"),
        (&["wait", "a/b", "--for", "done"], "completed"),
        (&["wait", "a/b", "--for", "completed", "--timeout", "5"], "10m"),
        (&["list", "-o", "xml"], "json"),
        (&["pause", "a/b", "--server", "http://127.0.0.1:1"], "a reason is required"),
        (&["token", "add", "--role", "agent", "--server", "http://127.0.0.1:1"], "--group"),
        (&["list", "--server", "http://deck.example"], "https"),
        (&["serve", "--database", "sqlite://here"], "postgres://USER@HOST:PORT/NAME"),
        (&["serve", "--database", "postgres://anna:s3cret@here/deck"], "PGPASSWORD"),
        (&["audit", "verify", "--database", "postgres://here/deck?password=s3cret"], "PGPASSFILE"),
    ];
    for (args, said) in table {
        let ran = shell.run(args).exits(2).says(said);
        assert!(ran.out.is_empty(), "{ran:?}");
    }
}

#[test]
fn without_a_context_it_says_what_to_do_next() {
    let shell = Shell::new();
    for args in [&[][..], &["list"], &["dc-west/pick-assist"]] {
        shell.run(args).exits(2).says("rolldeck demo").says("rolldeck context add");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = Shell::new();
    let mut child = shell.command(&["completions", "bash"]).spawn().unwrap();
    drop(child.stdout.take());
    let ran = with_patience(child);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn completions_and_manual_pages_come_from_the_command_line_itself() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        assert!(shell.run(&["completions", name]).exits(0).out.contains("rollback"));
    }
    assert!(shell.run(&["man"]).exits(0).out.contains(".TH ROLLDECK"));
    assert!(shell.run(&["man", "window", "add"]).exits(0).out.contains(".TH ROLLDECK-WINDOW-ADD"));
    assert!(shell.run(&["man", "window-add"]).exits(0).out.contains("EXIT STATUS"));
    shell.run(&["man", "windwo"]).exits(2).says("did you mean rolldeck-window?");
    let dir = shell.path("pages");
    shell.run(&["man", "--dir", dir.to_str().unwrap()]).exits(0);
    assert!(dir.join("rolldeck-rollback.1").exists());
    assert!(dir.join("rolldeck-audit-rotate-key.1").exists());
}
