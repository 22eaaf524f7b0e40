//! One instance of a store, as its host knows it.

use label_index::{ChatId, Cursor, Delivery, Filter, LabelIndex, Page, Receipt, Subscriber};

use super::consumer::{Consumer, Published, Stopped};
use super::op::{Answer, Op, batch};
use super::random::Random;
use crate::model::action::Action;
use crate::replica::Replica;

/// The commits of an instance: those that were acknowledged, and those that were attempted.
pub(crate) struct Account {
    /// An index in memory with the same writes.
    twin: LabelIndex,
    /// The twin at each revision, and the operations that led there, some of which changed nothing.
    states: Vec<Replica>,
    /// The commits that it published, from the first one on.
    published: Vec<Published>,
    twin_feed: Subscriber,
    ops: Vec<(u64, Op)>,
    /// The newest revision that the host knows to be on disk.
    acknowledged: u64,
    /// Whether places are those of the twin: while a write waits for the disk, the places that it frees cannot be used
    /// again.
    places_known: bool,
    cursors: Vec<Given>,
    consumer: Consumer,
}

/// A cursor, the revision at which it was given, and the chats that followed then.
struct Given {
    cursor: Cursor,
    revision: u64,
    following: Vec<ChatId>,
}

/// The values of an instance that a host holds while the store is open.
pub(crate) struct Held {
    index: LabelIndex,
    feed: Subscriber,
    /// The last revision that it delivered.
    seen: u64,
    /// The subscriber of the consumer.
    consumer: Subscriber,
    receipts: Vec<(Receipt, Answer, u64)>,
}

impl Held {
    pub(crate) fn new(index: LabelIndex, account: &Account) -> Self {
        let feed = index.subscribe();
        Self { seen: feed.revision(), feed, consumer: account.consumer.start(&index), index, receipts: Vec::new() }
    }
}

impl Default for Account {
    fn default() -> Self {
        let twin = LabelIndex::new();
        Self {
            states: vec![Replica::from(&twin.snapshot())],
            published: Vec::new(),
            twin_feed: twin.subscribe(),
            twin,
            ops: Vec::new(),
            acknowledged: 0,
            places_known: true,
            cursors: Vec::new(),
            consumer: Consumer::default(),
        }
    }
}

impl Account {
    pub(crate) fn twin(&self) -> &LabelIndex {
        &self.twin
    }

    /// Everything that was attempted is on disk.
    pub(crate) fn acknowledge_all(&mut self) {
        self.acknowledge(self.twin.revision());
    }

    /// The store failed, and its error named the revision that is on disk.
    pub(crate) fn failed_at(&mut self, durable: u64) {
        assert!(self.acknowledged <= durable, "acknowledged up to {}, and durable is {durable}", self.acknowledged);
        self.acknowledge(durable);
    }

    fn acknowledge(&mut self, revision: u64) {
        assert!(revision <= self.twin.revision(), "revision {revision} was never written");
        self.acknowledged = self.acknowledged.max(revision);
    }

    /// Carries out an operation on the twin.
    fn follow(&mut self, op: &Op) -> Answer {
        let answer = op.carry_out(&self.twin);
        while let Some(Delivery::Commit(commit)) = self.twin_feed.try_recv() {
            self.published.push((&commit).into());
        }
        self.ops.push((self.twin.revision(), op.clone()));
        if self.states.last().is_none_or(|state| state.revision < self.twin.revision()) {
            self.states.push(Replica::from(&self.twin.snapshot()));
        }
        answer
    }

    /// Carries out an operation on both, and compares the answers.
    pub(crate) fn carry_out(&mut self, held: &Held, op: &Op, synced: bool) {
        self.places_known &= held.receipts.is_empty() || !synced;
        let found = op.carry_out(&held.index);
        let expected = self.follow(op);
        if found.is_failure() {
            return;
        }
        assert_eq!(found, expected, "{op:?}");
        if synced && op.asks_the_index() {
            self.acknowledge_all();
        }
    }

    /// Submits a batch, and waits for it later.
    pub(crate) fn submit(&mut self, held: &mut Held, actions: Vec<Action>, synced: bool) {
        self.places_known &= held.receipts.is_empty() || !synced;
        let receipt = batch(&actions, &held.index).submit();
        let expected = self.follow(&Op::Batch(actions));
        held.receipts.push((receipt, expected, self.twin.revision()));
    }

    /// Waits for what was submitted.
    pub(crate) fn wait(&mut self, held: &mut Held, synced: bool) {
        for (receipt, expected, revision) in held.receipts.drain(..) {
            let found = Answer::of_batch(&receipt.wait());
            if found.is_failure() {
                continue;
            }
            assert_eq!(found, expected, "a receipt");
            if synced {
                self.acknowledge(revision);
            }
        }
    }

    /// Lets the consumer read at most `commits` commits. Those that it has processed are on disk.
    pub(crate) fn consume(
        &mut self,
        held: &mut Held,
        retained: Option<usize>,
        commits: usize,
        random: &mut Random,
    ) -> Stopped {
        let known = (self.published.as_slice(), retained);
        let stopped = self.consumer.read(&mut held.consumer, &held.index, known, commits, random);
        self.acknowledge(self.consumer.revision());
        stopped
    }

