//! From instances to lines.

use std::io::{BufWriter, Write};

use crate::model::error::{Error, Result};
use crate::model::op::RefreshState;
use crate::state::State;
use crate::state::labels::Slot;
use crate::store::export::line::{Counts, Line, LineWriter, Opening, VERSION, Version};
use crate::store::instances::Shared;

/// Labels in one line of a chat: with their quotes, and each byte escaped, they are well below the length of a line.
const LABELS_IN_LINE: usize = 4_096;

/// The store whose instances are exported.
pub(in crate::store) trait Exported {
    /// Runs something on the state of an instance, which is loaded for that time unless it is loaded already.
    fn with_state(&self, name: &str, put: &mut dyn FnMut(&State) -> Result<()>) -> Result<()>;
}

impl Exported for Shared {
    fn with_state(&self, name: &str, put: &mut dyn FnMut(&State) -> Result<()>) -> Result<()> {
        let instance = self.find(name)?;
        let was_loaded = matches!(instance.loaded(), Ok(Some(_)));
        let version = self.load_instance(&instance, &|name| Ok(self.limits.of(name)))?.version();
        put(&version)?;
        drop(version);
        if was_loaded {
            return Ok(());
        }
        match self.release(&instance, "export") {
            // It is in use now, or was removed.
            Ok(_) | Err(Error::InstanceInUse { .. } | Error::UnknownInstance { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Writes one instance.
pub(in crate::store) fn export_instance(store: &dyn Exported, name: &str, writer: impl Write) -> Result<()> {
    let mut out = open(writer)?;
    store.with_state(name, &mut |state| put_instance(&mut out, name, state))?;
    close(out, 1)
}

/// Writes instances in this order, except those that do not exist.
pub(in crate::store) fn export_all(
    store: &dyn Exported,
    names: impl IntoIterator<Item = String>,
    writer: impl Write,
) -> Result<()> {
    let mut out = open(writer)?;
    let mut instances = 0;
    for name in names {
        match store.with_state(&name, &mut |state| put_instance(&mut out, &name, state)) {
            Ok(()) => instances += 1,
            // It was removed in the meantime.
            Err(Error::UnknownInstance { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    close(out, instances)
}

fn open<W: Write>(writer: W) -> Result<LineWriter<BufWriter<W>>> {
    let mut out = LineWriter(BufWriter::new(writer));
    out.put(&Opening { export: Version { version: VERSION } })?;
    Ok(out)
}

fn close(mut out: LineWriter<impl Write>, instances: u64) -> Result<()> {
    out.put(&Line::ExportEnd { instances })?;
    out.flush()
}

fn put_instance(out: &mut LineWriter<impl Write>, name: &str, state: &State) -> Result<()> {
    let refreshed = match state.refresh_state {
        RefreshState::Never => None,
        RefreshState::Done { revision } => Some(revision),
    };
    let mut counts = Counts::default();
    out.put(&Line::Instance {
        name: name.to_owned(),
        revision: state.revision,
        refreshed,
        highest_label_id: state.labels.highest,
    })?;
    for label in state.labels.iter() {
        counts.labels += 1;
        out.put(&Line::Label(label.into()))?;
    }
    for (id, ()) in state.labels.deleted.iter() {
        counts.deleted_labels += 1;
        out.put(&Line::DeletedLabel { id: id.to_string() })?;
    }
    for (from, into) in state.aliases.iter() {
        counts.aliases += 1;
        out.put(&Line::Alias { from: from.to_string(), into: into.to_string() })?;
    }
    let id_of = |&slot: &Slot| state.labels.at(slot).map(|label| label.id().to_string());
    for (place, set) in state.chats.taken_from(0) {
        let Some(chat) = state.chats.chat_at(place) else { continue };
        counts.chats += 1;
        for slots in state.sets.members(set).chunks(LABELS_IN_LINE) {
            let labels: Vec<String> = slots.iter().filter_map(id_of).collect();
            counts.rows += u64::try_from(labels.len()).unwrap_or(u64::MAX);
            out.put(&Line::Chat { id: chat.to_string(), labels })?;
        }
    }
    out.put(&Line::InstanceEnd(counts))
}
