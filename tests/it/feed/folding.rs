//! A copy that is kept by the feed alone is the index.

use label_index::{Delivery, FullState, LabelIndex, Options, Subscriber};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::action::Tokens;
use crate::model::bytes::Bytes;
use crate::model::keys::Space;
use crate::model::step::{Step, step};
use crate::replica::{Folded, Replica};

const CHUNK: usize = 24;

/// A host's copy: a snapshot now and then when commits were missed, and the feed.
struct Copy {
    feed: Subscriber,
    folded: Folded,
    missed: usize,
}

impl Copy {
    fn catch_up(&mut self, index: &LabelIndex) {
        while let Some(delivery) = self.feed.try_recv() {
            match delivery {
                Delivery::Commit(commit) => self.folded.apply(&commit),
                Delivery::Missed { after } => {
                    assert_eq!(after, self.folded.revision());
                    let snapshot = index.snapshot();
                    self.folded = Folded::from(&snapshot);
                    self.feed.resume_after(snapshot.revision());
                    self.missed += 1;
                }
                Delivery::Closed => panic!("closed"),
            }
        }
        self.folded.assert_is(Replica::from(&index.snapshot()));
    }
}

fn take(index: &LabelIndex, step: &Step) {
    match step {
        Step::Do(action) => drop(action.perform(index)),
        Step::Batch(actions) => {
            let (mut batch, mut tokens) = (index.batch(), Tokens::default());
            for action in actions {
                let position = batch.len();
                let token = action.add(&mut batch, &tokens).ok().flatten();
                tokens.own.extend(token.map(|token| (position, token)));
            }
            drop(batch.commit());
        }
        _ => {}
    }
}

/// A refresh by which something comes and something goes.
fn refresh(index: &LabelIndex, bytes: &mut Bytes<'_>) {
    let mut state = FullState::new();
    for (number, row) in index.iter().enumerate() {
        for label in row.labels.iter().filter(|_| bytes.below(3) > 0 || number > 8) {
            state.link(label.id(), &row.chat_id).unwrap();
        }
    }
    for _ in 0..3 {
        drop(state.label(Space::Tiny.label(bytes), "VIP"));
        drop(state.link(Space::Tiny.label(bytes), Space::Tiny.chat(bytes)));
    }
    drop(index.begin_refresh().unwrap().commit_even_if_empty(state));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn copies_kept_by_the_feed_are_the_index(chunks in vec(any::<[u8; CHUNK]>(), 1..80), kept in 0_usize..12) {
        let limit = if kept < 4 { 65_536 } else { kept };
        let index = Options::new().feed_change_limit(limit).hash_seed(1).build();
        let copy = || Copy { feed: index.subscribe(), folded: Folded::from(&index.snapshot()), missed: 0 };
        let (mut prompt, mut lazy) = (Copy { folded: Folded::default(), ..copy() }, copy());
        let mut chunks = chunks.iter().map(|chunk| &chunk[..]);
        while let Some(chunk) = chunks.next() {
            let bytes = &mut Bytes::new(chunk);
            match bytes.byte() {
                0..=15 => refresh(&index, bytes),
                16..=40 => lazy.catch_up(&index),
                _ => take(&index, &step(Space::Tiny, &chunk[1..], &mut chunks)),
            }
            prompt.catch_up(&index);
        }
        lazy.catch_up(&index);
        prop_assert!(limit < 65_536 || prompt.missed + lazy.missed == 0);
    }
}
