//! Spans as text, for snapshots.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};

use super::receiver::Received;

fn value(value: &Option<AnyValue>) -> String {
    match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(yes)) => yes.to_string(),
        Some(any_value::Value::ArrayValue(list)) => {
            let members: Vec<String> = list.values.iter().map(|v| self::value(&Some(v.clone()))).collect();
            format!("[{}]", members.join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// A span's attribute.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes.iter().find(|a| a.key == key).map(|a| value(&a.value))
}

/// The key of the item that a span is of.
pub fn key(received: &Received) -> String {
    attribute(&received.span.attributes, "valuestream.key").unwrap_or_default()
}

/// An OTLP time as text.
pub fn time(nanos: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap().to_string()
}

/// All spans: each with its service, name, ids, times, status, attributes, events and links, in
/// the order of their keys, ids replaced by the names of the spans they belong to.
pub fn spans(received: &[Received]) -> String {
    let mut sorted: Vec<&Received> = received.iter().collect();
    sorted
        .sort_by_key(|r| (key(r), r.span.start_time_unix_nano, r.span.name.clone(), r.span.span_id.clone()));
    let mut names: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for r in &sorted {
        let step =
            attribute(&r.span.attributes, "cicd.pipeline.task.run.id").filter(|_| r.span.name == "step");
        let name = format!("{}{}", key(r), step.map(|n| format!("#{n}")).unwrap_or_default());
        names.insert(r.span.span_id.clone(), name);
    }
    let named = |id: &[u8]| names.get(id).cloned().unwrap_or_else(|| hex::encode(id));
    let mut text = String::new();
    for r in sorted {
        let span = &r.span;
        text.push_str(&format!("{} / {} {}\n", r.service, span.name, named(&span.span_id)));
        text.push_str(&format!(
            "  trace {} span {}\n",
            hex::encode(&span.trace_id),
            hex::encode(&span.span_id)
        ));
        if !span.parent_span_id.is_empty() {
            text.push_str(&format!("  parent {}\n", named(&span.parent_span_id)));
        }
        text.push_str(&format!("  {} to {}", time(span.start_time_unix_nano), time(span.end_time_unix_nano)));
        text.push_str(&format!(
            " kind {:?} status {:?}\n",
            span.kind(),
            span.status.as_ref().map(|s| (s.code(), s.message.clone()))
        ));
        for attribute in &span.attributes {
            text.push_str(&format!("  {} = {}\n", attribute.key, value(&attribute.value)));
        }
        for event in &span.events {
            let more: Vec<String> =
                event.attributes.iter().map(|a| format!(" {}={}", a.key, value(&a.value))).collect();
            text.push_str(&format!("  @ {} {}{}\n", time(event.time_unix_nano), event.name, more.concat()));
        }
        for link in &span.links {
            let how = attribute(&link.attributes, "valuestream.relation").unwrap_or_default();
            text.push_str(&format!(
                "  -> {} ({how}) in {}\n",
                named(&link.span_id),
                hex::encode(&link.trace_id)
            ));
        }
    }
    text
}

/// All spans as a tree: each below its parent, siblings by when they began, with when it began and
/// ended, how it ended, and what it is linked to. A parent that is not there is named by its id.
pub fn tree(received: &[Received]) -> String {
    let mut sorted: Vec<&Received> = received.iter().collect();
    sorted.sort_by_key(|r| {
        (
            r.span.start_time_unix_nano,
            r.span.end_time_unix_nano,
            key(r),
            r.span.name.clone(),
            r.span.span_id.clone(),
        )
    });
    let names: BTreeMap<&[u8], String> =
        sorted.iter().map(|r| (r.span.span_id.as_slice(), format!("{} {}", r.span.name, key(r)))).collect();
    let mut text = String::new();
    let roots = sorted.iter().filter(|r| !names.contains_key(r.span.parent_span_id.as_slice()));
    for root in roots {
        branch(root, 0, &sorted, &names, &mut text);
    }
    text
}

fn branch(
    at: &Received,
    depth: usize,
    all: &[&Received],
    names: &BTreeMap<&[u8], String>,
    text: &mut String,
) {
    let span = &at.span;
    let pad = "  ".repeat(depth);
    let mut line = format!("{pad}{}", span.name);
    let item = key(at);
    if !item.is_empty() && !span.name.contains('.') && span.name != "step" {
        line.push_str(&format!(" {item}"));
    }
    for name in ["issue.status", "deployment.environment.name", "cicd.pipeline.task.name"] {
        if span.name.contains('.') || span.name == "step" {
            line.extend(attribute(&span.attributes, name).map(|value| format!(" ({value})")));
        }
    }
    line.push_str(&format!(", {} to {}", time(span.start_time_unix_nano), time(span.end_time_unix_nano)));
    line.extend(attribute(&span.attributes, "valuestream.outcome").map(|outcome| format!(", {outcome}")));
    if depth == 0 && !span.parent_span_id.is_empty() {
        line.push_str(&format!(", below {} elsewhere", hex::encode(&span.parent_span_id)));
    }
    text.push_str(&line);
    text.push('\n');
    for link in &span.links {
        let how = attribute(&link.attributes, "valuestream.relation").unwrap_or_default();
        let to = names.get(link.span_id.as_slice()).cloned().unwrap_or_else(|| hex::encode(&link.span_id));
        text.push_str(&format!("{pad}  -> {how}: {to}\n"));
    }
    for child in
        all.iter().filter(|r| r.span.parent_span_id == span.span_id && r.span.trace_id == span.trace_id)
    {
        branch(child, depth + 1, all, names, text);
    }
}
