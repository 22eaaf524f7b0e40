//! Labels by id and by name, for the engines that have no table of their own.

use foldhash::{HashMap, HashMapExt};

use crate::engine::NamedRef;
use crate::workload::NamedLabel;

/// The labels of an index. They are few, and fixed in a run.
#[derive(Debug, Clone)]
pub(super) struct LabelTable {
    /// Ids and names.
    labels: Vec<(String, String)>,
    by_id: HashMap<String, u16>,
    by_name: HashMap<String, Vec<u16>>,
}

impl LabelTable {
    pub(super) fn new(labels: &[NamedLabel]) -> Self {
        let mut table =
            Self { labels: Vec::with_capacity(labels.len()), by_id: HashMap::new(), by_name: HashMap::new() };
        for (slot, label) in (0..).zip(labels) {
            table.labels.push((label.id.clone(), label.name.clone()));
            table.by_id.insert(label.id.clone(), slot);
            table.by_name.entry(label.name.to_lowercase()).or_default().push(slot);
        }
        table
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u16> + use<> {
        (0..).take(self.labels.len())
    }

    pub(super) fn slot(&self, id: &str) -> Option<u16> {
        self.by_id.get(id).copied()
    }

    pub(super) fn label(&self, slot: u16) -> NamedRef<'_> {
        let (id, name) = &self.labels[usize::from(slot)];
        (id, name)
    }

    pub(super) fn named(&self, name: &str) -> &[u16] {
        self.by_name.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }
}
