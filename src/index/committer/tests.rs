//! Writers, readers and subscribers of an index with a simulated disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use crate::index::batch::Batch;
use crate::index::journal::{Call, Journal};
use crate::index::label_index::LabelIndex;
use crate::index::receipt::Receipt;
use crate::index::subscriber::{Delivery, Subscriber};
use crate::index::wakers::WakerCaller;
use crate::model::change::Revision;
use crate::model::error::{Error, Result};
use crate::model::filter::{Filter, Page};
use crate::model::full_state::FullState;
use crate::model::options::Limits;
use crate::refresh::RefreshTicket;
use crate::state::{State, Version};

/// An index with the label 1, and the number of times that its committer was called since.
struct PlayedDisk {
    index: LabelIndex,
    calls: Arc<AtomicUsize>,
    /// How often it was called because the queue is full.
    full: Arc<AtomicUsize>,
}

impl PlayedDisk {
    fn new(hidden: bool, room: usize) -> Self {
        let (calls, full) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (counted, counted_full) = (Arc::clone(&calls), Arc::clone(&full));
        let version = Version::new(State::new(0, 1));
        let journal = Journal::new(&version, hidden, room, WakerCaller::Here, move |call| {
            let counter = if call == Call::Full { &counted_full } else { &counted };
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let disk = Self { index: LabelIndex::with(version, Limits::default(), 0, Some(journal), None), calls, full };
        let first = disk.submit(|batch| drop(batch.upsert_label("1", "VIP")));
        disk.write();
        assert_eq!(first.wait().unwrap().revision, 1);
        disk.calls.store(0, Ordering::SeqCst);
        disk
    }

    fn synced() -> Self {
        Self::new(true, 1_000)
    }

    fn within() -> Self {
        Self::new(false, 1_000)
    }

    fn submit(&self, fill: impl FnOnce(&mut Batch)) -> Receipt {
        let mut batch = self.index.batch();
        fill(&mut batch);
        batch.submit()
    }

    fn link(&self, chat: &str) -> Receipt {
        self.submit(|batch| batch.link("1", chat).unwrap())
    }

    fn unlink(&self, chat: &str) -> Receipt {
        self.submit(|batch| batch.unlink("1", chat).unwrap())
    }

    /// Makes the queued commits durable.
    fn write(&self) {
        self.index.settle_group(self.index.take_group().unwrap());
    }

    fn fail(&self) {
        self.index.end_journal(failure());
    }

    fn chats(&self) -> Vec<String> {
        let answer = self.index.query(&Filter::new(), Page::first(100)).unwrap();
        answer.chats.iter().map(|chat| chat.chat_id.to_string()).collect()
    }
}

fn failure() -> Error {
    Error::StoreFailed { cause: "the test says so".into(), durable: Arc::new([]) }
}

fn revisions(feed: &mut Subscriber) -> Vec<Revision> {
    let mut revisions = Vec::new();
    while let Some(delivery) = feed.try_recv() {
        let Delivery::Commit(commit) = delivery else { panic_with(&delivery) };
        revisions.push(commit.revision);
    }
    revisions
}

#[expect(clippy::panic, reason = "a test that cannot go on has failed")]
fn panic_with(delivery: &Delivery) -> ! {
    panic!("{delivery:?}")
}

#[test]
fn a_commit_is_visible_and_answered_once_it_is_durable() {
    let disk = PlayedDisk::synced();
    let linked = disk.link("ana");
    assert!(!linked.is_ready());
    assert_eq!((disk.index.revision(), disk.chats()), (1, vec![]));
    disk.write();
    assert!(linked.is_ready());
    assert_eq!((disk.index.revision(), disk.chats()), (2, vec!["ana".to_owned()]));
    assert!(linked.wait().unwrap().changed());
}

#[test]
fn an_answer_waits_for_the_commit_on_which_it_depends() {
    let disk = PlayedDisk::synced();
    drop(disk.link("ana"));
    let again = disk.link("ana");
    let refused = disk.submit(|batch| {
        batch.unlink("1", "ana").unwrap();
        batch.link("2", "ana").unwrap();
    });
    assert!(!again.is_ready() && !refused.is_ready());
    let group = disk.index.take_group().unwrap();
    let later = disk.link("bob");
    disk.index.settle_group(group);
    assert!(again.is_ready() && refused.is_ready() && !later.is_ready());
    assert_eq!((again.wait().unwrap().changed(), disk.chats()), (false, vec!["ana".to_owned()]));
    assert!(matches!(refused.wait(), Err(Error::BatchRefused { position: 1, .. })));
    // Once the second group is durable, there is no pending commit on which this could depend.
    disk.write();
    assert!(disk.link("bob").is_ready());
}

#[test]
fn an_answer_that_depends_on_a_failed_commit_fails() {
    let disk = PlayedDisk::synced();
    let durable = disk.link("ana");
    disk.write();
    let mut feed = disk.index.subscribe();
    let changed = disk.link("bob");
    let taken = disk.index.take_group().unwrap();
    let unchanged = disk.link("bob");
    let refused = disk.submit(|batch| batch.link("2", "ana").unwrap());
    drop(taken);
    disk.fail();
    for receipt in [changed, unchanged, refused] {
        assert_eq!(receipt.wait(), Err(failure()));
    }
    assert!(durable.wait().unwrap().changed());
    assert_eq!((disk.index.revision(), disk.chats()), (2, vec!["ana".to_owned()]));
    assert!(revisions(&mut feed).is_empty());
    assert_eq!(disk.index.link("1", "carl"), Err(failure()));
    assert_eq!(disk.index.link("2", "carl"), Err(failure()));
    assert!(disk.index.take_group().unwrap().commits.is_empty());
    disk.index.check_invariants().unwrap();
}

#[test]
fn the_first_reason_stays() {
    let disk = PlayedDisk::synced();
    disk.index.end_journal(Error::UnknownInstance { name: "a".into() });
    disk.fail();
    assert_eq!(disk.index.link("1", "ana"), Err(Error::UnknownInstance { name: "a".into() }));
}

#[test]
fn a_closed_journal_still_writes_what_it_has() {
    let disk = PlayedDisk::synced();
    let queued = disk.link("ana");
    disk.index.close_journal(Error::StoreClosed);
    assert_eq!(disk.index.link("1", "bob"), Err(Error::StoreClosed));
    assert!(!queued.is_ready());
    disk.write();
    assert!(queued.wait().unwrap().changed());
}

#[test]
fn a_write_blocks_until_it_is_durable() {
    let disk = PlayedDisk::synced();
    let (index, (sender, answers)) = (disk.index.clone(), mpsc::channel());
    let writer = thread::spawn(move || sender.send(index.link("1", "ana").unwrap()).unwrap());
    while disk.calls.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    assert!(answers.try_recv().is_err());
    disk.write();
    assert!(answers.recv().unwrap());
    writer.join().unwrap();
    assert_eq!(disk.chats(), ["ana"]);
}

#[test]
fn a_refresh_goes_on_from_what_is_on_its_way() {
    let disk = PlayedDisk::synced();
    let mut feed = disk.index.subscribe();
    drop(disk.link("ana"));
    disk.write();
    let ticket = disk.index.begin_refresh().unwrap();
    // The ticket has noted the write, which is not visible yet, but durable later.
    drop(disk.link("bob"));
    let mut full = FullState::new();
    full.label("1", "VIP").unwrap();
    full.link("1", "carl").unwrap();
    let committed = thread::spawn(move || ticket.commit(full).unwrap());
    while disk.index.newest().read(|newest| newest.revision) < 4 {
        thread::yield_now();
    }
    assert_eq!(disk.chats(), ["ana"]);
    disk.write();
    let done = committed.join().unwrap();
    assert_eq!((done.linked, done.unlinked, done.revision), (1, 1, 4));
    assert_eq!(disk.chats(), ["bob", "carl"]);
    assert_eq!(revisions(&mut feed), [2, 3, 4]);
}

/// Begins a refresh in a thread of its own while a write is on its way. The ticket is open when this returns. The
/// thread returns it, with the revision that readers saw then.
fn begin_beside_a_write(disk: &PlayedDisk) -> thread::JoinHandle<Result<(RefreshTicket, Revision)>> {
    drop(disk.link("ana"));
    let index = disk.index.clone();
    let begun = thread::spawn(move || index.begin_refresh().map(|ticket| (ticket, index.revision())));
    while disk.index.writer().notes().is_none() {
        thread::yield_now();
    }
    begun
}

#[test]
fn a_refresh_begins_when_what_it_does_not_note_is_durable() {
    let disk = PlayedDisk::synced();
    let begun = begin_beside_a_write(&disk);
    disk.write();
    assert_eq!(begun.join().unwrap().unwrap().1, 2);

    let disk = PlayedDisk::synced();
    let begun = begin_beside_a_write(&disk);
    disk.fail();
    assert_eq!(begun.join().unwrap().unwrap_err(), failure());
    assert!(disk.index.writer().notes().is_none(), "the ticket went with it");
}

#[test]
fn an_answered_commit_is_in_the_feed() {
    let disk = PlayedDisk::synced();
    let mut feed = disk.index.subscribe();
    for round in 2..2_000 {
        let created = disk.submit(|batch| drop(batch.upsert_label("1", format!("VIP {round}").as_str())));
        thread::scope(|scope| {
            scope.spawn(|| disk.write());
            while !created.is_ready() {
                std::hint::spin_loop();
            }
            assert_eq!(revisions(&mut feed), [round]);
        });
    }
}

#[test]
fn the_committer_is_called_once_until_it_has_taken() {
    let disk = PlayedDisk::synced();
    for chat in ["ana", "bob", "carl"] {
        drop(disk.link(chat));
    }
    assert_eq!(disk.calls.swap(0, Ordering::SeqCst), 1);
    let group = disk.index.take_group().unwrap();
    assert_eq!(group.commits.iter().map(|commit| commit.revision).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(group.version.revision, 4);
    drop(disk.link("dora"));
    assert_eq!(disk.calls.load(Ordering::SeqCst), 1);
    assert_eq!((group.version.revision, group.version.total_chats()), (4, 3), "later writes are in the next group");
    disk.index.settle_group(group);
    disk.write();
    assert_eq!(disk.index.revision(), 5);
}

#[test]
fn within_shows_at_once_and_tells_subscribers_later() {
    let disk = PlayedDisk::within();
    let mut feed = disk.index.subscribe();
    let linked = disk.link("ana");
    assert!(linked.is_ready() && linked.wait().unwrap().changed());
    assert!(disk.index.link("1", "bob").unwrap());
    assert_eq!(disk.chats(), ["ana", "bob"]);
    assert!(revisions(&mut feed).is_empty());
    // A subscriber that takes a snapshot now continues from its revision, and gets no commit twice.
    let mut resumed = disk.index.subscribe_after(disk.index.snapshot().revision());
    let mut moved = disk.index.subscribe();
    moved.resume_after(disk.index.revision());
    disk.write();
    assert_eq!(revisions(&mut feed), [2, 3]);
    assert_eq!((revisions(&mut resumed), revisions(&mut moved)), (vec![], vec![]));
    drop(disk.unlink("ana"));
    disk.write();
    assert_eq!((revisions(&mut resumed), revisions(&mut moved)), (vec![4], vec![4]));
    disk.index.check_invariants().unwrap();
}

#[test]
fn within_keeps_what_it_has_shown_when_the_disk_fails() {
    let disk = PlayedDisk::within();
    assert!(disk.index.link("1", "ana").unwrap());
    disk.fail();
    assert_eq!(disk.chats(), ["ana"]);
    assert_eq!(disk.index.link("1", "bob"), Err(failure()));
    assert_eq!(disk.chats(), ["ana"]);
}

#[test]
fn a_subscriber_resumes_within_a_group() {
    let disk = PlayedDisk::synced();
    let mut feed = disk.index.subscribe();
    for chat in ["ana", "bob", "carl"] {
        drop(disk.link(chat));
    }
    disk.write();
    let snapshot = disk.index.snapshot();
    feed.resume_after(snapshot.revision() - 1);
    assert_eq!(revisions(&mut feed), [4]);
    feed.resume_after(snapshot.revision() + 2);
    assert!(matches!(feed.try_recv(), Some(Delivery::Missed { .. })));
}

#[test]
fn a_place_that_readers_still_see_taken_is_not_used_again() {
    let disk = PlayedDisk::synced();
    drop(disk.link("ana"));
    disk.write();
    drop(disk.unlink("ana"));
    // Readers still see Ana.
    drop(disk.link("bob"));
    disk.write();
    drop(disk.link("carl"));
    disk.write();
    let places: Vec<_> = ["bob", "carl"]
        .map(|chat| disk.index.newest().read(|newest| newest.place_of(&chat.parse().unwrap()).unwrap()))
        .into();
    assert_eq!(places, [1, 0]);
}

#[test]
fn writers_wait_for_room() {
    let disk = PlayedDisk::new(false, 1);
    assert!(disk.index.link("1", "ana").unwrap());
    assert!(disk.index.link("1", "bob").unwrap());
    let (index, (sender, answers)) = (disk.index.clone(), mpsc::channel());
    let writer = thread::spawn(move || {
        sender.send(None).unwrap();
        sender.send(Some(index.link("1", "carl"))).unwrap();
    });
    assert_eq!(answers.recv().unwrap(), None);
    let group = disk.index.take_group().unwrap();
    assert_eq!(disk.chats(), ["ana", "bob"], "taken is not yet durable");
    disk.index.settle_group(group);
    assert_eq!(answers.recv().unwrap(), Some(Ok(true)));
    writer.join().unwrap();
}

#[test]
fn a_writer_that_waits_for_room_is_told_of_the_end() {
    let disk = PlayedDisk::new(false, 0);
    assert!(disk.index.link("1", "ana").unwrap());
    let index = disk.index.clone();
    let writer = thread::spawn(move || index.link("1", "bob"));
    disk.fail();
    assert_eq!(writer.join().unwrap(), Err(failure()));
}

/// Counts how often a task was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T: Clone + Unpin>(receipt: &mut Receipt<T>, bell: &Arc<Bell>) -> Poll<Result<T>> {
    pin!(receipt).poll(&mut Context::from_waker(&Waker::from(Arc::clone(bell))))
}

#[test]
fn a_receipt_wakes_the_task_that_polled_last() {
    let disk = PlayedDisk::synced();
    let (first, second) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let (mut linked, dropped) = (disk.link("ana"), disk.link("bob"));
    assert!(poll(&mut linked, &first).is_pending() && poll(&mut linked, &second).is_pending());
    let mut dropped = dropped;
    let third = Arc::new(Bell::default());
    assert!(poll(&mut dropped, &third).is_pending());
    drop(dropped);
    disk.write();
    let rung = [&first, &second, &third].map(|bell| bell.0.load(Ordering::SeqCst));
    assert_eq!(rung, [0, 1, 0]);
    let Poll::Ready(answer) = poll(&mut linked, &first) else { unreachable!("woken too early") };
    assert!(answer.unwrap().changed());
    assert_eq!(Arc::strong_count(&third), 1, "the waker of a dropped receipt is dropped");
}

#[tokio::test]
async fn a_receipt_is_awaited() {
    let disk = PlayedDisk::synced();
    let linked = tokio::spawn(disk.link("ana"));
    let unchanged = tokio::spawn(disk.link("ana"));
    tokio::task::yield_now().await;
    assert!(!linked.is_finished() && !unchanged.is_finished());
    disk.write();
    assert!(linked.await.unwrap().unwrap().changed());
    assert!(!unchanged.await.unwrap().unwrap().changed());
    let failing = disk.link("bob");
    disk.fail();
    assert_eq!(failing.await, Err(failure()));
}

/// Otherwise each would need a sync of its own.
#[test]
fn writers_that_wait_for_the_disk_release_the_writer_lock() {
    let disk = PlayedDisk::synced();
    let writers = ["ana", "bob", "carl"].map(|chat| {
        let index = disk.index.clone();
        thread::spawn(move || index.link("1", chat))
    });
    while disk.index.newest().read(|newest| newest.revision) < 4 {
        thread::yield_now();
    }
    assert_eq!(disk.index.revision(), 1);
    disk.write();
    assert_eq!(writers.map(|writer| writer.join().unwrap()), [Ok(true), Ok(true), Ok(true)]);
}

#[test]
fn a_full_queue_calls_the_committer() {
    let disk = PlayedDisk::new(false, 1);
    assert!(disk.index.link("1", "ana").unwrap() && disk.index.link("1", "bob").unwrap());
    assert_eq!(disk.full.load(Ordering::SeqCst), 0);
    let index = disk.index.clone();
    let writer = thread::spawn(move || index.link("1", "carl"));
    while disk.full.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    disk.write();
    assert_eq!(writer.join().unwrap(), Ok(true));
    // So does a receipt, when it finds no room and at every further poll.
    drop(disk.link("dora"));
    let called = disk.full.load(Ordering::SeqCst);
    let mut waiting = disk.index.link_async("1", "eve");
    assert_eq!(disk.full.load(Ordering::SeqCst), called + 1);
    assert!(poll(&mut waiting, &Arc::default()).is_pending());
    assert!(disk.full.load(Ordering::SeqCst) > called + 1);
}

fn rung(bell: &Arc<Bell>) -> usize {
    bell.0.load(Ordering::SeqCst)
}

#[test]
fn a_receipt_waits_for_room_and_for_the_disk() {
    let (disk, bell) = (PlayedDisk::new(true, 0), Arc::new(Bell::default()));
    let mut first = disk.index.link_async("1", "ana");
    let mut second = disk.index.link_async("1", "bob");
    assert!(!second.is_ready() && poll(&mut second, &bell).is_pending());
    disk.write();
    assert_eq!((rung(&bell), disk.chats()), (1, vec!["ana".to_owned()]));
    assert_eq!(poll(&mut first, &bell), Poll::Ready(Ok(true)));
    assert!(poll(&mut second, &bell).is_pending(), "carried out, and not on disk");
    disk.write();
    assert_eq!((rung(&bell), disk.chats()), (2, vec!["ana".to_owned(), "bob".to_owned()]));
    assert!(second.is_ready() && poll(&mut second, &bell) == Poll::Ready(Ok(true)));
}

#[test]
fn writes_are_carried_out_in_the_order_of_their_calls() {
    let disk = PlayedDisk::new(true, 0);
    let mut feed = disk.index.subscribe();
    drop(disk.index.link_async("1", "first"));
    let bells: [Arc<Bell>; 3] = Default::default();
    let [mut linked, mut unlinked, mut again] =
        [disk.index.link_async("1", "ana"), disk.index.unlink_async("1", "ana"), disk.index.link_async("1", "ana")];
    let batch = disk.link("last");
    // The last one is polled first. Each that finds room carries out the one before.
    assert!(poll(&mut again, &bells[2]).is_pending() && poll(&mut linked, &bells[0]).is_pending());
    assert!(poll(&mut unlinked, &bells[1]).is_pending());
    for _ in 0..5 {
        disk.write();
        assert!(poll(&mut again, &bells[2]).is_pending() || disk.index.revision() >= 5);
    }
    for receipt in [&mut again, &mut unlinked, &mut linked] {
        assert_eq!(poll(receipt, &bells[0]), Poll::Ready(Ok(true)));
    }
    let batch = thread::spawn(move || batch.wait());
    while !batch.is_finished() {
        disk.write();
    }
    assert!(batch.join().unwrap().unwrap().changed());
    assert_eq!(revisions(&mut feed), [2, 3, 4, 5, 6]);
    assert_eq!(disk.chats().len(), 3);
}

#[test]
fn a_write_that_blocks_comes_after_queued_ones() {
    let disk = PlayedDisk::new(true, 0);
    drop(disk.index.link_async("1", "first"));
    let linked = disk.index.link_async("1", "ana");
    let index = disk.index.clone();
    let unlinked = thread::spawn(move || index.unlink("1", "ana"));
    while !unlinked.is_finished() {
        disk.write();
    }
    assert_eq!((unlinked.join().unwrap(), linked.wait()), (Ok(true), Ok(true)));
    assert_eq!(disk.chats(), ["first"]);
}

#[test]
fn a_dropped_receipt_removes_only_a_queued_write() {
    let disk = PlayedDisk::new(true, 0);
    drop(disk.index.link_async("1", "ana"));
    drop(disk.index.link_async("1", "bob"));
    let last = disk.index.link_async("1", "carl");
    disk.write();
    let last = thread::spawn(move || last.wait());
    while !last.is_finished() {
        disk.write();
    }
    assert_eq!((last.join().unwrap(), disk.chats()), (Ok(true), vec!["ana".to_owned(), "carl".to_owned()]));
    assert!(disk.index.writer_lock().is_queue_empty());
}

#[test]
fn queued_writes_get_the_reason_when_the_journal_ends() {
    for fail in [PlayedDisk::fail, |disk: &PlayedDisk| disk.index.close_journal(failure())] {
        let (disk, bell) = (PlayedDisk::new(true, 0), Arc::new(Bell::default()));
        drop(disk.index.link_async("1", "ana"));
        let (mut polled, waited) = (disk.index.link_async("1", "bob"), disk.link("carl"));
        assert!(poll(&mut polled, &bell).is_pending());
        fail(&disk);
        assert_eq!(rung(&bell), 1);
        disk.write();
        assert_eq!(poll(&mut polled, &bell), Poll::Ready(Err(failure())));
        assert_eq!((waited.wait(), disk.index.link_async("1", "dora").wait()), (Err(failure()), Err(failure())));
    }
}

#[test]
fn a_receipt_waits_while_another_write_has_the_writer_lock() {
    for index in [LabelIndex::new(), PlayedDisk::within().index] {
        index.upsert_label("1", "VIP").unwrap();
        let bells: [Arc<Bell>; 2] = Default::default();
        let turn = index.writer();
        // These would block if they waited for the writer lock.
        let mut receipts = [index.link_async("1", "ana"), index.link_async("1", "bob")];
        for (receipt, bell) in receipts.iter_mut().zip(&bells) {
            assert!(poll(receipt, bell).is_pending());
        }
        drop(turn);
        // An index in memory has them called by a thread.
        while bells.each_ref().map(rung) != [1, 1] {
            thread::yield_now();
        }
        // One task carries out both writes, and the other gets its answer.
        assert!(poll(&mut receipts[1], &bells[1]).is_ready());
        assert!(receipts[0].is_ready() && index.contains("1", "ana"));
        assert_eq!(receipts.map(Receipt::wait), [Ok(true), Ok(true)]);
    }
}
