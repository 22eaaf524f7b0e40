//! Instances that wait for a thread, in the order in which they came.

use std::collections::{BTreeSet, VecDeque};

/// Numbers of instances, each at most once, first come first served.
#[derive(Debug, Default)]
pub(super) struct Line {
    order: VecDeque<u64>,
    /// The numbers in `order`.
    known: BTreeSet<u64>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn push(&mut self, instance: u64) {
        if self.known.insert(instance) {
            self.order.push_back(instance);
        }
    }

    pub(super) fn extend(&mut self, instances: impl IntoIterator<Item = u64>) {
        instances.into_iter().for_each(|instance| self.push(instance));
    }

    pub(super) fn pop(&mut self) -> Option<u64> {
        let first = self.order.pop_front()?;
        self.known.remove(&first);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn who_comes_again_keeps_the_place() {
        let mut line = Line::default();
        line.extend([9, 2]);
        line.extend([2, 5, 9]);
        assert_eq!(std::iter::from_fn(|| line.pop()).collect::<Vec<_>>(), [9, 2, 5]);
        assert!(line.is_empty());
        line.push(9);
        assert_eq!((line.pop(), line.pop()), (Some(9), None));
    }
}
