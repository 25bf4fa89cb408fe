//! Whole traces: deliveries of senders that know nothing of each other become one tree, whatever the
//! order in which they come.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::payloads::*;
use crate::support::receiver::Receiver;
use crate::support::sender::Delivery;
use crate::support::server::Server;
use crate::support::show;

const ZERO: &str = "0000000000000000000000000000000000000000";
/// The head of the second pull request, and the commit before it on its branch.
const SECOND_HEAD: &str = "1111111111111111111111111111111111111111";
const SECOND_FIRST: &str = "1010101010101010101010101010101010101010";
/// What merging the second pull request made.
const SECOND_MERGE: &str = "2222222222222222222222222222222222222222";
/// What was in production before.
const BEFORE: &str = "3333333333333333333333333333333333333333";

/// The second pull request: neither its branch nor its text names an issue.
fn discount(action: &str, updated: i64, merged: Option<i64>) -> Value {
    let mut payload = pull_request(action, 16, updated, merged);
    let pull = &mut payload["pull_request"];
    pull["title"] = json!("Round discounts once");
    pull["body"] = json!("");
    pull["created_at"] = json!(time(30));
    pull["head"]["ref"] = json!("discount");
    pull["head"]["sha"] = json!(SECOND_HEAD);
    pull["merge_commit_sha"] = json!(SECOND_MERGE);
    payload
}

fn basket(action: &str, updated: i64, merged: Option<i64>) -> Value {
    let mut payload = pull_request(action, 15, updated, merged);
    let pull = &mut payload["pull_request"];
    pull["title"] = json!("PAY-7: cache the basket");
    pull["body"] = json!("");
    pull["head"]["ref"] = json!("basket");
    payload
}

/// A Jenkins build of the second pull request, by the Pull Request Builder.
fn second_build() -> Value {
    let mut build = jenkins("acme/api-checks", 7, "COMPLETED", 48, 6, Some("FAILURE"));
    build["build"]["parameters"] = json!({
        "ghprbActualCommit": SECOND_HEAD, "ghprbPullId": "16", "ghprbSourceBranch": "discount",
        "ghprbTargetBranch": "main", "ghprbPullLink": "https://github.com/acme/api/pull/16",
        "ghprbGhRepository": "acme/api",
    });
    build
}

fn deploy(number: u64, commit: &str, start: i64, end: i64) -> [Value; 2] {
    let told = |phase: &str, minute: i64, duration: i64, status: Option<&str>| {
        let mut payload = jenkins("ops/deploy-api", number, phase, minute, duration, status);
        payload["build"]["scm"] = json!({
            "url": "git@github.com:acme/api.git", "branch": "origin/main", "commit": commit,
            "changes": [], "culprits": [],
        });
        payload["build"]["parameters"] =
            json!({"type": "deploy", "environment": "production", "deploy_type": "baked_ami"});
        payload
    };
    [told("STARTED", start, 0, None), told("COMPLETED", end, end - start, Some("SUCCESS"))]
}

