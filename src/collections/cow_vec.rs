//! A copy-on-write vector in pages.

#[cfg(feature = "store")]
use std::ops::Range;

use crate::collections::cow_slice::{CowSlice, Item};

/// The most children of a node, and the bits of a number that choose one.
const FAN: usize = 1 << BITS;
const BITS: u32 = 5;

/// The initial size of the first page in bytes, unless an item is larger.
const FIRST: usize = 32;

type Page<T> = CowSlice<T>;

/// A node of the tree above the pages. All are full except the last one on each level.
#[derive(Debug, Clone)]
enum Node<T> {
    CowVec(CowSlice<Page<T>>),
    Nodes {
        /// The number of levels below.
        height: u32,
        nodes: CowSlice<Self>,
    },
}

/// A growing vector in pages of `N`, under nodes of [`FAN`], each shared between versions until it is written.
///
/// A clone is one reference count. A write copies what it touches and another version still shares: at most one page,
/// and one node on each level. Nodes are small, since copying one increments the reference count of each child,
/// anywhere in memory. A write that touches nothing shared copies nothing.
#[derive(Debug, Clone)]
pub(crate) struct CowVec<T, const N: usize> {
    root: Node<T>,
    len: usize,
}

impl<T, const N: usize> Default for CowVec<T, N> {
    fn default() -> Self {
        Self { root: Node::CowVec(CowSlice::default()), len: 0 }
    }
}

/// The position, in a node of some height, of the child that holds a page.
fn child(page: usize, height: u32) -> usize {
    (page >> (BITS * height)) % FAN
}

fn with<T: Clone>(items: &[T], last: T) -> CowSlice<T> {
    items.iter().cloned().chain([last]).collect()
}

fn without_last<T: Item>(items: &[T]) -> CowSlice<T> {
    items.split_last().map(|(_, others)| others).unwrap_or_default().into()
}

impl<T: Clone> Item for Node<T> {}

impl<T: Clone> Node<T> {
    /// A node of this height above one page.
    fn above(page: Page<T>, height: u32) -> Self {
        match height.checked_sub(1) {
            None => Self::CowVec([page].into()),
            Some(below) => Self::Nodes { height, nodes: [Self::above(page, below)].into() },
        }
    }

    fn height(&self) -> u32 {
        match self {
            Self::CowVec(_) => 0,
            Self::Nodes { height, .. } => *height,
        }
    }

    /// Adds the page `number`, which is the next one and belongs below this node.
    fn push(&mut self, page: Page<T>, number: usize) {
        match self {
            Self::CowVec(pages) => *pages = with(pages, page),
            Self::Nodes { height, nodes } => match nodes.to_mut().get_mut(child(number, *height)) {
                Some(node) => node.push(page, number),
                None => *nodes = with(nodes, Self::above(page, *height - 1)),
            },
        }
    }

    /// Removes the last page.
    fn pop(&mut self) {
        match self {
            Self::CowVec(pages) => *pages = without_last(pages),
            Self::Nodes { nodes, .. } => {
                let Some(last) = nodes.to_mut().last_mut() else { return };
                last.pop();
                if last.is_empty() {
                    *nodes = without_last(nodes);
                }
            }
        }
    }

    /// The bytes of the pages and of the nodes below this one. Pages that share one allocation are next to each other.
    fn heap_bytes(&self, item: &impl Fn(&T) -> usize) -> usize {
        match self {
            Self::CowVec(pages) => {
                let mut former: Option<&Page<T>> = None;
                let each = pages.iter().map(|page| {
                    let is_counted = former.replace(page).is_some_and(|former| former.is_same(page));
                    if is_counted { 0 } else { page.heap_bytes() + page.iter().map(item).sum::<usize>() }
                });
                each.sum::<usize>() + pages.heap_bytes()
            }
            Self::Nodes { nodes, .. } => {
                nodes.heap_bytes() + nodes.iter().map(|node| node.heap_bytes(item)).sum::<usize>()
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::CowVec(pages) => pages.is_empty(),
            Self::Nodes { nodes, .. } => nodes.is_empty(),
        }
    }
}

impl<T: Item + Default, const N: usize> CowVec<T, N> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bytes of its memory, with those to which each item points.
    pub(crate) fn heap_bytes(&self, item: impl Fn(&T) -> usize) -> usize {
        self.root.heap_bytes(&item)
    }

