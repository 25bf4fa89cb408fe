//! What belongs together by more than a timeline: parts of issues, issues that wait for others, and
//! commits that close issues without a pull request.

use serde_json::{Map, Value, json};
use valuestream::work::ids::TraceId;

use super::server::{GithubApi, recorded};
use super::world::World;
use super::{agree, contents};

const COMMIT: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

/// The recorded repository, whose second issue is a part of the first one and waits for it, and for one
/// of another repository; and a commit of the default branch that closes it, with its run.
fn linked() -> Map<String, Value> {
    let mut answers = recorded();
    let issues = answers["/repos/acme/api/issues"].as_array_mut().unwrap();
    let mut second = issues.iter().find(|issue| issue["number"] == 13).unwrap().clone();
    let first = issues.iter_mut().find(|issue| issue["number"] == 12).unwrap();
    first["sub_issues_summary"] = json!({ "total": 2, "completed": 0, "percent_completed": 0 });
    let first = first.clone();
    second["issue_dependencies_summary"] =
        json!({ "blocked_by": 1, "total_blocked_by": 2, "blocking": 0, "total_blocking": 0 });
    second["repository_url"] = json!("https://api.github.com/repos/acme/api");
    *issues.iter_mut().find(|issue| issue["number"] == 13).unwrap() = second.clone();
    answers.insert("/repos/acme/api/issues/12/sub_issues".to_owned(), json!([second, elsewhere()]));
    let blockers = json!([first, elsewhere()]);
    answers.insert("/repos/acme/api/issues/13/dependencies/blocked_by".to_owned(), blockers);
    answers["/repos/acme/api/commits"].as_array_mut().unwrap().insert(
        0,
        json!({ "sha": COMMIT, "commit": {
            "message": "Answer it\n\nFixes #13", "committer": { "date": "2026-03-10T08:00:00Z" },
        }}),
    );
    let runs = answers["/repos/acme/api/actions/runs"]["workflow_runs"].as_array_mut().unwrap();
    let run = run(runs.iter().find(|run| run["id"] == 502).unwrap());
    runs.insert(0, run);
    answers.insert("/repos/acme/api/actions/runs/503/jobs".to_owned(), json!({ "jobs": [] }));
    answers
}

/// An issue of another repository, as lists of several repositories have it.
fn elsewhere() -> Value {
    json!({
        "number": 7, "title": "The page", "state": "open", "html_url": "https://github.com/acme/web/issues/7",
        "repository_url": "https://api.github.com/repos/acme/web",
        "created_at": "2026-03-02T08:00:00Z", "updated_at": "2026-03-02T08:00:00Z", "closed_at": null, "labels": [],
        "repository": web(), "user": { "login": "ada", "id": 1, "type": "User" },
    })
}

fn web() -> Value {
    json!({ "id": 5, "name": "web", "full_name": "acme/web", "html_url": "https://github.com/acme/web" })
}

/// A run of the commit that closes the second issue.
fn run(other: &Value) -> Value {
    let mut run = other.clone();
    run["id"] = json!(503);
    run["run_attempt"] = json!(1);
    run["head_sha"] = json!(COMMIT);
    for time in ["created_at", "run_started_at", "updated_at"] {
        run[time] = json!("2026-03-10T08:01:00Z");
    }
    run
}

