//! Queries about chats that the host lists.

use hashbrown::HashSet;

use crate::collections::number::to_u64;
use crate::model::arg::Arg;
use crate::model::chat_id::ChatId;
use crate::model::cursor::{Cursor, Last};
use crate::model::error::{Error, Result};
use crate::model::filter::{Filter, Page};
use crate::model::options::Limits;
use crate::query::answer::{Answer, Totals};
use crate::query::chat_labels::ChatLabels;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::labels::Slot;

impl State {
    /// Answers a filter over the given chats, in their order, each once. Texts that are no chat id are skipped.
    pub(crate) fn among<C: Arg<ChatId>>(
        &self,
        filter: &Filter,
        chats: impl IntoIterator<Item = C>,
        page: Page,
        limits: &Limits,
    ) -> Result<Answer> {
        let after = match self.last_of(page, limits)? {
            None => None,
            Some((cursor, Last::Listed(hash))) => Some((cursor, hash)),
            Some((cursor, Last::Place(_))) => return Err(Error::MisplacedCursor { value: cursor.to_string() }),
        };
        let clauses = ResolvedFilter::of(filter, &self.labels, limits)?;
        let (mut seen, mut totals) = (HashSet::new(), Totals::default());
        let (mut listed, mut last, mut more) = (Vec::new(), None, false);
        let mut sought = after;
        for chat in chats {
            let Ok(chat) = chat.parse_arg() else { continue };
            // The cursor's chat was on the page before, so it is not listed again.
            let behind = sought.is_none();
            if sought.is_some_and(|(_, hash)| hash == Cursor::hash_of(&chat)) {
                sought = None;
            }
            // A chat with several ids in the list counts at the first of them, also if the cursor is between two.
            let Some(place) = self.place_of(&chat).filter(|&place| seen.insert(place)) else { continue };
            let slots = self.slots_at(place);
            if slots.is_empty() || !clauses.pass(slots) {
                continue;
            }
            totals.chats += 1;
            totals.rows += to_u64(slots.len());
            totals.matched_rows += to_u64(clauses.matched(slots));
            if behind && page.limit > 0 {
                if listed.len() < page.limit {
                    listed.push(place);
                    last = Some(chat);
                } else {
                    more = true;
                }
            }
        }
        if let Some((cursor, _)) = sought {
            return Err(Error::LostCursor { value: cursor.to_string() });
        }
        let next = last
            .filter(|_| more)
            .map(|chat| Cursor { last: Last::Listed(Cursor::hash_of(&chat)), identity: self.identity });
        Ok(self.answer(self.labelled_chats(&listed), next, totals, clauses))
    }

    /// The labels of each of some chats, in their order.
    pub(crate) fn labels_of_each<C: Arg<ChatId>>(&self, chats: impl IntoIterator<Item = C>) -> Vec<ChatLabels> {
        let place_of = |chat: C| self.place_of(&chat.parse_arg().ok()?);
        let slots_of = |chat: C| place_of(chat).map(|place| self.slots_at(place)).unwrap_or_default();
        let slots: Vec<&[Slot]> = chats.into_iter().map(slots_of).collect();
        ChatLabels::of_each(&self.labels.slots, &slots).collect()
    }
}
