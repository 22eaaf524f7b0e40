//! Operations on the crate itself.

use label_index::{Batch, BatchCommit, Committed, Error, LabelIndex, LabelToken};

use super::action::{Action, Tokens, Word};
use super::effect::{BatchDone, Done, Effect};

/// Converts the result of a method to the form of the model, with the method's own `changed()`.
macro_rules! done {
    ($committed:expr, |$outcome:ident| $effect:expr) => {{
        let committed = $committed;
        let (changed, revision) = (committed.changed(), committed.revision);
        let $outcome = committed.outcome;
        Done { effect: $effect, changed, revision }
    }};
}

/// Calls the method of the index or, where the revision is odd, its asynchronous counterpart: both mean the same.
macro_rules! call {
    ($index:ident.$method:ident | $sibling:ident($($argument:expr),*)) => {
        if $index.revision().is_multiple_of(2) {
            $index.$method($($argument),*)
        } else {
            $index.$sibling($($argument),*).wait()
        }
    };
}

impl Action {
    /// Calls the method of the index.
    pub(crate) fn perform(&self, index: &LabelIndex) -> Result<Done, Error> {
        let flag =
            |effect: fn(bool) -> Effect, changed| Done { effect: effect(changed), changed, revision: index.revision() };
        Ok(match self {
            Self::Upsert { id, fields } => {
                done!(
                    call!(index.upsert_label | upsert_label_async(id, fields.patch()?))?,
                    |upserted| Effect::Upserted(upserted)
                )
            }
            Self::Update { label, fields } => {
                done!(call!(index.update_label | update_label_async(label.text(), fields.patch()?))?, |updated| {
                    Effect::Updated(updated)
                })
            }
            Self::Create { fields } => {
                let Committed { outcome, revision, .. } =
                    call!(index.create_label | create_label_async(fields.new_label()?))?;
                Done { effect: Effect::Created(outcome), changed: true, revision }
            }
            Self::Ensure { fields } => {
                done!(call!(index.ensure_label | ensure_label_async(fields.new_label()?))?, |ensured| Effect::Ensured(
                    ensured
                ))
            }
            Self::Remove { label } => {
                done!(call!(index.remove_label | remove_label_async(label.text()))?, |removed| Effect::Removed {
                    label: (&removed.label).into(),
                    links: removed.links,
                })
            }
            Self::Link { label, chat } => flag(Effect::Linked, call!(index.link | link_async(label.text(), chat))?),
            Self::Unlink { label, chat } => {
                flag(Effect::Unlinked, call!(index.unlink | unlink_async(label.text(), chat))?)
            }
            Self::LinkAll { label, chats } => {
                done!(call!(index.link_all | link_all_async(label.text(), chats))?, |changed| Effect::LinkedAll(
                    changed.chats
                ))
            }
            Self::UnlinkAll { label, chats } => {
                done!(call!(index.unlink_all | unlink_all_async(label.text(), chats))?, |changed| Effect::UnlinkedAll(
                    changed.chats
                ))
            }
            Self::SetLabels { chat, labels } => {
                done!(call!(index.set_labels | set_labels_async(chat, labels.iter().map(Word::text)))?, |set| {
                    Effect::Set { added: set.added, removed: set.removed }
                })
            }
            Self::Merge { from, into } => {
                done!(call!(index.merge_chats | merge_chats_async(from, into))?, |merged| Effect::Merged(merged))
            }
            Self::Unalias { from } => flag(Effect::Unaliased, call!(index.unalias | unalias_async(from))?),
            Self::Ingest { .. } => flag(Effect::Ingested, call!(index.ingest | ingest_async(self.event()?))?),
        })
    }

    /// Calls the method of the batch.
    pub(crate) fn add(&self, batch: &mut Batch, tokens: &Tokens) -> Result<Option<LabelToken>, Error> {
        match self {
            Self::Upsert { id, fields } => batch.upsert_label(id, fields.patch()?)?,
            Self::Update { label, fields } => batch.update_label(label.handed(tokens), fields.patch()?)?,
            Self::Create { fields } => return batch.create_label(fields.new_label()?).map(Some),
            Self::Ensure { fields } => return batch.ensure_label(fields.new_label()?).map(Some),
            Self::Remove { label } => batch.remove_label(label.handed(tokens))?,
            Self::Link { label, chat } => batch.link(label.handed(tokens), chat)?,
            Self::Unlink { label, chat } => batch.unlink(label.handed(tokens), chat)?,
            Self::LinkAll { label, chats } => batch.link_all(label.handed(tokens), chats)?,
            Self::UnlinkAll { label, chats } => batch.unlink_all(label.handed(tokens), chats)?,
            Self::SetLabels { chat, labels } => {
                batch.set_labels(chat, labels.iter().map(|label| label.handed(tokens)))?;
            }
            Self::Merge { from, into } => batch.merge_chats(from, into)?,
            Self::Unalias { from } => batch.unalias(from)?,
            Self::Ingest { .. } => batch.ingest(self.event()?),
        }
        Ok(None)
    }
}

impl From<&BatchCommit> for BatchDone {
    fn from(commit: &BatchCommit) -> Self {
        Self {
            effects: commit.outcomes.iter().map(Effect::from).collect(),
            created: commit.created.clone(),
            changed: commit.changed(),
            revision: commit.revision,
        }
    }
}
