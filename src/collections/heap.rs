//! Bytes that are asked of the allocator.

/// Those of a slice behind two counts, as `std::sync::Arc` keeps it.
pub(crate) fn arc_slice_bytes<T>(len: usize) -> usize {
    counted_bytes::<T>(2, len)
}

/// Those of a slice behind so many counts.
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
    fn they_are_what_is_asked_of_the_allocator() {
        /// The bytes that are there once something is made.
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
