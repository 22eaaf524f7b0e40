//! Answers as JSON.

use crate::model::answer::Answer;
use crate::model::chat_id::ChatId;
use crate::model::json::write::{chat, list, number, text};
use crate::model::label::Label;

/// Bytes of a chat in an answer without its labels, roughly: longer ids and escapes are not counted.
pub(crate) const CHAT_ROOM: usize = 64;

impl Answer {
    /// Writes the fields without the braces around them. The chats are written by the caller, as a list.
    pub(crate) fn write_fields(&self, json: &mut Vec<u8>, write_chats: impl FnOnce(&mut Vec<u8>)) {
        let Self { chats: _, total_chats, total_rows, matched_rows, filter_label_ids, unresolved, next, revision } =
            self;
        json.extend_from_slice(b"\"chats\":");
        write_chats(json);
        number(json, ",\"total_chats\":", Some(*total_chats));
        number(json, ",\"total_rows\":", Some(*total_rows));
        number(json, ",\"matched_rows\":", Some(*matched_rows));
        json.extend_from_slice(b",\"filter_label_ids\":");
        list(json, filter_label_ids, |json, id| id.with_text(|id| text(json, id)));
        json.extend_from_slice(b",\"unresolved\":{\"ids\":");
        list(json, &unresolved.ids, |json, id| text(json, id));
        json.extend_from_slice(b",\"names\":");
        list(json, &unresolved.names, |json, name| text(json, name));
        json.extend_from_slice(b"},\"next\":");
        match next {
            Some(cursor) => text(json, &cursor.to_string()),
            None => json.extend_from_slice(b"null"),
        }
        number(json, ",\"revision\":", Some(*revision));
    }
}

/// Writes a chat of an answer, a `LabelledChat`.
pub(crate) fn labelled_chat<'a>(json: &mut Vec<u8>, chat_id: &ChatId, labels: impl Iterator<Item = &'a Label>) {
    json.extend_from_slice(b"{\"chat_id\":");
    chat(json, chat_id);
    json.extend_from_slice(b",\"labels\":");
    list(json, labels, |json, label| json.extend_from_slice(label.json()));
    json.push(b'}');
}
