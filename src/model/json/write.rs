//! Values as JSON text, as `serde_json` writes them.

use std::fmt::{Display, Write};

pub(in crate::model) fn list<T>(json: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    json.push('[');
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            json.push(',');
        }
        write(json, item);
    }
    json.push(']');
}

/// A field with a number.
pub(in crate::model) fn number(json: &mut String, field: &str, number: impl Display) {
    // Writing to a text cannot fail.
    let _written = write!(json, "{field}{number}");
}

pub(in crate::model) fn text(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        // A byte below 128 is a character of its own.
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        json.push_str(plain);
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            escape(json, character);
        }
        rest = characters.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

fn escape(json: &mut String, character: char) {
    let short = match character {
        '"' | '\\' => character,
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{c}' => 'f',
        '\r' => 'r',
        _ => {
            let _written = write!(json, "\\u{:04x}", u32::from(character));
            return;
        }
    };
    json.extend(['\\', short]);
}
