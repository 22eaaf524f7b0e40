//! Memory after long use: chats and labels that come and go leave nothing behind.
//!
//! `LABEL_INDEX_CHURN=50 cargo test --release --test it churn` carries out fifty million operations over a million chats.

use label_index::LabelIndex;

use crate::choices::Choices;
use crate::memory::live;

/// The numbers of operations and chats: a fiftieth of those in the requirements, or as many millions as the environment
/// says.
fn scale() -> (u64, u32) {
    match std::env::var("LABEL_INDEX_CHURN").map(|millions| millions.parse::<u64>()) {
        Ok(Ok(millions)) => (millions * 1_000_000, 1_000_000),
        Ok(Err(error)) => panic!("LABEL_INDEX_CHURN is a number of millions: {error}"),
        Err(_) => (1_000_000, 20_000),
    }
}

fn chat(number: u64) -> String {
    format!("55{number:011}@c.us")
}

fn index_of_twenty_labels() -> LabelIndex {
    let index = LabelIndex::new();
    for label in 1..=20_u32 {
        assert!(index.upsert_label(label, format!("label {label}").as_str()).unwrap().changed());
    }
    index
}

/// An index with the same chats at other places, built in bulk.
fn built_anew(index: &LabelIndex) -> LabelIndex {
    let fresh = index_of_twenty_labels();
    let mut batch = fresh.batch();
    for chat in index.snapshot().iter() {
        batch.set_labels(&chat.chat_id, chat.labels.iter().map(|label| label.id())).unwrap();
        if batch.len() == 100_000 {
            assert!(std::mem::replace(&mut batch, fresh.batch()).commit().unwrap().changed());
        }
    }
    let _ = batch.commit().unwrap();
    fresh
}

fn assert_as_small_as_new(what: &str, (index, bytes): &(LabelIndex, u64)) {
    index.check_invariants().unwrap();
    let (fresh, new_bytes) = live(|| built_anew(index));
    assert_eq!((fresh.total_chats(), fresh.total_rows()), (index.total_chats(), index.total_rows()));
    println!("{what}: {bytes} bytes, built anew {new_bytes}: {:.3}x", *bytes as f64 / new_bytes as f64);
    assert!(bytes * 10 <= new_bytes * 13, "{what}: {bytes} bytes, and {new_bytes} built anew");
}

#[test]
fn random_links_and_unlinks_leave_what_a_new_index_takes() {
    let (operations, chats) = scale();
    let churned = live(|| {
        let index = index_of_twenty_labels();
        let mut random = Choices(23);
        for _ in 0..operations {
            let (label, chat) = (1 + random.below(20), chat(random.below(chats).into()));
            // One link for nine unlinks, most of which find nothing: two labels on a chat.
            let _: bool =
                if random.below(10) == 0 { index.link(label, chat) } else { index.unlink(label, chat) }.unwrap();
        }
        index
    });
    assert_as_small_as_new("links and unlinks", &churned);
}

#[test]
fn chats_that_come_and_go_leave_what_a_new_index_takes() {
    let (operations, chats) = scale();
    let churned = live(|| {
        let index = index_of_twenty_labels();
        for number in 0..operations {
            let label = 1 + u32::try_from(number * 7 % 20).unwrap();
            assert!(index.link(label, chat(number)).unwrap());
            if let Some(old) = number.checked_sub(u64::from(chats)) {
                assert!(index.unlink(1 + u32::try_from(old * 7 % 20).unwrap(), chat(old)).unwrap());
            }
        }
        index
    });
    assert_eq!(churned.0.total_chats(), u64::from(chats));
    assert_as_small_as_new("chats that come and go", &churned);
}
