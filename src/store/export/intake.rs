//! Building an instance from lines.

use hashbrown::HashSet;

use crate::model::change::{Change, MAX_REVISION, Place, Revision};
use crate::model::chat_id::ChatId;
use crate::model::error::{Error, Limit, Result};
use crate::model::label::{Label, LabelPatch};
use crate::model::label_id::LabelId;
use crate::model::op::RefreshState;
use crate::state::State;
use crate::state::decide::{exceeded, full};
use crate::state::labels::Slot;
use crate::store::export::line::{Counts, Line, invalid};

/// The state of the lines so far, each of which was checked against those before it.
pub(super) struct Intake {
    name: String,
    /// The most labels, and the most deleted ids.
    limit: usize,
    revision: Revision,
    refresh_state: RefreshState,
    highest: u32,
    state: State,
    counts: Counts,
    stage: Stage,
    /// The chat of the last line, and its place: a chat with very many labels has several lines.
    last: Option<(ChatId, Place)>,
}

/// The kind of the last line: no earlier kind may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Labels,
    DeletedLabels,
    Aliases,
    Chats,
}

/// The result of a line.
pub(super) enum Taken {
    More(Intake),
    /// The instance is complete.
    Whole {
        name: String,
        state: State,
    },
}

impl Intake {
    /// Begins an instance.
    pub(super) fn new(
        name: String,
        revision: Revision,
        refreshed: Option<Revision>,
        highest: u32,
        limit: usize,
        (identity, hash_seed): (u64, u64),
    ) -> Result<Self> {
        if revision > MAX_REVISION {
            return Err(invalid(&revision.to_string(), "a revision that no index reaches"));
        }
        if let Some(refreshed) = refreshed.filter(|&refreshed| refreshed > revision) {
            return Err(invalid(&refreshed.to_string(), format!("refreshed after revision {revision}")));
        }
        if highest > LabelId::MAX_DECIMAL {
            return Err(invalid(&highest.to_string(), "no decimal label id is that high"));
        }
        Ok(Self {
            name,
            limit,
            revision,
            refresh_state: refreshed.map_or(RefreshState::Never, |revision| RefreshState::Done { revision }),
            highest,
            state: State::new(identity, hash_seed),
            counts: Counts::default(),
            stage: Stage::Labels,
            last: None,
        })
    }

    /// Takes the next line.
    ///
    /// # Errors
    ///
    /// The fault in the line. The instance cannot be continued then.
    pub(super) fn take(mut self, line: Line) -> Result<Taken> {
        match line {
            Line::Label(label) => {
                self.enter(Stage::Labels, &label.id)?;
                let (id, attributes) = label.into_parts()?;
                self.label(id, attributes)?;
            }
            Line::DeletedLabel { id } => {
                self.enter(Stage::DeletedLabels, &id)?;
                self.deleted_label(&id.parse()?)?;
            }
            Line::Alias { from, into } => {
                self.enter(Stage::Aliases, &from)?;
                self.alias(&from.parse()?, &into.parse()?)?;
            }
            Line::Chat { id, labels } => {
                self.enter(Stage::Chats, &id)?;
                self.chat(id.parse()?, &labels)?;
            }
            Line::InstanceEnd(counts) => return self.end(counts),
            Line::Instance { name, .. } => return Err(invalid(&name, "the instance before it has no end")),
            Line::ExportEnd { instances } => {
                return Err(invalid(&instances.to_string(), "the last instance has no end"));
            }
        }
        Ok(Taken::More(self))
    }

    fn enter(&mut self, stage: Stage, id: &str) -> Result<()> {
        if stage < self.stage {
            return Err(invalid(id, format!("{stage:?} stand before {:?}", self.stage)));
        }
        self.stage = stage;
        Ok(())
    }

    fn check_highest(&self, id: &LabelId) -> Result<()> {
        match id.decimal() {
            Some(decimal) if decimal > self.highest => {
                Err(invalid(&id.to_string(), format!("above {}, the highest of all", self.highest)))
            }
            _ => Ok(()),
        }
    }

    fn check_limit(&self, present: usize) -> Result<()> {
        if present < self.limit { Ok(()) } else { Err(exceeded(Limit::Labels, self.limit, present.saturating_add(1))) }
    }

    fn label(&mut self, id: LabelId, attributes: LabelPatch) -> Result<()> {
        self.check_highest(&id)?;
        if self.state.labels.slot(&id).is_some() {
            return Err(invalid(&id.to_string(), "a label that is there already"));
        }
        self.check_limit(self.state.labels.len())?;
        self.state.apply(&[Change::LabelCreated { label: Label::new(id, attributes) }]);
        self.counts.labels += 1;
        Ok(())
    }

    fn deleted_label(&mut self, id: &LabelId) -> Result<()> {
        self.check_highest(id)?;
        if self.state.labels.slot(id).is_some() || self.state.labels.is_deleted(id) {
            return Err(invalid(&id.to_string(), "a deleted label that is there already"));
        }
        self.check_limit(self.state.labels.deleted.len())?;
        self.state.labels.remove(id);
        self.counts.deleted_labels += 1;
        Ok(())
    }

    fn alias(&mut self, from: &ChatId, into: &ChatId) -> Result<()> {
        let aliases = &mut self.state.aliases;
        if aliases.target(from).is_some() {
            return Err(invalid(&from.to_string(), "an alias that is there already"));
        }
        if from == into || aliases.target(into).is_some() || aliases.count_of(from) > 0 {
            return Err(invalid(&from.to_string(), format!("means {into}, and one of them is both alias and meant")));
        }
        aliases.point(from, into);
        self.counts.aliases += 1;
        Ok(())
    }

    fn chat(&mut self, chat: ChatId, labels: &[String]) -> Result<()> {
        if labels.is_empty() {
            return Err(invalid(&chat.to_string(), "a chat without a label"));
        }
        let place = match self.last.take() {
            Some((last, place)) if last == chat => place,
            _ => self.new_place(&chat)?,
        };
        let mut has: HashSet<Slot> = self.state.slots_at(place).iter().copied().collect();
        let mut changes = Vec::with_capacity(labels.len());
        for label in labels {
            let label: LabelId = label.parse()?;
            let slot = self.state.labels.slot(&label).ok_or_else(|| Error::UnknownLabel { id: label.to_string() })?;
            if !has.insert(slot) {
                return Err(invalid(&chat.to_string(), format!("has label {label} twice")));
            }
            changes.push(Change::ChatLinked { label, chat: chat.clone(), place });
            self.counts.rows += 1;
        }
        self.state.apply(&changes);
        self.last = Some((chat, place));
        Ok(())
    }

    fn new_place(&mut self, chat: &ChatId) -> Result<Place> {
        if self.state.chats.find(chat).is_some() {
            return Err(invalid(&chat.to_string(), "a chat that is there already"));
        }
        if self.state.resolve(chat) != chat {
            return Err(invalid(&chat.to_string(), "an alias with labels of its own"));
        }
        self.counts.chats += 1;
        self.state.chats.vacancies(0).next().ok_or_else(full)
    }

    fn end(self, counts: Counts) -> Result<Taken> {
        let Self { name, mut state, .. } = self;
        if counts != self.counts {
            return Err(invalid(&format!("{counts:?}"), format!("the lines before it make {:?}", self.counts)));
        }
        state.revision = self.revision;
        state.refresh_state = self.refresh_state;
        state.labels.highest = self.highest;
        Ok(Taken::Whole { name, state })
    }
}
