#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

use super::super::testing::*;
use super::super::{DeliveryId, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Flaw, Happening, Outcome, Relation, Role, What};
use crate::work::key::Source;
use crate::work::lattice::Trust;
use crate::work::tags::Tagger;

mod comments;
mod issue_links;
mod order;
mod pushes;
mod releases;

const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const MERGE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const BEFORE: &str = "cccccccccccccccccccccccccccccccccccccccc";

fn repository() -> Value {
    json!({
        "name": "api", "full_name": "Acme/api", "html_url": "https://github.com/Acme/api",
        "default_branch": "main", "language": "Rust", "topics": ["team-payments", "web"],
        "custom_properties": {"team": "core", "tier": "1", "deploy_type": ["mutable", "x"], "language": null},
        "created_at": 1_557_933_591,
    })
}

fn issue() -> Value {
    json!({
        "action": "opened",
        "issue": {
            "number": 12, "title": "Slow", "html_url": "https://github.com/Acme/api/issues/12",
            "state": "open", "state_reason": null, "created_at": "2026-01-02T10:00:00Z",
            "updated_at": "2026-01-02T10:00:05Z", "closed_at": null, "labels": [{"name": "team:payments"}, {"name": "bug"}],
            "milestone": {"title": "v1"}, "type": {"name": "Bug"}, "user": {"login": "ann", "id": 1, "type": "User"},
        },
        "repository": repository(), "sender": {"login": "bob", "id": 2, "type": "User"},
    })
}

fn pull_request() -> Value {
    json!({
        "action": "opened",
        "pull_request": {
            "number": 7, "title": "Faster", "body": "Fixes #12, closes Acme/web#3", "state": "open", "draft": false,
            "html_url": "https://github.com/Acme/api/pull/7", "merged": false, "merged_at": null, "closed_at": null,
            "created_at": "2026-01-03T10:00:00Z", "updated_at": "2026-01-03T10:00:00Z", "merge_commit_sha": MERGE,
            "labels": [], "user": {"login": "ann", "id": 1, "type": "User"},
            "head": {"ref": "12-faster", "sha": HEAD, "repo": {"full_name": "Acme/api"}},
            "base": {"ref": "main", "sha": BEFORE},
            "additions": 10, "deletions": 2, "changed_files": 3, "commits": 1,
            "comments": 3, "review_comments": 4,
        },
        "repository": repository(), "sender": {"login": "bob", "id": 2, "type": "User"},
    })
}

fn workflow_run() -> Value {
    json!({
        "action": "completed",
        "workflow_run": {
            "id": 42, "run_attempt": 1, "name": "CI", "path": ".github/workflows/ci.yml@main", "event": "push",
            "display_title": "Faster", "head_branch": "12-faster", "head_sha": HEAD, "status": "completed",
            "html_url": "https://github.com/Acme/api/actions/runs/42", "conclusion": "success",
            "created_at": "2026-01-03T10:00:01Z", "run_started_at": "2026-01-03T10:00:02Z",
            "updated_at": "2026-01-03T10:05:00Z", "pull_requests": [], "head_repository": {"full_name": "Acme/api"},
        },
        "workflow": {"name": "CI"}, "repository": repository(),
    })
}

fn workflow_job() -> Value {
    json!({
        "action": "completed",
        "workflow_job": {
            "id": 99, "run_id": 42, "run_attempt": 2, "name": "Unit tests (3.12)", "workflow_name": "CI",
            "html_url": "https://github.com/Acme/api/actions/runs/42/job/99", "head_branch": "12-faster", "head_sha": HEAD,
            "conclusion": "failure", "created_at": "2026-01-03T10:00:02Z", "started_at": "2026-01-03T10:00:10Z",
            "completed_at": "2026-01-03T10:04:00Z", "labels": ["ubuntu-latest"], "runner_id": 5, "runner_name": "r5",
            "steps": [
                {"number": 1, "name": "Set up", "conclusion": "success", "started_at": "2026-01-03T10:00:10Z", "completed_at": "2026-01-03T10:00:11Z"},
                {"number": 2, "name": "Test", "conclusion": "brand_new", "started_at": "2026-01-03T10:00:11Z", "completed_at": "2026-01-03T10:04:00Z"},
                {"number": 3, "name": "Post", "conclusion": null, "started_at": null, "completed_at": null},
            ],
        },
        "repository": repository(),
    })
}

fn check_run() -> Value {
    json!({
        "action": "completed",
        "check_run": {
            "id": 5, "name": "ci/other", "html_url": "https://github.com/Acme/api/runs/5", "head_sha": HEAD,
            "status": "completed", "conclusion": "timed_out", "started_at": "2026-01-03T10:00:00Z",
            "completed_at": "2026-01-03T10:10:00Z", "pull_requests": [],
            "check_suite": {"head_branch": "12-faster"}, "app": {"slug": "other-ci", "name": "Other CI"},
        },
        "repository": repository(),
    })
}

