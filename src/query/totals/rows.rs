//! The rows of a set of chats, and what it costs to count them.

use roaring::RoaringBitmap;

use crate::collections::number::to_u64;
use crate::state::State;
use crate::state::postings::labels_per_chat::MOST;
use crate::state::postings::place_parts::join;

/// Cost of counting the rows of a chat of a segment with few, in nanoseconds.
const CHAT: u64 = 1;

/// Cost of counting the rows of a segment with many chats, in nanoseconds.
const SEGMENT: u64 = 1_400;

impl State {
    /// The rows of some chats of one segment.
    pub(super) fn rows_in(&self, number: usize, chats: &RoaringBitmap) -> u64 {
        let per_chat = &self.postings.per_chat;
        let many = per_chat.many.segment(number).map(|many| many & chats);
        let beyond = |low| to_u64(self.slots_at(join(number, low)).len().saturating_sub(usize::from(MOST)));
        per_chat.sum(number, chats) + many.into_iter().flatten().map(beyond).sum::<u64>()
    }

    /// The cost of that for chats of all segments, in nanoseconds.
    pub(super) fn cost_of_rows(&self, chats: u64) -> u64 {
        chats.saturating_mul(CHAT).min(self.segments() * SEGMENT)
    }
}
