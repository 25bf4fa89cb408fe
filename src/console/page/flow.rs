//! Where the time goes, and what is open.

use maud::{Markup, html};

use super::link::Address;
use super::{format, parts, stuck as page};
use crate::console::chart::bars::{Part, stacked};
use crate::insight::report::{AgeBand, Stage, StageName, Stages, Stuck, Wip, WipKind};

fn name(stage: StageName) -> &'static str {
    match stage {
        StageName::FirstResponse => "Issue waits for an answer",
        StageName::Coding => "Coding",
        StageName::Pickup => "Waiting for review",
        StageName::Review => "In review",
        StageName::Merge => "Approved, waiting for merge",
        StageName::Deploy => "Waiting for deploy",
        StageName::BuildQueue => "Build waits in queue",
        StageName::BuildRun => "Build runs",
    }
}

fn slug(stage: StageName) -> &'static str {
    match stage {
        StageName::FirstResponse => "first-response",
        StageName::Coding => "coding",
        StageName::Pickup => "pickup",
        StageName::Review => "review",
        StageName::Merge => "merge",
        StageName::Deploy => "deploy",
        StageName::BuildQueue => "build-queue",
        StageName::BuildRun => "build-run",
    }
}

/// The stage bar.
pub(super) fn stages(stages: &Stages) -> Markup {
    let of_build = |stage: &&Stage| matches!(stage.stage, StageName::BuildQueue | StageName::BuildRun);
    // One after the other: the merge is a part of the review.
    let of_change = |stage: &&Stage| {
        use StageName::{Coding, Deploy, Pickup, Review};
        matches!(stage.stage, Coding | Pickup | Review | Deploy)
    };
    let changes: Vec<&Stage> = stages.stages.iter().filter(of_change).collect();
    let builds: Vec<&Stage> = stages.stages.iter().filter(of_build).collect();
    let known = stages.stages.iter().any(|stage| stage.quantiles.is_some());
    html! {
        section.panel aria-labelledby="stages" {
            (parts::heading("stages", "Where the time goes", &html! {}))
            @if !known {
                p.none {
                    "No stage is known in this range. Stages need pull requests, their reviews and deploys."
                }
            } @else {
                @if let Some(efficiency) = stages.flow_efficiency {
                    p.lead {
                        "Somebody worked on a change in " strong { (format::share(efficiency)) }
                        " of its time; the rest was waiting"
                        span.sub { " (flow efficiency, n = " (format::count(stages.flow_n)) ")" } "."
                    }
                }
                (bar(&changes, "Pull requests, all time together"))
                (bar(&builds, "Builds, all time together"))
                (table(stages))
                (definitions(stages))
                p.note {
                    (format::count(stages.merged_unreviewed)) " of "
                    (parts::counted(stages.merged, crate::work::key::Kind::PullRequest))
                    " merged without a review; " (format::count(stages.abandoned)) " closed without a merge."
                }
            }
        }
    }
}

fn bar(stages: &[&Stage], label: &str) -> Markup {
    let all: f64 = stages.iter().map(|stage| stage.total_seconds).sum();
    if all <= 0.0 {
        return html! {};
    }
    let bars: Vec<Part> = stages
        .iter()
        .map(|stage| {
            let share = stage.total_seconds / all;
            Part {
                share,
                class: format!("stage {}", slug(stage.stage)),
                href: format!("#stage-{}", slug(stage.stage)),
                label: format!("{}: {} of the time", name(stage.stage), format::share(share)),
                text: format::share(share),
            }
        })
        .collect();
    html! {
        p.bar-name { (label) }
        (stacked(&bars, label, 32))
    }
}

