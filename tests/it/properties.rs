//! Scripts at random: whatever is done, the index answers as the reference model does.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{Script, Space};

/// Scripts of up to so many steps. They shrink step by step.
fn script(space: Space, steps: usize) -> impl Strategy<Value = Script> {
    vec(any::<[u8; Script::CHUNK]>(), 1..=steps + 1).prop_map(move |chunks| Script::decode(space, &chunks.concat()))
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn everything_is_as_in_the_model(script in script(Space::Tiny, 60)) {
        script.run();
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn everything_is_as_in_the_model_with_many_labels_and_chats(script in script(Space::Wide, 60)) {
        script.run();
    }
}
