//! The crate roaring, with two ways to unite bitmaps.

use roaring::bitmap::Iter;
use roaring::{MultiOps, RoaringBitmap};

use super::bitmaps::{Bitmap, Union, Walk};

/// All at once.
pub(super) struct MultiopsUnion;

impl Union for MultiopsUnion {
    type Bitmap = RoaringBitmap;

    fn union(bitmaps: &[&RoaringBitmap]) -> RoaringBitmap {
        bitmaps.iter().copied().union()
    }
}

/// One by one, into the largest.
pub(super) struct FoldUnion;

impl Union for FoldUnion {
    type Bitmap = RoaringBitmap;

    fn union(bitmaps: &[&RoaringBitmap]) -> RoaringBitmap {
        let Some(largest) = (0..bitmaps.len()).max_by_key(|&at| bitmaps[at].len()) else {
            return RoaringBitmap::new();
        };
        let mut union = bitmaps[largest].clone();
        for (at, bitmap) in bitmaps.iter().enumerate() {
            if at != largest {
                union |= *bitmap;
            }
        }
        union
    }
}

impl Bitmap for RoaringBitmap {
    type Walk<'a> = Peeked<'a>;

    fn of_ascending(numbers: &[u32]) -> Self {
        Self::from_sorted_iter(numbers.iter().copied()).expect("ascending numbers")
    }

    fn insert(&mut self, number: u32) -> bool {
        self.insert(number)
    }

    fn remove(&mut self, number: u32) -> bool {
        self.remove(number)
    }

    fn count(&self) -> u64 {
        self.len()
    }

    fn count_common(&self, other: &Self) -> u64 {
        self.intersection_len(other)
    }

    fn common(&self, other: &Self) -> Self {
        self & other
    }

    fn for_each(&self, visit: impl FnMut(u32)) {
        self.iter().for_each(visit);
    }

    fn walk(&self, from: u32) -> Peeked<'_> {
        let mut iter = self.iter();
        iter.advance_to(from);
        let head = iter.next();
        Peeked { iter, head }
    }
}

/// An iterator that is one ahead.
pub(super) struct Peeked<'a> {
    iter: Iter<'a>,
    head: Option<u32>,
}

impl Walk for Peeked<'_> {
    fn head(&mut self) -> Option<u32> {
        self.head
    }

    fn step(&mut self) {
        self.head = self.iter.next();
    }
}
