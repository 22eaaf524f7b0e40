//! The meaning of a refresh, written in the slow and obvious way.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use label_index::{Change, ChatId, Commit, Error, Label, LabelId, LabelPatch, Limit};

use super::labels::{Listed, exceeded};
use super::reference::Model;
use super::told::Record;
use super::written::{Fields, Written};

type Pairs = HashSet<(LabelId, ChatId)>;

/// One change that a refresh makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Differs {
    Created(Listed),
    Updated(Listed),
    Removed(LabelId, u64),
    Linked(LabelId, ChatId),
    Unlinked(LabelId, ChatId),
}

/// The required contents of an index after a refresh.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) labels: BTreeMap<LabelId, LabelPatch>,
    pub(crate) links: Pairs,
    /// Labels that are remembered as deleted from now on.
    pub(crate) deleted: BTreeSet<LabelId>,
}

impl Differs {
    /// A sort key that differs for any two changes of one refresh.
    pub(crate) fn key(&self) -> (u8, LabelId, Option<ChatId>) {
        match self {
            Self::Created(label) => (0, label.id.clone(), None),
            Self::Updated(label) => (1, label.id.clone(), None),
            Self::Removed(id, _) => (2, id.clone(), None),
            Self::Linked(id, chat) => (3, id.clone(), Some(chat.clone())),
            Self::Unlinked(id, chat) => (4, id.clone(), Some(chat.clone())),
        }
    }
}

impl Model {
    pub(crate) fn begin_refresh(&mut self) -> Result<(), Error> {
        if self.written.is_some() {
            return Err(Error::RefreshInProgress);
        }
        self.written = Some(Written::default());
        Ok(())
    }

    pub(crate) fn cancel_refresh(&mut self) -> bool {
        self.written.take().is_some()
    }

    pub(crate) fn pairs(&self) -> Pairs {
        let pairs_of = |(chat, labels): (&ChatId, &BTreeSet<LabelId>)| {
            labels.iter().map(|label| (label.clone(), chat.clone())).collect::<Vec<_>>()
        };
        self.links.iter().flat_map(pairs_of).collect()
    }

    /// The required contents after a refresh by these records with the ticket that was given out last.
    pub(crate) fn target(&self, records: &[Record], even_if_empty: bool) -> Result<Target, Error> {
        let written = self.written.as_ref().ok_or(Error::TicketCancelled)?;
        let mut live: BTreeMap<LabelId, LabelPatch> = BTreeMap::new();
        let mut marked_deleted = BTreeSet::new();
        let mut links = Pairs::new();
        for record in records {
            match record {
                Record::Label(id, fields) => merge_record(live.entry(id.clone()).or_default(), fields),
                Record::DeletedLabel(id) => {
                    marked_deleted.insert(id.clone());
                }
                Record::Link(id, chat) => {
                    links.insert((id.clone(), self.resolve(chat)));
                }
                Record::RemovedLink(..) => {}
            }
        }
        marked_deleted.retain(|id| !live.contains_key(id));
        let (here, pairs_here) = (&self.labels.known, self.pairs());
        // A label without a live record exists by its link, unless it is marked as deleted.
        links.retain(|(id, _)| live.contains_key(id) || !marked_deleted.contains(id) && !self.labels.is_deleted(id));
        let linked: BTreeSet<&LabelId> = links.iter().map(|(id, _)| id).collect();
        let tells_of_no_label = live.is_empty() && linked.is_empty();
        let is_empty = tells_of_no_label && !here.is_empty() || links.is_empty() && !pairs_here.is_empty();
        if is_empty && !even_if_empty {
            return Err(Error::EmptyRefresh { labels: number(here.len()), links: number(pairs_here.len()) });
        }
        let told = |id: &LabelId| live.contains_key(id) || linked.contains(id);
        let is_kept = |id: &LabelId| match here.contains_key(id) {
            true => told(id) || written.edited.contains_key(id),
            false => told(id) && !written.removed.contains(id),
        };
        let labels: BTreeMap<_, _> = here
            .keys()
            .chain(live.keys())
            .chain(linked.iter().copied())
            .filter(|id| is_kept(id))
            .map(|id| (id.clone(), attributes(here.get(id), live.get(id), written.edited.get(id))))
            .collect();
        let links = pairs_here
            .union(&links)
            .filter(|pair| labels.contains_key(&pair.0))
            .filter(|pair| if written.covers(self, pair) { pairs_here.contains(pair) } else { links.contains(pair) })
            .cloned()
            .collect();
        let goes = |id: &&LabelId| !labels.contains_key(id) && !self.labels.is_deleted(id);
        let deleted = here.keys().chain(&marked_deleted).filter(goes).cloned().collect();
        let target = Target { labels, links, deleted };
        self.allow_labels(&target)?;
        Ok(target)
    }

