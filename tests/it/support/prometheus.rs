//! A real Prometheus on a free loopback port, with a data directory of its own. It is killed when dropped.
//!
//! Data comes in three ways: [`Prometheus::write`] (remote write: any times, at once, native histograms
//! too), [`Setup::backfill`] (blocks that promtool makes: months), [`Setup::scrape`] (a target that is
//! scraped, each second, such as an [`Exporter`]).
#![allow(dead_code, reason = "areas need different parts of it")]

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, ErrorKind},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use rolldeck::wire::client::{ClientOptions, client};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use super::pty::SOON;

mod remote_write;

pub use remote_write::{Native, Series};

/// How long a server may take to start, where many tests start one.
const STARTING: Duration = Duration::from_secs(120);

/// What a server is started with.
#[derive(Debug, Default)]
pub struct Setup<'a> {
    /// Targets that are scraped each second, with their job.
    pub scrape: &'a [(&'a str, SocketAddr)],
    /// OpenMetrics text with timestamps, ending in `# EOF`, which is put into its blocks.
    pub backfill: Option<&'a str>,
    /// The path that it serves under: `/prometheus`.
    pub prefix: Option<&'a str>,
    /// Its web configuration (YAML): TLS, users. Files in it are named relative to `web_files`.
    pub web: Option<&'a str>,
    /// Files beside the web configuration, by name.
    pub web_files: &'a [(&'a str, &'a str)],
    /// Further flags.
    pub flags: &'a [&'a str],
}

/// A running server.
pub struct Prometheus {
    child: Child,
    url: Url,
    // Removed after the process that writes into it is gone.
    _directory: TempDir,
}

impl Prometheus {
    /// Starts one that has no data.
    pub fn start() -> Self {
        Self::start_with(&Setup::default())
    }

    /// Starts one, and waits until it answers.
    pub fn start_with(setup: &Setup<'_>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).into_os_string().into_string().unwrap();
        let mut config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n".to_owned();
        for (job, target) in setup.scrape {
            writeln!(config, "  - {{job_name: {job}, static_configs: [{{targets: [\"{target}\"]}}]}}").unwrap();
        }
        std::fs::write(path("prometheus.yml"), config).unwrap();
        if let Some(text) = setup.backfill {
            std::fs::write(path("backfill"), text).unwrap();
            // In few blocks: one for each two hours of months takes longer than a test may.
            let arguments = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h"];
            let mut command = Command::new("promtool");
            command.args(arguments).args([path("backfill"), path("data")]);
            let made = started(command.output(), "promtool");
            assert!(made.status.success(), "promtool: {}", String::from_utf8_lossy(&made.stderr));
        }
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", path("prometheus.yml")));
        command.arg(format!("--storage.tsdb.path={}", path("data")));
        command.args([
            // The kernel chooses a port, and the log says which.
            "--web.listen-address=127.0.0.1:0",
            "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms",
            // Tests write at times of their own.
            "--storage.tsdb.retention.time=100y",
            "--log.level=info",
        ]);
        if let Some(prefix) = setup.prefix {
            command.arg(format!("--web.external-url=http://prometheus.example{prefix}"));
        }
        if let Some(web) = setup.web {
            std::fs::write(path("web.yml"), web).unwrap();
            for (name, text) in setup.web_files {
                std::fs::write(path(name), text).unwrap();
            }
            command.arg(format!("--web.config.file={}", path("web.yml")));
        }
        command.args(setup.flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = started(command.spawn(), "prometheus");
        let address = ready(&mut child).unwrap_or_else(|log| {
            let _ = child.kill();
            let _ = child.wait();
            panic!("prometheus did not become ready; it said\n{log}");
        });
        let scheme = if setup.web.is_some_and(|web| web.contains("tls_server_config")) { "https" } else { "http" };
        let url = format!("{scheme}://{address}{}", setup.prefix.unwrap_or_default()).parse().unwrap();
        Self { child, url, _directory: directory }
    }

    /// Where it answers, path prefix included.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Stores samples. Their times may be long past, but in one server they go forward: what is more
    /// than an hour older than the newest sample of an earlier call is refused.
    pub async fn write(&self, series: &[Series]) {
        let http = client(&ClientOptions::new(&self.url, SOON)).unwrap();
        let request = http
            .post(format!("{}/api/v1/write", self.url.as_str().trim_end_matches('/')))
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .body(remote_write::encode(series));
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
    }

    /// The value of `data.result` of an instant query, as the server gives it.
    pub async fn query(&self, query: &str) -> Value {
        let http = client(&ClientOptions::new(&self.url, SOON)).unwrap();
        let mut url: Url = format!("{}/api/v1/query", self.url.as_str().trim_end_matches('/')).parse().unwrap();
        url.query_pairs_mut().append_pair("query", query);
        let answer: Value = http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].clone()
    }

    /// Waits until an instant query has a result: until a target was scraped often enough, for example.
    pub async fn wait_for(&self, query: &str) {
        let begun = Instant::now();
        while self.query(query).await.as_array().is_none_or(Vec::is_empty) {
            assert!(begun.elapsed() < SOON, "{query} has no result");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops it, as a server does that dies.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.kill();
    }
}

fn started<T>(started: std::io::Result<T>, program: &str) -> T {
    started.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => {
            panic!("{program} is not in PATH, and these tests need it: tests/run installs it, as does `apt-get install prometheus`")
        }
        _ => panic!("{program}: {error}"),
    })
}

/// Reads the log until the server is ready, and goes on reading, so that it never waits for a reader.
/// Its address; the log, when it ended or took too long.
fn ready(child: &mut Child) -> Result<SocketAddr, String> {
    let log = BufReader::new(child.stderr.take().unwrap());
    let (lines, arriving) = channel();
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            // Nobody listens any more once it is ready.
            let _ = lines.send(line);
        }
    });
    let begun = Instant::now();
    let (mut said, mut address, mut serves) = (String::new(), None, false);
    loop {
        match arriving.recv_timeout(STARTING.saturating_sub(begun.elapsed())) {
            Ok(line) => {
                if line.contains("msg=\"Listening on\"") {
                    address = line.rsplit_once("address=").and_then(|(_, address)| address.trim().parse().ok());
                }
                // Either may be said first.
                serves |= line.contains("Server is ready to receive web requests");
                if let (true, Some(address)) = (serves, address) {
                    return Ok(address);
                }
                said.push_str(&line);
                said.push('\n');
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(said),
        }
    }
}

/// Something to scrape: what it exports is what a test says, at any time.
pub struct Exporter {
    address: SocketAddr,
    text: Arc<Mutex<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Exporter {
    /// Starts one that exports nothing yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let text = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&text);
        let metrics = move || {
            let text = shown.lock().unwrap().clone();
            async move { ([("content-type", "text/plain; version=0.0.4")], text) }
        };
        let app = axum::Router::new().route("/metrics", axum::routing::get(metrics));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, text, task }
    }

    /// Where it is scraped.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it exports from now on, in the text format.
    pub fn export(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap());
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}
