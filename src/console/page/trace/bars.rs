//! The waterfall of a trace: its legend, a row for each span that is drawn, and what a row says when
//! it is unfolded. The bars themselves are drawn by `console::chart`.

use maud::{Markup, html};

use super::axis::{Axis, ticks};
use super::{Steps, foldable, format, link, parts};
use crate::console::chart::waterfall::{self, Row};
use crate::console::page::link::Address;
use crate::insight::report::{At, Trace, TraceSpan, Wait};

/// The way to the steps, or back.
fn fold(address: &Address, trace: &Trace, steps: Steps) -> Markup {
    let n = trace.spans.iter().filter(|span| foldable(span)).count();
    html! {
        @if n > 0 { @match steps {
            Steps::Folded => a.button href=(format!("{}#waterfall-h", Steps::Shown.at(address, trace))) {
                "Show " (format::counted(n as u64, "step", "steps"))
            },
            Steps::Shown => a.button href=(format!("{}#waterfall-h", Steps::Folded.at(address, trace))) { "Hide steps" },
        } }
    }
}

/// The panel with the waterfall; what `steps` does not draw is left out.
pub(super) fn waterfall(address: &Address, trace: &Trace, axis: Axis, steps: Steps) -> Markup {
    let ticks = ticks(axis);
    let gaps: Vec<(f64, f64)> =
        trace.waits.iter().map(|wait| (axis.at(wait.from.0), axis.at(wait.to.0))).collect();
    let grid: Vec<f64> = ticks.iter().map(|(place, _)| *place).collect();
    html! {
        section.panel aria-labelledby="waterfall-h" {
            (parts::heading("waterfall-h", "Waterfall", &html! {
                (fold(address, trace, steps))
                ul.legend {
                    @for kind in parts::kinds(trace.root.kind()) {
                        li.entry {
                            span class=(format!("swatch k-{}", kind.as_str())) aria-hidden="true" {}
                            (parts::one(kind))
                        }
                    }
                    @if trace.spans.iter().any(|span| span.stage.is_some() && steps.draw(span)) {
                        li.entry { span.swatch.thin aria-hidden="true" {} "stage" }
                    }
                    @if trace.spans.iter().any(|span| span.step.is_some() && steps.draw(span)) {
                        li.entry { span.swatch.k-step aria-hidden="true" {} "step" }
                    }
                    li.entry { span.swatch.wait aria-hidden="true" {} "waiting" }
                    li.entry { span.swatch.failed aria-hidden="true" {} "✕ failed" }
                }
            }))
            div.span-head { span {} (waterfall::axis(&ticks)) }
            ol.waterfall {
                @for (index, span) in trace.spans.iter().enumerate().filter(|(_, span)| steps.draw(span)) {
                    @let waits: &[Wait] = if index == 0 { &trace.waits } else { &[] };
                    (span_row(span, index, axis, &grid, waits, &gaps))
                }
            }
            @if trace.omitted > 0 {
                p.note { (format::counted(trace.omitted, "more span", "more spans")) " not shown." }
            }
        }
    }
}

fn span_row(
    span: &TraceSpan,
    index: usize,
    axis: Axis,
    grid: &[f64],
    waits: &[Wait],
    gaps: &[(f64, f64)],
) -> Markup {
    let place = span.start.map(|start| {
        let end = span.end.map_or(100.0, |end| axis.at(end.0));
        (axis.at(start.0), end)
    });
    let queued = span.start.zip(span.queued_seconds).filter(|(_, queued)| *queued > 0.0);
    let queued = queued.map(|(start, queued)| axis.at(start.0.plus(-(queued * 1e6) as i64)));
    let waits: Vec<(f64, f64, String)> = waits
        .iter()
        .map(|wait| {
            let text = format!("waiting {}", format::duration(wait.seconds));
            (axis.at(wait.from.0), axis.at(wait.to.0), text)
        })
        .collect();
    let events: Vec<(f64, String)> = span
        .events
        .iter()
        .map(|event| {
            (axis.at(event.at.0), format!("{}, {}", event.name.replace('_', " "), format::minute(event.at.0)))
        })
        .collect();
    let mut class = format!("k-{}", if span.step.is_some() { "step" } else { span.kind.as_str() });
    if span.error {
        class.push_str(" failed");
    }
    if span.end.is_none() {
        class.push_str(" running");
    }
    if span.stage.is_some() {
        class.push_str(" thin");
    }
    let name = name(span);
    let kind = kind(span);
    let took = format::duration_or(span.seconds);
    let state = match (&span.stage, span.end) {
        (Some(_), Some(_)) => "over",
        _ => span.outcome.as_deref().unwrap_or("open"),
    };
    let mut label = format!("{kind} {name}: {took}, {state}");
    if let Some(seconds) = span.queued_seconds {
        label.push_str(&format!(", after {} in the queue", format::duration(seconds)));
    }
    let id = format!("span-{index}");
    let href = format!("#{id}");
    html! {
        li #(id) .thin[span.stage.is_some()] {
            details.span {
                summary {
                    span class=(format!("name d{}", span.depth.min(8))) {
                        span.kind { (kind) }
                        span.title { bdi { (name) } }
                        @if span.error { span.fail aria-hidden="true" { "✕" } }
                    }
                }
                (span_detail(span))
            }
            (waterfall::row(
                &Row {
                    span: place,
                    queued,
                    waits: &waits,
                    gaps,
                    events: &events,
                    class: &class,
                    label: &label,
                    text: &took,
                    href: &href,
                    thin: span.stage.is_some(),
                }
                ,
                grid,
            ))
        }
    }
}

