//! Calls into the database, which panics on some damaged files.
//!
//! When redb panics, its locks may be poisoned and its pages half-written, and dropping its values panics again, which
//! ends the process if the first panic is still unwinding. So values of redb are never in a frame that may unwind, and
//! after a panic every value is leaked instead of dropped.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
// Not those of `sync`: a write transaction stays open between two calls, so no other thread may run there.
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::backend::fault::Fault;

/// Whether the database has panicked: nothing of it is used or dropped any more then.
#[derive(Debug, Default)]
pub(super) struct GivenUp(AtomicBool);

impl GivenUp {
    /// Makes one call, on values that are owned outside of it.
    pub(super) fn call<T, E: Into<redb::Error>>(&self, call: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
        self.check()?;
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => result.map_err(|error| Fault::from(error.into())),
            Err(panic) => {
                self.0.store(true, Ordering::SeqCst);
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                Err(Fault::damage(format!("the database gave up: {}", text.as_deref().unwrap_or("without a reason"))))
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.is_set() { Err(Fault::damage("the database gave up before")) } else { Ok(()) }
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Holds a value of the database.
    pub(super) fn hold<T>(&self, value: T) -> Held<'_, T> {
        Held { value: Some(value), given_up: self }
    }
}

/// A value of the database, which is leaked once the database has panicked.
pub(super) struct Held<'g, T> {
    /// None only while it is dropped or taken.
    value: Option<T>,
    given_up: &'g GivenUp,
}

impl<T> Held<'_, T> {
    pub(super) fn into_inner(mut self) -> Option<T> {
        self.value.take()
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[expect(clippy::unwrap_used, reason = "only who drops or takes the whole empties it")]
    fn deref(&self) -> &T {
        self.value.as_ref().unwrap()
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[expect(clippy::unwrap_used, reason = "only who drops or takes the whole empties it")]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().unwrap()
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if self.given_up.is_set() {
            mem::forget(value);
        } else {
            let _dropped = self.given_up.call(|| {
                drop(value);
                Ok::<(), redb::Error>(())
            });
        }
    }
}
