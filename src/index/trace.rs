//! Spans and events for a subscriber of `tracing`: all names and fields are here. Without the feature `tracing` these
//! functions do nothing.
//!
//! A subscriber is code of the host: it may panic, block for ever, or call back into the index or the store.
//!
//! - A span begins and ends on the thread that does the work, while that thread holds no lock.
//! - An event that occurs while a lock is held, or on a thread that writers wait for, is reported on a thread that
//!   calls wakers.
//! - A panic of the subscriber is caught.
//!
//! Fields name stores and instances, and have numbers, codes and messages of a disk or a database. No chat and no label
//! is in them: neither in [`Error::code`], nor in the causes that are reported.

use std::fmt::Display;
use std::sync::Arc;
#[cfg(feature = "tracing")]
use std::task::{Wake as WakeTask, Waker};

use crate::index::wakers::WakerCaller;
use crate::model::change::Revision;
use crate::model::error::{Error, Result};
use crate::model::op::{Committed, Refreshed};

/// Work that takes time.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told of it"))]
pub(crate) enum Span<'a> {
    /// A store is opened or connected.
    Open { store: &'a dyn Display },
    /// An instance is read from the disk or the database.
    Load { instance: &'a str },
    /// Checkpoints are written.
    Checkpoint,
    /// A ticket is taken.
    BeginRefresh { instance: Option<&'a str> },
    /// A full state is committed.
    Refresh { instance: Option<&'a str> },
}

/// Something that happened.
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told of it"))]
pub(crate) enum Event {
    /// A full state was committed, in the span of that.
    Refreshed(Committed<Refreshed>),
    /// A checkpoint of an instance is in force.
    Checkpointed { instance: Arc<str> },
    /// The memory of an instance was freed, by a call or because it was idle or exported.
    Unloaded { instance: Arc<str>, reason: &'static str },
    /// A subscriber missed commits.
    Missed { instance: Option<Arc<str>>, after: Revision },
    /// The store takes no write any more.
    Failed { store: String, cause: String },
    /// The store takes writes again.
    Resumed { store: String },
    /// The database of the store does not answer.
    #[cfg(feature = "postgres")]
    Unavailable { store: String, cause: String },
    /// The database of the store answers again.
    #[cfg(feature = "postgres")]
    Available { store: String },
    /// Stored data is damaged.
    Damaged { instance: Option<String> },
}

/// Runs something in a span. An error is recorded by its code, and an event says if it is damage.
pub(crate) fn within<T>(span: Span<'_>, run: impl FnOnce() -> Result<T>) -> Result<T> {
    #[cfg(feature = "tracing")]
    let span = host::Entered::new(span);
    #[cfg(not(feature = "tracing"))]
    let _ = span;
    let result = run();
    #[cfg(feature = "tracing")]
    if let Err(error) = &result {
        span.record_error(error);
    }
    tell_damage(result.as_ref().err());
    result
}

/// Reports an event on this thread. The caller holds no lock.
pub(crate) fn tell(event: &Event) {
    #[cfg(feature = "tracing")]
    host::tell(event);
    #[cfg(not(feature = "tracing"))]
    let _ = event;
}

/// Reports an event on a thread that calls wakers.
pub(crate) fn tell_elsewhere(caller: &WakerCaller, event: impl FnOnce() -> Event) {
    #[cfg(feature = "tracing")]
    if host::may_listen() {
        crate::index::wakers::Wake::new([Waker::from(Arc::new(event()))], caller).now();
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (caller, event);
}

/// Reports an error on this thread, if it says that something is damaged. The caller holds no lock.
pub(crate) fn tell_damage(error: Option<&Error>) {
    if let Some(Error::Damaged { instance, .. }) = error {
        tell(&Event::Damaged { instance: instance.clone() });
    }
}

#[cfg(feature = "tracing")]
impl WakeTask for Event {
    fn wake(self: Arc<Self>) {
        tell(&self);
    }
}

/// The calls of the host's subscriber.
#[cfg(feature = "tracing")]
mod host {
    use std::mem;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use tracing::field::Empty;
    use tracing::level_filters::LevelFilter;

    use crate::index::trace::{Event, Span};
    use crate::model::error::Error;

    /// The target of all spans and events.
    const TARGET: &str = "label_index";

    /// Whether there may be a subscriber. Runs no code of the host.
    pub(super) fn may_listen() -> bool {
        LevelFilter::current() != LevelFilter::OFF
    }

    /// Calls the subscriber. A panic in it ends here; the panic hook has reported it.
    fn guarded(call: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            // The destructor of what the host panicked with is the host's code as well.
            mem::forget(panic);
        }
    }

    /// A span that this thread is in. No guard of `tracing` is held: where one is dropped the subscriber is called, and a second
    /// panic there would end the process.
    pub(super) struct Entered {
        span: tracing::Span,
        is_entered: bool,
    }

    impl Entered {
        pub(super) fn new(span: Span<'_>) -> Self {
            let mut entered = Self { span: tracing::Span::none(), is_entered: false };
            guarded(|| entered.span = begin(span));
            guarded(|| {
                let enter = entered.span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
                entered.is_entered = enter.is_some();
            });
            entered
        }

        pub(super) fn record_error(&self, error: &Error) {
            guarded(|| {
                self.span.record("error", error.code());
            });
        }
    }

    impl Drop for Entered {
        fn drop(&mut self) {
            if self.is_entered {
                guarded(|| {
                    self.span.with_subscriber(|(id, subscriber)| subscriber.exit(id));
                });
            }
            let span = mem::replace(&mut self.span, tracing::Span::none());
            guarded(|| drop(span));
        }
    }

    fn begin(span: Span<'_>) -> tracing::Span {
        match span {
            Span::Open { store } => tracing::info_span!(target: TARGET, "open", %store, error = Empty),
            Span::Load { instance } => tracing::debug_span!(target: TARGET, "load", instance, error = Empty),
            Span::Checkpoint => tracing::debug_span!(target: TARGET, "checkpoint", error = Empty),
            Span::BeginRefresh { instance } => {
                tracing::debug_span!(target: TARGET, "begin_refresh", instance, error = Empty)
            }
            Span::Refresh { instance } => tracing::info_span!(target: TARGET, "refresh", instance, error = Empty),
        }
    }

    pub(super) fn tell(event: &Event) {
        guarded(|| match event {
            Event::Refreshed(done) => tracing::info!(
                target: TARGET,
                revision = done.revision,
                linked = done.linked,
                unlinked = done.unlinked,
                labels_created = done.labels_created,
                labels_updated = done.labels_updated,
                labels_removed = done.labels_removed,
                changed = done.changed,
                "refreshed"
            ),
            Event::Checkpointed { instance } => {
                tracing::debug!(target: TARGET, instance = &**instance, "a checkpoint is in force");
            }
            Event::Unloaded { instance, reason } => {
                tracing::debug!(target: TARGET, instance = &**instance, reason, "unloaded");
            }
            Event::Missed { instance, after } => {
                tracing::warn!(target: TARGET, instance = instance.as_deref(), after, "a subscriber missed commits");
            }
            Event::Failed { store, cause } => {
                tracing::error!(target: TARGET, store, cause, "a write failed: the store takes no more");
            }
            Event::Resumed { store } => tracing::info!(target: TARGET, store, "the store takes writes again"),
            #[cfg(feature = "postgres")]
            Event::Unavailable { store, cause } => {
                tracing::warn!(target: TARGET, store, cause, "the database is not available");
            }
            #[cfg(feature = "postgres")]
            Event::Available { store } => tracing::info!(target: TARGET, store, "the database is available again"),
            Event::Damaged { instance } => {
                tracing::error!(target: TARGET, instance = instance.as_deref(), "what was read is damaged");
            }
        });
    }
}
