//! Tests that break each invariant on purpose.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::collections::number::to_index;
use crate::model::change::Place;
use crate::model::op::{Op, RefreshState};
use crate::state::State;
use crate::state::chats::Record;
use crate::state::label_sets::EMPTY;
use crate::state::signatures::{SetId, signature_bit};
use crate::state::tests::{chat, commit, define, empty, label, link, unlink};

/// A chat whose id is stored as a text, with labels 1 and 2; a compact id with label 1; a compact id with 1, 2 and 3.
const ANA: &str = "ana@example.com";
const BOB: &str = "5511999990001@c.us";
const GROUP: &str = "120363000000000001@g.us";

/// The bit of a free place.
const FREE: Place = 1 << 31;

/// A state in which no list is empty: labels with and without a name, deleted ids, free slots, free places, free set
/// numbers, free texts, an alias, chats with one, two and three labels.
fn sound() -> State {
    let mut state = empty();
    for ops in [
        vec![define(1, "VIP"), define(2, "Support"), define(5, "Old"), define(6, "Older")],
        vec![link(1, ANA), link(2, ANA), link(1, BOB)],
        vec![link(3, GROUP), link(2, GROUP), link(1, GROUP)],
        vec![link(5, "first gone"), link(5, "1"), link(6, "1")],
        vec![link(6, "2"), link(5, "second gone")],
        vec![Op::MergeChats { from: chat("77@lid"), into: chat(BOB) }],
        vec![unlink(5, "first gone"), unlink(5, "second gone")],
        vec![Op::RemoveLabel { label: label(5) }],
        vec![Op::RemoveLabel { label: label(6) }],
    ] {
        commit(&mut state, ops);
        state.check_invariants().unwrap();
    }
    assert!(state.labels.free.len() > 1 && state.labels.deleted.len() > 1 && state.chats.free_texts.len() > 1);
    assert!(free_places(&state).len() > 2 && to_index(free_set(&state)) < state.sets.len());
    state
}

fn place(state: &State, id: &str) -> Place {
    state.chats.find(&chat(id)).unwrap()
}

fn set(state: &State, id: &str) -> SetId {
    state.chats.set_of(place(state, id)).unwrap()
}

/// A number that no set has.
fn free_set(state: &State) -> SetId {
    state.sets.signatures.lowest_free()
}

/// The sets that exist in the first block, and for each bit those that have it.
fn slices(state: &mut State) -> (&mut u128, &mut [u128]) {
    Arc::make_mut(state.sets.signatures.blocks.get_mut(0).unwrap()).split_first_mut().unwrap()
}

fn put_key(state: &mut State, place: Place, key: u64) {
    let record = state.chats.records.get_mut(to_index(place)).unwrap();
    *record = Record::new(key, record.set());
}

/// The free places in the order in which they became free.
fn free_places(state: &State) -> Vec<Place> {
    let first = state.chats.free.map(|(first, _)| first);
    std::iter::successors(first, |&place| state.chats.free_at(place).unwrap().1).collect()
}

/// Gives a chat another set, all counts included.
fn give(state: &mut State, id: &str, new: SetId) {
    let old = set(state, id);
    state.sets.acquire(new);
    state.sets.release(old);
    state.chats.put_set(place(state, id), new);
}

type Break = (&'static str, &'static str, fn(&mut State));

