//! Pairs of chat number and label number.

use std::iter;

/// Pairs in any order.
///
/// Repeated pairs are dropped whenever the number of pairs has doubled since the last time, and is at least 8,388,608. So
/// there are at most twice as many as distinct ones, or 64 MiB of them, however often a file repeats itself.
pub(crate) struct Pairs {
    /// The chat, then the label.
    pairs: Vec<(u32, u32)>,
    /// The number of pairs at which repeated ones are dropped next.
    full: usize,
}

/// The labels of each chat, by number.
pub(crate) struct Grouped {
    labels: Vec<u32>,
    /// The end of each chat's labels.
    ends: Vec<usize>,
}

impl Pairs {
    const FEW: usize = 1 << 23;

    pub(crate) fn new() -> Self {
        Self { pairs: Vec::new(), full: Self::FEW }
    }

    pub(crate) fn push(&mut self, chat: u32, label: u32) {
        if self.pairs.len() >= self.full {
            self.pairs.sort_unstable();
            self.pairs.dedup();
            self.full = Self::FEW.max(self.pairs.len().saturating_mul(2));
            self.pairs.reserve_exact(self.full - self.pairs.len());
        }
        self.pairs.push((chat, label));
    }

    /// Groups the pairs by chat. A pair that was added twice may occur twice.
    pub(crate) fn grouped(self, chats: usize) -> Grouped {
        let mut ends = vec![0_usize; chats];
        for &(chat, _) in &self.pairs {
            if let Some(count) = ends.get_mut(index_of(chat)) {
                *count += 1;
            }
        }
        let mut end = 0;
        for count in &mut ends {
            // The start of the chat's labels, then the position of its next label.
            (*count, end) = (end, end + *count);
        }
        let mut labels = vec![0; self.pairs.len()];
        for &(chat, label) in &self.pairs {
            if let Some(next) = ends.get_mut(index_of(chat))
                && let Some(place) = labels.get_mut(*next)
            {
                *place = label;
                *next += 1;
            }
        }
        Grouped { labels, ends }
    }
}

impl Grouped {
    /// The labels of each chat, in the order of their numbers.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &[u32]> {
        let starts = iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.labels.get(start..end).unwrap_or_default())
    }
}

/// A number as an index of a list.
pub(crate) fn index_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
