//! How far the data can be believed, and what waits to be dealt with.

use maud::{Markup, html};

use super::format;
use super::parts;
use crate::console::chart::bars;
use crate::insight::report::Quality;
use crate::work::time::Time;

/// A source that was not heard of for so long is worth a look.
const QUIET: i64 = crate::insight::query::DAY;

pub(super) fn render(quality: &Quality, now: Time) -> Markup {
    html! {
        section.panel aria-labelledby="quality" {
            (parts::heading("quality", "How far to believe it", &html! {}))
            div.columns {
                div {
                    h3 { "Links and times" }
                    dl.checks {
                        (part("Deploys without a change", quality.unlinked_deploys, quality.deploys))
                        (part(
                            "Merged pull requests without an issue",
                            quality.merged_without_issue,
                            quality.merged
                        ))
                        (part(
                            "Builds without a pull request or issue",
                            quality.unlinked_builds,
                            quality.builds
                        ))
                        (part(
                            "Deploys to an environment of no tier",
                            quality.untiered_deploys,
                            quality.deploys
                        ))
                        (amount("Items whose beginning is not known", quality.start_unknown, ""))
                        (amount("Items with an impossible interval", quality.clamped, ""))
                    }
                }
                div {
                    h3 { "To be dealt with" }
                    dl.checks {
                        (amount(
                            "Deliveries in quarantine",
                            quality.quarantined,
                            "valuestream quarantine list"
                        ))
                        (amount(
                            "Spans a backend refused",
                            quality.rejected_exports,
                            "valuestream exports list"
                        ))
                        div { dt { "Spans waiting to be sent" } dd { (format::count(quality.outbox)) } }
                    }
                    h3 { "Last delivery" }
                    dl.checks { @for (source, at) in &quality.last_delivery {
                        div {
                            dt { (source) }
                            dd { @match at {
                                Some(at) => {
                                    @if now.since(at.0) > QUIET { (warning("quiet for more than a day")) }
                                    time datetime=(at.0) title=(format::minute(at.0)) {
                                        (format::ago(at.0, now))
                                    }
                                },
                                None => span.sub { "never" },
                            } }
                        }
                    } }
                }
                div {
                    h3 { "Tags known" }
                    @if quality.tag_coverage.is_empty() { p.none { "No tags yet." } }
                    @if quality.unsliced_tag_keys > 0 {
                        p.note {
                            (format::counted(quality.unsliced_tag_keys, "more key", "more keys"))
                            " too many to slice by: name those that matter in " code { "tags.keys" } "."
                        }
                    }
                    dl.checks.coverage { @for (key, share) in &quality.tag_coverage {
                        div {
                            dt { bdi { (key) } }
                            dd {
                                @let label = format!("{} of finished items", format::share(*share));
                                (bars::share(*share, "fill", &label))
                                span.num { (format::share(*share)) }
                            }
                        }
                    } }
                }
            }
        }
    }
}

fn warning(what: &str) -> Markup {
    html! { span.bang role="img" aria-label=(what) title=(what) { "!" } " " }
}

/// So many of so many; more than a fifth is worth a look.
fn part(name: &str, n: u64, of: u64) -> Markup {
    let share = (of > 0).then(|| n as f64 / of as f64);
    html! {
        div {
            dt { (name) }
            dd {
                @if share.is_some_and(|share| share > 0.2) { (warning("more than a fifth")) }
                @match share {
                    Some(share) => {
                        (format::share(share)) " " span.sub { (format::count(n)) " of " (format::count(of)) }
                    }
                    ,
                    None => span.sub { "none at all" },
                }
            }
        }
    }
}

fn amount(name: &str, n: u64, command: &str) -> Markup {
    html! {
        div {
            dt { (name) @if n > 0 && !command.is_empty() { br; code { (command) } } }
            dd { @if n > 0 && !command.is_empty() { (warning("to be dealt with")) } (format::count(n)) }
        }
    }
}
