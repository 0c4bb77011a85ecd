//! The example of the README, whole: a real Prometheus scrapes a real service, and what it measures
//! brings a bad release back.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::Value;

/// The longest that a verdict may take: warm-up, five slices, two evaluations, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// The trial that `try.sh` sets up, and takes down however the test ends.
struct Trial {
    folder: tempfile::TempDir,
    base: u16,
}

impl Trial {
    fn up() -> Self {
        let shop = Path::new(env!("CARGO_BIN_EXE_rolldeck")).with_file_name("examples/shop");
        assert!(shop.exists(), "{} is not built: cargo build --example shop", shop.display());
        let trial = Self { folder: tempfile::tempdir().unwrap(), base: free_ports() };
        let output = trial.script(&["up"]);
        assert!(output.status.success(), "{}\n{}", text(&output), trial.logs());
        trial
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("try")
    }

    fn script(&self, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/examples/prometheus/try.sh");
        let rolldeck = Path::new(env!("CARGO_BIN_EXE_rolldeck"));
        let shop = rolldeck.parent().unwrap().join("examples/shop");
        Command::new("bash")
            .arg(script)
            .args(args)
            .env("TRY", self.folder())
            .env("BASE_PORT", self.base.to_string())
            .env("ROLLDECK", rolldeck)
            .env("SHOP", shop)
            .output()
            .unwrap()
    }

    /// What the command line says, as JSON.
    fn json(&self, args: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_rolldeck"))
            .args(args)
            .args(["--server", &format!("http://127.0.0.1:{}", self.base), "-o", "json"])
            .env("ROLLDECK_CONFIG_DIR", self.folder().join("config"))
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
    }

    fn rollout(&self) -> Value {
        self.json(&["show", "shops/shop"])
    }

    fn until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let rollout = self.rollout();
            if is_it(&rollout) {
                return rollout;
            }
            assert!(began.elapsed() < PATIENCE, "{what} did not happen: {rollout:#}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    fn logs(&self) -> String {
        ["serve.log", "prometheus.log", "agent-amsterdam.log"]
            .map(|name| std::fs::read_to_string(self.folder().join(name)).unwrap_or_default())
            .join("\n--\n")
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.script(&["down"]);
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The first of eleven neighbouring ports that nobody listens on.
fn free_ports() -> u16 {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    for _ in 0..100 {
        let first = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        if first < 65_000 && (first..first + 11).all(free) {
            return first;
        }
    }
    panic!("no eleven free ports next to each other");
}

fn verdict(rollout: &Value, name: &str) -> String {
    let slis = rollout["slis"].as_array().unwrap();
    let sli = slis.iter().find(|sli| sli["name"] == name).unwrap_or_else(|| panic!("no {name}: {rollout:#}"));
    sli["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_release_that_fails_requests_is_brought_back_by_what_prometheus_measured() {
    let trial = Trial::up();
    // Healthy at first: it is judged, and nothing is done.
    let healthy = trial.until("a first verdict", |rollout| verdict(rollout, "success") == "pass");
    assert_ne!(healthy["phase"], "rolling_back");

    assert!(trial.script(&["fault", "errors=0.3"]).status.success());
    let back = trial.until("the way back", |rollout| rollout["phase"] == "rolled_back");
    assert_eq!(back["exposure"]["units"], 0, "{back:#}");

    let trail = trial.json(&["audit", "list", "--rollout", "shops/shop"]);
    let entries = trail["entries"].as_array().unwrap();
    let act = entries.iter().find(|entry| entry["action"] == "rollback_started").expect("the act is on record");
    assert_eq!(act["actor"]["id"], "judge");
    assert!(act["reason"].as_str().unwrap().contains("success"), "{act:#}");

    // Anybody can judge it again, from the entry alone.
    let evidence = trial.folder().join("evidence.json");
    std::fs::write(&evidence, act["evidence"].as_str().expect("its evidence is in the entry")).unwrap();
    let again = Command::new(env!("CARGO_BIN_EXE_rolldeck")).arg("judge").arg(&evidence).output().unwrap();
    assert!(again.status.success(), "{}", text(&again));
}
