//! Locks that order the writes of one chat's labels.

use std::sync::Arc;

use label_index::{ChatId, LabelIndex};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::stripes::Stripes;

/// A lock for each chat of each instance; some chats share one.
///
/// Each write sends all labels of a chat to the gateway, so two writes of one chat must not overtake each other. A task
/// holds at most one of these locks, so there is no deadlock.
#[derive(Debug)]
pub(super) struct Turns(Stripes<Mutex<()>>);

impl Turns {
    pub(super) fn new() -> Self {
        Self(Stripes::new())
    }

    /// Waits for the lock of one chat. Aliases of a chat share its lock.
    pub(super) async fn turn(&self, index: &LabelIndex, chat: &ChatId) -> OwnedMutexGuard<()> {
        let chat = index.resolve(chat).unwrap_or_else(|| chat.clone());
        let number = self.0.number((index.identity(), chat));
        Arc::clone(self.0.lock(number)).lock_owned().await
    }
}
