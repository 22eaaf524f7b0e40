//! How many labels the chat at each place has.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, mask8x64, u8x64, u16x32};
use roaring::RoaringBitmap;

use crate::collections::cow_vec::CowVec;
use crate::collections::number::to_index;
use crate::model::change::Place;
use crate::state::postings::container::{Container, WORDS};
use crate::state::postings::place_parts::{PLACES, join};
use crate::state::postings::posting_list::PostingList;

/// The highest number that is kept for a chat. One with more labels has this number, and is on a list.
pub(crate) const MOST: u8 = u8::MAX;

/// Places in one page, which a write copies if it is shared.
const PAGE: usize = 2_048;

/// Pages in one segment.
const PAGES: usize = PLACES / PAGE;

/// The number of labels of each chat, so that the rows of a set of chats are counted without their label sets: a byte
/// each, 64 of which are added at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelsPerChat {
    /// P4: by place, up to [`MOST`]; zero at a place without a labelled chat. There are none behind the last place.
    pub(crate) numbers: CowVec<u8, PAGE>,
    /// P4: the chats with more labels than [`MOST`].
    pub(crate) many: PostingList,
}

/// Whether a number of labels is higher than what is kept.
fn is_many(labels: usize) -> bool {
    labels > usize::from(MOST)
}

impl LabelsPerChat {
    /// The number of the chat at a place, up to [`MOST`].
    pub(crate) fn get(&self, place: Place) -> u8 {
        self.numbers.get(to_index(place)).copied().unwrap_or(0)
    }

    /// Gives the chat at a place the number `has`, after it `had` another.
    pub(crate) fn put(&mut self, place: Place, had: usize, has: usize) {
        self.numbers.grow_to(to_index(place));
        self.numbers.set(to_index(place), u8::try_from(has).unwrap_or(MOST));
        match (is_many(had), is_many(has)) {
            (false, true) => self.many.insert(place),
            (true, false) => self.many.remove(place),
            _ => {}
        }
    }

    /// Removes the places from `end` on, none of which has a label.
    pub(crate) fn truncate(&mut self, end: usize) {
        self.numbers.truncate(end);
    }

    /// Reads what a write to a place will read, so that its memory is on the way.
    pub(crate) fn preload(&self, place: Place) -> usize {
        self.numbers.preload(to_index(place)) + usize::from(self.get(place))
    }

    /// The sum of the numbers of some chats of one segment. A chat with more labels than [`MOST`] counts as one that has
    /// that many.
    pub(crate) fn sum(&self, number: usize, chats: &RoaringBitmap) -> u64 {
        match Container::of(chats, &mut Vec::new()) {
            Container::Bits(words) => self.sum_of_bits(number, &words.map(u64::from_le_bytes)),
            Container::Array(lows) => self.sum_of_array(number, lows),
            Container::Other(chats) => chats.iter().map(|low| u64::from(self.get(join(number, low)))).sum(),
        }
    }

    fn sum_of_array(&self, number: usize, lows: &[[u8; 2]]) -> u64 {
        let position = |low: &[u8; 2]| usize::from(u16::from_le_bytes(*low));
        let mut sum = 0;
        for lows in lows.chunk_by(|a, b| position(a) / PAGE == position(b) / PAGE) {
            let page = number * PAGES + lows.first().map_or(0, position) / PAGE;
            let Some(numbers) = self.numbers.pages_from(page).next() else { break };
            let of = |low| numbers.get(position(low) % PAGE).map_or(0, |&labels| u64::from(labels));
            sum += lows.iter().map(of).sum::<u64>();
        }
        sum
    }

    /// As [`sum`](Self::sum), for chats as bits.
    pub(crate) fn sum_of_bits(&self, number: usize, words: &[u64; WORDS]) -> u64 {
        dispatch!(Level::new(), vectors => self.sum_by_vectors(vectors, number, words))
    }

