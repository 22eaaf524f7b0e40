//! CRoaring, united by its `fast_or`.

use croaring::Bitmap as Croaring;
use croaring::bitmap::BitmapCursor;

use super::bitmaps::{Bitmap, Union, Walk};

pub(super) struct FastOr;

impl Union for FastOr {
    type Bitmap = Croaring;

    fn union(bitmaps: &[&Croaring]) -> Croaring {
        Croaring::fast_or(bitmaps)
    }
}

impl Bitmap for Croaring {
    type Walk<'a> = BitmapCursor<'a>;

    fn of_ascending(numbers: &[u32]) -> Self {
        let mut bitmap = Self::of(numbers);
        bitmap.run_optimize();
        bitmap.shrink_to_fit();
        bitmap
    }

    fn insert(&mut self, number: u32) -> bool {
        self.add_checked(number)
    }

    fn remove(&mut self, number: u32) -> bool {
        self.remove_checked(number)
    }

    fn count(&self) -> u64 {
        self.cardinality()
    }

    fn count_common(&self, other: &Self) -> u64 {
        self.and_cardinality(other)
    }

    fn common(&self, other: &Self) -> Self {
        self.and(other)
    }

    fn for_each(&self, visit: impl FnMut(u32)) {
        self.iter().for_each(visit);
    }

    fn walk(&self, from: u32) -> BitmapCursor<'_> {
        let mut cursor = self.cursor();
        cursor.reset_at_or_after(from);
        cursor
    }
}

impl Walk for BitmapCursor<'_> {
    fn head(&mut self) -> Option<u32> {
        self.current()
    }

    fn step(&mut self) {
        self.move_next();
    }
}
