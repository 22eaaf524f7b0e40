//! Everything at once on real threads: writers, readers, holders of snapshots, refreshes, and fast and slow
//! subscribers.
//!
//! One subscriber records every commit. Afterwards the commits are replayed, and everything that was seen has to be the
//! state of exactly one revision, not older than any write that had returned before.

#![expect(clippy::needless_pass_by_value, reason = "a thread owns what it is given")]

mod replay;
mod roles;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Answer, ChatId, Commit, Delivery, LabelId, LabelIndex, Options, Subscriber};

use crate::replica::Replica;

const BUSY: Duration = Duration::from_millis(2_500);

/// Labels 1 to 5 are on chats of writers and of the network; others come and go.
const LABELS: u32 = 5;
const CHATS: u32 = 40;
const WRITERS: u32 = 3;

/// Changes that the feed keeps. Writers wait when the recorder is behind by half of them.
pub(crate) const KEPT: usize = 8_192;

/// What a thread saw. Its revision has to be at least that of every write that had returned before.
enum Seen {
    Whole(Replica),
    Answer {
        label: LabelId,
        answer: Answer,
    },
    /// Labels of a chat, at some revision in between.
    Chat {
        from: u64,
        to: u64,
        chat: ChatId,
        labels: Vec<LabelId>,
    },
}

struct Scene {
    index: LabelIndex,
    until: Instant,
    writing: AtomicUsize,
    /// A revision that some write returned.
    returned: AtomicU64,
    recorded: AtomicU64,
}

impl Scene {
    fn new(index: LabelIndex) -> Self {
        Self {
            index,
            until: Instant::now() + BUSY,
            writing: AtomicUsize::new(0),
            returned: AtomicU64::new(0),
            recorded: AtomicU64::new(0),
        }
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    /// Records that a write returned, and waits for the recorder if necessary.
    fn wrote(&self) {
        let revision = self.index.revision();
        self.returned.fetch_max(revision, Ordering::SeqCst);
        while revision > self.recorded.load(Ordering::SeqCst) + 200 && self.goes_on() {
            thread::yield_now();
        }
    }

    /// The oldest revision that a read which begins now may show.
    fn returned(&self) -> u64 {
        self.returned.load(Ordering::SeqCst)
    }

    /// Receives every commit, to the last.
    fn record(&self, mut feed: Subscriber) -> Vec<Commit> {
        let mut commits: Vec<Commit> = Vec::new();
        loop {
            let is_over = !self.goes_on() && self.writing.load(Ordering::SeqCst) == 0;
            match feed.recv_timeout(Duration::from_millis(20)) {
                Some(Delivery::Commit(commit)) => {
                    self.recorded.store(commit.revision, Ordering::SeqCst);
                    commits.push(commit);
                }
                None if is_over => return commits,
                None => {}
                Some(other) => panic!("the recorder got {other:?}"),
            }
        }
    }
}

/// Counts a writing thread as ended when this is dropped, also by a panic.
struct Writing<'a>(&'a Scene);

impl<'a> Writing<'a> {
    fn begin(scene: &'a Scene) -> Self {
        scene.writing.fetch_add(1, Ordering::SeqCst);
        Self(scene)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writing.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn everything_seen_is_the_state_of_one_revision() {
    run_on(Options::new().feed_change_limit(KEPT).build());
}

/// Runs all threads on an empty index whose feed keeps [`KEPT`] changes.
pub(crate) fn run_on(index: LabelIndex) {
    let scene = &Scene::new(index);
    let feed = scene.index.subscribe();
    let (send, seen) = channel::<Seen>();
    let commits = thread::scope(|scope| {
        let recorder = scope.spawn(move || scene.record(feed));
        roles::begin(scene);
        for number in 0..WRITERS {
            let writing = Writing::begin(scene);
            scope.spawn(move || roles::write(writing, number));
        }
        let writing = Writing::begin(scene);
        scope.spawn(move || roles::refresh(writing));
        let watchers: [fn(&Scene, Sender<Seen>); 6] = [
            roles::ask,
            roles::look,
            roles::hold,
            roles::follow_slowly,
            roles::follow_slowly_by_polling,
            roles::subscribe_again_and_again,
        ];
        for watch in watchers {
            let send = send.clone();
            scope.spawn(move || watch(scene, send));
        }
        recorder.join().unwrap()
    });
    drop(send);
    assert!(commits.iter().map(|commit| commit.revision).eq(1..=scene.index.revision()));
    replay::check(&commits, seen.into_iter().collect(), &scene.index);
}
