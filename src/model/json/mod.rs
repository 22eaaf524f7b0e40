//! How values of the interface are read and written by serde, above all as JSON.
//!
//! Reading is strict about names and lenient about forms: a field that is not known is refused, so that a misspelled one
//! cannot count as absent; an id may be a text or a number.

mod filter;
mod labels;
mod strict;
mod texts;
pub(crate) mod write;

pub(in crate::model) use labels::reported_patch;
