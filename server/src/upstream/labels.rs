//! Making, changing and deleting labels at the gateway before they are changed here: the gateway chooses their ids.

use label_index::{Label, LabelId, LabelPatch, NewLabel};

use crate::failure::Answered;
use crate::upstream::Upstream;
use crate::upstream::trouble::Trouble;

impl Upstream {
    /// Makes a label at the gateway. Returns its id there.
    ///
    /// # Errors
    ///
    /// 502 if the gateway refuses it, 503 if it cannot be reached.
    pub(crate) async fn create_label(&self, session: &str, label: &NewLabel) -> Answered<LabelId> {
        let mut fields = LabelPatch::from(label.name.clone());
        fields.color = label.color;
        self.counted(self.waha.create_label(session, &fields).await)
    }

    /// Sets the name and the colour of a label at the gateway.
    ///
    /// # Errors
    ///
    /// 502 if the gateway refuses it, 503 if it cannot be reached.
    pub(crate) async fn update_label(&self, session: &str, label: &Label, patch: &LabelPatch) -> Answered<()> {
        let mut fields = LabelPatch::new();
        fields.name = patch.name.clone().or_else(|| label.name().cloned());
        fields.color = patch.color.or(label.color());
        let is_same = fields.name.as_ref() == label.name() && fields.color == label.color();
        if is_same {
            return Ok(());
        }
        self.counted(self.waha.update_label(session, label.id(), &fields).await)
    }

    /// Deletes a label at the gateway, if it is there.
    ///
    /// # Errors
    ///
    /// 502 if the gateway refuses it, 503 if it cannot be reached.
    pub(crate) async fn delete_label(&self, session: &str, label: &LabelId) -> Answered<()> {
        self.counted(self.waha.delete_label(session, label).await)
    }

    fn counted<T>(&self, outcome: Result<T, Trouble>) -> Answered<T> {
        self.meter.wrote(outcome.as_ref().map_or_else(Trouble::name, |_| "done"));
        Ok(outcome?)
    }
}
