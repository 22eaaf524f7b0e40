//! The labels of a chat.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::FusedIterator;
use std::ops::Index;
use std::slice;

use smallvec::SmallVec;
use triomphe::{Arc, HeaderSlice};

use crate::collections::number::to_index;
use crate::model::label::Label;
use crate::state::labels::{LabelTable, Slot};

/// How many labels of a chat alone are stored without an allocation.
const FEW: usize = 3;

/// How many labels of the chats of an answer are collected without an allocation.
const USUAL: usize = 256;

/// The label sets of the chats of one answer, one behind the other, and the table that has the labels at their slots.
type Shared = Arc<HeaderSlice<LabelTable, [Slot]>>;

/// The labels of a chat, in label order.
///
/// A list of [`Label`]s as they were at the revision of the answer. The chats of one answer share theirs: a clone is one
/// reference count, whatever the number of labels. Of a chat alone up to three take no allocation. With the feature
/// `serde` it is serialised as a list.
///
/// # Examples
///
/// ```
/// use label_index::{Label, LabelIndex};
///
/// let index = LabelIndex::new();
/// index.upsert_label("1", "VIP")?;
/// index.upsert_label("2", "New")?;
/// index.set_labels("ana@c.us", ["2", "1"])?;
/// let labels = index.labels_of("ana@c.us");
/// assert_eq!(labels.len(), 2);
/// assert_eq!(labels[0].name().unwrap().as_str(), "VIP");
/// let names: Vec<String> = labels.iter().filter_map(|label| Some(label.name()?.to_string())).collect();
/// assert_eq!(names, ["VIP", "New"]);
/// let owned: Vec<Label> = labels.into();
/// assert_eq!(owned.len(), 2);
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Clone)]
pub struct ChatLabels(Repr);

#[derive(Clone)]
enum Repr {
    /// Of a chat alone. A few are stored in place: an allocation would touch more memory than the rest of the read.
    Own(SmallVec<[Label; FEW]>),
    /// A part of those of all chats of an answer.
    Part { shared: Shared, start: usize, len: usize },
}

impl ChatLabels {
    /// The labels at some slots of a table, in their order.
    pub(crate) fn at(table: &LabelTable, slots: &[Slot]) -> Self {
        let labels = slots.iter().filter_map(|&slot| table.get(to_index(slot))?.clone());
        Self(Repr::Own(labels.collect()))
    }

    /// The labels of the chats of one answer, in their order: each has labels at these slots of a table.
    pub(crate) fn of_each<'a>(table: &LabelTable, of_chats: &'a [&[Slot]]) -> impl Iterator<Item = Self> + use<'a> {
        let mut slots: SmallVec<[Slot; USUAL]> = SmallVec::new();
        of_chats.iter().for_each(|of_chat| slots.extend_from_slice(of_chat));
        let shared = (!slots.is_empty()).then(|| Arc::from_header_and_slice(table.clone(), &slots));
        let mut end = 0;
        of_chats.iter().map(move |of_chat| {
            let (start, len) = (end, of_chat.len());
            end += len;
            match &shared {
                Some(shared) if len > 0 => Self(Repr::Part { shared: Arc::clone(shared), start, len }),
                _ => Self::default(),
            }
        })
    }

    /// How many labels there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Own(labels) => labels.len(),
            Repr::Part { len, .. } => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels, in label order.
    #[inline]
    pub fn iter(&self) -> ChatLabelsIter<'_> {
        ChatLabelsIter(match &self.0 {
            Repr::Own(labels) => Iter::Own(labels.iter()),
            Repr::Part { shared, start, len } => {
                let slots = shared.slice.get(*start..start + len).unwrap_or_default();
                Iter::Part { table: &shared.header, slots: slots.iter() }
            }
        })
    }

    /// The label at a position, counted from 0 in label order.
    ///
    /// **O(1)**.
    pub fn get(&self, position: usize) -> Option<&Label> {
        self.iter().nth(position)
    }

    /// The first label.
    pub fn first(&self) -> Option<&Label> {
        self.get(0)
    }

    /// Whether the label is among them, with the same attributes.
    ///
    /// **O(n)**. Whether a chat has a label of an id is [`contains`](crate::LabelIndex::contains).
    pub fn contains(&self, label: &Label) -> bool {
        self.iter().any(|own| own == label)
    }

    /// The labels as a vector.
    ///
    /// **O(n)**, and a reference count for each label.
    pub fn to_vec(&self) -> Vec<Label> {
        self.iter().cloned().collect()
    }
}

