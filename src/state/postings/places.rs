//! The places of one list.

use std::slice;

use crate::collections::cow_slice::{CowSlice, Item};
use crate::collections::cow_vec::{CowVec, CowVecFrom};
use crate::collections::number::to_index;
use crate::model::change::Place;
use crate::state::postings::chunk::{Chunk, Sparsity};
use crate::state::postings::place_parts::{join, split};
use crate::state::postings::run;
use crate::state::postings::words::Form;

/// The most places in one run. A write that makes chunks of it takes some 60 bytes for each.
const FEW: usize = 640;

/// Places for each chunk up to which a run is smaller, and quicker to read, than chunks that lie apart.
const SCATTERED: usize = 32;

/// Chunks in one page.
pub(crate) const CHUNKS: usize = 16;

/// Some places, shared between versions until they are written.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) len: usize,
    pub(crate) pieces: Pieces,
}

#[derive(Debug, Clone)]
pub(crate) enum Pieces {
    /// All in order and some room behind them: for few places that are scattered over many chunks.
    Run(CowSlice<Place>),
    /// By number; those behind the last place, and others, may be empty.
    Chunks(CowVec<Chunk, CHUNKS>),
}

impl Item for Places {}

impl Default for Places {
    fn default() -> Self {
        Self { len: 0, pieces: Pieces::Run(CowSlice::default()) }
    }
}

/// Whether so many places are better kept in one run than in so many chunks.
fn is_scattered(len: usize, chunks: usize) -> bool {
    len <= FEW.min(chunks.saturating_mul(SCATTERED))
}

/// The position of the first of so many places that is not below one.
fn position(places: &[Place], len: usize, place: Place) -> usize {
    places.get(..len).unwrap_or_default().partition_point(|&other| other < place)
}

impl Places {
    /// The places of chunks by number.
    pub(crate) fn of(chunks: CowVec<Chunk, CHUNKS>) -> Self {
        let mut places = Self { len: chunks.iter().map(Chunk::len).sum(), pieces: Pieces::Chunks(chunks) };
        places.join_scattered(1);
        places
    }

    /// Reads what a write to a place will ask, so that its memory is on the way.
    pub(crate) fn preload(&self, place: Place) -> usize {
        let (number, low) = split(place);
        match &self.pieces {
            Pieces::Run(places) => places.sharers(),
            Pieces::Chunks(chunks) => chunks.get(to_index(number)).map_or(0, |chunk| chunk.preload(low)),
        }
    }

    /// Adds a place that is not there.
    pub(crate) fn insert(&mut self, place: Place, lists: Sparsity) {
        let (number, low) = split(place);
        match &mut self.pieces {
            Pieces::Run(places) => {
                let at = position(places, self.len, place);
                run::insert(places, self.len, at, place);
                self.len += 1;
                let last = places.get(self.len - 1).map_or(0, |&last| split(last).0);
                if !is_scattered(self.len, to_index(last) + 1) {
                    *self = self.in_chunks(lists);
                }
            }
            Pieces::Chunks(chunks) => {
                self.len += 1;
                let is_last = to_index(number) >= chunks.len();
                if is_last {
                    chunks.grow_to(to_index(number));
                }
                if let Some(chunk) = chunks.get_mut(to_index(number)) {
                    chunk.insert(low, lists);
                }
                if is_last {
                    self.join_scattered(2);
                }
            }
        }
    }

    /// Removes a place that is there.
    pub(crate) fn remove(&mut self, place: Place, lists: Sparsity) {
        let (number, low) = split(place);
        match &mut self.pieces {
            Pieces::Run(places) => {
                let at = position(places, self.len, place);
                run::remove(places, self.len, at);
            }
            Pieces::Chunks(chunks) => {
                let Some(chunk) = chunks.get_mut(to_index(number)) else { return };
                chunk.remove(low, lists);
            }
        }
        self.len -= 1;
        self.join_scattered(2);
    }

    /// Makes one run of chunks, if it would stay one with so many times as many places.
    fn join_scattered(&mut self, times: usize) {
        if let Pieces::Chunks(chunks) = &self.pieces
            && is_scattered(self.len * times, chunks.len())
        {
            *self = self.in_a_run();
        }
    }

    fn in_a_run(&self) -> Self {
        Self { len: self.len, pieces: Pieces::Run(self.iter().collect()) }
    }

    fn in_chunks(&self, lists: Sparsity) -> Self {
        let mut chunks = CowVec::default();
        if let Some(last) = self.iter().last() {
            chunks.grow_to(to_index(split(last).0));
        }
        let mut lows = Vec::new();
        for (number, part) in self.parts_from(0) {
            lows.clear();
            lows.extend(part.form.iter_from(0));
            chunks.set(to_index(number), Chunk::of(&lows, lists));
        }
        Self { len: self.len, pieces: Pieces::Chunks(chunks) }
    }

    /// All places in order, if they are in one run.
    pub(crate) fn run(&self) -> Option<&[Place]> {
        match &self.pieces {
            Pieces::Run(places) => places.get(..self.len),
            Pieces::Chunks(_) => None,
        }
    }

    /// The places chunk by chunk, from chunk `first` on.
    pub(crate) fn parts_from(&self, first: u32) -> Parts<'_> {
        match &self.pieces {
            Pieces::Run(_) => {
                let places = self.run().unwrap_or_default();
                let at = places.partition_point(|&place| split(place).0 < first);
                Parts::Run(places.get(at..).unwrap_or_default())
            }
            Pieces::Chunks(chunks) => {
                let mut pages = chunks.pages_from(to_index(first) / CHUNKS);
                let page = pages.next().unwrap_or_default();
                let page = page.get(to_index(first) % CHUNKS..).unwrap_or_default();
                Parts::Chunks { number: first, page: page.iter(), pages }
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Place> {
        self.parts_from(0).flat_map(|(number, part)| part.form.iter_from(0).map(move |low| join(number, low)))
    }
}

/// The places of a list in one chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) form: Form<'a>,
    pub(crate) len: usize,
}

impl<'a> From<&'a Chunk> for Part<'a> {
    fn from(chunk: &'a Chunk) -> Self {
        Self { form: chunk.form(), len: chunk.len() }
    }
}

