#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod insight;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::arrival::Arrival;
use super::delivery::Delivery;
use super::organisation::{DeployType, REGIONS};
use super::story::{Deploy, Ended, Reason, Why};
use super::*;
use crate::work::key::Source;

const SECRET: &str = "a secret for tests";

fn settings(seed: u64, issues: u32) -> Settings {
    Settings {
        seed,
        issues,
        until: Time::parse("2026-03-31T18:00:00Z").unwrap(),
        days: 90,
        organisation: "acme".to_owned(),
        talk: Talk::All,
        github_secret: Some(SECRET.into()),
        jenkins_token: Some("a token for tests".into()),
    }
}

fn simulation(seed: u64, issues: u32) -> Simulation {
    Simulation::new(settings(seed, issues))
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

/// The event and its action, or the phase.
fn what(delivery: &Delivery) -> String {
    let body = body(delivery);
    match delivery.header("x-github-event") {
        None => format!("jenkins.{}", body["build"]["phase"].as_str().unwrap()),
        Some(event) => match event {
            "deployment_status" => {
                format!("{event}.{}", body["deployment_status"]["state"].as_str().unwrap())
            }
            "pull_request_review" => format!("{event}.{}", body["review"]["state"].as_str().unwrap()),
            _ => [event, body["action"].as_str().unwrap_or("-")].join("."),
        },
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let all: Vec<Delivery> = simulation(1, 20).deliveries().collect();
    assert_eq!(all, simulation(1, 20).deliveries().collect::<Vec<_>>());
    let other: Vec<Delivery> = simulation(2, 20).deliveries().collect();
    let bodies: BTreeSet<_> = all.iter().map(|delivery| &delivery.body).collect();
    assert!(other.iter().all(|delivery| !bodies.contains(&delivery.body)));
}

#[test]
fn the_census_is_what_is_delivered_and_grows_with_the_issues() {
    let simulation = simulation(1, 100);
    let census = simulation.census();
    assert_eq!(census.issues, 100);
    let mut counted = BTreeMap::<String, u64>::new();
    let mut total = 0;
    for delivery in simulation.deliveries() {
        *counted.entry(what(&delivery)).or_default() += 1;
        total += 1;
    }
    assert_eq!(census.deliveries, total);
    assert_eq!(census.issues + census.incidents, counted["issues.opened"]);
    assert_eq!(census.pulls, counted["pull_request.opened"]);

    let larger = Simulation::new(Settings { issues: 2_000, days: 182, ..settings(1, 0) }).census();
    assert_eq!(larger.issues, 2_000);
    assert!((2_600..3_600).contains(&larger.pulls), "{larger:?}");
    assert!((7_500..10_500).contains(&larger.builds), "{larger:?}");
    assert!((2_100..3_000).contains(&larger.deploys), "{larger:?}");
}

#[test]
fn every_delivery_is_signed_as_its_sender_signs() {
    let mut ids = BTreeSet::new();
    for delivery in simulation(3, 30).deliveries() {
        match delivery.source {
            Source::Github => {
                let signature = delivery.header("x-hub-signature-256").unwrap();
                let signature = hex::decode(signature.strip_prefix("sha256=").unwrap()).unwrap();
                let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
                mac.chain_update(&delivery.body).verify_slice(&signature).unwrap();
                let id = delivery.header("x-github-delivery").unwrap();
                assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
                assert!(ids.insert(id.to_owned()), "{id} came twice");
                assert_eq!(delivery.path(), "/github");
            }
            Source::Jenkins => {
                assert_eq!(delivery.header("authorization"), Some("Bearer a token for tests"));
                assert_eq!(delivery.path(), "/jenkins");
            }
            other => panic!("{other} sends nothing here"),
        }
    }
    assert!(!ids.is_empty());
}

#[test]
fn without_secrets_nothing_is_signed() {
    let settings = Settings { github_secret: None, jenkins_token: None, ..settings(1, 5) };
    for delivery in Simulation::new(settings).deliveries() {
        assert_eq!(delivery.header("x-hub-signature-256"), None);
        assert_eq!(delivery.header("authorization"), None);
    }
}

/// A time in a payload, whichever way it is written.
fn time(value: &Value) -> Option<Time> {
    match value {
        Value::String(text) => Some(Time::parse(text).unwrap()),
        Value::Number(number) => Some(Time::from_millis(number.as_i64().unwrap()).unwrap()),
        _ => None,
    }
}

#[test]
fn times_are_ordered_over_all_and_within_every_payload() {
    const ORDER: [(&str, [&str; 3]); 8] = [
        ("issue", ["/issue/created_at", "/issue/updated_at", "/issue/closed_at"]),
        ("pull", ["/pull_request/created_at", "/pull_request/merged_at", "/pull_request/closed_at"]),
        ("pull", ["/pull_request/created_at", "/review/submitted_at", "/pull_request/updated_at"]),
        ("run", ["/workflow_run/created_at", "/workflow_run/run_started_at", "/workflow_run/updated_at"]),
        ("job", ["/workflow_job/created_at", "/workflow_job/started_at", "/workflow_job/completed_at"]),
        ("deploy", ["/deployment/created_at", "/deployment/created_at", "/deployment_status/created_at"]),
        ("push", ["/head_commit/timestamp", "/head_commit/timestamp", "/head_commit/timestamp"]),
        ("jenkins", ["/build/timestamp", "/build/timestamp", "/build/timestamp"]),
    ];
    let mut last = Time::MIN;
    let mut by_item = BTreeMap::<String, Time>::new();
    let until = settings(0, 0).until;
    for delivery in simulation(4, 60).deliveries() {
        assert!(delivery.at >= last && delivery.at <= until, "{delivery:?} after {last}");
        last = delivery.at;
        let body = body(&delivery);
        for (_, pointers) in ORDER {
            let times: Vec<Time> = pointers.iter().filter_map(|p| body.pointer(p).and_then(time)).collect();
            assert!(times.is_sorted(), "{} {times:?}", what(&delivery));
            assert!(times.iter().all(|at| *at <= delivery.at), "{} tells the future", what(&delivery));
        }
        if delivery.source == Source::Jenkins {
            let at = time(&body["build"]["timestamp"]).unwrap();
            let before = by_item.insert(delivery.item.clone(), at).unwrap_or(Time::MIN);
            assert!(before <= at, "{}", delivery.item);
        }
        for step in body.pointer("/workflow_job/steps").and_then(Value::as_array).into_iter().flatten() {
            let times: Vec<Time> =
                ["started_at", "completed_at"].iter().filter_map(|name| time(&step[*name])).collect();
            assert!(times.is_sorted() && times.iter().all(|at| *at <= delivery.at), "{step}");
        }
    }
}

fn median(mut all: Vec<i64>) -> i64 {
    all.sort_unstable();
    all[all.len() / 2]
}

#[test]
fn what_is_planted_is_there() {
    for seed in [1, 2, 3] {
        let simulation = simulation(seed, 400);
        let repositories = &simulation.organisation().repositories;
        let (mut slow, mut rest) = (Vec::new(), Vec::new());
        let mut by_region = BTreeMap::<&str, Vec<i64>>::new();
        let mut large = [[0u32; 2]; 2];
        let mut deploys: [Vec<Ended>; 2] = [Vec::new(), Vec::new()];
        for story in simulation.stories() {
            let repository = &repositories[story.repository];
            if let Some(lead) = story.lead_time() {
                if repository.is_slow() {
                    slow.push(lead)
                } else {
                    rest.push(lead)
                }
                by_region.entry(story.labels[2]).or_default().push(lead);
            }
            large[usize::from(repository.language == "Python")]
                [usize::from(story.labels.contains(&"size:large"))] += 1;
            deploys[usize::from(repository.deploy_type == DeployType::Mutable)]
                .extend(story.ended_deploys().map(|deploy: &Deploy| deploy.result));
        }
        let (slow, rest) = (median(slow), median(rest));
        assert!(slow >= 3 * rest && slow <= 6 * rest, "seed {seed}: {slow} against {rest}");
        let failed = |all: &[Ended]| {
            let failed = all.iter().filter(|ended| **ended == Ended::Failure).count() as f64;
            failed / all.iter().filter(|ended| **ended != Ended::Stopped).count() as f64
        };
        let (mutable, others) = (failed(&deploys[1]), failed(&deploys[0]));
        assert!(mutable >= 2.0 * others, "seed {seed}: {mutable} against {others}");
        // The confounder goes with the language, and the noise with nothing.
        let share = |[small, large]: [u32; 2]| f64::from(large) / f64::from(small + large);
        assert!(share(large[1]) > 2.0 * share(large[0]), "seed {seed}: {large:?}");
        let regions: Vec<i64> = by_region.into_values().map(median).collect();
        assert_eq!(regions.len(), REGIONS.len());
        assert!(regions.iter().max().unwrap() < &(2 * regions.iter().min().unwrap()), "{regions:?}");
    }
}

#[test]
fn what_goes_wrong_after_a_deploy_is_put_right_within_hours() {
    let simulation = Simulation::new(Settings { issues: 2_000, days: 182, ..settings(1, 0) });
    let repositories = &simulation.organisation().repositories;
    // By whether the deploys are mutable: how many went well, and how many were put right.
    let (mut well, mut troubled) = ([0u32; 2], [0u32; 2]);
    let (mut soon, mut ways) = (0, [0u32; 3]);
    let (mut leads, mut incidents) = (Vec::new(), Vec::new());
    for story in simulation.stories() {
        let side = usize::from(repositories[story.repository].deploy_type == DeployType::Mutable);
        let well_of = |pull: usize| {
            let deploys = story.ended_deploys().filter(move |deploy| deploy.pull == pull);
            deploys.filter(|deploy| deploy.environment == "production" && deploy.result == Ended::Success)
        };
        let told = story.pulls.iter().enumerate().filter(|(_, pull)| pull.opened <= settings(0, 0).until);
        for (index, pull) in told {
            let live = well_of(index).map(|deploy| deploy.ended).next();
            let way = match pull.why {
                Why::Issue => {
                    well[side] += u32::from(live.is_some());
                    continue;
                }
                Why::Hotfix { incident: Some(_) } => 0,
                Why::Revert { of } => {
                    assert!(well_of(of).next().is_some(), "what did not go live cannot be wrong there");
                    1
                }
                Why::Hotfix { incident: None } => 2,
            };
            ways[way] += 1;
            troubled[side] += 1;
            let before = (0..index).flat_map(well_of).map(|deploy| deploy.ended).max();
            let within = |live: Time| before.is_some_and(|before| live.since(before) < 86_400_000_000);
            soon += u32::from(live.is_some_and(within));
            assert!(story.runs.iter().any(|run| run.pull == index), "a fix is built, too");
        }
        leads.extend(story.lead_time());
        for (at, incident) in story.incidents.iter().enumerate() {
            assert!(incident.labels.contains(&"incident"));
            let closed = story
                .beats
                .iter()
                .find(|beat| matches!(beat.act, Act::Incident(of, IssueAct::Closed(_)) if of == at));
            incidents.extend(closed.map(|closed| closed.at.since(incident.opened)));
            let fix = story.pulls.iter().position(|p| p.why == Why::Hotfix { incident: Some(at) });
            let live = fix.and_then(|fix| well_of(fix).map(|deploy| deploy.ended).next());
            assert!(closed.is_none_or(|closed| live.is_none_or(|live| live <= closed.at)));
        }
    }
    let rate = |side: usize| f64::from(troubled[side]) / f64::from(well[side]);
    assert!((0.01..0.08).contains(&rate(0)) && (0.07..0.18).contains(&rate(1)), "{troubled:?} of {well:?}");
    assert!(ways.iter().all(|way| *way >= 3), "{ways:?}");
    let (incidents, leads) = (median(incidents) as f64, median(leads) as f64);
    assert!((0.7..1.4).contains(&(incidents / leads)), "incidents would stand out: {}", incidents / leads);
    assert!(f64::from(soon) > 0.7 * f64::from(troubled[0] + troubled[1]), "{soon} of {troubled:?}");
}

#[test]
fn terse_senders_tell_of_the_same_with_fewer_words() {
    let all: Vec<Delivery> = simulation(9, 40).deliveries().collect();
    let terse = Simulation::new(Settings { talk: Talk::Terse, ..settings(9, 40) });
    let said: Vec<Delivery> = terse.deliveries().collect();
    assert_eq!(terse.census().deliveries, said.len() as u64);
    assert_eq!(
        Census { deliveries: 0, ..terse.census() },
        Census { deliveries: 0, ..simulation(9, 40).census() }
    );
    let needed = |delivery: &&Delivery| {
        let what = what(delivery);
        // Of pushes the one with which a branch begins.
        let begins = || body(delivery)["created"] == true;
        (what != "push.-" || begins()) && (!what.starts_with("jenkins.") || what == "jenkins.COMPLETED")
    };
    assert!(said == all.iter().filter(needed).cloned().collect::<Vec<_>>());
    assert!(said.len() * 10 < all.len() * 7, "{} of {}", said.len(), all.len());
}

#[test]
fn issues_live_for_hours_and_days_and_end_in_every_way() {
    let simulation = simulation(1, 300);
    let mut ends = BTreeMap::<&str, u32>::new();
    let mut leads = Vec::new();
    for story in simulation.stories() {
        let episodes = story.episodes();
        leads.extend(story.lead_time());
        let end = match episodes.last().unwrap().1 {
            None => "open",
            Some((_, reason)) => reason.as_str(),
        };
        *ends.entry(end).or_default() += 1;
        if episodes.len() > 1 {
            *ends.entry("reopened").or_default() += 1;
            assert_eq!(episodes[0].1.unwrap().1, Reason::Completed);
        }
    }
    for end in ["open", "completed", "not_planned", "duplicate", "reopened"] {
        assert!(ends.contains_key(end), "no issue is {end}: {ends:?}");
    }
    let hours = median(leads) / 3_600_000_000;
    assert!((12..96).contains(&hours), "{hours} hours");
}

#[test]
fn numbers_are_given_out_once_without_gaps_and_in_order() {
    let mut last = BTreeMap::<String, u64>::new();
    for delivery in simulation(5, 150).deliveries() {
        let body = body(&delivery);
        let (series, number) = match what(&delivery).as_str() {
            "issues.opened" => (body["repository"]["name"].to_string(), &body["issue"]["number"]),
            "pull_request.opened" => (body["repository"]["name"].to_string(), &body["number"]),
            "jenkins.QUEUED" => (body["url"].to_string(), &body["build"]["number"]),
            _ => continue,
        };
        let number = number.as_u64().unwrap();
        let before = last.insert(series.clone(), number).unwrap_or(0);
        assert_eq!(number, before + 1, "{series}");
    }
    assert!(last.len() > 27);
}

#[test]
fn what_is_shipped_is_what_was_merged() {
    let mut merged = BTreeSet::new();
    let mut deployed = 0;
    for delivery in simulation(6, 100).deliveries() {
        let body = body(&delivery);
        match what(&delivery).as_str() {
            "pull_request.closed" if body["pull_request"]["merged"] == true => {
                merged.insert(body["pull_request"]["merge_commit_sha"].as_str().unwrap().to_owned());
            }
            "deployment.created" => {
                deployed += 1;
                assert!(merged.contains(body["deployment"]["sha"].as_str().unwrap()));
            }
            "jenkins.COMPLETED" if body["build"]["parameters"]["type"] == "deploy" => {
                if let Some(sha) = body["build"]["scm"]["commit"].as_str() {
                    deployed += 1;
                    assert!(merged.contains(sha));
                }
            }
            _ => {}
        }
    }
    assert!(deployed > 30, "{deployed}");
}

#[test]
fn a_long_simulation_holds_no_more_than_is_under_way() {
    let simulation = Simulation::new(Settings { days: 500, ..settings(1, 250) });
    let mut deliveries = simulation.deliveries();
    let mut most = 0;
    while deliveries.next().is_some() {
        most = most.max(deliveries.under_way.len());
    }
    assert!((2..60).contains(&most), "{most}");
    assert_eq!(deliveries.under_way.len(), 0);
}

#[test]
fn arrival_loses_nothing_and_repeats_what_it_should() {
    let count = |deliveries: &mut dyn Iterator<Item = Delivery>| {
        let mut counted = BTreeMap::<(String, bytes::Bytes), u32>::new();
        let mut order = Vec::new();
        for delivery in deliveries {
            order.push(delivery.at);
            *counted.entry((delivery.item, delivery.body)).or_default() += 1;
        }
        (counted, order)
    };
    let simulation = simulation(7, 60);
    let (plain, order) = count(&mut simulation.deliveries());
    assert!(order.is_sorted());
    let arrival = Arrival { shuffle: true, duplicates_percent: 10, seed: 7 };
    let (spoiled, order) = count(&mut arrival.of(simulation.deliveries()));
    assert!(!order.is_sorted());
    assert!(plain.keys().eq(spoiled.keys()));
    let twice = (spoiled.values().sum::<u32>() - plain.values().sum::<u32>()) as f64;
    let percent = 100.0 * twice / plain.values().sum::<u32>() as f64;
    assert!((7.0..13.0).contains(&percent), "{percent} %");
    let again: Vec<Delivery> = arrival.of(simulation.deliveries()).collect();
    assert_eq!(again, arrival.of(simulation.deliveries()).collect::<Vec<_>>());
}

#[test]
fn a_short_story_with_an_incident() {
    let told: Vec<String> = simulation(2636, 1)
        .deliveries()
        .map(|delivery| {
            let event = delivery.header("x-github-event").unwrap_or("-");
            format!("{} {} {event} {} {}", delivery.at, delivery.path(), what(&delivery), delivery.item)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}
