//! Labels and their attributes.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::model::json::strict::strictly;
use crate::model::label::{Label, LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::name::LabelName;

/// The attributes of a label; `N` says how a name is read. An attribute that is `null` is absent.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename = "LabelPatch")]
struct Attributes<N> {
    name: Option<N>,
    color: Option<i32>,
    position: Option<i32>,
}

impl<N> Default for Attributes<N> {
    fn default() -> Self {
        Self { name: None, color: None, position: None }
    }
}

impl<N> Attributes<N> {
    fn patch(self, name: impl FnOnce(N) -> Option<LabelName>) -> LabelPatch {
        let Self { name: given, color, position } = self;
        LabelPatch { name: given.and_then(name), color, position }
    }
}

impl<'de> Deserialize<'de> for LabelPatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(strictly::<Attributes<LabelName>, D>(deserializer)?.patch(Some))
    }
}

/// The patch of an event, whose name may be anything; `null` is a patch that sets nothing.
pub(in crate::model) fn reported_patch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LabelPatch, D::Error> {
    let reported = Option::<Attributes<Cow<'de, str>>>::deserialize(deserializer)?;
    Ok(reported.unwrap_or_default().patch(|name| LabelName::lenient(&name)))
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Label", 4)?;
        fields.serialize_field("id", self.id())?;
        fields.serialize_field("name", &self.name())?;
        fields.serialize_field("color", &self.color())?;
        fields.serialize_field("position", &self.position())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // All fields but the id are read as attributes, strictly: unknown ones are refused.
        #[derive(serde::Deserialize)]
        #[serde(rename = "Label")]
        struct Fields {
            id: LabelId,
            #[serde(flatten)]
            attributes: LabelPatch,
        }
        let Fields { id, attributes } = Fields::deserialize(deserializer)?;
        Ok(Self::new(id, attributes))
    }
}

impl<'de> Deserialize<'de> for NewLabel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename = "NewLabel")]
        struct Fields {
            name: LabelName,
            #[serde(flatten)]
            attributes: LabelPatch,
        }
        let Fields { name, attributes } = Fields::deserialize(deserializer)?;
        Ok(Self::with_attributes(name, &attributes))
    }
}
