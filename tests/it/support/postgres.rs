//! A real PostgreSQL on a socket in a directory of its own, and what can happen on the way to it.
//!
//! One server is shared by all tests of a run, with a database for each; a test that kills its server starts one of
//! its own. A shell watches over each: when this process ends, however it does, the server ends too.
#![allow(dead_code, reason = "areas need different parts of it")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rolldeck::store::postgres::Address;
use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
};

/// How long a server may take to start, where many tests start one.
const STARTING: Duration = Duration::from_secs(120);
/// A running server.
pub struct Cluster {
    directory: PathBuf,
    /// In the name of the socket; nothing listens on TCP, unless a test wants it.
    port: u16,
    flags: Vec<String>,
    running: Mutex<Option<Running>>,
}

/// The shell that watches over it, and the server's id.
struct Running {
    shell: Child,
    server: u32,
}

/// Where Debian and others put its programs.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

/// Whether it is installed.
pub fn is_there() -> bool {
    program("initdb").is_absolute() || Command::new("initdb").arg("--version").output().is_ok()
}

/// It refuses to run as root: then it runs as the user that its package made.
fn as_its_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = its_user() {
        command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups", "--"]).arg(program);
    }
    command
}

/// Its user and group, when this is root.
fn its_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let name = if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
    Some((id(&["-u", name])?, id(&["-g", name])?))
}

impl Cluster {
    /// Makes and starts one that trusts everybody who reaches its socket.
    pub fn start(flags: &[&str]) -> Self {
        Self::made(flags, 5432, |_| {})
    }

    /// Makes one, lets its files be changed, and starts it, on a port of loopback too.
    pub fn on_loopback(flags: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port_flag = format!("port={port}");
        Self::made(&[&["listen_addresses=127.0.0.1", &port_flag], flags].concat(), port, prepare)
    }

    fn made(flags: &[&str], port: u16, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::Builder::new().prefix("pg").tempdir().unwrap().keep();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        give(&directory);
        let data = directory.join("data");
        let mut command = as_its_user(&program("initdb"));
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
        let made = command.arg(&data).current_dir(&directory).output().unwrap_or_else(|error| {
            panic!("initdb: {error}: tests/run installs PostgreSQL, as does `apt-get install postgresql`")
        });
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        prepare(&data);
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        let cluster = Self { directory, port, flags, running: Mutex::default() };
        cluster.run();
        cluster
    }

    /// Starts it again.
    pub fn run(&self) {
        let begun = Instant::now();
        loop {
            let mut server = as_its_user(&program("postgres"));
            server.arg("-D").arg(self.data()).arg("-k").arg(&self.directory);
            server.args(["-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=32MB"]);
            for flag in &self.flags {
                server.args(["-c", flag]);
            }
            // The shell reads until this process closes its end, and then ends the server and removes its files.
            let script = "dir=$1; shift; \"$@\" >>\"$dir/log\" 2>&1 & server=$!; echo $server; read -r _; \
                          kill -QUIT $server 2>/dev/null; wait $server; [ -e \"$dir/kept\" ] || rm -rf \"$dir\"";
            let mut shell = Command::new("sh");
            shell.args(["-c", script, "sh"]).arg(&self.directory).arg(server.get_program()).args(server.get_args());
            shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir(&self.directory);
            let mut shell = shell.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let server = line.trim().parse().unwrap();
            while begun.elapsed() < STARTING {
                if self.answers() {
                    *self.running.lock().unwrap() = Some(Running { shell, server });
                    return;
                }
                // Processes of one that was killed may still hold its memory: then this one gave up, and another
                // is tried.
                if !Path::new(&format!("/proc/{server}")).exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            fs::write(self.directory.join("kept"), "").unwrap();
            drop(shell.stdin.take());
            shell.wait().unwrap();
            fs::remove_file(self.directory.join("kept")).unwrap();
            let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < STARTING, "PostgreSQL did not start; it said\n{log}");
        }
    }

    fn answers(&self) -> bool {
        let asked = as_its_user(&program("pg_isready"))
            .args(["-q", "-h"])
            .arg(&self.directory)
            .args(["-p", &self.port.to_string()])
            .current_dir(&self.directory)
            .status();
        asked.is_ok_and(|status| status.success())
    }