/// Each entry: the number of the invariant, what is broken, and the function that breaks it. It breaks no invariant
/// that is checked earlier.
const BREAKS: &[Break] = &[
    ("L1", "an id without a label", |state| {
        state.labels.by_id.insert(label(9), 0);
    }),
    ("L1", "a label without its id", |state| {
        state.labels.by_id.remove(&label(1));
    }),
    ("L1", "an id at another's slot", |state| {
        state.labels.by_id.insert(label(1), 1);
    }),
    ("L1", "a label at two slots", |state| {
        let twin = state.labels.get(&label(1)).cloned();
        state.labels.slots.push(twin);
        let last = state.labels.slots.len() - 1;
        state.labels.by_id.insert(label(1), u32::try_from(last).unwrap());
    }),
    ("L2", "a taken slot among the free ones", |state| state.labels.free.push(0)),
    ("L2", "a free slot twice", |state| {
        let free = *state.labels.free.get(0).unwrap();
        state.labels.free.push(free);
    }),
    ("L2", "a free slot forgotten", |state| {
        state.labels.free.pop();
    }),
    ("L3", "a name forgotten", |state| {
        let entry = state.labels.by_name.iter().next().unwrap().0.clone();
        state.labels.by_name.remove(&entry);
    }),
    ("L3", "a name of no label", |state| {
        let (key, _) = state.labels.by_name.iter().next().unwrap().0.clone();
        state.labels.by_name.insert((key, label(3)), ());
    }),
    ("L4", "a live id among the deleted", |state| {
        state.labels.deleted.insert(label(1), ());
    }),
    ("L6", "a low id forgotten", |state| {
        state.labels.low.set(1, None);
    }),
    ("L6", "the slot of a low id that is not there", |state| {
        state.labels.low.grow_to(9);
        state.labels.low.set(9, Some(0));
    }),
    ("L5", "a deleted id above the highest", |state| state.labels.highest = 5),
    ("L5", "a live id above the highest", |state| {
        state.labels.deleted.remove(&label(5));
        state.labels.deleted.remove(&label(6));
        state.labels.highest = 2;
    }),
    ("A1", "an alias of an alias", |state| state.aliases.point(&chat("78@lid"), &chat("77@lid"))),
    ("A1", "an alias of itself", |state| state.aliases.point(&chat("78@lid"), &chat("78@lid"))),
    ("A2", "a target that does not know its alias", |state| {
        let pair = state.aliases.by_target.iter().next().unwrap().0.clone();
        state.aliases.by_target.remove(&pair);
    }),
    ("A2", "a target with an alias of another", |state| {
        let (target, alias) = state.aliases.by_target.iter().next().unwrap().0.clone();
        state.aliases.by_target.insert((alias, target), ());
    }),
    ("A3", "an alias with a place", |state| state.aliases.point(&chat(ANA), &chat("9@c.us"))),
    ("C1", "one chat at two places", |state| {
        let key = state.chats.key_at(place(state, ANA)).unwrap();
        put_key(state, place(state, BOB), key);
    }),
    ("C1", "a chat at a free place", |state| state.chats.put_set(place(state, BOB), FREE)),
    ("C1", "a set at a free place", |state| state.chats.put_set(free_places(state)[0], set(state, BOB))),
    ("C1", "a key without a text", |state| {
        let number = state.chats.texts.iter().position(Option::is_some).unwrap();
        state.chats.texts.set(number, None);
    }),
    ("C2", "a chat without labels", |state| state.chats.put_set(place(state, BOB), EMPTY)),
    ("C2", "a chat with a set that was freed", |state| {
        let free = free_set(state);
        state.chats.put_set(place(state, BOB), free);
    }),
    ("C3", "a text that no place uses", |state| state.chats.texts.push(Some("nobody".into()))),
    ("C3", "the number of a text twice among the free ones", |state| {
        let free = *state.chats.free_texts.get(0).unwrap();
        state.chats.free_texts.push(free);
    }),
    ("C3", "a free number of a text forgotten", |state| {
        state.chats.free_texts.pop();
    }),
    ("C4", "a hash without a chat", |state| state.chats.places.insert(0, free_places(state)[0], |_| 0)),
    ("C4", "two chats under each other's hash", |state| {
        let places = [BOB, GROUP].map(|id| place(state, id));
        let [bob, group] = places.map(|place| state.chats.key_at(place).unwrap());
        put_key(state, places[0], group);
        put_key(state, places[1], bob);
    }),
    ("C5", "no list of free places", |state| state.chats.free = None),
    ("C5", "a list of free places that goes in a circle", |state| {
        let free = free_places(state);
        state.chats.put_set(free[1], FREE | free[0]);
    }),
    ("C5", "a list of free places that ends early", |state| {
        let free = free_places(state);
        state.chats.put_set(free[1], state.chats.records.get(to_index(free[2])).unwrap().set());
    }),
    ("C5", "a list of free places that leads to a chat", |state| {
        let (last, bob) = (*free_places(state).last().unwrap(), place(state, BOB));
        state.chats.put_set(last, FREE | bob);
    }),
    ("C5", "a wrong last free place", |state| {
        state.chats.free = state.chats.free.map(|(first, _)| (first, first));
    }),
    ("C5", "a place that became free after the last commit", |state| {
        let last = *free_places(state).last().unwrap();
        put_key(state, last, state.revision + 1);
    }),
    ("C5", "places that did not become free in their order", |state| {
        put_key(state, free_places(state)[0], state.revision);
    }),
    ("C6", "a page with more places in use than it has", |state| *state.chats.used.get_mut(0).unwrap() += 1),
    ("C6", "a page without a count", |state| {
        state.chats.used.pop();
    }),
    ("S1", "a set out of order", |state| {
        let members: Vec<_> = state.slots_at(place(state, ANA)).iter().rev().copied().collect();
        let reversed = state.sets.intern(&members);
        give(state, ANA, reversed);
    }),
    ("S1", "a label twice in a set", |state| {
        let slot = state.labels.slot(&label(1)).unwrap();
        let double = state.sets.intern(&[slot, slot]);
        give(state, BOB, double);
    }),
    ("S1", "a set with a slot that has no label", |state| {
        let dead = *state.labels.free.get(0).unwrap();
        let dead = state.sets.intern(&[dead]);
        give(state, BOB, dead);
    }),
    ("S1", "two sets of the same labels", |state| {
        let members = state.sets.members.get(to_index(set(state, BOB))).unwrap().clone();
        state.sets.members.set(to_index(set(state, ANA)), members);
    }),
    ("S2", "a chat too many", |state| state.sets.acquire(set(state, BOB))),
    ("S2", "a set that no chat has", |state| {
        let slot = state.labels.slot(&label(3)).unwrap();
        let unused = state.sets.intern(&[slot]);
        state.sets.acquire(unused);
    }),
    ("S2", "a wrong number of sets", |state| state.sets.live += 1),
    ("S3", "a wrong length", |state| {
        state.sets.lens.set(to_index(set(state, BOB)), 2);
    }),
    ("S4", "a bit too many", |state| {
        let bob = 1 << set(state, BOB);
        slices(state).1[1] |= bob;
    }),
    ("S4", "a bit forgotten", |state| {
        let ana = 1 << set(state, ANA);
        slices(state).1[1] &= !ana;
    }),
    ("S4", "a bit at a free number", |state| {
        let free = 1 << free_set(state);
        slices(state).1[0] |= free;
    }),
    ("S4", "a set that is not there", |state| {
        let free = 1 << free_set(state);
        *slices(state).0 |= free;
    }),
    ("S4", "a set that is left out", |state| {
        let bob = 1 << set(state, BOB);
        *slices(state).0 &= !bob;
    }),
    ("S5", "a hash without a set", |state| {
        let free = free_set(state);
        state.sets.index.insert(0, free, |_| 0);
    }),
    ("S5", "two sets under each other's hash", |state| {
        let places = [ANA, BOB].map(|id| place(state, id));
        let sets = [ANA, BOB].map(|id| set(state, id));
        let [ana, bob] = sets.map(|set| state.sets.members(set).to_vec());
        for (nth, members) in [bob, ana].into_iter().enumerate() {
            let number = to_index(sets[nth]);
            state.sets.lens.set(number, u32::try_from(members.len()).unwrap());
            for (bit, slice) in slices(state).1.iter_mut().enumerate() {
                let has = members.iter().any(|&slot| signature_bit(slot) == bit);
                *slice = *slice & !(1 << number) | u128::from(has) << number;
            }
            state.sets.members.set(number, members.into_iter().collect());
            state.chats.put_set(places[nth], sets[1 - nth]);
        }
    }),
    ("S4", "a set in a block behind all", |state| {
        state.sets.signatures.blocks.grow_to(1);
        *state.sets.signatures.blocks.get_mut(1).unwrap() = Arc::new(vec![1]);
    }),
    ("S6", "a block without room", |state| *state.sets.signatures.room[0].get_mut(0).unwrap() = 0),
    ("S6", "room in a block that is not there", |state| *state.sets.signatures.room[0].get_mut(0).unwrap() |= 2),
    ("S6", "a word without room", |state| *state.sets.signatures.room[1].get_mut(0).unwrap() = 0),
    ("S6", "no bits for room", |state| {
        state.sets.signatures.room[0].pop();
    }),
    ("S6", "a block too many", |state| state.sets.signatures.occupied += 1),
    ("P1", "a chat too many in the list of a label", |state| {
        let (slot, place) = (state.labels.slot(&label(3)).unwrap(), place(state, BOB));
        state.postings.link(&[slot], place, &[]);
    }),
    ("P1", "a chat missing in the list of a label", |state| {
        let (slot, place) = (state.labels.slot(&label(1)).unwrap(), place(state, BOB));
        state.postings.unlink(&[slot], place, &[]);
    }),
    ("P1", "a list of a label that is gone", |state| {
        let dead = *state.labels.free.get(0).unwrap();
        state.postings.link(&[dead], place(state, BOB), &[]);
    }),
    ("P1", "a segment without a place", |state| {
        let segments = state.postings.labels.get_mut(0).unwrap().places.segments_mut();
        segments.push(Some(triomphe::Arc::new(roaring::RoaringBitmap::new())));
    }),
    ("P1", "a list that is longer than it says", |state| {
        state.postings.labels.get_mut(0).unwrap().places.len -= 1;
    }),
    ("P2", "a wrong number of pairs of a label's chats", |state| {
        state.postings.labels.get_mut(0).unwrap().rows += 1;
    }),
    ("P3", "a wrong number of labelled chats", |state| state.postings.labelled += 1),
    ("P4", "a wrong number of labels of a chat", |state| {
        let bob = place(state, BOB);
        state.postings.per_chat.put(bob, 2, 3);
    }),
    ("P4", "labels of a chat that is not there", |state| state.postings.per_chat.put(70_000, 0, 1)),
    ("P4", "a chat said to have very many labels", |state| {
        let bob = place(state, BOB);
        state.postings.per_chat.many.insert(bob);
    }),
    ("T1", "a wrong number of pairs", |state| state.total_rows -= 1),
    ("T3", "a refresh to come", |state| state.refresh_state = RefreshState::Done { revision: state.revision + 1 }),
    ("T2", "a chat that was not released", |state| state.vacated.push(place(state, BOB))),
];

