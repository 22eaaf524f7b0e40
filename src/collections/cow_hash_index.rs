//! A copy-on-write hash index from 64-bit hashes to 32-bit numbers: places of chats and numbers of label sets.

use crate::collections::cow_slice::{CowSlice, Item, plain};
use crate::collections::cow_vec::CowVec;

/// Entries that a shard has on average right after the last split of a round; a shard holds half to twice as many.
const TARGET: usize = 256;

/// Shards in one page.
const SHARDS: usize = 64;

/// Finds numbers by a 64-bit hash of what they stand for; versions share its shards.
///
/// Linear hashing: the low bits of a hash choose the shard, and one shard is split whenever the shards have more than
/// [`TARGET`] entries on average. So no insertion moves more than the entries of one shard, and none waits for a table
/// to double. A shard is a sorted list of tags (the high bits of the hash), found by interpolation: six bytes an entry,
/// without empty slots, at every size.
#[derive(Debug, Clone)]
pub(crate) struct CowHashIndex {
    shards: CowVec<Shard, SHARDS>,
    len: usize,
}

/// Entries sorted by tag, with spare room behind them. The length is stored beside the pointer, so a lookup reads only
/// the entries near the one that it seeks.
#[derive(Debug, Clone, Default)]
struct Shard {
    entries: CowSlice<Entry>,
    len: usize,
}

/// The tag, then the number in two halves: six bytes without padding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entry([u16; 3]);

plain!(Entry);

impl Entry {
    fn new(hash: u64, number: u32) -> Self {
        let [a, b, c, d] = number.to_le_bytes();
        Self([tag_of(hash), u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])])
    }

    fn tag(self) -> u16 {
        let Self([tag, ..]) = self;
        tag
    }

    fn number(self) -> u32 {
        let Self([_, low, high]) = self;
        u32::from(low) | u32::from(high) << 16
    }
}

fn tag_of(hash: u64) -> u16 {
    let [.., low, high] = hash.to_le_bytes();
    u16::from_le_bytes([low, high])
}

impl Item for Shard {}

impl Shard {
    /// A shard of sorted entries, without spare room.
    fn of(entries: Vec<Entry>) -> Self {
        Self { len: entries.len(), entries: entries.into() }
    }

    fn entries(&self) -> &[Entry] {
        self.entries.get(..self.len).unwrap_or_default()
    }

    /// The position of the first entry whose tag is not below `tag`. Tags are uniform, so interpolation begins near it.
    fn lower_bound(&self, tag: u16) -> usize {
        let entries = self.entries();
        let mut at = (entries.len() * usize::from(tag)) >> 16;
        while entries.get(at).is_some_and(|entry| entry.tag() < tag) {
            at += 1;
        }
        while at > 0 && entries.get(at - 1).is_some_and(|entry| entry.tag() >= tag) {
            at -= 1;
        }
        at
    }

    /// The entries with a tag, and the position of the first.
    fn with_tag(&self, tag: u16) -> impl Iterator<Item = (usize, Entry)> {
        let first = self.lower_bound(tag);
        let rest = self.entries().get(first..).unwrap_or_default();
        (first..).zip(rest.iter().copied()).take_while(move |(_, entry)| entry.tag() == tag)
    }

    fn insert(&mut self, entry: Entry) {
        let at = self.lower_bound(entry.tag());
        if self.len == self.entries.len() || self.entries.own().is_none() {
            let room = std::iter::repeat_n(Entry::default(), self.len / 8 + 4);
            self.entries = self.entries().iter().copied().chain(room).collect();
        }
        self.len += 1;
        if let Some(tail) = self.entries.to_mut().get_mut(at..self.len) {
            tail.copy_within(..tail.len() - 1, 1);
            tail.iter_mut().take(1).for_each(|first| *first = entry);
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some(tail) = self.entries.to_mut().get_mut(at..self.len) {
            tail.copy_within(1.., 0);
            self.len -= 1;
        }
    }
}

impl Default for CowHashIndex {
    fn default() -> Self {
        let mut shards = CowVec::default();
        shards.push(Shard::default());
        Self { shards, len: 0 }
    }
}

impl CowHashIndex {
    /// The bytes of its memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.shards.heap_bytes(|shard| shard.entries.heap_bytes())
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The shard of a hash: chosen by one low bit for each complete round of splits, and by one more if that shard was
    /// already split in this round.
    fn shard_of(&self, hash: u64) -> usize {
        let mask = self.shards.len().next_power_of_two() - 1;
        let low = usize::try_from(hash & 0xffff_ffff).unwrap_or_default();
        let shard = low & mask;
        if shard < self.shards.len() { shard } else { low & (mask >> 1) }
    }

    /// The number with this hash for which `is_it` is true.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let shard = self.shards.get(self.shard_of(hash))?;
        shard.with_tag(tag_of(hash)).map(|(_, entry)| entry.number()).find(|&number| is_it(number))
    }

