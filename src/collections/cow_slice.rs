//! A copy-on-write slice.

use std::ops::Deref;

use triomphe::Arc;

use crate::collections::heap::counted_bytes;

/// A slice that is shared until it is written: between versions, and inside one version between pages of default items.
///
/// A clone is one reference count. There are no weak references, so the uniqueness check is a plain load; a write makes
/// about thirty.
#[derive(Debug)]
pub(crate) struct CowSlice<T>(Arc<[T]>);

/// An item of a [`CowSlice`].
pub(crate) trait Item: Clone {
    /// Copies items into a new allocation.
    fn copy(items: &[Self]) -> Arc<[Self]> {
        items.iter().cloned().collect()
    }
}

/// Implements [`Item`] for types without reference counts, which are copied all at once.
macro_rules! plain {
    ($($item:ty),+) => {
        $(impl $crate::collections::cow_slice::Item for $item {
            fn copy(items: &[Self]) -> triomphe::Arc<[Self]> {
                items.into()
            }
        })+
    };
}

pub(crate) use plain;

plain!(u8, u16, u32, u64);

impl<T: Clone> Item for Option<T> {}
impl<T: ?Sized> Item for std::sync::Arc<T> {}
impl<T> Item for CowSlice<T> {}

impl<T> CowSlice<T> {
    /// The number of handles that share it. Reads the count that a write checks first.
    #[inline]
    pub(crate) fn sharers(&self) -> usize {
        let Self(items) = self;
        Arc::strong_count(items)
    }

    /// The bytes of its memory, without what the items point to.
    pub(crate) fn heap_bytes(&self) -> usize {
        counted_bytes::<T>(1, self.len())
    }

    /// Whether both share one allocation.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (Self(items), Self(others)) = (self, other);
        Arc::ptr_eq(items, others)
    }

    /// The items for writing, unless they are shared.
    #[inline]
    pub(crate) fn own(&mut self) -> Option<&mut [T]> {
        let Self(items) = self;
        Arc::get_mut(items)
    }
}

impl<T: Item> CowSlice<T> {
    /// The items for writing, copied first if they are shared. Inlined: the call would cost more than the body.
    #[inline(always)]
    pub(crate) fn to_mut(&mut self) -> &mut [T] {
        if self.sharers() > 1 {
            self.copy();
        }
        self.own().unwrap_or_default()
    }

    #[cold]
    fn copy(&mut self) {
        *self = Self::from(&**self);
    }
}

impl<T> Clone for CowSlice<T> {
    fn clone(&self) -> Self {
        let Self(items) = self;
        Self(Arc::clone(items))
    }
}

impl<T> Default for CowSlice<T> {
    fn default() -> Self {
        std::iter::empty().collect()
    }
}

impl<T> Deref for CowSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let Self(items) = self;
        items
    }
}

impl<T> FromIterator<T> for CowSlice<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T: Item> From<&[T]> for CowSlice<T> {
    fn from(items: &[T]) -> Self {
        Self(T::copy(items))
    }
}

impl<T, const N: usize> From<[T; N]> for CowSlice<T> {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T> From<Vec<T>> for CowSlice<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items.into())
    }
}

#[cfg(test)]
mod tests {
    use super::CowSlice;

    #[test]
    fn is_copied_where_it_is_shared() {
        let mut piece = CowSlice::from([1_u16, 2, 3]);
        let alone = allocation_counter::measure(|| piece.to_mut().fill(7));
        let kept = piece.clone();
        assert_eq!((piece.sharers(), piece.own()), (2, None));
        let shared = allocation_counter::measure(|| piece.to_mut().fill(8));
        assert_eq!((alone.count_total, shared.count_total), (0, 1));
        assert_eq!((&*piece, &*kept), (&[8; 3][..], &[7; 3][..]));
        assert_eq!((piece.sharers(), kept.sharers()), (1, 1));
    }
}
