//! The resources that a measure used, as Linux and the server count them.

use std::fs;
use std::path::Path;

use crate::server::Server;

/// How often a second Linux counts the time of processes.
const TICKS: f64 = 100.0;

/// The resources that were used up to a moment.
pub struct Effort {
    /// Seconds of a core: of this process, and of the server.
    own: f64,
    server: f64,
    /// Bytes of the log of the server.
    log: f64,
}

impl Effort {
    pub fn now(server: &Server) -> Self {
        let data = server.data();
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|process| process.path());
        let of_server = processes.filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == data));
        Self {
            own: seconds(Path::new("/proc/self"), 2),
            // The times of ended processes are counted in their parent.
            server: of_server.map(|process| seconds(&process, 4)).sum(),
            log: server.sql("SELECT pg_current_wal_lsn() - '0/0'").parse().unwrap(),
        }
    }

    /// The resources since `before` for each of `links` links, as a text.
    pub fn since(&self, before: &Self, links: usize) -> String {
        let each = |used: f64| used / f64::from(u32::try_from(links.max(1)).unwrap());
        let (own, server) = (each(self.own - before.own) * 1e6, each(self.server - before.server) * 1e6);
        let log = each(self.log - before.log);
        format!("a link of these: {own:.2} us of a core here, {server:.2} us in the server, {log:.0} bytes of its log")
    }
}

/// The first of the times of a process: in user code, in the kernel, and both again of children that ended.
fn seconds(process: &Path, times: usize) -> f64 {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    // The name of the program is in brackets, and may have spaces.
    let (_, behind) = stat.rsplit_once(')').unwrap_or_default();
    behind.split_whitespace().skip(11).take(times).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// The cores and the load of the machine.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    format!("{cores} cores; load of the last 1, 5 and 15 minutes: {}", load.join(", "))
}
