//! A query answered as JSON: the page goes from one version to the text, without an `Answer` in between.

use crate::model::change::Place;
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::filter::{Filter, Page};
use crate::model::json::write::{chat, list, number, text};
use crate::model::label::Label;
use crate::model::options::Limits;
use crate::query::answer::Answer;
use crate::query::ask::List;
use crate::state::State;
use crate::state::labels::Slot;

/// Bytes of chats and labels that are written while a writer waits: some microseconds.
const SHORT: usize = 32 << 10;

/// Bytes of a chat in an answer without its labels, roughly: longer ids and escapes are not counted.
const CHAT_ROOM: usize = 64;

/// A chat of a page, and its labels.
type Row<'a> = (ChatId, &'a [Slot]);

impl State {
    /// Appends the fields of the answer.
    pub(crate) fn query_json(&self, filter: &Filter, page: Page, limits: &Limits, json: &mut Vec<u8>) -> Result<()> {
        self.query_json_within(usize::MAX, filter, page, limits, json).map(drop)
    }

    /// As [`query_json`](Self::query_json), if a writer can wait for it. `None`, and nothing is written, if it might take
    /// more than some microseconds.
    pub(crate) fn query_json_quickly(
        &self,
        filter: &Filter,
        page: Page,
        limits: &Limits,
        json: &mut Vec<u8>,
    ) -> Option<Result<()>> {
        let written = self.is_quick(filter, page).then(|| self.query_json_within(SHORT, filter, page, limits, json))?;
        written.transpose()
    }

    /// Appends the fields of the answer. `None`, and nothing is written, if chats and labels take more than about `most` bytes.
    fn query_json_within(
        &self,
        most: usize,
        filter: &Filter,
        page: Page,
        limits: &Limits,
        json: &mut Vec<u8>,
    ) -> Result<Option<()>> {
        let list = self.list(filter, page, limits)?;
        let rows = self.rows(&list.places);
        let room = self.json_room(&rows);
        if room > most {
            return Ok(None);
        }
        json.reserve(room);
        self.write(list, &rows, json);
        Ok(Some(()))
    }

    /// The chats at some places, and their labels.
    ///
    /// They are looked up before any is written: without a branch that depends on what a record says the processor waits
    /// for the records of several chats at once.
    fn rows(&self, places: &[Place]) -> Vec<Row<'_>> {
        let records = places.iter().filter_map(|&place| self.chats.record_at(place));
        records.filter_map(|record| Some((self.chats.chat_of(record)?, self.slots_of(record)))).collect()
    }

    fn write(&self, List { clauses, next, .. }: List, rows: &[Row<'_>], json: &mut Vec<u8>) {
        let totals = self.totals(&clauses);
        self.answer(Vec::new(), next, totals, clauses).write_fields(json, |json| {
            list(json, rows, |json, (chat, slots)| labelled_chat(json, chat, self.labels_in(slots)));
        });
    }

    /// The labels at some slots, in their order.
    fn labels_in<'a>(&'a self, slots: &'a [Slot]) -> impl Iterator<Item = &'a Label> {
        slots.iter().filter_map(|&slot| self.labels.at(slot))
    }

    /// The bytes of the chats on a page and their labels, roughly.
    fn json_room(&self, rows: &[Row<'_>]) -> usize {
        let labels = |slots: &[Slot]| self.labels_in(slots).map(Label::json_room).sum::<usize>();
        rows.iter().map(|(_, slots)| CHAT_ROOM.saturating_add(labels(slots))).fold(0, usize::saturating_add)
    }
}

impl Answer {
    /// Writes the fields without the braces around them. The chats are written by the caller, as a list.
    fn write_fields(&self, json: &mut Vec<u8>, write_chats: impl FnOnce(&mut Vec<u8>)) {
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
fn labelled_chat<'a>(json: &mut Vec<u8>, chat_id: &ChatId, labels: impl Iterator<Item = &'a Label>) {
    json.extend_from_slice(b"{\"chat_id\":");
    chat(json, chat_id);
    json.extend_from_slice(b",\"labels\":");
    list(json, labels, |json, label| json.extend_from_slice(label.json()));
    json.push(b'}');
}
