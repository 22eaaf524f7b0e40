//! Conversions between lengths and numbers. None truncates: a number that does not fit becomes the greatest one, at
//! which no item is found.

/// A length as a 64-bit number.
pub(crate) fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A length as a 32-bit number.
#[cfg(feature = "store")]
pub(crate) fn to_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A 32-bit number as an index. On a platform whose `usize` is smaller there is no such item.
pub(crate) fn to_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
