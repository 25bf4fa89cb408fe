//! Real payloads, where they are at hand: `VALUESTREAM_CORPUS`, or `../shared/corpus`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::path::PathBuf;

use axum::http::HeaderMap;

use super::testing::{Settings, at, headers, millis, run};
use super::{Delivery, Parsed};
use crate::work::event::{Flaw, Outcome};
use crate::work::item::Item;
use crate::work::key::Source;

/// The payloads of a source, by file name; `None` where the corpus is absent.
pub(super) fn corpus(source: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let root = std::env::var_os("VALUESTREAM_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(root.join(source)) else {
        eprintln!("skipped: no payloads of {source}; set VALUESTREAM_CORPUS to the corpus's folder");
        return None;
    };
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    Some(files)
}

fn github(name: &str, body: &[u8]) -> Delivery {
    let event = name.split('.').next().unwrap();
    Settings::default().parse(Source::Github, &headers(&[("X-GitHub-Event", event)]), body)
}

fn jenkins(body: &[u8]) -> Delivery {
    Settings::default().parse(Source::Jenkins, &HeaderMap::new(), body)
}

/// What became of a payload, in one line.
fn line(name: &str, delivery: Delivery) -> String {
    match delivery.content {
        Ok(Parsed::Used(said)) => {
            let keys: Vec<&str> = said.events.iter().map(|event| event.key.as_str()).collect();
            let keys = if keys.is_empty() { "references only".to_owned() } else { keys.join(", ") };
            format!("{name}  used {keys}")
        }
        Ok(Parsed::Ignored { reason }) => format!("{name}  ignored: {reason}"),
        Err(error) => panic!("{name}: {error}"),
    }
}

#[test]
fn every_real_payload_of_github_says_what_it_should() {
    let Some(files) = corpus("github") else { return };
    let mut lines = Vec::with_capacity(files.len());
    for (name, body) in &files {
        let delivery = github(name, body);
        assert_eq!(Some(delivery.event_type), name.split('.').next(), "metrics know it");
        if let Ok(Parsed::Used(said)) = &delivery.content {
            for happened in said.events.iter().flat_map(|event| event.facts.happenings.iter()) {
                assert_eq!(happened.person, None, "{name}");
            }
        }
        lines.push(line(name, delivery));
    }
    insta::assert_snapshot!("github", lines.join("\n"));
}

#[test]
fn particular_payloads_of_github_say_what_they_should() {
    let Some(files) = corpus("github") else { return };
    let item = |name: &str| {
        let body = &files.iter().find(|(file, _)| file == name).unwrap().1;
        match github(name, body).content.unwrap() {
            Parsed::Used(mut said) => (Item::new(said.events.remove(0)), said.flaws),
            Parsed::Ignored { reason } => panic!("{name}: {reason}"),
        }
    };
    let reopened = item("issues.reopened.20.json").0.episodes();
    assert_eq!(reopened.len(), 2, "closed before, and open again");
    assert_eq!(reopened[1].start, at("2021-10-11T16:40:56Z"));
    assert!(item("issues.transferred.21.json").0.episodes().is_empty(), "no work here any more");
    let closed = item("pull_request.closed.03.json").0.episodes();
    assert_eq!(closed[0].end, Some((at("2019-05-15T15:21:18Z"), Outcome::Closed)));
    let (completed, flaws) = item("workflow_run.completed.00.json");
    assert_eq!(completed.episodes()[0].end.unwrap().1, Outcome::Unknown);
    assert_eq!(flaws, [Flaw::MissingOutcome]);
    assert!(item("workflow_run.requested.04.json").0.is_open(), "requested is no end");
    let job = item("workflow_job.completed.01.json").0;
    assert_eq!(job.episodes()[0].end, Some((at("2021-08-05T10:38:16Z"), Outcome::Failure)));
    assert!(job.facts.steps.iter().count() > 2);
    assert!(run(&item("workflow_job.queued.05.json").0.facts).started.is_none());
    let deployed = item("deployment_status.created.00.json").0.episodes();
    assert_eq!(deployed[0].end, Some((at("2019-05-15T15:20:55Z"), Outcome::Success)));
}

/// What each real message of Jenkins becomes: a build, or the reason why it is ignored.
const JENKINS: &[(&str, Result<&str, &str>)] = &[
    ("notification-freestyle-ghprb-completed.json", Ok("jenkins:ci.example.org/org/repo/PR-12/build/7")),
    ("notification-pipeline-1-queued.json", Ok("jenkins:ci.example.org/org/repo/PR-12/build/7")),
    ("notification-pipeline-2-started.json", Ok("jenkins:ci.example.org/org/repo/PR-12/build/7")),
    ("notification-pipeline-3-completed.json", Ok("jenkins:ci.example.org/org/repo/PR-12/build/7")),
    ("notification-pipeline-4-finalized.json", Ok("jenkins:ci.example.org/org/repo/PR-12/build/7")),
    ("notification-public-svn-finalized.json", Ok("jenkins:jenkins/assembla/build/4")),
    ("notification-wiki-asgard.json", Ok("jenkins:localhost:8080/asgard/build/18")),
    ("statsgatherer-build-end.json", Ok("jenkins:ci.example.org/org/repo/PR-12/build/7")),
    ("statsgatherer-build-start.json", Ok("jenkins:ci.example.org/org/repo/PR-12/build/7")),
    ("statsgatherer-queue-left.json", Err("statistics of a queue, a step or a project are not used")),
];

#[test]
fn every_real_message_of_jenkins_says_what_it_should() {
    let Some(files) = corpus("jenkins") else { return };
    let found: Vec<String> = files.iter().map(|(name, body)| line(name, jenkins(body))).collect();
    let expected: Vec<String> = JENKINS
        .iter()
        .map(|(name, becomes)| match becomes {
            Ok(key) => format!("{name}  used {key}"),
            Err(reason) => format!("{name}  ignored: {reason}"),
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_messages_of_one_build_make_one_build_in_any_order() {
    let Some(files) = corpus("jenkins") else { return };
    let of_build: Vec<_> = files
        .iter()
        .filter(|(name, _)| {
            name.starts_with("notification-pipeline") || name.starts_with("statsgatherer-build")
        })
        .map(|(name, body)| match jenkins(body).content.unwrap() {
            Parsed::Used(mut said) => said.events.remove(0),
            Parsed::Ignored { reason } => panic!("{name}: {reason}"),
        })
        .collect();
    assert_eq!(of_build.len(), 6);
    let folded = |order: &mut dyn Iterator<Item = &crate::work::event::Event>| {
        let mut item = Item::new(order.next().unwrap().clone());
        order.for_each(|event| item.fold(event.facts.clone()));
        item
    };
    let item = folded(&mut of_build.iter());
    assert_eq!(item, folded(&mut of_build.iter().rev()));
    let episode = item.episodes()[0];
    assert_eq!(episode.start, millis(1_790_000_000_000));
    assert_eq!(episode.end, Some((millis(1_790_000_012_165), Outcome::Success)));
    assert_eq!(run(&item.facts).queued.unwrap().at, millis(1_789_999_998_500));
}
