//! Reports to render in tests: realistic ones, and such as a hostile sender could bring about.

pub(crate) mod hostile;
pub(crate) mod html;
pub(crate) mod realistic;

use maud::Markup;

use super::link::Address;
use super::overview::Overview;
use super::{detail, items, overview, problem, stuck, trace};
use crate::insight::query::Query;
use crate::insight::report::{
    Correlations, Detail, Groups, Items, Latency, Quality, ServiceDora, Stages, Stuck, Summary, TagKeys,
    Trace, Trend, Wip,
};
use crate::work::time::Time;

/// One of each.
#[derive(Clone)]
pub(crate) struct Reports {
    pub summary: Summary,
    pub latency: Latency,
    pub correlations: Correlations,
    pub failures: Correlations,
    pub groups: Groups,
    pub trend: Trend,
    pub by_group: Trend,
    pub services: Vec<ServiceDora>,
    pub stages: Stages,
    pub wip: Wip,
    pub stuck: Stuck,
    pub quality: Quality,
    pub tags: TagKeys,
    pub detail: Detail,
    pub items: Items,
    pub trace: Trace,
}

/// The instant at which all of it is.
pub(crate) fn now() -> Time {
    Time::parse("2026-06-01T12:00:00Z").unwrap()
}

/// The address that a text of parameters gives.
pub(crate) fn address(text: &str) -> Address {
    let given: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
    let known = given.iter().filter(|(name, _)| name != trace::STEPS);
    let query = Query::parse(known.map(|(k, v)| (k.as_str(), v.as_str())), now()).unwrap();
    Address::new(&query, &given)
}

/// The overview, as it is asked for.
pub(crate) fn overview_page(reports: &Reports, asked: &str) -> Markup {
    let address = address(asked);
    let failures = address.query().measure() == crate::insight::query::Measure::Failure;
    overview::render(&Overview {
        address: &address,
        summary: &reports.summary,
        latency: &reports.latency,
        correlations: if failures { &reports.failures } else { &reports.correlations },
        groups: Some(&reports.groups),
        trend: if address.query().group.is_some() { &reports.by_group } else { &reports.trend },
        services: &reports.services,
        stages: &reports.stages,
        wip: &reports.wip,
        stuck: &reports.stuck,
        quality: &reports.quality,
        tags: &reports.tags,
        ingest: "http://127.0.0.1:5000/",
        now: now(),
    })
}

/// The overview with everything chosen that can be.
const CHOSEN: &str = "measure=failure&from=30d&filter=team!=web&filter=language=python&group=team\
                      &slower=36000&faster=360000";
/// The overview of a range of its own, with a pair laid over the histogram.
const OVERLAID: &str = "overlay=deploy.type=mutable&overlay=language=python&from=2026-03-01&to=2026-06-01";

/// Every page, with its name.
pub(crate) fn pages(reports: &Reports) -> Vec<(&'static str, String)> {
    let Reports { tags, items, trace, .. } = reports;
    let chosen = reports.detail.value.as_ref().map(|value| format!("{}={value}", reports.detail.key));
    let mut overlay = form_urlencoded::Serializer::new(String::new());
    overlay.extend_pairs(chosen.map(|chosen| ("overlay", chosen)));
    let overlay = address(&overlay.finish());
    let problem = problem::render(400, "That cannot be asked", "from (2026-02-01) must be before to");
    vec![
        ("overview", overview_page(reports, "").into_string()),
        ("failures", overview_page(reports, CHOSEN).into_string()),
        ("overlay", overview_page(reports, OVERLAID).into_string()),
        ("detail", detail::render(&overlay, &reports.detail, tags).into_string()),
        ("items", items::render(&address("slower=36000&cursor=abc"), items, tags).into_string()),
        ("stuck", stuck::render(&address("group=team&filter=team!=web"), &reports.stuck).into_string()),
        ("trace", trace::render(&address(""), trace).into_string()),
        ("trace-steps", trace::render(&address("steps=show"), trace).into_string()),
        ("problem", problem.into_string()),
    ]
}

/// The text of some markup.
pub(crate) fn text(markup: &Markup) -> String {
    let texts = html::read(&markup.0).into_iter().filter_map(|token| match token {
        html::Token::Text(text) => Some(text),
        _ => None,
    });
    texts.collect()
}
