//! Hash maps of hash sets of strings, in both directions: the usual first version.

use std::any::Any;
use std::collections::{HashMap, HashSet};

use label_index::{Entry, Filter};
use parking_lot::RwLock;

use super::lock::ManyReaders;
use crate::engine::{Engine, Labels, NamedRef, Shared, Totals};
use crate::workload::Part;

#[derive(Clone, Default)]
struct Sets {
    chats_of: HashMap<String, HashSet<String>>,
    labels_of: HashMap<String, HashSet<String>>,
    ids_named: HashMap<String, Vec<String>>,
    name_of: HashMap<String, String>,
}

pub(super) fn load(part: &Part<'_>) -> Box<dyn Engine> {
    let mut sets = Sets::default();
    for label in part.labels() {
        sets.chats_of.insert(label.id.clone(), HashSet::new());
        sets.name_of.insert(label.id.clone(), label.name.clone());
        sets.ids_named.entry(label.name.to_lowercase()).or_default().push(label.id.clone());
    }
    sets.labels_of.reserve(part.len());
    for (key, labels) in part.chats() {
        let ids: HashSet<String> = labels.iter().map(|&label| part.labels()[usize::from(label)].id.clone()).collect();
        for id in &ids {
            if let Some(chats) = sets.chats_of.get_mut(id) {
                chats.insert(key.to_owned());
            }
        }
        sets.labels_of.insert(key.to_owned(), ids);
    }
    Box::new(sets)
}

impl Sets {
    fn chats(&self, entries: &[Entry]) -> Vec<&HashSet<String>> {
        let ids = entries.iter().filter_map(|entry| match entry {
            Entry::Id(id) => Some(id),
            Entry::Name(name) => self.ids_named.get(&name.to_lowercase())?.first(),
        });
        ids.filter_map(|id| self.chats_of.get(id)).collect()
    }

    fn rows_of(&self, chat: &str) -> u64 {
        self.labels_of.get(chat).map_or(0, |labels| labels.len() as u64)
    }

    /// In label order; the ids of all workloads are decimal numbers.
    fn labels(&self, chat: &str) -> Vec<NamedRef<'_>> {
        let ids = self.labels_of.get(chat).into_iter().flatten();
        let mut labels: Vec<NamedRef<'_>> = ids.map(|id| (id.as_str(), self.name_of[id].as_str())).collect();
        labels.sort_unstable_by_key(|&(id, _)| (id.len(), id));
        labels
    }

    /// Counts chats that pass.
    fn count<'a>(&self, chats: impl Iterator<Item = &'a String>) -> Totals {
        chats.fold(Totals::default(), |totals, chat| {
            let rows = totals.rows + self.rows_of(chat);
            Totals { chats: totals.chats + 1, rows, matched_rows: rows }
        })
    }
}

/// Each chat once, from the first of the sets that have it: faster than a union.
fn distinct<'a>(sets: &[&'a HashSet<String>]) -> impl Iterator<Item = &'a String> {
    sets.iter().enumerate().flat_map(|(at, set)| {
        let earlier = &sets[..at];
        set.iter().filter(move |chat| !earlier.iter().any(|set| set.contains(*chat)))
    })
}

impl Engine for Sets {
    fn totals(&self, filter: &Filter, _way: usize) -> Totals {
        if let Some(any_of) = &filter.any_of {
            let sets = self.chats(any_of);
            let matched_rows = sets.iter().map(|set| set.len() as u64).sum();
            return Totals { matched_rows, ..self.count(distinct(&sets)) };
        }
        if let Some(all_of) = &filter.all_of {
            let mut sets = self.chats(all_of);
            sets.sort_by_key(|set| set.len());
            let [rarest, others @ ..] = sets.as_slice() else { return Totals::default() };
            return self.count(rarest.iter().filter(|chat| others.iter().all(|set| set.contains(*chat))));
        }
        let sets = self.chats(filter.none_of.as_deref().unwrap_or_default());
        self.count(self.labels_of.keys().filter(|chat| !sets.iter().any(|set| set.contains(*chat))))
    }

    fn labels_of(&self, chat: &str) -> Labels<'_> {
        Labels::Named(self.labels(chat))
    }

    fn count_named(&self, name: &str) -> usize {
        self.ids_named.get(&name.to_lowercase()).map_or(0, Vec::len)
    }

    fn link(&mut self, label: &str, chat: &str) -> bool {
        let Some(chats) = self.chats_of.get_mut(label) else { return false };
        if !chats.insert(chat.to_owned()) {
            return false;
        }
        match self.labels_of.get_mut(chat) {
            Some(labels) => labels.insert(label.to_owned()),
            None => self.labels_of.insert(chat.to_owned(), HashSet::from([label.to_owned()])).is_none(),
        }
    }

    fn unlink(&mut self, label: &str, chat: &str) -> bool {
        let Some(labels) = self.labels_of.get_mut(chat) else { return false };
        if !labels.remove(label) {
            return false;
        }
        if labels.is_empty() {
            self.labels_of.remove(chat);
        }
        self.chats_of.get_mut(label).is_some_and(|chats| chats.remove(chat))
    }

    fn snapshot(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn share(self: Box<Self>) -> Box<dyn Shared> {
        Box::new(ManyReaders(RwLock::new(*self)))
    }
}
