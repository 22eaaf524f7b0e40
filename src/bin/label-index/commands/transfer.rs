//! Exports and imports.

use label_index::Error;

use crate::arguments::{Export, Import};
use crate::failure::Failure;
use crate::input_error::InputError;
use crate::source::{Progress, Source};
use crate::{output, stored};

pub(super) fn export(export: &Export) -> Result<(), Failure> {
    let store = stored::store(&export.store)?;
    if let Some(name) = &export.instance {
        stored::instance(&store, name)?;
    }
    let mut exported = Ok(());
    output::print(|out| {
        let mut out = output::Remembering::new(out);
        exported = match &export.instance {
            Some(name) => store.export_instance(name, &mut out),
            None => store.export(&mut out),
        };
        if matches!(exported, Err(Error::Stream { .. })) {
            exported = Ok(());
            return out.refused();
        }
        Ok(())
    })?;
    exported.map_err(Failure::Store)
}

pub(super) fn import(import: &Import) -> Result<(), Failure> {
    let source = Source::of(Some(&import.file));
    // A file that cannot be read makes no store.
    let input = source.open(Progress::Bar).map_err(|error| Failure::input(&source.name(), error))?;
    let store = stored::make(&import.store)?;
    let names = store.import(input).map_err(|error| match error {
        Error::ImportRefused { line, cause } => Failure::input(&source.name(), InputError::at(line, &cause)),
        error => Failure::Store(error),
    })?;
    output::print(|out| names.iter().try_for_each(|name| writeln!(out, "imported {name}")))
}
