//! Bytes of memory, counted by the allocator.

use allocation_counter::measure;

/// What is made here, and the bytes that it takes.
pub(crate) fn live<T>(make: impl FnOnce() -> T) -> (T, u64) {
    let mut made = None;
    let allocated = measure(|| made = Some(make()));
    (made.unwrap(), u64::try_from(allocated.bytes_current).unwrap())
}

/// The answer of a call, and the most bytes that it took at any time.
pub(crate) fn peak<T>(call: impl FnOnce() -> T) -> (T, u64) {
    let mut answer = None;
    let allocated = measure(|| answer = Some(call()));
    (answer.unwrap(), allocated.bytes_max)
}

/// The answer of a call, and all bytes that it asked for, those that it gave back included.
pub(crate) fn asked<T>(call: impl FnOnce() -> T) -> (T, u64) {
    let mut answer = None;
    let allocated = measure(|| answer = Some(call()));
    (answer.unwrap(), allocated.bytes_total)
}
