//! Changes of the labels of one chat.

use std::sync::Arc;

use label_index::{ChatId, LabelId, LabelIndex};

use crate::app::App;
use crate::failure::{Answered, Failure};

/// A change of the labels of one chat.
#[derive(Debug)]
pub(crate) enum ChatWrite {
    Link(String),
    Unlink(String),
    Set(Vec<String>),
}

impl ChatWrite {
    /// Carries it out, first at the gateway if that is configured.
    ///
    /// # Errors
    ///
    /// Those of the index, and of the gateway. Nothing has changed here then.
    pub(crate) async fn carry_out(self, app: &Arc<App>, name: &str, index: &LabelIndex, chat: ChatId) -> Answered<()> {
        match &app.upstream {
            Some(upstream) if upstream.writes_first() => upstream.write_first(name, index, chat, self).await,
            _ => self.apply(index, &chat).await,
        }
    }

    /// Carries it out here, and waits until it is durable.
    ///
    /// # Errors
    ///
    /// Those of the index.
    pub(crate) async fn apply(&self, index: &LabelIndex, chat: &ChatId) -> Answered<()> {
        match self {
            Self::Link(id) => index.link_async(id, chat).await.map(drop)?,
            Self::Unlink(id) => index.unlink_async(id, chat).await.map(drop)?,
            Self::Set(ids) => index.set_labels_async(chat, ids).await.map(drop)?,
        }
        Ok(())
    }

    /// The labels that the chat has afterwards, in order.
    ///
    /// # Errors
    ///
    /// 404 for a label that the index does not know.
    pub(crate) fn outcome(&self, index: &LabelIndex, chat: &ChatId) -> Answered<Vec<LabelId>> {
        let mut labels = ids_of(index, chat);
        let known = |id: &String| {
            let id: LabelId = id.parse()?;
            if index.label(&id).is_some() { Ok(id) } else { Err(Failure::label_not_found()) }
        };
        match self {
            Self::Link(id) => labels.push(known(id)?),
            Self::Unlink(id) => {
                let id = known(id)?;
                labels.retain(|label| *label != id);
            }
            Self::Set(ids) => labels = ids.iter().map(known).collect::<Answered<_>>()?,
        }
        labels.sort();
        labels.dedup();
        Ok(labels)
    }
}

/// The ids of a chat's labels, in order.
pub(crate) fn ids_of(index: &LabelIndex, chat: &ChatId) -> Vec<LabelId> {
    index.labels_of(chat).iter().map(|label| label.id().clone()).collect()
}
