//! Refreshes that others have joined: what they get, and when.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use label_index::{Committed, Error, FailedRefresh, JoinedRefresh, Refreshed, Refreshing};

use super::compare::{Difference, same};
use super::refreshing::counted;
use super::trial::Trial;

/// How a refresh ended, in a form that the model can make too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Done { counts: [usize; 5], changed: bool, revision: u64 },
    Refused(Error),
    Failed(String),
    GivenUp,
    Cancelled,
}

type Ended = Result<Committed<Refreshed>, FailedRefresh>;

impl From<&Committed<Refreshed>> for End {
    fn from(done: &Committed<Refreshed>) -> Self {
        Self::Done { counts: counted(done), changed: done.changed(), revision: done.revision }
    }
}

impl From<&Ended> for End {
    fn from(ended: &Ended) -> Self {
        match ended {
            Ok(done) => done.into(),
            Err(FailedRefresh::Refused(cause)) => Self::Refused(cause.clone()),
            Err(FailedRefresh::Failed(why)) => Self::Failed(why.to_string()),
            Err(FailedRefresh::GivenUp) => Self::GivenUp,
            Err(FailedRefresh::Cancelled) => Self::Cancelled,
            Err(other) => panic!("an end that the model does not know: {other:?}"),
        }
    }
}

/// Those who wait for the refresh in progress.
#[derive(Default)]
pub(super) struct Joins(Vec<JoinedRefresh>);

impl Joins {
    /// Requires that nobody has an end yet.
    pub(super) fn wait(&self) -> Result<(), Difference> {
        self.0.iter().try_for_each(|joined| {
            same("ended", &joined.is_ended(), &false)?;
            same("end", &joined.wait_timeout(Duration::ZERO).as_ref().map(End::from), &None)
        })
    }

    /// Requires that all have this end, however they wait.
    fn end(&mut self, expected: &End) -> Result<(), Difference> {
        self.0.drain(..).try_for_each(|joined| {
            same("ended", &joined.is_ended(), &true)?;
            same(
                "end after a time",
                &joined.wait_timeout(Duration::ZERO).as_ref().map(End::from).as_ref(),
                &Some(expected),
            )?;
            same("end", &End::from(&joined.wait()), expected)?;
            match pin!(joined).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(ended) => same("end of the future", &End::from(&ended), expected),
                Poll::Pending => Err("the future has no end".into()),
            }
        })
    }
}

impl Trial {
    pub(super) fn join_refresh(&mut self) -> Result<(), Difference> {
        let refreshing = self.index.begin_or_join_refresh();
        same(
            "joined",
            &refreshing.as_ref().map(|of| matches!(of, Refreshing::Joined(_))),
            &Ok(self.model.written.is_some()),
        )?;
        match refreshing {
            Ok(Refreshing::Joined(joined)) => self.joins.0.push(joined),
            Ok(Refreshing::Begun(ticket)) => {
                self.model.begin_refresh().expect("none goes on");
                self.joins.0.push(ticket.joined());
                self.ticket = Some(ticket);
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// The refresh in progress ended like this.
    pub(super) fn refresh_ended(&mut self, end: &End) -> Result<(), Difference> {
        self.model.written = None;
        self.model.noted = None;
        self.joins.end(end)
    }
}
