//! `release`, and what runs and deployments say of a tag.

use super::*;
use crate::work::item::Item;

pub(super) fn release(name: &str) -> Value {
    json!({
        "action": name,
        "release": {
            "id": 77, "tag_name": "v1.2", "target_commitish": HEAD, "draft": false, "prerelease": false,
            "html_url": "https://github.com/Acme/api/releases/tag/v1.2", "author": {"login": "ann"},
            "created_at": "2025-12-01T10:00:00Z", "published_at": "2026-01-05T10:00:00Z",
        },
        "repository": repository(),
    })
}

#[test]
fn a_published_release_is_a_deploy_that_is_over_at_once() {
    let mut told = Vec::new();
    for name in ["published", "released", "prereleased"] {
        let said = used(github("release", &release(name)));
        let (key, facts) = one(&said);
        assert_eq!(key, "github:github.com/Acme/api/deploy/release-77");
        let published = at("2026-01-05T10:00:00Z");
        assert_eq!(cycle(facts).opened.unwrap().at, published, "not the date of the tagged commit");
        let closed: Vec<_> = cycle(facts).closed.iter().map(|(at, outcome)| (*at, outcome.value)).collect();
        assert_eq!(closed, [(published, Outcome::Success)]);
        for (attr, value) in [
            (Attr::Environment, "release"),
            (Attr::ReleaseName, "v1.2"),
            (Attr::RefHeadName, "v1.2"),
            (Attr::RefHeadType, "tag"),
            (Attr::RefHeadRevision, HEAD),
            (Attr::DeploymentName, "api"),
            (Attr::DeploymentId, "77"),
            (Attr::DeploymentUrl, "https://github.com/Acme/api/releases/tag/v1.2"),
            (Attr::UserName, "(none)"),
        ] {
            assert_eq!(text(facts, attr), value, "{}", attr.name());
        }
        let tag = "tag:github.com/acme/api:v1.2";
        assert_eq!(targets(facts, Relation::Commit), [format!("sha:{HEAD}"), tag.to_owned()]);
        assert!(refs(&said).contains(&format!("{tag} > {key}")));
        told.push(said);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "one deploy, however it is told");
}

#[test]
fn a_release_of_a_branch_is_known_by_its_tag_alone() {
    let of_branch = with(release("published"), "/release/target_commitish", json!("main"));
    let said = used(github("release", &of_branch));
    assert_eq!(targets(one(&said).1, Relation::Commit), ["tag:github.com/acme/api:v1.2"]);
    assert_eq!(text(one(&said).1, Attr::RefHeadRevision), "(none)");
}

#[test]
fn a_deleted_or_unpublished_release_is_withdrawn() {
    for name in ["deleted", "unpublished"] {
        let said = used(github("release", &release(name)));
        assert_eq!(said.flaws, [Flaw::TimeOfReceipt], "it does not say when");
        let withdrawn = cycle(one(&said).1).withdrawn.unwrap();
        assert_eq!((withdrawn.at, withdrawn.trust), (received_at(), Trust::Receipt));
        let mut item = Item::new(said.events[0].clone());
        assert!(item.episodes().is_empty(), "nothing is left of a release that was never seen");
        item.fold(used(github("release", &release("published"))).events.remove(0).facts);
        assert_eq!(item.episodes().len(), 1, "what went out went out");
        let dated = with(release(name), "/release/updated_at", json!("2026-01-06T10:00:00Z"));
        let said = used(github("release", &dated));
        assert_eq!(cycle(one(&said).1).withdrawn.unwrap().at, at("2026-01-06T10:00:00Z"));
        assert!(said.flaws.is_empty());
    }
}

#[test]
fn drafts_and_changes_of_releases_are_passed_over() {
    for name in ["created", "edited", "brand_new"] {
        let reason = format!("action {name:?} of release is not used");
        assert_eq!(ignored(github("release", &release(name))), reason);
    }
    let draft = with(release("deleted"), "/release/published_at", json!(null));
    assert_eq!(ignored(github("release", &draft)), "deletion of a draft is not used");
    let timeless = with(release("published"), "/release/published_at", json!(null));
    assert_eq!(wrong(github("release", &timeless)), "release.published_at: is missing");
    let odd = with(release("published"), "/release/published_at", json!("1970-01-01T00:00:00Z"));
    assert!(wrong(github("release", &odd)).starts_with("release.published_at: is not a plausible time"));
    assert_eq!(
        wrong(github("release", &without(release("published"), "/release/id"))),
        "release.id: is missing"
    );
}

#[test]
fn what_was_built_from_or_deployed_by_a_tag_is_linked_to_the_release() {
    let tag = "tag:github.com/acme/api:v1.2";
    let run = with(workflow_run(), "/workflow_run/event", json!("release"));
    let run = with(run, "/workflow_run/head_branch", json!("v1.2"));
    let said = used(github("workflow_run", &run));
    assert_eq!(targets(one(&said).1, Relation::Release), [tag]);
    assert!(targets(one(&said).1, Relation::Branch).is_empty(), "it is no branch");
    let said = used(github("workflow_run", &workflow_run()));
    assert!(targets(one(&said).1, Relation::Release).is_empty());

    for (name, head, kind, release) in [
        (json!("refs/tags/v1.2"), "v1.2", "tag", vec![tag]),
        (json!("v1.2"), "v1.2", "(none)", vec![tag]),
        (json!("refs/heads/v1.2"), "v1.2", "branch", vec![]),
        (json!("main"), "main", "(none)", vec![]),
        (json!(HEAD), "(none)", "(none)", vec![]),
        (json!(null), "(none)", "(none)", vec![]),
    ] {
        let said =
            used(github("deployment_status", &with(deployment_status(), "/deployment/ref", name.clone())));
        let facts = one(&said).1;
        assert_eq!(targets(facts, Relation::Release), release, "{name}");
        assert_eq!(text(facts, Attr::RefHeadName), head, "{name}");
        assert_eq!(text(facts, Attr::RefHeadType), kind, "{name}");
    }
}
