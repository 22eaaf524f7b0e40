//! Failures of calls of the gateway.

use std::error;
use std::fmt;

use label_index::{Error, FailedRefresh};
use reqwest::StatusCode;

use crate::failure::Failure;

/// Why a call of the gateway failed. The texts are for the log, and contain no chat and no key.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// It cannot be reached, or its session is not connected.
    NotConnected(String),
    /// Its answer is not valid.
    Nonsense(String),
    /// It refuses a change.
    Refused { status: StatusCode },
    /// The index refused the state of the gateway, or cannot write it.
    Index(Error),
    /// This server failed.
    Internal,
}

impl Trouble {
    /// Its name, for metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NotConnected(_) => "not_connected",
            Self::Nonsense(_) => "nonsense",
            Self::Refused { .. } => "refused",
            Self::Index(_) | Self::Internal => "failed",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(cause) | Self::Nonsense(cause) => f.write_str(cause),
            Self::Refused { status } => write!(f, "the upstream answers {status}"),
            Self::Index(error) => error.fmt(f),
            Self::Internal => f.write_str("internal error"),
        }
    }
}

impl error::Error for Trouble {}

/// What the task of the refresh gave to [`RefreshTicket::fail`](label_index::RefreshTicket::fail), if it did.
impl From<FailedRefresh> for Trouble {
    fn from(failed: FailedRefresh) -> Self {
        match &failed {
            FailedRefresh::Failed(why) => why.downcast_ref().cloned().unwrap_or(Self::Internal),
            FailedRefresh::GivenUp => Self::Internal,
            _ => Self::Index(failed.into()),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Index(error)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotConnected(cause) => {
                tracing::warn!(cause, "the upstream is not connected");
                Self::not_connected()
            }
            Trouble::Nonsense(cause) => {
                tracing::warn!(cause, "the upstream answers nonsense");
                Self::bad_gateway("The upstream answered what it should not")
            }
            Trouble::Refused { status } => {
                tracing::warn!(%status, "the upstream refuses a change");
                Self::bad_gateway("The upstream refused the change")
            }
            Trouble::Index(error) => Self::from(error),
            Trouble::Internal => Self::internal(),
        }
    }
}
