//! What GitHub answers on bad days, and of odd repositories: each with an end that says what to do, or
//! with nothing lost but what cannot be had.

use serde_json::{Map, Value, json};
use valuestream::import::Count;
use valuestream::import::github::walk::Scope;
use valuestream::work::key::Kind;

use super::server::{GithubApi, Instead, recorded};
use super::world::{World, acme_api, since};
use super::{agree, contents};

/// An organisation of the recorded repository and of others with one issue each.
fn organisation(others: &[&str]) -> Map<String, Value> {
    let mut answers = recorded();
    let issue = answers["/repos/acme/api/issues"].as_array().unwrap()[0].clone();
    let mut repositories = answers["/orgs/acme/repos"].as_array().unwrap().clone();
    for (id, name) in others.iter().enumerate() {
        let full_name = format!("acme/{name}");
        let repository = json!({
            "id": 1_000 + id, "name": name, "full_name": full_name,
            "html_url": format!("https://github.com/{full_name}"), "default_branch": "main", "archived": true,
        });
        let mut issue = issue.clone();
        issue["html_url"] = json!(format!("https://github.com/{full_name}/issues/13"));
        for (list, answer) in [
            ("", repository.clone()),
            ("/issues", json!([issue])),
            ("/actions/runs", json!({ "workflow_runs": [] })),
            ("/commits", json!([])),
            ("/deployments", json!([])),
            ("/releases", json!([])),
        ] {
            answers.insert(format!("/repos/{full_name}{list}"), answer);
        }
        repositories.insert(0, repository);
    }
    answers["/orgs/acme/repos"] = repositories.into();
    answers
}