/// What webhooks tell of the same, each end once.
fn hooks() -> Vec<Value> {
    let answers = linked();
    let repository = &answers["/repos/acme/api"];
    let issue = |number: u64| {
        let issues = answers["/repos/acme/api/issues"].as_array().unwrap();
        issues.iter().find(|issue| issue["number"] == number).unwrap()
    };
    let part = |action: &str, part: &Value, repo: &Value, delivered: &Value| {
        json!({ "event": "sub_issues", "payload": {
            "action": action, "parent_issue": issue(12), "sub_issue": part, "sub_issue_repo": repo,
            "parent_issue_repo": repository, "repository": delivered,
        }})
    };
    let waits = |action: &str, blocking: &Value, repo: &Value, delivered: &Value| {
        json!({ "event": "issue_dependencies", "payload": {
            "action": action, "blocked_issue": issue(13), "blocked_issue_repo": repository,
            "blocking_issue": blocking, "blocking_issue_repo": repo, "repository": delivered,
        }})
    };
    let runs = answers["/repos/acme/api/actions/runs"]["workflow_runs"].as_array().unwrap();
    vec![
        part("parent_issue_added", issue(13), repository, repository),
        part("sub_issue_added", issue(13), repository, repository),
        part("sub_issue_added", &elsewhere(), &web(), repository),
        part("parent_issue_added", &elsewhere(), &web(), &web()),
        waits("blocked_by_added", issue(12), repository, repository),
        waits("blocking_added", issue(12), repository, repository),
        waits("blocked_by_added", &elsewhere(), &web(), repository),
        json!({ "event": "push", "payload": {
            "ref": "refs/heads/main", "before": "d".repeat(40), "after": COMMIT, "repository": repository,
            "commits": [{ "id": COMMIT, "message": "Answer it\n\nFixes #13", "timestamp": "2026-03-10T08:00:00Z", "distinct": true }],
        }}),
        json!({ "event": "workflow_run", "payload": {
            "action": "completed", "workflow_run": runs[0], "repository": repository,
        }}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_dependencies_and_closing_commits_are_those_that_webhooks_tell() {
    let server = GithubApi::start(linked(), 100).await;
    let (imported, delivered) = (World::new(), World::new());
    let tally = imported.import(&server).await.unwrap();
    assert_eq!((tally.not_understood, tally.not_used), (0, 0));
    delivered.deliver().await;
    let tally = delivered.deliver_all(&hooks()).await;
    assert_eq!((tally.not_understood, tally.not_used), (0, 0));
    agree(&contents(&imported).await, &contents(&delivered).await);
    let part = contents(&imported).await["issue/13"].0.clone();
    assert!(part.contains("github:github.com/acme/api/issue/12"), "{part}");
    let spans = imported.exported().await;
    let trace = |key: &str| {
        let mut spans = spans.iter().filter(|((of, _), _)| of.ends_with(key));
        spans.next().unwrap_or_else(|| panic!("{key}")).1[0].clone()
    };
    let root = "github:github.com/acme/api/issue/13".parse().unwrap();
    assert_eq!(trace("/build/503.1").trace_id, TraceId::of(&root).0);
    assert_eq!(spans, delivered.exported().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_told_both_ways_in_either_order_change_nothing() {
    let server = GithubApi::start(linked(), 100).await;
    let (first, second) = (World::new(), World::new());
    first.import(&server).await.unwrap();
    let before = contents(&first).await;
    for _ in 0..2 {
        first.deliver().await;
        first.deliver_all(&hooks()).await;
        first.import(&server).await.unwrap();
    }
    agree(&before, &contents(&first).await);
    second.deliver().await;
    second.deliver_all(&hooks()).await;
    let before = contents(&second).await;
    let tally = second.import(&server).await.unwrap();
    assert_eq!(second.import(&server).await.unwrap().recorded, 0, "{tally:?}");
    agree(&before, &contents(&second).await);
    assert_eq!(first.exported().await, second.exported().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_knows_what_it_is_a_part_of_without_another_request() {
    let mut answers = recorded();
    let issues = answers["/repos/acme/api/issues"].as_array_mut().unwrap();
    let part = issues.iter_mut().find(|issue| issue["number"] == 13).unwrap();
    part["parent_issue_url"] = json!("https://api.github.com/repos/acme/web/issues/7");
    let server = GithubApi::start(answers, 100).await;
    let world = World::new();
    world.import(&server).await.unwrap();
    let part = contents(&world).await["issue/13"].0.clone();
    assert!(part.contains("github:github.com/acme/web/issue/7"), "{part}");
    let asked = server.asked();
    assert!(
        !asked.iter().any(|asked| asked.contains("sub_issues") || asked.contains("blocked_by")),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_the_requests_for_links() {
    let server = GithubApi::start(linked(), 100).await;
    let world = World::new();
    let plan = world.plan(&server).await;
    assert_eq!(plan.entries["commits that close issues"], 1);
    let listed = server.asked().len() as u64;
    world.import(&server).await.unwrap();
    // The tags of releases are looked up once more.
    assert_eq!(server.asked().len() as u64, listed + plan.requests + 1);
}
