//! Errors of a server while stores use it: a full disk, too many connections, statements that take too long, missing
//! rights. Writes return the error, reads continue, and stores write again without help once the reason is gone.

use std::time::Duration;

use label_index::{Error, LabelIndex, Store};

use super::options;
use super::server::{Server, new_schema, shared};
use super::writers::until;
use crate::store::Image;

/// How long writes wait here.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// A role that may use the tables of a schema and nothing else.
fn role(server: &Server, name: &str, schema: &str, with: &str) -> String {
    drop(options(schema).connect(server.url()).unwrap());
    server.sql(&format!(
        "CREATE ROLE {name} LOGIN {with}; GRANT USAGE ON SCHEMA {schema} TO {name};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}"
    ));
    server.url().replace("app:", &format!("{name}:"))
}

fn connect(schema: &str, url: &str) -> Store {
    options(schema).patience(PATIENCE).connect(url).unwrap()
}

/// An instance with a label and a chat.
fn shop(store: &Store) -> LabelIndex {
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    index.link("1", "ana@c.us").unwrap();
    index
}

/// Requires [`Error::Unavailable`] with the message of the server.
#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, Error>, said: &str) {
    match answer {
        Err(Error::Unavailable { cause }) => assert!(cause.contains(said), "{cause:?} does not say {said:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let Some(server) = Server::with_small_disk(6) else { return };
    let schema = new_schema();
    let stores = [connect(&schema, &server.url()), connect(&schema, &server.url())];
    let here = shop(&stores[0]);
    let there = stores[1].existing("shop").unwrap();
    server.sql(&format!("CREATE TABLESPACE small LOCATION '{}'", server.small_disk().display()));
    server.sql(&format!(
        "ALTER TABLE {schema}.log SET TABLESPACE small; ALTER TABLE {schema}.images SET TABLESPACE small"
    ));
    server.sql("CREATE TABLE ballast (number int) WITH (autovacuum_enabled = off) TABLESPACE small");
    let full = server.try_sql("INSERT INTO ballast SELECT generate_series(1, 10000000)").unwrap_err();
    assert!(full.contains("No space left"), "{full}");
    // The last page of the table still has room for some rows.
    let links = (0..).map(|chat| (chat, here.link("1", format!("chat {chat}"))));
    let mut refused = links.skip_while(|(_, linked)| linked.is_ok());
    let (written, error) = refused.next().unwrap();
    assert_unavailable(error, "No space left");
    assert_unavailable(there.link("1", "bob@c.us"), "No space left");
    assert_unavailable(stores[1].checkpoint(), "No space left");
    assert!([&here, &there].iter().all(|index| index.contains("1", "ana@c.us")), "reads go on");
    let error = stores[1].instance("another").map(drop);
    assert_eq!(error, Ok(()), "instances are in another table");
    server.sql("DROP TABLE ballast");
    assert!(here.link("1", format!("chat {written}")).unwrap(), "it was not written before");
    assert!(there.link("1", "bob@c.us").unwrap());
    stores[1].checkpoint().unwrap();
    here.catch_up().unwrap();
    assert_eq!(here.total_chats(), written + 3);
    assert_eq!(here.revision(), written + 4, "nothing twice");
    let anew = connect(&schema, &server.url());
    let anew = Image::from(&anew.existing("shop").unwrap());
    assert!([&here, &there].iter().all(|index| Image::from(*index) == anew));
}

#[test]
fn too_many_connections_are_waited_for() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let url = role(server, "limited", &schema, "CONNECTION LIMIT 2");
    let limit = |limit: u32| server.sql(&format!("ALTER ROLE limited CONNECTION LIMIT {limit}"));
    let store = connect(&schema, &url);
    let index = shop(&store);
    let another = options(&schema).patience(PATIENCE).connect(&url);
    assert_unavailable(another.map(drop), "too many connections");
    // A checkpoint takes a connection of its own.
    assert_unavailable(store.checkpoint(), "too many connections");
    assert!(index.link("1", "bob@c.us").unwrap(), "the others go on");
    limit(0);
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'limited'");
    assert_unavailable(index.link("1", "eva@c.us"), "too many connections");
    assert_unavailable(index.catch_up(), "too many connections");
    assert_unavailable(store.instance("another").map(drop), "too many connections");
    assert!(index.contains("1", "bob@c.us"), "reads go on");
    limit(6);
    assert!(index.link("1", "eva@c.us").unwrap());
    store.checkpoint().unwrap();
    assert_eq!(index.revision(), 4);
    assert_eq!(Image::from(&connect(&schema, &url).existing("shop").unwrap()), Image::from(&index));
}

