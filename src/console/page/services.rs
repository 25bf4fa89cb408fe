//! What is deployed where: DORA's figures of each service and environment, in one table.

use maud::{Markup, html};

use super::{format, parts};
use crate::insight::report::ServiceDora;
use crate::work::time::Time;

/// As many rows as are shown; they come with the busiest first.
const SHOWN: usize = 10;

pub(super) fn render(services: &[ServiceDora], now: Time) -> Markup {
    html! {
        section.panel aria-labelledby="services" {
            (parts::heading("services", "Services", &html! {}))
            div.scroll { table.rows.services {
                thead { tr {
                    th scope="col" { "Service" }
                    th scope="col" { "Environment" }
                    th.num scope="col" { "Deploys" }
                    th.num scope="col" { "Failed" }
                    th.num scope="col" { "Change failures" }
                    th.num scope="col" { "Lead time p50" }
                    th.num scope="col" { "Last" }
                } }
                tbody { @for service in services.iter().take(SHOWN) { (row(service, now)) } }
            } }
            @if services.len() > SHOWN {
                p.note {
                    "The " (SHOWN) " with the most deploys; " code { "valuestream report dora" } " lists more."
                }
            }
        }
    }
}

fn row(service: &ServiceDora, now: Time) -> Markup {
    let failures = crate::insight::report::Outcomes { failed: service.failed, succeeded: service.succeeded };
    html! {
        tr {
            th scope="row" title=(service.service) {
                bdi { (short(&service.service)) }
                @if says_more(service) { " " span.sub { bdi { (service.name) } } }
            }
            td { bdi { (service.environment) } }
            td.num { (format::count(service.deployments)) }
            td.num { (parts::failure_rate(failures)) }
            td.num { (format::count(service.change_failures)) }
            td.num.strong { (format::duration_or(service.lead_time_p50_seconds)) }
            td.num { @match service.last {
                Some(at) => time datetime=(at.0) title=(format::minute(at.0)) { (format::ago(at.0, now)) },
                None => span.sub { (format::NOTHING) },
            } }
        }
    }
}

/// Whether the name of what is deployed is another one than the repository's or the job's own.
fn says_more(service: &ServiceDora) -> bool {
    let own = service.service.rsplit('/').next().unwrap_or_default();
    !service.name.is_empty() && !service.name.eq_ignore_ascii_case(own)
}

/// A service without the host in front of it: its owner and name say enough.
fn short(service: &str) -> &str {
    match service.split_once('/') {
        Some((host, rest)) if host.contains('.') && !rest.is_empty() => rest,
        _ => service,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{now, overview_page, realistic, text};

    #[test]
    fn a_service_has_its_figures_in_one_row() {
        let services = realistic::reports().services;
        let said = text(&row(&services[0], now()));
        assert_eq!(said, "acme/apiproduction1284.1%639 h2 h ago");
        let never =
            ServiceDora { deployments: 0, succeeded: 0, failed: 0, last: None, ..services[0].clone() };
        assert!(text(&row(&never, now())).contains("production0–"), "no rate of nothing");
    }

    #[test]
    fn one_of_several_services_of_a_repository_is_called_by_its_name() {
        let service = ServiceDora { name: "worker".to_owned(), ..realistic::reports().services[0].clone() };
        assert!(text(&row(&service, now())).starts_with("acme/api workerproduction128"));
    }

    #[test]
    fn only_the_ten_busiest_are_shown_and_it_says_so() {
        let one = realistic::reports().services.remove(0);
        let rows = |n: usize| render(&vec![one.clone(); n], now()).into_string();
        assert_eq!(rows(10).matches("<th scope=\"row\"").count(), 10);
        assert!(!rows(10).contains("valuestream report dora"));
        assert_eq!(rows(11).matches("<th scope=\"row\"").count(), 10);
        assert!(rows(11).contains("valuestream report dora"));
    }

    #[test]
    fn where_nothing_is_deployed_there_is_no_card() {
        let mut reports = realistic::reports();
        assert!(overview_page(&reports, "").into_string().contains("id=\"services\""));
        reports.services.clear();
        assert!(!overview_page(&reports, "").into_string().contains("id=\"services\""));
    }

    #[test]
    fn a_host_in_front_of_a_service_is_left_out() {
        assert_eq!(
            ["github.com/acme/api", "deploy/billing", "api", "ci.example.org/"].map(short),
            ["acme/api", "deploy/billing", "api", "ci.example.org/"]
        );
    }
}
