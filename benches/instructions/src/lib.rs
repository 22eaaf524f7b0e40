//! The account that every operation runs on. The counts are in `benches`: instructions in `hot.rs`, cache lines and
//! pages of memory in `cold.rs`.

use label_index::{Filter, LabelIndex, Options};

/// The nth chat of an account.
#[must_use]
pub fn chat(number: u64) -> String {
    format!("55{:011}@c.us", number.wrapping_mul(7_919) % 100_000_000_000)
}

/// An account of `chats` chats and twenty labels, with a fixed seed. Each chat has a stage, two of five have a tag too.
///
/// # Panics
///
/// When the index refuses something.
#[must_use]
pub fn account(chats: u64) -> LabelIndex {
    let index = Options::new().hash_seed(1).build();
    let mut batch = index.batch();
    for label in 1..=20_u32 {
        batch.upsert_label(label, format!("label {label}").as_str()).expect("a good label");
    }
    for number in 0..chats {
        let stage = 1 + u32::try_from(number % 6).expect("a small number");
        let tag = 7 + u32::try_from(number / 6 % 13).expect("a small number");
        let labels = if number % 5 < 2 { vec![stage, tag] } else { vec![stage] };
        batch.set_labels(chat(number), labels).expect("good ids");
    }
    assert!(batch.commit().expect("nothing is refused").changed());
    index
}

/// Any of three labels of [`account`]: a stage and two tags.
#[must_use]
pub fn three() -> Filter {
    Filter::new().any_of_ids(["2", "9", "14"])
}
