//! Several stores on the same instances.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Delivery, Error, FullState, LabelIndex, RefreshTicket, Store, StoreOptions};

use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::{connect, options};
use crate::store::Image;

fn pair(schema: &str) -> Option<(Store, Store)> {
    let server = shared()?;
    Some((connect(server, schema), connect(server, schema)))
}

#[test]
fn a_store_answers_with_commits_of_another_store() {
    let schema = new_schema();
    let Some((one, other)) = pair(&schema) else { return };
    let here = one.instance("shop").unwrap();
    let there = other.instance("shop").unwrap();
    assert_eq!(here.identity(), there.identity());
    let vip = here.create_label("VIP").unwrap().outcome;
    assert!(here.link(&vip, "ana@c.us").unwrap());
    there.catch_up().unwrap();
    assert!(there.contains(&vip, "ana@c.us"));
    assert_eq!(Image::from(&here), Image::from(&there));

    assert!(!there.link(&vip, "ana@c.us").unwrap(), "it is there already");
    assert!(there.unlink(&vip, "ana@c.us").unwrap());
    assert!(here.link(&vip, "ana@c.us").unwrap(), "planned again on what the other wrote");
    assert_eq!(here.revision(), 4);
    assert_eq!(one.instances(), ["shop"]);
    drop((here, there, one, other));

    let again = connect(shared().unwrap(), &schema);
    let index = again.existing("shop").unwrap();
    assert_eq!(index.revision(), 4);
    assert!(index.contains(&vip, "ana@c.us"));
}

/// The answer "unchanged" depends on the database, not on what this store knew.
#[test]
fn an_unchanged_answer_is_that_of_the_database() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    let (here, there) = (one.instance("shop").unwrap(), other.instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    here.link("1", "ana@c.us").unwrap();
    there.catch_up().unwrap();
    here.unlink("1", "ana@c.us").unwrap();
    assert!(there.link("1", "ana@c.us").unwrap(), "the other unlinked it before");
    here.remove_label("1").unwrap();
    assert!(matches!(there.link("1", "bob@c.us"), Err(Error::UnknownLabel { .. })));
}

#[test]
fn every_commit_arrives_in_every_feed_once_and_in_order() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    let indexes = [one.instance("shop").unwrap(), other.instance("shop").unwrap()];
    indexes[0].upsert_label("1", "VIP").unwrap();
    indexes[1].catch_up().unwrap();
    let mut feeds: Vec<_> = indexes.iter().map(|index| index.subscribe_after(0)).collect();
    const EACH: usize = 60;
    thread::scope(|scope| {
        for (number, index) in indexes.iter().enumerate() {
            for writer in 0..3 {
                scope.spawn(move || {
                    for chat in 0..EACH / 3 {
                        assert!(index.link("1", format!("chat {number} {writer} {chat}")).unwrap());
                    }
                });
            }
        }
    });
    indexes.iter().for_each(|index| index.catch_up().unwrap());
    let last = u64::try_from(2 * EACH + 1).unwrap();
    let told: Vec<Vec<_>> = feeds
        .iter_mut()
        .map(|feed| {
            (1..=last)
                .map(|revision| match feed.try_recv() {
                    Some(Delivery::Commit(commit)) => {
                        assert_eq!(commit.revision, revision);
                        commit
                    }
                    other => panic!("{other:?} instead of {revision}"),
                })
                .collect()
        })
        .collect();
    assert_eq!(told[0], told[1]);
    assert_eq!(Image::from(&indexes[0]), Image::from(&indexes[1]));
    assert_eq!(indexes[0].total_chats(), u64::try_from(2 * EACH).unwrap());
}

/// Each label gets an id of its own, although all are planned on the same version.
#[test]
fn labels_created_at_the_same_time_have_different_ids() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    let indexes = [one.instance("shop").unwrap(), other.instance("shop").unwrap()];
    let created: Vec<_> = thread::scope(|scope| {
        let creating: Vec<_> = indexes
            .iter()
            .map(|index| {
                scope.spawn(|| (0..20).map(|_| index.create_label("Same").unwrap().outcome).collect::<Vec<_>>())
            })
            .collect();
        creating.into_iter().flat_map(|creating| creating.join().unwrap()).collect()
    });
    assert_eq!(created.iter().collect::<BTreeSet<_>>().len(), 40);
}

