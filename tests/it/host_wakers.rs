//! Wakers that panic, block, call back and drop the last handle: no write, no store and no other waker is affected.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use label_index::{Delivery, LabelIndex, Subscriber};

/// The longest time that a test waits for a thread that has to answer.
const LONG: Duration = Duration::from_secs(60);

struct Run<F>(F);

impl<F: Fn() + Send + Sync> Wake for Run<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(run: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Run(run)))
}

/// A waker that sends a message when it is called.
fn telling() -> (Waker, Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    (waker(move || sender.lock().unwrap().send(()).unwrap()), receiver)
}

/// Lets a subscriber wait with a waker.
fn wait(subscriber: &mut Subscriber, waker: &Waker) {
    assert!(subscriber.poll_recv(&mut Context::from_waker(waker)).is_pending());
}

fn is_commit(subscriber: &mut Subscriber) -> bool {
    matches!(subscriber.try_recv(), Some(Delivery::Commit(_)))
}

fn labelled(index: &LabelIndex) {
    assert!(index.upsert_label(1, "VIP").unwrap().changed());
}

#[test]
fn a_panic_in_a_waker_of_an_index_in_memory_costs_no_other_task_its_wake_up() {
    let index = LabelIndex::new();
    labelled(&index);
    let (sender, woken) = mpsc::channel();
    let mut subscribers: Vec<Subscriber> = (0..6).map(|_| index.subscribe()).collect();
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        let sender = Mutex::new(sender.clone());
        wait(
            subscriber,
            &waker(move || {
                sender.lock().unwrap().send(number).unwrap();
                assert!(number % 2 == 0, "a waker of the host panics");
            }),
        );
    }
    assert!(index.link(1, "ana").unwrap(), "the write returns its answer");
    let mut numbers: Vec<usize> = (0..6).map(|_| woken.recv_timeout(LONG).unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    assert!(subscribers.iter_mut().all(is_commit));
    assert!(index.unlink(1, "ana").unwrap());
    index.check_invariants().unwrap();
}

/// Three tasks that wait for a commit, and whose wakers block until the barrier is reached a fourth time.
fn three_that_block(index: &LabelIndex) -> (Arc<Barrier>, Vec<Subscriber>) {
    let barrier = Arc::new(Barrier::new(4));
    let task = || {
        let (mut feed, barrier) = (index.subscribe(), Arc::clone(&barrier));
        let block = move || {
            barrier.wait();
        };
        wait(&mut feed, &waker(block));
        feed
    };
    let blocked = (0..3).map(|_| task()).collect();
    (barrier, blocked)
}

#[test]
fn a_waker_that_blocks_delays_no_write_to_an_index_in_memory() {
    let index = LabelIndex::new();
    labelled(&index);
    let (barrier, mut blocked) = three_that_block(&index);
    for round in 0..5 {
        let (told, woken) = telling();
        let mut feed = index.subscribe();
        wait(&mut feed, &told);
        let (writer, (sender, written)) = (index.clone(), mpsc::channel());
        std::thread::spawn(move || sender.send(writer.link(1, format!("chat {round}"))));
        assert_eq!(written.recv_timeout(LONG), Ok(Ok(true)), "the write returns");
        woken.recv_timeout(LONG).unwrap();
        assert!(is_commit(&mut feed));
    }
    barrier.wait();
    assert!(blocked.iter_mut().all(is_commit));
}

#[test]
fn a_waker_may_write_to_its_index_in_memory_and_drop_its_last_handle() {
    let index = LabelIndex::new();
    labelled(&index);
    let mut feed = index.subscribe();
    let (sender, linked) = mpsc::channel();
    let last = Mutex::new(Some((index.clone(), sender)));
    wait(
        &mut feed,
        &waker(move || {
            let (index, sender) = last.lock().unwrap().take().unwrap();
            let answer = index.link(1, "bob");
            drop(index);
            sender.send(answer).unwrap();
        }),
    );
    assert!(index.link(1, "ana").unwrap());
    drop(index);
    assert_eq!(linked.recv_timeout(LONG).unwrap(), Ok(true));
    assert!(is_commit(&mut feed) && is_commit(&mut feed));
    assert_eq!(feed.try_recv(), Some(Delivery::Closed));
}

