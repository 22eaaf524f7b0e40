//! The bytes of the rows of a checkpoint.

use crate::codec::{Damage, open, seal};

/// The id of the first row, which has the header. It sorts before all others.
pub(super) const HEADER: &[u8] = b"";

/// Seals a row under its instance, the number of its checkpoint, and its id.
pub(super) fn seal_row(of: (u64, u64), id: &[u8], payload: &[u8]) -> Vec<u8> {
    let key = key(of);
    seal(&[&key[0], &key[1], &key[2], id], payload)
}

/// Opens what [`seal_row`] sealed.
///
/// # Errors
///
/// [`Damage`] if the bytes are not those that were written under this key.
pub(super) fn open_row<'a>(of: (u64, u64), id: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], Damage> {
    let key = key(of);
    open(&[&key[0], &key[1], &key[2], id], sealed)
}

fn key((instance, image): (u64, u64)) -> [[u8; 8]; 3] {
    [*b"pg image", instance.to_be_bytes(), image.to_be_bytes()]
}
