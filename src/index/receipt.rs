//! Receipts: answers of writes that do not block.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::index::journal::Awaited;
use crate::index::label_index::LabelIndex;
use crate::index::perform::Begun;
use crate::index::requests::Request;
use crate::index::writer_lock::{Answer, Found};
use crate::model::error::Result;
use crate::model::op::BatchCommit;

/// The answer of a write that does not block, such as [`LabelIndex::link_async`] or [`Batch::submit`](crate::Batch::submit):
/// available once it would be for the sibling that blocks. Under `Durability::Synced` that is when the commit is on disk; in
/// memory and under `Durability::Within` as soon as the write is carried out. `Store::flush` waits until that is on disk too.
///
/// It is a future that needs no runtime, and can be [waited](Self::wait) for as well.
///
/// The call that returns the receipt carries the write out if it can. If it would have to wait, for room in the queue to the
/// disk or for another write, the next thread that polls or waits for any receipt of the index, or writes to it, carries it
/// out. Writes are carried out in the order of the calls, whichever receipt is polled first. Dropping a receipt undoes
/// nothing: a write that was carried out stays, and one that was not is not carried out any more.
///
/// # Examples
///
/// ```
/// use label_index::LabelIndex;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> label_index::Result<()> {
/// let index = LabelIndex::new();
/// let vip = index.create_label_async("VIP").await?;
/// assert!(index.link_async(&vip, "ana@c.us").await?);
/// let receipt = index.link_async(&vip, "bob@c.us");
/// // .. other work ..
/// assert!(receipt.wait()?);
/// # Ok(())
/// # }
/// ```
#[must_use = "it says whether the write was refused, and when it is durable"]
pub struct Receipt<T = BatchCommit> {
    task: Task,
    stage: Stage<T>,
    read: fn(Found) -> Result<T>,
}

enum Stage<T> {
    Queued(Standing),
    CarriedOut(CarriedOut<T>),
}

struct CarriedOut<T> {
    depends_on: Awaited,
    answer: Result<T>,
}

/// A queued write; dropping it removes the write from the queue.
struct Standing {
    index: LabelIndex,
    number: u64,
}

/// The task that awaits a receipt. Once polled it has a number in the journal.
struct Task {
    index: LabelIndex,
    number: Option<u64>,
}

impl<T> Stage<T> {
    fn carried_out(Answer { depends_on, found }: Answer, read: fn(Found) -> Result<T>) -> Self {
        Self::CarriedOut(CarriedOut { depends_on, answer: read(found) })
    }
}

impl<T> Receipt<T> {
    /// Performs a write without blocking, or queues it. For a refused argument the answer is the refusal.
    pub(crate) fn of(index: &LabelIndex, request: Result<Request<T>>) -> Self {
        let task = Task { index: index.clone(), number: None };
        let Request { work, read } = match request {
            Ok(request) => request,
            Err(why) => {
                let stage = Stage::CarriedOut(CarriedOut { depends_on: Awaited::default(), answer: Err(why) });
                return Self { task, stage, read: |found| unreachable!("refused, and answered {found:?}") };
            }
        };
        let stage = match index.begin(work) {
            Begun::Answered(answer) => Stage::carried_out(answer, read),
            Begun::Queued(number) => Stage::Queued(Standing { index: index.clone(), number }),
        };
        Self { task, stage, read }
    }

    /// Whether [`wait`](Self::wait) would return at once. Whether the write is on disk then depends on the durability of the
    /// index; see [`Receipt`].
    ///
    /// **O(log r)** in the number of receipts whose writes are not carried out; does not wait.
    pub fn is_ready(&self) -> bool {
        let depends_on = match &self.stage {
            Stage::Queued(Standing { index, number }) => index.writer_lock().carried_out(*number),
            Stage::CarriedOut(CarriedOut { depends_on, .. }) => Some(*depends_on),
        };
        let journal = self.task.index.synced_journal();
        depends_on.is_some_and(|awaited| journal.is_none_or(|journal| journal.reached(awaited).is_some()))
    }

    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// Those of the sibling that blocks.
    pub fn wait(self) -> Result<T> {
        let Self { task, stage, read } = self;
        let CarriedOut { depends_on, answer } = match stage {
            Stage::CarriedOut(carried_out) => carried_out,
            Stage::Queued(Standing { ref index, number }) => {
                let Answer { depends_on, found } = index.wait_queued(number);
                CarriedOut { depends_on, answer: read(found) }
            }
        };
        if let Some(journal) = task.index.synced_journal() {
            journal.wait_for(depends_on)?;
        }
        answer
    }
}

/// Gives what [`Receipt::wait`] gives. The waker is called when every lock is released.
impl<T: Clone + Unpin> Future for Receipt<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { task: Task { index, number: task }, stage, read } = self.get_mut();
        let CarriedOut { depends_on, answer } = loop {
            match stage {
                Stage::CarriedOut(carried_out) => break carried_out,
                Stage::Queued(Standing { number, .. }) => match index.poll_queued(*number, task, context) {
                    Poll::Ready(answer) => *stage = Stage::carried_out(answer, *read),
                    Poll::Pending => return Poll::Pending,
                },
            }
        };
        let reached = match index.synced_journal() {
            Some(journal) => journal.poll_reached(*depends_on, task, context),
            None => Poll::Ready(Ok(())),
        };
        reached.map(|reached| reached.and_then(|()| answer.clone()))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.index.writer_lock().remove_queued(self.number);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let (Some(journal), Some(number)) = (self.index.journal(), self.number) {
            journal.forget(number);
        }
    }
}

impl<T> fmt::Debug for Receipt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("ready", &self.is_ready()).finish_non_exhaustive()
    }
}
