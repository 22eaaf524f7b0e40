//! The instructions of eleven hot operations, as callgrind counts them.
//!
//! Unlike times, these numbers are the same on a busy machine. Each is compared with the baseline beside it, and the
//! run fails if one is more than a tenth higher. After a change that is worth its cost the baseline is rewritten:
//! `cargo bench` prints what was counted.
//!
//! Every operation runs [`TIMES`] times on an account of [`CHATS`] chats and twenty labels, with a fixed seed.

use std::hint::black_box;

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind, LibraryBenchmarkConfig};
use label_index::{Answer, ChatLabels, Filter, LabelId, LabelIndex, Page};
use label_index_instructions::{account, chat, three};

/// Chats of the account.
const CHATS: u64 = 10_000;

/// Repetitions of an operation.
const TIMES: u64 = 1_000;

/// Chats from the whole account.
fn some_chats() -> Vec<String> {
    (0..TIMES).map(|nth| chat(nth * 7 % CHATS)).collect()
}

fn chats_of_account() -> (LabelIndex, Vec<String>) {
    (account(CHATS), some_chats())
}

/// The same, with every one of them linked to the last label.
fn linked() -> (LabelIndex, Vec<String>) {
    let (index, chats) = chats_of_account();
    assert!(index.link_all(20, &chats).expect("known labels").changed());
    (index, chats)
}

fn new_chats() -> (LabelIndex, Vec<String>) {
    (account(CHATS), (0..TIMES).map(|nth| chat(CHATS + nth)).collect())
}

fn asked(filter: Filter) -> (LabelIndex, Filter) {
    (account(CHATS), filter)
}

/// Fails if more instructions are counted than the baseline and a tenth.
fn baseline(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions + instructions / 10)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

fn link_each((index, chats): (LabelIndex, Vec<String>)) -> LabelIndex {
    for chat in &chats {
        black_box(index.link(20, chat)).expect("a known label");
    }
    index
}

fn ask((index, filter): (LabelIndex, Filter), page: Page) -> (LabelIndex, Option<Answer>) {
    let answer = (0..TIMES).map(|_| black_box(index.query(&filter, page)).expect("within the limits")).last();
    (index, answer)
}

#[library_benchmark]
#[bench::of_known_chats(args = (), setup = chats_of_account, config = baseline(3_868_000))]
#[bench::of_new_chats(args = (), setup = new_chats, config = baseline(4_256_000))]
#[bench::already_there(args = (), setup = linked, config = baseline(1_897_000))]
fn link(account: (LabelIndex, Vec<String>)) -> LabelIndex {
    link_each(account)
}

#[library_benchmark]
#[bench::beside_a_snapshot(args = (), setup = chats_of_account, config = baseline(13_293_000))]
fn link_once((index, chats): (LabelIndex, Vec<String>)) -> LabelIndex {
    for chat in &chats {
        let snapshot = index.snapshot();
        black_box(index.link(20, chat)).expect("a known label");
        drop(snapshot);
    }
    index
}

#[library_benchmark]
#[bench::of_linked_chats(args = (), setup = linked, config = baseline(3_676_000))]
fn unlink((index, chats): (LabelIndex, Vec<String>)) -> LabelIndex {
    for chat in &chats {
        black_box(index.unlink(20, chat)).expect("a known label");
    }
    index
}

#[library_benchmark]
#[bench::of_links(args = (), setup = chats_of_account, config = baseline(3_544_000))]
fn batch((index, chats): (LabelIndex, Vec<String>)) -> LabelIndex {
    let mut batch = index.batch();
    for chat in &chats {
        batch.link(20, chat).expect("a good id");
    }
    assert!(batch.commit().expect("a known label").changed());
    index
}

#[library_benchmark]
#[bench::by_text(args = (), setup = chats_of_account, config = baseline(866_000))]
fn labels_of((index, chats): (LabelIndex, Vec<String>)) -> (LabelIndex, ChatLabels) {
    let labels = chats.iter().map(|chat| black_box(index.labels_of(chat))).last();
    (index, labels.unwrap_or_default())
}

#[library_benchmark]
#[bench::any_of_three(args = (three()), setup = asked, config = baseline(3_397_000))]
#[bench::all_of_two_none_of_one(
    args = (Filter::new().all_of_ids(["2", "9"]).none_of_ids(["14"])), setup = asked, config = baseline(3_826_000)
)]
fn totals(question: (LabelIndex, Filter)) -> (LabelIndex, Option<Answer>) {
    ask(question, Page::first(0))
}

#[library_benchmark]
#[bench::of_fifty(args = (three()), setup = asked, config = baseline(30_923_000))]
fn page(question: (LabelIndex, Filter)) -> (LabelIndex, Option<Answer>) {
    ask(question, Page::first(50))
}

#[library_benchmark]
#[bench::in_other_case(args = (CHATS), setup = account, config = baseline(1_483_000))]
fn ids_named(index: LabelIndex) -> (LabelIndex, Vec<LabelId>) {
    let ids = (0..TIMES).map(|_| black_box(index.ids_named(black_box("LABEL 17")))).last();
    (index, ids.unwrap_or_default())
}

library_benchmark_group!(name = hot, benchmarks = [link, link_once, unlink, batch, labels_of, totals, page, ids_named]);
main!(library_benchmark_groups = hot);
