//! Panics that are caught.

/// Lets panics be caught, as a store catches those of its database: the fuzzer ends at every panic otherwise. A panic
/// that is not caught still ends it.
pub fn may_be_caught() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}
