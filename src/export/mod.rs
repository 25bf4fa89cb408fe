//! stub
pub mod encode;