fn acme() -> Scope {
    Scope::Organisation("acme".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_repository_that_cannot_be_read_holds_no_other_up() {
    let moved = [("location", "https://api.github.com/repositories/1")];
    for (status, headers, message, told) in [
        (451, &[][..], "Repository access blocked", "has blocked access"),
        (403, &[("x-ratelimit-remaining", "4000")][..], "Repository access blocked", "has blocked access"),
        (404, &[][..], "Not Found", "(404)"),
        (301, &moved[..], "Moved Permanently", "was it renamed?"),
    ] {
        let server = GithubApi::start(organisation(&["old"]), 100).await;
        server.instead(Instead::new("acme/old/issues?", status, headers, message));
        server.instead(Instead::new("repos/acme/old?", status, headers, message));
        let world = World::new();
        let (tally, left_out) = world.import_since(&server, &acme(), since()).await.unwrap();
        assert_eq!(left_out, 1, "{status}");
        assert_eq!(tally.items[&Kind::PullRequest], Count { new: 1, known: 0 });
        let said = world.said.lines();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("left out: ") && said[0].contains("acme/old"), "{said:?}");
        assert!(said[0].contains(told), "{said:?}");
        assert!(!server.asked().iter().any(|asked| asked.contains("acme/old/actions")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_this_github_does_not_have_is_left_out_alone() {
    let server = GithubApi::start(recorded(), 100).await;
    server.instead(Instead::new("actions/runs?", 404, &[], "Not Found"));
    let world = World::new();
    let (tally, left_out) = world.import_since(&server, &acme_api(), since()).await.unwrap();
    assert_eq!(left_out, 1);
    assert!(!tally.items.contains_key(&Kind::Build) && tally.items.contains_key(&Kind::Deploy));
    assert!(world.said.lines()[0].contains("acme/api workflow runs (404)"), "{:?}", world.said.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_the_token_lacks_still_ends_the_import() {
    let server = GithubApi::start(organisation(&["old"]), 100).await;
    server.instead(Instead::new(
        "actions/runs?",
        403,
        &[],
        "Resource not accessible by personal access token",
    ));
    let error = World::new().import_since(&server, &acme(), since()).await.unwrap_err().to_string();
    assert!(error.contains("lacks a right") && error.contains("Actions"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_of_hundreds_is_walked_through() {
    let names: Vec<String> = (0..120).map(|n| format!("r{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = GithubApi::start(organisation(&names), 100).await;
    // Cut off in the middle, and gone on.
    server.instead(Instead::new("acme/r60/commits?", 401, &[], "Bad credentials"));
    let world = World::new();
    let error = world.import_since(&server, &acme(), since()).await.unwrap_err().to_string();
    assert!(error.contains("(401)"), "{error}");
    let (tally, left_out) = world.import_since(&server, &acme(), since()).await.unwrap();
    assert_eq!(left_out, 0);
    assert_eq!(
        tally.items[&Kind::Issue],
        Count { new: 62, known: 60 },
        "of the first half what is listed again"
    );
    let (again, _) = world.import_since(&server, &acme(), since()).await.unwrap();
    assert_eq!(again.items[&Kind::Issue], Count { new: 0, known: 122 });
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_break_off_or_are_no_json_are_asked_for_again() {
    let server = GithubApi::start(recorded(), 100).await;
    let mut broken = Instead::new("issues?state", 200, &[], "");
    broken.text = Some("<html>Please sign in</html>");
    server.instead(broken);
    let mut half = Instead::new("pulls/15", 200, &[], "");
    half.text = Some("{\"number\": 15, \"title\": \"Rou");
    server.instead(half);
    let mut cut = Instead::new("issues/12/timeline", 200, &[("content-length", "100000")], "");
    cut.text = Some("[");
    server.instead(cut);
    let (world, whole) = (World::new(), World::new());
    world.import(&server).await.unwrap();
    let said = world.said.lines();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said.iter().all(|line| line.contains("trying again in")), "{said:?}");
    assert!(said[0].contains("acme/api issues: answers what is not JSON"), "{said:?}");
    whole.import(&GithubApi::start(recorded(), 100).await).await.unwrap();
    agree(&contents(&whole).await, &contents(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_entry_that_github_always_fails_at_is_left_out_and_told() {
    let server = GithubApi::start(recorded(), 100).await;
    for _ in 0..10 {
        server.instead(Instead::new("issues/12/timeline", 502, &[], "Server Error"));
    }
    let world = World::new();
    let (tally, left_out) = world.import_since(&server, &acme_api(), since()).await.unwrap();
    assert_eq!(left_out, 1);
    assert_eq!(tally.items[&Kind::Issue], Count { new: 1, known: 0 });
    assert!(tally.items.contains_key(&Kind::Deploy));
    let said = world.said.lines();
    assert!(
        said.iter().any(|line| line.starts_with("left out: acme/api issues 12: answers 502")),
        "{said:?}"
    );
    // If all else fails as well, it is not about this one.
    let (server, world) = (GithubApi::start(recorded(), 100).await, World::new());
    for _ in 0..10 {
        server.instead(Instead::new("issues/12/timeline", 502, &[], "Server Error"));
    }
    let mut down = Instead::new("repos/acme/api?", 502, &[], "Server Error");
    down.after = 1;
    server.instead(down);
    for _ in 0..9 {
        server.instead(Instead { after: 1, ..Instead::new("repos/acme/api?", 502, &[], "Server Error") });
    }
    let error = world.import(&server).await.unwrap_err().to_string();
    assert!(error.contains("goes on from here"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_empty_or_has_no_issues_is_read_as_far_as_it_goes() {
    let mut answers = recorded();
    answers["/repos/acme/api"]["has_issues"] = json!(false);
    let pull = answers["/repos/acme/api/pulls/15"].clone();
    let mut old = pull.clone();
    old["number"] = json!(14);
    old["id"] = json!(14);
    old["updated_at"] = json!("2025-01-01T00:00:00Z");
    answers.insert("/repos/acme/api/pulls".to_owned(), json!([old, pull]));
    let server = GithubApi::start(answers, 1).await;
    server.instead(Instead::new("issues?", 410, &[], "Issues are disabled for this repo"));
    server.instead(Instead::new("commits?", 409, &[], "Git Repository is empty."));
    let world = World::new();
    let (tally, left_out) = world.import_since(&server, &acme_api(), since()).await.unwrap();
    assert_eq!(left_out, 0);
    assert_eq!(tally.items[&Kind::PullRequest], Count { new: 1, known: 0 });
    assert!(!tally.items.contains_key(&Kind::Issue));
    assert!(!server.asked().iter().any(|asked| asked.contains("pulls/14") || asked.contains("issues?")));
    let whole = World::new();
    whole.import(&GithubApi::start(recorded(), 100).await).await.unwrap();
    let merged = |contents: super::Contents| contents["pull_request/15"].clone();
    assert_eq!(merged(contents(&world).await), merged(contents(&whole).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_entries_end_nothing() {
    let mut answers = recorded();
    let issues = answers["/repos/acme/api/issues"].as_array_mut().unwrap();
    for issue in issues.iter_mut() {
        // A user who is gone; no text; a list that nobody filled.
        issue["user"] = Value::Null;
        issue["body"] = Value::Null;
        issue["labels"] = json!([{ "name": null }, {}]);
        issue["assignees"] = Value::Null;
    }
    let pull = &mut answers["/repos/acme/api/pulls/15"];
    pull["user"] = Value::Null;
    pull["head"]["repo"] = Value::Null;
    pull["head"]["user"] = Value::Null;
    pull["additions"] = json!(9_007_199_254_740_993_u64);
    let timeline = answers["/repos/acme/api/issues/12/timeline"].as_array_mut().unwrap();
    for event in timeline.iter_mut() {
        event["actor"] = Value::Null;
        event["user"] = Value::Null;
    }
    timeline.push(json!({ "event": "labeled", "id": 1, "created_at": "yesterday", "label": null }));
    let runs = answers["/repos/acme/api/actions/runs"]["workflow_runs"].as_array_mut().unwrap();
    let run = runs[0].clone();
    for (n, conclusion) in
        ["stale", "action_required", "startup_failure", "timed_out", "unheard_of"].iter().enumerate()
    {
        let mut run = run.clone();
        run["id"] = json!(18_446_744_073_709_000_u64 + n as u64);
        run["run_attempt"] = json!(1);
        run["conclusion"] = json!(conclusion);
        run["head_repository"] = Value::Null;
        run["pull_requests"] = Value::Null;
        run["actor"] = Value::Null;
        run["head_commit"] = Value::Null;
        runs.push(run);
    }
    answers["/repos/acme/api/releases"].as_array_mut().unwrap().push(json!({
        "id": 9, "draft": true, "tag_name": "", "published_at": null, "created_at": "2026-03-06T00:00:00Z", "author": null,
    }));
    answers["/repos/acme/api/deployments"][0]["creator"] = Value::Null;
    answers["/repos/acme/api/deployments"][0]["payload"] = json!("");
    let server = GithubApi::start(answers, 100).await;
    let world = World::new();
    let (tally, left_out) = world.import_since(&server, &acme_api(), since()).await.unwrap();
    assert_eq!(left_out, 0);
    assert_eq!(tally.not_understood, 0, "{tally:?}");
    assert_eq!(tally.items[&Kind::Issue].new, 2);
    assert_eq!(tally.items[&Kind::PullRequest].new, 1);
    assert_eq!(tally.items[&Kind::Build].new, 8);
    assert_eq!(tally.items[&Kind::Deploy].new, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_progress_file_that_cannot_be_written_any_more_ends_the_import_with_what_to_do() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    let folder = world.progress_file().parent().unwrap().join("state");
    let path = folder.join("progress.json");
    // As if the disk were full: no file can be made where the old one lies.
    let gone = folder.clone();
    server.after("issues?state=all", move || {
        std::fs::remove_dir_all(&gone).unwrap();
        std::fs::write(&gone, "").unwrap();
    });
    let error = world.import_with(&server, &path).await.unwrap_err().to_string();
    assert!(error.contains("progress.json") && error.contains("give another one with --progress"), "{error}");
    std::fs::remove_file(&folder).unwrap();
    let tally = world.import_with(&server, &path).await.unwrap();
    assert_eq!(
        tally.items[&Kind::Issue].new + tally.items[&Kind::Issue].known,
        2,
        "what was committed is known"
    );
    assert!(!path.exists());
}
