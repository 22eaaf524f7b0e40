//! The places of one list within one chunk.

use crate::collections::cow_slice::{CowSlice, Item};
use crate::collections::number::to_index;
use crate::state::postings::place_parts::BITS;
use crate::state::postings::run;
use crate::state::postings::words::{Form, Iter, NONE, WORDS, bit_of, unite};

/// Some places of one chunk, shared between versions until they are written.
#[derive(Debug, Clone)]
pub(crate) enum Chunk {
    /// Few places, in order, and some room behind them.
    Sparse { places: CowSlice<u16>, len: u16 },
    /// One bit for each place, up to some place behind the last.
    Dense { words: CowSlice<u64>, len: u32 },
}

impl Item for Chunk {}

impl Default for Chunk {
    fn default() -> Self {
        Self::Sparse { places: CowSlice::default(), len: 0 }
    }
}

/// The places without the room behind them.
fn list_of(places: &[u16], len: u16) -> &[u16] {
    places.get(..usize::from(len)).unwrap_or_default()
}

/// The position of a place among so many that are spread evenly.
fn share(len: usize, low: u16) -> usize {
    (len * usize::from(low)) >> BITS
}

/// The position of the first place that is not below one. It is sought near its share, since each probe elsewhere is
/// another miss of the processor's caches.
fn lower_bound(places: &[u16], low: u16) -> usize {
    let share = share(places.len(), low);
    let mut width = 32;
    loop {
        let (first, end) = (share.saturating_sub(width), places.len().min(share + width));
        let is_after = first.checked_sub(1).and_then(|before| places.get(before)).is_none_or(|&before| before < low);
        if is_after && places.get(end).is_none_or(|&next| next >= low) {
            let near = places.get(first..end).unwrap_or_default();
            return first + near.partition_point(|&place| place < low);
        }
        width *= 4;
    }
}

/// How many places for each word of bits a list has at most. A write to bits reads and moves nothing else, but at two places
/// a word they are twice as large as a list, and at one four times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sparsity(usize);

impl Sparsity {
    /// Labels up to which bits may be four times as large: with all of these labels so they take 6 bytes a chat more.
    const FEW_LABELS: usize = 64;

    pub(crate) const fn among(labels: usize) -> Self {
        Self(if labels <= Self::FEW_LABELS { 1 } else { 2 })
    }

    /// Whether places in order are too many for a list.
    fn is_left_by(self, places: &[u16]) -> bool {
        places.last().is_some_and(|&last| places.len() > self.0 * (bit_of(last).0 + 1))
    }

    /// Whether so many places in so many words are few enough for a list again: half of the most, so that who comes and
    /// goes changes nothing.
    fn is_regained_by(self, len: usize, words: usize) -> bool {
        2 * len < self.0 * words
    }
}

impl Chunk {
    /// The chunk of places in order, without room.
    pub(crate) fn of(places: &[u16], lists: Sparsity) -> Self {
        if lists.is_left_by(places) {
            Self::dense(places)
        } else {
            Self::Sparse { places: places.into(), len: u16::try_from(places.len()).unwrap_or_default() }
        }
    }

    fn dense(places: &[u16]) -> Self {
        let mut words = NONE;
        unite(&mut words, Form::Sparse(places));
        let used = places.last().and_then(|&last| words.get(..=bit_of(last).0)).unwrap_or_default();
        Self::Dense { words: used.into(), len: u32::try_from(places.len()).unwrap_or_default() }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Sparse { len, .. } => usize::from(*len),
            Self::Dense { len, .. } => to_index(*len),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The places in one of two forms.
    pub(crate) fn form(&self) -> Form<'_> {
        match self {
            Self::Sparse { places, len } => Form::Sparse(list_of(places, *len)),
            Self::Dense { words, .. } => Form::Dense(words),
        }
    }

    /// Reads what a write to a place will ask, so that its memory is on the way.
    pub(crate) fn preload(&self, low: u16) -> usize {
        match self {
            Self::Sparse { places, len } => {
                let near = places.get(share(usize::from(*len), low)).map_or(0, |&near| usize::from(near));
                places.sharers() + near
            }
            Self::Dense { words, .. } => {
                let there = words.get(bit_of(low).0).is_some_and(|&word| word != 0);
                words.sharers() + usize::from(there)
            }
        }
    }

    /// Adds a place that is not there.
    pub(crate) fn insert(&mut self, low: u16, lists: Sparsity) {
        match self {
            Self::Sparse { places, len } => {
                let at = lower_bound(list_of(places, *len), low);
                run::insert(places, usize::from(*len), at, low);
                *len += 1;
                if lists.is_left_by(list_of(places, *len)) {
                    *self = Self::dense(list_of(places, *len));
                }
            }
            Self::Dense { words, len } => {
                let (at, bit) = bit_of(low);
                if at >= words.len() {
                    let room = (at + 1 + at / 4).min(WORDS);
                    *words = words.iter().copied().chain(std::iter::repeat(0)).take(room).collect();
                }
                if let Some(word) = words.to_mut().get_mut(at) {
                    *word |= bit;
                }
                *len += 1;
                if lists.is_regained_by(to_index(*len), words.len()) {
                    *self = self.sparse();
                }
            }
        }
    }

