//! A loaded instance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::index::label_index::LabelIndex;
use crate::index::sync::{Mutex, thread};
use crate::model::change::Revision;
use crate::model::error::Error;
use crate::state::Version;
use crate::store::options::LogAllowance;
use crate::store::postgres::instance::{Entry, FoundInstance};
use crate::store::postgres::record::Head;

/// A loaded instance.
pub(super) struct Loaded {
    pub(super) name: Arc<str>,
    pub(super) number: u64,
    pub(super) identity: u64,
    pub(super) index: LabelIndex,
    /// R2: the head of the log that the visible version contains. Only the committer changes it, while no plan is open.
    pub(super) head: Mutex<Head>,
    progress: Mutex<Progress>,
    /// The last time at which it was seen in use.
    pub(super) used: Mutex<Instant>,
}

/// The handles of an index that belong to this list.
pub(super) const OWN_HANDLES: usize = 1;

/// The distance between the checkpoint in force and the head.
#[derive(Debug, Default)]
struct Progress {
    /// The revision of the checkpoint.
    image: Revision,
    image_bytes: u64,
    /// Bytes of the log behind it, as far as this store read or wrote them.
    log_bytes: u64,
    /// A checkpoint is requested and not begun.
    is_asked: bool,
}

impl Loaded {
    pub(super) fn new(name: Arc<str>, found: &FoundInstance, index: LabelIndex) -> Self {
        let Entry { number, identity, head, image } = found.entry;
        let (image_bytes, log_bytes) = (found.image_bytes, found.log_bytes);
        let progress = Progress { image: image.head.revision, image_bytes, log_bytes, is_asked: false };
        Self {
            name,
            number,
            identity,
            index,
            head: Mutex::new(head),
            progress: Mutex::new(progress),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Notes that the instance was loaded again.
    pub(super) fn note_read(&self, found: &FoundInstance) {
        *self.head.lock() = found.entry.head;
        let mut progress = self.progress.lock();
        progress.image = found.entry.image.head.revision;
        (progress.image_bytes, progress.log_bytes) = (found.image_bytes, found.log_bytes);
    }

    /// Notes bytes of the log. True if that makes a checkpoint due, which was not requested yet.
    pub(super) fn note_log(&self, bytes: u64, allowance: LogAllowance) -> bool {
        let mut progress = self.progress.lock();
        progress.log_bytes = progress.log_bytes.saturating_add(bytes);
        let is_due = allowance.is_exceeded(progress.log_bytes, progress.image_bytes) && !progress.is_asked;
        progress.is_asked |= is_due;
        is_due
    }

    /// Notes the revision of the checkpoint in force, which another store may have written.
    pub(super) fn note_image(&self, revision: Revision) {
        let mut progress = self.progress.lock();
        if revision > progress.image {
            (progress.image, progress.log_bytes) = (revision, 0);
        }
    }

    pub(super) fn image_revision(&self) -> Revision {
        self.progress.lock().image
    }

    /// A checkpoint begins. Gives the bytes of the log behind the last one.
    pub(super) fn begin_checkpoint(&self) -> u64 {
        let mut progress = self.progress.lock();
        progress.is_asked = false;
        progress.log_bytes
    }

    /// A checkpoint of this revision is in force.
    pub(super) fn end_checkpoint(&self, revision: Revision, image_bytes: u64, log_bytes: u64) {
        let mut progress = self.progress.lock();
        (progress.image, progress.image_bytes) = (revision, image_bytes);
        progress.log_bytes = progress.log_bytes.saturating_sub(log_bytes);
    }

    /// The visible version with the head of its log. None if both changed during every attempt.
    pub(super) fn at_rest(&self) -> Option<(Version, Head)> {
        /// Attempts, and the time between them.
        const LOOKS: (u32, Duration) = (1_000, Duration::from_millis(1));
        for _ in 0..LOOKS.0 {
            let (head, version) = (*self.head.lock(), self.index.version());
            if version.revision == head.revision {
                return Some((version, head));
            }
            drop(version);
            thread::sleep(LOOKS.1);
        }
        None
    }

    pub(super) fn unknown(&self) -> Error {
        Error::UnknownInstance { name: self.name.to_string() }
    }
}
