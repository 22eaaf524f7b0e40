//! Ids and names made to collide.
//!
//! Chats and label sets are found by hash. The hash is seeded. An attacker who knows the seed can make any number of
//! them with equal hashes, and then each is searched for among all of them. From outside, the number of entries in one
//! shard of the hash index shows in how much a write copies while a snapshot is held: six bytes for each. Labels and
//! aliases are in B-trees, in which nothing collides.

use label_index::{Filter, LabelIndex, Options, Page};

use crate::memory::asked;

/// The constant that foldhash mixes into each seed, and into the second half of its input.
const INTO_SEED: u64 = 0x082e_fa98_ec4e_6c89;

/// Texts that collide: all of 24 bytes, of which the first 16 cancel out the last 8.
const CANCELS: &str = "000<\u{2f0}00G9w\u{401b5}o";

const CHATS: u32 = 10_000;

/// The bytes that a write copies if all chats or sets are in one shard: six for each.
const ALL_IN_ONE_PIECE: u64 = 6 * 10_000;

/// The seed with which hashing `len` bytes begins with the state `number`.
fn seed_that_begins_with(number: u64, len: u32) -> u64 {
    number.rotate_left(len) ^ INTO_SEED
}

fn colliding_chat(number: u32) -> String {
    format!("{CANCELS}{number:08}")
}

fn known_to_the_attacker() -> u64 {
    let begin = CANCELS.as_bytes().first_chunk().unwrap();
    seed_that_begins_with(u64::from_ne_bytes(*begin), 24)
}

/// The bytes that linking a new chat copies while a snapshot is held.
fn copied(index: &LabelIndex, chat: &str) -> u64 {
    let _beside = index.snapshot();
    let (linked, bytes) = asked(|| index.link("1", chat).unwrap());
    assert!(linked);
    bytes
}

/// Links chats that collide under the known seed, and checks every answer. Returns the bytes that one more link copies.
fn with_colliding_chats(index: &LabelIndex) -> u64 {
    assert!(index.upsert_label("1", "VIP").unwrap().changed());
    assert!(index.upsert_label("2", "Support").unwrap().changed());
    assert_eq!(index.link_all("1", (0..CHATS).map(colliding_chat)).unwrap().chats.len(), 10_000);
    let copied = copied(index, &colliding_chat(CHATS));
    for chat in (0..CHATS).step_by(7) {
        assert!(index.contains("1", colliding_chat(chat)) && !index.contains("1", colliding_chat(chat + 20_000)));
    }
    assert_eq!(index.unlink_all("1", (0..CHATS).step_by(2).map(colliding_chat)).unwrap().chats.len(), 5_000);
    assert_eq!(index.total_chats(), 5_001);
    index.check_invariants().unwrap();
    copied
}

#[test]
fn chats_that_collide_under_a_known_seed_are_told_apart() {
    let index = Options::new().hash_seed(known_to_the_attacker()).build();
    let copied = with_colliding_chats(&index);
    assert!(copied > ALL_IN_ONE_PIECE, "{copied} bytes: these chats do not collide");
}

#[test]
fn an_index_draws_a_seed_that_nobody_knows() {
    let copied: Vec<u64> = (0..6).map(|_| with_colliding_chats(&LabelIndex::new())).collect();
    assert!(copied.iter().all(|&copied| copied < ALL_IN_ONE_PIECE / 2), "{copied:?} bytes");
    // With equal seeds, equal writes would copy equally many bytes.
    assert!(copied.iter().any(|&other| other != copied[0]), "{copied:?} bytes");
}

/// The number of pairs of labels from 3 to 143.
const SETS: usize = 9_870;

/// Gives each chat a set of four labels, two of which are the same in all, and checks every answer. Returns the bytes
/// that one more set copies.
fn with_colliding_sets(index: &LabelIndex) -> u64 {
    let mut batch = index.batch();
    for label in 1..=144_u32 {
        batch.upsert_label(label, "x").unwrap();
    }
    let sets: Vec<[u32; 4]> = (3..143).flat_map(|a| (a + 1..=143).map(move |b| [1, 2, a, b])).collect();
    for (chat, set) in sets.iter().enumerate() {
        batch.set_labels(format!("chat {chat}"), *set).unwrap();
    }
    assert!(batch.commit().unwrap().changed() && sets.len() == SETS);
    let copied = {
        let _beside = index.snapshot();
        asked(|| index.set_labels("one more", [1_u32, 2, 143, 144]).unwrap()).1
    };
    for (chat, set) in sets.iter().enumerate() {
        let carried = index.labels_of(format!("chat {chat}"));
        assert!(carried.iter().map(|label| label.id().to_string()).eq(set.map(|label| label.to_string())));
    }
    for label in [3_u32, 77, 143] {
        let answer = index.query(&Filter::new().all_of_ids([label.to_string()]), Page::first(0)).unwrap();
        let with = sets.iter().filter(|set| set.contains(&label)).count() + usize::from(label == 143);
        assert_eq!(answer.total_chats, u64::try_from(with).unwrap());
    }
    index.check_invariants().unwrap();
    copied
}

#[test]
fn label_sets_that_collide_under_a_known_seed_are_told_apart() {
    // The first two of four labels are at the slots 0 and 1, hashed as the numbers 1 and 2, not as bytes: they cancel out
    // the other two.
    let seed = seed_that_begins_with(1 | 2 << 32, 0);
    let all_in_one_piece = 6 * u64::try_from(SETS).unwrap();
    let colliding = with_colliding_sets(&Options::new().hash_seed(seed).build());
    let apart = with_colliding_sets(&LabelIndex::new());
    assert!(
        colliding > apart + all_in_one_piece / 2,
        "{colliding} bytes copied by sets that collide, {apart} by others"
    );
}

/// Ids that differ in their last bytes only, and ten thousand labels of one name in two spellings.
#[test]
fn labels_that_are_alike_are_told_apart() {
    let index = LabelIndex::new();
    let id = |number: u32| format!("{}{number:06}", "x".repeat(58));
    let mut batch = index.batch();
    for number in 0..10_000 {
        let name = ["Maße", "MASSE"][usize::from(number % 2 == 0)];
        batch.upsert_label(id(number), name).unwrap();
        batch.link(id(number).as_str(), format!("{number}@c.us")).unwrap();
    }
    assert!(batch.commit().unwrap().changed());
    assert_eq!(index.ids_named("masse").len(), 10_000);
    let ((), bytes) = {
        let _beside = index.snapshot();
        asked(|| assert!(index.upsert_label(id(10_000), "masse").unwrap().changed()))
    };
    assert!(bytes <= 64 * 1024, "{bytes} bytes");
    let answer = index.query(&Filter::new().any_of_names(["mASSe"]).none_of_ids([id(7)]), Page::first(0)).unwrap();
    assert_eq!((answer.total_chats, answer.filter_label_ids.len()), (9_999, 10_001));
    assert!(index.contains(id(7), "7@c.us") && !index.contains(id(7), "8@c.us"));
    index.check_invariants().unwrap();
}
