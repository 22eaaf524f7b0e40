//! Asking a file, a store, or the sample.

use label_index::{Answer, Filter, LabelIndex, Page};

use crate::arguments::{Query, without_arguments};
use crate::failure::Failure;
use crate::gathered::gather;
use crate::source::{Progress, Source};
use crate::storing::{Target, empty_index};
use crate::{output, stored, table};

pub(super) fn run(query: &Query) -> Result<(), Failure> {
    let filter = query.question.filter_or_default();
    let page = query.question.page()?;
    // What is wrong with a question is wrong without a single chat too: better said before the file is read. Only the
    // cursors of a store are its own.
    let first = if query.store.is_some() { Page::first(page.limit()) } else { page };
    check(&filter, first)?;

    let Some(folder) = &query.store else {
        let source = Source::of(query.file.as_deref());
        let mut rows = source.rows(Progress::Bar, query.delimiter)?;
        let load = gather(&source.name(), &mut rows, u64::MAX)?.into_bulk_load(&source.name())?;
        return answer(query, &load.finish(), &filter, page);
    };
    let Some(file) = &query.file else {
        let (_store, index) = stored::existing(folder, &query.instance)?;
        return answer(query, &index, &filter, page);
    };
    let source = Source::of(Some(file));
    // A file that cannot be read makes no store.
    let rows = source.rows(Progress::Elsewhere, query.delimiter)?;
    let target = Target { store: folder, instance: &query.instance, batch: query.batch };
    let (_store, index) = target.load(&source.name(), rows, |index| ask(index, &filter, page).map(drop))?;
    answer(query, &index, &filter, page)
}

/// Asks an empty index, which refuses what every index refuses.
pub(super) fn check(filter: &Filter, page: Page) -> Result<(), Failure> {
    ask(&empty_index(), filter, page).map(drop)
}

fn ask(index: &LabelIndex, filter: &Filter, page: Page) -> Result<Answer, Failure> {
    index.query(filter, page).map_err(Failure::Question)
}

fn answer(query: &Query, index: &LabelIndex, filter: &Filter, page: Page) -> Result<(), Failure> {
    let answer = ask(index, filter, page)?;
    let question = without_arguments().then_some("query --names VIP,Support");
    output::print(
        |out| if query.json { output::json(out, &answer) } else { table::print(out, index, &answer, question) },
    )
}
