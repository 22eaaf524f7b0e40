//! A copy of an index that follows its feed, as a host would keep one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use label_index::{Change, ChatId, Commit, Label, LabelId, Place, RefreshState, Snapshot};

/// Everything that an index shows at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Replica {
    pub(crate) revision: u64,
    pub(crate) refreshed: Option<u64>,
    pub(crate) labels: BTreeMap<LabelId, Label>,
    pub(crate) links: HashMap<ChatId, BTreeSet<LabelId>>,
    pub(crate) aliases: HashMap<ChatId, ChatId>,
    /// Labelled chats in order of place.
    pub(crate) order: Vec<ChatId>,
}

/// A [`Replica`] that follows a feed.
#[derive(Debug, Clone)]
pub(crate) struct Folded {
    /// Without the order.
    copy: Replica,
    /// Only changes have places, so they are unknown unless the index was followed from its beginning.
    places: Option<HashMap<ChatId, Place>>,
    /// The chats that the current commit left without a label at some time.
    emptied: Vec<ChatId>,
}

impl From<&Snapshot> for Replica {
    fn from(snapshot: &Snapshot) -> Self {
        let rows: Vec<_> = snapshot.iter().collect();
        Self {
            revision: snapshot.revision(),
            refreshed: match snapshot.refresh_state() {
                RefreshState::Never => None,
                RefreshState::Done { revision } => Some(revision),
            },
            labels: snapshot.labels().into_iter().map(|label| (label.id().clone(), label)).collect(),
            aliases: snapshot.aliases().into_iter().collect(),
            order: rows.iter().map(|row| row.chat_id.clone()).collect(),
            links: rows
                .into_iter()
                .map(|row| (row.chat_id, row.labels.iter().map(|label| label.id().clone()).collect()))
                .collect(),
        }
    }
}

impl Default for Folded {
    /// The copy of an index that is followed from its beginning.
    fn default() -> Self {
        Self { copy: Replica::default(), places: Some(HashMap::new()), emptied: Vec::new() }
    }
}

impl From<&Snapshot> for Folded {
    fn from(snapshot: &Snapshot) -> Self {
        let copy = Replica { order: Vec::new(), ..Replica::from(snapshot) };
        Self { copy, places: None, emptied: Vec::new() }
    }
}

impl Folded {
    pub(crate) fn revision(&self) -> u64 {
        self.copy.revision
    }

    /// The labels of a chat that is no alias.
    pub(crate) fn labels_of(&self, chat: &ChatId) -> BTreeSet<LabelId> {
        self.copy.links.get(chat).cloned().unwrap_or_default()
    }

    /// The copy after the commits so far.
    pub(crate) fn replica(&self) -> Replica {
        Replica { order: self.order(), ..self.copy.clone() }
    }

    /// Labelled chats in order of place, where it is known.
    pub(crate) fn order(&self) -> Vec<ChatId> {
        let mut places: Vec<_> = self.places.iter().flatten().map(|(chat, &place)| (place, chat)).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0].0 != pair[1].0), "two chats in one place: {places:?}");
        places.into_iter().map(|(_, chat)| chat.clone()).collect()
    }

    pub(crate) fn label(&self, id: &LabelId) -> Option<&Label> {
        self.copy.labels.get(id)
    }

    /// Removes the order of chats from `shown` if this copy does not know it.
    pub(crate) fn as_far_as_known(&self, mut shown: Replica) -> Replica {
        if self.places.is_none() {
            shown.order.clear();
        }
        shown
    }

    /// Requires that this copy equals `shown`.
    #[track_caller]
    pub(crate) fn assert_is(&self, shown: Replica) {
        assert_eq!(self.replica(), self.as_far_as_known(shown));
    }

    /// Applies the next commit.
    ///
    /// # Panics
    ///
    /// If a change changes nothing, or contradicts the copy.
    pub(crate) fn apply(&mut self, commit: &Commit) {
        assert_eq!(commit.revision, self.copy.revision + 1, "a gap in the feed");
        assert!(!commit.changes.is_empty(), "a commit without a change");
        self.copy.revision = commit.revision;
        commit.changes.iter().for_each(|change| self.change(change));
        for chat in self.emptied.drain(..) {
            if let Some(places) = &mut self.places
                && !self.copy.links.contains_key(&chat)
            {
                places.remove(&chat);
            }
        }
    }

    fn change(&mut self, change: &Change) {
        let copy = &mut self.copy;
        match change {
            Change::LabelCreated { label } => {
                let former = copy.labels.insert(label.id().clone(), label.clone());
                assert_eq!(former, None, "created, but it was there");
            }
            Change::LabelUpdated { label } => {
                let former = copy.labels.insert(label.id().clone(), label.clone());
                assert!(former.is_some_and(|former| former != *label), "no update: {label:?}");
            }
            Change::LabelRemoved { label, links } => {
                let had = copy.links.values_mut().filter_map(|labels| labels.take(label)).count();
                copy.labels.remove(label);
                self.emptied.extend(copy.links.extract_if(|_, labels| labels.is_empty()).map(|(chat, _)| chat));
                assert_eq!(u64::try_from(had), Ok(*links), "links that went with {label}");
            }
            Change::ChatLinked { label, chat, place } => {
                assert!(copy.labels.contains_key(label), "linked to {label}, which is not there");
                assert!(!copy.aliases.contains_key(chat), "{chat} is an alias");
                let added = copy.links.entry(chat.clone()).or_default().insert(label.clone());
                assert!(added, "{label} was on {chat} already");
                let former = self.places.as_mut().and_then(|places| places.insert(chat.clone(), *place));
                assert!(former.is_none_or(|former| former == *place), "{chat} lost its place");
            }
            Change::ChatUnlinked { label, chat } => {
                let labels = copy.links.get_mut(chat).expect("a labelled chat");
                assert!(labels.remove(label), "{label} was not on {chat}");
                if labels.is_empty() {
                    copy.links.remove(chat);
                    self.emptied.push(chat.clone());
                }
            }
            Change::ChatsMerged { from, into, removed, added } => self.merge(from, into, removed, added),
            Change::AliasRemoved { from } => assert!(copy.aliases.remove(from).is_some(), "{from} was no alias"),
            Change::Refreshed => copy.refreshed = Some(copy.revision),
            other => panic!("a change that the copy does not know: {other:?}"),
        }
    }

    fn merge(&mut self, from: &ChatId, into: &ChatId, removed: &[LabelId], added: &[LabelId]) {
        let copy = &mut self.copy;
        assert!(!copy.aliases.contains_key(into), "{into} is an alias");
        if let Some(meant) = copy.aliases.insert(from.clone(), into.clone()) {
            assert!(meant != *into && removed.is_empty() && added.is_empty(), "no new meaning of {from}");
            return;
        }
        copy.aliases.values_mut().filter(|meant| *meant == from).for_each(|meant| *meant = into.clone());
        let brought = copy.links.remove(from).unwrap_or_default();
        let had = copy.links.get(into).cloned().unwrap_or_default();
        assert!(brought.iter().eq(removed), "labels that {from} had");
        assert!(brought.difference(&had).eq(added), "labels that {from} brought to {into}");
        if !brought.is_empty() {
            copy.links.entry(into.clone()).or_default().extend(brought);
        }
        if let Some(places) = &mut self.places
            && let Some(place) = places.remove(from)
        {
            places.entry(into.clone()).or_insert(place);
        }
        // Either may have been left without a label earlier in this commit.
        self.emptied.extend([from.clone(), into.clone()]);
    }
}
