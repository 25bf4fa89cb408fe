//! How builds and deploys say by checkout, job name and parameters what they belong to.

use super::*;
use crate::export::encode::encode;
use crate::work::span::{Placement, project};
use crate::work::tags::Tags;

const THIRD: &str = "cccccccccccccccccccccccccccccccccccccccc";

/// The message with another checkout.
fn scm(body: &Value, scm: Value) -> Value {
    with(body.clone(), "/build/scm", scm)
}

fn job(name: &str, checkout: Value) -> Value {
    let url = format!("https://ci.example.org/job/group/job/api/job/{name}/7/");
    scm(&with(notification("COMPLETED"), "/build/full_url", json!(url)), checkout)
}

fn deploy(values: Value) -> Value {
    let mut values = values;
    values["type"] = json!("deploy");
    parameters(values)
}

fn attr(body: &Value, attr: Attr) -> String {
    text(one(&used(jenkins(body))).1, attr)
}

#[test]
fn a_checkout_of_gitlab_is_gitlabs_with_groups_within_groups() {
    for (url, source, owner) in [
        ("https://gitlab.com/group/sub/api.git", "gitlab:gitlab.com/group/sub/api", "group/sub"),
        ("git@gitlab.acme.org:group/api.git", "gitlab:gitlab.acme.org/group/api", "group"),
        ("https://github.com/group/api.git", "github:github.com/group/api", "group"),
        ("https://git.acme.org/group/api.git", "github:git.acme.org/group/api", "group"),
    ] {
        for name in ["PR-12", "PR-12-merge", "PR-12-head"] {
            let body = job(name, json!({"url": url}));
            assert_eq!(
                related(&body, Relation::PullRequest),
                [format!("?{source}/pull_request/12")],
                "{url}"
            );
            assert_eq!(
                (attr(&body, Attr::OwnerName), attr(&body, Attr::RepositoryName)),
                (owner.into(), "api".into())
            );
        }
        let token = with(
            parameters(json!({})),
            "/build/scm",
            json!({"url": url, "branch": "vstrace-gitlab-issue-api-9"}),
        );
        let near = if source.starts_with("gitlab") {
            format!("={source}/issue/9")
        } else {
            "project:gitlab/api issue 9".into()
        };
        assert_eq!(related(&token, Relation::Token), [near]);
    }
    let deep = job("PR-12", json!({"url": "https://github.com/group/sub/api.git"}));
    assert!(related(&deep, Relation::PullRequest).is_empty(), "no repository of GitHub");
    let branch = json!({"url": "https://gitlab.com/Group/sub/api.git", "branch": "origin/12-fix"});
    assert_eq!(related(&job("main", branch), Relation::Branch), ["branch:gitlab.com/group/sub/api:12-fix"]);
}

#[test]
fn a_job_named_after_a_merge_request_hints_at_it() {
    for name in ["MR-12", "MR-12-merge", "MR-12-head"] {
        let known = job(name, json!({"url": "https://git.acme.org/group/sub/api.git"}));
        assert_eq!(
            related(&known, Relation::PullRequest),
            ["?gitlab:git.acme.org/group/sub/api/pull_request/12"]
        );
        assert_eq!(attr(&known, Attr::PipelineName), "group/api", "not a pipeline for each");
        let pipeline = job(name, json!({"changes": []}));
        assert_eq!(
            related(&pipeline, Relation::PullRequest),
            ["?gitlab:gitlab.com/group/api/pull_request/12"]
        );
        let named = with(pipeline, "/build/parameters", json!({"repository": "https://gitlab.com/a/b/c"}));
        assert_eq!(related(&named, Relation::PullRequest), ["?gitlab:gitlab.com/a/b/c/pull_request/12"]);
    }
}

