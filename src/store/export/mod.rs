//! Instances as lines of JSON, and back. `docs/format.md` describes every line.

mod line;
mod write;
mod intake;
mod install;
mod read;

pub(super) use read::import;
pub(super) use write::{export_all, export_instance};
