//! Random scripts: the index answers every one as the reference model does.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::amounts::amount;
use crate::model::{Script, Space, step};

pub(crate) type Chunk = [u8; Script::CHUNK];

/// Scripts of up to `steps` steps, which shrink step by step.
pub(crate) fn script(space: Space, steps: usize, chunk: impl Strategy<Value = Chunk>) -> impl Strategy<Value = Script> {
    vec(chunk, 1..=steps + 1).prop_map(move |chunks| Script::decode(space, &chunks.concat()))
}

/// Chunks, many of which are steps of these kinds.
pub(crate) fn mostly(kinds: impl Strategy<Value = u8>) -> impl Strategy<Value = Chunk> {
    (any::<Chunk>(), proptest::option::of(kinds)).prop_map(|(mut chunk, kind)| {
        chunk[0] = kind.unwrap_or(chunk[0]);
        chunk
    })
}

/// A quarter of these cases, or the percentage that `LABEL_INDEX_CASES` says.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let percent = u32::try_from(amount("LABEL_INDEX_CASES", 25)).unwrap();
    let cases = (cases * percent / 100).max(1);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn everything_is_as_in_the_model(script in script(Space::Tiny, 60, any::<Chunk>())) {
        script.run();
    }

    #[test]
    fn a_refresh_is_what_the_model_says(script in script(Space::Tiny, 80, mostly(prop_oneof![
        1 => Just(step::BEGIN_REFRESH),
        2 => Just(step::JOIN_REFRESH),
        2 => step::COMMIT_REFRESH..83,
        5 => 0_u8..50,
    ]))) {
        script.run();
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn everything_is_as_in_the_model_with_many_labels_and_chats(script in script(Space::Wide, 60, any::<Chunk>())) {
        script.run();
    }
}
