//! placeholder
pub mod clock;
pub mod config;
pub mod export;
pub mod sources;
pub mod store;
pub mod work;
