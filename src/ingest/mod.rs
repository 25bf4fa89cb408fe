//! From a connection to a durable answer. [`server`] accepts and bounds connections, [`receive`]
//! takes one delivery (method, secret, media type, size, verification, understanding),
//! [`committer`] groups what waits at the same time into one commit, [`reply`] turns what became
//! of it into the answer.

pub mod body;
pub mod committer;
pub mod receive;
pub mod reply;
pub mod server;
