//! A story told in deliveries, and the spans that a real receiver gets of it.

use crate::support::payloads::*;
use crate::support::receiver::{Receiver, Via};
use crate::support::sender::{Delivery, Sender};
use crate::support::server::Server;
use crate::support::show;

/// An issue, the pull request that closes it, its builds at GitHub and at Jenkins, and the deploy.
pub fn story() -> Vec<Delivery> {
    let mut failed = jenkins("acme/api/PR-15", 7, "COMPLETED", 28, 6, Some("FAILURE"));
    failed["build"]["parameters"] = serde_json::json!({
        "ghprbActualCommit": HEAD_SHA, "ghprbPullId": "15", "ghprbSourceBranch": "12-basket",
        "ghprbTargetBranch": "main", "ghprbPullLink": "https://github.com/acme/api/pull/15", "ghprbGhRepository": "acme/api",
    });
    let mut shipped = jenkins("deploy-api", 3, "COMPLETED", 95, 5, Some("SUCCESS"));
    shipped["build"]["parameters"] = serde_json::json!({
        "type": "deploy", "environment": "production", "deploy_type": "baked_ami",
        "vstrace-trace-id": "vstrace-github-issue-api-12",
    });
    let github = [
        ("issues", issue("opened", 12, 0, None)),
        ("pull_request", pull_request("opened", 15, 10, None)),
        ("pull_request_review", review(15, 40, "approved")),
        ("workflow_run", workflow_run("requested", 500, 12, None)),
        ("workflow_job", workflow_job(900, 500, 13, 20)),
        ("workflow_run", workflow_run("completed", 500, 12, Some((21, "success")))),
        ("pull_request", pull_request("closed", 15, 60, Some(60))),
        ("deployment", deployment(70, 62)),
        ("deployment_status", deployment_status(70, 62, 63, "in_progress")),
        ("deployment_status", deployment_status(70, 62, 70, "failure")),
        ("issues", issue("closed", 12, 61, Some(61))),
    ];
    let github = github.iter().map(|(event, payload)| Delivery::github(event, payload));
    github.chain([failed, shipped].iter().map(Delivery::jenkins)).collect()
}

async fn tell(sender: &Sender) {
    for delivery in story() {
        let answer = sender.deliver(&delivery).await.unwrap();
        assert_eq!(answer.is(), (202, "recorded"), "{delivery:?}: {answer:?}");
    }
}

/// What the story amounts to: issue, pull request with three stages, two builds, job with its queue, two
/// steps, two deploys.
pub const SPANS: usize = 13;

#[tokio::test]
async fn the_story_becomes_one_trace() {
    let receiver = Receiver::start().await;
    let server = Server::exporting(&receiver).await;
    // Everything is there before the first span is made.
    let server = server.restart(&[("EXPORT__SETTLE", "1day")]).await;
    tell(&server.sender()).await;
    let server = server.restart(&[("EXPORT__SETTLE", "0s")]).await;
    let spans = receiver.wait_until(|spans| spans.len() >= SPANS).await;
    assert_eq!(spans.len(), SPANS);
    assert!(spans.iter().all(|r| r.span.trace_id == spans[0].span.trace_id), "one trace");
    insta::assert_snapshot!(show::spans(&spans));
    drop(server);
}

#[tokio::test]
async fn over_grpc_the_same_spans_arrive() {
    let receiver = Receiver::start().await;
    let http = Server::start_with(&[
        ("EXPORT__ENDPOINT", &receiver.endpoint()),
        ("EXPORT__PROTOCOL", "http/protobuf"),
    ])
    .await;
    http.sender().github("issues", &issue("closed", 12, 61, Some(61))).await;
    let by_http = receiver.wait_until(|spans| spans.len() == 1).await.remove(0);
    let grpc =
        Server::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint()), ("EXPORT__PROTOCOL", "grpc")]).await;
    grpc.sender().github("issues", &issue("closed", 12, 61, Some(61))).await;
    let by_grpc = receiver.wait_until(|spans| spans.len() == 2).await.remove(1);
    assert_eq!(by_http.span, by_grpc.span);
    let ways: Vec<Via> = receiver.requests().iter().map(|request| request.via).collect();
    assert!(matches!(ways.as_slice(), [Via::Http, Via::Grpc]));
}

#[tokio::test]
async fn a_reopened_issue_is_two_spans_of_one_trace() {
    let receiver = Receiver::start().await;
    let server = Server::exporting(&receiver).await;
    let sender = server.sender();
    let mut reopened = issue("reopened", 12, 100, None);
    reopened["issue"]["state_reason"] = "reopened".into();
    sender.github("issues", &issue("closed", 12, 61, Some(61))).await;
    receiver.wait_until(|spans| spans.len() == 1).await;
    sender.github("issues", &reopened).await;
    assert_eq!(server.metric("valuestream_items_open{kind=\"issue\"}").await, 1.0);
    let mut again = issue("closed", 12, 200, Some(200));
    again["issue"]["state_reason"] = "not_planned".into();
    sender.github("issues", &again).await;
    let spans = receiver.wait_until(|spans| spans.len() == 2).await;
    insta::assert_snapshot!(show::spans(&spans));
}

#[tokio::test]
async fn people_are_named_only_if_the_configuration_says_so() {
    let receiver = Receiver::start().await;
    let server = Server::exporting(&receiver).await;
    let tell = async |server: &Server| {
        let sender = server.sender();
        sender.github("pull_request_review", &review(15, 40, "approved")).await;
        sender.github("pull_request", &pull_request("closed", 15, 60, Some(60))).await;
    };
    tell(&server).await;
    // The pull request and three stages of it.
    let silent = receiver.wait_until(|spans| spans.len() == 4).await;
    assert!(!show::spans(&silent).contains("grace") && !show::spans(&silent).contains("ada"));
    assert!(show::spans(&silent).contains("reviewed"), "what happened is told all the same");
    let open = Server::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint()), ("PEOPLE", "true")]).await;
    tell(&open).await;
    let named = receiver.wait_until(|spans| spans.len() == 8).await;
    assert!(show::spans(&named[4..]).contains("user.name=grace"));
}
