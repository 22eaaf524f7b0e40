//! The one refresh ticket that may be open, and what was written since.

use std::sync::Arc;

use crate::index::joined_refresh::Ending;
use crate::index::wakers::WakerCaller;
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
    /// For those who join the refresh; it has the number of the ticket.
    ending: Arc<Ending>,
    /// What was written up to the last time that [`Tickets::touched`] was asked. Who prepares a commit reads it meanwhile.
    noted: Arc<WriteSet>,
    /// What was written since.
    later: WriteSet,
    /// What was written before the plan that the committer of a connected store may undo.
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
