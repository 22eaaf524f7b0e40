//! A writer thread. It is the only one that writes to its chats, so it knows exactly which labels they carry.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use label_index::{ChatId, Error, Event, LabelId, LabelName, LabelPatch, Upserted};

use crate::random::Random;
use crate::scene::{Scene, first_name};
use crate::trouble::{Trouble, same};

/// The ids of a writer's own labels, which it creates and removes again. There are few, since deleted ids are
/// remembered for good.
const CAMPAIGNS: u32 = 4;

/// Aliases that a writer keeps at the same time.
const ALIASES: usize = 32;

/// The labels that a writer expects on each of its chats.
pub(crate) type Carried = BTreeMap<ChatId, BTreeSet<LabelId>>;

pub(crate) struct Writer<'a> {
    scene: &'a Scene,
    number: u32,
    random: Random,
    chats: Vec<ChatId>,
    carried: Carried,
    /// The expected names of labels that only this writer edits.
    names: BTreeMap<LabelId, String>,
    /// In the order in which they were made.
    aliases: VecDeque<(ChatId, ChatId)>,
    next_alias: u32,
}

/// The content that a writer expects at the end.
pub(crate) struct Known {
    pub(crate) carried: Carried,
    pub(crate) names: BTreeMap<LabelId, String>,
}

fn chat_id(number: u32) -> Result<ChatId, Error> {
    match number % 16 {
        0 => format!("1203630000{number:08}@g.us").parse(),
        1 => format!("customer {number}").parse(),
        _ => format!("5511{number:09}@c.us").parse(),
    }
}

impl<'a> Writer<'a> {
    /// Labels the chats of one writer: those whose number modulo the number of writers is its own.
    pub(crate) fn begin(scene: &'a Scene, number: u32) -> Result<Self, Trouble> {
        let every = |end: u32, step: u32| (number..end).step_by(usize::try_from(step).unwrap_or(1));
        let (arguments, writers) = (&scene.arguments, scene.arguments.writers);
        let chats = every(arguments.chats, writers).map(chat_id).collect::<Result<Vec<_>, _>>()?;
        let own = every(arguments.labels, writers).map(|label| (LabelId::from(1 + label), first_name(1 + label)));
        let mut writer = Self {
            scene,
            number,
            random: Random::new(arguments.seed, number),
            carried: BTreeMap::new(),
            names: own.collect(),
            aliases: VecDeque::new(),
            next_alias: 0,
            chats,
        };
        for chats in writer.chats.clone().chunks(5_000) {
            let mut batch = scene.index.batch();
            for chat in chats {
                let labels = writer.some_labels(1);
                batch.set_labels(chat, &labels)?;
                writer.carried.insert(chat.clone(), labels);
            }
            let begun = batch.commit()?;
            same(begun.revision, "labelled the chats", &begun.changed(), &true)?;
        }
        Ok(writer)
    }

    pub(crate) fn run(mut self) -> Result<Known, Trouble> {
        while self.scene.goes_on() {
            let Some(chat) = self.random.pick(&self.chats).cloned() else { break };
            self.write(&chat)?;
            self.scene.counters.writes.add(1);
            self.look(&chat)?;
            if self.random.one_in(4)
                && let Some(other) = self.random.pick(&self.chats).cloned()
            {
                self.look(&other)?;
            }
            if self.scene.arguments.plant_mismatch && self.number == 0 {
                self.carried.entry(chat.clone()).or_default().insert("planted".parse()?);
                self.look(&chat)?;
            }
        }
        self.carried.retain(|_, labels| !labels.is_empty());
        Ok(Known { carried: self.carried, names: self.names })
    }

    fn write(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        match self.random.below(32) {
            0..=8 => self.link(chat),
            9..=13 => self.unlink(chat),
            14..=17 => self.set_labels(chat),
            18..=19 => self.link_all(),
            20 => self.unlink_all(),
            21..=22 => self.batch(),
            23 => self.refused_batch(chat),
            24..=25 => self.ingest(chat),
            26..=27 => self.merge(chat),
            28 => self.rename(),
            29..=30 => self.campaign(),
            _ => self.end_campaign(),
        }
    }

    fn link(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        let label = self.scene.label(&mut self.random);
        // Sometimes the chat is named by an alias.
        let (text, chat) = match self.aliases.back() {
            Some((alias, chat)) if self.random.one_in(8) => (alias.clone(), chat.clone()),
            _ => (chat.clone(), chat.clone()),
        };
        let linked = self.scene.index.link(&label, &text)?;
        let is_new = self.carried.entry(chat).or_default().insert(label.clone());
        self.same(format_args!("linked {label} to {text}"), &linked, &is_new)
    }

