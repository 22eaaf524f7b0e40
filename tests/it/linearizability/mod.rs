//! Links, unlinks, any-of queries and labels of chats from real threads are recorded and checked: there is an order in
//! which they could have happened one after the other, and it is that of the revisions. With one store, in memory or in
//! a folder, or with several that share a database.

mod caught;
mod check;
pub(crate) mod history;
pub(crate) mod site;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{LabelIndex, Options};

use self::check::check;
use self::history::{Clock, Event, What, locate};
use self::site::{Away, Home, Indexes, Site};
use crate::choices::Choices;

pub(crate) const CHATS: u32 = 12;

/// Each of the first writers has a label of its own, to which writes need not name their revision; all writers share
/// the other labels. With more stores there are more writers and readers.
const WRITERS: u32 = 3;
const SHARED: [u32; 2] = [4, 5];
pub(crate) const LABELS: u32 = 5;

const READERS: u32 = 3;

/// Changes that a feed has to keep, so that no commit is missed.
pub(crate) const KEPT: usize = 1 << 20;

struct Scene<'a> {
    home: &'a dyn Home,
    clock: Clock,
    writes: u32,
    writing: AtomicUsize,
    /// Whether the stores are being disturbed.
    disturbed: AtomicBool,
}

#[test]
fn histories_in_memory_are_linearizable() {
    run_on(Options::new().feed_change_limit(KEPT).build(), 50_000);
}

/// Runs all threads on an empty index whose feed keeps [`KEPT`] changes.
pub(crate) fn run_on(index: LabelIndex, writes: u32) {
    let first = make_labels(&index);
    run_at(&Indexes(vec![index], true), first, writes, || ());
}

/// Makes the labels of a history. Returns the revision.
pub(crate) fn make_labels(index: &LabelIndex) -> u64 {
    let mut batch = index.batch();
    for label in 1..=LABELS {
        batch.upsert_label(label, format!("Label {label}").as_str()).unwrap();
    }
    batch.commit().unwrap().revision
}

/// Runs all threads on the stores of a home, which have had the labels since a revision and nothing else, while
/// `disturb` disturbs them. Each writer makes `writes` writes, or more until `disturb` has ended. Returns the final
/// contents, which have to be the same in all stores.
pub(crate) fn run_at(home: &dyn Home, first: u64, writes: u32, disturb: impl FnOnce()) -> String {
    let mut sites: Vec<Box<dyn Site>> = (0..home.stores()).map(|store| home.site(store)).collect();
    sites.iter_mut().for_each(|site| site.follow(first));
    let count = |least: u32| least.max(u32::try_from(home.stores()).unwrap());
    let writing = AtomicUsize::new(count(WRITERS) as usize);
    let scene = &Scene { home, clock: Clock::default(), writes, writing, disturbed: AtomicBool::new(true) };
    let mut events: Vec<Event> = thread::scope(|scope| {
        let writers = (0..count(WRITERS)).map(|writer| scope.spawn(move || scene.actor(writer).write(writer)));
        let readers = (0..count(READERS)).map(|reader| scope.spawn(move || scene.actor(reader).read(reader)));
        let threads: Vec<_> = writers.chain(readers).collect();
        let disturbing = Disturbing(&scene.disturbed);
        disturb();
        drop(disturbing);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    sites.iter_mut().for_each(|site| patiently(|| site.catch_up()));
    let images: Vec<(u64, String)> = sites.iter_mut().map(|site| patiently(|| site.image())).collect();
    assert!(images.iter().all(|image| *image == images[0]), "not all have the same in the end: {images:?}");
    let (last, image) = images[0].clone();
    let mut feeds = sites.iter_mut().map(|site| patiently(|| site.commits(last)));
    let commits = feeds.next().unwrap();
    assert!(feeds.all(|feed| feed == commits), "not all were told the same");
    locate(&mut events, &commits);
    let beside_writes = check(first, &events).unwrap_or_else(|broken| panic!("{broken:?}"));
    let least = if home.is_steady() { writes } else { writes / 4 };
    assert!(last > first + u64::from(least), "{last} revisions");
    assert!(beside_writes > 0, "nothing happened at once");
    image
}

/// Tries until the store can be reached.
fn patiently<T>(mut try_it: impl FnMut() -> Result<T, Away>) -> T {
    let began = Instant::now();
    loop {
        match try_it() {
            Ok(done) => return done,
            Err(Away) => thread::sleep(Duration::from_millis(5)),
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the store never came back");
    }
}

/// Counts a writer as ended when this is dropped, also by a panic.
struct Writing<'a>(&'a AtomicUsize);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Records that the disturbance has ended when this is dropped, also by a panic.
struct Disturbing<'a>(&'a AtomicBool);

impl Drop for Disturbing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Scene<'_> {
    /// The thread with this number, which uses the store that the number selects.
    fn actor(&self, number: u32) -> Actor<'_> {
        let store = usize::try_from(number).unwrap() % self.home.stores();
        Actor { scene: self, store, site: self.home.site(store) }
    }
}

