//! Panics that somebody catches.

/// Lets panics be caught, as a store catches those of its database; the fuzzer would end at any. What nobody catches ends
/// it all the same.
pub fn may_be_caught() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}
