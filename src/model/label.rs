//! A label, and what can be said of one.

use std::fmt;
use std::sync::Arc;

use crate::model::arg::Arg;
use crate::model::error::{Error, Result};
use crate::model::label_id::LabelId;
use crate::model::name::LabelName;

/// A label as it was at one revision: id, name, colour and position.
///
/// A cheap handle: cloning shares the definition. A label without a name is *provisional*: something was linked to it
/// before its definition arrived.
///
/// # Examples
///
/// ```
/// use label_index::{LabelIndex, LabelPatch};
///
/// let index = LabelIndex::new();
/// index.upsert_label("5", LabelPatch::named("VIP")?.color(2))?;
/// let label = index.label("5").unwrap();
/// assert_eq!(label.name().unwrap().as_str(), "VIP");
/// assert_eq!((label.color(), label.position()), (Some(2), None));
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Label(Arc<Definition>);

#[derive(PartialEq, Eq, Hash)]
struct Definition {
    id: LabelId,
    attributes: LabelPatch,
}

impl Label {
    pub(crate) fn new(id: LabelId, attributes: LabelPatch) -> Self {
        Self(Arc::new(Definition { id, attributes }))
    }

    /// The identity.
    pub fn id(&self) -> &LabelId {
        &self.0.id
    }

    /// The display name; none while the label is provisional.
    pub fn name(&self) -> Option<&LabelName> {
        self.0.attributes.name.as_ref()
    }

    /// The colour, as the network gave it.
    pub fn color(&self) -> Option<i32> {
        self.0.attributes.color
    }

    /// The position among the labels of the account, as the network gave it.
    pub fn position(&self) -> Option<i32> {
        self.0.attributes.position
    }

    /// Whether the label has no name yet.
    pub fn is_provisional(&self) -> bool {
        self.name().is_none()
    }

    /// The label after a patch.
    pub(crate) fn patched(&self, patch: &LabelPatch) -> Self {
        let own = &self.0.attributes;
        Self::new(
            self.id().clone(),
            LabelPatch {
                name: patch.name.clone().or_else(|| own.name.clone()),
                color: patch.color.or(own.color),
                position: patch.position.or(own.position),
            },
        )
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Label")
            .field("id", self.id())
            .field("name", &self.name())
            .field("color", &self.color())
            .field("position", &self.position())
            .finish()
    }
}

/// The attributes of a label that are to be set; an absent one is left alone. No attribute can be cleared.
///
/// A text that is a name converts to a patch of the name alone, so that `index.upsert_label("1", "VIP")` reads well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct LabelPatch {
    /// The display name.
    pub name: Option<LabelName>,
    /// The colour, stored as given.
    pub color: Option<i32>,
    /// The position, stored as given.
    pub position: Option<i32>,
}

impl LabelPatch {
    /// A patch that sets nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A patch that sets the name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelName`].
    pub fn named(name: impl Arg<LabelName>) -> Result<Self> {
        Ok(Self { name: Some(name.parse_arg()?), ..Self::default() })
    }

    /// Sets the colour too.
    #[must_use]
    pub fn color(mut self, color: impl Into<Option<i32>>) -> Self {
        self.color = color.into();
        self
    }

    /// Sets the position too.
    #[must_use]
    pub fn position(mut self, position: impl Into<Option<i32>>) -> Self {
        self.position = position.into();
        self
    }
}

impl From<LabelName> for LabelPatch {
    fn from(name: LabelName) -> Self {
        Self { name: Some(name), ..Self::default() }
    }
}

impl TryFrom<&str> for LabelPatch {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self> {
        Self::named(name)
    }
}

/// A label to be created: a name, and the attributes that are known.
///
/// A text that is a name converts to a label with that name alone, so that `index.create_label("VIP")` reads well.
///
/// # Examples
///
/// ```
/// use label_index::{LabelIndex, NewLabel};
///
/// let index = LabelIndex::new();
/// let vip = index.create_label("VIP")?;
/// let late = index.create_label(NewLabel::named("Payment late")?.color(1).position(3))?;
/// assert_eq!((vip.to_string(), late.to_string()), ("1".into(), "2".into()));
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NewLabel {
    /// The display name.
    pub name: LabelName,
    /// The colour, stored as given.
    #[cfg_attr(feature = "serde", serde(default))]
    pub color: Option<i32>,
    /// The position, stored as given.
    #[cfg_attr(feature = "serde", serde(default))]
    pub position: Option<i32>,
}

impl NewLabel {
    /// A label with this name, without colour and position.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelName`].
    pub fn named(name: impl Arg<LabelName>) -> Result<Self> {
        Ok(Self::from(name.parse_arg()?))
    }

    /// Gives it a colour.
    #[must_use]
    pub fn color(mut self, color: impl Into<Option<i32>>) -> Self {
        self.color = color.into();
        self
    }

    /// Gives it a position.
    #[must_use]
    pub fn position(mut self, position: impl Into<Option<i32>>) -> Self {
        self.position = position.into();
        self
    }

    pub(crate) fn into_patch(self) -> LabelPatch {
        LabelPatch { name: Some(self.name), color: self.color, position: self.position }
    }
}

impl From<LabelName> for NewLabel {
    fn from(name: LabelName) -> Self {
        Self { name, color: None, position: None }
    }
}

impl TryFrom<&str> for NewLabel {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self> {
        Self::named(name)
    }
}

impl TryFrom<&String> for NewLabel {
    type Error = Error;

    fn try_from(name: &String) -> Result<Self> {
        Self::named(name)
    }
}