fn table(stages: &Stages) -> Markup {
    html! {
        div.scroll { table.rows {
            thead { tr {
                th scope="col" { "Stage" }
                th.num scope="col" { "p50" }
                th.num scope="col" { "p90" }
                th.num scope="col" { "n of" }
            } }
            tbody { @for stage in &stages.stages {
                tr id=(format!("stage-{}", slug(stage.stage))) {
                    th scope="row" {
                        span class=(format!("swatch stage {}", slug(stage.stage))) aria-hidden="true" {}
                        (name(stage.stage))
                        @if !stage.active { " " (parts::badge("waiting", "", "Nobody works in this stage")) }
                    }
                    td.num.strong { (format::duration_or(stage.quantiles.map(|q| q.p50_seconds))) }
                    td.num { (format::duration_or(stage.quantiles.map(|q| q.p90_seconds))) }
                    td.num { (format::count(stage.n)) " of " (format::count(stage.of)) }
                }
            } }
        } }
    }
}

fn definitions(stages: &Stages) -> Markup {
    html! {
        details.data {
            summary { "How stages are computed" }
            dl.prose { @for stage in &stages.stages {
                dt { (name(stage.stage)) }
                dd { (stage.definition)
                    @if stage.wrong_order > 0 {
                        " " (format::count(stage.wrong_order)) " left out: in the wrong order."
                    }
                    }
            } }
        }
    }
}

fn band(band: &AgeBand) -> String {
    match band.to_seconds {
        _ if band.from_seconds <= 0.0 => {
            format!("under {}", band.to_seconds.map_or_else(|| "any age".to_owned(), format::tick))
        }
        Some(to) => format!("{} to {}", format::tick(band.from_seconds), format::tick(to)),
        None => format!("over {}", format::tick(band.from_seconds)),
    }
}

/// Work in progress by age.
pub(super) fn wip(address: &Address, wip: &Wip, stuck: &Stuck) -> Markup {
    let bands =
        wip.kinds.iter().map(|kind| kind.bands.as_slice()).max_by_key(|bands| bands.len()).unwrap_or(&[]);
    let most = wip.kinds.iter().map(|kind| kind.n).max().unwrap_or(0);
    html! {
        section.panel aria-labelledby="wip" {
            (parts::heading("wip", "Open now, by age", &html! {}))
            @if most == 0 {
                p.none { "Nothing is open." }
            } @else {
                ul.legend { @for (index, one) in bands.iter().enumerate() {
                    li.entry {
                        span class=(format!("swatch age a{}", index.min(5))) aria-hidden="true" {}
                        (band(one))
                    }
                } }
                ul.wip { @for kind in &wip.kinds { (wip_kind(address, kind)) } }
                @if !wip.oldest.is_empty() {
                    h3.chart-title { "Oldest " (parts::many(wip.basis.kind)) }
                    ol.oldest { @for row in wip.oldest.iter().take(8) {
                        li {
                            span.name { (parts::trace_link(address, &row.trace_id, &row.key, row.title.as_deref())) }
                            span.num { (format::duration_or(row.seconds)) }
                        }
                    } }
                }
                p.note {
                    @let too_long = if stuck.total == 0 { "None".to_owned() } else { format::count(stuck.total) };
                    a href=(address.first_page().url(page::PATH)) {
                        (too_long) (if stuck.total > 1 { " have" } else { " has" }) " been open for too long"
                    }
                    ". Figures of finished work leave out what is still open, and so favour what was quick."
                }
            }
        }
    }
}

fn wip_kind(address: &Address, kind: &WipKind) -> Markup {
    let bars: Vec<Part> = kind
        .bands
        .iter()
        .enumerate()
        .map(|(index, one)| Part {
            share: one.n as f64 / kind.n.max(1) as f64,
            class: format!("age a{}", index.min(5)),
            href: format!("{}#wip", address.with_kind(kind.kind).url("/")),
            label: format!("{} open {}", parts::counted(one.n, kind.kind), band(one)),
            text: format::count(one.n),
        })
        .collect();
    let label = format!("Open {} by age", parts::many(kind.kind));
    html! {
        li {
            span.name { (parts::title(kind.kind)) }
            span.num.strong { (format::count(kind.n)) }
            span.bar { (stacked(&bars, &label, 22)) }
            span.sub { @if let Some(age) = kind.age { "median " (format::duration(age.p50_seconds)) } }
        }
    }
}
