//! Whoever delivers what comes on a trail.

use std::future::Future;

use label_index::Commit;

use crate::follow::{Ending, Next, Trail};

/// One instance's followers, whatever they make of its commits.
pub(crate) trait Carrier: Sized + Send {
    fn trail(&mut self) -> &mut Trail;

    /// Delivers what a commit did, perhaps together with those behind it that are there already.
    fn deliver_commits(&mut self, first: Commit) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Says that the commits behind a revision will not be delivered: they are not kept any more.
    fn deliver_missed(&mut self, after: u64) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Delivers until the server is told to end, or the instance is removed.
    fn run(mut self) -> impl Future<Output = ()> + Send {
        async move { while deliver_next(&mut self).await.is_ok() {} }
    }
}

async fn deliver_next(carrier: &mut impl Carrier) -> Result<(), Ending> {
    match carrier.trail().next().await? {
        Next::Commit(commit) => carrier.deliver_commits(commit).await,
        Next::Missed { after } => carrier.deliver_missed(after).await,
    }
}
