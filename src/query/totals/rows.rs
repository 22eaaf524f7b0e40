//! The rows of a set of chats, and what it costs to count them.

use roaring::RoaringBitmap;

use crate::collections::number::to_u64;
use crate::state::State;
use crate::state::postings::labels_per_chat::{LabelsPerChat, MOST};
use crate::state::postings::place_parts::join;
use crate::state::postings::segment_bits::SegmentBits;

/// Cost of counting the rows of a chat of a segment with few, in nanoseconds.
const CHAT: u64 = 1;

/// Cost of counting the rows of a segment with many chats, in nanoseconds.
const SEGMENT: u64 = 1_400;

impl State {
    /// The rows of some chats of one segment.
    pub(super) fn rows_in(&self, number: usize, chats: &RoaringBitmap) -> u64 {
        let LabelsPerChat { many, .. } = &self.postings.per_chat;
        let beyond = many.segment(number).map_or(0, |many| self.rows_beyond(number, many & chats));
        self.postings.per_chat.sum(number, chats) + beyond
    }

    /// The same for chats as bits.
    pub(super) fn rows_of(&self, number: usize, chats: &SegmentBits) -> u64 {
        let LabelsPerChat { many, .. } = &self.postings.per_chat;
        let many = many.segment(number).into_iter().flatten().filter(|&low| chats.contains(low));
        self.postings.per_chat.sum_of_bits(number, &chats.words) + self.rows_beyond(number, many)
    }

    /// What a sum lacks of the rows of chats that have more labels than are kept as a number.
    fn rows_beyond(&self, number: usize, many: impl IntoIterator<Item = u32>) -> u64 {
        let beyond = |low| to_u64(self.slots_at(join(number, low)).len().saturating_sub(usize::from(MOST)));
        many.into_iter().map(beyond).sum()
    }

    /// The cost of that for chats of all segments, in nanoseconds.
    pub(super) fn cost_of_rows(&self, chats: u64) -> u64 {
        chats.saturating_mul(CHAT).min(self.segments() * SEGMENT)
    }
}
