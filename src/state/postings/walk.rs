//! Walking over the chats with any of several labels, without uniting their lists first.

use roaring::bitmap::{IntoIter, Iter};

use crate::state::labels::Slot;
use crate::state::postings::{List, Postings};

/// With more lists than this, uniting them costs less than merging them.
const FEW: usize = 64;

/// The chats of one chunk in order, each once.
pub(in crate::state) enum Walk<'a> {
    /// Lists that are merged on the way, each with its next chat.
    Merged(Vec<(u32, Iter<'a>)>),
    United(Option<IntoIter>),
}

impl Postings {
    /// The chats of one chunk with any of these labels, from `low` on.
    pub(in crate::state) fn walk(&self, slots: &[Slot], number: u32, low: u32) -> Walk<'_> {
        if slots.len() > FEW {
            let mut union = self.union(slots, number).map(|union| union.into_owned().into_iter());
            if let Some(union) = &mut union {
                union.advance_to(low);
            }
            return Walk::United(union);
        }
        let lists = slots.iter().filter_map(|&slot| self.chunk(List::Label(slot), number));
        let heads = lists.filter_map(|list| {
            let mut rest = list.iter();
            rest.advance_to(low);
            Some((rest.next()?, rest))
        });
        Walk::Merged(heads.collect())
    }
}

impl Iterator for Walk<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self {
            Self::United(union) => union.as_mut()?.next(),
            Self::Merged(lists) => {
                let next = lists.iter().map(|(head, _)| *head).min()?;
                lists.retain_mut(|(head, rest)| {
                    if *head > next {
                        return true;
                    }
                    rest.next().map(|following| *head = following).is_some()
                });
                Some(next)
            }
        }
    }
}
