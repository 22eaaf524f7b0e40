//! A real PostgreSQL for tests, in a temporary folder.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// If this is set, a machine without PostgreSQL fails the tests instead of skipping them.
const REQUIRED: &str = "LABEL_INDEX_REQUIRE_POSTGRES";

/// A server, which ends when this is dropped or the process ends.
pub(super) struct Server {
    programs: PathBuf,
    folder: PathBuf,
    pub(super) port: u16,
    /// The size in MiB of a disk that only this server sees, in the folder [`small_disk`](Self::small_disk).
    small_disk: Option<u32>,
    /// Stops the server and removes the folder when its input ends, however this process ended.
    guard: Child,
}

/// The folder of the server's programs: that of the newest version.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// The server of all tests that do not disturb it. `None`, with a message, if PostgreSQL is not installed.
pub(super) fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

impl Server {
    pub(super) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// A server that has a second disk of `mebibytes` MiB; `None` where this process may not mount one.
    pub(super) fn with_small_disk(mebibytes: u32) -> Option<Self> {
        let may_mount = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        if !may_mount.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: only root may mount a small disk, with util-linux and the right to");
            return None;
        }
        Self::start_with(Some(mebibytes))
    }

    fn start_with(small_disk: Option<u32>) -> Option<Self> {
        let Some(programs) = programs() else {
            let asked = env::var_os(REQUIRED).is_some();
            assert!(!asked, "{REQUIRED} is set and PostgreSQL is not installed");
            eprintln!("SKIPPED: PostgreSQL is not installed (Debian: postgresql)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let data = folder.join("data");
        run(as_user(&programs.join("initdb"))
            .args(["-A", "trust", "-U", "app", "-E", "UTF8", "--no-locale", "-D"])
            .arg(&data));
        let stop = format!(
            "cat >/dev/null; {} {} -D {} -m immediate stop; rm -rf {}",
            if is_root() { "runuser -u postgres --" } else { "" },
            programs.join("pg_ctl").display(),
            data.display(),
            folder.display()
        );
        let guard = Command::new("sh")
            .args(["-c", &stop])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Self { programs, folder, port, small_disk, guard: guard.unwrap() };
        fs::create_dir(server.small_disk()).unwrap();
        server.resume();
        Some(server)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn small_disk(&self) -> PathBuf {
        self.folder.join("small")
    }

    /// `pg_ctl`, in a namespace of mounts with the small disk if there is one: the disk goes with the server.
    fn pg_ctl(&self) -> Command {
        let program = self.programs.join("pg_ctl");
        let Some(mebibytes) = self.small_disk else { return as_user(&program) };
        let mut command = Command::new("unshare");
        let small = self.small_disk();
        let mount = format!("mount -t tmpfs -o size={mebibytes}m tmpfs {0} && chown postgres {0}", small.display());
        command.args(["-m", "sh", "-c", &format!("{mount} && exec runuser -u postgres -- \"$@\""), "sh"]).arg(program);
        command
    }

    /// Starts a killed server again, once all of its processes have ended.
    pub(super) fn resume(&self) {
        let options = format!("-p {} -k {} -h 127.0.0.1", self.port, self.folder.display());
        let began = Instant::now();
        loop {
            let mut start = self.pg_ctl();
            start
                .arg("-D")
                .arg(self.data())
                .arg("-l")
                .arg(self.folder.join("log"))
                .args(["-w", "-o", &options, "start"]);
            if start.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success() {
                return;
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(60), "PostgreSQL does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Makes files readable by the user of the server alone.
    pub(super) fn give(&self, files: &[&Path]) {
        if is_root() {
            run(Command::new("chown").arg("postgres").args(files));
        }
        run(Command::new("chmod").arg("600").args(files));
    }

    /// Makes the server read its configuration again.
    pub(super) fn reload(&self) {
        run(as_user(&self.programs.join("pg_ctl")).arg("-D").arg(self.data()).arg("reload"));
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Copies the data of a killed server. Returns the folder of the copy.
    pub(super) fn copy(&self) -> PathBuf {
        let copy = self.folder.join("copy");
        run(Command::new("rm").arg("-rf").arg(&copy));
        run(Command::new("cp").arg("-a").arg(self.data()).arg(&copy));
        copy
    }

    /// Replaces the data of a killed server by a copy.
    pub(super) fn put_back(&self, copy: &Path) {
        // The remaining processes of the killed server have its files open.
        self.await_end();
        run(Command::new("rm").arg("-rf").arg(self.data()));
        run(Command::new("mv").arg(copy).arg(self.data()));
    }

    /// Waits until no process of a killed server is left.
    pub(super) fn await_end(&self) {
        let folder = self.data();
        let began = Instant::now();
        while is_used(&folder) {
            assert!(began.elapsed() < Duration::from_secs(60), "what was killed goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the server at once.
    pub(super) fn kill(&self) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        run(Command::new("kill").args(["-9", pid.lines().next().unwrap()]));
    }

    pub(super) fn url(&self) -> String {
        Self::url_of_port(self.port)
    }

    pub(super) fn url_of_port(port: u16) -> String {
        format!("postgres://app:s3cret@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// A program that is a client of the server.
    pub(super) fn client(&self, program: &str) -> Command {
        let mut client = Command::new(self.programs.join(program));
        client.env("PGDATABASE", "postgres");
        client.args(["-h", "127.0.0.1", "-U", "app", "-p"]).arg(self.port.to_string());
        client
    }

    /// A program that runs statements and prints their output.
    fn psql(&self, sql: &str) -> Command {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        psql
    }

    /// Runs statements and gives their output.
    pub(super) fn sql(&self, sql: &str) -> String {
        let output = self.try_sql(sql);
        assert!(output.is_ok(), "{sql}: {output:?}");
        output.unwrap()
    }

    /// Runs statements. Returns their output, or the error of the server.
    pub(super) fn try_sql(&self, sql: &str) -> Result<String, String> {
        let output = self.psql(sql).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Runs a statement that locks rows, and keeps them locked until the result is dropped.
    pub(super) fn lock(&self, sql: &str) -> Locked<'_> {
        let name = format!("lock_{}", NEXT_LOCK.fetch_add(1, Ordering::Relaxed));
        let sql = format!("SET application_name = {name}; BEGIN; {sql}; SELECT pg_sleep(600)");
        let psql = self.psql(&sql).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let locked = Locked { server: self, name, psql };
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name =";
        while self.sql(&format!("{sleeps} '{}'", locked.name)) == "0" {
            std::thread::sleep(Duration::from_millis(10));
        }
        locked
    }
}

/// Rows that are locked until this is dropped.
pub(super) struct Locked<'a> {
    server: &'a Server,
    name: String,
    psql: Child,
}

static NEXT_LOCK: AtomicU32 = AtomicU32::new(0);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name =";
        self.server.sql(&format!("{ends} '{}'", self.name));
        let _ended = self.psql.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}

/// The name of a schema that no other test uses.
pub(super) fn new_schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("labels_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether this process runs as root, which the server refuses.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.starts_with(b"0")
}

/// Whether a process has this as its working folder.
fn is_used(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.map(|process| process.path().join("cwd")).any(|cwd| fs::read_link(cwd).is_ok_and(|cwd| cwd == folder))
}

fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.current_dir("/").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