fn span_detail(span: &TraceSpan) -> Markup {
    let at = |at: Option<At>| {
        at.map_or_else(|| "not known".to_owned(), |at| format!("{} UTC", format::minute(at.0)))
    };
    html! {
        div.span-detail {
            dl.checks {
                div {
                    dt { "Key" }
                    dd { code { bdi { (span.key) } } @if span.episode > 0 { " episode " (span.episode) } }
                }
                div { dt { "Began" } dd { (at(span.start)) } }
                div { dt { "Ended" } dd { @if span.end.is_none() { "still open" } @else { (at(span.end)) } } }
                div { dt { "Took" } dd { (format::duration_or(span.seconds)) } }
                @if let Some(queued) = span.queued_seconds {
                    div { dt { "Waited in the queue" } dd { (format::duration(queued)) } }
                }
                @if span.stage.is_none() {
                    div { dt { "Outcome" } dd { (parts::outcome(span.outcome.as_deref())) } }
                }
                @for relation in relations(span) {
                    div { dt { (relation_words(relation)) } dd {
                        @for to in span.links.iter().filter(|to| to.relation == relation) {
                            a href=(link::trace_path(to.key.as_str())) { bdi { (format::item(&to.key)) } } " "
                        }
                    } }
                }
            }
            @if !span.events.is_empty() {
                ol.events { @for event in &span.events {
                    li {
                        time datetime=(event.at.0) { (format::minute(event.at.0)) }
                        " " (event.name.replace('_', " "))
                        @if let Some(detail) = &event.detail { " " span.sub { bdi { (detail) } } }
                    }
                } }
            }
            p.links {
                (parts::outward(
                    span.url.as_deref(),
                    parts::sender(&span.key),
                    &format!("{} at {}", format::item(&span.key), parts::sender(&span.key))
                ))
            }
        }
    }
}

/// How a span's links are related to it, each once.
fn relations(span: &TraceSpan) -> Vec<&str> {
    let mut relations: Vec<&str> = Vec::new();
    for link in &span.links {
        if !relations.contains(&link.relation.as_str()) {
            relations.push(&link.relation);
        }
    }
    relations
}

fn relation_words(relation: &str) -> &'static str {
    match relation {
        "ships" => "Brings",
        "deploy" => "Came with",
        "sprint" => "In the sprint",
        "epic" => "In the epic",
        "part_of" => "Part of",
        "blocked_by" => "Waits for",
        "follows" => "Follows",
        "release" => "In the release",
        "closes" => "Closes",
        _ => "Also belongs to",
    }
}

/// What a bar is called.
pub(super) fn kind(span: &TraceSpan) -> &'static str {
    match span.stage.as_deref() {
        Some("status") => "status",
        Some(_) => "stage",
        None if span.step.is_some() => "step",
        None => parts::one(span.kind),
    }
}

/// A span's title, or else its item; of a stage what it is.
pub(super) fn name(span: &TraceSpan) -> String {
    let title = span.title.as_deref().filter(|title| !title.trim().is_empty());
    let stage = match span.stage.as_deref() {
        Some("coding") => "coding",
        Some("pickup") => "waiting for review",
        Some("review") => "in review",
        Some("merge") => "approved, waiting to be merged",
        Some("deploy") => "waiting for deploy",
        Some("queue") => "in the queue",
        Some("first_response") => "waiting for a response",
        _ => "",
    };
    if !stage.is_empty() {
        return title.map_or_else(|| stage.to_owned(), |title| format!("{stage}, {title}"));
    }
    title.map_or_else(|| format::item(&span.key), str::to_owned)
}
