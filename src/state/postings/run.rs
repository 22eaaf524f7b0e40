//! Sorted runs that versions share, with some room behind them. Who has one knows how much of it is filled.

use crate::collections::cow_slice::{CowSlice, Item};

/// Adds an item at a position.
pub(crate) fn insert<T: Copy + Default>(run: &mut CowSlice<T>, filled: usize, at: usize, item: T) {
    match run.own().and_then(|run| run.get_mut(at..=filled)) {
        Some(tail) => {
            tail.copy_within(..filled - at, 1);
            tail.iter_mut().take(1).for_each(|first| *first = item);
        }
        None => {
            let (before, after) = run.get(..filled).unwrap_or_default().split_at(at);
            let spare = std::iter::repeat_n(T::default(), filled / 8);
            *run = before.iter().chain(&[item]).chain(after).copied().chain(spare).collect();
        }
    }
}

/// Removes the item at a position.
pub(crate) fn remove<T: Item + Copy>(run: &mut CowSlice<T>, filled: usize, at: usize) {
    if let Some(tail) = run.to_mut().get_mut(at..filled) {
        tail.copy_within(1.., 0);
    }
    // Room that is not needed any more is given back.
    if run.len() > 8 && filled < run.len() / 2 {
        *run = run.get(..filled - 1).unwrap_or_default().into();
    }
}
