//! Texts and their numbers.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Numbers distinct texts 0, 1, 2, .. in order of first appearance. A text takes its bytes and about 30 more.
#[derive(Default)]
pub(crate) struct Texts {
    /// Drawn anew in every run, so that nobody can write a file of texts that collide.
    hasher: RandomState,
    known: HashTable<Known>,
    /// All texts, one behind the other.
    text: String,
    /// The last answer: rows of one chat often follow each other.
    last: Option<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    start: usize,
    end: usize,
    number: u32,
}

impl Known {
    fn text(self, all: &str) -> &str {
        all.get(self.start..self.end).unwrap_or_default()
    }
}

impl Texts {
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// The number of a text, which is [`len`](Self::len) before the call if the text is new. None if there are more
    /// texts than numbers.
    pub(crate) fn number(&mut self, text: &str) -> Option<u32> {
        let Self { hasher, known, text: all, last } = self;
        if let Some(last) = *last
            && last.text(all) == text
        {
            return Some(last.number);
        }
        let next = u32::try_from(known.len()).ok()?;
        let hash = hasher.hash_one(text);
        let rehash = |known: &Known| hasher.hash_one(known.text(all));
        let found = match known.entry(hash, |known| known.text(all) == text, rehash) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(vacant) => {
                let new = Known { start: all.len(), end: all.len() + text.len(), number: next };
                vacant.insert(new);
                all.push_str(text);
                new
            }
        };
        *last = Some(found);
        Some(found.number)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.text.clear();
        self.last = None;
    }
}
