//! Pull requests and reviews, as GitHub tells them.

use serde_json::{Value, json};

use super::Told;
use crate::simulate::scene::{MAIN, Part, Scene, stamp};
use crate::simulate::story::{PullAct, Verdict};
use crate::work::time::Time;

/// The side of a pull request: `head` or `base`.
fn side(scene: &Scene<'_>, name: &str, sha: String) -> Value {
    json!({
        "label": format!("{}:{name}", scene.owner()),
        "ref": name,
        "sha": sha,
        "repo": scene.repository(),
    })
}

pub fn pull_request(scene: &Scene<'_>, pull: usize, act: PullAct, at: Time) -> Told {
    let told = &scene.story.pulls[pull];
    let serial = scene.numbers.pull(pull);
    let number = serial.number;
    let head = match act {
        PullAct::Synchronize(head) => head,
        _ => told.head_at(at),
    };
    let head_commit = told.heads[head].1;
    let merged = act == PullAct::Merged;
    let closed = merged || act == PullAct::Closed;
    let when = |so: bool| if so { json!(stamp(at)) } else { Value::Null };
    let (action, sender) = match act {
        PullAct::Opened => ("opened", Part::Author),
        PullAct::ReadyForReview => ("ready_for_review", Part::Author),
        PullAct::ReviewRequested => ("review_requested", Part::Author),
        PullAct::Synchronize(_) => ("synchronize", Part::Author),
        PullAct::Reviewed(_) => ("submitted", Part::Reviewer),
        PullAct::Merged => ("closed", Part::Reviewer),
        PullAct::Closed => ("closed", Part::Author),
    };
    let html_url = format!("{}/pull/{number}", scene.html_url());
    let requested = at > told.ready.unwrap_or(told.opened);
    // Until it is merged, the sha is that of a test merge.
    let merge_sha = match told.merge {
        Some(merge) if merged => json!(scene.sha(merge)),
        _ if act == PullAct::Opened => Value::Null,
        _ => json!(scene.other_sha("test merge", head_commit)),
    };
    let mut request = json!({
        "url": format!("{}/pulls/{number}", scene.api_url()),
        "id": serial.id,
        "node_id": format!("PR_kwDO{:x}", serial.id),
        "html_url": html_url,
        "issue_url": format!("{}/issues/{number}", scene.api_url()),
        "number": number,
        "state": if closed { "closed" } else { "open" },
        "locked": false,
        "title": scene.pull_title(pull),
        "user": scene.user(Part::Author),
        "body": scene.pull_body(pull),
        "created_at": stamp(told.opened),
        "updated_at": stamp(at),
        "closed_at": when(closed),
        "merged_at": when(merged),
        "merge_commit_sha": merge_sha,
        "assignee": null,
        "assignees": [],
        "requested_reviewers": if requested { json!([scene.user(Part::Reviewer)]) } else { json!([]) },
        "requested_teams": [],
        "labels": [],
        "milestone": null,
        "draft": told.is_draft(at),
        "head": side(scene, &scene.branch(pull), scene.sha(head_commit)),
        "base": side(scene, MAIN, scene.base_sha()),
        "author_association": "MEMBER",
        "auto_merge": null,
        "active_lock_reason": null,
    });
    let item = scene.github_item("pull_request", number);
    if let PullAct::Reviewed(verdict) = act {
        let review = review(scene, verdict, (at, head_commit), &html_url, serial.id);
        let body = json!({ "action": action, "review": review, "pull_request": request });
        return (item, "pull_request_review", scene.user(sender), body);
    }
    request["merged"] = json!(merged);
    request["merged_by"] = if merged { scene.user(Part::Reviewer) } else { Value::Null };
    request["mergeable"] = Value::Null;
    request["comments"] = json!(0);
    request["commits"] = json!(head + 1);
    request["additions"] = json!(12 * (head + 1));
    request["deletions"] = json!(5 * (head + 1));
    request["changed_files"] = json!(1 + head);
    let mut body = json!({ "action": action, "number": number, "pull_request": request });
    match act {
        PullAct::Synchronize(head) if head > 0 => {
            body["before"] = json!(scene.sha(told.heads[head - 1].1));
            body["after"] = json!(scene.sha(head_commit));
        }
        PullAct::ReviewRequested => body["requested_reviewer"] = scene.user(Part::Reviewer),
        _ => {}
    }
    (item, "pull_request", scene.user(sender), body)
}

fn review(
    scene: &Scene<'_>,
    verdict: Verdict,
    (at, commit): (Time, u16),
    html_url: &str,
    pull: u64,
) -> Value {
    // A pull request is reviewed once a second at most.
    let id = pull + (at.micros() / 1_000_000).unsigned_abs();
    json!({
        "id": id,
        "node_id": format!("PRR_kwDO{id:x}"),
        "user": scene.user(Part::Reviewer),
        "body": null,
        "commit_id": scene.sha(commit),
        "submitted_at": stamp(at),
        "state": verdict.as_str(),
        "html_url": format!("{html_url}#pullrequestreview-{id}"),
        "author_association": "MEMBER",
    })
}
