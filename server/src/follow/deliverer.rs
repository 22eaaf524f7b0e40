//! The loop that delivers the commits of a [`FeedReader`].

use std::future::Future;

use label_index::Commit;

use crate::follow::{Ending, FeedReader, Next};

/// A follower of one instance: delivers its commits to one receiver, in its own form.
pub(crate) trait Deliverer: Sized + Send {
    fn reader(&mut self) -> &mut FeedReader;

    /// Delivers the changes of a commit, perhaps together with later commits that are ready.
    fn deliver_commits(&mut self, first: Commit) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Tells the receiver that commits after a revision cannot be delivered, since they are no longer retained.
    fn deliver_missed(&mut self, after: u64) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Delivers until the server is told to end, or the instance is removed.
    fn run(mut self) -> impl Future<Output = ()> + Send {
        async move { while deliver_next(&mut self).await.is_ok() {} }
    }
}

async fn deliver_next(deliverer: &mut impl Deliverer) -> Result<(), Ending> {
    match deliverer.reader().next().await? {
        Next::Commit(commit) => deliverer.deliver_commits(commit).await,
        Next::Missed { after } => deliverer.deliver_missed(after).await,
    }
}
