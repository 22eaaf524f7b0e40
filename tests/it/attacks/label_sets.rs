//! The worst case for label sets: every chat has a different set, so nothing is shared.
//!
//! The memory of an index is compared with that of plain collections that could answer the same, of exact capacity
//! where possible: a bitmap of chat numbers for each label, a list of labels for each chat, the texts of the chats'
//! keys, and a hash table of numbers that finds a chat by its key. Neither includes the labels themselves.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use label_index::{Filter, LabelIndex, Options, Page};
use roaring::RoaringBitmap;

use crate::choices::Choices;
use crate::memory::live;

/// As many as fill a hash table of 65,536 buckets, which is the best case for the plain collections.
const CHATS: usize = 57_344;

fn key(chat: usize) -> String {
    format!("55{:011}@c.us", chat * 7_919)
}

/// A different set for each chat, from the sets that `choose` returns.
fn distinct(mut choose: impl FnMut(&mut Choices) -> Vec<u32>) -> Vec<Vec<u32>> {
    let mut random = Choices(31);
    let (mut seen, mut sets) = (HashSet::new(), Vec::new());
    while sets.len() < CHATS {
        let mut set = choose(&mut random);
        set.sort_unstable();
        set.dedup();
        if !set.is_empty() && seen.insert(set.clone()) {
            sets.push(set);
        }
    }
    sets
}

fn index(labels: u32, sets: &[Vec<u32>]) -> LabelIndex {
    let index = Options::new().batch_operation_limit(2_000_000).build();
    let mut batch = index.batch();
    for label in 1..=labels {
        batch.upsert_label(label, format!("label {label}").as_str()).unwrap();
    }
    for (chat, set) in sets.iter().enumerate() {
        batch.set_labels(key(chat), set.iter().copied()).unwrap();
    }
    assert!(batch.commit().unwrap().changed());
    index
}

struct Plain {
    by_label: Vec<RoaringBitmap>,
    _by_chat: Vec<Vec<u32>>,
    _keys: Vec<Box<str>>,
    _numbers: HashTable<u32>,
}

impl Plain {
    fn of(labels: u32, sets: &[Vec<u32>]) -> Self {
        let state = RandomState::new();
        let mut by_label = vec![RoaringBitmap::new(); usize::try_from(labels).unwrap() + 1];
        let mut numbers = HashTable::new();
        let keys: Vec<Box<str>> = (0..sets.len()).map(|chat| key(chat).into()).collect();
        for (number, set) in (0..).zip(sets) {
            for &label in set {
                by_label[usize::try_from(label).unwrap()].insert(number);
            }
            let hash_of = |&number: &u32| state.hash_one(&keys[usize::try_from(number).unwrap()]);
            numbers.insert_unique(hash_of(&number), number, hash_of);
        }
        // A copy has no spare capacity.
        Self { by_label: by_label.clone(), _by_chat: sets.to_vec(), _keys: keys, _numbers: numbers }
    }
}

/// Asserts that an index takes at most `percent` percent of the memory of the plain collections.
#[track_caller]
fn assert_within(percent: u64, labels: u32, sets: &[Vec<u32>]) {
    let (_, of_labels) = live(|| index(labels, &[]));
    let (index, bytes) = live(|| index(labels, sets));
    let (plain, plain_bytes) = live(|| Plain::of(labels, sets));
    index.check_invariants().unwrap();
    let pairs: u64 = plain.by_label.iter().map(RoaringBitmap::len).sum();
    let some = plain.by_label[1].clone() | &plain.by_label[2];
    let answer = index.query(&Filter::new().any_of_ids(["1", "2"]), Page::first(0)).unwrap();
    assert_eq!((index.total_rows(), answer.total_chats), (pairs, some.len()));
    let (ours, theirs) = (bytes - of_labels, plain_bytes);
    let a_chat = |bytes: u64| bytes as f64 / CHATS as f64;
    println!("{:.1} bytes a chat, plain {:.1}: {:.2}x", a_chat(ours), a_chat(theirs), ours as f64 / theirs as f64);
    assert!(ours * 100 <= theirs * percent, "{ours} bytes, plain {theirs}");
}

#[test]
fn any_subset_of_twenty_labels_stays_within_one_and_a_half_times_plain_bitmaps_and_lists() {
    assert_within(150, 20, &distinct(|random| (1..=20).filter(|_| random.below(2) == 0).collect()));
}

#[test]
fn a_few_of_a_thousand_labels_stay_within_one_and_a_half_times_plain_bitmaps_and_lists() {
    let few = |random: &mut Choices| (0..=random.below(6)).map(|_| 1 + random.below(1_000)).collect();
    assert_within(150, 1_000, &distinct(few));
}

#[test]
fn seventeen_of_a_thousand_labels_stay_within_one_and_a_half_times_plain_bitmaps_and_lists() {
    let seventeen = |random: &mut Choices| (0..17).map(|_| 1 + random.below(1_000)).collect();
    assert_within(150, 1_000, &distinct(seventeen));
}

/// One chat in 32 has each label.
#[test]
fn thirty_two_of_a_thousand_labels_stay_within_one_and_a_half_times_plain_bitmaps_and_lists() {
    let many = |random: &mut Choices| (0..32).map(|_| 1 + random.below(1_000)).collect();
    assert_within(150, 1_000, &distinct(many));
}
