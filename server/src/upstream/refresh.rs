//! Refreshing an index from the gateway.

use std::sync::Arc;
use std::time::Duration;

use label_index::{FullState, LabelIndex, RefreshTicket, Refreshing};

use crate::failure::Answered;
use crate::upstream::trouble::Trouble;
use crate::upstream::waha::FetchedLabel;
use crate::upstream::{Upstream, blocking};

/// How long a fetch of a whole account may take.
const FETCH_TIME: Duration = Duration::from_secs(300);

impl Upstream {
    /// Replaces the state of an index by that of the gateway's session of the same name. Callers that come during a
    /// refresh share its outcome, and a caller that goes away does not end it for the others.
    ///
    /// # Errors
    ///
    /// 503 if the session is not connected, 502 if the answer of the gateway is not valid, 409 if its state is empty
    /// and the index is not. Nothing has changed then.
    pub(crate) async fn refresh(self: &Arc<Self>, name: &str, index: &LabelIndex) -> Answered<()> {
        let (upstream, session, index) = (Arc::clone(self), name.to_owned(), index.clone());
        // The ticket is taken before anything is fetched, so that what is written here meanwhile stays. The task begins
        // on the same thread, since the caller may go away while the ticket is taken.
        let begun = blocking(move || match index.begin_or_join_refresh()? {
            Refreshing::Joined(joined) => Ok((joined, None)),
            Refreshing::Begun(ticket) => {
                let joined = ticket.joined();
                let fetching = async move { upstream.fetch_and_commit(session, index, ticket).await };
                Ok((joined, Some(tokio::spawn(fetching))))
            }
        });
        let (joined, fetching) = begun.await.inspect_err(|trouble| self.meter.refreshed(trouble.name()))?;
        if let Some(fetching) = fetching {
            // If it panicked, its ticket was dropped: then the outcome says so.
            drop(fetching.await);
        }
        let refreshed = joined.await;
        Ok(refreshed.map(drop).map_err(Trouble::from)?)
    }

    async fn fetch_and_commit(&self, session: String, index: LabelIndex, ticket: RefreshTicket) {
        let joined = ticket.joined();
        let fetched = tokio::time::timeout(FETCH_TIME, self.fetch(&session, index.revision())).await;
        let fetched = fetched.unwrap_or_else(|_| Err(Trouble::NotConnected("the fetch takes too long".to_owned())));
        drop(tokio::task::spawn_blocking(move || end(ticket, fetched)).await);
        let outcome = joined.await.map_err(Trouble::from);
        self.meter.refreshed(outcome.as_ref().map_or_else(Trouble::name, |_| "done"));
    }

    /// Fetches everything, once the gateway has every link up to a revision: the refresh would remove links that are
    /// queued and not fetched.
    async fn fetch(&self, session: &str, revision: u64) -> Result<Vec<FetchedLabel>, Trouble> {
        if let Some(lane) = self.lane(session) {
            lane.told(revision).await?;
        }
        self.waha.fetch(session).await
    }
}

/// Ends a refresh, which waits for the writer lock. Those who wait for it get the outcome.
fn end(ticket: RefreshTicket, fetched: Result<Vec<FetchedLabel>, Trouble>) {
    match fetched.and_then(full_state) {
        Ok(state) => drop(ticket.commit(state)),
        Err(trouble) => ticket.fail(trouble),
    }
}

fn full_state(fetched: Vec<FetchedLabel>) -> Result<FullState, Trouble> {
    let mut state = FullState::new();
    for (label, patch, chats) in fetched {
        state.label(&label, patch)?;
        for chat in chats {
            state.link(&label, chat)?;
        }
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;

    /// A runtime with one thread: if a task blocks it, no other task runs.
    #[tokio::test]
    async fn a_ticket_that_waits_for_the_writer_lock_blocks_no_task() {
        let index = LabelIndex::new();
        let label = index.create_label("VIP").unwrap().to_string();
        for number in 0..100_u64 {
            let ticket = index.begin_refresh().unwrap();
            let mut batch = index.batch();
            for chat in 0..100_000_u64 {
                batch.link(&label, format!("55119{number:03}{chat:06}@c.us")).unwrap();
            }
            let is_writing = Arc::new(AtomicBool::new(false));
            let writer = std::thread::spawn({
                let is_writing = Arc::clone(&is_writing);
                move || {
                    is_writing.store(true, Ordering::SeqCst);
                    batch.commit().map(drop)
                }
            });
            while !is_writing.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let ran = Arc::new(AtomicU64::new(0));
            let other = tokio::spawn({
                let ran = Arc::clone(&ran);
                async move {
                    loop {
                        ran.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(5));
            let is_early = !writer.is_finished();
            tokio::task::spawn_blocking(move || end(ticket, Err(Trouble::Internal))).await.unwrap();
            let (ran, is_late) = (ran.load(Ordering::SeqCst), writer.is_finished());
            other.abort();
            writer.join().unwrap().unwrap();
            // The ticket was given back during the whole of the rest of the commit.
            if is_early && is_late {
                assert!(ran > 0, "no other task ran meanwhile");
                assert!(index.begin_refresh().is_ok(), "it is not open any more");
                return;
            }
        }
        unreachable!("no ticket was given back while another wrote");
    }
}