/// Otherwise a store with many instances would query all of them at every write to any.
#[test]
fn a_store_is_not_kept_busy_by_instances_that_it_does_not_have() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let (here, there) = (connect(server, &schema), options(&schema).connect(Server::url_of_port(proxy.port)).unwrap());
    let (own, other) = (there.instance("own").unwrap(), here.instance("other").unwrap());
    own.catch_up().unwrap();
    other.upsert_label("1", "VIP").unwrap();
    thread::sleep(Duration::from_millis(300));
    let (before, heard) = (proxy.asked(), proxy.sent());
    for chat in 0..20 {
        other.link("1", format!("chat {chat}")).unwrap();
    }
    until("it heard nothing", || proxy.sent() >= heard + 20 * 20);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(proxy.asked(), before, "it asked for nothing");

    here.instance("own").unwrap().upsert_label("1", "VIP").unwrap();
    until("it never heard of its own", || own.label("1").is_some());
}

#[test]
fn the_schema_may_have_a_word_of_sql_as_its_name() {
    let Some(server) = shared() else { return };
    let (one, other) = (connect(server, "both"), connect(server, "both"));
    let (here, there) = (one.instance("shop").unwrap(), other.instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    one.checkpoint().unwrap();
    until("it was told nothing", || there.label("1").is_some());
}

/// While a distant store plans, a near one writes before the statement of the distant one arrives; so after some
/// attempts the distant one locks the row first.
#[test]
fn a_far_store_gets_its_turn_beside_a_near_one_that_always_writes() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let near = connect(server, &schema);
    let far = options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let [near, far] = [&near, &far].map(|store| store.instance("shop").unwrap());
    near.upsert_label("1", "VIP").unwrap();
    far.catch_up().unwrap();
    proxy.delay(100);
    let (is_done, began) = (AtomicBool::new(false), Instant::now());
    let is_over = || is_done.load(Ordering::SeqCst) || began.elapsed() > Duration::from_secs(20);
    thread::scope(|scope| {
        scope.spawn(|| (0..).find(|chat| !near.link("1", format!("near {chat}")).unwrap() || is_over()));
        let linked = far.link("1", "far");
        is_done.store(true, Ordering::SeqCst);
        assert!(linked.unwrap());
    });
    assert!(began.elapsed() < Duration::from_secs(20), "only once nobody else wrote");
}

fn until(what: &str, holds: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
    began.elapsed()
}

#[test]
fn commits_of_others_arrive_without_being_asked_for() {
    let schema = new_schema();
    let Some((one, by_notice)) = pair(&schema) else { return };
    let by_poll = StoreOptions::new().schema(&schema).poll_interval(Duration::from_millis(20));
    let by_poll = by_poll.connect(shared().unwrap().url()).unwrap();
    let here = one.instance("shop").unwrap();
    let there: Vec<LabelIndex> = [&by_notice, &by_poll].map(|store| store.instance("shop").unwrap()).into();
    here.upsert_label("1", "VIP").unwrap();
    for index in &there {
        until("it never arrived", || index.label("1").is_some());
    }
}

#[test]
fn a_consumer_resumes_at_another_store() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    let here = one.instance("shop").unwrap();
    here.upsert_label("1", "VIP").unwrap();
    let mut feed = here.subscribe_after(0);
    let Some(Delivery::Commit(first)) = feed.try_recv() else { panic!("no commit") };
    here.link("1", "ana@c.us").unwrap();
    here.link("1", "bob@c.us").unwrap();
    let there = other.instance("shop").unwrap();
    let mut resumed = there.subscribe_from(first.position).unwrap();
    for revision in 2..=3 {
        let Some(Delivery::Commit(commit)) = resumed.try_recv() else { panic!("no commit") };
        assert_eq!(commit.revision, revision);
    }
    assert!(resumed.try_recv().is_none());
}

