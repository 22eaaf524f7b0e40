//! A vector in pieces that versions share.

#[cfg(feature = "store")]
use std::ops::Range;
use std::sync::Arc;

/// Pages in one middle node.
const FAN: usize = 64;

/// The length that the first page begins with.
const FIRST: usize = 8;

type Page<T> = Arc<[T]>;
type Node<T> = Arc<Vec<Page<T>>>;

/// A growing vector in pages of `N`, under two levels of nodes, each shared between versions until it is written.
///
/// A clone is one reference count. A write copies what it touches and another version still shares: at most one page,
/// one middle node of [`FAN`] pointers and the root of one pointer per `N` × [`FAN`] items. Without another version it
/// copies nothing.
#[derive(Debug)]
pub(crate) struct Pages<T, const N: usize> {
    root: Arc<Vec<Node<T>>>,
    len: usize,
}

impl<T, const N: usize> Clone for Pages<T, N> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), len: self.len }
    }
}

impl<T, const N: usize> Default for Pages<T, N> {
    fn default() -> Self {
        Self { root: Arc::new(Vec::new()), len: 0 }
    }
}

impl<T: Clone + Default, const N: usize> Pages<T, N> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if index >= self.len {
            return None;
        }
        self.root.get(index / (N * FAN))?.get(index / N % FAN)?.get(index % N)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        let node = Arc::make_mut(&mut self.root).get_mut(index / (N * FAN))?;
        let page = Arc::make_mut(node).get_mut(index / N % FAN)?;
        Arc::make_mut(page).get_mut(index % N)
    }

    /// Writes an item that is there; says whether it is.
    pub(crate) fn set(&mut self, index: usize, item: T) -> bool {
        self.get_mut(index).map(|slot| *slot = item).is_some()
    }

    pub(crate) fn push(&mut self, item: T) {
        let index = self.len;
        let root = Arc::make_mut(&mut self.root);
        if index.is_multiple_of(N * FAN) {
            root.push(Arc::default());
        }
        let Some(node) = root.last_mut().map(Arc::make_mut) else { return };
        if index.is_multiple_of(N) {
            node.push(Arc::new([]));
        }
        let Some(page) = node.last_mut() else { return };
        // A page grows by a quarter, so that a small vector wastes little and a page of a large one is exact.
        if index % N == page.len() {
            let room = (page.len() + page.len() / 4).max(FIRST).min(N);
            let spare = std::iter::repeat_n(T::default(), room - page.len());
            *page = page.iter().cloned().chain(spare).collect();
        }
        if let Some(slot) = Arc::make_mut(page).get_mut(index % N) {
            *slot = item;
        }
        self.len += 1;
    }

    /// Appends items, whole pages at once.
    pub(crate) fn extend_from_slice(&mut self, items: &[T]) {
        let room = (N - self.len % N) % N;
        let (head, rest) = items.split_at(room.min(items.len()));
        head.iter().for_each(|item| self.push(item.clone()));
        for page in rest.chunks(N) {
            let root = Arc::make_mut(&mut self.root);
            if self.len.is_multiple_of(N * FAN) {
                root.push(Arc::default());
            }
            if let Some(node) = root.last_mut() {
                Arc::make_mut(node).push(page.into());
            }
            self.len += page.len();
        }
    }

    /// Adds items, each the default, until there is one of this index.
    pub(crate) fn reach(&mut self, index: usize) {
        while self.len <= index {
            self.push(T::default());
        }
    }

    /// Removes the last item.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let index = self.len.checked_sub(1)?;
        let item = self.get_mut(index).map(std::mem::take)?;
        self.len = index;
        let root = Arc::make_mut(&mut self.root);
        if index.is_multiple_of(N)
            && let Some(node) = root.last_mut()
        {
            Arc::make_mut(node).pop();
            if node.is_empty() {
                root.pop();
            }
        }
        Some(item)
    }

    /// The pages from `first` on, the last one cut to the items that are there.
    pub(crate) fn pages_from(&self, first: usize) -> impl Iterator<Item = &[T]> {
        self.root
            .iter()
            .skip(first / FAN)
            .enumerate()
            .flat_map(move |(nth, node)| {
                let skip = if nth == 0 { first % FAN } else { 0 };
                node.iter().skip(skip)
            })
            .enumerate()
            .map(move |(nth, page)| {
                let before = (first + nth) * N;
                page.get(..self.len.saturating_sub(before).min(page.len())).unwrap_or_default()
            })
    }

    pub(crate) fn pages(&self) -> impl Iterator<Item = &[T]> {
        self.pages_from(0)
    }

    /// The items from the page that `first` begins.
    #[cfg(feature = "store")]
    pub(crate) fn iter_from(&self, first: usize) -> impl Iterator<Item = &T> {
        self.pages_from(first / N).flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages().flatten()
    }
}

#[cfg(feature = "store")]
impl<T: Clone + Default, const N: usize> Pages<T, N> {
    /// Whether both have the same items in a range from one beginning of a page to another. Only the items of pages
    /// that are not shared are compared.
    pub(crate) fn agrees(&self, other: &Self, items: Range<usize>, same: impl Fn(&T, &T) -> bool) -> bool {
        let page = |pages: &Self, page: usize| pages.root.get(page / FAN)?.get(page % FAN).cloned();
        let agree = |at: usize| match (page(self, at), page(other, at)) {
            (Some(a), Some(b)) if !Arc::ptr_eq(&a, &b) => {
                let there = self.len.min(items.end) - at * N;
                a.iter().zip(&*b).take(there).all(|(a, b)| same(a, b))
            }
            (a, b) => a.is_some() == b.is_some(),
        };
        self.len.min(items.end) == other.len.min(items.end)
            && (items.start / N..items.end.min(self.len).div_ceil(N)).all(agree)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

    use proptest::prelude::*;

    use super::Pages;

    proptest! {
        /// Whatever is pushed, popped and written, versions taken on the way stay as they were.
        #[test]
        fn is_a_vector_whose_versions_do_not_change(steps in proptest::collection::vec((0_u8..5, any::<u16>()), 0..800)) {
            let (mut pages, mut model) = (Pages::<u16, 4>::default(), Vec::new());
            let mut kept = Vec::new();
            for (step, value) in steps {
                match step {
                    0 | 1 => {
                        pages.push(value);
                        model.push(value);
                    }
                    2 => prop_assert_eq!(pages.pop(), model.pop()),
                    3 => {
                        let index = usize::from(value) % (model.len() + 1);
                        let there = model.get_mut(index).map(|slot| *slot = value).is_some();
                        prop_assert_eq!(pages.set(index, value), there);
                    }
                    _ => kept.push((pages.clone(), model.clone())),
                }
                prop_assert_eq!(pages.len(), model.len());
                prop_assert_eq!(pages.get(model.len()), None);
            }
            kept.push((pages, model));
            for (pages, model) in kept {
                prop_assert!(pages.iter().eq(model.iter()));
                for first in 0..model.len() / 4 + 2 {
                    let tail: Vec<u16> = pages.pages_from(first).flatten().copied().collect();
                    prop_assert_eq!(&tail[..], model.get(first * 4..).unwrap_or_default());
                }
                prop_assert!(model.iter().enumerate().all(|(index, item)| pages.get(index) == Some(item)));
            }
        }
    }
}
