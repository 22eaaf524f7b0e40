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
}

impl Tickets {
    pub(crate) fn open_ticket(&mut self) -> Result<u64> {
        if self.open.is_some() {
            return Err(Error::RefreshInProgress);
        }
        self.given += 1;
        self.open = Some(OpenTicket { number: self.given, noted: Arc::default(), later: WriteSet::default() });
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
        let open = self.ticket(number)?;
        if !open.later.is_empty() {
            Arc::make_mut(&mut open.noted).absorb(std::mem::take(&mut open.later));
        }
        Ok(Arc::clone(&open.noted))
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
