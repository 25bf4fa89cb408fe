//! What slow or failed work has in common.

pub mod sample;
