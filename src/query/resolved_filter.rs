//! A filter whose labels are looked up in one state.

use hashbrown::HashSet;

use crate::model::error::{Limit, Result};
use crate::model::filter::{Entry, Filter};
use crate::model::label_id::LabelId;
use crate::model::name::NameKey;
use crate::model::options::Limits;
use crate::query::answer::Unresolved;
use crate::state::decide::exceeded;
use crate::state::labels::{Labels, Slot};

/// A filter as lists of slots, each sorted and without repetition.
#[derive(Debug, Default)]
pub(crate) struct ResolvedFilter {
    /// `None` when the clause was not given; empty when no chat passes it.
    pub(crate) any: Option<Vec<Slot>>,
    /// One list for each entry; an empty one means that no chat passes.
    pub(crate) all: Vec<Vec<Slot>>,
    pub(crate) none: Vec<Slot>,
    pub(crate) unresolved: Unresolved,
}

impl ResolvedFilter {
    pub(crate) fn of(filter: &Filter, labels: &Labels, limits: &Limits) -> Result<Self> {
        if filter.len() > limits.filter_entries {
            return Err(exceeded(Limit::FilterEntries, limits.filter_entries, filter.len()));
        }
        let mut lookup = Lookup { labels, seen: HashSet::new(), clauses: Self::default() };
        let any = filter.any_of.as_deref().map(|entries| lookup.united(entries));
        let all = filter.all_of.as_deref().map(|entries| {
            let entries: Vec<Vec<Slot>> =
                entries.iter().map(|entry| lookup.united(std::slice::from_ref(entry))).collect();
            // An empty all-of clause passes no chat.
            if entries.is_empty() { vec![Vec::new()] } else { entries }
        });
        let none = filter.none_of.as_deref().map(|entries| lookup.united(entries));
        let mut clauses = Self { any, all: all.unwrap_or_default(), none: none.unwrap_or_default(), ..lookup.clauses };
        clauses.all.sort();
        clauses.all.dedup();
        Ok(clauses)
    }

    /// The lists of all clauses.
    fn lists(&self) -> impl Iterator<Item = &Vec<Slot>> {
        self.any.iter().chain(&self.all).chain([&self.none])
    }

    /// The number of labels in all clauses.
    pub(crate) fn labels(&self) -> usize {
        self.lists().map(Vec::len).sum()
    }

    /// The existing ids of all clauses, in label order. An answer has them, a page has not.
    ///
    /// Slots are sorted, and were mostly assigned in label order, so little is left to sort.
    pub(crate) fn ids(&self, labels: &Labels) -> Vec<LabelId> {
        let mut ids = Vec::with_capacity(self.labels());
        ids.extend(self.lists().flatten().filter_map(|&slot| Some(labels.at(slot)?.id().clone())));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Whether no chat can pass.
    pub(crate) fn pass_nobody(&self) -> bool {
        self.any.as_ref().is_some_and(Vec::is_empty) || self.all.iter().any(Vec::is_empty)
    }

    /// Whether every labelled chat passes.
    pub(crate) fn pass_everybody(&self) -> bool {
        self.any.is_none() && self.all.is_empty() && self.none.is_empty()
    }

    /// The any-of clause, if it is the only clause.
    pub(crate) fn only_any(&self) -> Option<&[Slot]> {
        self.any.as_deref().filter(|_| self.all.is_empty() && self.none.is_empty())
    }

    /// The only clause, if it is any-of or none-of.
    pub(crate) fn only_clause(&self) -> Option<&[Slot]> {
        let only_none = || Some(&*self.none).filter(|_| self.any.is_none() && self.all.is_empty());
        self.only_any().or_else(only_none)
    }

    /// Whether a chat with these labels passes.
    pub(crate) fn pass(&self, members: &[Slot]) -> bool {
        let has = |slots: &[Slot]| members.iter().any(|slot| slots.binary_search(slot).is_ok());
        self.any.as_deref().is_none_or(has) && self.all.iter().all(|entry| has(entry)) && !has(&self.none)
    }

    /// The number of these labels that are in the any-of clause; all of them if there is no such clause.
    pub(crate) fn matched(&self, members: &[Slot]) -> usize {
        match &self.any {
            None => members.len(),
            Some(any) => members.iter().filter(|slot| any.binary_search(slot).is_ok()).count(),
        }
    }
}

struct Lookup<'a> {
    labels: &'a Labels,
    seen: HashSet<&'a Entry>,
    clauses: ResolvedFilter,
}

impl<'a> Lookup<'a> {
    /// The slots of all entries, sorted and without repetition.
    fn united(&mut self, entries: &'a [Entry]) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(entries.len());
        for entry in entries {
            let known = slots.len();
            self.add(entry, &mut slots);
            if slots.len() == known && self.seen.insert(entry) {
                match entry {
                    Entry::Id(id) => self.clauses.unresolved.ids.push(id.clone()),
                    Entry::Name(name) => self.clauses.unresolved.names.push(name.clone()),
                }
            }
        }
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn add(&mut self, entry: &Entry, slots: &mut Vec<Slot>) {
        let labels = self.labels;
        match entry {
            Entry::Id(text) => slots.extend(labels.slot_of(text)),
            Entry::Name(text) => {
                let keys = NameKey::sought(text);
                slots.extend(keys.iter().flat_map(|key| labels.named(key)).filter_map(|id| labels.slot(id)));
            }
        }
    }
}
