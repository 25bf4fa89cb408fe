//! A server that takes note of what it is told, is away, or refuses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use valuestream::sources::verify::{self, Access, Head};
use valuestream::work::key::Source;

use crate::support::sender::CUSTOM_KEY;

/// What a server was told, and what it answers: the first answers in order, then 202 to all.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) events: Vec<(HeaderMap, Value)>,
    pub(super) answers: Vec<u16>,
}

#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) address: SocketAddr,
    pub(super) notes: Arc<Mutex<Notes>>,
}

async fn take(State(notes): State<Arc<Mutex<Notes>>>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let mut notes = notes.lock().unwrap();
    let code = if notes.answers.is_empty() { 202 } else { notes.answers.remove(0) };
    let access = Access::Secrets(vec!["a-token".into(), CUSTOM_KEY.into()]);
    let head = Head { headers: &headers, query: None, now: valuestream::clock::now() };
    let code = verify::verify(Source::Custom, &access, head, &body).map_or(401, |()| code);
    notes.events.push((headers, serde_json::from_slice(&body).unwrap()));
    let status = if code == 202 { "recorded" } else { "refused" };
    let answer = json!({"status": status, "reason": format!("answer {code}")});
    (StatusCode::from_u16(code).unwrap(), answer.to_string())
}

impl Recorder {
    pub(super) async fn start(answers: &[u16]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    pub(super) fn on(listener: TcpListener, answers: &[u16]) -> Self {
        let address = listener.local_addr().unwrap();
        let notes = Arc::new(Mutex::new(Notes { events: Vec::new(), answers: answers.to_vec() }));
        let router = Router::new().fallback(take).with_state(notes.clone());
        let limits =
            valuestream::ingest::server::Limits { connections: 16, header_timeout: Duration::from_secs(9) };
        tokio::spawn(valuestream::ingest::server::serve(
            listener,
            router,
            limits,
            Default::default(),
            Duration::ZERO,
        ));
        Self { address, notes }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/custom", self.address)
    }

    pub(super) fn events(&self) -> Vec<Value> {
        self.notes.lock().unwrap().events.iter().map(|(_, event)| event.clone()).collect()
    }

    /// The event with an action; there must be one.
    pub(super) fn event(&self, action: &str) -> Value {
        let events = self.events();
        let found = events.iter().find(|event| event["action"] == action);
        found.unwrap_or_else(|| panic!("no {action}: {events:?}")).clone()
    }

    pub(super) fn header(&self, event: usize, name: &str) -> Option<String> {
        let notes = self.notes.lock().unwrap();
        Some(notes.events[event].0.get(name)?.to_str().unwrap().to_owned())
    }
}
