//! Refreshes from the gateway, at most one at a time for each instance.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::upstream::trouble::Trouble;

type Outcome = Result<(), Trouble>;

/// The refreshes in progress, by instance.
#[derive(Debug, Default)]
pub(super) struct Refreshes {
    going_on: Mutex<HashMap<String, watch::Receiver<Option<Outcome>>>>,
}

impl Refreshes {
    /// The outcome of the refresh in progress for an instance, or else of this one.
    ///
    /// It runs in a task of its own, so it does not depend on a caller that goes away.
    pub(super) async fn share(
        self: &Arc<Self>,
        name: &str,
        refresh: impl Future<Output = Outcome> + Send + 'static,
    ) -> Outcome {
        let mut ended = self.joined(name, refresh);
        let outcome = ended.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or(Err(Trouble::Internal))
    }

    fn joined(
        self: &Arc<Self>,
        name: &str,
        refresh: impl Future<Output = Outcome> + Send + 'static,
    ) -> watch::Receiver<Option<Outcome>> {
        let mut going_on = self.lock();
        if let Some(ended) = going_on.get(name) {
            return ended.clone();
        }
        let (tell, ended) = watch::channel(None);
        going_on.insert(name.to_owned(), ended.clone());
        let (own, name, refreshing) = (Arc::clone(self), name.to_owned(), tokio::spawn(refresh));
        tokio::spawn(async move {
            let outcome = refreshing.await.unwrap_or(Err(Trouble::Internal));
            // Before the outcome is sent: later callers begin another refresh.
            own.lock().remove(&name);
            tell.send_replace(Some(outcome));
        });
        ended
    }

    /// A panic never leaves the map in an intermediate state.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<Option<Outcome>>>> {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
