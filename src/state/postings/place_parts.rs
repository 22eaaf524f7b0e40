//! A place as the number of its segment and its position there.

use crate::model::change::Place;

/// A place is the number of its segment, and this many low bits: one container of a roaring bitmap, so that a write copies
/// no more than that.
pub(crate) const BITS: u32 = 16;

/// Places in one segment.
pub(crate) const PLACES: usize = 1 << BITS;

/// The number of a place's segment, and the place relative to the beginning of that segment.
pub(crate) fn split(place: Place) -> (usize, u32) {
    let low = place & ((1 << BITS) - 1);
    (usize::try_from(place >> BITS).unwrap_or(usize::MAX), low)
}

/// The place with this segment and this position in it.
pub(crate) fn join(number: usize, low: u32) -> Place {
    u32::try_from(number).unwrap_or(u32::MAX) << BITS | low
}

#[cfg(test)]
mod tests {
    use super::{join, split};

    #[test]
    fn a_place_is_its_segment_and_what_is_left() {
        for place in [0, 1, 65_535, 65_536, 0x0001_ffff, u32::MAX] {
            let (number, low) = split(place);
            assert_eq!(join(number, low), place);
        }
        assert_eq!(split(0x0001_0001), (1, 1));
    }
}
