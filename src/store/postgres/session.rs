//! One connection to the database.

use std::cell::OnceCell;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, NoTls, Row, RowStream, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::index::sync::{AtomicBool, Ordering};
use crate::model::error::Error;
use crate::store::postgres::address::{Address, whole_text};
use crate::store::postgres::connect_options::lock_time;
use crate::store::postgres::fault::{Fault, is_of_preparing, meaning_of};
use crate::store::postgres::hint::Hint;
use crate::store::postgres::record::random_number;
use crate::store::postgres::tables::{FORMAT, Tables};

/// The oldest version of a server that is accepted.
const OLDEST: i64 = 120_000;

/// Attempts to create tables that another session creates at the same time.
const ATTEMPTS: u32 = 8;

/// The pause of a thread between a failure and its next attempt.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A parameter of a statement.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Settings that all sessions of a store share.
pub(super) struct Endpoint {
    pub(super) address: Address,
    pub(super) tables: Tables,
    /// The longest wait for one answer of the server.
    pub(super) patience: Duration,
    /// Whether a server is accepted whose settings let it lose acknowledged commits.
    pub(super) accepts_loss: bool,
    /// Whether statements are prepared. False once a pooler turned out not to keep them.
    pub(super) prepares: AtomicBool,
}

/// One connection.
pub(super) struct Session {
    client: Arc<Client>,
    patience: Duration,
    /// The statement that writes, and the one that asks for commits of others, once they were prepared.
    write: OnceCell<Statement>,
    news: OnceCell<Statement>,
    /// The sender of this session's notifications, which it ignores itself.
    token: u64,
}

impl Session {
    /// Connects and checks the server's version and settings. Calls `heard` for each notification from another session,
    /// with the instances that it names. The caller is inside a tokio runtime, which drives the connection.
    pub(super) async fn open(
        endpoint: &Endpoint,
        heard: impl Fn(Option<Vec<u64>>) + Send + 'static,
    ) -> Result<Self, Fault> {
        let config = &endpoint.address.config;
        let session = if config.get_ssl_mode() == SslMode::Disable {
            Self::connect(endpoint, NoTls, heard).await?
        } else {
            Self::connect(endpoint, tls()?, heard).await?
        };
        session.check_server(endpoint.accepts_loss).await?;
        Ok(session)
    }

