//! placeholder
pub mod export;
pub mod work;
