//! Numbering of texts.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::shapes::Shapes;

/// Numbers distinct texts 0, 1, 2, .. in order of first appearance.
///
/// A text that contains a number, as most chat ids do, takes some 30 bytes and is found with one access to memory; any
/// other takes its length and some 40 bytes more. Hashes are seeded randomly in each run, so that nobody can write a file
/// of texts that collide.
#[derive(Default)]
pub(crate) struct Texts {
    hasher: RandomState,
    shapes: Shapes,
    /// By shape and number.
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
    /// The number of a text. A new text gets the next number.
    pub(crate) fn number(&mut self, text: &str) -> Result<u32, TooMany> {
        let key = self.shapes.key(text);
        self.number_by(key, text)
    }

    /// The numbers of many texts, in order.
    ///
    /// All keys are computed before the first lookup. The lookups then follow each other closely, and the processor overlaps
    /// their cache misses: twice as fast for a million chats in random order.
    pub(crate) fn numbers<'t>(&mut self, texts: impl Iterator<Item = &'t str> + Clone) -> Result<Vec<u32>, TooMany> {
        let (mut last, mut key) = ("", None);
        let keys = texts.clone().map(|text| {
            // Rows of one chat are often adjacent.
            if text != last {
                (last, key) = (text, self.shapes.key(text));
            }
            key
        });
        let keys: Vec<Option<u64>> = keys.collect();
        let mut last = None;
        let number = |(key, text): (Option<u64>, &str)| match (key, last) {
            (Some(key), Some((known, number))) if key == known => Ok(number),
            _ => {
                let number = self.number_by(key, text)?;
                last = key.map(|key| (key, number));
                Ok(number)
            }
        };
        keys.into_iter().zip(texts).map(number).collect()
    }

    fn number_by(&mut self, key: Option<u64>, text: &str) -> Result<u32, TooMany> {
        let next = u32::try_from(self.numbered.len() + self.others.len()).map_err(|_| TooMany)?;
        let Self { hasher, numbered, others, text: all, .. } = self;
        let Some(key) = key else {
            let hash = |other: &Other| hasher.hash_one(other.text(all));
            return Ok(match others.entry(hasher.hash_one(text), |other| other.text(all) == text, hash) {
                Entry::Occupied(found) => found.get().number,
                Entry::Vacant(vacant) => {
                    vacant.insert(Other { start: all.len(), end: all.len() + text.len(), number: next });
                    all.push_str(text);
                    next
                }
            });
        };
        let hash = |&(key, _): &(u64, u32)| hasher.hash_one(key);
        Ok(numbered.entry(hasher.hash_one(key), |&(known, _)| known == key, hash).or_insert((key, next)).get().1)
    }

    pub(crate) fn clear(&mut self) {
        self.numbered.clear();
        self.others.clear();
        self.text.clear();
    }
}
