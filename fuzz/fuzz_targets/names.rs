//! The laws of label names, for each line of the input and between its lines.

#![no_main]

use label_index::{Entry, Error, Filter, LabelId, LabelIndex, LabelName, LabelPatch, Page};
use libfuzzer_sys::fuzz_target;
use unicode_normalization::UnicodeNormalization;

#[path = "../../tests/it/plain_names.rs"]
mod plain_names;

/// Enough lines to compare with each other.
const LINES: usize = 4;

/// Names up to this length are compared with their other forms, none of which is too long for a name. Longer ones take
/// time and test nothing more.
const COMPARED: usize = 256;

fuzz_target!(|text: &str| {
    laws_of_one(text);
    let lines = || text.split('\n').take(LINES);
    lines().for_each(laws_of_one);
    let names: Vec<LabelName> = lines().filter_map(|line| line.parse().ok()).collect();
    laws_between(&names);
    labels_are_found(&names);
});

fn laws_of_one(text: &str) {
    lenient(text);
    let name = match text.parse::<LabelName>() {
        Ok(name) => name,
        Err(Error::InvalidLabelName { value, reason }) => {
            assert_eq!(plain_names::refusal(text), Some(reason));
            assert!(value == text || (value.len() <= 131 && text.starts_with(value.strip_suffix('…').unwrap())));
            return;
        }
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(plain_names::refusal(text), None);
    assert_eq!(name.as_str(), text.trim());
    assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
    assert_eq!(LabelName::lenient(text).as_ref(), Some(&name));

    if name.as_str().len() <= COMPARED {
        forms_of_one_are_the_same(&name);
    }
}

fn forms_of_one_are_the_same(name: &LabelName) {
    let own = name.as_str();
    for other in [
        own.to_owned(),
        own.to_ascii_uppercase(),
        own.to_ascii_lowercase(),
        own.to_lowercase(),
        own.nfd().collect(),
        own.nfc().collect(),
        own.nfd().collect::<String>().to_lowercase().nfc().collect(),
        format!("\u{3000}\t{own}\r\n"),
        format!("\u{200e}{own}\u{2069}"),
        with_bidi_control_in_the_middle(own),
    ] {
        let other: LabelName = other.parse().unwrap();
        assert!(name.is_same_as(&other) && other.is_same_as(name), "{name:?} and {other:?}");
    }
    assert!(!name.is_same_as(&format!("{own}x").parse().unwrap()));
}

fn with_bidi_control_in_the_middle(text: &str) -> String {
    let (head, tail) = text.split_at(text.floor_char_boundary(text.len() / 2));
    format!("{head}\u{202e}{tail}")
}

fn lenient(text: &str) {
    let name = LabelName::lenient(text);
    assert_eq!(name.as_ref().map(LabelName::to_string), plain_names::lenient(text));
    if let Some(name) = name {
        assert!(name.as_str().len() <= LabelName::MAX_LEN);
        assert_eq!(name.as_str().parse().as_ref(), Ok(&name));
        assert_eq!(LabelName::lenient(name.as_str()), Some(name));
    }
}

fn laws_between(names: &[LabelName]) {
    let same: Vec<Vec<bool>> = names.iter().map(|a| names.iter().map(|b| a.is_same_as(b)).collect()).collect();
    for (i, a) in names.iter().enumerate() {
        assert!(same[i][i]);
        for (j, b) in names.iter().enumerate() {
            assert_eq!(same[i][j], same[j][i]);
            assert_eq!((a == b, a.cmp(b)), (a.as_str() == b.as_str(), a.as_str().cmp(b.as_str())));
            assert!(a != b || same[i][j]);
            assert!(!same[i][j] || same[i] == same[j], "{a:?} and {b:?} are the same as other names");
        }
    }
}

/// A label is found by every name that is the same as its own, and by no other.
fn labels_are_found(names: &[LabelName]) {
    let index = LabelIndex::new();
    for (id, name) in (1_u32..).zip(names) {
        assert!(index.upsert_label(id, LabelPatch::from(name.clone())).unwrap().changed());
    }
    for name in names {
        let same = (1_u32..).zip(names).filter(|(_, other)| name.is_same_as(other));
        let same: Vec<LabelId> = same.map(|(id, _)| LabelId::from(id)).collect();
        assert_eq!(index.ids_named(name.as_str()), same);
        let filter = Filter::new().any_of([Entry::name(name.as_str())]);
        assert_eq!(index.query(&filter, Page::first(0)).unwrap().filter_label_ids, same);
    }
}
