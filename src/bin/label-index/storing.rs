//! Adds the rows of a file to an instance of a store.

use std::io::Read;
use std::num::NonZeroUsize;
use std::path::Path;

use label_index::{Error, LabelIndex, Options, Store};

use crate::failure::Failure;
use crate::gathered::gather;
use crate::rows::Rows;
use crate::stored::{make_for, refused};
use crate::{PAGE_LIMIT, batches, output};

/// The instance that gets the rows.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The store, which is made if there is none.
    pub(crate) store: &'a Path,
    /// The name of the instance, which is made if there is none.
    pub(crate) instance: &'a str,
    /// The rows of each batch.
    pub(crate) batch: Option<NonZeroUsize>,
}

impl Target<'_> {
    /// The most rows of which a new instance is made at once. With a chat for each row that takes 0.6 GB where ids are
    /// numbers, and 1.5 GB where they are texts of 37 bytes, the instance included.
    const AT_ONCE: u64 = 1 << 23;

    /// The rows of each batch if the user asked for no other number.
    const BATCH: usize = 10_000;

    /// Adds all rows, and reports on standard error how many are durable. `check` is called before anything is added, with
    /// the instance or with an empty index.
    pub(crate) fn load(
        self,
        source: &str,
        rows: Rows<impl Read>,
        check: impl FnOnce(&LabelIndex) -> Result<(), Failure>,
    ) -> Result<(Store, LabelIndex), Failure> {
        let batch = self.batch.map_or(Self::BATCH, NonZeroUsize::get);
        let store = make_for(self.store, batch)?;
        let at_once = if self.batch.is_none() { Self::AT_ONCE } else { 0 };
        let index = load(&store, self.instance, (source, rows), at_once, batch, check)?;
        Ok((store, index))
    }
}

/// An index in which a new instance begins.
pub(crate) fn empty_index() -> LabelIndex {
    Options::new().page_limit(PAGE_LIMIT).build()
}

/// Makes a new instance with the first rows, `at_once`, and adds all others batch by batch.
fn load(
    store: &Store,
    name: &str,
    (source, mut rows): (&str, Rows<impl Read>),
    at_once: u64,
    batch: usize,
    check: impl FnOnce(&LabelIndex) -> Result<(), Failure>,
) -> Result<LabelIndex, Failure> {
    let mut made = 0;
    let index = match store.existing(name) {
        Ok(index) => {
            check(&index)?;
            index
        }
        Err(Error::UnknownInstance { .. }) => {
            check(&empty_index())?;
            let gathered = gather(source, &mut rows, at_once)?;
            made = gathered.rows();
            if made > 0 {
                let index = store.create_instance(name, gathered.into_bulk_load(source)?).map_err(refused)?;
                output::tell_committed(made);
                index
            } else {
                store.instance(name).map_err(refused)?
            }
        }
        Err(error) => return Err(refused(error)),
    };
    batches::load(&index, source, rows, made, batch, output::tell_committed)?;
    Ok(index)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

    use std::collections::BTreeMap;

    use label_index::{LabelIndex, Store};

    use super::load;
    use crate::delimiter::Delimiter;
    use crate::rows::Rows;

    const ROWS: &str = "chat,label\n\
        ana,VIP\nbob,Support\nana,Support\neve,vip\ndan,New\neve,Support\nana,VIP\nzoe,Late\nbob,Late\n";

    /// The names of each chat's labels, in the order of chats.
    fn content(index: &LabelIndex) -> (u64, Vec<(String, Vec<String>)>) {
        let names = |listed: label_index::LabelledChat| {
            let names = listed.labels.iter().filter_map(|label| label.name().map(ToString::to_string)).collect();
            (listed.chat_id.to_string(), names)
        };
        (index.total_rows(), index.snapshot().iter().map(names).collect())
    }

    /// The instance after its first rows, `at_once`, and batches of two rows.
    fn loaded(at_once: u64) -> (u64, Vec<(String, Vec<String>)>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let rows = Rows::new(ROWS.as_bytes(), Delimiter::COMMA).unwrap();
        let index = load(&store, "shop", ("rows.csv", rows), at_once, 2, |_| Ok(())).unwrap();
        index.check_invariants().unwrap();
        content(&index)
    }

    #[test]
    fn batches_go_on_where_the_first_rows_end() {
        let expected = loaded(u64::MAX);
        let labels: BTreeMap<_, _> = expected.1.iter().cloned().collect();
        assert_eq!((expected.0, labels.len(), labels["ana"].len()), (8, 5, 2));
        for at_once in 0..=10 {
            assert_eq!(loaded(at_once), expected, "{at_once}");
        }
    }
}
