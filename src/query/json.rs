//! A query answered as JSON: the page goes from one version to the text, without an `Answer` in between.

use crate::model::change::Place;
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::filter::{Filter, Page};
use crate::model::json::answer::{CHAT_ROOM, labelled_chat};
use crate::model::json::write::list;
use crate::model::label::Label;
use crate::model::options::Limits;
use crate::query::answer::List;
use crate::state::State;
use crate::state::labels::Slot;

/// Bytes of chats and labels that are written while a writer waits: some microseconds.
const SHORT: usize = 32 << 10;

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
        places.iter().filter_map(|&place| Some((self.chats.chat_at(place)?, self.slots_at(place)))).collect()
    }

    fn write(&self, List { clauses, next, .. }: List, rows: &[Row<'_>], json: &mut Vec<u8>) {
        let totals = self.totals(&clauses);
        self.answer(Vec::new(), next, totals, clauses).write_fields(json, |json| {
            list(json, rows, |json, (chat, slots)| labelled_chat(json, chat, self.labels_in(slots)));
        });
    }

    /// The bytes of the chats on a page and their labels, roughly.
    fn json_room(&self, rows: &[Row<'_>]) -> usize {
        let labels = |slots: &[Slot]| self.labels_in(slots).map(Label::json_room).sum::<usize>();
        rows.iter().map(|(_, slots)| CHAT_ROOM.saturating_add(labels(slots))).fold(0, usize::saturating_add)
    }
}
