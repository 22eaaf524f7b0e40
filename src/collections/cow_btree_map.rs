//! A copy-on-write sorted map.

#[cfg(feature = "store")]
use std::cmp::Ordering;
use std::sync::Arc;

#[cfg(feature = "store")]
use hashbrown::HashSet;

use crate::collections::heap::arc_slice_bytes;

/// The most entries or children of one node.
const MAX: usize = 64;

/// A B-tree without links between siblings, each node shared between versions until it is written.
///
/// A clone is one reference count; a write copies the nodes from the root to one leaf where another version still
/// shares them. Empty nodes are dropped; others are not merged, since these maps rarely shrink.
#[derive(Debug)]
pub(crate) struct CowBTreeMap<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

/// A child with its least key.
type Child<K, V> = (K, Arc<Node<K, V>>);

#[derive(Debug, Clone)]
enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    /// Never empty.
    Branch(Vec<Child<K, V>>),
}

impl<K, V> Node<K, V> {
    fn heap_bytes(&self, entry: &impl Fn(&K, &V) -> usize) -> usize {
        let own = arc_slice_bytes::<Self>(1);
        own + match self {
            Self::Leaf(entries) => {
                entries.capacity() * size_of::<(K, V)>()
                    + entries.iter().map(|(key, value)| entry(key, value)).sum::<usize>()
            }
            Self::Branch(children) => {
                children.capacity() * size_of::<Child<K, V>>()
                    + children.iter().map(|(_, child)| child.heap_bytes(entry)).sum::<usize>()
            }
        }
    }
}

impl<K, V> Clone for CowBTreeMap<K, V> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), len: self.len }
    }
}

impl<K, V> Default for CowBTreeMap<K, V> {
    fn default() -> Self {
        Self { root: Arc::new(Node::Leaf(Vec::new())), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> CowBTreeMap<K, V> {
    /// Whether both are the same version. A version that is still held is never written in place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bytes of its memory, with those to which each entry points. Keys of branches share what those of entries point to.
    pub(crate) fn heap_bytes(&self, entry: impl Fn(&K, &V) -> usize) -> usize {
        self.root.heap_bytes(&entry)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let at = entries.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
                    return entries.get(at).map(|(_, value)| value);
                }
                Node::Branch(children) => node = &*children.get(child_for(children, key))?.1,
            }
        }
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Inserts or replaces. Returns the former value.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (replaced, split) = insert(Arc::make_mut(&mut self.root), key, value);
        if let Some(right) = split {
            let left = std::mem::replace(&mut self.root, Arc::new(Node::Leaf(Vec::new())));
            let children = [left, right].into_iter().filter_map(|node| Some((node.least()?.clone(), node))).collect();
            self.root = Arc::new(Node::Branch(children));
        }
        if replaced.is_none() {
            self.len += 1;
        }
        replaced
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        if !self.contains(key) {
            return None;
        }
        let removed = remove(Arc::make_mut(&mut self.root), key);
        self.len -= 1;
        while let Node::Branch(children) = &*self.root
            && let [(_, only)] = children.as_slice()
        {
            self.root = Arc::clone(only);
        }
        removed
    }

    /// The entries in order, from the first key for which `before` is false. `before` must be true for a prefix of the
    /// keys.
    pub(crate) fn iter_from<'a>(&'a self, before: impl Fn(&K) -> bool + 'a) -> Iter<'a, K, V> {
        let mut iter = Iter { stack: Vec::new(), leaf: [].iter() };
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => {
                    iter.leaf =
                        entries.get(entries.partition_point(|(key, _)| before(key))..).unwrap_or_default().iter();
                    return iter;
                }
                Node::Branch(children) => {
                    let at = children.partition_point(|(key, _)| before(key)).saturating_sub(1);
                    let mut rest = children.get(at..).unwrap_or_default().iter();
                    let Some((_, child)) = rest.next() else { return iter };
                    iter.stack.push(rest);
                    node = child;
                }
            }
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_, K, V> {
        self.iter_from(|_| false)
    }
}

