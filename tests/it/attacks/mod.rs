//! Hostile input and load: what is done to an index, and that it answers right within a bound.

mod collisions;
mod label_sets;
