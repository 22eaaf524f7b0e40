//! A label and its attributes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
#[cfg(feature = "serde")]
use std::sync::OnceLock;

use crate::model::arg::Arg;
use crate::model::error::{Error, Result};
#[cfg(feature = "serde")]
use crate::model::json::write::{number, text};
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
#[derive(Clone)]
pub struct Label(Arc<Definition>);

struct Definition {
    id: LabelId,
    attributes: LabelPatch,
    /// The label as JSON, once an answer with it was written.
    #[cfg(feature = "serde")]
    json: OnceLock<Box<[u8]>>,
}

impl Label {
    /// The bytes of a definition, without the texts in it.
    pub(crate) const DEFINITION: usize = size_of::<Definition>();

    pub(crate) fn new(id: LabelId, attributes: LabelPatch) -> Self {
        Self(Arc::new(Definition {
            id,
            attributes,
            #[cfg(feature = "serde")]
            json: OnceLock::new(),
        }))
    }

    /// The fields that define the label; everything else is computed from them.
    fn fields(&self) -> (&LabelId, &LabelPatch) {
        (&self.0.id, &self.0.attributes)
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

    /// Everything but the id.
    #[cfg(feature = "store")]
    pub(crate) fn attributes(&self) -> &LabelPatch {
        &self.0.attributes
    }

    /// The label after a patch.
    pub(crate) fn patched(&self, patch: &LabelPatch) -> Self {
        Self::new(self.id().clone(), patch.clone().or(self.0.attributes.clone()))
    }
}

#[cfg(feature = "serde")]
impl Label {
    /// The label as JSON. It is kept, since an answer may have the label hundreds of times.
    pub(crate) fn json(&self) -> &[u8] {
        self.0.json.get_or_init(|| self.to_json().into())
    }

    /// The bytes of the label as JSON, roughly: escapes in its name are not counted.
    pub(crate) fn json_room(&self) -> usize {
        /// The names of the fields, and three short values.
        const FIELDS: usize = 64;
        FIELDS + self.name().map_or(0, |name| name.as_str().len())
    }

    fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::from(b"{\"id\":");
        self.id().with_text(|id| text(&mut json, id));
        json.extend_from_slice(b",\"name\":");
        match self.name() {
            Some(name) => text(&mut json, name.as_str()),
            None => json.extend_from_slice(b"null"),
        }
        for (field, value) in [(",\"color\":", self.color()), (",\"position\":", self.position())] {
            number(&mut json, field, value);
        }
        json.push(b'}');
        json
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.fields() == other.fields()
    }
}

impl Eq for Label {}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fields().hash(state);
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

/// Converts a name alone, as any kind of text, to a type that has a name; and a reference to that type, as every
/// argument.
macro_rules! named_by_text {
    ($type:ident) => {
        impl TryFrom<&str> for $type {
            type Error = Error;

            fn try_from(name: &str) -> Result<Self> {
                Self::named(name)
            }
        }

        impl TryFrom<&String> for $type {
            type Error = Error;

            fn try_from(name: &String) -> Result<Self> {
                Self::named(name)
            }
        }

        impl TryFrom<String> for $type {
            type Error = Error;

            fn try_from(name: String) -> Result<Self> {
                Self::named(name)
            }
        }

        impl From<&LabelName> for $type {
            fn from(name: &LabelName) -> Self {
                Self::from(name.clone())
            }
        }

        impl From<&Self> for $type {
            fn from(whole: &Self) -> Self {
                whole.clone()
            }
        }
    };
}

/// The attributes of a label that are to be set; an absent one is left alone. No attribute can be cleared.
///
/// A text that is a name converts to a patch of the name alone, so that `index.upsert_label("1", "VIP")` reads well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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

/// The attributes are merged, compared and told apart here, and nowhere else. Each method takes a patch apart without
/// `..`, so one that forgets a new attribute does not compile.
impl LabelPatch {
    /// The attributes of this patch, and of the other one those that this one does not set.
    pub(crate) fn or(self, other: Self) -> Self {
        let Self { name, color, position } = self;
        Self { name: name.or(other.name), color: color.or(other.color), position: position.or(other.position) }
    }

    /// The attributes of both patches; of two values for one attribute the lesser.
    pub(crate) fn least(self, other: Self) -> Self {
        let Self { name, color, position } = self;
        Self {
            name: least(name, other.name),
            color: least(color, other.color),
            position: least(position, other.position),
        }
    }

    /// Which attributes it sets.
    pub(crate) fn fields(&self) -> PatchFields {
        let Self { name, color, position } = self;
        PatchFields { name: name.is_some(), color: color.is_some(), position: position.is_some() }
    }

    /// The patch without some attributes.
    pub(crate) fn without(self, fields: PatchFields) -> Self {
        let Self { name, color, position } = self;
        Self {
            name: name.filter(|_| !fields.name),
            color: color.filter(|_| !fields.color),
            position: position.filter(|_| !fields.position),
        }
    }
}

/// Which attributes of a label a patch sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PatchFields {
    name: bool,
    color: bool,
    position: bool,
}

impl PatchFields {
    pub(crate) fn or(self, other: Self) -> Self {
        let Self { name, color, position } = self;
        Self { name: name | other.name, color: color | other.color, position: position | other.position }
    }
}

/// The lesser of the values that are present.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl From<LabelName> for LabelPatch {
    fn from(name: LabelName) -> Self {
        Self { name: Some(name), ..Self::default() }
    }
}

named_by_text!(LabelPatch);

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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NewLabel {
    /// The display name.
    pub name: LabelName,
    /// The colour, stored as given.
    pub color: Option<i32>,
    /// The position, stored as given.
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

    /// A label with this name, whatever name the attributes have.
    pub(crate) fn with_attributes(name: LabelName, attributes: &LabelPatch) -> Self {
        let LabelPatch { name: _, color, position } = *attributes;
        Self { name, color, position }
    }

    pub(crate) fn into_patch(self) -> LabelPatch {
        let Self { name, color, position } = self;
        LabelPatch { name: Some(name), color, position }
    }
}

impl From<LabelName> for NewLabel {
    fn from(name: LabelName) -> Self {
        Self::with_attributes(name, &LabelPatch::new())
    }
}

named_by_text!(NewLabel);