#[cfg(feature = "store")]
impl<K: Ord, V: PartialEq> CowBTreeMap<K, V> {
    /// The keys that only one of two versions has, or that have different values in them, in order.
    ///
    /// **O(nodes)**, and O(entries) of the nodes that are not shared.
    pub(crate) fn differing_keys<'a>(&'a self, other: &'a Self) -> Vec<&'a K> {
        let (mine, theirs) = (self.without_shared(other), other.without_shared(self));
        let (mut mine, mut theirs) = (mine.into_iter().peekable(), theirs.into_iter().peekable());
        let mut keys = Vec::new();
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (None, None) => return keys,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((mine, _)), Some((theirs, _))) => mine.cmp(theirs),
            };
            let mine = if order.is_le() { mine.next() } else { None };
            let theirs = if order.is_ge() { theirs.next() } else { None };
            let same = mine.zip(theirs).is_some_and(|((_, mine), (_, theirs))| mine == theirs);
            keys.extend(mine.or(theirs).filter(|_| !same).map(|(key, _)| key));
        }
    }

    /// The entries of the nodes that the other version does not share, in order.
    fn without_shared(&self, other: &Self) -> Vec<(&K, &V)> {
        let mut shared = HashSet::new();
        let mut next = vec![&other.root];
        while let Some(node) = next.pop() {
            shared.insert(Arc::as_ptr(node));
            if let Node::Branch(children) = &**node {
                next.extend(children.iter().map(|(_, child)| child));
            }
        }
        let mut entries = Vec::new();
        let mut next = vec![&self.root];
        while let Some(node) = next.pop() {
            match &**node {
                _ if shared.contains(&Arc::as_ptr(node)) => {}
                Node::Leaf(leaf) => entries.extend(leaf.iter().map(|(key, value)| (key, value))),
                Node::Branch(children) => next.extend(children.iter().rev().map(|(_, child)| child)),
            }
        }
        entries
    }
}

#[cfg(feature = "store")]
impl<K: Ord + Clone, V: Clone> CowBTreeMap<K, V> {
    /// Builds a map from entries in any order.
    ///
    /// # Errors
    ///
    /// A key that occurs twice.
    pub(crate) fn bulk(mut entries: Vec<(K, V)>) -> Result<Self, K> {
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let twice = entries.iter().zip(entries.iter().skip(1)).find(|((a, _), (b, _))| a == b);
        if let Some(((key, _), _)) = twice {
            return Err(key.clone());
        }
        let len = entries.len();
        let mut nodes: Vec<Arc<Node<K, V>>> = parts(entries).map(|part| Arc::new(Node::Leaf(part))).collect();
        while nodes.len() > 1 {
            let children = nodes.into_iter().filter_map(|node| Some((node.least()?.clone(), node)));
            nodes = parts(children).map(|part| Arc::new(Node::Branch(part))).collect();
        }
        Ok(nodes.pop().map_or_else(Self::default, |root| Self { root, len }))
    }
}

/// Splits items, in order, into lists that leave a quarter of a node for later insertions.
#[cfg(feature = "store")]
fn parts<T>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    const LEN: usize = MAX * 3 / 4;
    let mut items = items.into_iter();
    std::iter::from_fn(move || {
        let mut part = Vec::with_capacity(LEN.min(items.size_hint().1.unwrap_or(LEN)));
        part.extend(items.by_ref().take(LEN));
        Some(part).filter(|part| !part.is_empty())
    })
}

/// The entries of a [`CowBTreeMap`] in order.
pub(crate) struct Iter<'a, K, V> {
    /// The children still to visit, from the root down.
    stack: Vec<std::slice::Iter<'a, Child<K, V>>>,
    leaf: std::slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                return Some((key, value));
            }
            let Some((_, child)) = self.stack.last_mut()?.next() else {
                self.stack.pop();
                continue;
            };
            match &**child {
                Node::Leaf(entries) => self.leaf = entries.iter(),
                Node::Branch(children) => self.stack.push(children.iter()),
            }
        }
    }
}

