//! Adding the rows of a file to a store.

use label_index::{Filter, Page};

use crate::arguments::Load;
use crate::commands::query::check;
use crate::failure::Failure;
use crate::source::{Progress, Source};
use crate::storing::Target;
use crate::{output, table};

pub(super) fn run(load: &Load) -> Result<(), Failure> {
    let (filter, page) = (Filter::new(), Page::first(load.limit));
    check(&filter, page)?;
    let source = Source::of(Some(&load.file));
    // A file that cannot be read makes no store.
    let rows = source.rows(Progress::Elsewhere, load.delimiter)?;
    let target = Target { store: &load.store, instance: &load.instance, batch: load.batch };
    let (_store, index) = target.load(&source.name(), rows, |_| Ok(()))?;
    let answer = index.query(&filter, page).map_err(Failure::Question)?;
    output::print(|out| if load.json { output::json(out, &answer) } else { table::print(out, &index, &answer, None) })
}
