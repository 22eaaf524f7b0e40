//! Random numbers that are the same in every run.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound, which is far below 2^32.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 32) as usize * bound) >> 32
    }
}

/// Ranks from 0, the nth as rare as Zipf's law says: its weight is 1/n.
#[derive(Debug)]
pub(crate) struct Zipf(Vec<u32>);

impl Zipf {
    pub(crate) fn new(ranks: usize) -> Self {
        let weights: Vec<f64> = (1..=ranks).map(|rank| 1.0 / rank as f64).collect();
        let all: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let bounds = weights.iter().map(|weight| {
            sum += weight;
            (sum / all * f64::from(u32::MAX)) as u32
        });
        Self(bounds.collect())
    }

    pub(crate) fn rank(&self, random: &mut Random) -> usize {
        let point = random.below(u32::MAX as usize) as u32;
        self.0.partition_point(|&bound| bound <= point).min(self.0.len() - 1)
    }
}
