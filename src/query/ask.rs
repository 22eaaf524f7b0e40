//! Reads of one version, with answers in types of the public API.

use smallvec::SmallVec;

use crate::collections::number::to_index;
use crate::model::change::Place;
use crate::model::chat_id::ChatId;
use crate::model::cursor::{Cursor, Last};
use crate::model::error::{Error, Limit, Result};
use crate::model::filter::{Filter, Page};
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::name::NameKey;
use crate::model::options::Limits;
use crate::query::answer::{Answer, ChatPage, FilterTotals, LabelledChat, Totals};
use crate::query::chat_labels::ChatLabels;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::chats::Record;
use crate::state::decide::exceeded;
use crate::state::labels::Slot;

/// The most labels that are copied while a writer waits: some microseconds.
const FEW_LABELS: usize = 256;

/// The most labels of a page that are copied while a writer waits, as numbers: about a microsecond.
const FEW_SLOTS: usize = 2_048;

/// The chats of a page whose sets are noted without an allocation.
const USUAL_PAGE: usize = 64;

/// A page before its chats and labels are copied.
pub(super) struct List {
    pub(super) clauses: ResolvedFilter,
    pub(super) places: Vec<Place>,
    pub(super) next: Option<Cursor>,
}

/// Whether a page takes a few microseconds at most. `more` is the cost of its totals in nanoseconds.
fn is_quick_to_list(filter: &Filter, page: Page, more: usize) -> bool {
    /// In nanoseconds, roughly; so are the costs below.
    const QUICK: usize = 6_000;
    const LISTED_CHAT: usize = 40;
    const LIST: usize = 20;
    const BYTE_OF_NAME: usize = 10;
    // With an any-of clause alone, every candidate is listed, so there is no search.
    let only_any = filter.any_of.is_some() && filter.all_of.is_none() && filter.none_of.is_none();
    let searches = page.limit > 0 && !only_any;
    let entries = [&filter.any_of, &filter.all_of, &filter.none_of].into_iter().flatten().flatten();
    let texts = entries.map(|entry| entry.text().len()).take(QUICK).fold(0, usize::saturating_add);
    let listed = page.limit.saturating_mul(LISTED_CHAT);
    let lists = filter.len().saturating_mul(LIST);
    let costs = [more, texts.saturating_mul(BYTE_OF_NAME), listed, lists];
    !searches && costs.into_iter().fold(0, usize::saturating_add) <= QUICK
}

impl State {
    pub(crate) fn query(&self, filter: &Filter, page: Page, limits: &Limits) -> Result<Answer> {
        let List { clauses, places, next } = self.list(filter, page, limits)?;
        Ok(self.answer(self.labelled_chats(&places), next, self.totals(&clauses), clauses))
    }

    /// As [`query`](Self::query), if a writer can wait for it. `None` if it might take more than some microseconds,
    /// judged by the filter, the page and the number of labels of the chats on it.
    pub(crate) fn query_quickly(&self, filter: &Filter, page: Page, limits: &Limits) -> Option<Result<Answer>> {
        if !self.is_quick(filter, page) {
            return None;
        }
        if page.limit == 0 {
            return Some(self.query(filter, page, limits));
        }
        let answer = |List { clauses, places, next }| {
            let chats = self.labelled_chats_up_to(FEW_SLOTS, &places)?;
            Some(self.answer(chats, next, self.totals(&clauses), clauses))
        };
        self.list(filter, page, limits).map(answer).transpose()
    }

    /// Answers the totals alone.
    pub(crate) fn filter_totals(&self, filter: &Filter, limits: &Limits) -> Result<FilterTotals> {
        let clauses = ResolvedFilter::of(filter, &self.labels, limits)?;
        let Totals { chats, rows, matched_rows } = self.totals(&clauses);
        Ok(FilterTotals {
            total_chats: chats,
            total_rows: rows,
            matched_rows,
            filter_label_ids: clauses.ids(&self.labels),
            unresolved: clauses.unresolved,
            revision: self.revision,
        })
    }

