//! A simple index: hash maps in both directions behind a lock.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, RwLock};

use super::{Engine, PlainLabel, Question};
use crate::workload::Workload;

pub struct Naive(RwLock<Maps>);

#[derive(Default)]
struct Maps {
    names: Vec<Arc<str>>,
    ids_of: HashMap<String, Vec<u32>>,
    chats_of: HashMap<u32, HashSet<Arc<str>>>,
    labels_of: HashMap<Arc<str>, BTreeSet<u32>>,
    /// The order of pages. Chats that lose their last label stay here.
    order: Vec<Arc<str>>,
}

type Labels = Vec<(u32, Arc<str>)>;

impl Maps {
    fn link(&mut self, label: u32, chat: &str) -> bool {
        let chat = match self.labels_of.get_key_value(chat) {
            Some((chat, _)) => Arc::clone(chat),
            None => {
                let chat: Arc<str> = chat.into();
                self.order.push(Arc::clone(&chat));
                chat
            }
        };
        self.chats_of.entry(label).or_default().insert(Arc::clone(&chat));
        self.labels_of.entry(chat).or_default().insert(label)
    }

    fn unlink(&mut self, label: u32, chat: &str) -> bool {
        self.chats_of.get_mut(&label).is_some_and(|chats| chats.remove(chat))
            && self.labels_of.get_mut(chat).is_some_and(|labels| labels.remove(&label))
    }

    fn labels_of(&self, chat: &str) -> Labels {
        let name = |label: u32| Arc::clone(&self.names[usize::try_from(label - 1).unwrap()]);
        self.labels_of.get(chat).into_iter().flatten().map(|&label| (label, name(label))).collect()
    }

    fn totals(&self, any_of: &[u32]) -> (u64, u64) {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut rows = 0;
        for chat in any_of.iter().filter_map(|label| self.chats_of.get(label)).flatten() {
            if seen.insert(chat) {
                rows += self.labels_of[chat].len();
            }
        }
        (u64::try_from(seen.len()).unwrap(), u64::try_from(rows).unwrap())
    }
}

impl Engine for Naive {
    const NAME: &'static str = "hash maps";

    type Labels = Labels;
    type Listed = Vec<(Arc<str>, Labels)>;

    fn load(workload: &Workload) -> Self {
        let mut maps = Maps::default();
        for (id, name) in (1..).zip(&workload.names) {
            maps.names.push(name.as_str().into());
            maps.ids_of.entry(name.to_lowercase()).or_default().push(id);
        }
        for chat in &workload.chats {
            for &label in &chat.labels {
                maps.link(label, &chat.id);
            }
        }
        Self(RwLock::new(maps))
    }

    fn link(&self, label: u32, chat: &str) -> bool {
        self.0.write().unwrap().link(label, chat)
    }

    fn unlink(&self, label: u32, chat: &str) -> bool {
        self.0.write().unwrap().unlink(label, chat)
    }

    fn set_labels(&self, chat: &str, labels: &[u32]) -> (usize, usize) {
        let mut maps = self.0.write().unwrap();
        let wanted: BTreeSet<u32> = labels.iter().copied().collect();
        let current = maps.labels_of.get(chat).cloned().unwrap_or_default();
        let (added, removed) = (&wanted - &current, &current - &wanted);
        for &label in &added {
            maps.link(label, chat);
        }
        for &label in &removed {
            maps.unlink(label, chat);
        }
        (added.len(), removed.len())
    }

    fn labels_of(&self, chat: &str) -> Labels {
        self.0.read().unwrap().labels_of(chat)
    }

    fn plain(labels: Labels) -> Vec<PlainLabel> {
        labels.into_iter().map(|(id, name)| (id, name.to_string())).collect()
    }

    fn ids_named(&self, name: &str) -> Vec<u32> {
        self.0.read().unwrap().ids_of.get(&name.to_lowercase()).cloned().unwrap_or_default()
    }

    fn totals(&self, question: &Question) -> (u64, u64) {
        self.0.read().unwrap().totals(&question.any_of)
    }

    fn page(&self, question: &Question) -> (Self::Listed, (u64, u64)) {
        let maps = self.0.read().unwrap();
        let passes = |chat: &&Arc<str>| {
            let labels = maps.labels_of.get(*chat);
            labels.is_some_and(|labels| question.any_of.iter().any(|label| labels.contains(label)))
        };
        let chats = maps.order.iter().skip(question.start).filter(passes).take(question.limit);
        let listed = chats.map(|chat| (Arc::clone(chat), maps.labels_of(chat))).collect();
        (listed, maps.totals(&question.any_of))
    }

    fn plain_page(listed: Self::Listed) -> Vec<(String, Vec<PlainLabel>)> {
        listed.into_iter().map(|(chat, labels)| (chat.to_string(), Self::plain(labels))).collect()
    }
}
