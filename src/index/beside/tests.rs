//! Writes between the preparation of a removal and the writer lock, where no caller can place them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::index::label_index::LabelIndex;
use crate::index::snapshot::Snapshot;
use crate::index::subscriber::{Delivery, Subscriber};
use crate::model::change::Change;
use crate::model::label_id::LabelId;
use crate::model::op::{Committed, Event, Op, Outcome};
use crate::model::options::Options;
use crate::state::tests::all_of;

/// More than two pages of places, so that free ones at the end are given back.
const CHATS: u32 = 1_600;

/// The label that is removed.
const GONE: u32 = 1;

#[derive(Debug, Clone)]
enum Write {
    Link(u32, u32),
    Unlink(u32, u32),
    LinkAll(u32, Range<u32>),
    UnlinkAll(u32, Range<u32>),
    Set(u32, Vec<u32>),
    Edit(u32, bool),
    Report(u32, u32),
    Merge(u32, u32),
    Remove(u32),
    /// Holds a snapshot from now on, or none any more.
    Hold(bool),
}

fn label() -> impl Strategy<Value = u32> {
    1_u32..5
}

/// One of few chats, or any.
fn chat() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 0_u32..8, 1 => 0..CHATS + 8]
}

fn chats() -> impl Strategy<Value = Range<u32>> {
    (chat(), chat()).prop_map(|(one, other)| one.min(other)..one.max(other))
}

fn short() -> impl Strategy<Value = Write> {
    prop_oneof![
        6 => (label(), chat()).prop_map(|(label, chat)| Write::Link(label, chat)),
        6 => (label(), chat()).prop_map(|(label, chat)| Write::Unlink(label, chat)),
        2 => (chat(), vec(label(), 0..3)).prop_map(|(chat, labels)| Write::Set(chat, labels)),
        2 => (label(), any::<bool>()).prop_map(|(label, named)| Write::Edit(label, named)),
        2 => (1_u32..8, chat()).prop_map(|(label, chat)| Write::Report(label, chat)),
        1 => any::<bool>().prop_map(Write::Hold),
    ]
}

fn any_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        6 => short(),
        2 => (label(), chats()).prop_map(|(label, chats)| Write::LinkAll(label, chats)),
        2 => (label(), chats()).prop_map(|(label, chats)| Write::UnlinkAll(label, chats)),
        1 => (chat(), chat()).prop_map(|(from, into)| Write::Merge(from, into)),
        1 => label().prop_map(Write::Remove),
    ]
}

fn id(chat: u32) -> String {
    if chat.is_multiple_of(3) { format!("chat {chat}") } else { format!("55{chat:09}@c.us") }
}

/// An index, and what holds on to it.
struct Seat {
    index: LabelIndex,
    held: Option<Snapshot>,
    feed: Subscriber,
}

impl Seat {
    fn new(removal_unlinks: usize) -> Self {
        let index = Options::new().hash_seed(1).removal_unlink_limit(removal_unlinks).build();
        (1..=4).for_each(|label| assert!(index.upsert_label(label, "named").unwrap().changed()));
        index.link_all(GONE, (0..8).map(id)).unwrap();
        let feed = index.subscribe();
        Self { index, held: None, feed }
    }

    /// Carries a write out; it may be refused.
    fn perform(&mut self, write: &Write) {
        let mut batch = self.index.batch();
        match write {
            Write::Link(label, chat) => batch.link(*label, id(*chat)).unwrap(),
            Write::Unlink(label, chat) => batch.unlink(*label, id(*chat)).unwrap(),
            Write::LinkAll(label, chats) => batch.link_all(*label, chats.clone().map(id)).unwrap(),
            Write::UnlinkAll(label, chats) => batch.unlink_all(*label, chats.clone().map(id)).unwrap(),
            Write::Set(chat, labels) => batch.set_labels(id(*chat), labels.iter().copied()).unwrap(),
            Write::Edit(label, named) => batch.upsert_label(*label, if *named { "named" } else { "edited" }).unwrap(),
            Write::Report(label, chat) => {
                batch.ingest(Event::ChatLabelled { label: (*label).into(), chat: id(*chat).parse().unwrap() });
            }
            Write::Merge(from, into) => batch.merge_chats(id(*from), id(*into)).unwrap(),
            Write::Remove(label) => batch.remove_label(*label).unwrap(),
            Write::Hold(holds) => self.held = holds.then(|| self.index.snapshot()),
        }
        drop(batch.commit());
    }

