//! Threads with a connection, which run tasks.

use std::sync::{Arc, mpsc};
use std::time::Instant;

use tokio::runtime::Runtime;

use crate::index::sync::thread;
use crate::model::error::{Error, Result};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::Hub;
use crate::store::postgres::session::{PAUSE, Session};

type Task = Box<dyn FnOnce(&mut Worker) + Send>;

/// The queue of tasks of a thread. Tasks get no answer once the store is closed.
#[derive(Clone)]
pub(super) struct Tasks(mpsc::Sender<Task>);

impl Tasks {
    /// Runs a task on the thread and waits for its answer.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask_since(Instant::now(), task)
    }

    /// Runs a task on the thread and waits for its answer, for which somebody waits since `asked`.
    pub(super) fn ask_since<T: Send + 'static>(
        &self,
        asked: Instant,
        task: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.tell_since(asked, move |worker| {
            // The caller waits for it.
            let _taken = answer.send(task(worker));
        });
        answered.recv().unwrap_or(Err(Error::StoreClosed))
    }

    /// Queues a task.
    pub(super) fn tell(&self, task: impl FnOnce(&mut Worker) + Send + 'static) {
        self.tell_since(Instant::now(), task);
    }

    fn tell_since(&self, asked: Instant, task: impl FnOnce(&mut Worker) + Send + 'static) {
        let task = move |worker: &mut Worker| {
            worker.asked = asked;
            task(worker);
        };
        // Without a thread the store is closed, and the task is dropped.
        let _ended = self.0.send(Box::new(task));
    }

    /// Ends the thread after the tasks that are queued.
    pub(super) fn stop(&self) {
        self.tell(|worker| worker.ended = true);
    }
}

/// A thread with a connection.
pub(super) struct Worker {
    pub(super) hub: Arc<Hub>,
    pub(super) tasks: Tasks,
    runtime: Runtime,
    session: Option<Session>,
    /// When the running task was queued. Time in the queue counts toward the time-out.
    asked: Instant,
    ended: bool,
}

impl Worker {
    /// Starts a thread of this name.
    pub(super) fn start(
        hub: &Arc<Hub>,
        name: &str,
        runtime: Runtime,
    ) -> std::io::Result<(Tasks, thread::JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel::<Task>();
        let tasks = Tasks(sender);
        let (hub, asked) = (Arc::clone(hub), Instant::now());
        let mut worker = Self { hub, tasks: tasks.clone(), runtime, session: None, asked, ended: false };
        let run = move || {
            while let Ok(task) = receiver.recv() {
                task(&mut worker);
                if worker.ended {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(name.into()).spawn(run)?;
        Ok((tasks, thread))
    }

    /// Runs something with the connection. Repeats it after a failure, with a new connection if that was lost, until the caller
    /// has waited for `patience`.
    #[expect(clippy::needless_pass_by_value, reason = "a closure is written where it is passed")]
    pub(super) fn with_session<T>(&mut self, run: impl AsyncFn(&Hub, &Session) -> Result<T, Fault>) -> Result<T> {
        let deadline = self.asked.checked_add(self.hub.endpoint.patience);
        loop {
            let (hub, former) = (&self.hub, self.session.take_if(|session| !session.is_closed()));
            let attempt = self.runtime.block_on(async {
                let session = match former {
                    Some(session) => session,
                    None => Session::open(&hub.endpoint, |_| ()).await?,
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
}
