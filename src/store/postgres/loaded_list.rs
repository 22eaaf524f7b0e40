//! The loaded instances of a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::postgres::loaded::Loaded;

/// The loaded instances, by name and by number. Both lists have the same.
#[derive(Default)]
pub(super) struct LoadedList {
    named: BTreeMap<String, Arc<Loaded>>,
    numbered: BTreeMap<u64, Arc<Loaded>>,
}

impl LoadedList {
    pub(super) fn named(&self, name: &str) -> Option<&Arc<Loaded>> {
        self.named.get(name)
    }

    pub(super) fn numbered(&self, number: u64) -> Option<&Arc<Loaded>> {
        self.numbered.get(&number)
    }

    /// All, by name.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        self.named.values()
    }

    /// Adds an instance, in the place of one that had its name.
    pub(super) fn insert(&mut self, loaded: &Arc<Loaded>) {
        let former = self.named.insert(loaded.name.to_string(), Arc::clone(loaded));
        if let Some(former) = former {
            self.numbered.remove(&former.number);
        }
        self.numbered.insert(loaded.number, Arc::clone(loaded));
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Arc<Loaded>> {
        let gone = self.named.remove(name)?;
        self.numbered.remove(&gone.number);
        Some(gone)
    }
}
