//! placeholder
pub mod sources;
pub mod work;