#[test]
fn a_broken_invariant_is_named() {
    for (invariant, what, damage) in BREAKS {
        let mut state = sound();
        damage(&mut state);
        match state.check_invariants() {
            Ok(()) => panic!("{invariant} was not seen: {what}"),
            Err(violation) => assert_eq!(violation.invariant(), *invariant, "{what}: {violation}"),
        }
    }
}

/// The numbers on the fields, in the checks, in [`BREAKS`] and in `docs/design.md` are the same.
#[test]
fn every_invariant_is_stated_checked_and_broken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checks = fs::read_to_string(root.join("src/state/check/mod.rs")).unwrap();
    let checked: BTreeSet<String> = checks.split('"').filter_map(number).collect();
    let broken: BTreeSet<String> = BREAKS.iter().map(|(invariant, ..)| (*invariant).to_owned()).collect();
    assert_eq!(stated(&root.join("src/state")), checked, "stated on the fields, and checked");
    assert_eq!(broken, checked, "broken above, and checked");
    let design = fs::read_to_string(root.join("docs/design.md")).unwrap();
    let listed: Vec<String> = design.lines().filter_map(|line| number(line.split(' ').nth(1)?)).collect();
    let designed: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(designed.len(), listed.len(), "a number stands for two invariants in docs/design.md");
    assert_eq!(designed, stated(&root.join("src")), "in docs/design.md, and stated on the fields");
}

/// The invariants in the field docs of a folder.
fn stated(folder: &Path) -> BTreeSet<String> {
    rust_files(folder)
        .iter()
        .flat_map(|text| text.lines().filter_map(|line| line.trim_start().strip_prefix("/// ")))
        .flat_map(|doc| doc.split(' ').filter_map(|word| number(word.strip_suffix(':')?)))
        .collect()
}

/// The word, if it is a capital letter and a digit.
fn number(word: &str) -> Option<String> {
    matches!(word.as_bytes(), [b'A'..=b'Z', b'0'..=b'9']).then(|| word.to_owned())
}

fn rust_files(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![fs::read_to_string(path).unwrap()] })
        .collect()
}
