//! Real threads: readers see complete commits and every write that returned, and readers and writers never wait for
//! each other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Answer, Ensured, Filter, Label, LabelIndex, LabelledChat, Outcome, Page};

/// How long writers run.
const BUSY: Duration = Duration::from_millis(600);

/// Labels 1 to 5 are stages, of which each chat has exactly one at any time; 6 to 9 are tags.
const STAGES: u32 = 5;
const TAGS: std::ops::RangeInclusive<u32> = 6..=9;

const CHATS: usize = 60;
const WRITERS: usize = 3;

/// Fails when the threads of a test wait for each other for ever.
fn without_deadlock(test: impl FnOnce() + Send + 'static) {
    let (done, waiting) = channel();
    let running = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    match waiting.recv_timeout(Duration::from_secs(60)) {
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(failure) = running.join() {
                std::panic::resume_unwind(failure);
            }
        }
        Err(RecvTimeoutError::Timeout) => panic!("threads wait for each other"),
    }
}

/// Counts a writer as ended when this is dropped, also by a panic.
struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An index with every chat in the first stage, and the state that its threads share.
struct Scene {
    index: LabelIndex,
    writing: AtomicUsize,
    /// A revision that some write returned, so that no later read shows an older one.
    returned: AtomicU64,
    /// Commits that changed something.
    commits: AtomicU64,
}

fn name_of(chat: usize) -> String {
    format!("55119{chat:08}@c.us")
}

fn is_stage(label: &Label) -> bool {
    label.id().decimal().unwrap() <= STAGES
}

impl Scene {
    fn new() -> Arc<Self> {
        let index = LabelIndex::new();
        let mut batch = index.batch();
        for id in 1..=*TAGS.end() {
            batch.upsert_label(id, format!("Label {id}").as_str()).unwrap();
        }
        batch.link_all(1, (0..CHATS).map(name_of)).unwrap();
        assert_eq!(batch.commit().unwrap().revision, 1);
        Arc::new(Self {
            index,
            writing: AtomicUsize::new(WRITERS),
            returned: AtomicU64::new(1),
            commits: AtomicU64::new(1),
        })
    }

    fn is_busy(&self) -> bool {
        self.writing.load(Ordering::SeqCst) > 0
    }

    fn committed(&self, revision: u64) {
        assert!(self.index.revision() >= revision);
        self.returned.fetch_max(revision, Ordering::SeqCst);
        self.commits.fetch_add(1, Ordering::SeqCst);
    }

    /// Moves the chats of one writer from stage to stage and changes their tags; nobody else writes to them.
    fn write(&self, writer: usize) {
        let _busy = Busy(&self.writing);
        let index = &self.index;
        let chats: Vec<usize> = (writer..CHATS).step_by(WRITERS).collect();
        let mut labels: Vec<BTreeSet<u32>> = vec![BTreeSet::from([1]); chats.len()];
        let deadline = Instant::now() + BUSY;
        for turn in 0.. {
            if Instant::now() > deadline {
                break;
            }
            let nth = turn * 7 % chats.len();
            let (chat, labels) = (name_of(chats[nth]), &mut labels[nth]);
            let stage = *labels.first().unwrap();
            let next = stage % STAGES + 1;
            let tag = TAGS.start() + u32::try_from(turn % 4).unwrap();
            match turn % 5 {
                0 | 1 => {
                    let mut batch = index.batch();
                    batch.link(next, &chat).unwrap();
                    batch.unlink(stage, &chat).unwrap();
                    self.committed(batch.commit().unwrap().revision);
                    labels.remove(&stage);
                    labels.insert(next);
                }
                2 => {
                    let wanted = BTreeSet::from([next, tag]);
                    let set = index.set_labels(&chat, wanted.iter().copied()).unwrap();
                    assert!(set.changed());
                    self.committed(set.revision);
                    *labels = wanted;
                }
                3 => {
                    let is_new = index.link(tag, &chat).unwrap();
                    assert_eq!(is_new, labels.insert(tag));
                    self.commits.fetch_add(u64::from(is_new), Ordering::SeqCst);
                }
                _ => {
                    let was_there = index.unlink(tag, &chat).unwrap();
                    assert_eq!(was_there, labels.remove(&tag));
                    self.commits.fetch_add(u64::from(was_there), Ordering::SeqCst);
                }
            }
            assert!(index.contains(*labels.first().unwrap(), &chat));
            let found = index.labels_of(&chat);
            assert!(found.iter().map(|label| label.id().decimal().unwrap()).eq(labels.iter().copied()), "{chat}");
        }
    }