#[test]
fn an_instance_that_another_store_removed_ends() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    let (here, there) = (one.instance("shop").unwrap(), other.instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    there.catch_up().unwrap();
    let mut feed = there.subscribe();
    one.remove_instance("shop").unwrap();
    let unknown = Error::UnknownInstance { name: "shop".into() };
    assert_eq!(here.link("1", "ana@c.us").unwrap_err(), unknown);
    assert_eq!(there.link("1", "ana@c.us").unwrap_err(), unknown);
    assert_eq!(feed.recv(), Delivery::Closed);
    assert!(there.label("1").is_some(), "a handle goes on reading");
    assert_eq!(other.existing("shop").unwrap_err(), unknown);
    assert_eq!(one.remove_instance("shop").unwrap_err(), unknown);
    let anew = other.instance("shop").unwrap();
    assert_ne!(anew.identity(), there.identity());
    assert_eq!(anew.revision(), 0);
}

/// What another process wrote while a ticket was open wins over the network's state.
#[test]
fn a_refresh_keeps_what_any_store_wrote_meanwhile() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    let (here, there) = (one.instance("shop").unwrap(), other.instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    here.link("1", "ana@c.us").unwrap();
    let ticket = here.begin_refresh().unwrap();
    assert_eq!(here.begin_refresh().unwrap_err(), Error::RefreshInProgress);
    there.link("1", "bob@c.us").unwrap();
    there.unlink("1", "ana@c.us").unwrap();
    let mut state = FullState::new();
    state.label("1", "Very important").unwrap();
    state.link("1", "ana@c.us").unwrap();
    state.link("1", "eve@c.us").unwrap();
    let done = ticket.commit(state).unwrap();
    assert!(done.changed());
    there.catch_up().unwrap();
    for index in [&here, &there] {
        let carried = ["ana@c.us", "bob@c.us", "eve@c.us"].map(|chat| index.contains("1", chat));
        assert_eq!(carried, [false, true, true]);
    }
    assert_eq!(Image::from(&here), Image::from(&there));
    drop(here.begin_refresh().unwrap());
}

/// Writes while a ticket is open, which all change something.
const MEANWHILE: [&[fn(&LabelIndex)]; 6] = [
    &[|index| assert!(index.link("1", "bob@c.us").unwrap()), |index| assert!(index.unlink("1", "ana@c.us").unwrap())],
    &[|index| assert!(index.merge_chats("ana@lid", "ana@c.us").unwrap().changed())],
    &[
        |index| assert!(index.unlink("1", "ana@lid").unwrap()),
        |index| assert!(index.merge_chats("ana@lid", "ana@c.us").unwrap().changed()),
        |index| assert!(index.unalias("ana@lid").unwrap()),
    ],
    &[
        |index| assert!(index.merge_chats("ana@lid", "ana@c.us").unwrap().changed()),
        |index| assert!(index.unlink("1", "ana@c.us").unwrap()),
        |index| assert!(index.unalias("ana@lid").unwrap()),
        |index| assert!(index.link("2", "ana@lid").unwrap()),
    ],
    &[
        |index| assert!(index.remove_label("2").unwrap().changed()),
        |index| assert!(index.upsert_label("4", "Made meanwhile").unwrap().changed()),
    ],
    &[|index| assert!(index.upsert_label("1", "Edited meanwhile").unwrap().changed())],
];

