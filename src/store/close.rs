//! Closing a store.

use crate::index::label_index::LabelIndex;
use crate::model::error::{Error, Result};
use crate::store::origin::Origin;
use crate::store::threads::join_all;
use crate::store::writer::{Loaded, locked};
use crate::store::{FolderStore, Home, Store};

/// The bytes of log that closing leaves to be replayed.
const LEFT_AT_CLOSE: u64 = 64 << 10;

impl Store {
    /// Closes the store, and says whether everything is on disk: what is queued is written, long logs end in checkpoints,
    /// and a file that became free for a good part is made shorter, unless the options say otherwise.
    ///
    /// When this returns, also with an error, the folder can be opened again. Handles, snapshots and subscribers go on
    /// reading; writes give [`Error::StoreClosed`], and so does a [`Loading`](crate::Loading) whose load has not begun;
    /// subscribers get [`Delivery::Closed`](crate::Delivery::Closed) behind what was delivered to them before.
    ///
    /// # Errors
    ///
    /// [`Error::StoreFailed`] if a write failed, now or before: it names the revision of each instance up to which
    /// everything is on disk. [`Error::Io`] or [`Error::Damaged`] if only the file could not be shortened: nothing is lost then.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, Store};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// let index = store.instance("shop")?;
    /// store.close()?;
    /// assert_eq!(index.create_label("VIP"), Err(Error::StoreClosed));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn close(self) -> Result<()> {
        let Self { loads, home } = self;
        // What is being loaded is not to come into a store that is closed.
        drop(loads);
        match home {
            Home::Folder(mut store) => store.shut_down(),
            // Writers that wait for a failed write get the error.
            #[cfg(feature = "postgres")]
            Home::Database(store) => {
                drop(store);
                Ok(())
            }
        }
    }
}

impl FolderStore {
    fn shut_down(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_closed, true) {
            return Ok(());
        }
        let shared = &self.shared;
        let each = |end: fn(&LabelIndex, Error)| {
            locked(&shared.disk, |disk| {
                disk.loaded.values().for_each(|loaded| end(&loaded.index, Error::StoreClosed));
            });
        };
        each(LabelIndex::close_journal);
        shared.signal.stop();
        join_all(self.threads.drain(..));
        let long = |loaded: &Loaded| loaded.position.log_bytes > LEFT_AT_CLOSE;
        let due: Vec<u64> = {
            let disk = shared.disk.lock();
            disk.loaded.iter().filter(|(_, loaded)| long(loaded)).map(|(&instance, _)| instance).collect()
        };
        // If a checkpoint fails, the logs still have everything.
        let written = shared.checkpoint(due);
        each(LabelIndex::end_journal);
        let database = shared.database.close();
        locked(&shared.disk, |disk| disk.loaded.values().for_each(|loaded| loaded.index.feed().close()));
        let compacted = match (database, &self.origin) {
            (Some(database), Origin::Folder(folder)) if shared.compact_at_close => {
                locked(&shared.disk, |disk| disk.compact(&database, folder.file_len()))
            }
            _ => Ok(()),
        };
        shared.wakers.close();
        written.and(compacted)
    }
}

impl Drop for FolderStore {
    fn drop(&mut self) {
        // `drop` cannot report an error.
        let _reported = self.shut_down();
    }
}