    /// Reads in every way, as long as a writer runs.
    fn read(&self, reader: usize) {
        let mut last = 0;
        for turn in reader.. {
            let busy = self.is_busy();
            let returned = self.returned.load(Ordering::SeqCst);
            let revision = match turn % 4 {
                0 => self.read_everything(),
                1 => {
                    let labels = self.index.labels_of(name_of(turn % CHATS));
                    assert_eq!(labels.iter().filter(|label| is_stage(label)).count(), 1, "{labels:?}");
                    self.index.revision()
                }
                2 => self.read_pages(),
                _ => self.read_snapshot(),
            };
            assert!(revision >= returned.max(last), "{revision} after {last} and {returned}");
            last = revision;
            if !busy {
                break;
            }
        }
    }

    fn read_everything(&self) -> u64 {
        let stages = Filter::new().any_of_ids((1..=STAGES).map(|id| id.to_string()));
        let answer = self.index.query(&stages, Page::first(CHATS)).unwrap();
        assert_eq!(answer.matched_rows, u64::try_from(CHATS).unwrap(), "one stage for each chat");
        assert_whole(&answer);
        answer.revision
    }

    /// Every chat stays labelled, so pages of different revisions together list each chat exactly once.
    fn read_pages(&self) -> u64 {
        let mut page = Page::first(7);
        let mut seen = BTreeSet::new();
        loop {
            let answer = self.index.query(&Filter::new(), page).unwrap();
            assert_eq!(answer.total_chats, u64::try_from(CHATS).unwrap());
            for chat in &answer.chats {
                assert_one_stage(chat);
                assert!(seen.insert(chat.chat_id.clone()), "{} twice", chat.chat_id);
            }
            match answer.next {
                Some(cursor) => page = Page::after(7, cursor).unwrap(),
                None => {
                    assert_eq!(seen.len(), CHATS);
                    return answer.revision;
                }
            }
        }
    }

    fn read_snapshot(&self) -> u64 {
        let snapshot = self.index.snapshot();
        let before = snapshot.query(&Filter::new(), Page::first(CHATS)).unwrap();
        assert_whole(&before);
        let mut rows = 0;
        for (listed, chat) in before.chats.iter().zip(snapshot.iter()) {
            assert_eq!(listed, &chat);
            rows += u64::try_from(chat.labels.len()).unwrap();
            // A read of the index inside an iteration waits for no other thread.
            assert!(self.index.labels_of(&chat.chat_id).iter().any(is_stage));
        }
        let counts = snapshot.count_by_label(&Filter::new()).unwrap();
        assert!(counts.iter().all(|(label, count)| snapshot.count(label.id()) == *count));
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), rows);
        assert_eq!((snapshot.total_rows(), snapshot.total_chats()), (rows, before.total_chats));
        let after = snapshot.query(&Filter::new(), Page::first(CHATS)).unwrap();
        assert_eq!(before, after, "a snapshot does not change");
        snapshot.revision()
    }
}

fn assert_one_stage(chat: &LabelledChat) {
    assert_eq!(chat.labels.iter().filter(|label| is_stage(label)).count(), 1, "{chat:?}");
}

