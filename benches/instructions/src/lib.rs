//! Counts the instructions of hot operations and fails where one takes more than its baseline: see `benches/hot.rs`.
