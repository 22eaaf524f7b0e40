//! The bytes that a value requests from the allocator.

/// The bytes of a slice in a `std::sync::Arc`, which has two reference counts.
pub(crate) fn arc_slice_bytes<T>(len: usize) -> usize {
    counted_bytes::<T>(2, len)
}

/// The bytes of an allocation with `counts` reference counts and a slice.
pub(crate) fn counted_bytes<T>(counts: usize, len: usize) -> usize {
    let align = align_of::<T>().max(align_of::<usize>());
    ((counts * size_of::<usize>()).next_multiple_of(align_of::<T>()) + len * size_of::<T>()).next_multiple_of(align)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allocation_counter::measure;

    use super::arc_slice_bytes;

    #[test]
    fn an_arc_takes_the_bytes_that_the_allocator_counts() {
        /// The bytes that stay allocated after `make`.
        fn kept<T>(make: impl FnOnce() -> T) -> Option<usize> {
            let mut kept = None;
            let measured = measure(|| kept = Some(make()));
            usize::try_from(measured.bytes_current).ok()
        }
        assert_eq!(kept(|| Arc::<str>::from("ana@example.com")), Some(arc_slice_bytes::<u8>(15)));
        assert_eq!(kept(|| Arc::<[u32]>::from([1, 2, 3])), Some(arc_slice_bytes::<u32>(3)));
        assert_eq!(kept(|| Arc::<[u128]>::from([1, 2])), Some(arc_slice_bytes::<u128>(2)));
    }
}
