//! The labels of a chat.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::model::label::Label;

/// How many labels are stored without an allocation: a [`LabelledChat`](crate::LabelledChat) has the size of a cache line then.
const FEW: usize = 5;

/// The labels of a chat, in label order.
///
/// It is a slice of [`Label`]s, and converts to a `Vec`. Up to five labels take no allocation. With the feature `serde` it is a
/// list.
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
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ChatLabels(SmallVec<[Label; FEW]>);

impl Deref for ChatLabels {
    type Target = [Label];

    fn deref(&self) -> &[Label] {
        &self.0
    }
}

impl AsRef<[Label]> for ChatLabels {
    fn as_ref(&self) -> &[Label] {
        self
    }
}

impl FromIterator<Label> for ChatLabels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        Self(labels.into_iter().collect())
    }
}

impl From<ChatLabels> for Vec<Label> {
    fn from(labels: ChatLabels) -> Self {
        labels.0.into_vec()
    }
}

impl IntoIterator for ChatLabels {
    type Item = Label;
    type IntoIter = std::vec::IntoIter<Label>;

    /// Allocates; [`iter`](slice::iter) does not.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a ChatLabels {
    type Item = &'a Label;
    type IntoIter = std::slice::Iter<'a, Label>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq<[Label]> for ChatLabels {
    fn eq(&self, other: &[Label]) -> bool {
        **self == *other
    }
}

impl<const N: usize> PartialEq<[Label; N]> for ChatLabels {
    fn eq(&self, other: &[Label; N]) -> bool {
        **self == *other
    }
}

impl PartialEq<Vec<Label>> for ChatLabels {
    fn eq(&self, other: &Vec<Label>) -> bool {
        **self == **other
    }
}

impl PartialEq<ChatLabels> for Vec<Label> {
    fn eq(&self, other: &ChatLabels) -> bool {
        **self == **other
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
        self.0.fmt(f)
    }
}