#[test]
fn a_statement_that_takes_too_long_is_tried_again() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let url = role(server, "hasty", &schema, "");
    server.sql("ALTER ROLE hasty SET statement_timeout = '50ms'");
    let store = connect(&schema, &url);
    let index = shop(&store);
    let beside = store.instance("beside").unwrap();
    let row = format!("SELECT 1 FROM {schema}.instances WHERE name = 'shop' FOR UPDATE");
    let locked = server.lock(&row);
    assert_unavailable(index.link("1", "bob@c.us"), "statement timeout");
    assert!(index.contains("1", "ana@c.us"), "reads go on");
    index.catch_up().unwrap();
    assert!(beside.upsert_label("1", "VIP").unwrap().changed(), "other instances are written");
    drop(locked);
    assert!(index.link("1", "bob@c.us").unwrap(), "it was not written before");
    assert_eq!(index.revision(), 3);
    // Another client that locks the row for less than the patience is waited for.
    let locked = server.lock(&row);
    std::thread::scope(|scope| {
        let linking = scope.spawn(|| index.link("1", "eva@c.us"));
        std::thread::sleep(PATIENCE / 4);
        drop(locked);
        assert!(linking.join().unwrap().unwrap());
    });
}

/// An error of the server for one instance delays no other instance: neither its writes nor the commits of other
/// stores.
#[test]
fn an_instance_that_is_refused_holds_up_no_other() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let [one, other] =
        [0, 1].map(|_| options(&schema).patience(Duration::from_secs(20)).connect(server.url()).unwrap());
    let index = shop(&one);
    let [here, there] = [&one, &other].map(|store| store.instance("beside").unwrap());
    there.upsert_label("1", "VIP").unwrap();
    let locked = server.lock(&format!("SELECT 1 FROM {schema}.instances WHERE name = 'shop' FOR UPDATE"));
    std::thread::scope(|scope| {
        let linking = scope.spawn(|| index.link("1", "bob@c.us"));
        let began = std::time::Instant::now();
        for chat in 0..3 {
            assert!(there.link("1", format!("there {chat}")).unwrap());
            assert!(here.link("1", format!("here {chat}")).unwrap());
            here.catch_up().unwrap();
            assert!(here.contains("1", format!("there {chat}")));
        }
        assert!(began.elapsed() < Duration::from_secs(15), "it waited for the other one");
        assert!(!linking.is_finished() && !index.contains("1", "bob@c.us"));
        drop(locked);
        assert!(linking.join().unwrap().unwrap());
    });
}

#[test]
fn a_right_that_is_revoked_is_named_and_reads_go_on() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let url = role(server, "writer", &schema, "");
    let store = connect(&schema, &url);
    let index = shop(&store);
    for (number, right) in [
        format!("INSERT ON {schema}.log"),
        format!("UPDATE ON {schema}.instances"),
        format!("SELECT ON {schema}.instances"),
        format!("USAGE ON SCHEMA {schema}"),
    ]
    .iter()
    .enumerate()
    {
        server.sql(&format!("REVOKE {right} FROM writer"));
        assert_unavailable(index.link("1", format!("chat {number}")), "permission denied");
        assert!(index.contains("1", "ana@c.us"), "reads go on without {right}");
        server.sql(&format!("GRANT {right} TO writer"));
        assert!(index.link("1", format!("chat {number}")).unwrap(), "it was not written before");
    }
    server.sql(&format!("REVOKE INSERT ON ALL TABLES IN SCHEMA {schema} FROM writer"));
    assert_unavailable(store.checkpoint(), "permission denied");
    server.sql(&format!("GRANT INSERT ON ALL TABLES IN SCHEMA {schema} TO writer"));
    until("it writes no checkpoint", || store.checkpoint().is_ok());
    assert_eq!(index.total_chats(), 5);
}
