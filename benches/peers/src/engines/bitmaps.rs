//! Bitmaps as an expert would use them: one of dense chat numbers for each label, the labels of each chat beside it, and
//! the binary digits of each chat's number of labels as bitmaps of their own, for the totals of rows.

use std::any::Any;
use std::borrow::Cow;
use std::ops::Range;

use label_index::{Entry, Filter};
use parking_lot::RwLock;
use smallvec::SmallVec;

use super::chat_table::ChatTable;
use super::label_table::LabelTable;
use super::lock::ManyReaders;
use crate::engine::{Behind, Engine, Labels, Listed, NamedRef, PAGE, Shared, Totals};
use crate::workload::Part;

/// A set of chat numbers.
pub(super) trait Bitmap: Clone + Default + Send + Sync + 'static {
    type Walk<'a>: Walk;

    fn of_ascending(numbers: &[u32]) -> Self;
    fn insert(&mut self, number: u32) -> bool;
    fn remove(&mut self, number: u32) -> bool;
    fn count(&self) -> u64;
    fn count_common(&self, other: &Self) -> u64;
    fn common(&self, other: &Self) -> Self;
    fn for_each(&self, visit: impl FnMut(u32));

    /// The numbers from this one on, ascending.
    fn walk(&self, from: u32) -> Self::Walk<'_>;
}

/// Ascending numbers, of which the next can be looked at.
pub(super) trait Walk {
    fn head(&mut self) -> Option<u32>;
    fn step(&mut self);
}

/// Bitmaps of a kind, and a way to unite many of them.
pub(super) trait Union: Send + Sync + 'static {
    type Bitmap: Bitmap;

    fn union(bitmaps: &[&Self::Bitmap]) -> Self::Bitmap;
}

struct Bitmaps<U: Union> {
    table: LabelTable,
    chats: ChatTable,
    /// The chats of each label.
    by_label: Vec<U::Bitmap>,
    /// The labels of each chat, ascending.
    by_chat: Vec<SmallVec<[u16; 8]>>,
    labelled: U::Bitmap,
    /// The chats whose number of labels has the binary digit of this weight.
    digits: Vec<U::Bitmap>,
    rows: u64,
}

impl<U: Union> Clone for Bitmaps<U> {
    fn clone(&self) -> Self {
        Self {
            table: self.table.clone(),
            chats: self.chats.clone(),
            by_label: self.by_label.clone(),
            by_chat: self.by_chat.clone(),
            labelled: self.labelled.clone(),
            digits: self.digits.clone(),
            rows: self.rows,
        }
    }
}

pub(super) fn load<U: Union>(part: &Part<'_>) -> Box<dyn Engine> {
    let mut chats = ChatTable::with_capacity(part.len());
    let mut by_chat = Vec::with_capacity(part.len());
    let (mut by_label, mut digits) = (vec![Vec::new(); part.labels().len()], Vec::new());
    let mut rows = 0;
    let table = LabelTable::new(part.labels());
    for (key, labels) in part.chats() {
        let number = chats.ensure(key);
        let ids = labels.iter().map(|&label| part.labels()[usize::from(label)].id.as_str());
        let mut slots: SmallVec<[u16; 8]> = ids.filter_map(|id| table.slot(id)).collect();
        slots.sort_unstable();
        slots.iter().for_each(|&slot| by_label[usize::from(slot)].push(number));
        rows += slots.len() as u64;
        for digit in digits_of(slots.len()) {
            digits.resize(digits.len().max(digit + 1), Vec::new());
            digits[digit].push(number);
        }
        by_chat.push(slots);
    }
    let bitmap = |numbers: &Vec<u32>| U::Bitmap::of_ascending(numbers);
    let all: Vec<u32> = (0..).take(by_chat.len()).collect();
    Box::new(Bitmaps::<U> {
        table,
        chats,
        by_label: by_label.iter().map(bitmap).collect(),
        by_chat,
        labelled: bitmap(&all),
        digits: digits.iter().map(bitmap).collect(),
        rows,
    })
}

/// The positions of the binary digits that are set.
fn digits_of(number: usize) -> impl Iterator<Item = usize> {
    (0..usize::BITS as usize).filter(move |digit| number >> digit & 1 == 1)
}

impl<U: Union> Bitmaps<U> {
    fn labels(&self, entries: &[Entry]) -> Vec<&U::Bitmap> {
        let slots = entries.iter().filter_map(|entry| match entry {
            Entry::Id(id) => self.table.slot(id),
            Entry::Name(name) => self.table.named(name).first().copied(),
        });
        slots.map(|slot| &self.by_label[usize::from(slot)]).collect()
    }

    fn count(&self, chats: &U::Bitmap, way: usize) -> Totals {
        let rows = if way == 0 {
            (0..).zip(&self.digits).map(|(digit, with)| chats.count_common(with) << digit).sum()
        } else {
            let mut rows = 0;
            chats.for_each(|chat| rows += self.by_chat[chat as usize].len() as u64);
            rows
        };
        Totals { chats: chats.count(), rows, matched_rows: rows }
    }

