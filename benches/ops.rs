//! The operations of a server, one at a time, on accounts like those of a CRM, compared with an index of hash maps. All
//! answers are compared before and after anything is timed. Chats, names and labels of changes are given as texts and
//! numbers, as in a server; filters are built before the timing.
//!
//! `cargo bench --bench ops` measures; `cargo test --bench ops` runs everything once on a small account.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program that may panic"
)]

mod engines;
mod workload;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use label_index::LabelIndex;

use crate::engines::naive::Naive;
use crate::engines::{Engine, Question};
use crate::workload::{Chat, Random, STAGES, Workload, crm};

/// Chats that are read or changed in turn: enough that not all of them fit into the processor's caches.
const PROBES: usize = 4_096;

/// Chats on a page.
const PAGE: usize = 50;

/// One chat, with the arguments of the operations on it.
struct Probe {
    chat: String,
    labels: Vec<u32>,
    /// A label that it does not have.
    other: u32,
    /// Its labels, with the stage replaced.
    moved: Vec<u32>,
}

/// One account in both engines, and the queries.
struct Account {
    size: &'static str,
    index: LabelIndex,
    naive: Naive,
    names: Vec<String>,
    probes: Vec<Probe>,
    /// A tenth of the chats, each with a label that it does not have; and the same in another order.
    passing: [Vec<(u32, String)>; 2],
    /// Queries of totals, by the number of labels.
    totals: Vec<Question>,
    /// The first page, and one in the middle.
    pages: [Question; 2],
}

impl Account {
    fn new(size: &'static str, chats: usize) -> Self {
        let workload = crm(chats);
        let index = LabelIndex::load(&workload);
        let account = Self {
            size,
            naive: Naive::load(&workload),
            totals: [1, 3, 8, 20].map(|k| Question::first(any_of(k), 0)).into(),
            pages: [Question::first(any_of(3), PAGE), middle(&index, &workload)],
            probes: probes(&workload),
            passing: passing(&workload),
            names: workload.names.iter().map(|name| name.to_uppercase()).collect(),
            index,
        };
        account.compare();
        account
    }

    /// Compares all answers of both engines.
    fn compare(&self) {
        let Self { index, naive, .. } = self;
        for Probe { chat, labels, .. } in &self.probes {
            let found = LabelIndex::plain(Engine::labels_of(index, chat));
            assert!(found.iter().map(|(id, _)| id).eq(labels), "{chat} has {found:?}");
            assert_eq!(found, Naive::plain(naive.labels_of(chat)));
        }
        for question in &self.totals {
            let totals = Engine::totals(index, question);
            assert_eq!(totals, naive.totals(question), "any of {:?}", question.any_of);
            assert!(totals.0 > 0 && totals.1 >= totals.0);
        }
        for question in &self.pages {
            let (found, totals) = Engine::page(index, question);
            let (expected, expected_totals) = naive.page(question);
            let (found, expected) = (LabelIndex::plain_page(found), Naive::plain_page(expected));
            assert_eq!((&found, totals), (&expected, expected_totals), "page from {}", question.start);
            assert_eq!(found.len(), PAGE);
        }
        for (id, name) in (1..).zip(&self.names) {
            assert_eq!((Engine::ids_named(index, name), naive.ids_named(name)), (vec![id], vec![id]), "{name}");
        }
    }
}

/// Labels a tenth of the chats, and removes the labels in another order.
fn come_and_go<E: Engine>(engine: &E, [coming, going]: &[Vec<(u32, String)>; 2]) {
    for (label, chat) in coming {
        assert!(engine.link(*label, chat));
    }
    for (label, chat) in going {
        assert!(engine.unlink(*label, chat));
    }
}

/// `k` of the twenty labels, common and rare ones.
fn any_of(k: u32) -> Vec<u32> {
    (0..k).map(|nth| 1 + nth * 7 % 20).collect()
}

/// The page after the first half of the chats with any of three labels.
fn middle(index: &LabelIndex, workload: &Workload) -> Question {
    let mut question = Question::first(any_of(3), 0);
    question.limit = usize::try_from(Engine::totals(index, &question).0).unwrap() / 2;
    let (half, _) = Engine::page(index, &question);
    let last = half.chats.last().unwrap().chat_id.to_string();
    question.start = 1 + workload.chats.iter().position(|chat| chat.id == last).unwrap();
    Question { after: half.next, limit: PAGE, ..question }
}

/// Chats from the whole account, in random order.
fn probes(workload: &Workload) -> Vec<Probe> {
    let mut random = Random(1);
    let mut probes: Vec<Probe> = workload
        .chats
        .iter()
        .step_by(workload.chats.len().div_ceil(PROBES))
        .map(|chat| {
            let labels = chat.labels.clone();
            let other = (STAGES + 1..).find(|label| !labels.contains(label)).unwrap();
            let moved = |&label: &u32| if label <= STAGES { label % STAGES + 1 } else { label };
            Probe { chat: chat.id.clone(), other, moved: labels.iter().map(moved).collect(), labels }
        })
        .collect();
    shuffle(&mut probes, &mut random);
    probes
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for end in (1..items.len()).rev() {
        items.swap(end, random.below(end + 1));
    }
}

