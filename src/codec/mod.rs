//! Encoding and decoding of states and commits, without I/O.
//!
//! A state is a [`Header`] and rows, each of one kind and a fixed range of numbers; [`changed_rows`] gives those that
//! differ from what was written before, and a [`Loader`] builds the state from all of them. What can be computed is not
//! written: hash tables, counts, signatures and lists of places are built in bulk at the end of a load.
//! `docs/format.md` describes every byte.
//!
//! Bytes that are read are not trusted. Nothing here panics on them, allocates for lengths that they only claim, or
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
