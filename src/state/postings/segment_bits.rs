//! The places of one segment as bits.

use fearless_simd::{Level, dispatch};
use roaring::RoaringBitmap;

use crate::collections::number::to_index;
use crate::state::postings::container::{Container, WORDS};

/// A bit for each place of a segment. Lists are added without an allocation, and without finding a new form for what is
/// there, as a bitmap that grows does.
pub(crate) struct SegmentBits {
    pub(crate) words: Box<[u64; WORDS]>,
    /// For reading lists.
    buffer: Vec<u8>,
}

impl SegmentBits {
    pub(crate) fn new() -> Self {
        Self { words: Box::new([0; WORDS]), buffer: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Adds a place.
    #[inline(always)]
    pub(crate) fn insert(&mut self, low: u32) {
        if let Some(word) = self.words.get_mut(to_index(low / u64::BITS)) {
            *word |= 1 << (low % u64::BITS);
        }
    }

    pub(crate) fn contains(&self, low: u32) -> bool {
        self.words.get(to_index(low / u64::BITS)).is_some_and(|word| word >> (low % u64::BITS) & 1 == 1)
    }

    /// Adds the places of a list.
    pub(crate) fn add(&mut self, segment: &RoaringBitmap) {
        let mut buffer = std::mem::take(&mut self.buffer);
        match Container::of(segment, &mut buffer) {
            Container::Bits(words) => dispatch!(Level::new(), _vectors => unite(&mut self.words, words)),
            Container::Array(lows) => {
                for &low in lows {
                    self.insert(u16::from_le_bytes(low).into());
                }
            }
            Container::Other(segment) => segment.iter().for_each(|low| self.insert(low)),
        }
        self.buffer = buffer;
    }

    /// The number of places.
    pub(crate) fn len(&self) -> u64 {
        dispatch!(Level::new(), _vectors => count(&self.words))
    }
}

#[inline(always)]
fn unite(words: &mut [u64; WORDS], others: &[[u8; 8]; WORDS]) {
    for (word, &other) in words.iter_mut().zip(others) {
        *word |= u64::from_le_bytes(other);
    }
}

#[inline(always)]
fn count(words: &[u64; WORDS]) -> u64 {
    let mut count = 0;
    for word in words {
        count += u64::from(word.count_ones());
    }
    count
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    use super::SegmentBits;

    /// Places in every form that a bitmap may have: a list, bits, runs.
    fn segments() -> impl Strategy<Value = RoaringBitmap> {
        (0_u32..65_536, 0_u32..40_000, 1_usize..100, any::<bool>()).prop_map(|(first, len, step, runs)| {
            let lows = (first..65_536.min(first + len)).step_by(step);
            let mut segment: RoaringBitmap = lows.collect();
            if runs {
                segment.optimize();
            }
            segment
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        /// Also after it was cleared.
        #[test]
        fn is_the_union_of_what_was_added(rounds in vec(vec(segments(), 0..5), 1..3), low in 0_u32..65_536) {
            let mut union = SegmentBits::new();
            for segments in rounds {
                union.clear();
                segments.iter().for_each(|segment| union.add(segment));
                union.insert(low);
                let expected: BTreeSet<u32> = segments.iter().flatten().chain([low]).collect();
                prop_assert_eq!(union.len(), u64::try_from(expected.len()).unwrap_or_default());
                prop_assert!((0..65_536).all(|low| union.contains(low) == expected.contains(&low)));
            }
        }
    }
}
