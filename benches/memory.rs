//! The cost of memory accesses on this machine: dependent reads of random cache lines, each of which names the next
//! one; independent reads; and a written line that moves from one core to another. A single link among millions of
//! chats consists of the first, and a contended lock costs the last; see `docs/lab.md`.
//!
//! `cargo bench --bench memory` measures; `cargo test --bench memory` runs it once on little memory.

#![allow(clippy::indexing_slicing, reason = "a bench is a program that may panic")]

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// A line of the processor's caches.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    next: usize,
}

/// A power of two of lines, each with the number of the next one, in one cycle without a pattern: a linear congruential
/// generator of full period.
fn circle(lines: usize) -> Vec<Line> {
    (0..lines).map(|at| Line { next: (at * 1_664_525 + 1_013_904_223) % lines }).collect()
}

/// Nanoseconds for each of `steps` reads.
fn time(steps: usize, run: impl FnOnce()) -> f64 {
    let began = Instant::now();
    run();
    began.elapsed().as_secs_f64() * 1e9 / steps as f64
}

/// Nanoseconds for a written line to reach another core, the mean of many round trips.
fn handover(times: usize) -> f64 {
    let turn = AtomicUsize::new(0);
    let play = |side: usize| {
        for round in 0..times {
            while turn.load(Ordering::Acquire) != 2 * round + side {
                spin_loop();
            }
            turn.store(2 * round + side + 1, Ordering::Release);
        }
    };
    time(2 * times, || {
        thread::scope(|scope| {
            scope.spawn(|| play(0));
            play(1);
        });
    })
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (sizes, steps): (&[usize], usize) =
        if is_measured { (&[1, 8, 32, 128, 1_024], 2_000_000) } else { (&[1], 1_000) };
    for &megabytes in sizes {
        let lines = circle(megabytes << 14);
        let order: Vec<usize> =
            std::iter::successors(Some(0), |&at: &usize| Some(lines[at].next)).take(steps).collect();
        let mut at = 0;
        let dependent = time(steps, || (0..steps).for_each(|_| at = lines[at].next));
        let mut sum = black_box(at);
        let independent = time(steps, || order.iter().for_each(|&at| sum ^= lines[at].next));
        black_box(sum);
        println!("{megabytes} MiB: {dependent:.0} ns one after the other, {independent:.0} ns side by side");
    }
    for _ in 0..if is_measured { 5 } else { 1 } {
        println!("from core to core: {:.0} ns", handover(steps / 4));
    }
}
