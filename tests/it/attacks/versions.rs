//! Ten thousand snapshots that are held, and subscribers that never read.

use label_index::{Delivery, LabelIndex, Options, Snapshot};

use crate::choices::Choices;
use crate::memory::live;

const SNAPSHOTS: usize = 10_000;

fn chat(number: u32) -> String {
    format!("55{number:011}@c.us")
}

/// An account with 20 labels on `chats` chats.
fn index(options: Options, chats: u32) -> LabelIndex {
    let index = options.build();
    let mut batch = index.batch();
    for label in 1..=20_u32 {
        batch.upsert_label(label, "x").unwrap();
    }
    for number in 0..chats {
        batch.link(1 + number % 6, chat(number)).unwrap();
        batch.link(7 + number % 14, chat(number)).unwrap();
    }
    assert!(batch.commit().unwrap().changed());
    index
}

#[test]
fn ten_thousand_snapshots_of_one_revision_take_next_to_nothing() {
    let index = index(Options::new(), 100_000);
    let (snapshots, bytes) = live(|| (0..SNAPSHOTS).map(|_| index.snapshot()).collect::<Vec<Snapshot>>());
    assert!(bytes <= 10_000 * 56, "{bytes} bytes");
    assert!(snapshots.iter().all(|snapshot| snapshot.total_chats() == 100_000));
}

/// Ten thousand commits of one pair each, the same in every run.
fn write(index: &LabelIndex, mut before_each: impl FnMut()) {
    let mut random = Choices(5);
    for _ in 0..SNAPSHOTS {
        before_each();
        let (label, chat) = (1 + random.below(20), chat(random.below(100_000)));
        assert!(index.link(label, &chat).unwrap() || index.unlink(label, &chat).unwrap());
    }
}

#[test]
fn ten_thousand_snapshots_of_as_many_revisions_take_the_pieces_that_differ() {
    let [alone, index] = [(); 2].map(|()| index(Options::new().hash_seed(3), 100_000));
    let ((), written) = live(|| write(&alone, || {}));
    let ((), kept) = live(|| {
        let (snapshots, bytes) = live(|| {
            let mut snapshots = Vec::with_capacity(SNAPSHOTS);
            write(&index, || snapshots.push(index.snapshot()));
            snapshots
        });
        println!("{} bytes a revision", bytes / 10_000);
        assert!(bytes <= 10_000 * 24 * 1024, "{bytes} bytes");
        let rows: Vec<u64> = snapshots.iter().map(|snapshot| snapshot.total_rows()).collect();
        assert_eq!(rows[0], 200_000);
        assert!(rows.windows(2).all(|pair| pair[0].abs_diff(pair[1]) == 1));
        assert!(snapshots.windows(2).all(|pair| pair[0].revision() + 1 == pair[1].revision()));
        snapshots.iter().step_by(4_999).for_each(|snapshot| snapshot.check_invariants().unwrap());
    });
    assert!(kept <= written + 16 * 1024, "{kept} bytes are kept when all are gone, and {written} without them");
    index.check_invariants().unwrap();
}

/// What is kept for subscribers is bounded by changes, and is kept once for all of them.
#[test]
fn subscribers_that_never_read_cost_the_limit_of_changes_once() {
    let mut sizes = Vec::new();
    for (limit, subscribers) in [(1_000, 1), (1_000, 100), (65_536, 10)] {
        let options = Options::new().feed_change_limit(limit).hash_seed(3);
        let [alone, index] = [(); 2].map(|()| index(options.clone(), 1_000));
        let write = |index: &LabelIndex| {
            for round in 0..100_000_u32 {
                let (label, chat) = (1 + round % 6, chat(round % 1_000));
                let _: bool = index.unlink(label, &chat).unwrap() || index.link(label, &chat).unwrap();
            }
        };
        let ((), grown) = live(|| write(&alone));
        let (feeds, bytes) = live(|| {
            let feeds: Vec<_> = (0..subscribers).map(|_| index.subscribe()).collect();
            write(&index);
            feeds
        });
        // Without the growth of the index itself by these writes.
        let bytes = bytes - grown;
        assert!(bytes <= 4_096 + u64::try_from(limit).unwrap() * 150, "{bytes} bytes for {limit} changes");
        sizes.push(bytes);
        let revision = index.revision() - 100_000;
        for mut feed in feeds {
            assert_eq!(feed.try_recv(), Some(Delivery::Missed { after: revision }));
        }
    }
    // The progress of each subscriber is kept apart.
    assert!(sizes[1] - sizes[0] <= 100 * 128, "{sizes:?}");
}

/// Labels and unlabels chats that come and go while a snapshot is held, so that none of their places is used again.
fn come_and_go(index: &LabelIndex, pairs: u32) {
    let held = index.snapshot();
    for number in 0..pairs {
        assert!(index.link(1, chat(1_000_000 + number)).unwrap());
        assert!(index.unlink(1, chat(1_000_000 + number)).unwrap());
    }
    assert_eq!(held.total_chats(), 1_000);
}

#[test]
fn places_that_a_held_snapshot_kept_from_use_go_when_it_is_dropped() {
    let (_index, before) = live(|| index(Options::new(), 1_000));
    let (grown, while_held) = live(|| {
        let index = index(Options::new(), 1_000);
        come_and_go(&index, 200_000);
        index
    });
    assert!(while_held > before + 200_000 * 12, "{while_held} bytes");
    drop(grown);
    let (index, after) = live(|| {
        let index = index(Options::new(), 1_000);
        come_and_go(&index, 200_000);
        assert!(index.link(1, "new").unwrap());
        index
    });
    assert!(after * 4 <= before * 5, "{after} bytes are left, and {before} before");
    index.check_invariants().unwrap();
    let chats = index.iter().map(|chat| chat.chat_id.to_string());
    assert!(chats.eq((0..1_000).map(chat).chain(["new".to_owned()])), "all others keep their order");
}
