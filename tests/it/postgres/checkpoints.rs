//! Checkpoints, the log that they trim, and stores that are behind.

use label_index::{Delivery, Error, FullState, LabelIndex};

use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::writers::until;
use super::{connect, options};
use crate::store::Image;

fn fill(index: &LabelIndex, chats: usize) {
    index.upsert_label("1", "VIP").unwrap();
    index.upsert_label("2", "New").unwrap();
    index.remove_label("2").unwrap();
    for chat in 0..chats {
        index.link("1", format!("chat {chat}")).unwrap();
    }
    index.merge_chats("ana@lid", "chat 0").unwrap();
}

fn count(server: &Server, schema: &str, table: &str) -> usize {
    server.sql(&format!("SELECT count(*) FROM {schema}.{table}")).parse().unwrap()
}

#[test]
fn an_instance_is_loaded_from_its_checkpoint_and_the_log_behind_it() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let store = options(&schema).retain_changes(0).connect(server.url()).unwrap();
    let index = store.instance("shop").unwrap();
    fill(&index, 20);
    store.checkpoint().unwrap();
    assert_eq!(count(server, &schema, "log"), 0, "all of it is in the checkpoint");
    let rows = count(server, &schema, "images");
    assert!(rows > 3, "{rows} rows");
    for step in 0..3 {
        index.link("1", format!("later {step}")).unwrap();
        let other = connect(server, &schema);
        assert_eq!(Image::from(&other.existing("shop").unwrap()), Image::from(&index));
        if step == 1 {
            store.checkpoint().unwrap();
            assert_eq!(count(server, &schema, "images"), rows, "the former one is gone");
        }
    }
    assert_eq!(count(server, &schema, "leases"), 0);
    assert_eq!(store.stats().checkpoints, 2);
    store.checkpoint().unwrap();
    store.checkpoint().unwrap();
    assert_eq!(store.stats().checkpoints, 3, "nothing changed since the third");
    store.remove_instance("shop").unwrap();
    for table in ["instances", "log", "images", "leases"] {
        assert_eq!(count(server, &schema, table), 0, "{table}");
    }
}

#[test]
fn a_long_log_is_trimmed_without_being_asked() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let options = options(&schema).retain_changes(10).checkpoint_floor(2_000);
    let store = options.connect(server.url()).unwrap();
    let index = store.instance("shop").unwrap();
    fill(&index, 300);
    until("no checkpoint", || store.stats().checkpoints > 0);
    store.checkpoint().unwrap();
    assert_eq!(count(server, &schema, "log"), 10, "with 10 changes");
    let mut feed = index.subscribe_after(index.revision() - 10);
    let revisions: Vec<u64> = (0..10)
        .map(|_| match feed.recv() {
            Delivery::Commit(commit) => commit.revision,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(revisions, (index.revision() - 9..=index.revision()).collect::<Vec<_>>());
    // Another store, which has nothing of it in memory.
    let other = connect(server, &schema);
    let there = other.existing("shop").unwrap();
    assert!(matches!(there.subscribe_after(3).recv(), Delivery::Missed { after: 3 }));
}

#[test]
fn a_store_behind_a_trimmed_log_reads_the_instance_anew() {
    let Some(server) = shared() else { return };
    // With one record left in the log, and with none.
    read_anew(server, 1);
    read_anew(server, 0);
}

fn read_anew(server: &Server, retained: u64) {
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let behind = options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let beside = options(&schema).retain_changes(retained).connect(server.url()).unwrap();
    let (here, there) = (behind.instance("shop").unwrap(), beside.instance("shop").unwrap());
    fill(&there, 5);
    here.catch_up().unwrap();
    let (mut feed, ticket) = (here.subscribe(), here.begin_refresh().unwrap());
    let (before, snapshot) = (here.revision(), here.snapshot());
    proxy.cut();
    there.link("1", "late").unwrap();
    there.link("1", "later").unwrap();
    beside.checkpoint().unwrap();
    assert!(!here.contains("1", "late"));
    proxy.resume();
    assert!(here.link("1", "last").unwrap());
    assert_eq!(here.revision(), before + 3);
    assert_eq!(snapshot.revision(), before);
    assert!(matches!(feed.recv(), Delivery::Missed { after } if after == before));
    feed.resume_after(before + 2 - retained);
    for revision in before + 3 - retained..=before + 3 {
        let next = feed.recv();
        assert!(matches!(&next, Delivery::Commit(commit) if commit.revision == revision), "{next:?}");
    }
    assert_eq!(ticket.commit(FullState::new()).unwrap_err().cause, Error::TicketCancelled);
    there.catch_up().unwrap();
    assert_eq!(Image::from(&here), Image::from(&there));
}

#[test]
fn one_store_has_the_lease_until_it_expires() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let store = options(&schema).retain_changes(0).connect(server.url()).unwrap();
    let index = store.instance("shop").unwrap();
    fill(&index, 5);
    let lease = |expires: &str| {
        server.sql(&format!(
            "DELETE FROM {schema}.leases;
            INSERT INTO {schema}.leases SELECT instance, 7, now() + interval '{expires}' FROM {schema}.instances"
        ))
    };
    lease("1 hour");
    store.checkpoint().unwrap();
    assert_eq!((store.stats().checkpoints, count(server, &schema, "images")), (0, 0), "another store writes it");
    lease("-1 second");
    store.checkpoint().unwrap();
    assert_eq!((store.stats().checkpoints, count(server, &schema, "log")), (1, 0));
}

