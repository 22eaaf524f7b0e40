//! Bit packing: numbers side by side, each in as many bits as the highest of them needs.

use crate::codec::bytes::Reader;
use crate::codec::damage::{Damage, require};

/// Bits that are written and read at a time; the most bits of a number.
const WORD: u32 = u32::BITS;

/// The bits that numbers up to `highest` need.
pub(super) fn width_of(highest: u32) -> u32 {
    WORD - highest.leading_zeros()
}

/// Writes numbers of `width` bits without gaps, the low bits first. The last byte is padded with zeros.
pub(super) fn pack(out: &mut Vec<u8>, width: u32, numbers: impl Iterator<Item = u32>) {
    let (mut bits, mut held) = (0_u64, 0);
    for number in numbers {
        bits |= u64::from(number) << held;
        held += width;
        if held >= WORD {
            out.extend(bits.to_le_bytes().into_iter().take(4));
            bits >>= WORD;
            held -= WORD;
        }
    }
    let left = usize::try_from(held.div_ceil(8)).unwrap_or_default();
    out.extend(bits.to_le_bytes().into_iter().take(left));
}

/// Reads the numbers that [`pack`] wrote, then zeros.
pub(super) struct Unpack<'a> {
    bytes: &'a [u8],
    width: u32,
    bits: u64,
    held: u32,
}

impl<'a> Unpack<'a> {
    /// Takes the bytes of `count` numbers of `width` bits.
    pub(super) fn new(reader: &mut Reader<'a>, width: u32, count: usize) -> Result<Self, Damage> {
        require(width <= WORD, || format!("{width} bits for a number"))?;
        let bits = usize::try_from(width).ok().and_then(|width| width.checked_mul(count));
        let bits = bits.ok_or_else(|| Damage::new(format!("{count} numbers of {width} bits")))?;
        let bytes = reader.take(bits.div_ceil(8))?;
        let spare = bits.next_multiple_of(8) - bits;
        let last = bytes.last().copied().unwrap_or_default();
        require(u32::from(last) << spare <= 0xff, || "the padding behind the numbers is not zero".into())?;
        Ok(Self { bytes, width, bits: 0, held: 0 })
    }

    pub(super) fn next(&mut self) -> u32 {
        if self.held < self.width {
            let word = if let Some((word, rest)) = self.bytes.split_first_chunk() {
                self.bytes = rest;
                u32::from_le_bytes(*word)
            } else {
                let rest = std::mem::take(&mut self.bytes);
                rest.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
            };
            self.bits |= u64::from(word) << self.held;
            self.held += WORD;
        }
        let [low, high] = [self.bits, self.bits >> self.width];
        self.bits = high;
        self.held -= self.width;
        u32::try_from(low ^ high << self.width).unwrap_or_default()
    }
}
