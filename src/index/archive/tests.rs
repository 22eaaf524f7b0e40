//! An archive on a simulated disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::index::archive::{Archive, Archived};
use crate::index::feed::{Feed, Reached};
use crate::index::subscriber::{Delivery, Subscriber};
use crate::index::sync::Mutex;
use crate::index::wakers::WakerCaller;
use crate::model::change::{Change, Commit, Revision};
use crate::model::error::{Error, Result};

fn commit(revision: Revision) -> Commit {
    Commit::new(0, revision, [Change::Refreshed])
}

/// A disk that gives one answer for each permission of the test.
struct PlayedDisk {
    instance: Arc<str>,
    answers: Mutex<mpsc::Receiver<Result<()>>>,
}

impl Archive for PlayedDisk {
    fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    fn read(&self, after: Revision, up_to: Revision) -> Result<Archived> {
        self.answers.lock().recv().unwrap()?;
        Ok(Archived::Page((after + 1..=up_to).map(commit).collect()))
    }
}

struct Told(mpsc::Sender<()>);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
    }
}

fn subscriber(feed: &Arc<Feed>, after: Revision) -> Subscriber {
    let start = feed.start(Some(after), || Reached { published: after, visible: after });
    Subscriber::new(feed, 0, start)
}

#[test]
fn a_disk_that_does_not_answer_holds_up_nobody() {
    let (answer, answers) = mpsc::channel();
    let disk: Arc<dyn Archive> = Arc::new(PlayedDisk { instance: "shop".into(), answers: Mutex::new(answers) });
    let feed = Arc::new(Feed::new(0, 1, 0, WakerCaller::Threads(Arc::default()), Some(disk)));
    let mut behind = subscriber(&feed, 0);
    (1..=3).for_each(|revision| feed.publish(commit(revision)).now());
    let mut prompt = subscriber(&feed, 3);
    let (told, woken) = mpsc::channel();
    let waker = Waker::from(Arc::new(Told(told)));
    let context = &mut Context::from_waker(&waker);
    assert!(behind.poll_recv(context).is_pending(), "the page is being read");
    feed.publish(commit(4)).now();
    assert_eq!(prompt.try_recv(), Some(Delivery::Commit(commit(4))));
    assert!(behind.poll_recv(context).is_pending());

    answer.send(Err(Error::StoreClosed)).unwrap();
    woken.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(behind.poll_recv(context), Poll::Ready(Delivery::Failed(Error::StoreClosed)));
    // The next call tries again. Those that were published meanwhile are in memory, or behind as well.
    for revision in 1..=4 {
        if revision == 1 {
            assert!(behind.poll_recv(context).is_pending());
            answer.send(Ok(())).unwrap();
            woken.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        assert_eq!(behind.poll_recv(context), Poll::Ready(Delivery::Commit(commit(revision))));
    }
    assert!(behind.poll_recv(context).is_pending(), "there is nothing more");
    feed.close();
    woken.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(behind.poll_recv(context), Poll::Ready(Delivery::Closed));
}
