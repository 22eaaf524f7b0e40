//! Links that are made at the gateway before they are made here.

use std::sync::Arc;

use label_index::{ChatId, LabelId, LabelIndex, RefreshState};

use crate::chat_write::{ChatWrite, ids_of};
use crate::failure::{Answered, Failure};
use crate::upstream::Upstream;
use crate::upstream::trouble::Trouble;

/// How often the labels of a chat are sent again when they change between the request to the gateway and the write
/// here.
const TELLINGS: usize = 3;

impl Upstream {
    /// Makes a change of one chat's labels at the gateway, and then here.
    ///
    /// The gateway gets all labels of the chat. So an index that was never refreshed is refreshed before: otherwise
    /// labels that it does not know would be removed from the chat. Writes of one chat wait for each other.
    ///
    /// # Errors
    ///
    /// Those of a refresh and of the index; 502 if the gateway refuses the change, 503 if it cannot be reached. Nothing has
    /// changed here then.
    pub(crate) async fn write_first(
        self: &Arc<Self>,
        name: &str,
        index: &LabelIndex,
        chat: ChatId,
        write: ChatWrite,
    ) -> Answered<()> {
        if index.refresh_state() == RefreshState::Never {
            self.refresh(name, index).await?;
        }
        let turn = self.turns.turn(index, &chat).await;
        let permit = self.waha.write_permit().await;
        let (upstream, name, index) = (Arc::clone(self), name.to_owned(), index.clone());
        // A caller that goes away must not leave the chat changed at the gateway alone.
        let written = tokio::spawn(async move {
            let done = upstream.tell_and_apply(&name, &index, &chat, &write).await;
            drop((turn, permit));
            done
        });
        written.await.map_err(|_| Failure::internal())?
    }

    async fn tell_and_apply(&self, name: &str, index: &LabelIndex, chat: &ChatId, write: &ChatWrite) -> Answered<()> {
        let chat = index.resolve(chat).unwrap_or_else(|| chat.clone());
        let mut told = write.outcome(index, &chat)?;
        if told == ids_of(index, &chat) {
            return write.apply(index, &chat).await;
        }
        self.tell(name, &chat, &told).await?;
        write.apply(index, &chat).await?;
        // The gateway may have reported another label of the chat meanwhile, which the request has just removed.
        for _ in 1..TELLINGS {
            let here = ids_of(index, &chat);
            if here == told {
                break;
            }
            // The change itself is made in both places.
            if let Err(trouble) = self.tell(name, &chat, &here).await {
                tracing::warn!(result = trouble.name(), "a chat has other labels at the upstream than here");
                break;
            }
            told = here;
        }
        Ok(())
    }

    async fn tell(&self, name: &str, chat: &ChatId, labels: &[LabelId]) -> Result<(), Trouble> {
        let outcome = self.waha.set_labels(name, chat, labels).await;
        self.meter.wrote(outcome.as_ref().map_or_else(Trouble::name, |()| "done"));
        outcome
    }
}
