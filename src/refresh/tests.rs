//! Writes between the difference and the turn to write, where no caller can place them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::links_by_chat::LinksByChat;
use crate::index::label_index::LabelIndex;
use crate::index::subscriber::Delivery;
use crate::model::full_state::FullState;
use crate::model::op::Event;
use crate::model::options::Options;

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
    Batch(Vec<Write>),
}

fn label() -> impl Strategy<Value = u32> {
    1_u32..6
}

fn chat() -> impl Strategy<Value = char> {
    proptest::char::range('a', 'h')
}

fn write() -> impl Strategy<Value = Write> {
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
    /// Carries it out; it may be refused.
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
            Self::Batch(_) => unreachable!("batches are not nested"),
        }
    }
}

/// What a refresh does whose difference was computed after so many of the writes that were made meanwhile.
fn refreshed(before: &[Write], meanwhile: &[Write], full: &FullState, drafted_after: usize) -> Vec<String> {
    let index = Options::new().hash_seed(1).build();
    before.iter().for_each(|write| write.perform(&index));
    let ticket = index.begin_refresh().unwrap();
    let (early, late) = meanwhile.split_at(drafted_after);
    early.iter().for_each(|write| write.perform(&index));
    let draft = index.draft_refresh(ticket.number, full).unwrap();
    late.iter().for_each(|write| write.perform(&index));
    let mut feed = index.subscribe();
    let committed = index.commit_draft(draft, false).unwrap();
    index.check_invariants().unwrap();
    let Some(Delivery::Commit(commit)) = feed.try_recv() else { unreachable!("the first refresh is a commit") };
    let mut seen: Vec<_> = commit.changes.iter().map(|change| format!("{change:?}")).collect();
    seen.sort();
    seen.push(format!("{committed:?}"));
    seen.extend(index.iter().map(|chat| format!("{chat:?}")));
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// A difference computed after the last write needs nothing from what was noted of aliases; the tests of the
    /// interface compare that one with a model.
    #[test]
    fn the_moment_of_the_difference_makes_no_difference(
        before in vec(write(), 0..20),
        meanwhile in vec(write(), 0..8),
        full in full_state(),
    ) {
        let expected = refreshed(&before, &meanwhile, &full, meanwhile.len());
        for drafted_after in 0..meanwhile.len() {
            prop_assert_eq!(&refreshed(&before, &meanwhile, &full, drafted_after), &expected, "after {}", drafted_after);
        }
    }
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
    let draft = index.draft_refresh(ticket.number, &full).unwrap();
    assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
    let committed = index.commit_draft(draft, true).unwrap();
    assert_eq!((committed.linked, committed.unlinked), (0, 0));
    assert_eq!((index.total_chats(), index.contains(1, "ana@c.us")), (1, true));
}

#[test]
fn a_ticket_cancelled_after_the_difference_is_refused() {
    let index = LabelIndex::new();
    let full = FullState::new();
    let ticket = index.begin_refresh().unwrap();
    let draft = index.draft_refresh(ticket.number, &full).unwrap();
    assert!(index.cancel_refresh());
    assert_eq!(index.commit_draft(draft, true), Err(crate::Error::TicketCancelled));
    assert_eq!(index.revision(), 0);
}

/// The bytes that are allocated in the turn to write, for the same few writes and differences among so many chats.
fn allocated_in_turn(chats: u64) -> u64 {
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
    let draft = index.draft_refresh(ticket.number, &full).unwrap();
    for number in 0..20 {
        assert!(index.merge_chats(format!("{number}@lid"), chat(number * 3)).unwrap().changed());
        index.link(1, chat(number * 5)).unwrap();
    }
    let links = LinksByChat::new(&full);
    let mut unlinked = 0;
    let allocated = allocation_counter::measure(|| {
        unlinked = index.commit_in_turn(index.writer(), draft, Some(&links), true).unwrap().unlinked;
    });
    assert!((20..=40).contains(&unlinked), "{unlinked} pairs went");
    allocated.bytes_total
}

#[test]
fn the_work_in_the_turn_to_write_does_not_grow_with_the_chats() {
    let (few, many) = (allocated_in_turn(20_000), allocated_in_turn(400_000));
    // The pages and chunks that a change copies are fuller; twenty times the links are not there.
    assert!(many <= 4 * few, "{few} bytes among 20,000 chats, {many} among 400,000");
}
