//! A place as the number of its chunk and its position there.

use crate::model::change::Place;

/// A place is the number of its chunk, and this many low bits.
pub(crate) const BITS: u32 = 15;

/// Those bits.
pub(crate) const LOW: u16 = u16::MAX >> (16 - BITS);

/// Places in one chunk.
pub(crate) const PLACES: usize = 1 << BITS;

/// The number of a place's chunk, and the place relative to the beginning of that chunk.
pub(crate) fn split(place: Place) -> (u32, u16) {
    (place >> BITS, low_of(place))
}

/// A place relative to the beginning of its chunk.
pub(crate) fn low_of(place: Place) -> u16 {
    let [low, high, ..] = place.to_le_bytes();
    u16::from_le_bytes([low, high]) & LOW
}

/// The place of a chunk.
pub(crate) fn join(number: u32, low: u16) -> Place {
    number << BITS | u32::from(low)
}