    fn unlink(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        let label = self.scene.label(&mut self.random);
        let unlinked = self.scene.index.unlink(&label, chat)?;
        let was_there = self.carried.entry(chat.clone()).or_default().remove(&label);
        self.same(format_args!("unlinked {label} from {chat}"), &unlinked, &was_there)
    }

    fn set_labels(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        let wanted = self.some_labels(0);
        let set = self.scene.index.set_labels(chat, &wanted)?.outcome;
        let had = self.carried.insert(chat.clone(), wanted.clone()).unwrap_or_default();
        self.same(format_args!("added to {chat}"), &set.added, &wanted.difference(&had).cloned().collect())?;
        self.same(format_args!("removed from {chat}"), &set.removed, &had.difference(&wanted).cloned().collect())
    }

    fn link_all(&mut self) -> Result<(), Trouble> {
        let (label, chats) = (self.scene.label(&mut self.random), self.some_chats());
        let changed = self.scene.index.link_all(&label, &chats)?.outcome.chats;
        let carried = &mut self.carried;
        let is_new = |chat: &&ChatId| carried.entry((*chat).clone()).or_default().insert(label.clone());
        let expected: Vec<ChatId> = chats.iter().filter(is_new).cloned().collect();
        self.same(format_args!("linked {label} to many"), &changed, &expected)
    }

    fn unlink_all(&mut self) -> Result<(), Trouble> {
        let (label, chats) = (self.scene.label(&mut self.random), self.some_chats());
        let changed = self.scene.index.unlink_all(&label, &chats)?.outcome.chats;
        let carried = &mut self.carried;
        let was_there = |chat: &&ChatId| carried.entry((*chat).clone()).or_default().remove(&label);
        let expected: Vec<ChatId> = chats.iter().filter(was_there).cloned().collect();
        self.same(format_args!("unlinked {label} from many"), &changed, &expected)
    }

    /// Moves chats from whatever they carry to one label: first the link, then the unlinks.
    fn batch(&mut self) -> Result<(), Trouble> {
        let (label, chats) = (self.scene.label(&mut self.random), self.some_chats());
        let mut batch = self.scene.index.batch();
        for chat in &chats {
            batch.link(&label, chat)?;
            for other in self.carried.get(chat).into_iter().flatten().filter(|&other| *other != label) {
                batch.unlink(other, chat)?;
            }
        }
        let revision = batch.commit()?.revision;
        let is_shown = self.scene.index.revision() >= revision;
        self.carried.extend(chats.into_iter().map(|chat| (chat, BTreeSet::from([label.clone()]))));
        self.same("a batch that returned is shown", &is_shown, &true)
    }

    fn refused_batch(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        let mut batch = self.scene.index.batch();
        batch.set_labels(chat, [self.scene.label(&mut self.random)])?;
        batch.link("never made", chat)?;
        let refused = batch.commit().map(drop);
        let cause = Box::new(Error::UnknownLabel { id: "never made".to_owned() });
        self.same("a batch with an unknown label", &refused, &Err(Error::BatchRefused { position: 1, cause }))
    }

    fn ingest(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        let (label, labelled) = (self.scene.label(&mut self.random), self.random.one_in(2));
        let carried = self.carried.entry(chat.clone()).or_default();
        let (event, expected) = if labelled {
            let is_new = carried.insert(label.clone());
            (Event::ChatLabelled { label, chat: chat.clone() }, is_new)
        } else {
            let was_there = carried.remove(&label);
            (Event::ChatUnlabelled { label, chat: chat.clone() }, was_there)
        };
        let what = format!("{event:?}");
        let changed = self.scene.index.ingest(event)?;
        self.same(what, &changed, &expected)
    }

    /// Merges a labelled chat into one of the writer's chats; much later the alias is forgotten.
    fn merge(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        let label = self.scene.label(&mut self.random);
        let alias: ChatId = format!("9{:02}{:06}@lid", self.number, self.next_alias % 1_000_000).parse()?;
        self.next_alias += 1;
        // In one batch: otherwise a refresh that has the label only on the merged id could bring it back there.
        let mut batch = self.scene.index.batch();
        batch.link(&label, &alias)?;
        batch.merge_chats(&alias, chat)?;
        let changed = batch.commit()?.changed();
        self.same(format_args!("merged {alias} into {chat}"), &changed, &true)?;
        self.carried.entry(chat.clone()).or_default().insert(label);
        self.aliases.push_back((alias, chat.clone()));
        if self.aliases.len() > ALIASES
            && let Some((oldest, _)) = self.aliases.pop_front()
        {
            let removed = self.scene.index.unalias(&oldest)?;
            self.same(format_args!("forgot {oldest}"), &removed, &true)?;
        }
        Ok(())
    }

