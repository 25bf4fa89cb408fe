//! placeholder
pub mod export;
pub mod sources;
pub mod store;
pub mod work;
