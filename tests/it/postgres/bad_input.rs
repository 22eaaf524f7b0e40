//! Databases to which a store cannot connect, and calls that a connected store does not support.

use std::time::Duration;

use label_index::{Durability, Error, Store, StoreOptions};

use super::server::{new_schema, shared};
use super::{connect, options};

/// The error of connecting. Requires that the password is not in it.
fn refused(options: StoreOptions, url: &str) -> Error {
    let error = options.patience(Duration::from_millis(300)).connect(url).map(drop).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("s3cret"), "{text}");
    error
}

#[test]
fn a_database_that_cannot_be_reached_or_used_is_named_without_the_password() {
    let Some(server) = shared() else { return };
    let url = server.url();
    let unreachable = refused(StoreOptions::new(), "postgres://app:s3cret@127.0.0.1:1/postgres?sslmode=disable");
    assert_eq!(unreachable.code(), "unavailable");
    let no_database = refused(StoreOptions::new(), &url.replace("/postgres?", "/none?"));
    assert!(matches!(&no_database, Error::DatabaseRefused { what } if what.contains("none")), "{no_database}");
    let without_tls = refused(StoreOptions::new(), &url.replace("sslmode=disable", "sslmode=require"));
    assert_eq!(without_tls.code(), "unavailable");
    for schema in ["", "Labels", "1st", "a b", "a\"; DROP TABLE x", "pg_labels", &"a".repeat(49)] {
        let error = refused(StoreOptions::new().schema(schema), &url);
        assert_eq!(error.code(), "invalid_store_url", "{schema:?}");
    }
    assert_eq!(Store::connect("redis://app@db/1").map(drop).unwrap_err().code(), "invalid_store_url");
    let within = StoreOptions::new().durability(Durability::Within(Duration::ZERO));
    assert_eq!(refused(within, &url).code(), "unsupported");
}

#[test]
fn a_server_that_can_lose_what_it_acknowledged_is_refused_unless_an_option_says_so() {
    let Some(server) = shared() else { return };
    server.sql("CREATE ROLE careless LOGIN SUPERUSER; ALTER ROLE careless SET synchronous_commit = off");
    let (url, schema) = (server.url().replace("app:", "careless:"), new_schema());
    let error = refused(options(&schema), &url);
    assert!(matches!(&error, Error::DatabaseRefused { what } if what.contains("synchronous_commit")), "{error}");
    options(&schema).accept_loss(true).connect(&url).unwrap().instance("shop").unwrap();
}

#[test]
fn a_role_without_rights_is_refused() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    drop(connect(server, &schema));
    server.sql("CREATE ROLE guest LOGIN");
    let error = refused(options(&schema), &server.url().replace("app:", "guest:"));
    assert!(matches!(&error, Error::DatabaseRefused { what } if what.contains("permission denied")), "{error}");
}

#[test]
fn other_tables_and_those_of_a_newer_version_are_refused() {
    let Some(server) = shared() else { return };
    let (newer, other, damaged) = (new_schema(), new_schema(), new_schema());
    drop(connect(server, &newer));
    server.sql(&format!("UPDATE {newer}.format SET version = 2"));
    let error = refused(options(&newer), &server.url());
    assert!(matches!(&error, Error::DatabaseRefused { what } if what.contains("format 2")), "{error}");
    server.sql(&format!("CREATE SCHEMA {other}; CREATE TABLE {other}.format (name text)"));
    let error = refused(options(&other), &server.url());
    assert!(matches!(&error, Error::DatabaseRefused { what } if what.contains("other tables")), "{error}");
    drop(connect(server, &damaged));
    server.sql(&format!("ALTER TABLE {damaged}.log DROP COLUMN chain"));
    let error = refused(options(&damaged), &server.url());
    assert!(matches!(&error, Error::DatabaseRefused { what } if what.contains("other tables")), "{error}");
}

#[test]
fn invalid_names_and_unsupported_calls_are_refused() {
    let Some(server) = shared() else { return };
    let store = connect(server, &new_schema());
    assert_eq!(store.instance("").unwrap_err(), Error::InstanceNameRequired);
    assert!(matches!(store.existing("a\nb"), Err(Error::InvalidInstanceName { .. })));
    assert!(matches!(store.existing("none"), Err(Error::UnknownInstance { .. })));
    assert!(matches!(store.remove_instance("none"), Err(Error::UnknownInstance { .. })));
    assert!(store.instances().is_empty());
    let shown = format!("{store:?}");
    assert!(shown.contains("127.0.0.1") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_damaged_record_is_found_when_it_is_loaded_and_when_it_is_followed() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let (one, other) = (connect(server, &schema), connect(server, &schema));
    let (here, there) = (one.instance("shop").unwrap(), other.instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    there.catch_up().unwrap();
    // The record has to be damaged before any store reads it, and the other store polls by itself.
    drop(other);
    here.link("1", "ana@c.us").unwrap();
    server.sql(&format!("UPDATE {schema}.log SET commits = set_byte(commits, 12, 255) WHERE head = 2"));
    let other = connect(server, &schema);
    assert!(matches!(other.existing("shop"), Err(Error::Damaged { .. })));
    assert!(here.contains("1", "ana@c.us"));
}
