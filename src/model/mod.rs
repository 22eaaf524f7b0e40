//! The words of the interface: errors, ids, names, labels, changes, operations, filters and options.

pub(crate) mod error;
pub(crate) mod error_kind;
pub(crate) mod arg;
mod short_text;
pub(crate) mod label_id;
pub(crate) mod chat_id;
pub(crate) mod name;
pub(crate) mod label;
mod checked_hex;
pub(crate) mod position;
pub(crate) mod public_event;
pub(crate) mod change;
pub(crate) mod op;
pub(crate) mod label_ref;
pub(crate) mod cursor;
pub(crate) mod filter;
#[cfg(feature = "serde")]
pub(crate) mod json;
pub(crate) mod options;
pub(crate) mod failed_refresh;
pub(crate) mod full_state;
pub(crate) mod memory;
