//! Pseudo-random choices from a seed.

/// A generator of Marsaglia's xorshift kind; its state is never 0.
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one thread of a run.
    pub(crate) fn new(seed: u64, thread: u32) -> Self {
        let mixed = seed.wrapping_add(u64::from(thread) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(mixed ^ (mixed >> 29) | 1)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 16) % u64::from(end.max(1))).unwrap_or_default()
    }

    pub(crate) fn one_in(&mut self, end: u32) -> bool {
        self.below(end) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let end = u32::try_from(from.len()).unwrap_or(u32::MAX);
        from.get(usize::try_from(self.below(end)).unwrap_or_default())
    }
}