    /// The page `number`, which has to exist. Inlined: the call would cost more than the body.
    #[inline(always)]
    fn page(&self, number: usize) -> Option<&Page<T>> {
        let mut node = &self.root;
        loop {
            match node {
                Node::CowVec(pages) => return pages.get(child(number, 0)),
                Node::Nodes { height, nodes } => node = nodes.get(child(number, *height))?,
            }
        }
    }

    /// The page `number` for writing; it has to exist.
    #[inline(always)]
    fn page_mut(&mut self, number: usize) -> Option<&mut Page<T>> {
        let mut node = &mut self.root;
        loop {
            match node {
                Node::CowVec(pages) => return pages.to_mut().get_mut(child(number, 0)),
                Node::Nodes { height, nodes } => node = nodes.to_mut().get_mut(child(number, *height))?,
            }
        }
    }

    fn push_page(&mut self, page: Page<T>) {
        let (number, height) = (self.len.div_ceil(N), self.root.height());
        if number == FAN << (BITS * height) {
            self.root = Node::Nodes { height: height + 1, nodes: [self.root.clone()].into() };
        }
        self.root.push(page, number);
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
        self.page_mut(index / N)?.to_mut().get_mut(index % N)
    }

    /// Reads the reference count that a write to an item checks first, so that its memory is being loaded.
    pub(crate) fn preload(&self, index: usize) -> usize {
        self.page(index / N).filter(|_| index < self.len).map_or(0, CowSlice::sharers)
    }

    /// Replaces an item. Returns whether it exists.
    pub(crate) fn set(&mut self, index: usize, item: T) -> bool {
        self.get_mut(index).map(|slot| *slot = item).is_some()
    }

    pub(crate) fn push(&mut self, item: T) {
        let index = self.len;
        if index.is_multiple_of(N) {
            self.push_page(Page::default());
        }
        let Some(page) = self.page_mut(index / N) else { return };
        // A page grows by a quarter, so that a small vector wastes little and a page of a large one is exact.
        if index % N == page.len() {
            let room = (page.len() + page.len() / 4 + 1).max(FIRST / size_of::<T>()).min(N);
            let spare = std::iter::repeat_n(T::default(), room - page.len());
            *page = page.iter().cloned().chain(spare).collect();
        }
        if let Some(slot) = page.to_mut().get_mut(index % N) {
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

    /// Appends default items until `index` exists. Whole pages of them share one page.
    pub(crate) fn grow_to(&mut self, index: usize) {
        let mut blank = None;
        while self.len <= index {
            if self.len.is_multiple_of(N) && index - self.len >= N {
                let blank: &Page<T> = blank.get_or_insert_with(|| std::iter::repeat_n(T::default(), N).collect());
                self.push_page(blank.clone());
                self.len += N;
            } else {
                self.push(T::default());
            }
        }
    }

    /// Removes the last item.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let index = self.len.checked_sub(1)?;
        let item = self.get_mut(index).map(std::mem::take)?;
        self.len = index;
        if index.is_multiple_of(N) {
            self.root.pop();
        }
        Some(item)
    }

    /// Removes the items from `len` on. **O(pages removed)**.
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.len.div_ceil(N) > len.div_ceil(N) {
            self.len = (self.len.div_ceil(N) - 1) * N;
            self.root.pop();
        }
        self.len = self.len.min(len);
    }

    /// The pages from `first` on, the last one cut to the length of the vector.
    pub(crate) fn pages_from(&self, first: usize) -> CowVecFrom<'_, T, N> {
        CowVecFrom { pages: self, next: first }
    }

    pub(crate) fn pages(&self) -> CowVecFrom<'_, T, N> {
        self.pages_from(0)
    }

    /// The items from the beginning of the page that `first` is in.
    pub(crate) fn iter_from(&self, first: usize) -> impl Iterator<Item = &T> {
        self.pages_from(first / N).flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages().flatten()
    }
}

