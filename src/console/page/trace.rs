//! The page at `/traces/{id}`: one delivery as a waterfall. Where nothing but the root goes on, the
//! root's bar shows that it waits. Steps of jobs are most of what there is and seldom what is looked
//! for: they are folded until they are asked for, but for those that failed. An item's stages are thin
//! bars below its own; how long a run stood in its queue is shown at its bar and has none.

mod axis;
mod bars;

use axis::Axis;
use bars::{kind, name};
use maud::{Markup, html};

use super::link::{self, Address};
use super::{Frame, format, frame, parts};
use crate::insight::report::{Trace, TraceSpan};

/// As many waits as are listed.
const WAITS: usize = 6;

/// The parameter that says whether all steps are drawn.
pub const STEPS: &str = "steps";

/// Which steps of jobs are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    /// Those that failed.
    Folded,
    /// All.
    Shown,
}

impl Steps {
    /// What an address asks for: `steps=show`, or else nothing.
    fn of(address: &Address) -> Self {
        match address.extra(STEPS) {
            Some("show") => Self::Shown,
            _ => Self::Folded,
        }
    }

    /// The address of the same trace with steps drawn like that.
    fn at(self, address: &Address, trace: &Trace) -> String {
        let value = (self == Self::Shown).then_some("show");
        address.with_extra(STEPS, value).url(&link::trace_path(&trace.trace_id))
    }

    fn draw(self, span: &TraceSpan) -> bool {
        span.stage.as_deref() != Some("queue") && (self == Self::Shown || !foldable(span))
    }
}

fn foldable(span: &TraceSpan) -> bool {
    span.step.is_some() && !span.error
}

/// Renders the page. `address` is the question that led here; with `steps=show` all steps are drawn.
pub fn render(address: &Address, trace: &Trace) -> Markup {
    let steps = Steps::of(address);
    let home = address.with_extra(STEPS, None).url("/");
    let name = trace.title.as_deref().filter(|title| !title.trim().is_empty());
    let title = name.map_or_else(|| format::item(&trace.root), str::to_owned);
    let root = trace.spans.iter().find(|span| span.key == trace.root);
    let content = html! {
        nav.crumbs aria-label="Way back" { a href=(home) { "Overview" } span aria-hidden="true" { "/" } "Trace" }
        header.page {
            h1 { bdi { (title) } }
            p.sub { bdi { (format::item(&trace.root)) } " · trace " code { (trace.trace_id) } }
            p.links {
                @if let Some(root) = root {
                    (parts::outward(
                        root.url.as_deref(),
                        parts::sender(&root.key),
                        &format!("{} at {}", format::item(&root.key), parts::sender(&root.key))
                    ))
                }
                (parts::outward(
                    trace.backend_url.as_deref(),
                    "Tracing backend",
                    "This trace in the tracing backend"
                ))
            }
        }
        (facts(trace, root))
        @match Axis::of(trace) {
            Some(axis) => (bars::waterfall(address, trace, axis, steps)),
            None => section.panel { p.none { "Nothing is known yet of when anything in this trace began." } },
        }
        (waits(address, trace, steps))
    };
    frame(&Frame { title: &title, home: "/", basis: None, session: address.session() }, &content)
}

fn whole(trace: &Trace) -> Option<f64> {
    Some(trace.to?.0.since(trace.from?.0) as f64 / 1e6).filter(|seconds| *seconds > 0.0)
}

fn facts(trace: &Trace, root: Option<&TraceSpan>) -> Markup {
    let waiting: f64 = trace.waits.iter().map(|wait| wait.seconds).sum();
    let errors = trace.spans.iter().filter(|span| span.error).count();
    html! {
        dl.strip.trace-facts {
            div { dt { "From first to last" } dd { (format::duration_or(whole(trace))) } }
            div { dt { "Of this, waiting" } dd {
                (format::duration(waiting))
                @if let Some(whole) = whole(trace) { " " span.sub { (format::share(waiting / whole)) } }
            } }
            @if let Some(root) = root {
                div { dt { "Outcome" } dd { (parts::outcome(root.outcome.as_deref())) } }
            }
            div { dt { "Spans" } dd { (format::count(trace.spans.len() as u64 + trace.omitted)) } }
            div { dt { "Failed" } dd { (format::count(errors as u64)) } }
            @for (key, values) in &trace.tags {
                div { dt { bdi { (key) } } dd { bdi { (values.join(", ")) } } }
            }
        }
    }
}

fn waits(address: &Address, trace: &Trace, steps: Steps) -> Markup {
    let mut waits = trace.waits.clone();
    waits.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    html! {
        @if !waits.is_empty() {
            section.panel aria-labelledby="waits" {
                (parts::heading("waits", "Longest waits", &html! {}))
                div.scroll { table.rows {
                    thead { tr {
                        th.num.least scope="col" { "Waited" }
                        th scope="col" { "After" }
                        th scope="col" { "Before" }
                        th scope="col" { "From" }
                        th scope="col" { "To" }
                    } }
                    tbody { @for wait in waits.iter().take(WAITS) {
                        tr {
                            td.num.strong { (format::duration(wait.seconds)) }
                            td {
                                (neighbour(
                                    address,
                                    trace,
                                    steps,
                                    |span| span.end == Some(wait.from) && span.depth > 0,
                                    "the beginning"
                                ))
                            }
                            td {
                                (neighbour(
                                    address,
                                    trace,
                                    steps,
                                    |span| span.start == Some(wait.to) && span.depth > 0,
                                    "the end"
                                ))
                            }
                            td { (format::minute(wait.from.0)) }
                            td { (format::minute(wait.to.0)) }
                        }
                    } }
                } }
            }
        }
    }
}

/// What ended or began where nothing went on: what is drawn, or else a folded step.
fn neighbour(
    address: &Address,
    trace: &Trace,
    steps: Steps,
    is: impl Fn(&TraceSpan) -> bool,
    nothing: &str,
) -> Markup {
    let all = || trace.spans.iter().enumerate().filter(|(_, span)| span.stage.is_none() && is(span));
    let drawn = all().find(|(_, span)| steps.draw(span));
    html! {
        @match drawn.or_else(|| all().next()) {
            Some((index, span)) => {
                @let page = match steps.draw(span) {
                    true => String::new(),
                    false => Steps::Shown.at(address, trace),
                };
                span.sub { (kind(span)) " " }
                a href=(format!("{page}#span-{index}")) { bdi { (name(span)) } }
            },
            None => span.sub { (nothing) },
        }
    }
}

#[cfg(test)]
mod tests;
