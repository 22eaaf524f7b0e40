//! The cache lines and the pages of memory that an operation touches, as callgrind's simulated caches count them.
//!
//! A server does other work between two queries, and then a read waits for memory rather than for instructions: its
//! time is the number of lines that it touches, and of pages that the processor has to translate. Here every operation
//! begins with empty caches, because memory larger than they are is walked before it. The first cache is large enough
//! to keep everything that one operation touches, so that its misses are the distinct lines of 64 bytes. The second has
//! lines of 4,096 bytes, so that its misses are the distinct pages. The counts are the same on a busy machine.
//!
//! Each number is of [`TIMES`] operations, each on another chat of an account of [`CHATS`] chats.

use std::hint::black_box;

use gungraun::prelude::*;
use gungraun::{Callgrind, EntryPoint, EventKind, LibraryBenchmarkConfig};
use label_index::{Filter, LabelIndex, Page};
use label_index_instructions::{account, chat, three};

/// Chats of the account.
const CHATS: u64 = 30_000;

/// Repetitions of an operation.
const TIMES: u64 = 10;

/// The simulated caches: their sizes in bytes, how many lines share a set, and the bytes of a line.
const CACHES: [&str; 3] = ["--cache-sim=yes", "--D1=1048576,16,64", "--LL=8388608,16,4096"];

/// Twice as large as the larger cache.
const OTHER_MEMORY: usize = 16 << 20;

/// An account, chats to query, and memory that fills the caches.
struct Scene {
    index: LabelIndex,
    chats: Vec<String>,
    other: Vec<u8>,
}

/// The last label has a hundredth of the chats, so that a link to it makes no combination of labels that is new.
fn scene() -> Scene {
    let index = account(CHATS);
    assert!(index.link_all(20, (0..CHATS / 100).map(chat)).expect("known labels").changed());
    let chats = (0..TIMES).map(|nth| chat((nth * 2_003 + CHATS / 2) % CHATS)).collect();
    Scene { index, chats, other: vec![1; OTHER_MEMORY] }
}

/// The same, with the chats linked to the last label.
fn linked() -> Scene {
    let scene = scene();
    assert!(scene.index.link_all(20, &scene.chats).expect("known labels").changed());
    scene
}

/// Only the code that runs in this function is counted.
#[inline(never)]
fn counted<R>(operation: impl FnOnce() -> R) -> R {
    operation()
}

/// Carries an operation out for each chat, each time with empty caches.
fn each_cold<R>(scene: Scene, operation: impl Fn(&LabelIndex, &str) -> R) -> Scene {
    for chat in &scene.chats {
        black_box(scene.other.iter().step_by(64).map(|&byte| u64::from(byte)).sum::<u64>());
        let result = counted(|| operation(&scene.index, chat));
        drop(black_box(result));
    }
    scene
}

/// Fails if an operation touches more lines or pages than the baseline, a tenth and two: counted separately by whether
/// the first access is a read or a write. The two are for lines of the stack, whose number depends on where it begins.
fn baseline(lines: [u64; 2], pages: [u64; 2]) -> LibraryBenchmarkConfig {
    let above = |count: u64| count + count / 10 + 2 * TIMES;
    let mut callgrind = Callgrind::with_args(CACHES);
    callgrind.entry_point(EntryPoint::Custom("*counted*".to_owned()));
    callgrind.hard_limits([
        (EventKind::D1mr, above(lines[0])),
        (EventKind::D1mw, above(lines[1])),
        (EventKind::DLmr, above(pages[0])),
        (EventKind::DLmw, above(pages[1])),
    ]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

#[library_benchmark]
#[bench::of_known_chats(args = (), setup = scene, config = baseline([895, 662], [289, 20]))]
fn link(scene: Scene) -> Scene {
    each_cold(scene, |index, chat| index.link(20, chat).expect("a known label"))
}

#[library_benchmark]
#[bench::of_linked_chats(args = (), setup = linked, config = baseline([872, 590], [270, 20]))]
fn unlink(scene: Scene) -> Scene {
    each_cold(scene, |index, chat| index.unlink(20, chat).expect("a known label"))
}

#[library_benchmark]
#[bench::by_text(args = (), setup = scene, config = baseline([283, 80], [142, 0]))]
fn labels_of(scene: Scene) -> Scene {
    each_cold(scene, |index, chat| index.labels_of(chat))
}

fn asked(filter: Filter) -> (Scene, Filter) {
    (scene(), filter)
}

#[library_benchmark]
#[bench::any_of_three(args = (three()), setup = asked, config = baseline([896, 492], [271, 20]))]
#[bench::all_of_two_none_of_one(
    args = (Filter::new().all_of_ids(["2", "9"]).none_of_ids(["14"])), setup = asked,
    config = baseline([821, 502], [286, 20])
)]
fn totals((scene, filter): (Scene, Filter)) -> Scene {
    each_cold(scene, |index, _| index.totals(&filter).expect("within the limits"))
}

#[library_benchmark]
#[bench::of_fifty(args = (three()), setup = asked, config = baseline([1_743, 1_240], [402, 10]))]
fn page((scene, filter): (Scene, Filter)) -> Scene {
    each_cold(scene, |index, _| index.page(&filter, Page::first(50)).expect("within the limits"))
}

#[library_benchmark]
#[bench::of_fifty(args = (three()), setup = asked, config = baseline([2_119, 1_390], [502, 20]))]
fn query((scene, filter): (Scene, Filter)) -> Scene {
    each_cold(scene, |index, _| index.query(&filter, Page::first(50)).expect("within the limits"))
}

#[library_benchmark]
#[bench::in_other_case(args = (), setup = scene, config = baseline([400, 100], [160, 0]))]
fn ids_named(scene: Scene) -> Scene {
    each_cold(scene, |index, _| index.ids_named("LABEL 17"))
}

library_benchmark_group!(name = cold, benchmarks = [link, unlink, labels_of, totals, page, query, ids_named]);
main!(library_benchmark_groups = cold);
