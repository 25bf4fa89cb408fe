//! placeholder
pub mod config;
pub mod telemetry;
pub mod work;
