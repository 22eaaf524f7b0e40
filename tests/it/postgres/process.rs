//! Processes that each have a store and execute commands, which they receive as lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{BufRead, BufReader, Write, stdin};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, thread};

use label_index::{LabelIndex, Store, StoreOptions};

use crate::linearizability::history::{What, Written};
use crate::linearizability::site::{Away, Home, Local, Site};
use crate::store::in_another_process;

/// Set for such a process: the URL and the schema of its store.
const CHILD: &str = "LABEL_INDEX_TEST_POSTGRES_CHILD";

/// The options of stores whose histories are checked: short times, many checkpoints, and a long memory.
pub(super) fn options(schema: &str) -> StoreOptions {
    let mut limits = label_index::Limits::default();
    limits.feed_changes = crate::linearizability::KEPT;
    let options = StoreOptions::new().schema(schema).limits(limits).checkpoint_floor(4_000);
    options.poll_interval(Duration::from_millis(30)).patience(Duration::from_secs(2)).checkpoint_lease(LEASE)
}

/// How long a store that writes a checkpoint may stop.
pub(super) const LEASE: Duration = Duration::from_secs(1);

/// Processes of this binary, which run the test of this name.
pub(super) struct Processes {
    test: &'static str,
    stores: Vec<String>,
    running: Vec<Mutex<Child>>,
    ports: Vec<Arc<AtomicU16>>,
}

impl Processes {
    /// In such a process, serves commands until the process is to end, and returns true. In any other process returns
    /// false at once.
    pub(super) fn is_one() -> bool {
        let Ok(store) = env::var(CHILD) else { return false };
        let (url, schema) = store.split_once(' ').unwrap();
        let store = Arc::new(options(schema).connect(url).unwrap());
        let index = store.existing("shop").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        println!("\nport {}", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for caller in listener.incoming() {
                let (caller, store, index) = (caller.unwrap(), Arc::clone(&store), index.clone());
                thread::spawn(move || serve(&caller, &store, &index));
            }
        });
        // It ends with the process that started it.
        stdin().read_line(&mut String::new()).unwrap();
        true
    }

    /// One process for each URL, with a store in a schema that has the instance `shop`.
    pub(super) fn start(test: &'static str, urls: &[String], schema: &str) -> Self {
        let stores: Vec<String> = urls.iter().map(|url| format!("{url} {schema}")).collect();
        let started: Vec<(Child, u16)> = stores.iter().map(|store| start(test, store)).collect();
        let (running, ports): (Vec<_>, Vec<_>) =
            started.into_iter().map(|(child, port)| (Mutex::new(child), Arc::new(AtomicU16::new(port)))).unzip();
        Self { test, stores, running, ports }
    }

    /// Kills a process, and starts it again.
    pub(super) fn kill(&self, number: usize) {
        let mut running = self.running[number].lock().unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
        let (child, port) = start(self.test, &self.stores[number]);
        *running = child;
        self.ports[number].store(port, Ordering::SeqCst);
    }

    /// Stops a process until [`go_on`](Self::go_on).
    pub(super) fn stop(&self, number: usize) {
        self.signal(number, "-STOP");
    }

    pub(super) fn go_on(&self, number: usize) {
        self.signal(number, "-CONT");
    }

    fn signal(&self, number: usize, signal: &str) {
        let process = self.running[number].lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    /// The most bytes of memory that a process had so far.
    pub(super) fn most_memory(&self, number: usize) -> u64 {
        let process = self.running[number].lock().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Makes a process write a checkpoint. Returns how many it wrote since it was started.
    pub(super) fn checkpoint(&self, number: usize) -> u64 {
        let answer = Caller::new(&self.ports[number]).call("checkpoint").unwrap();
        answer[0].parse().unwrap()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for running in &self.running {
            let mut running = running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let _ended = (running.kill(), running.wait());
        }
    }
}

fn start(test: &str, store: &str) -> (Child, u16) {
    let mut command = in_another_process(test);
    let mut child = command.env(CHILD, store).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    let port = lines.into_iter().find_map(|line| line.strip_prefix("port ").map(|port| port.parse().unwrap()));
    (child, port.expect("the process failed"))
}

impl Home for Processes {
    fn stores(&self) -> usize {
        self.ports.len()
    }

    fn site(&self, store: usize) -> Box<dyn Site> {
        Box::new(Caller::new(&self.ports[store]))
    }

    fn is_steady(&self) -> bool {
        false
    }
}

/// A thread that calls a process.
pub(super) struct Caller {
    port: Arc<AtomicU16>,
    connection: Option<BufReader<TcpStream>>,
    followed: u64,
}

impl Caller {
    fn new(port: &Arc<AtomicU16>) -> Self {
        Self { port: Arc::clone(port), connection: None, followed: 0 }
    }

    /// Sends a line and returns the words of the answer.
    fn call(&mut self, line: &str) -> Result<Vec<String>, Away> {
        let answer = self.try_call(line).unwrap_or_default();
        let mut words = answer.split_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("ok") => Ok(words.collect()),
            Some("away") => Err(Away),
            // It was killed.
            _ => {
                self.connection = None;
                Err(Away)
            }
        }
    }

    fn try_call(&mut self, line: &str) -> std::io::Result<String> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(TcpStream::connect(("127.0.0.1", self.port.load(Ordering::SeqCst)))?),
        };
        let connection = self.connection.insert(connection);
        connection.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        connection.read_line(&mut answer)?;
        Ok(answer)
    }

    fn told(&mut self, word: &str, labels: &BTreeSet<u32>) -> Result<(u64, What), Away> {
        let answer = self.call(&format!("{word} {}", joined(labels)))?;
        let [revision, totals @ ..] = [0, 1, 2, 3].map(|number| answer[number].parse().unwrap());
        let chats = answer[4..].iter().map(|chat| {
            let (chat, its) = chat.split_once(':').unwrap();
            (chat.parse().unwrap(), numbers(its))
        });
        let chats: BTreeMap<u32, BTreeSet<u32>> = chats.collect();
        Ok((revision, What::AnyOf { labels: labels.clone(), chats, totals }))
    }
}