/// The parts of a list with the numbers of their chunks, in order.
pub(crate) enum Parts<'a> {
    Run(&'a [Place]),
    Chunks {
        /// That of the next chunk.
        number: u32,
        page: slice::Iter<'a, Chunk>,
        pages: CowVecFrom<'a, Chunk, CHUNKS>,
    },
}

impl<'a> Iterator for Parts<'a> {
    type Item = (u32, Part<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Run(places) => {
                let (number, _) = split(*places.first()?);
                let end = places.iter().position(|&place| split(place).0 != number).unwrap_or(places.len());
                let (part, rest) = places.split_at(end);
                *places = rest;
                Some((number, Part { form: Form::Run(part), len: part.len() }))
            }
            Self::Chunks { number, page, pages } => loop {
                match page.next() {
                    Some(chunk) => {
                        *number += 1;
                        if !chunk.is_empty() {
                            return Some((*number - 1, Part::from(chunk)));
                        }
                    }
                    None => *page = pages.next()?.iter(),
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{Pieces, Places};
    use crate::model::change::Place;
    use crate::state::postings::chunk::Sparsity;
    use crate::state::postings::place_parts::{join, low_of, split};

    const LISTS: Sparsity = Sparsity::among(1);

    fn assert_same(places: &Places, model: &BTreeSet<Place>) {
        assert!(places.iter().eq(model.iter().copied()));
        assert_eq!(places.len, model.len());
        for number in 0..41 {
            let part = places.parts_from(number).next().filter(|(next, _)| *next == number).map(|(_, part)| part);
            let from = part.into_iter().flat_map(|part| part.form.iter_from(700).map(|low| join(number, low)));
            assert!(from.eq(model.range(join(number, 700)..join(number + 1, 0)).copied()));
            assert_eq!(part.map_or(0, |part| part.len), model.range(join(number, 0)..join(number + 1, 0)).count());
            let first = places.parts_from(number).next().map(|(number, _)| number);
            assert_eq!(first, model.range(join(number, 0)..).next().map(|&place| split(place).0));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

        /// In a run or in chunks, while it grows, spreads and shrinks; versions taken on the way stay as they were.
        #[test]
        fn is_a_set_whose_versions_do_not_change(
            steps in vec((0_u32..40, 0_u16..1_000, 0_u8..10), 0..2_500),
            spread in 1_u32..40,
        ) {
            let (mut places, mut model) = (Places::default(), BTreeSet::new());
            let mut kept = Vec::new();
            let half = steps.len() / 2;
            for (nth, (number, low, step)) in steps.into_iter().enumerate() {
                let place = join(number % spread, low);
                let adds = if nth < half { step > 1 } else { step > 7 };
                match (adds, model.contains(&place)) {
                    (true, false) => {
                        places.insert(place, LISTS);
                        model.insert(place);
                    }
                    (false, true) => {
                        places.remove(place, LISTS);
                        model.remove(&place);
                    }
                    _ if kept.len() < 20 => kept.push((places.clone(), model.clone())),
                    _ => {}
                }
            }
            for place in model.clone() {
                places.remove(place, LISTS);
                model.remove(&place);
                if model.len() % 97 == 0 {
                    kept.push((places.clone(), model.clone()));
                }
            }
            kept.push((places, model));
            kept.iter().for_each(|(places, model)| assert_same(places, model));
        }
    }

    /// A write beside a snapshot has 64 KiB for everything.
    #[test]
    fn making_chunks_of_a_run_takes_little_for_each() {
        let mut places = Places::default();
        (0..640).for_each(|number| places.insert(join(number, 7), LISTS));
        let info = allocation_counter::measure(|| places.insert(join(640, 7), LISTS));
        assert!(matches!(places.pieces, Pieces::Chunks(_)));
        assert!(info.bytes_total <= 641 * 64 + 4_096, "{} bytes", info.bytes_total);
    }

    /// A label has some 60 bytes for each of its chunks, not a whole node.
    #[test]
    fn a_run_makes_chunks_of_little_room() {
        let mut places = Places::default();
        let info = allocation_counter::measure(|| {
            (0..66).for_each(|nth| places.insert(join(nth % 2, 7 * low_of(nth)), LISTS));
        });
        assert!(matches!(places.pieces, Pieces::Chunks(_)));
        assert!(info.bytes_current <= 400, "{} bytes", info.bytes_current);
    }

    /// What is few and far between is in one run, also when it became so.
    #[test]
    fn few_scattered_places_are_in_one_run() {
        let in_a_run = |places: &Places| matches!(places.pieces, Pieces::Run(_));
        let mut places = Places::default();
        (0..640).for_each(|nth| places.insert(join(nth % 40, 7 + u16::try_from(nth / 40).unwrap_or_default()), LISTS));
        assert!(in_a_run(&places));
        places.insert(0, LISTS);
        assert!(!in_a_run(&places));
        (0..320).for_each(|nth| places.remove(join(nth % 40, 7 + u16::try_from(nth / 40).unwrap_or_default()), LISTS));
        assert!(!in_a_run(&places));
        places.remove(0, LISTS);
        assert!(in_a_run(&places));
        let mut near = Places::default();
        (0..33).for_each(|place| near.insert(place, LISTS));
        assert!(!in_a_run(&near));
    }
}
