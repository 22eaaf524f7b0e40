//! What the handle of a connected store and its threads share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::index::label_index::LabelIndex;
use crate::index::sync::{AtomicU64, Mutex, thread};
use crate::index::wakers::WakerThreads;
use crate::model::change::Revision;
use crate::model::error::Error;
use crate::state::Version;
use crate::store::log_reader::Retention;
use crate::store::options::{InstanceLimits, LogAllowance};
use crate::store::postgres::instance::{Entry, FoundInstance};
use crate::store::postgres::record::{Head, random_number};
use crate::store::postgres::session::Endpoint;

/// What the handle of a connected store and its threads share. Its locks are held for a few instructions each.
pub(super) struct Hub {
    pub(super) endpoint: Endpoint,
    pub(super) limits: InstanceLimits,
    pub(super) retention: Retention,
    pub(super) log_allowance: LogAllowance,
    /// Tells this store from others that want to write checkpoints.
    pub(super) holder: u64,
    /// How many checkpoints this store wrote.
    pub(super) checkpoints: AtomicU64,
    pub(super) wakers: Arc<WakerThreads>,
    calls: Mutex<Calls>,
    called: Notify,
    loaded: Mutex<BTreeMap<String, Arc<Loaded>>>,
    /// The names of all instances when they were last read.
    pub(super) names: Mutex<Vec<String>>,
}

/// What the committer has to do.
#[derive(Default)]
pub(super) struct Calls {
    /// The instances in whose line somebody stands.
    pub(super) dirty: BTreeSet<u64>,
    /// Another process has written something, or says so.
    pub(super) heard: bool,
    /// Instances that were removed here: the committer, which alone may, ends them.
    pub(super) removed: Vec<Arc<Loaded>>,
    /// The store is closed: what stands in line is the last.
    pub(super) stop: bool,
}

/// A loaded instance.
pub(super) struct Loaded {
    pub(super) name: Arc<str>,
    pub(super) number: u64,
    pub(super) identity: u64,
    pub(super) index: LabelIndex,
    /// R2: how far the log goes that the visible version has. Changed by the committer alone, which plans nothing meanwhile.
    pub(super) head: Mutex<Head>,
    progress: Mutex<Progress>,
    /// When somebody used it, as far as that was seen.
    used: Mutex<Instant>,
}

/// Handles of an index that this list has.
const OWN_HANDLES: usize = 1;

/// How far the checkpoint in force is behind.
#[derive(Debug, Default)]
struct Progress {
    /// The revision of the checkpoint.
    image: Revision,
    image_bytes: u64,
    /// Bytes of the log behind it, as far as this store read or wrote them.
    log_bytes: u64,
    /// The next checkpoint is asked for.
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

    /// Notes that the instance was read anew.
    pub(super) fn note_read(&self, found: &FoundInstance) {
        *self.head.lock() = found.entry.head;
        let mut progress = self.progress.lock();
        progress.image = found.entry.image.head.revision;
        (progress.image_bytes, progress.log_bytes) = (found.image_bytes, found.log_bytes);
    }

    /// Notes records of the log. True if the log is so long that a checkpoint is to be written, and nobody was told yet.
    pub(super) fn note_log(&self, bytes: u64, allowance: LogAllowance) -> bool {
        let mut progress = self.progress.lock();
        progress.log_bytes = progress.log_bytes.saturating_add(bytes);
        let is_due = allowance.is_exceeded(progress.log_bytes, progress.image_bytes) && !progress.is_asked;
        progress.is_asked |= is_due;
        is_due
    }

    /// Notes the revision of the checkpoint that is in force: another store may have written it.
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

