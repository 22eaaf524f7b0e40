//! The labels of a label set.

use std::ops::Deref;
use std::sync::Arc;

use crate::collections::cow_slice::Item;
use crate::state::labels::Slot;

/// How many labels are stored in place. With five a set takes what it would take with two and a pointer to more.
const FEW: usize = 5;

/// The labels of a label set. A few are stored in place, so that they are read with the set itself; more are shared.
#[derive(Debug, Clone)]
pub(crate) enum Members {
    Few {
        len: u8,
        /// Zeros behind the first `len`.
        slots: [Slot; FEW],
    },
    Many(Arc<[Slot]>),
}

impl Members {
    /// The bytes of labels that are not stored in place.
    pub(crate) fn heap_bytes(&self, of_shared: impl FnOnce(usize) -> usize) -> usize {
        match self {
            Self::Few { .. } => 0,
            Self::Many(slots) => of_shared(slots.len()),
        }
    }
}

impl Item for Members {}

impl Default for Members {
    fn default() -> Self {
        Self::Few { len: 0, slots: [0; FEW] }
    }
}

impl Deref for Members {
    type Target = [Slot];

    fn deref(&self) -> &[Slot] {
        match self {
            Self::Few { len, slots } => slots.get(..usize::from(*len)).unwrap_or_default(),
            Self::Many(slots) => slots,
        }
    }
}

impl From<&[Slot]> for Members {
    fn from(from: &[Slot]) -> Self {
        let mut slots = [0; FEW];
        match (slots.get_mut(..from.len()), u8::try_from(from.len())) {
            (Some(few), Ok(len)) => {
                few.copy_from_slice(from);
                Self::Few { len, slots }
            }
            _ => Self::Many(from.into()),
        }
    }
}

impl FromIterator<Slot> for Members {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let slots: smallvec::SmallVec<[Slot; 16]> = slots.into_iter().collect();
        Self::from(&*slots)
    }
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Members};

    #[test]
    fn members_are_what_they_were_made_of() {
        for len in 0..=FEW + 2 {
            let slots: Vec<u32> = (7..).take(len).collect();
            let members = Members::from(&*slots);
            assert_eq!(*members, *slots);
            assert_eq!(members, slots.iter().copied().collect());
            assert_eq!(matches!(members, Members::Many(_)), len > FEW);
        }
        assert!(Members::default().is_empty());
    }

    /// What the heap has beside it is counted by the length.
    #[test]
    fn a_set_takes_24_bytes() {
        assert_eq!(size_of::<Members>(), 24);
    }
}