/// The labels of a chat one after the other. Made by [`ChatLabels::iter`].
#[derive(Clone)]
pub struct ChatLabelsIter<'a>(Iter<'a>);

#[derive(Clone)]
enum Iter<'a> {
    Own(slice::Iter<'a, Label>),
    Part { table: &'a LabelTable, slots: slice::Iter<'a, Slot> },
}

/// The label at a slot. It is in the table, as is that of every slot in a label set.
#[inline]
fn label_at<'a>(table: &'a LabelTable, slot: Option<&Slot>) -> Option<&'a Label> {
    table.get(to_index(*slot?))?.as_ref()
}

impl<'a> Iterator for ChatLabelsIter<'a> {
    type Item = &'a Label;

    #[inline]
    fn next(&mut self) -> Option<&'a Label> {
        match &mut self.0 {
            Iter::Own(labels) => labels.next(),
            Iter::Part { table, slots } => label_at(table, slots.next()),
        }
    }

    fn nth(&mut self, position: usize) -> Option<&'a Label> {
        match &mut self.0 {
            Iter::Own(labels) => labels.nth(position),
            Iter::Part { table, slots } => label_at(table, slots.nth(position)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Iter::Own(labels) => labels.size_hint(),
            Iter::Part { slots, .. } => slots.size_hint(),
        }
    }
}

impl DoubleEndedIterator for ChatLabelsIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Iter::Own(labels) => labels.next_back(),
            Iter::Part { table, slots } => label_at(table, slots.next_back()),
        }
    }
}

impl ExactSizeIterator for ChatLabelsIter<'_> {}

impl FusedIterator for ChatLabelsIter<'_> {}

impl fmt::Debug for ChatLabelsIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl Index<usize> for ChatLabels {
    type Output = Label;

    /// # Panics
    ///
    /// If there is no label at the position.
    #[expect(clippy::panic, reason = "as every index out of bounds; get does not")]
    fn index(&self, position: usize) -> &Label {
        self.get(position).unwrap_or_else(|| panic!("no label at position {position} of {}", self.len()))
    }
}

impl Default for ChatLabels {
    fn default() -> Self {
        Self(Repr::Own(SmallVec::new()))
    }
}

impl From<ChatLabels> for Vec<Label> {
    fn from(labels: ChatLabels) -> Self {
        labels.to_vec()
    }
}

impl IntoIterator for ChatLabels {
    type Item = Label;
    type IntoIter = std::vec::IntoIter<Label>;

    /// Allocates; [`iter`](Self::iter) does not.
    fn into_iter(self) -> Self::IntoIter {
        self.to_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a ChatLabels {
    type Item = &'a Label;
    type IntoIter = ChatLabelsIter<'a>;

    #[inline]
    fn into_iter(self) -> ChatLabelsIter<'a> {
        self.iter()
    }
}

impl PartialEq for ChatLabels {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl Eq for ChatLabels {}

impl Hash for ChatLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|label| label.hash(state));
    }
}

impl PartialEq<[Label]> for ChatLabels {
    fn eq(&self, other: &[Label]) -> bool {
        self.iter().eq(other)
    }
}

impl<const N: usize> PartialEq<[Label; N]> for ChatLabels {
    fn eq(&self, other: &[Label; N]) -> bool {
        self.iter().eq(other)
    }
}

impl PartialEq<Vec<Label>> for ChatLabels {
    fn eq(&self, other: &Vec<Label>) -> bool {
        self.iter().eq(other)
    }
}

impl PartialEq<ChatLabels> for Vec<Label> {
    fn eq(&self, other: &ChatLabels) -> bool {
        other == self
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ChatLabels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl fmt::Debug for ChatLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().fmt(f)
    }
}