    /// Refuses more labels, live or remembered as deleted, than the limit; but a live one can always be removed.
    fn allow_labels(&self, target: &Target) -> Result<(), Error> {
        let (here, limit) = (&self.labels.known, self.limits.labels);
        let live = target.labels.len();
        if live > limit && live > here.len() {
            return Err(exceeded(Limit::Labels, limit, live));
        }
        let remembered = self.labels.deleted().union(&target.deleted);
        let remembered = remembered.filter(|id| !target.labels.contains_key(id)).count();
        if remembered > limit && target.deleted.iter().any(|id| !here.contains_key(id)) {
            return Err(exceeded(Limit::Labels, limit, remembered));
        }
        Ok(())
    }

    /// The changes that lead to the target, in no particular order.
    pub(crate) fn differences(&self, target: &Target) -> Vec<Differs> {
        let (here, pairs) = (&self.labels.known, self.pairs());
        let mut differs = Vec::new();
        for (id, attributes) in &target.labels {
            let listed = || Listed { id: id.clone(), attributes: attributes.clone() };
            match here.get(id) {
                None => differs.push(Differs::Created(listed())),
                Some(own) if own != attributes => differs.push(Differs::Updated(listed())),
                Some(_) => {}
            }
        }
        for id in &target.deleted {
            let lost: Vec<_> = pairs.iter().filter(|(label, _)| label == id).cloned().collect();
            let told = if lost.len() <= self.limits.removal_unlinks { lost.len() } else { 0 };
            differs.push(Differs::Removed(id.clone(), number(lost.len() - told)));
            differs.extend(lost.into_iter().take(told).map(|(id, chat)| Differs::Unlinked(id, chat)));
        }
        let added = target.links.difference(&pairs).cloned();
        differs.extend(added.map(|(id, chat)| Differs::Linked(id, chat)));
        let gone = pairs.difference(&target.links).filter(|(id, _)| !target.deleted.contains(id)).cloned();
        differs.extend(gone.map(|(id, chat)| Differs::Unlinked(id, chat)));
        differs
    }

    /// Applies the changes of a refresh in the order in which the crate published them, so that chats get the same
    /// places.
    pub(crate) fn take_over(&mut self, commit: &Commit) -> Vec<Differs> {
        let differs = commit.changes.iter().filter_map(|change| self.apply(change)).collect();
        self.settle(true);
        self.refreshed = Some(self.revision);
        differs
    }

    fn apply(&mut self, change: &Change) -> Option<Differs> {
        let attributes = |label: &Label| Listed::from(label).attributes;
        Some(match change {
            Change::LabelCreated { label } => {
                self.labels.create(label.id(), attributes(label), usize::MAX).expect("no limit");
                Differs::Created(label.into())
            }
            Change::LabelUpdated { label } => {
                *self.labels.known.get_mut(label.id()).expect("a known label") = attributes(label);
                Differs::Updated(label.into())
            }
            Change::LabelRemoved { label, links } => {
                // A later change may create it again, so only the final number is limited.
                assert_eq!(self.remove(label, usize::MAX), Ok(*links));
                Differs::Removed(label.clone(), *links)
            }
            Change::ChatLinked { label, chat, place } => {
                assert!(self.attach(label, chat));
                assert_eq!(self.places.of(chat), Some(*place), "the place of {chat}");
                Differs::Linked(label.clone(), chat.clone())
            }
            Change::ChatUnlinked { label, chat } => {
                assert!(self.detach(label, chat));
                Differs::Unlinked(label.clone(), chat.clone())
            }
            Change::Refreshed => return None,
            other => panic!("not a change of a refresh: {other:?}"),
        })
    }
}

/// Merges two records of one label; of two values the lesser counts.
fn merge_record(into: &mut LabelPatch, more: &LabelPatch) {
    fn lesser<T: Ord + Clone>(own: &mut Option<T>, other: Option<&T>) {
        let lesser = own.iter().chain(other).min().cloned();
        *own = lesser;
    }
    lesser(&mut into.name, more.name.as_ref());
    lesser(&mut into.color, more.color.as_ref());
    lesser(&mut into.position, more.position.as_ref());
}

fn attributes(here: Option<&LabelPatch>, told: Option<&LabelPatch>, written: Option<&Fields>) -> LabelPatch {
    let (own, told) = (here.cloned().unwrap_or_default(), told.cloned().unwrap_or_default());
    let written = written.copied().unwrap_or_default();
    let color = if written.color { own.color } else { told.color.or(own.color) };
    let position = if written.position { own.position } else { told.position.or(own.position) };
    let mut attributes = LabelPatch::new().color(color).position(position);
    attributes.name = if written.name { own.name } else { told.name.or(own.name) };
    attributes
}

fn number(count: usize) -> u64 {
    u64::try_from(count).expect("64 bits")
}