impl<K, V> Node<K, V> {
    /// The least key below this node; none only in an empty map.
    fn least(&self) -> Option<&K> {
        match self {
            Self::Leaf(entries) => entries.first().map(|(key, _)| key),
            Self::Branch(children) => children.first().map(|(key, _)| key),
        }
    }
}

/// The child under which a key belongs: the last whose least key is not above it, or the first.
fn child_for<K: Ord, C>(children: &[(K, C)], key: &K) -> usize {
    children.partition_point(|(least, _)| least <= key).saturating_sub(1)
}

/// Splits the upper half off a list that is too long.
fn upper_half<T>(list: &mut Vec<T>) -> Option<Vec<T>> {
    (list.len() > MAX).then(|| list.split_off(MAX / 2))
}

/// Inserts below a node. Returns the replaced value, and the upper half of the node if it had to be split.
fn insert<K: Ord + Clone, V: Clone>(node: &mut Node<K, V>, key: K, value: V) -> (Option<V>, Option<Arc<Node<K, V>>>) {
    match node {
        Node::Leaf(entries) => match entries.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(at) => (entries.get_mut(at).map(|(_, old)| std::mem::replace(old, value)), None),
            Err(at) => {
                entries.insert(at, (key, value));
                (None, upper_half(entries).map(|upper| Arc::new(Node::Leaf(upper))))
            }
        },
        Node::Branch(children) => {
            let at = child_for(children, &key);
            let Some((least, child)) = children.get_mut(at) else { return (None, None) };
            if key < *least {
                *least = key.clone();
            }
            let (replaced, split) = insert(Arc::make_mut(child), key, value);
            if let Some(right) = split
                && let Some(least) = right.least()
            {
                children.insert(at + 1, (least.clone(), right));
            }
            (replaced, upper_half(children).map(|upper| Arc::new(Node::Branch(upper))))
        }
    }
}

/// Removes below a node, and drops children that become empty.
fn remove<K: Ord + Clone, V: Clone>(node: &mut Node<K, V>, key: &K) -> Option<V> {
    match node {
        Node::Leaf(entries) => {
            let at = entries.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
            Some(entries.remove(at).1)
        }
        Node::Branch(children) => {
            let at = child_for(children, key);
            let (least, child) = children.get_mut(at)?;
            let removed = remove(Arc::make_mut(child), key);
            match child.least() {
                Some(now) => *least = now.clone(),
                None => drop(children.remove(at)),
            }
            removed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    #[cfg(feature = "store")]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::CowBTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Versions that were cloned in between do not change when entries are inserted and removed.
        #[test]
        fn is_a_map_whose_versions_do_not_change(
            steps in proptest::collection::vec((0_u8..8, 0_u16..3000), 0..3000),
            start in 0_u16..3000,
        ) {
            let (mut map, mut model) = (CowBTreeMap::default(), BTreeMap::new());
            let mut kept = Vec::new();
            for (nth, (step, key)) in steps.into_iter().enumerate() {
                match step {
                    0..5 => prop_assert_eq!(map.insert(key, nth), model.insert(key, nth)),
                    5..7 => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                    _ if kept.len() < 8 => kept.push((map.clone(), model.clone())),
                    _ => prop_assert_eq!(map.get(&key), model.get(&key)),
                }
                prop_assert_eq!(map.len(), model.len());
            }
            for key in model.keys().copied().collect::<Vec<_>>() {
                kept.truncate(8);
                if key % 3 != 0 {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
            }
            kept.push((map, model));
            #[cfg(feature = "store")]
            for ((map, model), (other, of_other)) in kept.iter().zip(kept.iter().skip(1)) {
                let keys: BTreeSet<u16> = model.keys().chain(of_other.keys()).copied().collect();
                let differing: Vec<&u16> = keys.iter().filter(|key| model.get(key) != of_other.get(key)).collect();
                prop_assert_eq!(map.differing_keys(other), differing);
            }
            for (map, model) in kept {
                prop_assert!(map.iter().eq(model.iter()));
                prop_assert!(map.iter_from(|key| *key < start).eq(model.range(start..)));
            }
        }
    }
}
