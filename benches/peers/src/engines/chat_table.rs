//! Keys of chats and dense numbers, in both directions.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Each key once; the hash table holds numbers only.
#[derive(Debug, Clone, Default)]
pub(super) struct ChatTable {
    keys: Vec<Box<str>>,
    numbers: HashTable<u32>,
}

fn hash(key: &str) -> u64 {
    FixedState::default().hash_one(key)
}

impl ChatTable {
    pub(super) fn with_capacity(chats: usize) -> Self {
        Self { keys: Vec::with_capacity(chats), numbers: HashTable::with_capacity(chats) }
    }

    pub(super) fn key(&self, number: u32) -> &str {
        &self.keys[number as usize]
    }

    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.numbers.find(hash(key), |&number| *self.keys[number as usize] == *key).copied()
    }

    /// The number of a key; a new one if the key has none.
    pub(super) fn ensure(&mut self, key: &str) -> u32 {
        let Self { keys, numbers } = self;
        let entry =
            numbers.entry(hash(key), |&number| *keys[number as usize] == *key, |&number| hash(&keys[number as usize]));
        match entry {
            hashbrown::hash_table::Entry::Occupied(found) => *found.get(),
            hashbrown::hash_table::Entry::Vacant(vacant) => {
                let number = u32::try_from(keys.len()).expect("below 2^32 chats");
                vacant.insert(number);
                keys.push(key.into());
                number
            }
        }
    }
}
