//! State that the handle of a connected store shares with its threads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::index::label_index::LabelIndex;
use crate::index::sync::Mutex;
use crate::index::trace::{self, Event};
use crate::index::wakers::{WakerCaller, WakerThreads};
use crate::model::error::Error;
use crate::store::activity::Activity;
use crate::store::log_reader::Retention;
use crate::store::options::{InstanceLimits, LogAllowance};
use crate::store::postgres::loaded::{Loaded, OWN_HANDLES};
use crate::store::postgres::loaded_list::LoadedList;
use crate::store::postgres::record::random_number;
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
    loaded: Mutex<LoadedList>,
    /// The names of all instances when they were last read.
    pub(super) names: Mutex<Vec<String>>,
}

/// Requests to the committer.
#[derive(Default)]
pub(super) struct Calls {
    /// Instances with queued operations.
    pub(super) dirty: BTreeSet<u64>,
    /// How many operations were queued.
    pub(super) queued: usize,
    /// Instances that another process wrote to, as notifications say.
    pub(super) heard: BTreeSet<u64>,
    /// A notification arrived that does not name its instances.
    pub(super) heard_of_all: bool,
    /// Instances that this store removed. Only the committer may end them.
    pub(super) removed: Vec<Arc<Loaded>>,
    /// The store is closed: queued operations are the last.
    pub(super) stop: bool,
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
        self.call(|calls| {
            calls.dirty.insert(instance);
            calls.queued += 1;
        });
    }

    /// A notification of another session arrived, about these instances or about all.
    pub(super) fn heard(&self, instances: Option<Vec<u64>>) {
        self.call(|calls| match instances {
            Some(instances) => calls.heard.extend(instances),
            None => calls.heard_of_all = true,
        });
    }

    /// Whether operations are queued, and no more than these were.
    pub(super) fn has_fewer_queued(&self, than: usize) -> bool {
        let calls = self.calls.lock();
        (1..than).contains(&calls.queued) && !calls.stop
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
        self.loaded.lock().named(name).cloned()
    }

    pub(super) fn numbered(&self, number: u64) -> Option<Arc<Loaded>> {
        self.loaded.lock().numbered(number).cloned()
    }

    /// A handle of a loaded instance. It is made under the lock, so that the instance is not unloaded before the handle
    /// counts.
    pub(super) fn handle(&self, name: &str) -> Option<LabelIndex> {
        self.loaded.lock().named(name).map(|loaded| {
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
        self.loaded.lock().all().cloned().collect()
    }

    pub(super) fn insert(&self, loaded: &Arc<Loaded>) {
        self.loaded.lock().insert(loaded);
    }

    /// Forgets an instance, unless another one has its name by now.
    pub(super) fn forget(&self, loaded: &Arc<Loaded>) {
        let mut all = self.loaded.lock();
        let is_it = all.named(&loaded.name).is_some_and(|known| Arc::ptr_eq(known, loaded));
        let gone = if is_it { all.remove(&loaded.name) } else { None };
        drop(all);
        drop(gone);
    }

    /// Ends an instance: its handles go on reading, its writes fail and its subscribers get `Closed`.
    pub(super) fn end(&self, loaded: &Arc<Loaded>, why: &Error) {
        self.forget(loaded);
        loaded.index.end_remote(why);
    }

    /// Unloads an instance that is not in use. True if it was loaded.
    pub(super) fn unload(&self, name: &str) -> Result<bool, Error> {
        let mut all = self.loaded.lock();
        let Some(loaded) = all.named(name) else { return Ok(false) };
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
        let now = Instant::now();
        let is_idle = |loaded: &&Arc<Loaded>| {
            let mut used = loaded.used.lock();
            let is_in_use = loaded.index.is_in_use(OWN_HANDLES);
            if is_in_use {
                *used = now;
            }
            !is_in_use && now.saturating_duration_since(*used) >= time
        };
        let mut all = self.loaded.lock();
        let idle: Vec<String> = all.all().filter(is_idle).map(|loaded| loaded.name.to_string()).collect();
        let gone: Vec<_> = idle.iter().filter_map(|name| all.remove(name)).collect();
        drop(all);
        for loaded in gone {
            trace::tell(&Event::Unloaded { instance: Arc::clone(&loaded.name), reason: "idle" });
        }
        idle
    }
}