#[cfg(feature = "store")]
mod in_a_store {
    use std::future::Future;

    use label_index::{Durability, Error, Limits, Loading, Receipt, Store, StoreOptions};

    use super::*;
    use crate::store::Folder;

    fn submitted(index: &LabelIndex, chat: &str) -> Receipt {
        let mut batch = index.batch();
        batch.link(1, chat).unwrap();
        batch.submit()
    }

    /// Polls a receipt with a waker. Returns whether it was ready already.
    fn poll(receipt: &mut Receipt, waker: &Waker) -> bool {
        std::pin::Pin::new(receipt).poll(&mut Context::from_waker(waker)).is_pending()
    }

    #[test]
    fn a_removed_instance_whose_waker_panics_is_gone_and_its_name_is_free() {
        let folder = Folder::new();
        let store = folder.open();
        let index = store.instance("shop").unwrap();
        labelled(&index);
        let mut feed = index.subscribe();
        wait(&mut feed, &waker(|| panic!("a waker of the host panics")));
        let mut receipt = submitted(&index, "ana");
        poll(&mut receipt, &waker(|| panic!("a waker of the host panics")));
        drop((index, receipt));
        store.remove_instance("shop").unwrap();
        assert_eq!(store.instances(), [""; 0]);
        assert_eq!(store.remove_instance("shop"), Err(Error::UnknownInstance { name: "shop".into() }));
        assert_eq!(store.instance("shop").unwrap().revision(), 0);
        drop(store);
        assert_eq!(folder.open().instances(), ["shop"]);
    }

    #[test]
    fn a_waker_that_asks_the_store_does_not_hang_the_removal_that_woke_it() {
        let folder = Folder::new();
        let store = Arc::new(folder.open());
        let index = store.instance("shop").unwrap();
        labelled(&index);
        let mut feed = index.subscribe();
        let (sender, asked) = mpsc::channel();
        let (sender, asking) = (Mutex::new(sender), Arc::clone(&store));
        wait(
            &mut feed,
            &waker(move || {
                let unloaded = asking.unload("other");
                sender.lock().unwrap().send((asking.instances().len(), unloaded)).unwrap();
            }),
        );
        drop(index);
        store.instance("other").unwrap();
        store.remove_instance("shop").unwrap();
        let (instances, unloaded) = asked.recv_timeout(LONG).unwrap();
        assert!(instances <= 2 && unloaded == Ok(true));
    }

    #[test]
    fn a_store_goes_on_and_closes_beside_wakers_that_panic() {
        let folder = Folder::new();
        let store = StoreOptions::new().checkpoint_floor(0).checkpoint_percent(0).open(folder.path()).unwrap();
        let index = store.instance("shop").unwrap();
        labelled(&index);
        let mut feed = index.subscribe();
        for chat in 0..50 {
            while is_commit(&mut feed) {}
            wait(&mut feed, &waker(|| panic!("a waker of the host panics")));
            assert!(index.link(1, format!("chat {chat}")).unwrap());
            store.checkpoint().unwrap();
        }
        while is_commit(&mut feed) {}
        wait(&mut feed, &waker(|| panic!("a waker of the host panics")));
        drop((index, store));
        let store = folder.open();
        assert_eq!(store.existing("shop").unwrap().count(1), 50);
    }

