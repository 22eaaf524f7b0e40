//! Removing a label with many chats: prepared while others write, then brought up to date with their commits.

#[cfg(test)]
mod tests;

use hashbrown::HashSet;

use crate::index::label_index::LabelIndex;
use crate::index::recent::Watch;
use crate::index::sync::LONG_REMOVAL;
use crate::index::writer_lock::Writer;
use crate::model::change::Change;
use crate::model::error::Result;
use crate::model::op::{Committed, Event, Op, Outcome};
use crate::state::decide::{Changes, Plan, plan};
use crate::state::prepared::{Prepared, Sections, Update, chats_of};
use crate::state::{State, Version};

/// How often a removal is prepared before it is carried out under the writer lock instead. It is prepared again when others
/// merged chats, removed labels or wrote very much in the meantime, which is rare.
pub(crate) const ATTEMPTS: usize = 2;

impl LabelIndex {
    /// Performs an operation that removes a label with many chats. `turn` takes the writer lock once the new version is
    /// prepared. `None` if there is nothing to prepare, the lock is not available, or other writers interfered too often:
    /// nothing has changed then.
    ///
    /// Writes that are queued by then were called concurrently, so either may be first. Writes that were queued before go
    /// first.
    pub(crate) fn remove_beside<'a>(
        &'a self,
        op: &Op,
        turn: impl Fn() -> Option<Writer<'a>>,
    ) -> Option<Result<Committed<Outcome>>> {
        if !self.writer_lock().is_queue_empty() {
            return None;
        }
        for _ in 0..ATTEMPTS {
            let (watch, prepared) = self.prepare_removal(op)?;
            let writer = turn()?;
            if let Some(done) = self.commit_removal(writer, op, &watch, prepared).transpose() {
                return Some(done);
            }
        }
        None
    }

    /// Whether an operation removes a label with many chats.
    pub(crate) fn is_long_removal(&self, op: &Op) -> bool {
        let (Op::RemoveLabel { label } | Op::Ingest { event: Event::LabelDeleted { label } }) = op else {
            return false;
        };
        self.newest().read(|state| state.count(label)) > LONG_REMOVAL
    }

    /// Removes a label from a private copy of the version, while writers continue.
    fn prepare_removal(&self, op: &Op) -> Option<(Watch<'_>, Prepared)> {
        let watch = self.watch();
        // An operation that is refused here is decided again under the writer lock.
        let labels = plan(&watch.base, op, self.rules()).ok()?.changes.into_vec();
        let prepared = Prepared::new(Version::clone(&watch.base), &Sections { labels, ..Sections::default() })?;
        Some((watch, prepared))
    }

    /// Brings a prepared removal up to date with the newest version, and publishes it. `None` if that is not possible.
    fn commit_removal(
        &self,
        mut writer: Writer<'_>,
        op: &Op,
        watch: &Watch<'_>,
        prepared: Prepared,
    ) -> Result<Option<Committed<Outcome>>> {
        let now = self.newest_version();
        let Some(meanwhile) = watch.meanwhile(now.revision) else { return Ok(None) };
        let Plan { outcome, changes } = plan(&now, op, self.rules())?;
        let Some(version) = caught_up(prepared, &now, &meanwhile, &changes) else { return Ok(None) };
        if let Some(touched) = writer.notes() {
            touched.note(&now, op, &outcome);
        }
        let revision = self.swap(&mut writer, version, changes)?;
        writer.free_after(now);
        Ok(Some(Committed { outcome, revision }))
    }
}

/// A version without a label, and the means to bring it up to date with later commits.
fn caught_up(prepared: Prepared, now: &State, meanwhile: &[Change], changes: &Changes) -> Option<Version> {
    if meanwhile.is_empty() {
        return Some(prepared.into_version());
    }
    let chats: HashSet<_> = chats_of(meanwhile).cloned().collect();
    prepared.catch_up(&Update {
        now,
        meanwhile,
        // Unlinks of all chats in order of place are to the places what the removal of the label is.
        labels: changes,
        removals: &[],
        chats: &chats,
        links: &[],
        unlinks: &[],
        places: now.chats.len(),
    })
}
