//! One connection to the database.

use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, NoTls, Row, RowStream, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::model::error::Error;
use crate::store::postgres::address::{Address, whole_text};
use crate::store::postgres::fault::{Fault, meaning_of};
use crate::store::postgres::tables::{FORMAT, Tables};

/// The oldest server that is taken.
const OLDEST: i64 = 120_000;

/// How often tables are made that somebody else makes at the same time.
const ATTEMPTS: u32 = 8;

/// How long a thread waits after a failure before it tries again.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A parameter of a statement.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// What every session of a store has in common.
pub(super) struct Endpoint {
    pub(super) address: Address,
    pub(super) tables: Tables,
    /// How long one answer may take.
    pub(super) patience: Duration,
    /// Whether a server may be used that can lose what it acknowledged.
    pub(super) accepts_loss: bool,
}

/// One connection. Statements are not prepared, so that a pooler may stand in between.
pub(super) struct Session {
    client: Arc<Client>,
    patience: Duration,
    /// Tells what this session notifies from what others do.
    token: String,
}

impl Session {
    /// Connects, and requires the server to be one that can hold a store. `heard` is called when another session notifies.
    /// Has to be called inside of a runtime, which runs the connection.
    pub(super) async fn open(endpoint: &Endpoint, heard: impl Fn() + Send + 'static) -> Result<Self, Fault> {
        let config = &endpoint.address.config;
        let session = if config.get_ssl_mode() == SslMode::Disable {
            Self::connect(endpoint, NoTls, heard).await?
        } else {
            Self::connect(endpoint, tls()?, heard).await?
        };
        session.check_server(endpoint.accepts_loss).await?;
        Ok(session)
    }

    async fn connect<T>(endpoint: &Endpoint, tls: T, heard: impl Fn() + Send + 'static) -> Result<Self, Fault>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let connecting = timeout(endpoint.patience, endpoint.address.config.connect(tls));
        let connected = connecting.await.map_err(|_| Fault::Lost("the server does not answer".to_owned()))?;
        let (client, mut connection) = connected.map_err(meaning_of)?;
        let token = format!("{:016x}", RandomState::new().hash_one(0));
        let own = token.clone();
        let driver = async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message
                    && notification.payload() != own
                {
                    heard();
                }
            }
        };
        // It ends with the client, or with the runtime.
        drop(tokio::spawn(driver));
        Ok(Self { client: Arc::new(client), patience: endpoint.patience, token })
    }

    /// Waits for an answer, not for ever.
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

    /// Runs a statement whose parameters are numbers, and gives its rows one by one.
    pub(super) async fn stream(&self, sql: &str, numbers: &[u64]) -> Result<RowReader, Fault> {
        let parameters: Vec<_> = numbers.iter().map(|number| (number.cast_signed(), Type::INT8)).collect();
        let rows = self.timed(self.client.query_typed_raw(sql, parameters), Fault::from).await?;
        Ok(RowReader { rows: Box::pin(rows), patience: self.patience })
    }

    /// Runs statements without parameters, together one transaction.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Fault> {
        self.timed(self.client.batch_execute(sql), Fault::from).await
    }

    /// Begins a transaction that locks a row. If this process stops in it, or waits for too long, the server ends it.
    pub(super) async fn begin_locking(&self) -> Result<(), Fault> {
        let time = self.patience.as_millis();
        let limits = format!("SET LOCAL idle_in_transaction_session_timeout = {time}; SET LOCAL lock_timeout = {time}");
        self.run(&format!("BEGIN; {limits}")).await
    }

    /// Runs statements that see the database as it is at one moment.
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

    /// Listens to other sessions. False where that cannot be had.
    pub(super) async fn listen(&self, channel: &str) -> bool {
        self.run(&format!("LISTEN {channel}")).await.is_ok()
    }

    /// Tells other sessions, without waiting for it. If it fails, they find out a little later.
    pub(super) fn notify(&self, channel: &str) {
        let (client, sql) = (Arc::clone(&self.client), format!("NOTIFY {channel}, '{}'", self.token));
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

    /// Requires the tables to be there and to be these, and makes them where there are none and that is wanted.
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
                // Another session makes them.
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

/// Rows one by one, as they arrive.
pub(super) struct RowReader {
    rows: Pin<Box<RowStream>>,
    patience: Duration,
}

impl RowReader {
    /// The next row, for which it does not wait for ever.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Fault> {
        let next = timeout(self.patience, poll_fn(|context| self.rows.as_mut().poll_next(context)));
        match next.await {
            Ok(row) => Ok(row.transpose()?),
            Err(_) => Err(Fault::Lost("the server does not answer".to_owned())),
        }
    }
}

/// A column of a row. One of another type means that the table is another one: asking again does not help.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Fault> {
    row.try_get(column).map_err(|error| Fault::database(whole_text(&error)))
}

/// An unsigned number, which is kept as the signed one of the same bits.
pub(super) fn int8(row: &Row, number: usize) -> Result<u64, Fault> {
    column(row, number).map(i64::cast_unsigned)
}

/// What is wrong when the format is asked for.
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

/// What is wrong when the tables are made.
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

/// TLS with the certificates that the system trusts. The server's is always checked.
fn tls() -> Result<MakeRustlsConnect, Fault> {
    let mut roots = rustls::RootCertStore::empty();
    // Those that cannot be read are none; a server whose issuer is not among the others is refused.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::database(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
