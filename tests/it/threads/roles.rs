//! The work of each thread.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use label_index::{Delivery, Error, Filter, FullState, LabelId, LabelIndex, Page, Subscriber};

use super::{CHATS, LABELS, Scene, Seen, Writing};
use crate::choices::Choices;
use crate::replica::{Folded, Replica};

fn own_chat(writer: u32, number: u32) -> String {
    format!("55119{writer}{number:07}@c.us")
}

/// A chat that only refreshes write to.
fn network_chat(number: u32) -> String {
    format!("12036300000000{number:04}@g.us")
}

fn ids_of(index: &LabelIndex, chat: &str) -> Vec<LabelId> {
    index.labels_of(chat).iter().map(|label| label.id().clone()).collect()
}

pub(super) fn begin(scene: &Scene) {
    let mut batch = scene.index.batch();
    for label in 1..=LABELS {
        batch.upsert_label(label, format!("Label {label}").as_str()).unwrap();
    }
    batch.link_all(1, (0..CHATS).map(network_chat)).unwrap();
    assert!(batch.commit().unwrap().changed());
    scene.wrote();
}

/// Writes to chats of its own, and requires that each write is visible at once and until the next, in spite of
/// refreshes.
pub(super) fn write(writing: Writing<'_>, writer: u32) {
    let (scene, mut choices) = (writing.0, Choices(0x9e37_79b9 + u64::from(writer)));
    let index = &scene.index;
    let mut alias = 0;
    while scene.goes_on() {
        let chat = own_chat(writer, choices.below(CHATS));
        let (one, other) = (LabelId::from(1 + choices.below(LABELS)), LabelId::from(1 + choices.below(LABELS)));
        match choices.below(8) {
            0 => drop(index.link(&one, &chat).unwrap()),
            1 => drop(index.unlink(&one, &chat).unwrap()),
            2 => {
                let set = index.set_labels(&chat, [&one, &other]).unwrap();
                assert!(set.revision <= index.revision());
            }
            3 => {
                let chats = (0..8).map(|number| own_chat(writer, number));
                assert!(index.link_all(&one, chats).unwrap().chats.len() <= 8);
            }
            4 => {
                let mut batch = index.batch();
                batch.set_labels(&chat, [&one]).unwrap();
                batch.link(&other, &chat).unwrap();
                let done = batch.commit().unwrap();
                assert!(done.revision <= index.revision());
            }
            5 => come_and_go(index, &chat),
            6 => {
                alias += 1;
                let from = format!("{writer}{alias:06}@lid");
                if alias % 32 == 0 {
                    assert!(index.link(&one, &from).unwrap());
                    assert!(index.merge_chats(&from, &chat).unwrap().changed());
                    assert!(index.contains(&one, &from));
                } else {
                    // In one batch: a state that was fetched between two writes might bring the former chat back.
                    let mut batch = index.batch();
                    batch.link(&one, &from).unwrap();
                    batch.merge_chats(&from, &chat).unwrap();
                    batch.unalias(&from).unwrap();
                    assert!(batch.commit().unwrap().changed());
                }
                assert!(index.contains(&one, &chat));
            }
            _ => {
                let before = ids_of(index, &chat);
                let mut batch = index.batch();
                batch.set_labels(&chat, [&one]).unwrap();
                batch.link("never defined", &chat).unwrap();
                assert!(matches!(batch.commit(), Err(Error::BatchRefused { position: 1, .. })));
                assert_eq!(ids_of(index, &chat), before, "a refused batch left a trace");
            }
        }
        scene.wrote();
        let left = ids_of(index, &chat);
        thread::yield_now();
        assert_eq!(ids_of(index, &chat), left, "nobody else writes to this chat");
    }
}

/// Makes a label, uses it, and removes it.
fn come_and_go(index: &LabelIndex, chat: &str) {
    let label = index.create_label("Temporary").unwrap().outcome;
    assert!(index.link(&label, chat).unwrap());
    thread::yield_now();
    assert!(index.contains(&label, chat), "made and linked, and no refresh may take it");
    assert_eq!(index.remove_label(&label).unwrap().links, 1);
    thread::yield_now();
    assert_eq!(
        (index.label(&label), index.contains(&label, chat)),
        (None, false),
        "removed, and none may bring it back"
    );
}

/// Refreshes by the contents of the index, with other chats of the network; some refreshes are cancelled or given up.
pub(super) fn refresh(writing: Writing<'_>) {
    let (scene, mut choices) = (writing.0, Choices(0x51ed_270b));
    let index = &scene.index;
    while scene.goes_on() {
        let ticket = index.begin_refresh().unwrap();
        let base = index.snapshot();
        let told: Vec<u32> = (0..CHATS).map(|_| 1 + choices.below(LABELS)).collect();
        let state = tell(&base, &told);
        thread::sleep(Duration::from_micros(u64::from(choices.below(3_000))));
        match choices.below(8) {
            0 => drop(ticket),
            1 => {
                assert!(index.cancel_refresh());
                assert_eq!(ticket.commit(state).unwrap_err().cause, Error::TicketCancelled);
            }
            _ => {
                let done = ticket.commit(state).unwrap();
                assert!(done.revision <= index.revision());
                for (number, &label) in (0..).zip(&told) {
                    assert_eq!(ids_of(index, &network_chat(number)), [LabelId::from(label)]);
                }
            }
        }
        scene.wrote();
    }
}

