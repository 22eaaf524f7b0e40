//! The list of instances on disk.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use crate::model::error::{Error, Result};
use crate::store::backend::StorageBackend;
use crate::store::backend::database::Database;
use crate::store::backend::fault::Fault;
use crate::store::name::check_name;
use crate::store::tables::{Fields, INSTANCES, META, STORE, UNFINISHED, fields};
use crate::store::write_batch::WriteBatch;

/// The format number that this version writes.
const FORMAT: u64 = 3;

/// The oldest format that is read. The first write makes a file of an earlier format one of [`FORMAT`].
const OLDEST: u64 = 1;

/// What is known of a store before any instance is loaded.
#[derive(Debug)]
pub(super) struct Catalog {
    /// D1: as many as the row of the store says, each with a number below `next`.
    pub(super) instances: BTreeMap<String, Entry>,
    /// The number of the next instance.
    pub(super) next: u64,
    /// Checkpoints that were begun and not finished, as instance and number.
    pub(super) unfinished: Vec<(u64, u64)>,
    /// Whether the file has an earlier format.
    pub(super) is_former: bool,
}

/// An instance in the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) identity: u64,
}

/// The identity of a new instance.
pub(super) fn random_identity(name: &str) -> u64 {
    RandomState::new().hash_one(name)
}

/// The row that describes the whole store.
pub(super) fn store_row(instances: u64, next: u64) -> Vec<u8> {
    fields(&[FORMAT, instances, next])
}

/// The row of an instance in the list.
pub(super) fn entry_row(entry: Entry) -> Vec<u8> {
    fields(&[entry.number, entry.identity])
}

/// Opens a database, or initialises an empty one.
pub(super) fn open_database(backend: impl StorageBackend, cache_bytes: usize, path: &Path) -> Result<Database> {
    let first = || {
        let mut batch = WriteBatch::default();
        batch.put(META, STORE, &store_row(0, 0));
        batch
    };
    Database::open(backend, cache_bytes, first).map_err(|fault| fault.into_error(path, None))
}

impl Catalog {
    /// Reads the list of instances.
    pub(super) fn read(database: &Database, path: &Path) -> Result<Self> {
        let format = || Ok(Fields(&database.begin_read()?.expect(META, STORE)?).number()?);
        match format().map_err(|fault: Fault| fault.into_error(path, None))? {
            OLDEST..=FORMAT => Self::read_tables(database).map_err(|fault| fault.into_error(path, None)),
            version => Err(Error::UnknownFormat { version, path: Some(path.to_owned()) }),
        }
    }

    fn read_tables(database: &Database) -> Result<Self, Fault> {
        let tables = database.begin_read()?;
        tables.check_tables()?;
        let store = tables.expect(META, STORE)?;
        let mut store = Fields(&store);
        let (format, count, next) = (store.number()?, store.number()?, store.number()?);
        store.end()?;
        let mut instances = BTreeMap::new();
        for row in tables.rows(INSTANCES, &[])? {
            let (name, entry) = row?;
            let mut fields = Fields(&entry);
            let entry = Entry { number: fields.number()?, identity: fields.number()? };
            fields.end()?;
            let name = String::from_utf8(name).map_err(|_| Fault::damage("the name of an instance is not UTF-8"))?;
            check_name(&name).map_err(|error| Fault::damage(error.to_string()))?;
            if entry.number >= next {
                return Err(Fault::damage(format!("instance {name:?} has a number that was never given")));
            }
            instances.insert(name, entry);
        }
        if u64::try_from(instances.len()) != Ok(count) {
            return Err(Fault::damage(format!("{} instances instead of {count}", instances.len())));
        }
        let mut unfinished = Vec::new();
        for row in tables.rows(UNFINISHED, &[])? {
            let (instance, number) = row?;
            unfinished.push((Fields(&instance).number()?, Fields(&number).number()?));
        }
        Ok(Self { instances, next, unfinished, is_former: format < FORMAT })
    }
}