/// A ticket treats writes of another store like writes of its own store.
#[test]
fn a_ticket_protects_the_writes_of_every_store_alike() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    let begin = |index: &LabelIndex| {
        index.upsert_label("1", "VIP").unwrap();
        index.upsert_label("2", "New").unwrap();
        for chat in ["ana@c.us", "ana@lid", "eve@c.us"] {
            index.link("1", chat).unwrap();
        }
        index.begin_refresh().unwrap()
    };
    let commit = |ticket: RefreshTicket| {
        let mut state = FullState::new();
        for (label, name) in [("1", "Very important"), ("2", "Newer"), ("3", "Other")] {
            state.label(label, name).unwrap();
            state.link(label, "ana@c.us").unwrap();
            state.link(label, "ana@lid").unwrap();
        }
        ticket.commit(state).unwrap();
    };
    for (number, writes) in MEANWHILE.iter().enumerate() {
        let alone = LabelIndex::new();
        let ticket = begin(&alone);
        writes.iter().for_each(|write| write(&alone));
        commit(ticket);
        for first in [0, 1] {
            let name = format!("shop {number} {first}");
            let indexes = [one.instance(&name).unwrap(), other.instance(&name).unwrap()];
            let ticket = begin(&indexes[0]);
            for (turn, write) in writes.iter().enumerate() {
                write(&indexes[(turn + first) % 2]);
            }
            commit(ticket);
            for index in &indexes {
                index.catch_up().unwrap();
                assert_eq!(Image::from(index), Image::from(&alone), "{name}");
            }
        }
    }
}

/// Of the writes of another store, a ticket protects those that changed a pair, and not those that found it unchanged.
#[test]
fn a_ticket_protects_the_changes_of_another_store() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    for (name, writer, has_new) in [("here", &one, false), ("there", &other, true)] {
        let index = one.instance(name).unwrap();
        index.upsert_label("1", "VIP").unwrap();
        index.upsert_label("2", "New").unwrap();
        index.link("1", "ana@c.us").unwrap();
        let ticket = index.begin_refresh().unwrap();
        let writer = writer.instance(name).unwrap();
        assert!(writer.set_labels("ana@c.us", Vec::<&str>::new()).unwrap().changed());
        let mut state = FullState::new();
        for label in ["1", "2"] {
            state.label(label, "Said").unwrap();
            state.link(label, "ana@c.us").unwrap();
        }
        ticket.commit(state).unwrap();
        assert!(!index.contains("1", "ana@c.us"), "unlinked {name} meanwhile");
        assert_eq!(index.contains("2", "ana@c.us"), has_new, "set to nothing {name}");
    }
}

#[test]
fn a_closed_store_refuses_writes_and_can_be_read() {
    let schema = new_schema();
    let Some((one, other)) = pair(&schema) else { return };
    let here = one.instance("shop").unwrap();
    here.upsert_label("1", "VIP").unwrap();
    let receipts: Vec<_> = (0..100).map(|chat| here.link_async("1", format!("chat {chat}"))).collect();
    let mut feed = here.subscribe();
    drop(one);
    for receipt in receipts {
        assert!(receipt.wait().unwrap(), "the write queue is written first");
    }
    assert_eq!(here.link("1", "late").unwrap_err(), Error::StoreClosed);
    assert_eq!(here.catch_up().unwrap_err(), Error::StoreClosed);
    assert_eq!(here.total_chats(), 100);
    while feed.recv() != Delivery::Closed {}
    assert_eq!(other.existing("shop").unwrap().total_chats(), 100);
}

#[tokio::test(flavor = "current_thread")]
async fn asynchronous_writes_block_nothing_and_share_groups() {
    let Some((one, _other)) = pair(&new_schema()) else { return };
    let index = one.instance("shop").unwrap();
    index.upsert_label_async("1", "VIP").await.unwrap();
    let receipts: Vec<_> = (0..500).map(|chat| index.link_async("1", format!("chat {chat}"))).collect();
    for receipt in receipts {
        assert!(receipt.await.unwrap());
    }
    assert_eq!(index.revision(), 501);
    let mut batch = index.batch();
    let won = batch.create_label("Won").unwrap();
    batch.link(won, "ana@c.us").unwrap();
    assert_eq!(batch.submit().await.unwrap().revision, 502);
}

