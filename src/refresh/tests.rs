//! Writes between the difference and the writer lock, which no caller can place there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::links_by_chat::LinksByChat;
use crate::codec::RecordFormat;
use crate::index::label_index::LabelIndex;
use crate::index::subscriber::Delivery;
use crate::model::change::Change;
use crate::model::full_state::FullState;
use crate::model::op::Event;
use crate::model::options::Options;
use crate::state::State;
use crate::state::tests::all_of;

/// A write over a few labels and chats.
#[derive(Debug, Clone)]
enum Write {
    Link(u32, char),
    Unlink(u32, char),
    Set(char, Vec<u32>),
    Merge(char, char),
    Unalias(char),
    Edit(u32, bool),
    Remove(u32),
    Report(u32, char),
    /// Links many chats that have no other label, or unlinks them.
    Many(u32, Range<u32>, bool),
    Batch(Vec<Write>),
}

fn label() -> impl Strategy<Value = u32> {
    1_u32..6
}

fn chat() -> impl Strategy<Value = char> {
    proptest::char::range('a', 'h')
}

fn any_write() -> impl Strategy<Value = Write> {
    let single = prop_oneof![
        4 => (label(), chat()).prop_map(|(label, chat)| Write::Link(label, chat)),
        2 => (label(), chat()).prop_map(|(label, chat)| Write::Unlink(label, chat)),
        1 => (chat(), vec(label(), 0..3)).prop_map(|(chat, labels)| Write::Set(chat, labels)),
        4 => (chat(), chat()).prop_map(|(from, into)| Write::Merge(from, into)),
        2 => chat().prop_map(Write::Unalias),
        2 => (label(), any::<bool>()).prop_map(|(label, named)| Write::Edit(label, named)),
        1 => label().prop_map(Write::Remove),
        1 => (label(), chat()).prop_map(|(label, chat)| Write::Report(label, chat)),
    ];
    prop_oneof![6 => single.clone(), 1 => vec(single, 0..5).prop_map(Write::Batch)]
}

fn of_many(number: u32) -> String {
    if number.is_multiple_of(3) { format!("chat {number}") } else { format!("55{number:09}@c.us") }
}

/// A range of more chats than two pages of places hold, so that free places at the end are removed.
fn many() -> impl Strategy<Value = Range<u32>> {
    let end = || prop_oneof![0_u32..20, 0_u32..2_000];
    (end(), end()).prop_map(|(one, other)| one.min(other)..one.max(other))
}

fn any_wide_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        1 => any_write(),
        2 => (1_u32..4, many(), any::<bool>()).prop_map(|(label, chats, link)| Write::Many(label, chats, link)),
    ]
}

/// A label with or without a record, and its links.
fn full_state() -> impl Strategy<Value = FullState> {
    vec((label(), 0..4_u8, vec(chat(), 0..6)), 0..6).prop_map(|labels| {
        let mut full = FullState::new();
        for (id, record, chats) in labels {
            match record {
                0 => {}
                1 => full.deleted_label(id).unwrap(),
                _ => full.label(id, format!("stated {record}").as_str()).unwrap(),
            }
            chats.iter().for_each(|chat| full.link(id, chat.to_string()).unwrap());
        }
        full
    })
}

impl Write {
    /// Carries out the write, which may be refused.
    fn perform(&self, index: &LabelIndex) {
        let mut batch = index.batch();
        match self {
            Self::Batch(writes) => writes.iter().for_each(|write| write.add(&mut batch)),
            single => single.add(&mut batch),
        }
        drop(batch.commit());
    }

    fn add(&self, batch: &mut crate::Batch) {
        match self {
            Self::Link(label, chat) => batch.link(*label, chat.to_string()).unwrap(),
            Self::Unlink(label, chat) => batch.unlink(*label, chat.to_string()).unwrap(),
            Self::Set(chat, labels) => batch.set_labels(chat.to_string(), labels.iter().copied()).unwrap(),
            Self::Merge(from, into) => batch.merge_chats(from.to_string(), into.to_string()).unwrap(),
            Self::Unalias(from) => batch.unalias(from.to_string()).unwrap(),
            Self::Edit(label, true) => batch.upsert_label(*label, "written").unwrap(),
            Self::Edit(label, false) => {
                batch.upsert_label(*label, crate::LabelPatch::named("written").unwrap().color(7)).unwrap();
            }
            Self::Remove(label) => batch.remove_label(*label).unwrap(),
            Self::Report(label, chat) => {
                let chat = chat.to_string().parse().unwrap();
                batch.ingest(Event::ChatLabelled { label: (*label).into(), chat });
            }
            Self::Many(label, chats, true) => batch.link_all(*label, chats.clone().map(of_many)).unwrap(),
            Self::Many(label, chats, false) => batch.unlink_all(*label, chats.clone().map(of_many)).unwrap(),
            Self::Batch(_) => unreachable!("batches are not nested"),
        }
    }
}

/// How a draft is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By bringing the prepared version up to date with the writes since.
    Prepared,
    InTurn,
}

