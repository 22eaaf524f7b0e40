//! The one refresh ticket that may be open, and the writes since.

use std::sync::Arc;

use crate::index::joined_refresh::Ending;
use crate::index::wakers::WakerCaller;
use crate::index::write_set::WriteSet;
use crate::model::error::{Error, Result};

/// The state of tickets, which only the holder of the writer lock uses.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    open: Option<OpenTicket>,
    /// How many tickets were given out. Each has its own number.
    given: u64,
}

#[derive(Debug)]
struct OpenTicket {
    /// The end for which joined callers wait. It has the number of the ticket.
    ending: Arc<Ending>,
    /// The writes up to the last call of [`Tickets::touched`]. The thread that prepares a commit reads them meanwhile.
    noted: Arc<WriteSet>,
    /// The writes since then.
    later: WriteSet,
    /// The writes before the plan that the committer of a connected store may undo.
    #[cfg(feature = "postgres")]
    before_plan: Option<Arc<WriteSet>>,
}

impl Tickets {
    /// The end of the refresh whose ticket is open.
    pub(crate) fn going_on(&self) -> Option<&Arc<Ending>> {
        self.open.as_ref().map(|open| &open.ending)
    }

    pub(crate) fn open_ticket(&mut self, waker_caller: &WakerCaller) -> Result<Arc<Ending>> {
        if self.open.is_some() {
            return Err(Error::RefreshInProgress);
        }
        self.given += 1;
        let ending = Ending::new(self.given, waker_caller);
        self.open = Some(OpenTicket {
            ending: Arc::clone(&ending),
            noted: Arc::default(),
            later: WriteSet::default(),
            #[cfg(feature = "postgres")]
            before_plan: None,
        });
        Ok(ending)
    }

    /// Closes the ticket of this number, if it is open.
    pub(crate) fn close_ticket(&mut self, number: u64) {
        drop(self.open.take_if(|open| number == open.ending.number()));
    }

    /// Closes whichever ticket is open. Gives the end of its refresh.
    pub(crate) fn take_ticket(&mut self) -> Option<Arc<Ending>> {
        self.open.take().map(|open| open.ending)
    }

    fn ticket(&mut self, number: u64) -> Result<&mut OpenTicket> {
        self.open.as_mut().filter(|open| open.ending.number() == number).ok_or(Error::TicketCancelled)
    }

    /// The writes since the ticket of this number was given out.
    ///
    /// *O(n)** in the writes since the last call, if its result was dropped.
    pub(crate) fn touched(&mut self, number: u64) -> Result<Arc<WriteSet>> {
        Ok(self.ticket(number)?.all_noted())
    }

    /// The writes since the last call of [`touched`](Self::touched).
    pub(crate) fn later(&mut self, number: u64) -> Result<&WriteSet> {
        self.ticket(number).map(|open| &open.later)
    }

    /// The set in which writes are noted, while a ticket is open.
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

    /// The planned writes were written.
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
    /// All writes since the ticket was given out.
    fn all_noted(&mut self) -> Arc<WriteSet> {
        if !self.later.is_empty() {
            Arc::make_mut(&mut self.noted).absorb(std::mem::take(&mut self.later));
        }
        Arc::clone(&self.noted)
    }
}
