//! An instance that is being loaded.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::index::label_index::LabelIndex;
use crate::model::error::Result;
use crate::store::load_queue::{Outcome, Waiting, text_of};

/// An instance that is on its way: from [`Store::instance_async`](crate::Store::instance_async) and
/// [`Store::existing_async`](crate::Store::existing_async).
///
/// It is a future that needs no runtime, and can be [waited](Self::wait) for as well. It keeps no store open. Once it has the
/// instance, that is in use as by a handle until this is dropped.
///
/// The call that returns it begins the load, whether this is polled or not. Requests for one instance that come while it is
/// loaded share the load. Dropping this gives up a load that has not begun and that nobody else waits for; one that has begun
/// goes on, and leaves the instance loaded.
///
/// If the host's function of [`StoreOptions::limits_by`](crate::StoreOptions::limits_by) panics, the panic goes on where this is
/// awaited. Where several wait for the load, one gets what the function panicked with, and the others its text. The store is as
/// before, and the next request asks the function again.
///
/// # Examples
///
/// Several instances at once, loaded by a few threads of the store:
///
/// ```
/// use label_index::{Loading, Store};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// # let store = Store::open(folder)?;
/// # for name in ["shop", "bakery", "bank"] {
/// #     store.instance(name)?.create_label("VIP")?;
/// # }
/// # drop(store);
/// let store = Store::open(folder)?;
/// let loading: Vec<Loading> = store.instances().iter().map(|name| store.existing_async(name)).collect();
/// for instance in loading {
///     assert_eq!(instance.wait()?.labels().len(), 1);
/// }
/// # Ok::<(), label_index::Error>(())
/// ```
#[must_use = "it has the instance, or says why there is none"]
pub struct Loading {
    stage: Stage,
}

enum Stage {
    Waiting(Waiting),
    Answered(Result<LabelIndex>),
    /// The load panicked, which was told already. With the text of that.
    Panicked(String),
}

impl Loading {
    pub(super) fn answered(answer: Result<LabelIndex>) -> Self {
        Self { stage: Stage::Answered(answer) }
    }

    pub(super) fn waiting(waiting: Waiting) -> Self {
        Self { stage: Stage::Waiting(waiting) }
    }

    /// Whether [`wait`](Self::wait) would return at once.
    pub fn is_ready(&self) -> bool {
        match &self.stage {
            Stage::Waiting(waiting) => waiting.is_ended(),
            Stage::Answered(_) | Stage::Panicked(_) => true,
        }
    }

    /// Waits for the instance.
    ///
    /// # Errors
    ///
    /// Those of the sibling that blocks; [`Error::StoreClosed`](crate::Error::StoreClosed) if the store was closed before the
    /// load began.
    pub fn wait(self) -> Result<LabelIndex> {
        match self.stage {
            Stage::Waiting(waiting) => match waiting.wait() {
                Outcome::Answered(answer) => answer,
                Outcome::Panicked(panic) => resume_unwind(panic),
            },
            Stage::Answered(answer) => answer,
            Stage::Panicked(text) => resume_unwind(Box::new(text)),
        }
    }
}

/// Gives what [`Loading::wait`] gives. The waker is called on a thread of its own, when every lock is released.
impl Future for Loading {
    type Output = Result<LabelIndex>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let stage = &mut self.get_mut().stage;
        match stage {
            Stage::Waiting(waiting) => match waiting.poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Outcome::Answered(answer)) => {
                    *stage = Stage::Answered(answer.clone());
                    Poll::Ready(answer)
                }
                Poll::Ready(Outcome::Panicked(panic)) => {
                    *stage = Stage::Panicked(text_of(&*panic));
                    resume_unwind(panic)
                }
            },
            Stage::Answered(answer) => Poll::Ready(answer.clone()),
            Stage::Panicked(text) => resume_unwind(Box::new(text.clone())),
        }
    }
}

impl fmt::Debug for Loading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loading").field("is_ready", &self.is_ready()).finish_non_exhaustive()
    }
}
