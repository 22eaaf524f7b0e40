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

/// Writes one instance.
pub(in crate::store) fn export_instance(store: &Shared, name: &str, writer: impl Write) -> Result<()> {
    let instance = store.find(name)?;
    let index = store.load(&instance)?;
    let mut out = open(writer)?;
    put_instance(&mut out, name, &index.version())?;
    close(out, 1)
}

/// Writes all instances, by name. Those that were not loaded are so only while they are written.
pub(in crate::store) fn export_all(store: &Shared, writer: impl Write) -> Result<()> {
    let mut out = open(writer)?;
    let names: Vec<String> = store.instances.lock().names();
    let mut instances = 0;
    for name in names {
        let Ok(instance) = store.find(&name) else { continue };
        let was_loaded = matches!(instance.loaded(), Ok(Some(_)));
        let version = match store.load(&instance) {
            Ok(index) => index.version(),
            // Somebody removed it in between.
            Err(Error::UnknownInstance { .. }) => continue,
            Err(error) => return Err(error),
        };
        put_instance(&mut out, &name, &version)?;
        instances += 1;
        drop(version);
        if !was_loaded {
            match store.release(&instance) {
                // Somebody uses it now, or removed it.
                Ok(_) | Err(Error::InstanceInUse { .. } | Error::UnknownInstance { .. }) => {}
                Err(error) => return Err(error),
            }
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
