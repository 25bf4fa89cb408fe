//! An OTLP receiver on a port of 127.0.0.1: gRPC and HTTP/protobuf on the same port, told apart
//! by path, with or without TLS. It keeps what it takes and answers what the test scripts.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry_proto::tonic::trace::v1::Span;
use rustls::ServerConfig;
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::Code;

use super::otlp_service::accept;

/// How long a condition may take to come true; reached only where it never does.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Takes all spans.
    Accept,
    /// Takes all but the last `rejected`, and says so; with 0 the message is a warning.
    Partial { rejected: i64, message: String },
    /// Takes nothing and answers this HTTP response, to a gRPC call too, as a proxy would.
    Http { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// Takes nothing and answers this gRPC status; not for HTTP requests.
    Grpc { code: Code, message: String, retry_delay: Option<Duration> },
    /// Takes nothing and answers this HTTP status with a body that never ends; not for gRPC.
    Endless { status: u16 },
    /// Takes nothing and never answers.
    Hang,
    /// Takes nothing and closes the connection.
    Close,
}

impl Answer {
    /// An HTTP status with neither headers nor a body.
    pub fn status(status: u16) -> Self {
        Self::Http { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A gRPC status without details.
    pub fn grpc(code: Code, message: &str) -> Self {
        Self::Grpc { code, message: message.to_owned(), retry_delay: None }
    }
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Grpc,
    Http,
}

/// A span with what surrounded it.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The resource's `service.name`.
    pub service: String,
    /// The resource's `service.namespace`.
    pub namespace: String,
    /// The scope's name and version.
    pub scope: (String, String),
    /// The span.
    pub span: Span,
}

/// A request that arrived, whatever became of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// How it came.
    pub via: Via,
    /// Its headers, or gRPC's metadata.
    pub headers: HeaderMap,
    /// Whether it was compressed with gzip.
    pub compressed: bool,
    /// Its spans in order.
    pub spans: Vec<Received>,
}

type Decide = Box<dyn FnMut(&Request) -> Answer + Send>;

struct State {
    decide: Decide,
    requests: Vec<Request>,
    taken: Vec<Received>,
}

pub(super) struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    /// Records a request and decides on it.
    pub(super) fn receive(&self, request: Request) -> Answer {
        let mut state = self.state.lock().unwrap();
        let answer = (state.decide)(&request);
        let taken = match &answer {
            Answer::Accept => request.spans.len(),
            Answer::Partial { rejected, .. } => request.spans.len().saturating_sub(*rejected as usize),
            _ => 0,
        };
        state.taken.extend_from_slice(&request.spans[..taken]);
        state.requests.push(request);
        drop(state);
        self.changed.notify_waiters();
        answer
    }
}

/// The receiver. It stops when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    shared: Arc<Shared>,
    port: Port,
}

/// The receiver's port. It is held even while nothing listens on it, so that no other test can
/// get it.
enum Port {
    Unbound,
    Held(TcpSocket),
    Open(JoinSet<()>),
}

impl Port {
    fn hold(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        Self::Held(socket)
    }
}

impl Receiver {
    /// One that takes everything, without TLS.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// One that takes everything, with TLS.
    pub async fn start_tls(config: Arc<ServerConfig>) -> Self {
        Self::start_with(Some(config)).await
    }

    async fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let decide: Decide = Box::new(|_| Answer::Accept);
        let state = State { decide, requests: Vec::new(), taken: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut receiver = Self { address, tls, shared, port: Port::Unbound };
        receiver.restart().await;
        receiver
    }

    /// Listens again, on the same port and with all that was kept.
    pub async fn restart(&mut self) {
        self.stop().await;
        if let Port::Held(socket) = std::mem::replace(&mut self.port, Port::Unbound) {
            let listener = socket.listen(1024).unwrap();
            let mut tasks = JoinSet::new();
            tasks.spawn(accept(listener, self.tls.clone().map(TlsAcceptor::from), Arc::clone(&self.shared)));
            self.port = Port::Open(tasks);
        }
    }

    /// Closes the port and every connection; until the restart, connections are refused.
    pub async fn stop(&mut self) {
        if let Port::Open(tasks) = &mut self.port {
            tasks.shutdown().await;
        }
        if !matches!(self.port, Port::Held(_)) {
            self.port = Port::hold(self.address);
        }
        if let Port::Held(socket) = &self.port {
            self.address = socket.local_addr().unwrap();
        }
    }

    /// The base address, for both protocols.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// From now on `decide` says what to do with each request.
    pub fn answer(&self, decide: impl FnMut(&Request) -> Answer + Send + 'static) {
        self.shared.state.lock().unwrap().decide = Box::new(decide);
    }

    /// The next requests get these answers in turn; those after them are accepted.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut answers: VecDeque<Answer> = answers.into_iter().collect();
        self.answer(move |_| answers.pop_front().unwrap_or(Answer::Accept));
    }

    /// Any request with such a span gets `answer`, all others are accepted.
    pub fn answer_if_any(&self, is_it: impl Fn(&Span) -> bool + Send + 'static, answer: Answer) {
        self.answer(move |request| {
            if request.spans.iter().any(|received| is_it(&received.span)) {
                answer.clone()
            } else {
                Answer::Accept
            }
        });
    }

    /// All spans taken so far, in order.
    pub fn spans(&self) -> Vec<Received> {
        self.shared.state.lock().unwrap().taken.clone()
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// Waits until the spans taken fulfil `condition`, and returns them.
    pub async fn wait_until(&self, mut condition: impl FnMut(&[Received]) -> bool) -> Vec<Received> {
        self.wait(|state| condition(&state.taken)).await;
        self.spans()
    }

    /// Waits until that many requests have arrived, and returns all.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        self.wait(|state| state.requests.len() >= count).await;
        self.requests()
    }

    async fn wait(&self, mut fulfilled: impl FnMut(&State) -> bool) {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                // Before looking, so that nothing between the look and the wait is missed.
                changed.as_mut().enable();
                if fulfilled(&self.shared.state.lock().unwrap()) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let state = self.shared.state.lock().unwrap();
            let names: Vec<_> = state.taken.iter().map(|received| received.span.name.as_str()).collect();
            panic!("not fulfilled after {} requests with these spans taken: {names:?}", state.requests.len());
        }
    }
}
