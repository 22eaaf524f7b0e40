//! Counts the memory of an engine, in requested bytes.
//!
//! Rust's engines go through [`Counted`], and so does CRoaring, whose memory hooks are pointed at it. SQLite keeps count
//! of its own memory. The counters are those of one thread, so that they cost next to nothing and a second thread does
//! not disturb them: what is counted must be allocated and freed by the same thread.

#![expect(unsafe_code, reason = "an allocator and two functions of C libraries can be had in no other way")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted.
pub(crate) struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
    static GIVEN: Cell<u64> = const { Cell::new(0) };
}

fn count(given: usize, freed: usize) {
    // A thread that ends may free memory after its counters are destroyed; they are not read any more.
    let _ = HELD.try_with(|held| held.set(held.get() + given as i64 - freed as i64));
    let _ = GIVEN.try_with(|all| all.set(all.get() + given as u64));
}

// SAFETY: every method passes its arguments on to `System`, unchanged, and gives back what `System` gave. Counting
// allocates nothing: the counters are constants of the thread without destructors.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Bytes that this thread holds: allocated minus freed.
pub(crate) fn held() -> i64 {
    HELD.get()
}

/// Bytes that this thread has ever allocated.
pub(crate) fn given() -> u64 {
    GIVEN.get()
}

/// Bytes that SQLite holds, in all its connections.
pub(crate) fn held_by_sqlite() -> u64 {
    // SAFETY: it reads a counter, and may be called at any time.
    let bytes = unsafe { rusqlite::ffi::sqlite3_memory_used() };
    u64::try_from(bytes).expect("a number of bytes")
}

/// Makes CRoaring use Rust's allocator. To be called before the first of its bitmaps.
pub(crate) fn count_croaring() {
    // SAFETY: `main` calls it first of all, before there is a bitmap or a second thread.
    unsafe { croaring::configure_rust_alloc() };
}
