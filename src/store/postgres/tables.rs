//! The tables of a connected store, and every statement about them.

use std::time::Duration;

use crate::model::error::{Error, Result};
use crate::store::postgres::connect_options::lock_time;

/// The version of the tables that this version of the crate creates and accepts.
pub(super) const FORMAT: i64 = 1;

/// A page of the log ends with the record that reaches this number of changes.
pub(super) const PAGE: usize = 4_096;

/// The most records of an instance that are read with its head.
const RECORDS: usize = 64;

/// The statements, with the name of the schema in them.
#[derive(Debug)]
pub(super) struct Tables {
    /// The channel of notifications.
    pub(super) channel: String,
    pub(super) create: String,
    pub(super) format: String,
    pub(super) look_at_all: String,
    pub(super) add_instance: String,
    pub(super) find_instance: String,
    pub(super) names: String,
    pub(super) remove_instance: String,
    pub(super) remove_lease: String,
    pub(super) remove_image: String,
    pub(super) remove_log: String,
    pub(super) heads: String,
    pub(super) news: String,
    pub(super) lock: String,
    pub(super) log: String,
    pub(super) log_page: String,
    pub(super) image: String,
    pub(super) write: String,
    pub(super) take_lease: String,
    pub(super) put_rows: String,
    pub(super) install_image: String,
    pub(super) drop_image: String,
    pub(super) trim_images: String,
    pub(super) trim_log: String,
    pub(super) drop_lease: String,
    pub(super) begin_import: String,
    pub(super) drop_unfinished: String,
    pub(super) add_imported: String,
}

