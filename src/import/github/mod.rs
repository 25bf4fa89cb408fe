//! GitHub's REST API as history: the [`client`] asks for pages and keeps to the limits, `listing`
//! says what there is since a moment, [`walk`] asks for the details and hands in what `payload` makes
//! of them: what GitHub's webhooks would have delivered.

pub mod client;
mod limits;
mod listing;
mod payload;
pub mod walk;
