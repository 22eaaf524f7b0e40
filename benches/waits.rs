//! How long a short write waits during a long one: the first refresh of an account, and the removal of its largest
//! label.
//!
//! `cargo bench --bench waits` prints a table; `cargo test --bench waits` runs everything once on a small account.
//! `WAITS_CHATS` sets another number of chats. During each long write, one thread links chats of its own, one each
//! millisecond.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program that may panic"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{FullState, LabelIndex};

/// Rounds of each measurement; the one in the middle is printed.
const ROUNDS: usize = 5;

/// The label of the short writes, and the one that is on all chats.
const SHORT: u32 = 1;
const LARGE: u32 = 2;

fn chat(number: usize) -> String {
    format!("55{number:011}@c.us")
}

/// The times of one round.
struct Waits {
    long: Duration,
    /// The times of the short writes that began during the long one.
    short: Vec<Duration>,
}

impl Waits {
    fn longest(&self) -> Duration {
        self.short.iter().copied().max().unwrap_or_default()
    }
}

/// Carries out a long write while another thread makes short ones.
fn measure(index: &LabelIndex, long: impl FnOnce()) -> Waits {
    let is_over = AtomicBool::new(false);
    let short_write = |number: usize| {
        let began = Instant::now();
        assert!(index.link(SHORT, format!("short {number}")).unwrap());
        began.elapsed()
    };
    thread::scope(|scope| {
        let short = scope.spawn(|| {
            let mut waits = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                waits.push(short_write(waits.len()));
                thread::sleep(Duration::from_millis(1));
            }
            waits
        });
        let began = Instant::now();
        long();
        let long = began.elapsed();
        is_over.store(true, Ordering::SeqCst);
        Waits { long, short: short.join().unwrap() }
    })
}

fn index() -> LabelIndex {
    let index = LabelIndex::new();
    index.upsert_label(SHORT, "short").unwrap();
    index.upsert_label(LARGE, "large").unwrap();
    index
}

/// The network's state with `links` links, each of another chat.
fn network(links: usize) -> FullState {
    let mut state = FullState::new();
    state.label(SHORT, "short").unwrap();
    state.label(LARGE, "large").unwrap();
    (0..links).for_each(|number| state.link(LARGE, chat(number)).unwrap());
    state
}

fn first_refresh(links: usize) -> Waits {
    let (index, state) = (index(), network(links));
    let ticket = index.begin_refresh().unwrap();
    let waits = measure(&index, || assert_eq!(ticket.commit(state).unwrap().linked, links));
    assert_eq!(index.total_rows(), u64::try_from(links + waits.short.len()).unwrap());
    index.check_invariants().unwrap();
    waits
}

/// Removes the label of all chats; every second chat has another label if `with_another`, and otherwise none has.
fn removal(chats: usize, with_another: bool) -> Waits {
    let index = index();
    let all = (0..chats).map(chat).collect::<Vec<_>>();
    for part in all.chunks(100_000) {
        assert!(index.link_all(LARGE, part).unwrap().changed());
        if with_another {
            assert!(index.link_all(SHORT, part.iter().step_by(2)).unwrap().changed());
        }
    }
    let waits = measure(&index, || {
        assert_eq!(index.remove_label(LARGE).unwrap().links, u64::try_from(chats).unwrap());
    });
    let left = if with_another { chats.div_ceil(2) } else { 0 };
    assert_eq!(index.total_rows(), u64::try_from(left + waits.short.len()).unwrap());
    index.check_invariants().unwrap();
    waits
}

fn report(name: &str, rounds: usize, round: impl Fn() -> Waits) {
    let mut measured: Vec<Waits> = (0..rounds).map(|_| round()).collect();
    measured.sort_by_key(Waits::longest);
    let [least, .., most] = [&measured[0], &measured[rounds / 2], &measured[rounds - 1]];
    let middle = &measured[rounds / 2];
    let mut short = middle.short.clone();
    short.sort_unstable();
    let median = short.get(short.len() / 2).copied().unwrap_or_default();
    println!(
        "{name:<44} {:>9.1?} {:>8} {median:>9.1?} {:>9.1?} ({:.1?} to {:.1?})",
        middle.long,
        short.len(),
        middle.longest(),
        least.longest(),
        most.longest(),
    );
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let chats = std::env::var("WAITS_CHATS").map_or(1_000_000, |number| number.parse().unwrap());
    let (chats, rounds) = if is_measured { (chats, ROUNDS) } else { (3_000, 1) };
    println!("{:<44} {:>9} {:>8} {:>9} {:>9}", "beside", "it took", "writes", "median", "longest");
    report(&format!("a first refresh of {chats} links"), rounds, || first_refresh(chats));
    let twice = 2 * chats;
    report(&format!("removing a label of {twice} chats"), rounds, || removal(twice, false));
    report("the same, every second one has another label", rounds, || removal(twice, true));
}
