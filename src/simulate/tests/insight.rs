//! What insight finds in simulated organisations: what is planted, and nothing else. The deliveries
//! go through the real parsers, folds and observations, in memory.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::app;
use crate::config::Config;
use crate::insight::cohort::{self, Cohort};
use crate::insight::correlate::{Options, correlate};
use crate::insight::delivery::Delivery;
use crate::insight::delivery::dora::dora;
use crate::insight::observation::observe;
use crate::insight::population::Population;
use crate::insight::query::{DAY, Measure, Query, Tier};
use crate::insight::report::{Attribute, Finding, MetricName};
use crate::insight::sampling::sample;
use crate::simulate::{Settings, Simulation, Talk};
use crate::sources::{Parsed, Request, parse};
use crate::work::event::Said;
use crate::work::item::Item;
use crate::work::key::Kind;
use crate::work::link::place;
use crate::work::testing::World;
use crate::work::time::Time;

impl World {
    fn hear(&mut self, said: Said) {
        for event in said.events {
            match self.items.get_mut(&event.key) {
                Some(item) => item.fold(event.facts),
                None => {
                    self.items.insert(event.key.clone(), Item::new(event));
                }
            }
        }
        for (reference, pointer) in said.refs {
            let pointers = self.refs.entry(reference).or_default();
            if !pointers.contains(&pointer) {
                pointers.push(pointer);
            }
        }
    }
}

fn until() -> Time {
    Time::parse("2026-03-31T18:00:00Z").unwrap()
}

/// What insight knows of an organisation after half a year.
fn population(seed: u64, issues: u32) -> Population {
    let keys = ("VALUESTREAM__TAGS__KEYS".to_owned(), "size,region".to_owned());
    let config = Config::load(None, [keys]).unwrap();
    let rules = app::rules(&config).unwrap();
    let understanding = app::understanding(&config, &rules).unwrap();
    let settings = Settings {
        seed,
        issues,
        until: until(),
        days: 182,
        organisation: "acme".to_owned(),
        talk: Talk::Terse,
        github_secret: None,
        jenkins_token: None,
    };
    let mut world = World::default();
    for delivery in Simulation::new(settings).deliveries() {
        let header = |(name, value): &(&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = delivery.headers.iter().map(header).collect();
        let request = Request { headers: &headers, body: &delivery.body };
        match parse(delivery.source, request, &understanding.context(delivery.at)).content.unwrap() {
            Parsed::Used(said) => world.hear(said),
            Parsed::Ignored { reason } => panic!("{delivery:?}: {reason}"),
        }
    }
    let items: Vec<Item> = world.items.values().cloned().collect();
    let observations: Vec<_> = items
        .iter()
        .map(|item| {
            let Ok(place) = place(item, &mut world);
            observe(item, &place, &rules.tagger)
        })
        .collect();
    let mut population = Population::new(config.insight().unwrap());
    population.apply(&observations);
    population
}

fn query() -> Query {
    Query { from: until().plus(-200 * DAY), ..Query::new(until()) }
}

/// The significant findings, the strongest first.
fn findings(population: &Population, kind: Kind, measure: Measure) -> Vec<Finding> {
    let query = Query { kind, measure: Some(measure), ..query() };
    let cohort = Cohort::select(population, &query).unwrap();
    let outcome = correlate(&sample(population, &cohort, measure, None), measure, None, &Options::default());
    let findings = outcome.findings.into_iter().map(|found| found.finding);
    findings.filter(|finding| finding.significant).collect()
}

fn texts(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().map(|attribute| format!("{}={}", attribute.key, attribute.value)).collect()
}

/// What a finding names, in whichever way.
fn names(finding: &Finding) -> Vec<String> {
    [texts(&finding.attributes), texts(&finding.aliases)].concat()
}

#[test]
fn insight_finds_what_is_planted_and_no_noise() {
    for seed in [1, 2, 3] {
        let population = population(seed, 300);
        let slow = findings(&population, Kind::Issue, Measure::Latency);
        let failing = findings(&population, Kind::Deploy, Measure::Failure);
        let told = |findings: &[Finding]| -> Vec<_> {
            findings.iter().map(|finding| (names(finding).join(" "), finding.score)).collect()
        };
        let all = format!("seed {seed}: {:#?} {:#?}", told(&slow), told(&failing));

        assert_eq!(texts(&slow[0].attributes), ["deploy.type=mutable", "language=python"], "{all}");
        assert!(slow[0].effect > 0.4, "{all}");
        assert!(names(&failing[0]).contains(&"deploy.type=mutable".to_owned()), "{all}");
        assert!(failing[0].attributes.len() == 1 && failing[0].effect > 0.1, "{all}");
        for finding in slow.iter().chain(&failing) {
            let names = names(finding);
            assert!(!names.iter().any(|name| name.contains("region")), "{all}");
            let alone = finding.attributes.len() == 1;
            let teams = alone && names.iter().any(|name| name.starts_with("team="));
            assert!(!teams, "{all}");
            if alone && names.contains(&"size=large".to_owned()) {
                assert!(finding.explained_by.is_some() || !finding.confounded_by.is_empty(), "{all}");
            }
        }
    }
}

#[test]
fn some_of_what_is_deployed_has_to_be_put_right() {
    let population = population(4, 300);
    let basis = cohort::basis(&query(), Tier::Production, until(), 0);
    let dora = dora(&Delivery::alone(&population, &query()).unwrap(), &query(), basis, until());
    let metric = |name: MetricName| dora.metrics.iter().find(|metric| metric.name == name).unwrap();
    for name in [MetricName::ChangeFailureRate, MetricName::ReworkRate] {
        let rate = metric(name).value.unwrap();
        assert!((0.035..0.12).contains(&rate), "{name:?}: {rate}");
    }
    let recovery = metric(MetricName::FailedDeploymentRecoveryTime);
    assert!((600.0..86_400.0).contains(&recovery.value.unwrap()), "{recovery:?}");
    let incident = population.incident();
    let incidents = population.of_kind(Kind::Issue).filter(|row| incident(*row)).count();
    assert!(incidents > 3, "{incidents}");
}
