//! The wire side of the [`super::receiver`]: connections, TLS, the two protocols, and the answers
//! as they are scripted.

use std::convert::Infallible;
use std::io::Read;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{self, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tower::ServiceExt;

use super::receiver::{Answer, Received, Request, Shared, Via};

pub(super) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
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

/// A body without an end.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])))))
    }
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
        Answer::Endless { status } => {
            let mut response = plain(status, &[], Vec::new());
            *response.body_mut() = Body::new(Endless);
            response
        }
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
            Answer::Endless { .. } => panic!("an endless answer was scripted for a gRPC call"),
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