    #[test]
    fn a_waker_may_write_to_its_index() {
        let folder = Folder::new();
        for durability in [Durability::Synced, Durability::Within(Duration::ZERO)] {
            let store = StoreOptions::new().durability(durability).open(folder.path()).unwrap();
            let index = store.instance("shop").unwrap();
            index.upsert_label(1, "VIP").unwrap();
            let mut feed = index.subscribe();
            let (sender, linked) = mpsc::channel();
            let (sender, writer) = (Mutex::new(sender), index.clone());
            wait(&mut feed, &waker(move || sender.lock().unwrap().send(writer.link(1, "bob")).unwrap()));
            assert!(index.link(1, "ana").unwrap());
            assert_eq!(linked.recv_timeout(LONG).unwrap(), Ok(true));
            assert!(index.unlink(1, "ana").unwrap() && index.unlink(1, "bob").unwrap());
        }
    }

    #[test]
    fn a_waker_that_blocks_holds_up_nobody_else() {
        let folder = Folder::new();
        let store = folder.open();
        let index = store.instance("shop").unwrap();
        labelled(&index);
        let (barrier, _blocked) = three_that_block(&index);
        for round in 0..5 {
            let (told, woken) = telling();
            let mut feed = index.subscribe();
            wait(&mut feed, &told);
            assert!(index.link(1, format!("chat {round}")).unwrap());
            woken.recv_timeout(LONG).unwrap();
            assert!(is_commit(&mut feed));
        }
        store.checkpoint().unwrap();
        barrier.wait();
        drop((index, store));
        drop(folder.open());
    }

    /// Drops its store when it is woken.
    struct LastHandle(Mutex<Option<Arc<Store>>>, mpsc::Sender<()>);

    impl Wake for LastHandle {
        fn wake(self: Arc<Self>) {
            let store = self.0.lock().unwrap().take();
            drop(store);
            self.1.send(()).unwrap();
        }
    }

    #[test]
    fn a_waker_may_drop_the_last_handle_of_the_store() {
        let folder = Folder::new();
        let store = Arc::new(folder.open());
        let index = store.instance("shop").unwrap();
        labelled(&index);
        let mut feed = index.subscribe();
        let (sender, dropped) = mpsc::channel();
        wait(&mut feed, &Waker::from(Arc::new(LastHandle(Mutex::new(Some(store)), sender))));
        let answer = index.link(1, "ana");
        dropped.recv_timeout(LONG).unwrap();
        assert!(answer.unwrap(), "the write came before the store was closed");
        assert_eq!(index.link(1, "bob"), Err(Error::StoreClosed));
        drop((feed, index));
        assert_eq!(folder.open().existing("shop").unwrap().count(1), 1);
    }

    /// A store of an instance that is not loaded until the sender is dropped.
    fn held_back(folder: &Folder) -> (Arc<Store>, mpsc::Sender<()>) {
        drop(folder.open().instance("shop").unwrap());
        let (sender, receiver) = mpsc::channel();
        let receiver = Mutex::new(receiver);
        let limits = move |_: &str| {
            let _dropped = receiver.lock().unwrap().recv();
            Limits::default()
        };
        (Arc::new(StoreOptions::new().limits_by(limits).open(folder.path()).unwrap()), sender)
    }

    fn wait_for_load(loading: &mut Loading, waker: &Waker) {
        assert!(std::pin::Pin::new(loading).poll(&mut Context::from_waker(waker)).is_pending());
    }

