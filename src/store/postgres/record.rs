//! A group of commits as a row of the log.

use std::hash::{BuildHasher, RandomState};

use twox_hash::XxHash3_64;

use crate::codec::{Damage, RecordFormat, decode_record, encode_record, open, seal};
use crate::collections::number::to_u64;
use crate::model::change::{Commit, Revision};

/// The end of a log: its last revision, and a hash over every record up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head {
    pub(super) revision: Revision,
    pub(super) chain: u64,
}

/// A group of commits as it is written.
#[derive(Debug)]
pub(super) struct Record {
    /// The log before it.
    pub(super) behind: Head,
    /// The log with it.
    pub(super) head: Head,
    /// R3: the random id by which its writer recognises it. It is in the log once or not at all.
    pub(super) group_id: u64,
    /// How many changes its commits have.
    pub(super) changes: u64,
    /// When it was written, in milliseconds since 1970 by the clock of the writer.
    pub(super) written: u64,
    pub(super) commits: Vec<u8>,
}

impl Record {
    /// The record of commits that follow a head. None if there are none.
    pub(super) fn new(instance: u64, behind: Head, commits: &[Commit], now: u64) -> Option<Self> {
        let revision = commits.last()?.revision;
        let changes = to_u64(commits.iter().map(|commit| commit.changes.len()).sum());
        let mut bytes = Vec::new();
        encode_record(now, commits, &mut bytes);
        let key = key(instance, revision);
        let commits = seal(&key.each_ref().map(|part| &part[..]), &bytes);
        let group_id = random_number();
        let chain = chained(behind.chain, group_id, &commits);
        Some(Self { behind, head: Head { revision, chain }, group_id, changes, written: now, commits })
    }

    /// The commits.
    ///
    /// # Errors
    ///
    /// [`Damage`] if the bytes are not those that were written under this key.
    pub(super) fn decode(&self, instance: u64, identity: u64) -> Result<Vec<Commit>, Damage> {
        let key = key(instance, self.head.revision);
        let payload = open(&key.each_ref().map(|part| &part[..]), &self.commits)?;
        Ok(decode_record(payload, identity, RecordFormat::Two)?.commits)
    }

    pub(super) fn bytes(&self) -> u64 {
        to_u64(self.commits.len())
    }

    /// Whether the record continues the log `behind`.
    pub(super) fn is_next(&self) -> bool {
        chained(self.behind.chain, self.group_id, &self.commits) == self.head.chain
    }
}

/// A random number, never 0.
pub(super) fn random_number() -> u64 {
    (RandomState::new().hash_one(0) >> 1).max(1)
}

fn key(instance: u64, revision: Revision) -> [[u8; 8]; 3] {
    [*b"pg log\0\0", instance.to_be_bytes(), revision.to_be_bytes()]
}

fn chained(chain: u64, group_id: u64, commits: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot_with_seed(chain, &group_id.to_be_bytes()), commits)
}
