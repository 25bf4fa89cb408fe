//! OTLP as protobuf over HTTP/1.1: one POST a request, redirects not followed, answers read only
//! as far as they can be of use.

use std::io::Write;

use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Identity, Response, Url, redirect};
use serde_json::Value;

use super::backend::{Backend, Compression};
use super::tls::Certificates;
use super::verdict::{Verdict, causes};
use super::{client, status};
use crate::clock;

const PROTOBUF: &str = "application/x-protobuf";

#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    compression: Compression,
}

/// The kinds of bodies that backends answer with.
enum Body {
    Protobuf(Vec<u8>),
    Json(Value),
    Html,
    Other(String),
}

impl Http {
    pub(super) fn new(backend: &Backend, certificates: Certificates) -> Result<Self, String> {
        let mut builder = reqwest::Client::builder()
            .user_agent(client::USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(backend.timeout);
        if backend.endpoint.is_loopback() {
            builder = builder.no_proxy();
        }
        match certificates.ca {
            Some(pem) => {
                let authorities = Certificate::from_pem_bundle(&pem).map_err(|cause| causes(&cause))?;
                builder = builder.tls_certs_only(authorities);
            }
            // Without this the system's authorities are loaded even for plain HTTP, and their
            // absence, as in a bare container, would be an error.
            None if !backend.endpoint.is_tls() => builder = builder.tls_certs_only([]),
            None => {}
        }
        if let Some(client) = certificates.client {
            let pem = [client.key, b"\n".to_vec(), client.certificate].concat();
            builder = builder.identity(Identity::from_pem(&pem).map_err(|cause| causes(&cause))?);
        }
        let client = builder.build().map_err(|cause| causes(&cause))?;
        let mut headers = backend.headers.map();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        if backend.compression == Compression::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let url = backend.endpoint.url().clone();
        Ok(Self { client, url, headers, compression: backend.compression })
    }

    pub(super) async fn send(&self, request: ExportTraceServiceRequest) -> Verdict {
        let mut body = request.encode_to_vec();
        if self.compression == Compression::Gzip {
            body = match gzip(&body) {
                Ok(compressed) => compressed,
                Err(cause) => return Verdict::Retry { after: None, reason: cause.to_string() },
            };
        }
        let sent = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body).send().await;
        match sent {
            Ok(response) => verdict(response).await,
            Err(cause) => transport_failure(cause),
        }
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

fn transport_failure(cause: reqwest::Error) -> Verdict {
    // The address may hold a key in its query.
    Verdict::Retry { after: None, reason: causes(&cause.without_url()) }
}

async fn verdict(mut response: Response) -> Verdict {
    let code = response.status().as_u16();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let content_type = header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let after = header(RETRY_AFTER).and_then(|value| status::retry_after(value, clock::timestamp()));

    let (bytes, complete) = match read(&mut response).await {
        Ok(read) => read,
        // The status counts even if the explanation breaks off, except where it says success:
        // whether all spans were taken is in the body.
        Err(cause) if response.status().is_success() => return transport_failure(cause),
        Err(_) => (Vec::new(), false),
    };
    let body = match content_type.split(';').next().unwrap_or_default().trim() {
        PROTOBUF | "application/protobuf" => Body::Protobuf(bytes),
        "text/html" => Body::Html,
        "application/json" => match serde_json::from_slice(&bytes) {
            Ok(json) => Body::Json(json),
            Err(_) => Body::Other(String::from_utf8_lossy(&bytes).into_owned()),
        },
        _ => Body::Other(String::from_utf8_lossy(&bytes).into_owned()),
    };
    match status::of_http(code, after, &explanation(&body)) {
        Verdict::Sent => success(body, complete),
        verdict => verdict,
    }
}

/// The body up to [`client::LONGEST_ANSWER`], and whether that was all.
async fn read(response: &mut Response) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = client::LONGEST_ANSWER - bytes.len();
        if chunk.len() > room {
            bytes.extend_from_slice(&chunk[..room]);
            return Ok((bytes, false));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, true))
}

/// What an error's body tells people.
fn explanation(body: &Body) -> String {
    match body {
        Body::Protobuf(bytes) => match status::RpcStatus::decode(bytes.as_slice()) {
            Ok(status) => status.message,
            Err(_) => String::new(),
        },
        Body::Json(json) => {
            let texts = ["message", "error", "detail"].iter().filter_map(|key| json.get(key)?.as_str());
            texts.map(str::to_owned).next().unwrap_or_else(|| json.to_string())
        }
        Body::Html => "a web page".to_owned(),
        Body::Other(text) => text.clone(),
    }
}

/// A success, unless the body takes some of it back.
fn success(body: Body, complete: bool) -> Verdict {
    match body {
        // A user interface answers 200 to anything. To believe it would be to lose the spans.
        Body::Html => Verdict::Refused {
            reason: "answered with a web page: this is not an OTLP endpoint, check host, port and path"
                .to_owned(),
        },
        Body::Protobuf(bytes) if complete => match ExportTraceServiceResponse::decode(bytes.as_slice()) {
            Ok(answer) => client::taken(answer),
            Err(_) => Verdict::Sent,
        },
        Body::Json(json) => client::taken(from_json(&json)),
        Body::Protobuf(_) | Body::Other(_) => Verdict::Sent,
    }
}

/// Some backends answer in JSON whatever they were sent; 64-bit numbers are texts there.
fn from_json(json: &Value) -> ExportTraceServiceResponse {
    let partial_success = json.get("partialSuccess").map(|partial| {
        let rejected = partial.get("rejectedSpans");
        ExportTracePartialSuccess {
            rejected_spans: rejected
                .and_then(|count| count.as_i64().or_else(|| count.as_str()?.parse().ok()))
                .unwrap_or(0),
            error_message: partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    });
    ExportTraceServiceResponse { partial_success }
}
