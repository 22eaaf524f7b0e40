//! What a database refuses, and what that means.

use tokio_postgres::error::SqlState;

use crate::codec::Damage;
use crate::model::error::Error;
use crate::store::postgres::address::whole_text;

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection is gone or takes too long: nobody knows whether the last statement was carried out.
    Lost(String),
    /// The server said that it did not do it. It may do it when it is asked again.
    Refused(String),
    /// Asking again does not help.
    Final(Error),
}

impl Fault {
    /// A fault for which asking again does not help.
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
        // The server ends the connection with these, or it is a replica, and another one may be the primary by now.
        let ends = code.code().starts_with("08") || code.code().starts_with("57P");
        if ends || *code == SqlState::READ_ONLY_SQL_TRANSACTION { Self::Lost(text) } else { Self::Refused(text) }
    }
}

/// What the tables are if a statement about them fails so.
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

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Final(Error::Damaged { instance: None, what: damage.to_string() })
    }
}
