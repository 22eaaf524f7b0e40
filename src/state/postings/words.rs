//! Sets of places of one chunk as bits.

use crate::model::change::Place;
use crate::state::postings::place_parts::{PLACES, low_of};

/// Words of one bit for each place of a chunk.
pub(crate) const WORDS: usize = PLACES / 64;

/// A set of places of one chunk, one bit for each.
pub(crate) type Words = [u64; WORDS];

/// The set without a place.
pub(crate) const NONE: Words = [0; WORDS];

/// A word, and the bit within it.
pub(crate) fn bit_of(low: u16) -> (usize, u64) {
    (usize::from(low >> 6), 1 << (low & 63))
}

/// How the places of a chunk are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    /// In order.
    Sparse(&'a [u16]),
    /// One bit for each place, none behind the last word.
    Dense(&'a [u64]),
    /// In order, with the number of the chunk, which is the same for all.
    Run(&'a [Place]),
}

impl<'a> Form<'a> {
    /// Whether a place is there.
    pub(crate) fn contains(self, low: u16) -> bool {
        match self {
            Self::Sparse(places) => places.binary_search(&low).is_ok(),
            Self::Dense(words) => {
                let (word, bit) = bit_of(low);
                words.get(word).is_some_and(|word| word & bit != 0)
            }
            Self::Run(places) => places.binary_search_by_key(&low, |&place| low_of(place)).is_ok(),
        }
    }

    /// The places in order. Quicker than an iterator, which asks for the form at each.
    #[inline(always)]
    pub(crate) fn for_each(self, each: impl FnMut(u16)) {
        match self {
            Self::Sparse(places) => places.iter().copied().for_each(each),
            Self::Dense(words) => Bits::from(words, 0).for_each(each),
            Self::Run(places) => places.iter().copied().map(low_of).for_each(each),
        }
    }

    /// The places in order, from `low` on.
    pub(crate) fn iter_from(self, low: u16) -> Iter<'a> {
        match self {
            Self::Sparse(places) => {
                Iter::Sparse(places.get(places.partition_point(|&place| place < low)..).unwrap_or_default().iter())
            }
            Self::Dense(words) => Iter::Dense(Bits::from(words, low)),
            Self::Run(places) => {
                Iter::Run(places.get(places.partition_point(|&place| low_of(place) < low)..).unwrap_or_default().iter())
            }
        }
    }
}

/// The places of a [`Form`] in order.
pub(crate) enum Iter<'a> {
    Sparse(std::slice::Iter<'a, u16>),
    Dense(Bits<'a>),
    Run(std::slice::Iter<'a, Place>),
}

impl Iterator for Iter<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        match self {
            Self::Sparse(places) => places.next().copied(),
            Self::Dense(bits) => bits.next(),
            Self::Run(places) => places.next().copied().map(low_of),
        }
    }
}

/// The numbers of the bits that are set.
pub(crate) struct Bits<'a> {
    words: &'a [u64],
    /// The word that is being read, without the bits that were given.
    word: u64,
    /// The number of its first bit.
    first: u32,
}

impl<'a> Bits<'a> {
    /// The bits from `low` on.
    pub(crate) fn from(words: &'a [u64], low: u16) -> Self {
        let (at, bit) = bit_of(low);
        let (word, words) = words.get(at..).and_then(<[u64]>::split_first).unwrap_or((&0, &[]));
        Self { words, word: word & !(bit - 1), first: u32::from(low & !63) }
    }
}

impl Iterator for Bits<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        while self.word == 0 {
            let (word, words) = self.words.split_first()?;
            (self.word, self.words) = (*word, words);
            self.first += 64;
        }
        let bit = self.first + self.word.trailing_zeros();
        self.word &= self.word - 1;
        u16::try_from(bit).ok()
    }
}

/// Makes a set of places the union of others.
#[inline(always)]
pub(crate) fn assign_union<'a>(set: &mut Words, mut of: impl Iterator<Item = Form<'a>>) {
    match of.next() {
        Some(Form::Dense(words)) => {
            let (head, tail) = set.split_at_mut(words.len().min(WORDS));
            head.iter_mut().zip(words).for_each(|(word, of)| *word = *of);
            tail.fill(0);
        }
        first => {
            set.fill(0);
            if let Some(form) = first {
                unite(set, form);
            }
        }
    }
    for form in of {
        unite(set, form);
    }
}

/// Adds places to a set of places.
#[inline(always)]
pub(crate) fn unite(set: &mut Words, with: Form<'_>) {
    match with {
        Form::Dense(words) => set.iter_mut().zip(words).for_each(|(word, with)| *word |= with),
        Form::Sparse(places) => insert_all(set, places),
        few => few.for_each(|low| {
            insert(set, low);
        }),
    }
}

