//! From rows to the index.

use std::collections::HashMap;
use std::io::BufRead;
use std::mem;

use label_index::{Batch, Error, LabelId, LabelIndex, LabelName, LabelPatch};

use crate::failure::InputError;
use crate::rows::{Row, Rows};

/// Operations in one batch: enough to make its own cost small, and little to hold in memory.
const BATCH: usize = 10_000;

/// Links every chat to its labels. Each distinct display name is a label of its own, and the labels get the ids 1, 2,
/// .. in order of first appearance.
pub(crate) fn load(index: &LabelIndex, mut rows: Rows<impl BufRead>) -> Result<(), InputError> {
    let mut loader = Loader { index, batch: index.batch(), lines: Vec::new(), labels: HashMap::new() };
    while let Some(row) = rows.next()? {
        loader.add(&row).map_err(|error| InputError::at(row.line, &error))?;
        if loader.batch.len() >= BATCH {
            loader.commit()?;
        }
    }
    loader.commit()
}

struct Loader<'a> {
    index: &'a LabelIndex,
    batch: Batch,
    /// The line of each operation in the batch.
    lines: Vec<u64>,
    /// By display name, byte for byte: `ensure_label` would take `VIP` and `vip` for one.
    labels: HashMap<String, LabelId>,
}

impl Loader<'_> {
    fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        // A display name is kept trimmed.
        let label = match self.labels.get(row.label.trim()) {
            Some(id) => id,
            None => &self.define(row)?,
        };
        self.batch.link(label, row.chat)?;
        self.lines.push(row.line);
        Ok(())
    }

    fn define(&mut self, row: &Row<'_>) -> Result<LabelId, Error> {
        let name: LabelName = row.label.parse()?;
        let id: LabelId = (self.labels.len() + 1).to_string().parse()?;
        self.labels.insert(name.as_str().to_owned(), id.clone());
        self.batch.upsert_label(&id, LabelPatch::from(name))?;
        self.lines.push(row.line);
        Ok(id)
    }

    fn commit(&mut self) -> Result<(), InputError> {
        let batch = mem::replace(&mut self.batch, self.index.batch());
        let lines = mem::take(&mut self.lines);
        match batch.commit() {
            Ok(_) => Ok(()),
            Err(Error::BatchRefused { position, cause }) => Err(match lines.get(position) {
                Some(&line) => InputError::at(line, &cause),
                None => InputError::whole(&cause),
            }),
            Err(error) => Err(InputError::whole(&error)),
        }
    }
}
