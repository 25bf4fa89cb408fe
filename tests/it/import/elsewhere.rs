//! Answers of GitHub that others recorded, of repositories that were not made for these tests.

use serde_json::{Map, Value};
use valuestream::import::Count;
use valuestream::import::github::walk::Scope;
use valuestream::store::Store;
use valuestream::work::event::{Life, Outcome};
use valuestream::work::item::Item;
use valuestream::work::key::Kind;
use valuestream::work::time::Time;

use super::server::GithubApi;
use super::world::World;

fn answers() -> Map<String, Value> {
    serde_json::from_str(include_str!("../../data/github-api/answers.json")).unwrap()
}

/// All repositories of the recordings.
fn everything(answers: &Map<String, Value>) -> Scope {
    let names = answers.keys().filter_map(|path| path.strip_prefix("/repos/"));
    Scope::Repositories(names.filter(|name| name.split('/').count() == 2).map(str::to_owned).collect())
}

/// GitHub answers an empty list where the recordings have none.
fn completed(mut answers: Map<String, Value>, scope: &Scope) -> Map<String, Value> {
    let Scope::Repositories(names) = scope else { unreachable!() };
    for name in names {
        for list in ["issues", "commits", "deployments", "releases", "tags"] {
            answers.entry(format!("/repos/{name}/{list}")).or_insert_with(|| Value::Array(Vec::new()));
        }
        let runs = format!("/repos/{name}/actions/runs");
        answers.entry(runs).or_insert_with(|| serde_json::json!({ "workflow_runs": [] }));
    }
    answers
}

async fn item(world: &World, key: &str) -> Item {
    let key = format!("github:github.com/{key}").parse().unwrap();
    world.store.item(&key).await.unwrap().0.unwrap_or_else(|| panic!("{key}"))
}

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_told_others_is_understood_and_nothing_of_it_is_lost() {
    let answers = answers();
    let scope = everything(&answers);
    let server = GithubApi::start(completed(answers, &scope), 3).await;
    let world = World::new();
    let (tally, left_out) = world.import_since(&server, &scope, at("2011-01-01T00:00:00Z")).await.unwrap();
    assert_eq!((tally.not_understood, tally.not_used, left_out), (0, 0, 0));
    let new = |new| Count { new, known: 0 };
    let expected = [
        (Kind::Issue, new(15)),
        (Kind::PullRequest, new(2)),
        (Kind::Build, new(3)),
        (Kind::Job, new(2)),
        (Kind::Deploy, new(3)),
    ];
    assert_eq!(tally.items, expected.into_iter().collect());

    let merged = item(&world, "bitcoin/bitcoin/pull_request/4480").await;
    assert_eq!(merged.episodes().len(), 1);
    assert_eq!(merged.episodes()[0].end, Some((at("2014-07-07T16:24:14Z"), Outcome::Merged)));
    let closed = item(&world, "gagbo/ouro-closures/pull_request/2").await;
    assert_eq!(closed.episodes()[0].end, Some((at("2023-07-18T13:22:27Z"), Outcome::Closed)));
    // It waits for somebody who lets it run.
    let waiting = item(&world, "hub4j-test-org/GHWorkflowRunTest/build/2874767916.1").await;
    assert_eq!(waiting.episodes()[0].end, Some((at("2022-08-17T10:55:36Z"), Outcome::Failure)));
    // From before there were attempts, and with the times of its steps in another zone.
    let job = item(&world, "hub4j-test-org/GHWorkflowRunTest/job/2270858630").await;
    let Life::Run(run) = &job.facts.life else { panic!("{job:?}") };
    let step = job.facts.steps.get(&2).unwrap();
    assert_eq!(run.started.unwrap().at, at("2021-04-05T15:42:57Z"));
    assert_eq!(step.run.ended.unwrap().at, at("2021-04-05T15:42:59Z"));
    let release = item(&world, "XAMPPRocky/octocrab/deploy/release-150372594").await;
    assert_eq!(release.episodes()[0].end, Some((at("2024-04-09T10:50:08Z"), Outcome::Success)));

    let (again, _) = world.import_since(&server, &scope, at("2011-01-01T00:00:00Z")).await.unwrap();
    assert_eq!((again.recorded, again.duplicate), (0, tally.recorded));
}
