//! Numbers as bytes, and back.

use crate::codec::damage::{Damage, require};

/// Bits of a byte of a varint that are part of the number.
const PAYLOAD: u32 = 7;

/// Writes a number in the fewest bytes, seven bits in each, the low ones first; all but the last byte have their high
/// bit set.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= PAYLOAD;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// Writes a signed number so that small ones of either sign are short (zigzag): 0, -1, 1, -2 as 0, 1, 2, 3.
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_varint(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Writes the low bytes of a number, the lowest first.
pub(super) fn put_uint(out: &mut Vec<u8>, number: u64, len: usize) {
    out.extend(number.to_le_bytes().into_iter().take(len));
}

/// The number of bytes of a number without leading zeros.
pub(super) fn len_of(number: u64) -> usize {
    (u64::BITS - number.leading_zeros()).div_ceil(8).try_into().unwrap_or(8)
}

/// Reads numbers from untrusted bytes, front to back. No result is longer than the bytes that are left.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

fn cut_short() -> Damage {
    Damage::new("the bytes end too early")
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(byte)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn text(&mut self, len: usize) -> Result<&'a str, Damage> {
        std::str::from_utf8(self.take(len)?).map_err(|error| Damage::new(format!("a text is not UTF-8: {error}")))
    }

    /// A number as [`put_varint`] writes it. Longer encodings of it are refused.
    pub(super) fn varint(&mut self) -> Result<u64, Damage> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits).ok_or_else(too_large)?;
            if byte & 0x80 == 0 {
                return require(byte != 0 || shift == 0, || "a number is longer than it has to be".into())
                    .map(|()| number);
            }
            shift += PAYLOAD;
        }
    }

    /// A varint in a type of fewer bits.
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Damage> {
        T::try_from(self.varint()?).map_err(|_| too_large())
    }

    pub(super) fn signed(&mut self) -> Result<i64, Damage> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A number as [`put_uint`] writes it, of at most eight bytes.
    pub(super) fn uint(&mut self, len: usize) -> Result<u64, Damage> {
        // Nearly always eight bytes are left: then one read serves every length.
        if let Some(bytes) = self.rest.first_chunk::<8>()
            && let Some(unused) = 64_usize.checked_sub(8 * len)
        {
            self.rest = self.rest.get(len..).unwrap_or_default();
            return Ok(u32::try_from(unused).ok().and_then(|unused| u64::MAX.checked_shr(unused)).unwrap_or(0)
                & u64::from_le_bytes(*bytes));
        }
        let mut bytes = [0; 8];
        let taken = self.take(len)?;
        bytes.get_mut(..len).ok_or_else(too_large)?.copy_from_slice(taken);
        Ok(u64::from_le_bytes(bytes))
    }

    /// Requires that everything was read.
    pub(super) fn end(&self) -> Result<(), Damage> {
        require(self.rest.is_empty(), || format!("{} bytes are left over", self.rest.len()))
    }
}

fn too_large() -> Damage {
    Damage::new("a number is too large")
}
