//! States and commits as bytes, and back: what a store writes, without the store.
//!
//! A state is a [`Header`] and rows, each of one kind and a fixed range of numbers; [`changed_rows`] gives those that
//! differ from what was written before, and a [`Loader`] makes the state of them again. What can be computed is not
//! written: hash tables, counts, signatures and lists of places are built at once when everything is there. `docs/format.md`
//! describes every byte.
//!
//! Bytes that come back may be anything. Nothing here panics on them, reserves memory for what they merely claim, or
//! takes an id that no constructor would give: they are refused as [`Damage`].

mod damage;
mod bytes;
mod seal;
mod pack;
mod ids;
mod row_id;
mod header;
mod buckets;
mod keys;
mod sets;
mod rows;
mod load;
mod log;
mod replay;
#[cfg(test)]
mod tests;

pub(crate) use damage::Damage;
pub(crate) use header::Header;
pub(crate) use load::Loader;
pub(crate) use log::{LogRecord, RecordFormat, decode_record, encode_record, first_revision};
pub(crate) use row_id::RowId;
#[cfg(test)]
use row_id::RowKind;
pub(crate) use rows::{Baseline, ChangedRow, changed_rows};
pub(crate) use seal::{open, seal};
