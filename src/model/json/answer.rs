//! Answers as JSON text.

use crate::model::answer::{Answer, LabelledChat};
use crate::model::json::write::{list, number, text};

impl Answer {
    /// Writes the fields as JSON without the braces around them, so that a host can put fields of its own beside them.
    ///
    /// This is the text that `serde_json` makes of an answer, in less time: what a label is written as is kept
    /// with the label, and copied for each of its chats.
    ///
    /// **O(length of the text)**.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex, Page};
    ///
    /// let index = LabelIndex::new();
    /// index.upsert_label("7", "VIP")?;
    /// index.link("7", "ana@c.us")?;
    /// let answer = index.query(&Filter::new().any_of_ids(["7"]), Page::first(50))?;
    /// let mut body = String::from(r#"{"success":true,"#);
    /// answer.write_json_fields(&mut body);
    /// body.push('}');
    /// assert!(body.starts_with(r#"{"success":true,"chats":[{"chat_id":"ana@c.us","labels":[{"id":"7","#));
    /// assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap()["total_chats"], 1);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn write_json_fields(&self, json: &mut String) {
        let Self { chats, total_chats, total_rows, matched_rows, filter_label_ids, unresolved, next, revision } = self;
        json.push_str("\"chats\":");
        list(json, chats, |json, LabelledChat { chat_id, labels }| {
            json.push_str("{\"chat_id\":");
            chat_id.with_text(|chat| text(json, chat));
            json.push_str(",\"labels\":");
            list(json, labels, |json, label| json.push_str(label.json()));
            json.push('}');
        });
        number(json, ",\"total_chats\":", total_chats);
        number(json, ",\"total_rows\":", total_rows);
        number(json, ",\"matched_rows\":", matched_rows);
        json.push_str(",\"filter_label_ids\":");
        list(json, filter_label_ids, |json, id| id.with_text(|id| text(json, id)));
        json.push_str(",\"unresolved\":{\"ids\":");
        list(json, &unresolved.ids, |json, id| text(json, id));
        json.push_str(",\"names\":");
        list(json, &unresolved.names, |json, name| text(json, name));
        json.push_str("},\"next\":");
        match next {
            Some(cursor) => text(json, &cursor.to_string()),
            None => json.push_str("null"),
        }
        number(json, ",\"revision\":", revision);
    }
}
