//! What tests share: the peers that ValueStream talks to.

pub mod certificates;
pub mod receiver;
