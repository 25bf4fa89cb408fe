//! `push` and `merge_group`: what the index of references learns.

use super::*;
use crate::work::convention::{Conventions, LinkRule, Place};

const ZEROS: &str = "0000000000000000000000000000000000000000";

/// A push to a branch: one commit of its own, and one that another branch had before.
fn push() -> Value {
    json!({
        "ref": "refs/heads/12-faster", "before": BEFORE, "after": HEAD, "deleted": false, "head_commit": {"id": HEAD},
        "commits": [
            {"id": HEAD, "message": "fixes #12", "distinct": true, "timestamp": "2026-01-03T11:00:00+02:00"},
            {"id": MERGE, "message": "OLD-1", "distinct": false, "timestamp": "2025-01-01T00:00:00Z"},
        ],
        "repository": repository(),
    })
}

fn pushed(body: &Value) -> Vec<String> {
    let said = used(github("push", body));
    assert!(said.events.is_empty(), "a push is no work by itself");
    refs(&said)
}

fn moment(text: &str) -> String {
    format!("t:{}", at(text).micros())
}

#[test]
fn a_push_tells_which_branch_its_own_commits_are_on_and_when_they_began() {
    let began = format!("push:{HEAD} > {}", moment("2026-01-03T09:00:00Z"));
    let follows = format!("push:{HEAD} > push:{BEFORE}");
    let on_branch = format!("sha:{HEAD} > branch:github.com/acme/api:12-faster");
    assert_eq!(pushed(&push()), [on_branch.clone(), follows.clone(), began.clone()]);
    let main = with(push(), "/ref", json!("refs/heads/main"));
    let closes = format!("sha:{HEAD} > github:github.com/Acme/api/issue/12");
    assert_eq!(pushed(&main), [closes, follows, began.clone()], "the default branch too");
    let first = with(push(), "/before", json!(ZEROS));
    assert_eq!(pushed(&first), [on_branch, began], "nothing was before");
}

#[test]
fn the_earliest_of_a_pushs_own_commits_counts_whatever_their_order() {
    let commits = json!([
        {"id": HEAD, "message": "a", "timestamp": "2026-01-03T10:00:00Z"},
        {"id": BEFORE, "message": "b", "distinct": true, "timestamp": "2026-01-02T10:00:00Z"},
        {"id": MERGE, "message": "c", "timestamp": "2026-01-04T10:00:00Z"},
        {"id": MERGE, "message": "d", "timestamp": "1970-01-01T00:00:00Z"},
    ]);
    let said = used(github("push", &with(push(), "/commits", commits)));
    let began: Vec<_> = refs(&said).into_iter().filter(|line| line.contains("> t:")).collect();
    assert_eq!(began, [format!("push:{HEAD} > {}", moment("2026-01-02T10:00:00Z"))]);
    assert_eq!(said.flaws, [Flaw::ImplausibleTime]);
}

#[test]
fn issue_keys_and_rules_are_read_in_the_messages_of_a_pushs_own_commits() {
    let rule = LinkRule {
        place: Place::Commit,
        parameter: None,
        source: None,
        pattern: "ticket ([0-9]+)".to_owned(),
        key: "custom:desk/tickets/issue/$1".to_owned(),
        hint: false,
    };
    let settings = Settings { conventions: Conventions::new(&[rule]).unwrap(), ..Settings::default() };
    let commits = json!([
        {"id": HEAD, "message": "proj-7: faster\n\nticket 5, PROJ-7 and OPS-1", "distinct": true},
        {"id": MERGE, "message": "OLD-1 ticket 6", "distinct": false},
    ]);
    for branch in ["refs/heads/12-faster", "refs/heads/main"] {
        let body = with(with(push(), "/commits", commits.clone()), "/ref", json!(branch));
        let of_push: Vec<_> = refs(&used(settings.github("push", &body)))
            .into_iter()
            .filter_map(|line| Some(line.strip_prefix(&format!("push:{HEAD} > "))?.to_owned()))
            .collect();
        let before = format!("push:{BEFORE}");
        assert_eq!(of_push, [&before, "custom:desk/tickets/issue/5", "issue:PROJ-7", "issue:OPS-1"]);
    }
}

