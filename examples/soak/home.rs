//! Where the index lives: in a store or in memory.

use std::fs;
use std::path::{Path, PathBuf};

use label_index::{Error, LabelIndex, Limits, Options, Store, StoreOptions};
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::trouble::{Trouble, same};

const INSTANCE: &str = "soak";

/// Changes that the feed keeps. It is small, so that the buffer fills early and the idle subscriber misses commits.
const FEED: usize = 8_192;

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.feed_changes = FEED;
    limits
}

fn open_store(folder: &Path) -> Result<Store, Error> {
    StoreOptions::new().limits(limits()).open(folder)
}

pub(crate) enum Home {
    Memory(LabelIndex),
    Disk {
        store: Store,
        folder: PathBuf,
        /// A temporary folder, which is deleted at the end.
        _temporary: Option<TempDir>,
    },
}

impl Home {
    pub(crate) fn open(arguments: &Arguments) -> Result<Self, Trouble> {
        if arguments.memory {
            return Ok(Self::Memory(Options::new().limits(limits()).build()));
        }
        let temporary = if arguments.store().is_some() { None } else { Some(TempDir::new()?) };
        let folder =
            arguments.store().or(temporary.as_ref().map(TempDir::path)).map(Path::to_owned).unwrap_or_default();
        let store = open_store(&folder)?;
        if store.instances().iter().any(|name| name == INSTANCE) {
            return Err(Error::InstanceExists { name: INSTANCE.to_owned() }.into());
        }
        Ok(Self::Disk { store, folder, _temporary: temporary })
    }

    pub(crate) fn index(&self) -> Result<LabelIndex, Error> {
        match self {
            Self::Memory(index) => Ok(index.clone()),
            Self::Disk { store, .. } => store.instance(INSTANCE),
        }
    }

    pub(crate) fn store(&self) -> Option<&Store> {
        match self {
            Self::Memory(_) => None,
            Self::Disk { store, .. } => Some(store),
        }
    }

    /// Bytes of the store's files.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        let Self::Disk { folder, .. } = self else { return None };
        let files = fs::read_dir(folder).ok()?.flatten();
        Some(files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum())
    }

    /// Closes the store, verifies its file and opens it again.
    pub(crate) fn reopen(self) -> Result<Self, Trouble> {
        let Self::Disk { store, folder, _temporary } = self else { return Ok(self) };
        drop(store);
        let report = Store::verify(&folder)?;
        same(0, format_args!("soundness of the file: {report:?}"), &report.is_sound(), &true)?;
        Ok(Self::Disk { store: open_store(&folder)?, folder, _temporary })
    }
}
