//! From rows to the index.

use std::collections::HashMap;
use std::io::BufRead;
use std::mem;

use label_index::{Batch, Error, LabelIndex, LabelName, LabelRef};

use crate::failure::Failure;
use crate::input_error::InputError;
use crate::rows::{Row, Rows};

/// Links every chat to its labels, so many rows in one batch, and tells after each batch how many rows were read.
///
/// Each distinct display name is a label of its own: the first of those that the index has under it, or else a new one,
/// made in the batch of its first link. So an empty index gives the ids 1, 2, .. in order of first appearance, and a file
/// of which some batches were loaded before gives what it would have given at once.
pub(crate) fn load(
    index: &LabelIndex,
    source: &str,
    mut rows: Rows<impl BufRead>,
    rows_in_batch: usize,
    mut committed: impl FnMut(u64),
) -> Result<(), Failure> {
    let refused = |error| Failure::input(source, error);
    let mut loader = Loader::new(index);
    let mut read = 0;
    while let Some(row) = rows.next().map_err(refused)? {
        loader.add(&row).map_err(|error| refused(InputError::at(row.line, &error)))?;
        read += 1;
        if loader.rows == rows_in_batch {
            loader.commit(source)?;
            committed(read);
        }
    }
    if loader.rows > 0 {
        loader.commit(source)?;
        committed(read);
    }
    Ok(())
}

struct Loader<'a> {
    index: &'a LabelIndex,
    batch: Batch,
    rows: usize,
    /// The line of each operation in the batch.
    lines: Vec<u64>,
    /// By display name, byte for byte: `ensure_label` would take `VIP` and `vip` for one.
    labels: HashMap<String, LabelRef>,
    /// The names of the labels that the batch creates, in order.
    created: Vec<String>,
}

impl<'a> Loader<'a> {
    fn new(index: &'a LabelIndex) -> Self {
        let mut labels = HashMap::new();
        for label in index.labels() {
            if let Some(name) = label.name() {
                labels.entry(name.to_string()).or_insert_with(|| LabelRef::Id(label.id().clone()));
            }
        }
        Self { index, batch: index.batch(), rows: 0, lines: Vec::new(), labels, created: Vec::new() }
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        // A display name is kept trimmed.
        let label = match self.labels.get(row.label.trim()) {
            Some(label) => label.clone(),
            None => self.define(row)?,
        };
        self.batch.link(label, row.chat)?;
        self.lines.push(row.line);
        self.rows += 1;
        Ok(())
    }

    fn define(&mut self, row: &Row<'_>) -> Result<LabelRef, Error> {
        let name: LabelName = row.label.parse()?;
        let (text, label) = (name.to_string(), LabelRef::Token(self.batch.create_label(name)?));
        self.lines.push(row.line);
        self.created.push(text.clone());
        self.labels.insert(text, label.clone());
        Ok(label)
    }

    fn commit(&mut self, source: &str) -> Result<(), Failure> {
        let batch = mem::replace(&mut self.batch, self.index.batch());
        let lines = mem::take(&mut self.lines);
        self.rows = 0;
        let done = batch.commit().map_err(|error| match error {
            Error::BatchRefused { position, cause } => Failure::input(
                source,
                match lines.get(position) {
                    Some(&line) => InputError::at(line, &cause),
                    None => InputError::whole(&cause),
                },
            ),
            error => Failure::Store(error),
        })?;
        self.labels.extend(self.created.drain(..).zip(done.created.into_iter().map(LabelRef::Id)));
        Ok(())
    }
}
