//! The distinct label sets of chats that are loaded in bulk.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::collections::cow_vec::CowVec;
use crate::collections::number::to_index;
use crate::state::label_sets::{EMPTY, LabelSets, hash_of};
use crate::state::labels::Slot;
use crate::state::members::Members;
use crate::state::signatures::SetId;

/// Numbers label sets in order of first appearance. Unlike [`LabelSets`] it has no earlier version to keep, so it needs
/// neither signatures nor an index that versions share until all sets are there.
#[derive(Debug)]
pub(crate) struct SetInterner {
    hash_seed: u64,
    hash: FixedState,
    /// The hash and the number of each set.
    numbers: HashTable<(u64, SetId)>,
    members: CowVec<Members, 128>,
    /// The number of chats that have the set.
    counts: Vec<u32>,
}

impl SetInterner {
    pub(crate) fn new(hash_seed: u64) -> Self {
        let mut members = CowVec::default();
        members.push(Members::default());
        let hash = FixedState::with_seed(hash_seed);
        Self { hash_seed, hash, numbers: HashTable::new(), members, counts: vec![0] }
    }

    /// The number of the set of one more chat. The labels are in label order, at least one.
    pub(crate) fn acquire(&mut self, slots: &[Slot]) -> SetId {
        let Self { hash, numbers, members, counts, .. } = self;
        let sought = hash_of(hash, slots.iter().copied());
        let is_it = |&(hash, set): &(u64, SetId)| {
            hash == sought && members.get(to_index(set)).is_some_and(|members| **members == *slots)
        };
        let set = match numbers.entry(sought, is_it, |&(hash, _)| hash) {
            Entry::Occupied(known) => known.get().1,
            Entry::Vacant(vacant) => {
                // There is at most one set more than there are chats.
                let set = SetId::try_from(counts.len()).unwrap_or(EMPTY);
                vacant.insert((sought, set));
                members.push(slots.into());
                counts.push(0);
                set
            }
        };
        if let Some(count) = counts.get_mut(to_index(set)) {
            *count += 1;
        }
        set
    }

    /// Builds the sets.
    ///
    /// **O(members)**.
    pub(crate) fn finish(self) -> LabelSets {
        drop(self.numbers);
        LabelSets::bulk(self.hash_seed, self.members, &self.counts)
            .unwrap_or_else(|set| unreachable!("label set {set} is there twice"))
    }
}
