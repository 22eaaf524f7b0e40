//! Removing an instance.

use crate::arguments::Remove;
use crate::failure::Failure;
use crate::{output, stored};

pub(super) fn run(remove: &Remove) -> Result<(), Failure> {
    let store = stored::store(&remove.store)?;
    store.remove_instance(&remove.instance).map_err(stored::refused)?;
    output::print(|out| writeln!(out, "removed {}", remove.instance))
}