/// A Jira issue in a sprint, two pull requests that name it in a title and in a commit's message, their
/// builds at GitHub Actions and at Jenkins, an acceptance test that tells of itself, and a Jenkins
/// deploy that ships both.
fn story() -> Vec<Delivery> {
    let sprint = |event: &str, state: &str, minute: i64, completed: Option<i64>| {
        json!({
            "timestamp": millis(minute), "webhookEvent": event,
            "sprint": {"id": 3, "self": "https://acme.atlassian.net/rest/agile/1.0/sprint/3", "state": state,
                       "name": "Sprint 3", "originBoardId": 1, "startDate": time(-60),
                       "completeDate": completed.map(time)},
        })
    };
    let jira = [
        sprint("sprint_started", "active", -60, None),
        sprint("sprint_closed", "closed", 200, Some(200)),
        jira_issue("jira:issue_created", 7, 0, ("To Do", "new"), None),
        jira_issue("jira:issue_updated", 7, 5, ("In Progress", "indeterminate"), Some("To Do")),
        jira_issue("jira:issue_updated", 7, 50, ("In Review", "indeterminate"), Some("In Progress")),
        jira_issue("jira:issue_updated", 7, 130, ("Done", "done"), Some("In Review")),
    ];
    let mut run = workflow_run("completed", 500, 13, Some((21, "success")));
    let mut asked = workflow_run("requested", 500, 12, None);
    let mut job = workflow_job(900, 500, 14, 20);
    for payload in [&mut run, &mut asked] {
        payload["workflow_run"]["head_branch"] = json!("basket");
        payload["workflow_run"]["created_at"] = json!(time(12));
        payload["workflow_run"]["run_started_at"] = json!(time(13));
    }
    job["workflow_job"]["head_branch"] = json!("basket");
    let mut review = review(15, 40, "approved");
    review["pull_request"] = basket("submitted", 40, None)["pull_request"].clone();
    let commits = [(SECOND_FIRST, "PAY-7 round once", 25), (SECOND_HEAD, "Add a test", 28)];
    let github = [
        ("push", push("basket", ZERO, &[(HEAD_SHA, "Cache it", 6)])),
        ("pull_request", basket("opened", 10, None)),
        ("workflow_run", asked),
        ("workflow_job", job),
        ("workflow_run", run),
        ("pull_request_review", review),
        ("push", push("discount", ZERO, &commits)),
        ("pull_request", discount("opened", 30, None)),
        ("pull_request", basket("closed", 60, Some(60))),
        ("pull_request", discount("closed", 80, Some(80))),
    ];
    let acceptance = json!({
        "id": "run-9", "type": "acceptance", "action": "end", "namespace": "acme/api", "started_at": time(82),
        "at": time(88), "parent": "github:github.com/acme/api/pull_request/16", "tags": {"browser": "firefox"},
    });
    let mut told: Vec<Delivery> = jira.iter().map(Delivery::jira).collect();
    told.extend(github.iter().map(|(event, payload)| Delivery::github(event, payload)));
    let jenkins = deploy(41, BEFORE, -30, -25).into_iter().chain([second_build()]);
    told.extend(jenkins.chain(deploy(42, SECOND_MERGE, 95, 100)).map(|payload| Delivery::jenkins(&payload)));
    told.push(Delivery::custom(&acceptance));
    told
}

/// What a receiver gets of some deliveries when all of them are there before the first span is made.
async fn told(deliveries: &[Delivery], spans: usize) -> String {
    let receiver = Receiver::start().await;
    let server = Server::exporting(&receiver).await.restart(&[("EXPORT__SETTLE", "1day")]).await;
    let sender = server.sender();
    for delivery in deliveries {
        let answer = sender.deliver(delivery).await.unwrap();
        assert!(matches!(answer.is(), (202, "recorded") | (200, "duplicate")), "{delivery:?}: {answer:?}");
    }
    let server = server.restart(&[("EXPORT__SETTLE", "0s")]).await;
    let received = receiver.wait_until(|received| received.len() >= spans).await;
    drop(server);
    show::tree(&received)
}

/// The issue with three stays, two pull requests with stages, builds, job, steps, the custom job, two
/// deploys, the stages of both pull requests that the deploy ended, and the sprint.
const SPANS: usize = 23;

#[tokio::test]
async fn four_sources_that_know_nothing_of_each_other_tell_one_trace() {
    insta::assert_snapshot!(told(&story(), SPANS).await);
}

#[tokio::test]
async fn the_same_tree_comes_from_any_order() {
    let straight = told(&story(), SPANS).await;
    for seed in [1, 2, 3] {
        let mut shuffled = story();
        // Some come twice.
        shuffled.extend(story().into_iter().step_by(3));
        shuffled.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(told(&shuffled, SPANS).await, straight, "seed {seed}");
    }
}