#[test]
fn the_gitlab_plugin_names_its_merge_request() {
    let named = json!({
        "gitlabMergeRequestIid": "12", "gitlabSourceBranch": "vstrace-gitlab-issue-api-9", "gitlabTargetBranch": "main",
        "gitlabMergeRequestLastCommit": OTHER, "gitlabSourceRepoHomepage": "https://git.acme.org/ann/api",
        "gitlabTargetRepoHttpUrl": "https://git.acme.org/group/sub/api.git",
    });
    let body = parameters(named.clone());
    assert_eq!(related(&body, Relation::PullRequest), ["=gitlab:git.acme.org/group/sub/api/pull_request/12"]);
    assert_eq!(related(&body, Relation::Commit), [format!("sha:{OTHER}"), format!("sha:{SHA}")]);
    let branch = "branch:git.acme.org/ann/api:vstrace-gitlab-issue-api-9";
    assert_eq!(related(&body, Relation::Branch), [branch], "that of the fork");
    assert_eq!(attr(&body, Attr::RefHeadName), "vstrace-gitlab-issue-api-9");
    assert_eq!(
        (attr(&body, Attr::RefBaseName), attr(&body, Attr::RefHeadRevision)),
        ("main".into(), OTHER.into())
    );

    let own = json!({"url": "https://git.acme.org/group/sub/api.git", "branch": "origin/x"});
    let by_checkout = without(json!({"p": named}), "/p/gitlabTargetRepoHttpUrl")["p"].clone();
    let body = scm(&parameters(by_checkout.clone()), own);
    assert_eq!(related(&body, Relation::PullRequest), ["=gitlab:git.acme.org/group/sub/api/pull_request/12"]);
    assert_eq!(related(&body, Relation::Token), ["=gitlab:git.acme.org/group/sub/api/issue/9"]);
    assert_eq!(attr(&body, Attr::ProviderName), "gitlab");
    let body = scm(&parameters(by_checkout), json!({}));
    assert_eq!(
        related(&body, Relation::PullRequest),
        ["?gitlab:git.acme.org/ann/api/pull_request/12"],
        "a fork's"
    );
    let other = parameters(json!({"gitlab_token": "x", "gitlabConnection": "y"}));
    assert_eq!(attr(&other, Attr::ProviderName), "github");
}

#[test]
fn a_commit_parameter_comes_after_a_builds_checkout_and_before_a_deploys() {
    for name in ["GIT_COMMIT", "commit", "Sha", "git_sha", "REVISION"] {
        let build = parameters(json!({name: OTHER.to_uppercase()}));
        assert_eq!(
            related(&build, Relation::Commit),
            [format!("sha:{SHA}"), format!("sha:{OTHER}")],
            "{name}"
        );
        assert_eq!(attr(&build, Attr::RefHeadRevision), SHA);
        let deploy = deploy(json!({name: OTHER}));
        assert_eq!(
            related(&deploy, Relation::Commit),
            [format!("sha:{OTHER}"), format!("sha:{SHA}")],
            "{name}"
        );
        assert_eq!(attr(&deploy, Attr::RefHeadRevision), OTHER);
        for odd in ["abc1234", "4711", "main", "0000000000000000000000000000000000000000", ""] {
            let body = parameters(json!({name: odd}));
            assert_eq!(related(&body, Relation::Commit), [format!("sha:{SHA}")], "{odd}: no full sha");
        }
    }
    let twice = deploy(json!({"GIT_COMMIT": SHA, "revision": THIRD}));
    assert_eq!(
        related(&twice, Relation::Commit),
        [format!("sha:{SHA}"), format!("sha:{THIRD}")],
        "each once"
    );
    let asked = scm(&deploy(json!({"sha": OTHER})), json!({}));
    assert_eq!(related(&asked, Relation::Commit), [format!("sha:{OTHER}")]);
}

#[test]
fn what_a_parameter_names_is_believed_from_the_start() {
    let started = |values: Value, checkout: Value| {
        let body = scm(&with(notification("STARTED"), "/build/parameters", values), checkout);
        let facts = used(jenkins(&body)).events.remove(0).facts;
        (facts.relations[&Relation::Commit].stamp.trust, facts.attrs[&Attr::RefHeadRevision].stamp.trust)
    };
    assert_eq!(started(json!({"sha": OTHER}), json!({})), (Trust::Stated, Trust::Stated));
    assert_eq!(started(json!({"sha": OTHER}), json!({"commit": SHA})), (Trust::Near, Trust::Near));
    let deploy = json!({"sha": OTHER, "type": "deploy"});
    assert_eq!(started(deploy, json!({"commit": SHA})), (Trust::Near, Trust::Stated));
}