    fn rename(&mut self) -> Result<(), Trouble> {
        let ids: Vec<LabelId> = self.names.keys().cloned().collect();
        let Some(id) = self.random.pick(&ids) else { return Ok(()) };
        let name = format!("Renamed {} by {}", self.random.below(1_000), self.number);
        let color = i32::try_from(self.random.below(20)).ok();
        let patch = LabelPatch::from(name.parse::<LabelName>()?).color(color);
        let upserted = self.scene.index.upsert_label(id, patch)?.outcome;
        self.same(format_args!("renamed {id}"), &(upserted == Upserted::Created), &false)?;
        self.names.insert(id.clone(), name.clone());
        let found = self.scene.index.label(id).and_then(|label| label.name().map(ToString::to_string));
        self.same(format_args!("name of {id}"), &found, &Some(name))
    }

    /// One of this writer's own labels, created or brought back.
    fn campaign(&mut self) -> Result<(), Trouble> {
        let (id, chats) = (self.campaign_id()?, self.some_chats());
        if !self.names.contains_key(&id) {
            let created = self.scene.index.upsert_label(&id, "Campaign")?.outcome;
            self.names.insert(id.clone(), "Campaign".to_owned());
            self.same(format_args!("made {id}"), &created, &Upserted::Created)?;
            let links = self.scene.index.count(&id);
            self.same(format_args!("links of {id}, which is new"), &links, &0)?;
        }
        let before = self.links(&id);
        let linked = self.scene.index.link_all(&id, &chats)?.outcome.chats.len();
        for chat in chats {
            self.carried.entry(chat).or_default().insert(id.clone());
        }
        let links = self.links(&id);
        self.same(format_args!("links of {id}"), &self.scene.index.count(&id), &links)?;
        self.same(format_args!("new links of {id}"), &u64::try_from(linked), &Ok(links - before))
    }

    fn end_campaign(&mut self) -> Result<(), Trouble> {
        let id = self.campaign_id()?;
        let removed = self.scene.index.remove_label(&id).map(|removed| removed.links);
        let unknown = Error::UnknownLabel { id: id.to_string() };
        let expected = self.names.remove(&id).map(|_| self.links(&id)).ok_or(unknown);
        self.carried.values_mut().for_each(|labels| {
            labels.remove(&id);
        });
        self.same(format_args!("links that went with {id}"), &removed, &expected)
    }

    fn campaign_id(&mut self) -> Result<LabelId, Error> {
        format!("campaign-{}-{}", self.number, self.random.below(CAMPAIGNS)).parse()
    }

    fn links(&self, id: &LabelId) -> u64 {
        u64::try_from(self.carried.values().filter(|labels| labels.contains(id)).count()).unwrap_or(u64::MAX)
    }

    /// Checks the labels of one chat.
    fn look(&mut self, chat: &ChatId) -> Result<(), Trouble> {
        let expected = self.carried.get(chat).cloned().unwrap_or_default();
        let found: BTreeSet<LabelId> =
            self.scene.index.labels_of(chat).iter().map(|label| label.id().clone()).collect();
        self.same(format_args!("labels of {chat}"), &found, &expected)?;
        let label = self.scene.label(&mut self.random);
        let contains = self.scene.index.contains(&label, chat);
        self.same(format_args!("{label} on {chat}"), &contains, &expected.contains(&label))?;
        self.scene.counters.reads.add(2);
        Ok(())
    }

    fn some_labels(&mut self, least: u32) -> BTreeSet<LabelId> {
        let count = least + self.random.below(4);
        (0..count).map(|_| self.scene.label(&mut self.random)).collect()
    }

    fn some_chats(&mut self) -> Vec<ChatId> {
        let most = if self.random.one_in(16) { 300 } else { 12 };
        let count = 1 + self.random.below(most);
        (0..count).filter_map(|_| self.random.pick(&self.chats).cloned()).collect()
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        what: impl std::fmt::Display,
        found: &T,
        expected: &T,
    ) -> Result<(), Trouble> {
        same(self.scene.index.revision(), what, found, expected)
    }
}