    /// Keeps the numbers of the chats that are asked for, and adds them as columns of 16 bits, which are enough for the
    /// 32 vectors of a page.
    #[inline(always)]
    fn sum_by_vectors<S: Simd>(&self, vectors: S, number: usize, words: &[u64; WORDS]) -> u64 {
        let mut sum = 0;
        for (words, page) in words.chunks(PAGE / 64).zip(self.numbers.pages_from(number * PAGES)) {
            let (numbers, last) = page.as_chunks::<64>();
            let mut columns = u16x32::splat(vectors, 0);
            for (&word, numbers) in words.iter().zip(numbers) {
                let chats = mask8x64::from_bitmask(vectors, word);
                let kept = chats.select(u8x64::from_slice(vectors, numbers), u8x64::splat(vectors, 0));
                let (low, high) = vectors.widen_u8x64(kept);
                columns = columns + low + high;
            }
            let columns: [u16; 32] = columns.into();
            sum += columns.iter().map(|&column| u64::from(column)).sum::<u64>();
            // The last page of all may end with fewer than 64 places.
            if let Some(&word) = words.get(numbers.len()) {
                let of = |(at, &labels)| if word >> at & 1 == 1 { u64::from(labels) } else { 0 };
                sum += last.iter().enumerate().map(of).sum::<u64>();
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    use super::{LabelsPerChat, MOST};
    use crate::model::change::Place;
    use crate::state::postings::place_parts::{join, split};

    fn put(per_chat: &mut LabelsPerChat, model: &mut BTreeMap<Place, usize>, place: Place, labels: usize) {
        let had = model.insert(place, labels).unwrap_or(0);
        per_chat.put(place, had, labels);
    }

    /// The sum as it should be, by a loop.
    fn expected(model: &BTreeMap<Place, usize>, number: usize, chats: &RoaringBitmap) -> u64 {
        let labels = chats.iter().filter_map(|low| model.get(&join(number, low)));
        labels.map(|&labels| u64::from(u8::try_from(labels).unwrap_or(MOST))).sum()
    }

    /// Chats of a segment as few places, as bits, as runs, and all of them.
    fn sets(step: usize) -> [RoaringBitmap; 5] {
        let few = (0..70_000).step_by(step * 20).filter(|&low| low < 65_536).collect();
        let many = (0..65_536).step_by(step.min(15)).collect();
        let mut runs = RoaringBitmap::new();
        runs.insert_range(100..9_000);
        runs.optimize();
        [RoaringBitmap::new(), few, many, runs, RoaringBitmap::from_iter(0..65_536)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

        /// Whatever form the set of chats has, also behind the last place; a version taken before stays as it was.
        #[test]
        fn sums_are_those_of_a_loop(
            puts in vec((0_u32..200_000, prop_oneof![3 => 0_usize..20, 1 => 250_usize..260, 1 => 0_usize..2_000]), 0..300),
            dense in 0_u32..5_000,
            step in 1_usize..50,
        ) {
            let (mut per_chat, mut model) = (LabelsPerChat::default(), BTreeMap::new());
            (0..dense).for_each(|place| put(&mut per_chat, &mut model, place, to_labels(place)));
            let (before, model_before) = (per_chat.clone(), model.clone());
            puts.into_iter().for_each(|(place, labels)| put(&mut per_chat, &mut model, place, labels));
            for number in 0..4 {
                for chats in sets(step) {
                    prop_assert_eq!(per_chat.sum(number, &chats), expected(&model, number, &chats));
                    prop_assert_eq!(before.sum(number, &chats), expected(&model_before, number, &chats));
                }
            }
            let many: Vec<Place> = model.iter().filter(|(_, labels)| **labels > 255).map(|(&place, _)| place).collect();
            prop_assert_eq!(per_chat.many.iter().collect::<Vec<_>>(), many);
        }
    }

    fn to_labels(place: Place) -> usize {
        split(place.wrapping_mul(7_919)).0 % 300
    }

    /// The highest number at every place of a page does not overflow the columns that it is added in.
    #[test]
    fn the_highest_numbers_are_added() {
        let (mut per_chat, segment) = (LabelsPerChat::default(), 0..=u32::from(u16::MAX));
        segment.clone().for_each(|place| per_chat.put(place, 0, 255));
        let all: RoaringBitmap = segment.collect();
        assert_eq!(per_chat.sum(0, &all), 255 * all.len());
        per_chat.truncate(100);
        assert_eq!(per_chat.sum(0, &all), 255 * 100);
    }
}
