//! Failures of the database, and what follows from them.

use tokio_postgres::error::SqlState;

use crate::codec::Damage;
use crate::model::error::Error;
use crate::store::postgres::address::whole_text;

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection is lost or too slow: whether the last statement was carried out is unknown.
    Lost(String),
    /// The server did not carry out the statement. A retry may succeed.
    Refused(String),
    /// A retry does not help.
    Final(Error),
}

impl Fault {
    /// A fault that a retry does not mend.
    pub(super) fn database(what: impl Into<String>) -> Self {
        Self::Final(Error::DatabaseRefused { what: what.into() })
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers pass what they were given by value")]
    pub(super) fn damage(instance: &str, what: impl ToString) -> Self {
        Self::Final(Error::Damaged { instance: Some(instance.to_owned()), what: what.to_string() })
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Lost(cause) | Self::Refused(cause) => Error::Unavailable { cause },
            Self::Final(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refused) = error.as_db_error() else { return Self::Lost(whole_text(&error)) };
        let (code, text) = (refused.code(), format!("{} ({})", refused.message(), refused.code().code()));
        // With these codes the server ends the connection. A read-only one is a replica: another may be the primary now.
        let ends = code.code().starts_with("08") || code.code().starts_with("57P");
        if ends || *code == SqlState::READ_ONLY_SQL_TRANSACTION { Self::Lost(text) } else { Self::Refused(text) }
    }
}

/// The fault behind an error of a statement about our tables.
pub(super) fn meaning_of(error: tokio_postgres::Error) -> Fault {
    match error.code() {
        Some(code)
            if [SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_TABLE, SqlState::DATATYPE_MISMATCH].contains(code) =>
        {
            Fault::database(format!("other tables have the names of this crate's: {}", whole_text(&error)))
        }
        Some(code)
            if [
                SqlState::INSUFFICIENT_PRIVILEGE,
                SqlState::INVALID_PASSWORD,
                SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                SqlState::INVALID_CATALOG_NAME,
            ]
            .contains(code) =>
        {
            Fault::database(whole_text(&error))
        }
        _ => error.into(),
    }
}

/// Whether an error may come from a prepared statement that the server does not know, or knows as another one.
pub(super) fn is_of_preparing(error: &tokio_postgres::Error) -> bool {
    let codes = [
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::DUPLICATE_PSTATEMENT,
        SqlState::PROTOCOL_VIOLATION,
        SqlState::INVALID_BINARY_REPRESENTATION,
        SqlState::DATATYPE_MISMATCH,
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    error.code().is_some_and(|code| codes.contains(code))
}

/// The error where the system has no thread to give.
pub(super) fn no_thread(cause: &std::io::Error) -> Error {
    Error::Unavailable { cause: format!("could not start a thread: {cause}") }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Final(Error::Damaged { instance: None, what: damage.to_string() })
    }
}