    /// Adds a number that is not there. `hash_of` gives the hash of any number that was added.
    pub(crate) fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        let shard = self.shard_of(hash);
        if let Some(shard) = self.shards.get_mut(shard) {
            shard.insert(Entry::new(hash, number));
            self.len += 1;
        }
        if self.len > TARGET * self.shards.len() {
            self.split(hash_of);
        }
    }

    /// Removes a number. Returns whether it was there.
    pub(crate) fn remove(&mut self, hash: u64, number: u32) -> bool {
        let shard = self.shard_of(hash);
        let Some(shard) = self.shards.get_mut(shard) else { return false };
        let entry = Entry::new(hash, number);
        let Some((at, _)) = shard.with_tag(entry.tag()).find(|&(_, other)| other == entry) else { return false };
        shard.remove(at);
        self.len -= 1;
        if self.len < TARGET / 4 * (self.shards.len() - 1) {
            self.join();
        }
        true
    }

    /// Splits the next shard in order: entries whose next hash bit is set move to a new last shard.
    fn split(&mut self, hash_of: impl Fn(u32) -> u64) {
        let added = self.shards.len();
        let bit = 1_usize << added.ilog2();
        let Some(shard) = self.shards.get_mut(added - bit) else { return };
        let bit = u64::try_from(bit).unwrap_or_default();
        let (moved, kept): (Vec<Entry>, Vec<Entry>) =
            shard.entries().iter().partition(|entry| hash_of(entry.number()) & bit != 0);
        *shard = Shard::of(kept);
        self.shards.push(Shard::of(moved));
    }

    /// Undoes the last split.
    fn join(&mut self) {
        let Some(moved) = self.shards.pop() else { return };
        let removed = self.shards.len();
        let Some(shard) = self.shards.get_mut(removed - (1 << removed.ilog2())) else { return };
        let mut joined = [shard.entries(), moved.entries()].concat();
        joined.sort_by_key(|entry| entry.tag());
        *shard = Shard::of(joined);
    }

    /// Every number, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.shards.iter().flat_map(|shard| shard.entries().iter().map(|entry| entry.number()))
    }
}

impl CowHashIndex {
    /// Builds an index of at most `capacity` numbers from their hashes. A number that stands for the same as a lesser
    /// one is left out and returned; `is_same` decides that for numbers whose hashes agree in shard and tag.
    ///
    /// **O(numbers)**: the entries are distributed to pages of shards, and each page is sorted by itself, in the
    /// processor's caches.
    pub(crate) fn bulk(
        capacity: usize,
        hashes: impl Iterator<Item = (u64, u32)>,
        is_same: impl Fn(u32, u32) -> bool,
    ) -> (Self, Vec<Twice>) {
        let mut index = Self { shards: CowVec::default(), len: 0 };
        index.shards.extend_from_slice(&vec![Shard::default(); capacity.div_ceil(TARGET).max(1)]);
        // An entry is shard, tag and number, from the high bits down.
        let mut pages: Vec<Vec<u64>> = vec![Vec::new(); index.shards.len().div_ceil(SHARDS)];
        for (hash, number) in hashes {
            let shard = index.shard_of(hash);
            let within = u64::try_from(shard % SHARDS).unwrap_or_default();
            if let Some(page) = pages.get_mut(shard / SHARDS) {
                page.push(within << 48 | u64::from(tag_of(hash)) << 32 | u64::from(number));
            }
        }
        let mut twice = Vec::new();
        for (page, mut entries) in (0..).step_by(SHARDS).zip(pages) {
            entries.sort_unstable();
            take_repeats(&mut entries, &mut twice, &is_same);
            for shard in entries.chunk_by(|a, b| a >> 48 == b >> 48) {
                let within = shard.first().and_then(|first| usize::try_from(first >> 48).ok()).unwrap_or_default();
                let entries = shard.iter().map(|&entry| Entry::new(entry << 16, number_in(entry))).collect();
                if let Some(shard) = index.shards.get_mut(page + within) {
                    *shard = Shard::of(entries);
                }
            }
            index.len += entries.len();
        }
        (index, twice)
    }
}

/// Two numbers that stand for the same, the lesser first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Twice {
    pub(crate) kept: u32,
    pub(crate) left_out: u32,
}

/// Moves numbers that stand for the same as a lesser one from the sorted entries to `twice`.
fn take_repeats(entries: &mut Vec<u64>, twice: &mut Vec<Twice>, is_same: impl Fn(u32, u32) -> bool) {
    // The kept entries with the shard and tag of the current one.
    let mut kept: Vec<u64> = Vec::new();
    entries.retain(|&entry| {
        if kept.last().is_some_and(|last| last >> 32 != entry >> 32) {
            kept.clear();
        }
        let number = number_in(entry);
        let same = kept.iter().map(|&other| number_in(other)).find(|&other| is_same(other, number));
        match same {
            Some(kept) => twice.push(Twice { kept, left_out: number }),
            None => kept.push(entry),
        }
        same.is_none()
    });
}

/// The number of an entry: its low half.
fn number_in(entry: u64) -> u32 {
    let [a, b, c, d, ..] = entry.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::collections::BTreeSet;

    use super::CowHashIndex;

    fn hash_of(number: u32) -> u64 {
        u64::from(number / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    /// Numbers in pairs of equal hashes are found, and gone when removed, while the index grows and shrinks.
    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let mut index = CowHashIndex::default();
        let mut model = BTreeSet::new();
        let mut state = 1_u64;
        for round in 0..60_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = u32::try_from(state >> 50).unwrap();
            let shrinking = round / 15_000 % 2 == 1;
            if shrinking && state & 3 != 0 {
                assert_eq!(index.remove(hash_of(number), number), model.remove(&number));
            } else if model.insert(number) {
                index.insert(hash_of(number), number, hash_of);
            }
            assert_eq!(index.len(), model.len());
            assert_eq!(index.find(hash_of(number), |found| found == number).is_some(), model.contains(&number));
        }
        assert!(model.iter().all(|&number| index.find(hash_of(number), |found| found == number) == Some(number)));
        assert_eq!(index.iter().collect::<BTreeSet<_>>(), model);
        let before = index.shards.len();
        for &number in &model {
            assert!(index.remove(hash_of(number), number));
        }
        assert!(before > 16 && index.shards.len() < 4);
        assert_eq!(index.iter().count(), 0);
    }
}