fn tell(base: &label_index::Snapshot, told: &[u32]) -> FullState {
    let mut state = FullState::new();
    for label in base.labels() {
        let mut fields = label_index::LabelPatch::new();
        fields.name = label.name().cloned();
        state.label(label.id(), fields).unwrap();
    }
    for row in base.iter().filter(|row| !row.chat_id.to_string().ends_with("@g.us")) {
        row.labels.iter().for_each(|label| state.link(label.id(), &row.chat_id).unwrap());
    }
    for (number, &label) in (0..).zip(told) {
        state.link(label, network_chat(number)).unwrap();
    }
    state
}

pub(super) fn ask(scene: &Scene, send: Sender<Seen>) {
    let mut choices = Choices(0x1234_5678);
    while scene.goes_on() {
        let label = LabelId::from(1 + choices.below(LABELS));
        let returned = scene.returned();
        let answer = scene.index.query(&Filter::new().any_of_ids([&label]), Page::first(20)).unwrap();
        assert!(answer.revision >= returned, "a write that returned is not seen");
        send.send(Seen::Answer { label, answer }).unwrap();
        thread::sleep(Duration::from_micros(700));
    }
}

pub(super) fn look(scene: &Scene, send: Sender<Seen>) {
    let mut choices = Choices(0x8765_4321);
    while scene.goes_on() {
        let chat = own_chat(choices.below(super::WRITERS), choices.below(CHATS));
        let from = scene.returned();
        let labels = ids_of(&scene.index, &chat);
        let to = scene.index.revision();
        send.send(Seen::Chat { from, to, chat: chat.parse().unwrap(), labels }).unwrap();
        thread::sleep(Duration::from_micros(200));
    }
}

/// Takes snapshots, and reads each after some time.
pub(super) fn hold(scene: &Scene, send: Sender<Seen>) {
    let mut held = std::collections::VecDeque::new();
    while scene.goes_on() {
        let returned = scene.returned();
        let snapshot = scene.index.snapshot();
        assert!(snapshot.revision() >= returned, "a write that returned is not seen");
        held.push_back(snapshot.clone());
        if held.len() > 16 {
            let old = held.pop_front().unwrap();
            send.send(Seen::Whole(Replica::from(&old))).unwrap();
            old.check_invariants().unwrap();
        }
        thread::sleep(Duration::from_millis(4));
    }
    held.iter().for_each(|old| send.send(Seen::Whole(Replica::from(old))).unwrap());
}

/// A copy whose subscriber is too slow to keep up.
struct Slow<'a> {
    scene: &'a Scene,
    feed: Subscriber,
    copy: Folded,
    missed: u32,
}

impl<'a> Slow<'a> {
    fn new(scene: &'a Scene) -> Self {
        let feed = scene.index.subscribe();
        let snapshot = scene.index.snapshot();
        let mut slow = Self { scene, feed, copy: Folded::from(&snapshot), missed: 0 };
        slow.feed.resume_after(snapshot.revision());
        slow
    }

    fn take(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Commit(commit) => self.copy.apply(commit),
            Delivery::Missed { after } => {
                assert_eq!(*after, self.copy.revision());
                let snapshot = self.scene.index.snapshot();
                self.copy = Folded::from(&snapshot);
                self.feed.resume_after(snapshot.revision());
                self.missed += 1;
            }
            other => panic!("{other:?}"),
        }
    }

    fn finish(&self, send: &Sender<Seen>) {
        send.send(Seen::Whole(self.copy.replica())).unwrap();
    }
}

pub(super) fn follow_slowly(scene: &Scene, send: Sender<Seen>) {
    let mut slow = Slow::new(scene);
    for count in 0_u32.. {
        if !scene.goes_on() {
            break;
        }
        if let Some(delivery) = slow.feed.recv_timeout(Duration::from_millis(5)) {
            slow.take(&delivery);
        }
        if count % 256 == 0 {
            slow.finish(&send);
            thread::sleep(Duration::from_millis(150));
        }
    }
    slow.finish(&send);
}

pub(super) fn follow_slowly_by_polling(scene: &Scene, send: Sender<Seen>) {
    let mut slow = Slow::new(scene);
    let waker = Waker::noop();
    while scene.goes_on() {
        match slow.feed.poll_recv(&mut Context::from_waker(waker)) {
            Poll::Ready(delivery) => slow.take(&delivery),
            Poll::Pending => slow.finish(&send),
        }
        thread::sleep(Duration::from_millis(2));
    }
    assert!(slow.missed > 0 || scene.recorded.load(Ordering::SeqCst) < 10_000, "it kept up with everything");
    slow.finish(&send);
}

/// Subscribes after a snapshot, again and again.
pub(super) fn subscribe_again_and_again(scene: &Scene, send: Sender<Seen>) {
    while scene.goes_on() {
        let snapshot = scene.index.snapshot();
        let mut feed = scene.index.subscribe_after(snapshot.revision());
        let mut copy = Folded::from(&snapshot);
        thread::sleep(Duration::from_millis(4));
        while let Some(delivery) = feed.try_recv() {
            match delivery {
                Delivery::Commit(commit) => copy.apply(&commit),
                Delivery::Missed { .. } => break,
                other => panic!("{other:?}"),
            }
        }
        send.send(Seen::Whole(copy.replica())).unwrap();
    }
}