/// The totals of an answer that lists all chats are those of its chats.
fn assert_whole(answer: &Answer) {
    assert_eq!((answer.chats.len(), answer.total_chats), (CHATS, u64::try_from(CHATS).unwrap()));
    assert_eq!(answer.next, None);
    answer.chats.iter().for_each(assert_one_stage);
    let rows: usize = answer.chats.iter().map(|chat| chat.labels.len()).sum();
    assert_eq!(answer.total_rows, u64::try_from(rows).unwrap());
}

#[test]
fn readers_beside_writers_see_whole_commits() {
    without_deadlock(|| {
        let scene = Scene::new();
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let scene = &scene;
                scope.spawn(move || scene.write(writer));
            }
            for reader in 0..4 {
                let scene = &scene;
                scope.spawn(move || scene.read(reader));
            }
        });
        let commits = scene.commits.load(Ordering::SeqCst);
        assert_eq!(scene.index.revision(), commits, "one revision for each change");
        assert!(commits > 100, "{commits}");
        scene.index.check_invariants().unwrap();
    });
}

/// Whoever holds an iterator, a snapshot or a batch may read and write, also while others write.
#[test]
fn a_write_inside_an_iteration_waits_for_nobody() {
    without_deadlock(|| {
        let scene = Scene::new();
        let index = &scene.index;
        let mut rounds = 0;
        thread::scope(|scope| {
            scope.spawn(|| {
                let _busy = Busy(&scene.writing);
                let deadline = Instant::now() + BUSY / 2;
                for chat in (0..CHATS).cycle().take_while(|_| Instant::now() < deadline) {
                    assert!(index.link(6, name_of(chat)).unwrap());
                    assert!(index.unlink(6, name_of(chat)).unwrap());
                }
            });
            while scene.writing.load(Ordering::SeqCst) == WRITERS || rounds == 0 {
                let mut batch = index.batch();
                for chat in index.iter() {
                    assert!(index.link(7, &chat.chat_id).unwrap());
                    assert!(index.snapshot().contains(7, &chat.chat_id));
                    batch.unlink(7, &chat.chat_id).unwrap();
                }
                assert_eq!(index.count(7), u64::try_from(CHATS).unwrap());
                assert!(batch.commit().unwrap().outcomes.iter().all(Outcome::changed));
                rounds += 1;
            }
        });
        assert_eq!((index.count(6), index.count(7)), (0, 0));
        index.check_invariants().unwrap();
    });
}

/// When many threads attempt the same change at the same time, one of them makes it.
#[test]
fn a_change_that_many_attempt_at_once_happens_once() {
    const THREADS: usize = 8;
    const ROUNDS: u32 = 20;
    without_deadlock(|| {
        let index = LabelIndex::new();
        let start = Barrier::new(THREADS);
        let (found, linked, created) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let mut ids: Vec<u32> = thread::scope(|scope| {
            let race = |thread: usize| {
                let mut ids = Vec::new();
                for round in 1..=ROUNDS {
                    start.wait();
                    let ensured = index.ensure_label(format!("Round {round}").as_str()).unwrap();
                    let count = if matches!(*ensured, Ensured::Created(_)) { &created } else { &found };
                    count.fetch_add(1, Ordering::SeqCst);
                    let changed = index.link(ensured.id(), "ana@example.com").unwrap();
                    linked.fetch_add(usize::from(changed), Ordering::SeqCst);
                    let own = index.create_label(format!("{thread} in {round}").as_str()).unwrap();
                    ids.push(own.decimal().unwrap());
                    ids.extend(Some(ensured.id().decimal().unwrap()).filter(|_| ensured.changed()));
                }
                ids
            };
            let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || race(thread))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let rounds = usize::try_from(ROUNDS).unwrap();
        assert_eq!(created.into_inner(), rounds);
        assert_eq!(found.into_inner(), rounds * (THREADS - 1));
        assert_eq!(linked.into_inner(), rounds);
        ids.sort_unstable();
        assert!(ids.into_iter().eq(1..=ROUNDS * 9), "each id was given out once");
        assert_eq!(index.revision(), u64::from(ROUNDS) * 10);
        index.check_invariants().unwrap();
    });
}
