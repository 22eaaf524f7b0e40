//! Reading commits that are not in memory any more.

#[cfg(all(test, feature = "store", not(label_index_shuttle)))]
mod tests;

use std::collections::VecDeque;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::task::{self, Waker};

use crate::index::sync::Mutex;
use crate::index::wakers::{Wake, WakerCaller};
use crate::model::change::{Commit, Revision};
use crate::model::error::Result;

/// A source of older commits outside of memory. Reading takes no lock of the index.
pub(crate) trait Archive: Send + Sync {
    /// The name of the instance.
    fn instance(&self) -> &Arc<str>;

    /// The commits after a revision, at most up to another one that was published.
    ///
    /// # Errors
    ///
    /// Those of the source. Another call tries again.
    fn read(&self, after: Revision, up_to: Revision) -> Result<Archived>;
}

/// The answer of an [`Archive`].
#[derive(Debug)]
pub(crate) enum Archived {
    /// The next commits, at least one, as many as are read at once.
    Page(VecDeque<Commit>),
    /// The next commit is not kept any more.
    Gone,
    /// There is no archive any more.
    Closed,
}

/// A page that is read on another thread, for a task that must not wait for the disk.
///
/// It is read on a thread that calls wakers, for which nothing else waits.
pub(crate) struct PageLoad {
    archive: Arc<dyn Archive>,
    caller: WakerCaller,
    after: Revision,
    up_to: Revision,
    state: Mutex<LoadState>,
}

/// As the whole index: no code of a host runs while something is half changed.
impl RefUnwindSafe for PageLoad {}

#[derive(Default)]
struct LoadState {
    page: Option<Result<Archived>>,
    /// The task that waits for it.
    waker: Option<Waker>,
}

impl PageLoad {
    pub(crate) fn start(
        archive: &Arc<dyn Archive>,
        caller: &WakerCaller,
        (after, up_to): (Revision, Revision),
        waker: Waker,
    ) -> Arc<Self> {
        let state = Mutex::new(LoadState { page: None, waker: Some(waker) });
        let load = Arc::new(Self { archive: Arc::clone(archive), caller: caller.clone(), after, up_to, state });
        Wake::new([Waker::from(Arc::clone(&load))], caller).now();
        load
    }

    /// The revision after which it reads.
    pub(crate) fn after(&self) -> Revision {
        self.after
    }

    /// Takes the page if it is there; otherwise the task is woken when it is.
    pub(crate) fn poll(&self, waker: Waker) -> Option<Result<Archived>> {
        let mut state = self.state.lock();
        if state.page.is_some() {
            return state.page.take();
        }
        let former = state.waker.replace(waker);
        drop(state);
        drop(former);
        None
    }
}

impl task::Wake for PageLoad {
    fn wake(self: Arc<Self>) {
        let page = self.archive.read(self.after, self.up_to);
        let mut state = self.state.lock();
        state.page = Some(page);
        let waker = state.waker.take();
        drop(state);
        Wake::new(waker, &self.caller).now();
    }
}
