//! Whether the committer plans while it waits for the server.

use std::collections::BTreeSet;
use std::time::Duration;

/// The part of an average that the last group has.
const WEIGHT: u32 = 4;

/// Compares the time that the committer takes for a group itself with the time that the server takes.
///
/// Where the server takes longer, mostly for its sync, all writers should share a group, and the committer waits for them.
/// Where the committer takes longer, the writers are better in two groups: while the server writes one, the committer
/// plans the other.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The committer's own work since the last answer.
    open: Duration,
    /// Averages of a group: own work, and the time from a statement to its answer.
    work: Duration,
    answer: Duration,
    overlaps: bool,
    /// The instances of the last group.
    last: BTreeSet<u64>,
}

impl Pace {
    /// Whether instances are planned while the server writes others.
    pub(super) fn overlaps(&self) -> bool {
        self.overlaps
    }

    /// The committer planned or answered writers for so long.
    pub(super) fn worked(&mut self, time: Duration) {
        self.open += time;
    }

    /// A statement with these instances was answered after a time.
    pub(super) fn answered(&mut self, instances: &[u64], took: Duration) {
        let average = |former: Duration, last: Duration| (former * (WEIGHT - 1) + last) / WEIGHT;
        self.work = average(self.work, std::mem::take(&mut self.open));
        self.answer = average(self.answer, took);
        // Two limits, since a group of half the instances takes half of the work, and the same sync. Two groups take as long as
        // the longer of both steps twice; one takes both steps once. So two are better if the work takes longer than the sync,
        // which is a part of the answer.
        self.overlaps = self.work * 3 > self.answer * if self.overlaps { 1 } else { 2 };
        self.last = instances.iter().copied().collect();
    }

    /// How many of the instances that wait should share a statement.
    pub(super) fn share(&self, waiting: &[u64]) -> usize {
        if !self.overlaps {
            return waiting.len();
        }
        let others = waiting.iter().filter(|&instance| !self.last.contains(instance)).count();
        (others + self.last.len()).div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    fn groups(pace: &mut Pace, instances: &[u64], work: u64, answer: u64) {
        for _ in 0..20 {
            pace.worked(Duration::from_micros(work));
            pace.answered(instances, Duration::from_micros(answer));
        }
    }

    #[test]
    fn all_share_a_group_while_the_server_takes_longer() {
        let mut pace = Pace::default();
        assert!(!pace.overlaps());
        groups(&mut pace, &[1, 2, 3, 4], 300, 1_000);
        assert!(!pace.overlaps());
        assert_eq!(pace.share(&[1, 2, 3, 4]), 4);
    }

    #[test]
    fn two_groups_take_turns_while_the_own_work_takes_longer() {
        let mut pace = Pace::default();
        groups(&mut pace, &[1, 2, 3, 4], 1_800, 1_500);
        assert!(pace.overlaps());
        assert_eq!(pace.share(&[1, 2, 3, 4]), 2);
        // Half of the work, and less than half of the time of the server saved: they stay apart.
        groups(&mut pace, &[1, 2], 900, 1_100);
        assert!(pace.overlaps());
        assert_eq!(pace.share(&[3, 4]), 2);
        assert_eq!(pace.share(&[1]), 1, "an instance alone is written alone");
        groups(&mut pace, &[1, 2], 300, 1_100);
        assert!(!pace.overlaps());
    }

    #[test]
    fn every_statement_has_an_instance() {
        let mut pace = Pace::default();
        groups(&mut pace, &[], 1_000, 10);
        assert_eq!(pace.share(&[7]), 1);
        groups(&mut pace, &[7], 1_000, 10);
        assert_eq!(pace.share(&[7]), 1);
        assert_eq!(pace.share(&[8, 9, 7]), 2);
    }
}
