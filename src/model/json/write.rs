//! Values as JSON, as `serde_json` writes them.

use std::io::Write;

use crate::model::chat_id::{ChatId, ChatKey};

pub(crate) fn list<T>(json: &mut Vec<u8>, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    json.push(b'[');
    for (nth, item) in items.into_iter().enumerate() {
        if nth > 0 {
            json.push(b',');
        }
        write(json, item);
    }
    json.push(b']');
}

/// A field with a number, or with `null`.
pub(crate) fn number(json: &mut Vec<u8>, field: &str, number: Option<impl itoa::Integer>) {
    json.extend_from_slice(field.as_bytes());
    match number {
        Some(number) => json.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        None => json.extend_from_slice(b"null"),
    }
}

/// The id of a chat. An id that is a number needs no escapes.
pub(crate) fn chat(json: &mut Vec<u8>, chat: &ChatId) {
    match chat.key() {
        ChatKey::Compact(id) => {
            let (number, suffix) = id.parts();
            json.push(b'"');
            json.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            json.extend_from_slice(suffix.as_bytes());
            json.push(b'"');
        }
        ChatKey::Text(id) => text(json, id),
    }
}

pub(crate) fn text(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        // A byte below 128 is a character of its own.
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        json.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            escape(json, character);
        }
        rest = characters.as_str();
    }
    json.extend_from_slice(rest.as_bytes());
    json.push(b'"');
}

fn escape(json: &mut Vec<u8>, character: char) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\u{8}' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\u{c}' => b'f',
        '\r' => b'r',
        _ => {
            // Writing to a vector cannot fail.
            let _written = write!(json, "\\u{:04x}", u32::from(character));
            return;
        }
    };
    json.extend_from_slice(&[b'\\', short]);
}