    fn told(&mut self) -> Vec<Change> {
        let deliveries = std::iter::from_fn(|| self.feed.try_recv());
        let commits = deliveries.map(|delivery| match delivery {
            Delivery::Commit(commit) => commit.changes.to_vec(),
            other => unreachable!("{other:?}"),
        });
        commits.flatten().collect()
    }

    fn all(&self) -> Vec<String> {
        self.index.check_invariants().unwrap();
        all_of(&self.index.newest_version())
    }
}

#[derive(Debug, Clone)]
struct Script {
    removal_unlinks: usize,
    before: Vec<Write>,
    meanwhile: Vec<Write>,
    after: Vec<Write>,
}

fn script(meanwhile: impl Strategy<Value = Write>) -> impl Strategy<Value = Script> {
    let removal_unlinks = prop_oneof![2 => Just(0), 1 => 6_usize..12, 2 => Just(100_000)];
    (removal_unlinks, vec(any_write(), 0..12), vec(meanwhile, 0..8), vec(any_write(), 0..6))
        .prop_map(|(removal_unlinks, before, meanwhile, after)| Script { removal_unlinks, before, meanwhile, after })
}

fn removal() -> Op {
    Op::RemoveLabel { label: LabelId::from(GONE) }
}

/// Removes a label that was prepared before the writes in between, and holds the index against one in which it is removed
/// with the writer lock. Returns whether it could be brought up to them.
fn is_followed(Script { removal_unlinks, before, meanwhile, after }: &Script) -> bool {
    let (mut beside, mut locked) = (Seat::new(*removal_unlinks), Seat::new(*removal_unlinks));
    let both = |beside: &mut Seat, locked: &mut Seat, writes: &[Write]| {
        writes.iter().for_each(|write| [&mut *beside, &mut *locked].into_iter().for_each(|seat| seat.perform(write)));
    };
    both(&mut beside, &mut locked, before);
    let index = beside.index.clone();
    let Some((watch, prepared)) = index.prepare_removal(&removal()) else { return false };
    both(&mut beside, &mut locked, meanwhile);
    let found = index.commit_removal(index.writer(), &removal(), &watch, prepared);
    let expected: Result<Committed<Outcome>, _> = locked.index.attempt(&mut locked.index.writer(), &removal());
    let found = match found {
        Ok(None) => return false,
        Ok(Some(found)) => Ok(found),
        Err(why) => Err(why),
    };
    assert_eq!(found, expected);
    assert_eq!(beside.told(), locked.told());
    assert_eq!(beside.all(), locked.all());
    both(&mut beside, &mut locked, after);
    assert_eq!(beside.told(), locked.told());
    assert_eq!(beside.all(), locked.all());
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_prepared_removal_is_the_same_as_one_under_the_writer_lock(script in script(any_write())) {
        is_followed(&script);
    }
}

/// Links, unlinks, edits and new labels, as they come all the time, are let through.
#[test]
fn short_writes_do_not_restart_the_preparation_of_a_removal() {
    let mut runner = TestRunner::deterministic();
    let (all, mut followed) = (200, 0);
    for _ in 0..all {
        let script = script(short()).new_tree(&mut runner).unwrap().current();
        followed += u32::from(is_followed(&script));
    }
    // The others had no such label, or took free places away.
    assert!(followed * 10 > all * 8, "{followed} of {all}");
}

#[test]
fn a_preparation_that_was_given_up_keeps_nothing() {
    let mut seat = Seat::new(0);
    let index = seat.index.clone();
    let prepared = index.prepare_removal(&removal()).unwrap();
    seat.perform(&Write::Link(2, 1));
    assert_eq!(prepared.0.meanwhile(index.revision()).map(|changes| changes.len()), Some(1));
    drop(prepared);
    assert_eq!(index.watch().meanwhile(index.revision()), Some(Vec::new()));
}

/// The receipt of another write does not wait for the preparation, and the removal keeps its position among the calls.
#[test]
fn a_long_removal_keeps_its_position_in_the_write_queue() {
    let seat = Seat::new(0);
    let index = seat.index.clone();
    index.link_all(GONE, (0..CHATS * 2).map(id)).unwrap();
    let turn = index.writer();
    let (linked, removed) = (index.link_async(GONE, "new"), index.remove_label_async(GONE));
    drop(turn);
    let removed = removed.wait().unwrap();
    assert!(linked.is_ready() && linked.wait().unwrap());
    assert_eq!(removed.links, u64::from(CHATS) * 2 + 1);
    assert_eq!(seat.index.total_chats(), 0);
}
