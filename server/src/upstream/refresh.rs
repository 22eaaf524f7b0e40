//! Refreshing an index from the gateway.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use label_index::{FullState, Label, LabelId, LabelIndex, LabelPatch, RefreshTicket};

use crate::app::App;
use crate::failure::Answered;
use crate::label_write::{REPORTED_CHATS, forget_label};
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
    pub(crate) async fn refresh(self: &Arc<Self>, app: &Arc<App>, name: &str, index: &LabelIndex) -> Answered<()> {
        let (upstream, app, session) = (Arc::clone(self), Arc::clone(app), name.to_owned());
        let index = index.clone();
        let refresh = async move {
            let outcome = upstream.fetch_and_commit(&app, &session, &index).await;
            upstream.meter.refreshed(outcome.as_ref().map_or_else(Trouble::name, |()| "done"));
            outcome
        };
        Ok(self.refreshes.share(name, refresh).await?)
    }

    /// The ticket is taken before anything is fetched, so that what is written here meanwhile stays.
    async fn fetch_and_commit(&self, app: &App, session: &str, index: &LabelIndex) -> Result<(), Trouble> {
        let asked = index.clone();
        let ticket = blocking(move || Ok(asked.begin_refresh()?)).await?;
        let before = index.snapshot();
        let fetched = tokio::time::timeout(FETCH_TIME, self.fetch(session, index.revision())).await;
        let fetched =
            match fetched.unwrap_or_else(|_| Err(Trouble::NotConnected("the fetch takes too long".to_owned()))) {
                Ok(fetched) => fetched,
                Err(trouble) => {
                    give_back(ticket).await?;
                    return Err(trouble);
                }
            };
        let gone = gone(index, &before.labels(), &fetched);
        let emptied = gone.clone();
        // The refresh gives no chats to a label that is being deleted here.
        let alone = app.gates.refresh(index).await;
        blocking(move || {
            ticket.commit(full_state(fetched, &emptied)?).map(drop).map_err(|refused| Trouble::Index(refused.cause))
        })
        .await?;
        drop(alone);
        for label in gone {
            if index.label(label.id()).as_ref() == Some(&label) {
                forget_label(app, index, label.id().clone()).await.map_err(|_| Trouble::Internal)?;
            }
        }
        Ok(())
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

/// The labels that existed here before the fetch, were not changed since, and do not exist at the gateway. Left out are
/// labels with more chats than have events, and all labels if the gateway has none: the index removes those, or refuses
/// to.
fn gone(index: &LabelIndex, before: &[Label], fetched: &[FetchedLabel]) -> Vec<Label> {
    if fetched.is_empty() {
        return Vec::new();
    }
    let there: HashSet<&LabelId> = fetched.iter().map(|(id, ..)| id).collect();
    let now = index.snapshot();
    let gone = before.iter().filter(|label| !there.contains(label.id()));
    let gone = gone.filter(|label| now.label(label.id()).as_ref() == Some(*label));
    gone.filter(|label| now.count(label.id()) <= REPORTED_CHATS).cloned().collect()
}

/// The state of the gateway. Labels that are to be removed are in it without chats: so each chat that loses one by the
/// refresh has an event of its own, and each chat that got one meanwhile has one when the label is removed afterwards.
fn full_state(fetched: Vec<FetchedLabel>, gone: &[Label]) -> Result<FullState, Trouble> {
    let mut state = FullState::new();
    for (label, patch, chats) in fetched {
        state.label(&label, patch)?;
        for chat in chats {
            state.link(&label, chat)?;
        }
    }
    for label in gone {
        state.label(label.id(), LabelPatch::new())?;
    }
    Ok(state)
}

/// Drops a ticket, which waits for the writer lock.
async fn give_back(ticket: RefreshTicket) -> Result<(), Trouble> {
    blocking(move || {
        drop(ticket);
        Ok(())
    })
    .await
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
            give_back(ticket).await.unwrap();
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
