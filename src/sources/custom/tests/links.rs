//! What an event says of other items, and what it goes with.

use super::*;

#[test]
fn a_deploy_says_what_goes_where() {
    let mut body = event("deploy", "end", 0);
    body.as_object_mut().unwrap().extend(
        json!({
            "name": "shop to production", "service": "shop", "environment": "production", "sha": SHA, "ref": "refs/heads/12-x",
            "repository": "git@github.com:acme/api.git", "url": "https://ci.example.org/7",
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    let deploy = facts(&body);
    for (attr, value) in [
        (Attr::DeploymentId, "7"),
        (Attr::DeploymentName, "shop"),
        (Attr::PipelineName, "shop to production"),
        (Attr::Environment, "production"),
        (Attr::ProductionEnvironment, "true"),
        (Attr::DeploymentUrl, "https://ci.example.org/7"),
        (Attr::RefHeadName, "12-x"),
        (Attr::RefHeadType, "branch"),
        (Attr::RefHeadRevision, SHA),
        (Attr::RepositoryUrl, "https://github.com/acme/api"),
        (Attr::RepositoryName, "api"),
        (Attr::OwnerName, "acme"),
        (Attr::ProviderName, "github"),
    ] {
        assert_eq!(text(&deploy, attr), value, "{}", attr.name());
    }
    assert_eq!(targets(&deploy, Relation::Commit), [format!("sha:{SHA}")]);
    assert_eq!(targets(&deploy, Relation::Branch), ["branch:github.com/acme/api:12-x"]);
    let short = with(body.clone(), "/repository", json!("acme/api"));
    assert_eq!(targets(&facts(&short), Relation::Branch), ["branch:github.com/acme/api:12-x"]);
    for branch in ["main", "origin/master", "HEAD", "refs/tags/v1"] {
        assert!(
            targets(&facts(&with(body.clone(), "/ref", json!(branch))), Relation::Branch).is_empty(),
            "{branch}"
        );
    }
    let odd =
        with(with(body, "/url", json!("javascript:x")), "/repository", json!("https://u:hunter2@h/a/b"));
    assert!(!format!("{:?}", parse(&odd)).contains("hunter2"));
    assert_eq!(text(&facts(&odd), Attr::DeploymentUrl), "(none)");
}

#[test]
fn a_pull_request_is_found_by_its_commit_and_branch() {
    let mut body = event("pr", "start", 0);
    body["commit"] = json!(SHA);
    body["branch"] = json!("feature/PROJ-3-x");
    body["repository"] = json!("https://git.acme.org/acme/api");
    body["title"] = json!("Fix");
    let said = used(parse(&body));
    let item = "custom:ci.example.org/acme/api/pull_request/7";
    assert_eq!(
        refs(&said),
        [
            format!("named:ci.example.org/acme/api:7 > {item}"),
            format!("sha:{SHA} > {item}"),
            format!("branch:git.acme.org/acme/api:feature/PROJ-3-x > {item}"),
            "project:custom/api > at:ci.example.org/acme/api".to_owned(),
        ]
    );
    assert_eq!(targets(one(&said).1, Relation::IssueKey), ["issue:PROJ-3"]);
    assert_eq!(text(one(&said).1, Attr::ChangeTitle), "Fix");
    let issue = used(parse(&with(event("issue", "start", 0), "/id", json!("proj-3"))));
    assert!(refs(&issue).contains(&"issue:PROJ-3 > custom:ci.example.org/acme/api/issue/proj-3".to_owned()));
}

#[test]
fn a_parent_is_named_in_many_ways() {
    let parent = |text: &str| {
        targets(&facts(&with(event("build", "start", 0), "/parent", json!(text))), Relation::Token)
    };
    let here = "custom:ci.example.org/acme/api";
    for (text, expected) in [
        ("github:github.com/acme/api/issue/12", vec!["=github:github.com/acme/api/issue/12".to_owned()]),
        ("issue/12", vec![format!("={here}/issue/12")]),
        ("PR/a/b", vec![format!("={here}/pull_request/a%2Fb")]),
        ("12", vec!["named:ci.example.org/acme/api:12".to_owned()]),
        ("training/12", vec!["named:ci.example.org/acme/api:training/12".to_owned()]),
        ("vstrace-github-issue-api-12", vec!["project:github/api issue 12".to_owned()]),
        ("vstrace-customhttp-issue-api-x-1", vec![format!("={here}/issue/x-1")]),
        ("VSTRACE-custom-pull-request-acme/api-x", vec![format!("={here}/pull_request/x")]),
        ("vstrace-customhttp-deployment-ci.example.org/acme/api-x", vec![format!("={here}/deploy/x")]),
        (
            "vstrace-customhttp-issue-my-web-a-1",
            vec![
                "project:custom/my-web-a issue 1".to_owned(),
                "project:custom/my-web issue a-1".to_owned(),
                "project:custom/my issue web-a-1".to_owned(),
            ],
        ),
        ("vstrace-customhttp-training-web-9", vec!["project:custom/web job training:9".to_owned()]),
        ("vstrace-customhttp-", vec![]),
        ("vstrace-customhttp-issue-", vec![]),
        ("vstrace-customhttp-issue-x", vec![]),
        ("vstrace-", vec![]),
        ("issue/", vec![]),
        (" ", vec![]),
    ] {
        assert_eq!(parent(text), expected, "{text}");
    }
    assert!(parent(&"x".repeat(5_000)).is_empty());
    assert_eq!(parent("7"), ["named:ci.example.org/acme/api:7"]);
}

#[test]
fn a_parent_named_once_stays_named_whatever_later_texts_say() {
    let start = with(event("build", "start", 0), "/parent", json!("issue/12"));
    let end = with(event("build", "end", 5), "/branch", json!("vstrace-github-issue-api-36"));
    assert_eq!(targets(&facts(&end), Relation::Token), ["project:github/api issue 36"]);
    assert_eq!(
        targets(&item(&[start, end]).facts, Relation::Token),
        ["=custom:ci.example.org/acme/api/issue/12"]
    );
}

#[test]
fn items_that_name_each_other_by_bare_ids_and_tokens_are_one_trace() {
    let issue = with(event("issue", "start", 0), "/id", json!("basket"));
    let build = with(with(event("build", "start", 1), "/id", json!("b1")), "/parent", json!("basket"));
    let job = with(event("training", "end", 2), "/parent", json!("vstrace-customhttp-build-other-ns-b1"));
    let build = with(build, "/namespace", json!("other-ns"));
    let issue = with(issue, "/namespace", json!("other-ns"));
    let mut world = World::default();
    let mut last = None;
    for body in [&issue, &build, &job] {
        let mut said = used(parse(body));
        for (reference, pointer) in said.refs {
            let known = world.refs.entry(reference).or_default();
            if !known.contains(&pointer) {
                known.push(pointer);
            }
        }
        let event = said.events.remove(0);
        last = Some(event.key.clone());
        world.items.insert(event.key.clone(), Item::new(event));
    }
    let job = world.items[&last.unwrap()].clone();
    let chain: Vec<_> =
        place(&job, &mut world).unwrap().ancestors.iter().map(|ancestor| ancestor.key.to_string()).collect();
    assert_eq!(chain, ["custom:local/other-ns/build/b1", "custom:local/other-ns/issue/basket"]);
}
