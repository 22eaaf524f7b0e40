//! Bytes of memory, counted by the allocator.

use allocation_counter::measure;

/// The value that `make` returns, and the bytes that it takes.
pub(crate) fn live<T>(make: impl FnOnce() -> T) -> (T, u64) {
    let mut made = None;
    let allocated = measure(|| made = Some(make()));
    (made.unwrap(), u64::try_from(allocated.bytes_current).unwrap())
}

/// The result of a call, and the most bytes that were allocated at any time during it.
pub(crate) fn peak<T>(call: impl FnOnce() -> T) -> (T, u64) {
    let mut answer = None;
    let allocated = measure(|| answer = Some(call()));
    (answer.unwrap(), allocated.bytes_max)
}

/// The result of a call, and all bytes that it allocated, including those that it freed.
pub(crate) fn asked<T>(call: impl FnOnce() -> T) -> (T, u64) {
    let mut answer = None;
    let allocated = measure(|| answer = Some(call()));
    (answer.unwrap(), allocated.bytes_total)
}