    /// Removes a place that is there.
    pub(crate) fn remove(&mut self, low: u16, lists: Sparsity) {
        match self {
            Self::Sparse { places, len } => {
                let at = lower_bound(list_of(places, *len), low);
                run::remove(places, usize::from(*len), at);
                *len -= 1;
            }
            Self::Dense { words, len } => {
                let (at, bit) = bit_of(low);
                if let Some(word) = words.to_mut().get_mut(at) {
                    *word &= !bit;
                }
                *len -= 1;
                if lists.is_regained_by(to_index(*len), words.len()) {
                    *self = self.sparse();
                }
            }
        }
    }

    fn sparse(&self) -> Self {
        let places: Vec<u16> = self.iter().collect();
        Self::Sparse { len: u16::try_from(places.len()).unwrap_or_default(), places: places.into() }
    }

    /// The places in order.
    fn iter(&self) -> Iter<'_> {
        self.form().iter_from(0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use proptest::collection::vec;
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    use super::{Chunk, Sparsity};
    use crate::state::postings::place_parts::{LOW, join, split};

    /// Places that are near each other, at both ends, and anywhere.
    pub(in crate::state::postings) fn places() -> impl Strategy<Value = u16> {
        prop_oneof![4 => 0_u16..300, 2 => LOW - 135..=LOW, 1 => 0..=LOW]
    }

    fn assert_same(chunk: &Chunk, model: &RoaringBitmap, lists: Sparsity) {
        assert!(chunk.iter().map(u32::from).eq(model.iter()));
        assert_eq!(chunk.len(), usize::try_from(model.len()).unwrap());
        assert_eq!(chunk.is_empty(), model.is_empty());
        if let (Chunk::Dense { words, len }, Some(last)) = (chunk, model.max()) {
            let len = usize::try_from(*len).unwrap();
            assert!(!lists.is_regained_by(len, words.len()), "{len} in {} words", words.len());
            assert!(words.len() > usize::try_from(last / 64).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        /// Whatever is added and removed, in whichever form it is kept, and the versions taken on the way too.
        #[test]
        fn is_a_set_whose_versions_do_not_change(
            steps in vec((places(), 0_u8..10), 0..2000),
            lists in prop_oneof![Just(Sparsity::among(1)), Just(Sparsity::among(1_000))],
        ) {
            let (mut chunk, mut model) = (Chunk::default(), RoaringBitmap::new());
            let mut kept = Vec::new();
            let shrinking = steps.len() / 2;
            for (nth, (low, step)) in steps.into_iter().enumerate() {
                let adds = if nth < shrinking { step > 1 } else { step > 7 };
                match (adds, model.contains(u32::from(low))) {
                    (true, false) => {
                        chunk.insert(low, lists);
                        model.insert(u32::from(low));
                    }
                    (false, true) => {
                        chunk.remove(low, lists);
                        model.remove(u32::from(low));
                    }
                    _ => kept.push((chunk.clone(), model.clone())),
                }
            }
            kept.push((chunk, model));
            kept.iter().for_each(|(chunk, model)| assert_same(chunk, model, lists));
        }
    }

    #[test]
    fn a_place_is_its_chunk_and_what_is_left() {
        for place in [0, 1, 32_767, 32_768, 65_535, 65_536, 0x0001_ffff, u32::MAX] {
            let (number, low) = split(place);
            assert_eq!(join(number, low), place);
            assert!(low <= LOW);
        }
        assert_eq!(split(32_768), (1, 0));
    }

    #[test]
    fn what_comes_and_goes_leaves_the_form_as_it_is() {
        for (labels, most) in [(64, 512), (65, 1_024)] {
            let (mut chunk, lists) = (Chunk::default(), Sparsity::among(labels));
            let nth = |nth: u16| nth * (LOW / most + 1);
            (0..most).for_each(|number| chunk.insert(nth(number), lists));
            assert!(matches!(chunk, Chunk::Sparse { .. }));
            chunk.insert(1, lists);
            let changes = allocation_counter::measure(|| {
                for _ in 0..10 {
                    chunk.remove(1, lists);
                    chunk.insert(1, lists);
                }
            });
            assert_eq!(changes.count_total, 0);
            (most / 2 - 1..most).for_each(|number| chunk.remove(nth(number), lists));
            assert!(matches!(chunk, Chunk::Dense { .. }));
            chunk.remove(1, lists);
            assert!(matches!(chunk, Chunk::Sparse { .. }));
        }
    }

    #[test]
    fn a_full_chunk_holds_every_place() {
        let (mut chunk, lists) = (Chunk::default(), Sparsity::among(1));
        (0..=LOW).rev().for_each(|low| chunk.insert(low, lists));
        assert_same(&chunk, &(0..=u32::from(LOW)).collect(), lists);
        (0..=LOW).for_each(|low| chunk.remove(low, lists));
        assert_same(&chunk, &RoaringBitmap::new(), lists);
    }
}
