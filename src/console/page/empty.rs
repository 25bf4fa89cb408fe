//! What to say where there is nothing: how to send the first webhook, or how to ask for more.

use maud::{Markup, html};

use super::link::Address;
use super::parts;
use crate::insight::report::{Quality, Summary};

/// Whether nothing was ever received.
pub(super) fn nothing_yet(summary: &Summary, quality: &Quality) -> bool {
    let none = |counts: &std::collections::BTreeMap<_, u64>| counts.values().all(|n| *n == 0);
    none(&summary.finished)
        && none(&summary.open)
        && quality.last_delivery.values().all(Option::is_none)
        && quality.quarantined == 0
}

/// For a range, or filters, with nothing in it.
pub(super) fn nothing_here(address: &Address, path: &str) -> Markup {
    let filtered = !address.query().filters.is_empty();
    html! {
        section.panel.gentle {
            h2 { "No finished " (parts::many(address.query().kind)) " here" }
            p {
                @if filtered {
                    "Nothing in this range has all of these filters. "
                } @else {
                    "Nothing of this kind ended in this range. "
                }
                "You could "
                @if filtered { a href=(address.without_filters().url(path)) { "remove the filters" } " or " }
                a href=(address.with_days(36_500).url(path)) { "look at all time" } "."
            }
        }
    }
}

/// For a server that never received anything.
pub(super) fn welcome(ingest: &str) -> Markup {
    let ingest = ingest.trim_end_matches('/');
    let hook = format!("{ingest}/github");
    let example = format!(
        "SECRET=the-secret-of-the-configuration\n\
         body='{{\"action\":\"closed\",\"issue\":{{\"number\":12,\"title\":\"Slow checkout\",\n\
         \x20 \"state\":\"closed\",\"state_reason\":\"completed\",\"labels\":[{{\"name\":\"team:payments\"}}],\n\
         \x20 \"created_at\":\"2026-03-02T09:00:00Z\",\"updated_at\":\"2026-03-04T15:30:00Z\",\n\
         \x20 \"closed_at\":\"2026-03-04T15:30:00Z\"}},\n\
         \x20 \"repository\":{{\"full_name\":\"acme/api\",\"html_url\":\"https://github.com/acme/api\"}}}}'\n\
         signature=$(printf '%s' \"$body\" | openssl dgst -sha256 -hmac \"$SECRET\" -r | cut -d ' ' -f 1)\n\
         curl {hook} -H 'Content-Type: application/json' -H 'X-GitHub-Event: issues' \\\n\
         \x20 -H \"X-Hub-Signature-256: sha256=$signature\" --data-binary \"$body\""
    );
    html! {
        section.welcome {
            h1 { "Waiting for the first webhook" }
            p.lead {
                "Point GitHub, GitLab, Jira, Jenkins or a script of your own here. As soon as something is delivered, this page shows how long "
                "work takes, where it waits, and what slow issues and failed deploys have in common."
            }
            ul.steps {
                li {
                    h2 { "From GitHub" }
                    p { "In the repository or the organisation: Settings, Webhooks, Add webhook." }
                    dl.checks {
                        div { dt { "Payload URL" } dd { code { (hook) } } }
                        div { dt { "Content type" } dd { code { "application/json" } } }
                        div { dt { "Secret" } dd { "one of " code { "sources.github.secrets" } } }
                        div {
                            dt { "Events" }
                            dd {
                                "Issues, Pull requests, Pull request reviews, Pushes, Workflow runs, "
                                "Workflow jobs, Deployments, Deployment statuses"
                            }
                        }
                    }
                    p.note {
                        "GitHub must be able to reach the address: use the public name of this server there, "
                        "with TLS in front of it."
                    }
                }
                li {
                    h2 { "From Jenkins" }
                    p {
                        "Notification plugin, format JSON, all events, to " code {
                            (ingest) "/jenkins?token=…"
                        }
                        " with one of " code { "sources.jenkins.secrets" }
                        "."
                    }
                }
                li {
                    h2 { "From GitLab" }
                    p {
                        "In the project or the group: Settings, Webhooks, to " code { (ingest) "/gitlab" }
                        ", with one of " code { "sources.gitlab.secrets" }
                        " as its secret token or signing token. Triggers: Issues, Merge requests, Comments, Pushes, "
                        "Pipelines, Jobs, Deployments, Releases."
                    }
                }
                li {
                    h2 { "From Jira" }
                    p {
                        "In the settings of the system: WebHooks, to " code { (ingest) "/jira" }
                        ", with one of " code { "sources.jira.secrets" }
                        " as its secret. Events: Issue created, updated and deleted, and those of sprints."
                    }
                }
                li {
                    h2 { "From anything else" }
                    p {
                        code { "valuestream exec --type deploy -- ./deploy.sh" } " tells of a command that it runs, "
                        code { "valuestream event" } " of anything. CDEvents go to "
                        code { (ingest) "/cdevents" } ". The secrets are "
                        code { "sources.custom.secrets" } " and " code { "sources.cdevents.secrets" } "."
                    }
                }
                li {
                    h2 { "By hand, to try it" }
                    pre tabindex="0" role="region" aria-label="Example with curl" { code { (example) } }
                    p.note {
                        "It is answered with 202 once it is on disk. Then load this page again, and choose All "
                        "as the range."
                    }
                }
            }
        }
    }
}
