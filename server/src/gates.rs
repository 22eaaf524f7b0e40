//! Keeping a label from getting chats while it is being deleted.

use std::sync::Arc;

use label_index::{Batch, BatchCommit, LabelIndex};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::failure::{Answered, Failure};
use crate::stripes::Stripes;

/// A gate for each label of each instance; some share one, and wait for each other's deletion.
///
/// The deletion of a label lists its chats, so that each has an event of its own. A chat that got the label after the list
/// was read, and before the label went, would lose it without an event. So a write that links chats is inside the gates of
/// its labels until readers see it, and a deletion closes the gate from before it reads the list until it is in line.
///
/// A refresh links chats to any label. So the commit of one keeps all deletions of the instance out, and they keep it out.
#[derive(Debug)]
pub(crate) struct Gates {
    labels: Stripes<RwLock<()>>,
    /// One for each instance: refreshes are alone inside, deletions are together.
    refreshes: Stripes<RwLock<()>>,
}

/// A gate that is closed, until this is dropped.
#[derive(Debug)]
pub(crate) struct Closed<'a> {
    _label: RwLockWriteGuard<'a, ()>,
    _refresh: RwLockReadGuard<'a, ()>,
}

impl Gates {
    pub(crate) fn new() -> Self {
        Self { labels: Stripes::new(), refreshes: Stripes::new() }
    }

    /// Carries out a batch that links chats to labels once the gates of these labels are open, and waits until it is durable.
    ///
    /// If the caller goes away meanwhile, the write still ends inside the gates: readers see it only when it is durable, so
    /// a deletion that did not wait for it would miss its chats.
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

    /// Closes the gate of a label, once nobody is inside and no refresh is being committed, until the guard is dropped.
    pub(crate) async fn close(&self, index: &LabelIndex, label: &str) -> Closed<'_> {
        // Who has the second waits for nobody, so no circle of waiting can arise.
        let label = self.labels.lock(self.number(index, label)).write().await;
        Closed { _label: label, _refresh: self.refreshes.lock(self.refreshes.number(index.identity())).read().await }
    }

    /// Waits until no label is being deleted, and keeps deletions waiting while a refresh is committed.
    pub(crate) async fn refresh(&self, index: &LabelIndex) -> RwLockWriteGuard<'_, ()> {
        self.refreshes.lock(self.refreshes.number(index.identity())).write().await
    }

    /// Enters the gates of labels, in the order of their numbers. Who waits at a gate is inside lower ones alone, and who
    /// closes one enters no other, so no circle of waiting can arise.
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
