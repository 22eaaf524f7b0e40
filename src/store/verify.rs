//! Checking a whole file.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use crate::index::trace;
use crate::model::change::Revision;
use crate::model::error::{Error, Result};
use crate::state::State;
use crate::store::backend::database::Database;
use crate::store::backend::fault::Fault;
use crate::store::backend::overlay::Overlay;
use crate::store::catalog::{Catalog, Entry, open_database};
use crate::store::folder::{Folder, refused};
use crate::store::load::load;
use crate::store::log_reader::LogReader;
use crate::store::tables::{CHUNKS, instance_key};

/// Bytes of the file that are kept in memory meanwhile.
const CACHE: usize = 32 << 20;

/// What [`Store::verify`](crate::Store::verify) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says whether the file is sound"]
#[non_exhaustive]
pub struct Report {
    /// The instances, by name.
    pub instances: Vec<InstanceReport>,
    /// What is wrong with the file, instances apart: [`Error::Damaged`].
    pub damage: Option<Error>,
}

/// What [`Store::verify`](crate::Store::verify) found of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceReport {
    /// The name.
    pub name: String,
    /// What it has, or what is wrong: [`Error::Damaged`].
    pub contents: Result<Contents>,
}

/// What a sound instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The number of its last commit.
    pub revision: Revision,
    /// How many chats have a label.
    pub total_chats: u64,
    /// How many pairs there are.
    pub total_rows: u64,
}

impl Contents {
    pub(super) fn of(state: &State) -> Self {
        Self { revision: state.revision, total_chats: state.total_chats(), total_rows: state.total_rows }
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.damage.is_none() && self.instances.iter().all(|instance| instance.contents.is_ok())
    }

    pub(super) fn tell_damage(&self) {
        trace::tell_damage(self.damage.as_ref());
        self.instances.iter().for_each(|instance| trace::tell_damage(instance.contents.as_ref().err()));
    }
}

/// Checks the store in a folder.
pub(super) fn verify(folder: &Path) -> Result<Report> {
    let folder = Folder::take_to_read(folder)?;
    let path = &folder.file;
    let file = folder.open(OpenOptions::new().read(true))?;
    let overlay = Overlay::new(file).map_err(|cause| refused("open", path, &cause))?;
    let database = open_database(overlay, CACHE, path)?;
    let damage = match database.check_integrity() {
        Ok(true) => None,
        Ok(false) => Some(Fault::damage("the pages of the database do not go together")),
        Err(fault) => Some(fault),
    };
    let catalog = Catalog::read(&database, path)?;
    let instances = catalog.instances.iter().map(|(name, &entry)| {
        let contents = contents(&database, entry, &catalog.unfinished);
        InstanceReport { name: name.clone(), contents: contents.map_err(|fault| fault.into_error(path, Some(name))) }
    });
    let report = Report { instances: instances.collect(), damage: damage.map(|fault| fault.into_error(path, None)) };
    report.tell_damage();
    Ok(report)
}

fn contents(
    database: &Database,
    Entry { number, identity }: Entry,
    unfinished: &[(u64, u64)],
) -> Result<Contents, Fault> {
    let (state, position) = load(database, number, identity, RandomState::new().hash_one(number))?;
    state.check_invariants().map_err(|violation| Fault::damage(violation.to_string()))?;
    let tables = database.begin_read()?;
    LogReader { tables: &tables, instance: number, identity }.check(&position.extent, position.manifest.log_from)?;
    let mut rows = 0;
    for row in tables.rows(CHUNKS, &instance_key(number))? {
        row?;
        rows += 1;
    }
    if rows > position.manifest.rows.len() && unfinished.iter().all(|&(instance, _)| instance != number) {
        return Err(Fault::damage(format!("{rows} rows, of which the manifest has {}", position.manifest.rows.len())));
    }
    Ok(Contents::of(&state))
}
