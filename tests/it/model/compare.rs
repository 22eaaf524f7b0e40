//! Comparing the answers to all queries.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use label_index::{ChatId, LabelId, RefreshState};

use super::answered::{Row, row};
use super::keys::Space;
use super::labels::Listed;
use super::reference::Model;
use super::view::View;

/// A text with the answer of the crate and that of the model.
pub(crate) type Difference = String;

pub(crate) fn same<T: PartialEq + Debug>(what: impl Debug, found: &T, expected: &T) -> Result<(), Difference> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what:?}\n  the crate: {found:?}\n  the model: {expected:?}"))
}

impl Model {
    /// Compares only what is cheap to compute.
    pub(crate) fn compare_totals(&self, view: &impl View) -> Result<(), Difference> {
        same("revision", &view.revision(), &self.revision)?;
        same("total chats", &view.total_chats(), &self.total_chats())?;
        same("total rows", &view.total_rows(), &self.total_rows())
    }

    /// Checks the invariants, and compares everything.
    pub(crate) fn compare(&self, view: &impl View, space: Space) -> Result<(), Difference> {
        view.check_invariants().map_err(|violation| violation.to_string())?;
        self.compare_totals(view)?;
        let refreshed = self.refreshed.map_or(RefreshState::Never, |revision| RefreshState::Done { revision });
        same("refresh state", &view.refresh_state(), &refreshed)?;
        same("iter", &view.rows().iter().map(row).collect::<Vec<Row>>(), &self.rows())?;
        let aliases: BTreeMap<ChatId, ChatId> = self.aliases.clone().into_iter().collect();
        same("aliases", &view.aliases(), &aliases.into_iter().collect())?;
        same("labels", &listed(&view.labels()), &self.labels.all())?;
        let counts = self.counts();
        for text in space.some_labels() {
            let known = text.parse::<LabelId>().ok().filter(|id| self.labels.known.contains_key(id));
            let expected = known.as_ref().map(|id| self.labels.listed(id));
            same(("label", &text), &view.label(&text).as_ref().map(Listed::from), &expected)?;
            same(("count", &text), &view.count(&text), &known.and_then(|id| counts.get(&id).copied()).unwrap_or(0))?;
        }
        for name in space.some_names() {
            same(("ids named", &name), &view.ids_named(&name), &self.ids_named(&name))?;
        }
        let each = view.labels_of_each(&space.some_chats());
        same("labels of each", &each.len(), &space.some_chats().len())?;
        for (text, of_each) in space.some_chats().into_iter().zip(each) {
            let chat = text.parse::<ChatId>().ok();
            let labels = chat.as_ref().map_or_else(BTreeSet::new, |chat| self.labels_of(chat));
            let expected: Vec<_> = labels.iter().map(|id| self.labels.listed(id)).collect();
            same(("labels of", &text), &listed(&view.labels_of(&text)), &expected)?;
            same(("labels of each", &text), &listed(&of_each), &expected)?;
            same(("resolve", &text), &view.resolve(&text), &chat.map(|chat| self.resolve(&chat)))?;
            let asked = if space == Space::Tiny { space.some_labels() } else { vec!["1".into(), "stage_9".into()] };
            for label in asked {
                let expected = label.parse().is_ok_and(|id| labels.contains(&id));
                same(("contains", &label, &text), &view.contains(&label, &text), &expected)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn listed<'a>(labels: impl IntoIterator<Item = &'a label_index::Label>) -> Vec<Listed> {
    labels.into_iter().map(Listed::from).collect()
}
