//! Keeping a label from getting chats while it is being deleted.

use std::sync::Arc;

use label_index::{Batch, BatchCommit, LabelIndex};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::failure::{Answered, Failure};
use crate::stripes::Stripes;

/// A reader-writer lock, called gate, for each label of each instance. Some labels share one, and wait for each other's
/// deletion.
///
/// The deletion of a label lists its chats, so that each has an event of its own. A chat that got the label after the
/// list was read, and before the label went, would lose it without an event. So a write that links chats holds the
/// gates of its labels for reading until readers see it, and a deletion holds the gate for writing from before it reads
/// the list until it is in the write queue.
///
/// A refresh may link chats to any label. So the commit of a refresh and the deletions of the instance exclude each
/// other.
#[derive(Debug)]
pub(crate) struct Gates {
    labels: Stripes<RwLock<()>>,
    /// One for each instance: a refresh holds it for writing, deletions for reading.
    refreshes: Stripes<RwLock<()>>,
}

/// The gate of a label that is held for writing, until this is dropped.
#[derive(Debug)]
pub(crate) struct Closed<'a> {
    _label: RwLockWriteGuard<'a, ()>,
    _refresh: RwLockReadGuard<'a, ()>,
}

impl Gates {
    pub(crate) fn new() -> Self {
        Self { labels: Stripes::new(), refreshes: Stripes::new() }
    }

    /// Carries out a batch that links chats to labels, once no label of them is being deleted, and waits until it is
    /// durable.
    ///
    /// If the caller goes away meanwhile, the gates are still held until the write ends: readers see it only when it is
    /// durable, so a deletion that did not wait for it would miss its chats.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::submit`].
    pub(crate) async fn submit(
        &self,
        index: &LabelIndex,
        labels: impl IntoIterator<Item = &str>,
        batch: Batch,
    ) -> Answered<BatchCommit> {
        let inside = self.enter(index, labels).await;
        let receipt = batch.submit();
        let written = tokio::spawn(async move {
            let done = receipt.await;
            drop(inside);
            done
        });
        Ok(written.await.map_err(|_| Failure::internal())??)
    }

    /// Holds the gate of a label for writing until the guard is dropped; waits for writes that hold it, and for the
    /// commit of a refresh.
    pub(crate) async fn close(&self, index: &LabelIndex, label: &str) -> Closed<'_> {
        // A task that holds the second lock waits for no other, so there is no deadlock.
        let label = self.labels.lock(self.number(index, label)).write().await;
        Closed { _label: label, _refresh: self.refreshes.lock(self.refreshes.number(index.identity())).read().await }
    }

    /// Waits until no label is being deleted. Deletions wait until the guard is dropped, after the commit of a refresh.
    pub(crate) async fn refresh(&self, index: &LabelIndex) -> RwLockWriteGuard<'_, ()> {
        self.refreshes.lock(self.refreshes.number(index.identity())).write().await
    }

    /// Holds the gates of labels for reading, locked in the order of their numbers. A task that waits here holds lower
    /// gates only, and one that holds a gate for writing locks no other gate, so there is no deadlock.
    async fn enter(&self, index: &LabelIndex, labels: impl IntoIterator<Item = &str>) -> Vec<OwnedRwLockReadGuard<()>> {
        let mut numbers: Vec<usize> = labels.into_iter().map(|label| self.number(index, label)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut inside = Vec::with_capacity(numbers.len());
        for number in numbers {
            inside.push(Arc::clone(self.labels.lock(number)).read_owned().await);
        }
        inside
    }

    /// The number of the gate of a label.
    fn number(&self, index: &LabelIndex, label: &str) -> usize {
        self.labels.number((index.identity(), label))
    }
}
