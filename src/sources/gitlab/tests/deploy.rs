//! Deployments and releases.

use super::*;
use crate::work::attr::Attr;
use crate::work::event::{Outcome, Relation};
use crate::work::item::Item;

fn told(status: &str, at: &str) -> crate::work::event::Event {
    let body = with(with(deployment(), "/status", json!(status)), "/status_changed_at", json!(at));
    used(gitlab("Deployment Hook", &body)).events.remove(0)
}

#[test]
fn a_deployment_says_what_went_where() {
    let said = used(gitlab("Deployment Hook", &deployment()));
    let (key, facts) = one(&said);
    assert_eq!(key, "gitlab:gitlab.example.com/acme/shop/api/deploy/15");
    for (attr, value) in [
        (Attr::DeploymentId, "15"),
        (Attr::DeploymentName, "api"),
        (Attr::Environment, "prod/eu"),
        (Attr::ProductionEnvironment, "true"),
        (Attr::DeploymentUrl, "https://gitlab.example.com/acme/shop/api/-/jobs/796"),
        (Attr::RefHeadName, "main"),
        (Attr::RefHeadRevision, MERGE),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{MERGE}")], "only the address has it whole");
    assert_eq!(targets(facts, Relation::Follows), ["=gitlab:gitlab.example.com/acme/shop/api/job/796"]);
    assert_eq!(happenings(facts), ["deployment_status success"]);
    let staging = with(deployment(), "/environment_tier", json!("staging"));
    let said = used(gitlab("Deployment Hook", &staging));
    assert_eq!(text(one(&said).1, Attr::ProductionEnvironment), "false");
}

#[test]
fn a_sha_that_is_not_whole_or_not_the_same_ties_nothing_together() {
    for url in [
        json!("https://gitlab.example.com/a/b/-/commit/bbbbbbbb"),
        json!(null),
        json!(format!("https://x/{HEAD}")),
    ] {
        let said = used(gitlab("Deployment Hook", &with(deployment(), "/commit_url", url)));
        assert!(targets(one(&said).1, Relation::Commit).is_empty());
        assert_eq!(text(one(&said).1, Attr::RefHeadRevision), "bbbbbbbb");
    }
}

#[test]
fn each_status_is_a_beginning_or_an_end() {
    for (status, outcome) in [
        ("success", Outcome::Success),
        ("failed", Outcome::Failure),
        ("canceled", Outcome::Cancellation),
        ("skipped", Outcome::Skip),
    ] {
        let episode = Item::new(told(status, "2026-01-04 10:05:00 UTC")).episodes()[0];
        assert_eq!((episode.end, episode.start_known), (Some((at("2026-01-04T10:05:00Z"), outcome)), false));
    }
    for status in ["created", "blocked", "running"] {
        assert!(Item::new(told(status, "2026-01-04 10:00:00 UTC")).is_open(), "{status}");
    }
}

#[test]
fn a_deployment_begins_when_it_was_created_else_when_it_ran() {
    let mut item = Item::new(told("success", "2026-01-04 12:05:00 +0200"));
    item.fold(told("running", "2026-01-04 10:01:00 UTC").facts);
    assert_eq!(item.episodes()[0].start, at("2026-01-04T10:01:00Z"));
    item.fold(told("blocked", "2026-01-04 10:00:30 UTC").facts);
    assert_eq!(item.episodes()[0].start, at("2026-01-04T10:00:30Z"));
    item.fold(told("created", "2026-01-04 10:00:40 UTC").facts);
    assert_eq!(item.episodes()[0].start, at("2026-01-04T10:00:40Z"), "it says so outright");
    assert_eq!(item.episodes().len(), 1);
    assert_eq!(item.episodes()[0].end, Some((at("2026-01-04T10:05:00Z"), Outcome::Success)));
}

#[test]
fn a_release_is_a_deploy_that_ends_as_it_begins() {
    let said = used(gitlab("Release Hook", &release()));
    let (key, facts) = one(&said);
    assert_eq!(key, "gitlab:gitlab.example.com/acme/shop/api/deploy/release-v1.0");
    let episode = Item::new(said.events[0].clone()).episodes()[0];
    assert_eq!(episode.start, at("2026-01-05T11:00:00Z"));
    assert_eq!(episode.end, Some((at("2026-01-05T11:00:00Z"), Outcome::Success)));
    assert_eq!(text(facts, Attr::ReleaseName), "v1.0");
    assert_eq!(text(facts, Attr::Environment), "release");
    assert_eq!(
        targets(facts, Relation::Commit),
        [format!("sha:{HEAD}"), "tag:gitlab.example.com/acme/shop/api:v1.0".to_owned()]
    );
    assert_eq!(
        refs(&said),
        [
            "tag:gitlab.example.com/acme/shop/api:v1.0 > gitlab:gitlab.example.com/acme/shop/api/deploy/release-v1.0".to_owned(),
            format!("tag:gitlab.example.com/acme/shop/api:v1.0 > sha:{HEAD}"),
            "project:gitlab/api > at:gitlab.example.com/acme/shop/api".to_owned(),
        ]
    );
}

#[test]
fn a_release_without_its_date_is_of_its_creation_and_odd_tags_are_kept_apart() {
    let body = with(release(), "/released_at", json!(null));
    let said = used(gitlab("Release Hook", &body));
    assert_eq!(cycle(one(&said).1).opened.unwrap().at, at("2026-01-05T10:00:00Z"));
    let nothing = without(without(release(), "/released_at"), "/created_at");
    assert_eq!(wrong(gitlab("Release Hook", &nothing)), "created_at: is missing");
    let slashed = used(gitlab("Release Hook", &with(release(), "/tag", json!("api/v1"))));
    assert_eq!(one(&slashed).0, "gitlab:gitlab.example.com/acme/shop/api/deploy/release-api%2Fv1");
    assert_eq!(wrong(gitlab("Release Hook", &with(release(), "/tag", json!("")))), "tag: is empty");
    assert_eq!(
        ignored(gitlab("Release Hook", &with(release(), "/action", json!("update")))),
        "\"update\" of releases is not used"
    );
}
