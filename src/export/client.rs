//! The client of one backend: one request in, one [`Verdict`] out. It retries nothing and keeps
//! nothing, and it never fails in another way than through the verdict.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};

use super::backend::{Backend, BackendError, Protocol};
use super::grpc::Grpc;
use super::headers::Headers;
use super::http::Http;
use super::tls;
use super::verdict::Verdict;

pub(super) const USER_AGENT: &str = concat!("valuestream/", env!("CARGO_PKG_VERSION"));
/// The most of an answer that is read, in bytes.
pub(super) const LONGEST_ANSWER: usize = 64 * 1024;

/// Sends requests to one backend. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    backend: String,
    timeout: Duration,
    headers: Headers,
    transport: Transport,
}

#[derive(Clone, Debug)]
enum Transport {
    Grpc(Grpc),
    Http(Http),
}

impl Client {
    /// A client for `backend`, within a Tokio runtime. Certificates are read now; the connection
    /// is made with the first request.
    pub fn new(backend: &Backend) -> Result<Client, BackendError> {
        tls::install_provider();
        let certificates = tls::certificates(backend)?;
        let transport = match backend.protocol {
            Protocol::Grpc => Grpc::new(backend, certificates).map(Transport::Grpc),
            Protocol::HttpProtobuf => Http::new(backend, certificates).map(Transport::Http),
        };
        let transport = transport.map_err(|problem| BackendError::Setup {
            backend: backend.name.clone(),
            problem: backend.headers.redact(&problem),
        })?;
        Ok(Client {
            backend: backend.name.clone(),
            timeout: backend.timeout,
            headers: backend.headers.clone(),
            transport,
        })
    }

    /// The backend's name.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Sends one request and waits for the answer, no longer than the backend's timeout.
    pub async fn send(&self, request: ExportTraceServiceRequest) -> Verdict {
        let spans = span_count(&request);
        let answer = async {
            match &self.transport {
                Transport::Grpc(grpc) => grpc.send(request).await,
                Transport::Http(http) => http.send(request).await,
            }
        };
        let verdict = match tokio::time::timeout(self.timeout, answer).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Retry { after: None, reason: format!("no answer within {:?}", self.timeout) },
        };
        match verdict.map_text(|text| self.headers.redact(text)) {
            Verdict::Partial { rejected: 0, message } => {
                if !message.is_empty() {
                    tracing::warn!(backend = self.backend, "the backend took all spans and warns: {message}");
                }
                Verdict::Sent
            }
            Verdict::Partial { rejected, message } => {
                Verdict::Partial { rejected: rejected.min(spans), message }
            }
            verdict => verdict,
        }
    }
}

/// An answer of success, with what it may take back; nothing or a warning is zero rejected.
pub(super) fn taken(answer: ExportTraceServiceResponse) -> Verdict {
    let partial = answer.partial_success.unwrap_or_default();
    Verdict::Partial {
        rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
        message: partial.error_message,
    }
}

fn span_count(request: &ExportTraceServiceRequest) -> u64 {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}
