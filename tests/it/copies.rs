//! How much a write copies while a snapshot is held: counted by the allocator, never timed.

use label_index::{LabelIndex, Snapshot};

use crate::amounts::amount;
use crate::choices::Choices;

/// The most bytes that a write of one pair, one label or one alias may copy, whatever the size of the index.
const BOUND: u64 = 64 * 1024;

/// The most bytes that each further pair of a write may copy: a segment of its label's list, and one of a list of
/// numbers.
const FURTHER: u64 = 12 * 1024;

fn chat(number: u64) -> String {
    format!("55{:011}@c.us", number.wrapping_mul(7_919) % 100_000_000_000)
}

/// An account of 20 labels: each chat has a stage, and some have tags.
fn crm(chats: u64) -> LabelIndex {
    let index = LabelIndex::new();
    let mut random = Choices(7);
    let mut batch = index.batch();
    for label in 1..=20_u32 {
        batch.upsert_label(label, format!("label {label}").as_str()).unwrap();
    }
    for number in 0..chats {
        let stage = [1, 1, 1, 1, 2, 2, 2, 3, 3, 4][usize::try_from(random.below(10)).unwrap()];
        batch.link(stage, chat(number)).unwrap();
        for _ in 0..random.below(5).saturating_sub(2) {
            batch.link(7 + random.below(14), chat(number)).unwrap();
        }
        if batch.len() > 200_000 {
            assert!(std::mem::replace(&mut batch, index.batch()).commit().unwrap().changed());
        }
    }
    assert!(batch.commit().unwrap().changed());
    index
}

/// Nearly every chat has a label set of its own, of one to six of 1,000 labels, the
/// first of them frequent.
fn exploded(chats: u64) -> LabelIndex {
    let index = LabelIndex::new();
    let mut random = Choices(17);
    let mut batch = index.batch();
    for label in 1..=1_000_u32 {
        batch.upsert_label(label, format!("label {label}").as_str()).unwrap();
    }
    for number in 0..chats {
        let labels: Vec<u32> = (0..=random.below(6))
            .map(|_| {
                let below = 1 + random.below(1_000);
                1 + random.below(below)
            })
            .collect();
        batch.set_labels(chat(number), labels).unwrap();
        if batch.len() > 200_000 {
            assert!(std::mem::replace(&mut batch, index.batch()).commit().unwrap().changed());
        }
    }
    assert!(batch.commit().unwrap().changed());
    index
}

/// The most bytes that any of many single writes allocates, each beside a fresh snapshot that is kept for a while.
fn most_copied(index: &LabelIndex, labels: u32, chats: u32, writes: u64) -> (u64, String) {
    let mut random = Choices(11);
    let mut kept: Vec<Snapshot> = Vec::new();
    let mut most = (0, String::new());
    for round in 0..writes {
        kept.push(index.snapshot());
        if kept.len() > 20 {
            kept.remove(0);
        }
        let label = 1 + random.below(labels);
        let old = chat(random.below(chats).into());
        let new = format!("new-{round}@example.com");
        let jid = format!("44{:010}@c.us", 7_000_000_000 + round);
        let what =
            ["link", "unlink", "new chat", "new key", "set", "merge", "label"][usize::try_from(round % 7).unwrap()];
        let mut pairs = 1;
        let copied = allocation_counter::measure(|| {
            let _: bool = match what {
                "link" => index.link(label, &old).unwrap(),
                "unlink" => index.unlink(label, &old).unwrap(),
                "new chat" => index.link(label, &jid).unwrap(),
                "new key" => index.link(label, &new).unwrap(),
                "set" => {
                    let set = index.set_labels(&old, [label, 1, 2]).unwrap();
                    pairs = set.added.len() + set.removed.len();
                    set.changed()
                }
                "merge" => index.merge_chats(&new, &old).unwrap().changed(),
                _ => index.upsert_label(label, new.as_str()).unwrap().changed(),
            };
        });
        let further = FURTHER * u64::try_from(pairs.saturating_sub(1)).unwrap();
        let bytes = copied.bytes_total.saturating_sub(further);
        if bytes > most.0 {
            most = (bytes, what.to_owned());
        }
    }
    most
}

#[test]
fn a_single_write_beside_snapshots_copies_at_most_64_kib_at_any_size() {
    let large = u32::try_from(amount("LABEL_INDEX_CHATS", 100_000)).unwrap();
    for chats in [10_000, large] {
        for (index, labels) in [(crm(chats.into()), 20), (exploded(chats.into()), 1_000)] {
            let (most, what) = most_copied(&index, labels, chats, 14_000);
            assert!(most <= BOUND, "a {what} over {chats} chats and {labels} labels copied {most} bytes");
            assert!(most > 4096, "snapshots share nothing with the index?");
            index.check_invariants().unwrap();
        }
    }
}

#[test]
fn a_small_write_without_a_snapshot_copies_next_to_nothing() {
    let index = crm(100_000);
    let mut random = Choices(13);
    for _ in 0..2_000 {
        let (label, chat) = (1 + random.below(20), chat(random.below(100_000).into()));
        let copied = allocation_counter::measure(|| {
            let _: bool = index.link(label, &chat).unwrap() || index.unlink(label, &chat).unwrap();
        });
        // At most, a list outgrows its capacity or becomes a bitmap.
        assert!(copied.bytes_total <= 20 * 1024, "{} bytes", copied.bytes_total);
    }
}

#[test]
fn taking_a_snapshot_copies_nothing() {
    let index = crm(10_000);
    let copied = allocation_counter::measure(|| drop(index.snapshot()));
    assert!(copied.bytes_total <= 1024, "{} bytes", copied.bytes_total);
}
