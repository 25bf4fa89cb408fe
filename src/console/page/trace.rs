//! The page at `/traces/{id}`: one delivery as a waterfall. Where nothing but the root goes on, the
//! root's bar shows that it waits. Steps of jobs are most of what there is and seldom what is looked
//! for: they are folded until they are asked for, but for those that failed. An item's stages are thin
//! bars below its own; how long a run stood in its queue is shown at its bar and has none.

use maud::{Markup, html};

use super::link::{self, Address};
use super::{Frame, format, frame, parts};
use crate::console::chart::waterfall::{self, Row};
use crate::insight::report::{Trace, TraceSpan, Wait};
use crate::work::time::Time;

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

/// The time that the waterfall covers.
#[derive(Clone, Copy)]
struct Axis {
    from: Time,
    length: f64,
}

impl Axis {
    fn at(&self, at: Time) -> f64 {
        (100.0 * at.since(self.from) as f64 / self.length).clamp(0.0, 100.0)
    }
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
        @match axis(trace) {
            Some(axis) => (waterfall(address, trace, axis, steps)),
            None => section.panel { p.none { "Nothing is known yet of when anything in this trace began." } },
        }
        (waits(address, trace, steps))
    };
    frame(&Frame { title: &title, home: "/", basis: None, session: address.session() }, &content)
}

fn axis(trace: &Trace) -> Option<Axis> {
    let (from, to) = (trace.from?.0, trace.to?.0);
    Some(Axis { from, length: to.since(from).max(1) as f64 })
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

/// Ticks at whole units of time, at most nine.
fn ticks(axis: Axis) -> Vec<(f64, String)> {
    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;
    const STEPS: [i64; 18] = [
        1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 604_800,
        2_592_000, 15_552_000,
    ];
    let room = axis.length / 8.0;
    let step = STEPS.into_iter().map(|s| s * SECOND).find(|step| *step as f64 >= room).unwrap_or(365 * DAY);
    let first = (axis.from.micros() / step + 1) * step;
    (0..10)
        .map_while(|n| Time::from_micros(first + n * step))
        .filter(|at| at.since(axis.from) as f64 <= axis.length)
        .map(|at| {
            let minute = format::minute(at);
            let clock = minute.get(11..).unwrap_or_default().to_owned();
            let text = match (step, clock.as_str()) {
                (step, _) if step >= DAY => format::day(at),
                (_, "00:00") => format::day(at),
                (step, _) if step < 60 * SECOND => at.to_string().get(11..19).unwrap_or_default().to_owned(),
                _ => clock,
            };
            (axis.at(at), text)
        })
        .collect()
}

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

fn waterfall(address: &Address, trace: &Trace, axis: Axis, steps: Steps) -> Markup {
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
    let at = |at: Option<crate::insight::report::At>| {
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

/// What a bar is called.
fn kind(span: &TraceSpan) -> &'static str {
    match span.stage.as_deref() {
        Some("status") => "status",
        Some(_) => "stage",
        None if span.step.is_some() => "step",
        None => parts::one(span.kind),
    }
}

/// A span's title, or else its item; of a stage what it is.
fn name(span: &TraceSpan) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{address, realistic, text};

    #[test]
    fn ticks_are_at_whole_units_of_whatever_length_a_trace_has() {
        let from = Time::parse("2026-05-04T09:10:00Z").unwrap();
        for seconds in [0.000_001, 5.0, 600.0, 86_400.0, 80.0 * 3_600.0, 90.0 * 86_400.0, 3_000.0 * 86_400.0]
        {
            let ticks = ticks(Axis { from, length: seconds * 1e6 });
            assert!(ticks.len() <= 9, "{seconds}: {ticks:?}");
            assert!(seconds < 1.0 || !ticks.is_empty(), "{seconds}");
            assert!(ticks.windows(2).all(|pair| pair[1].0 - pair[0].0 > 8.0), "{seconds}: {ticks:?}");
        }
        let hours = ticks(Axis { from, length: 4.0 * 3.6e9 });
        assert_eq!(hours[0].1, "09:30");
    }

    /// The realistic trace, whose three steps are `Check out`, `Run pytest` (failed) and `Upload`.
    fn asking(steps: Steps) -> Address {
        address(if steps == Steps::Shown { "steps=show" } else { "" })
    }

    fn page(steps: Steps) -> String {
        render(&asking(steps), &realistic::reports().trace).into_string()
    }

    #[test]
    fn steps_are_folded_until_they_are_asked_for() {
        let folded = page(Steps::Folded);
        assert!(!folded.contains("Check out") && !folded.contains("Upload"), "{folded}");
        assert!(
            folded.contains(
                "href=\"/traces/dc165dd78f4a17ba2b0f38d1fd61fa6d?steps=show#waterfall-h\">Show 2 steps"
            ),
            "{folded}"
        );
        let shown = page(Steps::Shown);
        assert!(shown.contains("Check out") && shown.contains("Upload"), "{shown}");
        assert!(
            shown.contains("href=\"/traces/dc165dd78f4a17ba2b0f38d1fd61fa6d#waterfall-h\">Hide steps"),
            "{shown}"
        );
    }

    #[test]
    fn a_failed_step_is_shown_even_when_the_others_are_folded() {
        assert!(page(Steps::Folded).contains("step Run pytest: 30 min, failure"));
    }

    #[test]
    fn a_trace_without_steps_has_nothing_to_fold() {
        let mut trace = realistic::reports().trace;
        trace.spans.retain(|span| span.step.is_none());
        for steps in [Steps::Folded, Steps::Shown] {
            let page = render(&asking(steps), &trace).into_string();
            assert!(!page.contains("steps=show") && !page.contains("Hide steps"), "{page}");
        }
    }

    #[test]
    fn only_the_word_show_asks_for_the_steps() {
        let asked = |raw| Steps::of(&address(raw));
        assert_eq!(asked("filter=a%3Db&steps=show"), Steps::Shown);
        for raw in ["", "steps=hide", "steps="] {
            assert_eq!(asked(raw), Steps::Folded, "{raw:?}");
        }
    }

    #[test]
    fn the_way_back_leads_to_the_question_that_led_here() {
        let page = render(&address("kind=deploy&steps=show"), &realistic::reports().trace).into_string();
        assert!(page.contains("<a href=\"/?kind=deploy\">Overview</a>"), "{page}");
        assert!(page.contains("?kind=deploy#waterfall-h\">Hide steps"), "{page}");
    }

    #[test]
    fn a_wait_says_after_and_before_what() {
        let waits = text(&waits(&address(""), &realistic::reports().trace, Steps::Folded));
        assert!(waits.contains("pull request Round once"), "{waits}");
        assert!(waits.contains("deploy deploy: billing to production"), "{waits}");
    }

    #[test]
    fn a_wait_beside_a_folded_step_leads_to_it_unfolded() {
        let mut trace = realistic::reports().trace;
        let step = trace.spans.iter().position(|span| span.title.as_deref() == Some("Upload")).unwrap();
        trace.waits.truncate(1);
        trace.waits[0].to = trace.spans[step].start.unwrap();
        let html = waits(&address(""), &trace, Steps::Folded).into_string();
        let href = format!("href=\"/traces/{}?steps=show#span-{step}\"", trace.trace_id);
        assert!(html.contains(&href), "{html}");
        assert!(
            waits(&address(""), &trace, Steps::Shown)
                .into_string()
                .contains(&format!("href=\"#span-{step}\""))
        );
    }
}
