//! The distinct label sets, each stored once with the number of chats that have it.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::collections::cow_hash_index::CowHashIndex;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::to_index;
use crate::state::labels::{Labels, Slot};
use crate::state::members::Members;
use crate::state::signatures::{BLOCK, SetId, Signatures};

/// The number of the empty set, which is not counted.
pub(crate) const EMPTY: SetId = 0;

/// The hash of the set with these labels.
pub(crate) fn hash_of(state: &FixedState, members: impl Iterator<Item = Slot>) -> u64 {
    let mut hasher = state.build_hasher();
    // Slot 0 must not hash like no slot.
    members.for_each(|slot| hasher.write_u32(slot + 1));
    hasher.finish()
}

/// The distinct label sets.
///
/// Chats share few distinct sets, so exact totals of any filter are sums over the sets that match, whatever the number
/// of chats. Such a sum reads columns: counts, lengths, and slices of signatures.
#[derive(Debug, Clone)]
pub(crate) struct LabelSets {
    /// S1: the labels of each set, in label order, without repetition; no two sets have the same.
    pub(crate) members: CowVec<Members, 128>,
    /// S2: the number of chats that have the set. A number whose count is 0 is free, except [`EMPTY`].
    counts: CowVec<u32, BLOCK>,
    /// S3: the number of labels; undefined at a free number.
    pub(crate) lens: CowVec<u32, BLOCK>,
    /// The signatures of the sets that chats have, and of [`EMPTY`].
    pub(crate) signatures: Signatures,
    /// S5: finds exactly the sets that chats have.
    pub(crate) index: CowHashIndex,
    /// S2: the number of sets that chats have.
    pub(crate) live: usize,
    hash: FixedState,
}

impl LabelSets {
    pub(crate) fn new(hash_seed: u64) -> Self {
        let mut sets = Self {
            members: CowVec::default(),
            counts: CowVec::default(),
            lens: CowVec::default(),
            signatures: Signatures::default(),
            index: CowHashIndex::default(),
            live: 0,
            hash: FixedState::with_seed(hash_seed),
        };
        sets.members.push(Members::default());
        sets.counts.push(0);
        sets.lens.push(0);
        sets.signatures.sign(EMPTY, &[]);
        sets
    }

    /// The bytes of the counts.
    pub(crate) fn count_bytes(&self) -> usize {
        self.counts.heap_bytes(|_| 0)
    }

