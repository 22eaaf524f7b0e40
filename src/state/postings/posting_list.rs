//! The places of one list.

use roaring::RoaringBitmap;
use triomphe::Arc;

use crate::collections::cow_slice::Item;
use crate::collections::cow_vec::CowVec;
use crate::collections::heap::counted_bytes;
use crate::collections::number::{to_index, to_u64};
use crate::model::change::Place;
use crate::state::postings::place_parts::{PLACES, join, split};
use crate::state::postings::segment_bits::SegmentBits;

/// Segments in one page.
const PAGE: usize = 16;

/// The most places of a segment that is kept as a list of places; one with more is kept as bits.
pub(crate) const LONGEST_ARRAY: u64 = 4_096;

/// The number of places from which a shared segment is copied together with the new place. That is a little slower, but
/// a copy that grows afterwards would reserve room for as many places again.
const LONG: u64 = 1_024;

/// The places of one segment, relative to its first place; `None` without any.
type Segment = Option<Arc<RoaringBitmap>>;

/// A sorted list of places in segments, each a roaring bitmap that versions share until one of them writes to it.
///
/// A write copies the segment if another version still shares it: at most 8 KiB, as bits or as a list. Otherwise it
/// copies nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct PostingList {
    /// P1: the number of places. No segment is empty.
    pub(crate) len: u64,
    /// By number. `None` until there is a place, so that a label without chats takes no memory here.
    segments: Option<Arc<CowVec<Segment, PAGE>>>,
}

impl Item for PostingList {}

impl PostingList {
    /// Adds a place that is not there.
    pub(crate) fn insert(&mut self, place: Place) {
        let (number, low) = split(place);
        let segments = self.segments_mut();
        segments.grow_to(number);
        match segments.get_mut(number) {
            // Copies the segment and adds the place at once: a long copy that grows afterwards would be copied twice.
            Some(Some(segment)) if segment.len() >= LONG && !segment.is_unique() => {
                *segment = Arc::new(&**segment | &RoaringBitmap::from([low]));
            }
            Some(Some(segment)) => {
                Arc::make_mut(segment).insert(low);
            }
            Some(none) => *none = segment_of(&[low]),
            None => return,
        }
        self.len += 1;
    }

    /// Removes a place that is there.
    pub(crate) fn remove(&mut self, place: Place) {
        let (number, low) = split(place);
        let Some(slot) = self.segments_mut().get_mut(number) else { return };
        let Some(segment) = slot else { return };
        let segment = Arc::make_mut(segment);
        segment.remove(low);
        if segment.is_empty() {
            *slot = None;
        }
        self.len -= 1;
    }

    /// Appends a segment of places in order behind all others. Without places, there is no such segment.
    pub(crate) fn push_segment(&mut self, number: usize, lows: &[u32]) {
        if let Some(segment) = segment_of(lows) {
            let segments = self.segments_mut();
            segments.grow_to(number);
            segments.set(number, Some(segment));
            self.len += to_u64(lows.len());
        }
    }

    /// How many segments there are, those without a place included.
    pub(crate) fn segments(&self) -> usize {
        self.segments.as_ref().map_or(0, |segments| segments.len())
    }

    pub(crate) fn segments_mut(&mut self) -> &mut CowVec<Segment, PAGE> {
        Arc::make_mut(self.segments.get_or_insert_default())
    }

    /// The places of one segment, if there are any.
    pub(crate) fn segment(&self, number: usize) -> Option<&RoaringBitmap> {
        self.segments.as_ref()?.get(number)?.as_deref()
    }

    /// The bytes of all segments.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.segments.as_ref().map_or(0, |segments| {
            counted_bytes::<u8>(1, size_of::<CowVec<Segment, PAGE>>())
                + segments.heap_bytes(|segment| segment.as_deref().map_or(0, bitmap_bytes))
        })
    }

    /// Reads what a write to a place will read, so that its memory is on the way.
    pub(crate) fn preload(&self, place: Place) -> usize {
        let (number, low) = split(place);
        self.segment(number).map_or(0, |segment| usize::from(segment.contains(low)))
    }

    /// All places in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Place> {
        let segments = self.segments.iter().flat_map(|segments| segments.iter()).enumerate();
        segments.flat_map(|(number, segment)| {
            segment.iter().flat_map(move |places| places.iter().map(move |low| join(number, low)))
        })
    }
}

/// The bytes of a segment: a count, the bitmap, its container with a key, and what that points to.
fn bitmap_bytes(bitmap: &RoaringBitmap) -> usize {
    /// A key, and a vector of places, bits, or runs.
    const CONTAINER: usize = 40;
    let statistics = bitmap.statistics();
    let bits = to_index(statistics.n_bitset_containers) * (PLACES / 8);
    // roaring counts four bytes for each place that an array has room for, and takes two.
    let arrays = usize::try_from(statistics.n_bytes_array_containers / 2).unwrap_or(usize::MAX);
    counted_bytes::<u8>(1, size_of::<RoaringBitmap>()) + CONTAINER + bits + arrays
}

