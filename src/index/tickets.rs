//! The one refresh ticket that may be open, and what was written since.

use crate::index::write_set::WriteSet;
use crate::model::error::{Error, Result};

/// What only the writer whose turn it is sees.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    open: Option<(u64, WriteSet)>,
    /// How many were given out: the number of a ticket tells it from former ones.
    given: u64,
}

impl Tickets {
    pub(crate) fn open_ticket(&mut self) -> Result<u64> {
        if self.open.is_some() {
            return Err(Error::RefreshInProgress);
        }
        self.given += 1;
        self.open = Some((self.given, WriteSet::default()));
        Ok(self.given)
    }

    /// Closes the ticket of this number, or whichever is open; true if it was.
    pub(crate) fn close_ticket(&mut self, number: Option<u64>) -> bool {
        let closed = self.open.take_if(|(open, _)| number.is_none_or(|number| number == *open));
        closed.is_some()
    }

    /// What was written since the ticket of this number was given out.
    pub(crate) fn touched(&self, number: u64) -> Result<&WriteSet> {
        let open = self.open.as_ref().filter(|(open, _)| *open == number);
        open.map(|(_, touched)| touched).ok_or(Error::TicketCancelled)
    }

    /// Where to note writes, while a ticket is open.
    pub(crate) fn notes(&mut self) -> Option<&mut WriteSet> {
        self.open.as_mut().map(|(_, touched)| touched)
    }
}
