//! What makes up an instance on disk.

use std::collections::BTreeMap;

use crate::state::State;
use crate::state::image::{Header, RowId};
use crate::store::fault::Fault;
use crate::store::tables::{Fields, fields};

/// The last checkpoint of an instance: what is in it, which checkpoint wrote each row, and where the log goes on.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) header: Header,
    /// The number of this checkpoint; 0 is that of an instance that had none.
    pub(super) checkpoint: u64,
    /// D3: the first record of the log that is not in the checkpoint.
    pub(super) log_from: u64,
    /// D2: for each row of the header the checkpoint that wrote it.
    pub(super) rows: BTreeMap<RowId, u64>,
}

impl Manifest {
    /// Of an instance that has nothing yet.
    pub(super) fn empty(identity: u64) -> Self {
        let header = Header::of(&State::new(identity, 0));
        Self { header, checkpoint: 0, log_from: 0, rows: BTreeMap::new() }
    }

    /// Three numbers, runs of rows that one checkpoint wrote, and the header.
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

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut bytes = Fields(bytes);
        let (checkpoint, log_from, runs) = (bytes.number()?, bytes.number()?, bytes.number()?);
        let mut written = Vec::new();
        for _ in 0..runs {
            written.push((bytes.number()?, bytes.number()?));
        }
        let header = Header::decode(bytes.0)?;
        let mut ids = header.rows();
        let mut rows = BTreeMap::new();
        for (checkpoint, count) in written {
            for _ in 0..count {
                let id = ids.next().ok_or_else(|| Fault::damage("the manifest names more rows than there are"))?;
                rows.insert(id, checkpoint);
            }
        }
        match ids.next() {
            None => Ok(Self { header, checkpoint, log_from, rows }),
            Some(id) => Err(Fault::damage(format!("the manifest does not name {id:?}"))),
        }
    }
}
