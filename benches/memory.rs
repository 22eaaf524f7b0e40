//! What a cache miss takes on this machine: reads of random lines, each of which tells where the next one is, and reads that
//! know where to go. A single link among millions of chats is made of such reads; see `docs/benchmarks.md`.
//!
//! `cargo bench --bench memory` measures; `cargo test --bench memory` runs it once on little memory.

#![allow(clippy::indexing_slicing, reason = "a bench is a program that may panic")]

use std::hint::black_box;
use std::time::Instant;

/// A line of the processor's caches.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    next: usize,
}

/// Lines, a power of two of them, that lead to one another in one circle without a pattern: a linear congruential generator
/// of full period.
fn circle(lines: usize) -> Vec<Line> {
    (0..lines).map(|at| Line { next: (at * 1_664_525 + 1_013_904_223) % lines }).collect()
}

/// Nanoseconds for each of so many steps.
fn time(steps: usize, run: impl FnOnce()) -> f64 {
    let began = Instant::now();
    run();
    began.elapsed().as_secs_f64() * 1e9 / steps as f64
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
}
