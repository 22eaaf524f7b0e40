//! Turns to write the labels of one chat.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use label_index::{ChatId, LabelIndex};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The number of locks; chats that share one wait for each other.
const TURNS: usize = 1_024;

/// A fixed number of locks, over which the chats of all instances are spread by a hash.
///
/// Each write tells the gateway all labels of a chat, so two writes of one chat must not overtake each other. A task has one
/// turn at most, so no circle of waiting can arise.
#[derive(Debug)]
pub(super) struct Turns {
    locks: [Arc<Mutex<()>>; TURNS],
    hasher: RandomState,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { locks: std::array::from_fn(|_| Arc::default()), hasher: RandomState::new() }
    }

    /// Waits for the turn to write one chat. Aliases of a chat share its turn.
    pub(super) async fn turn(&self, index: &LabelIndex, chat: &ChatId) -> OwnedMutexGuard<()> {
        let chat = index.resolve(chat).unwrap_or_else(|| chat.clone());
        let [one, other, ..] = self.hasher.hash_one((index.identity(), chat)).to_le_bytes();
        let number = usize::from(u16::from_le_bytes([one, other])) % TURNS;
        Arc::clone(self.lock(number)).lock_owned().await
    }

    #[expect(clippy::indexing_slicing, reason = "a number is a remainder of the length")]
    fn lock(&self, number: usize) -> &Arc<Mutex<()>> {
        &self.locks[number]
    }
}
