//! Random queries, each answered in several ways: see [`Inquiry`].

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::Inquiry;
use crate::properties::{Chunk, cases};

/// Inquiries of up to `portions` portions, whose first byte chooses the index that is queried.
fn inquiry(ground: impl Strategy<Value = u8>, portions: usize) -> impl Strategy<Value = Inquiry> {
    (ground, vec(any::<Chunk>(), 1..=portions)).prop_map(|(ground, mut chunks)| {
        chunks[0][0] = ground;
        Inquiry::decode(&chunks.concat())
    })
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn all_ways_to_an_answer_agree(inquiry in inquiry(0_u8..192, 24)) {
        inquiry.run();
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn all_ways_to_an_answer_agree_with_some_hundred_chats(inquiry in inquiry(192_u8..240, 16)) {
        inquiry.run();
    }

    #[test]
    fn all_ways_to_an_answer_agree_with_blocks_of_labels(inquiry in inquiry(240_u8..255, 8)) {
        inquiry.run();
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn all_ways_to_an_answer_agree_with_blocks_of_chats(inquiry in inquiry(Just(255), 6)) {
        inquiry.run();
    }
}
