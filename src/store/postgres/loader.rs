//! The thread that makes, loads, lists and removes instances, with a connection of its own.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::types::Type;

use crate::codec::RecordFormat;
use crate::index::archive::Archived;
use crate::index::journal::Journal;
use crate::index::label_index::LabelIndex;
use crate::index::sync::{Mutex, thread};
use crate::index::wakers::WakerCaller;
use crate::model::change::Revision;
use crate::model::error::{Error, Result};
use crate::model::options::Limits;
use crate::state::{State, Version};
use crate::store::postgres::archive::DatabaseArchive;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::{Hub, Loaded};
use crate::store::postgres::log::LogStream;
use crate::store::postgres::record::Head;
use crate::store::postgres::session::{Session, column, int8};

/// How long the thread waits before it connects again.
const PAUSE: Duration = Duration::from_millis(50);

/// The changes that a page of older commits has at least, if there are so many.
const PAGE: usize = 4_096;

/// Changes of one instance that may be planned and not written. The committer takes them at once, so it bounds nothing.
const ROOM: usize = usize::MAX;

type Task = Box<dyn FnOnce(&mut Loader) + Send>;

/// Where tasks for the thread are put. Without a thread, when the store is closed, nobody answers.
#[derive(Clone)]
pub(super) struct Tasks(mpsc::Sender<Task>);

impl Tasks {
    /// Runs a task on the thread and waits for its answer.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Loader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = mpsc::sync_channel(1);
        let asked = Instant::now();
        let task = move |loader: &mut Loader| {
            loader.asked = asked;
            // Whoever asked waits.
            let _taken = answer.send(task(loader));
        };
        self.0.send(Box::new(task)).map_err(|_| Error::StoreClosed)?;
        answered.recv().unwrap_or(Err(Error::StoreClosed))
    }

    /// Lets the thread end behind the tasks that it has.
    pub(super) fn stop(&self) {
        // Without a thread there is nothing to end.
        let _ended = self.0.send(Box::new(|loader| loader.ended = true));
    }
}

pub(super) struct Loader {
    hub: Arc<Hub>,
    tasks: Tasks,
    runtime: Runtime,
    session: Option<Session>,
    /// When the task was asked for that runs now. Tasks that wait for one another wait for the database at the same time.
    asked: Instant,
    ended: bool,
}

