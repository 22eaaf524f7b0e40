//! Writes from async code: they answer as the blocking ones do, and block no thread. `src/index/committer/tests.rs`
//! tests what waits for what, with a simulated disk.

use label_index::{Error, Event, LabelIndex};

/// Makes the same writes on two indexes, by the methods that block and by those that do not, and compares the answers.
macro_rules! same {
    ($indexes:ident, $method:ident | $sibling:ident($($argument:expr),*)) => {{
        let (one, other) = &$indexes;
        let (blocking, receipt) = (one.$method($($argument),*), other.$sibling($($argument),*));
        assert!(receipt.is_ready());
        assert_eq!(receipt.wait(), blocking);
        assert_eq!(one.revision(), other.revision());
        blocking
    }};
}

#[test]
fn asynchronous_methods_answer_as_the_blocking_ones() {
    let indexes = (LabelIndex::new(), LabelIndex::new());
    let none: [&str; 0] = [];
    same!(indexes, upsert_label | upsert_label_async("1", "VIP")).unwrap();
    same!(indexes, upsert_label | upsert_label_async("1", "VIP")).unwrap();
    same!(indexes, upsert_label | upsert_label_async(",", "VIP")).unwrap_err();
    same!(indexes, update_label | update_label_async("1", "Very important")).unwrap();
    same!(indexes, update_label | update_label_async("2", "Open")).unwrap_err();
    same!(indexes, create_label | create_label_async("Open")).unwrap();
    same!(indexes, create_label | create_label_async("")).unwrap_err();
    same!(indexes, ensure_label | ensure_label_async("open")).unwrap();
    same!(indexes, ensure_label | ensure_label_async("Won")).unwrap();
    same!(indexes, link | link_async("1", "ana")).unwrap();
    same!(indexes, link | link_async("9", "ana")).unwrap_err();
    same!(indexes, link | link_async("1", "@c.us")).unwrap_err();
    same!(indexes, link_all | link_all_async("2", ["ana", "bob", "ana"])).unwrap();
    same!(indexes, link_all | link_all_async("2", none)).unwrap();
    same!(indexes, unlink | unlink_async("1", "bob")).unwrap();
    same!(indexes, unlink_all | unlink_all_async("2", ["bob", "carl"])).unwrap();
    same!(indexes, set_labels | set_labels_async("ana", ["3", "1"])).unwrap();
    same!(indexes, set_labels | set_labels_async("ana", ["3", "9"])).unwrap_err();
    same!(indexes, merge_chats | merge_chats_async("ana", "dora")).unwrap();
    same!(indexes, unalias | unalias_async("ana")).unwrap();
    let event = || Event::ChatLabelled { label: 7.into(), chat: "eve".parse().unwrap() };
    same!(indexes, ingest | ingest_async(event())).unwrap();
    same!(indexes, remove_label | remove_label_async("3")).unwrap();
    same!(indexes, remove_label | remove_label_async("3")).unwrap_err();
    indexes.1.check_invariants().unwrap();
    assert!(indexes.0.iter().map(|chat| chat.chat_id).eq(indexes.1.iter().map(|chat| chat.chat_id)));
}

