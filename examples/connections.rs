//! How much writes slow down reads on an async runtime: 64 connections each put one link after the other, each on disk
//! before it is answered, while 16 connections list chats.
//!
//! `cargo run --release --example connections -- 5` takes five seconds for each way of writing, and prints a line for each:
//! the asynchronous forms, the same to another instance of the store, `spawn_blocking`, and the blocking forms called
//! in the handlers, which keep the runtime's threads. Writers of another instance use as much of the processors and of
//! the disk, but share no lock with the readers: reads are then slowed down by the machine alone. The program ends with
//! an error if a write is lost.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use label_index::{Filter, LabelIndex, Page, Store};
use tokio::runtime::{Builder, Runtime};

const WRITERS: usize = 64;
const READERS: usize = 16;
const CHATS: usize = 20_000;
const LABELS: usize = 20;

/// The pause between two requests of one reader.
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    NoWriters,
    Asynchronous,
    AnotherInstance,
    SpawnBlocking,
    InHandlers,
}

/// The results of one way.
struct Measured {
    writes_per_second: f64,
    median: Duration,
    p99: Duration,
    threads: Option<u64>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let seconds = env::args().nth(1).map_or(Ok(3), |seconds| seconds.parse())?;
    let folder = env::temp_dir().join(format!("label-index-connections-{}", process::id()));
    let result = run(&folder, Duration::from_secs(seconds));
    fs::remove_dir_all(&folder)?;
    result
}

fn run(folder: &std::path::Path, time: Duration) -> Result<ExitCode, Box<dyn Error>> {
    let store = Store::open(folder)?;
    let (index, another) = (store.instance("shop")?, store.instance("another")?);
    fill(&index)?;
    fill(&another)?;
    store.checkpoint()?;
    println!("{:<18}{:>10}{:>14}{:>14}{:>10}", "writes", "a second", "read median", "read p99", "threads");
    let mut all = BTreeMap::new();
    for way in [Way::NoWriters, Way::Asynchronous, Way::AnotherInstance, Way::SpawnBlocking, Way::InHandlers] {
        let changed = if way == Way::AnotherInstance { &another } else { &index };
        let before = changed.revision();
        let (measured, written) = measure(&index, changed, way, time)?;
        if changed.revision() - before != written {
            println!("{written} writes were answered, {} are there", changed.revision() - before);
            return Ok(ExitCode::FAILURE);
        }
        let threads = measured.threads.map_or_else(String::new, |threads| threads.to_string());
        println!(
            "{:<18}{:>10.0}{:>14.1?}{:>14.1?}{threads:>10}",
            way.name(),
            measured.writes_per_second,
            measured.median,
            measured.p99
        );
        all.insert(way, measured);
    }
    let of = |way| all.get(&way);
    if let (Some(none), Some(ours), Some(another), Some(blocking)) =
        (of(Way::NoWriters), of(Way::Asynchronous), of(Way::AnotherInstance), of(Way::SpawnBlocking))
    {
        let p99 = ours.p99.as_secs_f64();
        println!(
            "asynchronous: {:.2} of the throughput of spawn_blocking; the p99 of reads is {:.2} of that without writers, \
             {:.2} of that beside another instance",
            ours.writes_per_second / blocking.writes_per_second,
            p99 / none.p99.as_secs_f64(),
            p99 / another.p99.as_secs_f64()
        );
    }
    Ok(ExitCode::SUCCESS)
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::NoWriters => "none",
            Self::Asynchronous => "asynchronous",
            Self::AnotherInstance => "another instance",
            Self::SpawnBlocking => "spawn_blocking",
            Self::InHandlers => "in handlers",
        }
    }

    /// Answers one request to put a link or take it away.
    async fn write(self, index: &LabelIndex, chat: &str, put: bool) -> label_index::Result<bool> {
        match self {
            Self::NoWriters => Ok(false),
            Self::Asynchronous | Self::AnotherInstance if put => index.link_async(1, chat).await,
            Self::Asynchronous | Self::AnotherInstance => index.unlink_async(1, chat).await,
            Self::SpawnBlocking => {
                let (index, chat) = (index.clone(), chat.to_owned());
                let write = move || if put { index.link(1, chat) } else { index.unlink(1, chat) };
                tokio::task::spawn_blocking(write).await.unwrap_or(Ok(false))
            }
            Self::InHandlers if put => index.link(1, chat),
            Self::InHandlers => index.unlink(1, chat),
        }
    }
}

/// An account of some size, each chat with up to three labels.
fn fill(index: &LabelIndex) -> label_index::Result<()> {
    let mut batch = index.batch();
    for label in 1..=LABELS {
        batch.upsert_label(label.to_string(), format!("Label {label}"))?;
    }
    for chat in 0..CHATS {
        for step in [1, 7, 11] {
            batch.link((2 + chat * step % (LABELS - 1)).to_string(), format!("55119{chat:08}@c.us"))?;
        }
    }
    batch.commit().map(drop)
}

/// Runs all connections for a time. Also returns how many writes were answered with "changed".
fn measure(
    index: &LabelIndex,
    changed: &LabelIndex,
    way: Way,
    time: Duration,
) -> Result<(Measured, u64), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread().enable_time().build()?;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let writers = if way == Way::NoWriters { 0 } else { WRITERS };
    let writing: Vec<_> = (0..writers)
        .map(|number| {
            let (index, stop, written) = (changed.clone(), Arc::clone(&stop), Arc::clone(&written));
            runtime.spawn(async move {
                let chat = format!("writer {number}");
                let mut put = true;
                while !stop.load(Ordering::Relaxed) {
                    if way.write(&index, &chat, put).await? {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                    put = !put;
                }
                // The next way finds the chats as this one did.
                if !put && index.unlink_async(1, &chat).await? {
                    written.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), label_index::Error>(())
            })
        })
        .collect();
    let reading = read(&runtime, index, &stop);
    thread::sleep(time);
    let (threads, took) = (threads(), began.elapsed());
    let counted = written.load(Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for reader in reading {
        latencies.extend(runtime.block_on(reader)?);
    }
    for writer in writing {
        runtime.block_on(writer)??;
    }
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
    let writes_per_second = f64::from(u32::try_from(counted)?) / took.as_secs_f64();
    let measured = Measured { writes_per_second, median: at(50), p99: at(99), threads };
    Ok((measured, written.load(Ordering::Relaxed)))
}

/// Readers whose requests are tasks of their own: the latency is the time from the request to the answer, including the
/// time until the runtime starts the task.
fn read(runtime: &Runtime, index: &LabelIndex, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<Vec<Duration>>> {
    (0..READERS)
        .map(|number| {
            let (index, stop) = (index.clone(), Arc::clone(stop));
            runtime.spawn(async move {
                let mut latencies = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    tokio::time::sleep(PAUSE).await;
                    let (index, began) = (index.clone(), Instant::now());
                    let request = tokio::spawn(async move {
                        let filter = Filter::new().any_of_ids([(2 + number).to_string()]);
                        index.query(&filter, Page::first(50)).map(|answer| answer.chats.len())
                    });
                    if matches!(request.await, Ok(Ok(50))) {
                        latencies.push(began.elapsed());
                    }
                }
                latencies
            })
        })
        .collect()
}

/// The number of threads of the process, if the system tells it.
fn threads() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}
