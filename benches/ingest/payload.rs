//! Deliveries as GitHub and Jenkins send them: compact pull_request bodies of 24 KB, most of it
//! fields that nobody uses, opened and closed for one number after another; Jenkins' of 1 KB.

use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

pub const SECRET: &str = "a-secret-for-the-benchmark";

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    PullRequest,
    Jenkins,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::PullRequest => "github 24 KB",
            Kind::Jenkins => "jenkins 1 KB",
        }
    }
}

/// `count` whole HTTP requests, signed beforehand, from the delivery number `from` on.
pub fn requests(kind: Kind, count: usize, from: usize) -> Vec<Vec<u8>> {
    match kind {
        Kind::PullRequest => (from..from + count).map(github).collect(),
        Kind::Jenkins => (from..from + count).map(jenkins).collect(),
    }
}

/// The body of GitHub's delivery number `n`: even ones open a pull request, odd ones merge it.
pub fn pull_request(n: usize) -> String {
    static TEMPLATES: LazyLock<[String; 2]> = LazyLock::new(|| [template(false), template(true)]);
    let number = 1_000_000 + n / 2;
    TEMPLATES[n % 2]
        .replace(NUMBER, &number.to_string())
        .replace(SHA, &sha("head", number))
        .replace(MERGE, &sha("merge", number))
}

