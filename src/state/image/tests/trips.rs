//! There and back: rows and commits give the state that they were made of.

use proptest::prelude::*;

use super::Image;
use super::history::{perform, steps};
use crate::change::Place;
use crate::chat_id::ChatId;
use crate::label::Label;
use crate::label_id::LabelId;
use crate::state::State;
use crate::state::image::{Mark, decode_commits, encode_commits};
use crate::state::tests::empty;

/// All that can be seen of a state, and in which order its places will be taken.
#[derive(Debug, PartialEq)]
struct View {
    revision: u64,
    identity: u64,
    refreshed: String,
    totals: (u64, u64),
    labels: Vec<Label>,
    deleted: Vec<LabelId>,
    highest: u32,
    aliases: Vec<(ChatId, ChatId)>,
    chats: Vec<Option<(ChatId, Vec<LabelId>)>>,
    free: Vec<(Place, u64)>,
}

impl View {
    fn of(state: &State) -> Self {
        state.check_invariants().unwrap();
        let free = std::iter::successors(state.chats.free_list().map(|(first, _)| first), |&place| {
            state.chats.free_at(place).unwrap().1
        });
        let label_at = |&slot: &u32| state.labels.at(slot).unwrap().id().clone();
        let chat_at = |place| Some((state.chats.chat_at(place)?, state.slots_at(place).iter().map(label_at).collect()));
        Self {
            revision: state.revision,
            identity: state.identity,
            refreshed: format!("{:?}", state.refresh_state),
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    /// A state that was written, in many steps, and read again is the same, and goes on the same.
    #[test]
    fn a_state_comes_back(before in steps(120), after in steps(40), every in 1..9_usize) {
        let mut state = empty();
        let (mut image, mut mark) = (Image::of(&state), Mark::of(&state));
        for (nth, step) in before.iter().enumerate() {
            perform(&mut state, step);
            if nth % every == 0 {
                image.update(&state, &mark);
                mark = Mark::of(&state);
            }
        }
        image.update(&state, &mark);
        prop_assert_eq!(&image, &Image::of(&state));
        let mut loaded = image.load().unwrap();
        prop_assert_eq!(View::of(&loaded), View::of(&state));
        prop_assert_eq!(&image, &Image::of(&loaded));
        let mark = Mark::of(&loaded);
        prop_assert_eq!(image.clone().update(&loaded, &mark), 0);
        for step in &after {
            prop_assert_eq!(perform(&mut loaded, step), perform(&mut state, step));
        }
        prop_assert_eq!(View::of(&loaded), View::of(&state));
        image.update(&loaded, &mark);
        prop_assert_eq!(View::of(&image.load().unwrap()), View::of(&state));
    }

    /// Commits that were written and are carried out again give the same state, places included.
    #[test]
    fn commits_come_back(before in steps(40), after in steps(80)) {
        let mut state = empty();
        for step in &before {
            perform(&mut state, step);
        }
        let mut copy = Image::of(&state).load().unwrap();
        let commits: Vec<_> = after.iter().filter_map(|step| perform(&mut state, step)).collect();
        let mut record = Vec::new();
        encode_commits(&commits, &mut record);
        let decoded = decode_commits(&record).unwrap();
        prop_assert_eq!(&decoded, &commits);
        for commit in &decoded {
            copy.replay(commit).unwrap();
        }
        prop_assert_eq!(View::of(&copy), View::of(&state));
    }
}
