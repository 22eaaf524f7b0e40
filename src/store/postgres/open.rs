//! Connecting to a database.

use std::time::Duration;

use crate::model::error::{Error, Result};
use crate::store::options::{Durability, StoreOptions};
use crate::store::postgres::ConnectedStore;
use crate::store::verify::Report;
use crate::store::{Home, Store};

/// # For a store in PostgreSQL
///
/// These do nothing for a store in a folder.
impl StoreOptions {
    /// The schema of the tables. Default `label_index`. Stores in two schemas of one database have nothing in common.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.connect.schema = name.into();
        self
    }

    /// How often the database is asked what other processes wrote. Default 250 ms. Where it can notify, most commits are
    /// here long before that.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.connect.poll_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// How long a write waits for a database that does not answer, before it gives [`Error::Unavailable`]. Default 10 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.connect.patience = patience.clamp(Duration::from_millis(10), Duration::from_secs(3_600));
        self
    }

    /// How long a store that writes a checkpoint may be silent before another store may replace it, by the clock of the
    /// server. Default 30 s, at least 1 s. Choose more than [`patience`](Self::patience), or slow checkpoints are begun twice.
    pub fn checkpoint_lease(mut self, lease: Duration) -> Self {
        self.connect.lease = lease.clamp(Duration::from_secs(1), Duration::from_secs(3_600));
        self
    }

    /// Whether a server is taken that can lose what it acknowledged, since `fsync`, `synchronous_commit` or
    /// `full_page_writes` is off. Default no.
    pub fn accept_loss(mut self, accept: bool) -> Self {
        self.connect.accepts_loss = accept;
        self
    }

    /// Connects to a store in a PostgreSQL database, and makes its tables where there are none.
    ///
    /// Loads no instance. The URL is `postgres://user:password@host:port/database`, with the parameters of libpq that the
    /// crate `tokio-postgres` takes; a certificate of the server is always checked, `sslmode=disable` goes without TLS.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidStoreUrl`] for a URL or a name of a schema that is none; [`Error::DatabaseRefused`] if the server
    /// can lose what it acknowledged, refuses the user, or has other tables or those of a newer version;
    /// [`Error::Unavailable`] if it cannot be reached; [`Error::Unsupported`] for
    /// [`Durability::Within`]. Nothing has changed then. The password is in none of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, StoreOptions};
    ///
    /// let refused = StoreOptions::new().connect("postgres://app:secret@db/").unwrap_err();
    /// assert_eq!(refused.code(), "invalid_store_url");
    /// assert!(!refused.to_string().contains("secret"));
    /// ```
    pub fn connect(self, url: impl AsRef<str>) -> Result<Store> {
        self.connected(url.as_ref(), true).map(|store| Store::at(Home::Database(store)))
    }

    /// Connects to a store in a PostgreSQL database that has the tables of one, and makes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownStore`] if there are no tables; those of [`connect`](Self::connect).
    pub fn connect_existing(self, url: impl AsRef<str>) -> Result<Store> {
        self.connected(url.as_ref(), false).map(|store| Store::at(Home::Database(store)))
    }

    /// Reads every instance of a store in a PostgreSQL database, checks all of it, and changes nothing. Other processes may
    /// use it meanwhile.
    ///
    /// **O(n log n)** in everything there is, one instance in memory at a time.
    ///
    /// # Errors
    ///
    /// Those of [`connect_existing`](Self::connect_existing). What is wrong with an instance is in the report.
    pub fn verify_connected(self, url: impl AsRef<str>) -> Result<Report> {
        self.connected(url.as_ref(), false)?.verify()
    }

    fn connected(self, url: &str, makes_tables: bool) -> Result<ConnectedStore> {
        if self.durability != Durability::Synced {
            return Err(Error::Unsupported { what: "durability within a time".to_owned() });
        }
        ConnectedStore::connect(url, self, makes_tables)
    }
}

impl Store {
    /// Connects to a store in a PostgreSQL database, with the default [`StoreOptions`].
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::connect`].
    pub fn connect(url: impl AsRef<str>) -> Result<Self> {
        StoreOptions::new().connect(url)
    }
}
