//! State that the handle of a connected store shares with its threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::index::label_index::LabelIndex;
use crate::index::sync::{Mutex, thread};
use crate::index::trace::{self, Event};
use crate::index::wakers::{WakerCaller, WakerThreads};
use crate::model::change::Revision;
use crate::model::error::Error;
use crate::state::Version;
use crate::store::activity::Activity;
use crate::store::log_reader::Retention;
use crate::store::options::{InstanceLimits, LogAllowance};
use crate::store::postgres::instance::{Entry, FoundInstance};
use crate::store::postgres::record::{Head, random_number};
use crate::store::postgres::session::Endpoint;

/// State that the handle of a connected store shares with its threads. Each lock is held for a few instructions.
pub(super) struct Hub {
    pub(super) endpoint: Endpoint,
    pub(super) limits: InstanceLimits,
    pub(super) retention: Retention,
    pub(super) log_allowance: LogAllowance,
    /// The holder of leases: a random number of this store.
    pub(super) holder: u64,
    /// Groups and checkpoints that this store wrote.
    pub(super) activity: Mutex<Activity>,
    pub(super) wakers: Arc<WakerThreads>,
    calls: Mutex<Calls>,
    called: Notify,
    loaded: Mutex<BTreeMap<String, Arc<Loaded>>>,
    /// The names of all instances when they were last read.
    pub(super) names: Mutex<Vec<String>>,
}

/// Requests to the committer.
#[derive(Default)]
pub(super) struct Calls {
    /// Instances with queued operations.
    pub(super) dirty: BTreeSet<u64>,
    /// A notification of another process arrived.
    pub(super) heard: bool,
    /// Instances that this store removed. Only the committer may end them.
    pub(super) removed: Vec<Arc<Loaded>>,
    /// The store is closed: queued operations are the last.
    pub(super) stop: bool,
}

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
    used: Mutex<Instant>,
}

/// The handles of an index that belong to this list.
const OWN_HANDLES: usize = 1;

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
            activity: Mutex::default(),
            wakers: Arc::default(),
            calls: Mutex::default(),
            called: Notify::new(),
            loaded: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// An instance has a queued operation.
    pub(super) fn dirty(&self, instance: u64) {
        self.call(|calls| calls.dirty.extend([instance]));
    }

    /// A notification of another session arrived.
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

    /// Takes the calls. `stop` stays set.
    pub(super) fn take_calls(&self) -> Calls {
        let mut calls = self.calls.lock();
        let stop = calls.stop;
        std::mem::replace(&mut *calls, Calls { stop, ..Calls::default() })
    }

    /// Tells a subscriber of `tracing`, on a thread that no write waits for.
    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        trace::tell_elsewhere(&WakerCaller::Threads(Arc::clone(&self.wakers)), event);
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

    /// Ends an instance: its handles go on reading, its writes fail and its subscribers get `Closed`.
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

    /// Forgets all instances that were unused for this time. Gives their names.
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
        let names = gone.iter().map(|loaded| {
            trace::tell(&Event::Unloaded { instance: Arc::clone(&loaded.name), reason: "idle" });
            loaded.name.to_string()
        });
        names.collect()
    }
}