/// The result, without the places of chats, of a refresh whose difference was computed after `drafted_after` of the
/// writes made meanwhile. `None` if the prepared version cannot be brought up to the others. Also checks that replaying
/// the commit gives the same state.
fn refreshed(script: &Script, drafted_after: usize, way: Way) -> Option<Vec<String>> {
    let Script { before, meanwhile, full, holds, removal_unlinks } = script;
    let index = Options::new().hash_seed(1).removal_unlink_limit(*removal_unlinks).build();
    before.iter().for_each(|write| write.perform(&index));
    let ticket = index.begin_refresh().unwrap();
    let (early, late) = meanwhile.split_at(drafted_after);
    let mut held = holds.then(|| index.snapshot());
    early.iter().for_each(|write| write.perform(&index));
    let draft = match way {
        Way::Prepared => index.prepare_refresh(ticket.ending.number(), full).unwrap(),
        Way::InTurn => index.draft_refresh(ticket.ending.number(), full).unwrap(),
    };
    for (nth, write) in late.iter().enumerate() {
        write.perform(&index);
        if nth == 3 {
            held = None;
        }
    }
    let mut feed = index.subscribe();
    let mut replica = State::clone(&index.newest_version());
    let committed = match way {
        Way::Prepared => index.commit_prepared(draft, false).unwrap()?,
        Way::InTurn => index.commit_draft(&draft, false).unwrap(),
    };
    drop(held);
    let Some(Delivery::Commit(commit)) = feed.try_recv() else { unreachable!("the first refresh is a commit") };
    replica.replay(&commit, RecordFormat::Two).unwrap();
    assert_eq!(all_of(&index.newest_version()), all_of(&replica));
    let without_place = |change: &Change| match change {
        Change::ChatLinked { label, chat, .. } => format!("linked {label} {chat}"),
        other => format!("{other:?}"),
    };
    let mut seen: Vec<_> = commit.changes.iter().map(without_place).collect();
    assert_eq!(seen.pop().as_deref(), Some("Refreshed"));
    seen.sort();
    seen.push(format!("{committed:?}"));
    let mut chats: Vec<_> = index.iter().map(|chat| format!("{chat:?}")).collect();
    chats.sort();
    seen.extend(chats);
    Some(seen)
}

#[derive(Debug, Clone)]
struct Script {
    before: Vec<Write>,
    meanwhile: Vec<Write>,
    full: FullState,
    /// Whether a snapshot is held during the first writes.
    holds: bool,
    removal_unlinks: usize,
}

/// Mostly none or all, so that a label seldom gets one chat too many meanwhile.
fn removal_unlinks() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0), 1 => 1_usize..6, 4 => Just(100_000)]
}

/// A script over many chats.
fn wide_script() -> impl Strategy<Value = Script> {
    let full = (full_state(), vec((1_u32..4, many()), 0..3)).prop_map(|(mut full, links)| {
        for (label, chats) in links {
            chats.for_each(|number| full.link(label, of_many(number)).unwrap());
        }
        full
    });
    (vec(any_wide_write(), 0..8), vec(any_wide_write(), 0..5), full, any::<bool>(), removal_unlinks()).prop_map(
        |(before, meanwhile, full, holds, removal_unlinks)| Script { before, meanwhile, full, holds, removal_unlinks },
    )
}

