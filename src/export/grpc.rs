//! OTLP over gRPC: tonic's channel and the generated client. The channel connects when it is
//! first used, and again whenever it must.

use std::error::Error;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::codegen::http;
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};
use tower::ServiceExt;
use tower::util::MapResult;

use super::backend::{Backend, Compression};
use super::tls::Certificates;
use super::verdict::{Verdict, causes};
use super::{client, status};
use crate::clock;

/// A dead peer is noticed after this long without an answer to a ping.
const KEEPALIVE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub(super) struct Grpc {
    service: TraceServiceClient<GrpcOnly>,
    metadata: MetadataMap,
}

/// A channel whose answers are gRPC's or errors. tonic would read the page of a proxy that is
/// overloaded as a broken message, which says nothing about whether to try again.
type GrpcOnly = MapResult<Channel, fn(Answer<tonic::transport::Error>) -> Answer<NoAnswer>>;
type Answer<E> = Result<http::Response<Body>, E>;

fn grpc_only(answer: Answer<tonic::transport::Error>) -> Answer<NoAnswer> {
    let response = answer?;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let is_grpc = header("content-type").is_some_and(|kind| kind.starts_with("application/grpc"));
    if header("grpc-status").is_some() || (is_grpc && response.status() == http::StatusCode::OK) {
        return Ok(response);
    }
    let after = header("retry-after").and_then(|value| status::retry_after(value, clock::timestamp()));
    Err(NoAnswer::NotGrpc(NotGrpc { status: response.status().as_u16(), after }))
}

/// Why there is no answer of a gRPC server. A type of its own, since of a boxed error the compiler
/// cannot prove that the client's future may go from thread to thread.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Transport(#[from] tonic::transport::Error),
    #[error("{0}")]
    NotGrpc(#[source] NotGrpc),
}

/// An HTTP answer that no gRPC server gave.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status}")]
struct NotGrpc {
    status: u16,
    after: Option<Duration>,
}

impl NotGrpc {
    fn verdict(&self) -> Verdict {
        let explanation = "not the answer of a gRPC server";
        match status::of_http(self.status, self.after, explanation) {
            Verdict::Sent => Verdict::Refused { reason: format!("HTTP {}: {explanation}", self.status) },
            verdict => verdict,
        }
    }
}

impl Grpc {
    pub(super) fn new(backend: &Backend, certificates: Certificates) -> Result<Self, String> {
        // The channel's worker is spawned right away.
        tokio::runtime::Handle::try_current().map_err(|_| "a gRPC client needs a running runtime")?;
        let mut endpoint = Endpoint::from_shared(backend.endpoint.url().to_string())
            .and_then(|endpoint| endpoint.user_agent(client::USER_AGENT))
            .map_err(|cause| causes(&cause))?
            .connect_timeout(backend.timeout)
            .tcp_keepalive(Some(KEEPALIVE))
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE);
        if backend.endpoint.is_tls() {
            let mut tls = match certificates.ca {
                Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            if let Some(client) = certificates.client {
                tls = tls.identity(Identity::from_pem(client.certificate, client.key));
            }
            endpoint = endpoint.tls_config(tls).map_err(|cause| causes(&cause))?;
        }
        let mut service = TraceServiceClient::new(endpoint.connect_lazy().map_result(grpc_only as _))
            .max_decoding_message_size(client::LONGEST_ANSWER);
        if backend.compression == Compression::Gzip {
            service = service.send_compressed(CompressionEncoding::Gzip);
        }
        let metadata = MetadataMap::from_headers(backend.headers.map());
        Ok(Self { service, metadata })
    }

    pub(super) async fn send(&self, request: ExportTraceServiceRequest) -> Verdict {
        let mut request = tonic::Request::new(request);
        *request.metadata_mut() = self.metadata.clone();
        match self.service.clone().export(request).await {
            Ok(answer) => client::taken(answer.into_inner()),
            Err(status) => verdict(&status),
        }
    }
}

fn verdict(status: &Status) -> Verdict {
    let message = status.message();
    // A status with a cause was made here, out of a connection that was not made, broke or timed
    // out; one that a server sent has none. The same goes for an answer that ends without one.
    if let Some(cause) = status.source() {
        if let Some(answer) = find::<NotGrpc>(cause) {
            return answer.verdict();
        }
        return Verdict::Retry { after: None, reason: causes(cause) };
    }
    if status.code() == Code::Unknown
        && ["Service was not ready", "protocol error: missing grpc-status"]
            .iter()
            .any(|start| message.starts_with(start))
    {
        return Verdict::Retry { after: None, reason: message.to_owned() };
    }
    // An answer that is too long comes after a success: nothing to retry.
    if status.code() == Code::OutOfRange && message.starts_with("Error, decoded message length too large") {
        return Verdict::Sent;
    }
    status::of_grpc(status.code(), message, status.details())
}

/// The first error of a kind among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