fn joined(numbers: impl IntoIterator<Item = impl Display>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    if numbers.is_empty() { "-".to_owned() } else { numbers.join(",") }
}

fn numbers(text: &str) -> BTreeSet<u32> {
    text.split(',').filter_map(|number| number.parse().ok()).collect()
}

impl Site for Caller {
    fn write(&mut self, label: u32, chat: u32, linked: bool) -> Result<bool, Away> {
        Ok(self.call(&format!("write {label} {chat} {linked}"))?[0] == "true")
    }

    fn write_in_a_batch(&mut self, label: u32, chat: u32, linked: bool) -> Result<(u64, bool), Away> {
        let answer = self.call(&format!("batch {label} {chat} {linked}"))?;
        Ok((answer[0].parse().unwrap(), answer[1] == "true"))
    }

    fn ask(&mut self, labels: &BTreeSet<u32>) -> Result<(u64, What), Away> {
        self.told("ask", labels)
    }

    fn hold_and_ask(&mut self, labels: &BTreeSet<u32>, _taken: &mut dyn FnMut()) -> Result<(u64, What), Away> {
        self.told("hold", labels)
    }

    fn labels_of(&mut self, chat: u32) -> Result<BTreeSet<u32>, Away> {
        Ok(numbers(&self.call(&format!("labels {chat}"))?[0]))
    }

    fn catch_up(&mut self) -> Result<(), Away> {
        self.call("catch_up").map(drop)
    }

    fn follow(&mut self, after: u64) {
        self.followed = after;
    }

    fn commits(&mut self, up_to: u64) -> Result<Vec<Written>, Away> {
        let answer = self.call(&format!("commits {} {up_to}", self.followed))?;
        let commits = answer.iter().map(|commit| {
            let parts: Vec<&str> = commit.split(':').collect();
            let [revision, label, chat, linked] = parts[..] else { panic!("{commit}") };
            let (label, chat) = (label.parse().unwrap(), chat.parse().unwrap());
            Written { revision: revision.parse().unwrap(), label, chat, linked: linked == "true" }
        });
        Ok(commits.collect())
    }

    fn image(&mut self) -> Result<(u64, String), Away> {
        let answer = self.call("image")?;
        Ok((answer[0].parse().unwrap(), answer[1..].join(" ")))
    }
}

/// Answers one caller, line by line.
fn serve(caller: &TcpStream, store: &Store, index: &LabelIndex) {
    let mut site = Local { index: index.clone(), feed: None };
    for line in BufReader::new(caller).lines() {
        let Ok(line) = line else { return };
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match answer(&mut site, store, &words) {
            Ok(answer) => format!("ok {answer}\n"),
            Err(Away) => "away\n".to_owned(),
        };
        let mut caller = caller;
        if caller.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(site: &mut Local, store: &Store, words: &[&str]) -> Result<String, Away> {
    let number = |text: &str| text.parse::<u32>().unwrap();
    let told = |(revision, what)| {
        let What::AnyOf { chats, totals: [chats_of_any, rows, matched], .. } = what else { unreachable!() };
        let chats: Vec<String> = chats.iter().map(|(chat, labels)| format!("{chat}:{}", joined(labels))).collect();
        format!("{revision} {chats_of_any} {rows} {matched} {}", chats.join(" "))
    };
    Ok(match *words {
        ["write", label, chat, linked] => site.write(number(label), number(chat), linked == "true")?.to_string(),
        ["batch", label, chat, linked] => {
            let (revision, changed) = site.write_in_a_batch(number(label), number(chat), linked == "true")?;
            format!("{revision} {changed}")
        }
        ["ask", labels] => told(site.ask(&numbers(labels))?),
        ["hold", labels] => told(site.hold_and_ask(&numbers(labels), &mut || ())?),
        ["labels", chat] => joined(site.labels_of(number(chat))?),
        ["catch_up"] => site.catch_up().map(|()| String::new())?,
        ["commits", after, up_to] => {
            site.follow(after.parse().unwrap());
            let commits = site.commits(up_to.parse().unwrap())?;
            let commit = |commit: &Written| {
                let Written { revision, label, chat, linked } = commit;
                format!("{revision}:{label}:{chat}:{linked}")
            };
            commits.iter().map(commit).collect::<Vec<_>>().join(" ")
        }
        ["image"] => {
            let (revision, image) = site.image()?;
            format!("{revision} {image}")
        }
        ["checkpoint"] => {
            store.checkpoint().map_err(|_| Away)?;
            store.stats().checkpoints.to_string()
        }
        _ => panic!("{words:?}"),
    })
}
