//! The one refresh ticket that may be open, and what was written since.

use std::sync::Arc;

use crate::index::write_set::WriteSet;
use crate::model::error::{Error, Result};

/// What only the writer whose turn it is sees.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    open: Option<OpenTicket>,
    /// How many were given out: the number of a ticket tells it from former ones.
    given: u64,
}

#[derive(Debug)]
struct OpenTicket {
    number: u64,
    /// What was written up to the last time that [`Tickets::touched`] was asked. Who prepares a commit reads it meanwhile.
    noted: Arc<WriteSet>,
    /// What was written since.
    later: WriteSet,
    /// What was written before the plan that the committer of a connected store may undo.
    #[cfg(feature = "postgres")]
    before_plan: Option<Arc<WriteSet>>,
}

impl Tickets {
    pub(crate) fn open_ticket(&mut self) -> Result<u64> {
        if self.open.is_some() {
            return Err(Error::RefreshInProgress);
        }
        self.given += 1;
        self.open = Some(OpenTicket {
            number: self.given,
            noted: Arc::default(),
            later: WriteSet::default(),
            #[cfg(feature = "postgres")]
            before_plan: None,
        });
        Ok(self.given)
    }

    /// Closes the ticket of this number, or whichever is open; true if it was.
    pub(crate) fn close_ticket(&mut self, number: Option<u64>) -> bool {
        let closed = self.open.take_if(|open| number.is_none_or(|number| number == open.number));
        closed.is_some()
    }

    fn ticket(&mut self, number: u64) -> Result<&mut OpenTicket> {
        self.open.as_mut().filter(|open| open.number == number).ok_or(Error::TicketCancelled)
    }

    /// What was written since the ticket of this number was given out.
    ///
    /// **O(n)** in what was written since the last call, if nobody has kept what that one gave.
    pub(crate) fn touched(&mut self, number: u64) -> Result<Arc<WriteSet>> {
        Ok(self.ticket(number)?.all_noted())
    }

    /// What was written since [`touched`](Self::touched) was asked last.
    pub(crate) fn later(&mut self, number: u64) -> Result<&WriteSet> {
        self.ticket(number).map(|open| &open.later)
    }

    /// Where to note writes, while a ticket is open.
    pub(crate) fn notes(&mut self) -> Option<&mut WriteSet> {
        self.open.as_mut().map(|open| &mut open.later)
    }
}

/// # Plans that may be undone
///
/// The notes of a plan are undone with it: the same writes may cover other keys when they are planned again, after a chat
/// was merged or an alias removed by another process.
#[cfg(feature = "postgres")]
impl Tickets {
    /// Writes are planned from here on.
    pub(crate) fn begin_plan(&mut self) {
        if let Some(open) = &mut self.open {
            open.before_plan = Some(open.all_noted());
        }
    }

    /// What was planned is written.
    pub(crate) fn settle_plan(&mut self) {
        if let Some(open) = &mut self.open {
            open.before_plan = None;
        }
    }

    /// Forgets what was noted since the plan began. A ticket that was given out after that has noted nothing else.
    pub(crate) fn undo_plan(&mut self) {
        if let Some(open) = &mut self.open {
            open.noted = open.before_plan.take().unwrap_or_default();
            open.later = WriteSet::default();
        }
    }
}

impl OpenTicket {
    /// Everything that was written since the ticket was given out.
    fn all_noted(&mut self) -> Arc<WriteSet> {
        if !self.later.is_empty() {
            Arc::make_mut(&mut self.noted).absorb(std::mem::take(&mut self.later));
        }
        Arc::clone(&self.noted)
    }
}
