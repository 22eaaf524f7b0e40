//! The page at `/`, in a headless Chromium: without one, these tests say that they were skipped.

mod accounts;
mod assets;
mod browser;
mod changes;
mod filter;
mod looks;
mod lost;
mod names;
mod rate;
mod refresh;
mod stream;
