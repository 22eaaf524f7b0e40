//! Aliases: ids that mean another chat.

use crate::collections::cow_btree_map::CowBTreeMap;
use crate::model::chat_id::{ChatId, StoredOrder};

/// Every alias of the index, also of chats without labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aliases {
    /// A1: no target is itself an alias, so one step resolves every id. A3: no alias has a place of its own.
    pub(crate) by_alias: CowBTreeMap<StoredOrder, ChatId>,
    /// A2: the same pairs, target first.
    pub(crate) by_target: CowBTreeMap<(StoredOrder, StoredOrder), ()>,
}

impl Aliases {
    /// Whether both are the same version: then no alias was added, changed or removed between them.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.by_alias.is_same(&other.by_alias)
    }

    /// The aliases that only one of two versions has, or that mean different chats in them.
    #[cfg(feature = "store")]
    pub(crate) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a ChatId> {
        self.by_alias.differing_keys(&other.by_alias).into_iter().map(|StoredOrder(alias)| alias)
    }

    /// The number of aliases.
    pub(crate) fn len(&self) -> usize {
        self.by_alias.len()
    }

    /// Builds the aliases from pairs of alias and target, in any order.
    ///
    /// # Errors
    ///
    /// An alias that occurs twice.
    #[cfg(feature = "store")]
    pub(crate) fn bulk(pairs: Vec<(ChatId, ChatId)>) -> Result<Self, ChatId> {
        let by_target = pairs
            .iter()
            .map(|(alias, target)| ((StoredOrder(target.clone()), StoredOrder(alias.clone())), ()))
            .collect();
        let by_alias = pairs.into_iter().map(|(alias, target)| (StoredOrder(alias), target)).collect();
        Ok(Self {
            by_alias: CowBTreeMap::bulk(by_alias).map_err(|StoredOrder(alias)| alias)?,
            by_target: CowBTreeMap::bulk(by_target).map_err(|(_, StoredOrder(alias))| alias)?,
        })
    }

    /// The chat that an id means, if it is an alias.
    pub(crate) fn target(&self, chat: &ChatId) -> Option<&ChatId> {
        if self.by_alias.len() == 0 {
            return None;
        }
        self.by_alias.get(&StoredOrder(chat.clone()))
    }

    /// Every alias with its target, in an internal order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ChatId, &ChatId)> {
        self.by_alias.iter().map(|(StoredOrder(alias), target)| (alias, target))
    }

    /// Makes `alias` mean `target`, in place of any former target.
    pub(crate) fn point(&mut self, alias: &ChatId, target: &ChatId) {
        self.remove(alias);
        self.by_alias.insert(StoredOrder(alias.clone()), target.clone());
        self.by_target.insert((StoredOrder(target.clone()), StoredOrder(alias.clone())), ());
    }

    /// Makes every alias of `from` mean `into`.
    pub(crate) fn repoint_all(&mut self, from: &ChatId, into: &ChatId) {
        let moved: Vec<ChatId> = self.of(from).cloned().collect();
        for alias in moved {
            self.point(&alias, into);
        }
    }

    /// The aliases of a chat, in an internal order.
    ///
    /// **O(log n)**, plus the aliases.
    pub(crate) fn of(&self, target: &ChatId) -> impl Iterator<Item = &ChatId> {
        let target = StoredOrder(target.clone());
        let first = target.clone();
        let aliases = self.by_target.iter_from(move |(other, _)| *other < first).map(|(pair, ())| pair);
        aliases.take_while(move |(other, _)| *other == target).map(|(_, StoredOrder(alias))| alias)
    }

    /// The number of aliases of this chat.
    pub(crate) fn count_of(&self, target: &ChatId) -> usize {
        self.of(target).count()
    }

    pub(crate) fn remove(&mut self, alias: &ChatId) {
        let alias = StoredOrder(alias.clone());
        if let Some(target) = self.by_alias.remove(&alias) {
            self.by_target.remove(&(StoredOrder(target), alias));
        }
    }
}
