//! A vector in pieces that versions share.

#[cfg(feature = "store")]
use std::ops::Range;
use std::sync::Arc;

/// Pages in one node.
const FAN: usize = 64;

/// The length that the first page begins with.
const FIRST: usize = 8;

type Page<T> = Arc<[T]>;
type Node<T> = Vec<Page<T>>;

#[derive(Debug, Clone)]
enum Root<T> {
    /// Up to [`FAN`] pages.
    Low(Node<T>),
    /// More, or once more, in nodes that are full but for the last.
    High(Vec<Arc<Node<T>>>),
}

/// A growing vector in pages of `N`, under one level of nodes or two, each shared between versions until it is written.
///
/// A clone is one reference count. A write copies what it touches and another version still shares: at most one page,
/// one node of [`FAN`] pointers and a root of one pointer per `N` × [`FAN`] items. Without another version it copies
/// nothing.
#[derive(Debug)]
pub(crate) struct Pages<T, const N: usize> {
    root: Arc<Root<T>>,
    len: usize,
}

impl<T, const N: usize> Clone for Pages<T, N> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), len: self.len }
    }
}

impl<T, const N: usize> Default for Pages<T, N> {
    fn default() -> Self {
        Self { root: Arc::new(Root::Low(Vec::new())), len: 0 }
    }
}

impl<T: Clone + Default, const N: usize> Pages<T, N> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn page(&self, number: usize) -> Option<&Page<T>> {
        match &*self.root {
            Root::Low(pages) => pages.get(number),
            Root::High(nodes) => nodes.get(number / FAN)?.get(number % FAN),
        }
    }

    fn page_mut(&mut self, number: usize) -> Option<&mut Page<T>> {
        match Arc::make_mut(&mut self.root) {
            Root::Low(pages) => pages.get_mut(number),
            Root::High(nodes) => Arc::make_mut(nodes.get_mut(number / FAN)?).get_mut(number % FAN),
        }
    }

    fn push_page(&mut self, page: Page<T>) {
        let root = Arc::make_mut(&mut self.root);
        if let Root::Low(pages) = root
            && pages.len() == FAN
        {
            *root = Root::High(vec![Arc::new(std::mem::take(pages))]);
        }
        match root {
            Root::Low(pages) => pages.push(page),
            Root::High(nodes) => match nodes.last_mut() {
                Some(last) if last.len() < FAN => Arc::make_mut(last).push(page),
                _ => nodes.push(Arc::new(vec![page])),
            },
        }
    }

    fn pop_page(&mut self) {
        match Arc::make_mut(&mut self.root) {
            Root::Low(pages) => drop(pages.pop()),
            Root::High(nodes) => {
                if let Some(last) = nodes.last_mut().map(Arc::make_mut) {
                    last.pop();
                    if last.is_empty() {
                        nodes.pop();
                    }
                }
            }
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if index >= self.len {
            return None;
        }
        self.page(index / N)?.get(index % N)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        Arc::make_mut(self.page_mut(index / N)?).get_mut(index % N)
    }

    /// Reads what a write to an item will ask, so that its memory is on the way.
    pub(crate) fn preload(&self, index: usize) -> usize {
        self.page(index / N).map_or(0, Arc::strong_count)
    }

    /// Writes an item that is there; says whether it is.
    pub(crate) fn set(&mut self, index: usize, item: T) -> bool {
        self.get_mut(index).map(|slot| *slot = item).is_some()
    }

    pub(crate) fn push(&mut self, item: T) {
        let index = self.len;
        if index.is_multiple_of(N) {
            self.push_page(Arc::new([]));
        }
        let Some(page) = self.page_mut(index / N) else { return };
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
            self.push_page(page.into());
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
        if index.is_multiple_of(N) {
            self.pop_page();
        }
        Some(item)
    }

    /// The pages from `first` on, the last one cut to the items that are there.
    pub(crate) fn pages_from(&self, first: usize) -> impl Iterator<Item = &[T]> {
        (first..).map_while(|number| {
            let page = self.page(number)?;
            page.get(..self.len.saturating_sub(number * N).min(page.len()))
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
        let agree = |at: usize| match (self.page(at), other.page(at)) {
            (Some(a), Some(b)) if !Arc::ptr_eq(a, b) => {
                let there = self.len.min(items.end) - at * N;
                a.iter().zip(&**b).take(there).all(|(a, b)| same(a, b))
            }
            (a, b) => a.is_some() == b.is_some(),
        };
        self.len.min(items.end) == other.len.min(items.end)
            && (items.start / N..items.end.min(self.len).div_ceil(N)).all(agree)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::Pages;

    proptest! {
        /// Whatever is pushed, popped and written, versions taken on the way stay as they were.
        #[test]
        fn is_a_vector_whose_versions_do_not_change(steps in vec((0_u8..6, any::<u16>()), 0..2_000)) {
            let (mut pages, mut model) = (Pages::<u16, 4>::default(), Vec::new());
            let mut kept = Vec::new();
            for (step, value) in steps {
                match step {
                    0..=2 => {
                        pages.push(value);
                        model.push(value);
                    }
                    3 => prop_assert_eq!(pages.pop(), model.pop()),
                    4 => {
                        let index = usize::from(value) % (model.len() + 1);
                        let there = model.get_mut(index).map(|slot| *slot = value).is_some();
                        prop_assert_eq!(pages.set(index, value), there);
                    }
                    _ if value % 16 == 0 => kept.push((pages.clone(), model.clone())),
                    _ => {}
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
