//! A view of a state for comparisons.

use crate::model::change::Place;
use crate::model::chat_id::ChatId;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::op::RefreshState;
use crate::state::State;

/// Everything that can be read from a state, and the order in which its free places will be taken.
#[derive(Debug, PartialEq)]
pub(super) struct View {
    revision: u64,
    identity: u64,
    refreshed: RefreshState,
    totals: (u64, u64),
    labels: Vec<Label>,
    deleted: Vec<LabelId>,
    highest: u32,
    aliases: Vec<(ChatId, ChatId)>,
    chats: Vec<Option<(ChatId, Vec<LabelId>)>>,
    free: Vec<(Place, u64)>,
}

impl View {
    pub(super) fn of(state: &State) -> Self {
        state.check_invariants().unwrap();
        let free = std::iter::successors(state.chats.free_list().map(|(first, _)| first), |&place| {
            state.chats.free_at(place).unwrap().1
        });
        let label_at = |&slot: &u32| state.labels.at(slot).unwrap().id().clone();
        let chat_at = |place| Some((state.chats.chat_at(place)?, state.slots_at(place).iter().map(label_at).collect()));
        Self {
            revision: state.revision,
            identity: state.identity,
            refreshed: state.refresh_state,
            totals: (state.total_chats(), state.total_rows),
            labels: state.labels.iter().cloned().collect(),
            deleted: state.labels.deleted.iter().map(|(id, ())| id.clone()).collect(),
            highest: state.labels.highest,
            aliases: state.aliases.iter().map(|(alias, target)| (alias.clone(), target.clone())).collect(),
            chats: (0..u32::try_from(state.chats.len()).unwrap()).map(chat_at).collect(),
            free: free.map(|place| (place, state.chats.free_at(place).unwrap().0)).collect(),
        }
    }
}
