//! The rows of a set of chats, and what it costs to count them.

use roaring::RoaringBitmap;

use crate::collections::number::to_u64;
use crate::query::totals::posting_lists::DENSE_SEGMENT;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::place_parts::join;

/// Cost of finding the number of labels of a chat by its label set, in nanoseconds.
const LABEL_SET: u64 = 12;

impl State {
    /// The number of labels that a chat with one of these labels has on average.
    pub(super) fn usual_labels(&self, slots: &[Slot]) -> u64 {
        let counts = slots.iter().map(|&slot| self.postings.counts(slot));
        let (chats, rows) = counts.fold((0, 0), |(chats, rows), counts| (chats + counts.chats, rows + counts.rows));
        rows / chats.max(1)
    }

    /// The rows of some chats of one segment, by the lists of numbers or by the label set of each chat. `usual` is the
    /// number of labels that they have on average.
    pub(super) fn rows_in(&self, number: usize, chats: &RoaringBitmap, usual: u64) -> u64 {
        if chats.len() * LABEL_SET < self.cost_by_numbers(usual, chats.len().min(DENSE_SEGMENT)) {
            chats.iter().map(|low| to_u64(self.slots_at(join(number, low)).len())).sum()
        } else {
            self.postings.rows_of(number, chats)
        }
    }

    /// The cost of that for chats of all segments, in nanoseconds.
    pub(super) fn cost_of_rows(&self, chats: u64, usual: u64) -> u64 {
        let each = chats.min(self.segments() * DENSE_SEGMENT);
        self.cost_by_numbers(usual, each).min(chats.saturating_mul(LABEL_SET))
    }

    /// The cost of counting rows by the lists of numbers, where each of them costs `each`. Lists of many more labels than
    /// usual are empty or short.
    fn cost_by_numbers(&self, usual: u64, each: u64) -> u64 {
        to_u64(self.postings.numbers()).min(2 * usual).saturating_mul(each)
    }
}