/// A thread at one store.
struct Actor<'a> {
    scene: &'a Scene<'a>,
    store: usize,
    site: Box<dyn Site>,
}

impl Actor<'_> {
    fn write(mut self, writer: u32) -> Vec<Event> {
        let scene = self.scene;
        let writing = Writing(&scene.writing);
        let mut choices = Choices(0x2545_f491 + u64::from(writer));
        let goes_on = |done: &u32| *done < scene.writes || scene.disturbed.load(Ordering::SeqCst);
        let events = (0..).take_while(goes_on).map(|_| {
            let (chat, linked) = (choices.below(CHATS), choices.below(2) == 0);
            match choices.below(4) {
                0 | 1 if writer < WRITERS => self.write_to(1 + writer, chat, linked, !scene.home.is_steady()),
                0..=2 => self.write_to(SHARED[0], chat, linked, true),
                _ => self.write_to(SHARED[1], chat, linked, true),
            }
        });
        let events = events.collect();
        drop(writing);
        events
    }

    /// Writes to a label, by a call that names the revision or by one that does not.
    fn write_to(&mut self, label: u32, chat: u32, linked: bool, names_revision: bool) -> Event {
        let begin = self.scene.clock.now();
        let done = if names_revision {
            self.site.write_in_a_batch(label, chat, linked).map(|(revision, changed)| (Some(revision), changed))
        } else {
            self.site.write(label, chat, linked).map(|changed| (None, changed))
        };
        let (end, revision, what) = match done {
            Ok((revision, changed)) => (self.scene.clock.now(), revision, What::written(label, chat, linked, changed)),
            Err(Away) => (u64::MAX, None, What::Attempted { label, chat, linked }),
        };
        Event { begin, end, store: self.store, revision, what }
    }

    /// Reads as long as a writer runs.
    fn read(mut self, reader: u32) -> Vec<Event> {
        let mut choices = Choices(0x9e37_79b9 + u64::from(reader));
        let mut events = Vec::new();
        while self.scene.writing.load(Ordering::SeqCst) > 0 {
            let labels = BTreeSet::from([1 + choices.below(LABELS), 1 + choices.below(LABELS)]);
            let read = match choices.below(16) {
                0 | 1 => self.hold_and_ask(&labels),
                2 => self.note(|site| site.catch_up().map(|()| (None, What::CaughtUp))),
                3..=7 => self.note(|site| site.ask(&labels).map(|(revision, what)| (Some(revision), what))),
                _ => self.look(choices.below(CHATS)),
            };
            match read {
                Ok(event) => events.push(event),
                Err(Away) => thread::sleep(Duration::from_millis(1)),
            }
            if !self.scene.home.is_steady() {
                // This takes long, so not too often.
                thread::sleep(Duration::from_millis(5));
            } else if events.len() % 16 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
        }
        events
    }

    /// Makes a call, and records it with the revision in its answer, if there is one.
    fn note(&mut self, does: impl FnOnce(&mut dyn Site) -> Result<(Option<u64>, What), Away>) -> Result<Event, Away> {
        let begin = self.scene.clock.now();
        let (revision, what) = does(&mut *self.site)?;
        Ok(Event { begin, end: self.scene.clock.now(), store: self.store, revision, what })
    }

    fn look(&mut self, chat: u32) -> Result<Event, Away> {
        self.note(|site| Ok((None, What::LabelsOf { chat, labels: site.labels_of(chat)? })))
    }

    /// Takes a snapshot, and queries it after others have written.
    fn hold_and_ask(&mut self, labels: &BTreeSet<u32>) -> Result<Event, Away> {
        let (clock, mut end) = (&self.scene.clock, None);
        let begin = clock.now();
        let (revision, what) = self.site.hold_and_ask(labels, &mut || end = Some(clock.now()))?;
        let end = end.unwrap_or_else(|| clock.now());
        Ok(Event { begin, end, store: self.store, revision: Some(revision), what })
    }
}