    /// The visible version with the head of its log. None if both moved each time that they were looked at.
    pub(super) fn at_rest(&self) -> Option<(Version, Head)> {
        /// How often, and how long between.
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

impl Hub {
    pub(super) fn new(
        endpoint: Endpoint,
        limits: InstanceLimits,
        retention: Retention,
        log_allowance: LogAllowance,
    ) -> Self {
        Self {
            endpoint,
            limits,
            retention,
            log_allowance,
            holder: random_number(),
            checkpoints: AtomicU64::new(0),
            wakers: Arc::default(),
            calls: Mutex::default(),
            called: Notify::new(),
            loaded: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// Somebody stands in the line of an instance.
    pub(super) fn dirty(&self, instance: u64) {
        self.call(|calls| calls.dirty.extend([instance]));
    }

    /// Another session says that it wrote something.
    pub(super) fn heard(&self) {
        self.call(|calls| calls.heard = true);
    }

    pub(super) fn stop(&self) {
        self.call(|calls| calls.stop = true);
    }

    fn call(&self, note: impl FnOnce(&mut Calls)) {
        note(&mut self.calls.lock());
        self.called.notify_one();
    }

    /// Waits for a call.
    pub(super) async fn called(&self) {
        self.called.notified().await;
    }

    /// Takes the calls. That the store is closed stays.
    pub(super) fn take_calls(&self) -> Calls {
        let mut calls = self.calls.lock();
        let stop = calls.stop;
        std::mem::replace(&mut *calls, Calls { stop, ..Calls::default() })
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Loaded>> {
        self.loaded.lock().get(name).cloned()
    }

    /// A handle of a loaded instance. It is made under the lock, so that nobody unloads the instance before it counts.
    pub(super) fn handle(&self, name: &str) -> Option<LabelIndex> {
        self.loaded.lock().get(name).map(|loaded| {
            *loaded.used.lock() = Instant::now();
            loaded.index.clone()
        })
    }

    /// Forgets an instance that was removed, and lets the committer end it.
    pub(super) fn removed(&self, name: &str) {
        let gone = self.loaded.lock().remove(name);
        self.call(|calls| calls.removed.extend(gone));
    }

    pub(super) fn all_loaded(&self) -> Vec<Arc<Loaded>> {
        self.loaded.lock().values().cloned().collect()
    }

    pub(super) fn insert(&self, loaded: &Arc<Loaded>) {
        self.loaded.lock().insert(loaded.name.to_string(), Arc::clone(loaded));
    }

    /// Forgets an instance, unless another one has its name by now.
    pub(super) fn forget(&self, loaded: &Arc<Loaded>) {
        let mut all = self.loaded.lock();
        let is_it = all.get(&*loaded.name).is_some_and(|known| Arc::ptr_eq(known, loaded));
        let gone = if is_it { all.remove(&*loaded.name) } else { None };
        drop(all);
        drop(gone);
    }

    /// Ends an instance: its handles go on reading, its writes and its subscribers get no further.
    pub(super) fn end(&self, loaded: &Arc<Loaded>, why: &Error) {
        self.forget(loaded);
        loaded.index.end_remote(why);
    }

    /// Forgets an instance that nobody uses. True if it was loaded.
    pub(super) fn unload(&self, name: &str) -> Result<bool, Error> {
        let mut all = self.loaded.lock();
        let Some(loaded) = all.get(name) else { return Ok(false) };
        if loaded.index.is_in_use(OWN_HANDLES) {
            return Err(Error::InstanceInUse { name: name.to_owned() });
        }
        let gone = all.remove(name);
        drop(all);
        drop(gone);
        Ok(true)
    }

    /// Forgets all instances that nobody used for so long.
    pub(super) fn unload_idle(&self, time: Duration) -> Vec<String> {
        let (now, mut gone) = (Instant::now(), Vec::new());
        let mut all = self.loaded.lock();
        all.retain(|_, loaded| {
            let mut used = loaded.used.lock();
            let is_in_use = loaded.index.is_in_use(OWN_HANDLES);
            if is_in_use {
                *used = now;
            }
            let is_idle = !is_in_use && now.saturating_duration_since(*used) >= time;
            if is_idle {
                gone.push(Arc::clone(loaded));
            }
            !is_idle
        });
        drop(all);
        gone.iter().map(|loaded| loaded.name.to_string()).collect()
    }
}