    /// Answers the page alone.
    pub(crate) fn chat_page(&self, filter: &Filter, page: Page, limits: &Limits) -> Result<ChatPage> {
        let List { places, next, .. } = self.list(filter, page, limits)?;
        Ok(ChatPage { chats: self.labelled_chats(&places), next, revision: self.revision })
    }

    /// As [`chat_page`](Self::chat_page), under the conditions of [`query_quickly`](Self::query_quickly).
    pub(crate) fn chat_page_quickly(&self, filter: &Filter, page: Page, limits: &Limits) -> Option<Result<ChatPage>> {
        if !is_quick_to_list(filter, page, 0) {
            return None;
        }
        let answer = |List { places, next, .. }| {
            let chats = self.labelled_chats_up_to(FEW_SLOTS, &places)?;
            Some(ChatPage { chats, next, revision: self.revision })
        };
        self.list(filter, page, limits).map(answer).transpose()
    }

    pub(super) fn answer(
        &self,
        chats: Vec<LabelledChat>,
        next: Option<Cursor>,
        totals: Totals,
        clauses: ResolvedFilter,
    ) -> Answer {
        Answer {
            chats,
            total_chats: totals.chats,
            total_rows: totals.rows,
            matched_rows: totals.matched_rows,
            filter_label_ids: clauses.ids(&self.labels),
            unresolved: clauses.unresolved,
            next,
            revision: self.revision,
        }
    }

    /// The places of the chats on a page, and the cursor of the next page.
    pub(super) fn list(&self, filter: &Filter, page: Page, limits: &Limits) -> Result<List> {
        let start = self.start_of(page, limits)?;
        let clauses = ResolvedFilter::of(filter, &self.labels, limits)?;
        let (places, more) = start.map_or((Vec::new(), false), |start| self.page(&clauses, start, page.limit));
        let last = places.last().filter(|_| more);
        let next = last.map(|&place| Cursor { last: Last::Place(place), identity: self.identity });
        Ok(List { clauses, places, next })
    }

    /// The chats at some places, and their labels.
    pub(super) fn labelled_chats(&self, places: &[Place]) -> Vec<LabelledChat> {
        self.labelled_chats_up_to(usize::MAX, places).unwrap_or_default()
    }

    /// The same, unless they have more labels together than `most`.
    ///
    /// The records are read before any label set is: without a branch that depends on what a record says, the processor
    /// waits for several of them at once.
    fn labelled_chats_up_to(&self, most: usize, places: &[Place]) -> Option<Vec<LabelledChat>> {
        let records: SmallVec<[Record; USUAL_PAGE]> =
            places.iter().filter_map(|&place| self.chats.record_at(place)).collect();
        let slots: SmallVec<[&[Slot]; USUAL_PAGE]> = records.iter().map(|&record| self.slots_of(record)).collect();
        if slots.iter().map(|slots| slots.len()).sum::<usize>() > most {
            return None;
        }
        let labels = ChatLabels::of_each(&self.labels.slots, &slots);
        let mut chats = Vec::with_capacity(places.len());
        let chat = |(&record, labels)| Some(LabelledChat { chat_id: self.chats.chat_of(record)?, labels });
        chats.extend(records.iter().zip(labels).filter_map(chat));
        Some(chats)
    }

    /// Whether a query takes a few microseconds at most, so that it can be answered while a writer waits.
    pub(crate) fn is_quick(&self, filter: &Filter, page: Page) -> bool {
        is_quick_to_list(filter, page, usize::try_from(self.cost_of_scan()).unwrap_or(usize::MAX))
    }

    /// The first place behind the page's cursor. `None` if the cursor is at the last possible place.
    #[inline]
    fn start_of(&self, page: Page, limits: &Limits) -> Result<Option<Place>> {
        match self.last_of(page, limits)? {
            None => Ok(Some(0)),
            Some((_, Last::Place(place))) => Ok(place.checked_add(1)),
            Some((cursor, Last::Listed(_))) => Err(Error::MisplacedCursor { value: cursor.to_string() }),
        }
    }