fn script(write: impl Strategy<Value = Write>) -> impl Strategy<Value = Script> {
    (vec(any_write(), 0..20), vec(write, 0..8), full_state(), any::<bool>(), removal_unlinks()).prop_map(
        |(before, meanwhile, full, holds, removal_unlinks)| Script { before, meanwhile, full, holds, removal_unlinks },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// The expected result is that of a difference computed after the last write, which does not use the notes on
    /// aliases. The tests of the public API compare that one with the model.
    #[test]
    fn a_refresh_has_one_result_whenever_its_difference_was_computed(script in script(any_write())) {
        check_moments(&script);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_refresh_of_many_chats_has_one_result_whenever_its_difference_was_computed(script in wide_script()) {
        check_moments(&script);
    }
}

fn check_moments(script: &Script) {
    let last = script.meanwhile.len();
    let expected = refreshed(script, last, Way::InTurn);
    for drafted_after in 0..=last {
        assert_eq!(refreshed(script, drafted_after, Way::InTurn), expected, "after {drafted_after}");
        if let Some(seen) = refreshed(script, drafted_after, Way::Prepared) {
            assert_eq!(Some(seen), expected, "prepared after {drafted_after}");
        }
    }
}

/// Links, unlinks, edits and new labels, which are usual during a fetch, do not make the preparation start again.
#[test]
fn writes_that_are_usual_during_a_fetch_do_not_restart_the_preparation() {
    let short = prop_oneof![
        6 => (label(), chat()).prop_map(|(label, chat)| Write::Link(label, chat)),
        3 => (label(), chat()).prop_map(|(label, chat)| Write::Unlink(label, chat)),
        2 => (chat(), vec(label(), 0..3)).prop_map(|(chat, labels)| Write::Set(chat, labels)),
        4 => chat().prop_map(|chat| Write::Set(chat, Vec::new())),
        1 => (label(), any::<bool>()).prop_map(|(label, named)| Write::Edit(label, named)),
        3 => (label(), chat()).prop_map(|(label, chat)| Write::Report(label, chat)),
    ];
    let mut runner = TestRunner::deterministic();
    let (mut followed, mut all) = (0, 0);
    for _ in 0..600 {
        let script = script(short.clone()).new_tree(&mut runner).unwrap().current();
        let last = script.meanwhile.len();
        let expected = refreshed(&script, last, Way::InTurn);
        for drafted_after in 0..=last {
            let seen = refreshed(&script, drafted_after, Way::Prepared);
            assert!(seen.is_none() || seen == expected, "prepared after {drafted_after}: {script:?}");
            followed += usize::from(seen.is_some());
            all += 1;
        }
    }
    // The others edited a label that the state does not have, so its pairs are removed one by one.
    assert!(followed * 10 > all * 9, "{followed} of {all}");
}

/// A write takes the first of the free places that new chats were to take, and frees it again, so it becomes the last
/// one.
#[test]
fn a_free_place_that_was_taken_and_given_back_meanwhile_is_not_first_any_more() {
    let before = ['d', 'e', 'f'];
    let mut full = FullState::new();
    ["a", "b", "c"].into_iter().for_each(|chat| full.link(1, chat).unwrap());
    let link = before.iter().map(|&chat| Write::Report(1, chat));
    let script = Script {
        before: link.chain(before.iter().map(|&chat| Write::Unlink(1, chat))).collect(),
        meanwhile: vec![Write::Link(1, 'h'), Write::Unlink(1, 'h')],
        full,
        holds: false,
        removal_unlinks: 0,
    };
    let expected = refreshed(&script, 2, Way::InTurn);
    assert_eq!(refreshed(&script, 0, Way::Prepared), expected);
}

#[test]
fn an_alias_learnt_after_the_difference_is_applied_to_the_state() {
    let index = LabelIndex::new();
    assert!(index.upsert_label(1, "VIP").unwrap().changed());
    index.link(1, "ana@c.us").unwrap();
    let mut full = FullState::new();
    full.label(1, "VIP").unwrap();
    full.link(1, "77@lid").unwrap();
    let ticket = index.begin_refresh().unwrap();
    let draft = index.draft_refresh(ticket.ending.number(), &full).unwrap();
    assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
    let committed = index.commit_draft(&draft, true).unwrap();
    assert_eq!((committed.linked, committed.unlinked), (0, 0));
    assert_eq!((index.total_chats(), index.contains(1, "ana@c.us")), (1, true));
}

#[test]
fn a_ticket_cancelled_after_the_difference_is_refused() {
    let index = LabelIndex::new();
    let full = FullState::new();
    let ticket = index.begin_refresh().unwrap();
    let draft = index.draft_refresh(ticket.ending.number(), &full).unwrap();
    assert!(index.cancel_refresh());
    assert_eq!(index.commit_draft(&draft, true), Err(crate::Error::TicketCancelled));
    assert_eq!(index.revision(), 0);
}

/// The bytes that a refresh allocates with the writer lock held, for the same few writes and differences among `chats`
/// chats.
fn allocated_under_the_lock(chats: u64) -> u64 {
    let chat = |number: u64| format!("55{number:011}@c.us");
    let index = Options::new().hash_seed(1).build();
    let mut full = FullState::new();
    for label in 1..=4_u32 {
        assert!(index.upsert_label(label, format!("label {label}").as_str()).unwrap().changed());
        full.label(label, format!("label {label}").as_str()).unwrap();
        let labelled = (0..chats).filter(|number| number % 4 <= u64::from(label));
        assert!(index.link_all(label, labelled.clone().map(chat)).unwrap().changed());
        labelled.skip(10).for_each(|number| full.link(label, chat(number)).unwrap());
    }
    let ticket = index.begin_refresh().unwrap();
    let draft = index.draft_refresh(ticket.ending.number(), &full).unwrap();
    for number in 0..20 {
        assert!(index.merge_chats(format!("{number}@lid"), chat(number * 3)).unwrap().changed());
        index.link(1, chat(number * 5)).unwrap();
    }
    let links = LinksByChat::new(&full);
    let mut unlinked = 0;
    let allocated = allocation_counter::measure(|| {
        unlinked = index.commit_locked(index.writer(), &draft, Some(&links), true).unwrap().unlinked;
    });
    assert!((20..=40).contains(&unlinked), "{unlinked} pairs went");
    allocated.bytes_total
}

#[test]
fn the_work_under_the_writer_lock_does_not_grow_with_the_chats() {
    let (few, many) = (allocated_under_the_lock(20_000), allocated_under_the_lock(400_000));
    // The pages and chunks that a change copies are fuller; nothing else grows with the number of links.
    assert!(many <= 4 * few, "{few} bytes among 20,000 chats, {many} among 400,000");
}
