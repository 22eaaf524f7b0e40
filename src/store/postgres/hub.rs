//! What the handle of a connected store and its threads share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::index::label_index::LabelIndex;
use crate::index::sync::Mutex;
use crate::index::wakers::WakerThreads;
use crate::model::error::Error;
use crate::store::options::InstanceLimits;
use crate::store::postgres::record::Head;
use crate::store::postgres::session::Endpoint;

/// What the handle of a connected store and its threads share. Its locks are held for a few instructions each.
pub(super) struct Hub {
    pub(super) endpoint: Endpoint,
    pub(super) limits: InstanceLimits,
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
    /// How far the log goes that the visible version has. Changed by the committer alone.
    pub(super) head: Mutex<Head>,
}

impl Loaded {
    pub(super) fn unknown(&self) -> Error {
        Error::UnknownInstance { name: self.name.to_string() }
    }
}

impl Hub {
    pub(super) fn new(endpoint: Endpoint, limits: InstanceLimits) -> Self {
        Self {
            endpoint,
            limits,
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
        self.loaded.lock().get(name).map(|loaded| loaded.index.clone())
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
        /// That of the list.
        const OWN_HANDLES: usize = 1;
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
}