fn deployment_status() -> Value {
    json!({
        "action": "created",
        "deployment_status": {"state": "success", "created_at": "2026-01-04T10:05:00Z", "environment": "production", "target_url": "", "log_url": "https://ci/log"},
        "deployment": {
            "id": 8, "sha": HEAD, "ref": "main", "environment": "staging", "production_environment": true,
            "payload": {"deploy_type": "mutable", "other": "x", "team": 5}, "created_at": "2026-01-04T10:00:00Z",
            "creator": {"login": "ann"},
        },
        "workflow_run": {"id": 42, "run_attempt": 3}, "repository": repository(),
    })
}

fn github(event: &str, body: &Value) -> Result<Parsed, crate::sources::ParseError> {
    Settings::default().github(event, body)
}

fn action(body: Value, action: &str) -> Value {
    with(body, "/action", json!(action))
}

#[test]
fn an_opened_issue_says_when_it_was_created_and_what_it_is() {
    let said = used(github("issues", &issue()));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/issue/12");
    let cycle = cycle(facts);
    assert_eq!(cycle.opened.unwrap().at, at("2026-01-02T10:00:00Z"));
    assert!(cycle.closed.is_empty());
    for (attr, value) in [
        (Attr::IssueNumber, "12"),
        (Attr::IssueTitle, "Slow"),
        (Attr::IssueUrl, "https://github.com/Acme/api/issues/12"),
        (Attr::IssueType, "Bug"),
        (Attr::IssueMilestone, "v1"),
        (Attr::RepositoryName, "api"),
        (Attr::OwnerName, "Acme"),
        (Attr::RepositoryUrl, "https://github.com/Acme/api"),
        (Attr::ProviderName, "github"),
        (Attr::UserName, "(none)"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    let marks = &facts.marks;
    assert_eq!(marks.language.as_ref().unwrap().value, "Rust");
    assert_eq!(marks.topics.as_ref().unwrap().value.len(), 2);
    assert_eq!(marks.labels.as_ref().unwrap().value.iter().collect::<Vec<_>>(), ["bug", "team:payments"]);
    let properties: Vec<_> = marks.properties.as_ref().unwrap().value.iter().collect();
    assert_eq!(
        properties.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        ["deploy_type=mutable", "team=core"]
    );
    assert_eq!(refs(&said), ["project:github/api > at:github.com/Acme/api"]);
    assert!(facts.happenings.is_empty() && said.flaws.is_empty());
}

#[test]
fn a_closed_issue_says_how_it_was_closed() {
    let closed = with(issue(), "/issue/closed_at", json!("2026-01-05T10:00:00Z"));
    let closed = action(with(closed, "/issue/state", json!("closed")), "closed");
    for (reason, outcome) in [
        (json!(null), Outcome::Completed),
        (json!("completed"), Outcome::Completed),
        (json!("not_planned"), Outcome::NotPlanned),
        (json!("duplicate"), Outcome::Duplicate),
        (json!("brand_new"), Outcome::Unknown),
    ] {
        let said = used(github("issues", &with(closed.clone(), "/issue/state_reason", reason.clone())));
        let close = cycle(one(&said).1).closed.get(&at("2026-01-05T10:00:00Z")).unwrap().clone();
        assert_eq!((close.value, close.stamp.trust), (outcome, Trust::Stated), "{reason}");
        assert_eq!(said.flaws.contains(&Flaw::UnknownOutcome), outcome == Outcome::Unknown);
    }
    let without_close = action(issue(), "closed");
    let said = used(github("issues", &without_close));
    assert!(cycle(one(&said).1).closed.get(&at("2026-01-02T10:00:05Z")).is_some(), "the time of the change");
}

#[test]
fn a_reopened_issue_still_says_when_it_was_closed_before() {
    let reopened = action(with(issue(), "/issue/closed_at", json!("2026-01-02T09:00:00Z")), "reopened");
    let said = used(github("issues", &reopened));
    let cycle = cycle(one(&said).1);
    let close = cycle.closed.get(&at("2026-01-02T09:00:00Z")).unwrap();
    assert_eq!((close.value, close.stamp.trust), (Outcome::Completed, Trust::Near));
    assert!(cycle.reopened.contains(&at("2026-01-02T10:00:05Z")));
    assert!(one(&said).1.happenings.iter().any(|happening| happening.what == What::Reopened));
}

#[test]
fn a_transferred_or_deleted_issue_is_withdrawn() {
    let moved = with(
        action(issue(), "transferred"),
        "/changes",
        json!({
            "new_issue": {"number": 3}, "new_repository": {"full_name": "Acme/web"},
        }),
    );
    let said = used(github("issues", &moved));
    let facts = one(&said).1;
    assert_eq!(cycle(facts).withdrawn.unwrap().at, at("2026-01-02T10:00:05Z"));
    let happening = facts.happenings.iter().next().unwrap();
    assert_eq!(happening.what, What::Transferred);
    assert_eq!(happening.detail.as_deref(), Some("github:github.com/Acme/web/issue/3"));
    let said = used(github("issues", &action(issue(), "deleted")));
    assert!(cycle(one(&said).1).withdrawn.is_some());
}

#[test]
fn what_happens_to_an_issue_is_told_without_people_unless_they_are_wanted() {
    let labeled = with(action(issue(), "labeled"), "/label", json!({"name": "bug"}));
    let expected = Happening {
        at: at("2026-01-02T10:00:05Z"),
        what: What::Labeled,
        detail: Some("bug".to_owned()),
        role: None,
        person: None,
    };
    let said = used(github("issues", &labeled));
    assert!(one(&said).1.happenings.contains(&expected));

    let people = Settings { people: true, ..Settings::default() };
    let said = used(people.github("issues", &labeled));
    assert!(one(&said).1.happenings.contains(&Happening { person: Some("bob".to_owned()), ..expected }));
    assert_eq!(text(one(&said).1, Attr::UserName), "ann");
    let assigned = with(action(issue(), "assigned"), "/assignee", json!({"login": "cat"}));
    let said = used(people.github("issues", &assigned));
    assert_eq!(one(&said).1.happenings.iter().next().unwrap().person.as_deref(), Some("cat"));

    for (what, name) in [
        (What::Edited, "edited"),
        (What::Unlabeled, "unlabeled"),
        (What::Unassigned, "unassigned"),
        (What::Milestoned, "milestoned"),
        (What::Demilestoned, "demilestoned"),
    ] {
        let said = used(github("issues", &action(issue(), name)));
        assert_eq!(one(&said).1.happenings.iter().next().unwrap().what, what);
    }
}

#[test]
fn a_milestone_that_is_taken_away_is_no_longer_said() {
    let gone = with(action(issue(), "demilestoned"), "/issue/milestone", json!(null));
    assert_eq!(text(one(&used(github("issues", &gone))).1, Attr::IssueMilestone), "");
}

#[test]
fn a_pull_request_says_what_it_closes_and_how_builds_find_it() {
    let said = used(github("pull_request", &pull_request()));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/pull_request/7");
    assert_eq!(
        targets(facts, Relation::Closes),
        ["=github:github.com/Acme/api/issue/12", "=github:github.com/Acme/web/issue/3"]
    );
    assert_eq!(targets(facts, Relation::BranchNumber), ["?github:github.com/Acme/api/issue/12"]);
    assert_eq!(
        refs(&said),
        [
            format!("sha:{HEAD} > {key}"),
            format!("branch:github.com/acme/api:12-faster > {key}"),
            "project:github/api > at:github.com/Acme/api".to_owned(),
        ],
        "not the trial merge"
    );
    for (attr, value) in [
        (Attr::ChangeId, "7"),
        (Attr::ChangeTitle, "Faster"),
        (Attr::ChangeDraft, "false"),
        (Attr::ChangeAdditions, "10"),
        (Attr::ChangeComments, "7"),
        (Attr::RefHeadName, "12-faster"),
        (Attr::RefBaseName, "main"),
        (Attr::ChangeMergeRevision, "(none)"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
}

#[test]
fn a_pull_request_to_another_branch_closes_nothing_and_says_so() {
    let said =
        used(github("pull_request", &with(pull_request(), "/pull_request/base/ref", json!("release"))));
    let facts = one(&said).1;
    assert!(facts.relations.contains_key(&Relation::Closes), "an empty list is said");
    assert!(targets(facts, Relation::Closes).is_empty());
}

/// The original ValueStream's way: the one token in whatever text stands around the work.
#[test]
fn tokens_of_the_original_are_read_wherever_they_can_stand() {
    let pulls = |pointer: &str, text: &str| ("pull_request", with(pull_request(), pointer, json!(text)));
    let token = "vstrace-github-issue-web-3";
    for (event, body) in [
        pulls("/pull_request/head/ref", token),
        pulls("/pull_request/head/ref", "feature/vstrace-github-issue-web-3-faster"),
        pulls("/pull_request/title", "Faster (vstrace-github-issue-web-3)"),
        pulls("/pull_request/body", "see VSTRACE-GitHub-Issue-Web-3."),
        ("workflow_run", with(workflow_run(), "/workflow_run/head_branch", json!(token))),
        ("workflow_run", with(workflow_run(), "/workflow_run/display_title", json!(token))),
        ("check_run", with(check_run(), "/check_run/check_suite/head_branch", json!(token))),
        ("deployment_status", with(deployment_status(), "/deployment/ref", json!(token))),
    ] {
        let said = used(github(event, &body));
        assert_eq!(targets(one(&said).1, Relation::Token), ["project:github/web issue 3"], "{event}");
    }
    let both = with(pull_request(), "/pull_request/head/ref", json!("vstrace-github-issue-api-12"));
    let both = with(
        both,
        "/pull_request/body",
        json!("of vstrace-jenkins-build-deploy:api-7 and vstrace-github-pr-web-3"),
    );
    let said = used(github("pull_request", &both));
    assert_eq!(
        targets(one(&said).1, Relation::Token),
        [
            "=github:github.com/Acme/api/issue/12",
            "project:jenkins/deploy:api build 7",
            "project:github/web pull_request 3",
        ],
        "one of this repository needs no looking up"
    );
}

#[test]
fn a_merged_pull_request_ends_when_it_was_merged() {
    let merged = action(pull_request(), "closed");
    let merged = with(merged, "/pull_request/merged_at", json!("2026-01-04T10:00:00Z"));
    let merged = with(merged, "/pull_request/closed_at", json!("2026-01-04T10:00:01Z"));
    let merged =
        with(with(merged, "/pull_request/merged", json!(true)), "/pull_request/state", json!("closed"));
    let said = used(github("pull_request", &merged));
    let (key, facts) = one(&said);
    let closed: Vec<_> = cycle(facts).closed.iter().map(|(at, outcome)| (*at, outcome.value)).collect();
    assert_eq!(closed, [(at("2026-01-04T10:00:00Z"), Outcome::Merged)]);
    assert_eq!(text(facts, Attr::ChangeMergeRevision), MERGE);
    assert!(refs(&said).contains(&format!("sha:{MERGE} > {key}")));
}

#[test]
fn a_closed_and_a_reopened_pull_request_say_when() {
    let closed = with(pull_request(), "/pull_request/closed_at", json!("2026-01-04T10:00:01Z"));
    let said = used(github("pull_request", &action(closed.clone(), "closed")));
    let close = cycle(one(&said).1).closed.get(&at("2026-01-04T10:00:01Z")).unwrap().clone();
    assert_eq!((close.value, close.stamp.trust), (Outcome::Closed, Trust::Stated));
    let said = used(github("pull_request", &action(closed, "reopened")));
    let facts = one(&said).1;
    assert!(cycle(facts).reopened.contains(&at("2026-01-03T10:00:00Z")));
    assert_eq!(cycle(facts).closed.iter().next().unwrap().1.stamp.trust, Trust::Near);
}

#[test]
fn a_push_to_a_pull_request_tells_its_commits() {
    let pushed = action(pull_request(), "synchronize");
    let pushed = with(with(pushed, "/before", json!(BEFORE)), "/after", json!(HEAD));
    let said = used(github("pull_request", &pushed));
    let (key, facts) = one(&said);
    assert!(refs(&said).contains(&format!("sha:{BEFORE} > {key}")));
    let of_head = refs(&said).into_iter().filter(|line| line.contains(&format!("sha:{HEAD}")));
    assert_eq!(of_head.count(), 1, "told once");
    assert!(refs(&said).contains(&format!("push:{HEAD} > push:{BEFORE}")), "as the push says it");
    let happening = facts.happenings.iter().next().unwrap();
    assert_eq!((happening.what, happening.detail.as_deref()), (What::Synchronize, Some(HEAD)));
}

#[test]
fn the_default_branch_belongs_to_no_pull_request_but_a_forks_does() {
    let main = with(pull_request(), "/pull_request/head/ref", json!("main"));
    let said = used(github("pull_request", &main));
    assert!(!refs(&said).iter().any(|line| line.starts_with("branch:")), "{:?}", refs(&said));
    let fork = with(main.clone(), "/pull_request/head/repo", json!({"full_name": "ann/API"}));
    let said = used(github("pull_request", &fork));
    assert!(refs(&said).iter().any(|line| line.starts_with("branch:github.com/ann/api:main >")));
    let deleted = with(pull_request(), "/pull_request/head/repo", json!(null));
    let said = used(github("pull_request", &deleted));
    assert!(!refs(&said).iter().any(|line| line.starts_with("branch:")));
}

#[test]
fn the_stages_of_a_pull_request_are_told() {
    for (name, what) in [
        ("ready_for_review", What::ReadyForReview),
        ("converted_to_draft", What::ConvertedToDraft),
        ("review_requested", What::ReviewRequested),
        ("review_request_removed", What::ReviewRequestRemoved),
        ("enqueued", What::Enqueued),
        ("dequeued", What::Dequeued),
        ("edited", What::Edited),
        ("labeled", What::Labeled),
    ] {
        let said =
            used(github("pull_request", &with(action(pull_request(), name), "/reason", json!("CI_FAILURE"))));
        let happening = one(&said).1.happenings.iter().next().unwrap().clone();
        assert_eq!(happening.what, what);
        assert_eq!(happening.detail.is_some(), what == What::Dequeued);
    }
}

#[test]
fn a_review_says_in_what_part_it_was_given() {
    let review = |id: u64, kind: &str| {
        let mut body = with(
            action(pull_request(), "submitted"),
            "/review",
            json!({
                "state": "APPROVED", "submitted_at": "2026-01-03T12:00:00Z",
                "user": {"login": "x", "id": id, "type": kind},
            }),
        );
        for gone in ["merged", "draft", "additions", "commits"] {
            body = without(body, &format!("/pull_request/{gone}"));
        }
        body
    };
    for (id, kind, role) in [(1, "User", Role::Author), (2, "User", Role::Other), (3, "Bot", Role::Bot)] {
        let said = used(github("pull_request_review", &review(id, kind)));
        let (key, facts) = one(&said);
        assert_eq!(key, "github:github.com/Acme/api/pull_request/7");
        let expected = Happening {
            at: at("2026-01-03T12:00:00Z"),
            what: What::Reviewed,
            detail: Some("approved".to_owned()),
            role: Some(role),
            person: None,
        };
        assert!(facts.happenings.contains(&expected), "{:?}", facts.happenings);
        assert_eq!(text(facts, Attr::ChangeDraft), "(none)", "what is not there is not said");
    }
    let said = used(github("pull_request_review", &action(review(2, "User"), "dismissed")));
    let dismissed = one(&said).1.happenings.iter().next().unwrap();
    assert_eq!((dismissed.what, dismissed.at), (What::ReviewDismissed, at("2026-01-03T10:00:00Z")));
    let ghost = with(review(2, "User"), "/review/user", json!(null));
    assert_eq!(
        one(&used(github("pull_request_review", &ghost))).1.happenings.iter().next().unwrap().role,
        None
    );
}

#[test]
fn a_completed_run_is_a_build() {
    let said = used(github("workflow_run", &workflow_run()));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/build/42.1");
    let run = run(facts);
    assert_eq!(run.queued.unwrap().at, at("2026-01-03T10:00:01Z"));
    assert_eq!(run.started.unwrap().at, at("2026-01-03T10:00:02Z"));
    assert_eq!(run.ended.unwrap().at, at("2026-01-03T10:05:00Z"));
    assert_eq!(run.outcome.as_ref().unwrap().value, Outcome::Success);
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{HEAD}")]);
    assert_eq!(targets(facts, Relation::Branch), ["branch:github.com/acme/api:12-faster"]);
    assert!(!facts.relations.contains_key(&Relation::PullRequest), "an empty list says nothing");
    for (attr, value) in [
        (Attr::PipelineName, "CI"),
        (Attr::PipelineRunId, "42"),
        (Attr::PipelineAction, "RUN"),
        (Attr::PipelineTrigger, "push"),
        (Attr::PipelineAttempt, "1"),
        (Attr::RefHeadName, "12-faster"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
}

#[test]
fn only_the_action_tells_that_a_run_ended() {
    let requested = action(workflow_run(), "requested");
    let said = used(github("workflow_run", &requested));
    assert_eq!((run(one(&said).1).ended, run(one(&said).1).outcome.is_none()), (None, true));
    let queued = with(workflow_run(), "/workflow_run/status", json!("queued"));
    let queued = with(queued, "/workflow_run/conclusion", json!(null));
    let said = used(github("workflow_run", &queued));
    assert!(run(one(&said).1).ended.is_some());
    assert_eq!(run(one(&said).1).outcome.as_ref().unwrap().value, Outcome::Unknown);
    assert_eq!(said.flaws, [Flaw::MissingOutcome]);
}

#[test]
fn every_conclusion_has_an_outcome() {
    for (conclusion, outcome) in [
        ("success", Outcome::Success),
        ("neutral", Outcome::Success),
        ("failure", Outcome::Failure),
        ("action_required", Outcome::Failure),
        ("stale", Outcome::Failure),
        ("cancelled", Outcome::Cancellation),
        ("skipped", Outcome::Skip),
        ("timed_out", Outcome::Timeout),
        ("startup_failure", Outcome::Error),
        ("brand_new", Outcome::Unknown),
    ] {
        let said = used(github(
            "workflow_run",
            &with(workflow_run(), "/workflow_run/conclusion", json!(conclusion)),
        ));
        assert_eq!(run(one(&said).1).outcome.as_ref().unwrap().value, outcome, "{conclusion}");
        assert_eq!(said.flaws.contains(&Flaw::UnknownOutcome), outcome == Outcome::Unknown);
    }
}

#[test]
fn a_later_attempt_is_a_build_of_its_own() {
    let again = with(workflow_run(), "/workflow_run/run_attempt", json!("2"));
    let said = used(github("workflow_run", &again));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/build/42.2");
    assert_eq!(targets(facts, Relation::Follows), ["=github:github.com/Acme/api/build/42.1"]);
    assert_eq!(run(facts).queued, None, "created_at is the first attempt's");
    let old = without(workflow_run(), "/workflow_run/run_attempt");
    assert_eq!(one(&used(github("workflow_run", &old))).0, "github:github.com/Acme/api/build/42.1");
}

#[test]
fn a_run_names_its_pull_requests_by_their_own_repository() {
    let named = json!([
        {"number": 7, "url": "https://api.github.com/repos/acme/API/pulls/7", "base": {"repo": {"name": "api"}}},
        {"number": 8, "url": "https://api.github.com/repos/up/stream/pulls/8", "base": {"repo": {"name": "stream"}}},
        {"number": 9, "url": "https://api.github.com/repos/up/stream/pulls/9", "base": {"repo": {"name": "other"}}},
        {"number": 10},
    ]);
    let said = used(github("workflow_run", &with(workflow_run(), "/workflow_run/pull_requests", named)));
    assert_eq!(
        targets(one(&said).1, Relation::PullRequest),
        [
            "=github:github.com/Acme/api/pull_request/7",
            "=github:github.com/up/stream/pull_request/8",
            "=github:github.com/Acme/api/pull_request/9",
            "=github:github.com/Acme/api/pull_request/10",
        ]
    );
}

#[test]
fn a_merge_queues_run_belongs_to_the_queued_pull_request() {
    let branch = format!("gh-readonly-queue/release/1.x/pr-104-{HEAD}");
    let said =
        used(github("workflow_run", &with(workflow_run(), "/workflow_run/head_branch", json!(branch))));
    assert_eq!(
        targets(one(&said).1, Relation::PullRequest),
        ["=github:github.com/Acme/api/pull_request/104"]
    );
}

#[test]
fn a_run_on_the_default_branch_or_of_a_deleted_fork_names_no_branch() {
    let main = with(workflow_run(), "/workflow_run/head_branch", json!("main"));
    let said = used(github("workflow_run", &main));
    assert!(targets(one(&said).1, Relation::Branch).is_empty());
    let fork = with(main, "/workflow_run/head_repository", json!({"full_name": "ann/api"}));
    let said = used(github("workflow_run", &fork));
    assert_eq!(targets(one(&said).1, Relation::Branch), ["branch:github.com/ann/api:main"]);
    let gone = with(workflow_run(), "/workflow_run/head_repository", json!(null));
    let said = used(github("workflow_run", &gone));
    assert!(targets(one(&said).1, Relation::Branch).is_empty());
}

#[test]
fn a_pipeline_without_a_name_is_named_by_its_file() {
    let unnamed = with(with(workflow_run(), "/workflow_run/name", json!("")), "/workflow", json!(null));
    assert_eq!(
        text(one(&used(github("workflow_run", &unnamed))).1, Attr::PipelineName),
        ".github/workflows/ci.yml"
    );
}

#[test]
fn a_completed_job_has_its_steps() {
    let said = used(github("workflow_job", &workflow_job()));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/job/99");
    assert_eq!(targets(facts, Relation::Run), ["=github:github.com/Acme/api/build/42.2"]);
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{HEAD}")]);
    assert_eq!(targets(facts, Relation::Branch), ["branch:github.com/acme/api:12-faster"]);
    let life = run(facts);
    assert_eq!(life.queued.unwrap().at, at("2026-01-03T10:00:02Z"));
    assert_eq!(life.started.unwrap().at, at("2026-01-03T10:00:10Z"));
    assert_eq!(life.ended.unwrap().at, at("2026-01-03T10:04:00Z"));
    let steps: Vec<_> = facts
        .steps
        .iter()
        .map(|(number, step)| {
            (
                *number,
                step.name.as_ref().unwrap().value.clone(),
                step.run.outcome.as_ref().map(|o| o.value),
                step.run.ended.is_some(),
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            (1, "Set up".to_owned(), Some(Outcome::Success), true),
            (2, "Test".to_owned(), Some(Outcome::Unknown), true),
            (3, "Post".to_owned(), None, false),
        ]
    );
    for (attr, value) in [
        (Attr::TaskName, "Unit tests (3.12)"),
        (Attr::TaskRunId, "99"),
        (Attr::TaskType, "test"),
        (Attr::PipelineName, "CI"),
        (Attr::WorkerId, "5"),
        (Attr::WorkerName, "r5"),
        (Attr::WorkerLabels, "ubuntu-latest"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
}

#[test]
fn a_job_that_waits_has_not_started() {
    for (name, started, ended) in
        [("queued", false, false), ("waiting", false, false), ("in_progress", true, false)]
    {
        let said = used(github("workflow_job", &action(workflow_job(), name)));
        let run = run(one(&said).1);
        assert_eq!((run.started.is_some(), run.ended.is_some()), (started, ended), "{name}");
        assert!(run.outcome.is_none());
    }
    let old = without(without(workflow_job(), "/workflow_job/run_attempt"), "/workflow_job/created_at");
    let said = used(github("workflow_job", &old));
    assert_eq!(targets(one(&said).1, Relation::Run), ["=github:github.com/Acme/api/build/42.1"]);
}

#[test]
fn a_check_of_another_ci_is_a_build_and_one_of_github_actions_is_not() {
    let said = used(github("check_run", &check_run()));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/build/check-5");
    assert_eq!(run(facts).outcome.as_ref().unwrap().value, Outcome::Timeout);
    assert_eq!(
        (text(facts, Attr::PipelineName), text(facts, Attr::PipelineTrigger)),
        ("ci/other".into(), "Other CI".into())
    );
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{HEAD}")]);

    let actions = with(check_run(), "/check_run/app/slug", json!("github-actions"));
    assert_eq!(ignored(github("check_run", &actions)), "check_run of GitHub Actions repeats workflow_job");
    let created = action(check_run(), "created");
    assert!(run(one(&used(github("check_run", &created))).1).ended.is_some(), "created when it was over");
    let queued =
        with(with(created, "/check_run/status", json!("queued")), "/check_run/completed_at", json!(null));
    let said = used(github("check_run", &queued));
    let life = run(one(&said).1);
    assert_eq!((life.queued.is_some(), life.started, life.ended), (true, None, None));
}

#[test]
fn the_status_of_a_deployment_ends_it() {
    let said = used(github("deployment_status", &deployment_status()));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/deploy/8");
    assert_eq!(cycle(facts).opened.unwrap().at, at("2026-01-04T10:00:00Z"));
    assert_eq!(cycle(facts).closed.get(&at("2026-01-04T10:05:00Z")).unwrap().value, Outcome::Success);
    assert_eq!(targets(facts, Relation::Run), ["=github:github.com/Acme/api/build/42.3"]);
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{HEAD}")]);
    let happening = facts.happenings.iter().next().unwrap();
    assert_eq!((happening.what, happening.detail.as_deref()), (What::DeploymentStatus, Some("success")));
    for (attr, value) in [
        (Attr::DeploymentId, "8"),
        (Attr::DeploymentName, "api"),
        (Attr::Environment, "production"),
        (Attr::ProductionEnvironment, "true"),
        (Attr::DeploymentUrl, "https://ci/log"),
        (Attr::RefHeadName, "main"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    let parameters = &facts.marks.parameters.as_ref().unwrap().value;
    assert_eq!(
        parameters.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        ["deploy_type=mutable"]
    );
}

#[test]
fn the_other_states_of_a_deployment_are_told_or_passed_over() {
    let state = |state: &str| with(deployment_status(), "/deployment_status/state", json!(state));
    for (name, outcome) in [("failure", Outcome::Failure), ("error", Outcome::Error)] {
        let said = used(github("deployment_status", &state(name)));
        assert_eq!(cycle(one(&said).1).closed.iter().next().unwrap().1.value, outcome);
    }
    for name in ["in_progress", "queued", "pending", "waiting"] {
        let said = used(github("deployment_status", &state(name)));
        assert!(cycle(one(&said).1).under_way.contains(&at("2026-01-04T10:05:00Z")), "{name}");
        assert!(cycle(one(&said).1).closed.is_empty());
    }
    for name in ["inactive", "brand_new"] {
        assert_eq!(
            ignored(github("deployment_status", &state(name))),
            format!("deployment state {name:?} is not used")
        );
    }
}

#[test]
fn a_deployment_keeps_its_flags_as_text_or_as_yes_and_no() {
    let kept = |payload: Value| {
        let said =
            used(github("deployment_status", &with(deployment_status(), "/deployment/payload", payload)));
        let parameters = one(&said).1.marks.parameters.as_ref().map(|latest| &latest.value).cloned();
        parameters.unwrap_or_default().iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>()
    };
    assert_eq!(
        kept(json!({"rollback": true, "Hotfix": "yes", "force": true})),
        ["hotfix=yes", "rollback=true"]
    );
    assert_eq!(kept(json!("{\"rollback\": false}")), ["rollback=false"]);
    assert_eq!(kept(json!({"rollback": 1, "hotfix": {}})), [] as [&str; 0]);
}

#[test]
fn a_deployment_may_say_its_payload_as_text_and_its_run_inside() {
    let body = without(without(deployment_status(), "/deployment_status"), "/workflow_run");
    let body = with(body, "/deployment/payload", json!("{\"team\":\"core\"}"));
    let body = without(with(body, "/deployment/workflow_run", json!({"id": 43})), "/action");
    let said = used(github("deployment", &body));
    let facts = one(&said).1;
    assert_eq!(facts.marks.parameters.as_ref().unwrap().value["team"], "core");
    assert_eq!(targets(facts, Relation::Run), ["=github:github.com/Acme/api/build/43.1"]);
    for odd in [json!("no json"), json!(5), json!([]), json!(null)] {
        let said = used(github("deployment", &with(body.clone(), "/deployment/payload", odd)));
        assert!(one(&said).1.marks.parameters.is_none());
    }
}

#[test]
fn what_is_not_used_is_ignored_with_the_reason() {
    assert_eq!(ignored(github("star", &json!({}))), "event \"star\" is not used");
    assert_eq!(ignored(github("ping", &json!({"zen": "x"}))), "ping");
    assert_eq!(
        ignored(github("issues", &action(issue(), "locked"))),
        "action \"locked\" of issues is not used"
    );
    let strange = json!({"action": "brand_new", "issue": [1, 2]});
    assert_eq!(ignored(github("issues", &strange)), "action \"brand_new\" of issues is not used");
}

#[test]
fn what_cannot_be_understood_is_told_by_its_field() {
    for (event, body, reason) in [
        ("issues", without(issue(), "/issue"), "issue: is missing"),
        ("issues", without(issue(), "/action"), "action: is missing"),
        ("issues", without(issue(), "/issue/number"), "issue.number: is missing"),
        ("issues", without(issue(), "/issue/created_at"), "issue.created_at: is missing"),
        ("issues", without(issue(), "/repository/full_name"), "repository.full_name: is missing"),
        ("issues", with(issue(), "/issue/number", json!("x1")), "issue.number: not an id"),
        (
            "issues",
            with(issue(), "/issue/title", json!(5)),
            "issue.title: invalid type: integer `5`, expected a text",
        ),
        (
            "issues",
            with(issue(), "/issue/labels", json!([{"name": {}}])),
            "issue.labels[0].name: invalid type: map",
        ),
        (
            "issues",
            with(issue(), "/issue/created_at", json!("1970-01-01T00:00:00Z")),
            "issue.created_at: is not a plausible time",
        ),
        ("issues", without(action(issue(), "reopened"), "/issue/updated_at"), "issue.updated_at: is missing"),
        (
            "issues",
            with(action(issue(), "closed"), "/issue/closed_at", json!("soon")),
            "issue.closed_at: is not a plausible time",
        ),
        (
            "workflow_run",
            without(workflow_run(), "/workflow_run/updated_at"),
            "workflow_run.updated_at: is missing",
        ),
        (
            "workflow_job",
            with(workflow_job(), "/workflow_job/completed_at", json!(null)),
            "workflow_job.completed_at: is missing",
        ),
        (
            "deployment_status",
            with(deployment_status(), "/deployment/created_at", json!("0001-01-01T00:00:00Z")),
            "deployment.created_at: is not a plausible time",
        ),
        ("pull_request", without(pull_request(), "/pull_request/head"), "pull_request.head: is missing"),
    ] {
        let said = wrong(github(event, &body));
        assert!(said.starts_with(reason), "{event}: {said} instead of {reason}");
    }
}

#[test]
fn an_optional_time_that_nobody_can_mean_is_passed_over_and_counted() {
    let odd = with(workflow_run(), "/workflow_run/created_at", json!("0001-01-01T00:00:00Z"));
    let said = used(github("workflow_run", &odd));
    assert_eq!(said.flaws, [Flaw::ImplausibleTime]);
    assert_eq!(run(one(&said).1).queued, None);
}

#[test]
fn null_and_absent_are_the_same_for_what_is_optional() {
    for pointer in [
        "/issue/title",
        "/issue/labels",
        "/issue/milestone",
        "/issue/user",
        "/issue/updated_at",
        "/repository/html_url",
        "/repository/topics",
        "/repository/custom_properties",
        "/repository/default_branch",
        "/sender",
    ] {
        let null = used(github("issues", &with(issue(), pointer, json!(null))));
        let absent = used(github("issues", &without(issue(), pointer)));
        assert_eq!(null, absent, "{pointer}");
    }
}

#[test]
fn an_enterprise_server_is_another_host() {
    let own = with(issue(), "/repository/html_url", json!("https://GHE.acme.org/Acme/api"));
    assert_eq!(one(&used(github("issues", &own))).0, "github:ghe.acme.org/Acme/api/issue/12");
}

#[test]
fn only_properties_that_can_be_tags_are_kept() {
    let tagger = Tagger::new(&["tier".to_owned()], &[]).unwrap();
    let settings = Settings { tagger, ..Settings::default() };
    let said = used(settings.github("issues", &issue()));
    assert!(one(&said).1.marks.properties.as_ref().unwrap().value.contains_key("tier"));
}

#[test]
fn a_form_is_the_same_delivery_as_its_payload() {
    let mut body = with(issue(), "/issue/title", json!("a+b & c=d é")).to_string();
    body.push(' ');
    let form: String = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &body).finish();
    let headers = headers(&[
        ("X-GitHub-Event", "issues"),
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
    ]);
    let settings = Settings::default();
    let said = used(settings.parse(Source::Github, &headers, form.as_bytes()).content);
    assert_eq!(text(one(&said).1, Attr::IssueTitle), "a+b & c=d é");
    assert!(wrong(settings.parse(Source::Github, &headers, b"x=1").content).contains("no field \"payload\""));
    let error = wrong(settings.parse(Source::Github, &headers, b"payload=%7B%ff").content);
    assert_eq!(error, "the body is not UTF-8 from byte 1");
}

#[test]
fn a_body_that_is_no_text_or_no_json_says_where() {
    let headers = headers(&[("X-GitHub-Event", "issues")]);
    let settings = Settings::default();
    let parse = |body: &[u8]| wrong(settings.parse(Source::Github, &headers, body).content);
    assert_eq!(parse(b"{\"a\": \"\xff\"}"), "the body is not UTF-8 from byte 7");
    assert!(parse(b"").starts_with("the body is not JSON: it is empty"));
    assert!(parse(b"{\"a\": 1,}").starts_with("the body is not JSON: trailing comma at line 1"));
    assert!(parse(b"[1]").contains("does not begin with {"));
}

#[test]
fn a_redelivery_is_the_same_and_a_nameless_delivery_is_its_body() {
    let settings = Settings::default();
    let id = |delivery: Option<&str>, body: &[u8]| {
        let pairs: Vec<_> = delivery.map(|id| ("X-GitHub-Delivery", id)).into_iter().collect();
        settings.parse(Source::Github, &headers(&pairs), body).id
    };
    assert_eq!(id(Some("a"), b"1"), id(Some("a"), b"2"));
    assert_ne!(id(Some("a"), b"1"), id(Some("b"), b"1"));
    assert_eq!(id(None, b"1"), id(None, b"1"));
    assert_ne!(id(None, b"1"), id(None, b"2"));
    assert_eq!(id(Some("a"), b""), DeliveryId::of(Source::Github, &["a"]));
}

#[test]
fn metrics_know_few_events() {
    let settings = Settings::default();
    let kind = |event: &str| {
        settings.parse(Source::Github, &headers(&[("X-GitHub-Event", event)]), b"{}").event_type
    };
    assert_eq!(kind("issues"), "issues");
    assert_eq!(kind("made-up-7"), "other");
    let nameless = settings.parse(Source::Github, &headers(&[]), b"{}");
    assert_eq!(nameless.event_type, "other");
    assert_eq!(wrong(nameless.content), "the header X-GitHub-Event is missing");
}
