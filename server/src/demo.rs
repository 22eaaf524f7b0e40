//! An instance with the bundled sample.

use label_index::{LabelIndex, Store};
use serde::Deserialize;

/// The name of the instance.
pub(crate) const INSTANCE: &str = "demo";

/// An invented account: a chat and the name of one of its labels in each row.
const SAMPLE: &str = include_str!("../../examples/data/crm_sample.csv");

#[derive(Debug, Deserialize)]
struct Row {
    chat: String,
    label: String,
}

/// Makes the instance, with the sample in it if it is empty.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn prepare(store: &Store) -> label_index::Result<()> {
    let index = store.instance(INSTANCE)?;
    if index.revision() > 0 { Ok(()) } else { fill(&index) }
}

/// Adds the sample in one commit, each label with a colour of its own.
fn fill(index: &LabelIndex) -> label_index::Result<()> {
    let mut batch = index.batch();
    let mut rows = csv::Reader::from_reader(SAMPLE.as_bytes());
    let mut labels = std::collections::HashMap::new();
    for Row { chat, label } in rows.deserialize().filter_map(Result::ok) {
        let color = i32::try_from(labels.len() % 20).unwrap_or_default();
        let token = match labels.entry(label) {
            std::collections::hash_map::Entry::Occupied(known) => *known.get(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let label = label_index::NewLabel::named(new.key().as_str())?.color(color);
                *new.insert(batch.create_label(label)?)
            }
        };
        batch.link(token, chat)?;
    }
    batch.commit()?;
    Ok(())
}