    /// Checks a page. Returns its cursor with the last chat of the page before.
    #[inline]
    pub(super) fn last_of(&self, page: Page, limits: &Limits) -> Result<Option<(Cursor, Last)>> {
        if page.limit > limits.page {
            return Err(exceeded(Limit::Page, limits.page, page.limit));
        }
        match page.after {
            Some(cursor) if cursor.identity != self.identity => Err(Error::ForeignCursor { value: cursor.to_string() }),
            after => Ok(after.map(|cursor| (cursor, cursor.last))),
        }
    }

    pub(crate) fn labelled_chat(&self, place: Place) -> Option<LabelledChat> {
        let record = self.chats.record_at(place)?;
        let labels = ChatLabels::at(&self.labels.slots, self.slots_of(record));
        Some(LabelledChat { chat_id: self.chats.chat_of(record)?, labels })
    }

    pub(crate) fn labels_at(&self, place: Place) -> ChatLabels {
        ChatLabels::at(&self.labels.slots, self.slots_at(place))
    }

    pub(crate) fn labels_of(&self, chat: &ChatId) -> ChatLabels {
        self.place_of(chat).map(|place| self.labels_at(place)).unwrap_or_default()
    }

    /// As [`labels_of`](Self::labels_of), if they are few.
    pub(crate) fn labels_of_quickly(&self, chat: &ChatId) -> Option<ChatLabels> {
        let Some(place) = self.place_of(chat) else { return Some(ChatLabels::default()) };
        (self.slots_at(place).len() <= FEW_LABELS).then(|| self.labels_at(place))
    }

    pub(crate) fn contains(&self, label: &LabelId, chat: &ChatId) -> bool {
        let (Some(slot), Some(place)) = (self.labels.slot(label), self.place_of(chat)) else { return false };
        self.slots_at(place).contains(&slot)
    }

    pub(crate) fn ids_named(&self, key: &NameKey) -> Vec<LabelId> {
        self.labels.named(key).cloned().collect()
    }

    /// As [`ids_named`](Self::ids_named), if they are few.
    pub(crate) fn ids_named_quickly(&self, key: &NameKey) -> Option<Vec<LabelId>> {
        let ids: Vec<LabelId> = self.labels.named(key).take(FEW_LABELS + 1).cloned().collect();
        (ids.len() <= FEW_LABELS).then_some(ids)
    }

    pub(crate) fn count(&self, label: &LabelId) -> u64 {
        self.labels.slot(label).map_or(0, |slot| self.postings.len(slot))
    }

    pub(crate) fn aliases(&self) -> Vec<(ChatId, ChatId)> {
        let mut aliases: Vec<_> = self.aliases.iter().map(|(alias, target)| (alias.clone(), target.clone())).collect();
        aliases.sort();
        aliases
    }

    /// The labels of the matching chats, with the number of matching chats of each, in label order.
    pub(crate) fn count_by_label(&self, filter: &Filter, limits: &Limits) -> Result<Vec<(Label, u64)>> {
        let clauses = ResolvedFilter::of(filter, &self.labels, limits)?;
        let mut counts = vec![0_u64; self.labels.slot_count()];
        if clauses.pass_everybody() {
            for (slot, count) in (0..).zip(&mut counts) {
                *count = self.postings.len(slot);
            }
        } else {
            for (_, members, chats) in self.sets.iter().filter(|(_, members, _)| clauses.pass(members)) {
                for &slot in members {
                    if let Some(count) = counts.get_mut(to_index(slot)) {
                        *count += u64::from(chats);
                    }
                }
            }
        }
        let count_of = |label: &Label| {
            let slot = self.labels.slot(label.id())?;
            counts.get(to_index(slot)).copied().filter(|&count| count > 0)
        };
        Ok(self.labels.iter().filter_map(|label| Some((label.clone(), count_of(label)?))).collect())
    }
}