#[test]
fn a_repository_parameter_stands_in_for_a_checkout_that_says_nothing() {
    for (name, value, url) in [
        ("repository", "https://robot:hunter2@github.com/acme/web.git", "https://github.com/acme/web"),
        ("Repo", "git@gitlab.com:acme/sub/web.git", "https://gitlab.com/acme/sub/web"),
        ("GIT_URL", "ssh://git@ghe.acme.org/acme/web", "https://ghe.acme.org/acme/web"),
        ("repo", "acme/web", "https://github.com/acme/web"),
    ] {
        let body = scm(&parameters(json!({name: value, "branch": "origin/7-x"})), json!({}));
        assert_eq!(attr(&body, Attr::RepositoryUrl), url, "{value}");
        assert_eq!(attr(&body, Attr::RepositoryName), "web");
        assert_eq!(attr(&body, Attr::RefHeadName), "7-x");
        let path = url.strip_prefix("https://").unwrap();
        assert_eq!(related(&body, Relation::Branch), [format!("branch:{path}:7-x")]);
        assert!(!format!("{:?}", used(jenkins(&body))).contains("hunter2"));
    }
    let known = parameters(json!({"repository": "acme/web"}));
    assert_eq!(attr(&known, Attr::RepositoryUrl), "https://github.com/org/api", "the checkout says more");
    let beside = scm(
        &deploy(json!({"repo": "acme/web", "tag": "v1"})),
        json!({"url": "https://ghe.acme.org/ops/scripts"}),
    );
    assert_eq!(
        related(&beside, Relation::Release),
        ["tag:ghe.acme.org/acme/web:v1"],
        "on the host of the checkout"
    );
    for odd in ["web", "acme/", "/", "a b/c", "acme/web?x=1", "../../etc"] {
        let body = scm(&parameters(json!({"repo": odd})), json!({}));
        assert_eq!(attr(&body, Attr::RepositoryUrl), "(none)", "{odd}");
    }
}

#[test]
fn a_branch_parameter_is_the_branch_where_the_checkout_has_none_and_of_any_deploy() {
    for name in ["branch", "BRANCH", "GIT_BRANCH"] {
        let none = json!({"url": "https://github.com/org/api"});
        let build = scm(&parameters(json!({name: "refs/heads/7-x"})), none);
        assert_eq!(related(&build, Relation::Branch), ["branch:github.com/org/api:7-x"], "{name}");
        let build = parameters(json!({name: "7-x"}));
        assert_eq!(related(&build, Relation::Branch), ["branch:github.com/org/api:12-fix"]);
        assert_eq!(attr(&build, Attr::RefHeadName), "12-fix");
        let asked = deploy(json!({name: "7-x"}));
        assert_eq!(related(&asked, Relation::Branch), ["branch:github.com/org/api:7-x"]);
        assert_eq!(attr(&asked, Attr::RefHeadName), "7-x");
        let main = scm(&deploy(json!({name: "main"})), json!({"url": "https://github.com/org/api"}));
        assert!(related(&main, Relation::Branch).is_empty());
    }
    let keys = deploy(json!({"branch": "proj-7-x"}));
    assert_eq!(related(&keys, Relation::IssueKey), ["issue:PROJ-7"]);
}

#[test]
fn a_version_or_tag_is_the_release_where_the_repository_is_known() {
    for (name, value) in [("version", "v1.2"), ("TAG", "v1.2"), ("tag", "refs/tags/v1.2")] {
        let body = deploy(json!({name: value}));
        assert_eq!(attr(&body, Attr::ReleaseName), "v1.2");
        assert_eq!(related(&body, Relation::Release), ["tag:github.com/org/api:v1.2"]);
        let nowhere = scm(&body, json!({}));
        assert_eq!(attr(&nowhere, Attr::ReleaseName), "v1.2");
        assert!(related(&nowhere, Relation::Release).is_empty());
    }
    let both = deploy(json!({"version": "1.2.0", "tag": "v1.2"}));
    assert_eq!(attr(&both, Attr::ReleaseName), "v1.2");
    assert_eq!(attr(&parameters(json!({"version": ""})), Attr::ReleaseName), "(none)");
}

