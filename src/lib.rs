//! placeholder
pub mod work;
