//! Totals of an any-of clause: lists are united as bits, segment by segment.

use crate::query::answer::Totals;
use crate::query::totals::any_of::AnyOf;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::posting_list::LONGEST_ARRAY;
use crate::state::postings::segment_bits::SegmentBits;

/// Cost of finding and reading the segment of a list, in nanoseconds, beside that of its places.
const LIST: u64 = 40;

/// Cost of adding a segment that is kept as bits, in nanoseconds. One that is kept as a list costs about 1 for each place.
const DENSE: u64 = 150;

/// Cost of a segment in nanoseconds, whatever is on its lists: counting chats and rows.
const SEGMENT: u64 = 1_500;

impl State {
    /// Counts the chats and rows of each union.
    pub(super) fn totals_by_union(&self, slots: &[Slot]) -> Totals {
        let entry = AnyOf::new(&self.postings, slots);
        let (mut union, mut parts) = (SegmentBits::new(), Vec::new());
        let mut totals = Totals::default();
        for number in 0..entry.segments() {
            parts.clear();
            parts.extend(entry.parts(number));
            // Reads where each is before the first is added, so that the processor waits for all of them at once.
            if parts.iter().map(|part| part.len()).sum::<u64>() == 0 {
                continue;
            }
            union.clear();
            for part in &parts {
                union.add(part);
            }
            totals.chats += union.len();
            totals.rows += self.rows_of(number, &union);
        }
        totals
    }

    /// The cost of that in nanoseconds, estimated, for lists of these lengths.
    pub(super) fn cost_by_union(&self, lens: &[u64]) -> u64 {
        let segments = self.segments();
        let added = |&len: &u64| if len > segments * LONGEST_ARRAY { segments * DENSE } else { len };
        let read: u64 = lens.iter().map(|len| segments.min(*len) * LIST + added(len)).sum();
        read + segments.min(lens.iter().sum()) * SEGMENT
    }
}