#[test]
fn a_pushed_tag_points_at_its_commit() {
    let tag = with(with(push(), "/ref", json!("refs/tags/v1")), "/commits", json!([]));
    let annotated = with(tag.clone(), "/after", json!(MERGE));
    let expected = [format!("tag:github.com/acme/api:v1 > sha:{HEAD}")];
    assert_eq!(pushed(&annotated), expected, "not at the tag's own object");
    assert_eq!(pushed(&with(tag, "/head_commit", json!(null))), expected);
}

#[test]
fn a_push_that_says_nothing_is_ignored() {
    let deleted = with(with(push(), "/deleted", json!(true)), "/head_commit", json!(null));
    assert_eq!(ignored(github("push", &deleted)), "deletion of a branch or tag is not used");
    let gone = with(deleted, "/ref", json!("refs/tags/v1"));
    assert_eq!(ignored(github("push", &gone)), "deletion of a branch or tag is not used");
    let branched = with(with(push(), "/before", json!(ZEROS)), "/commits", json!([]));
    assert_eq!(ignored(github("push", &branched)), "push without commits that are used");
    let notes = with(push(), "/ref", json!("refs/notes/commits"));
    assert_eq!(ignored(github("push", &notes)), "push of what is neither a branch nor a tag is not used");
    assert_eq!(wrong(github("push", &without(push(), "/ref"))), "ref: is missing");
}

#[test]
fn a_push_without_end_has_a_bound() {
    let commit = |n: u32| {
        let message: String =
            (0..8).map(|key| format!("P{n}-{} closes #{} ", key + 1, n * 8 + key + 1)).collect();
        json!({"id": format!("{n:040x}"), "message": message, "timestamp": "2026-01-03T10:00:00Z"})
    };
    let commits: Vec<Value> = (1..=300).map(commit).collect();
    for branch in ["refs/heads/12-faster", "refs/heads/main"] {
        let body = with(with(push(), "/commits", json!(commits)), "/ref", json!(branch));
        let said = pushed(&body);
        assert!(said.len() <= 514, "{}", said.len());
        assert!(said.contains(&format!("push:{HEAD} > push:{BEFORE}")));
    }
}

#[test]
fn builds_of_a_merge_queues_commit_find_the_pull_request() {
    let body = json!({
        "action": "checks_requested",
        "merge_group": {
            "head_sha": MERGE, "head_ref": format!("refs/heads/gh-readonly-queue/release/1.x/pr-104-{HEAD}"),
            "base_ref": "refs/heads/release/1.x", "base_sha": BEFORE,
        },
        "repository": repository(),
    });
    let said = used(github("merge_group", &body));
    assert!(said.events.is_empty());
    assert_eq!(refs(&said), [format!("sha:{MERGE} > github:github.com/Acme/api/pull_request/104")]);
    let run = with(workflow_run(), "/workflow_run/head_sha", json!(MERGE));
    assert_eq!(
        targets(one(&used(github("workflow_run", &run))).1, Relation::Commit),
        [format!("sha:{MERGE}")]
    );

    let destroyed = with(action(body.clone(), "destroyed"), "/reason", json!("dequeued"));
    assert_eq!(ignored(github("merge_group", &destroyed)), "action \"destroyed\" of merge_group is not used");
    let other = with(body.clone(), "/merge_group/head_ref", json!("refs/heads/main"));
    assert!(ignored(github("merge_group", &other)).contains("names no pull request"));
    let missing = without(body.clone(), "/merge_group/head_sha");
    assert_eq!(wrong(github("merge_group", &missing)), "merge_group.head_sha: is missing");
    let short = with(body, "/merge_group/head_sha", json!("abc1234"));
    assert_eq!(wrong(github("merge_group", &short)), "merge_group.head_sha: is not a full sha");
}