impl Tables {
    /// # Errors
    ///
    /// [`Error::InvalidStoreUrl`] for a name that has to be quoted, or is longer than PostgreSQL keeps.
    pub(super) fn in_schema(schema: &str, lease: Duration, patience: Duration) -> Result<Self> {
        let starts = schema.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_');
        let plain = schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !starts || !plain || schema.len() > 48 || schema.starts_with("pg_") {
            let what = "the name of a schema has 1-48 of a-z, 0-9 and _, begins with no digit and not with pg_";
            return Err(Error::InvalidStoreUrl { value: Error::excerpt(schema), what: what.to_owned() });
        }
        // In quotes, since the name may be a word of SQL.
        let s = format!("\"{schema}\"");
        let lock_time = lock_time(patience).as_millis();
        let expiry = format!("now() + interval '{} milliseconds'", lease.as_millis());
        // The lease of the caller, locked so that no other store takes it before the statement ends.
        let held = format!(
            "held AS (
                    SELECT instance FROM {s}.leases WHERE instance = $1 AND holder = $2 AND expires > now() FOR UPDATE
                )"
        );
        Ok(Self {
            channel: format!("{schema}_commits"),
            create: format!(
                "CREATE SCHEMA IF NOT EXISTS {s};
                CREATE TABLE IF NOT EXISTS {s}.format (version int8 PRIMARY KEY);
                CREATE TABLE IF NOT EXISTS {s}.instances (
                    instance int8 PRIMARY KEY,
                    name text NOT NULL UNIQUE,
                    identity int8 NOT NULL,
                    head int8 NOT NULL,
                    chain int8 NOT NULL,
                    image int8 NOT NULL,
                    image_head int8 NOT NULL,
                    image_chain int8 NOT NULL
                );
                CREATE TABLE IF NOT EXISTS {s}.log (
                    instance int8 NOT NULL,
                    head int8 NOT NULL,
                    group_id int8 NOT NULL,
                    chain int8 NOT NULL,
                    changes int8 NOT NULL,
                    written int8 NOT NULL,
                    commits bytea NOT NULL,
                    PRIMARY KEY (instance, head)
                );
                CREATE TABLE IF NOT EXISTS {s}.images (
                    instance int8 NOT NULL,
                    image int8 NOT NULL,
                    id bytea NOT NULL,
                    payload bytea NOT NULL,
                    PRIMARY KEY (instance, image, id)
                );
                CREATE TABLE IF NOT EXISTS {s}.leases (
                    instance int8 PRIMARY KEY,
                    holder int8 NOT NULL,
                    expires timestamptz NOT NULL
                );
                INSERT INTO {s}.format (version) VALUES ({FORMAT}) ON CONFLICT DO NOTHING;"
            ),
            format: format!("SELECT version FROM {s}.format"),
            look_at_all: format!(
                "SELECT i.instance, i.name, i.identity, i.head, i.chain, i.image, i.image_head, i.image_chain,
                    l.head, l.group_id, l.chain, l.changes, l.written, l.commits,
                    m.image, m.id, m.payload, h.holder, h.expires
                FROM {s}.instances i JOIN {s}.log l ON l.instance = i.instance
                JOIN {s}.images m ON m.instance = i.instance JOIN {s}.leases h ON h.instance = i.instance LIMIT 0"
            ),
            add_instance: format!(
                "INSERT INTO {s}.instances (instance, name, identity, head, chain, image, image_head, image_chain)
                VALUES ($1, $2, $3, 0, 0, 0, 0, 0) ON CONFLICT (name) DO NOTHING"
            ),
            find_instance: format!(
                "SELECT instance, identity, head, chain, image, image_head, image_chain FROM {s}.instances WHERE name = $1"
            ),
            names: format!("SELECT name FROM {s}.instances"),
            remove_instance: format!("DELETE FROM {s}.instances WHERE instance = $1"),
            remove_lease: format!("DELETE FROM {s}.leases WHERE instance = $1"),
            remove_image: format!("DELETE FROM {s}.images WHERE instance = $1"),
            remove_log: format!("DELETE FROM {s}.log WHERE instance = $1"),
            heads: format!("SELECT instance, head, chain, image_head FROM {s}.instances WHERE instance = ANY($1)"),
            // The records up to a number of changes: further ones are read page by page. It is prepared as `write` is, with the
            // parameters behind `SELECT`s for the same reason.
            news: format!(
                "SELECT i.instance, i.head, i.chain, i.image_head, l.head, l.group_id, l.chain, l.commits, l.changes, l.written
                FROM unnest((SELECT $1::int8[]), (SELECT $2::int8[])) AS known (instance, head)
                JOIN {s}.instances i ON i.instance = known.instance
                LEFT JOIN LATERAL (
                    SELECT * FROM (
                        SELECT *, sum(changes) OVER (ORDER BY head) AS changes_until FROM (
                            SELECT * FROM {s}.log WHERE log.instance = known.instance AND log.head > known.head
                            ORDER BY head LIMIT {RECORDS}
                        ) AS next
                    ) AS counted WHERE changes_until <= (SELECT $3::int8)
                ) AS l ON true
                ORDER BY i.instance, l.head"
            ),
            lock: format!(
                "SELECT instance, head, chain, image_head FROM {s}.instances WHERE instance = ANY($1) FOR UPDATE"
            ),
            log: format!(
                "SELECT head, group_id, chain, commits, changes, written FROM {s}.log WHERE instance = $1 AND head > $2 ORDER BY head"
            ),
            // Limited in the server, since the client reads every answer to its end.
            log_page: format!(
                "SELECT head, group_id, chain, commits, changes, written FROM (
                    SELECT *, sum(changes) OVER (ORDER BY head) - changes AS changes_before FROM (
                        SELECT * FROM {s}.log WHERE instance = $1 AND head > $2 ORDER BY head LIMIT {PAGE}
                    ) AS next
                ) AS counted WHERE changes_before < {PAGE} ORDER BY head"
            ),
            image: format!("SELECT id, payload FROM {s}.images WHERE instance = $1 AND image = $2 ORDER BY id"),
            // One statement is one transaction. `held` locks rows in the order of their numbers, so that two stores never
            // deadlock, and only rows with the expected head. `limits` is evaluated before the first lock, and its setting ends
            // with the transaction. The parameters are behind `SELECT`s so that the planner never sees how many instances there
            // are: or else the server would plan a prepared statement anew for each group, for the sake of small ones.
            write: format!(
                "WITH limits AS (SELECT set_config('lock_timeout', '{lock_time}', true)), given AS (
                    SELECT * FROM unnest((SELECT $1::int8[]), (SELECT $2::int8[]), (SELECT $3::int8[]), (SELECT $4::int8[]),
                        (SELECT $5::int8[]), (SELECT $6::int8[]), (SELECT $7::int8[]), (SELECT $8::int8[]), (SELECT $9::bytea[]))
                    AS given (instance, head, chain, next_head, next_chain, group_id, changes, written, commits)
                ), held AS (
                    SELECT i.instance FROM {s}.instances i
                    JOIN given g ON g.instance = i.instance AND g.head = i.head AND g.chain = i.chain
                    CROSS JOIN limits
                    ORDER BY i.instance FOR UPDATE OF i
                ), moved AS (
                    UPDATE {s}.instances i SET head = g.next_head, chain = g.next_chain
                    FROM given g JOIN held h ON h.instance = g.instance
                    WHERE i.instance = g.instance AND i.head = g.head AND i.chain = g.chain
                    RETURNING i.instance
                )
                INSERT INTO {s}.log (instance, head, group_id, chain, changes, written, commits)
                SELECT g.instance, g.next_head, g.group_id, g.next_chain, g.changes, g.written, g.commits
                FROM given g JOIN moved m ON m.instance = g.instance
                RETURNING instance"
            ),
            // The holder may take it again, and anybody once it expired.
            take_lease: format!(
                "INSERT INTO {s}.leases AS h (instance, holder, expires)
                SELECT instance, $2, {expiry} FROM {s}.instances WHERE instance = $1
                ON CONFLICT (instance) DO UPDATE SET holder = excluded.holder, expires = excluded.expires
                WHERE h.expires < now() OR h.holder = excluded.holder
                RETURNING instance"
            ),
            put_rows: format!(
                "WITH held AS (
                    UPDATE {s}.leases SET expires = {expiry}
                    WHERE instance = $1 AND holder = $2 AND expires > now() RETURNING instance
                )
                INSERT INTO {s}.images (instance, image, id, payload)
                SELECT h.instance, $3, g.id, g.payload FROM held h, unnest($4::bytea[], $5::bytea[]) AS g (id, payload)
                RETURNING instance"
            ),
            // Only if the log still has the head that the checkpoint was made of.
            install_image: format!(
                "WITH {held}
                UPDATE {s}.instances i SET image = $3, image_head = $4, image_chain = $5 FROM held h
                WHERE i.instance = h.instance AND i.image_head < $4
                AND EXISTS (SELECT 1 FROM {s}.log l WHERE l.instance = i.instance AND l.head = $4 AND l.chain = $5)
                RETURNING i.instance"
            ),
            drop_image: format!(
                "DELETE FROM {s}.images m USING {s}.instances i
                WHERE m.instance = $1 AND m.image = $2 AND i.instance = m.instance AND i.image <> m.image"
            ),
            trim_images: format!(
                "WITH {held}
                DELETE FROM {s}.images m USING held h, {s}.instances i
                WHERE m.instance = h.instance AND i.instance = h.instance AND m.image <> i.image"
            ),
            // Keeps the newest records: up to a number of changes, and an age.
            trim_log: format!(
                "WITH {held}, counted AS (
                    SELECT head, written, sum(changes) OVER (ORDER BY head DESC) - changes AS newer
                    FROM {s}.log WHERE instance = $1
                )
                DELETE FROM {s}.log l USING held h, {s}.instances i
                WHERE l.instance = h.instance AND i.instance = h.instance AND l.head <= i.image_head
                AND l.head <= (SELECT max(head) FROM counted WHERE newer >= $3 OR written < $4)"
            ),
            // The instance does not exist yet.
            begin_import: format!(
                "INSERT INTO {s}.leases (instance, holder, expires) VALUES ($1, $2, {expiry})
                ON CONFLICT (instance) DO UPDATE SET expires = excluded.expires RETURNING instance"
            ),
            // Removes rows of imports that never finished.
            drop_unfinished: format!(
                "WITH ended AS (
                    DELETE FROM {s}.leases h WHERE h.expires < now()
                    AND NOT EXISTS (SELECT 1 FROM {s}.instances i WHERE i.instance = h.instance) RETURNING h.instance
                )
                DELETE FROM {s}.images m USING ended WHERE m.instance = ended.instance"
            ),
            add_imported: format!(
                "WITH {held}
                INSERT INTO {s}.instances (instance, name, identity, head, chain, image, image_head, image_chain)
                SELECT h.instance, $3, $4, $6, $7, $5, $6, $7 FROM held h
                ON CONFLICT (name) DO NOTHING RETURNING instance"
            ),
            drop_lease: format!("DELETE FROM {s}.leases WHERE instance = $1 AND holder = $2"),
        })
    }
}
