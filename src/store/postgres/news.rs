//! Asking whether other processes wrote to instances.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::collections::number::to_u64;
use crate::model::change::Revision;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::loaded::Loaded;
use crate::store::postgres::log::record_of;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::{Endpoint, Parameter, Session, column, int8};
use crate::store::postgres::tables::PAGE;

/// The most instances that are asked for together with the records that follow.
pub(super) const INSTANCES: usize = 64;

/// The first column of a record in the answer to [`Session::news`].
const RECORD: usize = 4;

/// An instance as the database has it.
pub(super) struct Found {
    pub(super) head: Head,
    /// The revision of its checkpoint.
    pub(super) image: Revision,
    /// The first records after the head that was known, perhaps none. The caller checks whether each
    /// [continues](Record::is_next) the one before.
    pub(super) records: Vec<Record>,
}

/// Those instances that the database has.
pub(super) type Heads = BTreeMap<u64, Found>;

/// The heads of instances.
pub(super) async fn read_heads(session: &Session, sql: &str, instances: &[u64]) -> Result<Heads, Fault> {
    let numbers: Vec<i64> = instances.iter().map(|number| number.cast_signed()).collect();
    let rows = session.query(sql, &[(&numbers, Type::INT8_ARRAY)]).await?;
    rows.iter().map(|row| Ok((int8(row, 0)?, found(row)?))).collect()
}

/// The heads of instances, and the records after the known ones as far as they are short: in all some [`PAGE`] changes.
///
/// An instance that is missing in the answer may be in the database: see [`Session::news`].
pub(super) async fn read(
    session: &Session,
    endpoint: &Endpoint,
    instances: impl Iterator<Item = Arc<Loaded>>,
) -> Result<Heads, Fault> {
    let known: BTreeMap<u64, Head> = instances.map(|loaded| (loaded.number, *loaded.head.lock())).collect();
    let numbers: Vec<i64> = known.keys().map(|number| number.cast_signed()).collect();
    let revisions: Vec<i64> = known.values().map(|head| head.revision.cast_signed()).collect();
    let changes = to_u64(PAGE / known.len().max(1)).cast_signed();
    let parameters: [Parameter<'_>; 3] =
        [(&numbers, Type::INT8_ARRAY), (&revisions, Type::INT8_ARRAY), (&changes, Type::INT8)];
    let mut heads = Heads::new();
    for row in session.news(endpoint, &parameters).await? {
        let number = int8(&row, 0)?;
        let Some(&asked) = known.get(&number) else { continue };
        let found = match heads.entry(number) {
            Entry::Vacant(entry) => entry.insert(found(&row)?),
            Entry::Occupied(entry) => entry.into_mut(),
        };
        // An instance without a record has one row, with no columns of a record.
        if column::<Option<i64>>(&row, RECORD)?.is_some() {
            let behind = found.records.last().map_or(asked, |record| record.head);
            found.records.push(record_of(&row, RECORD, behind)?);
        }
    }
    Ok(heads)
}

/// The columns of an instance.
fn found(row: &Row) -> Result<Found, Fault> {
    let head = Head { revision: int8(row, 1)?, chain: int8(row, 2)? };
    Ok(Found { head, image: int8(row, 3)?, records: Vec::new() })
}
