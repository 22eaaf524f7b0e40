//! From lines to instances.

use std::hash::{BuildHasher, RandomState};
use std::io::BufRead;

use crate::model::error::{Error, Result};
use crate::state::State;
use crate::store::export::intake::{Intake, Taken};
use crate::store::export::line::{Line, LineReader, Opening, VERSION};
use crate::store::name::check_name;

/// The store in which imported instances are made.
pub(in crate::store) trait Importing {
    fn has_instance(&self, name: &str) -> Result<bool>;

    /// The most labels that an instance may have.
    fn labels_of(&self, name: &str) -> usize;

    /// Makes an instance with all its contents, completely or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::InstanceExists`] if another caller made it in the meantime.
    fn install(&self, name: &str, state: State) -> Result<()>;
}

/// Makes the instances of an export, each when its last line was read. Returns their names.
pub(in crate::store) fn import(store: &dyn Importing, reader: impl BufRead) -> Result<Vec<String>> {
    let mut lines = LineReader::new(reader);
    let mut names = Vec::new();
    match import_lines(store, &mut lines, &mut names) {
        Ok(()) => Ok(names),
        Err(cause) => Err(lines.at_line(cause)),
    }
}

fn import_lines(store: &dyn Importing, lines: &mut LineReader<impl BufRead>, names: &mut Vec<String>) -> Result<()> {
    let Some(Opening { export }) = lines.next()? else { return Err(lines.invalid("the first line is missing")) };
    if export.version != VERSION {
        return Err(Error::UnknownFormat { version: export.version, path: None });
    }
    let mut begun: Option<Intake> = None;
    while let Some(line) = lines.next::<Line>()? {
        begun = match (begun, line) {
            (Some(intake), line) => match intake.take(line)? {
                Taken::More(intake) => Some(intake),
                Taken::Whole { name, state } => {
                    store.install(&name, state)?;
                    names.push(name);
                    None
                }
            },
            (None, Line::Instance { name, revision, refreshed, highest_label_id }) => {
                check_name(&name)?;
                if store.has_instance(&name)? {
                    return Err(Error::InstanceExists { name });
                }
                let random = RandomState::new();
                let numbers = (random.hash_one(&name), random.hash_one(revision));
                let labels = store.labels_of(&name);
                Some(Intake::new(name, revision, refreshed, highest_label_id, labels, numbers)?)
            }
            (None, Line::ExportEnd { instances }) if u64::try_from(names.len()) == Ok(instances) => {
                return match lines.next::<serde::de::IgnoredAny>()? {
                    None => Ok(()),
                    Some(_) => Err(lines.invalid("behind the end")),
                };
            }
            (None, Line::ExportEnd { .. }) => return Err(lines.invalid(format!("{} instances came", names.len()))),
            (None, _) => return Err(lines.invalid("belongs to no instance")),
        };
    }
    Err(lines.invalid("the end is missing"))
}
