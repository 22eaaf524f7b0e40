//! Instances in the database: listing, creating, loading and removing them, and reading their old commits.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_postgres::types::Type;

use crate::codec::{Header, Loader, RecordFormat};
use crate::index::archive::Archived;
use crate::index::journal::Journal;
use crate::index::label_index::{LabelIndex, seed_or_random};
use crate::index::wakers::WakerCaller;
use crate::model::change::Revision;
use crate::model::error::{Error, Result};
use crate::model::options::Limits;
use crate::state::{State, Version};
use crate::store::postgres::archive::DatabaseArchive;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::Hub;
use crate::store::postgres::image::{HEADER, open_row};
use crate::store::postgres::instance::{Entry, FoundInstance, Image};
use crate::store::postgres::loaded::Loaded;
use crate::store::postgres::log::LogReader;
use crate::store::postgres::record::{Head, random_number};
use crate::store::postgres::session::{Session, column, int8};
use crate::store::postgres::worker::Worker;

/// The bound of planned changes. None is needed: the committer takes them in the same call.
const ROOM: usize = usize::MAX;

impl Worker {
    /// Checks the tables, and creates them if they are missing and `makes_tables`.
    pub(super) fn prepare(&mut self, makes_tables: bool) -> Result<()> {
        self.with_session(async |hub, session| session.prepare_tables(&hub.endpoint, makes_tables).await)
    }

    pub(super) fn names(&mut self) -> Result<Vec<String>> {
        let mut names = self.with_session(async |hub, session| {
            let rows = session.query(&hub.endpoint.tables.names, &[]).await?;
            rows.iter().map(|row| column(row, 0)).collect::<Result<Vec<String>, Fault>>()
        })?;
        names.sort_unstable();
        Ok(names)
    }

    /// The instance of a name. Loads it if needed, and creates it if `make`.
    pub(super) fn load(&mut self, name: &str, limits: Limits, make: bool) -> Result<LabelIndex> {
        if let Some(index) = self.hub.handle(name) {
            return Ok(index);
        }
        let found = self.with_session(async |hub, session| {
            if make {
                add(hub, session, name).await?;
            }
            read_instance(hub, session, name).await
        })?;
        Ok(self.open(name, limits, &found))
    }

    /// Reads an instance without loading it.
    pub(super) fn read(&mut self, name: &str) -> Result<Version> {
        self.with_session(async |hub, session| Ok(read_instance(hub, session, name).await?.version))
    }

    /// Makes the index of an instance and hands it to the committer.
    fn open(&self, name: &str, limits: Limits, found: &FoundInstance) -> LabelIndex {
        let Entry { number, identity, .. } = found.entry;
        let (version, hub) = (found.version.clone(), Arc::clone(&self.hub));
        let wakers = WakerCaller::Threads(Arc::clone(&hub.wakers));
        let call = move |_| hub.dirty(number);
        let journal = Journal::new(&version, true, ROOM, wakers, call).of_remote();
        let name: Arc<str> = name.into();
        let (tasks, instance) = (self.tasks.clone(), Arc::clone(&name));
        let read = move |after, up_to| {
            let instance = Arc::clone(&instance);
            tasks.ask(move |worker| worker.page((&instance, number, identity), after, up_to))
        };
        let archive = DatabaseArchive { name: Arc::clone(&name), read };
        let index = LabelIndex::with(version, limits, 0, Some(journal), Some(Arc::new(archive)));
        self.hub.insert(&Arc::new(Loaded::new(name, found, index.clone())));
        // A notification that arrived since the instance was read did not count for it: the committer polls once.
        self.hub.heard(Some(vec![number]));
        index
    }

    /// Removes an instance.
    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        let tried = std::cell::Cell::new(false);
        self.with_session(async |hub, session| {
            let Some(Entry { number, .. }) = find(hub, session, name).await? else {
                // If an answer was lost, this call may have removed it.
                let removed = tried.get();
                return if removed { Ok(()) } else { Err(unknown(name)) };
            };
            tried.set(true);
            let (tables, number) = (&hub.endpoint.tables, number.cast_signed());
            // The row that writers need goes first, then the lease that checkpoints need, so no other store writes rows
            // afterwards. If the connection is lost in between, the rest is unreachable: no instance gets the same
            // number again.
            for sql in [&tables.remove_instance, &tables.remove_lease, &tables.remove_image, &tables.remove_log] {
                session.query(sql, &[(&number as _, Type::INT8)]).await?;
            }
            Ok(())
        })?;
        self.hub.removed(name);
        Ok(())
    }

    /// The commits of an instance after a revision.
    fn page(
        &mut self,
        (name, number, identity): (&str, u64, u64),
        after: Revision,
        up_to: Revision,
    ) -> Result<Archived> {
        self.with_session(async |hub, session| {
            let mut log = LogReader::page(session, &hub.endpoint, number, Head { revision: after, chain: 0 }).await?;
            let mut page = VecDeque::new();
            while let Some(record) = log.next().await? {
                let commits = record.decode(number, identity).map_err(|damage| Fault::damage(name, damage))?;
                page.extend(commits.into_iter().filter(|commit| commit.revision > after && commit.revision <= up_to));
            }
            match page.front() {
                Some(first) if first.revision == after + 1 => Ok(Archived::Page(page)),
                Some(_) => Ok(Archived::Gone),
                // The log is trimmed to its end, or the instance is removed.
                None if find(hub, session, name).await?.is_some_and(|entry| entry.number == number) => {
                    Ok(Archived::Gone)
                }
                None => Ok(Archived::Closed),
            }
        })
    }
}