    fn count_any(&self, labels: &[&U::Bitmap], way: usize) -> Totals {
        let counted = match labels {
            [one] => self.count(one, way),
            many => self.count(&U::union(many), way),
        };
        Totals { matched_rows: labels.iter().map(|label| label.count()).sum(), ..counted }
    }

    fn labels_at(&self, chat: u32) -> Vec<NamedRef<'_>> {
        self.by_chat[chat as usize].iter().map(|&slot| self.table.label(slot)).collect()
    }

    /// Updates the digits with a chat's new number of labels.
    fn recount(&mut self, chat: u32, before: usize, now: usize) {
        for digit in digits_of(before ^ now) {
            self.digits.resize(self.digits.len().max(digit + 1), U::Bitmap::default());
            if now >> digit & 1 == 1 {
                self.digits[digit].insert(chat);
            } else {
                self.digits[digit].remove(chat);
            }
        }
        if before == 0 {
            self.labelled.insert(chat);
        } else if now == 0 {
            self.labelled.remove(chat);
        }
        self.rows = self.rows + now as u64 - before as u64;
    }
}

impl<U: Union> Engine for Bitmaps<U> {
    /// Rows are counted by bit slices, or chat by chat.
    fn ways(&self, _filter: &Filter) -> Range<usize> {
        0..2
    }

    fn totals(&self, filter: &Filter, way: usize) -> Totals {
        if let Some(any_of) = &filter.any_of {
            return self.count_any(&self.labels(any_of), way);
        }
        if let Some(all_of) = &filter.all_of {
            let mut labels = self.labels(all_of);
            labels.sort_by_cached_key(|label| label.count());
            let [first, rest @ ..] = labels.as_slice() else { return Totals::default() };
            let Some((second, rest)) = rest.split_first() else { return self.count(first, way) };
            let common = rest.iter().fold(first.common(second), |common, label| common.common(label));
            return self.count(&common, way);
        }
        // The chats with none of the labels are all but those with any of them.
        let any = self.count_any(&self.labels(filter.none_of.as_deref().unwrap_or_default()), way);
        let rows = self.rows - any.rows;
        Totals { chats: self.labelled.count() - any.chats, rows, matched_rows: rows }
    }

    fn cursor(&self, after: &Behind<'_>) -> Option<String> {
        Some(after.chat.to_string())
    }

    fn page(&self, filter: &Filter, after: Option<&str>) -> Option<Listed<'_>> {
        let from = after.map_or(0, |cursor| cursor.parse::<u32>().expect("its own cursor") + 1);
        let labels = self.labels(filter.any_of.as_deref().unwrap_or_default());
        let mut walks: Vec<_> = labels.iter().map(|label| label.walk(from)).collect();
        let mut rows = Vec::with_capacity(PAGE);
        while rows.len() < PAGE
            && let Some(chat) = walks.iter_mut().filter_map(Walk::head).min()
        {
            for walk in &mut walks {
                if walk.head() == Some(chat) {
                    walk.step();
                }
            }
            rows.push((Cow::Borrowed(self.chats.key(chat)), self.labels_at(chat)));
        }
        Some(Listed::Rows(rows))
    }

    fn labels_of(&self, chat: &str) -> Labels<'_> {
        Labels::Named(self.chats.number(chat).map(|chat| self.labels_at(chat)).unwrap_or_default())
    }

    fn count_named(&self, name: &str) -> usize {
        self.table.named(name).len()
    }

    fn link(&mut self, label: &str, chat: &str) -> bool {
        let Some(slot) = self.table.slot(label) else { return false };
        let chat = self.chats.ensure(chat);
        if chat as usize == self.by_chat.len() {
            self.by_chat.push(SmallVec::new());
        }
        let labels = &mut self.by_chat[chat as usize];
        let Err(at) = labels.binary_search(&slot) else { return false };
        labels.insert(at, slot);
        let now = labels.len();
        self.by_label[usize::from(slot)].insert(chat);
        self.recount(chat, now - 1, now);
        true
    }

    fn unlink(&mut self, label: &str, chat: &str) -> bool {
        let (Some(slot), Some(chat)) = (self.table.slot(label), self.chats.number(chat)) else { return false };
        let labels = &mut self.by_chat[chat as usize];
        let Ok(at) = labels.binary_search(&slot) else { return false };
        labels.remove(at);
        let now = labels.len();
        self.by_label[usize::from(slot)].remove(chat);
        self.recount(chat, now + 1, now);
        true
    }

    fn snapshot(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn share(self: Box<Self>) -> Box<dyn Shared> {
        Box::new(ManyReaders(RwLock::new(*self)))
    }
}