#[tokio::test(flavor = "current_thread")]
async fn receipts_are_awaited_in_one_thread() {
    let index = LabelIndex::new();
    let vip = index.create_label_async("VIP").await.unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|chat| {
            let (index, vip) = (index.clone(), vip.outcome.clone());
            tokio::spawn(async move { index.link_async(vip, chat.to_string()).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().unwrap());
    }
    assert_eq!(index.count(&vip.outcome), 100);
    assert!(matches!(index.link_async("9", "ana").await, Err(Error::UnknownLabel { .. })));
}

#[cfg(feature = "store")]
mod in_a_store {
    use label_index::{Durability, StoreOptions};

    use super::*;
    use crate::store::held_disk::HeldDisk;

    const HOURS: std::time::Duration = std::time::Duration::from_secs(100_000);

    fn both() -> [Durability; 2] {
        [Durability::Synced, Durability::Within(HOURS)]
    }

    /// One thread for everything: if any call blocked while the disk is stuck, nobody would let the disk go on.
    #[tokio::test(flavor = "current_thread")]
    async fn nothing_blocks_while_the_disk_is_stuck_and_the_queue_is_full() {
        for durability in both() {
            let disk = HeldDisk::default();
            let store = StoreOptions::new().durability(durability).queued_changes(2).open_on(disk.clone()).unwrap();
            let index = store.instance("shop").unwrap();
            index.create_label_async("VIP").await.unwrap();
            store.flush().unwrap();
            disk.hold();
            let mut feed = index.subscribe();
            let tasks: Vec<_> = (0..200)
                .map(|chat| {
                    let index = index.clone();
                    tokio::spawn(async move {
                        let chat = chat.to_string();
                        let mut batch = index.batch();
                        batch.link(1, &chat).unwrap();
                        let (linked, submitted) = (index.link_async(1, &chat), batch.submit());
                        let unlinked = index.unlink_async(1, &chat);
                        // They were carried out in the order of the calls, whichever is awaited first.
                        let unlinked = unlinked.await.unwrap();
                        unlinked && linked.await.unwrap() && !submitted.await.unwrap().changed()
                    })
                })
                .collect();
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert!(index.total_chats() <= 4);
            disk.release();
            for task in tasks {
                assert!(task.await.unwrap());
            }
            assert_eq!((index.total_chats(), index.revision()), (0, 401));
            store.flush().unwrap();
            let mut commits = 0;
            while feed.try_recv().is_some() {
                commits += 1;
            }
            assert_eq!(commits, 400);
            index.check_invariants().unwrap();
        }
    }

    #[test]
    fn queued_writes_are_refused_when_the_store_is_closed() {
        let disk = HeldDisk::default();
        let options = || StoreOptions::new().durability(Durability::Within(HOURS)).queued_changes(0);
        let store = options().open_on(disk.clone()).unwrap();
        let index = store.instance("shop").unwrap();
        index.upsert_label(1, "VIP").unwrap();
        store.flush().unwrap();
        disk.hold();
        let carried_out = index.link_async(1, "ana");
        let standing = index.link_async(1, "bob");
        assert!(carried_out.is_ready() && !standing.is_ready());
        disk.release();
        drop(store);
        assert_eq!((carried_out.wait(), standing.wait()), (Ok(true), Err(Error::StoreClosed)));
        assert_eq!(index.link_async(1, "carl").wait(), Err(Error::StoreClosed));
        drop(index);
        assert_eq!(options().open_on(disk).unwrap().existing("shop").unwrap().total_chats(), 1);
    }

    #[test]
    fn queued_writes_are_refused_when_their_instance_is_removed() {
        let disk = HeldDisk::default();
        let options = StoreOptions::new().durability(Durability::Within(HOURS)).queued_changes(0);
        let store = options.open_on(disk.clone()).unwrap();
        let index = store.instance("shop").unwrap();
        index.upsert_label(1, "VIP").unwrap();
        store.flush().unwrap();
        disk.hold();
        let carried_out = index.link_async(1, "ana");
        let (standing, dropped) = (index.link_async(1, "bob"), index.link_async(1, "carl"));
        let store = std::sync::Arc::new(store);
        let removing = std::thread::spawn({
            let store = std::sync::Arc::clone(&store);
            move || store.remove_instance("shop")
        });
        disk.release();
        removing.join().unwrap().unwrap();
        drop(dropped);
        assert_eq!(carried_out.wait(), Ok(true));
        assert!(matches!(standing.wait(), Err(Error::UnknownInstance { .. })));
        assert!(matches!(index.link_async(1, "dora").wait(), Err(Error::UnknownInstance { .. })));
        assert_eq!(store.instance("shop").unwrap().total_chats(), 0);
    }
}
