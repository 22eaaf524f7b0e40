//! A store in PostgreSQL, which many processes share. `docs/cluster.md` says what it promises.

mod address;
pub(super) mod connect_options;
mod open;
mod fault;
mod tables;
mod record;
mod hint;
mod session;
mod instance;
mod loaded;
mod loaded_list;
mod hub;
mod log;
mod archive;
mod load;
mod image;
mod worker;
mod source;
mod checkpoint;
mod transfer;
mod news;
mod committer;
mod writing;
mod follow;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::index::label_index::LabelIndex;
use crate::index::sync::{AtomicBool, thread};
use crate::index::trace::{self, Event, Span};
use crate::index::wakers::WakerThreads;
use crate::model::error::{Error, Result};
use crate::store::activity::Activity;
use crate::store::name::check_name;
use crate::store::options::StoreOptions;
use crate::store::postgres::address::Address;
use crate::store::postgres::committer::Committer;
use crate::store::postgres::connect_options::ConnectOptions;
use crate::store::postgres::fault::no_thread;
use crate::store::postgres::hub::Hub;
use crate::store::postgres::session::Endpoint;
use crate::store::postgres::source::DatabaseSource;
use crate::store::postgres::tables::Tables;
use crate::store::postgres::worker::{Tasks, Worker};
use crate::store::stats::StoreStats;
use crate::store::threads::join_all;

/// A store in a database. Its threads have runtimes of their own, and the host needs none.
pub(super) struct ConnectedStore {
    hub: Arc<Hub>,
    tasks: Tasks,
    source: Arc<DatabaseSource>,
    /// Those of the thread that writes checkpoints.
    checkpoints: Tasks,
    threads: Vec<thread::JoinHandle<()>>,
}

impl ConnectedStore {
    pub(super) fn connect(url: &str, options: StoreOptions, makes_tables: bool) -> Result<Self> {
        let retention = options.retention();
        let StoreOptions { limits, tuning, unload_after, connect, .. } = options;
        let ConnectOptions { schema, poll_interval, patience, accepts_loss, lease } = connect;
        let (address, tables) = (Address::parse(url)?, Tables::in_schema(&schema, lease, patience)?);
        let endpoint = Endpoint { address, tables, patience, accepts_loss, prepares: AtomicBool::new(true) };
        let hub = Arc::new(Hub::new(endpoint, limits, retention, tuning.log));
        trace::within(Span::Open { store: &hub.endpoint.address.shown }, || {
            Self::start(&hub, makes_tables, (poll_interval, unload_after))
        })
    }

    /// Starts the threads, and prepares the tables.
    fn start(
        hub: &Arc<Hub>,
        makes_tables: bool,
        (poll_interval, unload_after): (Duration, Option<Duration>),
    ) -> Result<Self> {
        let start = |name| Worker::start(hub, name, runtime()?).map_err(|error| no_thread(&error));
        let ((tasks, loads), (checkpoints, writes)) =
            (start("label-index instances")?, start("label-index checkpoints")?);
        let source = Arc::new(DatabaseSource { hub: Arc::clone(hub), tasks: tasks.clone() });
        let mut store = Self { hub: Arc::clone(hub), tasks, source, checkpoints, threads: vec![loads, writes] };
        store.tasks.ask(move |worker| worker.prepare(makes_tables))?;
        let (committer, own) =
            (Committer::new(&store.hub, store.checkpoints.clone(), (poll_interval, unload_after)), runtime()?);
        let run = move || own.block_on(committer.run());
        let started = thread::Builder::new().name("label-index commits".into()).spawn(run);
        store.threads.push(started.map_err(|error| no_thread(&error))?);
        Ok(store)
    }

    /// Where the store is, for messages.
    pub(super) fn shown(&self) -> &str {
        &self.hub.endpoint.address.shown
    }

    /// Where instances come from.
    pub(super) fn source(&self) -> &Arc<DatabaseSource> {
        &self.source
    }

    pub(super) fn wakers(&self) -> &Arc<WakerThreads> {
        &self.hub.wakers
    }

    /// The names of all instances.
    pub(super) fn names_now(&self) -> Result<Vec<String>> {
        self.tasks.ask(Worker::names)
    }

    /// The names of all instances, or the last known ones if the database is away.
    pub(super) fn names(&self) -> Vec<String> {
        match self.names_now() {
            Ok(names) => {
                self.hub.names.lock().clone_from(&names);
                names
            }
            Err(_) => self.hub.names.lock().clone(),
        }
    }

    pub(super) fn loaded(&self, name: &str) -> Option<LabelIndex> {
        self.hub.handle(name)
    }

    /// Statistics that need no query.
    pub(super) fn stats(&self) -> StoreStats {
        let loaded = self.hub.all_loaded();
        let loaded: BTreeMap<_, _> =
            loaded.iter().map(|loaded| (loaded.name.to_string(), loaded.index.stats())).collect();
        let known: BTreeSet<String> = self.hub.names.lock().iter().chain(loaded.keys()).cloned().collect();
        let Activity { last_sync, last_sync_took, syncs, checkpoints, failure } = self.hub.activity.lock().clone();
        StoreStats {
            instances: known.len(),
            queued_changes: loaded.values().map(|stats| stats.queued_changes).sum(),
            loaded,
            last_sync,
            last_sync_took,
            syncs,
            checkpoints,
            file_bytes: 0,
            failure,
        }
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        check_name(name)?;
        let name = name.to_owned();
        self.tasks.ask(move |worker| worker.remove(&name))
    }

    pub(super) fn unload(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        if self.hub.find(name).is_none() && !self.names_now()?.iter().any(|known| known == name) {
            return Err(Error::UnknownInstance { name: name.to_owned() });
        }
        let is_unloaded = self.hub.unload(name)?;
        if is_unloaded {
            trace::tell(&Event::Unloaded { instance: name.into(), reason: "call" });
        }
        Ok(is_unloaded)
    }

    /// Unloads all instances that were unused for this time, and gives their names.
    pub(super) fn unload_idle(&self, time: Duration) -> Vec<String> {
        self.hub.unload_idle(time)
    }

    /// Writes a checkpoint of every loaded instance that changed since its last one.
    pub(super) fn checkpoint(&self) -> Result<()> {
        self.hub.all_loaded().into_iter().try_for_each(|loaded| {
            loaded.index.catch_up()?;
            self.checkpoints.ask(move |worker| worker.checkpoint(&loaded))
        })
    }

    /// Waits until everything that any process committed before is visible here.
    pub(super) fn catch_up(&self) -> Result<()> {
        self.hub.all_loaded().iter().try_for_each(|loaded| match loaded.index.catch_up() {
            // It was removed in the meantime.
            Err(Error::UnknownInstance { .. }) => Ok(()),
            caught_up => caught_up,
        })
    }
}

impl Drop for ConnectedStore {
    fn drop(&mut self) {
        self.hub.stop();
        self.tasks.stop();
        self.checkpoints.stop();
        join_all(self.threads.drain(..));
        self.hub.wakers.close();
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().map_err(|error| no_thread(&error))
}
