//! Which revisions are being looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::change::Revision;
use crate::sync::Mutex;

/// The revisions of the snapshots that are held, so that places which they show are not used again.
#[derive(Debug, Default)]
pub(crate) struct Horizon(Mutex<BTreeMap<Revision, usize>>);

/// Keeps one revision in its [`Horizon`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    horizon: Arc<Horizon>,
    revision: Revision,
}

impl Horizon {
    pub(crate) fn hold(self: &Arc<Self>, revision: Revision) -> Hold {
        *self.0.lock().entry(revision).or_default() += 1;
        Hold { horizon: Arc::clone(self), revision }
    }

    /// The oldest revision that is held; without one, all that ever will be are newer than any that was.
    pub(crate) fn oldest(&self) -> Revision {
        self.0.lock().keys().next().copied().unwrap_or(Revision::MAX)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.horizon.0.lock();
        if let Some(count) = held.get_mut(&self.revision) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.revision);
            }
        }
    }
}
