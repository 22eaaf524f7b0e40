//! The full state that a network reports, as scripts define it.

use label_index::{ChatId, FullState, LabelId, LabelPatch};

use super::bytes::Bytes;
use super::keys::Space;
use super::reference::Model;
use super::step::fields;

/// One record of a full state.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    Label(LabelId, LabelPatch),
    DeletedLabel(LabelId),
    Link(LabelId, ChatId),
    RemovedLink(LabelId, ChatId),
}

/// The report of the network: a part of what the index has, and some random records.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The share of the index's contents in the report, in 256ths. 0 is not rare.
    share: u8,
    salt: u8,
    records: Vec<Record>,
    pub(crate) even_if_empty: bool,
}

pub(crate) fn told<'a>(space: Space, bytes: &mut Bytes<'_>, following: &mut impl Iterator<Item = &'a [u8]>) -> Told {
    let even_if_empty = bytes.below(2) == 1;
    let share = bytes.pick(&[0, 128, 200, 240, 255]);
    let (salt, count) = (bytes.byte(), bytes.below(10));
    let records = following.take(usize::from(count)).flat_map(|chunk| {
        let bytes = &mut Bytes::new(chunk);
        bytes.many(2, |bytes| record(space, bytes))
    });
    Told { share, salt, records: records.flatten().collect(), even_if_empty }
}

fn record(space: Space, bytes: &mut Bytes<'_>) -> Option<Record> {
    let kind = bytes.below(8);
    let label = space.label(bytes).parse().ok()?;
    match kind {
        0..=1 => {
            let fields = fields(space, bytes).patch().ok()?;
            Some(Record::Label(label, fields))
        }
        2 => Some(Record::DeletedLabel(label)),
        3 => Some(Record::RemovedLink(label, space.chat(bytes).parse().ok()?)),
        _ => Some(Record::Link(label, space.chat(bytes).parse().ok()?)),
    }
}

impl Record {
    pub(crate) fn add_to(&self, state: &mut FullState) {
        match self {
            Self::Label(id, fields) => state.label(id, fields.clone()),
            Self::DeletedLabel(id) => state.deleted_label(id),
            Self::Link(id, chat) => state.link(id, chat),
            Self::RemovedLink(id, chat) => state.removed_link(id, chat),
        }
        .expect("proven arguments");
    }
}

impl Told {
    /// The records, some of which depend on what the index has.
    pub(crate) fn records(&self, model: &Model) -> Vec<Record> {
        let labels = model.labels.known.iter().map(|(id, fields)| Record::Label(id.clone(), fields.clone()));
        let mut pairs: Vec<_> = model.pairs().into_iter().collect();
        pairs.sort_unstable();
        let links = pairs.into_iter().map(|(id, chat)| Record::Link(id, chat));
        let mut state = u32::from(self.salt);
        let is_told = |_: &Record| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.share == 255 || (state >> 24) < u32::from(self.share)
        };
        let mut records: Vec<_> = labels.chain(links).filter(is_told).chain(self.records.iter().cloned()).collect();
        if self.salt % 2 == 1 {
            records.reverse();
        }
        records
    }
}