/// A tenth of the chats, each with a label that it does not have, in two random orders.
fn passing(workload: &Workload) -> [Vec<(u32, String)>; 2] {
    let mut random = Random(2);
    let chats: Vec<_> = workload.chats.iter().filter(|_| random.below(10) == 0).collect();
    let mut other = |chat: &Chat| {
        let others: Vec<u32> = (1..=20).filter(|label| !chat.labels.contains(label)).collect();
        others[random.below(others.len())]
    };
    let mut coming: Vec<_> = chats.into_iter().map(|chat| (other(chat), chat.id.clone())).collect();
    shuffle(&mut coming, &mut random);
    let mut going = coming.clone();
    shuffle(&mut going, &mut random);
    [coming, going]
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// An operation on one chat.
type Act<E> = fn(&E, &Probe);

/// Times an operation on each chat in turn; preparing and undoing it are not timed.
fn change<E: Engine>(group: &mut Group<'_>, account: &Account, engine: &E, [prepare, run, undo]: [Act<E>; 3]) {
    group.bench_function(BenchmarkId::new(E::NAME, account.size), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            let mut left = usize::try_from(iterations).unwrap();
            while left > 0 {
                let round = &account.probes[..left.min(account.probes.len())];
                round.iter().for_each(|probe| prepare(engine, probe));
                let began = Instant::now();
                round.iter().for_each(|probe| run(engine, probe));
                spent += began.elapsed();
                round.iter().for_each(|probe| undo(engine, probe));
                left -= round.len();
            }
            spent
        });
    });
}

/// Times a query for each item in turn.
fn ask<E: Engine, T, A>(group: &mut Group<'_>, size: &str, engine: &E, items: &[T], question: fn(&E, &T) -> A) {
    let mut items = items.iter().cycle();
    group.bench_function(BenchmarkId::new(E::NAME, size), |bencher| {
        bencher.iter(|| items.next().map(|item| question(engine, black_box(item))));
    });
}

fn nothing<E>(_: &E, _: &Probe) {}

fn link<E: Engine>(engine: &E, probe: &Probe) {
    assert!(engine.link(probe.other, &probe.chat));
}

fn relink<E: Engine>(engine: &E, probe: &Probe) {
    assert!(!engine.link(probe.labels[0], &probe.chat));
}

fn unlink<E: Engine>(engine: &E, probe: &Probe) {
    assert!(engine.unlink(probe.other, &probe.chat));
}

fn move_on<E: Engine>(engine: &E, probe: &Probe) {
    assert_eq!(engine.set_labels(&probe.chat, &probe.moved), (1, 1));
}

fn move_back<E: Engine>(engine: &E, probe: &Probe) {
    assert_eq!(engine.set_labels(&probe.chat, &probe.labels), (1, 1));
}

/// Runs one bench of both engines on every account.
macro_rules! both {
    ($criterion:expr, $accounts:expr, $name:expr, |$group:ident, $account:ident, $engine:ident| $bench:expr) => {{
        let mut group = $criterion.benchmark_group($name);
        for $account in $accounts {
            let $group = &mut group;
            let $engine = &$account.index;
            $bench;
            let $engine = &$account.naive;
            $bench;
        }
        group.finish();
    }};
}

fn bench(criterion: &mut Criterion, accounts: &[Account]) {
    both!(criterion, accounts, "link", |group, account, engine| change(
        group,
        account,
        engine,
        [nothing, link, unlink]
    ));
    both!(criterion, accounts, "relink", |group, account, engine| {
        change(group, account, engine, [nothing, relink, nothing]);
    });
    both!(criterion, accounts, "unlink", |group, account, engine| {
        change(group, account, engine, [link, unlink, nothing]);
    });
    both!(criterion, accounts, "set_labels", |group, account, engine| {
        change(group, account, engine, [nothing, move_on, move_back]);
    });
    both!(criterion, accounts, "labels_of", |group, account, engine| {
        ask(group, account.size, engine, &account.probes, |engine, probe| engine.labels_of(&probe.chat));
    });
    both!(criterion, accounts, "name", |group, account, engine| {
        ask(group, account.size, engine, &account.names, |engine, name| engine.ids_named(name));
    });
    for nth in 0..accounts[0].totals.len() {
        let name = format!("totals of {}", accounts[0].totals[nth].any_of.len());
        both!(criterion, accounts, &name, |group, account, engine| {
            ask(group, account.size, engine, &account.totals[nth..=nth], Engine::totals);
        });
    }
    for (nth, name) in ["first page", "middle page"].into_iter().enumerate() {
        both!(criterion, accounts, name, |group, account, engine| {
            ask(group, account.size, engine, &account.pages[nth..=nth], Engine::page);
        });
    }
    for account in accounts {
        come_and_go(&account.index, &account.passing);
        come_and_go(&account.naive, &account.passing);
    }
    both!(criterion, accounts, "totals of 3 when a tenth came and went", |group, account, engine| {
        ask(group, account.size, engine, &account.totals[1..=1], Engine::totals);
    });
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let sizes = [("1k", 1_000), ("100k", 100_000), ("1M", 1_000_000)];
    let sizes = if is_measured { &sizes[..] } else { &sizes[..1] };
    let accounts: Vec<Account> = sizes.iter().map(|&(size, chats)| Account::new(size, chats)).collect();
    let mut criterion = Criterion::default()
        .sample_size(10)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    bench(&mut criterion, &accounts);
    criterion.final_summary();
    accounts.iter().for_each(Account::compare);
    accounts[0].index.check_invariants().unwrap();
}
