//! An OTLP receiver on a port of 127.0.0.1: gRPC and HTTP/protobuf on the same port, told apart
//! by path, with or without TLS. It keeps what it takes and answers what the test scripts.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{self, HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tower::ServiceExt;

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

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    /// Records a request and decides on it.
    fn receive(&self, request: Request) -> Answer {
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

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(connection(stream, tls.clone(), Arc::clone(&shared)));
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    match tls {
        None => serve(stream, shared).await,
        Some(tls) => {
            // A handshake that fails is the client's to tell.
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, shared).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, shared: Arc<Shared>) {
    let closed = CancellationToken::new();
    let close = closed.clone();
    let service = hyper::service::service_fn(move |request| {
        let (shared, close) = (Arc::clone(&shared), close.clone());
        async move { Ok::<_, Infallible>(respond(request, shared, close).await) }
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        _ = server.serve_connection(TokioIo::new(stream), service) => {}
        () = closed.cancelled() => {}
    }
}

async fn respond(
    mut request: http::Request<Incoming>,
    shared: Arc<Shared>,
    close: CancellationToken,
) -> http::Response<Body> {
    if request.uri().path() == "/v1/traces" {
        return respond_http(request, shared, close).await;
    }
    let instead = Instead::default();
    request.extensions_mut().insert(instead.clone());
    request.extensions_mut().insert(close);
    let service = TraceServiceServer::new(GrpcSide(shared)).accept_compressed(CompressionEncoding::Gzip);
    let Ok(response) = service.oneshot(request).await;
    let instead = instead.0.lock().unwrap().take();
    instead.unwrap_or(response)
}

/// The response that replaces what the gRPC service answers.
#[derive(Clone, Default)]
struct Instead(Arc<Mutex<Option<http::Response<Body>>>>);

async fn hang() -> ! {
    std::future::pending::<Infallible>().await;
    unreachable!("pending never ends")
}

fn plain(status: u16, headers: &[(&'static str, String)], body: Vec<u8>) -> http::Response<Body> {
    let mut response = http::Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Body::new(Full::new(Bytes::from(body)))).unwrap()
}

fn partial(rejected_spans: i64, error_message: String) -> ExportTraceServiceResponse {
    let partial = ExportTracePartialSuccess { rejected_spans, error_message };
    ExportTraceServiceResponse { partial_success: Some(partial) }
}

async fn respond_http(
    request: http::Request<Incoming>,
    shared: Arc<Shared>,
    close: CancellationToken,
) -> http::Response<Body> {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if parts.method != http::Method::POST || header("content-type") != Some("application/x-protobuf") {
        return plain(415, &[], Vec::new());
    }
    let mut body = body.collect().await.unwrap().to_bytes().to_vec();
    let compressed = header("content-encoding") == Some("gzip");
    if compressed {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
        body = plain;
    }
    let Ok(export) = ExportTraceServiceRequest::decode(body.as_slice()) else {
        return plain(400, &[], b"not an export request".to_vec());
    };
    let spans = flatten(export);
    let protobuf = [("content-type", "application/x-protobuf".to_owned())];
    match shared.receive(Request { via: Via::Http, headers: parts.headers, compressed, spans }) {
        Answer::Accept => plain(200, &protobuf, ExportTraceServiceResponse::default().encode_to_vec()),
        Answer::Partial { rejected, message } => {
            plain(200, &protobuf, partial(rejected, message).encode_to_vec())
        }
        Answer::Http { status, headers, body } => plain(status, &headers, body),
        Answer::Grpc { .. } => panic!("a gRPC status was scripted for an HTTP request"),
        Answer::Hang => hang().await,
        Answer::Close => {
            close.cancel();
            hang().await
        }
    }
}

struct GrpcSide(Arc<Shared>);

#[tonic::async_trait]
impl TraceService for GrpcSide {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        let close = request.extensions().get::<CancellationToken>().unwrap().clone();
        let instead = request.extensions().get::<Instead>().unwrap().clone();
        let headers = request.metadata().clone().into_headers();
        let compressed = headers.get("grpc-encoding").is_some_and(|encoding| encoding == "gzip");
        let spans = flatten(request.into_inner());
        match self.0.receive(Request { via: Via::Grpc, headers, compressed, spans }) {
            Answer::Accept => Ok(tonic::Response::new(ExportTraceServiceResponse::default())),
            Answer::Partial { rejected, message } => Ok(tonic::Response::new(partial(rejected, message))),
            Answer::Http { status, headers, body } => {
                *instead.0.lock().unwrap() = Some(plain(status, &headers, body));
                Err(Status::aborted("replaced"))
            }
            Answer::Grpc { code, message, retry_delay: None } => Err(Status::new(code, message)),
            Answer::Grpc { code, message, retry_delay: Some(delay) } => {
                let details = retry_info(code, &message, delay).into();
                Err(Status::with_details(code, message, details))
            }
            Answer::Hang => hang().await,
            Answer::Close => {
                close.cancel();
                hang().await
            }
        }
    }
}

/// A `google.rpc.Status` with a `RetryInfo`, put together by hand: tag, length, value.
fn retry_info(code: Code, message: &str, delay: Duration) -> Vec<u8> {
    fn field(tag: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).ok().filter(|length| *length < 128).expect("a short value");
        [&[tag << 3 | 2, length], value].concat()
    }
    fn varint(tag: u8, mut number: u64) -> Vec<u8> {
        let mut bytes = vec![tag << 3];
        while number >= 128 {
            bytes.push(number as u8 | 128);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }
    let delay = [varint(1, delay.as_secs()), varint(2, delay.subsec_nanos().into())].concat();
    let url = field(1, b"type.googleapis.com/google.rpc.RetryInfo");
    let detail = [url, field(2, &field(1, &delay))].concat();
    [varint(1, code as u64), field(2, message.as_bytes()), field(3, &detail)].concat()
}

fn flatten(request: ExportTraceServiceRequest) -> Vec<Received> {
    let text = |attributes: &[KeyValue], key: &str| {
        let value = attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?;
        match value.value.as_ref()? {
            any_value::Value::StringValue(text) => Some(text.clone()),
            _ => None,
        }
    };
    let mut spans = Vec::new();
    for resource_spans in request.resource_spans {
        let attributes = resource_spans.resource.unwrap_or_default().attributes;
        for scope_spans in resource_spans.scope_spans {
            let scope = scope_spans.scope.unwrap_or_default();
            spans.extend(scope_spans.spans.into_iter().map(|span| Received {
                service: text(&attributes, "service.name").unwrap_or_default(),
                namespace: text(&attributes, "service.namespace").unwrap_or_default(),
                scope: (scope.name.clone(), scope.version.clone()),
                span,
            }));
        }
    }
    spans
}
