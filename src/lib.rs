//! placeholder
pub mod config;
pub mod work;
