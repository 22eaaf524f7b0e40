//! From lines to instances.

use std::io::BufRead;

use crate::index::label_index::seed_or_random;
use crate::model::error::{Error, Result};
use crate::store::catalog::random_identity;
use crate::store::export::intake::{Intake, Taken};
use crate::store::export::line::{Line, LineReader, Opening, VERSION};
use crate::store::install::{Install, check_new};

/// Makes the instances of an export, each when its last line was read. Returns their names.
pub(in crate::store) fn import(store: &dyn Install, reader: impl BufRead) -> Result<Vec<String>> {
    let mut lines = LineReader::new(reader);
    let mut names = Vec::new();
    match import_lines(store, &mut lines, &mut names) {
        Ok(()) => Ok(names),
        Err(cause) => Err(lines.at_line(cause)),
    }
}

fn import_lines(store: &dyn Install, lines: &mut LineReader<impl BufRead>, names: &mut Vec<String>) -> Result<()> {
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
                check_new(store, &name)?;
                let numbers = (random_identity(&name), seed_or_random(None));
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
