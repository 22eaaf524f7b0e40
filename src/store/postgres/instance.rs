//! An instance as the database has it.

use crate::state::Version;
use crate::store::postgres::record::Head;

/// A row of the table of instances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) identity: u64,
    pub(super) head: Head,
    pub(super) image: Image,
}

/// The checkpoint in force of an instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image {
    /// The number of its rows. 0 if there is none yet.
    pub(super) number: u64,
    /// R4: the head that it was made of, which the log had when it was put in force.
    pub(super) head: Head,
}

/// An instance as it was read.
pub(super) struct FoundInstance {
    pub(super) entry: Entry,
    pub(super) version: Version,
    /// Bytes of the records behind the checkpoint.
    pub(super) log_bytes: u64,
    pub(super) image_bytes: u64,
}
