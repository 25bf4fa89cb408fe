//! What ties issues to others outside their own timelines: parts, dependencies, and the commits of the default
//! branch that close them.

use serde_json::{Value, json};

use super::{name, payload, text, trimmed};
use crate::import::{Group, Payload};
use crate::work::mention;

/// Which issue an issue is a part of, which are parts of it, and which it waits for.
pub(in crate::import::github) fn issue_links(
    repository: &Value,
    issue: &Value,
    parts: &[Value],
    blockers: &[Value],
) -> Group {
    let own = (name(repository), &issue["number"]);
    let mut group = Group::new();
    if let Some((project, number)) = text(issue, "parent_issue_url").and_then(issue_of) {
        let parent = json!({ "number": number });
        group.extend(part_of(repository, issue, own.0, (project, &parent)));
    }
    for part in parts {
        let parent = json!({ "number": own.1, "updated_at": issue.get("updated_at") });
        let Some(project) = project_of(part) else { continue };
        group.extend(part_of(repository, part, project, (own.0, &parent)));
    }
    for blocker in blockers {
        let Some(project) = project_of(blocker) else { continue };
        let body = json!({
            "action": "blocked_by_added",
            "blocked_issue": trimmed(issue),
            "blocking_issue": { "number": blocker.get("number") },
            "blocking_issue_repo": { "full_name": project },
            "repository": repository,
        });
        let identity = format!("{}/{}/{project}/{}", own.0, own.1, blocker["number"]);
        group.extend(payload("issue_dependencies", &identity, &body));
    }
    group
}

/// That an issue of `project` is a part of another one. Either end tells of it.
fn part_of(repository: &Value, part: &Value, project: &str, parent: (&str, &Value)) -> Option<Payload> {
    let (parent_project, parent) = parent;
    let mut body = json!({
        "action": "parent_issue_added",
        "sub_issue": trimmed(part),
        "parent_issue": parent,
        "parent_issue_repo": { "full_name": parent_project },
        "repository": repository,
    });
    if !project.eq_ignore_ascii_case(name(repository)) {
        // Its address tells the host as well, if there is no more.
        let address = || text(part, "html_url")?.split_once("/issues/").map(|(address, _)| address);
        let told = part.get("repository").map(trimmed).filter(|told| text(told, "full_name").is_some());
        body["sub_issue_repo"] =
            told.unwrap_or_else(|| json!({ "full_name": project, "html_url": address() }));
    }
    let (number, updated) = (&part["number"], text(part, "updated_at").unwrap_or_default());
    let identity = format!("{project}/{number}/{parent_project}/{}/{updated}", parent["number"]);
    payload("sub_issues", &identity, &body)
}

/// Where an issue is that stands in a list of those of several repositories.
fn project_of(issue: &Value) -> Option<&str> {
    let told = issue.get("repository").and_then(|repository| text(repository, "full_name"));
    told.or_else(|| text(issue, "repository_url")?.split_once("/repos/").map(|(_, project)| project))
}

/// The issue in an address of the API, `https://api.github.com/repos/acme/api/issues/12`.
fn issue_of(address: &str) -> Option<(&str, u64)> {
    let (_, path) = address.split_once("/repos/")?;
    let (project, number) = path.split_once("/issues/")?;
    Some((project, number.parse().ok()?))
}

/// A commit of the default branch as far as it is needed, if its message closes an issue.
pub(in crate::import::github) fn closing_commit(host: &str, project: &str, commit: &Value) -> Option<Value> {
    let (sha, said) = (text(commit, "sha")?, commit.get("commit")?);
    let message = text(said, "message")?;
    if mention::closing(message, host, project).is_empty() {
        return None;
    }
    let date = said.get("committer").and_then(|committer| committer.get("date"));
    Some(json!({ "sha": sha, "commit": { "message": message, "committer": { "date": date } } }))
}

/// A commit of the default branch as a push of it. With which others it was pushed is not known.
pub(in crate::import::github) fn commit(repository: &Value, commit: &Value) -> Group {
    let branch = text(repository, "default_branch").unwrap_or_default();
    let body = json!({
        "ref": format!("refs/heads/{branch}"),
        "commits": [{ "id": commit.get("sha"), "message": commit.pointer("/commit/message") }],
        "repository": repository,
    });
    let identity = format!("{}/{branch}/{}", name(repository), commit["sha"]);
    payload("push", &identity, &body).into_iter().collect()
}
