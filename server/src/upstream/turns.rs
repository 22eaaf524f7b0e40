//! Turns to write the labels of one chat.

use std::sync::Arc;

use label_index::{ChatId, LabelIndex};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::stripes::Stripes;

/// A turn for each chat of each instance; some share one.
///
/// Each write tells the gateway all labels of a chat, so two writes of one chat must not overtake each other. A task has one
/// turn at most, so no circle of waiting can arise.
#[derive(Debug)]
pub(super) struct Turns(Stripes<Mutex<()>>);

impl Turns {
    pub(super) fn new() -> Self {
        Self(Stripes::new())
    }

    /// Waits for the turn to write one chat. Aliases of a chat share its turn.
    pub(super) async fn turn(&self, index: &LabelIndex, chat: &ChatId) -> OwnedMutexGuard<()> {
        let chat = index.resolve(chat).unwrap_or_else(|| chat.clone());
        let number = self.0.number((index.identity(), chat));
        Arc::clone(self.0.lock(number)).lock_owned().await
    }
}
