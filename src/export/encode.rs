//! Spans of the domain as OTLP messages. What an outbox row holds is a `ScopeSpans` without its
//! scope; the resource and the scope are put around it at the moment of sending. Equal spans give
//! equal bytes.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message;

use crate::work::attr::Value;
use crate::work::span::{Attributes, Span, SpanEvent, SpanKind, SpanLink};

/// W3C trace flags: sampled.
const SAMPLED: u32 = 0x01;
/// The resource's `service.namespace`, and the name of the instrumentation scope.
const NAMESPACE: &str = "valuestream";

/// Stored bytes that are not spans.
#[derive(Debug, thiserror::Error)]
#[error("the stored spans at position {position} of the batch cannot be read: {source}")]
pub struct Unreadable {
    /// Which of the groups that were handed in, from 0.
    pub position: usize,
    source: prost::DecodeError,
}

/// The bytes to store for `spans`; [`decode`] and [`request`] read them.
pub fn encode(spans: &[Span]) -> Vec<u8> {
    proto::ScopeSpans { spans: spans.iter().map(message).collect(), ..Default::default() }.encode_to_vec()
}

/// The OTLP spans out of what [`encode`] stored.
pub fn decode(stored: &[u8]) -> Result<Vec<proto::Span>, prost::DecodeError> {
    Ok(proto::ScopeSpans::decode(stored)?.spans)
}

/// One request out of stored groups, each a source's name and what [`encode`] made. All spans of
/// a source share one resource; sources and spans keep the order in which they come.
pub fn request<'a>(
    groups: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<ExportTraceServiceRequest, Unreadable> {
    let mut by_source: Vec<(&str, Vec<proto::Span>)> = Vec::new();
    for (position, (source, stored)) in groups.into_iter().enumerate() {
        let spans = decode(stored).map_err(|source| Unreadable { position, source })?;
        match by_source.iter_mut().find(|(name, _)| *name == source) {
            Some((_, all)) => all.extend(spans),
            None => by_source.push((source, spans)),
        }
    }
    let resource_spans = by_source.into_iter().map(|(source, spans)| resource_spans(source, spans)).collect();
    Ok(ExportTraceServiceRequest { resource_spans })
}

