//! The loop that delivers the commits of a [`Trail`].

use std::future::Future;

use label_index::Commit;

use crate::follow::{Ending, Next, Trail};

/// A follower of one instance: delivers its commits to one receiver, in its own form.
pub(crate) trait Carrier: Sized + Send {
    fn trail(&mut self) -> &mut Trail;

    /// Delivers the changes of a commit, perhaps together with later commits that are ready.
    fn deliver_commits(&mut self, first: Commit) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Tells the receiver that commits after a revision cannot be delivered, since they are no longer retained.
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
