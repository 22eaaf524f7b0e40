//! The laws of label ids, chat ids, phone numbers and cursors, for each line of the input and between its lines.

#![no_main]

use std::collections::HashSet;

use label_index::{ChatId, Cursor, Error, LabelId};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/plain_ids.rs"]
mod plain_ids;

/// Enough lines to compare with each other.
const LINES: usize = 4;

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.split('\n').take(LINES).collect();
    for text in lines.iter().chain([&text]) {
        label(text);
        chat(text);
        phone(text);
        cursor(text);
    }
    label_order(&lines);
    chat_order(&lines);
});

fn label(text: &str) {
    match text.parse::<LabelId>() {
        Ok(id) => {
            assert_eq!(plain_ids::label_refusal(text), None);
            assert_eq!(id.to_string(), text);
            assert_eq!(format!("{id:?}"), format!("LabelId({text:?})"));
            if let Some(number) = id.decimal() {
                assert_eq!((number.to_string().as_str(), LabelId::from(number)), (text, id));
            }
        }
        Err(Error::InvalidLabelId { value, reason }) => {
            assert_eq!(plain_ids::label_refusal(text), Some(reason));
            names_the_text(&value, text);
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn chat(text: &str) {
    match text.parse::<ChatId>() {
        Ok(id) => {
            assert_eq!(plain_ids::chat_refusal(text), None);
            let normal = id.to_string();
            assert_eq!(normal, plain_ids::normal_form(text));
            assert!(normal.len() <= text.len());
            assert_eq!(format!("{id:?}"), format!("ChatId({normal:?})"));
            let again: ChatId = normal.parse().unwrap();
            assert_eq!((again.to_string(), again.is_jid()), (normal, id.is_jid()));
            assert_eq!(again, id);
        }
        Err(Error::InvalidChatId { value, reason }) => {
            assert_eq!(plain_ids::chat_refusal(text), Some(reason));
            names_the_text(&value, text);
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// A long text is cut in the error, and marked.
fn names_the_text(value: &str, text: &str) {
    assert!(value == text || (value.len() <= 131 && text.starts_with(value.strip_suffix('…').unwrap())));
}

fn phone(text: &str) {
    match (ChatId::from_phone(text), plain_ids::phone_digits(text)) {
        (Ok(id), Some(digits)) => {
            assert_eq!(id.to_string(), format!("{digits}@c.us"));
            assert_eq!(format!("+{digits}@hosted").parse(), Ok(id));
        }
        (Err(Error::InvalidPhone { value, .. }), None) => names_the_text(&value, text),
        (result, digits) => panic!("{result:?} and {digits:?}"),
    }
}

fn cursor(text: &str) {
    match text.parse::<Cursor>() {
        Ok(cursor) => assert_eq!(cursor.to_string(), text),
        Err(Error::BadCursor { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
}

fn label_order(lines: &[&str]) {
    let ids: Vec<(&str, LabelId)> = lines.iter().filter_map(|text| Some((*text, text.parse().ok()?))).collect();
    for (left_text, left) in &ids {
        for (right_text, right) in &ids {
            assert_eq!(left.cmp(right), plain_ids::label_order(left_text, right_text));
            assert_eq!(left == right, left_text == right_text);
        }
    }
    let mut sorted = ids;
    sorted.sort_by(|(_, left), (_, right)| left.cmp(right));
    assert!(sorted.is_sorted_by(|(left, _), (right, _)| plain_ids::label_order(left, right).is_le()));
}

fn chat_order(lines: &[&str]) {
    let ids: Vec<ChatId> = lines.iter().filter_map(|text| text.parse().ok()).collect();
    for left in &ids {
        for right in &ids {
            let order = left.to_string().cmp(&right.to_string());
            assert_eq!((left.cmp(right), left == right), (order, order.is_eq()));
        }
    }
    let texts: HashSet<String> = ids.iter().map(ChatId::to_string).collect();
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), texts.len());
}