/// A message of the Statistics Gatherer about the end of a build.
fn statistics(job: &str, number: u64, minute: i64, parameters: Value) -> Value {
    json!({
        "ciUrl": "https://ci.example.org/", "jobName": job, "fullJobName": job, "number": number,
        "buildUrl": format!("job/{job}/{number}/"), "result": "SUCCESS", "duration": 4 * 60_000,
        "startTime": millis(minute), "endTime": millis(minute), "parameters": parameters, "scmInfo": {},
    })
}

/// Issue, pull requests, build and deploy that know each other by the tokens of the original
/// ValueStream alone: in a branch, in a body, and in Jenkins' parameters.
fn original() -> Vec<Delivery> {
    let repository = json!({"name": "valuestream", "full_name": "acme/valuestream",
        "html_url": "https://github.com/acme/valuestream", "default_branch": "main"});
    let of = |mut payload: Value| {
        payload["repository"] = repository.clone();
        payload
    };
    let change = |number: u64, branch: &str, body: &str, sha: &str| {
        let mut payload = of(pull_request("closed", number, 60, Some(60)));
        let pull = &mut payload["pull_request"];
        pull["head"] = json!({"ref": branch, "sha": sha, "repo": {"full_name": "acme/valuestream"}});
        pull["base"]["repo"] = json!({"full_name": "acme/valuestream"});
        pull["body"] = json!(body);
        pull["merge_commit_sha"] = json!(sha.replace('1', "4"));
        payload
    };
    let in_branch = change(37, "feature/vstrace-github-issue-valuestream-36/basket", "", SECOND_HEAD);
    let in_body = change(38, "other", "Part of vstrace-github-issue-valuestream-36.", SECOND_FIRST);
    let build = statistics(
        "check-valuestream",
        7,
        40,
        json!({"vstrace-trace-id": "vstrace-github-pull_request-valuestream-37"}),
    );
    let deploy = statistics(
        "ship",
        9,
        90,
        json!({"type": "deploy", "env": "production", "vstrace-trace-id": "vstrace-jenkins-build-check-valuestream-7"}),
    );
    vec![
        Delivery::github("issues", &of(issue("opened", 36, 0, None))),
        Delivery::github("pull_request", &in_branch),
        Delivery::github("pull_request", &in_body),
        Delivery::jenkins(&build),
        Delivery::jenkins(&deploy),
        Delivery::github("issues", &of(issue("closed", 36, 100, Some(100)))),
    ]
}

#[tokio::test]
async fn the_tokens_of_the_original_give_issue_pull_request_build_and_deploy() {
    insta::assert_snapshot!(told(&original(), 6).await);
}

#[tokio::test]
async fn a_relation_that_is_learned_after_the_export_becomes_a_link() {
    let receiver = Receiver::start().await;
    let server = Server::exporting(&receiver).await;
    let sender = server.sender();
    // The pull request is exported before anybody says that the issue exists, and stands alone: its
    // branch is a hint, which binds only to what was seen.
    let mut pull = pull_request("closed", 15, 60, Some(60));
    pull["pull_request"]["body"] = json!("");
    sender.github("pull_request", &pull).await;
    receiver.wait_until(|received| received.len() == 1).await;
    sender.github("issues", &issue("opened", 12, 0, None)).await;
    // It is opened again and closed: its second span knows the issue, and links to it. The trace is
    // the first one's.
    let mut again = pull_request("reopened", 15, 70, None);
    again["pull_request"]["body"] = json!("");
    sender.github("pull_request", &again).await;
    let mut end = pull_request("closed", 15, 80, Some(80));
    end["pull_request"]["body"] = json!("");
    sender.github("pull_request", &end).await;
    let received = receiver.wait_until(|received| received.len() == 2).await;
    assert_eq!(received[0].span.trace_id, received[1].span.trace_id, "the trace stands");
    assert!(received.iter().all(|r| r.span.parent_span_id.is_empty()), "and so does the root");
    let relations: Vec<String> = received[1]
        .span
        .links
        .iter()
        .filter_map(|link| show::attribute(&link.attributes, "valuestream.relation"))
        .collect();
    assert_eq!(relations, ["episode_before", "branch_number"]);
}