fn unknown(name: &str) -> Fault {
    Fault::Final(Error::UnknownInstance { name: name.to_owned() })
}

/// Creates an instance unless the name is taken.
async fn add(hub: &Hub, session: &Session, name: &str) -> Result<(), Fault> {
    let (number, identity) = (random_number().cast_signed(), random_number().cast_signed());
    let parameters = [(&number as _, Type::INT8), (&name as _, Type::TEXT), (&identity as _, Type::INT8)];
    session.query(&hub.endpoint.tables.add_instance, &parameters).await.map(drop)
}

pub(super) async fn find(hub: &Hub, session: &Session, name: &str) -> Result<Option<Entry>, Fault> {
    let rows = session.query(&hub.endpoint.tables.find_instance, &[(&name as _, Type::TEXT)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let image = Image { number: int8(row, 4)?, head: Head { revision: int8(row, 5)?, chain: int8(row, 6)? } };
    let head = Head { revision: int8(row, 2)?, chain: int8(row, 3)? };
    Ok(Some(Entry { number: int8(row, 0)?, identity: int8(row, 1)?, head, image }))
}

/// Reads an instance in one snapshot and checks all of it.
///
/// # Errors
///
/// [`Error::UnknownInstance`] if there is none.
pub(super) async fn read_instance(hub: &Hub, session: &Session, name: &str) -> Result<FoundInstance, Fault> {
    session
        .in_snapshot(async || {
            let row = find(hub, session, name).await?.ok_or_else(|| unknown(name))?;
            let damaged = |damage| Fault::damage(name, damage);
            let (mut state, image_bytes) = read_image(hub, session, name, row).await?;
            let (mut head, mut log_bytes) = (row.image.head, 0);
            let mut log = LogReader::after(session, &hub.endpoint, row.number, head).await?;
            while let Some(record) = log.next().await? {
                if !record.is_next() {
                    return Err(Fault::damage(name, "a record does not follow the one before it"));
                }
                log_bytes += record.bytes();
                for commit in record.decode(row.number, row.identity).map_err(damaged)? {
                    state.replay(&commit, RecordFormat::Two).map_err(damaged)?;
                }
                head = record.head;
            }
            if state.revision != head.revision || head != row.head {
                let what = format!("the log ends at {} instead of {}", state.revision, row.head.revision);
                return Err(Fault::damage(name, what));
            }
            Ok(FoundInstance { entry: row, version: Version::new(state), log_bytes, image_bytes })
        })
        .await
}

/// The state of the checkpoint, or that of a new instance, and the bytes that were read.
async fn read_image(hub: &Hub, session: &Session, name: &str, row: Entry) -> Result<(State, u64), Fault> {
    let Entry { number, identity, image, .. } = row;
    let seed = seed_or_random(None);
    if image.number == 0 {
        return Ok((State::new(identity, seed), 0));
    }
    let damaged = |damage| Fault::damage(name, damage);
    let mut rows = session.stream(&hub.endpoint.tables.image, &[number, image.number]).await?;
    let (mut loader, mut bytes) = (None, 0);
    while let Some(row) = rows.next().await? {
        let (id, sealed): (Vec<u8>, Vec<u8>) = (column(&row, 0)?, column(&row, 1)?);
        let payload = open_row((number, image.number), &id, &sealed).map_err(damaged)?;
        bytes += u64::try_from(sealed.len()).unwrap_or(u64::MAX);
        match &mut loader {
            None if id == HEADER => {
                let header = Header::decode(payload).map_err(damaged)?;
                if header.identity != identity || header.revision != image.head.revision {
                    return Err(Fault::damage(name, "the checkpoint is that of another state"));
                }
                loader = Some((header.rows(), Loader::new(header, seed)));
            }
            None => return Err(Fault::damage(name, "the header of the checkpoint is missing")),
            Some((ids, loader)) => {
                let expected = ids.next().filter(|expected| expected.encode()[..] == id[..]);
                let expected = expected.ok_or_else(|| Fault::damage(name, format!("{id:?} is not the next row")))?;
                loader.feed(expected, payload).map_err(damaged)?;
            }
        }
    }
    let (_, loader) = loader.ok_or_else(|| Fault::damage(name, "the checkpoint is missing"))?;
    Ok((loader.finish().map_err(damaged)?, bytes))
}
