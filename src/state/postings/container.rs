//! What a segment holds, as roaring writes it.

use roaring::RoaringBitmap;
use roaring::bitmap::Statistics;

use crate::state::postings::place_parts::PLACES;

/// Words of a segment as bits, one for each of its places.
pub(crate) const WORDS: usize = PLACES / 64;

/// The places of a segment without a copy of each, which is faster than to ask for one after the other.
pub(crate) enum Container<'a> {
    /// A bit for each place, the lowest first, in words in little-endian.
    Bits(&'a [[u8; 8]; WORDS]),
    /// Places in order, in little-endian.
    Array(&'a [[u8; 2]]),
    /// Anything else, such as runs, which have to be asked for.
    Other(&'a RoaringBitmap),
}

impl<'a> Container<'a> {
    /// Reads it out of the portable format, which is written to a buffer.
    pub(crate) fn of(segment: &'a RoaringBitmap, buffer: &'a mut Vec<u8>) -> Self {
        buffer.clear();
        buffer.reserve(segment.serialized_size());
        let written = segment.serialize_into(&mut *buffer);
        let Statistics { n_containers, n_bitset_containers, n_array_containers, .. } = segment.statistics();
        let len = usize::try_from(segment.len()).unwrap_or(usize::MAX);
        // The format ends with the containers: here one, of bits, or of places as two bytes each.
        let container = match (written, n_containers, n_bitset_containers, n_array_containers) {
            (Ok(()), 1, 1, _) => {
                let (_, words) = buffer.as_rchunks();
                words.last_chunk().map(Self::Bits)
            }
            (Ok(()), 1, _, 1) => {
                let (_, lows) = buffer.as_rchunks();
                lows.len().checked_sub(len).and_then(|header| lows.get(header..)).map(Self::Array)
            }
            _ => None,
        };
        container.unwrap_or(Self::Other(segment))
    }
}