    #[test]
    fn wakers_of_a_load_may_panic_block_and_ask_the_store() {
        let folder = Folder::new();
        let (store, hold) = held_back(&folder);
        let mut loading: Vec<Loading> = (0..5).map(|_| store.existing_async("shop")).collect();
        let barrier = Arc::new(Barrier::new(2));
        let blocked = Arc::clone(&barrier);
        let block = move || {
            blocked.wait();
        };
        let (sender, asked) = mpsc::channel();
        let (sender, asking) = (Mutex::new(sender), Arc::clone(&store));
        let ask = move || {
            let again = asking.existing_async("shop").wait().map(|index| index.revision());
            let made = asking.instance_async("other").wait().map(|index| index.revision());
            sender.lock().unwrap().send((again, made)).unwrap();
        };
        let [(first, first_woken), (second, second_woken)] = [telling(), telling()];
        let wakers = [first, waker(|| panic!("a waker of the host panics")), waker(block), waker(ask), second];
        loading.iter_mut().zip(&wakers).for_each(|(one, waker)| wait_for_load(one, waker));
        drop(hold);
        first_woken.recv_timeout(LONG).unwrap();
        second_woken.recv_timeout(LONG).unwrap();
        assert_eq!(asked.recv_timeout(LONG), Ok((Ok(0), Ok(0))));
        for one in loading {
            assert_eq!(one.wait().unwrap().revision(), 0);
        }
        assert_eq!(store.unload("shop"), Ok(true));
        assert_eq!(store.existing_async("shop").wait().unwrap().revision(), 0);
        barrier.wait();
    }

    #[test]
    fn a_waker_of_a_load_may_drop_the_last_handle_of_the_store() {
        let folder = Folder::new();
        let (store, hold) = held_back(&folder);
        let mut loading = store.existing_async("shop");
        let (sender, dropped) = mpsc::channel();
        wait_for_load(&mut loading, &Waker::from(Arc::new(LastHandle(Mutex::new(Some(store)), sender))));
        drop(hold);
        dropped.recv_timeout(LONG).unwrap();
        assert_eq!(loading.wait().unwrap().upsert_label(1, "VIP"), Err(Error::StoreClosed));
        assert_eq!(folder.open().existing("shop").unwrap().revision(), 0);
    }

    /// A reader of the host that panics.
    struct Panics;

    impl std::io::Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("a reader of the host panics")
        }
    }

    #[test]
    fn a_reader_that_panics_leaves_the_store_as_it_was() {
        use std::io::{BufReader, Read};
        let (folder, other) = (Folder::new(), Folder::new());
        let store = folder.open();
        crate::store::fill(&store.instance("shop").unwrap());
        let mut lines = Vec::new();
        store.export(&mut lines).unwrap();
        let other_store = other.open();
        for end in [10, lines.len() / 2, lines.len() - 1] {
            let import = || other_store.import(BufReader::new((&lines[..end]).chain(Panics)));
            assert!(std::panic::catch_unwind(import).is_err());
        }
        assert!(other_store.instances().is_empty() || other_store.instances() == ["shop"]);
        drop(other_store.instance("new").unwrap());
        drop(other_store);
        assert!(Store::verify(other.path()).unwrap().is_sound());
    }

    #[test]
    fn closing_the_store_wakes_waiting_threads_although_there_is_a_handle() {
        let folder = Folder::new();
        let store = folder.open();
        let index = store.instance("shop").unwrap();
        let (told, woken) = telling();
        let mut feed = index.subscribe();
        wait(&mut feed, &told);
        drop(store);
        woken.recv_timeout(LONG).unwrap();
        assert_eq!(feed.poll_recv(&mut Context::from_waker(Waker::noop())), Poll::Ready(Delivery::Closed));
        drop(index);
    }
}

/// A host may catch its own panics around all values of this crate: writes that were carried out are there, and nothing
/// is in an intermediate state. The compiler checks this.
#[test]
fn everything_may_be_used_on_both_sides_of_a_caught_panic() {
    fn unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    unwind_safe::<LabelIndex>();
    unwind_safe::<label_index::Snapshot>();
    unwind_safe::<Subscriber>();
    unwind_safe::<label_index::Batch>();
    unwind_safe::<label_index::Receipt<bool>>();
    unwind_safe::<label_index::RefreshTicket>();
    unwind_safe::<label_index::JoinedRefresh>();
    unwind_safe::<label_index::FailedRefresh>();
    #[cfg(feature = "store")]
    unwind_safe::<label_index::Store>();
    #[cfg(feature = "store")]
    unwind_safe::<label_index::Loading>();
}