    /// `kill -9` of the server and of all its processes.
    pub fn kill(&self) {
        let Some(mut running) = self.running.lock().unwrap().take() else { return };
        fs::write(self.directory.join("kept"), "").unwrap();
        let server = running.server;
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        let mut killed = vec![server.to_string()];
        killed.extend(children.split_whitespace().map(str::to_owned));
        let _ = Command::new("kill").arg("-9").args(&killed).stderr(Stdio::null()).status();
        drop(running.shell.stdin.take());
        running.shell.wait().unwrap();
        fs::remove_file(self.directory.join("kept")).unwrap();
    }

    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The path of its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(format!(".s.PGSQL.{}", self.port))
    }

    /// What somebody with a shell of PostgreSQL does.
    pub async fn shell(&self, database: &str, sql: impl Into<String>) -> Result<(), sqlx::Error> {
        let mut connection = self.connect(database).await?;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.into())).execute(&mut connection).await.map(|_| ());
        connection.close().await?;
        done
    }

    /// A connection of the superuser.
    pub async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.directory)
            .port(self.port)
            .username("postgres")
            .database(database)
            .ssl_mode(PgSslMode::Disable);
        PgConnection::connect_with(&options).await
    }

    /// The URL of a database of it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&port={}&user=postgres", self.directory.display(), self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new database.
    pub async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("deck{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.shell("postgres", format!("CREATE DATABASE {name} TEMPLATE template0")).await.unwrap();
        name
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Lets its user have a file or directory.
pub fn give(path: &Path) {
    if let Some((user, group)) = its_user() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// The server that the tests of this run share. What it says of itself is that it syncs nothing: no test cuts power.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(&["fsync=off"]))
}

/// A new database of the shared server.
pub async fn database() -> Database {
    let cluster = tokio::task::spawn_blocking(shared).await.unwrap();
    Database { cluster, name: cluster.database().await }
}

/// A database of a server.
pub struct Database {
    pub cluster: &'static Cluster,
    pub name: String,
}

impl Database {
    pub fn address(&self) -> Address {
        Address::of_argument(&self.url()).unwrap()
    }

    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    pub async fn shell(&self, sql: impl Into<String>) -> Result<(), sqlx::Error> {
        self.cluster.shell(&self.name, sql).await
    }
}

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// When the end of a transaction is asked for: the server is not told.
    BeforeCommit,
    /// When the server has answered that: nobody is told.
    AfterCommit,
}

/// What is done at that moment, such as to kill the server.
type Then = Box<dyn FnOnce() + Send>;

/// A way over TCP to a server's socket, which can be cut.
pub struct Proxy {
    port: u16,
    cut: Arc<Mutex<Option<(Cut, Then)>>>,
    closed: Arc<AtomicBool>,
    cutting: tokio::sync::watch::Sender<u32>,
}

impl Proxy {
    /// One on a port of the kernel's choice.
    pub async fn to(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, closed, socket) = (Arc::<Mutex<Option<(Cut, Then)>>>::default(), Arc::default(), cluster.socket());
        let (cutting, cuts) = tokio::sync::watch::channel(0);
        let proxy = Self { port, cut: Arc::clone(&cut), closed: Arc::clone(&closed), cutting };
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { break };
                if closed.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&socket).await else { continue };
                let mut cuts = cuts.clone();
                // Connections that come after a cut are none of its.
                cuts.mark_unchanged();
                tokio::spawn(pass(client, server, Arc::clone(&cut), cuts));
            }
        });
        proxy
    }

    pub fn address(&self, database: &str) -> Address {
        Address::of_argument(&self.url(database)).unwrap()
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Cuts the next connection that ends a transaction, and does something at that moment.
    pub fn cut_at(&self, cut: Cut, then: impl FnOnce() + Send + 'static) {
        *self.cut.lock().unwrap() = Some((cut, Box::new(then)));
    }

    /// Whether the cut was made.
    pub fn has_cut(&self) -> bool {
        self.cut.lock().unwrap().is_none()
    }

    /// Cuts all connections there are, and lets nobody through until it is opened.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.cutting.send_modify(|cuts| *cuts += 1);
    }

    pub fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: UnixStream,
    cut: Arc<Mutex<Option<(Cut, Then)>>>,
    mut cuts: tokio::sync::watch::Receiver<u32>,
) {
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    let mut at_answer: Option<Then> = None;
    loop {
        tokio::select! {
            _ = cuts.changed() => return,
            read = client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                // The text of the query, as the driver sends it.
                if asked[..count].windows(7).any(|seven| seven == b"COMMIT\0") {
                    let taken = cut.lock().unwrap().take();
                    match taken {
                        Some((Cut::BeforeCommit, then)) => {
                            tokio::task::spawn_blocking(then).await.unwrap();
                            return;
                        }
                        Some((Cut::AfterCommit, then)) => at_answer = Some(then),
                        None => {}
                    }
                }
                if server.write_all(&asked[..count]).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(count @ 1..) = read else { return };
                if let Some(then) = at_answer.take() {
                    tokio::task::spawn_blocking(then).await.unwrap();
                    return;
                }
                if client.write_all(&answered[..count]).await.is_err() { return }
            }
        }
    }
}