impl Loader {
    /// Starts the thread.
    pub(super) fn start(hub: &Arc<Hub>, runtime: Runtime) -> std::io::Result<(Tasks, thread::JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel::<Task>();
        let tasks = Tasks(sender);
        let (hub, asked) = (Arc::clone(hub), Instant::now());
        let mut loader = Self { hub, tasks: tasks.clone(), runtime, session: None, asked, ended: false };
        let run = move || {
            while let Ok(task) = receiver.recv() {
                task(&mut loader);
                if loader.ended {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("label-index instances".into()).spawn(run)?;
        Ok((tasks, thread))
    }

    /// Runs something with the connection, once or again with a new one if it is lost, until whoever asked for it has waited as
    /// long as one answer may take.
    #[expect(clippy::needless_pass_by_value, reason = "a closure is written where it is passed")]
    fn with_session<T>(&mut self, run: impl AsyncFn(&Hub, &Session) -> Result<T, Fault>) -> Result<T> {
        let deadline = self.asked.checked_add(self.hub.endpoint.patience);
        loop {
            let (hub, former) = (&self.hub, self.session.take_if(|session| !session.is_closed()));
            let attempt = self.runtime.block_on(async {
                let session = match former {
                    Some(session) => session,
                    None => Session::open(&hub.endpoint, || ()).await?,
                };
                let done = run(hub, &session).await;
                Ok((session, done))
            });
            let fault = match attempt {
                Ok((session, Ok(done))) => {
                    self.session = Some(session);
                    return Ok(done);
                }
                Ok((session, Err(fault))) => {
                    self.session = Some(session);
                    fault
                }
                Err(fault) => fault,
            };
            match fault {
                Fault::Final(error) => return Err(error),
                Fault::Lost(_) => self.session = None,
                Fault::Refused(_) => {}
            }
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return Err(fault.into_error());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Makes the tables if there are none, and checks what is there.
    pub(super) fn prepare(&mut self) -> Result<()> {
        self.with_session(async |hub, session| session.prepare_tables(&hub.endpoint.tables).await)
    }

    pub(super) fn names(&mut self) -> Result<Vec<String>> {
        let mut names = self.with_session(async |hub, session| {
            let rows = session.query(&hub.endpoint.tables.names, &[]).await?;
            rows.iter().map(|row| column(row, 0)).collect::<Result<Vec<String>, Fault>>()
        })?;
        names.sort_unstable();
        Ok(names)
    }

    /// The instance of a name, which is loaded if it is not, and made if that is asked for.
    pub(super) fn load(&mut self, name: &str, limits: Limits, make: bool) -> Result<LabelIndex> {
        if let Some(index) = self.hub.handle(name) {
            return Ok(index);
        }
        let (number, identity) = (RandomState::new().hash_one(name) >> 1, RandomState::new().hash_one(name));
        let found = self.with_session(async |hub, session| {
            let tables = &hub.endpoint.tables;
            if make {
                let (number, identity) = (number.cast_signed(), identity.cast_signed());
                let parameters = [(&number as _, Type::INT8), (&name as _, Type::TEXT), (&identity as _, Type::INT8)];
                session.query(&tables.add_instance, &parameters).await?;
            }
            let row = find(hub, session, name).await?;
            let Some(Found { number, identity, revision }) = row else {
                return Err(Fault::Final(Error::UnknownInstance { name: name.to_owned() }));
            };
            let mut state = State::new(identity, RandomState::new().hash_one(number));
            let mut head = Head::default();
            let mut log = LogStream::after(session, &hub.endpoint, (name, number), head).await?;
            while let Some(record) = log.next().await? {
                let commits = record.decode(number, identity).map_err(|damage| Fault::damage(name, damage))?;
                for commit in commits {
                    state.replay(&commit, RecordFormat::Two).map_err(|damage| Fault::damage(name, damage))?;
                }
                head = record.head;
            }
            if head.revision < revision && find(hub, session, name).await?.is_none_or(|now| now.number != number) {
                return Err(Fault::Refused("the instance was removed while it was loaded".to_owned()));
            }
            if state.revision != head.revision || head.revision < revision {
                let what = format!("the log ends at {} instead of {}", state.revision, revision.max(head.revision));
                return Err(Fault::damage(name, what));
            }
            Ok((state, number, head))
        });
        let (state, number, head) = found?;
        Ok(self.open(name, limits, state, (number, head)))
    }

    /// Makes the index of an instance and lets the committer follow it.
    fn open(&self, name: &str, limits: Limits, state: State, (number, head): (u64, Head)) -> LabelIndex {
        let (version, hub) = (Version::new(state), Arc::clone(&self.hub));
        let identity = version.identity;
        let wakers = WakerCaller::Threads(Arc::clone(&hub.wakers));
        let call = move |_| hub.dirty(number);
        let journal = Journal::new(&version, true, ROOM, wakers, call).of_remote();
        let name: Arc<str> = name.into();
        let (tasks, instance) = (self.tasks.clone(), Arc::clone(&name));
        let archive = DatabaseArchive(move |after, up_to| {
            let instance = Arc::clone(&instance);
            tasks.ask(move |loader| loader.page(&instance, number, identity, after, up_to))
        });
        let index = LabelIndex::with(version, limits, 0, Some(journal), Some(Arc::new(archive)));
        let loaded = Loaded { name, number, identity, index: index.clone(), head: Mutex::new(head) };
        self.hub.insert(&Arc::new(loaded));
        index
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        let tried = std::cell::Cell::new(false);
        self.with_session(async |hub, session| {
            let Some(Found { number, .. }) = find(hub, session, name).await? else {
                // If an answer was lost, this call may have removed it.
                let removed = tried.get();
                return if removed {
                    Ok(())
                } else {
                    Err(Fault::Final(Error::UnknownInstance { name: name.to_owned() }))
                };
            };
            tried.set(true);
            let (tables, number) = (&hub.endpoint.tables, number.cast_signed());
            // First the row that every writer needs: whoever is behind finds nothing to write to. Records that are left
            // by a lost connection belong to a number that no instance has again.
            session.query(&tables.remove_instance, &[(&number as _, Type::INT8)]).await?;
            session.query(&tables.remove_log, &[(&number as _, Type::INT8)]).await.map(drop)
        })?;
        self.hub.removed(name);
        Ok(())
    }

    /// The commits of an instance after a revision.
    pub(super) fn page(
        &mut self,
        name: &str,
        number: u64,
        identity: u64,
        after: Revision,
        up_to: Revision,
    ) -> Result<Archived> {
        self.with_session(async |hub, session| {
            let mut log = LogStream::after_revision(session, &hub.endpoint, (name, number), after).await?;
            let (mut page, mut changes) = (VecDeque::new(), 0);
            while changes < PAGE
                && let Some(record) = log.next().await?
            {
                let commits = record.decode(number, identity).map_err(|damage| Fault::damage(name, damage))?;
                for commit in commits.into_iter().filter(|commit| commit.revision > after && commit.revision <= up_to) {
                    changes += commit.changes.len();
                    page.push_back(commit);
                }
                if record.head.revision >= up_to {
                    break;
                }
            }
            match page.front() {
                Some(first) if first.revision == after + 1 => Ok(Archived::Page(page)),
                Some(_) => Ok(Archived::Gone),
                None => Ok(Archived::Closed),
            }
        })
    }
}

/// An instance in the list of all.
struct Found {
    number: u64,
    identity: u64,
    revision: Revision,
}

async fn find(hub: &Hub, session: &Session, name: &str) -> Result<Option<Found>, Fault> {
    let rows = session.query(&hub.endpoint.tables.find_instance, &[(&name as _, Type::TEXT)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Found { number: int8(row, 0)?, identity: int8(row, 1)?, revision: int8(row, 2)? }))
}
