//! Queries to the model.

use std::collections::{BTreeMap, BTreeSet};

use label_index::{ChatId, Entry, Error, Filter, LabelId, LabelName, Limit, Place};

use super::answered::{Answered, Row};
use super::labels::{Listed, exceeded};
use super::reference::Model;

/// The chats of a model in order of place, for many queries of one revision.
pub(crate) struct InOrder<'m> {
    model: &'m Model,
    chats: Vec<Placed<'m>>,
}

type Placed<'m> = (Place, &'m ChatId, &'m BTreeSet<LabelId>);

impl<'m> InOrder<'m> {
    /// The answer, and the place of the last chat listed. `after` is the place of the cursor, or the error that it
    /// causes. If both page and filter are refused, the error is that of the page.
    pub(crate) fn query(
        &self,
        filter: &Filter,
        limit: usize,
        after: Result<Option<Place>, Error>,
    ) -> Result<(Answered, Option<Place>), Error> {
        let model = self.model;
        if limit > model.limits.page {
            return Err(exceeded(Limit::Page, model.limits.page, limit));
        }
        let after = after?;
        model.allow_filter(filter)?;
        let matching = self.matching(filter);
        let behind: Vec<_> =
            matching.iter().filter(|&&(place, ..)| after.is_none_or(|after| place > after)).copied().collect();
        let page = &behind[..behind.len().min(limit)];
        let goes_on = limit > 0 && behind.len() > page.len();
        Ok((self.answered(filter, &matching, page, goes_on), page.last().map(|&(place, ..)| place)))
    }

    /// The answer over the chats of a list, each once, at the first of its ids; and that id of the last chat listed.
    /// `after` is the id of the cursor, with the cursor's text, or the error that it causes.
    pub(crate) fn among(
        &self,
        filter: &Filter,
        list: &[String],
        limit: usize,
        after: Result<Option<(ChatId, String)>, Error>,
    ) -> Result<(Answered, Option<ChatId>), Error> {
        let model = self.model;
        if limit > model.limits.page {
            return Err(exceeded(Limit::Page, model.limits.page, limit));
        }
        let after = after?;
        model.allow_filter(filter)?;
        let given: Vec<ChatId> = list.iter().filter_map(|text| text.parse().ok()).collect();
        let begin = match after {
            None => 0,
            Some((chat, value)) => {
                1 + given.iter().position(|other| *other == chat).ok_or(Error::LostCursor { value })?
            }
        };
        let matching = self.matching(filter);
        let (mut all, mut behind) = (Vec::new(), Vec::new());
        for (position, id) in given.iter().enumerate() {
            let chat = model.resolve(id);
            if given[..position].iter().any(|earlier| model.resolve(earlier) == chat) {
                continue;
            }
            if let Some(&placed) = matching.iter().find(|(_, other, _)| **other == chat) {
                all.push(placed);
                if position >= begin {
                    behind.push((placed, id.clone()));
                }
            }
        }
        let goes_on = limit > 0 && behind.len() > limit;
        behind.truncate(limit);
        let last = behind.last().map(|(_, id)| id.clone());
        let page: Vec<_> = behind.into_iter().map(|(placed, _)| placed).collect();
        Ok((self.answered(filter, &all, &page, goes_on), last))
    }

    fn answered(&self, filter: &Filter, all: &[Placed<'_>], page: &[Placed<'_>], goes_on: bool) -> Answered {
        let model = self.model;
        let sought = filter.any_of.as_ref().map(|entries| model.ids_of_all(entries));
        let is_sought = |id: &LabelId| sought.as_ref().is_none_or(|sought| sought.contains(id));
        let mut unresolved = (Vec::new(), Vec::new());
        for entry in entries(filter).filter(|entry| model.ids_of(entry).is_empty()) {
            match entry {
                Entry::Id(id) => note(&mut unresolved.0, id),
                Entry::Name(name) => note(&mut unresolved.1, name),
            }
        }
        Answered {
            chats: page.iter().map(|(_, chat, labels)| model.row(chat, labels)).collect(),
            total_chats: total(all.iter().map(|_| 1)),
            total_rows: total(all.iter().map(|(.., labels)| labels.len())),
            matched_rows: total(all.iter().map(|(.., labels)| labels.iter().filter(|id| is_sought(id)).count())),
            filter_label_ids: model.ids_of_all(entries(filter)).into_iter().collect(),
            unresolved_ids: unresolved.0,
            unresolved_names: unresolved.1,
            goes_on,
            revision: model.revision,
        }
    }