    /// The number of distinct sets that chats have.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// The number of set numbers, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn members(&self, set: SetId) -> &[Slot] {
        self.members.get(to_index(set)).map(|members| &**members).unwrap_or_default()
    }

    pub(crate) fn count(&self, set: SetId) -> u32 {
        self.counts.get(to_index(set)).copied().unwrap_or(0)
    }

    /// The sets that chats have, with their labels and counts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SetId, &[Slot], u32)> {
        (0..)
            .zip(self.members.iter().zip(self.counts.iter()))
            .filter(|(_, (_, count))| **count > 0)
            .map(|(set, (members, &count))| (set, &**members, count))
    }

    /// Counts and lengths, block by block.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (&[u32], &[u32])> {
        self.counts.pages().zip(self.lens.pages())
    }

    /// The number of the set with these labels, which are in label order. Creates the set if there is none.
    pub(crate) fn intern(&mut self, members: &[Slot]) -> SetId {
        self.sought(members.iter().copied()).unwrap_or_else(|members| self.create(members))
    }

    /// The number of the set with these labels, if chats have it or it is [`EMPTY`]; otherwise the labels, collected.
    fn sought(&self, members: impl Iterator<Item = Slot> + Clone) -> Result<SetId, Members> {
        if members.clone().next().is_none() {
            return Ok(EMPTY);
        }
        let is_it = |set| members.clone().eq(self.members(set).iter().copied());
        self.index.find(hash_of(&self.hash, members.clone()), is_it).ok_or_else(|| members.collect())
    }

    /// The number of the set with these labels, if chats have it.
    pub(crate) fn find(&self, members: &[Slot]) -> Option<SetId> {
        self.index.find(hash_of(&self.hash, members.iter().copied()), |set| self.members(set) == members)
    }

    /// The numbers in the hash index, in no particular order.
    pub(crate) fn numbers_by_hash(&self) -> impl Iterator<Item = SetId> {
        self.index.iter()
    }

    fn create(&mut self, labels: Members) -> SetId {
        let set = self.signatures.lowest_free();
        if to_index(set) == self.members.len() {
            self.members.push(Members::default());
            self.counts.push(0);
            self.lens.push(0);
        }
        self.lens.set(to_index(set), u32::try_from(labels.len()).unwrap_or(u32::MAX));
        self.signatures.sign(set, &labels);
        self.members.set(to_index(set), labels);
        let Self { members, index: sets, hash: state, .. } = self;
        let hash_at = |set| members.get(to_index(set)).map_or(0, |members| hash_of(state, members.iter().copied()));
        sets.insert(hash_at(set), set, hash_at);
        self.live += 1;
        set
    }

    /// Counts one more chat with the set.
    pub(crate) fn acquire(&mut self, set: SetId) {
        if set != EMPTY
            && let Some(count) = self.counts.get_mut(to_index(set))
        {
            *count += 1;
        }
    }

    /// Counts one chat fewer with the set. Frees its number when no chat is left.
    pub(crate) fn release(&mut self, set: SetId) {
        if set == EMPTY {
            return;
        }
        let Some(count) = self.counts.get_mut(to_index(set)) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            let Some(members) = self.members.get_mut(to_index(set)).map(std::mem::take) else { return };
            self.index.remove(hash_of(&self.hash, members.iter().copied()), set);
            self.signatures.erase(set, &members);
            self.live -= 1;
        }
    }

    /// The number of the set with labels added that are not in it yet.
    pub(crate) fn with(&mut self, set: SetId, slots: &[Slot], labels: &Labels) -> SetId {
        let id = |slot: &Slot| labels.at(*slot).map(|label| label.id());
        let members = self.members(set);
        let with = if let [slot] = slots {
            let id_of_slot = id(slot);
            let (before, after) = members.split_at(members.partition_point(|other| id(other) < id_of_slot));
            self.sought(before.iter().chain(slots).chain(after).copied())
        } else {
            let mut with = [members, slots].concat();
            with.sort_unstable_by(|a, b| id(a).cmp(&id(b)));
            self.sought(with.into_iter())
        };
        with.unwrap_or_else(|members| self.create(members))
    }

    /// The number of the set with labels removed that are in it.
    pub(crate) fn without(&mut self, set: SetId, slots: &[Slot]) -> SetId {
        let members = self.members(set).iter().copied();
        let without = if let [slot] = slots {
            self.sought(members.filter(|other| other != slot))
        } else {
            let gone: HashSet<&Slot> = slots.iter().collect();
            self.sought(members.filter(|other| !gone.contains(other)))
        };
        without.unwrap_or_else(|members| self.create(members))
    }
}

impl LabelSets {
    /// Builds the sets from members and counts of chats by number, [`EMPTY`] included. Free numbers have no members and
    /// no chats. Empty lists give new sets.
    ///
    /// **O(members)**.
    ///
    /// # Errors
    ///
    /// The number of a set that occurs twice.
    pub(crate) fn bulk(hash_seed: u64, members: CowVec<Members, 128>, counts: &[u32]) -> Result<Self, SetId> {
        if members.len() == 0 {
            return Ok(Self::new(hash_seed));
        }
        let mut sets = Self { members, counts: CowVec::default(), lens: CowVec::default(), ..Self::new(hash_seed) };
        sets.counts.extend_from_slice(counts);
        for ((set, &count), members) in (0..).zip(counts).zip(sets.members.iter()) {
            sets.lens.push(u32::try_from(members.len()).unwrap_or(u32::MAX));
            if count > 0 {
                sets.signatures.sign(set, members);
            }
        }
        let hashes = sets.iter().map(|(set, members, _)| (hash_of(&sets.hash, members.iter().copied()), set));
        let is_same = |a, b| sets.members(a) == sets.members(b);
        let live = sets.iter().count();
        let (index, twice) = CowHashIndex::bulk(live, hashes, is_same);
        if let Some(twice) = twice.first() {
            return Err(twice.left_out);
        }
        Ok(Self { live, index, ..sets })
    }
}