    async fn connect<T>(
        endpoint: &Endpoint,
        tls: T,
        heard: impl Fn(Option<Vec<u64>>) + Send + 'static,
    ) -> Result<Self, Fault>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let connecting = timeout(endpoint.patience, endpoint.address.config.connect(tls));
        let connected = connecting.await.map_err(|_| Fault::Lost("the server does not answer".to_owned()))?;
        let (client, mut connection) = connected.map_err(meaning_of)?;
        let token = random_number();
        let driver = async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message {
                    let Hint { sender, instances } = Hint::parse(notification.payload());
                    if sender != token {
                        heard(instances);
                    }
                }
            }
        };
        // The task ends when the client is dropped, or the runtime.
        drop(tokio::spawn(driver));
        let (write, news) = (OnceCell::new(), OnceCell::new());
        Ok(Self { client: Arc::new(client), patience: endpoint.patience, write, news, token })
    }

    /// Waits for an answer up to the time-out.
    pub(super) async fn timed<T, E>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
        fault: impl Fn(tokio_postgres::Error) -> E,
    ) -> Result<T, E>
    where
        E: From<Fault>,
    {
        match timeout(self.patience, answer).await {
            Ok(answer) => answer.map_err(fault),
            Err(_) => Err(Fault::Lost("the server does not answer".to_owned()).into()),
        }
    }

    /// Runs a statement and gives its rows.
    pub(super) async fn query(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Fault> {
        self.timed(self.client.query_typed(sql, parameters), Fault::from).await
    }

    /// Runs the statement that writes, and gives its rows. The notification goes out right behind it, with the same bytes to
    /// the server, and its answer is not waited for: so it is there although nothing was written.
    ///
    /// Behind a pooler that knows another statement by the name of this one: no program but this crate has one with these nine
    /// arrays, and that of another schema finds none of the instances.
    pub(super) async fn write(
        &self,
        endpoint: &Endpoint,
        parameters: &[Parameter<'_>],
        hint: Option<&str>,
    ) -> Result<Vec<Row>, Fault> {
        self.run_prepared(endpoint, (&self.write, &endpoint.tables.write), parameters, hint).await
    }

    /// Runs the statement that asks for commits of others, and gives its rows.
    ///
    /// Behind a pooler it may be that of another schema, as with [`write`](Self::write): so an instance that it does not find
    /// may be there.
    pub(super) async fn news(&self, endpoint: &Endpoint, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Fault> {
        self.run_prepared(endpoint, (&self.news, &endpoint.tables.news), parameters, None).await
    }

    /// Runs a statement that is prepared at its first use, since to plan it takes the server longer than to carry it out.
    ///
    /// Behind a pooler in transaction mode the next statement may run in another session of the server, which may know no
    /// statement of this name: the server refuses it then, and no statement is prepared from then on. It may even know
    /// another one.
    async fn run_prepared(
        &self,
        endpoint: &Endpoint,
        (prepared, sql): (&OnceCell<Statement>, &str),
        parameters: &[Parameter<'_>],
        hint: Option<&str>,
    ) -> Result<Vec<Row>, Fault> {
        let next = async {
            if let Some(hint) = hint {
                let _hint = self.client.batch_execute(hint).await;
            }
        };
        if !endpoint.prepares.load(Ordering::Relaxed) {
            let answer = self.client.query_typed(sql, parameters);
            return self.timed(sent_before(answer, next), Fault::from).await;
        }
        let failed = |error| {
            if is_of_preparing(&error) {
                endpoint.prepares.store(false, Ordering::Relaxed);
            }
            Fault::from(error)
        };
        let statement = if let Some(statement) = prepared.get() {
            statement
        } else {
            let types: Vec<Type> = parameters.iter().map(|(_, kind)| kind.clone()).collect();
            let made = self.timed(self.client.prepare_typed(sql, &types), failed).await?;
            prepared.get_or_init(|| made)
        };
        let values: Vec<_> = parameters.iter().map(|(value, _)| *value).collect();
        self.timed(sent_before(self.client.query(statement, &values), next), failed).await
    }

    /// Runs a statement with numeric parameters and streams its rows. The connection stops reading from the socket while a row
    /// waits here, so the server does not fill memory.
    pub(super) async fn stream(&self, sql: &str, numbers: &[u64]) -> Result<RowReader, Fault> {
        let parameters: Vec<_> = numbers.iter().map(|number| (number.cast_signed(), Type::INT8)).collect();
        let rows = self.timed(self.client.query_typed_raw(sql, parameters), Fault::from).await?;
        Ok(RowReader { rows: Box::pin(rows), patience: self.patience })
    }

    /// Runs statements without parameters as one transaction.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Fault> {
        self.timed(self.client.batch_execute(sql), Fault::from).await
    }

    /// Begins a transaction that locks a row. The server ends it if this process stops, or waits too long for the lock.
    pub(super) async fn begin_locking(&self) -> Result<(), Fault> {
        let (time, lock) = (self.patience.as_millis(), lock_time(self.patience).as_millis());
        let limits = format!("SET LOCAL idle_in_transaction_session_timeout = {time}; SET LOCAL lock_timeout = {lock}");
        self.run(&format!("BEGIN; {limits}")).await
    }

    /// Runs statements in one read-only snapshot of the database.
    pub(super) async fn in_snapshot<T>(&self, run: impl AsyncFnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let done = run().await;
        if !matches!(done, Err(Fault::Lost(_))) {
            self.run("ROLLBACK").await?;
        }
        done
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Starts to listen for notifications. False if the server or a pooler does not support that.
    pub(super) async fn listen(&self, channel: &str) -> bool {
        self.run(&format!("LISTEN {channel}")).await.is_ok()
    }

    /// A statement that notifies other sessions of commits to these instances. If it fails, they see them at their next poll.
    pub(super) fn hint(&self, channel: &str, instances: &[u64]) -> String {
        format!("NOTIFY {channel}, '{}'", Hint::text(self.token, instances))
    }

    /// Runs a statement without waiting for it.
    pub(super) fn tell(&self, sql: String) {
        let client = Arc::clone(&self.client);
        drop(tokio::spawn(async move {
            let _hint = client.batch_execute(&sql).await;
        }));
    }

    async fn check_server(&self, accepts_loss: bool) -> Result<(), Fault> {
        let sql = "SELECT name, setting FROM pg_settings
            WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version_num')";
        for row in self.query(sql, &[]).await? {
            let (name, setting): (String, String) = (column(&row, 0)?, column(&row, 1)?);
            if name == "server_version_num" {
                let version: i64 = setting.parse().unwrap_or(0);
                if version < OLDEST {
                    return Err(Fault::database(format!("it is version {version}, and {OLDEST} is the oldest taken")));
                }
            } else if setting == "off" && !accepts_loss {
                return Err(Fault::database(format!("{name} is off, so it can lose what it acknowledged")));
            }
        }
        Ok(())
    }

    /// Checks the tables, and creates them if they are missing and `makes_tables`.
    pub(super) async fn prepare_tables(&self, endpoint: &Endpoint, makes_tables: bool) -> Result<(), Fault> {
        let Endpoint { tables, address, .. } = endpoint;
        for _ in 0..ATTEMPTS {
            let known = self.timed(self.client.query_typed(&tables.format, &[]), Known::from).await;
            match known {
                Ok(rows) => return self.check_tables(tables, &rows).await,
                Err(Known::Missing) if makes_tables => {}
                Err(Known::Missing) => {
                    return Err(Fault::Final(Error::UnknownStore { path: PathBuf::from(&address.shown) }));
                }
                Err(Known::Other(fault)) => return Err(fault),
            }
            let made = self.timed(self.client.batch_execute(&tables.create), Made::from).await;
            match made {
                // Another session creates them.
                Ok(()) | Err(Made::Again) => {}
                Err(Made::Other(fault)) => return Err(fault),
            }
        }
        Err(Fault::Refused("the tables could not be made beside others who make them".to_owned()))
    }

    async fn check_tables(&self, tables: &Tables, versions: &[Row]) -> Result<(), Fault> {
        let [version] = versions else {
            return Err(Fault::database(format!("the table of the format has {} rows instead of one", versions.len())));
        };
        let version: i64 = column(version, 0)?;
        if version != FORMAT {
            return Err(Fault::database(format!("its tables have the format {version}, and {FORMAT} is known")));
        }
        self.timed(self.client.query_typed(&tables.look_at_all, &[]), meaning_of).await.map(drop)
    }
}

/// Waits for the first of two requests to the server, and drops the second once that is there. Both are sent at once, in this
/// order: the client queues a request when it is polled first, and reads the answer to one that was dropped.
async fn sent_before<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> T {
    let (mut first, mut second, mut is_sent) = (pin!(first), pin!(second), false);
    poll_fn(|context| {
        let polled = first.as_mut().poll(context);
        if !std::mem::replace(&mut is_sent, true) {
            // It is not waited for.
            let _polled = second.as_mut().poll(context);
        }
        polled
    })
    .await
}

/// Rows as they arrive.
pub(super) struct RowReader {
    rows: Pin<Box<RowStream>>,
    patience: Duration,
}

impl RowReader {
    /// The next row. Waits up to the time-out.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Fault> {
        let next = timeout(self.patience, poll_fn(|context| self.rows.as_mut().poll_next(context)));
        match next.await {
            Ok(row) => Ok(row.transpose()?),
            Err(_) => Err(Fault::Lost("the server does not answer".to_owned())),
        }
    }
}

/// A column of a row. A column of another type means that these are not our tables, which a retry does not change.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Fault> {
    row.try_get(column).map_err(|error| Fault::database(whole_text(&error)))
}

/// An unsigned number, stored as the signed number with the same bits.
pub(super) fn int8(row: &Row, number: usize) -> Result<u64, Fault> {
    column(row, number).map(i64::cast_unsigned)
}

/// Why the table of the format could not be read.
enum Known {
    Missing,
    Other(Fault),
}

impl From<tokio_postgres::Error> for Known {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code) => Self::Missing,
            _ => Self::Other(meaning_of(error)),
        }
    }
}

impl From<Fault> for Known {
    fn from(fault: Fault) -> Self {
        Self::Other(fault)
    }
}

/// Why the tables could not be created.
enum Made {
    Again,
    Other(Fault),
}

impl From<tokio_postgres::Error> for Made {
    fn from(error: tokio_postgres::Error) -> Self {
        let races = [
            SqlState::UNIQUE_VIOLATION,
            SqlState::DUPLICATE_TABLE,
            SqlState::DUPLICATE_SCHEMA,
            SqlState::DUPLICATE_OBJECT,
            SqlState::T_R_SERIALIZATION_FAILURE,
        ];
        match error.code() {
            Some(code) if races.contains(code) => Self::Again,
            _ => Self::Other(meaning_of(error)),
        }
    }
}

impl From<Fault> for Made {
    fn from(fault: Fault) -> Self {
        Self::Other(fault)
    }
}

/// TLS with the root certificates of the system. The certificate of the server is always checked.
fn tls() -> Result<MakeRustlsConnect, Fault> {
    let mut roots = rustls::RootCertStore::empty();
    // Unreadable root certificates are ignored: a server that one of them would vouch for is refused.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::database(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
