//! An index in a store.

use std::path::Path;

use label_index::{Error, LabelIndex, Limits, Store, StoreOptions};

use crate::PAGE_LIMIT;
use crate::arguments::Arguments;
use crate::failure::Failure;

/// Opens the store and the instance. Only a file that is to be stored makes them.
pub(crate) fn open(folder: &Path, arguments: &Arguments) -> Result<(Store, LabelIndex), Failure> {
    let makes = arguments.file().is_some();
    if !makes && !folder.is_dir() {
        let cause = "there is no store, and no FILE to make one of".to_owned();
        return Err(Failure::Store(Error::Io { path: folder.to_owned(), cause }));
    }
    let mut limits = Limits::default();
    limits.page = PAGE_LIMIT;
    // A row is a link, and may need a new label.
    limits.batch_operations = arguments.batch().saturating_mul(2);
    let store = StoreOptions::new().limits(limits).open(folder).map_err(Failure::Store)?;
    let name = arguments.instance();
    let index = if makes { store.instance(name) } else { store.existing(name) };
    match index {
        Ok(index) => Ok((store, index)),
        Err(error @ (Error::InstanceNameRequired | Error::InvalidInstanceName { .. })) => Err(Failure::Question(error)),
        Err(error) => Err(Failure::Store(error)),
    }
}
