//! Instances as lines of JSON, and back. `docs/format.md` describes every line.

mod line;
mod write;
mod intake;
mod read;

pub(super) use read::import;
#[cfg(feature = "postgres")]
pub(super) use write::Exported;
pub(super) use write::{export_all, export_instance};
