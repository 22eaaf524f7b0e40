//! Statistics of an index.

use label_index::{Delivery, IndexBytes, LabelIndex, Options};

use crate::memory::live;

#[test]
fn numbers_follow_the_index() {
    let index = LabelIndex::new();
    assert_eq!((index.stats().total_chats, index.stats().label_sets, index.stats().revision), (0, 0, 0));
    for label in ["1", "2", "3"] {
        index.upsert_label(label, label).unwrap();
    }
    index.link_all("1", ["ana", "bob", "carl"]).unwrap();
    index.link("2", "ana").unwrap();
    index.unlink("1", "carl").unwrap();
    index.merge_chats("dora", "ana").unwrap();
    index.remove_label("3").unwrap();
    let stats = index.stats();
    assert_eq!((stats.labels, stats.deleted_labels, stats.aliases), (2, 1, 1));
    assert_eq!((stats.total_chats, stats.total_rows, stats.label_sets), (2, 3, 2));
    assert!((3..=4).contains(&stats.places));
    assert_eq!((stats.revision, stats.durable_revision, stats.queued_changes), (8, 8, 0));
}

#[test]
fn snapshots_and_subscribers_are_counted_while_they_live() {
    let index = Options::new().build();
    index.upsert_label("1", "VIP").unwrap();
    let (first, mut quick, slow) = (index.snapshot(), index.subscribe(), index.subscribe_after(0));
    index.link("1", "ana").unwrap();
    let (second, same) = (index.snapshot(), index.snapshot());
    let held = |index: &LabelIndex| (index.stats().snapshots, index.stats().oldest_snapshot);
    let lag = |index: &LabelIndex| (index.stats().subscribers, index.stats().subscriber_lag);
    assert_eq!((held(&index), lag(&index)), ((3, Some(1)), (2, 2)));
    drop((first, slow));
    assert_eq!((held(&index), lag(&index)), ((2, Some(2)), (1, 1)));
    drop((second, same));
    assert!(matches!(quick.try_recv(), Some(Delivery::Commit(_))));
    assert_eq!((held(&index), lag(&index)), ((0, None), (1, 0)));
    index.link("1", "bob").unwrap();
    quick.resume_after(3);
    assert_eq!(lag(&index), (1, 0));
    drop(quick);
    assert_eq!(lag(&index), (0, 0));
}

/// A chat whose id is a text, not a number.
fn text_id(chat: u64) -> String {
    format!("customer-{chat:x}@example.com")
}

fn phone(chat: u64) -> String {
    format!("{}@c.us", 5_511_900_000_000 + chat)
}

/// Twenty labels, and `chats` chats with one to four of them.
fn crm(chats: u64, id: fn(u64) -> String) -> LabelIndex {
    let index = LabelIndex::new();
    let mut batch = index.batch();
    (1..=20_u32).for_each(|label| batch.upsert_label(label, format!("label {label}")).unwrap());
    for chat in 0..chats {
        for label in 0..=chat % 4 {
            let label = u32::try_from((chat / 7 + label * 5) % 20 + 1).unwrap();
            batch.link(label, id(chat)).unwrap();
        }
    }
    batch.commit().unwrap();
    index
}

#[track_caller]
fn assert_near(told: usize, counted: u64, what: &str) {
    let counted = usize::try_from(counted).unwrap();
    assert!(told.abs_diff(counted) <= counted / 10, "{what}: told {told} bytes, and the allocator {counted}");
}

