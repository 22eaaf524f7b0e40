//! Links, unlinks, any-of questions and labels of chats from real threads, noted and checked one by one: there is an order
//! in which they could have happened one after the other, and it is that of the revisions.

mod caught;
mod check;
mod history;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use label_index::{Answer, Commit, Delivery, Filter, LabelIndex, LabelledChat, Options, Page, Subscriber};

use self::check::check;
use self::history::{Clock, Event, What, chat_id, chat_number, locate};
use crate::choices::Choices;

const CHATS: u32 = 12;

/// Each writer has a label for itself, whose writes do not name their revision; the others are everybody's.
const WRITERS: u32 = 3;
const SHARED: [u32; 2] = [4, 5];
const LABELS: u32 = 5;

const READERS: u32 = 3;

/// Changes that a feed has to keep, so that nothing is missed.
pub(crate) const KEPT: usize = 1 << 20;

struct Scene {
    index: LabelIndex,
    clock: Clock,
    writes: u32,
    writing: AtomicUsize,
}

#[test]
fn histories_in_memory_could_have_happened_one_thing_after_the_other() {
    run_on(Options::new().feed_change_limit(KEPT).build(), 50_000);
}

/// Does everything at once to an index that has nothing yet, whose feed keeps [`KEPT`] changes.
pub(crate) fn run_on(index: LabelIndex, writes: u32) {
    let mut batch = index.batch();
    for label in 1..=LABELS {
        batch.upsert_label(label, format!("Label {label}").as_str()).unwrap();
    }
    let first = batch.commit().unwrap().revision;
    let mut feed = index.subscribe_after(first);
    let scene = &Scene { index, clock: Clock::default(), writes, writing: AtomicUsize::new(WRITERS as usize) };
    let mut events: Vec<Event> = thread::scope(|scope| {
        let writers = (0..WRITERS).map(|writer| scope.spawn(move || scene.write(writer)));
        let readers = (0..READERS).map(|reader| scope.spawn(move || scene.read(reader)));
        let threads: Vec<_> = writers.chain(readers).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let last = scene.index.revision();
    let commits = receive(&mut feed, last);
    locate(&mut events, &commits);
    let beside_writes = check(first, &events).unwrap_or_else(|broken| panic!("{broken:?}"));
    assert!(last > u64::from(writes), "{last} revisions");
    assert!(beside_writes > 0, "nothing happened at once");
    scene.index.check_invariants().unwrap();
}

/// Receives up to a revision.
fn receive(feed: &mut Subscriber, last: u64) -> Vec<Commit> {
    let mut commits = Vec::new();
    while feed.revision() < last {
        let Delivery::Commit(commit) = feed.recv() else { panic!("missed, or closed") };
        commits.push(commit);
    }
    commits
}

/// Counts a writer out, also when it fails.
struct Writing<'a>(&'a AtomicUsize);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Scene {
    fn write(&self, writer: u32) -> Vec<Event> {
        let writing = Writing(&self.writing);
        let mut choices = Choices(0x2545_f491 + u64::from(writer));
        let events = (0..self.writes).map(|_| {
            let (chat, linked) = (choices.below(CHATS), choices.below(2) == 0);
            match choices.below(4) {
                0 | 1 => self.write_alone(1 + writer, chat, linked),
                2 => self.write_in_a_batch(SHARED[0], chat, linked),
                _ => self.write_in_a_batch(SHARED[1], chat, linked),
            }
        });
        let events = events.collect();
        drop(writing);
        events
    }

    fn write_alone(&self, label: u32, chat: u32, linked: bool) -> Event {
        let id = chat_id(chat);
        self.clock.note(|| {
            let done = if linked { self.index.link(label, &id) } else { self.index.unlink(label, &id) };
            (None, What::written(label, chat, linked, done.unwrap()))
        })
    }

    fn write_in_a_batch(&self, label: u32, chat: u32, linked: bool) -> Event {
        let (id, mut batch) = (chat_id(chat), self.index.batch());
        if linked { batch.link(label, &id) } else { batch.unlink(label, &id) }.unwrap();
        self.clock.note(|| {
            let done = batch.commit().unwrap();
            (Some(done.revision), What::written(label, chat, linked, done.changed()))
        })
    }

    /// Reads as long as somebody writes.
    fn read(&self, reader: u32) -> Vec<Event> {
        let mut choices = Choices(0x9e37_79b9 + u64::from(reader));
        let mut events = Vec::new();
        while self.writing.load(Ordering::SeqCst) > 0 {
            let labels = BTreeSet::from([1 + choices.below(LABELS), 1 + choices.below(LABELS)]);
            events.push(match choices.below(8) {
                0 => self.hold_and_ask(labels),
                1..=3 => self.clock.note(|| told(&self.index.query(&any_of(&labels), page()).unwrap(), labels)),
                _ => self.look(choices.below(CHATS)),
            });
            if events.len() % 16 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
        }
        events
    }

    fn look(&self, chat: u32) -> Event {
        let id = chat_id(chat);
        self.clock.note(|| {
            let labels = self.index.labels_of(&id);
            (None, What::LabelsOf { chat, labels: labels.iter().filter_map(|label| label.id().decimal()).collect() })
        })
    }

    /// Takes a snapshot, and asks it when others have gone on.
    fn hold_and_ask(&self, labels: BTreeSet<u32>) -> Event {
        let begin = self.clock.now();
        let snapshot = self.index.snapshot();
        let end = self.clock.now();
        thread::yield_now();
        let (revision, what) = told(&snapshot.query(&any_of(&labels), page()).unwrap(), labels);
        Event { begin, end, revision, what }
    }
}

fn any_of(labels: &BTreeSet<u32>) -> Filter {
    Filter::new().any_of_ids(labels.iter().map(u32::to_string))
}

/// All chats at once.
fn page() -> Page {
    Page::first(CHATS as usize)
}

fn told(answer: &Answer, labels: BTreeSet<u32>) -> (Option<u64>, What) {
    let ids = |chat: &LabelledChat| chat.labels.iter().filter_map(|label| label.id().decimal()).collect();
    let chats = answer.chats.iter().map(|chat| (chat_number(&chat.chat_id), ids(chat))).collect();
    let totals = [answer.total_chats, answer.total_rows, answer.matched_rows];
    (Some(answer.revision), What::AnyOf { labels, chats, totals })
}
