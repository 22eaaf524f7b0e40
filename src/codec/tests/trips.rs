//! Round trips: rows and records give the state that they were made from.

use proptest::prelude::*;

use super::Image;
use super::history::{perform, steps};
use super::view::View;
use crate::codec::{Baseline, RecordFormat, decode_record, encode_record, first_revision};
use crate::state::tests::empty;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    /// A state that was written in several steps and loaded is the same, and later writes have the same results on it.
    #[test]
    fn a_state_survives_encoding(before in steps(120), after in steps(40), every in 1..9_usize) {
        let mut state = empty();
        let (mut image, mut baseline) = (Image::of(&state), Baseline::of(&state));
        for (nth, step) in before.iter().enumerate() {
            perform(&mut state, step);
            if nth % every == 0 {
                image.update(&state, &baseline);
                baseline = Baseline::of(&state);
            }
        }
        image.update(&state, &baseline);
        prop_assert_eq!(&image, &Image::of(&state));
        let mut loaded = image.load().unwrap();
        prop_assert_eq!(View::of(&loaded), View::of(&state));
        prop_assert_eq!(&image, &Image::of(&loaded));
        let baseline = Baseline::of(&loaded);
        prop_assert_eq!(image.clone().update(&loaded, &baseline), []);
        for step in &after {
            prop_assert_eq!(perform(&mut loaded, step), perform(&mut state, step));
        }
        prop_assert_eq!(View::of(&loaded), View::of(&state));
        image.update(&loaded, &baseline);
        prop_assert_eq!(View::of(&image.load().unwrap()), View::of(&state));
    }

    /// Commits that were written and replayed give the same state, places included.
    #[test]
    fn commits_survive_encoding(before in steps(40), after in steps(80)) {
        let mut state = empty();
        for step in &before {
            perform(&mut state, step);
        }
        let mut copy = Image::of(&state).load().unwrap();
        let commits: Vec<_> = after.iter().filter_map(|step| perform(&mut state, step)).collect();
        let mut record = Vec::new();
        encode_record(1_700_000_000_000, &commits, &mut record);
        prop_assume!(!record.is_empty());
        let decoded = decode_record(&record, state.identity, RecordFormat::Two).unwrap();
        prop_assert_eq!(decoded.written, 1_700_000_000_000);
        prop_assert_eq!(first_revision(&record).unwrap(), commits[0].revision);
        let decoded = decoded.commits;
        prop_assert_eq!(&decoded, &commits);
        for commit in &decoded {
            copy.replay(commit, RecordFormat::Two).unwrap();
        }
        prop_assert_eq!(View::of(&copy), View::of(&state));
    }
}