const NUMBER: &str = "4242424";
const SHA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const MERGE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn github(n: usize) -> Vec<u8> {
    let body = pull_request(n);
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&body);
    let signature = hex::encode(mac.finalize().into_bytes());
    let head = format!(
        "POST /github HTTP/1.1\r\nhost: localhost\r\nuser-agent: GitHub-Hookshot/044aadd\r\naccept: */*\r\n\
         content-type: application/json\r\nx-github-event: pull_request\r\nx-github-delivery: {}\r\n\
         x-github-hook-id: 292430182\r\nx-hub-signature-256: sha256={signature}\r\ncontent-length: {}\r\n\r\n",
        guid(n),
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// A GUID of version 1, as GitHub's deliveries have, a millisecond after the one before.
pub fn guid(n: usize) -> String {
    let time = 0x01ef_d5a7_3b1b_9f30_u64 + n as u64 * 10_000;
    format!(
        "{:08x}-{:04x}-1{:03x}-8a3b-0242ac110002",
        time as u32,
        (time >> 32) as u16,
        (time >> 48) as u16 & 0xfff
    )
}

fn jenkins(n: usize) -> Vec<u8> {
    let number = 1 + n / 2;
    let path = format!("job/acme/job/service-{}/job/main/{number}/", number % 50);
    let started = 1_790_000_000_000_i64 + number as i64 * 1_000;
    let mut build = json!({
        "full_url": format!("https://ci.example.org/{path}"), "number": number, "queue_id": number,
        "timestamp": started, "duration": 0, "phase": "STARTED", "url": path,
        "scm": {"url": "https://github.com/acme/service.git", "branch": "origin/main", "commit": sha("built", number),
                "changes": ["src/main/java/org/acme/checkout/Basket.java", "src/main/java/org/acme/checkout/Cache.java"], "culprits": ["ada", "grace"]},
        "parameters": {"environment": "staging", "team": "payments", "region": "eu-central-1", "tag": "2026.03.02-17"},
        "log": "", "notes": "", "artifacts": {"target/app.jar": {"archive": format!("https://ci.example.org/{path}artifact/target/app.jar")}},
        "test_summary": {"total": 812, "failed": 0, "passed": 810, "skipped": 2, "failed_tests": []},
    });
    if n % 2 == 1 {
        build["phase"] = json!("COMPLETED");
        build["timestamp"] = json!(started + 90_000);
        build["duration"] = json!(90_000);
        build["status"] = json!("SUCCESS");
    }
    let body = json!({"name": "main", "display_name": "main", "url": path, "build": build}).to_string();
    let head = format!(
        "POST /jenkins HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {SECRET}\r\n\
         content-type: application/json;charset=UTF-8\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// Forty hexadecimal digits that belong to `n` alone.
pub fn sha(what: &str, n: usize) -> String {
    use sha2::Digest;
    hex::encode(&Sha256::digest(format!("{what} {n}"))[..20])
}

/// A payload with places where the benchmark's numbers are patched in.
fn template(closed: bool) -> String {
    let user = |login: &str| {
        let mut user = json!({"login": login, "id": 21031067, "node_id": "MDQ6VXNlcjIxMDMxMDY3", "type": "User", "site_admin": false,
            "avatar_url": "https://avatars1.githubusercontent.com/u/21031067?v=4", "gravatar_id": ""});
        for name in [
            "followers",
            "following{/other_user}",
            "gists{/gist_id}",
            "starred{/owner}{/repo}",
            "subscriptions",
            "orgs",
            "repos",
            "events{/privacy}",
            "received_events",
        ] {
            user[format!("{}_url", name.split('{').next().unwrap())] =
                json!(format!("https://api.github.com/users/{login}/{name}"));
        }
        user
    };
    let repository = || {
        let mut repository = json!({"id": 186853002, "node_id": "MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=", "name": "api", "full_name": "acme/api",
            "private": false, "owner": user("acme"), "html_url": "https://github.com/acme/api", "description": null, "fork": false,
            "created_at": "2019-05-15T15:19:25Z", "updated_at": "2019-05-15T15:19:27Z", "pushed_at": "2019-05-15T15:20:32Z",
            "size": 0, "stargazers_count": 0, "language": "Python", "default_branch": "main", "topics": ["team-payments"],
            "custom_properties": {"deploy_type": "container"}, "open_issues": 2, "watchers": 0, "visibility": "public"});
        for name in [
            "forks",
            "keys{/key_id}",
            "collaborators{/collaborator}",
            "teams",
            "hooks",
            "issue_events{/number}",
            "events",
            "assignees{/user}",
            "branches{/branch}",
            "tags",
            "git_tags{/sha}",
            "git_refs{/sha}",
            "trees{/sha}",
            "statuses/{sha}",
            "languages",
            "stargazers",
            "contributors",
            "subscribers",
            "subscription",
            "commits{/sha}",
            "git_commits{/sha}",
            "comments{/number}",
            "issue_comment{/number}",
            "contents/{+path}",
            "compare/{base}...{head}",
            "merges",
            "{archive_format}{/ref}",
            "downloads",
            "issues{/number}",
            "pulls{/number}",
            "milestones{/number}",
            "notifications{?since,all,participating}",
            "labels{/name}",
            "releases{/id}",
            "deployments",
        ] {
            let key = name.split(['{', '/']).next().unwrap();
            repository[format!("{key}_url")] = json!(format!("https://api.github.com/repos/acme/api/{name}"));
        }
        repository
    };
    let number: u64 = NUMBER.parse().unwrap();
    let end = closed.then_some("2026-03-04T17:21:18Z");
    let mut pull: Value = json!({
        "id": 279147437, "node_id": "MDExOlB1bGxSZXF1ZXN0Mjc5MTQ3NDM3", "number": number, "state": if closed { "closed" } else { "open" },
        "locked": false, "title": "Update the README with new information", "user": user("ada"),
        "html_url": format!("https://github.com/acme/api/pull/{NUMBER}"),
        "body": "This is a pretty simple change that we need to pull into main.\n\nFixes #12. It caches the basket, so that the checkout does not ask for it again.",
        "created_at": "2026-03-02T15:20:33Z", "updated_at": end.unwrap_or("2026-03-02T15:20:33Z"), "closed_at": end, "merged_at": end,
        "merge_commit_sha": MERGE, "assignee": null, "assignees": [user("grace")], "requested_reviewers": [user("linus"), user("barbara")],
        "requested_teams": [], "labels": [{"id": 1, "name": "team:payments", "color": "d73a4a", "default": false, "url": "https://api.github.com/repos/acme/api/labels/x"}],
        "milestone": null, "head": {"label": "acme:12-basket", "ref": format!("12-basket-{NUMBER}"), "sha": SHA, "user": user("acme"), "repo": repository()},
        "base": {"label": "acme:main", "ref": "main", "sha": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "user": user("acme"), "repo": repository()},
        "author_association": "OWNER", "draft": false, "merged": closed, "mergeable": true, "rebaseable": true, "mergeable_state": "clean",
        "merged_by": closed.then(|| user("grace")), "comments": 0, "review_comments": 1, "maintainer_can_modify": false,
        "commits": 1, "additions": 1, "deletions": 1, "changed_files": 1,
    });
    for name in
        ["diff", "patch", "issue", "commits", "review_comments", "review_comment", "comments", "statuses"]
    {
        pull[format!("{name}_url")] =
            json!(format!("https://api.github.com/repos/acme/api/pulls/{NUMBER}/{name}"));
    }
    let mut payload = json!({"action": if closed { "closed" } else { "opened" }, "number": number, "pull_request": pull,
        "repository": repository(), "organization": user("acme"), "sender": user("ada")});
    // What is left to the size of a real one: more of what is never used.
    let padding = 24 * 1024 - payload.to_string().len().min(24 * 1024);
    payload["installation"] = json!({"id": 1, "node_id": "x".repeat(padding)});
    payload.to_string()
}
