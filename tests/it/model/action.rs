//! Operations as a caller writes them: texts that may be refused.

use label_index::{ChatId, Error, Event, LabelId, LabelName, LabelPatch, LabelRef, LabelToken, NewLabel};

use super::operation::{Named, Operation};

/// How an operation of a script names a label.
#[derive(Debug, Clone)]
pub(crate) enum Word {
    Text(String),
    /// One of the labels that earlier operations of the batch give, if there is any.
    Earlier(u8),
    /// The token of another batch, if there was any.
    Stale,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    pub(crate) name: Option<String>,
    pub(crate) color: Option<i32>,
    pub(crate) position: Option<i32>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Report {
    Edited,
    Deleted,
    Labelled,
    Unlabelled,
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Upsert { id: String, fields: Fields },
    Update { label: Word, fields: Fields },
    Create { fields: Fields },
    Ensure { fields: Fields },
    Remove { label: Word },
    Link { label: Word, chat: String },
    Unlink { label: Word, chat: String },
    LinkAll { label: Word, chats: Vec<String> },
    UnlinkAll { label: Word, chats: Vec<String> },
    SetLabels { chat: String, labels: Vec<Word> },
    Merge { from: String, into: String },
    Unalias { from: String },
    Ingest { report: Report, label: String, chat: String, fields: Fields },
}

/// The tokens that an operation can use: those of its batch with their positions, and one of another batch.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) own: Vec<(usize, LabelToken)>,
    pub(crate) stale: Option<(usize, LabelToken)>,
}

/// A label as it is passed to the crate.
pub(crate) enum Handed<'a> {
    Text(&'a str),
    Token(LabelToken),
}

impl TryFrom<Handed<'_>> for LabelRef {
    type Error = Error;

    fn try_from(handed: Handed<'_>) -> Result<Self, Error> {
        match handed {
            Handed::Text(text) => text.try_into(),
            Handed::Token(token) => Ok(token.into()),
        }
    }
}

impl Word {
    /// The value to pass to the crate. A plain id replaces a token that does not exist.
    pub(crate) fn handed(&self, tokens: &Tokens) -> Handed<'_> {
        match self {
            Self::Text(text) => Handed::Text(text),
            Self::Earlier(choice) => match tokens.own.as_slice() {
                [] => Handed::Text("1"),
                own => Handed::Token(own[usize::from(*choice) % own.len()].1),
            },
            Self::Stale => tokens.stale.map_or(Handed::Text("2"), |(_, token)| Handed::Token(token)),
        }
    }

    /// The text of a label outside of a batch.
    pub(crate) fn text(&self) -> &str {
        match self.handed(&Tokens::default()) {
            Handed::Text(text) => text,
            Handed::Token(_) => unreachable!("there are no tokens"),
        }
    }

    fn parse(&self, tokens: &Tokens) -> Result<Named, Error> {
        match self.handed(tokens) {
            Handed::Text(text) => text.parse().map(Named::Id),
            Handed::Token(token) => match tokens.own.iter().find(|&&(_, own)| own == token) {
                Some(&(position, _)) => Ok(Named::Position(position)),
                None => Err(Error::ForeignToken { position: tokens.stale.expect("the only other token").0 }),
            },
        }
    }
}

impl Fields {
    pub(crate) fn patch(&self) -> Result<LabelPatch, Error> {
        let mut patch = LabelPatch::new().color(self.color).position(self.position);
        patch.name = self.name.as_deref().map(str::parse).transpose()?;
        Ok(patch)
    }

    pub(crate) fn new_label(&self) -> Result<NewLabel, Error> {
        let name = self.name.as_deref().unwrap_or_default();
        Ok(NewLabel::named(name)?.color(self.color).position(self.position))
    }

    fn lenient(&self) -> LabelPatch {
        let mut patch = LabelPatch::new().color(self.color).position(self.position);
        patch.name = self.name.as_deref().and_then(LabelName::lenient);
        patch
    }
}

impl Action {
    /// Parses the arguments in the order in which they are written.
    pub(crate) fn parse(&self, tokens: &Tokens) -> Result<Operation, Error> {
        Ok(match self {
            Self::Upsert { id, fields } => {
                let patch = fields.patch()?;
                Operation::Upsert { id: id.parse()?, patch }
            }
            Self::Update { label, fields } => {
                let patch = fields.patch()?;
                Operation::Update { label: label.parse(tokens)?, patch }
            }
            Self::Create { fields } => Operation::Create { label: fields.new_label()? },
            Self::Ensure { fields } => Operation::Ensure { label: fields.new_label()? },
            Self::Remove { label } => Operation::Remove { label: label.parse(tokens)? },
            Self::Link { label, chat } => Operation::Link { label: label.parse(tokens)?, chat: chat.parse()? },
            Self::Unlink { label, chat } => Operation::Unlink { label: label.parse(tokens)?, chat: chat.parse()? },
            Self::LinkAll { label, chats } => {
                Operation::LinkAll { label: label.parse(tokens)?, chats: parse_all(chats)? }
            }
            Self::UnlinkAll { label, chats } => {
                Operation::UnlinkAll { label: label.parse(tokens)?, chats: parse_all(chats)? }
            }
            Self::SetLabels { chat, labels } => {
                let chat = chat.parse()?;
                let labels = labels.iter().map(|label| label.parse(tokens)).collect::<Result<_, _>>()?;
                Operation::SetLabels { chat, labels }
            }
            Self::Merge { from, into } => Operation::Merge { from: from.parse()?, into: into.parse()? },
            Self::Unalias { from } => Operation::Unalias { from: from.parse()? },
            Self::Ingest { .. } => Operation::Ingest { event: self.event()? },
        })
    }

    /// The event of an [`Action::Ingest`].
    pub(crate) fn event(&self) -> Result<Event, Error> {
        let Self::Ingest { report, label, chat, fields } = self else { unreachable!("no event: {self:?}") };
        let label: LabelId = label.parse()?;
        Ok(match report {
            Report::Edited => Event::LabelEdited { label, patch: fields.lenient() },
            Report::Deleted => Event::LabelDeleted { label },
            Report::Labelled => Event::ChatLabelled { label, chat: chat.parse()? },
            Report::Unlabelled => Event::ChatUnlabelled { label, chat: chat.parse()? },
        })
    }
}

fn parse_all(chats: &[String]) -> Result<Vec<ChatId>, Error> {
    chats.iter().map(|chat| chat.parse()).collect()
}