/// Adds places that are in order. Neighbours are often in the same word, where the second would wait for the first: so
/// four stretches are added side by side.
#[inline(always)]
fn insert_all(set: &mut Words, places: &[u16]) {
    let quarter = places.len() / 4;
    let (first, rest) = places.split_at(quarter);
    let (second, rest) = rest.split_at(quarter);
    let (third, fourth) = rest.split_at(quarter);
    for (((&a, &b), &c), &d) in first.iter().zip(second).zip(third).zip(fourth) {
        for low in [a, b, c, d] {
            insert(set, low);
        }
    }
    for &low in fourth.get(quarter..).unwrap_or_default() {
        insert(set, low);
    }
}

/// Takes places from a set of places.
#[inline(always)]
pub(crate) fn subtract(set: &mut Words, without: Form<'_>) {
    match without {
        Form::Dense(words) => set.iter_mut().zip(words).for_each(|(word, without)| *word &= !without),
        few => few.for_each(|low| {
            let (word, bit) = bit_of(low);
            if let Some(word) = set.get_mut(word % WORDS) {
                *word &= !bit;
            }
        }),
    }
}

/// Adds a place; whether it was not there yet.
#[inline(always)]
pub(crate) fn insert(set: &mut Words, low: u16) -> bool {
    let (word, bit) = bit_of(low);
    // The remainder is a mask, and no check is needed then: this is the inner loop of unions.
    set.get_mut(word % WORDS).is_some_and(|word| {
        let new = *word & bit == 0;
        *word |= bit;
        new
    })
}

/// How many places are in a set.
#[inline(always)]
pub(crate) fn count(set: &Words) -> u64 {
    set.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// How many places are in both.
#[inline(always)]
pub(crate) fn count_common(set: &Words, with: Form<'_>) -> u64 {
    match with {
        Form::Dense(words) => set.iter().zip(words).map(|(word, with)| u64::from((word & with).count_ones())).sum(),
        few => {
            let mut common = 0;
            few.for_each(|low| common += u64::from(contains(set, low)));
            common
        }
    }
}

/// The same for two at once: the set is read once for both.
#[inline(always)]
pub(crate) fn count_common_with_each(set: &Words, with: [Form<'_>; 2]) -> [u64; 2] {
    match with {
        [Form::Dense(a), Form::Dense(b)] if a.len() == b.len() => {
            let mut common = [0; 2];
            for ((word, a), b) in set.iter().zip(a).zip(b) {
                common[0] += u64::from((word & a).count_ones());
                common[1] += u64::from((word & b).count_ones());
            }
            common
        }
        [a, b] => [count_common(set, a), count_common(set, b)],
    }
}

#[inline(always)]
pub(crate) fn contains(set: &Words, low: u16) -> bool {
    let (word, bit) = bit_of(low);
    set.get(word % WORDS).is_some_and(|word| word & bit != 0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use proptest::collection::vec;
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    use super::{Bits, Form, NONE, contains, count, count_common, count_common_with_each, subtract, unite};
    use crate::state::postings::chunk::tests::places;
    use crate::state::postings::chunk::{Chunk, Sparsity};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        /// Sets are united, subtracted and counted as bitmaps are.
        #[test]
        fn counts_as_bitmaps_do(parts in vec(vec(places(), 0..300), 1..5), from in places()) {
            let of = |places: &Vec<u16>| {
                let model: RoaringBitmap = places.iter().copied().map(u32::from).collect();
                let mut chunk = Chunk::default();
                model.iter().for_each(|low| chunk.insert(u16::try_from(low).unwrap(), Sparsity::among(1)));
                (chunk, model)
            };
            let (mut set, mut model) = (NONE, RoaringBitmap::new());
            let (mut before, mut model_before) = (set, model.clone());
            for (nth, part) in parts.iter().enumerate() {
                let (chunk, bitmap) = of(part);
                let common = model.intersection_len(&bitmap);
                prop_assert_eq!(count_common(&set, chunk.form()), common);
                let pair = [chunk.form(), Form::Dense(&set)];
                prop_assert_eq!(count_common_with_each(&set, pair), [common, model.len()]);
                let common = model.intersection_len(&model_before);
                let pair = [Form::Dense(&before), Form::Dense(&set)];
                prop_assert_eq!(count_common_with_each(&set, pair), [common, model.len()]);
                (before, model_before) = (set, model.clone());
                if nth % 3 == 2 {
                    subtract(&mut set, chunk.form());
                    model -= bitmap;
                } else {
                    unite(&mut set, chunk.form());
                    model |= bitmap;
                }
                prop_assert_eq!(count(&set), model.len());
                prop_assert_eq!(count_common(&set, Form::Dense(&set)), model.len());
                let all = chunk.form().iter_from(0);
                prop_assert!(chunk.form().iter_from(from).eq(all.filter(|&low| low >= from)));
            }
            prop_assert!(Bits::from(&set, from).map(u32::from).eq(model.range(u32::from(from)..)));
            prop_assert_eq!(contains(&set, from), model.contains(u32::from(from)));
        }
    }
}
