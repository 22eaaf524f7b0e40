//! Tests of images: a written state loads as the same state; damage is found.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod damage;
mod history;
mod large;
mod measure;
mod pinned;
mod promises;
mod trips;
mod view;

use std::collections::BTreeMap;

use crate::codec::{Baseline, Damage, Header, Loader, RowId, changed_rows};
use crate::state::State;

/// The stored form of a state.
#[derive(Debug, Clone, PartialEq)]
struct Image {
    header: Vec<u8>,
    rows: BTreeMap<RowId, Vec<u8>>,
}

impl Image {
    fn of(state: &State) -> Self {
        let mut image = Self { header: Vec::new(), rows: BTreeMap::new() };
        image.update(state, &Baseline::empty());
        image
    }

    /// Writes the changed rows. Returns their ids.
    fn update(&mut self, state: &State, since: &Baseline) -> Vec<RowId> {
        self.header = Header::of(state).encode();
        let mut written = Vec::new();
        for (id, row) in changed_rows(state, since) {
            match row {
                Some(row) => drop(self.rows.insert(id, row)),
                None => drop(self.rows.remove(&id).unwrap()),
            }
            written.push(id);
        }
        written
    }

    fn load(&self) -> Result<State, Damage> {
        let header = Header::decode(&self.header)?;
        let mut loader = Loader::new(header, 99);
        for (&id, row) in &self.rows {
            loader.feed(id, row)?;
        }
        loader.finish()
    }
}
