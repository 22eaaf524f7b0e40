//! How many labels a chat has, said by the lists that it is in.
//!
//! The rows of a set of chats are the sum of their numbers of labels. With the chats of some numbers in lists, that is the
//! length of a few intersections. Of a chat with `n` labels:
//!
//! - list 0 says whether `n` is even: it counts one;
//! - list `j`, for `j` from 1 on, says whether `n` is at least `2 j + 1`: it counts two.
//!
//! So `n` is 1 and what its lists count, and another label changes at most two of them. A list for each number from 2 on
//! would be changed one at a time, but there would be nearly twice as many to intersect with; binary digits would be fewer
//! still, but a label could change all of them.

/// The lists of a chat with so many labels.
pub(crate) fn lists_of(labels: usize) -> impl Iterator<Item = usize> {
    let even = (labels > 0 && labels.is_multiple_of(2)).then_some(0);
    even.into_iter().chain(1..=labels.saturating_sub(1) / 2)
}

/// Whether a chat with so many labels is in a list.
fn has(labels: usize, list: usize) -> bool {
    if list == 0 { labels > 0 && labels.is_multiple_of(2) } else { labels > 2 * list }
}

/// The lists of a chat with so many labels, without those of a chat with so many `others`.
pub(crate) fn lists_of_only(labels: usize, others: usize) -> impl Iterator<Item = usize> {
    lists_of(labels).filter(move |&list| !has(others, list))
}

/// How many labels a list counts.
pub(crate) fn weight(list: usize) -> u64 {
    if list == 0 { 1 } else { 2 }
}

/// Whether all lists behind this one are within it.
pub(crate) fn is_nested(list: usize) -> bool {
    list > 0
}

#[cfg(test)]
mod tests {
    use super::{has, lists_of, lists_of_only, weight};

    #[test]
    fn the_lists_of_a_chat_count_its_labels() {
        assert_eq!(lists_of(0).count(), 0);
        for labels in 1_usize..40 {
            let counted = 1 + lists_of(labels).map(weight).sum::<u64>();
            assert_eq!(counted, u64::try_from(labels).unwrap_or_default());
            assert!((0..40).filter(|&list| has(labels, list)).eq(lists_of(labels)));
        }
    }

    #[test]
    fn another_label_changes_two_lists_at_most() {
        for labels in 0..40 {
            let changed = lists_of_only(labels, labels + 1).chain(lists_of_only(labels + 1, labels)).count();
            assert!(changed <= 2, "{changed} lists between {labels} labels and one more");
        }
    }
}
