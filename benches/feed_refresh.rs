//! Snapshots, refreshes and the feed, on the account of a CRM.
//!
//! `cargo bench --bench feed_refresh` measures; `cargo test --bench feed_refresh` runs everything once on a small
//! account.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program that may panic"
)]

mod workload;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use label_index::{ChatId, Delivery, FullState, LabelId, LabelIndex, Subscriber};

use crate::workload::{Random, STAGES, Workload, crm};

/// Chats that are written in turn.
const PROBES: usize = 4_096;

/// One chat in this many differs between the two states of a refresh.
const CHANGED: usize = 100;

/// Commits of one round of the feed.
const ROUND: usize = 1_000;

struct Account {
    size: &'static str,
    index: LabelIndex,
    workload: Workload,
    /// Chats with their stage and another one.
    probes: Vec<(ChatId, LabelId, LabelId)>,
}

impl Account {
    fn new(size: &'static str, chats: usize) -> Self {
        let workload = crm(chats);
        let index = LabelIndex::new();
        let done = index.begin_refresh().unwrap().commit(state(&workload, 0)).unwrap();
        assert_eq!((done.labels_created, done.linked), (workload.names.len(), rows(&workload)));
        let mut random = Random(7);
        let probes = (0..PROBES).map(|_| &workload.chats[random.below(chats)]).map(|chat| {
            let stage = chat.labels[0];
            (chat.id.parse().unwrap(), stage.into(), other(stage).into())
        });
        Self { size, index, probes: probes.collect(), workload }
    }
}

fn rows(workload: &Workload) -> usize {
    workload.chats.iter().map(|chat| chat.labels.len()).sum()
}

fn other(stage: u32) -> u32 {
    stage % STAGES + 1
}

/// The network's full state; `round` selects the stages of the chats that change.
fn state(workload: &Workload, round: usize) -> FullState {
    let mut state = FullState::new();
    for (id, name) in (1_u32..).zip(&workload.names) {
        state.label(id, name.as_str()).unwrap();
    }
    for (nth, chat) in workload.chats.iter().enumerate() {
        let id: ChatId = chat.id.parse().unwrap();
        let is_moved = round == 1 && nth % CHANGED == 0;
        let stage = if is_moved { other(chat.labels[0]) } else { chat.labels[0] };
        for label in std::iter::once(stage).chain(chat.labels[1..].iter().copied()) {
            state.link(label, &id).unwrap();
        }
    }
    state
}

fn snapshots(criterion: &mut Criterion, accounts: &[Account]) {
    let mut group = criterion.benchmark_group("snapshot");
    for Account { size, index, .. } in accounts {
        group.bench_function(BenchmarkId::new("take and drop", size), |bencher| bencher.iter(|| index.snapshot()));
    }
    group.finish();
}

fn first_writes(criterion: &mut Criterion, accounts: &[Account]) {
    let mut group = criterion.benchmark_group("link");
    for Account { size, index, probes, .. } in accounts {
        for (name, is_held) in [("no snapshot", false), ("first after a snapshot", true)] {
            let mut probes = probes.iter().cycle();
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter_custom(|count| {
                    let mut spent = Duration::ZERO;
                    for (chat, _, label) in probes.by_ref().take(usize::try_from(count).unwrap()) {
                        let held = is_held.then(|| index.snapshot());
                        let began = Instant::now();
                        assert!(index.link(label, chat).unwrap());
                        spent += began.elapsed();
                        drop(held);
                        assert!(index.unlink(label, chat).unwrap());
                    }
                    spent
                });
            });
        }
    }
    group.finish();
}

/// Commits two states in turn that differ in one chat of a hundred.
fn refreshes(criterion: &mut Criterion, accounts: &[Account]) {
    let mut group = criterion.benchmark_group("refresh with 1 % changed");
    group.sample_size(10);
    for Account { size, index, workload, .. } in accounts {
        let states = [state(workload, 1), state(workload, 0)];
        let changed = workload.chats.len().div_ceil(CHANGED);
        let mut next = states.iter().cycle();
        group.throughput(Throughput::Elements(u64::try_from(rows(workload)).unwrap()));
        group.bench_function(BenchmarkId::new("commit", size), |bencher| {
            bencher.iter_batched(
                || (index.begin_refresh().unwrap(), next.next().unwrap().clone()),
                |(ticket, state)| {
                    let done = ticket.commit(state).unwrap();
                    // A stage is never also a tag of the chat: the ids of tags come after those of stages.
                    assert_eq!((done.linked, done.unlinked), (changed, changed));
                },
                BatchSize::PerIteration,
            );
        });
        // Returns to the first state, whichever came last.
        let back = index.begin_refresh().unwrap().commit(states[1].clone()).unwrap();
        assert!(back.linked == 0 || back.linked == changed);
    }
    group.finish();
}

/// Links and unlinks, so that the index ends as it began.
fn write(index: &LabelIndex, probes: &[(ChatId, LabelId, LabelId)]) {
    for (chat, _, label) in probes.iter().take(ROUND / 2) {
        assert!(index.link(label, chat).unwrap());
        assert!(index.unlink(label, chat).unwrap());
    }
}

fn drain(feed: &mut Subscriber) -> usize {
    std::iter::from_fn(|| feed.try_recv()).filter(|delivery| matches!(delivery, Delivery::Commit(_))).count()
}

fn feeds(criterion: &mut Criterion, accounts: &[Account]) {
    let mut group = criterion.benchmark_group("feed, by the commit");
    group.throughput(Throughput::Elements(u64::try_from(ROUND).unwrap()));
    for Account { size, index, probes, .. } in accounts {
        group.bench_function(BenchmarkId::new("write, nobody listens", size), |bencher| {
            bencher.iter(|| write(index, probes));
        });
        for number in [1, 100] {
            let feeds: Vec<_> = (0..number).map(|_| index.subscribe()).collect();
            let name = format!("write, {number} never read");
            group.bench_function(BenchmarkId::new(name, size), |bencher| bencher.iter(|| write(index, probes)));
            drop(feeds);
        }
        let mut feed = index.subscribe();
        group.bench_function(BenchmarkId::new("write and deliver", size), |bencher| {
            bencher.iter(|| {
                write(index, probes);
                assert_eq!(drain(&mut feed), ROUND);
            });
        });
        group.bench_function(BenchmarkId::new("deliver", size), |bencher| {
            bencher.iter_custom(|count| {
                (0..count)
                    .map(|_| {
                        write(index, probes);
                        let began = Instant::now();
                        assert_eq!(drain(black_box(&mut feed)), ROUND);
                        began.elapsed()
                    })
                    .sum()
            });
        });
    }
    group.finish();
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let sizes = [("1k", 1_000), ("1M", 1_000_000)];
    let sizes = if is_measured { &sizes[..] } else { &sizes[..1] };
    let accounts: Vec<Account> = sizes.iter().map(|&(size, chats)| Account::new(size, chats)).collect();
    let mut criterion = Criterion::default()
        .sample_size(20)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    snapshots(&mut criterion, &accounts);
    first_writes(&mut criterion, &accounts);
    feeds(&mut criterion, &accounts);
    refreshes(&mut criterion, &accounts);
    criterion.final_summary();
    for Account { index, workload, .. } in &accounts {
        assert_eq!(index.total_rows(), u64::try_from(rows(workload)).unwrap());
        index.check_invariants().unwrap();
    }
}
