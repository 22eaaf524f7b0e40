//! Numbering of texts.

use std::hash::BuildHasher;
use std::hint::black_box;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Numbers distinct texts 0, 1, 2, .. in order of first appearance.
///
/// A text that contains a number, as most chat ids do, is found by its [key](crate::shapes::Shapes::key) and takes some 30
/// bytes; any other takes its length and some 40 bytes more. Hashes are seeded randomly in each run, so that nobody can write
/// a file of texts that collide.
#[derive(Default)]
pub(crate) struct Texts {
    hasher: RandomState,
    /// By key. The key is here too, so that a lookup is one access to memory.
    numbered: HashTable<(u64, u32)>,
    others: HashTable<Other>,
    /// All other texts, in one buffer.
    text: String,
}

/// A text by its bytes.
#[derive(Clone, Copy)]
struct Other {
    start: usize,
    end: usize,
    number: u32,
}

impl Other {
    fn text(self, all: &str) -> &str {
        all.get(self.start..self.end).unwrap_or_default()
    }
}

/// The error when there are more texts than numbers.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Texts {
    /// The number of a text, of which the key is known. A new text gets the next number.
    pub(crate) fn number(&mut self, key: Option<u64>, text: &str) -> Result<u32, TooMany> {
        match key {
            Some(key) => self.number_of_key(key),
            None => self.number_of_other(text),
        }
    }

    /// Reads what the lookups of keys need, for the processor to overlap their cache misses. [`number`](Self::number) does
    /// more with each result, and would wait for one after the other.
    pub(crate) fn preload(&self, keys: impl Iterator<Item = u64>) {
        let found = |key| self.numbered.find(self.hasher.hash_one(key), |_| true);
        black_box(keys.filter_map(found).fold(0, |sum, &(_, number)| sum ^ number));
    }

    fn number_of_key(&mut self, key: u64) -> Result<u32, TooMany> {
        let next = self.next()?;
        let Self { hasher, numbered, .. } = self;
        let hash = |&(key, _): &(u64, u32)| hasher.hash_one(key);
        Ok(numbered.entry(hasher.hash_one(key), |&(known, _)| known == key, hash).or_insert((key, next)).get().1)
    }

    fn number_of_other(&mut self, text: &str) -> Result<u32, TooMany> {
        let next = self.next()?;
        let Self { hasher, others, text: all, .. } = self;
        let hash = |other: &Other| hasher.hash_one(other.text(all));
        match others.entry(hasher.hash_one(text), |other| other.text(all) == text, hash) {
            Entry::Occupied(known) => Ok(known.get().number),
            Entry::Vacant(vacant) => {
                vacant.insert(Other { start: all.len(), end: all.len() + text.len(), number: next });
                all.push_str(text);
                Ok(next)
            }
        }
    }

    fn next(&self) -> Result<u32, TooMany> {
        u32::try_from(self.numbered.len() + self.others.len()).map_err(|_| TooMany)
    }

    pub(crate) fn clear(&mut self) {
        self.numbered.clear();
        self.others.clear();
        self.text.clear();
    }
}