#[test]
fn a_build_that_was_started_by_another_names_it_by_key_or_token() {
    let key = "jenkins:ci.example.org/org/api/build/7";
    for name in ["upstream_build", "UPSTREAM_BUILD", "vstrace-trace-id"] {
        assert_eq!(related(&deploy(json!({name: key})), Relation::Token), [format!("={key}")], "{name}");
        let token = deploy(json!({name: "vstrace-jenkins-build-my-job-7"}));
        assert_eq!(related(&token, Relation::Token), ["project:jenkins/my-job build 7"]);
        assert!(related(&deploy(json!({name: "my-job #7"})), Relation::Token).is_empty());
    }
}

#[test]
fn every_message_tells_where_its_job_is_so_that_tokens_find_it() {
    let place = "at:ci.example.org/org/api";
    for body in
        [notification("QUEUED"), notification("COMPLETED"), statistics("INPROGRESS"), statistics("SUCCESS")]
    {
        assert_eq!(refs(&used(jenkins(&body))), [format!("project:jenkins/api > {place}")]);
    }
    for name in ["deploy:Api", "deploy: api"] {
        let body = with(notification("STARTED"), "/display_name", json!(name));
        let expected = ["api", "deploy:api"].map(|name| format!("project:jenkins/{name} > {place}"));
        assert_eq!(refs(&used(jenkins(&body))), expected);
    }
}

/// The original ValueStream's way: the one token in whatever a build has of branch, job and parameter.
#[test]
fn tokens_of_the_original_are_read_wherever_a_build_can_have_them() {
    let issue = "project:github/web issue 36";
    for body in [
        parameters(json!({"vstrace-trace-id": "vstrace-github-issue-web-36"})),
        with(notification("COMPLETED"), "/build/scm/branch", json!("origin/vstrace-github-issue-web-36")),
        parameters(json!({"branch": "feature/vstrace-github-issue-web-36"})),
        parameters(json!({"ghprbSourceBranch": "vstrace-github-issue-web-36-faster"})),
        job("vstrace-github-issue-web-36", json!({})),
        with(
            statistics("SUCCESS"),
            "/parameters",
            json!({"vstrace-trace-id": "vstrace-github-issue-web-36"}),
        ),
        with(statistics("SUCCESS"), "/scmInfo/branch", json!("origin/vstrace-github-issue-web-36")),
    ] {
        assert_eq!(related(&body, Relation::Token), [issue], "{body}");
    }
    let near = with(notification("COMPLETED"), "/build/scm/branch", json!("vstrace-github-issue-api-36"));
    assert_eq!(related(&near, Relation::Token), ["=github:github.com/org/api/issue/36"]);
}

#[test]
fn the_messages_of_a_deploy_with_parameters_make_one_deploy_in_any_order() {
    let values = json!({"type": "deploy", "sha": OTHER, "tag": "v1", "repo": "acme/web", "env": "prod"});
    let stale = json!({"url": "https://github.com/ops/scripts", "branch": "origin/old", "commit": THIRD});
    let message = |phase: &str| with(notification(phase), "/build/parameters", values.clone());
    let mut messages = [
        message("QUEUED"),
        scm(&message("STARTED"), stale),
        message("COMPLETED"),
        message("FINALIZED"),
        with(statistics("SUCCESS"), "/parameters", values.clone()),
    ];
    let fold = |messages: &[Value]| {
        let mut events = messages.iter().map(|body| used(jenkins(body)).events.remove(0));
        let mut item = Item::new(events.next().unwrap());
        events.for_each(|event| item.fold(event.facts));
        let episode = item.episodes()[0];
        let spans = project(&item, &episode, &Placement::alone(&item.key), &Tags::new());
        (item, encode(&spans))
    };
    let expected = fold(&messages);
    for turn in 0..messages.len() {
        messages.rotate_left(1);
        assert_eq!(fold(&messages), expected, "turned by {turn}");
        let doubled: Vec<Value> = messages.iter().chain(messages.iter().rev()).cloned().collect();
        assert_eq!(fold(&doubled), expected);
    }
    messages.reverse();
    assert_eq!(fold(&messages), expected);
    let facts = &expected.0.facts;
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{OTHER}"), format!("sha:{SHA}")]);
    assert_eq!(text(facts, Attr::RefHeadRevision), OTHER);
    assert_eq!(targets(facts, Relation::Release), ["tag:github.com/acme/web:v1"]);
}