/// The pages of a vector, in order.
pub(crate) struct CowVecFrom<'a, T, const N: usize> {
    pages: &'a CowVec<T, N>,
    next: usize,
}

impl<'a, T: Item + Default, const N: usize> Iterator for CowVecFrom<'a, T, N> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        let there = self.pages.len.checked_sub(self.next * N).filter(|&there| there > 0)?;
        let page = self.pages.page(self.next)?;
        self.next += 1;
        page.get(..there.min(page.len()))
    }
}

#[cfg(feature = "store")]
impl<T: Item + Default, const N: usize> CowVec<T, N> {
    /// Whether both have the same items in a range that begins and ends at page boundaries. Only the items of pages
    /// that are not shared are compared.
    pub(crate) fn agrees(&self, other: &Self, items: Range<usize>, same: impl Fn(&T, &T) -> bool) -> bool {
        debug_assert!(items.start.is_multiple_of(N) && items.end.is_multiple_of(N), "{items:?} by pages of {N}");
        let agree = |at: usize| match (self.page(at), other.page(at)) {
            (Some(a), Some(b)) if !a.is_same(b) => {
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

    use super::CowVec;

    #[test]
    fn is_cut_at_any_length_and_grows_again() {
        for len in 0..=130 {
            let whole: Vec<u16> = (0..130).collect();
            let mut vector = CowVec::<u16, 4>::default();
            vector.extend_from_slice(&whole);
            let former = vector.clone();
            vector.truncate(len);
            vector.truncate(200);
            assert!(vector.iter().eq(whole.iter().take(len)) && vector.len() == len);
            (200..210).for_each(|item| vector.push(item));
            let grown: Vec<u16> = (0..).take(len).chain(200..210).collect();
            assert!(vector.iter().eq(&grown) && former.iter().eq(&whole));
        }
    }

    #[test]
    fn grows_again_when_it_was_emptied() {
        // Enough pages for three levels of nodes.
        let mut pages = CowVec::<u16, 1>::default();
        (0..1_100).for_each(|item| pages.push(item));
        let kept = pages.clone();
        for left in (0..1_100).rev() {
            assert_eq!(pages.pop(), Some(left));
            assert_eq!((pages.len(), pages.get(usize::from(left))), (usize::from(left), None));
        }
        assert_eq!((pages.pop(), pages.pages().count()), (None, 0));
        (0..1_100).rev().for_each(|item| pages.push(item));
        assert!(pages.iter().copied().eq((0..1_100).rev()));
        assert!(kept.iter().copied().eq(0..1_100));
    }

    proptest! {
        /// Versions that were cloned in between do not change when items are pushed, popped and written.
        #[test]
        fn is_a_vector_whose_versions_do_not_change(steps in vec((0_u8..6, any::<u16>()), 0..2_000)) {
            let (mut pages, mut model) = (CowVec::<u16, 4>::default(), Vec::new());
            let mut kept = Vec::new();
            for (step, value) in steps {
                match step {
                    0 => {
                        let items = vec![value; usize::from(value % 64)];
                        pages.extend_from_slice(&items);
                        model.extend(items);
                    }
                    1 if value % 64 == 0 => {
                        pages.grow_to(model.len() + 10);
                        model.resize(model.len() + 11, 0);
                    }
                    1..=2 => {
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
                // The rest behind the first page of each tail is the tail from the next page: so all tails are right.
                for first in 0..model.len() / 4 + 2 {
                    let mut tail = pages.pages_from(first);
                    let page = tail.next();
                    prop_assert_eq!(page, model.chunks(4).nth(first));
                    prop_assert_eq!(tail.next, first + usize::from(page.is_some()));
                }
                prop_assert!(model.iter().enumerate().all(|(index, item)| pages.get(index) == Some(item)));
            }
        }
    }
}
