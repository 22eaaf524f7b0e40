//! Taking over what the gateway has.

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
    /// Replaces what an index has by what the gateway has of the session of the same name. Callers that come while that
    /// goes on share its outcome, and none that goes away ends it for the others.
    ///
    /// # Errors
    ///
    /// 503 if the session is not connected, 502 if the gateway answers what it should not, 409 if it has nothing and the
    /// index has something. Nothing has changed then.
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
        // A label that is being deleted here gets no chats by this.
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

    /// Fetches everything, once the gateway has what was made here up to a revision: what is queued and not fetched would go.
    async fn fetch(&self, session: &str, revision: u64) -> Result<Vec<FetchedLabel>, Trouble> {
        if let Some(lane) = self.lane(session) {
            lane.told(revision).await?;
        }
        self.waha.fetch(session).await
    }
}

/// The labels that were here before the fetch, were not changed since, and that the gateway does not have. Labels with more
/// chats than are reported are left out, and all labels if the gateway has none at all: those the index removes, or refuses to.
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

/// What the gateway has. A label that goes is stated without chats: each chat that loses it by the refresh has an event of its
/// own then, and so has each that got it meanwhile, when the label itself is removed.
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

/// Gives a ticket back, which waits for the turn to write.
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

    /// A runtime with one thread: whatever blocks it keeps all other tasks from running.
    #[tokio::test]
    async fn a_ticket_that_waits_for_the_turn_to_write_keeps_no_task_waiting() {
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
