//! Why a refresh that others had joined ended without a commit.

use std::error;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::model::error::Error;

/// Why a refresh ended without a commit, for those who had [joined](crate::JoinedRefresh) it. It has changed nothing.
///
/// Converts to an [`Error`], so that `?` works where the difference does not matter: [`Refused`](Self::Refused) to its cause,
/// [`Cancelled`](Self::Cancelled) to [`Error::TicketCancelled`], the others to [`Error::RefreshGivenUp`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FailedRefresh {
    /// The commit was refused, and the ticket was not committed again.
    Refused(Error),
    /// The holder of the ticket said why: [`RefreshTicket::fail`](crate::RefreshTicket::fail). `downcast_ref` gives it back in
    /// its type.
    Failed(Arc<dyn error::Error + Send + Sync>),
    /// The ticket was dropped, perhaps by a panic, and the holder did not say why.
    GivenUp,
    /// The ticket was cancelled: by [`LabelIndex::cancel_refresh`](crate::LabelIndex::cancel_refresh), or because the
    /// store read its file or database anew and no longer knows which writes the refresh has to keep.
    Cancelled,
}

/// The holder's reason is only read, never changed.
impl RefUnwindSafe for FailedRefresh {}

impl UnwindSafe for FailedRefresh {}

impl fmt::Display for FailedRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(cause) => write!(f, "the refresh was refused: {cause}"),
            Self::Failed(why) => write!(f, "the refresh failed: {why}"),
            Self::GivenUp => f.write_str("the refresh was given up"),
            Self::Cancelled => f.write_str("the refresh was cancelled"),
        }
    }
}

impl error::Error for FailedRefresh {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // `Display` includes the text of the cause, so its source follows.
        match self {
            Self::Refused(cause) => cause.source(),
            Self::Failed(why) => why.source(),
            Self::GivenUp | Self::Cancelled => None,
        }
    }
}

impl From<FailedRefresh> for Error {
    fn from(failed: FailedRefresh) -> Self {
        match failed {
            FailedRefresh::Refused(cause) => cause,
            FailedRefresh::Failed(why) => Self::RefreshGivenUp { cause: Some(why.to_string()) },
            FailedRefresh::GivenUp => Self::RefreshGivenUp { cause: None },
            FailedRefresh::Cancelled => Self::TicketCancelled,
        }
    }
}