#[test]
fn statistics_tell_the_transactions_of_this_store() {
    let Some((one, other)) = pair(&new_schema()) else { return };
    assert_eq!((one.stats().syncs, one.stats().last_sync), (0, None));
    let [here, there] = [&one, &other].map(|store| store.instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    here.link("1", "ana@c.us").unwrap();
    there.link("1", "bob@c.us").unwrap();
    assert!(!there.link("1", "ana@c.us").unwrap());
    here.catch_up().unwrap();
    let (stats, others) = (one.stats(), other.stats());
    assert_eq!((stats.syncs, others.syncs), (2, 1));
    assert!(stats.last_sync.is_some() && !stats.last_sync_took.is_zero());
    assert_eq!((stats.loaded["shop"].revision, stats.queued_changes, stats.failure), (3, 0, None));
}

#[test]
fn unused_instances_are_unloaded() {
    let Some((one, _other)) = pair(&new_schema()) else { return };
    let index = one.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    assert_eq!(one.unload("shop").unwrap_err(), Error::InstanceInUse { name: "shop".into() });
    drop(index);
    assert!(one.unload("shop").unwrap());
    assert!(!one.unload("shop").unwrap());
    assert!(matches!(one.unload("none"), Err(Error::UnknownInstance { .. })));
    assert_eq!(one.existing("shop").unwrap().revision(), 1);
    one.flush().unwrap();
}

#[test]
fn stores_that_connect_at_the_same_time_make_the_tables_once() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| options(&schema).connect(server.url()).unwrap().instance("shop").unwrap());
        }
    });
    assert_eq!(connect(server, &schema).instances(), ["shop"]);
}

/// Four stores write to one chat: each makes progress, and every answer is right.
#[test]
fn no_store_starves_where_all_write_to_one_instance() {
    const STORES: usize = 4;
    const WRITES: usize = 600;
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let stores: Vec<Store> = (0..STORES).map(|_| connect(server, &schema)).collect();
    let indexes: Vec<LabelIndex> = stores.iter().map(|store| store.instance("shop").unwrap()).collect();
    for label in 1..=STORES {
        indexes[0].upsert_label(label.to_string(), format!("Label {label}").as_str()).unwrap();
    }
    let left = AtomicUsize::new(WRITES);
    let shares: Vec<usize> = thread::scope(|scope| {
        let writing = indexes.iter().enumerate().map(|(number, index)| {
            let (left, label) = (&left, (number + 1).to_string());
            scope.spawn(move || {
                let mut share = 0;
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    let changed = if share % 2 == 0 { index.link(&label, "ana") } else { index.unlink(&label, "ana") };
                    assert!(changed.unwrap(), "nobody else has this label");
                    share += 1;
                }
                share
            })
        });
        writing.collect::<Vec<_>>().into_iter().map(|writing| writing.join().unwrap()).collect()
    });
    assert_eq!(shares.iter().sum::<usize>(), WRITES);
    assert!(shares.iter().all(|&share| share >= WRITES / STORES / 5), "{shares:?}");
    for index in &indexes {
        index.catch_up().unwrap();
        assert_eq!(index.revision(), u64::try_from(STORES + WRITES).unwrap());
    }
}

/// More instances, more records and more changes than one answer about commits of others has.
#[test]
fn a_store_that_was_cut_off_catches_up_with_everything_at_once() {
    const INSTANCES: usize = 70;
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let writer = connect(server, &schema);
    let reader = options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let names: Vec<String> = (0..INSTANCES).map(|number| format!("shop {number:02}")).collect();
    let open = |store: &Store| -> Vec<LabelIndex> { names.iter().map(|name| store.instance(name).unwrap()).collect() };
    let (here, there) = (open(&writer), open(&reader));
    for round in 0..2 {
        proxy.stall();
        for index in &here[..if round == 0 { INSTANCES } else { 3 }] {
            index.upsert_label("1", format!("VIP {round}").as_str()).unwrap();
        }
        (0..200).for_each(|chat| assert!(here[0].link("1", format!("chat {round} {chat}")).unwrap()));
        let many = here[1].link_all("1", (0..9_000).map(|chat| format!("chat {round} {chat}"))).unwrap();
        assert_eq!(many.chats.len(), 9_000);
        proxy.release();
        for index in &there {
            index.catch_up().unwrap();
        }
        for (index, other) in here.iter().zip(&there) {
            assert_eq!(Image::from(index), Image::from(other));
        }
    }
}
