//! The tables of a connected store, and every statement about them.

use crate::model::error::{Error, Result};

/// The version of the tables that this version of the crate makes and takes.
pub(super) const FORMAT: i64 = 1;

/// The statements, with the name of the schema in them.
#[derive(Debug)]
pub(super) struct Tables {
    /// The name under which sessions listen.
    pub(super) channel: String,
    pub(super) create: String,
    pub(super) format: String,
    pub(super) look_at_all: String,
    pub(super) add_instance: String,
    pub(super) find_instance: String,
    pub(super) names: String,
    pub(super) remove_instance: String,
    pub(super) remove_log: String,
    pub(super) heads: String,
    pub(super) log: String,
    pub(super) write: String,
}

impl Tables {
    /// # Errors
    ///
    /// [`Error::InvalidStoreUrl`] for a name that has to be quoted, or is longer than PostgreSQL keeps.
    pub(super) fn in_schema(schema: &str) -> Result<Self> {
        let starts = schema.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_');
        let plain = schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !starts || !plain || schema.len() > 48 || schema.starts_with("pg_") {
            let what = "the name of a schema has 1-48 of a-z, 0-9 and _, begins with no digit and not with pg_";
            return Err(Error::InvalidStoreUrl { value: Error::excerpt(schema), what: what.to_owned() });
        }
        let s = schema;
        Ok(Self {
            channel: format!("{s}_commits"),
            create: format!(
                "CREATE SCHEMA IF NOT EXISTS {s};
                CREATE TABLE IF NOT EXISTS {s}.format (version int8 PRIMARY KEY);
                CREATE TABLE IF NOT EXISTS {s}.instances (
                    instance int8 PRIMARY KEY,
                    name text NOT NULL UNIQUE,
                    identity int8 NOT NULL,
                    head int8 NOT NULL,
                    chain int8 NOT NULL
                );
                CREATE TABLE IF NOT EXISTS {s}.log (
                    instance int8 NOT NULL,
                    head int8 NOT NULL,
                    group_id int8 NOT NULL,
                    chain int8 NOT NULL,
                    commits bytea NOT NULL,
                    PRIMARY KEY (instance, head)
                );
                INSERT INTO {s}.format (version) VALUES ({FORMAT}) ON CONFLICT DO NOTHING;"
            ),
            format: format!("SELECT version FROM {s}.format"),
            look_at_all: format!(
                "SELECT i.instance, i.name, i.identity, i.head, i.chain, l.head, l.group_id, l.chain, l.commits
                FROM {s}.instances i JOIN {s}.log l ON l.instance = i.instance LIMIT 0"
            ),
            add_instance: format!(
                "INSERT INTO {s}.instances (instance, name, identity, head, chain) VALUES ($1, $2, $3, 0, 0)
                ON CONFLICT (name) DO NOTHING"
            ),
            find_instance: format!("SELECT instance, identity, head FROM {s}.instances WHERE name = $1"),
            names: format!("SELECT name FROM {s}.instances"),
            remove_instance: format!("DELETE FROM {s}.instances WHERE instance = $1"),
            remove_log: format!("DELETE FROM {s}.log WHERE instance = $1"),
            heads: format!("SELECT instance, head, chain FROM {s}.instances WHERE instance = ANY($1)"),
            log: format!(
                "SELECT head, group_id, chain, commits FROM {s}.log WHERE instance = $1 AND head > $2 ORDER BY head"
            ),
            // One statement is one transaction. `held` locks the rows in order, so that two stores never wait for each
            // other in a circle; only rows that are still as expected are locked, moved and given a record.
            write: format!(
                "WITH given AS (
                    SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::bytea[])
                    AS given (instance, head, chain, next_head, next_chain, group_id, commits)
                ), held AS (
                    SELECT i.instance FROM {s}.instances i
                    JOIN given g ON g.instance = i.instance AND g.head = i.head AND g.chain = i.chain
                    ORDER BY i.instance FOR UPDATE OF i
                ), moved AS (
                    UPDATE {s}.instances i SET head = g.next_head, chain = g.next_chain
                    FROM given g JOIN held h ON h.instance = g.instance
                    WHERE i.instance = g.instance AND i.head = g.head AND i.chain = g.chain
                    RETURNING i.instance
                )
                INSERT INTO {s}.log (instance, head, group_id, chain, commits)
                SELECT g.instance, g.next_head, g.group_id, g.next_chain, g.commits
                FROM given g JOIN moved m ON m.instance = g.instance
                RETURNING instance"
            ),
        })
    }
}