/// The segment of places in order. It has no spare capacity, as one that grew would have.
fn segment_of(lows: &[u32]) -> Segment {
    if lows.is_empty() {
        return None;
    }
    let bitmap = if to_u64(lows.len()) <= LONGEST_ARRAY {
        let grown = RoaringBitmap::from_sorted_iter(lows.iter().copied()).unwrap_or_default();
        #[expect(clippy::redundant_clone, reason = "a clone has no spare capacity, unlike a list that grew")]
        grown.clone()
    } else {
        let mut bits = SegmentBits::new();
        lows.iter().for_each(|&low| bits.insert(low));
        RoaringBitmap::from_lsb0_bytes(0, bits.words.map(u64::to_le_bytes).as_flattened())
    };
    Some(Arc::new(bitmap))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::PostingList;
    use crate::model::change::Place;
    use crate::state::postings::place_parts::{join, split};

    fn assert_same(list: &PostingList, model: &BTreeSet<Place>) {
        assert!(list.iter().eq(model.iter().copied()));
        assert_eq!(list.len, u64::try_from(model.len()).unwrap_or_default());
        for number in 0..=list.segments() {
            let of_segment = model.range(join(number, 0)..join(number + 1, 0)).map(|&place| split(place).1);
            let found = list.segment(number);
            assert!(found.is_none_or(|segment| !segment.is_empty()), "segment {number} is there without a place");
            assert!(found.into_iter().flatten().eq(of_segment));
        }
    }

    /// Places that are near each other, at the end of a segment, and anywhere.
    fn lows() -> impl Strategy<Value = u32> {
        prop_oneof![4 => 0_u32..300, 2 => 65_400_u32..65_536, 1 => 0_u32..1 << 16]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

        /// While it grows, spreads and shrinks; versions taken on the way stay as they were.
        #[test]
        fn is_a_set_whose_versions_do_not_change(
            steps in vec((0_usize..20, lows(), 0_u8..10), 0..2_000),
            spread in 1_usize..20,
        ) {
            let (mut list, mut model) = (PostingList::default(), BTreeSet::new());
            let mut kept = Vec::new();
            let half = steps.len() / 2;
            for (nth, (number, low, step)) in steps.into_iter().enumerate() {
                let place = join(number % spread, low);
                let adds = if nth < half { step > 1 } else { step > 7 };
                match (adds, model.contains(&place)) {
                    (true, false) => {
                        list.insert(place);
                        model.insert(place);
                    }
                    (false, true) => {
                        list.remove(place);
                        model.remove(&place);
                    }
                    _ => kept.push((list.clone(), model.clone())),
                }
            }
            kept.push((list, model));
            kept.iter().for_each(|(list, model)| assert_same(list, model));
        }

        /// Made at once, of few and of many places, as it would be one by one.
        #[test]
        fn a_segment_built_at_once_equals_one_built_place_by_place(
            segments in vec((0_u32..50_000, 0_usize..10_000, 1_usize..7), 1..4),
        ) {
            let (mut list, mut model) = (PostingList::default(), BTreeSet::new());
            for (number, (first, len, step)) in segments.into_iter().enumerate() {
                let lows: Vec<u32> = (first..1 << 16).step_by(step).take(len).collect();
                list.push_segment(number, &lows);
                model.extend(lows.iter().map(|&low| join(number, low)));
            }
            assert_same(&list, &model);
        }
    }

    /// Few places and many, made at once and one by one.
    #[test]
    fn bytes_are_those_that_the_allocator_counts() {
        let lows: Vec<u32> = (0..30_000).map(|at| at * 2).collect();
        for len in [1, 100, 4_000, 30_000] {
            let mut lists = [PostingList::default(), PostingList::default()];
            let [grown, made] = &mut lists;
            let grows = allocation_counter::measure(|| lows.iter().take(len).for_each(|&low| grown.insert(low)));
            let makes = allocation_counter::measure(|| made.push_segment(0, lows.get(..len).unwrap_or_default()));
            for (list, measured) in lists.iter().zip([grows, makes]) {
                let (found, asked) = (list.heap_bytes(), usize::try_from(measured.bytes_current).unwrap_or_default());
                assert!(found.abs_diff(asked) <= 160, "{found} bytes found of {asked}, {len} places");
            }
        }
    }

    #[test]
    fn a_list_of_one_place_takes_little() {
        let mut list = PostingList::default();
        let info = allocation_counter::measure(|| list.insert(70_000));
        assert!(info.bytes_current <= 200, "{} bytes", info.bytes_current);
    }
}