    /// The chats that pass every clause.
    pub(crate) fn matching(&self, filter: &Filter) -> Vec<Placed<'m>> {
        let ids = |entries: &Vec<Entry>| self.model.ids_of_all(entries);
        let (any, none) = (filter.any_of.as_ref().map(ids), filter.none_of.as_ref().map(ids));
        let each = |entries: &Vec<Entry>| entries.iter().map(|entry| self.model.ids_of(entry)).collect::<Vec<_>>();
        let all = filter.all_of.as_ref().map(each);
        let passes = |labels: &BTreeSet<LabelId>| {
            let carries = |entry: &Vec<LabelId>| entry.iter().any(|id| labels.contains(id));
            any.as_ref().is_none_or(|any| labels.iter().any(|id| any.contains(id)))
                && all.as_ref().is_none_or(|all| !all.is_empty() && all.iter().all(carries))
                && none.as_ref().is_none_or(|none| !labels.iter().any(|id| none.contains(id)))
        };
        self.chats.iter().filter(|(.., labels)| passes(labels)).copied().collect()
    }
}

impl Model {
    pub(crate) fn in_order(&self) -> InOrder<'_> {
        let places = self.places.in_order().into_iter();
        InOrder { model: self, chats: places.map(|(place, chat)| (place, chat, &self.links[chat])).collect() }
    }

    pub(crate) fn count_by_label(&self, filter: &Filter) -> Result<Vec<(Listed, u64)>, Error> {
        self.allow_filter(filter)?;
        let matching = self.in_order().matching(filter);
        let counts = counts(matching.iter().map(|(.., labels)| *labels)).into_iter();
        Ok(counts.map(|(id, count)| (self.labels.listed(id), count)).collect())
    }

    /// The number of chats of each label that has chats.
    pub(crate) fn counts(&self) -> BTreeMap<&LabelId, u64> {
        counts(self.links.values())
    }

    pub(crate) fn total_chats(&self) -> u64 {
        total(self.links.values().map(|_| 1))
    }

    pub(crate) fn total_rows(&self) -> u64 {
        total(self.links.values().map(BTreeSet::len))
    }

    /// Every labelled chat in order of place.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.in_order().chats.iter().map(|(_, chat, labels)| self.row(chat, labels)).collect()
    }

    pub(crate) fn ids_named(&self, name: &str) -> Vec<LabelId> {
        name.parse::<LabelName>().map(|name| self.labels.named(&name)).unwrap_or_default()
    }

    fn allow_filter(&self, filter: &Filter) -> Result<(), Error> {
        let (limit, given) = (self.limits.filter_entries, entries(filter).count());
        if given <= limit { Ok(()) } else { Err(exceeded(Limit::FilterEntries, limit, given)) }
    }

    fn row(&self, chat: &ChatId, labels: &BTreeSet<LabelId>) -> Row {
        (chat.clone(), labels.iter().map(|id| self.labels.listed(id)).collect())
    }

    fn ids_of(&self, entry: &Entry) -> Vec<LabelId> {
        match entry {
            Entry::Id(id) => id.parse().into_iter().filter(|id| self.labels.known.contains_key(id)).collect(),
            Entry::Name(name) => self.ids_named(name),
        }
    }

    fn ids_of_all<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> BTreeSet<LabelId> {
        entries.into_iter().flat_map(|entry| self.ids_of(entry)).collect()
    }
}

/// The entries of all clauses, in the order any-of, all-of, none-of.
fn entries(filter: &Filter) -> impl Iterator<Item = &Entry> {
    [&filter.any_of, &filter.all_of, &filter.none_of].into_iter().flatten().flatten()
}

/// How often each label occurs.
fn counts<'a>(sets: impl Iterator<Item = &'a BTreeSet<LabelId>>) -> BTreeMap<&'a LabelId, u64> {
    let mut counts = BTreeMap::new();
    sets.flatten().for_each(|id| *counts.entry(id).or_default() += 1);
    counts
}

fn note(unresolved: &mut Vec<String>, entry: &str) {
    if !unresolved.iter().any(|known| known == entry) {
        unresolved.push(entry.to_owned());
    }
}

fn total(parts: impl Iterator<Item = usize>) -> u64 {
    u64::try_from(parts.sum::<usize>()).expect("64 bits")
}
