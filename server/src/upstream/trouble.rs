//! Why something did not go well with the gateway.

use std::fmt;

use label_index::Error;
use reqwest::StatusCode;

use crate::failure::Failure;

/// Why the gateway did not do what it was asked. The texts are for the log: no chat and no key is in them.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// It cannot be reached, or its session is not connected.
    NotConnected(String),
    /// It answered what it should not.
    Nonsense(String),
    /// It will not make a change.
    Refused { status: StatusCode },
    /// The index refused what the gateway has, or cannot write it.
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
