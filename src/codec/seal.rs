//! Seals: a length and a checksum around each stored value.

use twox_hash::XxHash3_64;

use crate::codec::bytes::{Reader, put_uint, put_varint};
use crate::codec::damage::{Damage, require};
use crate::collections::number::to_u64;

/// The length of the checksum in bytes.
const CHECKSUM: usize = 8;

/// XXH3-64 of the payload. The hash of each part of the key is the seed of the next one, and at last of the payload.
fn checksum(key: &[&[u8]], payload: &[u8]) -> u64 {
    let seed = key.iter().fold(0, |seed, part| XxHash3_64::oneshot_with_seed(seed, part));
    XxHash3_64::oneshot_with_seed(seed, payload)
}

/// Seals a value for its key: the length, a checksum over key and value, and the value.
///
/// A value that is found under another key, cut short, or with any bit changed does not [`open`].
pub(crate) fn seal(key: &[&[u8]], payload: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(payload.len() + CHECKSUM + 5);
    put_varint(&mut sealed, to_u64(payload.len()));
    put_uint(&mut sealed, checksum(key, payload), CHECKSUM);
    sealed.extend_from_slice(payload);
    sealed
}

/// Checks a sealed value. Returns the value without its seal.
///
/// # Errors
///
/// [`Damage`] if these are not the bytes that [`seal`] gave for this key.
pub(crate) fn open<'a>(key: &[&[u8]], sealed: &'a [u8]) -> Result<&'a [u8], Damage> {
    let mut reader = Reader::new(sealed);
    let len = reader.number()?;
    let expected = reader.uint(CHECKSUM)?;
    let payload = reader.take(len)?;
    reader.end()?;
    require(checksum(key, payload) == expected, || "the checksum is not that of the bytes".into())?;
    Ok(payload)
}
