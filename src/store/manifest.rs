//! The manifest: which rows make up an instance on disk.

use std::collections::BTreeMap;

use crate::codec::{Header, RowId};
use crate::state::State;
use crate::store::backend::fault::Fault;
use crate::store::tables::{Fields, fields};

/// The last checkpoint of an instance: its rows, the checkpoint that wrote each of them, and where the log continues.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) header: Header,
    /// The number of this checkpoint; 0 if the instance has none yet.
    pub(super) checkpoint: u64,
    /// D3: the first record of the log that is not in the checkpoint.
    pub(super) log_from: u64,
    /// D2: for each row of the header, the checkpoint that wrote it.
    pub(super) rows: BTreeMap<RowId, u64>,
}

impl Manifest {
    /// The manifest of an empty instance.
    pub(super) fn empty(identity: u64) -> Self {
        let header = Header::of(&State::new(identity, 0));
        Self { header, checkpoint: 0, log_from: 0, rows: BTreeMap::new() }
    }

    /// Three numbers, the runs of rows that one checkpoint wrote, and the header.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for &checkpoint in self.rows.values() {
            match runs.last_mut() {
                Some((last, rows)) if *last == checkpoint => *rows += 1,
                _ => runs.push((checkpoint, 1)),
            }
        }
        let mut numbers = vec![self.checkpoint, self.log_from, u64::try_from(runs.len()).unwrap_or(u64::MAX)];
        numbers.extend(runs.into_iter().flat_map(|(checkpoint, rows)| [checkpoint, rows]));
        let mut bytes = fields(&numbers);
        bytes.extend(self.header.encode());
        bytes
    }
}

/// A manifest whose rows are not read yet: damaged, it may name more rows than any file has.
#[derive(Debug)]
pub(super) struct UnverifiedManifest {
    pub(super) header: Header,
    pub(super) checkpoint: u64,
    pub(super) log_from: u64,
    /// A checkpoint, and the number of consecutive rows that it wrote.
    runs: Vec<(u64, u64)>,
}

impl UnverifiedManifest {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut bytes = Fields(bytes);
        let (checkpoint, log_from, count) = (bytes.number()?, bytes.number()?, bytes.number()?);
        let mut runs = Vec::new();
        for _ in 0..count {
            runs.push((bytes.number()?, bytes.number()?));
        }
        Ok(Self { header: Header::decode(bytes.0)?, checkpoint, log_from, runs })
    }

    /// Each row of the header with the checkpoint that wrote it; an error in place of the first row that does not fit.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<(RowId, u64), Fault>> {
        let mut ids = self.header.rows();
        let mut written = self.runs.iter().flat_map(|&(checkpoint, count)| (0..count).map(move |_| checkpoint));
        std::iter::from_fn(move || match (ids.next(), written.next()) {
            (Some(id), Some(checkpoint)) => Some(Ok((id, checkpoint))),
            (Some(id), None) => Some(Err(Fault::damage(format!("the manifest does not name {id:?}")))),
            (None, Some(_)) => Some(Err(Fault::damage("the manifest names more rows than there are"))),
            (None, None) => None,
        })
    }
}
