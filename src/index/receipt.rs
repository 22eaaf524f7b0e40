//! The answer of a batch, when it counts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::index::label_index::LabelIndex;
use crate::model::change::Revision;
use crate::model::error::Result;
use crate::model::op::BatchCommit;

/// The answer of a [submitted](crate::Batch::submit) batch, to be had once what it rests on is durable.
///
/// Waits, or is a future that needs no runtime. Dropping it takes nothing back: the batch has been carried out, and
/// becomes durable like every other.
///
/// # Examples
///
/// Awaited in async code:
///
/// ```
/// use label_index::LabelIndex;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> label_index::Result<()> {
/// let index = LabelIndex::new();
/// let mut batch = index.batch();
/// let vip = batch.create_label("VIP")?;
/// batch.link(vip, "ana@c.us")?;
/// let done = batch.submit().await?;
/// assert!(index.contains(&done.created[0], "ana@c.us"));
/// # Ok(())
/// # }
/// ```
#[must_use = "it says whether the batch was refused, and when it is durable"]
pub struct Receipt {
    waiting: Waiting,
    answer: Result<BatchCommit>,
}

/// For a revision of an index to be durable.
struct Waiting {
    index: LabelIndex,
    revision: Revision,
    /// Under which number a task waits.
    task: Option<u64>,
}

impl Receipt {
    pub(crate) fn new(index: LabelIndex, depends_on: Revision, answer: Result<BatchCommit>) -> Self {
        Self { waiting: Waiting { index, revision: depends_on, task: None }, answer }
    }

    /// Whether the answer is there, so that [`wait`](Self::wait) gives it at once.
    ///
    /// **O(1)**; does not wait.
    pub fn is_ready(&self) -> bool {
        let Waiting { index, revision, .. } = &self.waiting;
        index.synced_journal().is_none_or(|journal| journal.reached(*revision).is_some())
    }

    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::commit`](crate::Batch::commit).
    pub fn wait(self) -> Result<BatchCommit> {
        let Waiting { index, revision, .. } = &self.waiting;
        if let Some(journal) = index.synced_journal() {
            journal.wait_for(*revision)?;
        }
        self.answer
    }
}

/// Gives what [`Receipt::wait`] gives. The waker is called when every lock is released.
impl Future for Receipt {
    type Output = Result<BatchCommit>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiting: Waiting { index, revision, task }, answer } = self.get_mut();
        let reached = match index.synced_journal() {
            Some(journal) => journal.poll_reached(*revision, task, context),
            None => Poll::Ready(Ok(())),
        };
        reached.map(|reached| reached.and_then(|()| answer.clone()))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let (Some(journal), Some(task)) = (self.index.synced_journal(), self.task) {
            journal.forget(task);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("ready", &self.is_ready()).finish_non_exhaustive()
    }
}
