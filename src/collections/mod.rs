//! Copy-on-write containers. A clone shares its memory with the original; a write copies only the part that it changes.
//!
//! Nothing here knows about labels or chats.

pub(crate) mod number;
pub(crate) mod heap;
pub(crate) mod cow_slice;
pub(crate) mod cow_vec;
pub(crate) mod cow_btree_map;
pub(crate) mod cow_hash_index;
