//! Labels by id and by name, for the engines that have no table of their own.

use foldhash::{HashMap, HashMapExt};

use crate::workload::NamedLabel;

/// The labels of an index. They are few, and fixed in a run.
#[derive(Debug, Clone)]
pub(super) struct LabelTable {
    ids: Vec<String>,
    by_id: HashMap<String, u16>,
    by_name: HashMap<String, Vec<u16>>,
}

impl LabelTable {
    pub(super) fn new(labels: &[NamedLabel]) -> Self {
        let mut table = Self { ids: Vec::with_capacity(labels.len()), by_id: HashMap::new(), by_name: HashMap::new() };
        for (slot, label) in (0..).zip(labels) {
            table.ids.push(label.id.clone());
            table.by_id.insert(label.id.clone(), slot);
            table.by_name.entry(label.name.to_lowercase()).or_default().push(slot);
        }
        table
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u16> + use<> {
        (0..).take(self.ids.len())
    }

    pub(super) fn slot(&self, id: &str) -> Option<u16> {
        self.by_id.get(id).copied()
    }

    pub(super) fn id(&self, slot: u16) -> &str {
        &self.ids[usize::from(slot)]
    }

    pub(super) fn named(&self, name: &str) -> &[u16] {
        self.by_name.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }
}