    /// Requires that the consumer has processed every commit.
    pub(crate) fn assert_consumed(&self) {
        self.consumer.assert_has(&self.published);
    }

    /// Keeps the cursor after the first chats.
    pub(crate) fn page(&mut self, held: &Held, chats: usize) {
        let snapshot = held.index.snapshot();
        let answer = snapshot.query(&Filter::new(), Page::first(chats)).expect("a plain question");
        let following = snapshot.iter().map(|chat| chat.chat_id).skip(chats).collect();
        self.cursors.extend(answer.next.map(|cursor| Given { cursor, revision: snapshot.revision(), following }));
    }

    /// The store has ended. Commits that the feed delivered, or that readers saw under `Synced`, must be on disk.
    pub(crate) fn end(&mut self, mut held: Held, synced: bool) {
        self.wait(&mut held, synced);
        while let Some(delivery) = held.feed.try_recv() {
            match delivery {
                Delivery::Commit(commit) => self.acknowledge(commit.revision),
                other => panic!("a subscriber of few commits missed some: {other:?}"),
            }
        }
        if synced {
            self.acknowledge(held.index.revision());
        }
        let shown = Replica::from(&held.index.snapshot());
        self.assert_is(shown);
    }

    /// Checks an instance after the store was opened again: it has complete commits, all that were acknowledged, and
    /// none that was not attempted.
    pub(crate) fn recovered(&mut self, index: &LabelIndex, retained: Option<usize>) {
        let snapshot = index.snapshot();
        snapshot.check_invariants().expect("what is on disk is sound");
        let revision = snapshot.revision();
        assert!(self.acknowledged <= revision, "acknowledged up to {}, and there are {revision}", self.acknowledged);
        assert!(revision <= self.twin.revision(), "attempted up to {}, and there are {revision}", self.twin.revision());
        self.assert_is(Replica::from(&snapshot));
        self.check_cursors(index);
        let mut late = index.subscribe_after(self.acknowledged);
        for expected in self.acknowledged + 1..=revision {
            match late.try_recv() {
                Some(Delivery::Commit(commit)) => assert_eq!(commit.revision, expected, "a feed that goes on"),
                Some(Delivery::Missed { .. }) if retained.is_some() => break,
                other => panic!("revision {expected} was to come, and not {other:?}"),
            }
        }
        self.forget_after(revision);
    }

    /// Checks an instance after a failed store has resumed: visible commits are on disk, every waiting call has an
    /// answer, and a subscriber continues with the next commit. If commits were visible before they were on disk, it
    /// may have missed some, and is told so.
    pub(crate) fn resumed(&mut self, held: &mut Held, synced: bool, retained: Option<usize>) {
        self.wait(held, synced);
        while let Some(delivery) = held.feed.try_recv() {
            match delivery {
                Delivery::Commit(commit) => {
                    let next = self.feed_at(held, commit.revision);
                    assert_eq!(Published::from(&commit), self.published[next], "the next commit");
                    self.acknowledge(commit.revision);
                }
                Delivery::Missed { .. } if !synced => held.feed.resume_after(held.index.revision()),
                other => panic!("a subscriber goes on, and not with {other:?}"),
            }
        }
        assert_eq!(held.feed.revision(), held.index.revision(), "everything on disk was delivered");
        held.seen = held.feed.revision();
        if !synced {
            held.consumer = self.consumer.start(&held.index);
        }
        self.recovered(&held.index, retained);
    }

    /// The position of a subscriber's next commit among all that were published.
    fn feed_at(&self, held: &mut Held, revision: u64) -> usize {
        assert_eq!(revision, held.seen + 1, "a feed without a gap");
        held.seen = revision;
        usize::try_from(revision - 1).expect("a small number")
    }

    /// Compares with the twin at the same revision.
    fn assert_is(&self, mut shown: Replica) {
        let state = usize::try_from(shown.revision).ok().and_then(|revision| self.states.get(revision));
        let mut expected = state.expect("a revision that was attempted").clone();
        if !self.places_known {
            shown.order.sort_unstable();
            expected.order.sort_unstable();
        }
        assert_eq!(shown, expected);
    }

    fn check_cursors(&self, index: &LabelIndex) {
        let all: Vec<_> = index.iter().map(|chat| chat.chat_id).collect();
        for Given { cursor, revision, following } in &self.cursors {
            let page = Page::after(all.len().max(1), *cursor).expect("a cursor");
            let answer = index.query(&Filter::new(), page).expect("a cursor stays valid");
            let found: Vec<_> = answer.chats.iter().map(|chat| chat.chat_id.clone()).collect();
            assert!(all.ends_with(&found), "{found:?} is not the end of {all:?}");
            if *revision == index.revision() {
                assert_eq!(found, *following, "the page after a cursor");
            }
        }
    }

    /// Lost commits must not come back: builds the twin again up to this revision.
    fn forget_after(&mut self, revision: u64) {
        let (cursors, consumer) = (std::mem::take(&mut self.cursors), std::mem::take(&mut self.consumer));
        let former = std::mem::take(self);
        for (_, op) in former.ops.iter().take_while(|(at, _)| *at <= revision) {
            drop(self.follow(op));
        }
        assert_eq!(self.twin.revision(), revision);
        (self.cursors, self.consumer, self.places_known) = (cursors, consumer, former.places_known);
        self.acknowledge_all();
    }
}