/// Indexes of every shape report the bytes that the allocator counts, within a tenth.
#[test]
fn the_bytes_of_an_index_are_those_that_the_allocator_counts() {
    let many_sets = || {
        let index = LabelIndex::new();
        let mut batch = index.batch();
        (1..=500_u32).for_each(|label| batch.upsert_label(label, format!("label {label}")).unwrap());
        for chat in 0..20_000_u64 {
            (1..5_u64).for_each(|n| {
                let label = u32::try_from(chat.wrapping_mul(2_654_435_761 + 97 * n) % 500 + 1).unwrap();
                batch.link(label, phone(chat)).unwrap();
            });
        }
        batch.commit().unwrap();
        index
    };
    let shrunk = || {
        let index = crm(30_000, phone);
        index.unlink_all(1, (0..30_000).map(phone)).unwrap();
        index.remove_label(2).unwrap();
        index
    };
    let loaded = || {
        let mut load = Options::new().bulk_load();
        load.label("1", "VIP").unwrap();
        (0..50_000).for_each(|chat| load.chat(phone(chat), ["1"]).unwrap());
        load.finish()
    };
    type Case<'a> = (&'a str, &'a dyn Fn() -> LabelIndex);
    let cases: [Case<'_>; 5] = [
        ("a CRM", &|| crm(60_000, phone)),
        ("chats by text", &|| crm(30_000, text_id)),
        ("many sets", &many_sets),
        ("chats that went", &shrunk),
        ("a bulk load", &loaded),
    ];
    for (what, make) in cases {
        let (index, counted) = live(make);
        assert_near(index.stats().bytes.total(), counted, what);
    }
}

/// The growth of one part is reported for that part, within a tenth.
#[test]
fn each_part_tells_its_own_bytes() {
    /// The statistics before and after a write, and the bytes that the allocator counts for it.
    fn added(index: &LabelIndex, write: impl FnOnce(&LabelIndex)) -> (IndexBytes, IndexBytes, u64) {
        let before = index.stats().bytes;
        let ((), counted) = live(|| write(index));
        (before, index.stats().bytes, counted)
    }
    let index = Options::new().retain(100_000).build();
    let (before, after, counted) = added(&index, |index| {
        let mut batch = index.batch();
        for label in 0..5_000 {
            batch.upsert_label(format!("label_{label}"), format!("A label of {label}")).unwrap();
        }
        batch.commit().unwrap();
    });
    // The commit that is retained shares its texts with the labels. Each label has a list of chats, which is empty.
    let (feed, lists) = (after.feed - before.feed, after.postings - before.postings);
    assert_near(after.labels - before.labels + feed + lists, counted, "labels");
    assert!(feed >= 5_000 * 16 && feed < after.labels, "{after:?}");
    assert_eq!((after.chats, after.chat_ids, after.aliases), (before.chats, before.chat_ids, before.aliases));

    let index = LabelIndex::new();
    index.upsert_label("1", "VIP").unwrap();
    index.link("1", "ana@c.us").unwrap();
    let (before, after, counted) = added(&index, |index| {
        let mut batch = index.batch();
        (0..20_000).for_each(|chat| batch.merge_chats(text_id(chat), "ana@c.us").unwrap());
        batch.commit().unwrap();
    });
    assert_near(after.aliases - before.aliases, counted, "aliases");
    assert_eq!(after.total() - after.aliases, before.total() - before.aliases, "no other part");

    let (numbers, of_numbers) = live(|| crm(20_000, phone));
    let (texts, of_texts) = live(|| crm(20_000, text_id));
    let (numbers, texts) = (numbers.stats().bytes, texts.stats().bytes);
    assert_near(texts.chat_ids - numbers.chat_ids, of_texts - of_numbers, "texts");
    assert_eq!((texts.label_sets, texts.postings), (numbers.label_sets, numbers.postings));
    let parts: usize = texts.parts().map(|(_, bytes)| bytes).sum();
    assert_eq!((parts, texts.parts().count()), (texts.total(), 8));
}

/// A snapshot adds nothing to the version that it shares, and is not counted separately.
#[test]
fn commits_that_are_kept_for_a_subscriber_are_counted_while_they_are() {
    let index = crm(1_000, phone);
    let before = index.stats().bytes;
    let subscriber = index.subscribe();
    let (_snapshot, same) = (index.snapshot(), index.stats().bytes);
    assert_eq!(same, before);
    for chat in 0..3_000 {
        index.link(1, phone(5_000 + chat)).unwrap();
    }
    let kept = index.stats().bytes.feed;
    assert!(kept > 3_000 * 64, "{kept}");
    drop(subscriber);
    assert!(index.stats().bytes.feed < kept / 100, "{:?}", index.stats().bytes);
}