#[test]
fn a_damaged_checkpoint_is_found_when_it_is_loaded() {
    let Some(server) = shared() else { return };
    for (damage, said) in [
        ("UPDATE SCHEMA.images SET payload = set_byte(payload, 12, 255) WHERE id = ''", "checksum"),
        ("DELETE FROM SCHEMA.images WHERE id = ''", "header"),
        ("DELETE FROM SCHEMA.images WHERE id <> ''", "missing"),
        ("DELETE FROM SCHEMA.images", "missing"),
        ("UPDATE SCHEMA.instances SET image_chain = 5", "follow"),
        ("UPDATE SCHEMA.images SET id = id || 'x' WHERE id <> ''", "checksum"),
    ] {
        let schema = new_schema();
        let store = connect(server, &schema);
        let index = store.instance("shop").unwrap();
        fill(&index, 5);
        store.checkpoint().unwrap();
        index.link("1", "late").unwrap();
        drop((index, store));
        server.sql(&damage.replace("SCHEMA", &schema));
        let error = connect(server, &schema).existing("shop").unwrap_err();
        assert!(matches!(&error, Error::Damaged { what, .. } if what.contains(said)), "{damage}: {error}");
    }
}

/// The database was restored to an earlier state: no store continues from commits that are lost.
#[test]
fn a_log_that_lost_commits_is_read_anew() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let store = connect(server, &schema);
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    let earlier = server.sql(&format!("SELECT head || ', chain = ' || chain FROM {schema}.instances"));
    index.link("1", "ana@c.us").unwrap();
    index.link("1", "eva@c.us").unwrap();
    let mut feed = index.subscribe();
    let lost = feed.position();
    let ticket = index.begin_refresh().unwrap();
    server.sql(&format!("UPDATE {schema}.instances SET head = {earlier}; DELETE FROM {schema}.log WHERE head > 1"));
    assert!(index.link("1", "bob@c.us").unwrap(), "on what is there");
    assert!(!index.contains("1", "ana@c.us"), "the server lost it");
    assert_eq!(index.revision(), 2);
    assert!(matches!(feed.recv(), Delivery::Missed { after: 3 }));
    feed.resume_after(index.revision());
    assert!(matches!(index.subscribe_from(lost).unwrap().recv(), Delivery::Missed { .. }));
    let refused = ticket.commit(FullState::new()).unwrap_err();
    assert_eq!(refused.cause, Error::TicketCancelled);
    index.link("1", "eva@c.us").unwrap();
    assert!(matches!(feed.recv(), Delivery::Commit(commit) if commit.revision == 3));
    assert_eq!(Image::from(&connect(server, &schema).existing("shop").unwrap()), Image::from(&index));
}
