//! Groups of payloads in, committed deliveries and counts out.

use std::collections::BTreeMap;

use axum::http::HeaderMap;

use super::ImportError;
use crate::clock;
use crate::ingest::receive::Understanding;
use crate::sources::{self, Parsed, Request};
use crate::store::{Committed, Content, Delivery, Rules, Store};
use crate::work::key::{Key, Kind, Source};

/// How many deliveries are committed at a time, unless a single item has more.
const BATCH: usize = 500;

/// What a webhook would have brought: headers that name the event and identify the delivery, and
/// the body. The same history must give the same identities each time.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The headers that the source's parser reads.
    pub headers: HeaderMap,
    /// The body, JSON.
    pub body: Vec<u8>,
}

/// All payloads of one work item. They are committed together.
pub type Group = Vec<Payload>;

/// Items of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Items of which something was told that the store had not heard.
    pub new: u64,
    /// Items of which all was known: imported before.
    pub known: u64,
}

/// What became of all that was handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By kind of item.
    pub items: BTreeMap<Kind, Count>,
    /// Deliveries that were folded in.
    pub recorded: u64,
    /// Deliveries that had been folded in before.
    pub duplicate: u64,
    /// Payloads that say nothing that is used.
    pub not_used: u64,
    /// Payloads that could not be understood. Each is told in the log.
    pub not_understood: u64,
}

/// Where a source's import hands in what it has read.
pub struct Intake<'a, S> {
    store: &'a S,
    source: Source,
    understanding: &'a Understanding,
    rules: &'a Rules,
    tally: Tally,
}

impl<'a, S: Store> Intake<'a, S> {
    /// An intake for payloads of `source`.
    pub fn new(store: &'a S, source: Source, understanding: &'a Understanding, rules: &'a Rules) -> Self {
        Self { store, source, understanding, rules, tally: Tally::default() }
    }

    /// What became of everything so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The store, for what was committed before.
    pub fn store(&self) -> &'a S {
        self.store
    }

    /// Parses and commits; all of it is durable when this returns. Payloads that cannot be understood
    /// are told in the log and passed over: the API still has them.
    pub async fn take(&mut self, groups: Vec<Group>) -> Result<(), ImportError> {
        let mut batch: Vec<(Delivery, Vec<Key>)> = Vec::new();
        for group in groups {
            let deliveries: Vec<_> =
                group.into_iter().filter_map(|payload| self.understood(&payload)).collect();
            if !batch.is_empty() && batch.len() + deliveries.len() > BATCH {
                self.commit(std::mem::take(&mut batch)).await?;
            }
            batch.extend(deliveries);
        }
        self.commit(batch).await
    }

    /// What a payload says, and about which items.
    fn understood(&mut self, payload: &Payload) -> Option<(Delivery, Vec<Key>)> {
        let received_at = clock::now();
        let request = Request { headers: &payload.headers, body: &payload.body };
        let parsed = sources::parse(self.source, request, &self.understanding.context(received_at));
        match parsed.content {
            Ok(Parsed::Used(said)) => {
                let keys = said.events.iter().map(|event| event.key.clone()).collect();
                let content = Content::Said(said);
                Some((Delivery { source: self.source, id: parsed.id, received_at, content }, keys))
            }
            Ok(Parsed::Ignored { .. }) => {
                self.tally.not_used += 1;
                None
            }
            Err(error) => {
                let (source, event) = (self.source, parsed.event_type);
                tracing::warn!(%source, event, reason = %error, "something of the history cannot be understood and is left out");
                self.tally.not_understood += 1;
                None
            }
        }
    }

    async fn commit(&mut self, batch: Vec<(Delivery, Vec<Key>)>) -> Result<(), ImportError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (deliveries, keys): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let outcomes = self.store.commit(deliveries, self.rules).await?;
        let mut items: BTreeMap<Key, bool> = BTreeMap::new();
        for (outcome, keys) in outcomes.into_iter().zip(keys) {
            let new = match outcome {
                Committed::Recorded(_) => true,
                Committed::Duplicate | Committed::Quarantined => false,
                Committed::Failed(reason) => {
                    let what = keys.first().map_or_else(|| "a delivery".to_owned(), ToString::to_string);
                    return Err(ImportError::Failed { what, reason });
                }
            };
            *(if new { &mut self.tally.recorded } else { &mut self.tally.duplicate }) += 1;
            for key in keys {
                *items.entry(key).or_default() |= new;
            }
        }
        for (key, new) in items {
            let count = self.tally.items.entry(key.kind()).or_default();
            *(if new { &mut count.new } else { &mut count.known }) += 1;
        }
        Ok(())
    }
}
