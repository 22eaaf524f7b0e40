//! The engines, ours first.

mod bitmaps;
mod chat_table;
mod croaring;
mod hashset;
mod label_index;
mod label_table;
mod lock;
mod redis;
mod roaring;
mod sqlite;

use crate::engine::Kind;

/// The name of our engine, with which others are compared.
pub(crate) const OURS: &str = "label-index";

/// The names of those that are built of bitmaps.
pub(crate) const BITMAPS: [&str; 3] = ["roaring-multiops", "roaring-fold", "croaring"];

/// Those over the crate roaring.
pub(crate) const ROARING: [&str; 2] = [BITMAPS[0], BITMAPS[1]];

/// All engines that can run here: redis only when a server answers.
pub(crate) fn kinds() -> Vec<Kind> {
    let mut kinds = vec![
        Kind { name: OURS, load: label_index::load },
        Kind { name: BITMAPS[0], load: bitmaps::load::<roaring::MultiopsUnion> },
        Kind { name: BITMAPS[1], load: bitmaps::load::<roaring::FoldUnion> },
        Kind { name: BITMAPS[2], load: bitmaps::load::<croaring::FastOr> },
        Kind { name: "hashset", load: hashset::load },
        Kind { name: "sqlite", load: sqlite::load },
    ];
    if redis::reachable() {
        kinds.push(Kind { name: "redis", load: redis::load });
    }
    kinds
}