fn resource_spans(source: &str, spans: Vec<proto::Span>) -> proto::ResourceSpans {
    proto::ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                key_value("service.name", text(source)),
                key_value("service.namespace", text(NAMESPACE)),
            ],
            ..Default::default()
        }),
        scope_spans: vec![proto::ScopeSpans {
            scope: Some(InstrumentationScope {
                name: NAMESPACE.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..Default::default()
            }),
            spans,
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn message(span: &Span) -> proto::Span {
    proto::Span {
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        parent_span_id: span.parent.map(|id| id.0.to_vec()).unwrap_or_default(),
        flags: SAMPLED,
        name: span.name.to_owned(),
        kind: match span.kind {
            SpanKind::Server => proto::span::SpanKind::Server,
            SpanKind::Internal => proto::span::SpanKind::Internal,
        } as i32,
        start_time_unix_nano: span.start.nanos(),
        end_time_unix_nano: span.end.nanos(),
        attributes: key_values(&span.attributes),
        events: span.events.iter().map(event).collect(),
        links: span.links.iter().map(link).collect(),
        // Absent is OpenTelemetry's "unset".
        status: span.error.as_ref().map(|description| proto::Status {
            code: proto::status::StatusCode::Error as i32,
            message: description.clone(),
        }),
        ..Default::default()
    }
}

fn event(event: &SpanEvent) -> proto::span::Event {
    proto::span::Event {
        time_unix_nano: event.at.nanos(),
        name: event.name.to_owned(),
        attributes: key_values(&event.attributes),
        ..Default::default()
    }
}

fn link(link: &SpanLink) -> proto::span::Link {
    proto::span::Link {
        trace_id: link.trace_id.0.to_vec(),
        span_id: link.span_id.0.to_vec(),
        attributes: key_values(&link.attributes),
        flags: SAMPLED,
        ..Default::default()
    }
}

fn key_values(attributes: &Attributes) -> Vec<KeyValue> {
    attributes.iter().map(|(key, value)| key_value(key, any(value))).collect()
}

fn key_value(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
}

fn any(value: &Value) -> AnyValue {
    let value = match value {
        Value::Str(text) => any_value::Value::StringValue(text.clone()),
        Value::Int(number) => any_value::Value::IntValue(*number),
        Value::Bool(yes) => any_value::Value::BoolValue(*yes),
        Value::List(texts) => {
            any_value::Value::ArrayValue(ArrayValue { values: texts.iter().map(|item| text(item)).collect() })
        }
    };
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::work::ids::{SpanId, TraceId};
    use crate::work::time::Time;

    fn span() -> Span {
        let attributes: Attributes = [
            ("z.number".into(), Value::Int(-3)),
            ("a.text".into(), Value::from("é")),
            ("m.list".into(), Value::List(vec!["b".into(), "a".into()])),
            ("k.yes".into(), Value::Bool(false)),
        ]
        .into();
        Span {
            trace_id: TraceId([7; 16]),
            span_id: SpanId([8; 8]),
            parent: Some(SpanId([9; 8])),
            name: "build",
            kind: SpanKind::Server,
            start: Time::from_micros(1_557_933_633_000_001).unwrap(),
            end: Time::from_micros(1_557_933_634_000_002).unwrap(),
            attributes: attributes.clone(),
            events: vec![SpanEvent {
                at: Time::from_micros(1_557_933_633_500_000).unwrap(),
                name: "labeled",
                attributes: attributes.clone(),
            }],
            links: vec![SpanLink { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), attributes }],
            error: Some("timeout".into()),
        }
    }

    fn keys(attributes: &[KeyValue]) -> Vec<&str> {
        attributes.iter().map(|pair| pair.key.as_str()).collect()
    }

    #[test]
    fn everything_of_a_span_arrives() {
        let decoded = decode(&encode(&[span()])).unwrap();
        let [span] = decoded.as_slice() else { panic!("one span, not {}", decoded.len()) };
        assert_eq!(span.trace_id, [7; 16]);
        assert_eq!(span.span_id, [8; 8]);
        assert_eq!(span.parent_span_id, [9; 8]);
        assert_eq!(span.flags, 1);
        assert_eq!(span.name, "build");
        assert_eq!(span.kind(), proto::span::SpanKind::Server);
        assert_eq!(span.start_time_unix_nano, 1_557_933_633_000_001_000);
        assert_eq!(span.end_time_unix_nano, 1_557_933_634_000_002_000);
        assert_eq!(keys(&span.attributes), ["a.text", "k.yes", "m.list", "z.number"]);
        assert_eq!(span.attributes[0].value, Some(text("é")));
        assert_eq!(
            span.attributes[1].value,
            Some(AnyValue { value: Some(any_value::Value::BoolValue(false)) })
        );
        assert_eq!(
            span.attributes[2].value,
            Some(AnyValue {
                value: Some(any_value::Value::ArrayValue(ArrayValue { values: vec![text("b"), text("a")] }))
            })
        );
        assert_eq!(span.attributes[3].value, Some(AnyValue { value: Some(any_value::Value::IntValue(-3)) }));
        assert_eq!(span.events[0].time_unix_nano, 1_557_933_633_500_000_000);
        assert_eq!(span.events[0].name, "labeled");
        assert_eq!(keys(&span.events[0].attributes).len(), 4);
        assert_eq!(span.links[0].trace_id, [1; 16]);
        assert_eq!(span.links[0].span_id, [2; 8]);
        assert_eq!(keys(&span.links[0].attributes).len(), 4);
        let status = span.status.as_ref().unwrap();
        assert_eq!((status.code(), status.message.as_str()), (proto::status::StatusCode::Error, "timeout"));
    }

    #[test]
    fn a_root_without_error_has_no_parent_and_no_status() {
        let root = Span { parent: None, error: None, kind: SpanKind::Internal, ..span() };
        let decoded = decode(&encode(&[root])).unwrap();
        assert_eq!(decoded[0].parent_span_id, [0; 0]);
        assert_eq!(decoded[0].status, None);
        assert_eq!(decoded[0].kind(), proto::span::SpanKind::Internal);
    }

    #[test]
    fn equal_spans_give_equal_bytes() {
        let mut reversed = span();
        reversed.attributes = span().attributes.into_iter().rev().collect();
        assert_eq!(encode(&[span(), reversed.clone()]), encode(&[reversed, span()]));
    }

    #[test]
    fn each_source_is_one_resource_with_its_spans_in_order() {
        let named = |name| encode(&[Span { name, ..span() }]);
        let (one, two, three) = (named("issue"), named("deploy"), named("job"));
        let groups = [("github", one.as_slice()), ("jenkins", two.as_slice()), ("github", three.as_slice())];
        let request = request(groups).unwrap();

        let seen: Vec<_> = request
            .resource_spans
            .iter()
            .map(|group| {
                let resource = group.resource.as_ref().unwrap();
                assert_eq!(keys(&resource.attributes), ["service.name", "service.namespace"]);
                assert_eq!(resource.attributes[1].value, Some(text("valuestream")));
                let scope = group.scope_spans[0].scope.as_ref().unwrap();
                assert_eq!(
                    (scope.name.as_str(), scope.version.as_str()),
                    ("valuestream", env!("CARGO_PKG_VERSION"))
                );
                let names: Vec<_> =
                    group.scope_spans[0].spans.iter().map(|span| span.name.as_str()).collect();
                (resource.attributes[0].value.clone().unwrap(), names)
            })
            .collect();
        assert_eq!(seen, [(text("github"), vec!["issue", "job"]), (text("jenkins"), vec!["deploy"])]);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_position() {
        let good = encode(&[span()]);
        let error = request([("github", good.as_slice()), ("github", &good[..good.len() - 1])]).unwrap_err();
        assert_eq!(error.position, 1);
    }
}
