//! The tests find races that are planted on purpose.

use label_index::Race;

use super::{FEW, commits, prepare, receipts};
use crate::schedules::expect_to_find;

#[test]
fn an_answer_that_comes_before_the_feed_has_the_commit_is_found() {
    prepare();
    expect_to_find(Race::EarlyAnswer, receipts::waited_awaited_dropped, FEW);
}

#[test]
fn a_place_that_is_used_again_too_early_is_found() {
    prepare();
    expect_to_find(Race::EarlyHorizon, commits::end_and_beginning_beside_a_snapshot, FEW);
}

#[test]
fn a_lost_wake_up_is_found() {
    prepare();
    expect_to_find(Race::LostWakeUp, commits::writers_reader_flush, FEW);
}
